//! Whatever a card answers, every transaction ends, after a bounded number of commands.

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::card::{Bytes, Device, Spec, TRANSACTION};
use crate::{Card, LinkError, Mode, OutcomeKind, Settings, run};

/// Longest transaction: PPSE, a SELECT for every candidate that one response can name, GPO, the records.
const MAX_COMMANDS: usize = 1 + 24 + 1 + 32;

/// What happens to one answer of a good card.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Replace(Bytes),
    Body(Bytes),
    Flip(usize, u8),
    Cut(usize),
    Link,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..=258);
    prop_oneof![
        6 => Just(Damage::None),
        1 => bytes().prop_map(Damage::Replace),
        1 => prop::collection::vec(any::<u8>(), 0..=256).prop_map(Damage::Body),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        1 => any::<usize>().prop_map(Damage::Cut),
        1 => Just(Damage::Link),
    ]
}

struct Damaged {
    answers: Vec<Bytes>,
    damages: Vec<Damage>,
    commands: usize,
}

impl Card for Damaged {
    fn transmit(&mut self, _: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        let mut answer = self.answers.get(self.commands).cloned().unwrap_or(vec![0x6A, 0x83]);
        let damage = self.damages.get(self.commands).unwrap_or(&Damage::None);
        self.commands += 1;
        match damage {
            Damage::None => {}
            Damage::Replace(bytes) => answer.clone_from(bytes),
            Damage::Body(bytes) => answer = [bytes.as_slice(), &[0x90, 0x00]].concat(),
            Damage::Flip(at, mask) => {
                let at = at % answer.len();
                answer[at] ^= mask;
            }
            Damage::Cut(at) => {
                answer.truncate(at % answer.len());
                answer.extend([0x90, 0x00]);
            }
            Damage::Link => return Err(LinkError::Transmission),
        }
        response.clear();
        response.extend_from_slice(&answer).map_err(|_| LinkError::Protocol)
    }
}

/// The answers of one good transaction.
fn recorded() -> Vec<Bytes> {
    struct Recorder<'a>(super::card::TestCard<'a>, Vec<Bytes>);
    impl Card for Recorder<'_> {
        fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
            let result = self.0.transmit(command, response);
            self.1.push(response.to_vec());
            result
        }
    }
    let spec = Spec::default();
    let mut card = Recorder(spec.personalise(), vec![]);
    let outcome = run(&mut card, &mut Device::for_spec(&spec), &Settings::default(), &TRANSACTION);
    assert_eq!(outcome.kind, OutcomeKind::Approved);
    card.1
}

#[test]
fn damaged_cards_never_ride_and_always_end() {
    let answers = recorded();
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (prop::collection::vec(damage(), 7), 0..3u8);
    proptest!(config, |((damages, mode) in strategy)| {
        let mode = [Mode::BusOda, Mode::Offline, Mode::Online][usize::from(mode)];
        let mut card = Damaged { answers: answers.clone(), damages, commands: 0 };
        let settings = Settings { mode, ..Settings::default() };
        let outcome = run(&mut card, &mut Device::for_spec(&Spec::default()), &settings, &TRANSACTION);
        prop_assert!(card.commands <= MAX_COMMANDS);
        prop_assert!(outcome.kind != OutcomeKind::SelectNext);
        // The answers hold the signature of a bus transaction over these very data. Whoever rides has them all.
        if outcome.kind == OutcomeKind::Approved {
            let ride = outcome.ride.unwrap();
            prop_assert_eq!(ride.oda, crate::Oda::Passed);
            let pan = ride.pan.unwrap();
            prop_assert_eq!(pan.as_str(), super::card::PAN);
        }
    });
}

#[test]
fn any_bytes_as_any_answer() {
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let answers = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=258), 0..8);
    proptest!(config, |(answers in answers)| {
        let mut card = Damaged { answers, damages: vec![], commands: 0 };
        let outcome = run(&mut card, &mut Device::for_spec(&Spec::default()), &Settings::default(), &TRANSACTION);
        prop_assert!(card.commands <= MAX_COMMANDS);
        prop_assert!(outcome.kind != OutcomeKind::Approved);
    });
}
