//! One tap, from the card in the field to the result.

use kernel::{
    CaKey, Cvm, Environment, LinkError, MessageId, Oda, Outcome, OutcomeKind, Pan, Reason, Rid, Ride, Transaction,
    UiRequest,
};

use crate::board::Board;
use crate::console::Line;
use crate::device::Device;
use crate::fares::quote::{Kind, Quote};
use crate::journal::Record;
use crate::journal::last::{LastRide, Now};
use crate::present::{self, Sound};
use crate::reader::{ActivationError, Presence};
use crate::store::{Store, StoreError};
use crate::uplink::Answer;
use crate::{clock, due};

/// What the kernel sees of the device.
struct Surroundings<'a, 'b, B> {
    board: &'b B,
    store: &'a mut Store<'b, B>,
    last: Option<&'a LastRide>,
    /// Where the bus is.
    stop: Option<u16>,
    /// The amount that this card has to sign, if it is another one.
    wanted: Option<u32>,
    /// The card was asked for another amount before.
    again: bool,
}

impl<B: Board> Environment for Surroundings<'_, '_, B> {
    fn ca_key(&self, rid: &Rid, index: u8) -> Option<CaKey> {
        self.store.ca_key(rid, index)
    }

    fn has_sm2_key(&self, rid: &Rid) -> bool {
        self.store.has_sm2_key(rid)
    }

    fn revoked(&self, rid: &Rid, index: u8, serial: &[u8; 3]) -> bool {
        self.store.revoked(rid, index, serial)
    }

    fn denied(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.store.denied(pan, psn) && !self.store.may_pay_debt(pan, psn)
    }

    fn rode(&self, pan: &Pan, psn: Option<u8>) -> bool {
        rode(self.store, self.last, (pan, psn), now(self.board))
    }

    fn torn(&self, pan: &Pan, psn: Option<u8>) -> Option<u64> {
        self.store.payment(pan, psn).map(|payment| payment.balance)
    }

    fn about_to_pay(&mut self, ride: &Ride, balance: u64) -> bool {
        let record = Record::new(ride, self.store.settings());
        record.is_some_and(|record| self.store.note_payment(&record, balance).is_ok())
    }

    fn fare_stands(&mut self, ride: &Ride) -> bool {
        let rode = ride.pan.as_ref().is_some_and(|pan| self.rode(pan, ride.psn));
        self.wanted = if rode { None } else { due::other_amount(self.store, self.stop, ride) };
        self.wanted.is_none()
    }

    fn journal_has_room(&self) -> bool {
        self.store.journal_has_room()
    }

    fn ui(&mut self, request: &UiRequest) {
        if !self.again || request.message != MessageId::Processing {
            present::show(self.board, request.message, None);
        }
    }
}

/// Whether this card rode within the re-tap time. A payment under way is for a ride after that one: the card was asked to pay
/// because the time was over, and after a loss of power only the note still knows that.
fn rode<B: Board>(store: &Store<'_, B>, last: Option<&LastRide>, (pan, psn): (&Pan, Option<u8>), now: Now) -> bool {
    last.is_some_and(|last| last.is_of(pan, psn, now, store.settings().retap_s)) && store.payment(pan, psn).is_none()
}

fn now<B: Board>(board: &B) -> Now {
    Now { us: board.now_us(), seconds: board.rtc() }
}

/// How a tap ends that the kernel did not decide.
struct Verdict {
    kind: OutcomeKind,
    reason: &'static str,
    message: MessageId,
    /// The device's own words in place of the message's.
    words: Option<&'static str>,
    sound: Sound,
}

const fn verdict(kind: OutcomeKind, reason: &'static str, message: MessageId) -> Verdict {
    Verdict { kind, reason, message, words: None, sound: sound_of(kind) }
}

