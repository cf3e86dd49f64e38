//! The messages to the host.

use heapless::{String, Vec};
use iso8583::{Additional, Header, Item, KeySet, PartTotals, Totals, Tpdu, Writer, authority, deny, mti, network};

use super::{Ask, Failure, MAX_REQUEST, Pending, Reason, Service};
use crate::board::Board;
use crate::clock;

use crate::journal::Record;
use crate::journal::claims::TRACES;
use crate::store::settings::{RideMode, Settings};

/// Destination and source. A bank assigns them.
const TPDU: Tpdu = Tpdu::new(0x0003, 0x0000);

/// Class 61, buses; version 32; state and request 0.
const HEADER: Header = Header([0x61, 0x32, 0x00, 0x32, 0x46, 0x05]);

/// The keys that a sign-on asks for.
pub(super) const KEYS: KeySet = KeySet::TripleDes;

/// The operator of a sign-on and of a settlement.
const OPERATOR: &[u8; 3] = b"001";

/// Whose deny list is asked for. The hosts that are known take any.
const ORGANISATION: &[u8; 8] = b"00000000";

/// Data objects of field 48 in a claim: line, bus and driver of the ride. No public document has them.
const LINE: u32 = 0xDF21;
const BUS: u32 = 0xDF22;
const DRIVER: u32 = 0xDF23;

/// Payments in one message of a batch upload.
const ITEMS: usize = iso8583::totals::MOST_ITEMS;

/// Traces of messages that are no claims: from here to 999,999.
const MANAGEMENT: u32 = TRACES + 1;

/// What a claim says beyond its record: numbers as they are on the wire.
struct Digits {
    pan: String<19>,
    psn: Option<u64>,
    expiry: Option<u64>,
}

impl Digits {
    fn of(record: &Record) -> Option<Self> {
        let pan = String::try_from(record.pan()?.as_str()).ok()?;
        let expiry = record.expiry.map(|[year, month, _]| decimal(year) * 100 + decimal(month));
        Some(Self { pan, psn: record.psn.map(u64::from), expiry })
    }
}

/// A byte of BCD as a number.
fn decimal(bcd: u8) -> u64 {
    u64::from(bcd >> 4) * 10 + u64::from(bcd & 0x0F)
}

/// Three digits of BCD at the end of as many bytes.
fn bcd<const N: usize>(mut value: u64) -> [u8; N] {
    let mut bytes = [0; N];
    for byte in bytes.iter_mut().rev() {
        // Two digits fit in a byte.
        *byte = (value / 10 % 10 * 16 + value % 10) as u8;
        value /= 100;
    }
    bytes
}

impl<B: Board> Service<'_, '_, B> {
    /// Sends a message and waits for its answer.
    pub(super) fn send(&mut self, ask: Ask) -> Result<(), Failure> {
        // Before it is sent, so that it has the same batch and trace whenever it is sent again.
        if let (Ask::Ride { index, .. }, Some(session)) = (&ask, &self.state.session) {
            self.store.note_sent(*index, session.batch).map_err(|_| Failure::new("memory"))?;
        }
        let pending = self.compose(ask)?;
        self.board.uplink_write(&pending.bytes);
        self.state.pending = Some(pending);
        Ok(())
    }

