//! What is odd about a claim although the host does not refuse it: values that contradict each other within one message.

use super::request::Request;
use crate::codec::tlv;

/// What is odd about a claim, one sentence each. No sentence has an account number.
pub(super) fn of_claim(request: &Request) -> Vec<String> {
    let message = &request.message;
    let mut odd = Vec::new();
    for (number, wanted, why) in [(25, "00", "a condition other than 00"), (49, "156", "a currency other than 156")] {
        if message.word(number).is_some_and(|value| value != wanted) {
            odd.push(format!("field {number} has {why}"));
        }
    }
    if let (Some(account), Some(track)) = (message.word(2), message.word(35))
        && track.split('D').next() != Some(account)
    {
        odd.push("the account numbers of field 2 and field 35 (track 2) differ".into());
    }
    let Some(chip) = message.data(55) else {
        odd.push("field 55 is missing, so nobody can verify what the card said".into());
        return odd;
    };
    let objects = match tlv::decode(chip) {
        Ok(objects) => objects,
        Err(error) => {
            odd.push(format!("field 55: {error}"));
            return odd;
        }
    };
    let hex = |tag| tlv::find(&objects, tag).map(taprig_record::decode::hex);
    let mut compare = |tag: u32, field: Option<String>, what: &str| {
        if let (Some(object), Some(field)) = (hex(tag), field)
            && object.trim_end_matches('F') != field.trim_end_matches('F')
        {
            odd.push(format!("{what} and {tag:02X} in field 55 differ"));
        }
    };
    let word = |number| message.word(number).map(str::to_owned);
    compare(0x9F02, word(4), "the amounts in field 4");
    compare(0x5A, word(2), "the account numbers in field 2");
    compare(0x57, word(35), "the tracks 2 in field 35");
    compare(0x5F34, word(23).map(|sequence| sequence[1..].to_owned()), "the card sequence numbers in field 23");
    compare(0x5F2A, word(49).map(|currency| format!("0{currency}")), "the currencies in field 49");
    for tag in [0x9F26u32, 0x9F36, 0x9F10, 0x95, 0x9F37, 0x9A, 0x9F02, 0x82] {
        if tlv::find(&objects, tag).is_none() {
            odd.push(format!("field 55 has no {tag:02X}"));
        }
    }
    odd
}

/// Whether the card had expired on the day of the ride: field 14 (YYMM) and 9A (YYMMDD) in field 55.
pub(super) fn expired(request: &Request) -> bool {
    let day = request
        .message
        .data(55)
        .and_then(|chip| tlv::decode(chip).ok())
        .and_then(|objects| tlv::find(&objects, 0x9A).map(taprig_record::decode::hex));
    match (request.message.word(14), day) {
        (Some(expiry), Some(day)) => day.get(..4).is_some_and(|month| month > expiry),
        _ => false,
    }
}
