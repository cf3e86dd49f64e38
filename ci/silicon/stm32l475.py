"""The registers of the STM32L475 (RM0351) that the images of the B-L475E-IOT01A use, and what those images have to do on the chip.

`stm32l475.py VALIDATOR.elf EMULATOR.elf [CHECK..]`.
"""

import math
import sys

import checks
from checks import Console
from chip import Chip
from registers import DBGMCU_CR, HSI_HZ, PIN, SOFTWARE, WATCHDOG, Registers, Usart

HSI_STARTS_AFTER = 3e-6
PLL_LOCKS_AFTER = 40e-6
MSI_SETTLES_AFTER = 5e-6
# Of MSIRANGE, in Hz.
MSI_RANGES = (100e3, 200e3, 400e3, 800e3, 1e6, 2e6, 4e6, 8e6, 16e6, 24e6, 32e6, 48e6)

RCC, FLASH, PWR, GPIOA, GPIOB = 0x4002_1000, 0x4002_2000, 0x4000_7000, 0x4800_0000, 0x4800_0400
CFGR, PLLCFGR, CCIPR = RCC + 0x08, RCC + 0x0C, RCC + 0x88
OPTIONS = range(FLASH + 0x08, FLASH + 0x50)
BROWN_OUT = 1 << 27
MSI_ON, MSI_READY, HSI_ON, HSI_READY, PLL_ON, PLL_READY = 1 << 0, 1 << 1, 1 << 8, 1 << 10, 1 << 24, 1 << 25


class UsartWithIsr(Usart):
    """Its overrun is cleared by a write to ICR alone, and its rate is taken only while it is off."""

    CR1, BRR, STATUS, ICR, CAME, GOES, ON = 0, 0xC, 0x1C, 0x20, 0x24, 0x28, 0

    def _taken(self):
        self.status &= ~self.RXNE

    def write(self, offset, value):
        if offset == self.ICR:
            self.status &= ~(value & self.ORE)
        elif offset == self.BRR and self.cr1 & 1:
            self.registers.wrong.append(f"the rate of the USART at {self.base:08x} was written while it was on")
        else:
            super().write(offset, value)
            if offset == self.CR1 and value & 1 and self.brr < 16:
                self.registers.too_slow.append(self.base)


