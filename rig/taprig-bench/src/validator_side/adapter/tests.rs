//! Tests against adapter programs that play a script, in Python and in shell.

use std::sync::{Arc, Mutex};

use taprig_model::event::Word;
use taprig_model::expect::{Outcome, Sound};

use super::check::{Report, Subject};
use super::*;
use crate::link::port::Way;

const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 0xFF];

/// An adapter that does everything right, before a script changes something. `ask` answers a request, and `say` writes
/// a line.
const RIGHT: &str = r#"
import json, os, sys, time
def say(message):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    sys.stdout.flush()
CAN = ["nonce", "settings-name", "restart", "status", "journal", "clear-journal"]
SEQ = [0]
def event(kind, **more):
    SEQ[0] += 1
    say({"event": kind, "seq": SEQ[0], **more})
def ask(r):
    name = r["request"]
    if name == "hello":
        if r["protocol"] != 1:
            return {"error": {"code": "unsupported", "message": "only version 1"}}
        return {"ok": {"protocol": 1, "name": "script 1", "capabilities": CAN}}
    if name == "identity":
        return {"ok": {"device": "script", "firmware": "none"}}
    if name == "establish":
        return {"ok": {"nonce": r["nonce"]} if "nonce" in r else {}}
    if name == "apply":
        return {"ok": {"refused": {}}}
    if name in ("starts", "status", "clear-journal"):
        return {"ok": {}}
    if name == "journal":
        return {"ok": {"count": 0, "total": 0, "rows": []}}
    return {"error": {"code": "unsupported", "message": "unknown"}}
def before(r): pass
def after(r): pass
"#;

const LOOP: &str = r#"
for line in sys.stdin:
    r = json.loads(line)
    before(r)
    say({"reply": r["id"], **ask(r)})
    after(r)
"#;

fn python(script: &str) -> Vec<String> {
    ["python3", "-S", "-E", "-c", &format!("{RIGHT}\n{script}\n{LOOP}")].map(str::to_owned).into()
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).into()
}

