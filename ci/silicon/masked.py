"""How long an image keeps interrupts masked, at worst: counted from the code of its ELF file.

`masked.py LIMIT IMAGE.elf..`. A region begins at `cpsid i` and ends where PRIMASK is given back. Of all paths through it, called
functions included, the longest counts. A loop, or a call whose target only the running program knows, can't be counted and
is refused. Paths that never give PRIMASK back end in a reset, and don't count.

Cycles are those of the Cortex-M4 (Technical Reference Manual, instruction timing), and on the safe side: a taken branch and a
literal may each miss the flash accelerator, which costs five wait states at 168 MHz.
"""

import functools
import re
import struct
import sys

import capstone

WAIT_STATES = 5
BRANCH = 4 + WAIT_STATES
DIVISION = 12
DEEPEST = 4

CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
CONDITIONAL = re.compile(rf"b({CONDITIONS})(\.[nw])?$")
MASK, UNMASK = "mask", "unmask"


class Refused(Exception):
    """A region that can't be counted."""


class Image:
    """The Thumb code of an ELF file, an instruction an address."""

    def __init__(self, path):
        with open(path, "rb") as file:
            elf = file.read()
        (table,) = struct.unpack_from("<I", elf, 32)
        size, count, names_at = struct.unpack_from("<HHH", elf, 46)
        sections = [struct.unpack_from("<10I", elf, table + number * size) for number in range(count)]
        symtab = next(section for section in sections if section[1] == 2)
        strings = sections[symtab[6]][4]
        text = lambda at: elf[strings + at : elf.index(b"\0", strings + at)].decode()
        symbols = [struct.unpack_from("<IIIBBH", elf, symtab[4] + at) for at in range(0, symtab[5], 16)]
        marks = sorted((value, text(name)[:2], home) for name, value, _, _, _, home in symbols if text(name)[:2] in ("$t", "$d"))
        self.names = sorted((value & ~1, text(name)) for name, value, _, info, _, _ in symbols if info & 15 == 2)
        self.code = {}
        decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        for number, (start, kind, home) in enumerate(marks):
            if kind != "$t" or not 0 < home < count or not sections[home][2] & 4:
                continue
            _, _, _, address, offset, length, *_ = sections[home]
            end = min([value for value, _, other in marks[number + 1 :] if other == home][:1] + [address + length])
            content = elf[offset + start - address : offset + end - address]
            for at, length, name, operands in decoder.disasm_lite(content, start):
                self.code[at] = (length, name, operands)
        if not self.code:
            raise Refused(f"{path} has no Thumb code that can be found by its mapping symbols")

    def name(self, address):
        below = [name for at, name in self.names if at <= address]
        return below[-1] if below else "?"

    def cycles(self, name, operands):
        base = name.split(".")[0]
        if base.startswith(("udiv", "sdiv")):
            return DIVISION
        if base.startswith(("vdiv", "vsqrt")):
            return 14
        if base.startswith(("ldm", "stm", "push", "pop", "vpush", "vpop", "vldm", "vstm")):
            return 1 + sum(self._registers(part) for part in re.search(r"{(.*)}", operands)[1].split(","))
        if base.startswith(("ldrd", "strd")):
            return 3
        if base.startswith(("ldr", "str", "vldr", "vstr")):
            return 2 + (WAIT_STATES if "[pc" in operands else 0)
        if base in ("dmb", "dsb", "isb", "mrs", "msr"):
            return 4
        if base.startswith(("umull", "smull", "umlal", "smlal", "mla", "mls")):
            return 2
        return 1

    @staticmethod
    def _registers(part):
        first, _, last = part.strip().partition("-")
        number = lambda register: int(re.sub(r"\D", "", register) or 0)
        return number(last) - number(first) + 1 if last else 1

    @functools.cache
    def step(self, address):
        """(cycles, what it does to the mask, called function, addresses that may follow; None among them: it returns)."""
        if address not in self.code:
            raise Refused(f"{address:08x} is no code")
        length, name, operands = self.code[address]
        following, base = address + length, name.split(".")[0]
        cost = self.cycles(name, operands)
        target = lambda: int(operands.split("#")[-1], 16)
        if name == "cpsid" or name == "cpsie":
            return cost, MASK if name == "cpsid" else UNMASK, None, (following,)
        if base == "msr" and operands.lower().startswith("primask"):
            return cost, UNMASK, None, (following,)
        if base == "udf":
            return cost, None, None, ()
        if base == "b":
            return BRANCH, None, None, (target(),)
        if CONDITIONAL.match(name):
            return BRANCH, None, None, (following, target())
        if base in ("cbz", "cbnz"):
            return BRANCH, None, None, (following, target())
        if base == "bl":
            return BRANCH, None, target(), (following,)
        returns = (base == "bx" and operands == "lr") or (base in ("pop", "ldm") and "pc" in operands) or (base == "ldr" and operands.startswith("pc, [sp]"))
        if returns:
            return cost + BRANCH, None, None, (None,)
        if re.match(rf"bx({CONDITIONS})$", base) and operands == "lr" or re.match(rf"pop({CONDITIONS})$", base) and "pc" in operands:
            return cost + BRANCH, None, None, (following, None)
        if base.startswith(("blx", "bx", "tbb", "tbh")) or operands.startswith("pc,"):
            return cost, None, "unknown", (following,)
        return cost, None, None, (following,)

    def longest(self, start, depth, is_end):
        """Cycles of the longest path from `start` to where `is_end(address, depth after it)`; None if no path gets there."""
        finished, under_way = {}, set()

        def go(address, depth):
            state = address, depth
            if state in finished:
                return finished[state]
            if state in under_way:
                return LOOP
            under_way.add(state)
            cost, mask, called, following = self.step(address)
            depth += {MASK: 1, UNMASK: -1, None: 0}[mask]
            if is_end(mask, depth, following):
                best = cost
            else:
                rests = [go(then, min(depth, DEEPEST)) for then in following if then is not None]
                ends = [rest for rest in rests if rest is not None]
                if LOOP in ends:
                    # Harmless where nothing that follows ever ends.
                    ends = [rest for rest in ends if rest is not LOOP]
                    best = Refused(f"a loop at {address:08x} in {self.name(address)}") if ends else LOOP
                elif any(isinstance(rest, Refused) for rest in ends):
                    best = next(rest for rest in ends if isinstance(rest, Refused))
                else:
                    best = cost + max(ends) if ends else None
                if called is not None and best is not None and best is not LOOP:
                    inside = Refused(f"a call of what can't be known at {address:08x} in {self.name(address)}") if called == "unknown" else self.function(called)
                    best = inside if isinstance(inside, Refused) or inside is None else best if isinstance(best, Refused) else best + inside
            under_way.discard(state)
            if best is not LOOP:
                finished[state] = best
            return best

        best = go(start, depth)
        return None if best is LOOP else best

    @functools.cache
    def function(self, address):
        """Cycles from a function's first instruction to its return; what it does to the mask is its own affair."""
        return self.longest(address, 0, lambda mask, depth, following: None in following)

    def regions(self):
        for address, (_, name, operands) in sorted(self.code.items()):
            if name == "cpsid" and operands == "i":
                yield address, self.longest(address, 0, lambda mask, depth, following: mask == UNMASK and depth <= 0)


LOOP = object()


def main(limit, *images):
    sys.setrecursionlimit(100_000)
    wrong = []
    for path in images:
        image, worst, counted = Image(path), (0, 0), 0
        for address, cycles in image.regions():
            where = f"{path}: {address:08x} in {image.name(address)}"
            if isinstance(cycles, Refused):
                wrong.append(f"{where}: {cycles}")
            elif cycles is not None:
                counted, worst = counted + 1, max(worst, (cycles, address))
                if cycles > int(limit):
                    wrong.append(f"{where}: {cycles} cycles, and {limit} are allowed")
        if not counted:
            wrong.append(f"{path}: there is no region with interrupts masked, which no image of these boards is without")
        print(f"{path}: {counted} regions, the longest has {worst[0]} cycles, at {worst[1]:08x} in {image.name(worst[1])}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
