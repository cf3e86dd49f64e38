//! Programs that switch a board's power. Each has a deadline, and the run can be stopped while it waits for one.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use taprig_model::bench::SwitchConfig;

use super::BenchError;

/// The longest time that a program may take if the bench file gives none.
const WITHIN: Duration = Duration::from_secs(10);

/// A program that is to switch power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    arguments: Vec<String>,
    within: Duration,
    /// How long to wait afterwards.
    rest: Duration,
}

impl Switch {
    /// The program that switches power on or off, according to the bench file.
    #[must_use]
    pub(super) fn of(power: &SwitchConfig, on: bool) -> Self {
        let SwitchConfig::Command(power) = power;
        Self {
            arguments: if on { &power.on } else { &power.off }.clone(),
            within: power.within.map_or(WITHIN, Duration::from),
            // Capacitors have to discharge. This is the only wait whose end nothing can announce.
            rest: if on { Duration::ZERO } else { power.off_for.into() },
        }
    }

    /// Runs the program, and waits until power has been off for long enough. If the future is dropped, the program is
    /// ended.
    ///
    /// # Errors
    /// [`BenchError::Power`] if the program can't be run, fails, or does not end in time.
    pub(super) async fn run(&self) -> Result<(), BenchError> {
        let (tell, ended) = tokio::sync::oneshot::channel();
        let _program = self.start(move |output| drop(tell.send(output)))?;
        let ended = tokio::time::timeout(self.within, ended).await;
        self.judge(ended.ok().and_then(Result::ok))?;
        tokio::time::sleep(self.rest).await;
        Ok(())
    }

    /// Runs the program in a place that can't await: at the end of a bench.
    ///
    /// # Errors
    /// The same as for [`Switch::run`].
    pub(super) fn run_at_once(&self) -> Result<(), BenchError> {
        let (tell, ended) = mpsc::channel();
        let _program = self.start(move |output| drop(tell.send(output)))?;
        self.judge(ended.recv_timeout(self.within).ok())
    }

    fn start(&self, tell: impl FnOnce(std::io::Result<Output>) + Send + 'static) -> Result<Program, BenchError> {
        let Some((program, rest)) = self.arguments.split_first() else {
            return Err(self.failed("the bench file names no program"));
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
            .map_err(|error| self.failed(&error.to_string()))?;
        let program = Program { group: Pid::from_child(&child), ended: Arc::default() };
        let ended = program.ended.clone();
        std::thread::spawn(move || {
            let output = child.wait_with_output();
            ended.store(true, Ordering::Release);
            tell(output);
        });
        Ok(program)
    }

    fn judge(&self, output: Option<std::io::Result<Output>>) -> Result<(), BenchError> {
        match output {
            None => Err(self.failed(&format!("it did not end within {} ms", self.within.as_millis()))),
            Some(Err(error)) => Err(self.failed(&error.to_string())),
            Some(Ok(output)) if output.status.success() => Ok(()),
            Some(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(self.failed(&format!("{}: {}", output.status, said.trim())))
            }
        }
    }

    fn failed(&self, why: &str) -> BenchError {
        BenchError::Power { command: self.arguments.join(" "), why: why.to_owned() }
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
    use super::*;

    fn switch(off: &str) -> Switch {
        let yaml = format!("{{ on: [], off: [sh, -c, '{off}'], off-for: 50 ms, within: 300 ms }}");
        Switch::of(&SwitchConfig::Command(serde_yaml::from_str(&yaml).unwrap()), false)
    }

    fn both(off: &str) -> [Result<(), String>; 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let switch = switch(off);
        let told = |error: BenchError| error.to_string();
        [runtime.block_on(switch.run()).map_err(told), switch.run_at_once().map_err(told)]
    }

    #[test]
    fn a_program_that_succeeds_has_switched_and_power_rests() {
        let began = std::time::Instant::now();
        assert_eq!(both("true"), [Ok(()), Ok(())]);
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_own_words() {
        for failed in both("echo no such hub >&2; exit 4") {
            let told = "did not switch the power: exit status: 4: no such hub";
            assert!(failed.as_ref().is_err_and(|text| text.ends_with(told)), "{failed:?}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        // Whatever the shell starts would outlive it, and would show that it did.
        let hang = format!("(sleep 1; touch {}) & sleep 60", alive.display());
        for failed in both(&hang) {
            let told = "it did not end within 300 ms";
            assert!(failed.as_ref().is_err_and(|text| text.ends_with(told)), "{failed:?}");
        }
        std::thread::sleep(Duration::from_millis(1200));
        assert!(!alive.exists());
    }

    #[test]
    fn no_program_is_told() {
        let error = Switch { arguments: vec![], ..switch("true") }.run_at_once().unwrap_err();
        assert!(error.to_string().ends_with("the bench file names no program"), "{error}");
    }
}
