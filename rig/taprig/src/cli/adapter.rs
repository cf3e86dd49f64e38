//! `taprig adapter check`: tries an adapter program.

use std::path::{Path, PathBuf};

use taprig_bench::validator_side::adapter::check::{Report, Subject, check};
use taprig_bench::with_causes;
use taprig_case::{Diagnostic, Problems};
use taprig_model::device::Deadlines;
use taprig_model::settings::Settings;
use taprig_model::units::Duration;

use super::{Exit, print, rig_failed};

/// Arguments of `taprig adapter`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Try every request, and wrong ones. Exit code 1 means that the program breaks the protocol.
    Check(CheckArgs),
}

/// Arguments of `taprig adapter check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// A value for the program, such as `port=/dev/ttyUSB0`. It may be given several times.
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The longest time that a reply may take.
    #[arg(long, default_value = "2 s")]
    reply: Duration,
    /// The longest time until the device is ready.
    #[arg(long, default_value = "5 s")]
    ready: Duration,
    /// The program and its arguments, after `--`.
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The settings that the check gives the device.
fn settings() -> Result<Settings, serde_json::Error> {
    serde_json::from_value(serde_json::json!({
        "clock": "2018-05-21T08:00:00",
        "line": "1",
        "route": "outbound",
        "fare": "1.00 CNY",
        "tx-limit": "none",
        "mode": "oda",
        "retap": "3 s",
        "keys": [],
        "deny-list": [],
        "revoked": [],
    }))
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let Command::Check(args) = &args.command;
    let settings = match settings() {
        Ok(settings) => settings,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let subject = Subject {
        command: args.program.clone(),
        parameters: args.parameters.iter().cloned().collect(),
        folder: PathBuf::from("."),
        settings,
        keys: vec![],
        deadlines: Deadlines { reply: args.reply, ready: args.ready },
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let program = args.program.join(" ");
    let report = runtime
        .block_on(check(&subject))
        .map_err(|error| Diagnostic::of_file(Path::new(&program), with_causes(&error)))?;
    match (print(&text(&program, &report)), report.wrong.is_empty()) {
        (Exit::Ok, false) => Ok(Exit::CaseFailed),
        (exit, _) => Ok(exit),
    }
}

fn text(program: &str, report: &Report) -> String {
    let mut text = match &report.name {
        Some(name) => format!("{program}: {name}\n"),
        None => format!("{program}\n"),
    };
    let parts = [
        ("can", &report.can),
        ("lacks", &report.lacks),
        ("failed now, which is no fault of the protocol", &report.failed),
        ("breaks the protocol", &report.wrong),
        ("standard error", &report.noise),
    ];
    for (title, lines) in parts {
        if !lines.is_empty() {
            text += &format!("{title}\n");
            lines.iter().for_each(|line| text += &format!("  {line}\n"));
        }
    }
    text += if report.wrong.is_empty() { "it keeps the protocol\n" } else { "it breaks the protocol\n" };
    text
}
