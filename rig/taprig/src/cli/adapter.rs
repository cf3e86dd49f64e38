//! `taprig adapter check`: tries an adapter program.

use std::collections::BTreeMap;
use std::path::Path;

use taprig::setup::claims_beyond;
use taprig_bench::validator_side::adapter::check::{Report, Subject, check};
use taprig_bench::with_causes;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::device::{AdapterProgram, Deadlines, Device};
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
    /// Try every request, and wrong ones. Exit code 1 means that the program breaks the protocol or does not
    /// fit the device file.
    Check(CheckArgs),
}

/// Arguments of `taprig adapter check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The device file of the program: a name in fixtures/devices, or a file. The check then sends only settings that are
    /// not `fixed` there, and says which claims the program can't keep. It takes the program from there, too, unless one
    /// is given.
    #[arg(long)]
    device: Option<String>,
    /// A value for the program, such as `port=/dev/ttyUSB0`. It may be given several times.
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The longest time that a reply may take. The default is that of the device file, or 2 s.
    #[arg(long)]
    reply: Option<Duration>,
    /// The longest time until the device is ready. The default is that of the device file, or 5 s.
    #[arg(long)]
    ready: Option<Duration>,
    /// The program and its arguments, after `--`.
    #[arg(last = true, required_unless_present = "device")]
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

impl Args {
    /// Whether a project is needed, because a device file is named.
    pub(super) fn needs_project(&self) -> bool {
        let Command::Check(args) = &self.command;
        args.device.is_some()
    }
}

/// The device file that the arguments name, and the adapter program in it.
fn device(project: &Project, word: &str) -> Result<(Device, AdapterProgram), Problems> {
    let path = project.meant(Fixture::Device, word)?;
    let device: Device = project.load_file(Fixture::Device, &path)?;
    match device.interface.adapter().cloned() {
        Some(adapter) => Ok((device, adapter)),
        None => {
            let problem = Diagnostic::of_file(&path, "this device is not reached through an adapter program");
            Err(problem.help("name a device file with `interface: { adapter: ... }`").into())
        }
    }
}

pub(super) fn run(project: Option<&Project>, args: &Args) -> Result<Exit, Problems> {
    let Command::Check(args) = &args.command;
    let told = match (project, &args.device) {
        (Some(project), Some(word)) => Some(device(project, word)?),
        _ => None,
    };
    let settings = match settings() {
        Ok(settings) => settings,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let (device, mut adapter) = match told {
        Some((device, adapter)) => (Some(device), adapter),
        None => (None, AdapterProgram::new(vec![], BTreeMap::new())),
    };
    if !args.program.is_empty() {
        adapter.command.clone_from(&args.program);
    }
    adapter.parameters.extend(args.parameters.iter().cloned());
    let deadlines = device.as_ref().map_or_else(Deadlines::default, |device| device.deadlines);
    let program = adapter.command.join(" ");
    let subject = Subject {
        program: adapter,
        // A program on the command line is found from here, as in a shell. That of a device file runs in the project.
        folder: project
            .filter(|_| args.program.is_empty())
            .map_or_else(|| ".".into(), |project| project.root().to_owned()),
        settings: device.as_ref().map_or(settings.clone(), |device| device.fixed.tellable(&settings)),
        keys: vec![],
        deadlines: Deadlines {
            reply: args.reply.unwrap_or(deadlines.reply),
            ready: args.ready.unwrap_or(deadlines.ready),
        },
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let report = runtime
        .block_on(check(&subject))
        .map_err(|error| Diagnostic::of_file(Path::new(&program), with_causes(&error)))?;
    let beyond = match (&device, &report.greeting) {
        (Some(device), Some(greeting)) => claims_beyond(device, greeting),
        _ => vec![],
    };
    match (print(&text(&program, &report, &beyond)), report.wrong.is_empty() && beyond.is_empty()) {
        (Exit::Ok, false) => Ok(Exit::CaseFailed),
        (exit, _) => Ok(exit),
    }
}

fn text(program: &str, report: &Report, beyond: &[String]) -> String {
    let mut text = match &report.greeting {
        Some(greeting) => format!("{program}: {}\n", greeting.name),
        None => format!("{program}\n"),
    };
    let parts: [(&str, &[String]); 6] = [
        ("can", &report.can),
        ("lacks", &report.lacks),
        ("failed now, without breaking the protocol", &report.failed),
        ("does not fit the device file", beyond),
        ("breaks the protocol", &report.wrong),
        ("standard error", &report.noise),
    ];
    for (title, lines) in parts {
        if !lines.is_empty() {
            text += &format!("{title}\n");
            lines.iter().for_each(|line| text += &format!("  {line}\n"));
        }
    }
    text += if report.wrong.is_empty() { "it follows the protocol\n" } else { "it breaks the protocol\n" };
    text
}
