//! The host: a state machine without input and output, without a clock and without randomness. It gets bytes and the time,
//! and says what to send and what to log.

mod batches;
mod claims;
mod lists;
mod oddities;
mod request;
mod setup;
mod terminal;
#[cfg(test)]
mod tests;

pub use setup::Setup;
pub use terminal::Claim;

use crate::codec::{Frame, Message, Splitter};
use crate::keys::{KeySet, hand_out};
use crate::mac::{MacKey, mac};
use crate::rules::{Facts, Matched, Matcher};
use crate::show::shown;
use lists::Twist;
use request::{Objection, Request};
use std::collections::BTreeMap;
use std::time::Duration;
use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{self, Body, Heard, Mac, Summary};
use taprig_model::acquirer::rules::{Action, Part, Rules};
use taprig_model::units::DateTime;
use taprig_record::numbers;
use terminal::Terminal;

/// What field 32 of every answer says.
pub const ACQUIRER: &str = "00000000";

/// What to do with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Send these bytes.
    Send {
        /// The bytes: a frame with its length, or a part of it.
        bytes: Vec<u8>,
        /// How long to wait before.
        after: Duration,
        /// Whether to close the connection afterwards.
        close: bool,
        /// Trace of the message that this answers.
        trace: Option<String>,
    },
    /// Close the connection at once.
    Close,
}

/// What came of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What to do, in order.
    pub orders: Vec<Order>,
    /// What to log.
    pub body: Body,
}

/// The host.
#[derive(Debug, Clone)]
pub struct Host {
    setup: Setup,
    rules: Matcher,
    deny: lists::Deny,
    terminals: BTreeMap<String, Terminal>,
    /// The open connections.
    lines: BTreeMap<u64, Line>,
    /// Number of answers so far. Retrieval references and authorisations are made of it.
    answers: u64,
    messages: u64,
    unreadable: u64,
    /// Whether account numbers in what is to be logged are hidden.
    hides: bool,
    /// Whether the claims of closed batches are forgotten.
    forgets: bool,
}

/// A connection.
#[derive(Debug, Clone, Default)]
struct Line {
    /// Bytes that are not a whole frame yet.
    splitter: Splitter,
    /// Whether it is a wire, which nobody can close.
    is_wire: bool,
}

/// What the host decided about a message.
#[derive(Debug, Default)]
struct Reply {
    code: String,
    why: String,
    /// Fields of the answer beside those that every answer has.
    add: Message,
    notes: Vec<String>,
    claims: Vec<log::Claim>,
}

impl Reply {
    fn new(code: &str, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into(), ..Self::default() }
    }
}

/// What a rule says about the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forced<'a> {
    Approve,
    Refuse(&'a str),
}

impl Host {
    /// A host at its first moment.
    #[must_use]
    pub fn new(setup: Setup, rules: Rules) -> Self {
        Self {
            setup,
            deny: lists::Deny::new(rules.deny_list),
            rules: Matcher::new(rules.rules),
            terminals: BTreeMap::new(),
            lines: BTreeMap::new(),
            answers: 0,
            messages: 0,
            unreadable: 0,
            hides: true,
            forgets: false,
        }
    }

    /// This host, but the account numbers in fields 2, 35 and 55 of what is to be logged are not hidden. Whoever logs them has to
    /// hide them, as a recorder does, which also keeps a token for each.
    #[must_use]
    pub fn without_hiding(mut self) -> Self {
        self.hides = false;
        self
    }

