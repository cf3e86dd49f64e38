//! Converts the card's side of a tap to lines, one event at a time.

use super::air::Air;
use super::render::console_reply;
use taprig_model::event::{Body, Release, Traffic};
use taprig_model::units::Money;
use taprig_record::decode::{Dialogue, View};

/// The text of a tap. It needs the events of the card side in order, and nothing that comes later, so it can be shown
/// while the tap goes on.
#[derive(Debug)]
pub struct TapText {
    view: View,
    dialogue: Dialogue,
    air: Air,
    faulty: bool,
    /// The card is away in the middle of the tap. How often the reader looks for it is a matter of time.
    away: bool,
}

impl TapText {
    /// The text at the start of a tap. `faulty` says whether the case disturbs the link.
    #[must_use]
    pub fn new(view: View, faulty: bool) -> Self {
        Self { view, dialogue: Dialogue::new(view), air: Air::new(), faulty, away: false }
    }

    /// The lines of an event, without a margin. Events that say nothing to a reader have none.
    pub fn lines(&mut self, body: &Body) -> Vec<String> {
        match body {
            Body::Presented { card, .. } => vec![format!("present {card}")],
            Body::Activated { fsd: Some(fsd) } => vec![format!("activated, FSD {fsd}")],
            Body::Activated { fsd: None } => vec!["activated".to_owned()],
            Body::InField { there } => {
                self.away = !there;
                vec![if *there { "back in the field" } else { "away from the field" }.to_owned()]
            }
            Body::Frame { .. } if self.away => vec![],
            Body::Injected { .. } | Body::Frame { .. } => self.frame(body).into_iter().collect(),
            Body::Exchange(exchange) => {
                self.frame(body);
                self.dialogue.lines(exchange)
            }
            Body::Acted { at, act } => vec![format!("{act} at {at}")],
            Body::ConsoleReply(reply) => console_reply(reply, self.view),
            Body::Released { how } => vec![release(*how).to_owned()],
            // This is shown only if the case disturbs the link. On real air a block may be lost at any time.
            Body::Removed { traffic: Traffic { retries, .. }, .. } if self.faulty => {
                vec![format!("removed, {retries} blocks asked for again")]
            }
            Body::Balance { fen } => vec![format!("card holds {}", Money::from_fen(*fen))],
            _ => vec![],
        }
    }

    /// The line of a frame. Of other events, it heeds what the words for later frames depend on. It decodes no exchange.
    pub fn frame(&mut self, body: &Body) -> Option<String> {
        match body {
            Body::Injected { fault, values, .. } => {
                self.air.injected(fault, values);
                None
            }
            Body::Frame { from_card, short, bytes, .. } => self.air.line(*from_card, *short, bytes),
            Body::Exchange(_) => {
                self.air.answered();
                None
            }
            _ => None,
        }
    }
}

fn release(how: Release) -> &'static str {
    match how {
        Release::Deselected => "deselected",
        Release::Halted => "halted",
        Release::FieldOff => "field off",
    }
}
