//! The journal of validators, as CSV or as JSON Lines.

use super::fields::{Fields, Row, amount, optional, six_digits, value};
use super::lines::{Line, Lines};
use super::{Reading, Refused, without_line};
use crate::books::{Books, FileId};
use serde::Deserialize;
use std::io::BufRead;
use taprig_model::acquirer::log::State;
use taprig_model::books::Fen;
use taprig_model::books::columns::{Encoding, Unit};
use taprig_model::books::journal::{COLUMNS, REQUIRED, Ride};
use taprig_model::books::result::Side;

/// Where the columns of [`COLUMNS`] are in the file.
type Columns = [Option<usize>; COLUMNS.len()];

/// Reads a journal. A file whose first line begins with `{` is JSON Lines, and any other is CSV.
///
/// # Errors
/// The file can't be read, is empty, or is not a journal. Rows that can't be read are told to the books.
pub fn read(input: impl BufRead, file: FileId, books: &mut Books) -> Result<(), Refused> {
    let mut lines = Lines::new(input);
    let mut reading = Reading::new(books, file, Side::Journal);
    let mut fields = Fields::new(Encoding::Utf8, b',');
    let Some(first) = lines.next()? else { return Err(Refused::Empty) };
    if first.bytes.trim_ascii_start().starts_with(b"{") {
        json(&first, &mut reading);
        while let Some(line) = lines.next()? {
            json(&line, &mut reading);
        }
        return reading.end("a ride as JSON", "`taprig schema journal` describes such a row");
    }
    let refused = |what: String| Refused::Content {
        row: 1,
        what,
        help: format!(
            "the first row names the columns: {}; line, bus, product and code may be missing",
            COLUMNS.join(", ")
        ),
    };
    let columns = columns(&fields.of(&first).map_err(&refused)?).map_err(&refused)?;
    let count = columns.iter().flatten().count();
    while let Some(line) = lines.next()? {
        let row = match fields.of(&line) {
            Ok(row) if row.len() == 0 => continue,
            Ok(row) => row,
            Err(why) => {
                reading.broken(line.row, why, None);
                continue;
            }
        };
        let place = reading.place(&line);
        match ride(&row, &columns, count) {
            Ok(ride) => reading.ride(&ride, place),
            Err(why) => {
                let fen = columns[8].filter(|_| row.len() == count).and_then(|at| amount(row.get(at), Unit::Fen).ok());
                reading.broken(line.row, why, fen.map(Fen::get));
            }
        }
    }
    reading.end("a row of a journal", "see the columns of a journal in the document")
}

/// Finds the columns.
fn columns(header: &Row<'_>) -> Result<Columns, String> {
    let mut found: Columns = [None; COLUMNS.len()];
    for at in 0..header.len() {
        let name = header.get(at);
        let Some(column) = COLUMNS.iter().position(|known| *known == name) else {
            return Err(format!("there is no column `{name}` in a journal"));
        };
        if found[column].replace(at).is_some() {
            return Err(format!("the column `{name}` is there twice"));
        }
    }
    match REQUIRED.iter().find(|name| !COLUMNS.iter().zip(found).any(|(known, at)| known == *name && at.is_some())) {
        Some(missing) => Err(format!("the column `{missing}` is missing")),
        None => Ok(found),
    }
}

fn ride(row: &Row<'_>, columns: &Columns, count: usize) -> Result<Ride, String> {
    if row.len() != count {
        return Err(format!("the row has {} columns, and the first row has {count}", row.len()));
    }
    let [merchant, terminal, batch, trace, time, line, bus, product, amount_fen, state, code] =
        columns.map(|column| column.map_or("", |at| row.get(at)));
    let ride = Ride {
        merchant: value(merchant, "merchant")?,
        terminal: value(terminal, "terminal")?,
        batch: six_digits(batch, "batch")?,
        trace: six_digits(trace, "trace")?,
        time: value(time, "time")?,
        line: optional(line, "line")?,
        bus: optional(bus, "bus")?,
        product: optional(product, "product")?,
        amount_fen: amount(amount_fen, Unit::Fen)?,
        state: match state {
            "accepted" => State::Accepted,
            "refused" => State::Refused,
            "waiting" => State::Waiting,
            "reversed" => State::Reversed,
            other => return Err(format!("`{other}` is not a state: accepted, refused, waiting or reversed")),
        },
        code: optional(code, "code")?,
    };
    checked(ride)
}

/// A line of JSON.
fn json(line: &Line<'_>, reading: &mut Reading<'_>) {
    /// What counts in the gross even if the rest of a row is broken.
    #[derive(Deserialize)]
    struct Amount {
        amount_fen: Fen,
    }
    if line.bytes.trim_ascii().is_empty() {
        return;
    }
    let ride = match line.too_long {
        true => Err("the row is too long".into()),
        false => serde_json::from_slice(line.bytes).map_err(|error| without_line(&error)).and_then(checked),
    };
    match ride {
        Ok(ride) => reading.ride(&ride, reading.place(line)),
        Err(why) => {
            let fen = serde_json::from_slice::<Amount>(line.bytes).ok().map(|amount| amount.amount_fen.get());
            reading.broken(line.row, why, fen);
        }
    }
}

fn checked(ride: Ride) -> Result<Ride, String> {
    if ride.code.is_some() && ride.state != State::Refused {
        return Err("only a refused ride has a code".into());
    }
    Ok(ride)
}

