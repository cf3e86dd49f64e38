//! The driver against the model of the chip, over a pseudo terminal, with the reference validator's reader on the air.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::pn532_model::fault::Planned;
use ::pn532_model::{Options, Running};
use taprig_model::event::Release;
use tokio::sync::oneshot;

use super::*;
use crate::card_side::What;
use crate::link::port::Way;
use crate::link::pty::Terminal;

#[path = "../../../../pn532-model/tests/support/reader.rs"]
#[expect(dead_code, reason = "the model's own tests use the rest")]
mod reader;
use reader::Reader;

mod faults;
mod foreign;

/// Nothing in a test takes longer, on a machine with much other work.
const LIMIT: Duration = Duration::from_secs(30);

/// The patience of the model in these tests, so that what no host answers does not take long.
const PATIENCE: Duration = Duration::from_millis(100);

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, work).await.unwrap() })
}

/// A module, its air, and what passed on its serial port.
struct Module {
    model: Running,
    air: PathBuf,
    sent: Arc<Mutex<Vec<u8>>>,
    _folder: tempfile::TempDir,
}

impl Module {
    fn new(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let air = folder.path().join("air");
        Self { model: Running::start(&air, options).unwrap(), air, sent: Arc::default(), _folder: folder }
    }

    fn with(faults: &[&str]) -> Self {
        let faults = faults.iter().map(|fault| fault.parse::<Planned>().unwrap()).collect();
        Self::new(Options { faults, patience: PATIENCE, ..Options::default() })
    }

    fn open(&self, settings: Settings) -> Pn532 {
        let sent = self.sent.clone();
        let tap = Arc::new(move |way, bytes: &[u8]| {
            if way == Way::Out {
                sent.lock().unwrap().extend(bytes);
            }
        });
        Pn532::open(&self.model.serial().into(), settings, tap).unwrap()
    }

    async fn started(&self, settings: Settings) -> Pn532 {
        let mut side = self.open(settings);
        side.starts(Start::PoweredOn, LIMIT).await.unwrap();
        side
    }

    fn has_sent(&self, bytes: &[u8]) -> bool {
        self.sent.lock().unwrap().windows(bytes.len()).any(|window| window == bytes)
    }

    /// Plays the reader in a thread of its own.
    fn reads<T: Send + 'static>(&self, read: impl FnOnce(&mut Reader) -> T + Send + 'static) -> oneshot::Receiver<T> {
        let mut reader = Reader::connect(&self.air);
        let (done, result) = oneshot::channel();
        std::thread::spawn(move || done.send(read(&mut reader)));
        result
    }
}

fn card() -> Activation {
    Activation {
        uid: vec![0x08, 0x11, 0x22, 0x33],
        atqa: [0x04, 0x00],
        sak: 0x20,
        ats: vec![0x07, 0x78, 0x80, 0x70, 0x02, 0xAA, 0xBB],
        delay: taprig_model::units::Duration::default(),
        chain: 0,
    }
}

fn answer(response: Vec<u8>) -> Answer {
    Answer { response, delay: taprig_model::units::Duration::default(), fault: None }
}

/// The card of these tests: it returns the command and 9000.
fn respond(command: &[u8]) -> Vec<u8> {
    [command, &[0x90, 0x00]].concat()
}

async fn present(side: &mut Pn532) {
    side.configure(&card(), None, false).await.unwrap();
    side.present().await.unwrap();
}

/// Answers commands until the reader is done. Returns what the reader found, and all notes.
async fn serve<T>(side: &mut Pn532, mut reader: oneshot::Receiver<T>) -> Result<(T, Vec<What>), LinkError> {
    let mut notes = Vec::new();
    loop {
        tokio::select! {
            biased;
            note = side.note(Instant::now() + LIMIT) => {
                let what = note?.expect("the reader goes on").what;
                if let What::Command { number, command } = &what {
                    side.answer(*number, answer(respond(command))).await?;
                }
                notes.push(what);
            }
            found = &mut reader => return match found {
                Ok(found) => Ok((found, notes)),
                // The reader lost its card side, so the module has to be gone.
                Err(_) => Err(until(side, |_| false).await.unwrap_err()),
            },
        }
    }
}

/// Notes up to one that `last` accepts.
async fn until(side: &mut Pn532, last: impl Fn(&What) -> bool) -> Result<Vec<What>, LinkError> {
    let mut notes = Vec::new();
    loop {
        let what = side.note(Instant::now() + LIMIT).await?.expect("a note").what;
        let is_last = last(&what);
        notes.push(what);
        if is_last {
            return Ok(notes);
        }
    }
}

async fn removed(side: &mut Pn532) -> Vec<What> {
    side.remove().await.unwrap();
    until(side, |what| matches!(what, What::Removed(_))).await.unwrap()
}

fn commands(notes: &[What]) -> Vec<Vec<u8>> {
    let command = |what: &What| match what {
        What::Command { command, .. } => Some(command.clone()),
        _ => None,
    };
    notes.iter().filter_map(command).collect()
}

