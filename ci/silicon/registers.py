"""The registers of the STM32F405 (RM0090) that the images use, with what the chip does behind them. What the chip would not
take, or would not do right, goes to `wrong`.
"""

import collections
import math

HSI_HZ = 16_000_000
PLL_LOCKS_AFTER = 200e-6
REGULATOR_READY_AFTER = 2e-3
OPTION_BYTES_TAKE = 0.3

RCC, FLASH, PWR, GPIOA, RNG = 0x4002_3800, 0x4002_3C00, 0x4000_7000, 0x4002_0000, 0x5006_0800
BACKUP_SRAM, BACKUP_SIZE = 0x4002_4000, 4096
SYST_CSR, SYST_RVR, SYST_CVR = 0xE000_E010, 0xE000_E014, 0xE000_E018
ICSR, AIRCR, SHPR3, DBGMCU_CR = 0xE000_ED04, 0xE000_ED0C, 0xE000_ED20, 0xE004_2004
DEMCR, DWT_CTRL, DWT_CYCCNT = 0xE000_EDFC, 0xE000_1000, 0xE000_1004
SYSTICK = 15

PIN, POWER, SOFTWARE, WATCHDOG, BROWN_OUT = 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 25


class Usart:
    """A USART with a byte clock on either side: `feed` is what the other end sends, `sent` what has left this one
    whole, the last of it at `left_at`."""

    RXNE, ORE, TC, TXE = 1 << 5, 1 << 3, 1 << 6, 1 << 7

    def __init__(self, registers, base, interrupt, nominal):
        self.registers, self.base, self.interrupt, self.nominal = registers, base, interrupt, nominal
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
        bus = self.registers.apb2_hz if self.base == 0x4001_1000 else self.registers.apb1_hz
        return bus / self.brr if self.brr else 0.0

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
        if not self.cr1 & 1 << 13 or not self.cr1 & 1 << 2:
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
        if offset == 0:
            return self.status
        if offset == 4:
            self.status &= ~(self.RXNE | self.ORE)
            return self.data
        return {8: self.brr, 0xC: self.cr1}.get(offset, 0)

    def write(self, offset, value):
        if offset == 4:
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
        elif offset == 8:
            self.brr = value
        elif offset == 0xC:
            self.cr1 = value