impl Reading<'_> {
    fn ride(&mut self, ride: &Ride, place: crate::books::Place) {
        self.good += 1;
        self.books.ride(ride, Some(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use taprig_model::books::result::{Class, Reconciliation};

    const HEADER: &str = "merchant,terminal,batch,trace,time,line,bus,product,amount_fen,state,code\n";
    const ROW: &str = "123456789012345,12345678,000001,000007,2018-05-21T08:00:00,3,S-1,credit,100,accepted,\n";

    fn result(text: &str) -> Result<Reconciliation, Refused> {
        let mut books = Books::new();
        let file = books.file(Side::Journal, "journal.csv");
        read(text.as_bytes(), file, &mut books)?;
        Ok(books.reconcile(&Options::default()))
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = result(text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    /// The reason why the second row is broken.
    fn broken(row: &str) -> String {
        let result = result(&format!("{HEADER}{row}{ROW}")).unwrap();
        assert_eq!((result.sides[0].read.count, result.sides[0].broken), (1, 1), "{row}");
        assert_eq!(result.broken[0].place.row, 2);
        result.broken[0].why.clone()
    }

    #[test]
    fn rows_are_read_in_any_order_of_columns() {
        let other = "state,amount_fen,trace,batch,terminal,merchant,time\r\nrefused,50,7,1,12345678,123456789012345,2018-05-21T08:00:00";
        let result = result(&format!("\u{feff}{other}\r\n\r\n")).unwrap();
        assert_eq!((result.gross.refused.count, result.gross.refused.fen), (1, 50));
        assert_eq!(result.classes[Class::Refused as usize].sums.journal.fen, 50);
        assert!(result.broken.is_empty());
    }

    #[test]
    fn json_is_the_same_as_csv() {
        let ride: Ride = serde_json::from_value(serde_json::json!({
            "merchant": "123456789012345", "terminal": "12345678", "batch": 1, "trace": 7, "time": "2018-05-21T08:00:00",
            "line": "3", "bus": "S-1", "product": "credit", "amount_fen": 100, "state": "accepted",
        }))
        .unwrap();
        let lines = format!("{}\n\n", serde_json::to_string(&ride).unwrap());
        let (json, csv) = (result(&lines).unwrap(), result(&format!("{HEADER}{ROW}")).unwrap());
        assert_eq!(json.groups, csv.groups);
        assert_eq!(json.sides[0].read.count, 1);
    }

    #[test]
    fn another_file_is_refused() {
        refused("", "the file is empty");
        refused("merchant,terminal,batch,trace,time,state\n", "row 1: the column `amount_fen` is missing");
        refused("merchant,lien\n", "there is no column `lien` in a journal");
        refused("merchant,merchant\n", "the column `merchant` is there twice");
        refused("\u{0}\u{1}", "there is no column");
        refused("{\"at\": \"x\"}\n{}\n", "no row of the file is a ride as JSON");
        refused(&format!("{HEADER}a,b\n"), "no row of the file is a row of a journal");
        // A journal without a ride is a journal.
        assert_eq!(result(HEADER).unwrap().sides[0].read.count, 0);
    }

    #[test]
    fn a_broken_row_is_told_and_the_rest_counts() {
        let with = |column: usize, value: &str| {
            let mut fields: Vec<&str> = ROW.trim_end().split(',').collect();
            fields[column] = value;
            broken(&format!("{}\n", fields.join(",")))
        };
        assert!(with(0, "1.2E+14").contains("is not a merchant's number"));
        assert!(with(1, "1234567").contains("is not a terminal's number"));
        assert!(with(2, "").contains("the batch ``"));
        assert!(with(3, "1000000").contains("the trace `1000000`"));
        assert!(with(4, "2018-02-30T08:00:00").contains("not in the calendar"));
        assert!(with(4, "").contains("`time` is empty"));
        assert!(with(8, "1.005").contains("the amount `1.005` is not a whole number of fen"));
        assert!(with(8, "-").contains("the amount `-`"));
        assert!(with(9, "acepted").contains("`acepted` is not a state"));
        assert!(with(10, "51").contains("only a refused ride has a code"));
        assert!(with(10, "5").contains("is not a response code"));
        assert!(broken("a,b\n").contains("the row has 2 columns, and the first row has 11"));
        assert!(broken(&format!("{},\n", ROW.trim_end())).contains("the row has 12 columns"));
        assert!(broken("\"a\n").contains("a quote is opened and not closed"));
    }

    #[test]
    fn the_gross_has_the_amount_of_a_broken_row() {
        let wrong = ROW.replace("accepted", "acepted");
        let csv = result(&format!("{HEADER}{ROW}{wrong}")).unwrap();
        assert_eq!((csv.gross.rides.fen, csv.gross.accepted.fen, csv.gross.unexplained_fen), (200, 100, 100));
        assert!(!csv.balanced);
        let json = result("{\"amount_fen\": 30}\n{\"merchant\":\"1\",\"terminal\":\"12345678\",\"batch\":1,\"trace\":1,\"time\":\"2018-05-21T08:00:00\",\"amount_fen\":5,\"state\":\"waiting\"}\n").unwrap();
        assert_eq!((json.gross.rides.fen, json.gross.unexplained_fen), (35, 30));
    }

    #[test]
    fn a_key_twice_is_a_duplicate_with_both_rows() {
        let result = result(&format!("{HEADER}{ROW}{}", ROW.replace(",100,", ",200,"))).unwrap();
        let item = &result.items[0];
        assert_eq!((item.class, item.entries[0].fen), (Class::Duplicate, 200));
        assert_eq!(item.entries[0].place.as_ref().unwrap().row, 3);
        assert_eq!(item.first.as_ref().unwrap().row, 2);
        assert!(!result.balanced);
    }
}
