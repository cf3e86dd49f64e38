//! The card: it takes commands and returns responses.

use crate::application::{Application, CryptogramType, Data};
use crate::edit::Edit;
use crate::purse::Purse;
use crate::random::Random;
use crate::standard::Standard;
use crate::tlv::{Node, encode};
use std::fmt;
use taprig_model::card::Activation;
use taprig_model::card::change::Place;
use taprig_model::expect::CommandName;
use taprig_model::step::At;
use taprig_model::units::{Duration, Money};

/// Name of the directory (EMV Contactless Book B, clause 3.3.2).
pub(crate) const PPSE: &[u8] = b"2PAY.SYS.DDF01";

/// A personalised card. [`personalise`](crate::personalise()) makes one.
///
/// It keeps its counters from tap to tap. [`Card::reset`] stands for the field going off.
#[derive(Clone)]
pub struct Card {
    front: Activation,
    directory: Option<Vec<Node>>,
    applications: Vec<Application>,
    edits: Vec<Edit>,
    scripts: Vec<Script>,
    random: Random,
    state: State,
    /// Number of commands since the field went on.
    seen: Vec<CommandName>,
}

/// The state of a transaction (EMV Book 1, clause 12; Book 3, clause 6).
#[derive(Debug, Clone, Default)]
enum State {
    /// No application is selected.
    #[default]
    Idle,
    /// An application is selected, and GET PROCESSING OPTIONS may follow.
    Selected(usize),
    /// The transaction has begun, and records may be read.
    Initiated(usize, Data),
    /// The same in the standard flow: the card may sign, and it makes one cryptogram.
    Standard(usize, Data),
}

/// What a case changes at one command.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) at: At,
    pub(crate) kind: ScriptKind,
}

#[derive(Debug, Clone)]
pub(crate) enum ScriptKind {
    /// Send this response and do not process the command.
    Respond(Vec<u8>),
    Delay(Duration),
    Mute,
}

/// The answer of the card to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The kind of the command.
    pub name: CommandName,
    /// The response APDU, at most 258 bytes. It ends in a status word, unless a change of the case replaces it.
    pub response: Vec<u8>,
    /// The time that the card itself takes for the command.
    pub delay: Duration,
    /// Whether the card processes the command but never answers. `response` is then the answer that is not sent.
    pub mute: bool,
}

/// A status word other than 9000 (ISO/IEC 7816-4, clause 5.6).
type Status = u16;

const WRONG_LENGTH: Status = 0x6700;
const NOT_ALLOWED: Status = 0x6985;
const LOCKED: Status = 0x6986;
const WRONG_DATA: Status = 0x6A80;
const NOT_FOUND: Status = 0x6A82;
const NO_RECORD: Status = 0x6A83;
const WRONG_PARAMETERS: Status = 0x6A86;
const NO_DATA: Status = 0x6A88;
const UNKNOWN_INSTRUCTION: Status = 0x6D00;
const UNKNOWN_CLASS: Status = 0x6E00;
const INTERNAL: Status = 0x6F00;

impl Card {
    pub(crate) fn new(
        front: Activation,
        directory: Option<Vec<Node>>,
        applications: Vec<Application>,
        edits: Vec<Edit>,
        scripts: Vec<Script>,
    ) -> Self {
        Self {
            front,
            directory,
            applications,
            edits,
            scripts,
            random: Random::new(0),
            state: State::Idle,
            seen: Vec::new(),
        }
    }

