//! Tests of the whole loader. `tests/diagnostics.rs` tests what it prints.

use super::diagnostic::Problems;
use super::document::{Kind, Node, PathStep, parse};
use super::each::expand;
use super::source::Source;
use super::typed::typed;
use proptest::prelude::*;
use std::path::Path;
use taprig_model::case::Case;
use taprig_model::settings::Settings;

fn tree(text: &str) -> (Option<Node>, Problems) {
    let mut problems = Problems::default();
    let tree = Source::of_bytes(Path::new("test.yaml"), text.into()).and_then(|source| parse(&source, &mut problems));
    match tree {
        Ok(tree) => (Some(tree), problems),
        Err(problem) => {
            problems.push(problem);
            (None, problems)
        }
    }
}

#[test]
fn words_that_look_like_numbers_stay_words() {
    let (tree, problems) = tree("a: 82\nb: 5E24\nc: 017\nd: 1.0\ne: true\nf: \"true\"\ng: on\nh: -3\ni: 0x10\n");
    assert!(problems.is_empty(), "{problems}");
    let value = serde_json::to_value(tree.unwrap().to_value()).unwrap();
    let wanted = serde_json::json!({
        "a": 82, "b": "5E24", "c": "017", "d": "1.0", "e": true, "f": "true", "g": "on", "h": -3, "i": "0x10",
    });
    assert_eq!(value, wanted);
}

#[test]
fn a_value_alone_keeps_its_type_and_is_text_within_a_text() {
    let text = "each:\n- {name: a, n: 5, on: true}\n- {name: b, n: 6, on: \"false\"}\n\
                x: \"{n}\"\ny: \"{n} of {n}\"\nz: [\"{on}\"]\nw: \"{ n } {N} {\"\nv: {\"{n}\": 1}\n";
    let mut problems = Problems::default();
    let subs = expand(tree(text).0.unwrap(), &mut problems);
    assert!(problems.is_empty(), "{problems}");
    let values: Vec<_> = subs.iter().map(|sub| serde_json::to_value(sub.tree.to_value()).unwrap()).collect();
    assert_eq!(values[0], serde_json::json!({"x": 5, "y": "5 of 5", "z": [true], "w": "{ n } {N} {", "v": {"5": 1}}));
    assert_eq!(values[1]["z"][0], "false");
    assert_eq!(subs[1].name.as_ref().unwrap().as_str(), "b");
}

#[test]
fn a_sub_case_is_named_by_its_first_value() {
    let mut problems = Problems::default();
    let text = "each:\n- {fare: 19.99 CNY}\n- {fare: 20.00 CNY}\nx: \"{fare}\"\n";
    let subs = expand(tree(text).0.unwrap(), &mut problems);
    let names: Vec<_> = subs.iter().map(|sub| sub.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["19.99-cny", "20.00-cny"]);
}

#[test]
fn places_count_characters_and_are_found_in_wide_text() {
    let (tree, _) = tree("# 商洛市\ntitle: 商洛 line\nfare: 1\n");
    let tree = tree.unwrap();
    let place = tree.place(&[PathStep::from("fare")]);
    assert_eq!(&place.source.text()[place.bytes.clone()], "1");
    assert_eq!(place.source.line_column(place.bytes.start), (3, 7));
    let title = tree.place(&[PathStep::from("title")]);
    assert_eq!(&title.source.text()[title.bytes.clone()], "商洛 line");
}

#[test]
fn every_wrong_value_of_a_map_is_told() {
    let (tree, _) = tree("fare: 1\nretap: 2\ntx-limit: 3\ndeny-list: [1, 6229900180000021, 2]\ncolour: red\n");
    let mut problems = Problems::default();
    assert_eq!(typed::<Settings>(&tree.unwrap(), &mut problems), None);
    assert_eq!(problems.len(), 6, "{problems}");
}

#[test]
fn a_part_that_is_taken_out_is_gone() {
    let (tree, _) = tree("a: [1, {b: 2, c: 3}]\n");
    let mut tree = tree.unwrap();
    assert!(tree.remove(&[PathStep::from("a"), PathStep::from(1), PathStep::from("b")]));
    assert!(!tree.remove(&[PathStep::from("a"), PathStep::from(7)]));
    assert!(!tree.remove(&[]));
    assert_eq!(serde_json::to_value(tree.to_value()).unwrap(), serde_json::json!({"a": [1, {"c": 3}]}));
}

/// Building blocks of a file, so that random files get past the parser.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "schema: 1\n",
        "id: ODA-001\n",
        "title: ",
        "{bit}",
        "each:\n",
        "- {name: a, bit: 1}\n",
        "given:\n",
        "  card: x\n",
        "steps:\n",
        "- tap\n",
        "- tap: {for: 1 ms}\n",
        "expect: {",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "&a ",
        "*a",
        "!t ",
        "? ",
        ": ",
        "|\n",
        ">-\n",
        "  ",
        "\n",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "# c\n",
        "é",
        "\u{feff}",
        "\u{2028}",
        "\r",
        "\r\n",
        "~",
        "- ",
        ", ",
        "<<: ",
        "@",
        "`",
        "0",
        "\\u12",
        "{",
        "\t",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn load(bytes: Vec<u8>) {
    let Ok(source) = Source::of_bytes(Path::new("test.yaml"), bytes) else { return };
    let mut problems = Problems::default();
    match parse(&source, &mut problems) {
        Ok(tree) => {
            for sub in expand(tree, &mut problems) {
                let _ = typed::<Case>(&sub.tree, &mut problems);
            }
        }
        Err(problem) => problems.push(problem),
    }
    for problem in problems.iter() {
        let _ = problem.to_string();
        if let Some((source, bytes)) = &problem.place {
            assert!(source.text().get(bytes.clone()).is_some(), "{problem} points beside the text");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_pieces_panic(text in pieces()) {
        load(text.into_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        load(bytes);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        load(text.into_bytes());
    }

    /// A correct case with one character changed.
    #[test]
    fn no_typing_error_panics(at in 0usize..900, c in any::<char>()) {
        let mut text: Vec<char> = include_str!("../../taprig/tests/bad/good.yaml").chars().collect();
        let at = at % text.len();
        text[at] = c;
        load(text.into_iter().collect::<String>().into_bytes());
    }
}

#[test]
fn a_list_at_the_top_is_a_tree_too() {
    assert!(matches!(tree("- 1\n- 2\n").0.unwrap().kind, Kind::List(items) if items.len() == 2));
}
