//! Whether the records of one device prove that it passes a suite.

use std::collections::BTreeSet;

use jiff::civil::Date;
use taprig_model::name::{Name, SubCaseId};
use taprig_model::result::Verdict;

use super::{Facts, Waiving};
use crate::evidence::{Flaw, Found, Inspected};
use crate::file::{Gate, Records, Waived};
use crate::status::{Proof, What};

/// The device that a record has to be of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Device<'a> {
    /// Its serial number, if the campaign says it.
    pub(super) serial: Option<&'a str>,
    /// Its county. The type sample has none.
    pub(super) county: Option<&'a str>,
    /// Its bus. The type sample has none.
    pub(super) bus: Option<&'a str>,
}

/// One reason, since when, and whose turn it is if it is not that of the gate's owner.
#[derive(Debug, Clone)]
pub(super) struct Reason {
    pub(super) what: What,
    pub(super) since: Date,
    pub(super) turn: Option<Name>,
}

/// What the records of one device prove.
#[derive(Debug, Clone)]
pub(super) enum Judged {
    Good(Proof),
    /// Never empty. The reason "no record" stands alone.
    Bad(Vec<Reason>),
}

/// Judges the records of one device for a gate. The latest one counts. A record that proves nothing closes the gate even if a good one
/// lies beside it, because somebody has to look at it.
pub(super) fn judge(facts: &Facts<'_>, gate: &Gate, device: Device<'_>, found: &[&Found]) -> Judged {
    let Some(records) = &gate.records else { return Judged::Bad(vec![]) };
    let begins = facts.campaign.file.begins.0;
    let mut reasons = Vec::new();
    let mut latest: Option<(&Found, &Inspected)> = None;
    for found in found {
        match &found.seen {
            Ok(seen) => {
                let wrong = of_another(facts, records, device, found, seen);
                if wrong.is_empty() && latest.is_none_or(|(_, other)| other.started <= seen.started) {
                    latest = Some((found, seen));
                }
                let day = facts.campaign.day(seen.started);
                reasons.extend(wrong.into_iter().map(|what| Reason { what, since: day, turn: None }));
            }
            Err(flaw) => {
                let folder = found.folder.clone();
                let what = match flaw {
                    Flaw::Unsealed => What::Unsealed { folder },
                    Flaw::Broken(why) => What::Broken { folder, why: why.clone() },
                    Flaw::Unreadable(why) => What::Unreadable { folder, why: why.clone() },
                };
                reasons.push(Reason { what, since: begins, turn: None });
            }
        }
    }
    let Some((found, seen)) = latest else {
        if reasons.is_empty() {
            reasons.push(Reason { what: What::NoRecord { suite: records.suite.clone() }, since: begins, turn: None });
        }
        return Judged::Bad(reasons);
    };
    let (waivers, passed, wrong) = against_suite(facts, gate, records, device, found, seen);
    reasons.extend(wrong);
    if !reasons.is_empty() {
        return Judged::Bad(reasons);
    }
    Judged::Good(Proof {
        folder: found.folder.clone(),
        day: facts.campaign.day(seen.started),
        passed,
        cases: facts.suites.get(&records.suite).map_or(0, BTreeSet::len),
        waivers,
        firmware: seen.firmware.iter().next().cloned().unwrap_or_default(),
        signer: seen.signer.clone(),
        digest: seen.digest.clone(),
    })
}

/// Whether a record shows that its device does not do what the suite wants.
pub(super) fn is_bad_device(facts: &Facts<'_>, gate: &Gate, device: Device<'_>, found: &Found) -> bool {
    let (Some(records), Ok(seen)) = (&gate.records, &found.seen) else { return false };
    if !of_another(facts, records, device, found, seen).is_empty() {
        return false;
    }
    let cases = facts.suites.get(&records.suite).into_iter().flatten();
    cases.filter(|id| is_failed(seen.cases.get(*id))).any(|id| waiver(facts, gate, device, id).holds().is_none())
}

