//! Checks of what a case says about its acquirer.

use taprig_model::acquirer::GivenAcquirer;
use taprig_model::acquirer::expect::AcquirerExpect;
use taprig_model::case::Case;

use crate::diagnostic::Problems;
use crate::document::{Node, PathStep};

/// Reports what the acquirer of a case can't do.
pub(super) fn given(given: &GivenAcquirer, node: &Node, problems: &mut Problems) {
    if given.fill_deny_list.is_some() && given.deny_list.is_none() {
        let place = node.place(&path!["given", "acquirer", "fill-deny-list"]);
        let problem = place.problem("this acquirer has no deny list that could be filled");
        problems.push(problem.help("add `deny-list: { version: 1 }` beside it"));
    }
}

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
