"""A card for a validator on the model of a chip. Its body is this file: ISO/IEC 14443-3 and -4, without faults. Its mind is `taprig serve`, which this file reads as a PC/SC reader would: over the protocol of vsmartcard's vpcd.
"""

import os
import pathlib
import re
import socket
import subprocess
import tempfile

from checks import crc_a, message, uncobs

PROJECT = pathlib.Path(__file__).resolve().parents[2]

# Messages of the air: firmware/wire/src/air.rs.
FIELD_ON, LOAD, SHORT, COMMAND, ANSWER, SILENCE = 0x11, 0x12, 0x20, 0x21, 0x30, 0x32
DELAY_US = (200).to_bytes(4, "big")

# Orders to a card in a virtual reader.
POWER_ON = b"\x01"

BENCH = """schema: 1
title: A virtual reader that the check plays
device: taprig-reference
validator: {{ attached: {{ serial: {{ path: /dev/no-validator }} }} }}
card: {{ virtual-reader: {{ address: "127.0.0.1:{port}" }} }}
"""


class Mind:
    """What answers the commands: a card image of fixtures/cards."""

    def __init__(self, card):
        taprig = os.environ.get("TAPRIG")
        assert taprig, "TAPRIG names no program: start this by `ci/register-model`"
        self.folder = tempfile.TemporaryDirectory(prefix="taprig-card-")
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(30)
        bench = pathlib.Path(self.folder.name) / "played.yaml"
        bench.write_text(BENCH.format(port=listener.getsockname()[1]))
        command = [taprig, "--project", PROJECT, "serve", card, "--on", bench]
        environment = os.environ | {"TAPRIG_STATE": self.folder.name, "XDG_RUNTIME_DIR": self.folder.name}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.line, _ = listener.accept()
        except TimeoutError:
            self.close()
            raise AssertionError(f"taprig serve put no card into the reader: {self.process.stderr.read()!r}") from None
        finally:
            listener.close()
        self.line.settimeout(30)
        self._say(POWER_ON)

    def _say(self, payload):
        self.line.sendall(len(payload).to_bytes(2, "big") + payload)

    def _hear(self, length):
        heard = b""
        while len(heard) < length:
            piece = self.line.recv(length - len(heard))
            assert piece, "taprig serve has ended"
            heard += piece
        return heard

    def answer(self, command):
        self._say(command)
        return self._hear(int.from_bytes(self._hear(2), "big"))

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.folder.cleanup()


class Card:
    """The card in the field of a validator, at its line to the air."""

    UID = bytes([0x5B, 0x10, 0xE7, 0x53])
    ATS = bytes([0x05, 0x78, 0x80, 0x70, 0x02])

    def __init__(self, console, mind):
        self.chip, self.air, self.mind = console.chip, console.registers.air, mind
        self.commands = 0
        self.rest, self.last = b"", None
        del self.air.sent[:]
        self.air.feed(message(bytes([LOAD, 1])))

    def leaves(self):
        self.air.feed(message(bytes([LOAD, 0])))

    def plays(self, within, until):
        """Answers the reader for so long, or until something holds. Whether it held."""
        end = self.chip.now + within
        while self.chip.now < end:
            if self.chip.run(end - self.chip.now, lambda: until() or 0 in self.air.sent) and 0 not in self.air.sent:
                return True
            packed, _, rest = bytes(self.air.sent).partition(b"\0")
            self.air.sent[:] = rest
            if packed:
                self._hears(uncobs(packed)[:-2])
        return until()

    def _hears(self, said):
        kind, rest = said[0], said[1:]
        if kind not in (SHORT, COMMAND):
            return
        exchange, frame = rest[0], rest[9:]
        answer = self._short(frame) if kind == SHORT else self._frame(frame)
        if answer is None:
            self.air.feed(message(bytes([SILENCE, exchange])))
        else:
            self.air.feed(message(bytes([ANSWER, exchange]) + DELAY_US + answer))

    def _short(self, frame):
        return b"\x04\x00" if frame in (b"\x26", b"\x52") else None

    def _frame(self, frame):
        check = bytes([self.UID[0] ^ self.UID[1] ^ self.UID[2] ^ self.UID[3]])
        if frame == b"\x93\x20":
            return self.UID + check
        body = frame[:-2]
        # WUPB has another check sum, and no card of type B is there.
        if crc_a(body) != frame:
            return None
        if body == b"\x93\x70" + self.UID + check:
            return crc_a(b"\x20")
        if body[0] == 0xE0:
            return crc_a(self.ATS)
        if body[0] == 0xC2:
            return crc_a(b"\xc2")
        if body[0] & 0xE2 == 0x02:
            self.commands += 1
            self.rest = self.mind.answer(body[1:])
            return self._block(body[0] & 1)
        # R(ACK): the next block of a response.
        if body[0] & 0xF6 == 0xA2 and self.rest:
            return self._block(body[0] & 1)
        # R(NAK): the last block again.
        return self.last if body[0] & 0xF6 == 0xB2 else None

    def _block(self, number):
        """The next I-block of the response: at most 253 bytes fit into a frame."""
        part, self.rest = self.rest[:253], self.rest[253:]
        chains = 0x10 if self.rest else 0
        self.last = crc_a(bytes([0x02 | chains | number]) + part)
        return self.last


def authority(name):
    """The command that gives a validator a key of fixtures/keys."""
    text = (PROJECT / f"fixtures/keys/{name}.yaml").read_text()
    value = lambda key: re.search(rf'^    {key}: "([0-9A-F]+)"$', text, re.M)[1]
    modulus = "".join(re.search(r"^    modulus: >-\n((?:      [0-9A-F]+\n)+)", text, re.M)[1].split())
    assert len(modulus) == 1984 // 4, f"{name} has {4 * len(modulus)} bits"
    return f"key add {value('rid')} {value('index')} {value('exponent')} {modulus}"