/// Several cards in the field.
const SEVERAL: Verdict = verdict(OutcomeKind::TryAgain, "collision", MessageId::PresentOneCard);
/// A card of type B: the reader activates type A only.
const TYPE_B: Verdict = verdict(OutcomeKind::EndApplication, "type-b", MessageId::OtherCard);
/// A card without ISO/IEC 14443-4.
const NO_BLOCK_PROTOCOL: Verdict = verdict(OutcomeKind::EndApplication, "no-block-protocol", MessageId::OtherCard);
/// Expiry can't be judged and the ride can't be dated.
const NO_CLOCK: Verdict = verdict(OutcomeKind::EndApplication, "clock-unset", MessageId::ProcessingError);
/// An approved ride without account number can't be claimed.
const NO_PAN: Verdict = verdict(OutcomeKind::Declined, "pan-missing", MessageId::NotAuthorised);
/// What is not recorded was not paid.
const NOT_RECORDED: Verdict = verdict(OutcomeKind::Declined, "journal-write", MessageId::ProcessingError);
/// The issuer refuses the ride.
const ISSUER_DECLINED: Verdict = verdict(OutcomeKind::Declined, "issuer-declined", MessageId::NotAuthorised);
/// A fare by distance needs to know where the bus is.
const NO_STOP: Verdict = verdict(OutcomeKind::EndApplication, "stop-unset", MessageId::ProcessingError);
/// Each place for a card holds an open trip, so that the end of one more would not be known.
const CARDS_FULL: Verdict = verdict(OutcomeKind::Declined, "cards-full", MessageId::NotAuthorised);
/// The card signed an amount that is not the one that it has to pay, even when asked for the second time.
const FARE_DIFFERS: Verdict = verdict(OutcomeKind::TryAgain, "fare-differs", MessageId::PresentAgain);
/// The card owes, and its try to pay waits for the acquirer.
const DEBT_WAITS: Verdict = verdict(OutcomeKind::Declined, "denied", MessageId::NotAuthorised);
/// The card has signed what it owes. It rides when the acquirer has accepted that.
const DEBT: Verdict = Verdict {
    words: Some("old fare is being paid, tap again later"),
    ..verdict(OutcomeKind::Declined, "debt", MessageId::NotAuthorised)
};
/// The same card again.
const RETAP: Verdict = Verdict {
    words: Some("already paid"),
    // Nothing is wrong: the passenger may go on.
    sound: Sound::Attention,
    ..verdict(OutcomeKind::Declined, "retap", MessageId::NotAuthorised)
};

