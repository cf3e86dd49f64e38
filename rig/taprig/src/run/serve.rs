//! A card that is served: it stays at the reader and answers whatever activates it. No validator takes part.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use taprig_bench::BenchError;
use taprig_bench::card_side::{CardSide, What};
use taprig_card::Card;
use taprig_model::event::{Body, Bytes, Role, Source};
use taprig_record::Scope;

use super::exchange::{self, Asked};

/// The longest wait for a note. Nothing happens when it has passed, because a reader may rest as long as it likes.
const LONG: Duration = Duration::from_secs(3600);

/// What a served card has done so far.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// How often a reader has activated the card.
    pub activations: u32,
    /// The host's share of each exchange: the time from reading the last byte of the command to writing the last byte of
    /// the answer, without the card's signature.
    pub host: Vec<Duration>,
}

impl Served {
    /// The host's share that this many of 100 exchanges do not exceed. It is `None` if there was no exchange.
    #[must_use]
    pub fn percentile(&self, of_100: usize) -> Option<Duration> {
        let mut sorted = self.host.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((sorted.len() * of_100).div_ceil(100).saturating_sub(1).min(last)).copied()
    }
}

/// Holds `card` to the reader of `side` and answers every command, until this future is dropped. `scope` receives
/// everything that happens. The caller takes the card away.
///
/// # Errors
/// [`BenchError`] if the side fails.
pub async fn serve(
    side: &mut dyn CardSide,
    name: &str,
    card: &mut Card,
    scope: &Scope,
    served: &mut Served,
) -> Result<Infallible, BenchError> {
    card.reset();
    side.configure(&card.front(), None, false).await?;
    let (mut tap, mut exchanges) = (0, 0);
    loop {
        tap += 1;
        scope.emit(Source::Rig, Body::Presented { tap, card: name.to_owned() });
        side.present().await?;
        loop {
            let Some(note) = side.note(tokio::time::Instant::now() + LONG).await? else { continue };
            let tell = |body| scope.emit_at(Instant::now(), note.board_us, Source::Emulator, body);
            match &note.what {
                What::Command { number, command } => {
                    exchanges += 1;
                    let asked = Asked { note: &note, number: *number, command, exchange: exchanges };
                    served.host.push(exchange::answer(card, side, scope, &asked, None).await?);
                }
                What::Activated { fsd } => {
                    // A card that is activated anew has forgotten what was selected.
                    card.reset();
                    exchanges = 0;
                    served.activations += 1;
                    tell(Body::Activated { fsd: *fsd });
                }
                What::Field { on } => tell(Body::Field { on: *on, air_us: Some(note.air_us) }),
                What::Released(how) => tell(Body::Released { how: *how }),
                What::Frame { from_card, short, late, bytes } => {
                    let (from_card, short, late, bytes) = (*from_card, *short, *late, Bytes(bytes.clone()));
                    tell(Body::Frame { from_card, short, bytes, masked: false, late, air_us: Some(note.air_us) });
                }
                What::Trouble(text) => tell(Body::Note { text: text.clone() }),
                What::Removed(traffic) => {
                    tell(Body::Removed { traffic: *traffic, air_us: note.air_us });
                    break;
                }
                What::Started => {
                    let why = "it started again while it held the card".into();
                    return Err(BenchError::Ended { role: Role::Emulator, why });
                }
                What::CaughtUp => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_the_hosts_share() {
        let served =
            |count: u64| Served { activations: 1, host: (1..=count).rev().map(Duration::from_micros).collect() };
        assert_eq!(served(0).percentile(50), None);
        for of_100 in [0, 1, 50, 99, 100] {
            assert_eq!(served(1).percentile(of_100), Some(Duration::from_micros(1)));
        }
        assert_eq!(served(200).percentile(50), Some(Duration::from_micros(100)));
        assert_eq!(served(200).percentile(99), Some(Duration::from_micros(198)));
        assert_eq!(served(200).percentile(100), Some(Duration::from_micros(200)));
    }
}
