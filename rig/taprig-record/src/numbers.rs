//! Account numbers in events: where they are in the messages of an acquirer, and which of them are equal.
//!
//! A record shows the first six and the last four digits, and has a token for each number. Two numbers of one record
//! are equal if their tokens are. In a record that is kept whole, the digits themselves are compared.

use crate::decode::tlv::{self, Item};
use crate::decode::value::masked;
use std::ops::Range;
use taprig_model::acquirer::log::{Heard, Shown};
use taprig_model::event::{Body, Event};

/// Data objects that hold an account number: track 2, the number itself, track 2 of MSD.
const OBJECTS: [u32; 3] = [0x57, 0x5A, 0x9F6B];

/// An account number in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Its digits. Hidden ones are `x`.
    pub digits: String,
    /// Its token. `None` if the record is kept whole.
    pub token: Option<String>,
}

impl Number {
    /// Whether both are the same number, as far as the record tells.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let tokens = match (&self.token, &other.token) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        tokens && self.digits == other.digits
    }
}

/// Where an account number of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the beginning of this field: 2 or 35.
    Field(u8),
    /// At the beginning of this data object of field 55.
    Object(u32),
}

/// The account numbers of the request of a message to the acquirer, in order. Empty if the event is another one.
#[must_use]
pub fn of_request(event: &Event) -> Vec<(Place, Number)> {
    let Body::Acquirer { happened } = &event.body else { return vec![] };
    let taprig_model::acquirer::log::Body::Heard(heard) = &**happened else { return vec![] };
    let mut tokens = event.numbers.iter();
    let mut all = Vec::new();
    for field in &heard.request.fields {
        for (place, range) in places(field.number, &field.value) {
            let number = Number { digits: field.value[range].to_owned(), token: tokens.next().cloned() };
            all.push((place, number));
        }
    }
    all
}

/// The account numbers in the response of an exchange, each with the tag of its data object. Empty if the event is another one.
#[must_use]
pub fn of_exchange(event: &Event) -> Vec<(u32, Number)> {
    let Body::Exchange(exchange) = &event.body else { return vec![] };
    let Some(data) = exchange.response.as_ref().and_then(|all| all.len().checked_sub(2).map(|len| &all[..len])) else {
        return vec![];
    };
    let mut all: Vec<(u32, Number)> = Vec::new();
    for item in tlv::walk(data) {
        if let Item::Object { tag, value, .. } = item
            && OBJECTS.contains(&tag)
        {
            let text: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
            let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == 'C').collect();
            // A shorter one is no account number, and no token was made for it.
            if digits.len() > 4 {
                all.push((tag, Number { digits: digits.replace('C', "x"), token: None }));
            }
        }
    }
    // A damaged card makes numbers elsewhere. Then nobody knows which token belongs to which object.
    if all.len() == event.numbers.len() {
        for ((_, number), token) in all.iter_mut().zip(&event.numbers) {
            number.token = Some(token.clone());
        }
    }
    all
}

/// Masks the account numbers of a message and of its answer, and pushes their digits to `found`, in order.
pub fn hide(heard: &mut Heard, found: &mut Vec<String>) {
    hide_in(&mut heard.request, found);
    if let Some(answer) = &mut heard.answer {
        hide_in(answer, found);
    }
}

fn hide_in(shown: &mut Shown, found: &mut Vec<String>) {
    for field in &mut shown.fields {
        for (_, range) in places(field.number, &field.value) {
            let digits = field.value[range.clone()].to_owned();
            field.value.replace_range(range, &masked(&digits).replace('*', "x"));
            found.push(digits);
        }
    }
}

/// Where the account numbers of a field are. Masking one keeps its length, so the places of the others stay.
fn places(field: u8, value: &str) -> Vec<(Place, Range<usize>)> {
    let number = |from: usize| {
        let length = value[from..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'x').count();
        (length > 0).then(|| from..from + length)
    };
    match field {
        2 | 35 => number(0).map(|range| (Place::Field(field), range)).into_iter().collect(),
        55 => {
            let mut all = Vec::new();
            let mut at = 0;
            for part in value.split(", ") {
                if let Some((tag, _)) = part.split_once(' ')
                    && let Ok(known) = u32::from_str_radix(tag, 16)
                    && OBJECTS.contains(&known)
                    && let Some(range) = number(at + tag.len() + 1)
                {
                    all.push((Place::Object(known), range));
                }
                at += part.len() + 2;
            }
            all
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{self, Key};
    use proptest::prelude::*;
    use taprig_model::acquirer::log::{self, Field, Mac};
    use taprig_model::event::{Bytes, Exchange, Source};

    const CARD: &str = "6222021234567894";

    fn heard(fields: &[(u8, &str)]) -> Event {
        let field = |&(number, value): &(u8, &str)| Field { number, name: String::new(), value: value.into() };
        let shown = |fields: &[(u8, &str)]| Shown {
            mti: "0200".into(),
            header: "613200324605".into(),
            fields: fields.iter().map(field).collect(),
        };
        let heard = Heard {
            message: None,
            request: shown(fields),
            mac: Mac::Good,
            answer: Some(shown(&[(2, CARD)])),
            delivery: vec![],
            why: String::new(),
            rule: None,
            notes: vec![],
            claims: vec![],
            cut: None,
            batch: None,
        };
        event(Body::Acquirer { happened: Box::new(log::Body::Heard(Box::new(heard))) })
    }

    fn event(body: Body) -> Event {
        Event { at_us: 0, board_us: None, bench: None, case: None, source: Source::Acquirer, body, numbers: vec![] }
    }

    fn exchange(card: &str) -> Event {
        let number = (0..16).step_by(2).map(|at| u8::from_str_radix(&card[at..at + 2], 16).unwrap());
        let response = [&[0x70, 10, 0x5A, 8][..], &number.collect::<Vec<_>>(), &[0x90, 0]].concat();
        event(Body::Exchange(Exchange { response: Some(Bytes(response)), ..Exchange::default() }))
    }

    #[test]
    fn numbers_of_a_message_are_those_of_its_card_also_in_a_masked_record() {
        let chip = format!("9F26 1234567890123456, 5A {CARD}, 57 {CARD}D3512220F");
        let track = format!("{CARD}D3512220");
        let mut events = [
            heard(&[(2, CARD), (4, "000000000100"), (35, &track), (42, "123456789012345"), (55, &chip)]),
            exchange(CARD),
            exchange("6222021234967894"),
        ];
        for whole in [true, false] {
            if !whole {
                let key = Key::default();
                events.iter_mut().for_each(|event| mask::event(event, &key, &mut mask::Frames::default()));
                let text = serde_json::to_string(&events).unwrap();
                assert!(!text.contains(CARD) && text.contains("622202xxxxxx7894"), "{text}");
                assert!(text.contains("123456789012345") && text.contains("9F26 1234567890123456"), "{text}");
            }
            let of_message = of_request(&events[0]);
            let places: Vec<_> = of_message.iter().map(|(place, _)| *place).collect();
            assert_eq!(places, [Place::Field(2), Place::Field(35), Place::Object(0x5A), Place::Object(0x57)]);
            let (own, other) = (&of_exchange(&events[1])[0].1, &of_exchange(&events[2])[0].1);
            for (_, number) in &of_message {
                assert!(number.is(own), "{number:?} {own:?}");
                assert!(!number.is(other), "equal digits are visible, and the numbers differ: {number:?} {other:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_field_panics(number in 0u8..65, value in ".{0,40}") {
            let _ = places(number, &value);
            let _ = places(55, &value);
        }
    }
}
