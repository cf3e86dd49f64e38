//! Link faults of a case, as the emulator takes them.

use taprig_model::expect::CommandName;
use taprig_model::step::{Fault, Injection};

use taprig_bench::BenchError;
use taprig_bench::link::LinkError;

/// The injections of a tap, each waiting for its command.
pub(super) struct Armed<'a> {
    injections: Vec<&'a Injection>,
    seen: Vec<(CommandName, u8)>,
}

impl<'a> Armed<'a> {
    /// These injections.
    #[must_use]
    pub(super) fn new(injections: &'a [Injection]) -> Self {
        Self { injections: injections.iter().collect(), seen: Vec::new() }
    }

    /// The injection that hits the command that has just come, if one does.
    pub(super) fn next(&mut self, command: CommandName) -> Option<&'a Injection> {
        let nth = match self.seen.iter_mut().find(|(name, _)| *name == command) {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                self.seen.push((command, 1));
                1
            }
        };
        let place = self.injections.iter().position(|i| i.at.command == command && i.at.nth == nth)?;
        Some(self.injections.remove(place))
    }
}

/// The fault on the wire.
///
/// # Errors
/// When the injection lacks a value; the loader refuses such a case before it runs.
pub(super) fn on_the_wire(injection: &Injection) -> Result<wire::link::Fault, BenchError> {
    let fault = injection.fault().map_err(|error| LinkError::Refused {
        what: words(injection),
        from: "the rig",
        why: error.to_string(),
    })?;
    Ok(match fault {
        Fault::Drop { times } => wire::link::Fault::Drop { times },
        Fault::Corrupt { seed, times } => wire::link::Fault::Corrupt { seed, times },
        Fault::Late { delay_us } => wire::link::Fault::Late { delay_us },
        Fault::Cut => wire::link::Fault::Cut,
        Fault::Wtx { times, multiplier } => wire::link::Fault::Wtx { times, multiplier },
        Fault::Chain { size } => wire::link::Fault::Chain { size },
        Fault::Mute => wire::link::Fault::Mute,
        Fault::BlockNumber => wire::link::Fault::BlockNumber,
        Fault::Pcb(pcb) => wire::link::Fault::Pcb(pcb),
        Fault::Oversize => wire::link::Fault::Oversize,
    })
}

/// The word of cases for the kind of fault.
#[must_use]
pub(super) fn name(injection: &Injection) -> String {
    serde_json::to_value(injection.fault).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The parameters that the case gives.
#[must_use]
pub(super) fn values(injection: &Injection) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(all)) = serde_json::to_value(injection) else { return Vec::new() };
    all.into_iter()
        .filter(|(key, _)| key != "at" && key != "fault")
        .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

/// The injection in words: `drop at gpo (times 3)`.
#[must_use]
pub(super) fn words(injection: &Injection) -> String {
    let values: Vec<_> = values(injection).into_iter().map(|(key, value)| format!("{key} {value}")).collect();
    let tail = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    format!("{} at {}{tail}", name(injection), injection.at)
}
