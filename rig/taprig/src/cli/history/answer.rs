//! The questions of `taprig history`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use taprig_case::{Diagnostic, Problems};
use taprig_history::series::Series;
use taprig_history::standing::{self, Standing, State};
use taprig_history::{benches, last, pace, plot, show};

use super::super::{Exit, Format, print};
use super::{Args, Question, open, tell};

/// The number of slow cases that are listed.
const SLOWEST: usize = 10;

/// An answer in both formats.
struct Answer {
    text: String,
    json: Value,
}

pub(super) fn answer(path: &Path, question: Option<&Question>, args: &Args) -> Result<Exit, Problems> {
    let history = open(path)?;
    let all = chosen(path, Series::all(&history.nights), args)?;
    let window = usize::try_from(args.nights).unwrap_or(usize::MAX);
    let mut answer = match question {
        None => last_nights(&all, window),
        Some(Question::Case { ids }) => cases(&all, ids, window)?,
        Some(Question::Flaky) => flaky(&all, window),
        Some(Question::Slow) => slow(&all, window),
        Some(Question::Benches) => of_benches(&all, window),
        Some(Question::Add(_) | Question::Rebuild(_)) => unreachable!("these are not questions"),
    };
    answer.json["broken_lines"] = json!(history.broken);
    let printed = print(&match args.format {
        Format::Human => answer.text,
        Format::Json => format!("{}\n", answer.json),
    });
    tell(path, &history.broken);
    Ok(if printed == Exit::Ok && !history.broken.is_empty() { Exit::BadInput } else { printed })
}

/// The series that the arguments ask for.
fn chosen<'a>(path: &Path, all: Vec<Series<'a>>, args: &Args) -> Result<Vec<Series<'a>>, Problems> {
    let known = |name: fn(&Series<'a>) -> &'a str| all.iter().map(name).collect::<Vec<_>>();
    let asked =
        [("bench", &args.bench, known(|series| series.bench)), ("device", &args.device, known(|series| series.device))];
    for (what, name, known) in asked {
        if let Some(name) = name.as_ref().filter(|name| !known.contains(&name.as_str())) {
            let problem = Diagnostic::of_file(path, format!("this history has no night of the {what} `{name}`"));
            return Err(problem.nearest(name, known).into());
        }
    }
    let fits = |name: &Option<String>, is: &str| name.as_ref().is_none_or(|name| name == is);
    let all = all.into_iter();
    Ok(all.filter(|series| fits(&args.bench, series.bench) && fits(&args.device, series.device)).collect())
}

/// The name of a series in a heading.
fn heading(series: &Series<'_>) -> String {
    format!("{} on {}", series.device, series.bench)
}

fn last_nights(all: &[Series<'_>], window: usize) -> Answer {
    let nights = last::nights(all, window);
    let text: Vec<String> = nights.iter().map(show::last_night).collect();
    let text = if text.is_empty() { "the history has no nights yet\n".into() } else { text.join("\n") };
    Answer { text, json: json!({ "nights": nights }) }
}

fn cases(all: &[Series<'_>], ids: &[String], window: usize) -> Result<Answer, Problems> {
    let (mut text, mut list, mut problems) = (String::new(), vec![], Problems::default());
    for asked in ids {
        let is_it = |id: &str| id == asked || id.strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let before = list.len();
        for series in all {
            for id in series.ids().into_iter().filter(|id| is_it(id)) {
                let seen = series.case(id).unwrap_or_default();
                let standing = standing::of(series, id, &seen, window);
                let points = plot::points(series, id, window);
                text += &format!("{}\n", heading(series));
                text += &match &standing {
                    Some(standing) => indented(&show::standing(standing)),
                    None => format!("  {id}  has no verdict about the device\n"),
                };
                text += &indented(&show::strip(&points));
                let nights: Vec<Value> = points
                    .iter()
                    .map(|point| {
                        let (started, verdict, took_us) = (&point.started, point.verdict, point.took_us);
                        json!({ "started": started, "verdict": verdict, "took_us": took_us, "changed": point.changed })
                    })
                    .collect();
                let (bench, device) = (series.bench, series.device);
                list.push(
                    json!({ "id": id, "bench": bench, "device": device, "standing": standing, "nights": nights }),
                );
            }
        }
        if list.len() == before {
            let known: BTreeSet<&str> = all.iter().flat_map(Series::ids).collect();
            let problem = Diagnostic::of_file(Path::new(asked), "the history has no case of this id");
            problems.push(problem.nearest(asked, known));
        }
    }
    problems.into_result(Answer { text, json: json!({ "cases": list }) })
}

fn flaky(all: &[Series<'_>], window: usize) -> Answer {
    let (mut text, mut list) = (String::new(), vec![]);
    for series in all {
        let mut flaky: Vec<Standing> = standing::notable(series, window);
        flaky.retain(|standing| matches!(standing.state, State::Flaky | State::Unsteady));
        flaky.sort_by(|a, b| b.rate.rate.total_cmp(&a.rate.rate));
        text += &format!("{}: {} flaky in the last {window} nights\n", heading(series), flaky.len());
        text += &flaky.iter().map(|standing| indented(&show::standing(standing))).collect::<String>();
        list.push(json!({ "bench": series.bench, "device": series.device, "flaky": flaky }));
    }
    Answer { text, json: json!({ "series": list }) }
}

fn slow(all: &[Series<'_>], window: usize) -> Answer {
    let (mut text, mut list) = (String::new(), vec![]);
    for series in all {
        let pace = pace::Pace::of(series, window);
        let (slowest, slowing) = (pace.slowest(SLOWEST), pace.slowing());
        text += &format!("{}\n{}", heading(series), indented(&show::pace(&slowest, &slowing)));
        let (bench, device) = (series.bench, series.device);
        list.push(json!({
            "bench": bench, "device": device, "slowest": slowest, "slowing": slowing, "pace": pace.newest_factor(),
        }));
    }
    Answer { text, json: json!({ "series": list }) }
}

fn of_benches(all: &[Series<'_>], window: usize) -> Answer {
    let mut nights: Vec<_> = all.iter().flat_map(|series| &series.nights[series.since(window)..]).copied().collect();
    nights.sort_by(|a, b| a.started.cmp(&b.started));
    let benches = benches::errors(nights);
    Answer { text: show::benches(&benches), json: json!({ "benches": benches }) }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}
