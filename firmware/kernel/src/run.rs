//! One transaction from beginning to end.

use heapless::Vec;

use crate::{
    Card, Cryptogram, Ctq, Cvm, Environment, LinkError, MessageId, Mode, Oda, OdaFailure, Outcome, OutcomeKind, Pan,
    Product, Reason, Ride, Settings, Status, Transaction, Ttq, UiRequest,
    bus::{self, Merchant},
    data::CardData,
    date::{Date, from_bcd},
    decision::{Decision, Expiry, Facts, SignedCtq},
    dol,
    gpo::{self, Generated, PURCHASE, Terminal},
    oda::{Proof, Signed},
    preprocessing::{Indicators, preprocess},
    purse,
    records::{self, Record},
    selection::{self, Candidate, Fci, PPSE},
    standard, tag,
};

/// Normal processing.
const SUCCESS: u16 = 0x9000;
/// Conditions of use not satisfied: the holder is to look at the phone.
const SEE_PHONE: u16 = 0x6986;

/// Runs one transaction with an activated card.
///
/// Does everything from pre-processing to the decision: it goes on to the card's next application by itself, and
/// never sends a command twice. The device shows and sounds `Outcome::ui`, records an approved ride, and has the
/// card removed.
pub fn run<C: Card, E: Environment>(
    card: &mut C,
    environment: &mut E,
    settings: &Settings,
    transaction: &Transaction,
) -> Outcome {
    let mut session = Session { card, environment, settings, transaction, response: wire::Response::new() };
    let contact = settings.ttq.unwrap_or_default().contact();
    session.transact().unwrap_or_else(|reason| conclude(reason.kind(contact), reason, Cvm::None, None))
}

impl Reason {
    /// What a reason leads to where it alone decides; `contact` is a contact interface beside this one.
    const fn kind(self, contact: bool) -> OutcomeKind {
        match self {
            Self::OfflineApproved | Self::AlreadyPaid | Self::OdaApproved => OutcomeKind::Approved,
            Self::OnlineRequested | Self::OdaFailedOnline(_) | Self::ExpiredOnline => OutcomeKind::OnlineRequest,
            Self::ZeroAmount | Self::TransactionLimit => OutcomeKind::TryAnotherInterface,
            Self::LinkPpse(_)
            | Self::LinkSelect(_)
            | Self::LinkGpo(_)
            | Self::LinkRecord(_)
            | Self::LinkBalance(_)
            | Self::LinkStandard(_)
            | Self::LinkLastRecord(_)
            | Self::SeePhone
            | Self::FareDiffers => OutcomeKind::TryAgain,
            Self::PpseStatus(_) | Self::GpoStatus(_) | Self::RecordStatus(_) | Self::CryptogramStatus(_) if contact => {
                OutcomeKind::TryAnotherInterface
            }
            Self::PpseStatus(_)
            | Self::GpoStatus(_)
            | Self::RecordStatus(_)
            | Self::CryptogramStatus(_)
            | Self::PpseMalformed
            | Self::NoApplication
            | Self::Pdol
            | Self::GpoMalformed
            | Self::RecordMalformed
            | Self::Missing(_)
            | Self::Invalid(_)
            | Self::Duplicate(_)
            | Self::TooMuchData => OutcomeKind::EndApplication,
            Self::CardDeclined
            | Self::Expired
            | Self::ExpiryMissing
            | Self::Denied
            | Self::CvmFailed
            | Self::OnlineImpossible
            | Self::Oda(_)
            | Self::NotArqc
            | Self::NeverOnline
            | Self::FareZero
            | Self::FareAboveMaximum
            | Self::JournalFull
            | Self::JournalWrite
            | Self::DebitBarred
            | Self::Retap => OutcomeKind::Declined,
        }
    }
}

