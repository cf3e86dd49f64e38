//! Questions with a person who is a script.

use std::collections::VecDeque;

use super::super::page::device_file;
use super::*;

/// A person who answers questions that contain a text, and presses Enter at all others.
#[derive(Default)]
struct Person {
    answers: VecDeque<(&'static str, &'static str)>,
    asked: Vec<String>,
    /// After this many questions, the person ends the input.
    leaves: Option<usize>,
}

impl Desk for Person {
    fn line(&mut self, text: &str) -> io::Result<Option<String>> {
        if self.leaves == Some(self.asked.len()) {
            return Ok(None);
        }
        self.asked.push(text.to_owned());
        let found = self.answers.iter().position(|(question, _)| text.contains(question));
        Ok(Some(found.and_then(|place| self.answers.remove(place)).map_or_else(String::new, |(_, typed)| typed.into())))
    }
}

fn catalog() -> Catalog {
    let settings = serde_json::json!({ "fare": "1.00 CNY", "retap": "3 s", "debit": true, "capacity": 200, "deny-list": [], "bus": "1" });
    Catalog {
        claims: ["bus", "debit-bar", "journal", "native-console", "oda-online", "status"]
            .map(|claim| (claim.to_owned(), Some("does it".to_owned())))
            .into(),
        messages: ["approved".to_owned(), "not authorised".to_owned()].into(),
        settings: serde_json::from_value(settings).unwrap(),
    }
}

fn asked(answers: &[(&'static str, &'static str)]) -> (Answers, Person) {
    let mut person = Person { answers: answers.to_vec().into(), ..Person::default() };
    let said = ask(&mut person, "lab", &catalog()).unwrap();
    assert!(person.answers.is_empty(), "never asked: {:?}", person.answers);
    (said, person)
}

#[test]
fn enter_takes_every_default() {
    let (answers, person) = asked(&[]);
    assert_eq!(answers.title.as_deref(), Some("lab"));
    assert_eq!(answers.interface, InterfaceKind::Rules);
    let claims: Vec<_> = answers.claims.iter().flatten().map(Name::as_str).collect();
    assert_eq!(claims, ["bus", "oda-online"]);
    let fixed =
        serde_json::json!({ "fare": "1.00 CNY", "retap": "3 s", "debit": true, "capacity": 200, "deny-list": [] });
    assert_eq!(serde_json::to_value(&answers.fixed).unwrap(), fixed);
    // What the console can't do is not asked.
    let claims = person.asked.iter().filter(|text| text.contains("does it?")).count();
    assert_eq!(claims, 2, "{:?}", person.asked);
    assert!(person.asked.iter().all(|text| text.ends_with("] ")), "each question shows its default");
}

#[test]
fn an_answer_that_does_not_fit_is_explained_and_asked_for_again() {
    let (answers, person) = asked(&[
        ("Which interface", "five"),
        ("`five` is not in the list", "2"),
        ("How long may a reply take?", "3"),
        ("This does not fit: `3` has no unit", "3 s"),
        ("debit-bar: does it?", "perhaps"),
        ("Type yes or no", "y"),
        ("can the device not be told?", "retap"),
        ("What is `retap` set to?", "long"),
        ("This does not fit", "5 s"),
    ]);
    assert_eq!(answers.interface, InterfaceKind::Native);
    assert_eq!(answers.reply.unwrap().to_string(), "3 s");
    assert!(answers.claims.unwrap().iter().any(|claim| claim.as_str() == "debit-bar"));
    assert_eq!(serde_json::to_value(&answers.fixed).unwrap(), serde_json::json!({ "retap": "5 s" }));
    assert!(person.asked.iter().any(|text| text.contains("`five` is not in the list")));
}

#[test]
fn a_console_is_asked_for_in_full() {
    let (answers, person) = asked(&[
        ("Which prompt", "LQ9>"),
        ("What ends a command?", "cr"),
        ("has carried out the command", "=0"),
        ("line that says that the display shows a message", "(a"),
        ("This does not fit: this is not a pattern", "^@10 (?<message>.+)$"),
        ("lists the journal", "LOG"),
        ("The pattern of a record's line", "^(?<number>[0-9]+)$"),
        ("empties the journal", "LOG0"),
        ("A command that changes settings", "CFG {fare} {debit}"),
        ("Which other settings", "retap, capacity"),
        ("`off` of `debit`", "N"),
        ("What does the display show for `approved`", "51"),
        ("Another word for `approved`", "52"),
        ("journal: does it?", "yes"),
    ]);
    let console = &answers.console;
    assert_eq!((console.prompt.as_deref(), console.ok.as_deref()), (Some("LQ9>"), Some("=0")));
    assert_eq!(console.line_end, LineEnd::Cr);
    assert_eq!(console.events.len(), 1);
    assert_eq!(console.told, ["retap", "capacity"]);
    assert_eq!(console.sent["debit"]["off"], "N");
    assert_eq!(answers.words.messages.len(), 2);
    // No command is left that sets anything else.
    let fixed = serde_json::json!({ "deny-list": [] });
    assert_eq!(serde_json::to_value(&answers.fixed).unwrap(), fixed);
    assert!(!person.asked.iter().any(|text| text.contains("What is `retap` set to?")));
    let file = device_file("lab", &answers, &catalog());
    for line in [
        "    prompt: 'LQ9>'",
        "      ok: '^=0$'",
        "      - { is: show, line: '^@10 (?<message>.+)$' }",
        "      - { is: gate, line: 'TODO: the pattern of the line that says that its gate moves, such as ^GATE (?<gate>.+)$' }",
        "      journal: { send: LOG, rows: ['^(?<number>[0-9]+)$'] }",
        "      - { send: 'CFG {fare} {debit}' }",
        "      - { send: 'TODO: the command that sets retap, with {retap} in the place of the value' }",
        "  debit-bar: false                # does it",
        "  journal: true                   # does it",
    ] {
        assert!(file.lines().any(|known| known == line), "{line} is not in\n{file}");
    }
}

#[test]
fn a_person_who_leaves_gets_nothing() {
    let (_, person) = asked(&[]);
    for leaves in [0, 1, person.asked.len() / 2, person.asked.len() - 1] {
        let mut person = Person { leaves: Some(leaves), ..Person::default() };
        assert!(matches!(ask(&mut person, "lab", &catalog()), Err(Ended::NoMore)), "{leaves}");
    }
}
