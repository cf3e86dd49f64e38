"""What a built image has to do on every STM32: one check for each thing that a review found wrong on the way to real silicon.

A check is a function of the kind of chip and of two images, a validator's and a card emulator's; its first line of documentation says
what must hold. `stm32f405.py` and `stm32l475.py` run these checks, and those of their own.
"""

import pathlib
import time

from chip import Wrong
from registers import DBGMCU_CR, PIN, SYSTICK, WATCHDOG

START = b'! ready\n'
BYTE_OF_AIR = 10e-6


class Console:
    """A validator at its console."""

    def __init__(self, kind, elf, **how):
        self.chip = kind(elf, **how)
        self.registers = self.chip.registers
        self.out = self.registers.host.sent
        self.chip.power_on()

    def starts(self):
        del self.out[:]
        assert self.chip.run(1.5, lambda: START in self.out), f"not ready: {bytes(self.out)!r}"
        return self.lines()

    def lines(self):
        return self.out.decode("utf-8", "replace").splitlines()

    def say(self, line, within=2.0):
        """The last line of the reply."""
        del self.out[:]
        self.registers.host.feed(line.encode() + b"\n")
        last = lambda: [text for text in self.lines() if text.startswith(("ok", "error"))]
        assert self.chip.run(within, lambda: bool(last()) and self.out.endswith(b"\n")), f"no reply to `{line}`: {bytes(self.out)!r}"
        return last()[-1]

    def power_cycle(self, **how):
        self.chip.power_off()
        self.chip.power_on(**how)
        return self.starts()


def cobs(body):
    packed, block = bytearray(), bytearray()
    for byte in body + b"\0":
        if byte == 0:
            packed += bytes([len(block) + 1]) + block
            block.clear()
        else:
            block.append(byte)
            if len(block) == 254:
                packed += b"\xff" + block
                block.clear()
    return bytes(packed) + b"\0"


def uncobs(packed):
    body, at = bytearray(), 0
    while at < len(packed):
        length = packed[at]
        body += packed[at + 1 : at + length]
        at += length
        if length < 255 and at < len(packed):
            body.append(0)
    return bytes(body)


def crc16(body):
    """CRC of a message; it covers the length, too: firmware/wire/src/crc.rs."""
    crc = 0xFFFF
    for byte in body + len(body).to_bytes(2, "big"):
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc.to_bytes(2, "big")


def message(body):
    return cobs(body + crc16(body))


def varints(body):
    numbers, value, shift = [], 0, 0
    for byte in body:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value)
            value = shift = 0
    return numbers


def crc_a(frame):
    """CRC of a frame of type A: ISO/IEC 14443-3, annex B."""
    crc = 0x6363
    for byte in frame:
        byte = (byte ^ crc) & 0xFF
        byte = (byte ^ byte << 4) & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return frame + crc.to_bytes(2, "little")


class Reader:
    """A card emulator with a card in its field, the host on one line and a reader on the other."""

    UID = bytes([0x08, 0x12, 0x34, 0x56])

    def __init__(self, kind, elf):
        self.chip = kind(elf)
        self.host, self.air = self.chip.registers.host, self.chip.registers.air
        self.chip.power_on()
        self.chip.run(0.4)
        self.orders = self.exchange = 0
        self.thought = 0.0
        ats = bytes([0x05, 0x78, 0x80, 0x70, 0x02])
        self.order(2, bytes([4]) + self.UID + b"\x04\x00\x20" + bytes([5]) + ats + bytes([0, 100, 0]))
        self.order(3)

    def order(self, kind, body=b""):
        """The notes of the board up to the one that the order is carried out."""
        self.orders += 1
        del self.host.sent[:]
        self.host.feed(message(bytes([self.orders, kind]) + body))
        notes = lambda: [varints(uncobs(packed)[:-2]) for packed in bytes(self.host.sent).split(b"\0")[:-1]]
        done = lambda: self.host.sent.endswith(b"\0") and notes()[-1][3:] == [3, self.orders]
        assert self.chip.run(1.0, done), f"order {kind} is not carried out: {notes()}"
        return [note[3:] for note in notes()]

    def says(self, kind, body=b"", after=0.0):
        """The card's answer to what the reader says so long after the answer before."""
        self.chip.run(after)
        # The model may come late to see that the card has spoken.
        self.thought = self.chip.now - self.air.left_at
        self.exchange += 1
        del self.air.sent[:]
        # The reader's times: it rested for 500 us, and waits for 38.7 ms.
        pace = (500).to_bytes(4, "big") + (38_700).to_bytes(4, "big")
        self.air.feed(message(bytes([kind, self.exchange]) + pace + body))
        assert self.chip.run(1.0, lambda: self.air.sent.endswith(b"\0")), f"no answer to {body.hex()}"
        # The stop bit of the last byte is on the line still.
        return uncobs(bytes(self.air.sent[:-1]))[:-2]

    def activate(self):
        self.air.feed(message(b"\x11" + bytes(4)))
        self.says(0x20, b"\x52")
        self.says(0x21, b"\x93\x20")
        check = self.UID[0] ^ self.UID[1] ^ self.UID[2] ^ self.UID[3]
        self.says(0x21, crc_a(b"\x93\x70" + self.UID + bytes([check])))
        ats = self.says(0x21, crc_a(b"\xe0\x80"))
        assert ats[6:7] == b"\x05", ats.hex()