    /// The same card with another seed for its random numbers. Cards begin with seed 0.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.random = Random::new(seed);
        self
    }

    /// What the card side must know so that it can answer by itself until the first command.
    #[must_use]
    pub fn front(&self) -> Activation {
        self.front.clone()
    }

    /// Reports that the field went off: nothing is selected, and commands are counted anew. Transaction counters stay.
    pub fn reset(&mut self) {
        self.state = State::Idle;
        self.seen.clear();
    }

    /// What the electronic cash of the card holds. `None` if no application has any.
    #[must_use]
    pub fn balance(&self) -> Option<Money> {
        self.applications.iter().find_map(|application| application.purse.as_ref()).map(Purse::balance)
    }

    /// The answer of the card to a command APDU. Any bytes are accepted.
    pub fn respond(&mut self, command: &[u8]) -> Reply {
        let name = CommandName::of(command);
        self.seen.push(name);
        let nth = self.seen.iter().filter(|seen| **seen == name).count();
        let now: Vec<ScriptKind> = self
            .scripts
            .iter()
            .filter(|script| script.at.command == name && usize::from(script.at.nth) == nth)
            .map(|script| script.kind.clone())
            .collect();
        let fixed = now.iter().rev().find_map(|kind| match kind {
            ScriptKind::Respond(response) => Some(response.clone()),
            _ => None,
        });
        let own_time = self.own_time(name);
        let response = fixed.unwrap_or_else(|| self.process(command));
        let later: u64 = now.iter().map(|kind| if let ScriptKind::Delay(by) = kind { by.us } else { 0 }).sum();
        Reply {
            name,
            response,
            delay: Duration { us: own_time.us + later },
            mute: now.iter().any(|kind| matches!(kind, ScriptKind::Mute)),
        }
    }

    fn own_time(&self, name: CommandName) -> Duration {
        let timing = match &self.state {
            State::Selected(at) | State::Initiated(at, _) | State::Standard(at, _) => self.applications[*at].timing,
            State::Idle => self.applications.first().map(|first| first.timing).unwrap_or_default(),
        };
        match name {
            CommandName::SelectPpse | CommandName::SelectAid => timing.select,
            CommandName::Gpo | CommandName::InternalAuthenticate => timing.gpo,
            CommandName::ReadRecord | CommandName::GetData | CommandName::GenerateAc | CommandName::Other => {
                timing.read_record
            }
        }
    }

    fn process(&mut self, command: &[u8]) -> Vec<u8> {
        match self.answer(command) {
            Ok((place, mut nodes)) => {
                for edit in self.edits.iter().filter(|edit| place.is_some_and(|place| edit.concerns(place))) {
                    // Personalisation tried every change on every response. So a change that fails here fits only other
                    // forms of this response.
                    let _ = edit.apply(&mut nodes);
                }
                let mut response = encode(&nodes);
                if response.len() > wire::MAX_RESPONSE - 2 {
                    return INTERNAL.to_be_bytes().to_vec();
                }
                response.extend([0x90, 0x00]);
                response
            }
            Err(status) => status.to_be_bytes().to_vec(),
        }
    }

    /// The objects of the answer, and the place by which a change names it. GET DATA has none.
    fn answer(&mut self, command: &[u8]) -> Result<(Option<Place>, Vec<Node>), Status> {
        let &[class, instruction, p1, p2, ref body @ ..] = command else { return Err(WRONG_LENGTH) };
        if !matches!(class, 0x00 | 0x80) {
            return Err(UNKNOWN_CLASS);
        }
        let (place, nodes) = match (class, instruction) {
            (0x00, 0xA4) => self.select(p1, p2, data(body)?)?,
            (0x80, 0xA8) => self.get_processing_options(p1, p2, data(body)?)?,
            (0x00, 0xB2) => self.read_record(p1, p2, body)?,
            (0x00, 0x88) => self.internal_authenticate(p1, p2, body)?,
            (0x80, 0xAE) => self.generate_ac(p1, p2, body)?,
            (0x80, 0xCA) => return Ok((None, self.get_data(u16::from_be_bytes([p1, p2]), body)?)),
            (_, 0xA4 | 0xA8 | 0xB2 | 0x88 | 0xAE | 0xCA) => return Err(UNKNOWN_CLASS),
            _ => return Err(UNKNOWN_INSTRUCTION),
        };
        Ok((Some(place), nodes))
    }

    /// SELECT by name (EMV Book 1, clause 11.3). The name may be shorter than that of the application. P2 02 asks for
    /// the next application that matches.
    fn select(&mut self, p1: u8, p2: u8, name: &[u8]) -> Result<(Place, Vec<Node>), Status> {
        if p1 != 0x04 || !matches!(p2, 0x00 | 0x02) {
            return Err(WRONG_PARAMETERS);
        }
        if name == PPSE {
            let directory = self.directory.clone().ok_or(NOT_FOUND)?;
            self.state = State::Idle;
            return Ok((Place::Ppse, directory));
        }
        if !(5..=16).contains(&name.len()) {
            return Err(NOT_FOUND);
        }
        let begin = match (&self.state, p2) {
            (State::Selected(at) | State::Initiated(at, _) | State::Standard(at, _), 0x02) => at + 1,
            _ => 0,
        };
        let fits = |at: &usize| self.applications[*at].aid.starts_with(name);
        let at = (begin..self.applications.len()).find(fits).ok_or(NOT_FOUND)?;
        self.state = State::Selected(at);
        Ok((Place::Fci, self.applications[at].fci.clone()))
    }

    fn get_processing_options(&mut self, p1: u8, p2: u8, data: &[u8]) -> Result<(Place, Vec<Node>), Status> {
        if (p1, p2) != (0, 0) {
            return Err(WRONG_PARAMETERS);
        }
        let State::Selected(at) = self.state else { return Err(NOT_ALLOWED) };
        let input = command_template(data).ok_or(WRONG_DATA)?;
        let application = &mut self.applications[at];
        if input.len() != application.pdol_length() {
            return Err(WRONG_DATA);
        }
        if application.is_locked(input) {
            application.locked -= 1;
            self.state = State::Idle;
            return Err(LOCKED);
        }
        if application.takes_standard(input) {
            let (nodes, made) = application.begin_standard();
            self.state = State::Standard(at, made);
            return Ok((Place::Gpo, nodes));
        }
        let (nodes, made) = application.transact(input, &mut self.random).map_err(|_| INTERNAL)?;
        self.state = State::Initiated(at, made);
        Ok((Place::Gpo, nodes))
    }

    /// The application in the standard flow. An application that does not know it knows none of its commands.
    fn in_standard(&self) -> Result<(&Application, &Standard, &Data), Status> {
        let (State::Selected(at) | State::Initiated(at, _) | State::Standard(at, _)) = &self.state else {
            return Err(NOT_ALLOWED);
        };
        let application = &self.applications[*at];
        let standard = application.standard.as_ref().ok_or(UNKNOWN_INSTRUCTION)?;
        match &self.state {
            State::Standard(_, made) => Ok((application, standard, made)),
            _ => Err(NOT_ALLOWED),
        }
    }

    /// INTERNAL AUTHENTICATE (EMV Book 3, clause 6.5.9).
    fn internal_authenticate(&mut self, p1: u8, p2: u8, body: &[u8]) -> Result<(Place, Vec<Node>), Status> {
        let mut random = self.random.clone();
        let (application, standard, _) = self.in_standard()?;
        if (p1, p2) != (0, 0) {
            return Err(WRONG_PARAMETERS);
        }
        let data = data(body)?;
        if !standard.authenticates(data) {
            return Err(WRONG_LENGTH);
        }
        let signed = application.authenticate(data, &mut random).ok_or(NOT_ALLOWED)?.map_err(|_| INTERNAL)?;
        self.random = random;
        Ok((Place::InternalAuthenticate, signed))
    }

    /// The first GENERATE AC (EMV Book 3, clause 6.5.5). It ends the transaction: nobody authorises while the card is there.
    fn generate_ac(&mut self, p1: u8, p2: u8, body: &[u8]) -> Result<(Place, Vec<Node>), Status> {
        let (application, standard, made) = self.in_standard()?;
        let wanted = match (p1, p2) {
            (0x00, 0) => CryptogramType::Aac,
            (0x40, 0) => CryptogramType::Tc,
            (0x80, 0) => CryptogramType::Arqc,
            _ => return Err(WRONG_PARAMETERS),
        };
        let data = data(body)?;
        if !standard.generates(data) {
            return Err(WRONG_LENGTH);
        }
        let nodes = application.generate(wanted, data, made);
        self.state = State::Idle;
        Ok((Place::GenerateAc, nodes))
    }

    /// GET DATA (EMV Book 3, clause 6.5.7): the objects of the purse, and the transaction counter.
    fn get_data(&self, tag: u16, body: &[u8]) -> Result<Vec<Node>, Status> {
        if body.len() != 1 {
            return Err(WRONG_LENGTH);
        }
        let (State::Selected(at) | State::Initiated(at, _) | State::Standard(at, _)) = &self.state else {
            return Err(NOT_ALLOWED);
        };
        let application = &self.applications[*at];
        let tag = u32::from(tag);
        if tag == 0x9F36 {
            // The counter of the next transaction, less one: that of the last one.
            return Ok(vec![Node::value(tag, application.atc.saturating_sub(1).to_be_bytes())]);
        }
        let value = application.purse.and_then(|purse| purse.object(tag)).ok_or(NO_DATA)?;
        Ok(vec![Node::value(tag, value)])
    }

    fn read_record(&mut self, number: u8, p2: u8, body: &[u8]) -> Result<(Place, Vec<Node>), Status> {
        if body.len() != 1 {
            return Err(WRONG_LENGTH);
        }
        if p2 & 0x07 != 0x04 {
            return Err(WRONG_PARAMETERS);
        }
        let (State::Initiated(at, made) | State::Standard(at, made)) = &self.state else { return Err(NOT_ALLOWED) };
        let application = &mut self.applications[*at];
        let sfi = p2 >> 3;
        let mut file = application.records.iter().filter(|record| record.sfi == sfi).peekable();
        file.peek().ok_or(NOT_FOUND)?;
        let record = file.find(|record| record.number == number).ok_or(NO_RECORD)?;
        let nodes = application.record(record, made);
        if application.is_last(record, made)
            && let Some(purse) = &mut application.purse
        {
            purse.deduct();
        }
        Ok((Place::Record { sfi, number }, nodes))
    }
}

impl fmt::Debug for Card {
    /// The data are not shown, because a card number must not appear in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("front", &self.front)
            .field("applications", &self.applications.len())
            .field("edits", &self.edits)
            .field("scripts", &self.scripts)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// The data of a command, with or without Le (ISO/IEC 7816-3, cases 3 and 4).
fn data(body: &[u8]) -> Result<&[u8], Status> {
    let (length, rest) = body.split_first().ok_or(WRONG_LENGTH)?;
    let (data, after) = rest.split_at_checked(usize::from(*length)).ok_or(WRONG_LENGTH)?;
    if data.is_empty() || after.len() > 1 { Err(WRONG_LENGTH) } else { Ok(data) }
}

/// The value of the command template 83 (EMV Book 3, clause 6.5.8).
fn command_template(data: &[u8]) -> Option<&[u8]> {
    let (length, value) = match data {
        [0x83, 0x81, length, value @ ..] if *length >= 0x80 => (length, value),
        [0x83, length, value @ ..] if *length < 0x80 => (length, value),
        _ => return None,
    };
    (value.len() == usize::from(*length)).then_some(value)
}
