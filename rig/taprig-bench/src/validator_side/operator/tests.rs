//! Tests with a person that plays a script.

use std::collections::VecDeque;
use std::sync::Mutex;

use taprig_model::event::Word;
use taprig_model::expect::{Gate, Sound};

use super::*;

/// A person that answers with these lines. After the last one, nobody answers.
#[derive(Debug, Default)]
struct Script {
    lines: Mutex<VecDeque<&'static str>>,
    shown: Mutex<Vec<String>>,
}

#[async_trait]
impl Desk for Script {
    fn operator(&self) -> &str {
        "lin"
    }

    async fn ask(&self, text: &str, _within: Duration) -> Option<String> {
        self.shown.lock().unwrap().push(text.to_owned());
        self.lines.lock().unwrap().pop_front().map(str::to_owned)
    }
}

fn side(operator: &str, lines: &[&'static str]) -> (OperatorValidator, Arc<Script>) {
    let device = format!(
        r#"{{"schema":1,"title":"x","identity":{{"device":"box","firmware":"f"}},"claims":{{}},
            "words":{{"messages":{{"OK":"approved","NO":"not authorised"}}}},"interface":{{"operator":{operator}}}}}"#
    );
    let device: Device = serde_json::from_str(&device).unwrap();
    let script = Arc::new(Script { lines: Mutex::new(lines.iter().copied().collect()), ..Script::default() });
    (OperatorValidator::new(device.interface.operator().unwrap().clone(), &device, Some(script.clone())), script)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn situation(settings: &str) -> Situation {
    Situation { settings: serde_json::from_str(settings).unwrap(), keys: vec![] }
}

#[test]
fn answers_are_signals_with_the_name_of_the_person() {
    // The display shows the second message, then the first. Rubbish is asked for again.
    let (mut side, script) = side("{}", &["2 1", "what", "9", "1", "2", "1.00", "1"]);
    let seen = run(side.seen()).unwrap();
    assert_eq!(seen.ready, ReadyAgain::InTime);
    let signals: Vec<_> = seen.signals.iter().map(|(signal, _)| signal.clone()).skip(1).collect();
    let show = |text: &str| Signal::Show { message: Word::Known(text.into()) };
    assert_eq!(
        signals,
        [
            show("approved"),
            show("not authorised"),
            Signal::Sound { sound: Word::Known(Sound::Accepted) },
            Signal::Gate { gate: Word::Known(Gate::Shut) },
            Signal::Result { outcome: None, reason: None, charged: Some(100), held: None, cvm: None },
            Signal::Ready {},
        ]
    );
    let (_, said) = &seen.signals[1];
    let said: Vec<_> = said.iter().collect();
    assert_eq!(said, [("question", "shows"), ("answer", "OK / NO"), ("operator", "lin")]);
    assert_eq!(script.shown.lock().unwrap().len(), 7);
}

#[test]
fn what_nobody_saw_is_told_with_the_reason() {
    let seen = |operator: &str, lines: &[&'static str]| {
        let (mut side, _) = side(operator, lines);
        let seen = run(side.seen()).unwrap();
        let why = |sight| {
            seen.signals.iter().find_map(|(signal, _)| match signal {
                Signal::NotSeen { what, why } if *what == sight => Some(why.clone()),
                _ => None,
            })
        };
        (Sight::QUESTIONS.map(why).map(Option::unwrap_or_default), seen.ready)
    };
    let (why, ready) = seen("{}", &[]);
    assert!(why.iter().all(|why| why == "lin gave no answer within 60 s"), "{why:?}");
    assert_eq!(ready, ReadyAgain::NotSeen);
    let (why, _) = seen("{}", &["5", "6", "3", "?", "3"]);
    assert!(why.iter().all(|why| why == "lin could not tell"), "{why:?}");
    let (why, ready) = seen(r#"{"asks":["sound","ready"]}"#, &["5", "2"]);
    let not_asked = "the device file does not let the operator be asked for it";
    assert_eq!(why, [not_asked, "", not_asked, not_asked, ""]);
    assert_eq!(ready, ReadyAgain::Not);
}

#[test]
fn without_a_terminal_nothing_is_seen() {
    let (mut side, _) = side("{}", &[]);
    side.desk = None;
    let seen = run(side.seen()).unwrap();
    let not_seen = seen.signals.iter().filter(|(signal, _)| matches!(signal, Signal::NotSeen { .. }));
    assert_eq!((not_seen.count(), seen.ready), (6, ReadyAgain::NotSeen));
}

#[test]
fn the_person_sets_only_what_differs() {
    let (mut side, script) = side("{}", &["1", "1", "2"]);
    let mut last = LastSituation::default();
    let one = situation(r#"{"fare":"1.00 CNY","bus":"7"}"#);
    let two = situation(r#"{"fare":"2.00 CNY","bus":"7"}"#);
    run(async {
        for situation in [&one, &one, &two] {
            assert_eq!(side.establish(situation, &mut last, [0; 8]).await.unwrap().by, Freshness::Asked);
        }
        let refused = side.establish(&one, &mut last, [0; 8]).await.unwrap_err();
        assert_eq!(refused.to_string(), "the operator refused `the settings of the case`: it can't be done");
        let late = side.establish(&one, &mut last, [0; 8]).await.unwrap_err().to_string();
        assert_eq!(
            late,
            "the word that the set-up of the validator is done did not come from the operator within 600000 ms"
        );
    });
    let shown = script.shown.lock().unwrap();
    assert_eq!(shown.len(), 4);
    assert!(shown[0].contains("fare 1.00 CNY") && shown[0].contains("bus 7") && shown[0].contains("factory"));
    assert!(shown[1].contains("fare 2.00 CNY") && !shown[1].contains("bus 7"), "{}", shown[1]);
}

#[test]
fn the_type_plate_is_compared() {
    let (mut side, _) = side("{}", &["1", "2"]);
    assert_eq!(run(side.identity()).unwrap().device, "box");
    assert_eq!(run(side.identity()).unwrap().device, "another device");
}