    /// This host, but it forgets the claims of a batch when the batch is closed, so that its memory does not grow with the claims of
    /// months. Claims that still wait for a decision stay. What was forgotten counts in [`Host::summary`], and [`Host::claims`] does not
    /// have it. A claim of a closed batch that comes once more is refused with 77, as one that the host has never seen: it can't be told
    /// from one any more.
    #[must_use]
    pub fn forgetting_closed_batches(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// A terminal has connected. The number must be new.
    pub fn connect(&mut self, line: u64) {
        self.lines.insert(line, Line::default());
    }

    /// A terminal is at a wire, such as a serial line. The number must be new. Nobody can close a wire, so the host also hears what
    /// comes after an order to close.
    pub fn connect_wire(&mut self, line: u64) {
        self.lines.insert(line, Line { is_wire: true, ..Line::default() });
    }

    /// Bytes have come on a connection, in any division. Returns what comes of each whole frame. After an order to close, the
    /// host hears nothing more on the connection, unless it is a wire.
    pub fn hear(&mut self, line: u64, bytes: &[u8], now: DateTime) -> Vec<Done> {
        let mut all = Vec::new();
        let Some(Line { mut splitter, is_wire }) = self.lines.remove(&line) else { return all };
        splitter.add(bytes);
        for content in splitter.by_ref() {
            let done = self.frame(&content, now);
            let closes =
                done.orders.iter().any(|order| matches!(order, Order::Close | Order::Send { close: true, .. }));
            all.push(done);
            if closes && !is_wire {
                return all;
            }
        }
        self.lines.insert(line, Line { splitter, is_wire });
        all
    }

    /// A connection has ended. Returns what was cut off, if a frame was not whole.
    pub fn gone(&mut self, line: u64) -> Option<String> {
        let (there, whole) = self.lines.remove(&line)?.splitter.rest()?;
        let of = whole.map_or("an unknown number".into(), |whole| whole.to_string());
        Some(format!("the connection ended within a message: {there} of {of} bytes had come"))
    }

    /// Forgets the beginning of a frame, on a line that has no connections: a terminal that has lost its power, or that has stopped in
    /// the middle of a frame, begins with a new one. Returns what was forgotten, if there was anything.
    pub fn forget(&mut self, line: u64) -> Option<String> {
        let (there, whole) = std::mem::take(&mut self.lines.get_mut(&line)?.splitter).rest()?;
        let of = whole.map_or("an unknown number".into(), |whole| whole.to_string());
        Some(format!("{there} of {of} bytes of a message had come"))
    }

    /// Whether the beginning of a frame has come on a line, and the rest has not.
    #[must_use]
    pub fn is_within_frame(&self, line: u64) -> bool {
        self.lines.get(&line).is_some_and(|line| line.splitter.rest().is_some())
    }

    /// What it all came to so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { messages: self.messages, unreadable: self.unreadable, ..Summary::default() };
        self.terminals.values().for_each(|terminal| terminal.sum_up(&mut summary));
        summary
    }

    /// All claims that the host has: terminal, batch, trace, claim.
    pub fn claims(&self) -> impl Iterator<Item = (&str, u32, u32, &Claim)> {
        self.terminals.iter().flat_map(|(name, terminal)| {
            terminal.claims.iter().map(move |(&(batch, trace), claim)| (name.as_str(), batch, trace, claim))
        })
    }

    fn frame(&mut self, content: &[u8], now: DateTime) -> Done {
        let read = Frame::decode(content).map_err(|error| error.to_string()).and_then(|frame| {
            let message = Message::decode(&frame.message).map_err(|error| error.to_string())?;
            Ok(Request::new(frame, message))
        });
        match read {
            Ok(request) => {
                let mut done = self.message(&request, now);
                let is_whole = !matches!(&done.body, Body::Heard(heard) if heard.cut.is_some());
                self.messages += u64::from(is_whole);
                let terminal = self.terminals.get_mut(&request.terminal);
                let ends_batch = matches!(request.kind, Some(MessageKind::Settlement | MessageKind::BatchUpload));
                if let Some(terminal) = terminal.filter(|_| self.forgets && ends_batch) {
                    terminal.forget_closed();
                }
                if let Body::Heard(heard) = &mut done.body {
                    heard.batch = self.terminals.get(&request.terminal).map(|terminal| terminal.batch.0);
                    if self.hides {
                        numbers::hide(heard, &mut Vec::new());
                    }
                }
                done
            }
            Err(why) => {
                self.unreadable += 1;
                Done { orders: vec![Order::Close], body: Body::Unreadable { bytes: content.len() as u64, why } }
            }
        }
    }

