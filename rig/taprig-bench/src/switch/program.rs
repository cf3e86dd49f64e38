//! Programs that switch power.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use taprig_model::bench::PowerCommand;
use taprig_model::event::PowerSwitch;

use super::{Actuator, Attempt, Tell};

impl Actuator for PowerCommand {
    fn kind(&self) -> PowerSwitch {
        PowerSwitch::Command
    }

    fn name(&self, on: bool) -> String {
        arguments(self, on).join(" ")
    }

    fn advice(&self) -> &'static str {
        "check whether the program works when you run it by hand"
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let Some((program, rest)) = arguments(self, on).split_first() else {
            return Err("the bench file names no program".into());
        };
        let child = Command::new(program)
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // The program must not get Ctrl-C itself, because the rig handles it. The group also lets the rig end
            // everything that the program has started.
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        let program = Program { group: Pid::from_child(&child), ended: Arc::default() };
        let ended = program.ended.clone();
        std::thread::spawn(move || {
            let output = child.wait_with_output();
            ended.store(true, Ordering::Release);
            tell(judge(output));
        });
        Ok(Box::new(program))
    }
}

fn arguments(command: &PowerCommand, on: bool) -> &[String] {
    if on { &command.on } else { &command.off }
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

/// A running program. It is ended when this is dropped.
struct Program {
    group: Pid,
    ended: Arc<AtomicBool>,
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Acquire) {
            // It is no failure if the program ends at this moment.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Turn;
    use super::super::tests::{both, turn};

    fn off(program: &str) -> Turn {
        turn(&format!("command: {{ on: [], off: [sh, -c, '{program}'], off-for: 50 ms, within: 300 ms }}"), false)
    }

    #[test]
    fn a_program_that_succeeds_has_switched_and_power_rests() {
        let began = std::time::Instant::now();
        assert_eq!(both(&off("true")), [Ok(()), Ok(())]);
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_own_words() {
        for failed in both(&off("echo no such hub >&2; exit 4")) {
            let wanted = "did not switch the power: exit status: 4: no such hub";
            assert!(failed.as_ref().is_err_and(|text| text.ends_with(wanted)), "{failed:?}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        // Whatever the shell starts would outlive it, and would show that it did.
        let hang = format!("(sleep 1; touch {}) & sleep 60", alive.display());
        for failed in both(&off(&hang)) {
            let wanted = "it did not end within 300 ms";
            assert!(failed.as_ref().is_err_and(|text| text.ends_with(wanted)), "{failed:?}");
        }
        std::thread::sleep(Duration::from_millis(1200));
        assert!(!alive.exists());
    }

    #[test]
    fn no_program_is_told() {
        let error = turn("command: { on: [], off: [], off-for: 50 ms }", true).run_at_once().unwrap_err();
        assert!(error.to_string().ends_with("the bench file names no program"), "{error}");
    }
}
