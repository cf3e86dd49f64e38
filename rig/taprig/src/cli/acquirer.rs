//! `taprig acquirer`: an acquirer's host on a TCP port until Ctrl-C. It needs no project and no bench.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use taprig::display::Out;
use taprig_acquirer::serve::{Log, serve};
use taprig_acquirer::{DEFAULT_KEYS, Host, Setup, text};
use taprig_case::source::Source;
use taprig_case::{Diagnostic, Problems};
use taprig_model::acquirer::keys::Keys;
use taprig_model::acquirer::rules::Rules;
use tokio::net::TcpListener;

use super::yaml::gather;
use super::{Exit, interrupt, rig_failed, say, shown};

/// Arguments of `taprig acquirer`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen: host and port. Port 0 takes a free port.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: String,
    /// Rules file: what the host does differently from a proper one. Without it the host behaves properly.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Keys file: keys and terminals. Without it the host has published test keys and knows every terminal.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Append the log to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

fn address(text: &str) -> Result<String, String> {
    let right = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if right { Ok(text.into()) } else { Err("write host and port, such as `127.0.0.1:5800`".into()) }
}

impl Args {
    /// The file that this command writes, if there is one.
    pub(super) fn writes(&self) -> Option<PathBuf> {
        self.log.clone()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let mut problems = Problems::default();
    let keys = match &args.keys {
        Some(file) => gather(Source::read(file), &mut problems),
        None => gather(Source::of_bytes(Path::new("keys.yaml"), DEFAULT_KEYS.into()), &mut problems),
    };
    let rules = match &args.rules {
        Some(file) => gather(Source::read(file), &mut problems),
        None => Some(Rules::default()),
    };
    let (Some(keys), Some(rules)) = problems.into_result((keys, rules))? else { return Ok(Exit::BadInput) };
    let keys: Keys = keys;
    // Only now: a file that is wrong must not leave an empty log behind.
    let file = args.log.as_deref().map(open).transpose()?;
    let out = Out::new(std::io::stdout());
    let failure = out.failure();
    let host = Host::new(Setup::new(keys), rules);
    let stop = interrupt::stop();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let ended = runtime.block_on(async {
        let listener = match TcpListener::bind(&args.listen).await {
            Ok(listener) => listener,
            Err(error) => {
                let advice = advice(error.kind());
                say(&format!("taprig: can't listen at {}: {error}; {advice}", args.listen));
                return Ok(None);
            }
        };
        serve(listener, host, log(out, file), env!("CARGO_PKG_VERSION"), stop.stopped()).await.map(Some)
    });
    match ended {
        Ok(Some(summary)) => {
            say(&format!("taprig: {}", text::summary(&summary)));
            Ok(shown(&failure))
        }
        Ok(None) => Ok(Exit::RigFailed),
        Err(error) => Ok(rig_failed(&error)),
    }
}

const fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AddrInUse => {
            "another program listens there (`ss -ltnp` shows which one): end it, or choose another port"
        }
        ErrorKind::AddrNotAvailable => "this machine does not have that address (`ip address` shows those that it has)",
        ErrorKind::PermissionDenied => "a port below 1024 needs root: choose one above, such as 5800",
        _ => "check the address",
    }
}

fn open(path: &Path) -> Result<File, Diagnostic> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        Diagnostic::of_file(path, format!("the log can't be opened: {error}"))
            .help("name a file in a folder that exists and that you may write to")
    })
}

/// Shows each entry and appends it to the file. A closed standard output does not end the service: the file is still written.
fn log(mut out: Out, mut file: Option<File>) -> Log {
    Box::new(move |entry| {
        out.put(text::lines(entry).as_bytes());
        let Some(file) = &mut file else { return Ok(()) };
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        file.write_all(&line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_begins_with_the_keys_of_the_command() {
        let source = Source::of_bytes(Path::new("keys.yaml"), DEFAULT_KEYS.into());
        let keys: Keys = gather(source, &mut Problems::default()).unwrap();
        assert_eq!(Keys { title: None, authorities: vec![], ..keys }, Keys::published());
    }

    #[test]
    fn the_default_keys_are_right_and_are_those_of_the_fixtures() {
        let mut problems = Problems::default();
        let source = Source::of_bytes(Path::new("keys.yaml"), DEFAULT_KEYS.into());
        let keys = gather::<Keys>(source, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys");
        let names = ["test-ca-1024-e3", "test-ca-1408-e3", "test-ca-1984-e3"];
        let authorities = keys.unwrap().authorities;
        assert_eq!(authorities.len(), names.len());
        for (key, name) in authorities.iter().zip(names) {
            let text = std::fs::read_to_string(fixtures.join(format!("{name}.yaml"))).unwrap();
            let text: String = text.split_whitespace().collect();
            for value in [key.modulus.to_string(), key.check_sum.to_string(), key.rid.to_string()] {
                assert!(text.contains(&value), "{name}: {value}");
            }
        }
    }

    #[test]
    fn an_address_has_host_and_port() {
        for right in ["127.0.0.1:5800", "[::]:5800", "localhost:0"] {
            assert!(address(right).is_ok(), "{right}");
        }
        for wrong in ["5800", ":5800", "127.0.0.1", "127.0.0.1:65536", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
