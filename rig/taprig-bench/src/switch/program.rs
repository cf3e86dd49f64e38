//! Programs that switch power.

use taprig_model::bench::PowerCommand;
use taprig_model::event::PowerSwitch;

use super::{Actuator, Attempt, Failure, Tell};
use crate::command;

impl Actuator for PowerCommand {
    fn kind(&self) -> PowerSwitch {
        PowerSwitch::Command
    }

    fn name(&self, on: bool) -> String {
        arguments(self, on).join(" ")
    }

    fn advice(&self, _away: bool) -> &'static str {
        "check whether the program works when you run it by hand"
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let tell = Box::new(move |outcome: Result<(), String>| tell(outcome.map_err(Failure::from)));
        Ok(Box::new(command::start(arguments(self, on), None, tell)?))
    }
}

fn arguments(command: &PowerCommand, on: bool) -> &[String] {
    if on { &command.on } else { &command.off }
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
