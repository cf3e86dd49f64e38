//! Types of messages, as four BCD digits: [`RIDE`] is `0x0200`, on the wire `02 00`.

/// Sign-on, and requests for a page of the deny list or for a key of an authority.
pub const SIGN_ON: u16 = 0x0800;
/// The same message type as [`SIGN_ON`]. Field 60.3 is 570, 370 or 371.
pub const DOWNLOAD: u16 = 0x0800;
/// Sign-off, echo, and requests for the list of authority keys.
pub const MANAGEMENT: u16 = 0x0820;
/// A ride is claimed.
pub const RIDE: u16 = 0x0200;
/// A payment that was accepted offline is claimed.
pub const ADVICE: u16 = 0x0220;
/// A claim is taken back.
pub const REVERSAL: u16 = 0x0400;
/// The totals of a batch are compared.
pub const SETTLEMENT: u16 = 0x0500;
/// The payments of a batch are uploaded, or the upload ends.
pub const BATCH_UPLOAD: u16 = 0x0320;

/// The type of the answer to a request: 0x0200 gives 0x0210.
#[must_use]
pub const fn answer_to(request: u16) -> u16 {
    request.wrapping_add(0x10)
}
