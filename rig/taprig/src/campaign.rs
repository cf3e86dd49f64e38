//! What a campaign needs of the rig: the cases of its suites, and a look into sealed records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use taprig_campaign::evidence::{Flaw, Inspect, Inspected};
use taprig_campaign::file::Repaired;
use taprig_campaign::{Campaign, Suites};
use taprig_case::select::Selector;
use taprig_case::{Problems, Project, Suite};
use taprig_model::event::{Fields, Role};
use taprig_model::lock;
use taprig_model::name::Name;
use taprig_seal::{Signers, Statement, Verified};

/// The cases of the campaign's suites, as they are in the project now.
///
/// # Errors
/// Everything that is wrong with the cases, and words of a suite that select none.
pub fn suites(campaign: &Campaign, project: &Project) -> Result<Suites, Problems> {
    let all = Suite::load(project, &[])?.cases;
    let mut problems = Problems::default();
    let mut suites = Suites::new();
    for (name, suite) in &campaign.file.suites {
        let mut selectors = Vec::new();
        for (index, word) in suite.select.iter().enumerate() {
            let selector = selector(word).filter(|of| all.iter().any(|case| of.fits(&case.id, &case.case.tags)));
            let place = ["suites".into(), name.as_str().into(), "select".into(), index.into()];
            match selector {
                Some(selector) => selectors.push(selector),
                None => problems.push(
                    campaign
                        .problem(&place, format!("no case has the id, family or tag `{word}`"))
                        .help("`taprig list` shows ids and tags"),
                ),
            }
        }
        let chosen = all
            .iter()
            .filter(|case| suite.select.is_empty() || selectors.iter().any(|of| of.fits(&case.id, &case.case.tags)));
        suites.insert(name.clone(), chosen.map(|case| case.id.to_string()).collect());
    }
    let known: BTreeSet<&str> = all.iter().map(|case| case.id.case.as_str()).collect();
    for (index, item) in campaign.file.punch_list.iter().enumerate() {
        let Some(Repaired::Case(id)) = &item.repaired else { continue };
        if !known.contains(id.as_str()) {
            let place = ["punch-list".into(), index.into(), "repaired".into(), "case".into()];
            let problem =
                campaign.problem(&place, format!("there is no case `{id}`, so no record could prove the repair"));
            problems.push(problem.nearest(id.as_str(), known.iter().copied()));
        }
    }
    problems.into_result(suites)
}

/// An id, a family or a tag. A path is none of these, because a campaign means the same cases on each machine.
fn selector(word: &str) -> Option<Selector> {
    if let Ok(id) = word.parse() {
        return Some(Selector::Id(id));
    }
    if word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(Selector::Family(word.into()));
    }
    word.parse::<Name>().ok().map(Selector::Tag)
}

/// Looks into records whose seals one of these keys has made.
#[derive(Debug, Clone)]
pub struct SealedBy {
    /// The keys that may seal records, in the format of `ssh-keygen -Y verify` (`allowed_signers`).
    pub signers: PathBuf,
}

impl Inspect for SealedBy {
    fn inspect(&self, folder: &Path) -> Result<Inspected, Flaw> {
        if !taprig_seal::is_sealed(folder) {
            return Err(Flaw::Unsealed);
        }
        let verified = taprig_seal::verify(folder, &Signers::Allowed(self.signers.clone()), None);
        match verified {
            Ok(verified) => inspected(&verified),
            Err(findings) => {
                let found = findings.iter().map(|finding| format!("{}: {}", finding.file.display(), finding.what));
                Err(Flaw::Broken(found.collect()))
            }
        }
    }
}

/// The digests of the validators' firmware. If the rig knows no image, the digest or the version that each device has reported. A
/// hosted board reports a digest of zeros, because it has no image.
fn firmware(statement: &Statement) -> BTreeSet<String> {
    let images = statement.firmware_under_test();
    if !images.is_empty() {
        return images.into_iter().map(str::to_owned).collect();
    }
    let said = statement.predicate.benches.values().filter_map(|bench| bench.identities.get(&Role::Validator));
    let digest = |said: &'_ Fields| {
        said.get("digest").filter(|digest| digest.bytes().any(|digit| digit != b'0')).map(str::to_owned)
    };
    said.filter_map(|said| digest(said).or_else(|| said.get("version").map(str::to_owned))).collect()
}

/// What a record says whose seal holds.
fn inspected(verified: &Verified) -> Result<Inspected, Flaw> {
    let (statement, run) = (&verified.statement, &verified.statement.predicate.run);
    let started = run
        .started
        .parse()
        .map_err(|error| Flaw::Unreadable(format!("statement.json: `{}` is no time: {error}", run.started)))?;
    Ok(Inspected {
        serials: statement.serial_numbers().into_iter().map(str::to_owned).collect(),
        firmware: firmware(statement),
        suite: lock::digests(&run.environment).into_iter().map(str::to_owned).collect(),
        cases: statement.predicate.cases.iter().map(|case| (case.id.clone(), case.verdict)).collect(),
        started,
        complete: run.complete,
        signer: verified.signer.clone().unwrap_or_default(),
        digest: verified.sums.clone(),
    })
}
