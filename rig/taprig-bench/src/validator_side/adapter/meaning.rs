//! Translates what an adapter program reports into the words of cases.

use taprig_model::adapter::{self as protocol, Capability, Reported, Said};
use taprig_model::device::Words;
use taprig_model::event::{Fields, JournalRow, Signal, Status};

use super::super::words::{reason_of, word};
use super::super::{JournalPage, ValidatorCapability};

/// What a capability of a program lets a run ask for.
pub(super) fn capability(can: Capability) -> Option<ValidatorCapability> {
    Some(match can {
        Capability::Nonce => ValidatorCapability::Nonce,
        Capability::SettingsName => ValidatorCapability::SettingsName,
        Capability::Status => ValidatorCapability::Status,
        Capability::Journal => ValidatorCapability::Journal,
        Capability::ClearJournal => ValidatorCapability::ClearJournal,
        // The rig asks for it when it starts the device, and a run does not.
        Capability::Restart => return None,
    })
}

/// The meaning of an event.
pub(super) fn signal(event: protocol::Event, words: &Words) -> (Signal, Fields) {
    let mut values: Vec<(&str, Option<String>)> = Vec::new();
    let signal = match event.told {
        Reported::Started {} => Signal::Started {},
        Reported::Ready {} => Signal::Ready {},
        Reported::Show { message } => {
            let meaning = word(&words.messages, &message);
            values.push(("message", Some(message)));
            Signal::Show { message: meaning }
        }
        Reported::Sound { sound } => {
            let meaning = word(&words.sounds, &sound);
            values.push(("sound", Some(sound)));
            Signal::Sound { sound: meaning }
        }
        Reported::Gate { gate } => {
            let meaning = word(&words.gates, &gate);
            values.push(("gate", Some(gate)));
            Signal::Gate { gate: meaning }
        }
        Reported::Result { outcome, reason, charged, cvm } => {
            let signal = Signal::Result {
                outcome: outcome.as_ref().map(|said| word(&words.outcomes, said)),
                reason: reason.as_ref().map(|said| reason_of(words, said)),
                charged,
                held: None,
                cvm: cvm.as_ref().map(|said| word(&words.cvms, said)),
            };
            let charged = charged.map(|fen| fen.to_string());
            values.extend([("outcome", outcome), ("reason", reason), ("charged", charged), ("cvm", cvm)]);
            signal
        }
        Reported::Fault { what } => {
            values.push(("what", Some(what.clone())));
            Signal::Fault { what }
        }
        Reported::Other { name } => Signal::Other { name },
    };
    (signal, said(event.said, values))
}

/// What the device said. If the program gives no such words, the values of the message are recorded in their place.
fn said(said: Said, values: Vec<(&str, Option<String>)>) -> Fields {
    match said.is_empty() {
        false => said.into_iter().collect(),
        true => values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    }
}

/// The meaning of a status.
pub(super) fn status(told: protocol::Status) -> (Status, Fields) {
    let protocol::Status { state, journal, capacity, total, clock, settings, said } = told;
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let values = vec![
        ("state", state.clone()),
        ("journal", number(journal)),
        ("capacity", number(capacity)),
        ("total", total.map(|total| total.to_string())),
        ("clock", clock.clone()),
        ("settings", settings.clone()),
    ];
    (Status { state, journal, capacity, total, clock, settings }, self::said(said, values))
}

/// The meaning of a journal.
pub(super) fn journal(told: protocol::Journal) -> JournalPage {
    let rows = told.rows.into_iter().map(row).collect();
    JournalPage { count: told.count, total: told.total, rows }
}

fn row(told: protocol::Row) -> JournalRow {
    let protocol::Row {
        number,
        time,
        account,
        sequence,
        charged,
        counter,
        cryptogram,
        cryptogram_type,
        kind,
        line,
        said,
    } = told;
    let values = vec![
        ("n", number.map(|number| number.to_string())),
        ("time", time.clone()),
        ("account", account.clone()),
        ("sequence", sequence.clone()),
        ("charged", charged.map(|fen| fen.to_string())),
        ("counter", counter.clone()),
        ("ac", cryptogram.clone()),
        ("cryptogram-type", cryptogram_type.clone()),
        ("kind", kind.clone()),
        ("line", line.clone()),
    ];
    let said = self::said(said, values);
    JournalRow {
        number,
        time,
        account,
        sequence,
        charged,
        counter,
        cryptogram,
        cryptogram_type,
        kind,
        line,
        said,
        ..JournalRow::default()
    }
}