impl<B: Board> Device<'_, B> {
    /// Serves the card that polling found; exactly one `! result` is sent.
    pub(crate) fn tap(&mut self, presence: Presence) {
        self.taps = self.taps.wrapping_add(1);
        match presence {
            Presence::Several => return self.end(&SEVERAL, None),
            Presence::TypeB => return self.end(&TYPE_B, None),
            Presence::TypeA | Presence::Nothing | Presence::Dead => {}
        }
        let Some(seconds) = self.board.rtc() else {
            present::fault(self.board, "clock-unset");
            return self.end(&NO_CLOCK, None);
        };
        if self.store.policy().by_distance().is_some_and(|line| !self.stop.is_some_and(|stop| line.has(stop))) {
            return self.end(&NO_STOP, None);
        }
        if let Err(error) = self.reader.activate() {
            self.reader.release(true);
            let verdict = match error {
                ActivationError::Collision => SEVERAL,
                ActivationError::NoBlockProtocol => NO_BLOCK_PROTOCOL,
                ActivationError::Link(error) => {
                    let reason = match error {
                        LinkError::Timeout => "activation-timeout",
                        LinkError::Protocol => "activation-protocol",
                        LinkError::Transmission => "activation-transmission",
                        LinkError::Removed => "activation-removed",
                    };
                    verdict(OutcomeKind::TryAgain, reason, MessageId::PresentAgain)
                }
            };
            return self.end(&verdict, None);
        }
        let first = self.store.tariff().first(seconds);
        let (outcome, wanted) = self.transact(first, seconds, false);
        // Who the card is, and so what it has to pay, is known only after it has signed an amount. If that was another one, the
        // card signs once more. Nobody claims what it signed before.
        let outcome = match wanted {
            Some(wanted) if outcome.reason == Reason::FareDiffers => self.transact(wanted, seconds, true).0,
            _ => outcome,
        };
        self.conclude(&outcome);
        self.reader.release(outcome.field_off);
    }

    /// One transaction over an amount. Returns its outcome, and the amount that this card has to sign if it is another one.
    fn transact(&mut self, amount: u32, seconds: u64, again: bool) -> (Outcome, Option<u32>) {
        let time = clock::from_seconds(seconds);
        let transaction = Transaction { amount, time, unpredictable_number: self.unpredictable_number() };
        let settings = self.store.settings().kernel();
        let (board, store, last, stop) = (self.board, &mut self.store, self.last.as_ref(), self.stop);
        let mut surroundings = Surroundings { board, store, last, stop, wanted: None, again };
        let outcome = kernel::run(&mut self.reader, &mut surroundings, &settings, &transaction);
        let wanted = surroundings.wanted;
        let is_authenticated = outcome.ride.as_ref().is_some_and(|ride| ride.oda != Oda::NotPerformed);
        self.authentications = self.authentications.wrapping_add(u32::from(is_authenticated));
        (outcome, wanted)
    }

    /// Records, shows and reports what the kernel decided.
    pub(crate) fn conclude(&mut self, outcome: &Outcome) {
        let now = now(self.board);
        let card = outcome.ride.as_ref().and_then(|ride| Some((ride.pan.as_ref()?, ride.psn)));
        let last = self.last.as_ref().zip(card);
        let rode = last.is_some_and(|(last, card)| rode(&self.store, Some(last), card, now));
        if last.is_some_and(|(last, (pan, psn))| last.is_of_another(pan, psn)) {
            // Another card was here: the wait of the one before is over.
            self.last = None;
        }
        let asks = outcome.kind == OutcomeKind::OnlineRequest && self.may_ask(outcome);
        if outcome.reason == Reason::Retap || (outcome.kind == OutcomeKind::Approved || asks) && rode {
            return self.end(&RETAP, Some(outcome));
        }
        if asks {
            return self.ask_issuer(outcome);
        }
        if outcome.kind != OutcomeKind::Approved {
            return self.refuse(outcome);
        }
        let Some(ride) = &outcome.ride else { return self.end(&NO_PAN, Some(outcome)) };
        let Some(record) = self.record(outcome.reason, ride) else { return self.end(&NO_PAN, Some(outcome)) };
        let Some(due) = due::quote(&self.store, self.stop, ride, record.fare) else {
            return self.end(&NO_PAN, Some(outcome));
        };
        if due.kind == Kind::Debt && !ride.pan.as_ref().is_some_and(|pan| self.store.may_pay_debt(pan, ride.psn)) {
            return self.end(&DEBT_WAITS, Some(outcome));
        }
        if due.claim > 0 && due.claim != record.fare {
            return self.end(&FARE_DIFFERS, Some(outcome));
        }
        // The ride is safe before the gate opens.
        match due::record(&mut self.store, self.stop, ride, &due, record) {
            Ok(()) => {}
            Err(StoreError::Full) => return self.end(&CARDS_FULL, Some(outcome)),
            Err(StoreError::Memory) => {
                present::fault(self.board, "journal-write");
                return self.end(&NOT_RECORDED, Some(outcome));
            }
        }
        if due.kind == Kind::Debt {
            return self.end_with(&DEBT, Some(outcome), |line| line.field("debt", due.claim));
        }
        self.approve(outcome, ride, &due, outcome.reason.slug());
    }

    /// Whether the issuer can decide on this ride. Nobody here can take a PIN or a signature for it.
    fn may_ask(&mut self, outcome: &Outcome) -> bool {
        matches!(outcome.cvm, Cvm::None | Cvm::Device) && self.uplink().has_issuer()
    }

    /// Asks the issuer while the rider waits.
    fn ask_issuer(&mut self, outcome: &Outcome) {
        let record = outcome
            .ride
            .as_ref()
            .and_then(|ride| Some((ride, Record { request: true, ..Record::new(ride, self.store.settings())? })));
        let Some((ride, record)) = record else { return self.end(&NO_PAN, Some(outcome)) };
        present::show(self.board, MessageId::Authorising, Some(ride.amount));
        match self.uplink().authorise(record) {
            Answer::Approved => self.approve(outcome, ride, &Quote::flat(ride.amount), "issuer-approved"),
            Answer::Declined(code) => self.end_with(&ISSUER_DECLINED, Some(outcome), |line| {
                // What is no text is not told.
                core::str::from_utf8(&code).into_iter().fold(line, |line, code| line.field("code", code))
            }),
            Answer::None(reason) => {
                self.end(&verdict(OutcomeKind::Declined, reason, MessageId::NotAuthorised), Some(outcome));
            }
        }
    }

    /// Lets the rider in, who has paid what was due. The ride is in the journal.
    fn approve(&mut self, outcome: &Outcome, ride: &Ride, due: &Quote, reason: &str) {
        let now = now(self.board);
        self.last = ride.pan.clone().map(|pan| LastRide::new(pan, ride.psn, now));
        // At a tap-on the most that the trip can cost.
        let amount = due.claim;
        let shown = outcome.ui.iter().any(|request| request.message == MessageId::Approved);
        if !shown {
            present::show(self.board, MessageId::Approved, Some(amount));
        }
        for request in &outcome.ui {
            let amount = (request.message == MessageId::Approved).then_some(amount);
            present::show(self.board, request.message, amount);
        }
        present::sound(self.board, Sound::Accepted);
        present::gate(self.board, true);
        let line = self.result(OutcomeKind::Approved, reason).field("charged", due.charged());
        let line = match due.kind {
            Kind::On { .. } => line.field("trip", "on").field("held", due.claim),
            Kind::Off { .. } => line.field("trip", "off"),
            Kind::Ride | Kind::Debt => line,
        };
        details(line, outcome).send(self.board);
    }

    /// What the journal keeps of a ride. A card that has paid at an earlier tap paid for the ride of that tap: its cryptogram and
    /// its fare are those of the claim. Authenticated it was only now.
    fn record(&self, reason: Reason, ride: &Ride) -> Option<Record> {
        let now = Record::new(ride, self.store.settings())?;
        if reason != Reason::AlreadyPaid {
            return Some(now);
        }
        let payment = self.store.payment(ride.pan.as_ref()?, ride.psn)?;
        Some(Record { authenticated: now.authenticated, tvr: now.tvr, ..payment.record })
    }

    /// Shows and reports an outcome that gives no ride. An online request ends here too if the device has no line to an
    /// issuer: the merchant's rule is then that nobody rides.
    fn refuse(&self, outcome: &Outcome) {
        if outcome.kind == OutcomeKind::OnlineRequest {
            present::show(self.board, MessageId::NotAuthorised, None);
        } else {
            for request in &outcome.ui {
                present::show(self.board, request.message, None);
            }
        }
        present::sound(self.board, sound_of(outcome.kind));
        present::gate(self.board, false);
        details(self.result(outcome.kind, outcome.reason.slug()), outcome).send(self.board);
    }

    /// Shows and reports a verdict of the device's own.
    fn end(&self, verdict: &Verdict, outcome: Option<&Outcome>) {
        self.end_with(verdict, outcome, |line| line);
    }

    /// The same with more to tell.
    fn end_with(&self, verdict: &Verdict, outcome: Option<&Outcome>, more: impl FnOnce(Line) -> Line) {
        let words = verdict.words.unwrap_or(present::text(verdict.message));
        present::show_words(self.board, verdict.message, words, None);
        present::sound(self.board, verdict.sound);
        present::gate(self.board, false);
        let line = more(self.result(verdict.kind, verdict.reason));
        match outcome {
            Some(outcome) => details(line, outcome),
            None => line,
        }
        .send(self.board);
    }

    fn result(&self, kind: OutcomeKind, reason: &str) -> Line {
        let line = Line::new("! result").field("outcome", kind.slug()).field("reason", reason);
        line.field("fare", self.store.settings().fare)
    }
}