def key(index, bits=1984):
    return f"key add A000000333 {index:02X} 03 {(1 << bits - 1 | 1):X}"


# A message of the air that a validator ignores, as long as the longest answer of a card.
LONG = message(bytes([0x30, 0xEE, 0, 0, 0, 92]) + bytes(range(1, 251)))


def baud(kind, validator, emulator):
    """Both serial lines are within 0.5 % of their rates, and the pins are theirs."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(0.4)
        for usart in chip.registers.usarts:
            assert abs(usart.rate() / usart.nominal - 1) < 0.005, usart.rate()
        assert chip.registers.pins()


def board_time(kind, validator, _):
    """The board's microseconds are those of the chip, whatever its clock."""
    for locks in (True, False):
        console = Console(kind, validator, locks=locks)
        console.starts()
        console.say("clock 2018-05-21T08:00:00")
        console.chip.run(3.5)
        assert "clock=2018-05-21T08:00:03" in console.say("status"), console.lines()


def pll_fails(kind, validator, _):
    """A chip whose PLL does not lock still talks on its console."""
    console = Console(kind, validator, locks=False)
    console.starts()
    assert console.registers.core_hz == 16e6
    assert console.say("echo here") == "ok here"
    assert not console.registers.wrong, console.registers.wrong


def receive(kind, validator, emulator):
    """At 1 Mbit/s no byte is overwritten, while the console is busy and the clock ticks."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(0.4)
        console = b"status\n" * 6 if image is validator else message(b"\x01\x00") * 4
        for _ in range(12):
            chip.registers.air.feed(LONG)
            chip.registers.host.feed(console)
            chip.run(0.012)
        assert chip.registers.air.overruns == 0, f"{chip.registers.air.overruns} bytes lost on the air"
        assert chip.registers.host.overruns == 0, f"{chip.registers.host.overruns} bytes lost on the console"


def priorities(kind, validator, emulator):
    """The interrupt of the air comes before those of console and tick."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(0.4)
        numbers = (16 + chip.registers.air.interrupt, 16 + chip.registers.host.interrupt, SYSTICK)
        air, console, tick = (chip.registers.priority(number) for number in numbers)
        assert air < console and air < tick, (air, console, tick)


def masked(kind, validator, emulator):
    """Interrupts are never masked for as long as half a byte of the air takes."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(0.4)
        chip.longest_masked = 0.0
        for _ in range(4):
            chip.registers.air.feed(LONG)
            chip.registers.host.feed(b"status\n")
            chip.run(0.02)
        assert 0 < chip.longest_masked < BYTE_OF_AIR / 2, f"{chip.longest_masked * 1e6:.2f} us"


def loopback(kind, validator, emulator):
    """The self-test of either image counts what comes back over a wire from the air's own output, and misses what does not."""
    console = Console(kind, validator)
    console.starts()
    assert console.say("loopback 1").startswith("ok sent=256 back=0 wrong=0"), console.lines()
    console.registers.air.to_itself = True
    # The reader talks to itself meanwhile, and takes no harm.
    assert console.say("loopback 8").startswith("ok sent=2048 back=2048 wrong=0"), console.lines()
    assert console.registers.air.overruns == 0

    chip = kind(emulator)
    chip.registers.air.to_itself = True
    chip.power_on()
    chip.run(0.4)
    sent = chip.registers.host.sent
    del sent[:]
    chip.registers.host.feed(message(bytes([1, 7, 8])))
    assert chip.run(1.0, lambda: sent.count(0) >= 2), bytes(sent)
    note = varints(uncobs(bytes(sent).split(b"\0")[0])[:-2])
    assert note[3:] == [12, 2048, 2048, 0], note


def reader_time(kind, _, emulator):
    """The card emulator tells the reader's own time to within 20 us an exchange, whatever the bytes take on the line."""
    for thinks in (0.0, 0.003):
        reader = Reader(kind, emulator)
        reader.activate()
        thought = 0.0
        # R(NAK) of the block number that the card does not have, which R(ACK) answers, and S(DESELECT) at the end.
        for frame in [b"\xb2"] * 8 + [b"\xc2"]:
            reader.says(0x21, crc_a(frame), after=thinks)
            thought += reader.thought * 1e6
        removed = next(note for note in reader.order(4) if note[0] == 9)
        assert removed[:6] == [9, 13, 13, 8, 0, 1], removed
        assert abs(removed[6] - thought) < 20 * 9, f"told {removed[6]} us, took {thought:.0f} us"


