use std::process::Command;

use super::*;
use crate::project::Fixture;
use crate::{Project, Suite, suite};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A project with the suite of this repository, and without cases of its own.
fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["cases/xab", "fixtures/cards"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let requirement = "{ text: A ride is charged., strength: must, source: Our own }";
    put(&dir, "cases/requirements.yaml", &format!("schema: 1\nrequirements:\n  RIDE: {requirement}\n"));
    install(dir.path(), &Content::read(&repository(), this_release()).unwrap()).unwrap();
    dir
}

fn put(dir: &tempfile::TempDir, file: &str, text: &str) {
    let path = dir.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn case(dir: &tempfile::TempDir, id: &str, requirement: &str) {
    let family = id[..3].to_lowercase();
    let text = format!(
        "schema: 1\nid: {id}\ntitle: A rider pays\nsince: 0.1.0\nrequires: [{requirement}]\nsnapshot: none\ngiven: \
         {{ validator: shangluo-flat-1-yuan, card: unionpay-credit-rsa1152 }}\nsteps: [tap]\nexpect: rides\n"
    );
    put(dir, &format!("cases/{family}/{id}.yaml"), &text);
}

fn at(dir: &tempfile::TempDir) -> Project {
    Project::at(dir.path())
}

/// The project is refused, and the message says this.
#[track_caller]
fn refused(dir: &tempfile::TempDir, words: &[&str]) {
    let text = at(dir).verify().unwrap_err().to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
}

#[test]
fn a_project_uses_its_own_cases_and_those_of_the_suite() {
    let dir = project();
    case(&dir, "XAB-001", "RIDE");
    let project = at(&dir);
    let locked = project.verify().unwrap().unwrap();
    assert_eq!(locked, Content::read(&repository(), this_release()).unwrap().suite());
    assert_eq!(locked.version.to_string(), env!("CARGO_PKG_VERSION"));
    let all = Suite::load(&project, &[]).unwrap().cases;
    let ours = Suite::load(&Project::at(&repository()), &[]).unwrap().cases;
    assert_eq!(all.len(), ours.len() + 1);
    let file = |id: &str| all.iter().find(|sub| sub.id.case.as_str() == id).unwrap().file.clone();
    assert_eq!(file("XAB-001"), Path::new("cases/xab/XAB-001.yaml"));
    assert_eq!(file("ODA-004"), Path::new("suite/cases/oda/ODA-004.yaml"));
    for word in ["ODA", "oda", "XAB-001", "xab", "smoke"] {
        assert!(!Suite::load(&project, &[word.to_owned()]).unwrap().cases.is_empty(), "{word}");
    }
    suite::check_files(&project, &[]).unwrap();
}

#[test]
fn the_list_is_what_sha256sum_reads() {
    let dir = project();
    let run = |arguments: &[&str]| {
        Command::new("sha256sum").args(arguments).current_dir(dir.path().join(FOLDER)).output().unwrap()
    };
    let checked = run(&["--check", "--strict", "--quiet", SUMS]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let digest = String::from_utf8(run(&[SUMS]).stdout).unwrap();
    assert!(digest.starts_with(read(dir.path()).unwrap().unwrap().sha256.as_str()), "{digest}");
}

#[test]
fn a_copy_of_a_copy_is_the_same_suite() {
    let dir = project();
    let of_repository = Content::read(&repository(), this_release()).unwrap();
    // The version is that of the copy.
    let of_package = Content::read(&dir.path().join(FOLDER), "9.9.9".parse().unwrap()).unwrap();
    assert_eq!(of_package, of_repository);
    put(&dir, "suite/cases/presets.yaml", "schema: 1\npresets: {}\n");
    let error = Content::read(&dir.path().join(FOLDER), this_release()).unwrap_err().to_string();
    assert!(error.ends_with("suite/cases/presets.yaml: this file of the suite has been changed"), "{error}");
}

#[test]
fn a_suite_that_differs_by_one_byte_is_refused() {
    let dir = project();
    let path = dir.path().join("suite/cases/oda/ODA-004.yaml");
    let mut text = fs::read(&path).unwrap();
    let last = text.len() - 2;
    text[last] ^= 1;
    fs::write(&path, text).unwrap();
    refused(&dir, &["suite/cases/oda/ODA-004.yaml: this file of the suite has been changed", "taprig suite update"]);
}

#[test]
fn files_that_are_gone_or_added_are_refused() {
    let dir = project();
    fs::remove_file(dir.path().join("suite/fixtures/cards/phone.yaml")).unwrap();
    put(&dir, "suite/cases/oda/ODA-999.yaml", "schema: 1\n");
    put(&dir, "suite/cases/oda/snapshots/ODA-004.snap.new", "a proposal is not read");
    refused(
        &dir,
        &[
            "suite/fixtures/cards/phone.yaml: this file of the suite is missing",
            "suite/cases/oda/ODA-999.yaml: this file does not belong to the suite",
        ],
    );
    assert_eq!(at(&dir).verify().unwrap_err().len(), 2);
    fs::remove_dir_all(dir.path().join(FOLDER)).unwrap();
    refused(&dir, &["suite/SHA256SUMS: the list of the suite's files can't be read"]);
}

/// Whoever changes a file and its line in the list still meets the digest of the list.
#[test]
fn a_list_that_differs_from_the_lock_is_refused() {
    let dir = project();
    let path = dir.path().join("suite/SHA256SUMS");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    refused(&dir, &["taprig.lock: the lock file names the suite 0.", ", but the suite in `suite` is 0."]);
}

#[test]
fn a_lock_of_another_version_is_refused() {
    let dir = project();
    let suite = read(dir.path()).unwrap().unwrap();
    let lock = |version: &str| {
        let version = version.parse().unwrap();
        put(&dir, FILE, &text(&LockedSuite { version, ..suite.clone() }));
    };
    lock("0.0.9");
    refused(&dir, &["the lock file names the suite 0.0.9 sha256", "but the suite in `suite` is 0.1.0 sha256"]);
    lock("99.0.0");
    refused(&dir, &["the suite is of version 99.0.0, but this taprig is 0.1.0", "install taprig 99.0.0 or newer"]);
    fs::remove_file(dir.path().join(FILE)).unwrap();
    refused(&dir, &["the project has a suite in `suite`, but its lock file is missing"]);
    put(&dir, FILE, "schema: 1\nsuite: { version: 1, sha256: abc }\n");
    refused(&dir, &["taprig.lock:2:", "`1` is not a version of taprig", "`abc` is not a SHA-256"]);
}

#[test]
fn names_of_the_suite_are_refused_for_the_projects_own_files() {
    let dir = project();
    put(&dir, "fixtures/cards/phone.yaml", "schema: 1\ntitle: Mine\ninclude: unionpay-credit-rsa1152\n");
    refused(&dir, &["fixtures/cards/phone.yaml: the suite has a card `phone` as well", "give yours another name"]);
    fs::remove_file(dir.path().join("fixtures/cards/phone.yaml")).unwrap();

    let problems = || suite::check_files(&at(&dir), &["cases".to_owned()]).unwrap_err().to_string();
    case(&dir, "BUS-001", "RIDE");
    assert!(problems().contains("two files have the case id `BUS-001`"), "{}", problems());
    fs::remove_file(dir.path().join("cases/bus/BUS-001.yaml")).unwrap();
    case(&dir, "BUS-999", "RIDE");
    assert!(problems().contains("BUS-999.yaml:2:5: the family BUS belongs to the suite"), "{}", problems());
    let run = Suite::load(&at(&dir), &["BUS-999".to_owned()]).unwrap_err().to_string();
    assert!(run.contains("the family BUS belongs to the suite"), "{run}");
    fs::remove_dir_all(dir.path().join("cases/bus")).unwrap();
    case(&dir, "ABC-001", "RIDE");
    assert!(problems().contains("the family ABC is reserved for the suite"), "{}", problems());
    fs::remove_dir_all(dir.path().join("cases/abc")).unwrap();

    case(&dir, "XAB-001", "RIDE");
    suite::check_files(&at(&dir), &["cases".to_owned()]).unwrap();
    put(&dir, "cases/presets.yaml", "schema: 1\npresets:\n  rides: { text: Mine, expect: { outcome: approved } }\n");
    assert!(problems().contains("cases/presets.yaml:3:3: the suite has a preset `rides` as well"), "{}", problems());
    fs::remove_file(dir.path().join("cases/presets.yaml")).unwrap();
    let requirement = "{ text: Mine, strength: must, source: Mine }";
    let text = format!("schema: 1\nrequirements:\n  RIDE: {requirement}\n  ODA-VERIFY-SDAD: {requirement}\n");
    put(&dir, "cases/requirements.yaml", &text);
    let said = problems();
    assert!(
        said.contains("cases/requirements.yaml:4:3: the suite has a requirement `ODA-VERIFY-SDAD` as well"),
        "{said}"
    );
}

#[test]
fn no_family_of_our_suite_begins_with_the_letter_of_makers() {
    for entry in fs::read_dir(repository().join("cases")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_string_lossy().starts_with(['x', 'X']), "{name:?}");
    }
}

#[test]
fn a_folder_within_the_suite_belongs_to_the_project() {
    let dir = project();
    let found = Project::find(&dir.path().join("suite/cases/oda")).unwrap();
    assert_eq!(found.root(), dir.path());
    assert!(found.suite().is_some());
}

/// The keys of the suite are not in a record, and neither are those of the project.
#[test]
fn a_record_gets_no_key() {
    let dir = project();
    put(&dir, "fixtures/keys/mine.yaml", "schema: 1\n");
    let texts = at(&dir).texts();
    assert!(texts.contains_key(Path::new("suite/fixtures/cards/phone.yaml")));
    assert!(texts.keys().all(|path| !path.to_string_lossy().contains("keys/")), "{:?}", texts.keys());
}

#[test]
fn the_digest_of_a_project_covers_its_suite() {
    let dir = project();
    let before = at(&dir).digest();
    put(&dir, "suite/cases/oda/ODA-004.yaml", "schema: 1\n");
    assert_ne!(at(&dir).digest(), before);
}

#[test]
fn an_update_replaces_the_suite_and_nothing_else() {
    let dir = project();
    case(&dir, "XAB-001", "RIDE");
    put(&dir, "suite/cases/oda/ODA-999.yaml", "schema: 1\n");
    put(&dir, ".suite.new/left-behind", "");
    let content = Content::read(&repository(), this_release()).unwrap();
    install(dir.path(), &content).unwrap();
    at(&dir).verify().unwrap();
    assert!(dir.path().join("cases/xab/XAB-001.yaml").is_file());
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["cases", "fixtures", "suite", "taprig.lock"]);
}

#[test]
fn a_list_with_a_path_out_of_the_suite_is_none() {
    let digest = "a0".repeat(32);
    assert!(parse(&format!("{digest}  cases/oda/ODA-004.yaml\n")).is_some());
    for wrong in ["../cases/x.yaml", "/etc/passwd", "", "./x"] {
        assert!(parse(&format!("{digest}  {wrong}\n")).is_none(), "{wrong}");
    }
    for wrong in ["words", &format!("{digest} cases/x.yaml"), &format!("{}  cases/x.yaml", "A0".repeat(32))] {
        assert!(parse(wrong).is_none(), "{wrong}");
    }
}

/// Benches and other devices are whoever's they are.
#[test]
fn a_suite_has_our_device_and_no_bench() {
    let dir = project();
    let project = at(&dir);
    assert!(project.names(Fixture::Bench).is_empty());
    let devices = project.names(Fixture::Device);
    assert!(devices.contains(&"taprig-reference".to_owned()) && devices.iter().all(|name| name.starts_with("taprig")));
}