const fn sound_of(kind: OutcomeKind) -> Sound {
    match kind {
        OutcomeKind::Approved => Sound::Accepted,
        OutcomeKind::TryAgain => Sound::Attention,
        _ => Sound::Refused,
    }
}

/// What is known of the card. The account number is masked.
fn details(line: Line, outcome: &Outcome) -> Line {
    let Some(ride) = &outcome.ride else { return line };
    let Ride { aid, pan, cryptogram_type, oda, .. } = ride;
    let mut line = line.field("aid", crate::hex::Hex(aid.as_bytes()));
    if let Some(pan) = pan {
        line = line.field("pan", pan.masked());
    }
    let oda = match oda {
        Oda::Passed => "ok",
        Oda::Failed(_) => "failed",
        Oda::NotPerformed => "none",
    };
    line.field("cryptogram", cryptogram_type.slug()).field("oda", oda).field("cvm", outcome.cvm.slug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testboard::TestBoard;

    #[test]
    fn a_verdict_makes_its_own_sound_whatever_its_reason_is_called() {
        let board = TestBoard::new(65_536);
        let device = Device::start(&board);
        let heard = |verdict: &Verdict| {
            board.lines();
            device.end(verdict, None);
            board.lines().into_iter().find(|line| line.starts_with("! sound "))
        };
        assert_eq!(heard(&RETAP).as_deref(), Some("! sound attention"));
        assert_eq!(heard(&Verdict { reason: "ridden", ..RETAP }).as_deref(), Some("! sound attention"));
        assert_eq!(heard(&Verdict { reason: RETAP.reason, ..NO_PAN }).as_deref(), Some("! sound refused"));
    }
}
