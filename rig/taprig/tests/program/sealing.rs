//! Sealed records: what is altered is refused and named, and nothing writes to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::place::{Place, RIDE, Ran};

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined, charged: 0.00 CNY }\n";

/// A project with a record of two cases, of which one fails, and with two keys.
struct Laboratory(Place);

impl Laboratory {
    fn new() -> Self {
        let place = Place::new();
        place.case("BUS-001", RIDE);
        place.case("BUS-002", WRONG);
        place.run(&["--bench", "sim"]).expect(1, &["1 passed, 1 failed"]);
        let laboratory = Self(place);
        for owner in ["li", "wang"] {
            let at = format!("keys/{owner}");
            fs::create_dir_all(laboratory.at("keys")).unwrap();
            laboratory
                .program("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", &format!("{owner}@lab"), "-f", &at]);
            let public = fs::read_to_string(laboratory.at(&format!("{at}.pub"))).unwrap();
            fs::write(laboratory.at(&format!("keys/{owner}-signers")), format!("{owner}@lab {public}")).unwrap();
        }
        laboratory
    }

    fn sealed() -> Self {
        let laboratory = Self::new();
        laboratory
            .taprig(&["seal", "report", "--key", "keys/li"])
            .expect(0, &["authorised by li@lab", "1 passed, 1 failed"]);
        laboratory
    }

    fn at(&self, inside: &str) -> PathBuf {
        self.0.path(inside)
    }

    fn taprig(&self, args: &[&str]) -> Ran {
        Ran::of(&self.0.taprig(args).output().unwrap())
    }

    fn verify(&self) -> Ran {
        self.taprig(&["verify", "report", "--signers", "keys/li-signers"])
    }

    /// Another program succeeds in the folder of the project.
    #[track_caller]
    fn program(&self, name: &str, args: &[&str]) {
        let output = Command::new(name).args(args).current_dir(self.at("")).output().unwrap();
        assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The record is refused for a reason that names this.
    #[track_caller]
    fn refused(&self, words: &[&str]) {
        self.verify().expect(1, &[&["report: REFUSED"], words].concat());
    }

    /// Signs the record as it is, with taprig or without it.
    fn sign_by_hand(&self, key: &str, namespace: &str) {
        for gone in ["SHA256SUMS", "SHA256SUMS.sig"] {
            let _ = fs::remove_file(self.at("report").join(gone));
        }
        let sums = "cd report && find . -type f ! -name 'SHA256SUMS*' | sed 's,^\\./,,' | LC_ALL=C sort | \
            xargs sha256sum > ../sums && mv ../sums SHA256SUMS";
        self.program("sh", &["-c", sums]);
        self.program("ssh-keygen", &["-q", "-Y", "sign", "-n", namespace, "-f", key, "report/SHA256SUMS"]);
    }
}

