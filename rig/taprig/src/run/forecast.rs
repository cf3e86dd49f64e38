//! The order of a run, and what a run will take: time, set-ups of the device, and answers of a person.
//!
//! Giving a device its settings may take minutes. So a device that keeps no name of its settings gets the cases with
//! equal settings one after the other.

use std::fmt;
use std::time::Duration;

use taprig_model::situation::Situation;
use taprig_model::step::Step;

use super::tap::HOLD;
use taprig_bench::Config;
use taprig_case::plan::Planned;

/// The time that a person usually takes for an answer. It is an estimate, and no limit.
const ANSWER: Duration = Duration::from_secs(6);

/// The time that a person usually takes to set up a device. It is an estimate, and no limit.
const SET_UP: Duration = Duration::from_secs(90);

/// The time that a machine usually takes for a tap, or to give a device its settings.
const QUICK: Duration = Duration::from_millis(300);

/// Puts sub-cases with equal settings one after the other. Groups and the sub-cases in them keep their order, but a
/// sub-case that changes the settings itself comes last in its group. No order has fewer changes of settings.
pub fn order(planned: &mut Vec<Planned>) {
    let mut groups: Vec<(Situation, Vec<Planned>, Vec<Planned>)> = Vec::new();
    for one in std::mem::take(planned) {
        let place = groups.iter().position(|(situation, ..)| *situation == one.situation);
        let place = place.unwrap_or_else(|| {
            groups.push((one.situation.clone(), vec![], vec![]));
            groups.len() - 1
        });
        let (_, keep, change) = &mut groups[place];
        let changes = one.sub.case.steps.iter().any(|step| matches!(step, Step::Validator(_)));
        if changes { change.push(one) } else { keep.push(one) }
    }
    planned.extend(groups.into_iter().flat_map(|(_, keep, change)| keep.into_iter().chain(change)));
}

/// What a run will take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Number of sub-cases that apply.
    pub cases: usize,
    /// How often the device gets other settings.
    pub set_ups: usize,
    /// Number of answers that a person is asked for.
    pub answers: usize,
    /// The time, estimated.
    pub time: Duration,
}

impl Forecast {
    /// What these sub-cases will take in this order.
    #[must_use]
    pub fn of(planned: &[Planned], config: &Config) -> Self {
        let operator = config.device.interface.operator().filter(|_| config.desk.is_some());
        let mut forecast = Self::default();
        let mut last: Option<&Situation> = None;
        // The person compares the type plate once.
        forecast.answers += usize::from(operator.is_some());
        for one in planned.iter().filter(|one| super::queue::lacks(one, config).is_empty()) {
            forecast.cases += 1;
            let set_up = usize::from(last != Some(&one.situation));
            forecast.set_ups += set_up;
            last = Some(&one.situation);
            let mut quick = 2;
            // The device is switched off and on before each case.
            let mut answers = 1 + set_up;
            for step in &one.sub.case.steps {
                match step {
                    Step::Tap(tap) => {
                        let count = usize::try_from(tap.count.unwrap_or(1)).unwrap_or(usize::MAX);
                        answers += count * operator.map_or(0, |operator| operator.asks.len());
                        quick += count;
                        let hold = tap.hold.map_or(HOLD, Duration::from);
                        if operator.is_some() {
                            forecast.time += hold * u32::try_from(count).unwrap_or(u32::MAX);
                        }
                    }
                    Step::Wait(time) => forecast.time += Duration::from(*time),
                    Step::Validator(settings) => answers += settings.in_words().len(),
                    Step::PowerCycle | Step::Identity => answers += 1,
                    Step::Status(_)
                    | Step::Journal(_)
                    | Step::ClearJournal
                    | Step::Console(_)
                    | Step::Inject(_)
                    | Step::Upload(_)
                    | Step::Settle(_)
                    | Step::SignOn(_)
                    | Step::SignOff(_)
                    | Step::Download(_)
                    | Step::Acquirer(_) => {}
                }
            }
            forecast.time += QUICK * u32::try_from(quick).unwrap_or(u32::MAX);
            if operator.is_some() {
                forecast.answers += answers;
            }
        }
        if operator.is_some() {
            let answers = u32::try_from(forecast.answers).unwrap_or(u32::MAX);
            forecast.time += ANSWER * answers + SET_UP * u32::try_from(forecast.set_ups).unwrap_or(u32::MAX);
        }
        forecast
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, set_ups, answers, time } = self;
        let time = match time.as_secs() {
            seconds @ 0..=119 => format!("{} s", seconds.max(1)),
            seconds => format!("{} min", seconds.div_ceil(60)),
        };
        let cases = counted(*cases, "case", "cases");
        match set_ups {
            0 | 1 => write!(f, "{cases} will take about {time}")?,
            set_ups => write!(f, "{cases} with {set_ups} different sets of settings will take about {time}")?,
        }
        match answers {
            0 => f.write_str(", and nobody is asked anything"),
            answers => {
                write!(f, ", and the operator is asked for about {}", counted(*answers, "answer", "answers"))
            }
        }
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::path::Path;
    use std::sync::Arc;
    use taprig_bench::validator_side::operator::Desk;
    use taprig_case::{Project, Suite, plan};
    use taprig_model::settings::Settings;

