//! The text of a device file.

use std::collections::BTreeMap;

use serde_json::Value;
use taprig_model::device::answers::{Answers, ConsoleAnswers, InterfaceKind};
use taprig_model::device::rules::{AmountForm, Encoding, EventKind, LineEnd, Pattern};
use taprig_model::device::{Deadlines, Sight, UNFINISHED, claim};
use taprig_model::settings::Settings;

use super::yaml::{flow, text};
use super::{Catalog, FIRST_CLAIMS, LABELS, can_be_told};

/// The column of comments behind claims.
const COLUMN: usize = 33;

/// The kinds of events, with what they are for and an example of a pattern.
pub(super) const EVENTS: [(EventKind, &str, &str); 7] = [
    (EventKind::Started, "its firmware has started", "^START$"),
    (EventKind::Ready, "it is ready for a card", "^READY$"),
    (EventKind::Show, "the display shows a message", "^SHOW (?<message>.+)$"),
    (EventKind::Sound, "it makes a sound", "^SOUND (?<sound>.+)$"),
    (EventKind::Gate, "its gate moves", "^GATE (?<gate>.+)$"),
    (EventKind::Result, "a tap has come to its end", r"^RESULT (?<outcome>\S+) (?<reason>\S+) (?<charged>[0-9]+)$"),
    (EventKind::Fault, "it has noticed something wrong about itself", "^FAULT (?<what>.+)$"),
];

/// Commands of a console that are no settings: what they do, the values that they need, and an example of the lines of
/// their reply.
pub(super) const COMMANDS: [(&str, &str, &str, &str); 14] = [
    ("identity", "asks the device who it is", "", r"^MODEL (?<device>\S+) FIRMWARE (?<firmware>\S+)$"),
    ("echo", "asks the device to repeat a text, which proves that answers are not old", "{text}", "^ECHO (?<text>.+)$"),
    ("status", "asks for the state", "", "^STATE (?<state>.+)$"),
    ("clock", "sets the clock", "{time}", ""),
    ("key-add", "adds a CA key", "{rid} {index} {exponent} {modulus}", ""),
    ("key-clear", "removes all CA keys", "", ""),
    ("deny-add", "adds a card to the deny list", "{pan} {psn}", ""),
    ("deny-clear", "empties the deny list", "", ""),
    ("revoke-add", "revokes a certificate", "{rid} {index} {serial}", ""),
    ("revoke-clear", "empties the revocation list", "", ""),
    ("journal", "lists the journal", "", "^COUNT (?<count>[0-9]+) TOTAL (?<total>[0-9]+)$"),
    ("journal-clear", "empties the journal", "", ""),
    ("factory", "brings all settings into their factory state", "", ""),
    ("reboot", "restarts the device", "", ""),
];

const ROW: &str = "^(?<number>[0-9]+) (?<account>[0-9*]+) (?<charged>[0-9]+)$";

/// What the device tells by itself.
#[must_use]
pub(super) fn tells(console: &ConsoleAnswers) -> Vec<EventKind> {
    let all = || EVENTS.iter().map(|(kind, ..)| *kind).filter(|kind| *kind != EventKind::Fault).collect();
    console.tells.clone().unwrap_or_else(all)
}

/// A value that has to be written later.
fn later(what: &str) -> String {
    format!("'{UNFINISHED} {}'", what.replace('\'', "''"))
}

/// A text that is known, or a note of what has to stand there.
fn known(value: Option<&str>, what: &str) -> String {
    value.map_or_else(|| later(what), text)
}

/// The lines of a file.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0 += line.trim_end();
        self.0.push('\n');
    }

    /// A comment, broken into lines, with the indentation of the key that follows.
    fn comment(&mut self, indent: usize, words: &str) {
        let blank = " ".repeat(indent);
        let mut line = format!("{blank}#");
        for word in words.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > 118 {
                self.line(&line);
                line = format!("{blank}#");
            }
            line += &format!(" {word}");
        }
        self.line(&line);
    }

    /// A key with a comment above it.
    fn key(&mut self, indent: usize, key: &str, value: &str, words: &str) {
        self.comment(indent, words);
        self.line(&format!("{}{key}: {value}", " ".repeat(indent)));
    }
}

