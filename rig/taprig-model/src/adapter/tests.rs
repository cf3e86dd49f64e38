//! Tests of the protocol's messages.

use super::*;
use proptest::prelude::*;

fn event(line: &str) -> Result<Event, String> {
    match Message::parse(line.as_bytes()) {
        Ok(Message::Event(event)) => Ok(event),
        Ok(Message::Reply(reply)) => panic!("{reply:?}"),
        Err(why) => Err(why.to_string()),
    }
}

#[test]
fn an_event_has_a_number_and_perhaps_the_time_of_the_device() {
    let show = Reported::Show { message: "03".into() };
    let seen = event(r#"{"event":"show","seq":7,"at_us":1200,"message":"03","said":{"text":"approved"}}"#).unwrap();
    let said = [("text".to_owned(), "approved".to_owned())].into();
    assert_eq!(seen, Event { seq: 7, at_us: Some(1200), said, told: show.clone() });
    let seen = event(r#"{"event":"show","seq":7,"message":"03"}"#).unwrap();
    assert_eq!(seen, Event { seq: 7, at_us: None, said: Said::new(), told: show });
}

#[test]
fn what_is_no_message_says_why() {
    for (line, why) in [
        ("hello", "it is no JSON ("),
        ("", "it is no JSON ("),
        ("[1]", "it is no JSON object"),
        ("{}", "it has neither the key `event` nor the key `reply`"),
        (r#"{"event":"show","message":"03"}"#, "missing field `seq`"),
        (r#"{"event":"show","seq":1,"mesage":"03"}"#, "unknown field `mesage`"),
        (r#"{"event":"show","seq":-1,"message":"03"}"#, "`seq`: invalid value"),
        (r#"{"event":"shows","seq":1}"#, "unknown variant `shows`"),
        (r#"{"event":"result","seq":1,"charged":"1.00"}"#, "invalid type: string"),
    ] {
        let seen = event(line).unwrap_err();
        assert!(seen.contains(why), "{line}: {seen}");
    }
    for (line, why) in [
        (r#"{"reply":1}"#, "a reply needs either `ok` or `error`"),
        (r#"{"reply":1,"ok":{},"error":{"code":"refused","message":""}}"#, "a reply needs either `ok` or `error`"),
        (r#"{"reply":1,"error":{"code":"broken","message":""}}"#, "unknown variant `broken`"),
        (r#"{"reply":1,"ok":{},"seq":2}"#, "unknown key `seq`"),
    ] {
        let seen = Message::parse(line.as_bytes()).unwrap_err().to_string();
        assert!(seen.contains(why), "{line}: {seen}");
    }
}

#[test]
fn an_answer_has_the_type_of_its_request() {
    let reply = |line: &str| match Message::parse(line.as_bytes()) {
        Ok(Message::Reply(reply)) => reply,
        other => panic!("{other:?}"),
    };
    let greeting = reply(r#"{"reply":1,"ok":{"protocol":1,"name":"x 1","capabilities":["nonce"]}}"#);
    let greeting = greeting.answer::<Greeting>().unwrap().unwrap();
    assert_eq!(greeting.capabilities, [Capability::Nonce].into());
    let refused = reply(r#"{"reply":1,"error":{"code":"device-gone","message":"unplugged"}}"#);
    assert_eq!(refused.answer::<Done>().unwrap().unwrap_err().code, Code::DeviceGone);
    assert!(reply(r#"{"reply":1,"ok":{"count":1}}"#).answer::<Done>().is_err());
    assert!(reply(r#"{"reply":1,"ok":null}"#).answer::<Done>().is_err());
}

#[test]
fn a_request_is_one_flat_object() {
    let settings: Settings = serde_json::from_str(r#"{"fare":"2.00 CNY","keys":["k"]}"#).unwrap();
    let hex = |text: &str| text.parse::<Hex>().unwrap();
    let rsa = PublicKey::Rsa { exponent: hex("03"), modulus: hex("C0FFEE") };
    let key = AuthorityKey { rid: hex("A000000333"), index: hex("0B"), key: rsa };
    let state = State::new(&settings, &[key]);
    let ask = Ask::Establish(Box::new(Establish { state, nonce: Some("01".into()), name: None, last: None }));
    let line = serde_json::to_string(&Request { id: 3, ask }).unwrap();
    let key = r#"{"rid":"A000000333","index":"0B","exponent":"03","modulus":"C0FFEE"}"#;
    let wanted =
        format!(r#"{{"id":3,"request":"establish","settings":{{"fare":"2.00 CNY"}},"keys":[{key}],"nonce":"01"}}"#);
    assert_eq!(line, wanted);
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Request>(&line).unwrap()).unwrap(), line);
}

/// A validator of JSON Schema found that the schema wanted `said` in every event.
#[test]
fn the_schema_wants_no_more_than_the_reader() {
    let schema = schemars::schema_for!(Line).to_value();
    assert_eq!(schema["$defs"]["Event"]["required"], serde_json::json!(["seq"]));
    assert_eq!(schema["$defs"]["Reply"]["required"], serde_json::json!(["reply"]));
}

fn reported() -> impl Strategy<Value = Reported> {
    let word = || ".{0,8}".prop_map(String::from);
    let option = || prop::option::of(word());
    prop_oneof![
        Just(Reported::Started {}),
        Just(Reported::Ready {}),
        word().prop_map(|message| Reported::Show { message }),
        word().prop_map(|sound| Reported::Sound { sound }),
        word().prop_map(|gate| Reported::Gate { gate }),
        (option(), option(), any::<Option<u64>>(), option())
            .prop_map(|(outcome, reason, charged, cvm)| Reported::Result { outcome, reason, charged, cvm }),
        word().prop_map(|what| Reported::Fault { what }),
        word().prop_map(|name| Reported::Other { name }),
    ]
}

proptest! {
    #[test]
    fn every_event_is_read_as_it_is_written(
        seq in any::<u64>(),
        at_us in any::<Option<u64>>(),
        said in prop::collection::btree_map(".{0,6}", ".{0,6}", 0..3),
        told in reported(),
    ) {
        let event = Event { seq, at_us, said, told };
        let line = serde_json::to_vec(&event).unwrap();
        prop_assert_eq!(Message::parse(&line).unwrap(), Message::Event(event));
    }

    #[test]
    fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&line);
    }

    #[test]
    fn no_object_panics(line in r#"\{("(event|reply|seq|ok|error|said|at_us)":("show"|1|-1|null|\{\}|\[\]|1e99),?){0,5}\}"#) {
        let _ = Message::parse(line.as_bytes());
    }
}
