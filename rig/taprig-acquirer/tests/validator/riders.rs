//! Riders with their cards, and the card side that holds a card to the reader: the firmware of the card emulator, with the
//! card's mind behind it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use emulator::Relay;
use emulator::air::UartAir;
use taprig_card::{Card, KeyRing, personalise};
use taprig_model::card::{Activation, CardImage, KeyFile};
use wire::frame::{Collected, Collector};
use wire::link::{Answer, Company, Front, MAX_PACKED, Note, Order, Report, Request};

/// A rider.
#[derive(Clone)]
pub(crate) struct Rider {
    pub(crate) card: Card,
    /// The digits of the account number.
    pub(crate) account: String,
    /// The sequence number of the account.
    pub(crate) sequence: Option<u8>,
}

/// The images of the riders' cards.
const IMAGES: [&str; 5] = [
    "unionpay-credit-rsa1024",
    "unionpay-quasi-credit",
    "unionpay-debit-new",
    "unionpay-credit-rsa1152",
    "electronic-cash",
];

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    let yaml = serde_yaml::Deserializer::from_str(&text);
    serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap()
}

/// A file of `fixtures/keys`.
pub(crate) fn key(name: &str) -> KeyFile {
    read(&fixtures("keys").join(format!("{name}.yaml")))
}

/// Riders with cards of five kinds. The last one has electronic cash: it pays in the tap.
pub(crate) fn riders() -> Vec<Rider> {
    let files = std::fs::read_dir(fixtures("keys")).unwrap().map(|entry| entry.unwrap().path());
    let mut ring = KeyRing::default();
    for path in files.filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        ring.insert(name.parse().unwrap(), &key(name)).unwrap();
    }
    let rider = |name: &str| {
        let image: CardImage = read(&fixtures("cards").join(format!("{name}.yaml")));
        let account = &image.applications[0].account;
        Rider {
            account: account.pan.to_string().replace(' ', ""),
            sequence: account.sequence,
            card: personalise(&image, &ring, &[]).unwrap(),
        }
    };
    IMAGES.into_iter().map(rider).collect()
}

/// The board under the emulator. Its host and its reader are in this process.
#[derive(Default)]
struct Body {
    now: Cell<u64>,
    from_reader: RefCell<VecDeque<u8>>,
    to_reader: RefCell<VecDeque<u8>>,
    arrived: Cell<bool>,
    to_host: RefCell<Vec<u8>>,
}

impl emulator::CardBoard for Body {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn image(&self) -> &[u8] {
        &[]
    }

    fn now_us(&self) -> u64 {
        self.now.get()
    }

    fn sleep(&self, _until_us: u64) {}

    fn link_read(&self) -> Option<u8> {
        None
    }

    fn link_write(&self, bytes: &[u8]) {
        self.to_host.borrow_mut().extend(bytes);
    }

    fn air_read(&self) -> Option<u8> {
        self.from_reader.borrow_mut().pop_front()
    }

    fn air_write(&self, bytes: &[u8]) {
        self.arrived.set(true);
        self.to_reader.borrow_mut().extend(bytes);
    }
}

/// The card emulator at the validator's air.
pub(crate) struct CardSide {
    body: Body,
    relay: RefCell<Relay<UartAir>>,
    notes: RefCell<Collector<MAX_PACKED>>,
    orders: Cell<u16>,
}

impl CardSide {
    pub(crate) fn new() -> Self {
        let body = Body::default();
        let relay = RefCell::new(Relay::start(&body, UartAir::default()));
        Self { body, relay, notes: RefCell::new(Collector::new()), orders: Cell::new(0) }
    }

    fn order(&self, request: Request) {
        self.orders.set(self.orders.get() + 1);
        let packed = wire::link::encode(&Order { number: self.orders.get(), request }).unwrap();
        let mut collector = Collector::<MAX_PACKED>::new();
        for byte in packed {
            if let Some(Collected::Frame(body)) = collector.push(byte) {
                self.relay.borrow_mut().link(&self.body, body);
            }
        }
    }

    /// A card comes into the field.
    pub(crate) fn present(&self, card: &Activation, now_us: u64) {
        self.body.now.set(now_us);
        let front = Front {
            uid: card.uid.as_slice().try_into().unwrap(),
            atqa: card.atqa,
            sak: card.sak,
            ats: card.ats.as_slice().try_into().unwrap(),
            company: Company::Alone,
            delay_us: u32::try_from(std::time::Duration::from(card.delay).as_micros()).unwrap(),
            chain: card.chain,
        };
        self.order(Request::Configure(front));
        self.order(Request::Present);
    }

    /// The card leaves the field.
    pub(crate) fn remove(&self, now_us: u64) {
        self.body.now.set(now_us);
        self.order(Request::Remove);
    }

    /// The reader sends. `answer` is the card: it gets each command, and gives the response and its own time in us.
    pub(crate) fn hear(&self, bytes: &[u8], now_us: u64, mut answer: impl FnMut(&[u8]) -> (Vec<u8>, u32)) {
        self.body.now.set(now_us);
        self.body.from_reader.borrow_mut().extend(bytes);
        loop {
            self.relay.borrow_mut().serve(&self.body);
            let notes: Vec<Note> = {
                let mut collector = self.notes.borrow_mut();
                let mut notes = Vec::new();
                for byte in self.body.to_host.take() {
                    if let Some(Collected::Frame(body)) = collector.push(byte) {
                        notes.push(wire::link::decode(body).unwrap());
                    }
                }
                notes
            };
            if notes.is_empty() {
                return;
            }
            for note in notes {
                if let Report::Command { number, command } = note.report {
                    let (response, delay_us) = answer(&command);
                    let response = response.as_slice().try_into().unwrap();
                    self.order(Request::Answer { command: number, answer: Answer { response, delay_us, fault: None } });
                }
            }
        }
    }

    /// The next byte for the reader.
    pub(crate) fn read(&self) -> Option<u8> {
        self.body.to_reader.borrow_mut().pop_front()
    }

    /// Whether a byte has come for the reader since the last call.
    pub(crate) fn has_arrived(&self) -> bool {
        self.body.arrived.replace(false)
    }
}
