//! An exchange between reader and card, line by line.

use crate::decode::value::{View, bytes, describe};
use crate::decode::{apdu, hex, tag, tlv};
use std::ops::Range;
use taprig_model::event::Exchange;

/// Follows the exchanges of one tap. The PDOL in the response to SELECT says what the data of GPO mean.
#[derive(Debug, Clone)]
pub struct Dialogue {
    view: View,
    pdol: Vec<(u32, usize)>,
}

/// Templates that are not shown, because they only wrap the whole response. Their contents are shown.
const SILENT: [u32; 5] = [0x6F, 0x70, 0x77, 0xA5, 0xBF0C];

/// A line of a decoded command or response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Number of templates around it that are shown.
    pub depth: usize,
    /// Tag and name of a data object, such as `9F26 cryptogram`. Other lines have another name, or none.
    pub name: String,
    /// The value in words. This is empty for a template.
    pub value: String,
    /// Where the bytes of the value are in the command or the response, if the line is about some.
    pub at: Option<Range<usize>>,
}

impl Part {
    fn line(&self) -> String {
        let margin = " ".repeat(4 + 2 * self.depth);
        let blank = if self.name.is_empty() || self.value.is_empty() { "" } else { " " };
        format!("{margin}{}{blank}{}", self.name, self.value)
    }
}

/// A command and its response in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The command in words, such as `read record 1 of SFI 2`.
    pub command: String,
    /// What the command carries.
    pub sent: Vec<Part>,
    /// The status word and its meaning, such as `9000 ok`. `silence` if there is no response.
    pub response: String,
    /// What the response carries.
    pub received: Vec<Part>,
}

impl Dialogue {
    /// The dialogue at the start of a tap.
    pub fn new(view: View) -> Self {
        Self { view, pdol: Vec::new() }
    }

    /// The exchange in lines without a margin: `> command`, its data, `< status`, and the data objects of the response.
    pub fn lines(&mut self, exchange: &Exchange) -> Vec<String> {
        let decoded = self.decode(exchange);
        let mut lines = vec![format!("> {}", decoded.command)];
        lines.extend(decoded.sent.iter().map(Part::line));
        lines.extend(exchange.fault.iter().map(|fault| format!("~ {fault}")));
        lines.push(format!("< {}", decoded.response));
        lines.extend(decoded.received.iter().map(Part::line));
        lines
    }

    /// The exchange in parts, which say which bytes they describe.
    pub fn decode(&mut self, exchange: &Exchange) -> Decoded {
        let mut sent = Vec::new();
        let command = apdu::Command::parse(&exchange.command);
        let words = match command {
            None => format!("no command: {}", hex(&exchange.command)),
            Some(command) => {
                if command.name() == "gpo" {
                    self.processing_options(command.data, &exchange.command, &mut sent);
                } else if !command.data.is_empty() && !command.name().starts_with("select") {
                    sent.push(part("data", bytes(command.data), place(&exchange.command, command.data)));
                }
                command.describe()
            }
        };
        let (response, received) = match exchange.response.as_deref() {
            None => ("silence".to_owned(), vec![]),
            Some(response) => match response.split_last_chunk::<2>() {
                None => (format!("no status word: {}", hex(response)), vec![]),
                Some((data, word)) => {
                    let word = u16::from_be_bytes(*word);
                    if command.is_some_and(|command| command.name() == "select aid") {
                        self.pdol = pdol(data);
                    }
                    (format!("{word:04X} {}", apdu::status(word)), objects(data, self.view))
                }
            },
        };
        Decoded { command: words, sent, response, received }
    }

    fn processing_options(&self, data: &[u8], command: &[u8], parts: &mut Vec<Part>) {
        let mut rest = match tlv::walk(data)[..] {
            [tlv::Item::Object { tag: 0x83, value, .. }] => value,
            _ => {
                parts.push(part("data", format!("{} (no 83)", bytes(data)), place(command, data)));
                return;
            }
        };
        for (tag, len) in &self.pdol {
            let name = format!("{tag:02X} {}", tag::name(*tag));
            let Some((value, after)) = rest.split_at_checked(*len) else {
                let why = format!("cut off, {} of {len} bytes", rest.len());
                parts.push(part(&format!("{name}:"), why, place(command, rest)));
                return;
            };
            parts.push(part(&name, describe(*tag, value, self.view), place(command, value)));
            rest = after;
        }
        if !rest.is_empty() {
            let value = format!("{} bytes that the PDOL does not name: {}", rest.len(), bytes(rest));
            parts.push(part("", value, place(command, rest)));
        }
    }
}

fn part(name: &str, value: String, at: Option<Range<usize>>) -> Part {
    Part { depth: 0, name: name.to_owned(), value, at }
}

/// Where `part` is in `whole`, of which it is a slice.
fn place(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (start + part.len() <= whole.len()).then_some(start..start + part.len())
}

fn pdol(fci: &[u8]) -> Vec<(u32, usize)> {
    let found = tlv::walk(fci).into_iter().find_map(|item| match item {
        tlv::Item::Object { tag: 0x9F38, value, .. } => Some(value),
        _ => None,
    });
    found.map(|value| tlv::list(value).0).unwrap_or_default()
}

