//! A regular expression for the lines of a console.

use crate::device::{NOT_WRITTEN, UNFINISHED};
use crate::text::text;
use crate::units::{Malformed, malformed};
use regex::{Captures, Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::fmt;
use std::str::FromStr;

/// The longest pattern, in bytes.
const LONGEST: usize = 1000;

/// The largest size of a compiled pattern, in bytes. A pattern such as `(\w{100}){100}` needs more.
const LARGEST: usize = 1 << 20;

/// A pattern that a line of a console matches: a regular expression in the syntax of the crate `regex`.
///
/// The time for a match grows linearly with the length of the line, whatever the pattern is. The syntax has neither
/// back-references nor look-around, so no pattern can take exponential time. A pattern that can't match any line is
/// refused, and so is one that matches the empty text.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

text!(Pattern, "Pattern", r"^.{1,1000}$", "a regular expression for a line, such as `^SHOW (?<message>[0-9]+)`");

impl Pattern {
    /// Whether the line matches.
    #[must_use]
    pub fn matches(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// Whether the whole text is a match.
    #[must_use]
    pub fn is_all_of(&self, text: &str) -> bool {
        self.0.find(text).is_some_and(|found| found.start() == 0 && text[found.end()..].trim_end().is_empty())
    }

    /// The named groups of a line that matches, with their texts. A group that took no part is left out.
    #[must_use]
    pub fn groups(&self, line: &str) -> Option<Vec<(&str, String)>> {
        self.0.captures(line).map(|captures| named(&self.0, &captures))
    }

    /// The regular expression that matches exactly this text, without anchors.
    #[must_use]
    pub fn literal(text: &str) -> String {
        regex::escape(text)
    }

    /// The names of the groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }

    /// The regular expression as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn named<'p>(regex: &'p Regex, captures: &Captures<'_>) -> Vec<(&'p str, String)> {
    regex.capture_names().flatten().filter_map(|name| Some((name, captures.name(name)?.as_str().to_owned()))).collect()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        // It could be a right expression by chance, and then no line would match it.
        if text.starts_with(UNFINISHED) {
            return malformed(NOT_WRITTEN, "what this text says");
        }
        if text.len() > LONGEST {
            return malformed(format!("this pattern has {} bytes", text.len()), "at most 1000 bytes");
        }
        let hir = match regex_syntax::parse(text) {
            Ok(hir) => hir,
            Err(error) => {
                let why = match &error {
                    regex_syntax::Error::Parse(error) => error.kind().to_string(),
                    regex_syntax::Error::Translate(error) => error.kind().to_string(),
                    _ => "it is malformed".to_owned(),
                };
                return malformed(format!("this is not a pattern, because {why}"), "a regular expression");
            }
        };
        if hir.properties().minimum_len().is_none() || never_matches(&hir) {
            return malformed(
                "this pattern can't match: a line has no line end and no control character, `^` is only at its beginning \
                 and `$` only at its end",
                "a pattern that a line can match",
            );
        }
        let Ok(regex) = RegexBuilder::new(text).size_limit(LARGEST).build() else {
            return malformed("this pattern is too large when it is compiled", "smaller numbers of repetitions");
        };
        if regex.is_match("") {
            return malformed("this pattern matches the empty text", "a pattern that needs at least one character");
        }
        Ok(Self(regex))
    }
}

/// Whether no line can match, because the expression asks for something that no line contains.
fn never_matches(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.contains(is_no_text)),
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().all(|range| (range.start()..=range.end()).take(256).all(is_no_text))
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().all(|range| (range.start()..=range.end()).all(|byte| is_no_text(byte.into())))
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && never_matches(&repetition.sub),
        HirKind::Capture(capture) => never_matches(&capture.sub),
        HirKind::Concat(parts) => {
            let takes = |part: &Hir| part.properties().minimum_len().unwrap_or(0) > 0;
            let is = |part: &Hir, look: Look| *part.kind() == HirKind::Look(look);
            parts.iter().any(never_matches)
                || parts.iter().skip_while(|part| !takes(part)).any(|part| is(part, Look::Start))
                || parts.iter().skip_while(|part| !is(part, Look::End)).any(takes)
        }
        HirKind::Alternation(parts) => parts.iter().all(never_matches),
    }
}