    fn compose(&mut self, ask: Ask) -> Result<Pending, Failure> {
        let record = match ask {
            Ask::Ride { index, .. } | Ask::Reversal { index, .. } => {
                Some(self.store.record(index).ok_or(Failure::new("memory"))?)
            }
            _ => None,
        };
        let trace = match &record {
            Some(record) => record.trace,
            None => {
                self.state.messages += 1;
                MANAGEMENT + self.state.messages % (1_000_000 - MANAGEMENT)
            }
        };
        let mti = match (&ask, &record) {
            (Ask::Ride { .. }, Some(Record { kind: RideMode::Offline, .. })) => mti::ADVICE,
            (Ask::Ride { .. }, _) => mti::RIDE,
            (Ask::Reversal { .. }, _) => mti::REVERSAL,
            (Ask::SignOn, _) => mti::SIGN_ON,
            (Ask::SignOff | Ask::KeyList { .. }, _) => mti::MANAGEMENT,
            (Ask::Settlement { .. }, _) => mti::SETTLEMENT,
            (Ask::Items { .. } | Ask::End { .. }, _) => mti::BATCH_UPLOAD,
            (Ask::DenyPage { .. } | Ask::Key { .. } | Ask::KeysEnd, _) => mti::DOWNLOAD,
        };
        // A sign-on comes without a session, so it has no MAC.
        let session = self.state.session.as_ref();
        let batch = match ask {
            Ask::Reversal { batch, .. } => batch,
            _ => session.map_or(0, |session| session.batch),
        };
        let settings = self.store.settings();
        let mut buffer = [0; MAX_REQUEST];
        let mut writer = Writer::new(&mut buffer, TPDU, HEADER, mti);
        match (&record, &ask) {
            (Some(record), Ask::Reversal { reason, .. }) => reversal(&mut writer, record, settings, batch, *reason)?,
            (Some(record), _) => claim(&mut writer, record, settings, batch)?,
            (None, _) => self.manage(&mut writer, &ask, trace, batch)?,
        }
        // All values come from settings and records that were checked, so only a trace or an amount out of bounds fails.
        let frame = writer.finish(session.map(|session| &session.mac)).map_err(|_| Failure::new("message"))?;
        Ok(Pending {
            bytes: Vec::from_slice(frame).map_err(|_| Failure::new("message"))?,
            mti,
            trace,
            batch,
            has_mac: session.is_some(),
            attempts: 1,
            deadline_us: match &self.state.rider {
                // The rider waits for one attempt, and for no other message.
                Some(rider) => rider.deadline_us,
                None => self.board.now_us() + u64::from(settings.uplink.answer_s) * 1_000_000,
            },
            ask,
        })
    }

