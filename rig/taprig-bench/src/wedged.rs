//! Marks of benches with a part that hangs and that neither a reset nor a power cycle brings back.
//!
//! A mark is a file beside the slots of its bench, so it outlives the run and a crash of the rig. Later runs refuse the
//! bench until a person lifts the mark.
//!
//! Only a part that outlives the run deserves a mark ([`Config::outlives`]): a real board, a debug probe, a device on a
//! network, a program that the rig did not write, a power switch. The next run makes a board of kind `sim` or `qemu`
//! and the model of a PN532 anew, so these parts never are wedged. A person is no part that hangs either.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use taprig_model::bench::{BoardConfig, CardSideConfig};
use taprig_model::event::Role;
use taprig_record::mask;

use super::slot::{bench_folder, keep};
use super::{BenchError, Config};

/// Name of the mark in the folder of a bench.
const MARK: &str = "wedged.json";

/// A part of a bench that may hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The device under test, with its debug probe, its port or its adapter program.
    Validator,
    /// What holds cards to the reader, with its debug probe and its port.
    CardSide,
    /// A power switch.
    PowerSwitch,
}

impl From<Role> for Part {
    fn from(role: Role) -> Self {
        match role {
            Role::Validator => Self::Validator,
            Role::Emulator => Self::CardSide,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validator => "the validator",
            Self::CardSide => "the card side",
            Self::PowerSwitch => "a power switch",
        })
    }
}

/// Why a bench is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wedged {
    /// The part that hangs. `None` if the mark can't be read.
    pub part: Option<Part>,
    /// What the rig saw last, with account numbers masked.
    pub reason: String,
    /// Time of the mark, in seconds since 1970. `None` if the mark can't be read.
    pub since: Option<u64>,
}

