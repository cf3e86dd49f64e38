//! What can be set on the device, within which bounds.

use heapless::String;
use kernel::{Mode, Ttq};
use serde::{Deserialize, Serialize};

use crate::fares::MAX_AMOUNT;
use crate::store::memory;

/// Most records that can be asked for; the memory may have room for fewer.
pub const MAX_CAPACITY: u32 = 99_999;

/// Longest re-tap time, in seconds: a day.
pub const MAX_RETAP_S: u32 = 86_400;

/// Everything that is set. Amounts are in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// County of the line.
    pub county: String<24>,
    /// Number of the line.
    pub line: String<16>,
    /// Route and direction.
    pub route: String<32>,
    /// Number of the bus.
    pub bus: String<16>,
    /// Number of the driver.
    pub driver: String<16>,
    /// Flat fare before discount.
    pub fare: u32,
    /// Discount in percent.
    pub discount: u8,
    /// Every ride costs one fen.
    pub one_cent: bool,
    /// A fare of zero starts a transaction.
    pub zero_allowed: bool,
    /// Contactless transaction limit.
    pub tx_limit: Option<u32>,
    /// Contactless floor limit.
    pub floor_limit: Option<u32>,
    /// CVM required limit.
    pub cvm_limit: Option<u32>,
    /// Highest fare that the merchant takes.
    pub merchant_max: u32,
    /// Debit cards are taken.
    pub debit: bool,
    /// The same card again within so many seconds is not charged; 0 switches that off.
    pub retap_s: u32,
    /// How rides are authorised.
    pub mode: RideMode,
    /// One unit of currency is a status check.
    pub status_check: bool,
    /// Terminal transaction qualifiers in place of the mode's own.
    pub ttq: Option<[u8; 4]>,
    /// Terminal identification, 8 characters.
    pub terminal: String<8>,
    /// Merchant identifier, 15 characters.
    pub merchant: String<15>,
    /// Records that the journal takes; no more than the memory has room for.
    pub capacity: Option<u32>,
    /// How the device uses its line to the acquirer.
    pub uplink: Uplink,
    /// Name of these settings; empty when something was changed since they were named.
    pub profile: String<64>,
}

/// How the device uses its line to the acquirer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// The terminal's master key, under which the working keys of a sign-on come. Without it nothing is sent.
    pub master_key: Option<[u8; 16]>,
    /// The key for MACs has 16 bytes and not 8.
    pub long_mac_key: bool,
    /// Rides are claimed without being asked for.
    pub auto: bool,
    /// How long an answer may take, in seconds.
    pub answer_s: u8,
    /// How often a message is sent until it is answered.
    pub attempts: u8,
    /// How long a rider waits for the issuer, in seconds. 0: no issuer is asked while the rider waits.
    pub online_s: u8,
}

impl core::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // The key stays secret.
        f.debug_struct("Uplink").field("auto", &self.auto).finish_non_exhaustive()
    }
}

impl Default for Uplink {
    fn default() -> Self {
        Self { master_key: None, long_mac_key: false, auto: false, answer_s: 15, attempts: 3, online_s: 0 }
    }
}

/// How rides are authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RideMode {
    /// UnionPay ODA for buses: authenticated here, authorised later.
    Oda,
    /// The card's own offline approval.
    Offline,
    /// The card goes online if it asks for it. The device asks the issuer if `online-time` is set.
    Online,
}

impl RideMode {
    /// As the console writes it.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Oda => "oda",
            Self::Offline => "offline",
            Self::Online => "online",
        }
    }

    fn kernel(self) -> Mode {
        match self {
            Self::Oda => Mode::BusOda,
            Self::Offline => Mode::Offline,
            Self::Online => Mode::Online,
        }
    }
}

impl Default for Settings {
    /// Factory state: 1.00 yuan, ODA for buses, 20.00 yuan at most, no limits.
    fn default() -> Self {
        let zeros = |count| core::iter::repeat_n('0', count);
        Self {
            county: String::new(),
            line: String::new(),
            route: String::new(),
            bus: String::new(),
            driver: String::new(),
            fare: 100,
            discount: 0,
            one_cent: false,
            zero_allowed: false,
            tx_limit: None,
            floor_limit: None,
            cvm_limit: None,
            merchant_max: 2000,
            debit: true,
            retap_s: 0,
            mode: RideMode::Oda,
            status_check: false,
            ttq: None,
            terminal: zeros(8).collect(),
            merchant: zeros(15).collect(),
            capacity: None,
            uplink: Uplink::default(),
            profile: String::new(),
        }
    }
}

