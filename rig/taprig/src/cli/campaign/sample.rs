//! `taprig campaign sample`: how many buses of a lot have to be tested.

use std::path::Path;

use taprig_campaign::sample::{LARGEST, Risk, accepted, size};
use taprig_case::{Diagnostic, Problems};
use taprig_model::units::Percent;

use super::{Exit, print};

/// Arguments of `taprig campaign sample`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of buses in the lot.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(LARGEST)))]
    lot: u32,
    /// Number of bad buses in the lot that have to be found: at least one of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    bad: u32,
    /// In how many of 100 campaigns they have to be found, such as `95 %`.
    #[arg(long, value_name = "SHARE", default_value = "95 %")]
    assurance: Percent,
    /// Say what a sample of this size finds, in place of computing a size.
    #[arg(long, value_name = "N")]
    size: Option<u32>,
    /// The largest number of bad buses in the sample with which the lot is still accepted.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "size")]
    accept: u32,
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let wrong = |argument: &str, what: String| Err(Diagnostic::of_file(Path::new(argument), what).into());
    if args.bad > args.lot {
        return wrong("--bad", format!("a lot of {} buses can't have {} bad ones", args.lot, args.bad));
    }
    if let Some(size) = args.size.filter(|size| *size > args.lot) {
        return wrong("--size", format!("a lot of {} buses has no sample of {size}", args.lot));
    }
    let risk = Risk { bad: args.bad, assurance: args.assurance };
    let sample = args.size.unwrap_or_else(|| size(args.lot, risk));
    let passes = accepted(args.lot, args.bad, sample, args.accept);
    let bad = if args.bad == 1 { "one bad bus".to_owned() } else { format!("{} bad buses", args.bad) };
    let finds = format!("finds {bad} of {} in {} of 100 campaigns", args.lot, passes.not().per_cent());
    Ok(print(&match args.accept {
        0 => format!("A test of {sample} of {} buses {finds}.\n", args.lot),
        accept => format!(
            "A test of {sample} of {} buses that accepts the lot with {accept} bad in the sample {finds}: it accepts such a lot in {} of 100.\n",
            args.lot,
            passes.per_cent()
        ),
    }))
}
