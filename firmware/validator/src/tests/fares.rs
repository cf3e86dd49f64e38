//! The fare policy at the console.

use super::{SIZE, talk};
use crate::testboard::TestBoard;

#[test]
fn a_fare_policy_is_told_and_needs_its_mode_and_its_memory() {
    let board = TestBoard::new(SIZE);
    let lines = talk(
        &board,
        "fares cap day 400\nfares debts\nfares use\nset mode online\nfares cap day 1\nstop 7\nfares\nfares clear\nset mode online\n\
         fares debts\nfares use\nfares\nend-of-service\n",
    );
    let expected = [
        "ok",
        "ok",
        "ok",
        "error value oda: the fare policy in force needs it; use fares clear first",
        "error value a policy is in force; clear it first",
        "ok",
        "- rule=\"cap day 400\"",
        "- rule=\"debts\"",
        "ok fares=policy rules=2 cards=0 stop=7",
        "ok",
        "ok",
        "ok",
        "error value fares of a policy need mode oda",
        "- rule=\"debts\"",
        "ok fares=flat rules=1 cards=0 stop=7",
        "ok",
    ];
    assert_eq!(lines, expected);
    let small = talk(&TestBoard::new(4096), "fares debts\nfares\n");
    let refused = "error value the memory of this board has no room for a fare policy";
    assert_eq!(small, [refused, "ok fares=flat rules=0 cards=0 stop=none"]);
}