fn setup(command: Vec<String>) -> Setup {
    let words = r#"{"messages":{"03":"approved"}}"#;
    Setup {
        program: AdapterProgram::new(command, BTreeMap::new()),
        parameters: [("port".to_owned(), "/dev/null".to_owned())].into(),
        folder: std::env::temp_dir(),
        words: serde_json::from_str(words).unwrap(),
        deadlines: Deadlines::default(),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn side(command: Vec<String>) -> AdapterValidator {
    AdapterValidator::start(setup(command), Arc::new(|_, _| ())).unwrap()
}

/// A side whose program has started.
async fn started(script: &str) -> AdapterValidator {
    let mut side = side(python(script));
    side.starts(Start::PoweredOn, Duration::from_secs(10)).await.unwrap();
    side
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Why a start with this program fails.
fn start_fails(mut setup: Setup) -> String {
    run(async {
        // Only the program that writes nothing waits for so long.
        setup.program.hello = taprig_model::units::Duration::from_ms(3000);
        let mut side = match AdapterValidator::start(setup, Arc::new(|_, _| ())) {
            Ok(side) => side,
            Err(error) => return error.to_string(),
        };
        side.starts(Start::PoweredOn, Duration::from_secs(10)).await.unwrap_err().to_string()
    })
}

#[test]
fn a_case_through_a_program() {
    run(async {
        let script = r#"
def after(r):
    if r["request"] == "establish":
        event("show", at_us=5, message="03", said={"id": "03"})
        event("sound", at_us=6, sound="accepted")
        event("result", at_us=7, outcome="approved", charged=100, reason="x")
"#;
        let mut side = started(script).await;
        assert_eq!(side.identity().await.unwrap().device, "script");
        let mut last = LastSituation::default();
        let settings: Settings = serde_json::from_str(r#"{"fare":"1.00 CNY"}"#).unwrap();
        let situation = Situation { settings, keys: vec![] };
        let done = side.establish(&situation, &mut last, NONCE).await.unwrap();
        assert_eq!(done.by, Freshness::Nonce);
        assert_eq!(done.settings.unwrap().len(), 16);
        assert_eq!(last.situation(), Some(&situation));
        let (show, said) = side.signal(soon()).await.unwrap().unwrap();
        assert_eq!(show, Signal::Show { message: Word::Known("approved".into()) });
        assert_eq!((said.get("id"), side.board_us()), (Some("03"), Some(5)));
        let (sound, said) = side.signal(soon()).await.unwrap().unwrap();
        assert_eq!(sound, Signal::Sound { sound: Word::Known(Sound::Accepted) });
        assert_eq!((said.get("sound"), side.board_us()), (Some("accepted"), Some(6)));
        let (result, _) = side.signal(soon()).await.unwrap().unwrap();
        let Signal::Result { outcome, charged, .. } = result else { panic!("{result:?}") };
        assert_eq!((outcome, charged), (Some(Word::Known(Outcome::Approved)), Some(100)));
        assert_eq!(side.status().await.unwrap().0, Status::default());
        assert_eq!(side.journal(1).await.unwrap(), JournalPage::default());
        assert_eq!(side.clear_journal().await.unwrap(), None);
        Box::new(side).close().await;
    });
}

#[test]
fn events_may_come_between_a_request_and_its_answer() {
    run(async {
        let mut side = started("def before(r):\n    if r['request'] == 'identity': event('ready')").await;
        side.identity().await.unwrap();
        side.identity().await.unwrap();
        assert_eq!(side.signal(soon()).await.unwrap().unwrap().0, Signal::Ready {});
        assert_eq!(side.signal(soon()).await.unwrap().unwrap().0, Signal::Ready {});
        assert_eq!(side.signal(Instant::now()).await.unwrap(), None);
    });
}

#[test]
fn a_program_that_does_not_greet_says_why() {
    let version = "def ask(r): return {'ok': {'protocol': 2, 'name': 'x', 'capabilities': []}}";
    let capability = "CAN.append('flight')";
    for (command, why) in [
        (vec!["/nowhere/adapter".to_owned()], "the adapter `/nowhere/adapter` can't be started: No such file"),
        (vec![], "can't be started: no command is given"),
        (shell("echo hello; cat"), "wrote `hello`: it is no JSON"),
        (shell("head -c 300 /dev/urandom | tr '\\n' x; echo; cat"), "it is no JSON"),
        (shell("exec sleep 100"), "did not answer `hello` within 3000 ms"),
        (shell("echo no such port >&2; exit 4"), "ended with exit status: 4; it wrote `no such port`"),
        (shell("kill -9 $$"), "ended with signal: 9 (SIGKILL)"),
        // The part that is left holds the standard output, so no end of file tells that the program has gone.
        (shell("sleep 100 & exit 0"), "ended with exit status: 0"),
        (shell("head -c 104857600 /dev/zero; cat"), "wrote a line of more than 1048576 bytes"),
        (shell("echo '{\"reply\":7,\"ok\":{}}'; cat"), "answered request 7 out of turn: request 1 was open"),
        (python(version), "speaks version 2 of the protocol, but this rig speaks version 1"),
        (python(capability), "answered `hello` wrongly: unknown variant `flight`"),
        (python("def ask(r): return {'ok': {'protocol': 1}}"), "answered `hello` wrongly: missing field `name`"),
    ] {
        let seen = start_fails(setup(command));
        assert!(seen.contains(why), "{why} is not in: {seen}");
    }
}

/// Why the wait for a signal fails after this script.
fn signal_fails(script: &str) -> String {
    run(async {
        let mut side = started(script).await;
        loop {
            match side.signal(soon()).await {
                Ok(Some(_)) => {}
                Ok(None) => return "no error".into(),
                Err(error) => return error.to_string(),
            }
        }
    })
}

#[test]
fn a_program_that_breaks_down_after_its_start_is_the_rigs_error() {
    let on_start = |what: &str| format!("def after(r):\n    if r['request'] == 'starts':\n        {what}");
    for (what, why) in [
        ("event('ready'); SEQ[0] += 1; event('ready')", "wrote event 3 where event 2 has to follow"),
        ("event('ready'); SEQ[0] -= 1; event('ready')", "wrote event 1 where event 2 has to follow"),
        ("event('ready', at_us=9); event('ready', at_us=8)", "event 2 with the time 8 us, which is before"),
        ("say({'reply': r['id'], 'ok': {}})", "answered request 2 out of turn: no request was open"),
        ("say('Traceback')", "wrote `Traceback`: it is no JSON"),
        ("event('show', text='hi')", "unknown field `text`"),
        ("event('ready'); sys.stderr.write('gone\\n'); os._exit(3)", "ended with exit status: 3; it wrote `gone`"),
        (
            "say('{\"event\":\"other\",\"seq\":1,\"name\":\"' + 'x' * 1048576 + '\"}')",
            "a line of more than 1048576 bytes",
        ),
    ] {
        let seen = signal_fails(&on_start(what));
        assert!(seen.contains(why), "{why} is not in: {seen}");
    }
}

#[test]
fn a_flood_of_events_ends_a_wait() {
    run(async {
        let script = "def after(r):\n    while r['request'] == 'starts': event('other', name='x' * 100000)";
        let error = started(script).await.idle(Instant::now() + Duration::from_secs(60)).await.unwrap_err();
        assert!(error.to_string().contains("reported more than 16777216 bytes of events by itself"), "{error}");
    });
}

#[test]
fn what_was_found_outside_a_wait_is_told_at_the_next_one() {
    run(async {
        let mut side = started("def after(r):\n    if r['request'] == 'identity': say('rubbish')").await;
        side.identity().await.unwrap();
        // The line comes at some time after the answer, and only a wait would notice it.
        while side.talk.broken.is_none() {
            tokio::task::yield_now().await;
            side.hear_out();
        }
        assert!(side.status().await.unwrap_err().to_string().contains("wrote `rubbish`"));
    });
}

#[test]
fn the_three_errors_have_three_meanings() {
    let answer = |code: &str| {
        format!(
            "was = ask\ndef ask(r):\n    if r['request'] in ('establish', 'clear-journal', 'identity'):\n        \
             return {{'error': {{'code': '{code}', 'message': 'why'}}}}\n    return was(r)"
        )
    };
    run(async {
        let mut side = started(&answer("refused")).await;
        assert_eq!(side.clear_journal().await.unwrap(), Some("why".into()));
        let mut last = LastSituation::default();
        let error = side.establish(&Situation::default(), &mut last, NONCE).await.unwrap_err();
        assert_eq!(error.to_string(), "the adapter refused `establish`: why");
        let error = started(&answer("device-gone")).await.identity().await.unwrap_err();
        assert!(matches!(error, LinkError::DeviceGone { .. }), "{error}");
        assert!(error.to_string().ends_with("has lost its device: why"), "{error}");
        let error = started(&answer("unsupported")).await.identity().await.unwrap_err();
        assert!(error.to_string().ends_with("does not support `identity`, but has to: why"), "{error}");
    });
}

#[test]
fn a_setting_is_refused_and_none_besides() {
    let answer = |refused: &str| {
        format!(
            "was = ask\ndef ask(r):\n    return {{'ok': {{'refused': {refused}}}}} if r['request'] == 'apply' else was(r)"
        )
    };
    let settings: Settings = serde_json::from_str(r#"{"fare":"1.00 CNY","bus":"7"}"#).unwrap();
    run(async {
        let applied = started(&answer("{'fare': 'too low'}")).await.apply(&settings, &[]).await.unwrap();
        let fare = Applied { what: "fare 1.00 CNY".into(), refused: Some("too low".into()) };
        assert_eq!(applied, [Applied { what: "bus 7".into(), refused: None }, fare]);
        let error = started(&answer("{'line': 'x'}")).await.apply(&settings, &[]).await.unwrap_err();
        assert!(error.to_string().contains("refused the setting `line`, which it was not told to change"), "{error}");
    });
}

#[test]
fn answers_are_proven_to_be_new_or_the_case_is_an_error() {
    let establish = |script: &'static str, how| {
        run(async move {
            let mut side = side(python(script));
            side.starts(how, Duration::from_secs(10)).await.unwrap();
            let done = side.establish(&Situation::default(), &mut LastSituation::default(), NONCE).await;
            done.map(|done| done.by).map_err(|error| error.to_string())
        })
    };
    assert_eq!(establish("CAN.remove('nonce')", Start::PoweredOn), Ok(Freshness::PowerOn));
    assert_eq!(establish("CAN.remove('nonce')", Start::StillOn), Ok(Freshness::Restart));
    assert_eq!(establish("CAN.remove('restart')", Start::StillOn), Ok(Freshness::Nonce));
    let unproven = establish("CAN.clear()", Start::StillOn).unwrap_err();
    assert!(unproven.contains("nothing proves that its answers are not old"), "{unproven}");
    let old = "was = ask\ndef ask(r): return {'ok': {'nonce': '00'}} if r['request'] == 'establish' else was(r)";
    assert!(establish(old, Start::PoweredOn).unwrap_err().contains("returned `00` instead of this case's nonce"));
}

#[test]
fn the_settings_that_the_device_had_before_are_told_with_their_name() {
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let sink = seen.clone();
    let tap: ByteSink = Arc::new(move |way, bytes: &[u8]| {
        if way == Way::Out {
            sink.lock().unwrap().extend(bytes);
        }
    });
    run(async {
        let mut side = AdapterValidator::start(setup(python("")), tap).unwrap();
        side.starts(Start::PoweredOn, Duration::from_secs(10)).await.unwrap();
        let mut last = LastSituation::default();
        for deny in [r#"{"deny-list":["6226091234567893"]}"#, r#"{"deny-list":[],"clock":"2018-05-21T08:00:00"}"#] {
            let settings = serde_json::from_str(deny).unwrap();
            side.establish(&Situation { settings, keys: vec![] }, &mut last, NONCE).await.unwrap();
        }
    });
    let text = String::from_utf8(seen.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [.., first, second] = lines.as_slice() else { panic!("{text}") };
    assert!(first.get("last").is_none());
    assert_eq!(second["last"]["name"], first["name"]);
    assert_ne!(second["name"], first["name"]);
    // What passes is recorded, and an account number in it is masked.
    assert_eq!(first["settings"]["deny-list"][0], "622609xxxxxx7893");
}

#[test]
fn standard_error_goes_to_the_listener_and_the_group_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let alive = folder.path().join("alive");
    let script =
        format!("print('debug 1', file=sys.stderr, flush=True)\nos.system('(sleep 2; touch {}) &')", alive.display());
    let (send, heard) = std::sync::mpsc::channel();
    run(async {
        let mut side = started(&script).await;
        side.noise_to(Box::new(move |line| drop(send.send(line.to_owned()))));
        Box::new(side).close().await;
    });
    assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap(), "debug 1");
    std::thread::sleep(Duration::from_millis(2300));
    assert!(!alive.exists(), "what the program has started outlived it");
}

fn checked(script: &str) -> Report {
    let subject = Subject {
        program: AdapterProgram::new(python(script), BTreeMap::new()),
        folder: std::env::temp_dir(),
        settings: serde_json::from_str(r#"{"fare":"1.00 CNY"}"#).unwrap(),
        keys: vec![],
        deadlines: Deadlines::default(),
    };
    run(check::check(&subject)).unwrap()
}

#[test]
fn the_check_finds_nothing_wrong_with_a_right_program() {
    let report = checked("");
    assert_eq!(report.wrong, Vec::<String>::new());
    assert_eq!((report.lacks.len(), report.failed.len()), (0, 0), "{report:?}");
    let report = checked(
        "CAN[:] = ['restart']\nwas = ask\ndef ask(r):\n    if r['request'] in ('status', 'journal', 'clear-journal'): return {'error': {'code': 'unsupported', 'message': ''}}\n    return was(r)",
    );
    assert_eq!(report.wrong, Vec::<String>::new());
    assert_eq!(report.lacks.len(), 5, "{report:?}");
}

#[test]
fn the_check_finds_each_fault() {
    let on = |name: &str, answer: &str| {
        format!("was = ask\ndef ask(r): return {answer} if r['request'] == '{name}' else was(r)")
    };
    for (script, wrong) in [
        (
            on("hello", "{'ok': {'protocol': r['protocol'], 'name': 'x', 'capabilities': []}}"),
            "`hello` with version 2: ",
        ),
        (on("make-tea", "{'ok': {}}"), "it must answer an unknown request with the error `unsupported`"),
        (
            on("identity", "{'error': {'code': 'unsupported', 'message': 'no'}}"),
            "every program has to support `identity`",
        ),
        (on("establish", "{'ok': {}}"), "it has the capability `nonce`, but returned nothing"),
        (on("apply", "{'ok': {'refused': {'line': 'x'}}}"), "it refused the setting `line`"),
        (on("status", "{'ok': {'settings': 'other'}}"), "`status` gives the settings the name other"),
        (
            on("journal", "{'ok': {'count': 1, 'total': 0, 'rows': []}}"),
            "the journal was emptied, but it holds 1 records",
        ),
        (on("journal", "{'ok': {'count': 1}}"), "answered `journal` wrongly: missing field `total`"),
        (
            "CAN.remove('status')".into(),
            "it lacks the capability `status`, so it must answer `status` with `unsupported`",
        ),
        (
            "def after(r): event('ready'); event('ready'); SEQ[0] += 1".into(),
            "wrote event 4 where event 3 has to follow",
        ),
        ("def after(r):\n    if r['request'] == 'make-tea': say('boo')".into(), "wrote `boo`: it is no JSON"),
        ("import atexit\natexit.register(lambda: os._exit(5))".into(), "but it ended with exit status: 5"),
        ("import atexit\natexit.register(lambda: time.sleep(30))".into(), "it must end within 1 s"),
    ] {
        let report = checked(&script);
        assert!(report.wrong.iter().any(|line| line.contains(wrong)), "{wrong} is not in {report:?}");
    }
}