    /// The fields of a message that is no claim.
    fn manage(&self, writer: &mut Writer<'_>, ask: &Ask, trace: u32, batch: u32) -> Result<(), Failure> {
        writer.trace(trace);
        identify(writer, self.store.settings());
        let network = match ask {
            Ask::SignOn => KEYS.network(),
            Ask::SignOff => network::SIGN_OFF,
            Ask::Settlement { .. } => {
                let (debits, debit_fen) = self.store.accepted_in(batch);
                let own = PartTotals { debit_fen, debits, ..PartTotals::default() };
                writer.totals(&Totals { own, foreign: PartTotals::default() }).text(49, "156");
                network::SETTLEMENT
            }
            Ask::Items { from, .. } => {
                let rides = self.store.in_batch(batch, *from).take(ITEMS);
                let numbers: Vec<(String<19>, u32, u32), ITEMS> = rides
                    .filter_map(|(_, record)| Some((Digits::of(&record)?.pan, record.trace, record.fare)))
                    .collect();
                let items: Vec<Item<&str>, ITEMS> = numbers
                    .iter()
                    .map(|(pan, trace, fare)| Item {
                        kind: 0,
                        trace: *trace,
                        card: pan.as_str(),
                        amount: u64::from(*fare),
                    })
                    .collect();
                writer.items(&items);
                network::SETTLEMENT
            }
            Ask::End { count, balanced, .. } => {
                writer.uploaded(*count);
                if *balanced { network::BALANCED_END } else { network::UPLOAD_END }
            }
            Ask::DenyPage { .. } => network::DENY_LIST,
            Ask::KeyList { .. } => network::KEY_LIST,
            Ask::Key { .. } => network::KEY,
            Ask::KeysEnd => network::KEYS_END,
            Ask::Ride { .. } | Ask::Reversal { .. } => network::CLAIM,
        };
        writer.additional(&Additional::management(batch, network));
        match ask {
            Ask::SignOn | Ask::Settlement { .. } => {
                writer.bytes(63, OPERATOR);
            }
            Ask::DenyPage { cursor, .. } => {
                writer.bytes(63, &deny::request(ORGANISATION, *cursor));
            }
            Ask::KeyList { names } => {
                let known = u8::try_from(names.len()).ok().and_then(authority::list_request);
                writer.bytes(62, &known.ok_or(Failure::new("too-many-keys"))?);
            }
            Ask::Key { names, at } => {
                let (rid, index) = names.get(*at).ok_or(Failure::new("keys"))?;
                writer.bytes(62, &authority::key_request(rid, *index));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Fields 41 and 42. They come after field 11 and before all that differs.
fn identify(writer: &mut Writer<'_>, settings: &Settings) {
    writer.text(41, &settings.terminal).text(42, &settings.merchant);
}

/// The fields of a reversal: those of the claim without the card's own data.
fn reversal(
    writer: &mut Writer<'_>,
    record: &Record,
    settings: &Settings,
    batch: u32,
    reason: Reason,
) -> Result<(), Failure> {
    let Digits { pan, psn, .. } = Digits::of(record).ok_or(Failure::new("memory"))?;
    writer.digits(2, &pan).number(3, 0).amount(record.fare.into()).trace(record.trace).number(22, 72);
    if let Some(psn) = psn {
        writer.number(23, psn);
    }
    writer.number(25, 0).text(39, reason.code());
    identify(writer, settings);
    writer.text(49, "156").additional(&Additional::ride(batch));
    Ok(())
}

/// The fields of a claim.
fn claim(writer: &mut Writer<'_>, record: &Record, settings: &Settings, batch: u32) -> Result<(), Failure> {
    let Digits { pan, psn, expiry } = Digits::of(record).ok_or(Failure::new("memory"))?;
    writer.digits(2, &pan).number(3, 0).amount(record.fare.into()).trace(record.trace);
    if let Some(expiry) = expiry {
        writer.number(14, expiry);
    }
    writer.number(22, 72);
    if let Some(psn) = psn {
        writer.number(23, psn);
    }
    writer.number(25, 0);
    if !record.track2.is_empty() {
        writer.packed(35, &record.track2);
    }
    identify(writer, settings);
    let mut place = [0; 3 * (3 + 16)];
    let place = objects(&mut place, &[(LINE, &record.line), (BUS, &record.bus), (DRIVER, &record.driver)]);
    if !place.is_empty() {
        writer.bytes(48, place);
    }
    writer.text(49, "156");
    let time = clock::from_seconds(record.time_s);
    let kernel = settings.kernel();
    let terminal_type = if record.kind == RideMode::Online { 0x25 } else { 0x26 };
    writer.chip([
        (0x9F26, &record.cryptogram[..]),
        (0x9F27, &[record.cid]),
        (0x9F10, &record.iad),
        (0x9F37, &record.unpredictable_number),
        (0x9F36, &record.atc.to_be_bytes()),
        (0x95, &record.tvr),
        (0x9A, &time.date.to_yymmdd()),
        (0x9C, &[record.transaction_type]),
        (0x9F02, &bcd::<6>(record.fare.into())),
        (0x5F2A, &bcd::<2>(record.currency.into())),
        (0x82, &record.aip),
        (0x9F1A, &bcd::<2>(record.country.into())),
        (0x9F03, &[0; 6]),
        (0x9F33, &kernel.terminal_capabilities),
        (0x9F35, &[terminal_type]),
        (0x9F1E, settings.terminal.as_bytes()),
        (0x84, &record.aid),
        (0x9F66, &record.ttq),
    ]);
    let mut parts = Additional::ride(batch);
    if record.kind == RideMode::Offline {
        parts.kind = 30;
    }
    writer.additional(&parts);
    Ok(())
}

/// Data objects with text of at most 16 bytes; those that are empty are left out.
fn objects<'t>(to: &'t mut [u8; 57], texts: &[(u32, &String<16>)]) -> &'t [u8] {
    let mut end = 0;
    for (tag, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        let [.., high, low] = tag.to_be_bytes();
        // At most 16 bytes.
        for byte in [high, low, text.len() as u8].into_iter().chain(text.bytes()) {
            if let Some(place) = to.get_mut(end) {
                *place = byte;
                end += 1;
            }
        }
    }
    &to[..end]
}
