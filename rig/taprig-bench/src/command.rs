//! Programs of other people that do one thing on the bench and end: they switch power, or flash a device.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Receives how a program ended: why it failed, if it did.
pub(crate) type Tell = Box<dyn FnOnce(Result<(), String>) + Send>;

/// A running program. It is ended, with everything that it has started, when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    group: Pid,
    ended: Arc<AtomicBool>,
}

/// Starts a program with its arguments, without a shell. `folder` is where it is started, if it is not the current folder.
/// `tell` is called from another thread when the program has ended.
///
/// # Errors
/// Why it can't be started. `tell` is not called in that case.
pub(crate) fn start(arguments: &[String], folder: Option<&Path>, tell: Tell) -> Result<Running, String> {
    let Some((program, rest)) = arguments.split_first() else {
        return Err("the bench file names no program".into());
    };
    let mut command = Command::new(program);
    folder.map(|folder| command.current_dir(folder));
    let child = command
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // The program must not get Ctrl-C itself, because the rig handles it. The group also lets the rig end
        // everything that the program has started.
        .process_group(0)
        .spawn()
        .map_err(|error| error.to_string())?;
    let running = Running { group: Pid::from_child(&child), ended: Arc::default() };
    let ended = running.ended.clone();
    std::thread::spawn(move || {
        let output = child.wait_with_output();
        ended.store(true, Ordering::Release);
        tell(judge(output));
    });
    Ok(running)
}

/// Whether a process that nobody has waited for ends within this time.
pub(crate) fn has_ended(child: &Child, within: Duration) -> bool {
    let Ok(process) = pidfd_open(Pid::from_child(child), PidfdFlags::empty()) else { return false };
    // The descriptor is readable when the process has ended.
    let mut waits = [PollFd::new(&process, PollFlags::IN)];
    poll(&mut waits, Timespec::try_from(within).ok().as_ref()) == Ok(1)
}

fn judge(output: std::io::Result<Output>) -> Result<(), String> {
    match output {
        Err(error) => Err(error.to_string()),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{}: {}", output.status, said.trim()))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Acquire) {
            // It is no failure if the program ends at this moment.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}