/// Data objects of a response. Templates that only wrap a response are left out. Other templates indent their contents.
fn objects(data: &[u8], view: View) -> Vec<Part> {
    let mut parts = Vec::new();
    // The depths of the surrounding templates that are shown.
    let mut shown: Vec<usize> = Vec::new();
    for item in tlv::walk(data) {
        let (tlv::Item::Object { depth, .. } | tlv::Item::Broken { depth, .. }) = item;
        shown.retain(|&above| above < depth);
        let margin = shown.len();
        let (name, value, bytes) = match item {
            tlv::Item::Object { tag, value, template: true, .. } => {
                if !value.is_empty() && SILENT.contains(&tag) {
                    continue;
                }
                shown.push(depth);
                let empty = if value.is_empty() { "(empty)" } else { "" };
                (format!("{tag:02X} {}", tag::name(tag)), empty.to_owned(), value)
            }
            tlv::Item::Object { tag, value, .. } => {
                (format!("{tag:02X} {}", tag::name(tag)), describe(tag, value, view), value)
            }
            // The rest may contain an account number, so only its length is shown.
            tlv::Item::Broken { rest, why, .. } => ("!!".to_owned(), format!("{why}; {} bytes left", rest.len()), rest),
        };
        parts.push(Part { depth: margin, name, value, at: place(data, bytes) });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taprig_model::event::Bytes;

    fn exchange(command: &[u8], response: &[u8]) -> Exchange {
        Exchange { command: command.into(), response: Some(response.into()), ..Exchange::default() }
    }

    #[test]
    fn select_tells_what_gpo_carries() {
        let mut dialogue = Dialogue::new(View::Stable);
        let fci = [
            0x6F, 0x1A, 0x84, 0x08, 0xA0, 0, 0, 3, 0x33, 1, 1, 2, 0xA5, 0x0E, 0x9F, 0x38, 0x09, 0x9F, 0x66, 4, 0x9F, 2,
            6, 0x9F, 0x37, 4, 0x87, 0x00, 0x90, 0x00,
        ];
        let select = dialogue.lines(&exchange(&[0, 0xA4, 4, 0, 3, 0xA0, 0, 0, 0], &fci));
        insta::assert_snapshot!(select.join("\n"), @r"
        > select aid A00000
        < 9000 ok
            84 DF name A000000333010102
            9F38 PDOL 9F66:4 9F02:6 9F37:4
            87 priority (empty)
        ");
        let gpo = [0x80, 0xA8, 0, 0, 16, 0x83, 14, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9, 8, 7, 6, 0];
        let lines = dialogue.lines(&exchange(&gpo, &[0x69, 0x86]));
        insta::assert_snapshot!(lines.join("\n"), @r"
        > gpo
            9F66 TTQ 28000000 (qUICS, offline only)
            9F02 amount 1.00
            9F37 unpredictable number <4 random bytes>
        < 6986 not allowed (see phone)
        ");
    }

    #[test]
    fn damage_is_told() {
        let mut dialogue = Dialogue::new(View::Whole);
        let read = [0, 0xB2, 1, 0x0C, 0];
        let mut lines = dialogue.lines(&exchange(&read, &[0x70, 0x05, 0x9F, 0x47, 0x01, 0x03, 0x5A, 0x90, 0x00]));
        lines.extend(dialogue.lines(&Exchange {
            command: Bytes(read.to_vec()),
            fault: Some("drop x2".into()),
            ..Exchange::default()
        }));
        lines.extend(dialogue.lines(&exchange(&[0x80], &[0x90])));
        insta::assert_snapshot!(lines.join("\n"), @r"
        > read record 1 of SFI 1
        < 9000 ok
            9F47 ICC exponent 03
            !! no length; 1 bytes left
        > read record 1 of SFI 1
        ~ drop x2
        < silence
        > no command: 80
        < no status word: 90
        ");
    }

    #[test]
    fn each_part_names_the_bytes_that_it_describes() {
        let fci = [0x6F, 0x09, 0x84, 0x02, 0xA0, 0x01, 0xA5, 0x03, 0x87, 0x01, 0x05, 0x90, 0x00];
        let mut dialogue = Dialogue::new(View::Whole);
        let select = exchange(&[0, 0xA4, 4, 0, 2, 0xA0, 0x01, 0], &fci);
        let at: Vec<_> = dialogue.decode(&select).received.into_iter().map(|part| (part.name, part.at)).collect();
        assert_eq!(at, [("84 DF name".to_owned(), Some(4..6)), ("87 priority".to_owned(), Some(10..11))]);
        let read = exchange(&[0x80, 0xAE, 0, 0, 2, 0xAB, 0xCD], &[0x70, 0x05, 0x5A]);
        let decoded = dialogue.decode(&read);
        assert_eq!((decoded.sent[0].at.clone(), decoded.received.len()), (Some(5..7), 1));
        assert_eq!(decoded.received[0].at, Some(0..1), "the status word is no part of the data");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(pairs in prop::collection::vec(any::<(Vec<u8>, Vec<u8>)>(), 0..4)) {
            let mut dialogue = Dialogue::new(View::Stable);
            for (command, response) in pairs {
                dialogue.lines(&exchange(&command, &response));
                dialogue.lines(&exchange(&[&[0, 0xA4, 4, 0], &command[..]].concat(), &response));
                dialogue.lines(&exchange(&[&[0x80, 0xA8, 0, 0, 255], &command[..]].concat(), &response));
            }
        }
    }
}