/// Commands and answers of many lengths, some longer than a frame on the air.
fn apdus() -> Vec<Vec<u8>> {
    [5, 20, 61, 62, 100, 255, 256].iter().map(|length| (0..*length).map(|i| i as u8).collect()).collect()
}

fn transmit_all(reader: &mut Reader) {
    for apdu in apdus() {
        assert_eq!(reader.transmit(&apdu), Some(respond(&apdu)), "{} bytes", apdu.len());
    }
}

fn taps(settings: Settings, options: Options) {
    run(async {
        let module = Module::new(options);
        let mut side = module.started(settings).await;
        for _ in 0..2 {
            present(&mut side).await;
            let reader = module.reads(|reader| {
                reader.activate();
                transmit_all(reader);
            });
            let ((), notes) = serve(&mut side, reader).await.unwrap();
            assert_eq!(notes[..2], [What::Field { on: true }, What::Activated { fsd: Some(256) }]);
            assert_eq!(commands(&notes), apdus());
            assert_eq!(removed(&mut side).await.len(), 1);
            let gone = module.reads(Reader::is_removed).await.unwrap();
            assert!(gone, "the card was removed");
        }
        Box::new(side).close().await;
    });
}

#[test]
fn a_tap_of_many_commands() {
    taps(Settings::default(), Options::default());
}

#[test]
fn a_tap_in_parts_both_ways() {
    taps(Settings { part: 20, ..Settings::default() }, Options { part: 30, ..Options::default() });
}

#[test]
fn the_speed_and_the_mode_are_settings() {
    let settings = Settings { speed: Baud::B921600, mode: 0x05, ..Settings::default() };
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(settings).await;
        // SetSerialBaudRate, then the host's ACK and a command at the new speed.
        assert!(
            module
                .has_sent(&[0xD4, 0x10, 0x07, 0x15, 0x00, 0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0x00, 0x00, 0xFF, 0x02])
        );
        present(&mut side).await;
        removed(&mut side).await;
        assert!(module.has_sent(&[0xD4, 0x12, 0x20]));
        assert!(module.has_sent(&[0xD4, 0x8C, 0x05, 0x04, 0x00, 0x11, 0x22, 0x33, 0x20]));
        assert!(module.has_sent(&[0x00, 0x02, 0xAA, 0xBB]), "historical bytes");
        let identity = side.identify().await.unwrap();
        assert_eq!(identity.said.get("version"), Some("1.6"));
        assert_eq!(identity.digest, None);
    });
}

#[test]
fn a_reader_that_deselects_finds_the_card_again_until_it_is_removed() {
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        let reader = module.reads(|reader| {
            reader.activate();
            transmit_all(reader);
            reader.deselect();
            assert!(!reader.is_removed());
            reader.activate();
            transmit_all(reader);
        });
        let ((), notes) = serve(&mut side, reader).await.unwrap();
        assert!(notes.contains(&What::Released(Release::Deselected)), "{notes:?}");
        assert_eq!(commands(&notes).len(), 2 * apdus().len());
        removed(&mut side).await;
    });
}

#[test]
fn a_reader_that_resets_its_field_finds_the_card_again() {
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        let reader = module.reads(|reader| {
            reader.activate();
            reader.reset_field();
            reader.activate();
            transmit_all(reader);
        });
        let ((), notes) = serve(&mut side, reader).await.unwrap();
        let lost = [What::Released(Release::FieldOff), What::Field { on: false }, What::Field { on: true }];
        assert!(notes.windows(3).any(|window| window == lost), "{notes:?}");
    });
}

#[test]
fn a_card_is_removed_in_every_phase() {
    run(async {
        let module = Module::new(Options { patience: PATIENCE, ..Options::default() });
        let mut side = module.started(Settings::default()).await;
        // Nothing is presented, so nothing is reported.
        side.remove().await.unwrap();
        side.catch_up().await.unwrap();
        assert_eq!(until(&mut side, |what| *what == What::CaughtUp).await.unwrap(), [What::CaughtUp]);
        // The chip waits for a reader, without a field and with one.
        for _ in 0..2 {
            present(&mut side).await;
            assert_eq!(removed(&mut side).await.len(), 1);
            assert!(module.reads(|reader| reader.poll() == validator::reader::Presence::Nothing).await.unwrap());
        }
        // The chip waits for a command.
        present(&mut side).await;
        let reader = module.reads(Reader::activate);
        serve(&mut side, reader).await.unwrap();
        removed(&mut side).await;
        // The run has to answer a command.
        present(&mut side).await;
        let reader = module.reads(|reader| {
            reader.activate();
            reader.transmit(&[0x00, 0xA4])
        });
        let notes = until(&mut side, |what| matches!(what, What::Command { .. })).await.unwrap();
        removed(&mut side).await;
        assert_eq!(reader.await.unwrap(), None);
        // An answer that comes too late is told and does no harm.
        let Some(What::Command { number, .. }) = notes.last() else { panic!("{notes:?}") };
        side.answer(*number, answer(vec![0x90, 0x00])).await.unwrap();
        until(&mut side, |what| matches!(what, What::Trouble(_))).await.unwrap();
        Box::new(side).close().await;
    });
}

