//! Compares a stored page with the page that its record gives.

use sha2::{Digest as _, Sha256};

use super::Html;
use super::page::{SCRIPT, STYLE};

const TEMPLATE: &str = include_str!("../../templates/report.html");

/// The page has a mark before and behind each part that comes from another record: what changed since an earlier run, and the last
/// nights. No text of a record can contain such a mark, because the page escapes `<`.
const OPEN: &str = "<!--from other records-->";
const CLOSE: &str = "<!--/from other records-->";

/// Where a page names its layout.
const LAYOUT: &str = "<meta name=\"generator\" content=\"taprig report, version 1, layout ";

/// What a stored page is, compared with the page that its record gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is the same.
    Follows {
        /// Whether the stored page also has parts from other records. Nothing is known about these parts.
        others: bool,
    },
    /// A version of taprig with another layout of pages made it.
    OtherLayout,
    /// It says something that does not follow from the record.
    Differs,
}

impl Html {
    /// Compares this page, which must have been made without an earlier run and without a history, with a stored one.
    #[must_use]
    pub fn compared(&self, stored: &[u8]) -> Stored {
        let Ok(stored) = std::str::from_utf8(stored) else { return Stored::Differs };
        let (own, others) = own_parts(stored);
        let named = stored.split_once(LAYOUT).and_then(|(_, rest)| rest.split_once('"')).map(|(layout, _)| layout);
        match named {
            _ if own == self.text => Stored::Follows { others },
            Some(named) if named != layout() => Stored::OtherLayout,
            _ => Stored::Differs,
        }
    }
}

/// A name for the layout of the pages that this program makes: the first 16 hexadecimal digits of the SHA-256 of template, style and
/// script.
pub(super) fn layout() -> String {
    let mut hash = Sha256::new();
    [TEMPLATE, STYLE, SCRIPT].iter().for_each(|part| hash.update(part));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A page without its parts from other records, and whether it has such parts.
fn own_parts(page: &str) -> (String, bool) {
    let mut own = String::with_capacity(page.len());
    let mut rest = page;
    let mut others = false;
    while let Some((before, after)) = rest.split_once(OPEN) {
        // A part without an end stays, so the page differs.
        let Some((_, behind)) = after.split_once(CLOSE) else { break };
        own.push_str(before);
        rest = behind;
        others = true;
    }
    own.push_str(rest);
    (own, others)
}
