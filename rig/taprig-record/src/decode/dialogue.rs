//! An exchange between reader and card, line by line.

use crate::decode::value::{View, bytes, describe};
use crate::decode::{apdu, hex, tag, tlv};
use taprig_model::event::Exchange;

/// Follows the exchanges of one tap. The PDOL in the response to SELECT says what the data of GPO mean.
#[derive(Debug, Clone)]
pub struct Dialogue {
    view: View,
    pdol: Vec<(u32, usize)>,
}

/// Templates that are not shown, because they only wrap the whole response. Their contents are shown.
const SILENT: [u32; 5] = [0x6F, 0x70, 0x77, 0xA5, 0xBF0C];

impl Dialogue {
    /// The dialogue at the start of a tap.
    pub fn new(view: View) -> Self {
        Self { view, pdol: Vec::new() }
    }

    /// The exchange in lines without a margin: `> command`, its data, `< status`, and the data objects of the response.
    pub fn lines(&mut self, exchange: &Exchange) -> Vec<String> {
        let mut lines = Vec::new();
        let command = apdu::Command::parse(&exchange.command);
        match command {
            None => lines.push(format!("> no command: {}", hex(&exchange.command))),
            Some(command) => {
                lines.push(format!("> {}", command.describe()));
                if command.name() == "gpo" {
                    self.processing_options(command.data, &mut lines);
                } else if !command.data.is_empty() && !command.name().starts_with("select") {
                    lines.push(format!("    data {}", bytes(command.data)));
                }
            }
        }
        if let Some(fault) = &exchange.fault {
            lines.push(format!("~ {fault}"));
        }
        let Some(response) = &exchange.response else {
            lines.push("< silence".to_owned());
            return lines;
        };
        let Some((data, word)) = response.split_last_chunk::<2>() else {
            lines.push(format!("< no status word: {}", hex(response)));
            return lines;
        };
        let word = u16::from_be_bytes(*word);
        lines.push(format!("< {word:04X} {}", apdu::status(word)));
        if command.is_some_and(|command| command.name() == "select aid") {
            self.pdol = pdol(data);
        }
        objects(data, self.view, &mut lines);
        lines
    }

    fn processing_options(&self, data: &[u8], lines: &mut Vec<String>) {
        let mut rest = match tlv::walk(data)[..] {
            [tlv::Item::Object { tag: 0x83, value, .. }] => value,
            _ => {
                lines.push(format!("    data {} (no 83)", bytes(data)));
                return;
            }
        };
        for (tag, len) in &self.pdol {
            let Some((value, after)) = rest.split_at_checked(*len) else {
                lines.push(format!("    {tag:02X} {}: cut off, {} of {len} bytes", tag::name(*tag), rest.len()));
                return;
            };
            lines.push(format!("    {tag:02X} {} {}", tag::name(*tag), describe(*tag, value, self.view)));
            rest = after;
        }
        if !rest.is_empty() {
            lines.push(format!("    {} bytes that the PDOL does not name: {}", rest.len(), bytes(rest)));
        }
    }
}

fn pdol(fci: &[u8]) -> Vec<(u32, usize)> {
    let found = tlv::walk(fci).into_iter().find_map(|item| match item {
        tlv::Item::Object { tag: 0x9F38, value, .. } => Some(value),
        _ => None,
    });
    found.map(|value| tlv::list(value).0).unwrap_or_default()
}

/// Data objects of a response, one in each line. Templates that only wrap a response are left out. Other templates
/// indent their contents.
fn objects(data: &[u8], view: View, lines: &mut Vec<String>) {
    // The depths of the surrounding templates that are shown.
    let mut shown: Vec<usize> = Vec::new();
    for item in tlv::walk(data) {
        let (tlv::Item::Object { depth, .. } | tlv::Item::Broken { depth, .. }) = item;
        shown.retain(|&above| above < depth);
        let margin = " ".repeat(4 + 2 * shown.len());
        match item {
            tlv::Item::Object { tag, value, template: true, .. } => {
                if value.is_empty() || !SILENT.contains(&tag) {
                    shown.push(depth);
                    let empty = if value.is_empty() { " (empty)" } else { "" };
                    lines.push(format!("{margin}{tag:02X} {}{empty}", tag::name(tag)));
                }
            }
            tlv::Item::Object { tag, value, .. } => {
                lines.push(format!("{margin}{tag:02X} {} {}", tag::name(tag), describe(tag, value, view)));
            }
            // The rest may contain an account number, so only its length is shown.
            tlv::Item::Broken { rest, why, .. } => lines.push(format!("{margin}!! {why}; {} bytes left", rest.len())),
        }
    }
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