/// Why a setting was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingError {
    /// There is no such key.
    Key,
    /// The value is none of this key's; what it takes.
    Value(&'static str),
}

fn number(value: &str, max: u32, wanted: &'static str) -> Result<u32, SettingError> {
    let digits = !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit());
    let number = digits.then(|| value.parse().ok()).flatten();
    number.filter(|number| *number <= max).ok_or(SettingError::Value(wanted))
}

fn amount(value: &str) -> Result<u32, SettingError> {
    number(value, MAX_AMOUNT, "fen, 0 to 999999999")
}

/// A number from 1 to `max`.
fn few(value: &str, max: u8, wanted: &'static str) -> Result<u8, SettingError> {
    let number = number(value, max.into(), wanted)?;
    u8::try_from(number).ok().filter(|number| *number > 0).ok_or(SettingError::Value(wanted))
}

fn master_key(value: &str) -> Result<Option<[u8; 16]>, SettingError> {
    if value == "none" {
        return Ok(None);
    }
    let mut bytes = [0; 16];
    match crate::hex::decode(value, &mut bytes) {
        Some(16) => Ok(Some(bytes)),
        _ => Err(SettingError::Value("32 hex digits, or none")),
    }
}

fn limit(value: &str) -> Result<Option<u32>, SettingError> {
    if value == "none" {
        return Ok(None);
    }
    number(value, MAX_AMOUNT, "fen, 0 to 999999999, or none").map(Some)
}

fn switch(value: &str) -> Result<bool, SettingError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(SettingError::Value("on or off")),
    }
}

fn text<const N: usize>(value: &str, wanted: &'static str) -> Result<String<N>, SettingError> {
    if value.chars().any(|c| c.is_control() || c == '"') {
        return Err(SettingError::Value(wanted));
    }
    String::try_from(value).map_err(|_| SettingError::Value(wanted))
}

/// Exactly `N` printing ASCII characters.
fn exact<const N: usize>(value: &str, wanted: &'static str) -> Result<String<N>, SettingError> {
    if value.len() != N || !value.bytes().all(|c| c.is_ascii_graphic() && c != b'"') {
        return Err(SettingError::Value(wanted));
    }
    text(value, wanted)
}

impl Settings {
    /// Sets one value as the console writes it. On an error nothing is changed. The name is forgotten.
    ///
    /// # Errors
    /// [`SettingError`] says whether key or value is wrong.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        match key {
            "county" => self.county = text(value, "text of at most 24 bytes")?,
            "line" => self.line = text(value, "text of at most 16 bytes")?,
            "route" => self.route = text(value, "text of at most 32 bytes")?,
            "bus" => self.bus = text(value, "text of at most 16 bytes")?,
            "driver" => self.driver = text(value, "text of at most 16 bytes")?,
            "fare" => self.fare = amount(value)?,
            "discount" => {
                let wanted = "percent, 0 to 100";
                self.discount = u8::try_from(number(value, 100, wanted)?).map_err(|_| SettingError::Value(wanted))?;
            }
            "one-cent" => self.one_cent = switch(value)?,
            "zero-allowed" => self.zero_allowed = switch(value)?,
            "tx-limit" => self.tx_limit = limit(value)?,
            "floor-limit" => self.floor_limit = limit(value)?,
            "cvm-limit" => self.cvm_limit = limit(value)?,
            "merchant-max" => self.merchant_max = amount(value)?,
            "debit" => self.debit = switch(value)?,
            "retap" => self.retap_s = number(value, MAX_RETAP_S, "seconds, 0 to 86400")?,
            "mode" => {
                self.mode = match value {
                    "oda" => RideMode::Oda,
                    "offline" => RideMode::Offline,
                    "online" => RideMode::Online,
                    _ => return Err(SettingError::Value("oda, offline or online")),
                }
            }
            "status-check" => self.status_check = switch(value)?,
            "ttq" => self.ttq = ttq(value)?,
            "terminal" => self.terminal = exact(value, "exactly 8 characters")?,
            "merchant" => self.merchant = exact(value, "exactly 15 characters")?,
            "capacity" => {
                let wanted = "records, 1 to 99999";
                let records = number(value, MAX_CAPACITY, wanted)?;
                if records == 0 {
                    return Err(SettingError::Value(wanted));
                }
                self.capacity = Some(records);
            }
            "master-key" => self.uplink.master_key = master_key(value)?,
            "mac-key" => {
                self.uplink.long_mac_key = match value {
                    "8" => false,
                    "16" => true,
                    _ => return Err(SettingError::Value("bytes of the key for MACs, 8 or 16")),
                }
            }
            "upload" => {
                self.uplink.auto = match value {
                    "auto" => true,
                    "off" => false,
                    _ => return Err(SettingError::Value("auto or off")),
                }
            }
            "answer-time" => self.uplink.answer_s = few(value, 60, "seconds, 1 to 60")?,
            "online-time" => {
                let wanted = "seconds, 0 to 60";
                self.uplink.online_s =
                    u8::try_from(number(value, 60, wanted)?).map_err(|_| SettingError::Value(wanted))?;
            }
            "attempts" => self.uplink.attempts = few(value, 9, "attempts, 1 to 9")?,
            _ => return Err(SettingError::Key),
        }
        self.profile.clear();
        Ok(())
    }

    /// Names the settings.
    ///
    /// # Errors
    /// [`SettingError::Value`] when the name is empty, too long or has spaces.
    pub fn name(&mut self, tag: &str) -> Result<(), SettingError> {
        let wanted = "a name of 1 to 64 bytes without spaces, not `-`";
        if tag.is_empty() || tag == "-" || tag.chars().any(char::is_whitespace) {
            return Err(SettingError::Value(wanted));
        }
        self.profile = text(tag, wanted)?;
        Ok(())
    }

    /// The kernel's part. What can't be set on the device stays at the kernel's defaults.
    #[must_use]
    pub fn kernel(&self) -> kernel::Settings {
        kernel::Settings {
            mode: self.mode.kernel(),
            transaction_limit: self.tx_limit,
            floor_limit: self.floor_limit,
            cvm_limit: self.cvm_limit,
            zero_amount_allowed: self.zero_allowed,
            status_check: self.status_check,
            ttq: self.ttq.map(Ttq),
            merchant_maximum: self.merchant_max,
            debit_allowed: self.debit,
            // Unattended, of a merchant: offline only, or offline with online capability (EMV Book 4, 9F35).
            terminal_type: if self.mode == RideMode::Online { 0x25 } else { 0x26 },
            terminal: bytes(&self.terminal),
            merchant: bytes(&self.merchant),
            ..kernel::Settings::default()
        }
    }
}

