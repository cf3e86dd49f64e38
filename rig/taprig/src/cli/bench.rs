//! `taprig bench`: what stands in a laboratory, and in what state it is.

pub(super) mod check;

use serde_json::json;
use taprig_bench::wedged::{self, Wedged, utc};
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

/// Arguments of `taprig bench clear`.
#[derive(Debug, clap::Args)]
pub(crate) struct Clear {
    /// Bench: a name in fixtures/benches, or a file.
    bench: String,
}

/// A bench of the project, the slots that somebody holds, and its mark if it is wedged.
struct Listed {
    name: String,
    file: BenchFile,
    held: Vec<Held>,
    wedged: Option<Wedged>,
}

impl Listed {
    fn state(&self) -> &'static str {
        match (&self.wedged, self.held.is_empty()) {
            (Some(_), _) => "wedged",
            (None, false) => "in use",
            (None, true) => "free",
        }
    }
}

pub(super) fn list(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let all = held();
    let mut benches = Vec::new();
    for name in project.names(Fixture::Bench) {
        let file: BenchFile = project.load(Fixture::Bench, &name)?;
        let held = all.iter().filter(|held| held.bench == name).cloned().collect();
        let wedged = wedged::wedged(&name);
        benches.push(Listed { name, file, held, wedged });
    }
    Ok(print(&match args.format {
        Format::Human => table(&benches),
        Format::Json => format!("{}\n", json!({ "benches": benches.iter().map(as_json).collect::<Vec<_>>() })),
    }))
}

/// Lifts the mark of a wedged bench.
pub(super) fn clear(project: &Project, args: &Clear) -> Result<Exit, Problems> {
    let path = project.meant(Fixture::Bench, &args.bench)?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(&args.bench);
    Ok(match wedged::clear(name) {
        Ok(Some(lifted)) => print(&format!("the bench {name} is free again. It was wedged {lifted}\n")),
        Ok(None) => print(&format!("the bench {name} was not wedged\n")),
        Err(error) => super::bench_failed(&error),
    })
}

fn as_json(bench: &Listed) -> serde_json::Value {
    let holder = |held: &Held| json!({ "slot": held.slot, "holder": held.holder });
    json!({
        "name": bench.name,
        "title": bench.file.title,
        "device": bench.file.device,
        "card-side": bench.file.card.kind(),
        "shared": bench.file.is_shared(),
        "state": bench.state(),
        "wedged": bench.wedged,
        "held": bench.held.iter().map(holder).collect::<Vec<_>>(),
    })
}

fn table(benches: &[Listed]) -> String {
    let width = benches.iter().map(|bench| bench.name.len()).max().unwrap_or(0);
    let state = benches.iter().map(|bench| bench.state().len()).max().unwrap_or(0);
    let mut text = String::new();
    for bench in benches {
        let Listed { name, file, held, wedged } = bench;
        text += &format!("{name:width$}  {:state$}  {}\n", bench.state(), file.title);
        if let Some(wedged) = wedged {
            text += &format!("{:width$}  wedged {wedged}; `taprig bench clear {name}` lifts this\n", "");
        }
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