    fn message(&mut self, request: &Request, now: DateTime) -> Done {
        let key = self.terminals.get(&request.terminal).and_then(|terminal| terminal.mac);
        let mac = request.mac(key.as_ref());
        let mut heard = Heard {
            message: request.kind,
            request: shown(&request.frame.header, &request.message),
            mac,
            answer: None,
            delivery: Vec::new(),
            why: "this is an answer, and the host has asked nothing".into(),
            rule: None,
            notes: Vec::new(),
            claims: Vec::new(),
            cut: None,
            batch: None,
        };
        if !request.wants_answer() {
            return Done { orders: Vec::new(), body: Body::Heard(Box::new(heard)) };
        }
        let facts = Facts {
            message: request.kind,
            terminal: Some(&request.terminal),
            card: request.card.as_deref(),
            trace: request.trace,
        };
        let rule = self.rules.find(facts);
        let actions = rule.as_ref().map_or(&[][..], |rule| &rule.then.0);
        heard.rule = rule.as_ref().map(|rule| rule.number as u64);
        if let Some(bytes) = request.cut(actions) {
            let length = request.length();
            heard.cut = Some(bytes as u64);
            heard.why =
                self.name(rule.as_ref(), &format!("cuts the line after {bytes} of {length} bytes of the message"));
            return Done { orders: vec![Order::Close], body: Body::Heard(Box::new(heard)) };
        }
        for action in actions {
            if let Action::DenyList(list) = action {
                heard.notes.push(format!("the deny list has version {} from now on", list.version.0));
                self.deny = lists::Deny::new(Some(list.clone()));
            }
        }
        let silent = actions.iter().find(|action| matches!(action, Action::Silent | Action::HangUp));
        let orders = if let Some(action) = silent {
            heard.claims.extend(self.wait(request, mac));
            heard.why = self.name(rule.as_ref(), "stays silent");
            heard.delivery.push(if *action == Action::Silent { "silent".into() } else { "hang-up".into() });
            if *action == Action::HangUp { vec![Order::Close] } else { Vec::new() }
        } else {
            let forced = actions.iter().find_map(|action| match action {
                Action::Approve => Some(Forced::Approve),
                Action::Refuse(code) => Some(Forced::Refuse(code.as_str())),
                _ => None,
            });
            let twist = Twist::of(actions);
            heard.notes.extend(twist.misses(request.kind, request.code).map(str::to_owned));
            let mut reply = self.decide(request, mac, forced, twist);
            if let Some(forced) = forced {
                let word = if forced == Forced::Approve { "approves" } else { "refuses" };
                reply.why = format!("{}; {}", self.name(rule.as_ref(), word), reply.why);
            }
            heard.why.clone_from(&reply.why);
            heard.notes.append(&mut reply.notes);
            heard.claims.append(&mut reply.claims);
            self.answer(request, reply, actions, key.as_ref(), now, &mut heard)
        };
        // Afterwards, so that the list does not decide about the message that fills it.
        if actions.contains(&Action::DenyCard) {
            heard.notes.push(match &request.card {
                Some(card) => format!("the card is on the deny list from version {} on", self.deny.add(card)),
                None => "the message has no card that could be put on the deny list".into(),
            });
        }
        Done { orders, body: Body::Heard(Box::new(heard)) }
    }

    fn name(&self, rule: Option<&Matched>, does: &str) -> String {
        rule.map_or_else(String::new, |rule| format!("{} {does}", rule.name()))
    }

    fn decide(&mut self, request: &Request, mac: Mac, forced: Option<Forced<'_>>, twist: Twist) -> Reply {
        let objection = self.objection(request, mac);
        match (forced, objection) {
            (Some(Forced::Refuse(code)), objection) => {
                let why = objection.map_or("no objection of its own".into(), |objection| objection.why);
                if request.is_claim() && request.trace.is_some() {
                    Reply { why, ..self.claim(request, Some(code)) }
                } else {
                    Reply::new(code, why)
                }
            }
            (Some(Forced::Approve), objection) => {
                let mut reply = self.perform(request, Some("00"), twist);
                reply.code = "00".into();
                if let Some(objection) = objection {
                    reply.why = format!("else it would be {}: {}", objection.code, objection.why);
                }
                reply
            }
            (None, Some(objection)) => Reply::new(objection.code, objection.why),
            (None, None) => self.perform(request, None, twist),
        }
    }

    /// Why the message is refused before its content counts.
    fn objection(&self, request: &Request, mac: Mac) -> Option<Objection> {
        if let Some(objection) = request.objection() {
            return Some(objection);
        }
        if let Some(objection) = self.setup.objection(&request.terminal, &request.merchant) {
            return Some(objection);
        }
        match mac {
            Mac::Wrong => return Some(Objection::new("A0", "the MAC is wrong")),
            Mac::Missing => return Some(Objection::new("A0", "the MAC (field 64) is missing")),
            Mac::NoKey if request.kind != Some(MessageKind::SignOn) => {
                return Some(Objection::new("A0", "the terminal has not signed on, so nobody can check the MAC"));
            }
            Mac::Good | Mac::NotNeeded | Mac::NoKey => {}
        }
        let terminal = self.terminals.get(&request.terminal);
        let in_batch = matches!(
            request.kind,
            Some(
                MessageKind::Ride
                    | MessageKind::Advice
                    | MessageKind::Reversal
                    | MessageKind::Settlement
                    | MessageKind::BatchUpload
            )
        );
        if !in_batch {
            return None;
        }
        let Some(terminal) = terminal.filter(|terminal| terminal.mac.is_some()) else {
            return Some(Objection::new("A0", "the terminal has not signed on"));
        };
        let batch = request.batch();
        let known = match request.kind {
            Some(MessageKind::Settlement | MessageKind::BatchUpload) => terminal.settled.contains_key(&batch),
            Some(MessageKind::Reversal) => false,
            _ => request.trace.is_some_and(|trace| terminal.claims.contains_key(&(batch, trace))),
        };
        (batch != terminal.batch.0 && !known)
            .then(|| Objection::new("77", format!("the batch is {batch}, and the open batch is {}", terminal.batch.0)))
    }

