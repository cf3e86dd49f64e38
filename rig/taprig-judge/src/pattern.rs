//! Text patterns with `*`.

/// Whether a text matches a pattern in which `*` stands for any sequence of characters and `\*` for an asterisk. The
/// function searches for each part of the pattern only once.
pub(crate) fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'*') => {
                chars.next();
                if let Some(part) = parts.last_mut() {
                    part.push('*');
                }
            }
            '*' => parts.push(String::new()),
            c => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    let Some((head, parts)) = parts.split_first() else { return false };
    let Some((tail, middle)) = parts.split_last() else { return line == head };
    let Some(mut rest) = line.strip_prefix(head.as_str()) else { return false };
    for part in middle {
        // The first match leaves the most text for the parts that follow.
        let Some(place) = rest.find(part.as_str()) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(tail.as_str())
}

/// Whether an account number as a device shows it matches a pattern. A device may hide more digits than the pattern does
/// (PCI DSS 3.4 says how many may be seen, and not how many must be). It may not show a digit that the pattern hides.
pub(crate) fn fits_account(pattern: &str, shown: &str) -> bool {
    let wanted = pattern.replace("\\*", "\0");
    if wanted.contains('*') || wanted.chars().count() != shown.chars().count() {
        return fits(pattern, shown);
    }
    wanted.chars().zip(shown.chars()).all(|(wanted, shown)| shown == '*' || wanted == shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_may_hide_more_digits_of_an_account_and_not_fewer() {
        let fits = |shown| fits_account(r"622990\*\*\*\*\*\*0021", shown);
        assert!(fits("622990******0021") && fits("6229*********021"));
        assert!(!fits("622990000000021") && !fits("6229900*****0021"), "a digit too many");
        assert!(!fits("622990xxxxxx0021"), "the rig hid what the device showed");
        assert!(!fits("622990******0022") && !fits("622990*****0021"), "another number");
        assert!(fits_account("622990*0021", "6229901230021"), "a run of any digits");
    }

    #[test]
    fn a_star_stands_for_any_run() {
        assert!(fits("ok*", "ok"));
        assert!(fits("ok * digest=*", "ok device=x digest=00"));
        assert!(fits("*", ""));
        assert!(!fits("ok", "ok 1"));
        assert!(!fits("ok *x", "ok 1"));
        assert!(fits("a*b*c", "a-b-b-c"));
        assert!(!fits("a*bc*c", "a-b-c"));
        assert!(!fits("ab*ba", "aba"), "a character serves once");
        assert!(fits(r"pan=622990\*\*\*0021*", "pan=622990***0021 psn=01"));
        assert!(!fits(r"pan=622990\*\*\*0021", "pan=6229901230021"));
    }
}
