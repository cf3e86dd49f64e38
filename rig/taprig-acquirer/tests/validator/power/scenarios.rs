//! What is played.

use serde_json::{Value, json};
use taprig_model::card::key::Key;

use super::super::play::Act;
use super::super::riders::{key, riders};

/// Authorities whose keys the validator has: index, and file of the key.
pub(super) const AUTHORITIES: [(u8, &str); 4] = [
    (0xE1, "test-ca-1408-e3"),
    (0xE2, "test-ca-1408-e65537"),
    (0xE3, "test-ca-1984-e3"),
    (0xE4, "test-ca-1984-e65537"),
];

/// The provider of all of them.
pub(super) fn rid() -> [u8; 5] {
    [0xA0, 0, 0, 3, 0x33]
}

/// A play in whose writes the power is cut.
pub(super) struct Scenario {
    /// What it is about.
    pub(super) name: &'static str,
    /// Rules of the acquirer's host, and its deny list.
    pub(super) host: Value,
    /// What happened before, without a cut. Empty: the validator starts for the first time.
    pub(super) before: Vec<Act>,
    /// The acts in which the power is cut. The upload and the settlement that follow are not cut.
    pub(super) acts: Vec<Act>,
    /// Riders who may not be let in at any time.
    pub(super) always_barred: &'static [usize],
    /// What the rides cost, one after the other, in fen. Empty: the fare that was set last.
    pub(super) fares: &'static [u64],
    /// A tap without a ride of its own begins a trip: the gate opens, and the tap-off is claimed.
    pub(super) holds: bool,
    /// Errors and faults that the validator may tell after a cut.
    pub(super) troubles: &'static [&'static str],
    /// Riders whose cards pay in the tap: by what the card holds in the end, each ride was paid once.
    pub(super) pay_in_tap: &'static [usize],
    /// The acts write at least so often.
    pub(super) least_writes: usize,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "",
            host: json!({ "schema": 1 }),
            before: provision(),
            acts: vec![],
            always_barred: &[],
            fares: &[],
            holds: false,
            troubles: &[],
            pay_in_tap: &[],
            least_writes: 1,
        }
    }
}

impl Scenario {
    /// The fare of a tap, in fen.
    pub(super) fn fare(&self, act: usize, acts: &[Act]) -> u64 {
        let before = acts[..act].iter().filter(|act| matches!(act, Act::Tap { rides: 1, .. })).count();
        if let Some(fare) = self.fares.get(before) {
            return *fare;
        }
        let set = |act: &Act| match act {
            Act::Say(command) => command.strip_prefix("set fare ")?.parse().ok(),
            _ => None,
        };
        acts[..act].iter().rev().find_map(set).unwrap_or(100)
    }
}

fn say(command: impl Into<String>) -> Act {
    Act::Say(command.into())
}

const fn ride(rider: usize) -> Act {
    Act::Tap { rider, rides: 1 }
}

const fn refused(rider: usize) -> Act {
    Act::Tap { rider, rides: 0 }
}

fn settings() -> Vec<Act> {
    let settings = [
        "set master-key 0123456789ABCDEFFEDCBA9876543210",
        "set terminal 12345678",
        "set merchant 123456789012345",
        "set answer-time 5",
        "set bus 0001",
        "set retap 600",
    ];
    settings.map(say).into()
}

/// All that a validator needs.
fn provision() -> Vec<Act> {
    let key = |(index, file): (u8, &str)| {
        let Key::Authority(authority) = key(file).key else { panic!("{file} is no authority") };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        say(format!("key add A000000333 {index:02X} {} {}", hex(&authority.exponent.0), hex(&authority.modulus.0)))
    };
    settings().into_iter().chain(AUTHORITIES.into_iter().map(key)).chain([say("profile bus")]).collect()
}

/// Provisioned, and with these acts behind it.
fn provisioned(acts: impl IntoIterator<Item = Act>) -> Vec<Act> {
    provision().into_iter().chain(acts).collect()
}

/// The account numbers of riders.
fn accounts<const N: usize>(of: [usize; N]) -> [String; N] {
    let riders = riders();
    of.map(|rider| riders[rider].account.clone())
}