    /// Does what the message asks for. `forced` is the code that a rule prescribes for a claim, and `twist` what it makes wrong in a
    /// list.
    fn perform(&mut self, request: &Request, forced: Option<&str>, twist: Twist) -> Reply {
        match request.kind {
            Some(MessageKind::SignOn) => self.sign_on(request),
            Some(MessageKind::SignOff) => {
                self.terminal(request).change_key(None);
                Reply::new("00", "signed off")
            }
            Some(MessageKind::Echo) => Reply::new("00", "the host is here"),
            Some(MessageKind::Ride | MessageKind::Advice) if request.trace.is_some() => self.claim(request, forced),
            Some(MessageKind::Reversal) => self.reverse(request),
            Some(MessageKind::Settlement) => self.settle(request),
            Some(MessageKind::BatchUpload) => self.upload(request),
            Some(MessageKind::ListPage) => self.list_page(request, twist),
            Some(MessageKind::KeyPage) => self.key_page(request, twist),
            Some(MessageKind::Ride | MessageKind::Advice) | None => Reply::new("12", "the host can't do this"),
        }
    }

    fn terminal(&mut self, request: &Request) -> &mut Terminal {
        self.terminals.entry(request.terminal.clone()).or_default()
    }

    fn sign_on(&mut self, request: &Request) -> Reply {
        let Some(set) = KeySet::of(request.code) else { return Reply::new("12", "no such key set") };
        let number = self.terminal(request).sign_ons;
        let (field, key) = hand_out(&self.setup.working_keys(number), set, &self.setup.master(&request.terminal));
        let terminal = self.terminal(request);
        terminal.sign_ons += 1;
        terminal.change_key(Some(key));
        let batch = terminal.batch.0;
        let mut reply = Reply::new(
            "00",
            format!(
                "sign-on {} of this terminal: batch {batch}, key for MACs of {} bytes",
                number + 1,
                key.bytes().len()
            ),
        );
        reply.add = Message::default().bytes(62, field).digits(60, format!("00{batch:06}{:03}", request.code));
        reply
    }

    /// Makes the answer and what is to be done with it.
    fn answer(
        &mut self,
        request: &Request,
        reply: Reply,
        actions: &[Action],
        key: Option<&MacKey>,
        now: DateTime,
        heard: &mut Heard,
    ) -> Vec<Order> {
        self.answers += 1;
        let mut message = Message { mti: request.message.mti + 0x10, ..reply.add };
        let echoed: &[u8] = match request.kind {
            Some(MessageKind::Ride | MessageKind::Advice | MessageKind::Reversal) => &[2, 3, 4, 25, 49],
            Some(MessageKind::Settlement) => &[49],
            _ => &[],
        };
        for number in [11, 41, 42, 60].iter().chain(echoed) {
            if let Some(value) = request.message.fields.get(number) {
                message.fields.entry(*number).or_insert_with(|| value.clone());
            }
        }
        let (date, time) =
            (format!("{:02}{:02}", now.month, now.day), format!("{:02}{:02}{:02}", now.hour, now.minute, now.second));
        message = message
            .digits(12, time)
            .digits(13, date)
            .digits(32, ACQUIRER)
            .text(37, format!("{:012}", self.answers % 1_000_000_000_000))
            .text(39, reply.code.clone());
        if request.is_claim() && reply.code == "00" {
            message = message.text(38, format!("{:06}", self.answers % 1_000_000));
        }
        let mut header = request.frame.header.asking(0);
        if actions.iter().any(|action| matches!(action, Action::CutRequest(_))) {
            heard.notes.push("the message is too short to be cut there".into());
        }
        // Which character of the MAC is to be wrong.
        let (mut damage, mut without, mut old) = (None, false, false);
        for action in actions {
            match action {
                Action::Ask(what) => header = header.asking(what.digit()),
                Action::Wrong(Part::Mac) => damage = Some(0),
                Action::Wrong(Part::MacEnd) => damage = Some(7),
                Action::Wrong(Part::NoMac) => without = true,
                Action::Wrong(Part::OldKey) => old = true,
                Action::Wrong(Part::Trace) => add_one(&mut message, 11, heard),
                Action::Wrong(Part::Amount) => add_one(&mut message, 4, heard),
                _ => {}
            }
        }
        let key = key.filter(|_| request.message.has(64) && request.kind != Some(MessageKind::SignOn));
        let old_mac = self.terminals.get(&request.terminal).and_then(|terminal| terminal.old_mac);
        if (damage.is_some() || without || old) && key.is_none() {
            heard.notes.push("the answer has no MAC that could be wrong".into());
        } else if old && old_mac.is_none() {
            heard.notes.push("the terminal has no old key".into());
        }
        let key = key.filter(|_| !without).map(|key| old_mac.as_ref().filter(|_| old).unwrap_or(key));
        let encoded = match key {
            Some(key) => message.encode_with_mac(|bytes| {
                let mut right = mac(key, bytes);
                if let Some(at) = damage {
                    right[at] = if right[at] == b'0' { b'1' } else { b'0' };
                }
                right
            }),
            None => message.encode(),
        };
        let bytes = match encoded {
            Ok(bytes) => bytes,
            // A page that is too long, or a code of a wrong length: the types of the files exclude both.
            Err(error) => {
                heard.notes.push(format!("the answer can't be written: {error}"));
                return vec![Order::Close];
            }
        };
        if let Some(mac) = key.and(bytes.last_chunk::<8>()) {
            message = message.bytes(64, *mac);
        }
        heard.answer = Some(shown(&header, &message));
        let frame = Frame { tpdu: request.frame.tpdu.swapped(), header, message: bytes }.encode();
        deliver(frame, actions, message.word(11).map(str::to_owned), &mut heard.delivery)
    }
}

