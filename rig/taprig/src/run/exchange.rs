//! One exchange: the card answers a command of the reader.

use std::time::{Duration, Instant};

use taprig_card::{Card, Reply};
use taprig_model::event::{Body, Bytes, Exchange, Source};
use taprig_model::expect::CommandName;
use taprig_model::step::{Fault, Injection};
use taprig_model::units::Duration as Wait;

use taprig_bench::card_side::{Answer, CardNote, CardSide};
use taprig_bench::link::LinkError;
use taprig_record::Scope;
use taprig_record::units::micros;

/// A command that waits for its answer.
pub(super) struct Asked<'a> {
    /// The note that brought it.
    pub(super) note: &'a CardNote,
    /// The card side's number of the command.
    pub(super) number: u16,
    /// The command.
    pub(super) command: &'a [u8],
    /// Number of the exchange in its tap, from 1.
    pub(super) exchange: u32,
}

/// The card carries out a command, and its answer does not reach the reader. `why` is what came between.
pub(super) fn unanswered(card: &mut Card, scope: &Scope, asked: &Asked<'_>, why: String) {
    card.respond(asked.command);
    scope.emit_at(
        Instant::now(),
        asked.note.board_us,
        Source::Emulator,
        Body::Exchange(Exchange {
            number: asked.exchange,
            command: Bytes(asked.command.to_vec()),
            response: None,
            fault: Some(why),
            air_us: asked.note.air_us,
            host_us: None,
        }),
    );
}

/// Sends the card's answer to a command, with a fault if one is injected, and emits what passed. Returns the host's share
/// of the exchange: the time from reading the last byte of the command to writing the last byte of the answer, without the
/// card's signature.
pub(super) async fn answer(
    card: &mut Card,
    side: &mut dyn CardSide,
    scope: &Scope,
    asked: &Asked<'_>,
    injected: Option<&Injection>,
) -> Result<Duration, LinkError> {
    let Asked { note, number, command, exchange } = *asked;
    let name = CommandName::of(command);
    let thinking = Instant::now();
    let injected_fault = injected.map(|injection| injection.fault);
    let reply = match injected_fault {
        Some(Fault::Unheard) => Reply { name, response: vec![], delay: Wait::default(), mute: false },
        _ => card.respond(command),
    };
    let thought = thinking.elapsed();
    let fault = if reply.mute { Some(Fault::Mute) } else { injected_fault };
    side.answer(number, Answer { response: reply.response.clone(), delay: reply.delay, fault }).await?;
    // The dynamic signature is computed during these commands. This time counts as the card's, not as the rig's.
    let own =
        if matches!(name, CommandName::Gpo | CommandName::InternalAuthenticate) { thought } else { Duration::ZERO };
    let host = note.seen.elapsed().saturating_sub(own);
    if let Some(injection) = injected {
        scope.emit(
            Source::Rig,
            Body::Injected {
                at: injection.at.to_string(),
                fault: injection.fault.name().to_owned(),
                values: injection.fault.values().into_iter().collect(),
            },
        );
    }
    scope.emit_at(
        Instant::now(),
        note.board_us,
        Source::Emulator,
        Body::Exchange(Exchange {
            number: exchange,
            command: Bytes(command.to_vec()),
            response: (!reply.mute && injected_fault != Some(Fault::Unheard)).then_some(Bytes(reply.response)),
            fault: injected.map(ToString::to_string),
            air_us: note.air_us,
            host_us: Some(micros(host)),
        }),
    );
    Ok(host)
}
