//! Acts of a validator, and the phases of each act as events show them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::Body as Happened;
use taprig_model::event::{Body, Event, Signal, Word};
use taprig_model::expect::Gate;

/// Something that a validator does, in which its power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It waits for a card.
    Idle,
    /// It starts.
    Start,
    /// It serves a card.
    Tap,
    /// It claims rides.
    Upload,
    /// It closes a batch.
    Settle,
    /// It downloads a deny list.
    Download,
    /// It takes a card on its deny list.
    Bar,
    /// It takes another fare.
    Fare,
}

impl Act {
    /// All acts.
    pub const ALL: [Self; 8] =
        [Self::Idle, Self::Start, Self::Tap, Self::Upload, Self::Settle, Self::Download, Self::Bar, Self::Fare];

    /// Its name in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Start => "start",
            Self::Tap => "tap",
            Self::Upload => "upload",
            Self::Settle => "settlement",
            Self::Download => "list download",
            Self::Bar => "list entry",
            Self::Fare => "settings",
        }
    }
}

/// A part of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// All of an act that shows nothing between its beginning and its end.
    Whole,
    /// A tap until the card is activated.
    Activation,
    /// A tap until the card has answered the last command.
    Exchange,
    /// A tap from the last answer of the card until the gate opens: the ride is checked and written.
    AfterLastCommand,
    /// A tap from the gate on.
    AfterGate,
    /// A work with the acquirer until its first message of its own: the sign-on, if there is one.
    SignOn,
    /// Claims or pages, until the last one has come to the acquirer.
    Messages,
    /// From the last message to the acquirer until the end of the work: its answer, and what the validator writes then.
    LastAnswer,
    /// The act was over when the power was cut.
    Over,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "all of it",
            Self::Activation => "activation",
            Self::Exchange => "exchange",
            Self::AfterLastCommand => "after the last command",
            Self::AfterGate => "after the gate opened",
            Self::SignOn => "sign-on",
            Self::Messages => "messages",
            Self::LastAnswer => "last answer",
            Self::Over => "just after its end",
        })
    }
}

/// The phases in which the power is cut.
pub const PHASES: [(Act, Phase); 17] = [
    (Act::Idle, Phase::Whole),
    (Act::Start, Phase::Whole),
    (Act::Tap, Phase::Activation),
    (Act::Tap, Phase::Exchange),
    (Act::Tap, Phase::AfterLastCommand),
    (Act::Tap, Phase::AfterGate),
    (Act::Upload, Phase::SignOn),
    (Act::Upload, Phase::Messages),
    (Act::Upload, Phase::LastAnswer),
    (Act::Settle, Phase::SignOn),
    (Act::Settle, Phase::Messages),
    (Act::Settle, Phase::LastAnswer),
    (Act::Download, Phase::SignOn),
    (Act::Download, Phase::Messages),
    (Act::Download, Phase::LastAnswer),
    (Act::Bar, Phase::Whole),
    (Act::Fare, Phase::Whole),
];

/// How far an act has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    activated: bool,
    exchanges: usize,
    gate: bool,
    /// Messages to the acquirer that are the work's own.
    messages: usize,
}

impl Progress {
    /// Counts an event of an act.
    fn count(&mut self, act: Act, event: &Event) {
        match &event.body {
            Body::Activated { .. } => self.activated = true,
            Body::Exchange(_) => self.exchanges += 1,
            Body::Signal { signal: Signal::Gate { gate: Word::Known(Gate::Open) }, .. } => self.gate = true,
            Body::Acquirer { happened } => {
                if let Happened::Heard(heard) = &**happened {
                    let own = match act {
                        Act::Upload => heard.message == Some(MessageKind::Ride),
                        Act::Settle => {
                            matches!(heard.message, Some(MessageKind::Settlement | MessageKind::BatchUpload))
                        }
                        Act::Download => heard.message == Some(MessageKind::ListPage),
                        Act::Idle | Act::Start | Act::Tap | Act::Bar | Act::Fare => false,
                    };
                    self.messages += usize::from(own);
                }
            }
            _ => {}
        }
    }

    /// The progress that these events of an act show.
    #[must_use]
    pub fn of<'a>(act: Act, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut progress = Self::default();
        events.into_iter().for_each(|event| progress.count(act, event));
        progress
    }

    /// The phase that an act has come to, if a whole one comes to `whole`.
    #[must_use]
    pub fn phase(&self, act: Act, whole: &Self) -> Phase {
        match act {
            Act::Idle | Act::Start | Act::Bar | Act::Fare => Phase::Whole,
            Act::Tap if self.gate => Phase::AfterGate,
            Act::Tap if !self.activated => Phase::Activation,
            Act::Tap if self.exchanges < whole.exchanges => Phase::Exchange,
            Act::Tap => Phase::AfterLastCommand,
            Act::Upload | Act::Settle | Act::Download => match self.messages {
                0 => Phase::SignOn,
                messages if messages < whole.messages => Phase::Messages,
                _ => Phase::LastAnswer,
            },
        }
    }
}

/// A whole play of an act.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// How far it came.
    pub whole: Progress,
    /// When each phase began and ended, counted from the beginning of the act.
    pub phases: BTreeMap<Phase, (Duration, Duration)>,
}

impl Observed {
    /// What the events of a whole play show. The play began at `began_us` on the clock of the events and took `took`.
    #[must_use]
    pub fn of(act: Act, events: &[Event], began_us: u64, took: Duration) -> Self {
        let whole = Progress::of(act, events);
        let mut phases = BTreeMap::new();
        let (mut progress, mut from) = (Progress::default(), Duration::ZERO);
        for event in events {
            let before = progress.phase(act, &whole);
            progress.count(act, event);
            if progress.phase(act, &whole) != before {
                let at = Duration::from_micros(event.at_us.saturating_sub(began_us)).max(from);
                phases.insert(before, (from, at));
                from = at;
            }
        }
        phases.insert(progress.phase(act, &whole), (from, took.max(from)));
        Self { whole, phases }
    }

    /// When a phase began and ended. A phase that did not show has no length.
    #[must_use]
    pub fn span(&self, phase: Phase) -> (Duration, Duration) {
        self.phases.get(&phase).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Exchange, Source};

    fn event(at_us: u64, body: Body) -> Event {
        Event { at_us, board_us: None, bench: None, case: None, source: Source::Rig, body, numbers: vec![] }
    }

    #[test]
    fn a_tap_goes_through_its_phases_and_their_times_are_those_of_its_events() {
        let gate = Signal::Gate { gate: Word::Known(Gate::Open) };
        let events = [
            event(1_005, Body::Activated { fsd: None }),
            event(1_020, Body::Exchange(Exchange::default())),
            event(1_050, Body::Exchange(Exchange::default())),
            event(1_080, Body::Signal { signal: gate, said: Default::default() }),
        ];
        let us = Duration::from_micros;
        let observed = Observed::of(Act::Tap, &events, 1_000, us(100));
        for (phase, from, to) in [
            (Phase::Activation, 0, 5),
            (Phase::Exchange, 5, 50),
            (Phase::AfterLastCommand, 50, 80),
            (Phase::AfterGate, 80, 100),
        ] {
            assert_eq!(observed.span(phase), (us(from), us(to)), "{phase}");
        }
        let phase = |events: &[Event]| Progress::of(Act::Tap, events).phase(Act::Tap, &observed.whole);
        assert_eq!(phase(&events[..1]), Phase::Exchange);
        assert_eq!(phase(&events[..3]), Phase::AfterLastCommand);
    }
}
