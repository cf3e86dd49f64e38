//! `taprig serve`: holds one card to any reader and shows the exchange until Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use taprig::display::{Out, Serving};
use taprig::run::serve::{Served, serve};
use taprig_bench::BenchError;
use taprig_bench::card_side::CardSide;
use taprig_bench::card_side::virtual_reader::VirtualReader;
use taprig_bench::link::vpcd;
use taprig_case::{Problems, Project, Workshop};
use taprig_model::capability::CardCapability;
use taprig_record::{Options, Recorder};

use super::{Exit, card, interrupt, say, shown};

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
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let (name, mut card) = card(project, &mut Workshop::new(project), Problems::default(), &args.card)?;
    let mut side = VirtualReader::new(vpcd::ADDRESS, Arc::new(|_, _| ()));

    let sees_rats = side.capabilities().can.contains(&CardCapability::Frames);
    let serving = Serving::new(Out::new(std::io::stdout()), sees_rats);
    let (failure, (faults, failed)) = (serving.failure(), super::faults());
    let recorder = match Recorder::start(None, Options::default(), vec![serving.listener(), faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let mut served = Served::default();
    let ended: Result<(), BenchError> = runtime.block_on(async {
        let scope = recorder.scope();
        tokio::select! {
            biased;
            () = stop.stopped() => {}
            failed = serve(&mut side, &name, &mut card, &scope, &mut served) => match failed? {},
        }
        side.remove().await?;
        Box::new(side).close().await;
        Ok(())
    });
    recorder.flush();
    match ended {
        Ok(()) => {
            say(&summary(&served));
            if failed.load(Ordering::Acquire) { Ok(Exit::RigFailed) } else { Ok(shown(&failure)) }
        }
        Err(error) => Ok(super::bench_failed(&error)),
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