class Registers:
    """All registers, and the clocks that follow from them."""

    def __init__(self, chip, vbat=False, locks=True):
        self.chip, self.vbat, self.locks = chip, vbat, locks
        self.wrong = []
        self.usart1 = Usart(self, 0x4001_1000, 37, 115_200)
        self.usart2 = Usart(self, 0x4000_4400, 38, 1_000_000)
        self.usarts = (self.usart1, self.usart2)
        self.backup = bytearray(BACKUP_SIZE)
        # Of the backup domain: outlives a reset.
        self.regulator_since = None
        # Of the flash: outlives everything. Brown-out reset is off in a new chip.
        self.option_bytes = 0x0FFF_AAEC
        self.option_writes = 0
        self.random_words = 0
        self.flags = 0
        self.reset_wanted = None
        self._to_reset_values()

    def _to_reset_values(self):
        self.words = {RCC + 0x00: 0x83, RCC + 0x04: 0x2400_3010, PWR: 1 << 14, DBGMCU_CR: 0, GPIOA: 0xA800_0000, GPIOA + 0xC: 0x6400_0000}
        self.pll_since = None
        self.option_keys, self.option_lock = [], True
        self.option_wanted = self.option_bytes
        self.core_hz = self.apb1_hz = self.apb2_hz = HSI_HZ
        self.tick_since, self.tick_at, self.tick_pending = None, math.inf, False
        self.reset_wanted = None
        for usart in self.usarts:
            usart.reset()

    # Power and reset.

    def power_on(self, brown_out):
        self._to_reset_values()
        self.flags |= PIN | BROWN_OUT | (0 if brown_out else POWER)

    def power_off(self):
        if not self.vbat or not self._regulator_is_ready():
            self.backup = bytearray(self.chip.random.randbytes(BACKUP_SIZE))
        if not self.vbat:
            self.regulator_since = None
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
        enable, bit = {
            0x4001_1000: (0x44, 4), 0x4000_4400: (0x40, 17), PWR: (0x40, 28), GPIOA: (0x30, 0), 0x5006_0800: (0x34, 6),
        }.get(address & ~0x3FF, (None, None))
        if BACKUP_SRAM <= address < BACKUP_SRAM + BACKUP_SIZE:
            enable, bit = 0x30, 18
        if enable is None or self.words.get(RCC + enable, 0) >> bit & 1:
            return True
        self.wrong.append(f"{address:08x} was used without a clock")
        return False

    def _regulator_is_ready(self):
        return self.regulator_since is not None and self.chip.now >= self.regulator_since + REGULATOR_READY_AFTER

    def _read(self, address):
        if not self._is_clocked(address):
            return 0
        usart = next((usart for usart in self.usarts if usart.base <= address < usart.base + 0x400), None)
        if usart:
            return usart.read(address - usart.base)
        if BACKUP_SRAM <= address < BACKUP_SRAM + BACKUP_SIZE:
            at = address - BACKUP_SRAM
            return int.from_bytes(self.backup[at : at + 4], "little")
        value = self.words.get(address, 0)
        if address == RCC:
            locked = self.locks and self.pll_since is not None and self.chip.now >= self.pll_since + PLL_LOCKS_AFTER
            return value | locked << 25
        if address == RCC + 0x74:
            return self.flags
        if address == PWR + 4:
            return value & ~(1 << 3 | 1 << 9) | self._regulator_is_ready() << 3 | (self.regulator_since is not None) << 9
        if address == FLASH + 0x14:
            return self.option_wanted & ~1 | self.option_lock
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
        return value

    def _write(self, address, value):
        if not self._is_clocked(address):
            return
        usart = next((usart for usart in self.usarts if usart.base <= address < usart.base + 0x400), None)
        if usart:
            usart.write(address - usart.base, value)
        elif BACKUP_SRAM <= address < BACKUP_SRAM + BACKUP_SIZE:
            if self.words.get(PWR, 0) & 1 << 8:
                at = address - BACKUP_SRAM
                self.backup[at : at + 4] = value.to_bytes(4, "little")
            else:
                self.wrong.append("backup memory was written while its protection was on")
        elif 0xE000_E100 <= address < 0xE000_E120:
            self.words[address] = self.words.get(address, 0) | value
        elif address == AIRCR:
            if value & 0xFFFF_0004 == 0x05FA_0004:
                self.reset_wanted = SOFTWARE | PIN
                self.chip.uc.emu_stop()
        elif address == FLASH + 8:
            self.option_keys = (self.option_keys + [value])[-2:]
            if self.option_keys == [0x0819_2A3B, 0x4C5D_6E7F]:
                self.option_lock = False
        elif address == FLASH + 0x14:
            self._write_options(value)
        else:
            self.words[address] = value
            self._follow(address, value)

    def _write_options(self, value):
        if self.option_lock:
            self.wrong.append("option bytes were written while locked")
            return
        self.option_wanted = value & 0x0FFF_FFEC
        if value & 2:
            self.option_bytes = self.option_wanted
            self.option_writes += 1
            self.chip.now += OPTION_BYTES_TAKE
        self.option_lock = bool(value & 1)

    def _follow(self, address, value):
        """What the chip does after a write."""
        if address == RCC:
            on = value >> 24 & 1
            if on and self.pll_since is None:
                self.pll_since = self.chip.now
            elif not on:
                self.pll_since = None
        elif address == RCC + 0x74 and value & 1 << 24:
            self.flags = 0
        elif address == RCC + 8:
            self._switch_clock(value)
        elif address == PWR + 4 and value & 1 << 9 and self.regulator_since is None:
            self.regulator_since = self.chip.now
        elif address == SYST_CSR:
            if value & 1:
                self.tick_since = self.chip.now
                self.tick_at = self.chip.now + self._tick_period()
            else:
                self.tick_since, self.tick_at = None, math.inf
        elif address == FLASH and self.core_hz > 30e6 and value & 7 < 5:
            self.wrong.append("flash was made too fast for the clock")

    # Clocks.

    def vco_hz(self):
        pll = self.words.get(RCC + 4, 0)
        return HSI_HZ / max(pll & 0x3F, 1) * (pll >> 6 & 0x1FF)

    def rng_hz(self):
        if self.pll_since is None or not self.locks:
            return 0.0
        return self.vco_hz() / max(self.words.get(RCC + 4, 0) >> 24 & 0xF, 1)

    def _switch_clock(self, value):
        chosen = value & 3
        if chosen == 2 and not self._read(RCC) & 1 << 25:
            self.wrong.append("the clock was switched to a PLL that is not ready")
            return
        self.words[RCC + 8] = value & ~0xC | chosen << 2
        pll = self.words.get(RCC + 4, 0)
        source = self.vco_hz() / (2 * (pll >> 16 & 3) + 2) if chosen == 2 else HSI_HZ
        divider = lambda bits: 1 if bits < 4 else 2 << (bits - 4)
        self.core_hz = source
        self.apb1_hz, self.apb2_hz = source / divider(value >> 10 & 7), source / divider(value >> 13 & 7)
        states = self.words.get(FLASH, 0) & 7
        for what, bad in (
            ("the core is faster than 168 MHz", self.core_hz > 168e6),
            ("the bus of USART2 is faster than 42 MHz", self.apb1_hz > 42e6),
            ("the bus of USART1 is faster than 84 MHz", self.apb2_hz > 84e6),
            ("flash is read with too few wait states", states < math.ceil(self.core_hz / 30e6) - 1),
            ("more than 144 MHz without voltage scale 1", self.core_hz > 144e6 and not self.words.get(PWR, 0) >> 14 & 1),
            ("the PLL's oscillator is outside of 100 to 432 MHz", chosen == 2 and not 100e6 <= self.vco_hz() <= 432e6),
        ):
            if bad:
                self.wrong.append(what)

    def pins(self):
        """Whether the four pins of the two USARTs are theirs, and the two inputs are pulled up."""
        mode, pull = self.words.get(GPIOA, 0), self.words.get(GPIOA + 0xC, 0)
        low, high = self.words.get(GPIOA + 0x20, 0), self.words.get(GPIOA + 0x24, 0)
        function = low | high << 32
        mine = all(mode >> 2 * pin & 3 == 2 and function >> 4 * pin & 15 == 7 for pin in (2, 3, 9, 10))
        return mine and all(pull >> 2 * pin & 3 == 1 for pin in (3, 10))
