//! Asks a person about a device, one question after the other.
//!
//! Each question shows its default, and Enter takes it. An answer that does not fit is explained, and the question comes
//! again. Nothing is asked that the answers before it have settled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io;
use std::str::FromStr;

use serde_json::Value;
use taprig_model::device::answers::{Answers, ConsoleAnswers, InterfaceKind};
use taprig_model::device::rules::{AmountForm, Encoding, EventKind, LineEnd, Pattern, Template, TimeForm};
use taprig_model::device::{Deadlines, Sight};
use taprig_model::name::Name;
use taprig_model::settings::Settings;

use super::page::{COMMANDS, EVENTS, GATES, OUTCOMES, SOUNDS, tells};
use super::{Catalog, FIRST_CLAIMS, LABELS, can_be_told};

/// Where the questions are shown and the answers come from.
pub trait Desk {
    /// Shows a text and returns the line that the person types, without its end. `None` if no more lines come.
    ///
    /// # Errors
    /// The terminal can't be read or written.
    fn line(&mut self, text: &str) -> io::Result<Option<String>>;
}

/// Why the questions ended early. Nothing has been written then.
#[derive(Debug)]
pub enum Ended {
    /// The person has ended the input (Ctrl-D).
    NoMore,
    /// The terminal failed.
    Terminal(io::Error),
}

/// Values of settings that a console may have words of its own for.
const VALUES: [(&str, &[&str]); 9] = [
    ("one-cent", &["on", "off"]),
    ("zero-allowed", &["on", "off"]),
    ("debit", &["on", "off"]),
    ("status-check", &["on", "off"]),
    ("mode", &["oda", "offline", "online"]),
    ("tx-limit", &["none"]),
    ("floor-limit", &["none"]),
    ("cvm-limit", &["none"]),
    ("ttq", &["auto"]),
];

/// A conversation with a person.
struct Talk<'a>(&'a mut dyn Desk);

impl Talk<'_> {
    fn line(&mut self, text: &str) -> Result<String, Ended> {
        let line = self.0.line(text).map_err(Ended::Terminal)?.ok_or(Ended::NoMore)?;
        Ok(line.trim().to_owned())
    }

    /// A text, or `None` if the person presses Enter and there is no default.
    fn text(&mut self, question: &str, default: Option<&str>) -> Result<Option<String>, Ended> {
        let answer = self.line(&format!("{question} [{}] ", default.unwrap_or("none")))?;
        Ok(if answer.is_empty() { default.map(str::to_owned) } else { Some(answer) })
    }

    /// A value that is written as one word or line.
    fn value<T: FromStr<Err: Display> + Display>(
        &mut self,
        question: &str,
        default: Option<&T>,
    ) -> Result<Option<T>, Ended> {
        let mut text = question.to_owned();
        loop {
            let Some(answer) = self.text(&text, default.map(ToString::to_string).as_deref())? else { return Ok(None) };
            match answer.parse() {
                Ok(value) => return Ok(Some(value)),
                Err(error) => text = format!("  This does not fit: {error}.\n{question}"),
            }
        }
    }

    fn yes(&mut self, question: &str, default: bool) -> Result<bool, Ended> {
        let mut text = question.to_owned();
        loop {
            let answer = self.line(&format!("{text} [{}] ", if default { "yes" } else { "no" }))?;
            match answer.to_ascii_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => text = format!("  Type yes or no.\n{question}"),
            }
        }
    }

    /// One of several options, each with a sentence: by its number or by its word. The first one is the default.
    fn one(&mut self, question: &str, options: &[(&str, &str)]) -> Result<usize, Ended> {
        let list = listed(options);
        let mut text = format!("{question}\n{list}");
        loop {
            let answer = self.line(&format!("{text}Number or word [{}] ", options[0].0))?;
            match (answer.is_empty(), place(&answer, options)) {
                (true, _) => return Ok(0),
                (false, Some(place)) => return Ok(place),
                (false, None) => text = format!("  `{answer}` is not in the list.\n{list}"),
            }
        }
    }

    /// Any number of options. Enter takes those at the places of `default`.
    fn many(&mut self, question: &str, options: &[(&str, &str)], default: &[usize]) -> Result<Vec<usize>, Ended> {
        let list = listed(options);
        let words: Vec<&str> = default.iter().filter_map(|place| Some(options.get(*place)?.0)).collect();
        let words = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        let mut text = format!("{question}\n{list}");
        loop {
            let answer =
                self.line(&format!("{text}Numbers or words with commas between them, or `none` [{words}] "))?;
            if answer.is_empty() {
                return Ok(default.to_vec());
            }
            if answer == "none" {
                return Ok(vec![]);
            }
            let chosen: Result<Vec<usize>, &str> =
                answer.split(',').map(str::trim).map(|word| place(word, options).ok_or(word)).collect();
            match chosen {
                Ok(chosen) => return Ok(chosen),
                Err(word) => text = format!("  `{word}` is not in the list.\n{list}"),
            }
        }
    }

    /// Values until Enter.
    fn rest<T: FromStr<Err: Display> + Display>(&mut self, question: &str, next: &str) -> Result<Vec<T>, Ended> {
        let mut all = Vec::new();
        while let Some(value) = self.value(if all.is_empty() { question } else { next }, None)? {
            all.push(value);
        }
        Ok(all)
    }
}

