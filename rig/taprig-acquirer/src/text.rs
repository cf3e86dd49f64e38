//! The log as a person reads it.

use std::fmt::Write as _;
use taprig_model::acquirer::log::{Amounts, Body, Entry, Heard, Mac, Shown, Summary};
use taprig_model::units::Money;

/// An entry in lines, each with its end. The time of day is UTC.
#[must_use]
pub fn lines(entry: &Entry) -> String {
    let time = entry.at.get(11..23).unwrap_or(&entry.at);
    let line = entry.connection.map(|connection| format!(" #{connection}")).unwrap_or_default();
    let head = format!("{time}{line}");
    match &entry.body {
        Body::Started { listening, .. } => format!("{head} listening at {listening}\n"),
        Body::Connected { peer } => format!("{head} connected from {peer}\n"),
        Body::Heard(heard) => self::heard(&head, heard),
        Body::Unreadable { bytes, why } => {
            format!("{head} > {bytes} bytes that are no message: {why}; the host closes the connection\n")
        }
        Body::SentLate { trace } => {
            let trace = trace.as_ref().map(|trace| format!(" to trace {trace}")).unwrap_or_default();
            format!("{head} < the late answer{trace} is sent\n")
        }
        Body::Forgotten { why } => format!("{head} forgotten: {why}\n"),
        Body::Closed { why } => format!("{head} {why}\n"),
        Body::Ended { summary } => format!("{head} ended: {}\n", self::summary(summary)),
    }
}

fn heard(head: &str, heard: &Heard) -> String {
    let kind = heard.message.map_or("unknown message", |kind| kind.word());
    let mac = match heard.mac {
        Mac::Good => "MAC good",
        Mac::Wrong => "MAC WRONG",
        Mac::Missing => "MAC MISSING",
        Mac::NoKey => "MAC not checked, no key",
        Mac::NotNeeded => "no MAC",
    };
    let cut = heard.cut.map(|bytes| format!(", cut after {bytes} bytes")).unwrap_or_default();
    let mut text = format!("{head} > {} {kind}, {mac}{cut}\n", heard.request.mti);
    fields(&mut text, &heard.request);
    let code = |answer: &Shown| {
        let field = answer.fields.iter().find(|field| field.number == 39);
        field.map(|field| field.value.clone()).unwrap_or_default()
    };
    let delivery = match heard.delivery.as_slice() {
        [] => String::new(),
        words => format!(" [{}]", words.join(", ")),
    };
    match &heard.answer {
        Some(answer) => {
            let _ = writeln!(text, "{head} < {} code {}{delivery}: {}", answer.mti, code(answer), heard.why);
            fields(&mut text, answer);
        }
        None => {
            let _ = writeln!(text, "{head} < no answer{delivery}: {}", heard.why);
        }
    }
    for note in &heard.notes {
        let _ = writeln!(text, "    note: {note}");
    }
    for claim in &heard.claims {
        let state = claim.state.word();
        let repeat = if claim.repeat { ", as it was before" } else { "" };
        let (batch, trace) = (claim.batch, claim.trace);
        let _ =
            writeln!(text, "    claim: {state} {}{repeat} (batch {batch}, trace {trace})", Money::from_fen(claim.fen));
    }
    text
}

fn fields(text: &mut String, shown: &Shown) {
    for field in &shown.fields {
        let _ = writeln!(text, "    {:>2} {}: {}", field.number, field.name, field.value);
    }
}

/// A summary in one line.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let part = |amounts: Amounts, word: &str| format!("{} {word} ({})", amounts.count, Money::from_fen(amounts.fen));
    let all = [summary.accepted, summary.refused, summary.waiting, summary.reversed];
    format!(
        "{} messages, {} unreadable; {} claims ({}): {}, {}, {}, {}",
        summary.messages,
        summary.unreadable,
        all.iter().map(|amounts| amounts.count).sum::<u64>(),
        Money::from_fen(all.iter().map(|amounts| amounts.fen).sum()),
        part(summary.accepted, "accepted"),
        part(summary.refused, "refused"),
        part(summary.waiting, "waiting"),
        part(summary.reversed, "reversed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::acquirer::MessageKind;
    use taprig_model::acquirer::log::{Claim, Field, State};

    #[test]
    fn a_message_shows_fields_answer_reason_and_claim() {
        let field = |number, name: &str, value: &str| Field { number, name: name.into(), value: value.into() };
        let shown = |mti: &str, fields| Shown { mti: mti.into(), header: "613200324605".into(), fields };
        let heard = Heard {
            message: Some(MessageKind::Ride),
            request: shown("0200", vec![field(2, "account number", "622202xxxxxx7894")]),
            mac: Mac::Good,
            answer: Some(shown("0210", vec![field(39, "response code", "00")])),
            delivery: vec!["late 3 s".into()],
            why: "accepted".into(),
            rule: None,
            notes: vec!["field 55 is missing".into()],
            claims: vec![Claim {
                terminal: "12345678".into(),
                merchant: "123456789012345".into(),
                batch: 1,
                trace: 7,
                fen: 200,
                state: State::Accepted,
                repeat: true,
            }],
            cut: None,
            batch: Some(1),
        };
        let at = "2018-05-21T08:09:10.123Z".to_owned();
        let entry = Entry { at, connection: Some(3), body: Body::Heard(Box::new(heard)) };
        assert_eq!(
            lines(&entry),
            "08:09:10.123 #3 > 0200 ride, MAC good
     2 account number: 622202xxxxxx7894
08:09:10.123 #3 < 0210 code 00 [late 3 s]: accepted
    39 response code: 00
    note: field 55 is missing
    claim: accepted 2.00 CNY, as it was before (batch 1, trace 7)
"
        );
    }

    #[test]
    fn a_message_that_was_cut_says_so() {
        let request = Shown { mti: "0200".into(), header: "613200324605".into(), fields: vec![] };
        let heard = Heard {
            message: Some(MessageKind::Ride),
            request,
            mac: Mac::Good,
            answer: None,
            delivery: vec![],
            why: "rule 1 cuts the line after 20 of 210 bytes of the message".into(),
            rule: Some(1),
            notes: vec![],
            claims: vec![],
            cut: Some(20),
            batch: Some(1),
        };
        let at = "2018-05-21T08:09:10.123Z".to_owned();
        assert_eq!(
            lines(&Entry { at, connection: Some(3), body: Body::Heard(Box::new(heard)) }),
            "08:09:10.123 #3 > 0200 ride, MAC good, cut after 20 bytes
08:09:10.123 #3 < no answer: rule 1 cuts the line after 20 of 210 bytes of the message
"
        );
    }

    #[test]
    fn a_summary_adds_up() {
        let one = Amounts { count: 1, fen: 150 };
        let text =
            summary(&Summary { messages: 9, unreadable: 1, accepted: one, refused: one, waiting: one, reversed: one });
        assert_eq!(
            text,
            "9 messages, 1 unreadable; 4 claims (6.00 CNY): 1 accepted (1.50 CNY), 1 refused (1.50 CNY), \
             1 waiting (1.50 CNY), 1 reversed (1.50 CNY)"
        );
    }
}
