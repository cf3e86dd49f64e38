//! A maker's own project: `taprig new`, and a suite that is not the one that the project is locked to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::place::{Ran, repository};
use super::qemu;

/// A sub-case of the suite.
const SUB: &str = "SEL-001/first-is-first";

/// A folder with a new project, `project`.
struct Maker {
    dir: TempDir,
    program: PathBuf,
}

impl Maker {
    /// A maker who has no project yet, with the program in the repository.
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), program: env!("CARGO_BIN_EXE_taprig").into() }
    }

    fn with_project() -> Self {
        let maker = Self::new();
        maker.taprig(&["new", "project"]).expect(0, &["project is a project with 1 case of your own and "]);
        maker
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    fn put(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, program: &Path, folder: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path(folder));
        command.env("TAPRIG_STATE", self.path("state")).env("XDG_RUNTIME_DIR", self.dir.path());
        for name in ["CI", "NO_COLOR", "INSTA_UPDATE"] {
            command.env_remove(name);
        }
        command
    }

    /// `taprig ARGS` in the folder above the project.
    fn taprig(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(&self.program, ".").args(args).output().unwrap())
    }

    /// `taprig ARGS` in the project.
    fn inside(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(&self.program, "project").args(args).output().unwrap())
    }

    /// Every command that judges or shows the suite refuses it with this message, and nothing was run.
    #[track_caller]
    fn refused(&self, words: &[&str]) {
        let commands: [&[&str]; 5] = [
            &["check"],
            &["run", "XMY", "--bench", "sim", "--report", "../report"],
            &["list"],
            &["tap", "phone", "--bench", "sim"],
            &["suite", "show"],
        ];
        for command in commands {
            self.inside(command).expect(2, words);
        }
        assert!(!self.path("report").exists());
    }

    /// What is in a folder, sorted.
    fn names(&self, inside: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(inside)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// An installation of taprig in a folder, as a package has it. The maker uses it from now on.
    fn install(&mut self) {
        let share = self.path("opt/share/taprig");
        fs::create_dir_all(share.join("boards")).unwrap();
        fs::create_dir_all(self.path("opt/bin")).unwrap();
        self.taprig(&["suite", "export", share.join("suite").to_str().unwrap()]).expect(0, &["0.1.0 sha256 "]);
        for file in fs::read_dir(repository().join("target/boards")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), share.join("boards").join(file.file_name())).unwrap();
        }
        let program = self.path("opt/bin/taprig");
        fs::copy(&self.program, &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self.program = program;
    }
}

