//! A relay on a serial port that takes four-byte commands.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use taprig_model::bench::{RelaySwitch, SerialPort};
use taprig_model::event::{PowerSwitch, Role};

use super::{Actuator, Attempt, Tell, on_a_thread};
use crate::port;

const BAUD: u32 = 9600;

/// The longest time for the four bytes of a command.
const WRITE: Duration = Duration::from_secs(2);

/// A relay board.
#[derive(Debug)]
pub(super) struct Relay {
    role: Role,
    serial: SerialPort,
    channel: u8,
}

impl Relay {
    #[must_use]
    pub(super) fn new(role: Role, config: &RelaySwitch) -> Self {
        Self { role, serial: config.serial.clone(), channel: config.channel }
    }
}

impl Actuator for Relay {
    fn kind(&self) -> PowerSwitch {
        PowerSwitch::Relay
    }

    fn name(&self, on: bool) -> String {
        format!("channel {} of the relay board of the {} ({})", self.channel, self.role, if on { "on" } else { "off" })
    }

    fn advice(&self, _away: bool) -> &'static str {
        "check that the relay board is plugged in, and that `serial` of the power switch describes it"
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let path = port::find(self.role, &self.serial).map_err(|error| error.to_string())?;
        let command = command(self.channel, on);
        Ok(on_a_thread(move || send(&path, &command), tell))
    }
}

/// The command that switches a channel: a start byte, the channel, the state, and the sum of these three.
fn command(channel: u8, on: bool) -> [u8; 4] {
    const START: u8 = 0xA0;
    [START, channel, u8::from(on), START.wrapping_add(channel).wrapping_add(u8::from(on))]
}

fn send(path: &Path, command: &[u8]) -> Result<(), String> {
    let words = |error: std::io::Error| format!("{}: {error}", path.display());
    let port = serialport::new(path.to_string_lossy(), BAUD).timeout(WRITE).open_native();
    let mut port = port.map_err(|error| words(error.into()))?;
    port.write_all(command).map_err(words)?;
    // Only when the last byte has left the port may it be closed.
    port.flush().map_err(words)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{both, turn};
    use super::*;
    use crate::link::pty::Terminal;

    #[test]
    fn commands_of_public_documents() {
        assert_eq!(command(1, true), [0xA0, 0x01, 0x01, 0xA2]);
        assert_eq!(command(1, false), [0xA0, 0x01, 0x00, 0xA1]);
        assert_eq!(command(2, true), [0xA0, 0x02, 0x01, 0xA3]);
    }

    #[test]
    fn a_relay_board_on_a_pseudo_terminal_receives_the_command() {
        let terminal = Terminal::new();
        let yaml = format!("relay: {{ serial: {{ path: {} }}, channel: 2, off-for: 1 ms }}", terminal.path().display());
        assert_eq!(both(&turn(&yaml, false)), [Ok(()), Ok(())]);
        assert_eq!(terminal.hear(8), [command(2, false); 2].concat());
    }

    #[test]
    fn a_relay_board_that_is_not_there() {
        for failed in both(&turn("relay: { serial: { path: /dev/no-such-relay }, off-for: 1 ms }", true)) {
            let failed = failed.unwrap_err();
            assert!(
                failed.starts_with("`channel 1 of the relay board of the validator (on)` did not switch"),
                "{failed}"
            );
            assert!(failed.contains("/dev/no-such-relay"), "{failed}");
        }
    }
}
