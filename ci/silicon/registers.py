"""The registers that the images of all STM32 use in the same way, with what a chip does behind them: USARTs, system tick, interrupts,
resets, random numbers, pins. `stm32f405.py` and `stm32l475.py` add clock control, flash and power. What the chip would not take, or
would not do right, goes to `wrong`.
"""

import collections
import math

HSI_HZ = 16_000_000

RNG = 0x5006_0800
SYST_CSR, SYST_RVR, SYST_CVR = 0xE000_E010, 0xE000_E014, 0xE000_E018
ICSR, AIRCR, SHPR3, DBGMCU_CR = 0xE000_ED04, 0xE000_ED0C, 0xE000_ED20, 0xE004_2004
DEMCR, DWT_CTRL, DWT_CYCCNT = 0xE000_EDFC, 0xE000_1000, 0xE000_1004
SYSTICK = 15

# Reset flags, at the same places in both chips.
PIN, SOFTWARE, WATCHDOG = 1 << 26, 1 << 28, 1 << 29


class Usart:
    """A USART with a byte clock on either side: `feed` is what the other end sends, `sent` what has left this one whole, the last
    of it at `left_at`. `bus` is the frequency that clocks it."""

    RXNE, ORE, TC, TXE = 1 << 5, 1 << 3, 1 << 6, 1 << 7
    STATUS, CAME, GOES, BRR, CR1, ON = 0, 4, 4, 8, 0xC, 13

    def __init__(self, registers, base, interrupt, nominal, bus):
        self.registers, self.base, self.interrupt, self.nominal, self.bus = registers, base, interrupt, nominal, bus
        self.sent = bytearray()
        self.left_at = 0.0
        self.overruns = 0
        self.wire = collections.deque()
        self.to_itself = False
        self.reset()

    def reset(self):
        self.brr = self.cr1 = self.data = 0
        self.status = self.TC | self.TXE
        self.held, self.shifting, self.done_at = None, None, math.inf

    def rate(self):
        return getattr(self.registers, self.bus) / self.brr if self.brr else 0.0

    def feed(self, content, rate=None):
        """Bytes that begin to arrive now, without gaps."""
        start = max([self.registers.chip.now] + [at for at, _ in self.wire])
        for number, byte in enumerate(content):
            self.wire.append((start + 10 * (number + 1) / (rate or self.nominal), byte))

    def next_event(self):
        return min(self.done_at, self.wire[0][0] if self.wire else math.inf)

    def catch_up(self, now):
        while self.next_event() <= now:
            if self.done_at <= (self.wire[0][0] if self.wire else math.inf):
                self._leaves()
            else:
                at, byte = self.wire.popleft()
                self._arrives(byte)

    def _leaves(self):
        at, byte = self.done_at, self.shifting
        off = abs(self.rate() / self.nominal - 1)
        # A receiver takes about 3.75 %; half of that belongs to its own clock.
        byte = byte if off < 0.018 else byte ^ 0x55
        self.sent.append(byte)
        self.left_at = at
        if self.to_itself:
            self._arrives(byte)
        self.shifting, self.done_at = None, math.inf
        if self.held is not None:
            self._shift(self.held, at)
        else:
            self.status |= self.TC

    def _shift(self, byte, at):
        self.shifting, self.held = byte, None
        self.done_at = at + 10 / self.rate()
        self.status |= self.TXE

    def _arrives(self, byte):
        if not self.cr1 & 1 << self.ON or not self.cr1 & 1 << 2:
            return
        if abs(self.rate() / self.nominal - 1) >= 0.018:
            byte ^= 0x55
        if self.status & self.RXNE:
            self.status |= self.ORE
            self.overruns += 1
        else:
            self.data = byte
            self.status |= self.RXNE

    def pending(self):
        return bool(self.cr1 & 1 << 5 and self.status & (self.RXNE | self.ORE))

    def read(self, offset):
        if offset == self.STATUS:
            return self.status
        if offset == self.CAME:
            self._taken()
            return self.data
        return {self.BRR: self.brr, self.CR1: self.cr1}.get(offset, 0)

    def _taken(self):
        self.status &= ~(self.RXNE | self.ORE)

    def write(self, offset, value):
        if offset == self.GOES:
            if not self.status & self.TXE:
                self.registers.wrong.append(f"a byte was written over one that waited (USART at {self.base:08x})")
            self.status &= ~self.TC
            if not self.brr or not self.cr1 & 1 << 3:
                self.registers.wrong.append(f"the USART at {self.base:08x} sends without a rate or without being on")
            elif self.shifting is None:
                self._shift(value & 0xFF, self.registers.chip.now)
            else:
                self.held = value & 0xFF
                self.status &= ~self.TXE
        elif offset == self.BRR:
            self.brr = value
        elif offset == self.CR1:
            self.cr1 = value