/// Why a record says nothing about this device on approved firmware, sealed by whoever has to.
fn of_another(facts: &Facts<'_>, records: &Records, device: Device<'_>, found: &Found, seen: &Inspected) -> Vec<What> {
    let folder = || found.folder.clone();
    let mut wrong = Vec::new();
    let day = facts.campaign.day(seen.started);
    if day > facts.today {
        wrong.push(What::Later { folder: folder(), day });
    }
    match device.serial {
        // That is told once, for the bus.
        None => {}
        Some(_) if seen.serials.is_empty() => wrong.push(What::NoSerial { folder: folder() }),
        Some(serial) if seen.serials.len() == 1 && seen.serials.contains(serial) => {}
        Some(serial) => wrong.push(What::OtherDevice {
            folder: folder(),
            found: seen.serials.iter().cloned().collect(),
            wanted: serial.to_owned(),
        }),
    }
    if seen.firmware.is_empty() {
        wrong.push(What::NoFirmware { folder: folder() });
    }
    let approved = |digest: &str| {
        let mut all = facts.campaign.file.firmware.iter();
        all.any(|firmware| firmware.is(digest) && firmware.approved.0 <= facts.today)
    };
    if let Some(digest) = seen.firmware.iter().find(|digest| !approved(digest)) {
        wrong.push(What::Firmware { folder: folder(), digest: digest.clone() });
    }
    let suite = facts.campaign.file.suites.get(&records.suite);
    if let Some(wanted) = suite.and_then(|suite| suite.sha256.as_ref()).map(ToString::to_string)
        && !seen.suite.contains(&wanted)
    {
        let found = Some(seen.suite.join(", ")).filter(|found| !found.is_empty());
        wrong.push(What::OtherSuite { folder: folder(), found, wanted });
    }
    let signer = records.sealed_by.as_ref().and_then(|party| facts.campaign.party(party)?.seals_as.as_ref());
    if let Some(wanted) = signer.filter(|wanted| **wanted != seen.signer) {
        wrong.push(What::OtherSigner { folder: folder(), found: seen.signer.clone(), wanted: wanted.clone() });
    }
    wrong
}

/// The device did something else than the case wants. A fault of the rig says nothing about the device.
fn is_failed(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Fail | Verdict::Changed))
}

fn waiver<'a>(facts: &Facts<'a>, gate: &Gate, device: Device<'_>, id: &str) -> Waiving<'a> {
    let case = id.split('/').next().unwrap_or(id);
    let is_meant = |waived: &Waived| match waived {
        Waived::Case(SubCaseId { case: of, sub: None }) => of.as_str() == case,
        Waived::Case(of) => of.to_string() == id,
        Waived::Item(_) | Waived::Task(_) => false,
    };
    facts.waiver(is_meant, &gate.gate, device.county, device.bus)
}

/// Compares a record with the suite: the waivers that it needs, how many cases passed, and why it does not prove the suite.
fn against_suite(
    facts: &Facts<'_>,
    gate: &Gate,
    records: &Records,
    device: Device<'_>,
    found: &Found,
    seen: &Inspected,
) -> (Vec<Name>, usize, Vec<Reason>) {
    let day = facts.campaign.day(seen.started);
    let reason = |what| Reason { what, since: day, turn: None };
    let mut wrong = Vec::new();
    if !seen.complete {
        wrong.push(reason(What::Unfinished { folder: found.folder.clone() }));
    }
    let suite = facts.campaign.file.suites.get(&records.suite);
    let accepts_not_applicable = suite.is_some_and(|suite| suite.accepts_not_applicable);
    let cases = facts.suites.get(&records.suite).cloned().unwrap_or_default();
    let mut waivers = BTreeSet::new();
    let (mut missing, mut not_passed, mut passed) = (Vec::new(), Vec::new(), 0);
    for id in &cases {
        let list = match seen.cases.get(id) {
            Some(Verdict::Pass) => {
                passed += 1;
                continue;
            }
            Some(Verdict::NotApplicable) if accepts_not_applicable => continue,
            None | Some(Verdict::NotApplicable | Verdict::Skipped) => &mut missing,
            Some(Verdict::Fail | Verdict::Changed | Verdict::Error) => &mut not_passed,
        };
        // A fault of the rig can't be waived: the case has to be played again.
        let waiving = match seen.cases.get(id) {
            Some(Verdict::Error) => Waiving::No,
            _ => waiver(facts, gate, device, id),
        };
        match waiving {
            Waiving::Holds(waiver) => drop(waivers.insert(waiver.waiver.clone())),
            Waiving::Expired(_) | Waiving::Later(_) => {
                wrong.extend(waiving.blocker(id));
                list.push(id.clone());
            }
            Waiving::No => list.push(id.clone()),
        }
    }
    if let Some(first) = missing.first() {
        wrong.push(reason(What::Incomplete {
            folder: found.folder.clone(),
            missing: missing.len(),
            of: cases.len(),
            first: first.clone(),
        }));
    }
    if let Some(first) = not_passed.first() {
        wrong.push(reason(What::NotPassed {
            folder: found.folder.clone(),
            count: not_passed.len(),
            first: first.clone(),
        }));
    }
    // A record in which nothing passed proves nothing, whatever it does not apply to.
    if passed == 0 && wrong.is_empty() {
        wrong.push(reason(What::Incomplete {
            folder: found.folder.clone(),
            missing: cases.len(),
            of: cases.len(),
            first: cases.iter().next().cloned().unwrap_or_default(),
        }));
    }
    (waivers.into_iter().collect(), passed, wrong)
}