#[test]
fn a_new_project_runs_at_once_with_its_own_cases_and_ours() {
    let maker = Maker::with_project();
    assert_eq!(
        maker.names("project"),
        [".gitattributes", ".gitignore", "README.md", "cases", "fixtures", "suite", "taprig.lock"]
    );
    maker.inside(&["check"]).expect(0, &[" files, no problems"]);
    maker.inside(&["run", "XMY", SUB, "--bench", "sim", "--report", "../report"]).expect(0, &["2 passed"]);
    let lock = fs::read_to_string(maker.path("project/taprig.lock")).unwrap();
    let digest = lock.split('"').find(|part| part.len() == 64).unwrap().to_owned();
    let results: Value = serde_json::from_slice(&fs::read(maker.path("report/results.json")).unwrap()).unwrap();
    let used = format!("0.1.0 sha256 {digest}");
    assert_eq!(results["run"]["environment"]["suite"], used.as_str());
    let file = |index: usize| results["cases"][index]["file"].as_str().unwrap().to_owned();
    assert_eq!([file(0), file(1)], ["suite/cases/sel/SEL-001.yaml", "cases/xmy/XMY-001.yaml"]);
    let junit = fs::read_to_string(maker.path("report/junit.xml")).unwrap();
    assert_eq!(junit.matches(&format!(r#"<property name="suite" value="{used}"/>"#)).count(), 2, "{junit}");
    maker.inside(&["judge", "../report", "--cases", "."]).expect(0, &["2 sub-cases judged again", "2 passed"]);
    maker.inside(&["suite", "show"]).expect(0, &[&used, "installed     the same"]);
    let shown: Value = serde_json::from_str(&maker.inside(&["suite", "show", "--format", "json"]).out).unwrap();
    assert_eq!((&shown["locked"], &shown["problems"]), (&shown["installed"], &Value::Array(vec![])), "{shown}");
    assert_eq!(shown["locked"]["sha256"], digest.as_str());
    maker.inside(&["suite", "update"]).expect(0, &["the suite is that of this taprig already: 0.1.0"]);
    maker.inside(&["index"]).expect(0, &["wrote cases/INDEX.md"]);
    let index = fs::read_to_string(maker.path("project/cases/INDEX.md")).unwrap();
    assert!(index.contains("[XMY-001](xmy/XMY-001.yaml)") && !index.contains("SEL-001"), "{index}");
}

#[test]
fn a_folder_that_is_not_new_is_left_as_it_is() {
    let maker = Maker::new();
    maker.put("full/.hidden", "mine");
    maker.taprig(&["new", "full"]).expect(2, &["this folder is not empty"]);
    assert_eq!(maker.names("full"), [".hidden"]);
    maker.put("file", "mine");
    maker.taprig(&["new", "file"]).expect(2, &["this can't be used as a folder"]);
    maker.taprig(&["new", "nowhere/project"]).expect(2, &["the folder can't be made", "the folder above it exists"]);
    assert_eq!(maker.names("."), ["file", "full"]);
    fs::create_dir(maker.path("project")).unwrap();
    Ran::of(&maker.command(&maker.program, "project").args(["new", "."]).output().unwrap()).expect(0, &["next: cd ."]);
    maker.inside(&["check", "cases"]).expect(0, &["no problems"]);
}

/// A file can't be written in full: the disk is full, as far as this process can see.
#[test]
fn nothing_is_written_if_anything_fails() {
    let maker = Maker::new();
    // Files of more than 8 KB. The signal that the kernel sends as well is not what happens on a full disk.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" new project";
    let new = || {
        let mut command = maker.command(Path::new("bash"), ".");
        Ran::of(&command.args(["-c", script]).arg(&maker.program).output().unwrap())
    };
    new().expect(2, &["writing project/.taprig-new/.suite.new/", "failed: File too large"]);
    assert!(maker.names(".").is_empty(), "{:?}", maker.names("."));
    fs::create_dir(maker.path("project")).unwrap();
    new().expect(2, &["File too large", "check that the folder can be written and that the disk has room"]);
    assert!(maker.names("project").is_empty(), "{:?}", maker.names("project"));
}

#[test]
fn a_suite_that_was_changed_is_refused_and_replaced_only_on_request() {
    let maker = Maker::with_project();
    let file = maker.path("project/suite/cases/sel/SEL-001.yaml");
    let right = fs::read(&file).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() = b' ';
    fs::write(&file, &wrong).unwrap();
    let words = ["suite/cases/sel/SEL-001.yaml: this file of the suite has been changed", "`taprig suite update`"];
    maker.refused(&words);
    let json = maker.inside(&["check", "--format", "json"]);
    json.expect(2, &[]);
    let problems: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(problems["problems"][0]["file"], "suite/cases/sel/SEL-001.yaml");
    maker.inside(&["suite", "update"]).expect(2, &["has been changed", "add `--discard-changes`"]);
    assert_eq!(fs::read(&file).unwrap(), wrong);
    maker.inside(&["suite", "update", "--discard-changes"]).expect(0, &["is   0.1.0 sha256 "]);
    assert_eq!(fs::read(&file).unwrap(), right);
    maker.inside(&["check", "cases"]).expect(0, &["no problems"]);
    // What is only missing is nobody's work.
    fs::remove_dir_all(maker.path("project/suite")).unwrap();
    maker.refused(&["the list of the suite's files can't be read"]);
    maker.inside(&["suite", "update"]).expect(0, &["is   0.1.0 sha256 "]);
    maker.inside(&["check", "cases"]).expect(0, &["no problems"]);
    maker
        .taprig(&["suite", "update", "--project", repository().to_str().unwrap()])
        .expect(2, &["this project has no suite"]);
}

#[test]
fn a_lock_of_another_version_is_refused() {
    let maker = Maker::with_project();
    let file = maker.path("project/taprig.lock");
    let lock = fs::read_to_string(&file).unwrap();
    fs::write(&file, lock.replace("0.1.0", "0.0.7")).unwrap();
    maker.refused(&["the lock file names the suite 0.0.7 sha256", "but the suite in `suite` is 0.1.0 sha256"]);
    fs::write(&file, lock.replace("0.1.0", "7.0.0")).unwrap();
    maker.refused(&["the suite is of version 7.0.0, but this taprig is 0.1.0", "install taprig 7.0.0 or newer"]);
    fs::remove_file(&file).unwrap();
    for command in [&["check"][..], &["run", "--bench", "sim"]] {
        maker.inside(command).expect(2, &["the project has a suite in `suite`, but its lock file is missing"]);
    }
    maker.inside(&["suite", "update"]).expect(0, &["is   0.1.0 sha256 "]);
    assert_eq!(fs::read_to_string(&file).unwrap(), lock);
}

#[test]
fn names_that_the_suite_uses_are_refused() {
    let maker = Maker::with_project();
    let text = fs::read_to_string(maker.path("project/cases/xmy/XMY-001.yaml")).unwrap();
    maker.put("project/cases/sel/SEL-001.yaml", &text.replace("XMY-001", "SEL-001"));
    for command in [&["check", "cases"][..], &["run", "SEL-001", "--bench", "sim"]] {
        maker
            .inside(command)
            .expect(2, &["two files have the case id `SEL-001`", "the family SEL belongs to the suite"]);
    }
    fs::remove_dir_all(maker.path("project/cases/sel")).unwrap();
    maker.put("project/fixtures/validators/bus-base.yaml", "schema: 1\ntitle: Mine\nsettings: { fare: 9.00 CNY }\n");
    for command in [&["check"][..], &["run", "SEL-001", "--bench", "sim"], &["tap", "phone", "--bench", "sim"]] {
        maker.inside(command).expect(2, &["the suite has a validator `bus-base` as well", "give yours another name"]);
    }
    fs::rename(
        maker.path("project/fixtures/validators/bus-base.yaml"),
        maker.path("project/fixtures/validators/my-base.yaml"),
    )
    .unwrap();
    maker.inside(&["check", "fixtures/validators"]).expect(0, &["no problems"]);
}

/// Own devices, cards and profiles build on those of the suite.
#[test]
fn own_fixtures_include_those_of_the_suite() {
    let maker = Maker::with_project();
    let mine = "schema: 1\ntitle: Mine\ninclude: taprig-reference\nbaseline: none\nclaims: { e-cash: false }\n";
    maker.put("project/fixtures/devices/mine.yaml", mine);
    maker.put("project/fixtures/cards/mine.yaml", "schema: 1\ntitle: Mine\ninclude: unionpay-credit-rsa1152\n");
    let bench = fs::read_to_string(maker.path("project/fixtures/benches/sim.yaml")).unwrap();
    maker.put("project/fixtures/benches/mine.yaml", &bench.replace("taprig-reference", "mine"));
    maker.inside(&["check", "fixtures"]).expect(0, &["no problems"]);
    maker.inside(&["run", "XMY", SUB, "--bench", "mine"]).expect(0, &["2 passed"]);
    maker.inside(&["tap", "mine", "--bench", "mine"]).expect(0, &["card mine", "= approved "]);
}

/// Accepting transcripts would change the suite, which the next run would then refuse.
#[test]
fn a_transcript_of_the_suite_is_never_written() {
    let maker = Maker::with_project();
    let case = fs::read_to_string(maker.path("project/cases/xmy/XMY-001.yaml")).unwrap();
    maker.put("project/cases/xmy/XMY-001.yaml", &case.replace("snapshot: none\n", ""));
    let mut accept = maker.command(&maker.program, "project");
    accept.args(["run", "XMY", SUB, "--bench", "sim"]).env("INSTA_UPDATE", "always");
    Ran::of(&accept.output().unwrap()).expect(0, &[" passed"]);
    assert!(maker.path("project/cases/xmy/snapshots/XMY-001.snap").is_file(), "one's own is accepted");
    // A transcript of the suite that differs, with a list and a lock that say that it is right.
    let suite = maker.path("project/suite");
    let snap = suite.join("cases/sel/snapshots/SEL-001__first-is-first.snap");
    let altered = fs::read_to_string(&snap).unwrap().replace("select ppse", "select something");
    fs::write(&snap, &altered).unwrap();
    lock_anew(&suite);
    maker.inside(&["check", "cases"]).expect(0, &["no problems"]);
    for update in ["always", "new"] {
        let mut run = maker.command(&maker.program, "project");
        run.args(["run", SUB, "--bench", "sim"]).env("INSTA_UPDATE", update);
        Ran::of(&run.output().unwrap()).expect(1, &["1 changed"]);
        assert_eq!(fs::read_to_string(&snap).unwrap(), altered);
        assert!(!suite.join("cases/sel/snapshots/SEL-001__first-is-first.snap.new").exists());
    }
}

/// Writes the list of a suite's files and the lock anew, by other programs than taprig.
fn lock_anew(suite: &Path) {
    let script =
        "set -e; find . -type f ! -name SHA256SUMS | LC_ALL=C sort | sed 's,^./,,' | xargs sha256sum >SHA256SUMS
        digest=$(sha256sum <SHA256SUMS | cut -c 1-64); sed -i \"s/sha256: .*/sha256: \\\"$digest\\\"/\" ../taprig.lock";
    assert!(Command::new("bash").args(["-c", script]).current_dir(suite).status().unwrap().success());
}

#[test]
fn an_installed_program_needs_nothing_of_the_repository() {
    let mut maker = Maker::new();
    maker.install();
    maker.taprig(&["new", "project"]).expect(0, &["next: cd project && taprig run XMY --bench sim"]);
    maker.inside(&["run", "XMY", SUB, "--bench", "sim"]).expect(0, &["2 passed"]);
    // The hosted boards are those of the package.
    let boards = maker.path("opt/share/taprig/boards");
    maker.put("opt/share/taprig/boards/sim-board", "#!/bin/false\n");
    maker.inside(&["run", "XMY", "--bench", "sim"]).expect(3, &["rig fault"]);
    fs::remove_file(boards.join("sim-board")).unwrap();
    maker.inside(&["run", "XMY", "--bench", "sim"]).expect(0, &["1 passed"]);
    // The same suite, whoever made the project.
    let lock = fs::read(maker.path("project/taprig.lock")).unwrap();
    assert_eq!(lock, fs::read(Maker::with_project().path("project/taprig.lock")).unwrap());
}

#[test]
fn a_package_that_lacks_something_says_so_before_anything_runs() {
    let mut maker = Maker::new();
    maker.install();
    maker.taprig(&["new", "project"]).expect(0, &[]);
    let boards = maker.path("opt/share/taprig/boards");
    fs::remove_file(boards.join("flash-algorithm.elf")).unwrap();
    let words = [
        "share/taprig/boards/flash-algorithm.elf: the flash algorithm of emulated boards is missing",
        "install taprig again",
    ];
    maker.inside(&["run", "XMY"]).expect(2, &words);
    maker.inside(&["run", "XMY", "--bench", "sim"]).expect(0, &["1 passed"]);
    fs::remove_file(boards.join("mps2-an386-emulator.elf")).unwrap();
    fs::copy(repository().join("target/boards/flash-algorithm.elf"), boards.join("flash-algorithm.elf")).unwrap();
    maker.inside(&["run", "XMY"]).expect(2, &["mps2-an386-emulator.elf", "install taprig again"]);

    maker.put("opt/share/taprig/suite/cases/presets.yaml", "schema: 1\npresets: {}\n");
    let words = ["suite/cases/presets.yaml: this file of the suite has been changed", "install taprig again"];
    maker.taprig(&["new", "other"]).expect(2, &words);
    assert!(!maker.path("other").exists());
    fs::remove_dir_all(maker.path("opt/share")).unwrap();
    maker.taprig(&["new", "other"]).expect(2, &["this program lies alone"]);
    // What was made before goes on without: the hosted boards are the program itself.
    maker.inside(&["run", "XMY", "--bench", "sim"]).expect(0, &["1 passed"]);
}

#[test]
fn a_new_project_runs_on_emulated_boards() {
    if qemu::qemu().is_none() {
        return;
    }
    let mut maker = Maker::new();
    maker.install();
    maker.taprig(&["new", "project"]).expect(0, &[]);
    maker.inside(&["run", "XMY", "--report", "../report"]).expect(0, &["1 passed"]);
    let images = fs::read_to_string(maker.path("report/firmware.json")).unwrap();
    assert!(images.contains("\"target/boards/mps2-an386-validator.elf\""), "no path of this machine: {images}");
    // A bench of one's own may name an image of the package.
    let bench = fs::read_to_string(maker.path("project/fixtures/benches/qemu.yaml")).unwrap();
    let image = "{ machine: netduinoplus2, firmware: target/boards/stm32f405-validator.elf }";
    let bench = bench.replacen("{ machine: mps2-an386 }", image, 1);
    maker.put(
        "project/fixtures/benches/mine.yaml",
        &bench.replace("emulator: { qemu: { machine: mps2-an386 } }", "emulator: { sim: {} }"),
    );
    maker.inside(&["run", "XMY", "--bench", "mine"]).expect(0, &["1 passed"]);
}
