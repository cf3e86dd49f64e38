//! Masks account numbers before anything is written or shown.
//!
//! The first six and the last four digits stay, as ISO/IEC 7813 practice and PCI DSS 3.4 allow. In BCD a hidden digit
//! becomes the nibble C, which no account number contains. In text it becomes `x`, so that a reader can tell it from a
//! digit that the device itself masked with `*`.

mod frames;
mod stream;

pub use frames::Frames;
pub use stream::Stream;

use crate::decode::tlv;
use crate::decode::value::{masked, number_in_certificate};
use crate::numbers;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use taprig_model::acquirer::expect::AcquirerExpect;
use taprig_model::acquirer::log;
use taprig_model::criteria::{Criteria, StepWanted};
use taprig_model::event::{Body, Bytes, Check, Criterion, Event, Fields, JournalRow, Reason, Signal, Word};
use taprig_model::expect::{CommandName, Expect, TagPattern};
use taprig_model::units::Hex;

/// Number of bytes at the end of an ICC certificate that are masked. With the complete certificate, anybody could
/// recover the account number with the CA's public key. An SM2 certificate has the number in plain, which is masked as well.
const CERTIFICATE_TAIL: usize = 16;

/// The largest number of bytes of an account number, and of its digits in text. Longer numbers, which a case can make,
/// are masked as well.
const MOST_BYTES: usize = 12;
const MOST_DIGITS: usize = 2 * MOST_BYTES;

/// The key of the tokens of one record. It is random and never kept. Therefore nobody can find the number of a token by
/// trying all account numbers.
#[derive(Debug, Clone, Default)]
pub struct Key(RandomState);

impl Key {
    fn token(&self, digits: &str) -> String {
        format!("{:016x}", self.0.hash_one(digits))
    }
}

/// The account numbers that were masked, in order.
type Found = Vec<String>;

/// Masks the account numbers of an event and leaves a token for each. Equal numbers in one record have equal tokens. `frames`
/// follows the events of one sub-case. A masked frame has no token, because the exchange that it is a part of has one.
pub fn event(event: &mut Event, key: &Key, frames: &mut Frames) {
    let mut found = Found::new();
    frames.event(&mut event.body);
    body(&mut event.body, &mut found);
    event.numbers.extend(found.iter().map(|digits| key.token(digits)));
}

/// Masks account numbers in text: 13 to 19 digits or a few more, on their own, in one piece or in groups of four with blanks,
/// hyphens or dots between them. It also masks them at the start of track 2 data, and in data objects that are written in hexadecimal.
pub fn text(text: &mut String) {
    words(text, &mut Found::new());
}

/// Hides the account numbers in what a sub-case is judged by. A value that a data object must have is hidden in the way in which
/// the events hide it, so that the two still compare.
pub fn criteria(criteria: &mut Criteria) {
    text(&mut criteria.title);
    tags(&mut criteria.expect);
    criteria.expect.acquirer.iter_mut().for_each(accounts);
    for step in &mut criteria.steps {
        match &mut step.wanted {
            StepWanted::Tap(expect) => tags(expect),
            StepWanted::Console(console) => {
                text(&mut console.send);
                console.expect.iter_mut().flat_map(|lines| &mut lines.0).for_each(text);
            }
            StepWanted::Journal(journal) => {
                let records = journal.records.iter_mut().flatten();
                records.filter_map(|record| record.account.as_mut()).for_each(text);
            }
            StepWanted::Settings
            | StepWanted::Status(_)
            | StepWanted::ClearJournal
            | StepWanted::Identity
            | StepWanted::Work { .. }
            | StepWanted::Nothing => {}
            StepWanted::Acquirer(wanted) => accounts(wanted),
        }
    }
}

fn accounts(wanted: &mut AcquirerExpect) {
    let claims = wanted.claims.iter_mut().flatten();
    claims.filter_map(|claim| claim.account.as_mut()).for_each(text);
}

fn tags(expect: &mut Expect) {
    for (tag, pattern) in &mut expect.tags {
        if let (true, TagPattern::Value(value)) = (NUMBERS.contains(&tag.to_string().as_str()), pattern) {
            let digits = value.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
            let clear = if digits >= 13 { 6 } else { 0 };
            let hidden = clear..digits.saturating_sub(4).max(clear);
            *value = value.chars().enumerate().map(|(at, c)| if hidden.contains(&at) { 'C' } else { c }).collect();
        }
    }
}

/// Data objects that hold an account number: track 2, the number itself, track 2 of MSD.
const NUMBERS: [&str; 3] = ["57", "5A", "9F6B"];

