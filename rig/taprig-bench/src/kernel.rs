//! What the kernel said last about USB devices and serial ports.

use std::io;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

/// How old a message may be.
const LAST: Duration = Duration::from_secs(60);

/// The largest number of messages.
const MOST: usize = 50;

/// Words that a message about a USB device or a serial port contains.
const WORDS: [&str; 9] = ["usb", "tty", "hub ", "xhci", "ftdi", "cdc_acm", "cp210x", "ch341", "pl2303"];

/// What the kernel said in the last minute about USB devices and serial ports, as text for the record.
#[must_use]
pub(super) fn said() -> String {
    let of = format!("the kernel's messages about USB devices and serial ports in the last {} s", LAST.as_secs());
    match messages() {
        Err(error) => format!("{of} can't be read: /dev/kmsg: {error}"),
        Ok(messages) if messages.is_empty() => format!("{of}: none"),
        Ok(messages) => format!("{of}:\n{}", messages.join("\n")),
    }
}

fn messages() -> io::Result<Vec<String>> {
    let log = open("/dev/kmsg", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let now = clock_gettime(ClockId::Monotonic);
    let now = u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000;
    let since = now.saturating_sub(u64::try_from(LAST.as_micros()).unwrap_or(u64::MAX));
    let mut kept = Vec::new();
    // Longer than any record. Each read returns one.
    let mut buffer = [0; 16 * 1024];
    loop {
        match rustix::io::read(&log, &mut buffer) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(length) => kept.extend(message(&String::from_utf8_lossy(&buffer[..length]), since)),
            // Records were overwritten before they were read. The next read continues with those that are left.
            Err(Errno::PIPE | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    kept.drain(..kept.len().saturating_sub(MOST));
    Ok(kept)
}

/// The text of a record with its time in s, if it is about a USB device or a serial port and not older than `since`,
/// in us after the start of the machine.
///
/// A record is `priority,number,us,flags;text`, and lines with properties follow.
fn message(record: &str, since: u64) -> Option<String> {
    let (head, rest) = record.split_once(';')?;
    let us: u64 = head.split(',').nth(2)?.parse().ok()?;
    let mut lines = rest.lines();
    let text = lines.next()?;
    let plain = text.to_lowercase();
    let subsystem = lines.find_map(|line| line.trim_start().strip_prefix("SUBSYSTEM="));
    let is_about = subsystem.is_some_and(|name| ["usb", "tty", "usb-serial"].contains(&name))
        || WORDS.iter().any(|word| plain.contains(word));
    (us >= since && is_about).then(|| format!("[{}.{:06}] {text}", us / 1_000_000, us % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_usb_and_serial_ports_are_kept() {
        let unplugged =
            "6,1201,61000000,-;usb 1-2.3: USB disconnect, device number 7\n SUBSYSTEM=usb\n DEVICE=c189:6\n";
        assert_eq!(message(unplugged, 60_000_000).unwrap(), "[61.000000] usb 1-2.3: USB disconnect, device number 7");
        assert_eq!(message(unplugged, 62_000_000), None, "it is too old");
        let adapter = "6,1202,61000042,-;ftdi_sio ttyUSB0: FTDI USB Serial Device converter now disconnected";
        assert!(message(adapter, 0).unwrap().starts_with("[61.000042] ftdi_sio ttyUSB0"));
        // Only the property says what this is about.
        assert!(
            message("3,5,61000042,-;1-2.3: device not accepting address 9, error -71\n SUBSYSTEM=usb\n", 0).is_some()
        );
        for other in ["6,7,61000042,-;eth0: link down\n SUBSYSTEM=net\n", "6,7,61000042,-;oom-kill", "", ";", "6,7;usb"]
        {
            assert_eq!(message(other, 0), None, "{other}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        // Whether this user may read the messages depends on the machine.
        let said = said();
        assert!(
            said.starts_with("the kernel's messages about USB devices and serial ports in the last 60 s"),
            "{said}"
        );
    }
}
