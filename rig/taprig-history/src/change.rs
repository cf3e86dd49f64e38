//! What differs between two nights, as far as lines tell.

use crate::series::{Seen, Series, bench};
use serde::Serialize;
use taprig_model::event::Role;
use taprig_model::history::{Night, NightCase};

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What differs.
    pub what: What,
    /// What it was in the earlier night. It is empty if it was not there or not known.
    pub was: String,
    /// What it is in the later night.
    pub now: String,
}

/// Something that can differ between two nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The firmware of the device.
    Firmware,
    /// The serial number of the device.
    SerialNumber,
    /// The device file.
    DeviceFile,
    /// The case itself: its file, its fixtures or its reviewed transcript.
    Case,
    /// The parts of the bench.
    Bench,
    /// The firmware of the card emulator.
    CardEmulator,
    /// The version of taprig.
    Tool,
    /// Something in the environment of the run, such as `qemu` or `host`.
    Environment(String),
    /// Other cases and fixtures. It is told only if the case itself is the same.
    OtherCases,
}

impl What {
    /// The name in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Firmware => "the firmware".into(),
            Self::SerialNumber => "the serial number of the device".into(),
            Self::DeviceFile => "the device file".into(),
            Self::Case => "the case or its fixtures".into(),
            Self::Bench => "the parts of the bench".into(),
            Self::CardEmulator => "the firmware of the card emulator".into(),
            Self::Tool => "the version of taprig".into(),
            Self::Environment(key) => format!("`{key}` of the environment"),
            Self::OtherCases => "other cases or fixtures".into(),
        }
    }

    /// Whether two verdicts are about different things if this differs. All else may be a cause of a different verdict,
    /// but should not be one.
    #[must_use]
    pub const fn is_of_key(&self) -> bool {
        matches!(self, Self::Firmware | Self::SerialNumber | Self::DeviceFile | Self::Case)
    }
}

/// What differs for a case between two of its nights. What matters most comes first.
#[must_use]
pub fn between(series: &Series<'_>, earlier: &Seen<'_>, later: &Seen<'_>) -> Vec<Change> {
    let (was, now) = (series.nights[earlier.night], series.nights[later.night]);
    let mut changes = Vec::new();
    let mut compare = |what: What, was: Option<&str>, now: Option<&str>| {
        let (was, now) = (was.unwrap_or_default(), now.unwrap_or_default());
        if was != now {
            changes.push(Change { what, was: was.to_owned(), now: now.to_owned() });
        }
    };
    compare(What::Firmware, firmware(was, earlier.case, Role::Validator), firmware(now, later.case, Role::Validator));
    let serial = |night, case| bench(night, case).and_then(|bench| bench.serial_number.as_deref());
    compare(What::SerialNumber, serial(was, earlier.case), serial(now, later.case));
    compare(What::DeviceFile, was.device_digest.as_deref(), now.device_digest.as_deref());
    compare(What::Case, earlier.case.digest.as_deref(), later.case.digest.as_deref());
    let parts = |night, case| bench(night, case).map(|bench| bench.parts.as_str());
    compare(What::Bench, parts(was, earlier.case), parts(now, later.case));
    compare(What::CardEmulator, firmware(was, earlier.case, Role::Emulator), firmware(now, later.case, Role::Emulator));
    compare(What::Tool, Some(&was.tool), Some(&now.tool));
    let mut keys: Vec<&String> = was.environment.keys().chain(now.environment.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let value = |night: &'_ Night| night.environment.get(key).cloned();
        compare(What::Environment(key.clone()), value(was).as_deref(), value(now).as_deref());
    }
    if earlier.case.digest == later.case.digest {
        compare(What::OtherCases, was.cases_digest.as_deref(), now.cases_digest.as_deref());
    }
    changes
}

fn firmware<'a>(night: &'a Night, case: &NightCase, role: Role) -> Option<&'a str> {
    bench(night, case).and_then(|bench| bench.firmware.get(&role)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;

    type Alter = fn(&mut Night);

    #[test]
    fn each_change_is_told_and_no_other() {
        let alterations: [(Alter, What); 9] = [
            (|night| drop(night.benches[0].firmware.insert(Role::Validator, "new".into())), What::Firmware),
            (|night| night.benches[0].serial_number = Some("A8".into()), What::SerialNumber),
            (|night| night.device_digest = Some("new".into()), What::DeviceFile),
            (|night| night.cases[0].digest = Some("new".into()), What::Case),
            (|night| night.benches[0].parts = "validator qemu".into(), What::Bench),
            (|night| drop(night.benches[0].firmware.insert(Role::Emulator, "new".into())), What::CardEmulator),
            (|night| night.tool = "taprig 0.2.0".into(), What::Tool),
            (|night| drop(night.environment.insert("qemu".into(), "10".into())), What::Environment("qemu".into())),
            (|night| night.cases_digest = Some("new".into()), What::OtherCases),
        ];
        for (alter, what) in alterations {
            let mut nights = Nights::of("BUS-001", "PF").nights;
            alter(&mut nights[1]);
            let series = &Series::all(&nights)[0];
            let seen = series.case("BUS-001").unwrap();
            let changes = between(series, &seen[0], &seen[1]);
            assert_eq!(changes.iter().map(|change| &change.what).collect::<Vec<_>>(), [&what]);
            assert_eq!(what.is_of_key(), seen[0].key != seen[1].key, "{what:?}");
        }
    }
}
