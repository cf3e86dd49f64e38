//! Shows a status to people: in a terminal, as a page, as the week's briefing, and as the slip of one bus.

mod brief;
mod page;
mod slip;
mod terminal;
mod turns;

pub use brief::brief;
pub use page::{PageError, page};
pub use slip::{Verifying, slip};
pub use terminal::{gate, terminal};

use jiff::civil::Date;
use taprig_model::name::Name;

use crate::campaign::Campaign;
use crate::status::{CountyStatus, Done, GateStatus, Service, State, Status, What};
use crate::text::Language;
use crate::words::{self, Message, say, word};

/// What sentences about a campaign need.
#[derive(Debug, Clone, Copy)]
struct Speaker<'a> {
    campaign: &'a Campaign,
    language: Language,
}

impl Speaker<'_> {
    fn say(&self, message: Message, values: &[(&str, &str)]) -> String {
        say(self.language, message, values)
    }

    fn word(&self, message: Message) -> &'static str {
        word(self.language, message)
    }

    fn day(&self, day: Date) -> String {
        words::day(self.language, day)
    }

    fn own(&self) -> Self {
        *self
    }

    fn comma(&self, one: &str, other: &str) -> String {
        self.say(Message::Comma, &[("one", one), ("other", other)])
    }

    fn about(&self, of: &str, what: &str) -> String {
        self.say(Message::About, &[("of", of), ("what", what)])
    }

    fn since(&self, day: &Date) -> String {
        self.say(Message::Since, &[("day", &self.day(*day))])
    }

    /// What a person calls a party.
    fn party(&self, name: &Name) -> String {
        self.campaign
            .party(name)
            .map_or_else(|| name.to_string(), |party| party.title.in_language(self.language).to_owned())
    }

    fn gate_title(&self, name: &Name) -> String {
        self.campaign
            .gate(name.as_str())
            .map_or_else(|| name.to_string(), |gate| gate.title.in_language(self.language).to_owned())
    }

    fn suite(&self, name: &Name) -> String {
        let suite = self.campaign.file.suites.get(name);
        suite.map_or_else(|| name.to_string(), |suite| suite.title.in_language(self.language).to_owned())
    }

    /// What a person calls a task or a defect.
    fn work(&self, name: &Name) -> String {
        let tasks = self.campaign.file.tasks.iter().filter(|task| task.task == *name).map(|task| &task.title);
        let items = self.campaign.file.punch_list.iter().filter(|item| item.item == *name).map(|item| &item.title);
        tasks.chain(items).next().map_or_else(|| name.to_string(), |title| title.in_language(self.language).to_owned())
    }

    fn county<'s>(&self, county: &'s CountyStatus) -> &'s str {
        county.title.in_language(self.language)
    }

    fn list(&self, names: &[String]) -> String {
        names.join(self.word(Message::ListSeparator))
    }

    fn service(&self, service: Service) -> &'static str {
        self.word(match service {
            Service::Live => Message::Live,
            Service::Ready => Message::Ready,
            Service::Preparing => Message::Preparing,
            Service::Ahead => Message::Ahead,
        })
    }

    fn done(&self, done: Done) -> &'static str {
        self.word(match done {
            Done::Done => Message::Done,
            Done::Waived => Message::Waived,
            Done::Open => Message::Pending,
            Done::Overdue => Message::Overdue,
        })
    }

    /// How far a gate is, in a few words.
    fn progress(&self, gate: &GateStatus) -> String {
        let count = [("n", gate.good.to_string()), ("all", gate.wanted.to_string())];
        let count: Vec<(&str, &str)> = count.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match gate.state {
            State::Open => self.word(Message::Open).to_owned(),
            State::Closed | State::Waiting if gate.wanted > 1 => self.say(Message::Of, &count),
            State::Closed => self.word(Message::Closed).to_owned(),
            State::Waiting => self.word(Message::Waiting).to_owned(),
        }
    }

    /// Why a gate is closed: a sentence without its full stop.
    fn why(&self, what: &What) -> String {
        let digest = |digest: &str| match digest.get(..12) {
            Some(begin) if digest.len() > 32 => format!("{begin}..."),
            _ => digest.to_owned(),
        };
        match what {
            What::Earlier { gate } => self.say(Message::Earlier, &[("gate", &self.gate_title(gate))]),
            What::NoRecord { suite } => self.say(Message::NoRecord, &[("suite", &self.suite(suite))]),
            What::Unsealed { folder } => self.say(Message::Unsealed, &[("folder", folder)]),
            What::Broken { folder, why } => self.say(Message::Broken, &[("folder", folder), ("why", &shortened(why))]),
            What::Unreadable { folder, why } => self.say(Message::Unreadable, &[("folder", folder), ("why", why)]),
            What::NoSerial { folder } => self.say(Message::NoSerial, &[("folder", folder)]),
            What::OtherDevice { folder, found, wanted } => {
                self.say(Message::OtherDevice, &[("folder", folder), ("found", &self.list(found)), ("wanted", wanted)])
            }
            What::NotListed => self.word(Message::NotListed).to_owned(),
            What::ListedTwice { lines } => {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                self.say(Message::ListedTwice, &[("lines", &self.list(&lines))])
            }
            What::SharedSerial { serial, other } => {
                self.say(Message::SharedSerial, &[("serial", serial), ("other", other)])
            }
            What::NoFirmware { folder } => self.say(Message::NoFirmware, &[("folder", folder)]),
            What::Firmware { folder, digest: found } => {
                self.say(Message::Firmware, &[("folder", folder), ("digest", &digest(found))])
            }
            What::OtherSigner { folder, found, wanted } => {
                self.say(Message::OtherSigner, &[("folder", folder), ("found", found), ("wanted", wanted)])
            }
            What::OtherSuite { folder, found: Some(found), wanted } => {
                self.say(Message::OtherSuite, &[("folder", folder), ("found", found), ("wanted", wanted)])
            }
            What::OtherSuite { folder, found: None, wanted } => {
                self.say(Message::NoSuite, &[("folder", folder), ("wanted", wanted)])
            }
            What::Later { folder, day } => self.say(Message::Later, &[("folder", folder), ("day", &self.day(*day))]),
            What::Unfinished { folder } => self.say(Message::Unfinished, &[("folder", folder)]),
            What::Incomplete { folder, missing, of, first } => self.say(
                Message::Incomplete,
                &[("folder", folder), ("missing", &missing.to_string()), ("of", &of.to_string()), ("first", first)],
            ),
            What::NotPassed { folder, count, first } => {
                let message = if *count == 1 { Message::NotPassed } else { Message::NotPassedMore };
                self.say(message, &[("folder", folder), ("count", &count.to_string()), ("first", first)])
            }
            What::WaiverExpired { waiver, of, expired } => self
                .say(Message::WaiverExpired, &[("waiver", waiver.as_str()), ("of", of), ("day", &self.day(*expired))]),
            What::WaiverLater { waiver, of, from } => {
                self.say(Message::WaiverLater, &[("waiver", waiver.as_str()), ("of", of), ("day", &self.day(*from))])
            }
            What::Task { task, deadline, overdue } => {
                let message = if *overdue { Message::TaskOverdue } else { Message::TaskOpen };
                self.say(message, &[("what", &self.work(task)), ("day", &self.day(*deadline))])
            }
            What::TaskAfter { task, after, deadline, overdue } => {
                let message = if *overdue { Message::TaskAfterOverdue } else { Message::TaskAfter };
                let (what, after) = (self.work(task), self.work(after));
                self.say(message, &[("what", &what), ("after", &after), ("day", &self.day(*deadline))])
            }
            What::Item { item, deadline, overdue } => {
                let message = if *overdue { Message::ItemOverdue } else { Message::ItemOpen };
                self.say(message, &[("what", &self.work(item)), ("day", &self.day(*deadline))])
            }
            What::NoDocument { of, file, why } => {
                self.say(Message::NoDocument, &[("what", &self.work(of)), ("file", file), ("why", why)])
            }
            What::OtherDocument { of, file } => {
                self.say(Message::OtherDocument, &[("what", &self.work(of)), ("file", file)])
            }
            What::Ahead { opened } => self.say(Message::AheadOfGate, &[("day", &self.day(*opened))]),
        }
    }

    /// How many buses are accepted, and how many counties are in service.
    fn figures(&self, status: &Status) -> [String; 2] {
        let (accepted, all) = status.accepted();
        let live = status.counties.iter().filter(|county| county.service == Service::Live).count();
        let count =
            |message, n: usize, all: usize| self.say(message, &[("n", &n.to_string()), ("all", &all.to_string())]);
        [count(Message::AcceptedBuses, accepted, all), count(Message::LiveCounties, live, status.counties.len())]
    }

    /// The next deadline.
    fn next_deadline(&self, status: &Status) -> String {
        match status.next_deadline() {
            None => self.word(Message::NoDeadline).to_owned(),
            Some((day, due)) => {
                let due: Vec<String> = due.iter().map(|title| title.in_language(self.language).to_owned()).collect();
                self.say(Message::NextDeadline, &[("day", &self.day(day)), ("what", &self.list(&due))])
            }
        }
    }

    /// What a sample finds, in words. A closed gate has it, because then somebody still has to test.
    fn samples(&self, status: &Status) -> Vec<String> {
        let all = status.counties.iter().flat_map(|county| county.gates.iter().map(move |gate| (county, gate)));
        let with_sample = all.filter_map(|(county, gate)| Some((county, gate, gate.sample.as_ref()?)));
        with_sample
            .map(|(county, gate, sample)| {
                let message = match (&sample.found, sample.size == sample.lot, sample.risk.bad) {
                    (Some(_), ..) => Message::SampleFound,
                    (None, true, _) => Message::SampleAll,
                    (None, false, 1) => Message::SampleWordsOne,
                    (None, false, _) => Message::SampleWords,
                };
                let records = self.campaign.gate(gate.gate.as_str()).and_then(|gate| gate.records.as_ref());
                let suite = records.map(|records| self.suite(&records.suite)).unwrap_or_default();
                self.say(
                    message,
                    &[
                        ("gate", gate.title.in_language(self.language)),
                        ("county", self.county(county)),
                        ("size", &sample.size.to_string()),
                        ("lot", &sample.lot.to_string()),
                        ("bad", &sample.risk.bad.to_string()),
                        ("finds", &sample.finds.to_string()),
                        ("suite", &suite),
                        ("bus", sample.found.as_deref().unwrap_or_default()),
                    ],
                )
            })
            .collect()
    }

    /// What is overdue: what, whose turn it is, and the last day.
    fn overdue(&self, status: &Status) -> Vec<(String, String, Date)> {
        let tasks = status.tasks.iter().filter(|task| task.done == Done::Overdue);
        let tasks = tasks.map(|task| (&task.title, &task.owner, task.deadline));
        let items = status.punch_list.iter().filter(|item| item.done == Done::Overdue);
        let items = items.map(|item| (&item.title, &item.owner, item.deadline));
        let mut all: Vec<(String, String, Date)> = tasks
            .chain(items)
            .map(|(title, owner, day)| (title.in_language(self.language).to_owned(), self.party(owner), day))
            .collect();
        all.sort_by_key(|(_, _, day)| *day);
        all
    }

    /// Folders that belong to nothing.
    fn strays(&self, status: &Status) -> Option<String> {
        (!status.strays.is_empty()).then(|| self.say(Message::Strays, &[("names", &self.list(&status.strays))]))
    }
}

/// The first reasons of many.
fn shortened(why: &[String]) -> String {
    const SHOWN: usize = 2;
    let shown = why.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if why.len() > SHOWN { format!("{shown}; +{}", why.len() - SHOWN) } else { shown }
}
