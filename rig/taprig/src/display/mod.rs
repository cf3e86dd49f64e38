//! Shows a run to people and programs while it runs. The display is a fold over the events.
//!
//! On a terminal, a progress line stays at the bottom, and only cases that did not pass are printed above it. Elsewhere
//! each sub-case is a line. `--format json` prints the events themselves.

mod failure;
mod human;
mod out;
mod serving;
mod style;
mod terminal;
pub mod times;

pub use human::Human;
pub use out::{Failure, Out};
pub use serving::Serving;
pub use style::Styles;

use std::io::IsTerminal;
use taprig_model::event::{Body, Event};
use taprig_record::Listener;

/// How a run is displayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// Events as JSON Lines, as in a record but without raw serial bytes.
    Json,
}

/// What the display needs to know about its output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Format.
    pub format: Format,
    /// Whether output goes to a terminal, and not to the log of a CI server.
    pub terminal: bool,
    /// Whether output has colours.
    pub colour: bool,
    /// The command that runs a sub-case again. The id of the sub-case is appended.
    pub repeat: String,
    /// Whether a record keeps all of the run.
    pub recorded: bool,
}

impl Options {
    /// The options for the standard output of this process: colours on a terminal only and not with `NO_COLOR`, and
    /// plain lines in CI.
    pub fn from_env(format: Format, repeat: String, recorded: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { format, terminal: terminal && !set("CI"), colour: terminal && !set("NO_COLOR"), repeat, recorded }
    }
}

/// Lines of the validator that are neither reply nor event: its debug output.
pub fn noise(events: &[Event]) -> Vec<&str> {
    let noise = events.iter().filter_map(|event| match &event.body {
        Body::ConsoleNoise { text } => Some(text.as_str()),
        _ => None,
    });
    noise.collect()
}

/// The display as a listener of [`taprig_record::Recorder::start`]. It shows the summary at [`Body::RunFinished`].
///
/// `earlier` are the events of a run that is resumed. They are not shown again, but the summary counts them.
pub fn listener(options: Options, mut out: Out, earlier: &[Event]) -> Listener {
    match options.format {
        Format::Json => Box::new(move |event| json(event, &mut out)),
        Format::Human => {
            let mut human = Human::new(options, out);
            human.remember(earlier);
            Box::new(move |event| human.event(event))
        }
    }
}

fn json(event: &Event, out: &mut Out) {
    if matches!(event.body, Body::Serial { .. }) {
        return;
    }
    // Serialising fails only for maps whose keys are not text, and events have no such map.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    out.put(&line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use taprig_model::result::Verdict;
    use taprig_model::samples::run;

    /// The display, which hears events that nobody else keeps.
    fn listener(options: Options, out: Out, earlier: &[Event]) -> impl FnMut(&Event) {
        let mut hear = super::listener(options, out, earlier);
        move |event| hear(&Arc::new(event.clone()))
    }

    #[derive(Clone, Default)]
    pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_lines_are_the_events() {
        let page = Page::default();
        let mut listener =
            listener(Options { format: Format::Json, ..Options::default() }, Out::new(page.clone()), &[]);
        run().iter().for_each(&mut listener);
        let lines: Vec<Event> = page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, run());
    }

    #[test]
    fn a_run_in_plain_lines() {
        let page = Page::default();
        let repeat = "taprig run --bench fixtures/benches/qemu.yaml".to_owned();
        let mut listener = listener(Options { repeat, ..Options::default() }, Out::new(page.clone()), &[]);
        run().iter().for_each(&mut listener);
        let finished = Body::RunFinished { summary: Default::default(), interrupted: true };
        listener(&Event { at_us: 2_345_678, case: None, body: finished, ..run()[0].clone() });
        insta::assert_snapshot!(page.text(), @r"
        pass            0.01 s  BUS-001  A new card rides
        FAIL ODA-004/rsa1024 The validator refuses a card whose dynamic signature is altered
          at cases/oda/ODA-004.yaml:21
          seen by a person
            outcome    expected declined
                       seen     approved
          told by the device
            journal    expected unchanged
                       seen     +1
          what happened
            validator shangluo-flat-1-yuan
          repeat: taprig run --bench fixtures/benches/qemu.yaml ODA-004/rsa1024

        ERROR ISO-002 A lost block is asked for again
          at cases/oda/ODA-004.yaml
          waiting for the emulator: port closed
          what happened
            validator shangluo-flat-1-yuan
          repeat: taprig run --bench fixtures/benches/qemu.yaml ISO-002

        pass            0.01 s  ISO-002  A lost block is asked for again (flaky)
        not applicable  0.01 s  SM2-001  A card with SM2 rides (the device does not claim sm2)
        2 passed, 1 failed, 1 error, 1 flaky, 1 not applicable in 2.35 s
        interrupted: 4 of 5 cases ran
          fail    ODA-004/rsa1024  outcome: declined is expected, approved is seen
          error   ZZZ-001  the run ended before the case did
          flaky ISO-002  2 attempts
        ");
    }

    #[test]
    fn cases_that_did_not_run_are_counted() {
        use taprig_model::samples::{event, finished, started};
        let page = Page::default();
        let mut listener = listener(Options::default(), Out::new(page.clone()), &[]);
        run()[..5].iter().for_each(&mut listener);
        for number in 2..=5 {
            let id = format!("BUS-00{number}");
            listener(&event(40, Some(&id), started("A card", 1)));
            listener(&event(41, Some(&id), finished(Verdict::Skipped, 1, Some("the run was interrupted"))));
        }
        listener(&event(2_000_000, None, Body::RunFinished { summary: Default::default(), interrupted: true }));
        insta::assert_snapshot!(page.text(), @r"
        pass            0.01 s  BUS-001  A new card rides
        1 passed, 4 skipped in 2.00 s
        interrupted: 1 of 5 cases ran
        ");
    }

    #[test]
    fn on_a_terminal_a_pass_is_only_counted() {
        let page = Page::default();
        let options = Options { terminal: true, colour: true, repeat: "taprig run".into(), ..Options::default() };
        let mut listener = listener(options, Out::new(page.clone()), &[]);
        run()[..5].iter().for_each(&mut listener);
        assert_eq!(page.text(), "");
        run()[5..9].iter().for_each(&mut listener);
        assert!(page.text().contains("\u{1b}[1m\u{1b}[31mFAIL"), "{:?}", page.text());
    }
}
