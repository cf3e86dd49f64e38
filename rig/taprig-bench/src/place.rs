//! A bench that a labgrid coordinator hands out as a place.
//!
//! The rig uses the laboratory's own program, `labgrid-client`. It acquires the place under a user name that no other run
//! has: `taprig-` and a random token. A guard, which is a shell in a process group of its own, acquires the place, waits
//! until its standard input ends, and releases the place again. Its input ends when this process ends, however it ends.
//!
//! If the guard dies as well, the place stays acquired. Therefore the token is written to the folder of the bench's slot
//! before the place is acquired. The next run that holds the lock of the slot knows that the process that wrote the token
//! is dead, and it releases the place if the place is still acquired under that token. A place that anybody else has
//! acquired is never released.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use taprig_model::bench::Labgrid;
use taprig_record::units::lower_hex;
use tokio::io::AsyncBufReadExt as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::BenchError;
use super::slot::keep;
use crate::command::has_ended;

/// The longest time for one command of `labgrid-client`. It starts Python and connects to the coordinator.
const COMMAND: Duration = Duration::from_secs(30);

/// How long the rig waits for what a program wrote before it ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Name of the file with the token, in the folder of the slot.
const TOKEN: &str = "labgrid.json";

/// What the guard writes when the place is acquired.
const ACQUIRED: &str = "taprig: acquired";

/// Acquires the place, waits for the end of the input, releases the place. The signals that end a run do not end the
/// guard.
const GUARD: &str = r#"
trap '' HUP INT TERM PIPE
"$0" -p "$1" acquire </dev/null 2>&1 || exit 1
echo "$3"
read -r _
exec "$0" -p "$1" release-from "$2" </dev/null 2>&1
"#;

/// A place that this process has acquired. It is released when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    name: String,
    /// The file with the token, until the place is released.
    token: Option<PathBuf>,
    guard: Guard,
}

impl Place {
    /// Acquires the place. `slot` is the folder of the bench's slot, whose lock the caller holds. `project` is the folder
    /// in which `labgrid-client` is started. If somebody else has the place, this waits for it up to `wait`.
    ///
    /// # Errors
    /// [`BenchError::Place`] that says who has the place or what the coordinator answered, [`BenchError::State`].
    pub(super) async fn acquire(
        labgrid: &Labgrid,
        slot: &Path,
        project: &Path,
        wait: Duration,
    ) -> Result<Self, BenchError> {
        let deadline = Instant::now() + wait;
        let token = slot.join(TOKEN);
        release_what_is_left(&token, project).await?;
        let owner = Owner::new().map_err(|source| BenchError::State { path: "/dev/urandom".into(), source })?;
        let client = Client { labgrid: labgrid.clone(), owner, project: project.to_owned() };
        let left = Left { labgrid: labgrid.clone(), owner: client.owner.clone() };
        keep(&token, &left).map_err(|source| BenchError::State { path: token.clone(), source })?;
        let guard = match Guard::start(&client).await {
            // Somebody else may have the place.
            Err(what) if !wait.is_zero() && matches!(client.holder().await, Ok(Some(_))) => {
                match client.reserve(deadline).await {
                    Ok(reservation) => {
                        let guard = Guard::start(&client).await;
                        // Otherwise it keeps the place from others for a while after this run.
                        let _ = client.run(&["cancel-reservation", &reservation]).await;
                        guard
                    }
                    Err(_) => Err(what),
                }
            }
            guard => guard,
        };
        match guard {
            Ok(guard) => Ok(Self { name: labgrid.place.to_string(), token: Some(token), guard }),
            Err(what) => {
                // The place is not acquired under this token, or the guard releases it at once.
                let _ = std::fs::remove_file(&token);
                Err(client.failed(format!("is not acquired: {what}")))
            }
        }
    }

    /// Releases the place.
    ///
    /// # Errors
    /// [`BenchError::Place`] if the coordinator does not release it. The next run on this bench tries again.
    pub(super) fn release(mut self) -> Result<(), BenchError> {
        self.give_back()
    }

    fn give_back(&mut self) -> Result<(), BenchError> {
        let Some(token) = self.token.take() else { return Ok(()) };
        let failed = |what| BenchError::Place { place: self.name.clone(), what: format!("is not released: {what}") };
        self.guard.finish().map_err(failed)?;
        let _ = std::fs::remove_file(token);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever wants to know how it ended has released the place before.
        let _ = self.give_back();
    }
}

/// The name under which a run acquires a place. A coordinator shows it as `host/user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    host: String,
    user: String,
}

impl Owner {
    fn new() -> std::io::Result<Self> {
        let mut token = [0; 8];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut token)?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self { host, user: format!("taprig-{}", lower_hex(&token)) })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.host, self.user)
    }
}

/// The content of the file with the token.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    labgrid: Labgrid,
    owner: Owner,
}

/// Releases the place that an earlier run on this bench has left.
async fn release_what_is_left(token: &Path, project: &Path) -> Result<(), BenchError> {
    let failed = |source| BenchError::State { path: token.to_owned(), source };
    let text = match std::fs::read(token) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    // The file is written as a whole, so somebody else has changed a file that can't be read. It names no owner.
    if let Ok(Left { labgrid, owner }) = serde_json::from_slice(&text) {
        let client = Client { labgrid, owner, project: project.to_owned() };
        let owner = client.owner.name();
        let released = client.run(&["release-from", &owner]).await;
        // The program also succeeds if the place is acquired by somebody else, and it fails if nobody has it.
        match client.holder().await {
            Ok(Some(holder)) if holder == owner => {
                let what = released.err().unwrap_or_else(|| "the coordinator did not release it".into());
                return Err(client.failed(format!("is still acquired by an earlier run ({owner}): {what}")));
            }
            Ok(_) => {}
            Err(what) => return Err(client.failed(format!("is not acquired: {what}"))),
        }
    }
    std::fs::remove_file(token).map_err(failed)
}

