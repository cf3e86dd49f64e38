//! Frames and messages: bytes to values and back. Nothing here knows what a message means to a host.

pub mod bcd;
pub mod field;
pub mod frame;
pub mod lists;
pub mod message;
pub mod reserved;
pub mod tlv;
pub mod totals;

pub use frame::{Frame, Splitter};
pub use message::Message;
pub use reserved::Reserved;