/// All scenarios.
pub(super) fn all() -> Vec<Scenario> {
    let [_, second, third, fourth] = accounts([0, 1, 2, 3]);
    let mut all = vec![
        Scenario {
            name: "a validator starts for the first time",
            before: vec![],
            acts: provisioned([ride(0)]),
            least_writes: 12,
            ..Scenario::default()
        },
        Scenario {
            name: "rides",
            acts: vec![ride(0), ride(1), ride(2), ride(3)],
            least_writes: 4,
            ..Scenario::default()
        },
        Scenario {
            name: "electronic cash pays for rides, and comes again",
            before: provisioned([say("set mode offline"), say("profile bus")]),
            // Another card in between ends the re-tap time. Offline it gives no ride.
            acts: vec![
                ride(4),
                refused(4),
                Act::Work("upload"),
                refused(0),
                ride(4),
                Act::Work("upload"),
                refused(0),
                ride(4),
            ],
            pay_in_tap: &[4],
            least_writes: 10,
            ..Scenario::default()
        },
        Scenario {
            name: "a card comes again, and after another one",
            acts: vec![ride(0), refused(0), ride(1), refused(1)],
            least_writes: 2,
            ..Scenario::default()
        },
        Scenario {
            name: "claims, of which one is refused",
            host: json!({ "schema": 1, "rules": [{ "when": { "card": second }, "then": [{ "refuse": "51" }] }] }),
            before: provisioned([ride(0), ride(1), ride(2)]),
            acts: vec![Act::Work("upload"), refused(1), Act::Work("settle")],
            least_writes: 9,
            ..Scenario::default()
        },
        Scenario {
            name: "a full journal, its settlement, and the next journal",
            before: provisioned([say("set capacity 2"), ride(0), ride(1)]),
            acts: vec![refused(2), Act::Work("settle"), ride(2), ride(3), Act::Work("settle"), ride(0)],
            least_writes: 16,
            ..Scenario::default()
        },
        Scenario {
            name: "claims and settlement by itself",
            before: provisioned([say("set capacity 4"), say("set upload auto")]),
            acts: vec![
                ride(0),
                Act::Hear("upload"),
                ride(1),
                Act::Hear("upload"),
                ride(2),
                Act::Hear("settle"),
                ride(3),
            ],
            least_writes: 11,
            ..Scenario::default()
        },
        Scenario {
            name: "the crew bars a card",
            before: provisioned([say(format!("deny add {third}")), say("profile bus")]),
            acts: vec![say(format!("deny add {second}")), refused(1), refused(2), ride(0)],
            always_barred: &[2],
            least_writes: 4,
            ..Scenario::default()
        },
        Scenario {
            name: "the crew clears the lists",
            before: provisioned([
                say(format!("deny add {third}")),
                say("revoke add A000000333 E3 010203"),
                say("profile bus"),
            ]),
            acts: vec![
                say("deny clear"),
                say("revoke clear"),
                say("revoke add A000000333 E3 010203"),
                say(format!("deny add {fourth}")),
                ride(2),
                refused(3),
            ],
            least_writes: 6,
            ..Scenario::default()
        },
        Scenario {
            name: "a deny list in pages takes the place of another one",
            host: json!({ "schema": 1, "deny-list": { "version": 7, "page": 1, "cards": [second, fourth] } }),
            // The claim of the third rider was refused, so this rider stays barred.
            before: provisioned([say(format!("deny add {second}"))]),
            acts: vec![Act::Work("download deny"), refused(1), refused(3), Act::Work("download deny"), ride(0)],
            always_barred: &[1],
            least_writes: 7,
            ..Scenario::default()
        },
        Scenario {
            name: "a refused rider stays barred when another list comes",
            host: json!({
                "schema": 1,
                "deny-list": { "version": 7, "page": 1, "cards": [second] },
                "rules": [{ "when": { "card": third }, "then": [{ "refuse": "51" }] }],
            }),
            before: provisioned([ride(2), Act::Work("upload")]),
            acts: vec![Act::Work("download deny"), refused(1), refused(2)],
            always_barred: &[2],
            least_writes: 4,
            ..Scenario::default()
        },
        Scenario {
            name: "keys of authorities come from the host",
            before: settings(),
            acts: vec![Act::Work("download keys")],
            least_writes: 1,
            ..Scenario::default()
        },
        Scenario {
            name: "settings change between rides",
            acts: vec![ride(0), say("set fare 250"), ride(1), say("set driver 007"), say("profile bus-2"), ride(2)],
            least_writes: 6,
            ..Scenario::default()
        },
        Scenario {
            name: "a journal is cleared after its settlement, and the device begins anew",
            before: provisioned([ride(0), ride(1), Act::Work("settle")]),
            acts: [say("journal clear"), ride(2), Act::Work("settle"), say("factory")]
                .into_iter()
                .chain(provisioned([ride(3)]))
                .collect(),
            least_writes: 20,
            ..Scenario::default()
        },
    ];
    all.extend(answers());
    all.extend(fares());
    all
}