fn body(body: &mut Body, found: &mut Found) {
    match body {
        Body::Exchange(exchange) => {
            command(&mut exchange.command, found);
            if let Some(response) = &mut exchange.response {
                self::response(response, found);
            }
        }
        Body::ConsoleSent { line } => words(line, found),
        Body::ConsoleReply(reply) => {
            reply.data.iter_mut().for_each(|data| fields(data, found));
            words(&mut reply.text, found);
        }
        Body::Signal { signal, said } => {
            match signal {
                Signal::Show { message: Word::Known(text) | Word::Unknown(text) } => words(text, found),
                Signal::Sound { sound } => word(sound, found),
                Signal::Gate { gate } => word(gate, found),
                Signal::Result { outcome, reason, cvm, charged: _, held: _ } => {
                    outcome.iter_mut().for_each(|outcome| word(outcome, found));
                    match reason {
                        Some(Word::Known(Reason::One(text)) | Word::Unknown(text)) => words(text, found),
                        Some(Word::Known(Reason::OneOf { code, .. })) => words(code, found),
                        None => {}
                    }
                    cvm.iter_mut().for_each(|cvm| word(cvm, found));
                }
                Signal::Fault { what } => words(what, found),
                Signal::NotSeen { why, .. } => words(why, found),
                Signal::Other { name } => words(name, found),
                Signal::Uplink { work, result } => {
                    word(work, found);
                    word(result, found);
                }
                Signal::Started {} | Signal::Ready {} => {}
            }
            fields(said, found);
        }
        Body::Status { status, said } => {
            // The program of a foreign device may put anything here.
            [&mut status.state, &mut status.clock].into_iter().flatten().for_each(|text| words(text, found));
            fields(said, found);
        }
        Body::Injected { values: said, .. } | Body::Identified { identity: said, .. } => fields(said, found),
        Body::Journal { added, listed, .. } => {
            added.iter_mut().chain(listed.iter_mut().flatten()).for_each(|record| row(record, found));
        }
        Body::Books { rows, .. } => rows.iter_mut().for_each(|record| row(record, found)),
        Body::WorkAsked { refused, .. } => refused.iter_mut().for_each(|why| words(why, found)),
        Body::Acquirer { happened } => {
            if let log::Body::Heard(heard) = &mut **happened {
                numbers::hide(heard, found);
            }
        }
        Body::SettingsTaken { what, refused } => {
            words(what, found);
            refused.iter_mut().for_each(|why| words(why, found));
        }
        Body::JournalCleared { refused } => refused.iter_mut().for_each(|why| words(why, found)),
        Body::ConsoleNoise { text } | Body::Note { text } | Body::DeviceEnded { why: text } => words(text, found),
        Body::StepStarted { step: text, .. } | Body::Acted { act: text, .. } => words(text, found),
        Body::CaseStarted(case) => {
            let texts = case.settings.iter_mut().chain(&mut case.changes).chain(&mut case.faults);
            texts.for_each(|text| words(text, found));
        }
        Body::Checked(Check { wanted, seen, what, .. }) => {
            if let Criterion::Reply(line) | Criterion::Setting(line) = what {
                words(line, found);
            }
            words(wanted, found);
            words(seen, found);
        }
        Body::CaseFinished { failure: Some(failure), .. } => words(failure, found),
        Body::RigFault(fault) => words(&mut fault.cause, found),
        Body::FlashedByProgram { command, version, .. } => {
            [command, version].into_iter().for_each(|text| words(text, found));
        }
        Body::RunStarted(run) => run.arguments.iter_mut().for_each(|argument| words(argument, found)),
        Body::RunResumed { .. }
        | Body::BenchOpened { .. }
        | Body::BenchClosed {}
        | Body::Power { .. }
        | Body::Firmware(_)
        | Body::Flashed { .. }
        | Body::Ready { .. }
        | Body::Fresh { .. }
        | Body::ReadyAgain { .. }
        | Body::StepDone { .. }
        | Body::Serial { .. }
        | Body::Presented { .. }
        | Body::Field { .. }
        // [`Frames`] has masked it.
        | Body::Frame { .. }
        | Body::Activated { .. }
        | Body::InField { .. }
        | Body::Released { .. }
        | Body::Removed { .. }
        | Body::Balance { .. }
        | Body::CaseFinished { .. }
        | Body::RunFinished { .. } => {}
    }
}

