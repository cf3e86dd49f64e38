//! The first image with which a case fails. The images are programs that start the hosted board. From some image on, the
//! board loses its memory at each power-on.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::place::{Place, Ran};

/// Starts the board.
const GOOD: &str = "";
/// Removes the board's memory first.
const FORGETS: &str = "was=; for is in \"$@\"; do [ \"$was\" = --nvm ] && rm -f \"$is\"; was=$is; done\n";
/// Ends, so that the rig can't use the board.
const DEAD: &str = "exit 1\n";

/// A case that needs the memory.
const KEPT: &str = "steps: [tap, power-cycle, status: { journal: 1 }]\nexpect: { outcome: approved }\n";

/// Writes an image.
fn image(place: &Place, number: usize, does: &str) {
    // The rig starts a board with `board validator --air ...`. The subcommand `board` is the current firmware.
    let taprig = env!("CARGO_BIN_EXE_taprig");
    let text = format!("#!/bin/sh\n# image {number}\n{does}exec '{taprig}' \"$@\"\n");
    place.script(&format!("images/fw-{number}"), &text);
}

/// A project with eight images, of which those from the sixth on are bad.
fn place() -> Place {
    let place = Place::new();
    place.case("BUS-001", KEPT);
    (5..=12).for_each(|number| image(&place, number, if number >= 10 { FORGETS } else { GOOD }));
    place
}

fn repeated(place: &Place, repeat: &str, args: &[&str]) -> Ran {
    let args = [&["bisect", "BUS-001", "--images", "images", "--bench", "sim", "--repeat", repeat], args].concat();
    Ran::of(&place.taprig(&args).output().unwrap())
}

fn bisect(place: &Place, args: &[&str]) -> Ran {
    repeated(place, "2", args)
}

fn log(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("bisect-BUS-001/bisect.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_first_bad_image_is_found_and_the_log_has_each_step() {
    let place = place();
    let found = "fw-10 is the first bad image; fw-9 is the last good one";
    let ran = bisect(&place, &[]);
    ran.expect(
        0,
        &["8 images, 2 repetitions each; 5 images have to be tried at most", "(2 passed)", "(2 failed)", found],
    );
    let log = log(&place);
    let tried: Vec<_> = log[1..].iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(&tried[..2], ["fw-12", "fw-5"], "the ends come first, in the natural order");
    assert!(tried.len() <= 5 && tried.contains(&"fw-9") && tried.contains(&"fw-10"), "{tried:?}");
    for step in &log[1..] {
        assert!(Path::new(&place.path(step["record"].as_str().unwrap())).join("events.jsonl").is_file(), "{step}");
    }
    // The same command again has nothing left to do.
    bisect(&place, &[]).expect(0, &[found, "images were tried before"]);
    let json: Value = serde_json::from_str(&bisect(&place, &["--format", "json"]).out).unwrap();
    assert_eq!((&json["last_good"], &json["first_bad"]), (&"fw-9".into(), &"fw-10".into()));
}

#[test]
fn a_bisection_goes_on_from_its_log() {
    let place = place();
    bisect(&place, &[]).expect(0, &[]);
    let path = place.path("bisect-BUS-001/bisect.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // As if the machine had lost its power in the middle of the third step.
    fs::write(&path, format!("{}\n{}", lines[..3].join("\n"), &lines[3][..9])).unwrap();
    bisect(&place, &[]).expect(0, &["2 images were tried before", "fw-10 is the first bad image"]);
    assert_eq!(log(&place).len(), lines.len());
    image(&place, 7, "true\n");
    bisect(&place, &[])
        .expect(2, &["this is the log of another bisection: it had other images", "another folder with `--log`"]);
}

#[test]
fn an_image_with_which_the_rig_fails_is_skipped_after_more_attempts() {
    let place = place();
    image(&place, 9, DEAD);
    image(&place, 10, DEAD);
    let ran = bisect(&place, &["--retries", "1"]);
    let words = [
        "skipped  fw-9",
        "attempt 2",
        "the first bad image is one of these",
        "fw-9, fw-10, fw-11; fw-8 is the last good one",
    ];
    ran.expect(0, &words);
}

#[test]
fn a_step_with_both_verdicts_is_bad_and_told_as_flaky() {
    let place = place();
    // A repetition starts the board twice, so a memory that is lost at every third start spoils some repetitions.
    let count = place.path("starts");
    let count = count.display();
    let forgets = FORGETS.trim_end();
    let every_third = format!(
        "n=$(cat '{count}' 2>/dev/null || echo 0); n=$((n + 1)); echo $n >'{count}'\n\
         [ $((n % 3)) = 0 ] && {{ {forgets}; }}\n"
    );
    image(&place, 10, &every_third);
    let words =
        ["bad      fw-10", "; flaky)", "fw-10 is the first bad image", "with fw-10 the case is flaky: it passed "];
    repeated(&place, "4", &[]).expect(0, &words);
}

#[test]
fn ends_that_are_not_as_they_should_be_are_told() {
    let place = place();
    image(&place, 12, GOOD);
    bisect(&place, &[]).expect(1, &["the case passes with the newest image, fw-12"]);
    image(&place, 12, FORGETS);
    image(&place, 5, FORGETS);
    bisect(&place, &["--log", "second"]).expect(1, &["the case fails already with the oldest image, fw-5"]);
}

#[test]
fn wrong_input_is_refused_before_anything_runs() {
    let place = place();
    let run = |args: &[&str]| Ran::of(&place.taprig(&[&["bisect"], args].concat()).output().unwrap());
    run(&["BUS-001", "--images", "nowhere", "--bench", "sim"]).expect(2, &["the folder of images can't be read"]);
    run(&["BUS-009", "--images", "images", "--bench", "sim"]).expect(2, &["no case has this id or tag"]);
    place.put("images/images.txt", "fw-5\nfw-99\n");
    run(&["BUS-001", "--images", "images", "--bench", "sim"]).expect(2, &["line 2: there is no image `fw-99`"]);
    fs::remove_file(place.path("images/images.txt")).unwrap();
    place.bench("attached", "attached: { serial: { path: /dev/null } }", "sim: {}");
    let told = "taprig does not bring the firmware to the validator of this bench";
    run(&["BUS-001", "--images", "images", "--bench", "attached"]).expect(2, &[told]);
    assert!(!place.path("bisect-BUS-001").exists());
}
