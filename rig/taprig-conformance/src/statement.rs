//! The implementation conformance statement of a device.

use crate::SCHEMA;
use crate::claims::{self, Status};
use crate::depends::{Dependents, Depends};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::criteria::Criteria;
use taprig_model::device::{Baseline, Device, Interface, claim};
use taprig_model::schema;
use taprig_model::settings::{LONGEST, OF_UPLINK};

/// What a device claims to be and to do, including what it does not claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the device is.
    pub device: Identification,
    /// Every function that cases ask for.
    pub functions: Vec<Function>,
    /// Every setting that cases make.
    pub settings: Vec<Setting>,
    /// Limits in time and size.
    pub limits: Vec<Limit>,
    /// What the device's words mean.
    pub words: Vec<Meaning>,
    /// What contradicts a status: something mandatory that is not claimed, or a claim without what it needs.
    pub open: Vec<String>,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identification {
    /// Maker and model, for people.
    pub title: String,
    /// Maker and model, as the device tells it.
    pub device: String,
    /// Name of its firmware, as the device tells it.
    pub firmware: String,
    /// How the rig talks to it: `native`, `rules`, `adapter` or `operator`.
    pub interface: &'static str,
    /// Speed of its console in bits per second, if the device file gives one.
    pub baud: Option<u32>,
    /// Whether it tells by itself how a tap ended.
    pub tells_result: bool,
    /// Where its reviewed transcripts are, in words.
    pub baseline: String,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its name: the claim in the device file.
    pub claim: String,
    /// What a device does that claims it. It is absent for a claim of a maker's own cases.
    pub meaning: Option<&'static str>,
    /// Whether the device has to have it.
    pub status: Status,
    /// The functions without which it makes no sense.
    pub needs: &'static [&'static str],
    /// Whether the device claims it.
    pub claimed: Claimed,
    /// How much of it the device claims, if the claim is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The requirements that depend on it.
    pub requirements: Dependents,
}

/// What a device file says about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claimed {
    /// It makes the claim.
    Yes,
    /// It says that the device does not make it.
    No,
    /// It does not name it, so the device does not make it.
    NotStated,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// What it does.
    pub meaning: String,
    /// Whether the device has to take it.
    pub status: Status,
    /// The value that the device has built in. It is absent if the device can be told the setting.
    pub fixed: Option<String>,
    /// Whether the device has no such label, and cases that set it apply all the same.
    pub ignored: bool,
    /// The requirements whose cases set another value than most cases do.
    pub requirements: Dependents,
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// What it limits.
    pub of: String,
    /// Its value with the unit.
    pub value: String,
    /// Whether the device has to keep it.
    pub status: Status,
}

/// A word that cases use, and what the device says in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// The kind of word: `message`, `outcome`, `reason`, `sound`, `gate` or `verification`.
    pub kind: &'static str,
    /// The word of cases.
    pub word: String,
    /// The words of the device. Each of them means the word of cases.
    pub device: Vec<String>,
}

impl Statement {
    /// The statement of a device. `criteria` are those of all cases that the device may be tested with.
    #[must_use]
    pub fn of(device: &Device, criteria: &[Criteria]) -> Self {
        let depends = Depends::new(criteria);
        let functions = functions(device, criteria, &depends);
        let settings = settings(device, &depends);
        let open = open(&functions, &settings);
        Self {
            schema: SCHEMA,
            device: identification(device),
            functions,
            settings,
            limits: limits(device),
            words: words(device),
            open,
        }
    }
}

fn identification(device: &Device) -> Identification {
    Identification {
        title: device.title.clone(),
        device: device.identity.device.clone(),
        firmware: device.identity.firmware.clone(),
        interface: match &device.interface {
            Interface::Native(_) => "native",
            Interface::Rules(_) => "rules",
            Interface::Adapter(_) => "adapter",
            Interface::Operator(_) => "operator",
        },
        baud: device.interface.baud(),
        tells_result: device.tells_result(),
        baseline: match &device.baseline {
            Some(Baseline::BesideCases) => "beside the cases".into(),
            Some(Baseline::Folder(folder)) => folder.display().to_string(),
            Some(Baseline::None) | None => "none".into(),
        },
    }
}

/// The functions that the suite, the engine, the cases and the device file name.
fn functions(device: &Device, criteria: &[Criteria], depends: &Depends<'_>) -> Vec<Function> {
    let known = claims::known();
    let mut names: BTreeSet<&str> = known.keys().copied().chain(claim::ALL).collect();
    names.extend(criteria.iter().flat_map(|case| &case.needs.claims).map(taprig_model::name::Name::as_str));
    names.extend(device.claims.keys().map(taprig_model::name::Name::as_str));
    let stated = |name: &str| device.claim(name).map(taprig_model::device::Claim::is_made);
    let function = |name: &str| Function {
        claim: name.to_owned(),
        meaning: known.get(name).copied(),
        status: claims::status(name),
        needs: claims::needs(name),
        claimed: match stated(name) {
            Some(true) => Claimed::Yes,
            Some(false) => Claimed::No,
            None => Claimed::NotStated,
        },
        number: device.claim(name).and_then(taprig_model::device::Claim::number),
        requirements: depends.on_claim(name),
    };
    names.into_iter().map(function).collect()
}