/// `labgrid-client` for one place, under one name.
#[derive(Debug)]
struct Client {
    labgrid: Labgrid,
    owner: Owner,
    project: PathBuf,
}

impl Client {
    fn failed(&self, what: String) -> BenchError {
        BenchError::Place { place: self.labgrid.place.to_string(), what }
    }

    /// What the programs that are started here have in common.
    fn prepare(&self, mut command: Command) -> Command {
        command
            .env("LG_HOSTNAME", &self.owner.host)
            .env("LG_USERNAME", &self.owner.user)
            .current_dir(&self.project)
            .stdout(Stdio::piped());
        if let Some(coordinator) = &self.labgrid.coordinator {
            command.env("LG_COORDINATOR", coordinator.as_str());
        }
        command
    }

    /// A command about the place.
    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = self.prepare(Command::new(&self.labgrid.client));
        command.args(["-p", self.labgrid.place.as_str()]).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        command
    }

    /// Runs a command, and returns what it wrote. The error says what it wrote last.
    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = match timeout(COMMAND, self.command(arguments).output()).await {
            Ok(output) => output.map_err(|error| self.not_started(&error))?,
            Err(_) => return Err(no_answer()),
        };
        let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        if output.status.success() { Ok(said) } else { Err(last_line(&format!("{said}\n{errors}"))) }
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!("{} can't be started: {error}", self.labgrid.client.display())
    }

    /// Who has the place.
    async fn holder(&self) -> Result<Option<String>, String> {
        let shown = self.run(&["show"]).await?;
        let holder = shown.lines().find_map(|line| line.trim().strip_prefix("acquired:"));
        let holder =
            holder.ok_or_else(|| format!("`labgrid-client show` has no line `acquired`: {}", last_line(&shown)))?;
        Ok(Some(holder.trim().to_owned()).filter(|holder| holder != "None"))
    }

    /// Waits in the coordinator's queue until the place is kept for this run. Returns the name of the reservation.
    async fn reserve(&self, deadline: Instant) -> Result<String, String> {
        let filter = format!("name={}", self.labgrid.place);
        let mut command = self.command(&["reserve", "--wait", &filter]);
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let mut reservation = None;
        let waits = async {
            if let Some(output) = child.stdout.take() {
                let mut lines = tokio::io::BufReader::new(output).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Some(token) = line.trim().strip_prefix("token:") {
                        reservation = Some(token.trim().to_owned());
                    }
                }
            }
            child.wait().await
        };
        let waited = timeout_at(deadline, waits).await;
        match (waited, reservation) {
            (Ok(Ok(status)), Some(reservation)) if status.success() => Ok(reservation),
            (_, None) => Err("the coordinator does not reserve it".into()),
            (_, Some(reservation)) => {
                // Otherwise it would be kept for this run for another minute.
                let _ = self.run(&["cancel-reservation", &reservation]).await;
                Err("nobody released it in time".into())
            }
        }
    }
}

fn no_answer() -> String {
    format!("the coordinator did not answer within {} s", COMMAND.as_secs())
}

/// The last line that says something, without the name of the program.
fn last_line(text: &str) -> String {
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it wrote nothing");
    last.strip_prefix("labgrid-client: Error: ").unwrap_or(last).to_owned()
}

/// The shell that holds the place.
#[derive(Debug)]
struct Guard {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    /// Ends when everything that was written is in `said`.
    heard: mpsc::Receiver<()>,
}

impl Guard {
    /// Starts a guard, and returns when it has acquired the place. The error says why it has not.
    async fn start(client: &Client) -> Result<Self, String> {
        let mut command = client.prepare(Command::new("/bin/sh"));
        command
            .args(["-c", GUARD])
            .arg(&client.labgrid.client)
            .args([client.labgrid.place.as_str(), &client.owner.name(), ACQUIRED])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let said = Arc::<Mutex<String>>::default();
        let (tell, acquired) = oneshot::channel();
        let (hears, heard) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            let said = said.clone();
            std::thread::spawn(move || {
                let (mut tell, _hears) = (Some(tell), hears);
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if line == ACQUIRED {
                        tell.take().map(|tell| tell.send(()));
                    } else {
                        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                        said.push_str(&line);
                        said.push('\n');
                    }
                }
            });
        }
        let mut guard = Self { input: child.stdin.take(), child, said, heard };
        match timeout(COMMAND, acquired).await {
            Ok(Ok(())) => {
                guard.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Ok(guard)
            }
            // Its output has ended, so it ends now.
            Ok(Err(_)) => {
                guard.input = None;
                let _ = guard.child.wait();
                Err(guard.last_line())
            }
            Err(_) => {
                guard.end();
                Err(no_answer())
            }
        }
    }

    fn last_line(&self) -> String {
        // Something that the program has started may keep the output open.
        let _ = self.heard.recv_timeout(LAST_WORDS);
        last_line(&self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the guard and what it has started.
    fn end(&mut self) {
        // It has not been waited for, so its process id is still its own.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        self.input = None;
    }

    /// Has the guard release the place, and waits until that is done.
    fn finish(&mut self) -> Result<(), String> {
        if self.input.take().is_none() {
            return Ok(());
        }
        if !has_ended(&self.child, COMMAND) {
            self.end();
            return Err(no_answer());
        }
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(self.last_line()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Whoever wants to know has called it before.
        let _ = self.finish();
    }
}

#[cfg(test)]
mod tests;
