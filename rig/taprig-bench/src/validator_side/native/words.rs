//! Translates what the device says into the words of cases. No other place reads fields of its console by their names.

use std::collections::BTreeMap;

use taprig_model::event::{Fields, JournalRow, Signal, Status};

use super::super::words::{reason_of, word};
use super::super::{Identity, JournalPage};
use super::Adapter;
use crate::link::console::{Event, Reply};

/// The meaning of an event of the console.
pub(super) fn signal(event: &Event, adapter: &Adapter) -> Signal {
    let (said, events) = (&event.values, &adapter.native.events);
    let name = event.name.as_str();
    if name == events.started {
        Signal::Started {}
    } else if name == events.ready {
        Signal::Ready {}
    } else if name == events.show {
        Signal::Show { message: word(&adapter.words.messages, said.get("id").unwrap_or_default()) }
    } else if name == events.sound {
        Signal::Sound { sound: word(&adapter.words.sounds, first(said)) }
    } else if name == events.gate {
        Signal::Gate { gate: word(&adapter.words.gates, first(said)) }
    } else if name == events.result {
        Signal::Result {
            outcome: said.get("outcome").map(|said| word(&adapter.words.outcomes, said)),
            reason: said.get("reason").map(|said| reason_of(&adapter.words, said)),
            charged: number(said, "charged"),
            held: number(said, "held").or_else(|| number(said, "debt")),
            cvm: said.get("cvm").map(|said| word(&adapter.words.cvms, said)),
        }
    } else if name == events.fault {
        Signal::Fault { what: said.get("what").map_or_else(|| said.to_string(), str::to_owned) }
    } else if let Some(uplink) = adapter.native.commands.uplink.as_ref().filter(|uplink| uplink.event == name) {
        Signal::Uplink {
            work: word(&uplink.words, said.get("what").unwrap_or_default()),
            result: word(&BTreeMap::new(), said.get("result").unwrap_or_default()),
        }
    } else {
        Signal::Other { name: name.to_owned() }
    }
}

/// The first word of an event such as `! sound accepted`.
fn first(said: &Fields) -> &str {
    said.iter().next().map_or("", |(name, _)| name)
}

fn number<T: std::str::FromStr>(said: &Fields, name: &str) -> Option<T> {
    said.get(name)?.parse().ok()
}

fn text(said: &Fields, name: &str) -> Option<String> {
    said.get(name).map(str::to_owned)
}

/// The identity that the device reports.
pub(super) fn identity(said: &Fields) -> Identity {
    let known = |name| text(said, name).unwrap_or_else(|| "?".into());
    Identity {
        device: known("device"),
        firmware: known("firmware"),
        board: text(said, "board"),
        version: text(said, "version"),
        digest: text(said, "digest"),
    }
}

/// The state that the device reports. If the name of its settings is `-`, they have no name.
pub(super) fn status(said: &Fields) -> Status {
    Status {
        state: text(said, "state"),
        journal: number(said, "journal"),
        capacity: number(said, "capacity"),
        total: number(said, "total"),
        clock: text(said, "clock"),
        settings: text(said, "profile").filter(|name| name != "-"),
    }
}

/// The records of the journal that the device lists.
pub(super) fn journal(reply: &Reply, adapter: &Adapter) -> JournalPage {
    let claims = adapter.native.commands.uplink.is_some();
    let sums = reply.fields();
    JournalPage {
        count: number(&sums, "count").unwrap_or(0),
        total: number(&sums, "total").unwrap_or(0),
        rows: reply.data.iter().map(|line| row(Fields::parse(line), claims)).collect(),
    }
}

/// A record. A device that claims its rides says what became of a claim that it has sent. Any other ride waits.
fn row(said: Fields, claims: bool) -> JournalRow {
    JournalRow {
        number: number(&said, "n"),
        time: text(&said, "time"),
        account: text(&said, "pan"),
        sequence: text(&said, "psn"),
        charged: number(&said, "fare"),
        counter: text(&said, "atc"),
        cryptogram: text(&said, "ac"),
        cryptogram_type: text(&said, "cid"),
        kind: text(&said, "kind"),
        line: text(&said, "line"),
        claim: text(&said, "claim").or_else(|| claims.then(|| "waiting".into())),
        batch: number(&said, "batch"),
        trace: number(&said, "trace"),
        code: text(&said, "code"),
        said,
    }
}
