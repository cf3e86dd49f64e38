//! Laboratory files: what is wrong with one is told before anything runs, and a record keeps what one says.

use std::fs;

use super::place::{Place, RIDE, Ran, repository};

const LAB: &str =
    "schema: 1\nlaboratory: { name: Qinling }\nitem: { serial-number: \"0042\", firmware: { version: 0.1.0 } }\n";

fn place() -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place
}

#[test]
fn a_record_keeps_what_the_laboratory_file_says_and_shows_what_is_blank() {
    let place = place();
    place.put("lab.yaml", LAB);
    place.run(&["--bench", "sim", "--lab", "lab.yaml"]).expect(0, &["1 passed"]);
    let lab = &place.results()["run"]["lab"];
    assert_eq!((&lab["laboratory"]["name"], &lab["item"]["condition"]), (&"Qinling".into(), &serde_json::Value::Null));
    assert!(lab["item"].as_object().unwrap().contains_key("condition"), "blank, and not left out");
    let junit = fs::read_to_string(place.path("report/junit.xml")).unwrap();
    assert!(junit.contains(r#"<property name="lab.laboratory.name" value="Qinling"/>"#), "{junit}");
    assert!(junit.contains(r#"<property name="lab.item.condition" value="(blank)"/>"#), "{junit}");
    let inputs = taprig_record::Inputs::read(&place.path("report")).unwrap();
    assert_eq!(inputs.files[std::path::Path::new("lab.yaml")], LAB);
}

#[test]
fn a_laboratory_file_that_is_wrong_stops_the_run_before_anything_is_written() {
    let place = place();
    place.put("lab.yaml", &LAB.replace("laboratory:", "laboratories:"));
    place
        .run(&["--bench", "sim", "--lab", "lab.yaml"])
        .expect(2, &["unknown key `laboratories`", "did you mean `laboratory`?", "lab.yaml:2:1"]);
    assert!(!place.path("report").exists());
    place.run(&["--bench", "sim", "--lab", "none.yaml"]).expect(2, &["none.yaml", "can't be read"]);
    place.put("lab.yaml", LAB);
    let sim = fs::read_to_string(place.path("fixtures/benches/sim.yaml")).unwrap();
    place.put("fixtures/benches/sim.yaml", &sim.replace("device:", "serial-number: \"0043\"\ndevice:"));
    let words = ["`item.serial-number` is 0042, but the bench sim has the device 0043"];
    place.run(&["--bench", "sim", "--lab", "lab.yaml"]).expect(2, &words);
    assert!(!place.path("report").exists());
    // The number on the command line takes the place of that of the bench, in both directions.
    let other = ["--bench", "sim", "--lab", "lab.yaml", "--serial-number", "0044"];
    place.run(&other).expect(2, &["`item.serial-number` is 0042, but the bench sim has the device 0044"]);
    assert!(!place.path("report").exists());
    place.run(&["--bench", "sim", "--lab", "lab.yaml", "--serial-number", "0042"]).expect(0, &["1 passed"]);
    let without = Ran::of(&place.taprig(&["run", "--bench", "sim", "--lab", "lab.yaml"]).output().unwrap());
    without.expect(2, &["--report <DIR>"]);
}

#[test]
fn check_reads_the_laboratory_file_of_a_project_and_any_other() {
    let place = place();
    let check = |args: &[&str]| Ran::of(&place.taprig(&[&["check"], args].concat()).output().unwrap());
    place.put("lab.yaml", LAB);
    check(&[]).expect(0, &["no problems"]);
    place.put("lab.yaml", &format!("{LAB}dates: {{ received: 2026-02-30 }}\n"));
    check(&[]).expect(2, &["`2026-02-30` is not a day", "lab.yaml:4:"]);
    place.put("mine.yaml", &LAB.replace("name", "names"));
    check(&["mine.yaml"]).expect(2, &["unknown key `names`"]);
    let example = repository().join("rig/taprig/doc/lab-example.yaml").display().to_string();
    check(&[&example]).expect(0, &["1 file, no problems"]);
    let schema = Ran::of(&place.taprig(&["schema", "lab"]).output().unwrap());
    schema.expect(0, &["\"decision-rule\"", "What a report says about the laboratory"]);
}

#[test]
fn records_of_different_laboratory_files_are_not_joined() {
    let place = place();
    place.case("BUS-002", RIDE);
    place.put("lab.yaml", LAB);
    let run = |part: &str, to: &str, lab: &[&str]| {
        let args = [&["run", "--bench", "sim", "--partition", part, "--report", to], lab].concat();
        Ran::of(&place.taprig(&args).output().unwrap()).expect(0, &[]);
    };
    run("1/2", "one", &["--lab", "lab.yaml"]);
    run("2/2", "two", &[]);
    let merge = |to: &str, of: &[&str]| {
        Ran::of(&place.taprig(&[&["report", "merge", "--to", to], of].concat()).output().unwrap())
    };
    merge("all", &["one", "two"]).expect(2, &["it was run with another laboratory file"]);
    run("2/2", "two", &["--lab", "lab.yaml"]);
    merge("all", &["one", "two"]).expect(0, &["2 records joined"]);
    let results = |of: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(place.path(of).join("results.json")).unwrap()).unwrap()
    };
    assert_eq!(results("all")["run"]["lab"]["laboratory"]["name"], "Qinling");
    assert_eq!(results("all")["run"].get("partition"), None);
    // A record that is not the whole says of which parts it is.
    merge("half", &["one"]);
    assert_eq!(results("half")["run"]["partition"], "1/2");
}
