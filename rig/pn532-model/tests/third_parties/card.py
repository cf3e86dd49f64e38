"""A card that nfcpy plays on a PN532 in raw mode: `card.py PORT`.

nfcpy does the chip's protocol; the block protocol of ISO/IEC 14443-4 is here. Prints each command APDU in hexadecimal, and
ends when the reader deselects the card.
"""

import sys

import nfc.clf
import nfc.clf.pn532
import nfc.clf.transport

# FSCI 5 (64 bytes), FWI 14.
ATS = bytearray.fromhex("05 75 80 E0 02")
FRAME = 61


def respond(command):
    length = [2, 254, 255, 256, 20][len(command) % 5]
    turned = command[::-1]
    return bytearray(turned[i % len(turned)] for i in range(length)) + b"\x90\x00"


def main(port):
    device = nfc.clf.pn532.init(nfc.clf.transport.TTY(port))
    card = nfc.clf.LocalTarget("106A", sens_res=bytearray.fromhex("0400"), sdd_res=bytearray.fromhex("08112233"),
                               sel_res=bytearray.fromhex("20"), rats_res=ATS)
    target = device.listen_tta(card, timeout=30)
    block = target.tt4_cmd
    command, response = bytearray(), bytearray()
    while True:
        pcb, inf = block[0], block[1:]
        if pcb & 0xE2 == 0x02:
            command += inf
            if pcb & 0x10:
                answer = bytearray([0xA2 | pcb & 1])
            else:
                print(command.hex(), flush=True)
                response, command = respond(command), bytearray()
                answer = None
        elif pcb & 0xF6 == 0xA2:
            answer = None
        elif pcb == 0xC2:
            device.chipset.tg_response_to_initiator(bytearray([0xC2]))
            break
        else:
            sys.exit(f"the reader sent {block.hex()}")
        if answer is None:
            more = 0x10 if len(response) > FRAME else 0
            answer = bytearray([0x02 | more | pcb & 1]) + response[:FRAME]
            response = response[FRAME:]
        block = device.send_rsp_recv_cmd(target, answer, 30)
    device.close()


main(sys.argv[1])
