"""The registers of the nRF52840 (Product Specification) that its images use, and what those images have to do on the chip.

`nrf52840.py ANTENNA.elf UART.elf [CHECK..]`. The front end for cards is a set of registers here; its driver is tested against a
whole model in `firmware/boards/nrf52840/tests`.
"""

import collections
import hashlib
import math
import sys

import checks
from chip import Chip, segments
from checks import message, uncobs, varints
from registers import AIRCR, ICSR, Registers

CLOCK, UICR_APPROTECT, VARIANT, APPROTECT_DISABLE = 0x4000_0000, 0x1000_1208, 0x1000_0104, 0x4000_0558
RESETREAS, NVMC_CONFIG, NVMC_READY = 0x4000_0400, 0x4001_E504, 0x4001_E400
UART0, UARTE1, TIMER0, NFCT, PPI = 0x4000_2000, 0x4002_8000, 0x4000_8000, 0x4000_5000, 0x4001_F000
RXDRDY, ENDRX, TXDRDY, ENDTX = 0x108, 0x110, 0x11C, 0x120
CRYSTAL_STARTS_AFTER = 360e-6
RAM = range(0x2000_0000, 0x2004_0000)


class Line:
    """What arrives at a UART with a byte clock, and what has left it."""

    def __init__(self, registers, base, interrupt, rate):
        self.registers, self.base, self.interrupt, self.rate = registers, base, interrupt, rate
        self.wire, self.leaving, self.sent = collections.deque(), collections.deque(), bytearray()
        self.lost, self.to_itself = 0, False
        self.fifo = collections.deque()
        self.receives = False

    def feed(self, content):
        start = max([self.registers.chip.now] + [at for at, _ in self.wire])
        self.wire.extend((start + 10 * (number + 1) / self.rate, byte) for number, byte in enumerate(content))

    def send(self, content):
        start = max([self.registers.chip.now] + [at for at, _ in self.leaving])
        self.leaving.extend((start + 10 * (number + 1) / self.rate, byte) for number, byte in enumerate(content))

    def next_event(self):
        return min([queue[0][0] for queue in (self.wire, self.leaving) if queue], default=math.inf)

    def catch_up(self, now):
        while self.leaving and self.leaving[0][0] <= now:
            at, byte = self.leaving.popleft()
            self.sent.append(byte)
            if self.to_itself:
                self.arrives(byte)
            if not self.leaving:
                self.event(ENDTX)
            self.event(TXDRDY)
        while self.wire and self.wire[0][0] <= now:
            self.arrives(self.wire.popleft()[1])

    def event(self, offset):
        self.registers.words[self.base + offset] = 1

    def word(self, offset):
        return self.registers.words.get(self.base + offset, 0)

    def arrives(self, byte):
        if not self.receives:
            return
        if self.base == UARTE1:
            # A byte that the interrupt has not taken is overwritten: the shortcut has started the next reception.
            self.lost += self.word(ENDRX)
            if self.word(0x534) not in RAM or self.word(0x538) != 1 or not self.word(0x200) & 1 << 5:
                self.registers.wrong.append("UARTE1 receives into no byte of RAM, or stops after it")
                return
            self.registers.chip.uc.mem_write(self.word(0x534), bytes([byte]))
            self.event(ENDRX)
        elif len(self.fifo) == 6:
            self.lost += 1
        else:
            self.fifo.append(byte)
            if len(self.fifo) == 1:
                self.event(RXDRDY)

    def read(self, offset):
        if self.base == UART0 and offset == 0x518:
            byte = self.fifo.popleft() if self.fifo else 0
            if self.fifo:
                self.event(RXDRDY)
            return byte
        return self.word(offset)

    def write(self, offset, value):
        enabled = self.word(0x500) == {UART0: 4, UARTE1: 8}[self.base]
        if offset == 0x000:
            self.receives = enabled
        elif offset == 0x008 and self.base == UARTE1:
            pointer, count = self.word(0x544), self.word(0x548)
            if not enabled or self.leaving or pointer not in RAM or not count:
                self.registers.wrong.append("UARTE1 sends while it sends, or what is not in RAM, or nothing")
            self.send(self.registers.chip.uc.mem_read(pointer, count))
        elif offset == 0x51C and self.base == UART0:
            if self.leaving or not enabled:
                self.registers.wrong.append("a byte was written over one that waited (UART0)")
            self.send(bytes([value & 0xFF]))
        else:
            self.registers.words[self.base + offset] = value

    def pending(self):
        enabled = self.word(0x304)
        return any(enabled >> (offset - 0x100) // 4 & 1 and self.word(offset) for offset in (RXDRDY, ENDRX, TXDRDY, ENDTX))


class Nrf52840Registers(Registers):
    """All registers that matter here. `variant`: letters of the chip's build."""

    def __init__(self, chip, variant="AAD0"):
        self.chip, self.variant, self.uicr = chip, variant, 0xFFFF_FFFF
        self.wrong, self.resets, self.field = [], 0, False
        self._to_reset_values()

    def _to_reset_values(self):
        self.words, self.core_hz, self.reset_wanted = {}, 64e6, None
        self.air, self.link = Line(self, UART0, 2, 1_000_000), Line(self, UARTE1, 40, 115_200)
        self.lines = (self.air, self.link)
        self.crystal_at = self.alarm_at = math.inf
        self.timer_since, self.pended, self.tasks, self.enabled = None, set(), [], 0

    def power_on(self, brown_out):
        self._to_reset_values()
        self.words[RESETREAS] = 0

    def reset(self, flags):
        self.resets += 1
        self._to_reset_values()
        self.words[RESETREAS] = flags

    def next_event(self):
        return min([self.crystal_at, self.alarm_at] + [line.next_event() for line in self.lines])

    def catch_up(self):
        now = self.chip.now
        for line in self.lines:
            line.catch_up(now)
        if self.crystal_at <= now:
            self.crystal_at = math.inf
            self.words[CLOCK + 0x100] = 1
        if self.alarm_at <= now:
            self.alarm_at = math.inf
            self.words[TIMER0 + 0x144] = 1

    def count(self):
        return 0 if self.timer_since is None else int((self.chip.now - self.timer_since) * 1e6) & 0xFFFF_FFFF

    def frame_end(self):
        """The front end reports a frame, and PPI passes that on."""
        self.words[NFCT + 0x118] = 1
        if self.words.get(PPI + 0x504, 0) & 1 and self.words.get(PPI + 0x510) == NFCT + 0x118:
            self._write(self.words.get(PPI + 0x514), 1)

    def _nfct_pends(self):
        return any(self.enabled >> bit & 1 and self.words.get(NFCT + 0x100 + 4 * bit, 0) for bit in range(21))

    def most_urgent(self, below):
        pending = {16 + line.interrupt for line in self.lines if line.pending()} | {16 + number for number in self.pended}
        if self.words.get(TIMER0 + 0x304, 0) & 1 << 17 and self.words.get(TIMER0 + 0x144, 0):
            pending.add(16 + 8)
        if self._nfct_pends():
            pending.add(16 + 5)
        pending = [(self.priority(n), n) for n in pending if self._is_enabled(n - 16) and self.priority(n) < below]
        return min(pending)[1] if pending else None

    def taken(self, number):
        self.pended.discard(number - 16)

    def _line(self, address):
        return next((line for line in self.lines if line.base <= address < line.base + 0x1000), None)

    def _read(self, address):
        line = self._line(address)
        if line:
            return line.read(address - line.base)
        special = {
            VARIANT: lambda: int.from_bytes(self.variant.encode(), "big"), UICR_APPROTECT: lambda: self.uicr,
            NVMC_READY: lambda: 1, NFCT + 0x43C: lambda: 3 * self.field, NFCT + 0x304: lambda: self.enabled,
            NFCT + 0x308: lambda: self.enabled, ICSR: self.chip.active,
        }
        return special[address]() if address in special else self.words.get(address, 0)

    def _write(self, address, value):
        line = self._line(address)
        if line:
            line.write(address - line.base, value)
        elif address == AIRCR:
            if value & 0xFFFF_0004 == 0x05FA_0004:
                self.reset_wanted = 1 << 2
                self.chip.uc.emu_stop()
        elif address == UICR_APPROTECT:
            if self.words.get(NVMC_CONFIG) != 1:
                self.wrong.append("flash was written while it was protected")
            self.uicr &= value
        elif address in (RESETREAS, NFCT + 0x404, NFCT + 0x40C):
            self.words[address] = self.words.get(address, 0) & ~value
        elif 0xE000_E100 <= address < 0xE000_E120:
            self.words[address] = self.words.get(address, 0) | value
        elif 0xE000_E200 <= address < 0xE000_E220:
            self.pended |= {8 * (address - 0xE000_E200) + bit for bit in range(32) if value >> bit & 1}
        elif address == CLOCK:
            self.crystal_at = self.chip.now + CRYSTAL_STARTS_AFTER
        elif address == TIMER0:
            if (self.words.get(TIMER0 + 0x508), self.words.get(TIMER0 + 0x510)) != (3, 4):
                self.wrong.append("timer 0 does not count us in 32 bits")
            self.timer_since = self.chip.now
        elif TIMER0 + 0x40 <= address < TIMER0 + 0x58:
            self.words[address + 0x500] = self.count()
        elif address == TIMER0 + 0x544:
            self.words[address] = value
            self.alarm_at = self.chip.now + (((value - self.count() - 1) & 0xFFFF_FFFF) + 1) / 1e6
        elif NFCT <= address < NFCT + 0x100:
            self.tasks.append((self.chip.now, address - NFCT))
        elif address == NFCT + 0x304:
            self.enabled |= value
        elif address == NFCT + 0x308:
            self.enabled &= ~value
        else:
            self.words[address] = value


class Nrf52840(Chip):
    """One nRF52840."""

    flash, ram = (0, 1 << 20), ((0x2000_0000, 256 << 10),)
    peripherals = ((0x1000_0000, 0x2000), (0x4000_0000, 0x8_0000), (0x5000_0000, 0x1000), (0xE000_0000, 0x10_0000))
    behind = Nrf52840Registers


class Host:
    """A board with this image, and the host at its link."""

    def __init__(self, elf, **how):
        self.chip = Nrf52840(elf, **how)
        self.chip.power_on()
        self.registers, self.order = self.chip.registers, 0
        self.started = self.note(0)

    def note(self, kind, within=1.0):
        """The body of the next note of this kind, its numbers and times left out. Earlier ones are dropped."""
        found = []

        def look():
            sent = self.registers.link.sent
            while b"\0" in sent:
                packed, _, rest = bytes(sent).partition(b"\0")
                sent[:] = rest
                body = uncobs(packed)[:-2] if packed else b""
                for _ in range(3):
                    while body and body[0] & 0x80:
                        body = body[1:]
                    body = body[1:]
                if body and body[0] == kind:
                    found.append(body[1:])
            return bool(found)

        assert self.chip.run(within, look), f"no note of kind {kind}: {bytes(self.registers.link.sent)!r}, {self.registers.wrong}"
        return found[0]

    def ask(self, *request):
        self.order += 1
        self.registers.link.feed(message(bytes([self.order, *request])))


# UID, ATQA, SAK, ATS, alone, no delay, no chain of its own.
CARD = [2, 4, 0x08, 0x12, 0x34, 0x56, 0x04, 0x00, 0x20, 5, 5, 0x78, 0x80, 0x70, 0x02, 0, 0, 0]


def digest(elf):
    parts = list(segments(elf))
    first, last = min(at for at, _ in parts), max(at + len(content) for at, content in parts)
    flash = bytearray(b"\xff" * (last - first))
    for at, content in parts:
        flash[at - first : at - first + len(content)] = content
    return hashlib.sha256(flash).digest()


def identity(antenna, uart):
    """Each image starts, and tells its name, its board and the digest of its flash."""
    for elf, name in ((antenna, b"taprig-emulator-antenna"), (uart, b"taprig-emulator")):
        host = Host(elf)
        host.ask(0)
        told = host.note(1, 3.0)
        assert told[1 : 2 + len(name)] == bytes([len(name)]) + name, told
        assert b"nrf52840" in told and told.endswith(digest(elf)), told
        assert not host.registers.wrong, host.registers.wrong


def card(antenna, _):
    """A card is in the registers before the field is looked for, and the front end is activated 1 ms after the field."""
    host = Host(antenna)
    registers = host.registers
    host.ask(*CARD)
    host.note(3)
    host.ask(3)
    host.note(3)
    assert registers.words[NFCT + 0x590] == 0x0812_3456 and registers.words[NFCT + 0x5A0] == 4, registers.words
    assert registers.tasks[-1][1] == 0x008, registers.tasks
    registers.field, registers.words[NFCT + 0x104] = True, 1
    since = host.chip.now
    assert host.note(5) == b"\1"
    assert host.chip.run(0.01, lambda: registers.tasks[-1][1] == 0x000), registers.tasks
    assert 1e-3 <= registers.tasks[-1][0] - since < 1.1e-3, registers.tasks[-1][0] - since
    host.ask(4)
    host.note(9)
    assert registers.tasks[-1][1] == 0x004, registers.tasks
    assert not registers.wrong, registers.wrong


def answer(antenna, _):
    """0.2 ms after RATS the ATS waits in RAM for its time, which the front end keeps."""
    host = Host(antenna)
    registers, write = host.registers, host.chip.uc.mem_write
    for request in (CARD, [3]):
        host.ask(*request)
        host.note(3)
    registers.field, registers.words[NFCT + 0x104] = True, 1
    host.chip.run(0.005)
    registers.words[NFCT + 0x14C] = 1
    host.chip.run(0.001)
    assert registers.tasks[-1][1] == 0x01C, registers.tasks
    write(registers.words[NFCT + 0x510], b"\xe0\x80\x31\x73")
    registers.words[NFCT + 0x524] = 4 << 3
    registers.frame_end()
    since = host.chip.now
    assert host.chip.run(0.001, lambda: registers.tasks[-1][1] == 0x00C), registers.tasks
    assert registers.tasks[-1][0] - since < 200e-6, f"{(registers.tasks[-1][0] - since) * 1e6:.0f} us"
    words = registers.words
    assert (words[NFCT + 0x50C], words[NFCT + 0x504], words[NFCT + 0x518], words[NFCT + 0x51C]) == (3, 1152, 0x17, 5 << 3)
    assert bytes(host.chip.uc.mem_read(words[NFCT + 0x510], 5)) == b"\x05\x78\x80\x70\x02"
    assert host.note(6) == b"\x80\x02", "FSD of 256 bytes"
    assert not registers.wrong, registers.wrong


def loopback(_, uart):
    """At 1 Mbit/s no byte of the air is lost, while the link is busy; over the wire to itself all come back."""
    host = Host(uart)
    host.registers.air.to_itself = True
    for _ in range(2):
        host.ask(7, 8)
        host.ask(0)
        told = varints(host.note(12))
        assert told == [2048, 2048, 0], told
    assert (host.registers.air.lost, host.registers.link.lost) == (0, 0)
    assert not host.registers.wrong, host.registers.wrong


def debug_port(antenna, uart):
    """A chip of build F keeps its debug port open from the first start on; earlier ones are left alone."""
    for elf in (antenna, uart):
        host = Host(elf, variant="AAF0")
        assert host.registers.uicr == 0x5A and host.registers.resets == 1, (host.registers.uicr, host.registers.resets)
        assert host.registers.words[APPROTECT_DISABLE] == 0x5A
        old = Host(elf, variant="AAD0")
        assert old.registers.uicr == 0xFFFF_FFFF and APPROTECT_DISABLE not in old.registers.words and old.registers.resets == 0
        assert not host.registers.wrong + old.registers.wrong


def rests(antenna, uart):
    """An idle board sleeps nearly all the time."""
    for elf in (antenna, uart):
        host = Host(elf)
        host.chip.run(0.1)
        assert host.chip.asleep
        executed = []
        host.chip.uc.hook_add(4, lambda *_: executed.append(1))  # UC_HOOK_CODE
        host.chip.run(3.0)
        assert len(executed) < 20_000, f"{len(executed)} instructions in 3 s"


if __name__ == "__main__":
    sys.exit(checks.main((identity, card, answer, loopback, debug_port, rests), (), *sys.argv[1:]))
