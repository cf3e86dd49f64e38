//! The rows of the three files as a replay writes them.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use taprig_model::acquirer::log;
use taprig_model::books::Label;
use taprig_model::books::journal::Ride;

use super::claims::DatedClaim;

/// Rows of a journal without its header.
pub(super) fn journal(rides: &[Ride]) -> Vec<u8> {
    csv(rides.iter().map(journal_row))
}

/// Rows of a clearing file without its header.
pub(super) fn clearing(paid: &[DatedClaim]) -> Vec<u8> {
    csv(paid.iter().map(|DatedClaim { day, claim }| clearing_row(claim, *day)))
}

fn csv(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Memory takes every row, and all rows have the same number of columns.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}

fn journal_row(ride: &Ride) -> Vec<String> {
    let label = |label: &Option<Label>| label.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        ride.merchant.to_string(),
        ride.terminal.to_string(),
        format!("{:06}", ride.batch.get()),
        format!("{:06}", ride.trace.get()),
        ride.time.to_string(),
        label(&ride.line),
        label(&ride.bus),
        label(&ride.product),
        ride.amount_fen.get().to_string(),
        ride.state.word().to_owned(),
        ride.code.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

fn clearing_row(claim: &log::Claim, day: Date) -> Vec<String> {
    vec![
        claim.merchant.trim().to_owned(),
        claim.terminal.trim().to_owned(),
        format!("{:06}", claim.batch),
        format!("{:06}", claim.trace),
        claim.fen.to_string(),
        day.to_string(),
    ]
}

/// A line of the acquirer's log without its message: what reconciliation reads of it.
#[derive(Serialize)]
struct LogLine<'a> {
    at: String,
    body: LogBody<'a>,
}

#[derive(Serialize)]
struct LogBody<'a> {
    kind: &'static str,
    message: &'static str,
    claims: [&'a log::Claim; 1],
}

/// Lines of the acquirer's log. Claims are heard in the evening of their day.
pub(super) fn log(told: &[DatedClaim], evening: impl Fn(Date) -> DateTime) -> Vec<u8> {
    let mut lines = Vec::new();
    for DatedClaim { day, claim } in told {
        // China is 8 hours ahead of UTC.
        let at = evening(*day).checked_sub(8.hours()).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        let body = LogBody { kind: "heard", message: "ride", claims: [claim] };
        // Memory takes every line, and a line has no map.
        let _ = serde_json::to_writer(&mut lines, &LogLine { at: at.unwrap_or_default(), body });
        lines.push(b'\n');
    }
    lines
}

/// A line of [`log()`] that is read again.
#[derive(Deserialize)]
struct Read {
    at: String,
    body: ReadBody,
}

#[derive(Deserialize)]
struct ReadBody {
    claims: Vec<log::Claim>,
}

/// What a line of [`log()`] tells.
///
/// # Errors
/// It is not such a line.
pub(super) fn read_log(line: &str) -> Result<Vec<DatedClaim>, String> {
    let Read { at, body } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let day = taprig_books::time::Moment::of_utc(&at)?.day;
    Ok(body.claims.into_iter().map(|claim| DatedClaim { day, claim }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use taprig_books::Books;
    use taprig_model::acquirer::log::State;
    use taprig_model::books::result::Side;

    #[test]
    fn the_log_has_the_claims_in_the_evening_in_utc_and_can_be_read_again() {
        let (terminal, merchant) = ("12345678".to_owned(), "123456789012345".to_owned());
        let claim =
            log::Claim { terminal, merchant, batch: 1, trace: 1, fen: 100, state: State::Accepted, repeat: true };
        let heard = DatedClaim { day: date(2018, 1, 1), claim };
        for hour in [0, 7, 20, 23] {
            let lines = log(std::slice::from_ref(&heard), |day| day.at(hour, 59, 0, 0));
            let text = String::from_utf8(lines).unwrap();
            if hour == 20 {
                let begin = r#"{"at":"2018-01-01T12:59:00.000Z","body":{"kind":"heard","message":"ride","claims":[{"#;
                assert!(text.starts_with(begin), "{text}");
            }
            assert_eq!(read_log(text.trim_end()), Ok(vec![heard.clone()]), "{text}");
            let mut books = Books::new();
            let file = books.file(Side::Acquirer, "acquirer.jsonl");
            taprig_books::read::log::read(text.as_bytes(), file, "acquirer.jsonl", &mut books).unwrap();
            assert_eq!(books.broken_rows(), 0);
        }
        assert!(read_log("{}").is_err());
    }
}
