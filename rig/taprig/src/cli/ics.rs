//! `taprig ics`: writes the conformance statement of a device as a form.

use std::path::PathBuf;

use taprig::setup::DEFAULT_BENCH;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, SubCase, Suite};
use taprig_conformance::{Statement, show};
use taprig_model::bench::Bench;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_record::{Inputs, pretty};

use super::{Exit, print};

/// Arguments of `taprig ics`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Device: a name in fixtures/devices, or a file. By default, it is the device of the bench `qemu`.
    device: Option<String>,
    /// Take the device and the cases of a stored record.
    #[arg(long, value_name = "DIR", conflicts_with = "device")]
    record: Option<PathBuf>,
    /// Format of the form.
    #[arg(long, value_enum, default_value_t)]
    format: FormFormat,
}

/// Format of a form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum FormFormat {
    /// Text with tables, for a repository or an editor.
    #[default]
    Markdown,
    /// A page to print and to sign.
    Html,
    /// JSON for a program.
    Json,
}

impl Args {
    /// A record holds its device and its cases.
    pub(super) const fn needs_project(&self) -> bool {
        self.record.is_none()
    }
}

pub(super) fn run(project: Option<&Project>, args: &Args) -> Result<Exit, Problems> {
    let (device, criteria) = match (&args.record, project) {
        (None, Some(project)) => of_project(project, args.device.as_deref())?,
        (Some(folder), _) => {
            // The statement rests on the inputs of the run alone, and not on what happened in it.
            let inputs =
                Inputs::read(folder).map_err(|error| Problems::from(Diagnostic::of_file(folder, error.to_string())))?;
            (inputs.device, inputs.criteria)
        }
        (None, None) => unreachable!("a statement without a record has a project"),
    };
    Ok(written(&Statement::of(&device, &criteria), args.format))
}

/// A device of a project, and the criteria of all its cases.
fn of_project(project: &Project, device: Option<&str>) -> Result<(Device, Vec<Criteria>), Problems> {
    let device = match device {
        Some(device) => project.load_file(Fixture::Device, &project.meant(Fixture::Device, device)?)?,
        None => {
            let bench: Bench = project.load(Fixture::Bench, DEFAULT_BENCH)?;
            project.load(Fixture::Device, bench.device.as_str())?
        }
    };
    Ok((device, Suite::load(project, &[])?.cases.iter().map(SubCase::criteria).collect()))
}

fn written(statement: &Statement, format: FormFormat) -> Exit {
    print(&match format {
        FormFormat::Markdown => show::markdown(&statement.sheet(None)),
        FormFormat::Html => show::html(&statement.sheet(None)),
        FormFormat::Json => String::from_utf8_lossy(&pretty(statement)).into_owned(),
    })
}