impl fmt::Display for Wedged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(since) = self.since {
            write!(f, "since {}: ", utc(since))?;
        }
        match self.part {
            Some(part) => write!(f, "{part} hangs, and neither a reset nor a power cycle helped ({})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// A time of day in UTC. `seconds` are those since 1970.
#[must_use]
pub fn utc(seconds: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(0)).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The mark of a bench, if it has one. A mark that can't be read is a mark: nobody knows what it says.
#[must_use]
pub fn wedged(bench: &str) -> Option<Wedged> {
    let path = path(bench);
    let damaged = |why: String| Wedged {
        part: None,
        reason: format!("its mark {} can't be read: {why}", path.display()),
        since: None,
    };
    match std::fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap_or_else(|error| damaged(error.to_string()))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => Some(damaged(error.to_string())),
    }
}

/// Lifts the mark of a bench, and returns it. `None` if the bench had none.
///
/// # Errors
/// [`BenchError::State`] if the file can't be removed.
pub fn clear(bench: &str) -> Result<Option<Wedged>, BenchError> {
    let Some(lifted) = wedged(bench) else { return Ok(None) };
    let path = path(bench);
    std::fs::remove_file(&path).map_err(|source| BenchError::State { path, source })?;
    Ok(Some(lifted))
}

/// Refuses a bench that has a mark.
///
/// # Errors
/// [`BenchError::Wedged`].
pub fn refuse(bench: &str) -> Result<(), BenchError> {
    match wedged(bench) {
        None => Ok(()),
        Some(wedged) => Err(BenchError::Wedged { bench: bench.to_owned(), wedged }),
    }
}

fn path(bench: &str) -> PathBuf {
    bench_folder(bench).join(MARK)
}

impl Config {
    /// Whether a part outlives the run, so that a hang of it does too.
    #[must_use]
    pub fn outlives(&self, part: Part) -> bool {
        let board = |board: &BoardConfig| match board {
            BoardConfig::Probe(_) | BoardConfig::Attached(_) | BoardConfig::Program(_) => true,
            BoardConfig::Sim(_) | BoardConfig::Qemu(_) | BoardConfig::External(_) => false,
        };
        match part {
            // The rig can't tell an adapter program from what is behind it.
            Part::Validator => self.device.interface.adapter().is_some() || board(&self.bench.validator),
            Part::CardSide => match &self.bench.card {
                CardSideConfig::Emulator(emulator) | CardSideConfig::Nrf52840(emulator) => board(emulator),
                CardSideConfig::VirtualReader(_) | CardSideConfig::Pn532(_) => true,
                CardSideConfig::Pn532Model(_) => false,
            },
            Part::PowerSwitch => !self.bench.power.switches.is_empty(),
        }
    }

    /// Whether any part of the bench outlives the run.
    #[must_use]
    pub fn can_be_wedged(&self) -> bool {
        [Part::Validator, Part::CardSide, Part::PowerSwitch].into_iter().any(|part| self.outlives(part))
    }

    /// Marks the bench as wedged if `error`, which ended the attempt to bring the bench back, says that a part hangs and
    /// if this part outlives the run. Returns the error to report: `error` itself if there is no mark.
    #[must_use]
    pub fn wedge(&self, error: BenchError) -> BenchError {
        let Some(part) = error.hangs().filter(|part| self.outlives(*part)) else { return error };
        let mut reason = super::with_causes(&error);
        mask::text(&mut reason);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let (bench, wedged) = (self.name.clone(), Wedged { part: Some(part), reason, since: Some(since) });
        let path = path(&bench);
        match keep(&path, &wedged) {
            Ok(()) => BenchError::Wedged { bench, wedged },
            Err(source) => BenchError::Unmarked { bench, wedged, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A bench of this name that no other test uses. Its folder goes with it.
    struct Named(String);

    impl Named {
        fn new(name: &str) -> Self {
            Self(format!("wedged-test-{name}-{}", std::process::id()))
        }
    }

    impl Drop for Named {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(bench_folder(&self.0));
        }
    }

    fn config(name: &str, bench: &str) -> Config {
        use serde_yaml::with::singleton_map_recursive::deserialize;
        let read = |text: &str| deserialize(serde_yaml::Deserializer::from_str(text)).unwrap();
        let head = "schema: 1\ntitle: A bench\ndevice: taprig-reference\n";
        let device = include_str!("../../../fixtures/devices/taprig-reference.yaml");
        Config {
            name: name.into(),
            bench: read(&format!("{head}{bench}")),
            device: deserialize(serde_yaml::Deserializer::from_str(device)).unwrap(),
            images: Default::default(),
            programs: crate::Programs {
                taprig: "taprig".into(),
                hosted: "taprig".into(),
                qemu: "qemu".into(),
                flash_algorithm: "none".into(),
                folder: ".".into(),
            },
            wait: Duration::ZERO,
            flash_anyway: false,
            reassign: false,
            desk: None,
            configured: None,
        }
    }

    const SERIAL: &str =
        "validator: { attached: { serial: { path: /dev/ttyUSB0 } } }\ncard: { emulator: { sim: {} } }\n";

    fn silent(role: Role) -> BenchError {
        let why = "it sent card 6229 9001 8000 0021 and nothing else".into();
        BenchError::NotReady { role, within: Duration::from_secs(5), why }
    }

    #[test]
    fn a_mark_stays_until_it_is_lifted() {
        let name = Named::new("stays");
        assert_eq!(wedged(&name.0), None);
        assert_eq!(clear(&name.0).unwrap(), None);
        let told = config(&name.0, SERIAL).wedge(silent(Role::Validator));
        assert!(matches!(told, BenchError::Wedged { .. }), "{told:?}");
        let mark = wedged(&name.0).unwrap();
        assert_eq!(mark.part, Some(Part::Validator));
        assert!(mark.reason.contains("622990xxxxxx0021") && !mark.reason.contains("8000"), "{}", mark.reason);
        let refused = refuse(&name.0).unwrap_err();
        assert!(refused.to_string().contains(" is wedged since 20"), "{refused}");
        assert!(refused.advice().unwrap().contains(&format!("taprig bench clear {}", name.0)), "{refused:?}");
        assert_eq!(clear(&name.0).unwrap(), Some(mark));
        assert_eq!((wedged(&name.0), refuse(&name.0).is_ok()), (None, true));
    }

    #[test]
    fn a_damaged_mark_is_a_mark() {
        let name = Named::new("damaged");
        std::fs::create_dir_all(bench_folder(&name.0)).unwrap();
        for text in ["", "{\"part\":\"valid", "{}", "\0\0\0"] {
            std::fs::write(path(&name.0), text).unwrap();
            let mark = wedged(&name.0).unwrap();
            assert!(mark.part.is_none() && mark.to_string().contains("can't be read"), "{mark}");
            assert!(refuse(&name.0).is_err());
            assert_eq!(clear(&name.0).unwrap(), Some(mark));
        }
    }

    #[test]
    fn only_parts_that_outlive_the_run_deserve_a_mark() {
        let sim = "sim: {}";
        let parts = |validator: &str, card: &str, more: &str| {
            let config = config("any", &format!("validator: {{ {validator} }}\ncard: {{ {card} }}\n{more}"));
            [Part::Validator, Part::CardSide, Part::PowerSwitch].map(|part| config.outlives(part))
        };
        let ours = "emulator: { sim: {} }";
        assert_eq!(parts(sim, ours, ""), [false; 3]);
        assert_eq!(parts("qemu: { machine: mps2-an386 }", "pn532-model: {}", ""), [false; 3]);
        assert_eq!(parts("program: { command: [device] }", ours, ""), [true, false, false]);
        assert_eq!(parts("attached: { tcp: '192.0.2.7:4001' }", "virtual-reader: {}", ""), [true, true, false]);
        // Nothing but a person or an adapter program reaches an external device, and this device file names no adapter.
        assert_eq!(parts("external: {}", "pn532: { serial: { path: /dev/ttyUSB1 } }", ""), [false, true, false]);
        let line =
            "power: { switches: { validator: { line: { serial: { path: /dev/x }, line: rts, off-for: 1 s } } } }";
        assert_eq!(parts(sim, ours, line), [false, false, true]);
    }

    #[test]
    fn an_error_that_is_no_hang_leaves_no_mark() {
        let name = Named::new("none");
        let config = config(&name.0, SERIAL);
        let gone = BenchError::NoPort { role: Role::Validator, wanted: "a port".into(), there: "none".into() };
        assert!(matches!(config.wedge(gone), BenchError::NoPort { .. }));
        // The rig makes this part anew.
        assert!(matches!(config.wedge(silent(Role::Emulator)), BenchError::NotReady { .. }));
        assert_eq!(wedged(&name.0), None);
    }

    #[test]
    fn a_mark_that_can_not_be_written_is_told() {
        let name = Named::new("unwritten");
        // A file where the folder has to be.
        let folder = bench_folder(&name.0);
        std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
        std::fs::write(&folder, "").unwrap();
        let told = config(&name.0, SERIAL).wedge(silent(Role::Validator));
        std::fs::remove_file(&folder).unwrap();
        assert!(matches!(told, BenchError::Unmarked { .. }), "{told:?}");
        let text = crate::with_causes(&told);
        assert!(text.contains("did not become ready") && text.contains("wedged.json"), "{text}");
    }
}