/// All files of a folder, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    all.sort();
    all
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_sealed_record_is_verified_by_taprig_and_without_it() {
    let laboratory = Laboratory::sealed();
    let words = [
        "every verdict and every report follows from the events",
        "signed by li@lab with ED25519 key SHA256:",
        "1 passed, 1 failed",
    ];
    laboratory.verify().expect(0, &words);
    laboratory.taprig(&["verify", "report", "--any-signer"]).expect(0, &["nobody says whose key this is"]);
    laboratory.program("sh", &["-c", "cd report && sha256sum --quiet -c SHA256SUMS"]);
    let verify = "ssh-keygen -Y verify -f keys/li-signers -I li@lab -n record@taprig -s report/SHA256SUMS.sig < report/SHA256SUMS";
    laboratory.program("sh", &["-c", verify]);
    let statement: Value = serde_json::from_slice(&fs::read(laboratory.at("report/statement.json")).unwrap()).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let own = &statement["predicate"];
    assert_eq!(
        (&own["verdicts"]["pass"], &own["verdicts"]["fail"], &own["verdicts"]["error"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert_eq!((&own["authorised_by"], &own["cases"][1]["verdict"]), (&"li@lab".into(), &"fail".into()));
    // A third party computes the hash of a case from the lines of the events.
    let hash = own["cases"][0]["sha256"].as_str().unwrap();
    laboratory.program(
        "sh",
        &["-c", &format!("grep -F '\"case\":\"BUS-001\"' report/events.jsonl | sha256sum | grep {hash}")],
    );
    let json: Value =
        serde_json::from_str(&laboratory.taprig(&["verify", "report", "--any-signer", "--format", "json"]).out)
            .unwrap();
    assert_eq!((&json["holds"], &json["statement"]), (&true.into(), &statement));
}

#[test]
fn one_byte_in_any_file_is_seen() {
    let laboratory = Laboratory::sealed();
    let all = files(&laboratory.at("report"));
    assert!(all.len() > 10, "{all:?}");
    for path in all {
        let content = fs::read(&path).unwrap();
        let name = path.strip_prefix(laboratory.at("report")).unwrap().display().to_string();
        if content.is_empty() {
            continue;
        }
        let mut altered = content.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        fs::write(&path, altered).unwrap();
        laboratory.refused(&[&name]);
        fs::write(&path, content).unwrap();
    }
    laboratory.verify().expect(0, &[]);
}

#[test]
fn files_that_come_go_or_move_are_named() {
    let laboratory = Laboratory::sealed();
    let (console, moved) =
        (laboratory.at("report/serial/sim-validator-console.bin"), laboratory.at("report/console.bin"));
    let console = if console.exists() { console } else { files(&laboratory.at("report/serial")).remove(0) };
    let name = console.strip_prefix(laboratory.at("report")).unwrap().display().to_string();
    fs::rename(&console, &moved).unwrap();
    laboratory.refused(&[&format!("{name}: it was renamed: it is now `console.bin`")]);
    fs::rename(&moved, &console).unwrap();
    let junit = fs::read(laboratory.at("report/junit.xml")).unwrap();
    fs::remove_file(laboratory.at("report/junit.xml")).unwrap();
    laboratory.refused(&["junit.xml: it was removed"]);
    fs::write(laboratory.at("report/junit.xml"), junit).unwrap();
    fs::write(laboratory.at("report/serial/more.txt"), "more").unwrap();
    laboratory.refused(&["serial/more.txt: it was added"]);
    fs::remove_file(laboratory.at("report/serial/more.txt")).unwrap();
    std::os::unix::fs::symlink("junit.xml", laboratory.at("report/link")).unwrap();
    laboratory.refused(&["link: it is neither a file nor a folder"]);
    fs::remove_file(laboratory.at("report/link")).unwrap();
    for name in ["SHA256SUMS", "SHA256SUMS.sig", "statement.json"] {
        let content = fs::read(laboratory.at("report").join(name)).unwrap();
        fs::remove_file(laboratory.at("report").join(name)).unwrap();
        laboratory.refused(&[&format!("{name}: it is missing")]);
        fs::write(laboratory.at("report").join(name), content).unwrap();
    }
    laboratory.verify().expect(0, &[]);
}

#[test]
fn all_findings_are_listed_at_once_and_what_was_altered_comes_before_the_verdicts() {
    let laboratory = Laboratory::sealed();
    let junit = laboratory.at("report/junit.xml");
    let whole = fs::read_to_string(&junit).unwrap();
    fs::write(&junit, format!("{whole} ")).unwrap();
    std::os::unix::fs::symlink("junit.xml", laboratory.at("report/link")).unwrap();
    let altered = "junit.xml: it was altered after the record was sealed";
    laboratory.refused(&["link: it is neither a file nor a folder", altered]);
    fs::remove_file(laboratory.at("report/link")).unwrap();
    let signature = fs::read(laboratory.at("report/SHA256SUMS.sig")).unwrap();
    fs::remove_file(laboratory.at("report/SHA256SUMS.sig")).unwrap();
    laboratory.refused(&["SHA256SUMS.sig: it is missing", altered]);
    fs::write(laboratory.at("report/SHA256SUMS.sig"), signature).unwrap();
    fs::write(&junit, whole).unwrap();
    let events = laboratory.at("report/events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    fs::write(
        &events,
        text.replace(r#""outcome":"declined""#, r#""outcome":"approved""#)
            .replace(r#""verdict":"fail""#, r#""verdict":"pass""#),
    )
    .unwrap();
    let told = laboratory.verify().out;
    let place = |words: &str| told.find(words).unwrap_or_else(|| panic!("{words}: {told}"));
    assert!(place("events.jsonl: it was altered") < place("events.jsonl: BUS-002: the verdict is pass"), "{told}");
}

#[test]
fn the_first_ten_verdicts_that_do_not_follow_are_told_and_the_others_are_counted() {
    let place = Place::new();
    (1..=13).for_each(|number| place.case(&format!("BUS-{number:03}"), RIDE));
    place.run(&["--bench", "sim"]).expect(0, &["13 passed"]);
    let laboratory = Laboratory(place);
    laboratory.program("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "li@lab", "-f", "key"]);
    laboratory.taprig(&["seal", "report", "--key", "key"]).expect(0, &[]);
    let events = laboratory.at("report/events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    fs::write(
        &events,
        text.replace(r#""kind":"case-finished","verdict":"pass""#, r#""kind":"case-finished","verdict":"fail""#),
    )
    .unwrap();
    let ran = laboratory.taprig(&["verify", "report", "--any-signer"]);
    ran.expect(1, &["and 3 more verdicts that do not follow from the events"]);
    assert_eq!(ran.out.matches(": the verdict is fail, but pass follows").count(), 10, "{}", ran.out);
}

#[test]
fn another_key_and_another_namespace_are_refused() {
    let laboratory = Laboratory::sealed();
    laboratory
        .taprig(&["verify", "report", "--signers", "keys/wang-signers"])
        .expect(1, &["SHA256SUMS.sig", "signer is not allowed"]);
    laboratory.sign_by_hand("keys/wang", "record@taprig");
    laboratory.refused(&["SHA256SUMS.sig", "signer is not allowed"]);
    laboratory.sign_by_hand("keys/li", "file");
    laboratory.refused(&["SHA256SUMS.sig", "namespace"]);
    laboratory.sign_by_hand("keys/li", "record@taprig");
    laboratory.verify().expect(0, &[]);
}

/// Somebody who has the key alters the record first, and then seals it.
#[test]
fn a_verdict_that_was_changed_before_sealing_is_refused() {
    let laboratory = Laboratory::sealed();
    let events = laboratory.at("report/events.jsonl");
    let honest = contents(&laboratory.at("report"));
    let restore = || honest.iter().for_each(|(path, content)| fs::write(path, content).unwrap());
    let text = fs::read_to_string(&events).unwrap();
    // The verdict alone.
    let forged =
        text.replace(r#""kind":"case-finished","verdict":"fail""#, r#""kind":"case-finished","verdict":"pass""#);
    assert_ne!(forged, text);
    fs::write(&events, &forged).unwrap();
    laboratory.sign_by_hand("keys/li", "record@taprig");
    laboratory.refused(&["events.jsonl: BUS-002: the verdict is pass, but fail follows from the events"]);
    // taprig itself does not seal it.
    fs::remove_file(laboratory.at("report/SHA256SUMS.sig")).unwrap();
    laboratory.taprig(&["seal", "report", "--key", "keys/li"]).expect(2, &["BUS-002", "it is not sealed"]);
    assert!(!laboratory.at("report/SHA256SUMS.sig").exists());
    // The verdict and the checks.
    restore();
    let forged = forged.replace(r#""result":"fails""#, r#""result":"holds""#);
    fs::write(&events, forged).unwrap();
    laboratory.sign_by_hand("keys/li", "record@taprig");
    laboratory.refused(&["BUS-002"]);
    // A check only.
    restore();
    fs::write(&events, text.replacen(r#""result":"fails""#, r#""result":"holds""#, 1)).unwrap();
    laboratory.sign_by_hand("keys/li", "record@taprig");
    laboratory.refused(&["events.jsonl: BUS-002: its checks do not follow"]);
    // The statement and the results only.
    let (verdict, forged) = (r#""verdict": "fail""#, r#""verdict": "pass""#);
    for (name, part, forged, words) in [
        ("statement.json", verdict, forged, "statement.json: what it says about the sub-cases"),
        ("statement.json", r#""fail": 1"#, r#""fail": 0"#, "statement.json: what it says about the counts of verdicts"),
        ("statement.json", r#""modelled""#, r#""measured""#, "statement.json: what it says about the benches"),
        ("statement.json", r#""complete": true"#, r#""complete": false"#, "statement.json: what it says about the run"),
        ("statement.json", r#""schema": 1"#, r#""schema": 9"#, "statement.json: a later version of taprig wrote it"),
        ("statement.json", "taprig:record:v1", "other", "statement.json: it is not a statement about a record"),
        ("results.json", verdict, forged, "results.json: what it says about BUS-002"),
        ("results.json", r#""complete": true"#, r#""complete": false"#, "results.json: what it says about the run"),
    ] {
        restore();
        let path = laboratory.at("report").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let forged = text.replace(part, forged);
        assert_ne!(forged, text, "{name}: {part}");
        fs::write(&path, forged).unwrap();
        laboratory.sign_by_hand("keys/li", "record@taprig");
        laboratory.refused(&[words]);
    }
}

/// The reports are what people open, so a wrong one is worse than a wrong event.
#[test]
fn a_report_that_was_changed_before_sealing_is_refused() {
    let laboratory = Laboratory::sealed();
    let honest = contents(&laboratory.at("report"));
    let restore = || honest.iter().for_each(|(path, content)| fs::write(path, content).unwrap());
    for (name, part, forged) in [
        ("junit.xml", r#"failures="1""#, r#"failures="0""#),
        ("junit.xml", "<failure", "<skipped"),
        ("report.html", "BUS-002", "BUS-003"),
        ("report.html", r#"data-is="k0">"#, r#"data-is="k0">A"#),
        ("capture.pcapng", "BUS-002", "BUS-001"),
    ] {
        restore();
        let path = laboratory.at("report").join(name);
        let bytes = fs::read(&path).unwrap();
        let at = bytes.windows(part.len()).position(|bytes| bytes == part.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{name} does not contain {part}"));
        let altered = [&bytes[..at], forged.as_bytes(), &bytes[at + part.len()..]].concat();
        fs::write(&path, altered).unwrap();
        laboratory.sign_by_hand("keys/li", "record@taprig");
        laboratory.refused(&[&format!("{name}: ")]);
        fs::remove_file(laboratory.at("report/SHA256SUMS.sig")).unwrap();
        laboratory.taprig(&["seal", "report", "--key", "keys/li"]).expect(2, &[name, "it is not sealed"]);
    }
}

/// Some parts of a report can't be compared. Then this is told, and the seal holds.
#[test]
fn what_a_record_does_not_contain_is_not_compared_and_this_is_told() {
    let laboratory = Laboratory::new();
    laboratory.taprig(&["run", "BUS-001", "--bench", "sim", "--report", "earlier"]).expect(0, &["1 passed"]);
    laboratory.taprig(&["report", "html", "report", "--since", "earlier"]).expect(0, &[]);
    laboratory.taprig(&["seal", "report", "--key", "keys/li"]).expect(0, &[]);
    let since = "note: report.html: what it says about an earlier run or about the last nights was not compared";
    laboratory.verify().expect(0, &["the seal holds, and every verdict follows from the events", since]);
    let path = laboratory.at("report/report.html");
    let page = fs::read_to_string(&path).unwrap();
    let (before, after) = page.split_once("version 1, layout ").unwrap();
    fs::write(&path, format!("{before}version 1, layout 0123456789abcdef{}", &after[16..])).unwrap();
    laboratory.sign_by_hand("keys/li", "record@taprig");
    laboratory.verify().expect(0, &["note: report.html: it was not compared with the events, because another build"]);
    let json = laboratory.taprig(&["verify", "report", "--any-signer", "--format", "json"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["not_compared"][0]["file"], "report.html");
}

#[test]
fn nothing_writes_to_a_sealed_record() {
    let laboratory = Laboratory::sealed();
    laboratory.taprig(&["run", "BUS-001", "--bench", "sim", "--report", "other"]).expect(0, &["1 passed"]);
    let before = contents(&laboratory.at("report"));
    // Every command with an option that names what is written. A test of the command line finds what is missing here.
    for line in include_str!("../support/outputs.txt").lines().filter(|line| !line.starts_with('#')) {
        let (name, words) = line.split_once('|').unwrap();
        let words: Vec<String> = words.split_whitespace().map(|word| word.replace("REC", "report")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = laboratory.0.taprig(&words);
        if name.contains("without") {
            command.current_dir(laboratory.at("report"));
        }
        let ran = Ran::of(&command.output().unwrap());
        assert!(
            ran.code == 2 && ran.err.contains("this record is sealed"),
            "{name}: {} {}{}",
            ran.code,
            ran.out,
            ran.err
        );
        assert_eq!(contents(&laboratory.at("report")), before, "{name}");
    }
    std::os::unix::fs::symlink("report/serial", laboratory.at("elsewhere")).unwrap();
    laboratory.taprig(&["report", "html", "other", "elsewhere/x.html"]).expect(2, &["this record is sealed"]);
    // What a program tells another one is the same.
    laboratory
        .taprig(&["history", "--history", "report/x", "add", "other", "--format", "json"])
        .expect(2, &["\"problems\"", "this record is sealed"]);
    laboratory.taprig(&["report", "html", "report", "x.html"]).expect(0, &[]);
    laboratory.taprig(&["history", "add", "report"]).expect(0, &[]);
    laboratory.taprig(&["seal", "report", "--key", "keys/wang"]).expect(2, &["it is sealed already"]);
    laboratory.taprig(&["judge", "report"]).expect(1, &["every verdict is the same"]);
    laboratory.taprig(&["report", "capture", "report", "x.pcapng"]).expect(0, &[]);
    assert_eq!(contents(&laboratory.at("report")), before);
}

/// The last report of a run is held up: it is written under another name first, and this name is that of a pipe.
#[test]
fn a_record_is_sealed_only_after_the_last_file_of_its_run() {
    let laboratory = Laboratory::new();
    let pipe = laboratory.at("later/report.html.part");
    let run = ["run", "BUS-001", "--bench", "sim", "--report", "later"];
    let state = || {
        let mark: Value = serde_json::from_slice(&fs::read(laboratory.at("later/record.json")).unwrap()).unwrap();
        mark["state"].as_str().unwrap().to_owned()
    };
    let held_up = || {
        fs::create_dir_all(laboratory.at("later")).unwrap();
        laboratory.program("mkfifo", &["later/report.html.part"]);
        let running = laboratory.0.taprig(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let before = Instant::now();
        while !laboratory.at("later/capture.pcapng").exists() {
            assert!(before.elapsed() < Duration::from_secs(120), "the run does not write its reports");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(state(), "open");
        let seal = laboratory.taprig(&["seal", "later", "--key", "keys/li"]);
        seal.expect(2, &["the run has not closed this record"]);
        laboratory.taprig(&run).expect(2, &["another run is writing there"]);
        running
    };
    let mut running = held_up();
    let page = fs::read_to_string(&pipe).unwrap();
    assert!(running.wait().unwrap().success());
    assert_eq!(state(), "complete");
    assert!(page.trim_end().ends_with("</html>") && !page.contains("was not closed"), "{page}");
    fs::remove_dir_all(laboratory.at("later")).unwrap();
    // A run that is killed there is finished by another one, which only writes the reports.
    let mut running = held_up();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(state(), "open");
    fs::remove_file(&pipe).unwrap();
    laboratory.taprig(&["run", "--resume", "later"]).expect(0, &[]);
    assert_eq!(state(), "complete");
    assert!(laboratory.at("later/report.html").exists());
    laboratory.taprig(&["seal", "later", "--key", "keys/li"]).expect(0, &["1 passed"]);
}

#[test]
fn what_can_not_be_sealed_is_told() {
    let laboratory = Laboratory::new();
    let seal = |args: &[&str]| laboratory.taprig(&[&["seal"], args].concat());
    seal(&["nowhere", "--key", "keys/li"]).expect(2, &["nowhere"]);
    seal(&["report", "--key", "keys/nobody", "--by", "Li"]).expect(2, &["keys/nobody", "the key can't be read"]);
    seal(&["report", "--key", "keys/nobody"]).expect(2, &["keys/nobody", "the key can't be read"]);
    fs::remove_file(laboratory.at("keys/li.pub")).unwrap();
    seal(&["report", "--key", "keys/li"]).expect(2, &["nobody is named who authorises the results"]);
    let events = fs::read_to_string(laboratory.at("report/events.jsonl")).unwrap();
    fs::write(laboratory.at("report/events.jsonl"), &events[..events.len() - 2]).unwrap();
    seal(&["report", "--key", "keys/wang"]).expect(2, &["the run has not closed this record"]);
    assert!(!laboratory.at("report/SHA256SUMS").exists(), "nothing is written before it is signed");
    laboratory.taprig(&["verify", "report", "--any-signer"]).expect(1, &["it is missing, so the record is not sealed"]);
    laboratory.taprig(&["verify", "nowhere", "--any-signer"]).expect(2, &["nowhere"]);
    laboratory.taprig(&["verify", "report", "--signers", "nowhere"]).expect(2, &["nowhere"]);
    laboratory.0.put("garbage", "li@lab\n");
    let told = ["garbage", "line 1: it has no key after the name"];
    laboratory.taprig(&["verify", "report", "--signers", "garbage"]).expect(2, &told);
    fs::write(laboratory.at("report/events.jsonl"), events).unwrap();
    seal(&["report", "--key", "keys/wang", "--by", "Wang Fang, head of laboratory"])
        .expect(0, &["authorised by Wang Fang, head of laboratory"]);
}

/// A time-stamping authority of the test's own.
#[test]
fn a_time_stamp_is_kept_and_checked() {
    let laboratory = Laboratory::sealed();
    let settings = "[tsa]\ndefault_tsa = own\n[own]\nserial = serial\ncrypto_device = builtin\ndefault_policy = 1.2.3.4\ndigests = sha256\n\
        signer_digest = sha256\naccuracy = secs:1\ness_cert_id_alg = sha256\n";
    fs::write(laboratory.at("tsa.cnf"), settings).unwrap();
    fs::write(laboratory.at("serial"), "01\n").unwrap();
    for name in ["tsa", "other"] {
        let make = format!(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name} \
            -addext extendedKeyUsage=critical,timeStamping"
        );
        laboratory.program("sh", &["-c", &make]);
    }
    let stamp = |of: &str, to: &str| {
        let ask = format!(
            "openssl ts -query -data {of} -sha256 -cert -out query && openssl ts -reply -queryfile query -config tsa.cnf -section own -inkey tsa.key -signer tsa.pem -out {to}"
        );
        laboratory.program("sh", &["-c", &ask]);
    };
    let add = |reply: &str| laboratory.taprig(&["seal", "report", "--time-stamp", reply, "--authority", "tsa.pem"]);
    let trusted = || laboratory.taprig(&["verify", "report", "--signers", "keys/li-signers", "--authority", "tsa.pem"]);
    trusted().expect(1, &["SHA256SUMS.sig.tsr: it is missing"]);
    stamp("report/SHA256SUMS", "wrong.tsr");
    add("wrong.tsr").expect(2, &["it is for something else than this signature"]);
    add("tsa.pem").expect(2, &["it is no reply of a time-stamping authority"]);
    stamp("report/SHA256SUMS.sig", "right.tsr");
    laboratory
        .taprig(&["seal", "report", "--time-stamp", "right.tsr", "--authority", "other.pem"])
        .expect(2, &["other.pem vouches for"]);
    add("right.tsr").expect(0, &["the seal existed at "]);
    add("right.tsr").expect(2, &["has a time stamp already"]);
    trusted().expect(0, &["the seal existed at "]);
    laboratory.verify().expect(0, &["nobody vouches for its authority"]);
    laboratory
        .taprig(&["verify", "report", "--any-signer", "--authority", "other.pem"])
        .expect(1, &["SHA256SUMS.sig.tsr", "other.pem vouches for"]);
    let path = laboratory.at("report/SHA256SUMS.sig.tsr");
    let content = fs::read(&path).unwrap();
    // With the authority at hand, no byte may change.
    for at in (0..content.len()).step_by(content.len() / 20) {
        let mut altered = content.clone();
        altered[at] ^= 1;
        fs::write(&path, altered).unwrap();
        trusted().expect(1, &["SHA256SUMS.sig.tsr"]);
    }
}