/// The outcome, with what Book A has shown for it.
fn conclude(kind: OutcomeKind, reason: Reason, cvm: Cvm, ride: Option<Ride>) -> Outcome {
    let see_phone = reason == Reason::SeePhone;
    let requests: &[(MessageId, Status)] = match kind {
        OutcomeKind::Approved => &[(MessageId::Approved, Status::CardRead)],
        OutcomeKind::Declined => &[(MessageId::NotAuthorised, Status::CardRead)],
        OutcomeKind::TryAnotherInterface | OutcomeKind::EndApplication | OutcomeKind::SelectNext => {
            &[(MessageId::OtherCard, Status::ProcessingError)]
        }
        OutcomeKind::TryAgain if see_phone => {
            &[(MessageId::SeePhone, Status::NotReady), (MessageId::PresentAgain, Status::ReadyToRead)]
        }
        OutcomeKind::TryAgain => &[(MessageId::PresentAgain, Status::ReadyToRead)],
        OutcomeKind::OnlineRequest => &[],
    };
    let ui = requests.iter().map(|&(message, status)| UiRequest { message, status }).collect();
    Outcome { kind, reason, ui, cvm, field_off: see_phone, ride }
}

/// One presentation of a card.
struct Session<'a, C, E> {
    card: &'a mut C,
    environment: &'a mut E,
    settings: &'a Settings,
    transaction: &'a Transaction,
    response: wire::Response,
}

/// Why an application was left.
enum Left {
    /// The next candidate is tried.
    Next(Reason),
    /// The transaction is over.
    Over(Reason),
}

/// How reading the records ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// All of them were read. A card with a TC has deducted what it had to.
    Done,
    /// The card has paid at an earlier tap. The last record was not read, or it would pay again.
    AlreadyPaid,
    /// The last record was not read, because the card would pay for a ride that it does not get. The card's certificate signs that
    /// record (`signed`), or not.
    Spared { signed: bool },
}

/// What is known once the cryptogram is there.
struct Read {
    generated: Generated,
    ride: Ride,
    pans: Vec<Pan, 2>,
    track2_expiry: Option<Date>,
    /// The card has proven itself before its last record, and that record brought nothing that the proof depends on.
    proven: bool,
}

