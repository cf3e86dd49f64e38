"""What the scripts share that plant defects: a copy of the firmware's sources that may be changed, hosted boards made from it, and runs on them.

The copy lies in target, in a folder of its own for each script, so that two scripts don't replace each other's programs.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAPRIG = ROOT / "target/release/taprig"
# What the workspace's manifests want to find; only the hosted boards are compiled.
SOURCES = ["Cargo.toml", "Cargo.lock", "firmware", "rig", "ci/fuzz"]
NOT_COPIED = {"target", "corpus", "artifacts", "snapshots", "doc"}
# The test profile compiles a change in seconds. Sums wrap as in a release, or a defect could give itself away by a panic.
PROFILE = [f"--config=profile.dev.{check}=false" for check in ("overflow-checks", "debug-assertions")]


HEADERS = ["Defect", "Requirement", "Cost"]


class WrongPatch(Exception):
    """A file of defects is not as it has to be."""


class RigFault(Exception):
    """The rig could not judge."""


class DoesNotApply(Exception):
    """A patch does not fit the sources."""


class DoesNotCompile(Exception):
    """The changed sources do not compile."""


class Defect:
    """A file of fixtures/defects: headers, an empty line, a patch of files in one folder."""

    def __init__(self, path, digits=3, within="firmware/"):
        self.path = path
        self.name = path.stem
        if not re.fullmatch(rf"\d{{{digits}}}-[a-z0-9-]+", self.name):
            raise WrongPatch(f"{path}: the name is to be like {1:0{digits}}-deny-list-never-compared.patch")
        text = path.read_text()
        head, separator, patch = text.partition("\n\n")
        headers = re.findall(r"^(\w+): (.+(?:\n  .+)*)$", head, re.MULTILINE)
        if [key for key, _ in headers] != HEADERS or not separator:
            raise WrongPatch(f"{path}: a patch begins with {', '.join(HEADERS)}, each on a line of its own, and an empty line")
        self.requirement = dict(headers)["Requirement"]
        files = re.findall(r"^(?:---|\+\+\+) [ab]/(.+)$", patch, re.MULTILINE)
        if not files or any(not file.startswith(within) for file in files):
            raise WrongPatch(f"{path}: a defect is a change of files in {within}")


def apply(patch, tree, ceiling, *options):
    """Changes a tree by a patch: a file, or the bytes of one. The tree lies in the repository, but its paths are its own."""
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(ceiling)}
    environment.pop("GIT_DIR", None)
    file, text = ("-", patch) if isinstance(patch, bytes) else (patch, None)
    applied = subprocess.run(["git", "apply", *options, file], cwd=tree, env=environment, input=text, stderr=subprocess.PIPE)
    if applied.returncode != 0:
        raise DoesNotApply(applied.stderr.decode())


def commit():
    """The last commit. A copy of the sources without its history has none."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return asked.stdout.strip() or "none"


def about():
    """For each requirement, the ids of the cases about it, in the order of the suite."""
    told = subprocess.run([TAPRIG, "list", "--format", "json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    cases = {}
    for case in json.loads(told)["cases"]:
        for requirement in case["requires"]:
            cases.setdefault(requirement, {})[case["id"].split("/")[0]] = None
    return {requirement: list(ids) for requirement, ids in cases.items()}


def play(report, *arguments):
    """Plays cases with `taprig run`; the results. A run that can't be judged is a fault of the rig."""
    shutil.rmtree(report, ignore_errors=True)
    command = [TAPRIG, "run", *arguments, "--report", report]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    results = report / "results.json"
    if ran.returncode not in (0, 1, 3) or not results.exists():
        raise RigFault(f"taprig ended with {ran.returncode}:\n{ran.stdout[-4000:]}")
    results = json.loads(results.read_text())
    if not results["complete"]:
        raise RigFault(f"the run did not end:\n{ran.stdout[-4000:]}")
    return results


def excused(path, digits=3):
    """The defects that a file names as not caught: number and reason on a line."""
    lines = [line.split(None, 1) for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    if bad := [line for line in lines if len(line) != 2 or not re.fullmatch(rf"\d{{{digits}}}", line[0])]:
        raise WrongPatch(f"{path}: `{' '.join(bad[0])}` is no number and reason")
    return {number: reason for number, reason in lines}


def summarise(summary):
    """Adds a line to the summary of the script whose part this is."""
    if path := os.environ.get("TAPRIG_SUMMARY"):
        with open(path, "a") as file:
            file.write(summary + "\n")


def files(sources):
    for source in sources:
        path = ROOT / source
        if path.is_file():
            yield path.relative_to(ROOT)
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name not in NOT_COPIED]
            yield from ((pathlib.Path(folder) / file).relative_to(ROOT) for file in names)


class Copy:
    """The copy of the sources in a folder, and the program that is built from it."""

    def __init__(self, folder, sources=SOURCES):
        self.folder = folder
        self.sources = sources
        self.tree = folder / "tree"
        self.program = folder / "sim-board"
        folder.mkdir(parents=True, exist_ok=True)

    def restore(self):
        """Makes the copy what the working tree is. A file that is not the same is written anew, so that its time tells cargo."""
        wanted = set(files(self.sources))
        for folder, _, names in os.walk(self.tree):
            for file in names:
                path = pathlib.Path(folder) / file
                if path.relative_to(self.tree) not in wanted:
                    path.unlink()
        for source in wanted:
            copy, content = self.tree / source, (ROOT / source).read_bytes()
            if not copy.is_file() or copy.read_bytes() != content:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)

    def apply(self, patch, *options):
        """Changes the copy by a patch: a file, or the bytes of one."""
        apply(patch, self.tree, self.folder, *options)

    def build(self):
        """Compiles the hosted boards from the copy."""
        command = ["cargo", "build", "--quiet", "--locked", "--package", "board-sim", "--bin", "sim-board", *PROFILE]
        environment = os.environ | {"CARGO_TARGET_DIR": str(self.folder / "build")}
        # A defect may leave something unused.
        environment["RUSTFLAGS"] = f"{environment.get('RUSTFLAGS', '')} --cap-lints warn".strip()
        built = subprocess.run(command, cwd=self.tree, env=environment, stderr=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise DoesNotCompile(built.stderr)
        shutil.copy2(self.folder / "build/debug/sim-board", self.program)

    def bench(self, name, device):
        """Writes a bench file. Both boards are the program that is built here, as a defect may be in the emulator, too."""
        program = self.program.relative_to(ROOT)
        path = self.folder / f"{name}.yaml"
        path.write_text(
            f"schema: 1\n"
            f"title: The hosted firmware of {self.folder.name}, {name}\n"
            f"device: {device}\n"
            f"validator:\n"
            f"  sim: {{ program: {program} }}\n"
            f"card:\n"
            f"  emulator: {{ sim: {{ program: {program} }} }}\n"
            f"acquirer: {{ link: {{}} }}\n"
        )
        return path
