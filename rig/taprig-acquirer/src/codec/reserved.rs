//! Field 60 in its parts.

/// The parts of field 60. A part can be absent only if all after it are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// 60.1, type of the message, 2 digits: 00 management, 22 sale, 36 electronic cash offline.
    pub kind: String,
    /// 60.2, batch, 6 digits.
    pub batch: u32,
    /// 60.3, network code, 3 digits. It tells which management message this is.
    pub code: Option<u16>,
    /// All further digits: 60.4 entry capability (6: contactless), 60.5, 60.6.
    pub more: String,
}

impl Reserved {
    /// Reads the digits of field 60.
    ///
    /// # Errors
    /// Type and batch are not there, or the network code is not whole. The text says so.
    pub fn parse(digits: &str) -> Result<Self, String> {
        let (Some(kind), Some(Ok(batch))) = (digits.get(..2), digits.get(2..8).map(str::parse)) else {
            return Err(format!("field 60 has {} digits, and type and batch alone take 8", digits.len()));
        };
        let (code, more) = match digits.get(8..11) {
            Some(code) => (code.parse().ok(), &digits[11..]),
            None if digits.len() == 8 => (None, ""),
            None => return Err(format!("field 60 has {} digits, and its network code takes 3", digits.len())),
        };
        Ok(Self { kind: kind.into(), batch, code, more: more.into() })
    }

    /// The digits of field 60.
    #[must_use]
    pub fn digits(&self) -> String {
        let code = self.code.map(|code| format!("{code:03}")).unwrap_or_default();
        format!("{}{:06}{code}{}", self.kind, self.batch, self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ride_and_a_sign_on() {
        let ride = Reserved::parse("22000001000601").unwrap();
        assert_eq!((ride.kind.as_str(), ride.batch, ride.code, ride.more.as_str()), ("22", 1, Some(0), "601"));
        let sign_on = Reserved::parse("00000007003").unwrap();
        assert_eq!((sign_on.batch, sign_on.code, sign_on.digits().as_str()), (7, Some(3), "00000007003"));
        assert_eq!(Reserved::parse("0000000").unwrap_err(), "field 60 has 7 digits, and type and batch alone take 8");
        assert_eq!(Reserved::parse("0000000100").unwrap_err(), "field 60 has 10 digits, and its network code takes 3");
    }

    proptest! {
        #[test]
        fn digits_come_back(digits in "[0-9]{8}|[0-9]{11,19}") {
            prop_assert_eq!(Reserved::parse(&digits).unwrap().digits(), digits);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Reserved::parse(&text);
        }
    }
}