class Registers:
    """All registers, and the clocks that follow from them. `locks`: the PLL does."""

    # Of a chip: its clock control, the register in it with the reset flags, the bit there that removes them; where the clock of a
    # peripheral is enabled, by the peripheral's base; values after a reset; transmit and receive pin of each USART, as base of the
    # port, number and alternate function.
    RCC, RESET_FLAGS, REMOVE_FLAGS = None, None, None
    CLOCKS, RESET_VALUES, PINS = {}, {}, ()

    def __init__(self, chip, locks=True):
        self.chip, self.locks = chip, locks
        self.wrong = []
        self.host, self.air = self._make_usarts()
        self.usarts = (self.host, self.air)
        self.random_words = 0
        self.flags = 0
        self._to_reset_values()

    def _to_reset_values(self):
        self.words = dict(self.RESET_VALUES)
        self.tick_since, self.tick_at, self.tick_pending = None, math.inf, False
        self.reset_wanted = None
        for usart in self.usarts:
            usart.reset()

    # Power and reset.

    def power_off(self):
        for usart in self.usarts:
            usart.wire.clear()

    def reset(self, flags):
        self._to_reset_values()
        self.flags |= flags

    # Events.

    def next_event(self):
        return min([self.tick_at] + [usart.next_event() for usart in self.usarts])

    def catch_up(self):
        now = self.chip.now
        for usart in self.usarts:
            usart.catch_up(now)
        while self.tick_at <= now:
            self.tick_at += self._tick_period()
            self.tick_pending = bool(self.words.get(SYST_CSR, 0) & 2)

    def _tick_period(self):
        return (self.words.get(SYST_RVR, 0) + 1) / self.core_hz

    # Interrupts.

    def _is_enabled(self, interrupt):
        return self.words.get(0xE000_E100 + 4 * (interrupt // 32), 0) >> interrupt % 32 & 1

    def priority(self, number):
        """Of an exception: the chip has the upper four bits."""
        if number == SYSTICK:
            return self.words.get(SHPR3, 0) >> 24 & 0xF0
        interrupt = number - 16
        return self.words.get(0xE000_E400 + interrupt // 4 * 4, 0) >> 8 * (interrupt % 4) & 0xF0

    def most_urgent(self, below):
        """The pending exception that comes before priority `below`."""
        pending = [16 + usart.interrupt for usart in self.usarts if usart.pending() and self._is_enabled(usart.interrupt)]
        if self.tick_pending:
            pending.append(SYSTICK)
        pending = [(self.priority(number), number) for number in pending if self.priority(number) < below]
        return min(pending)[1] if pending else None

    def taken(self, number):
        if number == SYSTICK:
            self.tick_pending = False

    # Accesses.

    def access(self, base):
        """Read and write callbacks of a mapping at `base`."""
        read = lambda uc, offset, size, data: self.read(base + offset, size)
        write = lambda uc, offset, size, value, data: self.write(base + offset, size, value)
        return read, write

    def read(self, address, size):
        self.catch_up()
        word, shift = address & ~3, 8 * (address & 3)
        return (self._read(word) >> shift) & ((1 << 8 * size) - 1)

    def write(self, address, size, value):
        self.catch_up()
        if size != 4:
            word, shift = address & ~3, 8 * (address & 3)
            mask = ((1 << 8 * size) - 1) << shift
            address, value = word, self._read(word) & ~mask | value << shift
        self._write(address, value)

    def _is_clocked(self, address):
        enable, bit = self.CLOCKS.get(address & ~0x3FF, (None, None))
        if enable is None or self.words.get(self.RCC + enable, 0) >> bit & 1:
            return True
        self.wrong.append(f"{address:08x} was used without a clock")
        return False

    def _usart(self, address):
        return next((usart for usart in self.usarts if usart.base <= address < usart.base + 0x400), None)

    def _read(self, address):
        if not self._is_clocked(address):
            return 0
        usart = self._usart(address)
        if usart:
            return usart.read(address - usart.base)
        if address == self.RCC + self.RESET_FLAGS:
            return self.flags
        if address == RNG + 4:
            right = self.words.get(RNG, 0) & 4 and self.rng_hz() <= 48e6 and self.rng_hz() > self.core_hz / 16
            return 1 if right else 2
        if address == RNG + 8:
            self.random_words += 1
            return self.chip.random.getrandbits(32)
        if address == SYST_CVR:
            if self.tick_since is None:
                return 0
            reload = self.words.get(SYST_RVR, 0)
            return reload - int((self.chip.now - self.tick_since) * self.core_hz) % (reload + 1)
        if address == DWT_CYCCNT:
            counts = self.words.get(DEMCR, 0) >> 24 & 1 and self.words.get(DWT_CTRL, 0) & 1
            return int((self.chip.now - self.chip.slept) * self.core_hz) & 0xFFFF_FFFF if counts else 0
        if address == ICSR:
            return self.chip.active() | self.tick_pending << 26
        return self._read_own(address, self.words.get(address, 0))

    def _read_own(self, address, value):
        """A register of this chip alone; `value` was written last."""
        return value

    def _write(self, address, value):
        if not self._is_clocked(address):
            return
        usart = self._usart(address)
        if usart:
            usart.write(address - usart.base, value)
        elif 0xE000_E100 <= address < 0xE000_E120:
            self.words[address] = self.words.get(address, 0) | value
        elif address == AIRCR:
            if value & 0xFFFF_0004 == 0x05FA_0004:
                self.reset_wanted = SOFTWARE | PIN
                self.chip.uc.emu_stop()
        elif address == self.RCC + self.RESET_FLAGS:
            self.words[address] = value
            if value & self.REMOVE_FLAGS:
                self.flags = 0
        elif address == SYST_CSR:
            self.words[address] = value
            if value & 1:
                self.tick_since = self.chip.now
                self.tick_at = self.chip.now + self._tick_period()
            else:
                self.tick_since, self.tick_at = None, math.inf
        else:
            self._write_own(address, value)

    def _write_own(self, address, value):
        """The same for a write."""
        self.words[address] = value

    def pins(self):
        """Whether the four pins of the two USARTs are theirs, and the two inputs are pulled up."""
        return all(self._is_given(*transmit) and self._is_given(*receive, pull=1) for transmit, receive in self.PINS)

    def _is_given(self, port, pin, function, pull=0):
        bits = lambda offset, width, at: self.words.get(port + offset, 0) >> width * at & (1 << width) - 1
        return (bits(0, 2, pin), bits(0xC, 2, pin), bits(0x20 + pin // 8 * 4, 4, pin % 8)) == (2, pull, function)