/// The text of the device file with this name.
#[must_use]
pub fn device_file(name: &str, answers: &Answers, catalog: &Catalog) -> String {
    let mut page = Page::default();
    page.comment(
        0,
        "Written by `taprig device new`. Replace each value that begins with TODO with what its text says; `taprig check` lists \
         them. Then `taprig device check` tries this file on a bench. fixtures/devices/README.md explains every key.",
    );
    page.line("schema: 1");
    page.key(0, "title", &text(answers.title.as_deref().unwrap_or(name)), "For people: maker and model.");
    page.comment(0, "What the device answers when it is asked who it is. Another answer ends a run before it begins.");
    page.line("identity:");
    page.line(&format!(
        "  device: {}",
        known(answers.device.as_deref(), "maker and model in one word, as the device tells it")
    ));
    page.line(&format!(
        "  firmware: {}",
        known(answers.firmware.as_deref(), "the name of the firmware, as the device tells it")
    ));
    claims(answers, catalog, &mut page);
    let Deadlines { reply, ready } = Deadlines::default();
    let (reply, ready) = (answers.reply.unwrap_or(reply), answers.ready.unwrap_or(ready));
    page.key(
        0,
        "deadlines",
        &format!("{{ reply: {reply}, ready: {ready} }}"),
        "The longest time for a reply, and from power-on until the device is ready for a card.",
    );
    words(answers, catalog, &mut page);
    fixed(answers, catalog, &mut page);
    page.comment(0, "How the rig reaches the device.");
    page.line("interface:");
    match answers.interface {
        InterfaceKind::Native => native(&mut page),
        InterfaceKind::Adapter => adapter(answers, &mut page),
        InterfaceKind::Operator => operator(answers, &mut page),
        InterfaceKind::Rules => rules(answers, catalog, &mut page),
    }
    page.0
}

fn claims(answers: &Answers, catalog: &Catalog, page: &mut Page) {
    page.comment(
        0,
        "Which functions the device has. A case that needs a claim that is false is not applicable. Begin with few, and do not \
         withdraw a claim to hide a defect.",
    );
    page.line("claims:");
    let made = |name: &str| match &answers.claims {
        Some(claims) => claims.iter().any(|claim| claim.as_str() == name),
        None => FIRST_CLAIMS.contains(&name),
    };
    let own = answers.claims.iter().flatten().map(|claim| (claim.as_str().to_owned(), None));
    let all: BTreeMap<String, Option<String>> = own.chain(catalog.claims.clone()).collect();
    for (name, sentence) in &all {
        let line = match made(name) {
            true if claim::IN_NUMBERS.contains(&name.as_str()) => format!("  {name}: \"{UNFINISHED} the number\""),
            made => format!("  {name}: {made}"),
        };
        match sentence {
            Some(sentence) => page.line(&format!("{line:COLUMN$} # {sentence}")),
            None => page.line(&line),
        }
    }
}

fn words(answers: &Answers, catalog: &Catalog, page: &mut Page) {
    page.comment(
        0,
        "What the words of the device mean: on the left the word of the device, on the right that of cases. Without a map, the \
         device uses the words of cases.",
    );
    let value = serde_json::to_value(&answers.words).unwrap_or_default();
    let maps = [
        ("messages", "What the display shows.", listed(catalog.messages.iter().map(String::as_str))),
        ("outcomes", "How a tap ends.", listed(OUTCOMES)),
        ("reasons", "Why it ends so.", "the words of cases/reasons.yaml".to_owned()),
        ("sounds", "What a rider hears, or a lamp that takes the place of a sound.", listed(SOUNDS)),
        ("gates", "The gate.", listed(GATES)),
        ("cvms", "How the cardholder was verified.", listed(["none", "online-pin", "signature", "device"])),
    ];
    let has_words = maps.iter().any(|(map, ..)| value.get(map).is_some());
    page.line(if has_words { "words:" } else { "words: {}" });
    for (map, what, meanings) in maps {
        page.comment(2, &format!("`{map}`: {what} Words of cases: {meanings}."));
        if let Some(Value::Object(entries)) = value.get(map) {
            page.line(&format!("  {map}:"));
            for (word, meaning) in entries {
                page.line(&format!("    {}: {}", text(word), flow(meaning)));
            }
        }
    }
}

/// Words for a comment. A message may contain commas.
fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The outcomes that a device tells.
pub(super) const OUTCOMES: [&str; 6] =
    ["approved", "declined", "online-request", "try-another-interface", "end-application", "try-again"];

/// The sounds.
pub(super) const SOUNDS: [&str; 3] = ["accepted", "refused", "attention"];

/// The positions of a gate.
pub(super) const GATES: [&str; 2] = ["open", "shut"];

