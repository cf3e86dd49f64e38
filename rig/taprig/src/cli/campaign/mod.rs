//! `taprig campaign`: whether the buses of a fleet may go into service, county by county.

mod sample;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use taprig::campaign::{SealedBy, suites};
use taprig_campaign::evidence::{Evidence, look};
use taprig_campaign::show;
use taprig_campaign::status::{State, Status};
use taprig_campaign::{Campaign, Facts, Language, status};
use taprig_case::{Diagnostic, Problems, Project};

use super::{Exit, Format, print, say};

/// What a page of ours has in its head. A file without it belongs to somebody else.
const MARK: &str = "<meta name=\"generator\" content=\"taprig campaign\">";

/// Where campaigns are in a project.
const FOLDER: &str = "fixtures/campaigns";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show which gates are open, what is missing, whose turn it is, and since when.
    Status(StatusArgs),
    /// Write the briefing of the week, in Markdown.
    Brief(BriefArgs),
    /// Write the acceptance slip of one bus.
    Slip(SlipArgs),
    /// Compute how many buses of a lot have to be tested.
    Sample(sample::Args),
}

impl Command {
    pub(super) const fn format(&self) -> Format {
        match self {
            Self::Status(args) => args.format,
            Self::Brief(_) | Self::Slip(_) | Self::Sample(_) => Format::Human,
        }
    }

    /// The file that this command writes, if there is one.
    pub(super) fn writes(&self) -> Option<PathBuf> {
        match self {
            Self::Status(args) => args.html.clone(),
            Self::Brief(_) | Self::Slip(_) | Self::Sample(_) => None,
        }
    }

    /// The sample of a lot needs no project.
    pub(super) const fn needs_project(&self) -> bool {
        !matches!(self, Self::Sample(_))
    }
}

/// Which campaign, and how it is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The campaign, a YAML file. The default is the only file in fixtures/campaigns.
    file: Option<PathBuf>,
    /// Folder of the records. The default is the one that the campaign names.
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// File with the keys that may seal records, in the format of `ssh-keygen -Y verify`. The default is the one that the campaign
    /// names.
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Show the status of this day, such as `2018-05-20`. The default is today.
    #[arg(long, value_name = "DAY")]
    today: Option<Date>,
    /// The language.
    #[arg(long, value_enum, default_value_t)]
    language: LanguageArg,
}

/// [`Language`] on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum LanguageArg {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl From<LanguageArg> for Language {
    fn from(argument: LanguageArg) -> Self {
        match argument {
            LanguageArg::En => Self::En,
            LanguageArg::Zh => Self::Zh,
        }
    }
}

/// Arguments of `taprig campaign status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    common: Common,
    /// Write the status as one HTML page. A page that this command has written is replaced.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show only this gate. The exit code is 1 if it is closed.
    #[arg(long, value_name = "GATE", conflicts_with_all = ["html", "format"])]
    gate: Option<String>,
    /// The county whose gate is shown.
    #[arg(long, value_name = "COUNTY", requires = "gate")]
    county: Option<String>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `taprig campaign brief`.
#[derive(Debug, clap::Args)]
pub(crate) struct BriefArgs {
    #[command(flatten)]
    common: Common,
}

/// Arguments of `taprig campaign slip`.
#[derive(Debug, clap::Args)]
pub(crate) struct SlipArgs {
    /// The bus, such as `ZS-1-07`.
    bus: String,
    #[command(flatten)]
    common: Common,
}

/// Everything that a status follows from, and the status.
struct Derived {
    campaign: Campaign,
    status: Status,
    file: PathBuf,
    evidence: PathBuf,
    signers: PathBuf,
}

pub(super) fn sample(command: &Command) -> Result<Exit, Problems> {
    match command {
        Command::Sample(args) => sample::run(args),
        Command::Status(_) | Command::Brief(_) | Command::Slip(_) => unreachable!("these need a project"),
    }
}

pub(super) fn run(project: &Project, command: &Command) -> Result<Exit, Problems> {
    match command {
        Command::Status(args) => show_status(project, args),
        Command::Brief(args) => match derived(project, &args.common)? {
            Ok(all) => Ok(print(&show::brief(&all.campaign, &all.status, args.common.language.into()))),
            Err(exit) => Ok(exit),
        },
        Command::Slip(args) => slip(project, args),
        Command::Sample(args) => sample::run(args),
    }
}

fn show_status(project: &Project, args: &StatusArgs) -> Result<Exit, Problems> {
    if let Some(html) = &args.html {
        may_write(html)?;
    }
    let all = match derived(project, &args.common)? {
        Ok(all) => all,
        Err(exit) => return Ok(exit),
    };
    let language = args.common.language.into();
    if let Some(gate) = &args.gate {
        return one_gate(&all, gate, args.county.as_deref(), language);
    }
    if let Some(html) = &args.html {
        let file = super::problem::shown(&all.file);
        let page = match show::page(&all.campaign, &all.status, &file, language) {
            Ok(page) => page,
            Err(error) => return Ok(super::rig_failed(&error)),
        };
        if let Err(error) = taprig_record::replace(html, page.as_bytes()) {
            say(&format!("taprig: writing {}: {error}", html.display()));
            return Ok(Exit::RigFailed);
        }
    }
    Ok(match args.format {
        Format::Human => print(&show::terminal(&all.campaign, &all.status, language)),
        Format::Json => print(&String::from_utf8_lossy(&taprig_record::pretty(&all.status))),
    })
}

