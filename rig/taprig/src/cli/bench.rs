//! `taprig bench`: what stands in a laboratory.

use serde_json::json;
use taprig_bench::{Held, held};
use taprig_case::project::Fixture;
use taprig_case::{Problems, Project};
use taprig_model::bench::Bench as BenchFile;

use super::{Exit, Format, print};

/// Arguments of `taprig bench list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// A bench of the project, and the slots that somebody holds.
struct Listed {
    name: String,
    file: BenchFile,
    held: Vec<Held>,
}

pub(super) fn list(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let all = held();
    let mut benches = Vec::new();
    for name in project.names(Fixture::Bench) {
        let file: BenchFile = project.load(Fixture::Bench, &name)?;
        let held = all.iter().filter(|held| held.bench == name).cloned().collect();
        benches.push(Listed { name, file, held });
    }
    Ok(print(&match args.format {
        Format::Human => table(&benches),
        Format::Json => format!("{}\n", json!({ "benches": benches.iter().map(as_json).collect::<Vec<_>>() })),
    }))
}

fn as_json(bench: &Listed) -> serde_json::Value {
    let holder = |held: &Held| json!({ "slot": held.slot, "holder": held.holder });
    json!({
        "name": bench.name,
        "title": bench.file.title,
        "device": bench.file.device,
        "card-side": bench.file.card.kind(),
        "shared": bench.file.is_shared(),
        "held": bench.held.iter().map(holder).collect::<Vec<_>>(),
    })
}

fn table(benches: &[Listed]) -> String {
    let width = benches.iter().map(|bench| bench.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Listed { name, file, held } in benches {
        text += &format!("{name:width$}  {}\n", file.title);
        for held in held {
            let who = held.holder.as_ref().map_or_else(
                || "somebody takes it at this moment".to_owned(),
                |holder| format!("since {}: {holder}", utc(holder.since)),
            );
            // A bench whose parts all run on this host can be used several times at once.
            let slot = if file.is_shared() { format!("slot {} in use ", held.slot) } else { "in use ".to_owned() };
            text += &format!("{:width$}  {slot}{who}\n", "");
        }
    }
    text
}

/// A time of day in UTC.
fn utc(seconds: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(0)).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