/// The settings that are fixed: those that were named, and for a console by rules all that no command sets.
fn fixed_settings(answers: &Answers, catalog: &Catalog) -> Settings {
    if answers.interface != InterfaceKind::Rules {
        return answers.fixed.clone();
    }
    let told = can_be_told(answers);
    let mut all = serde_json::to_value(&catalog.settings).unwrap_or_default();
    if let Value::Object(all) = &mut all {
        all.retain(|key, _| !told.contains(key) && !LABELS.contains(&key.as_str()));
    }
    serde_json::from_value::<Settings>(all).unwrap_or_default().overlaid(&answers.fixed)
}

fn fixed(answers: &Answers, catalog: &Catalog, page: &mut Page) {
    let fixed = fixed_settings(answers, catalog);
    page.comment(
        0,
        "Settings that the rig can't change, and what the device is set to. Correct each value that differs on your device: a \
         case that needs another value is not applicable. If the device can be told a setting, remove it here.",
    );
    match serde_json::to_value(&fixed) {
        Ok(Value::Object(all)) if !all.is_empty() => {
            page.line("fixed:");
            for (key, value) in all {
                page.line(&format!("  {key}: {}", flow(&value)));
            }
        }
        _ => page.line("fixed: {}"),
    }
}

fn native(page: &mut Page) {
    let sample = include_str!("../../../../../fixtures/devices/taprig-reference.yaml");
    let (_, interface) = sample.split_once("interface:\n").unwrap_or_default();
    page.comment(2, "The console of the reference device. On the right are the words of your device.");
    interface.lines().for_each(|line| page.line(line));
}

fn adapter(answers: &Answers, page: &mut Page) {
    page.line("  adapter:");
    let command = match answers.command.is_empty() {
        true => {
            format!("[{}]", later("the program and its arguments, such as python3, fixtures/devices/mine/adapter.py"))
        }
        false => flow(&answers.command.clone().into()),
    };
    let words = "The program and its arguments. It runs in the project's folder and speaks JSON Lines: \
                 rig/taprig/doc/adapter-protocol.md. `taprig adapter check` tries it.";
    page.key(4, "command", &command, words);
}

fn operator(answers: &Answers, page: &mut Page) {
    page.line("  operator:");
    let asks = answers.asks.clone().unwrap_or_else(|| Sight::QUESTIONS.into());
    let asks = serde_json::to_value(asks).unwrap_or_default();
    page.key(
        4,
        "asks",
        &flow(&asks),
        "What the person is asked after each tap. Leave out what the device does not have.",
    );
    page.key(4, "within", "60 s", "The longest time for an answer.");
}

fn rules(answers: &Answers, catalog: &Catalog, page: &mut Page) {
    let console = &answers.console;
    page.line("  rules:");
    if let Some(baud) = console.baud {
        page.key(4, "baud", &baud.to_string(), "Bits per second of the serial port, 8N1.");
    }
    let encoding = if console.encoding == Encoding::Gbk { "gbk" } else { "utf8" };
    page.key(4, "encoding", encoding, "How the console encodes text: utf8 or gbk.");
    let end = match console.line_end {
        LineEnd::Lf => "lf",
        LineEnd::Cr => "cr",
        LineEnd::Crlf => "crlf",
    };
    page.key(4, "line-end", end, "What the rig sends at the end of a command: lf, cr or crlf.");
    page.key(4, "echo", &console.echo.to_string(), "Whether the device repeats each command.");
    match &console.prompt {
        Some(prompt) => page.key(
            4,
            "prompt",
            &text(&Pattern::literal(prompt)),
            "What the device sends, without a line end, when it waits for a command.",
        ),
        None => page.comment(4, "The device has no prompt. If it has one, add `prompt: PATTERN`."),
    }
    if let Some(repeats) = console.repeats_ready {
        page.key(
            4,
            "repeats-ready",
            &repeats.to_string(),
            "Whether the device tells after each tap that it is ready again.",
        );
    }
    page.comment(4, "How the device writes amounts (fen, jiao, yuan) and times.");
    let amount = match console.amount {
        AmountForm::Fen => "fen",
        AmountForm::Jiao => "jiao",
        AmountForm::Yuan => "yuan",
    };
    let time = console.time.clone().unwrap_or_default();
    page.line(&format!("    forms: {{ amount: {amount}, time: {} }}", text(&time.to_string())));
    if !console.sent.is_empty() {
        let sent = serde_json::to_value(&console.sent).unwrap_or_default();
        page.comment(4, "What the device calls the values of settings.");
        page.line("    words:");
        page.line(&format!("      sent: {}", flow(&sent)));
    }
    page.comment(
        4,
        "Patterns of the last line of a reply: `ok` if the device has carried out the command, `error` if it refuses. Patterns \
         are regular expressions of the Rust crate `regex`; ^ is the beginning of a line, and $ its end.",
    );
    replies(console, page);
    events(console, page);
    page.comment(
        4,
        "The commands that are no settings. Spaces at both ends of a line are removed before a pattern is tried.",
    );
    page.line("    commands:");
    for command in COMMANDS {
        self::command(console, command, page);
    }
    settings(answers, catalog, page);
}