def settings(kind, validator, _):
    """The memory takes what the reference deployment asks for: five keys, 200 rides or word of how many fit, 16 denied cards."""
    console = Console(kind, validator)
    console.starts()
    reply = console.say("set capacity 200")
    assert reply == ("ok" if kind.rides == 200 else f"ok capacity={kind.rides}"), reply
    for index in range(5):
        assert console.say(key(index)) == "ok"
    for card in range(16):
        assert console.say(f"deny add 62290000000000{card:02}") == "ok"
    assert f"capacity={kind.rides} " in console.say("status")


def causes(kind, validator, _):
    """Power, brown-out, reset and watchdog are told apart, and the clock is unset after a loss of power only."""
    console = Console(kind, validator, **kind.retains)
    cause = lambda lines: next(line for line in lines if line.startswith("! started")).split("cause=")[1]
    assert cause(console.starts()) == "power"
    console.say("clock 2018-05-21T08:00:00")
    for flags, expected in ((PIN, "reset"), (WATCHDOG | PIN, "watchdog")):
        console.chip.reset(flags)
        assert cause(console.starts()) == expected
        assert "clock=2018-05-21" in console.say("status")
    # A brown-out that ends before the chip noticed a loss of power.
    console.chip.reset(kind.brown_out | PIN)
    told = cause(console.starts())
    assert told == "power", f"a brown-out is told as `{told}`"


def drained(kind, validator, _):
    """The reply to `reboot` leaves the chip whole before it starts again."""
    console = Console(kind, validator)
    console.starts()
    del console.out[:]
    console.registers.host.feed(b"reboot\n")
    assert console.chip.run(1.0, lambda: START in console.out), bytes(console.out)
    assert console.out.startswith(b"ok\n! started "), bytes(console.out[:40])


def attach(kind, validator, emulator):
    """The debug port keeps its clock while the processor sleeps."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        assert chip.run(1.0, lambda: chip.asleep)
        assert chip.registers.words[DBGMCU_CR] & 7 == 7, chip.registers.words[DBGMCU_CR]


def noise(kind, validator, _):
    """The random number generator runs at 48 MHz."""
    console = Console(kind, validator)
    console.starts()
    assert console.registers.rng_hz() == 48e6, console.registers.rng_hz()


def rests(kind, validator, emulator):
    """Nothing is done that the chip would not take, in a second of idling."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(1.3)
        assert not chip.registers.wrong, chip.registers.wrong


# The longest computing time for a card with the largest keys: an authority of 1984 bits with exponent 65537, an issuer of 1984 bits
# and a card of 1152 bits, both with exponent 3.
AUTHENTICATES = 0.100


def rsa1984(kind, validator, _):
    """A card with keys of 1984 bits rides, and the processor works for at most 100 ms from the card's release to the result."""
    from played_card import Card, Mind, authority

    console = Console(kind, validator)
    console.starts()
    for line in (authority("test-ca-1984-e65537"), "set mode oda", "set fare 100", "profile desk", "clock 2018-05-21T08:00:00"):
        assert console.say(line) == "ok", (line[:40], console.lines())
    mind = Mind("oda-keys-largest")
    try:
        del console.out[:]
        card = Card(console, mind)
        read = lambda: b'text="card read ok"' in console.out
        assert card.plays(5.0, read), (card.commands, console.lines())
        awake = lambda: console.chip.now - console.chip.slept
        began = awake()
        told = lambda: b"! result" in console.out and console.out.endswith(b"\n")
        assert card.plays(5.0, told), (card.commands, console.lines())
        worked = awake() - began
    finally:
        mind.close()
    result = next(line for line in console.lines() if line.startswith("! result"))
    assert "outcome=approved reason=oda-approved" in result, console.lines()
    assert console.registers.air.overruns == 0, f"{console.registers.air.overruns} bytes lost on the air"
    assert worked < AUTHENTICATES, f"it worked for {worked * 1e3:.0f} ms"


CHECKS = (
    baud, board_time, pll_fails, receive, priorities, masked, loopback, reader_time, settings, causes, drained, attach, noise, rests, rsa1984
)


def main(checks, kind, first, second, *names):
    """Runs the checks, or those of these names, on two images. `kind` is what each check gets first; an empty tuple is nothing."""
    checks = [check for check in checks if not names or check.__name__ in names]
    images = [pathlib.Path(path).read_bytes() for path in (first, second)]
    failed = 0
    for check in checks:
        started = time.monotonic()
        try:
            check(*kind, *images)
            said = "ok    "
        except (AssertionError, Wrong) as error:
            said, failed = f"FAILED: {error or 'see the source'}", failed + 1
        print(f"{check.__name__:16} {time.monotonic() - started:5.1f} s  {said}  {'' if said.startswith('ok') else '-- '}{check.__doc__}", flush=True)
    print(f"{len(checks) - failed} of {len(checks)} checks hold")
    return 1 if failed or not checks else 0