/// The characters, filled up with spaces.
fn bytes<const N: usize>(text: &String<N>) -> [u8; N] {
    let mut bytes = [b' '; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}

fn ttq(value: &str) -> Result<Option<[u8; 4]>, SettingError> {
    let wanted = SettingError::Value("8 hex digits, or auto");
    if value == "auto" {
        return Ok(None);
    }
    let mut bytes = [0; 4];
    match crate::hex::decode(value, &mut bytes) {
        Some(4) => Ok(Some(bytes)),
        _ => Err(wanted),
    }
}

/// Numbers that make the records of each table valid, see [`memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Of the keys.
    pub keys: u32,
    /// Of the two deny lists.
    pub deny: [u32; 2],
    /// Of the revocation list.
    pub revoked: u32,
    /// Of the journal.
    pub journal: u32,
    /// Of the fare policy. A small memory has none, and this stays 0 there.
    pub fares: u32,
    /// Of the cards. A small memory has none, and this stays 0 there.
    pub cards: u32,
}

/// What one copy of the settings holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// One more than in the other copy; the higher one counts.
    pub sequence: u32,
    /// Epochs of the tables.
    pub epochs: Epochs,
    /// The deny list in force: 0 or 1.
    pub deny_list: u8,
    /// Version of the deny list that was downloaded last.
    pub deny_version: u32,
    /// Entries of the deny list in force.
    pub deny_count: u32,
    /// Traces of all rides of journals that are gone.
    pub traces: u32,
    /// So many rides from the first on are settled: their batches are closed.
    pub settled: u32,
    /// Rules of the fare policy in force. 0: the flat fare alone.
    pub fare_rules: u8,
    /// The settings.
    pub settings: Settings,
}

/// Version of the layout of [`Saved`]; a copy of another version is not read.
const VERSION: u8 = 3;

impl Saved {
    /// One copy as it lies in memory: version, length, contents, check sum.
    #[must_use]
    pub fn encode(&self) -> Option<heapless::Vec<u8, { memory::SETTINGS_SLOT }>> {
        let mut slot = [0; memory::SETTINGS_SLOT];
        let room = memory::SETTINGS_SLOT - 4;
        let length = postcard::to_slice(self, &mut slot[3..room]).ok()?.len();
        let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
        slot[..3].copy_from_slice(&[VERSION, high, low]);
        let mut bytes = heapless::Vec::from_slice(&slot[..3 + length]).ok()?;
        let sum = memory::check_sum(&bytes);
        bytes.extend_from_slice(&sum).ok()?;
        Some(bytes)
    }

