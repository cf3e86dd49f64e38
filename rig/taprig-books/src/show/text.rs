//! The result as a person reads it.

use super::table::Table;
use super::{counted, money, verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use taprig_model::books::result::{Class, Gross, Group, Item, Place, Reconciliation, Side, Sum, Sums};

/// A table with more lines than this shows only those with a difference.
const LINES: usize = 40;

/// The largest number of items that are shown.
const ITEMS: usize = 50;

/// How groups are put together.
type Label = (&'static str, fn(&Group) -> String);

const LABELS: [Label; 4] = [
    ("day", |group| group.day.clone().unwrap_or_else(nothing)),
    ("batch", |group| format!("{} {} {:06}", group.merchant, group.terminal, group.batch)),
    ("line", |group| group.line.clone().unwrap_or_else(nothing)),
    ("product", |group| group.product.clone().unwrap_or_else(nothing)),
];

fn nothing() -> String {
    "unknown".into()
}

/// The whole result, each line with its end.
#[must_use]
pub fn report(result: &Reconciliation) -> String {
    let mut text = String::new();
    for read in &result.sides {
        let noun = match read.side {
            Side::Journal => "ride",
            Side::Acquirer => "claim",
            Side::Clearing => "payment",
        };
        let _ = writeln!(text, "{:9} {} ({})", read.side.word(), counted(read.read, noun), read.files.join(", "));
    }
    if let Some(through) = &result.cleared_through {
        let late = match result.wait_days {
            0 => String::new(),
            1 => ", and every ride may wait 1 day more".into(),
            days => format!(", and every ride may wait {days} days more"),
        };
        let cut_off = &result.cut_off;
        let _ = writeln!(text, "cleared through {through}; rides from {cut_off} on are due a day later{late}");
    }
    text += "\n";
    let mut table = Table::new(1);
    table.row(head("class", None));
    for total in result.classes.iter().filter(|total| total.sums != Sums::default()) {
        table.row(line(total.class.word().into(), None, &total.sums));
    }
    let mut all = Sums::default();
    result.classes.iter().for_each(|total| all += total.sums);
    table.row(line("all".into(), None, &all));
    text += &table.text();
    text += "\n";
    text += &gross(&result.gross);
    for (name, label) in LABELS {
        text += "\n";
        text += &by(result, name, label);
    }
    text += &items(result);
    for notice in &result.notices {
        let _ = write!(text, "\nnote: {notice}\n");
    }
    let _ = write!(text, "\n{}\n", verdict(result));
    text
}

fn head(first: &str, second: Option<&str>) -> Vec<String> {
    let mut cells = vec![first.to_owned()];
    cells.extend(second.map(str::to_owned));
    for side in Side::ALL {
        cells.extend([side.word().to_owned(), "CNY".into()]);
    }
    cells
}

fn line(first: String, second: Option<&str>, sums: &Sums) -> Vec<String> {
    let mut cells = vec![first];
    cells.extend(second.map(str::to_owned));
    for side in Side::ALL {
        let Sum { count, fen } = sums.of(side);
        cells.extend([count.to_string(), format!("{}.{:02}", fen / 100, fen % 100)]);
    }
    cells
}

fn gross(gross: &Gross) -> String {
    let states = [
        ("accepted", gross.accepted),
        ("refused", gross.refused),
        ("waiting", gross.waiting),
        ("reversed", gross.reversed),
    ];
    let states = states.map(|(word, sum)| format!("{word} {} ({})", money(sum.fen), sum.count)).join(" + ");
    let rides = counted(gross.rides, "ride");
    let signed = |fen: i128| format!("{}{}", if fen < 0 { "-" } else { "" }, money(fen.unsigned_abs()));
    let mut text = match gross.unexplained_fen {
        0 => format!("gross of the journal: {rides} = {states}\n"),
        fen => format!(
            "gross of the journal: {rides} IS NOT {states}: {} are in none of the states, because their rows are broken\n",
            signed(fen)
        ),
    };
    if let Some(stated) = gross.stated_fen {
        let more = i128::try_from(stated).unwrap_or(i128::MAX) - i128::try_from(gross.rides.fen).unwrap_or(i128::MAX);
        text += &match more {
            0 => format!("the validators state the same gross, {}\n", money(stated)),
            _ => format!("THE VALIDATORS STATE ANOTHER GROSS, {}: that is {} more\n", money(stated), signed(more)),
        };
    }
    text
}

/// The groups, put together by one property.
fn by(result: &Reconciliation, name: &str, label: fn(&Group) -> String) -> String {
    let mut rows: BTreeMap<(String, Class), Sums> = BTreeMap::new();
    for group in &result.groups {
        *rows.entry((label(group), group.class)).or_default() += group.sums;
    }
    let mut table = Table::new(2);
    table.row(head(name, Some("class")));
    let mut left_out = 0;
    let only_differences = rows.len() > LINES;
    for ((label, class), sums) in rows {
        if only_differences && !class.differs() {
            left_out += 1;
        } else {
            table.row(line(label, Some(class.word()), &sums));
        }
    }
    let mut text = table.text();
    if left_out > 0 {
        let _ = writeln!(text, "({left_out} more lines without a difference; `--format csv` has all)");
    }
    text
}

fn items(result: &Reconciliation) -> String {
    let mut text = String::new();
    let differing: Vec<&Item> = result.items.iter().filter(|item| item.class.differs()).collect();
    for item in differing.iter().take(ITEMS) {
        text += "\n";
        text += &self::item(item, result);
    }
    if let Some(more) = differing.len().checked_sub(ITEMS).filter(|more| *more > 0) {
        let _ = write!(text, "\nand {more} more differences; `--format json` has all\n");
    }
    text
}

fn item(item: &Item, result: &Reconciliation) -> String {
    let mut words = vec![
        item.day.clone().unwrap_or_else(|| "day unknown".into()),
        format!("merchant {}", item.merchant),
        format!("terminal {}", item.terminal),
        format!("batch {:06}", item.batch),
        format!("trace {:06}", item.trace),
    ];
    words.extend(item.line.iter().map(|line| format!("line {line}")));
    words.extend(item.bus.iter().map(|bus| format!("bus {bus}")));
    words.extend(item.product.clone());
    let mut text = format!("{}: {}\n", item.class.word(), words.join(", "));
    let place = |place: &Place| format!("{} row {}", place.file, place.row);
    for read in &result.sides {
        let side = read.side;
        let Some(entry) = item.entries.iter().find(|entry| entry.side == side) else {
            if item.class != Class::Duplicate {
                let _ = writeln!(text, "    {:9} absent", side.word());
            }
            continue;
        };
        let state = entry.state.map(|state| format!(" {}", state.word())).unwrap_or_default();
        let code = entry.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let at = entry.place.as_ref().map(|at| format!(", {}", place(at))).unwrap_or_default();
        let first = item.first.as_ref().map(|first| format!(", repeats row {}", first.row)).unwrap_or_default();
        let _ = writeln!(text, "    {:9} {}{state}{code}{at}{first}", side.word(), money(entry.fen.into()));
    }
    text
}
