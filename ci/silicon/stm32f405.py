"""The registers of the STM32F405 (RM0090) that its images use, and what those images have to do on the chip.

`stm32f405.py VALIDATOR.elf EMULATOR.elf [CHECK..]`.
"""

import math
import sys

import checks
from checks import Console
from chip import Chip
from registers import DBGMCU_CR, HSI_HZ, PIN, Registers, Usart

PLL_LOCKS_AFTER = 200e-6
REGULATOR_READY_AFTER = 2e-3
OPTION_BYTES_TAKE = 0.3

RCC, FLASH, PWR, GPIOA = 0x4002_3800, 0x4002_3C00, 0x4000_7000, 0x4002_0000
BACKUP_SRAM, BACKUP_SIZE = 0x4002_4000, 4096
BROWN_OUT, POWER = 1 << 25, 1 << 27


class Stm32f405Registers(Registers):
    """Of an STM32F405. `vbat`: a battery supplies the backup domain."""

    RCC, RESET_FLAGS, REMOVE_FLAGS = RCC, 0x74, 1 << 24
    CLOCKS = {
        0x4001_1000: (0x44, 4), 0x4000_4400: (0x40, 17), PWR: (0x40, 28), GPIOA: (0x30, 0), 0x5006_0800: (0x34, 6),
        **{BACKUP_SRAM + at: (0x30, 18) for at in range(0, BACKUP_SIZE, 0x400)},
    }
    RESET_VALUES = {RCC: 0x83, RCC + 0x04: 0x2400_3010, PWR: 1 << 14, DBGMCU_CR: 0, GPIOA: 0xA800_0000, GPIOA + 0xC: 0x6400_0000}
    PINS = (((GPIOA, 9, 7), (GPIOA, 10, 7)), ((GPIOA, 2, 7), (GPIOA, 3, 7)))

    def __init__(self, chip, vbat=False, **how):
        self.vbat = vbat
        self.backup = bytearray(BACKUP_SIZE)
        # Of the backup domain: outlives a reset.
        self.regulator_since = None
        # Of the flash: outlives everything. Brown-out reset is off in a new chip.
        self.option_bytes = 0x0FFF_AAEC
        self.option_writes = 0
        super().__init__(chip, **how)

    def _make_usarts(self):
        return Usart(self, 0x4001_1000, 37, 115_200, "apb2_hz"), Usart(self, 0x4000_4400, 38, 1_000_000, "apb1_hz")

    def _to_reset_values(self):
        super()._to_reset_values()
        self.pll_since = None
        self.option_keys, self.option_lock = [], True
        self.option_wanted = self.option_bytes
        self.core_hz = self.apb1_hz = self.apb2_hz = HSI_HZ

    def power_on(self, brown_out):
        self._to_reset_values()
        self.flags |= PIN | BROWN_OUT | (0 if brown_out else POWER)

    def power_off(self):
        if not self.vbat or not self._regulator_is_ready():
            self.backup = bytearray(self.chip.random.randbytes(BACKUP_SIZE))
        if not self.vbat:
            self.regulator_since = None
        super().power_off()

    def _regulator_is_ready(self):
        return self.regulator_since is not None and self.chip.now >= self.regulator_since + REGULATOR_READY_AFTER

    def _read_own(self, address, value):
        if BACKUP_SRAM <= address < BACKUP_SRAM + BACKUP_SIZE:
            at = address - BACKUP_SRAM
            return int.from_bytes(self.backup[at : at + 4], "little")
        if address == RCC:
            locked = self.locks and self.pll_since is not None and self.chip.now >= self.pll_since + PLL_LOCKS_AFTER
            return value | locked << 25
        if address == PWR + 4:
            return value & ~(1 << 3 | 1 << 9) | self._regulator_is_ready() << 3 | (self.regulator_since is not None) << 9
        if address == FLASH + 0x14:
            return self.option_wanted & ~1 | self.option_lock
        return value

    def _write_own(self, address, value):
        if BACKUP_SRAM <= address < BACKUP_SRAM + BACKUP_SIZE:
            if self.words.get(PWR, 0) & 1 << 8:
                at = address - BACKUP_SRAM
                self.backup[at : at + 4] = value.to_bytes(4, "little")
            else:
                self.wrong.append("backup memory was written while its protection was on")
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
        elif address == RCC + 8:
            self._switch_clock(value)
        elif address == PWR + 4 and value & 1 << 9 and self.regulator_since is None:
            self.regulator_since = self.chip.now
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


class Stm32f405(Chip):
    """One STM32F405RG."""

    flash, ram = (0x0800_0000, 1 << 20), ((0x2000_0000, 128 << 10),)
    peripherals = ((0x4000_0000, 0x8_0000), (0x5006_0000, 0x1000), (0xE000_0000, 0x10_0000))
    behind = Stm32f405Registers
    # What the checks of all STM32 ask: how many rides fit, what lets memory outlive the power, the flag of a brown-out.
    rides, retains, brown_out = 8, {"vbat": True}, BROWN_OUT


def clock(kind, validator, _):
    """The core runs at 168 MHz, the buses at 42 and 84, and flash, voltage and PLL are told first."""
    console = Console(kind, validator)
    console.starts()
    registers = console.registers
    assert (registers.core_hz, registers.apb1_hz, registers.apb2_hz) == (168e6, 42e6, 84e6), registers.core_hz
    assert not registers.wrong, registers.wrong


def retention(kind, validator, _):
    """With a battery settings outlive the power, without one they don't, and the board starts either way."""
    console = Console(kind, validator, vbat=True)
    console.starts()
    assert console.say("set fare 345") == "ok" and console.say("profile winter") == "ok"
    console.power_cycle()
    assert "profile=winter" in console.say("status")
    assert not console.registers.wrong, console.registers.wrong

    console = Console(kind, validator)
    console.starts()
    assert console.say("profile winter") == "ok"
    console.power_cycle()
    assert "profile=- " in console.say("status")


def regulator(kind, validator, _):
    """The backup regulator is ready before the board says that it is."""
    console = Console(kind, validator, vbat=True)
    ready = console.registers._regulator_is_ready
    began = lambda: console.registers.host.shifting is not None or len(console.out) > 0
    assert console.chip.run(1.5, began)
    assert ready(), "the first byte was sent before the regulator was ready"


def brown_out_level(kind, validator, _):
    """The option byte for brown-out is set once, to level 2."""
    console = Console(kind, validator)
    console.starts()
    registers = console.registers
    assert registers.option_bytes >> 2 & 3 == 1, f"level bits are {registers.option_bytes >> 2 & 3:02b}"
    assert registers.option_bytes & 0xFF00 == 0xAA00, "the chip is not protected against reading"
    console.power_cycle()
    assert registers.option_writes == 1, registers.option_writes


def deny_list(kind, validator, _):
    """The seventeenth denied card is refused."""
    console = Console(kind, validator)
    console.starts()
    for card in range(16):
        assert console.say(f"deny add 62290000000000{card:02}") == "ok"
    assert console.say("deny add 6229000000000099").startswith("error full")


CHECKS = (clock, *checks.CHECKS, deny_list, retention, regulator, brown_out_level)

if __name__ == "__main__":
    sys.exit(checks.main(CHECKS, (Stm32f405,), *sys.argv[1:]))
