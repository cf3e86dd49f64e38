//! Switches with an HTTP interface.

use std::time::Duration;

use taprig_model::bench::{HttpRequest, HttpState, HttpSwitch, ShellySwitch, TasmotaSwitch};
use taprig_model::event::PowerSwitch;

use super::{Actuator, Attempt, Failure, Tell, WITHIN, on_a_thread};

/// The longest answer that is read, in bytes. Such switches answer with a line.
const LONGEST: u64 = 64 * 1024;

/// How much of an answer goes into a message.
const SHOWN: usize = 200;

/// A switch with an HTTP interface.
#[derive(Debug)]
pub(super) struct Http {
    on: HttpRequest,
    off: HttpRequest,
    state: Option<HttpState>,
    within: Duration,
}

impl Http {
    #[must_use]
    pub(super) fn new(config: &HttpSwitch) -> Self {
        Self {
            on: config.on.clone(),
            off: config.off.clone(),
            state: config.state.clone(),
            within: config.within.map_or(WITHIN, Duration::from),
        }
    }
}

/// The interface of Shelly devices: RPC from the second generation on, and before that one path for each relay.
pub(super) fn shelly(config: &ShellySwitch) -> Http {
    let ShellySwitch { address, output, generation, within, .. } = config;
    let request = |url: String, body: Option<String>| HttpRequest { url, body };
    let within = within.map_or(WITHIN, Duration::from);
    if *generation == 1 {
        let relay = |query: &str| request(format!("http://{address}/relay/{output}{query}"), None);
        let (on, off) = ("\"ison\":true".into(), "\"ison\":false".into());
        let state = Some(HttpState { request: relay(""), on, off });
        return Http { on: relay("?turn=on"), off: relay("?turn=off"), state, within };
    }
    let call = |method: &str, params: String| {
        let body = format!("{{\"id\":1,\"method\":\"{method}\",\"params\":{{{params}}}}}");
        request(format!("http://{address}/rpc"), Some(body))
    };
    let set = |on: bool| call("Switch.Set", format!("\"id\":{output},\"on\":{on}"));
    let state = HttpState {
        request: call("Switch.GetStatus", format!("\"id\":{output}")),
        on: "\"output\":true".into(),
        off: "\"output\":false".into(),
    };
    Http { on: set(true), off: set(false), state: Some(state), within }
}

/// The interface of the firmware Tasmota.
pub(super) fn tasmota(config: &TasmotaSwitch) -> Http {
    let TasmotaSwitch { address, output, within, .. } = config;
    let name = output.map_or_else(|| "Power".to_owned(), |output| format!("Power{output}"));
    let command =
        |argument: &str| HttpRequest { url: format!("http://{address}/cm?cmnd={name}{argument}"), body: None };
    let answer = |state: &str| format!("\"{}\":\"{state}\"", name.to_uppercase());
    let state = HttpState { request: command(""), on: answer("ON"), off: answer("OFF") };
    let within = within.map_or(WITHIN, Duration::from);
    Http { on: command("%20On"), off: command("%20Off"), state: Some(state), within }
}

impl Actuator for Http {
    fn kind(&self) -> PowerSwitch {
        PowerSwitch::Http
    }

    fn name(&self, on: bool) -> String {
        if on { &self.on } else { &self.off }.url.clone()
    }

    fn advice(&self, away: bool) -> &'static str {
        if away {
            "check that the power switch is on the network, and try the address in a browser"
        } else {
            "try the address in a browser; check the relay of the switch, and what the bench file says about its answers"
        }
    }

    fn address(&self) -> Option<String> {
        let (_, rest) = self.on.url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A name and a password are nobody's business.
        let host = host.rsplit('@').next().unwrap_or_default();
        Some(host.to_owned())
    }

    fn tells(&self) -> bool {
        self.state.is_some()
    }

    fn start(&self, on: bool, tell: Tell) -> Result<Attempt, String> {
        let request = if on { &self.on } else { &self.off }.clone();
        let (state, within) = (self.state.clone(), self.within);
        let act = move || -> Result<(), Failure> {
            ask(&request, within)?;
            let Some(state) = state else { return Ok(()) };
            let answer = ask(&state.request, within)?;
            let wanted = if on { &state.on } else { &state.off };
            if without_space(&answer).contains(&without_space(wanted)) {
                return Ok(());
            }
            let shown: String = answer.chars().take(SHOWN).collect();
            Err(format!("it accepted the request, but then its state is `{}` and not `{wanted}`", shown.trim()).into())
        };
        Ok(on_a_thread(act, tell))
    }
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The body of the answer, if its status is 2xx.
fn ask(request: &HttpRequest, within: Duration) -> Result<String, Failure> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(within)).build().into();
    let answer = match &request.body {
        None => agent.get(&request.url).call(),
        Some(body) => agent.post(&request.url).header("Content-Type", "application/json").send(body),
    };
    let answer = answer.and_then(|mut answer| answer.body_mut().with_config().limit(LONGEST).read_to_string());
    answer.map_err(|error| Failure { why: error.to_string(), away: is_away(&error) })
}

