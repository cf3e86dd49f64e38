//! Faults of the module and its cable, for tests of a driver.

use std::str::FromStr;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Foreign bytes come before the ACK.
    Garbage,
    /// The ACK is lost. The command is carried out.
    LostAck,
    /// The command is lost.
    LostCommand,
    /// One bit of the reply's data is wrong. A NACK gets the right one.
    Damaged,
    /// The reply lacks a byte. A NACK gets the whole one.
    Torn,
    /// The chip says that it can't read the command.
    ErrorFrame,
    /// The module is unplugged.
    Unplug,
    /// The field goes off while the command arrives. The session ends with this status.
    FieldLoss(u8),
    /// The command is not carried out. Its reply has this status.
    Status(u8),
}

/// A fault, and the command at which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What goes wrong.
    pub fault: Fault,
    /// Code of the command.
    pub code: u8,
    /// It happens when the command with this code comes for this time, from 1.
    pub nth: u32,
}

/// The text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault: write FAULT@CODE.NTH, as in `lost-ack@86.1`; faults are garbage, lost-ack, lost-command, damaged, \
     torn, error-frame, unplug, field-loss-STATUS and status-STATUS"
)]
pub struct NoFault(String);

impl FromStr for Planned {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let hex = |digits: &str| u8::from_str_radix(digits, 16).ok();
        let parse = || {
            let (fault, at) = text.split_once('@')?;
            let (code, nth) = at.split_once('.')?;
            let fault = match fault {
                "garbage" => Fault::Garbage,
                "lost-ack" => Fault::LostAck,
                "lost-command" => Fault::LostCommand,
                "damaged" => Fault::Damaged,
                "torn" => Fault::Torn,
                "error-frame" => Fault::ErrorFrame,
                "unplug" => Fault::Unplug,
                other => match (other.strip_prefix("field-loss-"), other.strip_prefix("status-")) {
                    (Some(status), _) => Fault::FieldLoss(hex(status)?),
                    (_, Some(status)) => Fault::Status(hex(status)?),
                    _ => return None,
                },
            };
            Some(Self { fault, code: hex(code)?, nth: nth.parse().ok().filter(|nth| *nth > 0)? })
        };
        parse().ok_or_else(|| NoFault(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_names() {
        let parse = |text: &str| text.parse::<Planned>().unwrap();
        assert_eq!(parse("lost-ack@86.2"), Planned { fault: Fault::LostAck, code: 0x86, nth: 2 });
        assert_eq!(parse("status-0b@8E.1"), Planned { fault: Fault::Status(0x0B), code: 0x8E, nth: 1 });
        assert_eq!(parse("field-loss-29@86.1").fault, Fault::FieldLoss(0x29));
        for wrong in ["", "unplug", "unplug@86", "unplug@86.0", "status-@86.1", "late@86.1", "unplug@xx.1"] {
            assert!(wrong.parse::<Planned>().is_err(), "{wrong}");
        }
    }
}