class Stm32l475Registers(Registers):
    """Of an STM32L475. `oscillates`: its oscillator of 16 MHz does."""

    RCC, RESET_FLAGS, REMOVE_FLAGS = RCC, 0x94, 1 << 23
    CLOCKS = {
        0x4001_3800: (0x60, 14), 0x4000_4C00: (0x58, 19), PWR: (0x58, 28), GPIOA: (0x4C, 0), GPIOB: (0x4C, 1), 0x5006_0800: (0x4C, 18),
    }
    RESET_VALUES = {
        RCC: 0x63, PLLCFGR: 0x1000, PWR: 0x200, FLASH: 0x600, DBGMCU_CR: 0, GPIOA: 0xABFF_FFFF, GPIOA + 0xC: 0x6400_0000,
        GPIOB: 0xFFFF_FEBF, GPIOB + 0xC: 0x0000_0100,
    }
    PINS = (((GPIOB, 6, 7), (GPIOB, 7, 7)), ((GPIOA, 0, 8), (GPIOA, 1, 8)))

    def __init__(self, chip, oscillates=True, **how):
        self.oscillates = oscillates
        super().__init__(chip, **how)

    def _make_usarts(self):
        return UsartWithIsr(self, 0x4001_3800, 37, 115_200, "apb2_hz"), UsartWithIsr(self, 0x4000_4C00, 52, 1_000_000, "apb1_hz")

    def _to_reset_values(self):
        super()._to_reset_values()
        self.hsi_since = self.pll_since = None
        self.msi_since = -math.inf
        self.too_slow = []
        self.core_hz = self.apb1_hz = self.apb2_hz = 4e6

    def power_on(self, brown_out):
        self._to_reset_values()
        self.flags |= PIN | BROWN_OUT

    # Clocks.

    def _since(self, since, time):
        return since is not None and self.chip.now >= since + time

    def msi_hz(self):
        # Until MSIRGSEL is set, the range is another register's, 4 MHz.
        word = self.words[RCC]
        return MSI_RANGES[min(word >> 4 & 0xF, 11)] if word & 1 << 3 else 4e6

    def pll_hz(self):
        """Input, oscillator, output R."""
        word = self.words[PLLCFGR]
        source = {1: self.msi_hz(), 2: HSI_HZ if self._hsi_is_ready() else 0.0}.get(word & 3, 0.0)
        entry = source / ((word >> 4 & 7) + 1)
        oscillator = entry * (word >> 8 & 0x7F)
        return entry, oscillator, oscillator / (2 * (word >> 25 & 3) + 2) if word & 1 << 24 else 0.0

    def rng_hz(self):
        # No clock until one is chosen: the chip has no oscillator of 48 MHz for that alone.
        return self.msi_hz() if self.words.get(CCIPR, 0) >> 26 & 3 == 3 and self._msi_is_ready() else 0.0

    def _msi_is_ready(self):
        return bool(self.words[RCC] & MSI_ON) and self._since(self.msi_since, MSI_SETTLES_AFTER)

    def _hsi_is_ready(self):
        return self.oscillates and self._since(self.hsi_since, HSI_STARTS_AFTER)

    def _pll_is_ready(self):
        return self.locks and self._since(self.pll_since, PLL_LOCKS_AFTER)

    def _switch_clock(self, value):
        chosen = value & 3
        if not {0: self._msi_is_ready, 1: self._hsi_is_ready, 3: self._pll_is_ready}.get(chosen, bool)():
            self.words[CFGR] = value & ~0xC | self.words.get(CFGR, 0) & 0xC
            if chosen != 3 or self.locks:
                self.wrong.append(f"the clock was switched to a source that is not ready ({chosen})")
            return
        self.words[CFGR] = value & ~0xC | chosen << 2
        self.core_hz = {0: self.msi_hz, 1: lambda: HSI_HZ, 3: lambda: self.pll_hz()[2]}[chosen]()
        divider = lambda bits: 1 if bits < 4 else 2 << (bits - 4)
        self.apb1_hz, self.apb2_hz = self.core_hz / divider(value >> 8 & 7), self.core_hz / divider(value >> 11 & 7)
        states = self.words[FLASH] & 7
        for what, bad in (
            ("the core is faster than 80 MHz", self.core_hz > 80e6),
            ("flash is read with too few wait states", states < math.ceil(self.core_hz / 16e6) - 1),
            ("more than 26 MHz outside of voltage range 1", self.core_hz > 26e6 and self.words[PWR] >> 9 & 3 != 1),
            ("the PLL's oscillator is outside of 64 to 344 MHz", chosen == 3 and not 64e6 <= self.pll_hz()[1] <= 344e6),
            ("the PLL's input is outside of 4 to 16 MHz", chosen == 3 and not 4e6 <= self.pll_hz()[0] <= 16e6),
        ):
            if bad:
                self.wrong.append(what)

    # Accesses.

    def _read_own(self, address, value):
        if address == RCC:
            ready = self._msi_is_ready() * MSI_READY | self._hsi_is_ready() * HSI_READY | self._pll_is_ready() * PLL_READY
            return value & ~(MSI_READY | HSI_READY | PLL_READY) | ready
        return value

    def _write_own(self, address, value):
        before = self.words.get(address, 0)
        if address in OPTIONS:
            self.wrong.append("flash or option bytes were unlocked or written")
        if address == FLASH and value & 7 < math.ceil(self.core_hz / 16e6) - 1:
            self.wrong.append("flash was made too fast for the clock")
        if address == PLLCFGR and self.pll_since is not None:
            self.wrong.append("the PLL was changed while it was on")
        if address == CFGR:
            self._switch_clock(value)
            return
        self.words[address] = value
        if address == RCC:
            self._oscillators(before, value)

    def _oscillators(self, before, value):
        now = self.chip.now
        if (before ^ value) & 0xF8:
            if not before & MSI_ON or not self.msi_since + MSI_SETTLES_AFTER <= now:
                self.wrong.append("the range of MSI was changed while it was not ready")
            if self.words.get(CFGR, 0) >> 2 & 3 == 0:
                self.wrong.append("the range of MSI was changed while the core ran on it")
            self.msi_since = now
        if value & HSI_ON and self.hsi_since is None:
            self.hsi_since = now
        if value & PLL_ON and self.pll_since is None:
            if self.pll_hz()[0] == 0.0:
                self.wrong.append("the PLL was switched on without a source")
            self.pll_since = now