/// The first question of a section.
fn title(text: &str, question: &str) -> String {
    format!("\n{text}\n\n{question}")
}

fn listed(options: &[(&str, &str)]) -> String {
    let line = |(place, (word, sentence)): (usize, &(&str, &str))| {
        format!("  {} {word}{}{sentence}\n", place + 1, if sentence.is_empty() { "" } else { ": " })
    };
    options.iter().enumerate().map(line).collect()
}

/// The place of an option that is named by its number, from 1, or by its word.
fn place(answer: &str, options: &[(&str, &str)]) -> Option<usize> {
    match answer.parse::<usize>() {
        Ok(number) => number.checked_sub(1).filter(|place| *place < options.len()),
        Err(_) => options.iter().position(|(word, _)| *word == answer),
    }
}

/// Asks everything about a device.
///
/// # Errors
/// [`Ended`] if the person or the terminal ends the questions.
pub fn ask(desk: &mut dyn Desk, name: &str, catalog: &Catalog) -> Result<Answers, Ended> {
    let mut talk = Talk(desk);
    let mut answers = Answers::default();
    let question = title(
        "Enter takes what stands in brackets. Ctrl-C ends the questions, and nothing is written.",
        "Maker and model, for people",
    );
    answers.title = talk.text(&question, Some(name))?;
    let kinds: Vec<(&str, &str)> = InterfaceKind::ALL.iter().map(|(kind, what)| (kind.as_str(), *what)).collect();
    let kind = talk.one("Which interface does the device have?", &kinds)?;
    answers.interface = InterfaceKind::ALL[kind].0;
    let who = "When it is asked who it is, which maker and model does it answer, in one word? (Enter: write it later)";
    answers.device = talk.text(who, None)?;
    answers.firmware = talk.text("And which name of its firmware? (Enter: write it later)", None)?;
    let Deadlines { reply, ready } = Deadlines::default();
    answers.reply = talk.value("How long may a reply take?", Some(&reply))?;
    answers.ready = talk.value("How long may it take from power-on until it is ready for a card?", Some(&ready))?;
    match answers.interface {
        InterfaceKind::Native => {}
        InterfaceKind::Adapter => {
            let question =
                "Which program stands between taprig and the device, with its arguments? (Enter: write it later)";
            let command = talk.text(question, None)?.unwrap_or_default();
            answers.command = command.split_whitespace().map(str::to_owned).collect();
        }
        InterfaceKind::Operator => {
            let sights: Vec<(&str, &str)> = Sight::QUESTIONS.iter().map(|sight| (sight.as_str(), "")).collect();
            let all: Vec<usize> = (0..sights.len()).collect();
            let chosen = talk.many("What can a person at the device see and hear?", &sights, &all)?;
            answers.asks = Some(chosen.into_iter().map(|place| Sight::QUESTIONS[place]).collect());
        }
        InterfaceKind::Rules => console(&mut talk, &mut answers.console)?,
    }
    words(&mut talk, &mut answers, catalog)?;
    fixed(&mut talk, &mut answers, catalog)?;
    claims(&mut talk, &mut answers, catalog)?;
    Ok(answers)
}

