//! What riders, crew and bank do, one act after the other, and what they see of it. The power of the validator may be cut at
//! any time: whoever was interrupted tries again when it is back.

use super::riders::Rider;

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// A rider holds the card to the reader. If the power is cut, the rider tries again. In the end so many rides are to be
    /// paid.
    Tap {
        /// Which rider.
        rider: usize,
        /// 1 for a ride, 0 for a rider who is to be refused.
        rides: usize,
    },
    /// The crew gives a command.
    Say(String),
    /// The crew has the validator do something with its host, and waits for its end.
    Work(&'static str),
    /// The validator does this with its host by itself. If the power is cut, it may have been done, so nobody waits for it
    /// any more.
    Hear(&'static str),
}

impl Act {
    /// What it is called in a table.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Tap { rides: 0, .. } => "tap without a claim".into(),
            Self::Tap { .. } => "tap".into(),
            Self::Say(command) => command.split(' ').take(2).collect::<Vec<_>>().join(" "),
            Self::Work(command) => (*command).into(),
            Self::Hear(what) => format!("{what} by itself"),
        }
    }

    /// What an `! uplink` event calls this work.
    fn work(&self) -> Option<&str> {
        match self {
            Self::Work(command) => command.rsplit(' ').next(),
            Self::Hear(what) => Some(what),
            Self::Tap { .. } | Self::Say(_) => None,
        }
    }
}

/// What was seen of a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenTap {
    /// The act that it belongs to.
    pub(crate) act: usize,
    /// Whether the gate opened.
    pub(crate) gate: bool,
    /// The cryptogram that the card gave.
    pub(crate) signed: Option<[u8; 8]>,
}

/// What somebody does.
pub(crate) enum Do {
    Type(String),
    Present(usize),
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The validator is not ready yet.
    Waits,
    /// The crew tells the validator where the bus is, which it has forgotten without power.
    Tells,
    /// The act has begun.
    Begun,
    /// The validator has told the result of a tap.
    Resulted,
}

/// The acts, and what came of them so far.
#[derive(Clone)]
pub(crate) struct Play {
    pub(crate) riders: Vec<Rider>,
    acts: Vec<Act>,
    at: usize,
    stage: Stage,
    pub(crate) taps: Vec<SeenTap>,
    /// When the validator was ready, in us since its power came on.
    pub(crate) ready_us: Option<u64>,
    /// Lines of the console about something that went wrong, since the power came on.
    pub(crate) troubles: Vec<String>,
}

impl Play {
    pub(crate) fn new(riders: Vec<Rider>) -> Self {
        let acts = Vec::new();
        Self { riders, acts, at: 0, stage: Stage::Waits, taps: vec![], ready_us: None, troubles: vec![] }
    }

    /// Adds acts behind those that are there.
    pub(crate) fn goes_on(&mut self, acts: impl IntoIterator<Item = Act>) {
        self.acts.extend(acts);
    }

    pub(crate) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// The number of the act under way, from 0.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.acts.len()
    }

    /// The power comes on.
    pub(crate) fn power_on(&mut self) {
        let has_begun = matches!(self.stage, Stage::Begun | Stage::Resulted);
        while has_begun && matches!(self.acts.get(self.at), Some(Act::Hear(_))) {
            self.at += 1;
        }
        self.stage = Stage::Waits;
        self.ready_us = None;
        self.troubles.clear();
    }

    /// The command by which the crew told the stop last.
    fn stop(&self) -> Option<String> {
        self.acts[..self.at].iter().rev().find_map(|act| match act {
            Act::Say(command) if command.starts_with("stop ") => Some(command.clone()),
            _ => None,
        })
    }

    fn begin(&mut self) -> Vec<Do> {
        let Some(act) = self.acts.get(self.at) else { return vec![] };
        self.stage = Stage::Begun;
        match act {
            Act::Tap { rider, .. } => {
                let rider = *rider;
                self.riders[rider].card.reset();
                self.taps.push(SeenTap { act: self.at, gate: false, signed: None });
                vec![Do::Present(rider)]
            }
            Act::Say(command) => vec![Do::Type(command.clone())],
            Act::Work(command) => vec![Do::Type((*command).into())],
            Act::Hear(_) => vec![],
        }
    }

    fn end(&mut self) -> Vec<Do> {
        self.at += 1;
        self.begin()
    }

    /// The validator says a line.
    pub(crate) fn hear(&mut self, line: &str, now_us: u64) -> Vec<Do> {
        if line.starts_with("error") || line.starts_with("! fault") {
            self.troubles.push(line.into());
        }
        if line == "! ready" {
            self.ready_us.get_or_insert(now_us);
        }
        let Some(act) = self.acts.get(self.at) else { return vec![] };
        let is_tap = matches!(act, Act::Tap { .. });
        match (self.stage, line) {
            (Stage::Waits, "! ready") => match self.stop() {
                Some(stop) => {
                    self.stage = Stage::Tells;
                    vec![Do::Type(stop)]
                }
                None => self.begin(),
            },
            (Stage::Tells, line) if line.starts_with("ok") || line.starts_with("error") => self.begin(),
            (Stage::Resulted, "! ready") => self.end(),
            (Stage::Begun, "! gate open") if is_tap => {
                if let Some(tap) = self.taps.last_mut() {
                    tap.gate = true;
                }
                vec![]
            }
            (Stage::Begun, line) if is_tap && line.starts_with("! result ") => {
                self.stage = Stage::Resulted;
                vec![Do::Remove]
            }
            (Stage::Begun, line)
                if matches!(act, Act::Say(_)) && (line.starts_with("ok") || line.starts_with("error")) =>
            {
                self.end()
            }
            (Stage::Begun, line)
                if act.work().is_some_and(|work| line.starts_with(&format!("! uplink what={work} "))) =>
            {
                self.end()
            }
            _ => vec![],
        }
    }

    /// The card of the rider who taps answers a command: response, and its own time in us.
    pub(crate) fn answer(&mut self, command: &[u8]) -> (Vec<u8>, u32) {
        let Some(Act::Tap { rider, .. }) = self.acts.get(self.at) else { panic!("nobody taps") };
        let reply = self.riders[*rider].card.respond(command);
        // Tag, length and value of the cryptogram.
        let found = reply.response.windows(11).find(|bytes| bytes.starts_with(&[0x9F, 0x26, 0x08]));
        if let (Some(bytes), Some(tap)) = (found, self.taps.last_mut()) {
            tap.signed = bytes[3..].try_into().ok();
        }
        (reply.response, u32::try_from(std::time::Duration::from(reply.delay).as_micros()).unwrap())
    }
}