class Stm32l475(Chip):
    """One STM32L475VG. Nothing lets its RAM outlive the power."""

    flash, ram = (0x0800_0000, 1 << 20), ((0x2000_0000, 96 << 10), (0x1000_0000, 32 << 10))
    peripherals = ((0x4000_0000, 0x8_0000), (0x4800_0000, 0x2000), (0x5006_0000, 0x1000), (0xE000_0000, 0x10_0000))
    behind = Stm32l475Registers
    # What the checks of all STM32 ask: how many rides fit, what lets memory outlive the power, the flag of a brown-out.
    rides, retains, brown_out = 200, {}, BROWN_OUT


def clock(kind, validator, _):
    """The core and both buses run at 80 MHz, and flash, voltage and PLL are told first."""
    console = Console(kind, validator)
    console.starts()
    registers = console.registers
    assert (registers.core_hz, registers.apb1_hz, registers.apb2_hz) == (80e6, 80e6, 80e6), registers.core_hz
    assert registers.words[FLASH] & 0x700 == 0x700, "caches and prefetch are on"
    assert not registers.wrong + registers.too_slow, registers.wrong


def oscillator_fails(kind, validator, _):
    """A chip whose oscillator of 16 MHz does not start still talks on its console, at 4 MHz."""
    console = Console(kind, validator, oscillates=False)
    console.starts()
    assert console.registers.core_hz == 4e6
    assert console.say("echo here") == "ok here"
    assert not console.registers.wrong, console.registers.wrong


def overrun(kind, validator, emulator):
    """A byte that was overwritten is no end: the air goes on, and no interrupt comes for ever."""
    for image in (validator, emulator):
        chip = kind(image)
        chip.power_on()
        chip.run(0.4)
        air = chip.registers.air
        air.status |= air.ORE
        assert chip.run(0.01, lambda: not air.status & air.ORE), "the overrun stays"
        taken = []
        chip.uc.hook_add(4, lambda *_: taken.append(1))  # UC_HOOK_CODE
        chip.run(0.2)
        assert len(taken) < 3_000_000 * 0.2, f"{len(taken)} instructions in 0.2 s"


def retention(kind, validator, _):
    """Settings outlive every reset, and not the power; the board starts either way."""
    console = Console(kind, validator)
    console.starts()
    assert console.say("set fare 345") == "ok" and console.say("profile winter") == "ok"
    for flags in (PIN, SOFTWARE | PIN, WATCHDOG | PIN):
        console.chip.reset(flags)
        console.starts()
        assert "profile=winter" in console.say("status")
    console.power_cycle()
    assert "profile=- " in console.say("status")
    assert not console.registers.wrong, console.registers.wrong


def memory(kind, validator, _):
    """At start the validator looks through both stretches of its memory, from end to end, and through no other."""
    console = Console(kind, validator)
    words = set()
    look = lambda uc, access, address, size, value, _: words.add(address & ~3)
    for base in (0x2001_0000, 0x1000_0000):
        console.chip.uc.hook_add(1024, look, begin=base, end=base + 0x7FFF)  # UC_HOOK_MEM_READ
    console.starts()
    for base in (0x2001_0000, 0x1000_0000):
        mine = [word - base for word in words if base <= word < base + 0x8000]
        assert mine and min(mine) < 256 and max(mine) >= 0x8000 - 512, f"at {base:08x}: {min(mine, default=0):x} to {max(mine, default=0):x}"


CHECKS = (clock, *checks.CHECKS, oscillator_fails, overrun, retention, memory)

if __name__ == "__main__":
    sys.exit(checks.main(CHECKS, (Stm32l475,), *sys.argv[1:]))
