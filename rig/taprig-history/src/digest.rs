//! Digests: of a record, and of everything that makes a case.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use taprig_model::criteria::Criteria;
use taprig_record::Inputs;
use taprig_record::units::lower_hex;

/// A digest as lines have it: the first 64 bits of a SHA-256 in hexadecimal. It only tells the nights of one case apart.
pub(crate) fn short(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    lower_hex(&digest.finalize()[..8])
}

/// The identity of a run and the digest of its events, both of 128 bits. The identity covers the events up to the start
/// of the first case that has a nonce, because a nonce is never used twice and a resumed run only adds events.
pub(crate) fn run(events: &[u8]) -> (String, String) {
    let mut beginning = 0;
    for line in events.split_inclusive(|&byte| byte == b'\n') {
        beginning += line.len();
        if has(line, br#""kind":"case-started""#) && !has(line, br#""nonce":"""#) {
            break;
        }
    }
    let hash = |bytes: &[u8]| lower_hex(&Sha256::digest(bytes)[..16]);
    (hash(&events[..beginning]), hash(events))
}

fn has(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

/// Makes the digests of sub-cases from the inputs of a record.
pub(crate) struct Cases<'a> {
    criteria: BTreeMap<&'a str, &'a Criteria>,
    inputs: &'a Inputs,
    /// Cards and validator profiles by their names, with all fixtures whose names occur in each of them.
    fixtures: BTreeMap<&'a str, (&'a Path, &'a str)>,
}

impl<'a> Cases<'a> {
    pub(crate) fn new(inputs: &'a Inputs) -> Self {
        let is_fixture = |path: &Path| {
            let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
            matches!(folder, Some("cards" | "validators"))
        };
        let fixtures = inputs
            .files
            .iter()
            .filter(|(path, _)| is_fixture(path))
            .filter_map(|(path, text)| Some((path.file_stem()?.to_str()?, (path.as_path(), text.as_str()))));
        let criteria = inputs.criteria.iter().map(|criteria| (criteria.id.as_str(), criteria)).collect();
        Self { criteria, inputs, fixtures: fixtures.collect() }
    }

    /// The digest of a sub-case. `used` are the names of its profile and of its card, as its events have them. Every
    /// fixture whose name occurs as a word in the file of the case, or in a fixture that belongs to the case, belongs to
    /// it as well. So a file that a case includes is never missed, and at worst a comment names one too many.
    pub(crate) fn of(&self, id: &str, used: &[&str]) -> Option<String> {
        let criteria = self.criteria.get(id)?;
        let case = self.inputs.files.get(Path::new(&criteria.file)).map_or("", String::as_str);
        let mut belongs: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = words(case).chain(used.iter().copied()).collect();
        while let Some(word) = next.pop() {
            if let Some((name, (_, text))) = self.fixtures.get_key_value(word)
                && belongs.insert(name)
            {
                next.extend(words(text));
            }
        }
        let criteria = serde_json::to_vec(criteria).unwrap_or_default();
        let baseline = self.inputs.baselines.as_ref().and_then(|all| all.get(id)).map_or("", String::as_str);
        let mut parts: Vec<&[u8]> = vec![&criteria, case.as_bytes(), baseline.as_bytes()];
        parts.extend(belongs.iter().filter_map(|name| self.fixtures.get(name)).map(|(_, text)| text.as_bytes()));
        Some(short(&parts))
    }
}

/// The words of a file that can be names of fixtures.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    text.split(move |c| !is_part(c)).map(|word| word.trim_matches(['.', '-'])).filter(|word| word.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_resumed_run_is_the_same_run_with_other_content() {
        let start = b"{\"kind\":\"run-started\"}\n{\"kind\":\"case-started\",\"nonce\":\"\"}\n".to_vec();
        let first = [&start[..], b"{\"kind\":\"case-started\",\"nonce\":\"4711\"}\n"].concat();
        let resumed = [&first[..], b"{\"kind\":\"run-resumed\"}\n"].concat();
        let (a, b) = (run(&first), run(&resumed));
        assert_eq!(a.0, b.0);
        assert_ne!(a.1, b.1);
        let other = [&start[..], b"{\"kind\":\"case-started\",\"nonce\":\"4712\"}\n"].concat();
        assert_ne!(run(&other).0, a.0, "a nonce is never used twice");
    }

    #[test]
    fn each_file_that_makes_a_case_changes_its_digest_and_no_other_file_does() {
        let inputs = samples::inputs();
        let digest = |inputs: &Inputs| Cases::new(inputs).of("BUS-001", &["flat", "credit"]).unwrap();
        let before = digest(&inputs);
        for file in ["cases/bus/BUS-001.yaml", "fixtures/validators/base.yaml", "fixtures/cards/credit.yaml"] {
            let mut changed = inputs.clone();
            changed.files.get_mut(Path::new(file)).unwrap().push_str("# another limit\n");
            assert_ne!(digest(&changed), before, "{file}");
        }
        for file in ["cases/bus/BUS-002.yaml", "fixtures/cards/debit.yaml", "fixtures/benches/sim.yaml"] {
            let mut changed = inputs.clone();
            changed.files.get_mut(Path::new(file)).unwrap().push_str("# another limit\n");
            assert_eq!(digest(&changed), before, "{file}");
        }
        let mut changed = inputs.clone();
        changed.criteria[0].title = "Another".into();
        assert_ne!(digest(&changed), before);
        let mut changed = inputs.clone();
        changed.baselines = Some([("BUS-001".to_owned(), "1 tap".to_owned())].into());
        assert_ne!(digest(&changed), before);
        assert!(Cases::new(&inputs).of("BUS-009", &[]).is_none());
    }
}