    /// Reads a copy; nothing when it is torn, empty or of another version.
    #[must_use]
    pub fn decode(slot: &[u8]) -> Option<Self> {
        let &[version, high, low, ..] = slot else { return None };
        let end = 3 + usize::from(u16::from_be_bytes([high, low]));
        let (bytes, sum) = slot.get(..end + 4)?.split_last_chunk::<4>()?;
        if version != VERSION || memory::check_sum(bytes) != *sum {
            return None;
        }
        postcard::from_bytes(&bytes[3..]).ok()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    fn full() -> Settings {
        let mut settings = Settings::default();
        for (key, value) in [
            ("county", "Shangluo Shangzhou Distr"),
            ("line", "1234567890123456"),
            ("route", "12345678901234567890123456789012"),
            ("bus", "1234567890123456"),
            ("driver", "1234567890123456"),
            ("fare", "999999999"),
            ("discount", "100"),
            ("tx-limit", "999999999"),
            ("floor-limit", "999999999"),
            ("cvm-limit", "999999999"),
            ("merchant-max", "999999999"),
            ("retap", "86400"),
            ("ttq", "27800080"),
            ("terminal", "12345678"),
            ("merchant", "123456789012345"),
            ("capacity", "99999"),
            ("answer-time", "60"),
            ("attempts", "9"),
        ] {
            settings.set(key, value).expect(key);
        }
        settings.name(&"x".repeat(64)).expect("64 bytes");
        settings
    }

    #[test]
    fn the_longest_settings_fit_and_come_back() {
        let epochs = Epochs {
            keys: u32::MAX,
            deny: [u32::MAX; 2],
            revoked: u32::MAX,
            journal: u32::MAX,
            fares: u32::MAX,
            cards: u32::MAX,
        };
        let most = Saved {
            sequence: u32::MAX,
            epochs,
            deny_list: 1,
            deny_version: 99_999_999,
            deny_count: 1 << 20,
            traces: crate::journal::claims::TRACES,
            settled: 99_999,
            fare_rules: 112,
            settings: full(),
        };
        let mut with_key = most.clone();
        with_key.settings.set("master-key", "0123456789ABCDEFFEDCBA9876543210").expect("a key");
        // A small memory has neither a master key nor settled rides nor a fare policy.
        let small_epochs = Epochs { fares: 0, cards: 0, ..epochs };
        let small = Saved { settled: 0, deny_version: 0, deny_count: 16, fare_rules: 0, epochs: small_epochs, ..most };
        for (saved, room) in [(small, memory::SMALL_SETTINGS_SLOT), (with_key, memory::SETTINGS_SLOT)] {
            let bytes = saved.encode().expect("fits");
            assert!(bytes.len() <= room, "{} bytes", bytes.len());
            assert_eq!(Saved::decode(&bytes), Some(saved));
            for length in 0..bytes.len() {
                assert_eq!(Saved::decode(&bytes[..length]), None);
            }
        }
    }

    #[test]
    fn bounds_hold() {
        let mut settings = Settings::default();
        for (key, value) in [
            ("fare", ""),
            ("fare", "-1"),
            ("fare", "+1"),
            ("fare", "1000000000"),
            ("fare", "1.00"),
            ("discount", "101"),
            ("one-cent", "yes"),
            ("tx-limit", "None"),
            ("retap", "86401"),
            ("mode", "ODA"),
            ("ttq", "278000"),
            ("ttq", "2780008000"),
            ("terminal", "1234567"),
            ("merchant", "1234567890123456"),
            ("capacity", "0"),
            ("capacity", "100000"),
            ("master-key", "0123456789ABCDEF"),
            ("mac-key", "24"),
            ("upload", "on"),
            ("answer-time", "0"),
            ("answer-time", "61"),
            ("attempts", "10"),
            ("line", "12345678901234567"),
            ("line", "a\"b"),
        ] {
            let before = settings.clone();
            assert!(matches!(settings.set(key, value), Err(SettingError::Value(_))), "{key} {value}");
            assert_eq!(settings, before);
        }
        assert_eq!(settings.set("colour", "red"), Err(SettingError::Key));
    }

    #[test]
    fn a_change_forgets_the_name() {
        let mut settings = full();
        assert!(settings.set("fare", "x").is_err());
        assert!(!settings.profile.is_empty());
        settings.set("fare", "1").expect("good");
        assert!(settings.profile.is_empty());
        assert!(settings.name("a b").is_err());
    }

    proptest! {
        #[test]
        fn no_value_panics(key in "[a-z-]{0,12}", value in ".{0,40}") {
            let _ = Settings::default().set(&key, &value);
        }

        #[test]
        fn no_copy_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(Saved::decode(&bytes), None);
        }
    }
}