fn row(row: &mut JournalRow, found: &mut Found) {
    let texts = [&mut row.account, &mut row.sequence, &mut row.kind, &mut row.line, &mut row.claim, &mut row.code];
    texts.into_iter().flatten().for_each(|text| words(text, found));
    fields(&mut row.said, found);
}

/// A word that the device file does not map.
fn word<T>(word: &mut Word<T>, found: &mut Found) {
    if let Word::Unknown(text) = word {
        words(text, found);
    }
}

fn fields(fields: &mut Fields, found: &mut Found) {
    for (name, value) in &mut fields.0 {
        // The values of these names are long numbers, but not account numbers.
        if !matches!(name.as_str(), "time" | "ac" | "cryptogram" | "digest" | "serial") {
            words(value, found);
        }
    }
}

fn words(text: &mut String, found: &mut Found) {
    let (out, _) =
        words_until(text, &mut true, found, &Way { hide: |number| hidden(&digits_of(number)), waits: |_| false });
    if out != *text {
        *text = out;
    }
}

/// How a text is masked.
struct Way {
    /// What is written for an account number, which may be in groups.
    hide: fn(&str) -> String,
    /// Whether a text that begins with a word can't be masked before more of it is known.
    waits: fn(&str) -> bool,
}

/// Masks the account numbers of `text` up to its end, or up to the word that has to wait. Returns what is masked and the length
/// of the text that it stands for. `alone` says whether a word can begin at the beginning of the text, and then, whether one can
/// begin behind what is masked.
fn words_until(text: &str, alone: &mut bool, found: &mut Found, way: &Way) -> (String, usize) {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if *alone && next.is_ascii_hexdigit() && (way.waits)(rest) {
            break;
        }
        let number = if *alone && next.is_ascii_digit() { number(rest) } else { 0 };
        if number == 0
            && *alone
            && let Some((word, hidden)) = data_objects(rest, found)
        {
            out.push_str(&hidden);
            rest = &rest[word..];
            *alone = false;
            continue;
        }
        if number == 0 {
            out.push(next);
            *alone = !next.is_ascii_alphanumeric();
            rest = &rest[next.len_utf8()..];
        } else {
            out.push_str(&(way.hide)(&rest[..number]));
            found.push(digits_of(&rest[..number]));
            rest = &rest[number..];
            *alone = false;
        }
    }
    (out, text.len() - rest.len())
}

