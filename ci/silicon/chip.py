"""The core of a chip with its clock, as a machine that runs an ELF image: Unicorn executes, this module keeps time,
delivers interrupts, and asks the chip's registers about every access to a peripheral.

Time is counted a basic block at a time: a cycle for every two bytes of code, and two for the branch that ends it. That is no
cycle-exact processor, but close to one: on a Cortex-M4 most instructions take one cycle, loads two, taken branches two to
four, and the flash accelerator hides most wait states. Interrupt entry and exit take 12 cycles each.
"""

import random
import struct

import unicorn
from unicorn import arm_const as arm

# Where an interrupt handler returns to.
BACK = 0x1FFF_0000
# Instructions that the model has to know of: `wfi`, `cpsid i`, `cpsie i`, `msr primask, rN`.
WFI, MASK, UNMASK, MSR, PRIMASK = 0xBF30, 0xB672, 0xB662, 0xF380, b"\x10\x88"
ENTRY_CYCLES = 12


class Wrong(Exception):
    """The image did something that the chip does not take."""


def segments(elf):
    """What an ELF file puts into flash: (address, bytes)."""
    assert elf[:6] == b"\x7fELF\x01\x01", "an ELF file of 32 bits, little end first"
    (offset,) = struct.unpack_from("<I", elf, 28)
    size, count = struct.unpack_from("<HH", elf, 42)
    for number in range(count):
        kind, at, _, physical, length = struct.unpack_from("<IIIII", elf, offset + number * size)
        if kind == 1 and length:
            yield physical, elf[at : at + length]


