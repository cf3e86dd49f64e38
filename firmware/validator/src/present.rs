//! Display, sound and gate. On this device they are events on the console.

use kernel::MessageId;

use crate::board::Board;
use crate::console::Line;

/// A sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// The ride is given.
    Accepted,
    /// It is not.
    Refused,
    /// The passenger has something to do.
    Attention,
}

/// The text of a message.
#[must_use]
pub const fn text(message: MessageId) -> &'static str {
    match message {
        MessageId::Approved => "approved",
        MessageId::NotAuthorised => "not authorised",
        MessageId::ProcessingError => "processing error",
        MessageId::RemoveCard => "remove card",
        MessageId::Welcome => "welcome",
        MessageId::PresentCard => "present card",
        MessageId::Processing => "processing",
        MessageId::CardReadOk => "card read ok",
        MessageId::PresentOneCard => "present one card only",
        MessageId::Authorising => "authorising, please wait",
        MessageId::OtherCard => "insert, swipe or try another card",
        MessageId::SeePhone => "see phone",
        MessageId::PresentAgain => "present card again",
    }
}

/// Shows a message, with an amount in fen where it has one.
pub fn show<B: Board>(board: &B, message: MessageId, amount: Option<u32>) {
    show_words(board, message, text(message), amount);
}

/// Shows a message in the device's own words.
pub fn show_words<B: Board>(board: &B, message: MessageId, words: &str, amount: Option<u32>) {
    let line = Line::new("! show").field("id", format_args!("{:02X}", message.id())).text("text", words);
    match amount {
        Some(amount) => line.field("amount", amount),
        None => line,
    }
    .send(board);
}

/// Makes a sound.
pub fn sound<B: Board>(board: &B, sound: Sound) {
    let name = match sound {
        Sound::Accepted => "accepted",
        Sound::Refused => "refused",
        Sound::Attention => "attention",
    };
    Line::new("! sound").words(name).send(board);
}

/// Releases the gate for one passenger, or keeps it shut.
pub fn gate<B: Board>(board: &B, open: bool) {
    Line::new("! gate").words(if open { "open" } else { "shut" }).send(board);
}

/// Tells of something that the device noticed about itself.
pub fn fault<B: Board>(board: &B, what: &str) {
    Line::new("! fault").field("what", what).send(board);
}