#[test]
fn a_slow_host_makes_the_chip_ask_for_more_time() {
    run(async {
        let module = Module::new(Options { patience: PATIENCE, ..Options::default() });
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        let reader = module.reads(|reader| {
            reader.activate();
            (reader.transmit(&[0x00, 0xA4]), reader.extensions())
        });
        let notes = until(&mut side, |what| matches!(what, What::Command { .. })).await.unwrap();
        side.idle(Instant::now() + PATIENCE * 3).await.unwrap();
        let Some(What::Command { number, .. }) = notes.last() else { panic!("{notes:?}") };
        side.answer(*number, answer(vec![0x90, 0x00])).await.unwrap();
        let (response, extensions) = reader.await.unwrap();
        assert_eq!(response, Some(vec![0x90, 0x00]));
        assert!(extensions > 0);
    });
}

#[test]
fn a_run_that_gives_up_waiting_loses_no_note() {
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        let mut reader = module.reads(|reader| {
            reader.activate();
            transmit_all(reader);
        });
        let mut seen = Vec::new();
        while reader.try_recv().is_err() {
            tokio::select! {
                biased;
                () = tokio::task::yield_now() => {}
                note = side.note(Instant::now() + LIMIT) => {
                    let what = note.unwrap().unwrap().what;
                    if let What::Command { number, command } = &what {
                        side.answer(*number, answer(respond(command))).await.unwrap();
                    }
                    seen.push(what);
                }
            }
            side.idle(Instant::now() + Duration::from_micros(200)).await.unwrap();
        }
        assert_eq!(commands(&seen), apdus());
    });
}

#[test]
fn a_chip_that_an_earlier_session_left_is_brought_back() {
    let module = Module::new(Options { patience: PATIENCE, ..Options::default() });
    // The runtime ends, and with it the task, without a word to the chip.
    run(async {
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        side.catch_up().await.unwrap();
        until(&mut side, |what| *what == What::CaughtUp).await.unwrap();
    });
    run(async {
        let mut side = module.started(Settings { speed: Baud::B921600, ..Settings::default() }).await;
        present(&mut side).await;
        let reader = module.reads(|reader| {
            reader.activate();
            transmit_all(reader);
        });
        serve(&mut side, reader).await.unwrap();
        Box::new(side).close().await;
        // A side that is closed has taken the card away, and its port can be opened again.
        assert!(module.reads(Reader::is_removed).await.unwrap());
        module.started(Settings::default()).await;
    });
}

#[test]
fn what_the_chip_can_not_play_is_refused() {
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(Settings::default()).await;
        assert!(side.present().await.unwrap_err().to_string().contains("no card was configured"));
        for (wrong, why) in [
            (Activation { ats: vec![], ..card() }, "without ATS"),
            (Activation { sak: 0x08, ..card() }, "without ATS"),
            (Activation { uid: vec![1], ..card() }, "fewer than three bytes"),
        ] {
            let error = side.configure(&wrong, None, false).await.unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = side.configure(&card(), Some(Beside::TypeB), false).await.unwrap_err();
        assert!(error.to_string().contains("second card"), "{error}");
        let fault = Some(taprig_model::step::Fault::Cut);
        let error = side.answer(1, Answer { fault, ..answer(vec![0x90, 0x00]) }).await.unwrap_err();
        assert_eq!(error.to_string(), "the PN532 refused `answer`: it can't put the fault `cut` on the air");
    });
}

#[test]
fn settings_that_no_chip_has_are_refused() {
    let settings = |yaml: &str| Settings::try_from(&serde_yaml::from_str::<bench::Pn532>(yaml).unwrap());
    assert_eq!(settings("serial: { vid: '0403' }").unwrap(), Settings::default());
    let fast = settings("{ serial: { path: /dev/ttyS1, baud: 921600 }, target-mode: '05' }").unwrap();
    assert_eq!(fast, Settings { speed: Baud::B921600, mode: 0x05, ..Settings::default() });
    assert_eq!(settings("serial: { baud: 1000000 }"), Err(WrongSettings::Speed(1_000_000)));
    assert_eq!(settings("{ serial: {}, target-mode: '0405' }"), Err(WrongSettings::Mode(2)));
}

#[test]
fn historical_bytes_stand_behind_the_interface_bytes() {
    assert!(historical(&[0x05, 0x78, 0x80, 0x70, 0x02]).is_empty());
    assert_eq!(historical(&[0x07, 0x78, 0x80, 0x70, 0x02, 0xAA, 0xBB]), [0xAA, 0xBB]);
    assert_eq!(historical(&[0x04, 0x20, 0x70, 0xAA]), [0xAA]);
    assert!(historical(&[0x02, 0x08]).is_empty());
    assert!(historical(&[0x01]).is_empty());
    // Shorter than it says.
    assert!(historical(&[0x03, 0x78, 0x80]).is_empty());
}