/// The settings that a claim is about. A device that makes the claim can be told the setting.
const OF_CLAIM: [(&str, &[&str]); 8] = [
    ("capacity", &["journal-capacity"]),
    ("debit", &["debit-bar"]),
    ("deny-list", &["exception-file"]),
    ("fares", &claim::OF_FARES),
    ("merchant-max", &["merchant-maximum-setting"]),
    ("revoked", &["revocation-list"]),
    ("status-check", &["status-check"]),
    ("ttq", &["ttq-setting"]),
];

fn settings(device: &Device, depends: &Depends<'_>) -> Vec<Setting> {
    let fixed: BTreeMap<String, String> = device.fixed.in_words_without_lists().into_iter().collect();
    let ignored: &[String] = match &device.interface {
        Interface::Rules(rules) => &rules.ignored,
        Interface::Native(_) | Interface::Adapter(_) | Interface::Operator(_) => &[],
    };
    let status = |key: &str| match OF_CLAIM.iter().find(|(name, _)| *name == key) {
        Some((_, claims)) => Status::IfClaimed(claims),
        None if key == "stop" => Status::IfClaimed(&[claim::DISTANCE_FARES]),
        None if key == "online-time" => Status::IfClaimed(&["online"]),
        None if OF_UPLINK.contains(&key) => Status::IfClaimed(&[claim::UPLINK]),
        None => Status::Optional,
    };
    let setting = |(key, meaning): (String, String)| Setting {
        status: status(&key),
        fixed: fixed.get(&key).cloned(),
        ignored: ignored.contains(&key),
        requirements: depends.on_setting(&key),
        key,
        meaning,
    };
    meanings().into_iter().map(setting).collect()
}

/// The settings with their meanings, which are those of the schema. The parts of a fare can be fixed alone.
fn meanings() -> Vec<(String, String)> {
    let schema = schema::of("device").map(schemars_value).unwrap_or_default();
    let text = |value: &Value| value["description"].as_str().unwrap_or_default().replace('\n', " ");
    let Some(all) = schema.pointer("/$defs/Fixed/properties").and_then(Value::as_object) else { return vec![] };
    all.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn schemars_value(schema: impl Into<Value>) -> Value {
    schema.into()
}

fn limits(device: &Device) -> Vec<Limit> {
    let deadlines = [
        ("time for a reply", device.deadlines.reply.to_string()),
        ("time from power-on until the device is ready for a card", device.deadlines.ready.to_string()),
        ("time from the card's leaving until the device is ready again", "1 s".to_owned()),
    ];
    let deadlines = deadlines.map(|(of, value)| Limit { of: of.into(), value, status: Status::Mandatory });
    let texts = LONGEST.map(|(key, bytes)| Limit {
        of: format!("length of the text `{key}` that the device accepts"),
        value: format!("{bytes} bytes"),
        status: Status::Optional,
    });
    let cards = device.deny_capacity().map(|cards| Limit {
        of: "number of cards on the deny list".into(),
        value: format!("{cards} cards"),
        status: Status::IfClaimed(&[claim::DENY_CAPACITY]),
    });
    deadlines.into_iter().chain(texts).chain(cards).collect()
}

/// The words of cases that the device has words for. A kind without a map is left out: the device uses the words of cases.
fn words(device: &Device) -> Vec<Meaning> {
    let words = &device.words;
    let mut all: BTreeMap<(&'static str, String), Vec<String>> = BTreeMap::new();
    let mut put = |kind, meant: String, word: &String| all.entry((kind, meant)).or_default().push(word.clone());
    words.messages.iter().for_each(|(word, meant)| put("message", meant.clone(), word));
    words.outcomes.iter().for_each(|(word, meant)| put("outcome", meant.as_str().to_owned(), word));
    for (word, meant) in &words.reasons {
        meant.0.iter().for_each(|meant| put("reason", meant.clone(), word));
    }
    words.sounds.iter().for_each(|(word, meant)| put("sound", meant.as_str().to_owned(), word));
    words.gates.iter().for_each(|(word, meant)| put("gate", meant.as_str().to_owned(), word));
    words.cvms.iter().for_each(|(word, meant)| put("verification", meant.as_str().to_owned(), word));
    all.into_iter().map(|((kind, word), device)| Meaning { kind, word, device }).collect()
}

/// What contradicts a status.
fn open(functions: &[Function], settings: &[Setting]) -> Vec<String> {
    let claims = |name: &str| functions.iter().any(|of| of.claim == name && of.claimed == Claimed::Yes);
    let mut open = Vec::new();
    for function in functions {
        let name = &function.claim;
        if claims(name) {
            let missing = function.needs.iter().filter(|needed| !claims(needed));
            open.extend(missing.map(|needed| format!("`{name}` is claimed without `{needed}`, which it needs")));
            continue;
        }
        match function.status {
            Status::Mandatory => open.push(format!("`{name}` is mandatory and is not claimed")),
            // The group is told once, at its first member.
            Status::OneOf(group) if group.first() == Some(&name.as_str()) && !group.iter().any(|of| claims(of)) => {
                open.push(format!("none of {} is claimed, and at least one is mandatory", listed(group)));
            }
            Status::IfClaimed(others) => {
                if let Some(other) = others.iter().find(|other| claims(other)) {
                    open.push(format!("`{name}` is mandatory, because `{other}` is claimed, and is not claimed"));
                }
            }
            Status::OneOf(_) | Status::Optional => {}
        }
    }
    for setting in settings.iter().filter(|setting| setting.fixed.is_some()) {
        if let Status::IfClaimed(others) = setting.status
            && let Some(other) = others.iter().find(|other| claims(other))
        {
            open.push(format!("the setting `{}` is fixed, although `{other}` is claimed", setting.key));
        }
    }
    open
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