fn replies(console: &ConsoleAnswers, page: &mut Page) {
    let ok = match (&console.ok, &console.prompt) {
        (Some(ok), _) => Some(text(&format!("^{}$", Pattern::literal(ok)))),
        (None, Some(_)) => None,
        (None, None) => Some(later("the pattern of the last line of a reply, such as ^OK$")),
    };
    let error = console.error.as_ref().map(|error| text(&format!("^{}(?<why>.*)$", Pattern::literal(error))));
    if ok.is_none() && error.is_none() {
        return page.line("    replies: {}");
    }
    page.line("    replies:");
    for (key, pattern) in [("ok", ok), ("error", error)] {
        if let Some(pattern) = pattern {
            page.line(&format!("      {key}: {pattern}"));
        }
    }
}

fn events(console: &ConsoleAnswers, page: &mut Page) {
    page.comment(
        4,
        "What the lines mean that the device sends by itself. A named group of a pattern is a value. If the device writes a \
         value in another way, `values` makes it from groups.",
    );
    page.line("    events:");
    let tells = tells(console);
    for (kind, what, example) in EVENTS.iter().filter(|(kind, ..)| tells.contains(kind)) {
        let pattern = console.events.get(kind).map(ToString::to_string);
        let pattern = pattern
            .as_deref()
            .map_or_else(|| later(&format!("the pattern of the line that says that {what}, such as {example}")), text);
        page.line(&format!("      - {{ is: {kind}, line: {pattern} }}"));
    }
}

/// Writes a command, if the device has it.
fn command(console: &ConsoleAnswers, (name, what, _, example): (&str, &str, &str, &str), page: &mut Page) {
    let send = match console.commands.get(name) {
        Some(template) => text(&template.to_string()),
        None if name == "identity" => later("the command that asks the device who it is"),
        None => return,
    };
    let mut value = format!("send: {send}");
    let patterns = |patterns: &[Pattern], example: &str| match patterns {
        [] => format!("[{}]", later(&format!("the patterns of the reply, such as {example}"))),
        patterns => flow(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>().into()),
    };
    let lines = console.lines.get(name).map(Vec::as_slice).unwrap_or_default();
    if name == "journal" {
        value += &format!(", rows: {}", patterns(&console.rows, ROW));
    }
    // The sums of a journal need not be told: the rig computes them then.
    if !example.is_empty() && (name != "journal" || !lines.is_empty()) {
        value += &format!(", lines: {}", patterns(lines, example));
    }
    page.comment(6, &format!("It {what}."));
    page.line(&format!("      {name}: {{ {value} }}"));
}

fn settings(answers: &Answers, catalog: &Catalog, page: &mut Page) {
    let console = &answers.console;
    let told = can_be_told(answers);
    let keys = Settings::keys_of_pairs();
    let by_command = |key: &str| console.settings.iter().any(|template| template.names().any(|name| name == key));
    let rest: Vec<&str> = keys.iter().copied().filter(|key| told.contains(*key) && !by_command(key)).collect();
    page.comment(4, "The commands that change settings. One command may change several: {name} stands for the value.");
    page.line(if console.settings.is_empty() && rest.is_empty() { "    settings: []" } else { "    settings:" });
    for template in &console.settings {
        page.line(&format!("      - {{ send: {} }}", text(&template.to_string())));
    }
    for key in &rest {
        let what = format!("the command that sets {key}, with {{{key}}} in the place of the value");
        page.line(&format!("      - {{ send: {} }}", later(&what)));
    }
    page.comment(
        4,
        "The settings in the factory state. A case may set one value of a command: the others come from here.",
    );
    let mut initial = serde_json::to_value(&catalog.settings).unwrap_or_default();
    if let Value::Object(all) = &mut initial {
        all.retain(|key, _| told.contains(key) && keys.contains(&key.as_str()));
    }
    page.line(&format!("    initial: {}", flow(&initial)));
    let ignored: Vec<&str> = LABELS.into_iter().filter(|label| !told.contains(*label)).collect();
    page.comment(4, "Labels that the device does not have. A case that sets one of them applies nevertheless.");
    page.line(&format!("    ignored: {}", flow(&ignored.into())));
}
