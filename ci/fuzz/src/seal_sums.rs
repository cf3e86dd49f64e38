//! The list of sums of a record from anywhere: read or refused.

use taprig_seal::Sums;

/// One input: the content of `SHA256SUMS`.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(sums) = Sums::parse(&text) else { return };
    // What can be read is written again with the same lines, in the order of their names.
    let mut lines: Vec<&str> = text.split_terminator('\n').collect();
    lines.sort_by_key(|line| line.get(66..));
    assert_eq!(sums.text().split_terminator('\n').collect::<Vec<_>>(), lines);
    assert!(sums.differences(&sums).is_empty());
    assert_eq!(sums.differences(&Sums::default()).len(), sums.0.len());
}
