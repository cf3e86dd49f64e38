//! Field 60: what kind of message this is, and of which batch.

use crate::digits::Digits;
use crate::error::{Error, What};

/// Network codes, field 60.3.
pub mod network {
    /// A ride, an advice or a reversal.
    pub const CLAIM: u16 = 0;
    /// Sign-off.
    pub const SIGN_OFF: u16 = 2;
    /// A settlement, and a batch upload with payments in it.
    pub const SETTLEMENT: u16 = 201;
    /// The end of an upload after a settlement that did not balance, or without one.
    pub const UPLOAD_END: u16 = 202;
    /// The end message after a settlement that balanced.
    pub const BALANCED_END: u16 = 207;
    /// Echo.
    pub const ECHO: u16 = 301;
    /// One key of an authority.
    pub const KEY: u16 = 370;
    /// The end of the download of keys.
    pub const KEYS_END: u16 = 371;
    /// The list of keys of authorities.
    pub const KEY_LIST: u16 = 372;
    /// A page of the deny list.
    pub const DENY_LIST: u16 = 570;
}

/// The digits before the rest: 60.1, 60.2 and 60.3.
pub(crate) const FIXED: usize = 11;
/// The most digits of the rest, as field 60 has at most 19.
pub(crate) const REST: usize = 8;

/// The parts of field 60.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Additional {
    /// 60.1, type of message, 0 to 99: 22 or 36 in a ride, 30 or 36 in an advice, 0 in management.
    pub kind: u8,
    /// 60.2, the batch, 0 to 999,999.
    pub batch: u32,
    /// 60.3, the network code, 0 to 999: see [`network`].
    pub network: u16,
    /// The digits from 60.4 on, as characters.
    pub rest: heapless::String<REST>,
}

impl Additional {
    /// That of a ride with a contactless card: `22`, the batch, `000`, `601`.
    #[must_use]
    pub fn ride(batch: u32) -> Self {
        let mut rest = heapless::String::new();
        // Three characters fit.
        let _ = rest.push_str("601");
        Self { kind: 22, batch, network: network::CLAIM, rest }
    }

    /// That of management: `00`, the batch and this network code.
    #[must_use]
    pub fn management(batch: u32, network: u16) -> Self {
        Self { kind: 0, batch, network, rest: heapless::String::new() }
    }

    /// Takes the parts apart.
    ///
    /// # Errors
    /// There are fewer than 11 digits.
    pub(crate) fn read(digits: Digits<'_>) -> Result<Self, Error> {
        let short = Error::new(60, digits.len(), What::Length);
        if digits.len() < FIXED {
            return Err(short);
        }
        let number = |from, len| digits.part(from, len).value().ok_or(short);
        let mut rest = heapless::String::new();
        for digit in digits.part(FIXED, REST).iter() {
            rest.push(char::from(b'0' + digit)).map_err(|_| short)?;
        }
        Ok(Self {
            kind: u8::try_from(number(0, 2)?).map_err(|_| short)?,
            batch: u32::try_from(number(2, 6)?).map_err(|_| short)?,
            network: u16::try_from(number(8, 3)?).map_err(|_| short)?,
            rest,
        })
    }
}