/// Whether nothing answered. An answer that is none of HTTP comes from something that is there.
const fn is_away(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed
    )
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use taprig_model::event::Role;

    use super::super::Turn;
    use super::super::tests::{both, turn};

    /// A switch on this host. `answer` gets method and target with the body behind it, and returns status and body.
    fn server(mut answer: impl FnMut(&str) -> (u16, String) + Send + 'static) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let (mut line, mut length) = (String::new(), 0);
                reader.read_line(&mut line).unwrap();
                loop {
                    let mut header = String::new();
                    reader.read_line(&mut header).unwrap();
                    if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if header.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let request = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
                let request = format!("{request} {}", String::from_utf8(body).unwrap()).trim().to_owned();
                let (status, body) = answer(&request);
                let head =
                    format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                (&stream).write_all((head + &body).as_bytes()).unwrap();
                let _ = tell.send(request);
            }
        });
        (address, told)
    }

    fn once(turn: &Turn) -> Result<(), String> {
        turn.run_at_once().map_err(|error| error.to_string())
    }

    #[test]
    fn a_shelly_of_the_second_generation_is_switched_and_asked() {
        let mut is_on = true;
        let (address, told) = server(move |request| {
            if request.contains("Switch.Set") {
                is_on = request.contains("\"on\":true");
            }
            (200, format!("{{\"id\":1, \"result\": {{ \"output\": {is_on} }} }}"))
        });
        let yaml = format!("shelly: {{ address: '{address}', output: 3, off-for: 1 ms }}");
        assert_eq!(both(&turn(&yaml, false)), [Ok(()), Ok(())]);
        assert_eq!(once(&turn(&yaml, true)), Ok(()));
        let set = r#"POST /rpc {"id":1,"method":"Switch.Set","params":{"id":3,"on":false}}"#;
        let get = r#"POST /rpc {"id":1,"method":"Switch.GetStatus","params":{"id":3}}"#;
        assert_eq!(told.iter().take(4).collect::<Vec<_>>(), [set, get, set, get]);
    }

    #[test]
    fn a_switch_that_says_on_and_is_off_is_told() {
        let (address, _told) = server(|_| (200, r#"{"POWER":"OFF"}"#.into()));
        let failed = once(&turn(&format!("tasmota: {{ address: '{address}', off-for: 1 ms }}"), true)).unwrap_err();
        let wanted = r#"it accepted the request, but then its state is `{"POWER":"OFF"}` and not `"POWER":"ON"`"#;
        assert!(failed.ends_with(wanted), "{failed}");
    }

    #[test]
    fn requests_of_tasmota_and_of_the_first_shelly() {
        let (address, told) = server(|_| (200, r#"{"POWER2":"OFF", "ison": false}"#.into()));
        for yaml in [
            format!("tasmota: {{ address: '{address}', output: 2, off-for: 1 ms }}"),
            format!("shelly: {{ address: '{address}', generation: 1, off-for: 1 ms }}"),
        ] {
            assert_eq!(once(&turn(&yaml, false)), Ok(()));
        }
        let wanted = ["GET /cm?cmnd=Power2%20Off", "GET /cm?cmnd=Power2", "GET /relay/0?turn=off", "GET /relay/0"];
        assert_eq!(told.iter().take(4).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_template_without_state_rests_on_the_status_of_the_answer() {
        let (address, _told) = server(|request| (if request.ends_with("/on") { 200 } else { 403 }, String::new()));
        let yaml = format!(
            "http: {{ on: {{ url: 'http://{address}/on' }}, off: {{ url: 'http://{address}/off' }}, off-for: 1 ms }}"
        );
        assert_eq!(both(&turn(&yaml, true)), [Ok(()), Ok(())]);
        assert!(once(&turn(&yaml, false)).unwrap_err().contains("403"));
    }

    /// A switch that is not there may come back. One that answers is there, whatever it says.
    #[test]
    fn a_switch_that_is_away_is_told_apart_from_one_that_fails() {
        let away = |yaml: &str| match turn(yaml, false).run_at_once().unwrap_err() {
            crate::BenchError::Power { away, advice, .. } => (away, advice.contains("is on the network")),
            other => panic!("{other}"),
        };
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        for address in [gone, silent.local_addr().unwrap()] {
            let yaml = format!("tasmota: {{ address: '{address}', off-for: 1 ms, within: 300 ms }}");
            assert_eq!(away(&yaml), (Some((Role::Validator, address.to_string())), true));
        }
        let url = format!("http://ann:secret@{gone}/off");
        let yaml = format!("http: {{ on: {{ url: '{url}' }}, off: {{ url: '{url}' }}, off-for: 1 ms }}");
        assert_eq!(away(&yaml).0, Some((Role::Validator, gone.to_string())));
        for (status, body) in [(200, r#"{"POWER":"ON"}"#), (500, "broken"), (404, "")] {
            let (address, _told) = server(move |_| (status, body.into()));
            let yaml = format!("tasmota: {{ address: '{address}', off-for: 1 ms }}");
            assert_eq!(away(&yaml), (None, false), "{status} {body}");
        }
    }

    #[test]
    fn nobody_at_the_address_and_nobody_who_answers() {
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        for (address, wanted) in [(refused, "refused"), (silent.local_addr().unwrap(), "300 ms")] {
            let yaml = format!("tasmota: {{ address: '{address}', off-for: 1 ms, within: 300 ms }}");
            let failed = once(&turn(&yaml, false)).unwrap_err();
            assert!(failed.to_lowercase().contains(wanted) || failed.contains("timeout"), "{failed}");
        }
    }
}
