//! Converts what the acquirer received to lines.

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{Body, Heard, Mac, Shown};
use taprig_model::units::Money;
use taprig_record::decode::View;

/// The lines of something that happened at the acquirer, without a margin. Connections are left out, because each kind of bench
/// makes them in its own way.
#[must_use]
pub fn lines(happened: &Body, view: View) -> Vec<String> {
    match happened {
        Body::Heard(heard) => self::heard(heard, view),
        Body::Unreadable { bytes, why } => vec![format!("@ {bytes} bytes that are no message: {why}")],
        _ => vec![],
    }
}

/// One line for a message and its answer. Traces and batches are left out, because a device may go on counting from case to
/// case. If the view is whole, the fields of both follow.
fn heard(heard: &Heard, view: View) -> Vec<String> {
    let kind = heard.message.map_or("unknown message", MessageKind::word);
    let value = |shown: &Shown, number| {
        shown.fields.iter().find(|field| field.number == number).map(|field| field.value.clone())
    };
    let fen = value(&heard.request, 4).and_then(|amount| amount.parse().ok());
    let amount = fen.map(|fen| format!(" {}", Money::from_fen(fen))).unwrap_or_default();
    let mac = match heard.mac {
        Mac::Good => ", MAC good",
        Mac::Wrong => ", MAC wrong",
        Mac::Missing => ", MAC missing",
        Mac::NoKey => ", no key for a MAC",
        Mac::NotNeeded => "",
    };
    let answer = match &heard.answer {
        Some(answer) => format!("code {}", value(answer, 39).unwrap_or_default()),
        None => "no answer".to_owned(),
    };
    let cut = heard.cut.map(|bytes| format!(", cut after {bytes} bytes")).unwrap_or_default();
    let delivery = if heard.delivery.is_empty() { String::new() } else { format!(" [{}]", heard.delivery.join(", ")) };
    let states: Vec<_> = heard.claims.iter().map(|claim| claim.state.word()).collect();
    let states = if states.is_empty() { String::new() } else { format!(", {}", states.join(" ")) };
    let mut lines = vec![format!("@ {kind}{amount}{mac}{cut}: {answer}{delivery}{states}")];
    if view == View::Whole {
        fields(&heard.request, '>', &mut lines);
        if let Some(answer) = &heard.answer {
            fields(answer, '<', &mut lines);
        }
        lines.push(format!("    {}", heard.why));
        lines.extend(heard.notes.iter().map(|note| format!("    note: {note}")));
    }
    lines
}

fn fields(shown: &Shown, way: char, lines: &mut Vec<String>) {
    lines.push(format!("    {way} {}", shown.mti));
    lines.extend(shown.fields.iter().map(|field| format!("      {:>2} {}: {}", field.number, field.name, field.value)));
}