    fn project() -> Project {
        Project::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }

    fn planned(words: &[&str]) -> Vec<Planned> {
        let project = project();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut suite = Suite::load(&project, &words).unwrap();
        plan::plan(&mut suite.workshop, suite.cases).unwrap()
    }

    /// How often the settings differ from those of the sub-case before.
    fn changes(planned: &[Planned]) -> usize {
        planned.windows(2).filter(|pair| pair[0].situation != pair[1].situation).count() + 1
    }

    #[test]
    fn settings_change_as_rarely_as_possible() {
        let mut all = planned(&["BUS", "FAR"]);
        let mut ids: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        let before = changes(&all);
        let mut different: Vec<&Situation> = Vec::new();
        for one in &all {
            if !different.contains(&&one.situation) {
                different.push(&one.situation);
            }
        }
        let different = different.len();
        order(&mut all);
        assert!(before > different, "the cases are in order already, so this test shows nothing");
        assert_eq!(changes(&all), different);
        // None is lost, and none comes twice.
        let mut ordered: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        assert_ne!(ordered, ids);
        ordered.sort();
        ids.sort();
        assert_eq!(ordered, ids);
    }

    #[derive(Debug)]
    struct Somebody;

    #[async_trait]
    impl Desk for Somebody {
        fn operator(&self) -> &str {
            "somebody"
        }

        async fn ask(&self, _: &str, _: Duration) -> Option<String> {
            None
        }
    }

    #[test]
    fn the_short_suite_of_a_bus_takes_few_taps_few_answers_and_no_change_of_settings() {
        let mut short = planned(&["acceptance"]);
        order(&mut short);
        let mut config = crate::setup::config_of(
            &project(),
            "operator-bus-example",
            crate::setup::Given::default(),
            "taprig".into(),
            "sim".into(),
        )
        .unwrap();
        config.desk = Some(Arc::new(Somebody));
        let forecast = Forecast::of(&short, &config);
        assert_eq!(forecast.cases, short.len(), "a case does not apply to a device that a person judges");
        assert!((1..=12).contains(&forecast.answers), "{} answers", forecast.answers);
        let steps = || short.iter().flat_map(|one| &one.sub.case.steps);
        let taps: u64 =
            steps().map(|step| if let Step::Tap(tap) = step { tap.count.unwrap_or(1).into() } else { 0 }).sum();
        assert!((1..=8).contains(&taps), "{taps} taps");
        // The device is set up once, for all cases, as the profile says.
        assert_eq!(forecast.set_ups, 1);
        assert!(!steps().any(|step| matches!(step, Step::Validator(_))));
        assert!(short.iter().all(|one| one.sub.case.given.settings == Settings::default()));
    }

    #[test]
    fn a_forecast_says_what_a_person_needs_to_know() {
        let forecast = Forecast { cases: 12, set_ups: 3, answers: 75, time: Duration::from_secs(601) };
        let text = "12 cases with 3 different sets of settings will take about 11 min, and the operator is asked for about 75 answers";
        assert_eq!(forecast.to_string(), text);
        let text = "12 cases with 3 different sets of settings will take about 6 s, and nobody is asked anything";
        assert_eq!(Forecast { answers: 0, time: Duration::from_secs(6), ..forecast }.to_string(), text);
        let one = Forecast { cases: 1, set_ups: 1, answers: 1, time: Duration::from_secs(1) };
        let text = "1 case will take about 1 s, and the operator is asked for about 1 answer";
        assert_eq!(one.to_string(), text);
    }
}