class Chip:
    """One chip; `how` goes to its registers. Of a kind of chip: flash, RAM and peripherals, each as base and size, and the class of
    the registers behind them."""

    flash, ram, peripherals, behind = None, (), (), None

    def __init__(self, elf, **how):
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        base, size = self.flash
        self.uc.mem_map(base, size)
        # Erased: a digest counts gaps of the image, too.
        self.uc.mem_write(base, b"\xff" * size)
        for base, size in self.ram:
            self.uc.mem_map(base, size)
        self.uc.mem_map(BACK, 0x1000)
        self.registers = self.behind(self, **how)
        for base, size in self.peripherals:
            read, write = self.registers.access(base)
            self.uc.mmio_map(base, size, read, None, write, None)
        for address, content in segments(elf):
            self.uc.mem_write(address, content)
            for at in range(0, len(content) - 1, 2):
                (word,) = struct.unpack_from("<H", content, at)
                hook = {WFI: self._sleep, MASK: self._mask, UNMASK: self._unmask}.get(word)
                if word & 0xFFF0 == MSR and content[at + 2 : at + 4] == PRIMASK:
                    hook = self._restore
                if hook:
                    self.uc.hook_add(unicorn.UC_HOOK_CODE, hook, begin=address + at, end=address + at)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self._block)
        self.now = 0.0
        # How much of that the processor slept.
        self.slept = 0.0
        self.alive = False
        self.random = random.Random(1)

    # Time.

    def _block(self, uc, address, size, _):
        # A stop comes before the block runs: the first one after a stop always does, so that there is progress.
        if self.now >= self.stop_at and not self.resumed:
            uc.emu_stop()
            return
        self.resumed = False
        self.spend(size // 2 + 2)

    def spend(self, cycles):
        self.now += cycles / self.registers.core_hz

    def _sleep(self, uc, address, size, _):
        # The instruction is left out: Unicorn would never wake.
        uc.reg_write(arm.UC_ARM_REG_PC, address + size | 1)
        self.asleep = True
        uc.emu_stop()

    def _mask(self, uc, address, size, _):
        if self.masked_since is None:
            self.masked_since = self.now

    def _unmask(self, uc, address, size, _):
        if self.masked_since is not None:
            masked, self.masked_since = self.now - self.masked_since - self.slept_masked, None
            self.longest_masked, self.slept_masked = max(self.longest_masked, masked), 0.0
        # An interrupt that waited comes now.
        self.stop_at = self.now

    def _restore(self, uc, address, size, _):
        source = int.from_bytes(uc.mem_read(address, 1), "little") & 15
        if not uc.reg_read(arm.UC_ARM_REG_R0 + source) & 1:
            self._unmask(uc, address, size, _)

    # Power and reset.

    def power_on(self, brown_out=False):
        """After a power cycle the RAM holds anything."""
        for base, size in self.ram:
            self.uc.mem_write(base, self.random.randbytes(size))
        self.registers.power_on(brown_out)
        self._start()

    def power_off(self):
        self.alive = False
        self.registers.power_off()

    def reset(self, flags):
        """A reset that leaves RAM alone, with these flags in the register that tells why."""
        self.registers.reset(flags)
        self._start()

    def _start(self):
        # A fresh core: interrupts are not masked, nothing is active.
        self.frames, self.asleep, self.alive = [], False, True
        self.masked_since, self.slept_masked, self.longest_masked, self.stop_at = None, 0.0, 0.0, 0.0
        stack, entry = struct.unpack("<II", self.uc.mem_read(self.flash[0], 8))
        self.uc.reg_write(arm.UC_ARM_REG_PRIMASK, 0)
        self.uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self.uc.reg_write(arm.UC_ARM_REG_LR, 0xFFFF_FFFF)
        self.pc = entry & ~1

    # Interrupts.

    def active(self):
        """Number of the exception that runs, 0 for none."""
        return self.frames[-1][0] if self.frames else 0

    def _enter(self, number):
        context = self.uc.context_save()
        stack = self.uc.reg_read(arm.UC_ARM_REG_SP)
        self.frames.append((number, context, self.pc))
        # The frame of eight words; what is in it nobody looks at, as the context is put back whole.
        self.uc.reg_write(arm.UC_ARM_REG_SP, (stack - 32) & ~7)
        self.uc.reg_write(arm.UC_ARM_REG_LR, BACK | 1)
        (vector,) = struct.unpack("<I", self.uc.mem_read(self.flash[0] + 4 * number, 4))
        self.pc = vector & ~1
        self.registers.taken(number)
        self.spend(ENTRY_CYCLES)

    def _leave(self):
        _, context, pc = self.frames.pop()
        self.uc.context_restore(context)
        self.pc = pc
        self.spend(ENTRY_CYCLES)

    def _interrupt(self):
        """Takes the most urgent interrupt, if one may come."""
        current = self.registers.priority(self.active()) if self.frames else 0x100
        number = self.registers.most_urgent(current)
        if number is None:
            return False
        self.asleep = False
        if self.uc.reg_read(arm.UC_ARM_REG_PRIMASK) & 1:
            # Masked interrupts wake a sleeping processor; their handler comes when the mask is off.
            return False
        self._enter(number)
        return True

    def run(self, seconds, until=lambda: False):
        """Runs for so long, or until something holds. Whether it held."""
        end = self.now + seconds
        while not until():
            if self.now >= end:
                return False
            if not self.alive:
                raise Wrong("it runs without power")
            self.registers.catch_up()
            flags = self.registers.reset_wanted
            if flags is not None:
                self.reset(flags)
                continue
            self._interrupt()
            next_event = min(self.registers.next_event(), end)
            if self.asleep:
                slept = max(0.0, next_event - self.now)
                self.now += slept
                self.slept += slept
                # Who sleeps with interrupts masked wakes at once when one comes.
                self.slept_masked += slept if self.masked_since is not None else 0.0
                continue
            self.stop_at, self.resumed = next_event, True
            try:
                self.uc.emu_start(self.pc | 1, BACK)
            except unicorn.UcError as error:
                raise Wrong(f"{error} at {self.uc.reg_read(arm.UC_ARM_REG_PC):08x}") from None
            self.pc = self.uc.reg_read(arm.UC_ARM_REG_PC) & ~1
            if self.pc == BACK:
                self._leave()
        return True
