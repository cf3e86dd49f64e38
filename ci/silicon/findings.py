"""Whether the table of findings in README.md names, for each finding, checks that exist, and whether each check of an STM32 is in it.

A line of the table names checks of `ci/register-model`, parts of `.ci/run`, and tests (`cargo test ...`), each in backticks. Or it begins
with "no check" and says why there is none.
"""

import pathlib
import re
import sys

import stm32f405
import stm32l475

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
HEAD = "| what the review found | what shows that it holds now |"


def rows(page):
    """The findings, each with what the page says about it."""
    lines = iter(page.splitlines())
    if HEAD not in lines:
        return
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        finding, shows = (cell.strip() for cell in line.strip("|").split(" | "))
        yield finding, shows


def folder(package):
    """Where a package of this repository is."""
    for manifest in PROJECT.glob("*/**/Cargo.toml"):
        if "target" not in manifest.parts and re.search(rf'^name = "{package}"$', manifest.read_text(), re.M):
            return manifest.parent
    return None


def is_test(command):
    """Whether `cargo test -p PACKAGE .. FILTER` has a test to run."""
    words = command.split()
    package, wanted = folder(words[words.index("-p") + 1]), words[-1].split("::")[-1]
    tests = rf"#\[test\]\n(?:\s*#\[.*\]\n|\s*//.*\n)*\s*(?:async )?fn \w*{re.escape(wanted)}\w*\("
    return package is not None and any(re.search(tests, file.read_text()) for file in package.rglob("*.rs"))


def is_part(command):
    """Whether `.ci/run PART` has such a part."""
    return re.search(rf"^part_{command.split()[1]}\(\)", (PROJECT / ".ci/run").read_text(), re.M) is not None


def wrong(page, checks):
    """What is wrong with the table. `checks` are the names of all checks."""
    found, named = list(rows(page)), set()
    if not found:
        yield f"there is no table `{HEAD}`"
    for finding, shows in found:
        names = re.findall(r"`([^`]+)`", shows)
        if shows.startswith("no check"):
            continue
        if not names:
            yield f"{finding}: names no check"
        for name in names:
            named.add(name)
            exists = is_test if name.startswith("cargo test ") else is_part if name.startswith(".ci/run ") else checks.__contains__
            if not exists(name):
                yield f"{finding}: there is no `{name}`"
    for name in sorted(checks - named):
        yield f"no finding names the check `{name}`"


def main():
    checks = {check.__name__ for check in (*stm32f405.CHECKS, *stm32l475.CHECKS)}
    page = (HERE / "README.md").read_text()
    problems = list(wrong(page, checks))
    # Each planted mistake has to be noticed, so that this can't pass for the wrong reason.
    for was, planted in (("`rsa1984`", "`rsa1985`"), ("`rsa1984`", "nothing"), (HEAD, "| nothing | nothing |"), ("lib latency", "lib latenci"), ("run masked", "run masqued")):
        assert was in page, was
        if not set(wrong(page.replace(was, planted), checks)) - set(problems):
            problems.append(f"`{was}` replaced by `{planted}` is not noticed")
    for problem in problems:
        print(f"ci/silicon/README.md: {problem}")
    if not problems:
        print(f"{len(list(rows(page)))} findings, each with its check")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