/// Asks about a text console.
fn console(talk: &mut Talk<'_>, console: &mut ConsoleAnswers) -> Result<(), Ended> {
    let question = title("The console", "Bits per second of its serial port (Enter: it is not at a serial port)");
    console.baud = talk.value(&question, None)?;
    let gbk = talk.one("How does it encode text?", &[("utf8", "UTF-8, and ASCII"), ("gbk", "GBK, and GB 2312")])?;
    console.encoding = [Encoding::Utf8, Encoding::Gbk][gbk];
    let ends = [("lf", "line feed"), ("cr", "carriage return"), ("crlf", "both")];
    let end = talk.one("What ends a command?", &ends)?;
    console.line_end = [LineEnd::Lf, LineEnd::Cr, LineEnd::Crlf][end];
    console.echo = talk.yes("Does it repeat each command that it receives?", false)?;
    console.prompt = talk.text("Which prompt does it send, without a line end, when it waits for a command?", None)?;
    let question = "What is the last line of a reply if it has carried out the command, such as OK?";
    let question = match console.prompt {
        Some(_) => format!("{question} (Enter: the prompt ends a reply)"),
        None => format!("{question} (Enter: write it later)"),
    };
    console.ok = talk.text(&question, None)?;
    console.error = talk.text("How does the line begin by which it refuses a command, such as ERROR?", None)?;
    let amounts = [("fen", "100 is one yuan"), ("jiao", "10 is one yuan"), ("yuan", "1.00 is one yuan")];
    let amount = talk.one("How does it write amounts?", &amounts)?;
    console.amount = [AmountForm::Fen, AmountForm::Jiao, AmountForm::Yuan][amount];
    console.time = talk.value("How does it write times?", Some(&TimeForm::default()))?;

    let kinds: Vec<String> = EVENTS.iter().map(|(kind, ..)| kind.to_string()).collect();
    let options: Vec<(&str, &str)> =
        kinds.iter().zip(EVENTS).map(|(word, (_, what, _))| (word.as_str(), what)).collect();
    let question = title("What it tells", "What does the device tell by itself, by lines that nobody asked for?");
    let default: Vec<usize> = (0..EVENTS.len() - 1).collect();
    let chosen = talk.many(&question, &options, &default)?;
    console.tells = Some(chosen.into_iter().map(|place| EVENTS[place].0).collect());
    let told = tells(console);
    for (kind, what, example) in EVENTS.iter().filter(|(kind, ..)| told.contains(kind)) {
        let question =
            format!("The pattern of the line that says that {what}, such as {example} (Enter: write it later)");
        if let Some(pattern) = talk.value::<Pattern>(&question, None)? {
            console.events.insert(*kind, pattern);
        }
    }
    if told.contains(&EventKind::Ready) && !talk.yes("Does it tell after each tap that it is ready again?", true)? {
        console.repeats_ready = Some(false);
    }
    commands(talk, console)
}

/// Asks about the commands of a text console.
fn commands(talk: &mut Talk<'_>, console: &mut ConsoleAnswers) -> Result<(), Ended> {
    let mut heading = title("Commands", "");
    for (name, what, values, example) in COMMANDS {
        let with = if values.is_empty() { String::new() } else { format!(", with {values} for the values") };
        let missing = if name == "identity" { "write it later" } else { "it has none" };
        let question = format!("{heading}The command that {what}{with} (Enter: {missing})");
        heading = String::new();
        let Some(template) = talk.value::<Template>(&question, None)? else { continue };
        console.commands.insert(name.to_owned(), template);
        if name == "journal" {
            let question = "The pattern of a record's line, with the groups number, account, charged and so on (Enter: write it later)";
            console.rows = talk.rest(question, "A pattern of another line of the same record (Enter: no more)")?;
        }
        if !example.is_empty() {
            let later = if name == "journal" { "the rig computes the sums" } else { "write it later" };
            let question = format!("A pattern of a line of the reply, such as {example} (Enter: {later})");
            let lines = talk.rest(&question, "A pattern of another line (Enter: no more)")?;
            console.lines.insert(name.to_owned(), lines);
        }
    }
    let keys = Settings::keys_of_pairs();
    let question = title(
        &format!("Settings. Their names are: {}.", keys.join(", ")),
        "A command that changes settings, such as FARE {fare} (Enter: no more)",
    );
    console.settings = talk.rest(&question, "Another command that changes settings (Enter: no more)")?;
    let known: BTreeSet<String> =
        console.settings.iter().flat_map(|template| template.names().map(str::to_owned)).collect();
    let options: Vec<(&str, &str)> = keys.iter().filter(|key| !known.contains(**key)).map(|key| (*key, "")).collect();
    let chosen = talk.many("Which other settings can it be told? You write their commands later.", &options, &[])?;
    console.told = chosen.into_iter().map(|place| options[place].0.to_owned()).collect();
    for (key, values) in
        VALUES.iter().filter(|(key, _)| known.contains(*key) || console.told.iter().any(|told| told == key))
    {
        let mut own = BTreeMap::new();
        for value in *values {
            let word = talk.text(&format!("What does the device call `{value}` of `{key}`?"), Some(value))?;
            own.extend(word.filter(|word| word != value).map(|word| ((*value).to_owned(), word)));
        }
        if !own.is_empty() {
            console.sent.insert((*key).to_owned(), own);
        }
    }
    Ok(())
}