/// What can become of the answer to the second claim.
fn answers() -> Vec<Scenario> {
    let scenario = |name, then: Value| Scenario {
        name,
        host: json!({ "schema": 1, "rules": [{ "when": { "message": "ride", "nth": 2 }, "then": then }] }),
        before: provisioned([ride(0), ride(1), ride(2)]),
        acts: vec![Act::Work("upload"), Act::Work("upload")],
        troubles: &["! fault what=uplink-mac", "! fault what=uplink-answer", "! fault what=uplink-unasked"],
        least_writes: 6,
        ..Scenario::default()
    };
    vec![
        scenario("the answer to a claim does not come", json!(["silent"])),
        scenario("the answer to a claim is lost", json!(["lost"])),
        scenario("the line ends in a claim", json!(["hang-up"])),
        scenario("the answer to a claim is late", json!([{ "late": "7 s" }])),
        scenario("the answer to a claim has a wrong MAC", json!([{ "wrong": "mac" }])),
        scenario("the answer to a claim has a wrong trace", json!([{ "wrong": "trace" }])),
        scenario("the answer to a claim has a wrong amount", json!([{ "wrong": "amount" }])),
        scenario("the answer to a claim comes twice", json!(["twice"])),
        scenario("the answer to a claim is cut", json!([{ "cut": 40 }])),
    ]
}

/// A tap-on whose tap-off comes.
const fn on(rider: usize) -> Act {
    Act::Tap { rider, rides: 0 }
}

/// The commands that put a fare policy in force.
fn policy(rules: &[&str]) -> Vec<Act> {
    let rules = rules.iter().map(|rule| say(format!("fares {rule}")));
    [say("fares clear")].into_iter().chain(rules).chain([say("fares use")]).collect()
}

/// Fare policies, trips and debts.
fn fares() -> Vec<Scenario> {
    let line =
        ["stop 1 0", "stop 2 5000", "stop 3 9000", "step 5000 200", "step 10000 300", "trip 7200", "cap day 450"];
    vec![
        Scenario {
            name: "a fare policy comes into force, and cards reach its cap",
            before: provisioned([say("profile bus"), ride(2)]),
            acts: policy(&["cap day 250", "debts"])
                .into_iter()
                .chain([ride(0), ride(1), ride(0), ride(1), ride(0), ride(1)])
                .collect(),
            fares: &[100, 100, 100, 100, 100, 50, 50],
            least_writes: 18,
            ..Scenario::default()
        },
        Scenario {
            name: "trips with and without a tap-off",
            before: provisioned(policy(&line).into_iter().chain([say("stop 1")])),
            // The second rider never taps off. 2.50 are left of the first rider's cap for the second trip, which costs 2.00.
            acts: vec![
                on(0),
                ride(1),
                say("stop 2"),
                ride(0),
                Act::Work("upload"),
                say("end-of-service"),
                on(2),
                on(0),
                say("stop 3"),
                ride(2),
                ride(0),
            ],
            fares: &[300, 200, 200, 200],
            holds: true,
            least_writes: 20,
            ..Scenario::default()
        },
        Scenario {
            name: "a card pays what it owes",
            host: json!({ "schema": 1, "rules": [{ "when": { "trace": 1 }, "then": [{ "refuse": "51" }] }] }),
            before: provisioned(policy(&["debts"]).into_iter().chain([ride(1), ride(0)])),
            acts: vec![Act::Work("upload"), ride(1), Act::Work("upload"), ride(1)],
            least_writes: 12,
            ..Scenario::default()
        },
    ]
}
