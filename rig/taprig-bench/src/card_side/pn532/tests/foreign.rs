//! Ports at which there is no PN532.

use super::*;

async fn starts(terminal: &Terminal) -> (LinkError, Option<&'static str>) {
    let mut side = Pn532::open(&terminal.path().into(), Settings::default(), Arc::new(|_, _| {})).unwrap();
    let error = side.starts(Start::StillOn, LIMIT).await.unwrap_err();
    Box::new(side).close().await;
    let advice = error.advice();
    (error, advice)
}

/// A device that does something for each piece of what it receives.
fn device(terminal: &Arc<Terminal>, mut reacts: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) {
    let terminal = terminal.clone();
    // It ends with the test's process.
    std::thread::spawn(move || {
        loop {
            // A wake-up is longer than that, so the device hears something of each attempt.
            let heard = terminal.hear(6);
            terminal.say(&reacts(&heard));
        }
    });
}

#[test]
fn a_gps_receiver_is_told_as_such() {
    run(async {
        let terminal = Arc::new(Terminal::new());
        device(&terminal, |_| b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03*76\r\n".to_vec());
        let (error, advice) = starts(&terminal).await;
        let text = error.to_string();
        assert!(
            text.starts_with("the device at the serial port /dev/pts/") && text.contains("is not a PN532"),
            "{text}"
        );
        assert!(text.contains("lines of text, as a GPS receiver does: `$GPGGA,092750"), "{text}");
        assert!(advice.unwrap().contains("HSU"));
    });
}

#[test]
fn bytes_at_another_speed_are_told() {
    run(async {
        let terminal = Arc::new(Terminal::new());
        device(&terminal, |_| vec![0xE6, 0x98, 0x80, 0xF8]);
        let (error, _) = starts(&terminal).await;
        assert!(error.to_string().contains("bytes that are no frame of it: E6 98 80 F8"), "{error}");
    });
}

#[test]
fn a_line_that_returns_what_it_gets_is_told() {
    run(async {
        let terminal = Arc::new(Terminal::new());
        device(&terminal, <[u8]>::to_vec);
        let (error, _) = starts(&terminal).await;
        assert!(error.to_string().contains("TX and RX are connected"), "{error}");
    });
}

#[test]
fn silence_is_a_deadline() {
    run(async {
        let terminal = Terminal::new();
        let (error, _) = starts(&terminal).await;
        assert!(matches!(error, LinkError::Deadline { .. }), "{error}");
        assert!(
            error.to_string().contains("the acknowledgement of SAMConfiguration did not come from the PN532"),
            "{error}"
        );
    });
}

#[test]
fn another_chip_of_the_family_is_told() {
    run(async {
        let terminal = Arc::new(Terminal::new());
        // ACK and replies of a PN533: to SAMConfiguration, then to GetFirmwareVersion.
        let ack = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];
        let sam = [0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x16, 0x00];
        let firmware = [0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x33, 0x02, 0x07, 0x07, 0xE5, 0x00];
        let mut heard = Vec::new();
        device(&terminal, move |bytes| {
            heard.extend(bytes);
            let of = |heard: &[u8], code: [u8; 2]| heard.windows(2).any(|window| window == code);
            let reply = match () {
                () if of(&heard, [0xD4, 0x14]) => [&ack[..], &sam].concat(),
                () if of(&heard, [0xD4, 0x02]) => [&ack[..], &firmware].concat(),
                () => return vec![],
            };
            heard.clear();
            reply
        });
        let (error, _) = starts(&terminal).await;
        assert!(error.to_string().contains("it gives its firmware as 33 02 07 07"), "{error}");
    });
}
