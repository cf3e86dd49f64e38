//! `taprig serve`: holds one card to any reader and shows the exchange until Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use taprig::display::{Out, Serving};
use taprig::run::serve::{Served, serve};
use taprig::run::station::{Station, Stop};
use taprig_bench::card_side::CardSide;
use taprig_bench::card_side::virtual_reader::VirtualReader;
use taprig_bench::{Bench, BenchError, Config, open_card_alone};
use taprig_card::Card;
use taprig_case::baseline::Mode;
use taprig_case::{Problems, Project, Workshop};
use taprig_model::address::Address;
use taprig_model::situation::Situation;
use taprig_record::{Options, Recorder};

use super::fixture::{DEFAULT_PROFILE, card, situation};
use super::{Exit, config, interrupt, say, shown};

/// The card side that needs no bench file.
const VIRTUAL_READER: &str = "virtual-reader";

/// Arguments of `taprig serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Card image: a name in fixtures/cards, or a file.
    card: String,
    /// What holds the card: `virtual-reader`, or a bench whose card side is used (a name in fixtures/benches, or a file).
    #[arg(long, default_value = VIRTUAL_READER)]
    on: String,
    /// Validator profile, for a bench whose boards run on this host. Its validator is the only reader there.
    #[arg(long, default_value = DEFAULT_PROFILE)]
    validator: String,
}

/// A card, and what it has done so far.
struct Serve {
    name: String,
    card: Card,
    served: Served,
}

/// What holds the card.
enum On {
    /// The virtual reader of the machine.
    VirtualReader,
    /// The card side of a bench. Its validator is not touched.
    CardSide(Arc<Config>),
    /// A bench whose validator is the only reader that the card can meet.
    Bench(Arc<Config>, Box<Situation>),
}

impl On {
    fn read(project: &Project, workshop: &mut Workshop, args: &Args) -> Result<Self, Problems> {
        if args.on == VIRTUAL_READER {
            return Ok(Self::VirtualReader);
        }
        let config = config(project, &args.on)?;
        if config.card_stands_alone() {
            return Ok(Self::CardSide(config));
        }
        let (_, situation) = situation(project, workshop, &args.validator)?;
        Ok(Self::Bench(config, Box::new(situation)))
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut workshop = Workshop::new(project);
    let on = On::read(project, &mut workshop, args)?;
    let (name, card) = card(project, &mut workshop, &args.card)?;
    let mut serve = Serve { name, card, served: Served::default() };
    if let On::CardSide(config) | On::Bench(config, _) = &on
        && let Some(exit) = super::refused(config)
    {
        return Ok(exit);
    }

    let serving = Serving::new(Out::new(std::io::stdout()));
    let (failure, (faults, failed)) = (serving.failure(), super::faults());
    let recorder = match Recorder::start(None, Options::default(), vec![serving.listener(), faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let ended = match on {
        On::Bench(config, situation) => {
            match Station::new(config, recorder.clone(), project.root().to_owned(), Mode::Compare) {
                Ok(station) => serve.on_a_bench(station, &situation, &recorder, &stop),
                Err(error) => return Ok(super::rig_failed(&error)),
            }
        }
        alone => match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(serve.on_a_side(&alone, &recorder, &stop)),
            Err(error) => return Ok(super::rig_failed(&error)),
        },
    };
    recorder.flush();
    match ended {
        Ok(()) => {
            say(&summary(&serve.served));
            if failed.load(Ordering::Acquire) { Ok(Exit::RigFailed) } else { Ok(shown(&failure)) }
        }
        Err(error) => Ok(super::bench_failed(&error)),
    }
}

impl Serve {
    /// Serves until it is stopped, on a card side that no validator belongs to.
    async fn on_a_side(&mut self, on: &On, recorder: &Recorder, stop: &Stop) -> Result<(), BenchError> {
        let scope = recorder.scope();
        let mut side: Box<dyn CardSide> = match on {
            On::VirtualReader => Box::new(VirtualReader::new(Address::vpcd().as_str(), Arc::new(|_, _| ()))),
            On::CardSide(config) | On::Bench(config, _) => open_card_alone(config, &scope).await?,
        };
        tokio::select! {
            biased;
            () = stop.stopped() => {}
            failed = serve(&mut *side, &self.name, &mut self.card, &scope, &mut self.served) => match failed? {},
        }
        side.remove().await?;
        side.close().await;
        Ok(())
    }

    /// Serves until it is stopped, to the validator of a bench.
    fn on_a_bench(
        &mut self,
        mut station: Station,
        situation: &Situation,
        recorder: &Recorder,
        stop: &Stop,
    ) -> Result<(), BenchError> {
        let ended = station.with_bench(stop, async |bench: &mut Bench| {
            let nonce = std::process::id().to_be_bytes().repeat(2).try_into().unwrap_or_default();
            bench.situate(situation, nonce).await?;
            let Some(links) = bench.links() else { return Ok(()) };
            match serve(&mut *links.card, &self.name, &mut self.card, &recorder.scope(), &mut self.served).await? {}
        });
        ended.map(drop)
    }
}

fn summary(served: &Served) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let activations = count(served.activations as usize, "activation");
    let exchanges = count(served.host.len(), "exchange");
    let host = match (served.percentile(50), served.percentile(99)) {
        (Some(median), Some(most)) => {
            let (median, most) = (median.as_micros(), most.as_micros());
            format!("; the host's share of an exchange: median {median} us, 99th percentile {most} us")
        }
        _ => String::new(),
    };
    format!("taprig: the card is taken away after {activations} and {exchanges}{host}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_card_has_done_is_summed_up() {
        let text = summary(&Served::default());
        assert_eq!(text, "taprig: the card is taken away after 0 activations and 0 exchanges");
        let text = summary(&Served { activations: 1, host: vec![Duration::from_micros(50)] });
        assert_eq!(
            text,
            "taprig: the card is taken away after 1 activation and 1 exchange; the host's share of an exchange: median 50 us, \
             99th percentile 50 us"
        );
    }
}