/// Whether no line contains this character.
fn is_no_text(c: char) -> bool {
    c.is_ascii_control() && c != '\t'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        text.parse::<Pattern>().unwrap_err().to_string()
    }

    #[test]
    fn groups_have_names() {
        let pattern: Pattern = r"^显示\[(?<message>\d+)\](?: (?<amount>\S+))?$".parse().unwrap();
        assert_eq!(pattern.groups("显示[07]"), Some(vec![("message", "07".to_owned())]));
        let both = vec![("message", "07".to_owned()), ("amount", "1.00".to_owned())];
        assert_eq!(pattern.groups("显示[07] 1.00"), Some(both));
        assert_eq!(pattern.groups("显示 07"), None);
        assert_eq!(pattern.names().collect::<Vec<_>>(), ["message", "amount"]);
    }

    #[test]
    fn what_can_not_match_is_refused() {
        for never in [r"OK\r\n", r"a^b", r"(?:a$)b", r"a$b", r"[a&&b]", r"(\n|\r)x", r"x\x07", r"[\n\r]", r"(?:\n)+"] {
            assert!(refusal(never).starts_with("this pattern can't match"), "{never}");
        }
        for may in ["^a$", r"a(\n)?", "a|\n", "[^a]", "(^a|^b)", r"\bOK\b", "a*^b", r"[\n a]", "(a|^b)c$"] {
            assert!(may.parse::<Pattern>().is_ok(), "{may}");
        }
    }

    #[test]
    fn a_note_of_what_has_to_stand_there_is_no_pattern() {
        assert_eq!(refusal("TODO: the line, such as ^OK$"), "this value is not written yet: write what this text says");
        assert!("^TODO: .".parse::<Pattern>().is_ok());
    }

    #[test]
    fn a_literal_text_matches_itself() {
        for text in ["LQ9>", "no: ", "^a.b$ (c)"] {
            let pattern: Pattern = format!("^{}$", Pattern::literal(text)).parse().unwrap();
            assert!(pattern.matches(text) && !pattern.matches(&format!("{text}x")), "{text}");
        }
    }

    #[test]
    fn what_matches_everything_or_is_no_pattern_is_refused() {
        for empty in ["", ".*", "^", "a?", "x|"] {
            assert!(refusal(empty).starts_with("this pattern matches the empty text"), "{empty}");
        }
        assert!(refusal("(a").starts_with("this is not a pattern, because unclosed group"), "{}", refusal("(a"));
        assert!(refusal(r"(a)\1").starts_with("this is not a pattern, because backreferences are not supported"));
        assert!(refusal("(?=a)b").starts_with("this is not a pattern, because look-around"), "{}", refusal("(?=a)b"));
        assert!(refusal(r"(\w{100}){100}").starts_with("this pattern is too large"));
        assert!(refusal(&"a".repeat(1001)).starts_with("this pattern has 1001 bytes"));
    }

    /// The pattern that other engines need exponential time for.
    #[test]
    fn a_nested_repetition_takes_linear_time() {
        let pattern: Pattern = r"^(a|a)*(a*)*b$".parse().unwrap();
        let line = "a".repeat(100_000);
        let began = std::time::Instant::now();
        assert!(!pattern.matches(&line));
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", line in ".{0,40}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert!(!pattern.matches(""));
                prop_assert_eq!(pattern.matches(&line), pattern.groups(&line).is_some());
                prop_assert_eq!(pattern.to_string().parse::<Pattern>().unwrap(), pattern);
            }
        }
    }
}
