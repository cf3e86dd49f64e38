//! Whether a frame is the answer to the message that waits for one.

use iso8583::{Message, mti};

use super::{Ask, Pending, Session};
use crate::store::settings::Settings;

/// Why a frame is not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no message.
    Unreadable,
    /// It answers something else.
    Foreign,
    /// Its MAC is wrong or missing.
    Mac,
}

/// Codes by which a host refuses a message that it could not check. They change no claim, so they need no MAC.
const WITHOUT_MAC: [[u8; 2]; 3] = [*b"A0", *b"97", *b"03"];

/// Reads a frame and holds it against the message that waits.
pub(super) fn read<'f>(
    frame: &'f [u8],
    pending: &Pending,
    session: Option<&Session>,
    settings: &Settings,
) -> Result<Message<'f>, Wrong> {
    let message = Message::decode(frame).map_err(|_| Wrong::Unreadable)?;
    let code = message.code().ok_or(Wrong::Unreadable)?;
    let belongs = message.mti() == mti::answer_to(pending.mti)
        && message.trace() == Some(pending.trace)
        && message.text(41) == Some(settings.terminal.as_str())
        && message.text(42) == Some(settings.merchant.as_str());
    if !belongs {
        return Err(Wrong::Foreign);
    }
    if pending.has_mac {
        let good = session.is_some_and(|session| message.mac_is_good(&session.mac));
        if !good && (message.has(64) || !WITHOUT_MAC.contains(&code)) {
            return Err(Wrong::Mac);
        }
    }
    let is_claim = matches!(
        pending.ask,
        Ask::Ride { .. } | Ask::Reversal { .. } | Ask::Settlement { .. } | Ask::End { .. } | Ask::Items { .. }
    );
    if is_claim && message.has(60) && message.additional().is_ok_and(|parts| parts.batch != pending.batch) {
        return Err(Wrong::Foreign);
    }
    if let Ask::Ride { fare, .. } | Ask::Reversal { fare, .. } = pending.ask
        && message.has(4)
        && message.amount() != Some(fare.into())
    {
        return Err(Wrong::Foreign);
    }
    Ok(message)
}