/// The digits of an account number that may be in groups.
fn digits_of(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn hidden(digits: &str) -> String {
    masked(digits).replace('*', "x")
}

/// Length of the account number at the beginning of `text`, or 0 if there is none.
fn number(text: &str) -> usize {
    let ends_word = |end: usize| !text[end..].starts_with(|c: char| c.is_ascii_alphanumeric());
    let run = text.bytes().take_while(u8::is_ascii_digit).count();
    if (13..=MOST_DIGITS).contains(&run) && (ends_word(run) || ends_number(&text[run..])) {
        return run;
    }
    if run != 4 {
        return 0;
    }
    // Other makers put hyphens or dots between the groups.
    let Some(between) = text[4..].chars().next().filter(|c| matches!(c, ' ' | '-' | '.')) else { return 0 };
    let (mut digits, mut end) = (4, 4);
    while let Some(group) = text[end..].strip_prefix(between) {
        let run = group.bytes().take_while(u8::is_ascii_digit).count();
        if run == 0 || run > 4 || !ends_word(end + 1 + run) {
            break;
        }
        (digits, end) = (digits + run, end + 1 + run);
        if run < 4 {
            break;
        }
    }
    if (13..=19).contains(&digits) { end } else { 0 }
}

/// Whether the text after an account number is the separator of track 2 (ISO/IEC 7813) or a filler.
fn ends_number(text: &str) -> bool {
    let word = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (first, rest) = (text.as_bytes().first(), &text.as_bytes()[..word]);
    matches!(first, Some(b'D' | b'd' | b'F' | b'f')) && rest.iter().all(u8::is_ascii_hexdigit)
}

/// The hexadecimal word at the beginning of `text`: its length, and the word with its account numbers masked. `None` if
/// there is no such word or nothing to mask.
fn data_objects(text: &str, found: &mut Found) -> Option<(usize, String)> {
    let length = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let word = &text[..length];
    let bytes = Bytes(word.parse::<Hex>().ok()?.0);
    let mut hidden = bytes.clone();
    suspects(&mut hidden.0, found);
    (hidden != bytes).then(|| {
        let hidden = hidden.to_string();
        (length, if word.bytes().any(|b| b.is_ascii_lowercase()) { hidden.to_lowercase() } else { hidden })
    })
}

/// Masks account numbers in a response APDU.
fn response(bytes: &mut Bytes, found: &mut Found) {
    let Some(len) = bytes.0.len().checked_sub(2) else { return };
    objects(&mut bytes.0[..len], found);
}

/// Masks account numbers in a command APDU. Commands of EMV carry no account number, but a loop-back command may.
/// Commands of EMV stay as they are, because the random number for a card sometimes looks like the tag of an account
/// number.
fn command(bytes: &mut Bytes, found: &mut Found) {
    if CommandName::of(&bytes.0) == CommandName::Other
        && let Some(data) = bytes.0.get_mut(5..)
    {
        suspects(data, found);
    }
}

fn objects(data: &mut [u8], found: &mut Found) {
    let base = data.as_ptr().addr();
    let range = |part: &[u8]| -> Range<usize> {
        let start = part.as_ptr().addr() - base;
        start..start + part.len()
    };
    let mut numbers = Vec::new();
    let mut certificates = Vec::new();
    let mut broken = Vec::new();
    for item in tlv::walk(data) {
        match item {
            tlv::Item::Object { tag: 0x57 | 0x5A | 0x9F6B, value, .. } => numbers.push(range(value)),
            tlv::Item::Object { tag: 0x9F46, value, .. } => {
                certificates.push(range(value));
                numbers.extend(number_in_certificate(value).map(range));
            }
            tlv::Item::Object { .. } => {}
            tlv::Item::Broken { rest, .. } => broken.push(range(rest)),
        }
    }
    for range in numbers {
        digits(&mut data[range], found);
    }
    for range in certificates {
        let start = range.end.saturating_sub(CERTIFICATE_TAIL).max(range.start);
        data[start..range.end].fill(0xCC);
    }
    for range in broken {
        suspects(&mut data[range], found);
    }
}

/// Masks what looks like an account number after its tag, for bytes that can't be read as TLV.
fn suspects(data: &mut [u8], found: &mut Found) {
    look_for_suspects(data, found, false);
}

/// The same for bytes that go on in another frame. Digits at the end may be the beginning of a number. Those behind the first six
/// are masked, as nobody knows yet which four are its last.
fn suspects_of_a_part(data: &mut [u8], found: &mut Found) {
    look_for_suspects(data, found, true);
}

fn look_for_suspects(data: &mut [u8], found: &mut Found, goes_on: bool) {
    let length = data.len();
    for start in 0..data.len() {
        if matches!(data[start], 0x57 | 0x5A | 0x6B) {
            // The number starts after the length field, which may itself be wrong. Two lengths of that field are
            // tried: the one that its first byte claims, and a single byte.
            let long = data.get(start + 1).filter(|length| (0x81..=0x84).contains(*length)).map(|length| length & 0x0F);
            for begin in long.into_iter().chain([0]).map(|bytes| start + 2 + usize::from(bytes)) {
                let end = data.len().min(begin + MOST_BYTES);
                let Some(value) = data.get_mut(begin..end) else { continue };
                let count = count(value);
                if goes_on && end == length && count == value.len() * 2 && count > 6 {
                    for place in 6..count {
                        hide(value, place);
                    }
                    break;
                }
                if count >= 13 {
                    digits(value, found);
                    break;
                }
            }
        }
    }
}

fn nibble(data: &[u8], place: usize) -> u8 {
    let byte = data[place / 2];
    if place.is_multiple_of(2) { byte >> 4 } else { byte & 0x0F }
}

/// Number of digits at the start, including masked ones.
fn count(data: &[u8]) -> usize {
    (0..data.len() * 2).take_while(|&place| matches!(nibble(data, place), 0..=9 | 0xC)).count()
}

fn digits(data: &mut [u8], found: &mut Found) {
    let count = count(data);
    let number: String = (0..count).map_while(|place| char::from_digit(nibble(data, place).into(), 10)).collect();
    // A number that was masked before has its token already.
    if number.len() == count && count > 4 {
        found.push(number);
    }
    let clear = if count >= 13 { 6 } else { 0 };
    for place in clear..count.saturating_sub(4) {
        hide(data, place);
    }
}

/// Hides a digit.
fn hide(data: &mut [u8], place: usize) {
    let byte = &mut data[place / 2];
    *byte = if place.is_multiple_of(2) { *byte & 0x0F | 0xC0 } else { *byte & 0xF0 | 0x0C };
}

#[cfg(test)]
mod tests;
