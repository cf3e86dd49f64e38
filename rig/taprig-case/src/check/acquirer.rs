//! Checks of what a case says about its acquirer.

use taprig_model::acquirer::expect::AcquirerExpect;
use taprig_model::case::Case;

use crate::diagnostic::Problems;
use crate::document::{Node, PathStep};

/// Reports expectations that nobody can judge or that say nothing.
pub(super) fn wanted(case: &Case, wanted: &AcquirerExpect, node: &Node, way: &[PathStep], problems: &mut Problems) {
    if case.given.acquirer.is_none() {
        let problem = node.place(way).problem("this case has no acquirer, so nothing can come to it");
        problems.push(problem.help("add `acquirer: {}` under `given`"));
    } else if wanted.is_empty() {
        problems.push(node.place(way).problem("this looks at the acquirer but expects nothing"));
    }
}

/// Reports an expectation about the acquirer at a tap. When a validator sends a claim is not part of a tap.
pub(super) fn of_tap(node: &Node, way: &[PathStep], problems: &mut Problems) {
    let problem = node.place(way).problem("a tap can't expect what the acquirer receives");
    problems.push(problem.help("write a step `acquirer` after it, or `acquirer` under the `expect` of the case"));
}