impl<C: Card, E: Environment> Session<'_, C, E> {
    fn transact(&mut self) -> Result<Outcome, Reason> {
        let indicators = preprocess(self.settings, self.transaction.amount)?;
        if self.settings.mode != Mode::BusOda {
            // Offline the card deducts by itself, so that the merchant can't refuse after it has been asked. Online the issuer
            // is not asked for a ride that the merchant does not give. On a bus UnionPay's order has these checks last.
            self.merchant().check(self.settings)?;
        }
        self.show(MessageId::Processing, Status::NotReady);
        let status = self.exchange(&selection::select_command(PPSE)).map_err(Reason::LinkPpse)?;
        if status != SUCCESS {
            return Err(Reason::PpseStatus(status));
        }
        let candidates = selection::candidates(self.body())?;
        let mut last = Reason::NoApplication;
        let mut data = CardData::new();
        for candidate in &candidates {
            data.clear();
            match self.start(candidate, indicators, &mut data) {
                Ok((generated, ride)) => return Ok(self.finish(generated, ride, &mut data)),
                Err(Left::Next(reason)) => last = reason,
                Err(Left::Over(reason)) => return Err(reason),
            }
        }
        Err(last)
    }

    fn merchant(&self) -> Merchant {
        Merchant { fare: self.transaction.amount, journal_has_room: self.environment.journal_has_room() }
    }

    fn show(&mut self, message: MessageId, status: Status) {
        self.environment.ui(&UiRequest { message, status });
    }

    /// Sends a command, once. The status word; the response before it is [`body`](Self::body).
    fn exchange(&mut self, command: &[u8]) -> Result<u16, LinkError> {
        self.response.clear();
        self.card.transmit(command, &mut self.response)?;
        match self.response.last_chunk::<2>() {
            Some(status) => Ok(u16::from_be_bytes(*status)),
            None => Err(LinkError::Protocol),
        }
    }

    /// The last response without its status word.
    fn body(&self) -> &[u8] {
        self.response.split_last_chunk::<2>().map_or(&[], |(body, _)| body)
    }

    /// Final SELECT and GET PROCESSING OPTIONS.
    fn start(
        &mut self,
        candidate: &Candidate,
        indicators: Indicators,
        data: &mut CardData,
    ) -> Result<(Generated, Ride), Left> {
        let select = selection::select_command(candidate.aid.as_bytes());
        let status = self.exchange(&select).map_err(|error| Left::Over(Reason::LinkSelect(error)))?;
        if status != SUCCESS {
            return Err(Left::Next(Reason::NoApplication));
        }
        if self.settings.mode != Mode::BusOda {
            bus::check_product(self.settings, candidate.product).map_err(Left::Over)?;
        }
        let Fci { pdol, new_card } = selection::fci(self.body()).map_err(Left::Next)?;
        let static_ttq = self.settings.ttq.unwrap_or(Ttq::for_mode(self.settings.mode, new_card, candidate.product));
        let ttq = static_ttq.with_requirements(indicators.online_cryptogram(), indicators.cvm_required);
        // Most cards do not ask, and looking through the keys takes time.
        let sm2 = dol::entries(pdol).flatten().any(|entry| entry.tag == tag::SM_INDICATOR)
            && self.environment.has_sm2_key(&candidate.aid.rid());
        let terminal = Terminal { settings: self.settings, transaction: self.transaction, ttq, sm2 };
        let command = terminal.command(pdol).map_err(Left::Next)?;
        let status = self.exchange(&command).map_err(|error| Left::Over(Reason::LinkGpo(error)))?;
        match status {
            SUCCESS => {}
            SEE_PHONE => return Err(Left::Over(Reason::SeePhone)),
            other => return Err(Left::Over(Reason::GpoStatus(other))),
        }
        let begun = if ttq.standard_flow() { standard::begun(self.body(), data).map_err(Left::Over)? } else { None };
        let generated = match begun {
            Some(generated) => generated,
            None => {
                data.add_response(self.body()).map_err(Left::Over)?;
                gpo::check(data).map_err(Left::Over)?
            }
        };
        let ride = Ride {
            aid: candidate.aid.clone(),
            product: candidate.product,
            pan: None,
            psn: None,
            expiry: None,
            track2: Vec::new(),
            atc: generated.atc,
            cryptogram: generated.cryptogram,
            cryptogram_type: generated.cryptogram_type,
            cid: generated.cid,
            iad: generated.iad.clone(),
            aip: generated.aip,
            tvr: [0; 5],
            unpredictable_number: self.transaction.unpredictable_number,
            amount: self.transaction.amount,
            time: self.transaction.time,
            country: self.settings.country,
            currency: self.settings.currency,
            transaction_type: PURCHASE,
            ttq,
            ctq: None,
            new_card,
            oda: Oda::NotPerformed,
            balance: None,
        };
        Ok((generated, ride))
    }

    /// Records, authentication and decision. What was learnt of the card stays with the outcome, however it ends.
    fn finish(&mut self, generated: Generated, ride: Ride, data: &mut CardData) -> Outcome {
        let mut read = Read { generated, ride, pans: Vec::new(), track2_expiry: None, proven: false };
        match self.judge(&mut read, data) {
            Ok(Decision { kind, reason, cvm }) => conclude(kind, reason, cvm, Some(read.ride)),
            Err(reason) => {
                // What can be read of the card names it in the log, even if something else is wrong with it.
                let _ = read.identify(data);
                conclude(reason.kind(read.ride.ttq.contact()), reason, Cvm::None, Some(read.ride))
            }
        }
    }

    fn judge(&mut self, read: &mut Read, data: &mut CardData) -> Result<Decision, Reason> {
        if read.generated.cryptogram_type == Cryptogram::Aac {
            read.identify(data)?;
            read.ride.tvr[0] |= 0x80;
            return Ok(Decision::declined(Reason::CardDeclined));
        }
        let reading = self.read_records(read, data)?;
        // Before the rider takes the card away, and before the work of authentication. A card that was spared is not going to ride.
        let is_known = read.identify(data).is_ok() && read.ride.pan.is_some();
        if matches!(reading, Reading::Done) && is_known && !self.environment.fare_stands(&read.ride) {
            return Err(Reason::FareDiffers);
        }
        self.show(MessageId::CardReadOk, Status::CardRead);
        read.identify(data)?;
        if read.generated.cryptogram_type == Cryptogram::Arqc && read.ride.track2.is_empty() {
            return Err(Reason::Missing(tag::TRACK_2));
        }
        if read.pans.is_empty() {
            // A card that was spared may have its number in its last record.
            return Err(if matches!(reading, Reading::Spared { .. }) {
                Reason::NotArqc
            } else {
                Reason::Missing(tag::PAN)
            });
        }
        let oda = if read.proven { Oda::Passed } else { self.authenticate(read, data)? };
        read.ride.oda = oda;
        if read.generated.standard && oda == Oda::Passed {
            self.generate_ac(read, data)?;
        }
        let facts = self.facts(read, data, oda);
        let decision = match self.settings.mode {
            Mode::BusOda => bus::decide(&facts, read.ride.atc, read.ride.product, self.merchant(), self.settings),
            Mode::Offline | Mode::Online => facts.decide(),
        };
        let decision = match (reading, decision.reason) {
            (Reading::AlreadyPaid, _) if decision.kind == OutcomeKind::Approved => {
                Decision { reason: Reason::AlreadyPaid, ..decision }
            }
            // What is missing, or does not fit, may be in the record that was not read.
            (Reading::Spared { .. }, Reason::Oda(OdaFailure::Missing(_)) | Reason::ExpiryMissing)
            | (Reading::Spared { signed: true }, Reason::Oda(_)) => Decision::declined(Reason::NotArqc),
            _ => decision,
        };
        read.ride.tvr = self.verification_results(&facts, decision.reason);
        Ok(decision)
    }

    /// Reads every record of the locator once, in its order. Before the last one, a card with a TC may still keep its money.
    fn read_records(&mut self, read: &mut Read, data: &mut CardData) -> Result<Reading, Reason> {
        let afl = read.generated.afl.clone();
        let mut records = records::records(&afl).peekable();
        while let Some(record) = records.next() {
            let last = records.peek().is_none();
            if last && read.ride.cryptogram_type == Cryptogram::Tc {
                if self.settings.mode == Mode::BusOda {
                    return Ok(Reading::Spared { signed: record.signed });
                }
                self.spare(read, data)?;
                if self.has_paid(read, data)? {
                    return Ok(Reading::AlreadyPaid);
                }
            }
            let link = |error| if last { Reason::LinkLastRecord(error) } else { Reason::LinkRecord(error) };
            let status = self.exchange(&record.command()).map_err(link)?;
            if status != SUCCESS {
                return Err(Reason::RecordStatus(status));
            }
            let Record { sfi, signed, .. } = record;
            let before = data.objects();
            data.add_record(self.body(), sfi, signed)?;
            read.proven &= !signed && data.only_since(before, tag::PURSE_AUTHORISATION);
        }
        Ok(Reading::Done)
    }

    /// Whether the card paid at a tap whose end was lost: it is the same card, and it holds less than it did then. If not, the
    /// device notes that the card is about to pay. A card that does not tell what it holds is not noted. Neither is a card that has
    /// not proven itself by now: after a lie about what it held, the genuine card of that account would ride unpaid.
    fn has_paid(&mut self, read: &mut Read, data: &CardData) -> Result<bool, Reason> {
        let Read { ride, .. } = read;
        let Some(pan) = &ride.pan else { return Ok(false) };
        let Some(balance) = self.balance(ride, data)? else { return Ok(false) };
        if self.environment.torn(pan, ride.psn).is_some_and(|before| balance < before) {
            return Ok(true);
        }
        read.proven = self.authenticate(read, data)? == Oda::Passed;
        if !read.proven || self.environment.about_to_pay(&read.ride, balance) {
            Ok(false)
        } else {
            Err(Reason::JournalWrite)
        }
    }

    /// What the card holds before it pays. An electronic-cash card that does not say so with its cryptogram is asked.
    fn balance(&mut self, ride: &Ride, data: &CardData) -> Result<Option<u64>, Reason> {
        let told = purse::before_payment(data, ride.amount);
        if told.is_some() || ride.product != Product::ElectronicCash {
            return Ok(told);
        }
        let status = self.exchange(&purse::GET_BALANCE).map_err(Reason::LinkBalance)?;
        Ok(if status == SUCCESS { purse::balance(self.body()) } else { None })
    }

    /// Refuses a card that is not going to ride before it deducts: an electronic-cash card does so when it has answered the
    /// last READ RECORD (JR/T 0025.12). Data that are missing or wrong are judged later, when everything is there.
    fn spare(&self, read: &mut Read, data: &CardData) -> Result<(), Reason> {
        if read.identify(data).is_err() {
            return Ok(());
        }
        let Read { ride, pans, .. } = read;
        let online = self.settings.mode == Mode::Online && ride.ctq.unwrap_or_default().online_if_expired();
        if !online && ride.expiry.is_some_and(|date| date < self.transaction.time.date) {
            ride.tvr = [0x80, 0x40, 0, 0, 0];
            return Err(Reason::Expired);
        }
        if pans.iter().any(|pan| self.environment.denied(pan, sequence_number(ride, data))) {
            ride.tvr = [0x90, 0, 0, 0, 0];
            return Err(Reason::Denied);
        }
        if ride.pan.as_ref().is_some_and(|pan| self.environment.rode(pan, ride.psn)) {
            return Err(Reason::Retap);
        }
        Ok(())
    }

    /// Carries out offline data authentication where it is needed: for a TC, for ODA for online, and in the standard flow.
    fn authenticate(&mut self, read: &Read, data: &CardData) -> Result<Oda, Reason> {
        let Read { generated, ride, pans, .. } = read;
        let tc = generated.cryptogram_type == Cryptogram::Tc;
        if !tc && !ride.ttq.oda_for_online() && self.settings.mode != Mode::BusOda && !generated.standard {
            return Ok(Oda::NotPerformed);
        }
        let signed = match self.sign(read, data)? {
            Ok(signed) => signed,
            Err(failure) => return Ok(Oda::Failed(failure)),
        };
        let proof = Proof {
            data,
            rid: ride.aid.rid(),
            pans,
            aip: generated.aip,
            ttq: ride.ttq,
            transaction: self.transaction,
            currency: ride.currency,
            signed: signed.as_ref(),
        };
        Ok(proof.check(self.environment))
    }

    /// In the standard flow, has the card sign. A card that refuses does not prove itself.
    fn sign(&mut self, read: &Read, data: &CardData) -> Result<Result<Option<Signed>, OdaFailure>, Reason> {
        if !read.generated.standard {
            return Ok(Ok(None));
        }
        let (command, input) = match standard::internal_authenticate(&self.terminal(read.ride.ttq), data) {
            Ok(made) => made,
            Err(failure) => return Ok(Err(failure)),
        };
        let status = self.exchange(&command).map_err(Reason::LinkStandard)?;
        let signed = if status == SUCCESS { standard::signed(self.body(), input) } else { None };
        Ok(signed.map(Some).ok_or(OdaFailure::Missing(tag::SDAD)))
    }

    /// In the standard flow, asks the card for its ARQC.
    fn generate_ac(&mut self, read: &mut Read, data: &CardData) -> Result<(), Reason> {
        let command = standard::generate_ac(&self.terminal(read.ride.ttq), data)?;
        match self.exchange(&command).map_err(Reason::LinkStandard)? {
            SUCCESS => {}
            other => return Err(Reason::CryptogramStatus(other)),
        }
        read.generated = standard::generated(self.body(), &read.generated)?;
        let Generated { atc, cryptogram, cryptogram_type, cid, iad, .. } = read.generated.clone();
        let ride = &mut read.ride;
        (ride.atc, ride.cryptogram, ride.cryptogram_type, ride.cid, ride.iad) =
            (atc, cryptogram, cryptogram_type, cid, iad);
        Ok(())
    }

    /// What the terminal tells a card in the standard flow, which knows no SM2.
    fn terminal(&self, ttq: Ttq) -> Terminal<'_> {
        Terminal { settings: self.settings, transaction: self.transaction, ttq, sm2: false }
    }

    /// What the decision rests on.
    fn facts(&self, read: &Read, data: &CardData, oda: Oda) -> Facts {
        let Read { generated, ride, pans, .. } = read;
        let tc = generated.cryptogram_type == Cryptogram::Tc;
        let online = self.settings.mode == Mode::Online;
        let today = self.transaction.time.date;
        // An offline decision wants the date of a record; for the issuer's own decision track 2 is good enough.
        let in_track2 = if online && !tc && oda == Oda::NotPerformed { read.track2_expiry } else { None };
        let expiry = match ride.expiry.or(in_track2) {
            None => Expiry::Missing,
            Some(date) if date < today => Expiry::Past,
            Some(_) => Expiry::Good,
        };
        let psn = sequence_number(ride, data);
        Facts {
            cryptogram: generated.cryptogram_type,
            ttq: ride.ttq,
            ctq: ride.ctq,
            signed_ctq: signed_ctq(data, ride.ctq),
            expiry,
            denied: pans.iter().any(|pan| self.environment.denied(pan, psn)),
            oda,
            new_card: ride.new_card,
            online,
            cvm_capability: self.settings.terminal_capabilities[1],
        }
    }

    /// Terminal verification results (tag 95) of what happened.
    fn verification_results(&self, facts: &Facts, reason: Reason) -> [u8; 5] {
        let mut tvr = [0; 5];
        let mut set = |on: bool, byte: usize, bit: u8| {
            if on {
                tvr[byte] |= bit;
            }
        };
        let missing = matches!(facts.oda, Oda::Failed(OdaFailure::Missing(_))) || facts.expiry == Expiry::Missing;
        let above_floor = self.settings.floor_limit.is_some_and(|limit| self.transaction.amount > limit);
        set(facts.oda == Oda::NotPerformed, 0, 0x80);
        set(missing, 0, 0x20);
        set(facts.denied, 0, 0x10);
        set(matches!(facts.oda, Oda::Failed(_)), 0, 0x08);
        set(facts.expiry == Expiry::Past, 1, 0x40);
        set(reason == Reason::CvmFailed, 2, 0x80);
        set(above_floor, 3, 0x80);
        tvr
    }
}

