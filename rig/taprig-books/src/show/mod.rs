//! The result for people and for programs.

pub mod csv;
mod table;
pub mod text;

use taprig_model::books::result::{Class, Reconciliation, Sum};

/// An amount in yuan: `369200.00 CNY`.
#[must_use]
pub fn money(fen: u128) -> String {
    format!("{}.{:02} CNY", fen / 100, fen % 100)
}

/// What it all comes to, in one line.
#[must_use]
pub fn verdict(result: &Reconciliation) -> String {
    let count = |class: Class| result.items.iter().filter(|item| item.class == class).count();
    let classes: Vec<String> = Class::ALL
        .into_iter()
        .filter(|class| class.differs() && count(*class) > 0)
        .map(|class| format!("{} {}", count(class), class.word()))
        .collect();
    let mut parts = Vec::new();
    match classes.as_slice() {
        [] => parts.push("no difference".to_owned()),
        _ => {
            let all = result.items.iter().filter(|item| item.class.differs()).count();
            let noun = if all == 1 { "difference" } else { "differences" };
            parts.push(format!("{all} {noun} ({})", classes.join(", ")));
        }
    }
    if !result.gross.holds() {
        parts.push("the gross of the journal does not hold".into());
    }
    match count(Class::Waiting) {
        0 => {}
        1 => parts.push("1 item is waiting".into()),
        waiting => parts.push(format!("{waiting} items are waiting")),
    }
    match result.sides.iter().map(|side| side.broken).sum::<u64>() {
        0 => {}
        1 => parts.push("1 row could not be read and is left out".into()),
        rows => parts.push(format!("{rows} rows could not be read and are left out")),
    }
    parts.join("; ")
}

/// A number of items and their sum: `7 rides, 8.50 CNY`.
fn counted(sum: Sum, noun: &str) -> String {
    let plural = if sum.count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}, {}", sum.count, money(sum.fen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!(money(36_920_000), "369200.00 CNY");
        assert_eq!(money(1), "0.01 CNY");
        assert_eq!(counted(Sum { count: 1, fen: 250 }, "ride"), "1 ride, 2.50 CNY");
        assert_eq!(counted(Sum::default(), "claim"), "0 claims, 0.00 CNY");
    }
}