/// Makes the number of a field one more.
fn add_one(message: &mut Message, number: u8, heard: &mut Heard) {
    let Some(digits) = message.word(number).map(str::to_owned) else {
        heard.notes.push(format!("the answer has no field {number} that could be wrong"));
        return;
    };
    let more = digits.parse::<u64>().unwrap_or_default() + 1;
    let width = digits.len();
    let text = format!("{more:0width$}");
    *message = std::mem::take(message).digits(number, &text[text.len() - width..]);
}

/// In how many pieces a slow answer comes.
const PIECES: usize = 4;

/// The way of an answer.
fn deliver(mut frame: Vec<u8>, actions: &[Action], trace: Option<String>, words: &mut Vec<String>) -> Vec<Order> {
    let (mut after, mut times, mut cut, mut lost, mut slow) = (Duration::ZERO, 1, None, false, None);
    for action in actions {
        match action {
            Action::Late(late) => {
                after = (*late).into();
                words.push(format!("late {late}"));
            }
            Action::Slow(time) => {
                slow = Some(Duration::from(*time));
                words.push(format!("slow, over {time}"));
            }
            Action::Twice => {
                times = 2;
                words.push("twice".into());
            }
            Action::Cut(bytes) => {
                cut = Some(usize::from(*bytes).min(frame.len()));
                words.push(format!("cut after {bytes} of {} bytes", frame.len()));
            }
            Action::Lost => {
                lost = true;
                words.push("lost".into());
            }
            Action::Garbage(garbage) => {
                frame = garbage.bytes();
                words.push(format!("{} other bytes in its place", frame.len()));
            }
            Action::Length(length) => {
                if let Some(field) = frame.first_chunk_mut::<2>() {
                    // A number from 0 to 65535.
                    *field = [(length.0 >> 8) as u8, length.0 as u8];
                }
                words.push(format!("its length says {}", length.0));
            }
            Action::NextPage(cursor) => words.push(format!("the next page begins at {}", cursor.0)),
            Action::Wrong(part) => words.push(format!("wrong {}", format!("{part:?}").to_lowercase())),
            _ => {}
        }
    }
    if lost {
        return Vec::new();
    }
    let bytes = frame[..cut.unwrap_or(frame.len())].to_vec();
    let close = cut.is_some();
    let Some(slow) = slow else { return vec![Order::Send { bytes, after, close, trace }; times] };
    let pieces: Vec<&[u8]> = bytes.chunks(bytes.len().div_ceil(PIECES).max(1)).collect();
    let last = pieces.len().saturating_sub(1);
    let send = |(place, piece): (usize, &&[u8])| {
        let part = u32::try_from(place).unwrap_or(0);
        let after = after + slow * part / u32::try_from(last.max(1)).unwrap_or(1);
        Order::Send { bytes: piece.to_vec(), after, close: close && place == last, trace: trace.clone() }
    };
    pieces.iter().enumerate().map(send).collect()
}