/// Asks for the words of the device.
fn words(talk: &mut Talk<'_>, answers: &mut Answers, catalog: &Catalog) -> Result<(), Ended> {
    let messages: Vec<&str> = catalog.messages.iter().map(String::as_str).collect();
    let tells_result = answers.interface != InterfaceKind::Operator;
    let maps: [(&str, &[&str], &str); 4] = [
        ("messages", &messages, "What does the display show for"),
        ("outcomes", if tells_result { &OUTCOMES } else { &[] }, "What does the device say when the outcome is"),
        ("sounds", &SOUNDS, "What does the device say when the sound, or the lamp in its place, is"),
        ("gates", &GATES, "What does the device say when the gate is"),
    ];
    let mut all = serde_json::Map::new();
    for (map, meanings, question) in maps {
        if meanings.is_empty() {
            continue;
        }
        let intro = title(
            &format!("Words: {map}"),
            &format!("Does the device use exactly these words: {}?", meanings.join(", ")),
        );
        if talk.yes(&intro, false)? {
            continue;
        }
        let mut own = serde_json::Map::new();
        for meaning in meanings {
            // Several words may mean the same.
            let mut text = format!("{question} `{meaning}`? (Enter: nothing, or write it later)");
            while let Some(word) = talk.text(&text, None)? {
                own.insert(word, Value::from(*meaning));
                text = format!("Another word for `{meaning}`? (Enter: no more)");
            }
        }
        all.insert(map.to_owned(), Value::Object(own));
    }
    answers.words = serde_json::from_value(Value::Object(all)).unwrap_or_default();
    Ok(())
}

/// Asks for the settings that the device can't be told.
fn fixed(talk: &mut Talk<'_>, answers: &mut Answers, catalog: &Catalog) -> Result<(), Ended> {
    let values = catalog.settings.in_words();
    let told = can_be_told(answers);
    let candidates: Vec<(&str, &str)> = values
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| !LABELS.contains(key) && !told.contains(*key))
        .collect();
    let chosen: Vec<usize> = match answers.interface {
        // What no command sets is fixed.
        InterfaceKind::Rules => (0..candidates.len()).collect(),
        _ => {
            let question = title("Settings", "Which of these settings can the device not be told?");
            talk.many(&question, &candidates, &[])?
        }
    };
    let all = serde_json::to_value(&catalog.settings).unwrap_or_default();
    let mut fixed = serde_json::Map::new();
    let mut heading = title("Settings that are fixed. In brackets is what most cases set.", "");
    for (key, _) in chosen.into_iter().map(|place| candidates[place]) {
        let value = all.get(key).cloned().unwrap_or_default();
        let value = match &value {
            // A list can't be typed in one word, and a list that can't be told has to be empty.
            Value::Array(_) | Value::Object(_) => value,
            _ => {
                let default = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let mut text = format!("{heading}What is `{key}` set to?");
                heading = String::new();
                loop {
                    let typed = talk.text(&text, Some(&default))?.unwrap_or_default();
                    let read: Value = match (&value, typed.parse::<u64>(), typed.parse::<bool>()) {
                        (Value::Number(_), Ok(number), _) => number.into(),
                        (Value::Bool(_), _, Ok(switch)) => switch.into(),
                        _ => typed.into(),
                    };
                    let alone: Result<Settings, _> = serde_json::from_value(serde_json::json!({ key: read }));
                    match alone {
                        Ok(_) => break read,
                        Err(error) => text = format!("  This does not fit: {error}.\nWhat is `{key}` set to?"),
                    }
                }
            }
        };
        fixed.insert(key.to_owned(), value);
    }
    answers.fixed = serde_json::from_value(Value::Object(fixed)).unwrap_or_default();
    Ok(())
}

/// Asks for each claim that is possible.
fn claims(talk: &mut Talk<'_>, answers: &mut Answers, catalog: &Catalog) -> Result<(), Ended> {
    let mut made = BTreeSet::new();
    let mut heading = title("Claims: which functions does the device have? Begin with few, and add more later.", "");
    let possible: Vec<(String, Option<String>)> =
        catalog.possible(answers).map(|(name, sentence)| (name.to_owned(), sentence.map(str::to_owned))).collect();
    for (name, sentence) in possible {
        let sentence = sentence.map(|sentence| format!(": {sentence}")).unwrap_or_default();
        let question = format!("{heading}{name}{sentence}?");
        heading = String::new();
        if talk.yes(&question, FIRST_CLAIMS.contains(&name.as_str()))? {
            made.extend(name.parse::<Name>());
        }
    }
    answers.claims = Some(made);
    Ok(())
}

#[cfg(test)]
mod tests;
