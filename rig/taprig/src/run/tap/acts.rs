//! Acts of the rig in the middle of a tap: the reader has sent a command, and waits for the answer.

use taprig_bench::card_side::{CardNote, What};
use taprig_bench::{BenchError, Links};
use taprig_model::event::{Body, Source};
use taprig_model::step::{Act, Beside, During};
use taprig_record::units::micros;
use tokio::time::Instant;

use super::super::exchange::{self, Asked};
use super::{ORDER, Scene, not_removed};

/// An act whose command has come.
pub(super) struct Due<'a> {
    pub(super) during: &'a During,
    /// The note with the command.
    pub(super) note: CardNote,
}

impl Scene<'_> {
    /// Does what is due.
    pub(super) async fn act(&mut self, due: Due<'_>, links: &mut Links) -> Result<(), BenchError> {
        let Due { during: During { at, act }, note } = due;
        let What::Command { number, command } = &note.what else { return Ok(()) };
        self.scope.emit(Source::Rig, Body::Acted { at: at.to_string(), act: act.to_string() });
        if let Act::Console(console) = act {
            links.validator.say(&console.send).await?;
            self.said.push(console.send.clone());
            return self.command(*number, command, &note, links).await;
        }
        self.commands += 1;
        let asked = Asked { note: &note, number: *number, command, exchange: self.commands };
        exchange::unanswered(self.card, self.scope, &asked, act.to_string());
        match act {
            Act::Away { time, beside } => self.away((*time).into(), *beside, links).await,
            // Whoever plays the tap has the power switch.
            Act::PowerCycle | Act::Console(_) => {
                self.power_cut = true;
                Ok(())
            }
        }
    }

    /// The card leaves the field and comes back.
    async fn away(
        &mut self,
        time: std::time::Duration,
        beside: Option<Beside>,
        links: &mut Links,
    ) -> Result<(), BenchError> {
        self.scope.emit(Source::Rig, Body::InField { there: false });
        links.card.remove().await?;
        let deadline = Instant::now() + ORDER;
        self.serve(links, deadline, |scene| scene.removed.is_some()).await?;
        let Some(traffic) = self.removed.take() else { return Err(not_removed()) };
        self.traffic_before = self.traffic_before.and(&traffic);
        self.card.reset();
        if beside != self.beside {
            links.card.configure(&self.card.front(), beside, self.reports_frames).await?;
            self.beside = beside;
        }
        self.serve(links, Instant::now() + time, |scene| scene.restarted).await?;
        self.returns_at = Some(self.last_air_us + micros(time));
        links.card.present().await?;
        Ok(())
    }

    /// Gives a note its time since the tap began, and notices that the card is back. What the card side reports until then is older.
    pub(super) fn heed(&mut self, note: &mut CardNote) {
        // The card side counts from zero again when the card is there. Without a card its count stands still.
        let is_back =
            note.air_us < self.counted_us || matches!(note.what, What::Activated { .. } | What::Command { .. });
        if is_back && let Some(returns_at) = self.returns_at.take() {
            self.air_before = returns_at;
            self.scope.emit(Source::Rig, Body::InField { there: true });
        }
        self.counted_us = note.air_us;
        note.air_us += self.air_before;
        self.last_air_us = note.air_us;
    }
}