/// One gate, and whether it is open.
fn one_gate(all: &Derived, gate: &str, county: Option<&str>, language: Language) -> Result<Exit, Problems> {
    let Some(known) = all.campaign.gate(gate) else {
        let gates = all.campaign.file.gates.iter().map(|gate| gate.gate.as_str());
        let problem = Diagnostic::of_file(Path::new("--gate"), format!("the campaign has no gate `{gate}`"));
        return Err(problem.nearest(gate, gates).into());
    };
    let county = match (county, known.is_for_all()) {
        (_, true) => None,
        (Some(name), false) => match all.status.counties.iter().find(|county| county.county == name) {
            Some(county) => Some(county),
            None => {
                let counties = all.status.counties.iter().map(|county| county.county.as_str());
                let what = format!("the campaign has no county `{name}`");
                return Err(Diagnostic::of_file(Path::new("--county"), what).nearest(name, counties).into());
            }
        },
        (None, false) => {
            let what = format!("each county has a gate `{gate}` of its own");
            return Err(Diagnostic::of_file(Path::new("--gate"), what).help("add `--county NAME`").into());
        }
    };
    let gates = county.map_or(&all.status.common, |county| &county.gates);
    let Some(found) = gates.iter().find(|of| of.gate == known.gate) else {
        return Err(Diagnostic::of_file(Path::new("--gate"), format!("the gate `{gate}` has no status")).into());
    };
    let printed = print(&show::gate(&all.campaign, county, found, language));
    Ok(match (printed, found.state) {
        (Exit::Ok, State::Closed | State::Waiting) => Exit::CaseFailed,
        (printed, _) => printed,
    })
}

fn slip(project: &Project, args: &SlipArgs) -> Result<Exit, Problems> {
    let all = match derived(project, &args.common)? {
        Ok(all) => all,
        Err(exit) => return Ok(exit),
    };
    let Some(of) = all.status.bus(&args.bus) else {
        let problem = Diagnostic::of_file(Path::new(&args.bus), "the fleet has no bus of this name");
        return Err(problem.nearest(&args.bus, all.campaign.bus_names()).into());
    };
    let verifying = show::Verifying { records: &all.evidence, signers: &all.signers };
    let printed = print(&show::slip(&all.campaign, &all.status, of, verifying, args.common.language.into()));
    Ok(match (printed, of.1.accepted) {
        (Exit::Ok, false) => Exit::CaseFailed,
        (printed, _) => printed,
    })
}

/// Reads everything and derives the status.
fn derived(project: &Project, common: &Common) -> Result<Result<Derived, Exit>, Problems> {
    let file = match &common.file {
        Some(file) => file.clone(),
        None => only_one(project)?,
    };
    let campaign = Campaign::read(&file)?;
    let suites = suites(&campaign, project)?;
    let today = common.today.unwrap_or_else(|| campaign.day(jiff::Timestamp::now()));
    let root = common.evidence.clone().unwrap_or_else(|| campaign.evidence());
    let signers = common.signers.clone().unwrap_or_else(|| campaign.path(&campaign.file.signers));
    // A folder that somebody names has to be there. The folder of a campaign that has just begun does not exist yet.
    if common.evidence.is_some() && !root.is_dir() {
        return Err(Diagnostic::of_file(&root, "there is no such folder of records").into());
    }
    let evidence = if root.is_dir() {
        if let Err(error) = fs::metadata(&signers) {
            let problem =
                Diagnostic::of_file(&signers, format!("the keys that may seal records can't be read: {error}"));
            return Err(problem
                .help("name a file as for `ssh-keygen -Y verify` by `--signers` or in the campaign")
                .into());
        }
        match look(&campaign, &root, &SealedBy { signers: signers.clone() }) {
            Ok(evidence) => evidence,
            Err(error) => return Ok(Err(super::rig_failed(&error))),
        }
    } else {
        Evidence::default()
    };
    let status = status(Facts { campaign: &campaign, suites: &suites, evidence: &evidence, today });
    Ok(Ok(Derived { campaign, status, file, evidence: root, signers }))
}

/// The only campaign of a project.
fn only_one(project: &Project) -> Result<PathBuf, Problems> {
    let folder = project.root().join(FOLDER);
    let mut problems = Problems::default();
    let files = taprig_case::select::files_if_any(&folder, &mut problems);
    let files = problems.into_result(files)?;
    match files.as_slice() {
        [file] => Ok(file.clone()),
        [] => Err(Diagnostic::of_file(&folder, "the project has no campaign").help("name a campaign file").into()),
        several => {
            let names: Vec<String> = several.iter().map(|file| super::problem::shown(file)).collect();
            let problem = Diagnostic::of_file(&folder, "the project has several campaigns");
            Err(problem.help(format!("name one of them: {}", names.join(", "))).into())
        }
    }
}

/// A file that is not a page of ours is not replaced.
fn may_write(path: &Path) -> Result<(), Problems> {
    let mut head = Vec::new();
    let is_ours = match fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(_) => false,
        Ok(file) => {
            let read = file.take(4096).read_to_end(&mut head);
            read.is_ok() && (head.is_empty() || String::from_utf8_lossy(&head).contains(MARK))
        }
    };
    if is_ours {
        return Ok(());
    }
    let problem = Diagnostic::of_file(path, "this is not a page of a campaign, and it would be replaced");
    Err(problem.help("name another file").into())
}