/// The sequence number for the deny list: one that was changed on the way must not lead past an entry.
fn sequence_number(ride: &Ride, data: &CardData) -> Option<u8> {
    if data.psn_differs() { None } else { ride.psn }
}

/// Compares bytes 5 and 6 of 9F69 with the card's qualifiers.
fn signed_ctq(data: &CardData, ctq: Option<Ctq>) -> SignedCtq {
    match data.get(tag::AUTHENTICATION_DATA) {
        None => SignedCtq::Absent,
        Some(signed) if (8..=16).contains(&signed.len()) && ctq.is_some_and(|ctq| signed[5..7] == ctq.0) => {
            SignedCtq::Same
        }
        Some(_) => SignedCtq::Different,
    }
}

impl Read {
    /// Takes account number, sequence number, dates and qualifiers out of the card's data.
    fn identify(&mut self, data: &CardData) -> Result<(), Reason> {
        let ride = &mut self.ride;
        self.pans.clear();
        // Track 2 first in time, the account number of a record first in rank.
        let in_track2 = data.limited::<19>(tag::TRACK_2)?;
        let in_record = match data.get(tag::PAN) {
            Some(bytes) => Some(Pan::from_compressed(bytes).ok_or(Reason::Invalid(tag::PAN))?),
            None => None,
        };
        ride.pan.clone_from(&in_record);
        let _ = in_record.map(|pan| self.pans.push(pan));
        if let Some(track2) = in_track2 {
            let (pan, expiry) = split_track2(&track2).ok_or(Reason::Invalid(tag::TRACK_2))?;
            ride.track2 = track2;
            self.track2_expiry = expiry;
            if ride.pan.is_none() {
                ride.pan = Some(pan.clone());
            }
            if !self.pans.contains(&pan) {
                let _ = self.pans.push(pan);
            }
        }
        ride.ctq = data.fixed(tag::CTQ)?.map(Ctq);
        ride.psn = match data.fixed(tag::PSN)? {
            Some([psn]) => Some(from_bcd(psn).ok_or(Reason::Invalid(tag::PSN))?),
            None => None,
        };
        ride.expiry = data.get(tag::EXPIRY).and_then(Date::from_yymmdd);
        ride.balance = data.get(tag::AVAILABLE).or(data.get(tag::BALANCE)).and_then(purse::amount);
        Ok(())
    }
}

/// Account number and expiry (the month's last day) of track 2: digits, D, year and month.
fn split_track2(track2: &[u8]) -> Option<(Pan, Option<Date>)> {
    let mut nibbles: Vec<u8, 38> = Vec::new();
    for byte in track2 {
        nibbles.extend_from_slice(&[byte >> 4, byte & 0x0F]).ok()?;
    }
    let separator = nibbles.iter().position(|nibble| *nibble == 0xD)?;
    let mut digits = heapless::String::<19>::new();
    for nibble in &nibbles[..separator] {
        digits.push(char::from(b'0' + nibble)).ok()?;
    }
    let pan = Pan::from_digits(&digits)?;
    let date = match nibbles.get(separator + 1..separator + 5) {
        Some(&[a, b, c, d]) => Date::end_of_month((a << 4) | b, (c << 4) | d),
        _ => None,
    };
    Some((pan, date))
}
