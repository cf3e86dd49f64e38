//! A project of a test's own: some of the fixtures, cases and benches as the test writes them, state and sockets apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Place {
    dir: TempDir,
}

/// A case with one tap that passes.
pub(crate) const RIDE: &str = "steps: [tap]\nexpect: { outcome: approved, charged: 1.00 CNY }\n";

/// A case that is at its first step for longer than any test runs.
pub(crate) const LONG: &str = "steps: [{ wait: 120 s }, tap]\nexpect: { outcome: approved }\n";

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { dir: TempDir::new().unwrap() };
        let from = repository().join("fixtures");
        for file in ["cards/unionpay-credit-rsa1152.yaml", "devices/taprig-reference.yaml"] {
            place.put(&format!("fixtures/{file}"), &fs::read_to_string(from.join(file)).unwrap());
        }
        for file in ["validators/bus-base.yaml", "validators/shangluo-flat-1-yuan.yaml"] {
            place.put(&format!("fixtures/{file}"), &fs::read_to_string(from.join(file)).unwrap());
        }
        for key in fs::read_dir(from.join("keys")).unwrap() {
            let key = key.unwrap();
            let text = fs::read_to_string(key.path()).unwrap();
            place.put(&format!("fixtures/keys/{}", key.file_name().to_str().unwrap()), &text);
        }
        let requirement = "{ text: A ride is charged., strength: must, source: Our own }";
        place.put("cases/requirements.yaml", &format!("schema: 1\nrequirements:\n  RIDE: {requirement}\n"));
        place.bench("sim", "sim: {}", "sim: {}");
        place.bench("qemu", "qemu: { machine: mps2-an386 }", "qemu: { machine: mps2-an386 }");
        place.bench(
            "qemu-process",
            "qemu: { machine: mps2-an386 }",
            "qemu: { machine: mps2-an386 }\npower: { hosted: process }",
        );
        fs::create_dir_all(place.path("target")).unwrap();
        std::os::unix::fs::symlink(repository().join("target/boards"), place.path("target/boards")).unwrap();
        place
    }

    /// For a test that starts boards of this bench; `None` where they are emulated and such tests are left out.
    #[track_caller]
    pub(crate) fn of_bench(bench: &str) -> Option<Self> {
        if bench.starts_with("qemu") {
            super::qemu::qemu()?;
        }
        Some(Self::new())
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    pub(crate) fn put(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program that a bench may start.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        self.put(name, text);
        let path = self.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// `cases/bus/<id>.yaml`, without a reviewed transcript; `rest` begins with its steps.
    pub(crate) fn case(&self, id: &str, rest: &str) {
        let given = "given: { validator: shangluo-flat-1-yuan, card: unionpay-credit-rsa1152 }";
        let head =
            format!("schema: 1\nid: {id}\ntitle: A rider pays\nsince: 0.1.0\nrequires: [RIDE]\nsnapshot: none\n");
        self.put(&format!("cases/bus/{id}.yaml"), &format!("{head}{given}\n{rest}"));
    }

    /// `fixtures/benches/<name>.yaml`.
    pub(crate) fn bench(&self, name: &str, validator: &str, emulator: &str) {
        let text = format!(
            "schema: 1\ntitle: A bench\ndevice: taprig-reference\nvalidator:\n  {validator}\ncard:\n  emulator:\n    {emulator}\n"
        );
        self.put(&format!("fixtures/benches/{name}.yaml"), &text);
    }

    /// Changes the device file.
    pub(crate) fn device(&self, was: &str, is: &str) {
        let file = "fixtures/devices/taprig-reference.yaml";
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(was), "{was}");
        self.put(file, &text.replace(was, is));
    }

    pub(crate) fn taprig(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taprig"));
        command.arg("--project").arg(self.dir.path()).args(args).current_dir(self.dir.path());
        command.env("TAPRIG_STATE", self.path("state")).env("XDG_RUNTIME_DIR", self.dir.path());
        for name in ["CI", "NO_COLOR", "INSTA_UPDATE", "TAPRIG_HISTORY"] {
            command.env_remove(name);
        }
        command
    }

    /// `taprig run ARGS --report report`, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let args: Vec<&str> = ["run", "--report", "report"].iter().chain(args).copied().collect();
        Ran::of(&self.taprig(&args).output().unwrap())
    }

    pub(crate) fn results(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("report/results.json")).unwrap()).unwrap()
    }

    /// Verdict and failure of a case.
    pub(crate) fn verdict(&self, id: &str) -> (String, String) {
        let results = self.results();
        let case = results["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone();
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("failure"))
    }

    /// The expectations of a sub-case that were not judged.
    pub(crate) fn not_judged(&self, id: &str) -> Vec<String> {
        let results = self.results();
        let case = results["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone();
        let checks = case["checks"].as_array().unwrap().iter().filter(|check| check["result"] == "not-judged");
        checks.map(|check| check["what"].as_str().unwrap().to_owned()).collect()
    }

    /// How the record was closed; all of its lines are read, and every raw byte that they speak of is there.
    pub(crate) fn record(&self) -> String {
        let events = fs::read_to_string(self.path("report/events.jsonl")).unwrap();
        assert!(events.ends_with('\n'));
        let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.first().unwrap()["body"]["kind"], "run-started");
        assert_eq!(events.last().unwrap()["body"]["kind"], "run-finished");
        for event in events.iter().filter(|event| event["body"]["kind"] == "serial") {
            let port = format!("{}-{}", event["bench"].as_str().unwrap(), event["body"]["port"].as_str().unwrap());
            let kept = fs::metadata(self.path(&format!("report/serial/{port}.bin"))).unwrap().len();
            let end = event["body"]["offset"].as_u64().unwrap() + event["body"]["len"].as_u64().unwrap();
            assert!(end <= kept, "{port}: {end} of {kept}");
        }
        let junit = fs::read_to_string(self.path("report/junit.xml")).unwrap();
        assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
        let mark: Value = serde_json::from_slice(&fs::read(self.path("report/record.json")).unwrap()).unwrap();
        mark["state"].as_str().unwrap().to_owned()
    }
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It ended so, and standard output says all of this.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, words: &[&str]) {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{all}");
        // Messages for people are wrapped, between words and behind hyphens. Where depends on the length of a path.
        let flat = all.replace("-\n  │ ", "-").replace("\n  │ ", " ");
        for word in words {
            assert!(flat.contains(word), "`{word}` is not in\n{all}");
        }
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
