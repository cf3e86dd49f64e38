//! Tests of the virtual reader's adapter. A thread plays vpcd over loopback.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use taprig_model::step::Fault;
use taprig_model::units::Duration as Span;

use super::*;

/// The reader's end of a connection.
struct Vpcd(TcpStream);

impl Vpcd {
    /// Sends length and payload apart, as vpcd does.
    fn say(&mut self, payload: &[u8]) {
        self.0.write_all(&u16::try_from(payload.len()).unwrap().to_be_bytes()).unwrap();
        self.0.write_all(payload).unwrap();
    }

    fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.say(payload);
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }

    /// Waits until the card is gone.
    fn card_is_gone(&mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

/// Runs `work` on a side whose reader does `script` with each card in turn.
fn play<T, R: Send + 'static>(
    mut script: impl FnMut(Vpcd) -> R + Send + 'static,
    cards: usize,
    work: impl AsyncFnOnce(&mut VirtualReader) -> T,
) -> (T, Vec<R>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let vpcd: JoinHandle<Vec<R>> =
        std::thread::spawn(move || (0..cards).map(|_| script(Vpcd(listener.accept().unwrap().0))).collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let mut side = VirtualReader::new(&address, Arc::new(|_, _| ()));
        work(&mut side).await
    });
    (done, vpcd.join().unwrap())
}

fn card() -> Activation {
    Activation {
        uid: vec![4, 1, 2, 3],
        atqa: [4, 0],
        sak: 0x20,
        ats: vec![6, 0x75, 0x77, 0x81, 2, 0x80],
        delay: Span { us: 0 },
        chain: 0,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Answers every command with its own bytes, and collects the notes until the card is removed or `count` have come.
async fn notes(side: &mut VirtualReader, count: usize) -> Vec<What> {
    let mut all = Vec::new();
    while all.len() < count {
        let note = side.note(soon()).await.unwrap().unwrap();
        assert_eq!(note.board_us, None);
        if let What::Command { number, command } = &note.what {
            side.answer(*number, answer(command)).await.unwrap();
        }
        all.push(note.what);
    }
    all
}

fn answer(response: &[u8]) -> Answer {
    Answer { response: response.to_vec(), delay: Span { us: 0 }, fault: None }
}

#[test]
fn a_card_is_read_and_taken_away() {
    let script = |mut vpcd: Vpcd| {
        let atr = vpcd.ask(&[4]);
        vpcd.say(&[1]);
        let answers = [vpcd.ask(&[0, 0xA4, 4, 0]), vpcd.ask(&[0x80, 0xA8, 0, 0])];
        vpcd.say(&[0]);
        assert_eq!(vpcd.ask(&[4]), atr, "a card without power is still there");
        vpcd.card_is_gone();
        (atr, answers)
    };
    let (seen, read) = play(script, 1, async |side| {
        side.configure(&card(), None, false).await.unwrap();
        side.present().await.unwrap();
        let mut seen = notes(side, 6).await;
        // The reader asks for the ATR once more.
        side.idle(Instant::now() + Duration::from_millis(200)).await.unwrap();
        side.remove().await.unwrap();
        side.remove().await.unwrap();
        seen.extend(notes(side, 1).await);
        assert_eq!(side.note(Instant::now()).await.unwrap(), None);
        seen
    });
    let atr = vec![0x3B, 0x81, 0x80, 0x01, 0x80, 0x80];
    assert_eq!(read, [(atr, [vec![0, 0xA4, 4, 0], vec![0x80, 0xA8, 0, 0]])]);
    let wanted = [
        What::Field { on: true },
        What::Activated { fsd: None },
        What::Command { number: 1, command: vec![0, 0xA4, 4, 0] },
        What::Command { number: 2, command: vec![0x80, 0xA8, 0, 0] },
        What::Released(Release::FieldOff),
        What::Field { on: false },
        What::Removed(Traffic::default()),
    ];
    assert_eq!(seen, wanted);
}

/// A reset of a card with power, and power for a card that has it: in both cases the card begins anew.
#[test]
fn a_card_with_power_begins_anew() {
    for order in [1, 2] {
        let script = move |mut vpcd: Vpcd| {
            vpcd.say(&[1]);
            vpcd.say(&[order]);
            vpcd.card_is_gone();
        };
        let (seen, _) = play(script, 1, async |side| {
            side.configure(&card(), None, false).await.unwrap();
            side.present().await.unwrap();
            notes(side, 6).await
        });
        let on = [What::Field { on: true }, What::Activated { fsd: None }];
        let off = [What::Released(Release::FieldOff), What::Field { on: false }];
        assert_eq!(seen, [&on[..], &off, &on].concat());
    }
}

#[test]
fn a_card_is_presented_again() {
    let script = |mut vpcd: Vpcd| {
        let atr = vpcd.ask(&[4]);
        vpcd.card_is_gone();
        atr
    };
    let ((), read) = play(script, 2, async |side| {
        for ats in [vec![1], vec![3, 0, 9]] {
            side.configure(&Activation { ats, ..card() }, None, false).await.unwrap();
            side.present().await.unwrap();
            side.idle(Instant::now() + Duration::from_millis(200)).await.unwrap();
            side.remove().await.unwrap();
            assert_eq!(notes(side, 1).await, [What::Removed(Traffic::default())]);
        }
    });
    assert_eq!(read, [vec![0x3B, 0x80, 0x80, 1, 1], vec![0x3B, 0x81, 0x80, 1, 9, 9]]);
}

/// A run waits for two sides at once and drops the wait that loses.
#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let script = |mut vpcd: Vpcd| {
        vpcd.say(&[1]);
        (0..50).map(|number| vpcd.ask(&[0, 0xB2, number, 4])).filter(|answer| answer.len() == 4).count()
    };
    let (commands, answered) = play(script, 1, async |side| {
        side.configure(&card(), None, false).await.unwrap();
        side.present().await.unwrap();
        let mut commands = 0;
        while commands < 50 {
            let note = tokio::select! {
                biased;
                () = tokio::task::yield_now() => continue,
                note = side.note(soon()) => note.unwrap().unwrap(),
            };
            if let What::Command { number, command } = note.what {
                commands += 1;
                side.answer(number, answer(&command)).await.unwrap();
            }
        }
        commands
    });
    assert_eq!((commands, answered), (50, vec![50]));
}

#[test]
fn all_that_has_come_is_reported_before_it_has_caught_up() {
    let (send, sent) = std::sync::mpsc::channel();
    let script = move |mut vpcd: Vpcd| {
        vpcd.say(&[1]);
        vpcd.say(&[0, 0xA4, 4, 0]);
        send.send(()).unwrap();
        vpcd.card_is_gone();
    };
    let (seen, _) = play(script, 1, async |side| {
        side.configure(&card(), None, false).await.unwrap();
        side.present().await.unwrap();
        assert_eq!(notes(side, 1).await, [What::Field { on: true }]);
        // This blocks the runtime, so it has not looked at its sockets when the command has come.
        sent.recv().unwrap();
        side.catch_up().await.unwrap();
        let mut seen = Vec::new();
        while seen.last() != Some(&What::CaughtUp) {
            seen.push(side.note(soon()).await.unwrap().unwrap().what);
        }
        seen
    });
    let command = What::Command { number: 1, command: vec![0, 0xA4, 4, 0] };
    assert_eq!(seen, [What::Activated { fsd: None }, command, What::CaughtUp]);
}

#[test]
fn an_answer_that_comes_too_late_goes_nowhere() {
    let script = |mut vpcd: Vpcd| {
        vpcd.say(&[1]);
        vpcd.say(&[0, 0xA4, 4, 0]);
        vpcd.say(&[2]);
        vpcd.ask(&[0, 0xB2, 1, 4])
    };
    let (trouble, answers) = play(script, 1, async |side| {
        side.configure(&card(), None, false).await.unwrap();
        side.present().await.unwrap();
        let (mut numbers, mut trouble) = (Vec::new(), None);
        while numbers.len() < 2 {
            match side.note(soon()).await.unwrap().unwrap().what {
                What::Command { number, .. } => numbers.push(number),
                What::Trouble(text) => trouble = Some(text),
                _ => {}
            }
        }
        side.answer(numbers[0], answer(&[1, 1])).await.unwrap();
        side.answer(numbers[1], answer(&[2, 2])).await.unwrap();
        if let What::Trouble(text) = side.note(soon()).await.unwrap().unwrap().what {
            trouble = Some(text);
        }
        trouble
    });
    assert_eq!(answers, [[2, 2]]);
    assert_eq!(trouble.unwrap(), "the reader no longer waits for the answer to command 1");
}

#[test]
fn what_it_can_not_do_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut side = VirtualReader::new("127.0.0.1:1", Arc::new(|_, _| ()));
        let silent = Activation { ats: vec![], ..card() };
        let refused = [
            (side.configure(&card(), Some(Beside::TypeA), false).await, "`a second card`: it holds one card"),
            (side.configure(&card(), None, true).await, "`frames`: it has none"),
            (side.configure(&silent, None, false).await, "`the card`: the card answers no RATS"),
            (
                side.answer(1, Answer { fault: Some(Fault::Mute), ..answer(&[]) }).await,
                "`the fault mute`: it has no air",
            ),
            (side.answer(1, answer(&[0; 0x1_0000])).await, "`a response`: its link can't carry"),
        ];
        for (done, words) in refused {
            let error = done.unwrap_err().to_string();
            assert!(error.starts_with("the virtual reader refused ") && error.contains(words), "{error}");
        }
    });
    assert_eq!(VirtualReader::can().can, [CardCapability::Removal]);
}

#[test]
fn a_reader_is_looked_for_before_a_card_is_shown_to_it() {
    let script = |mut vpcd: Vpcd| {
        vpcd.say(&[4]);
        vpcd.card_is_gone();
    };
    let (started, _) = play(script, 1, async |side| side.starts(Start::StillOn, Duration::from_secs(5)).await);
    started.unwrap();
    let script = |mut vpcd: Vpcd| vpcd.card_is_gone();
    let (started, _) = play(script, 1, async |side| side.starts(Start::StillOn, Duration::from_millis(100)).await);
    assert_eq!(
        started.unwrap_err().to_string(),
        "the first order to a card did not come from the virtual reader within 100 ms"
    );
}

#[test]
fn a_reader_that_ends_is_an_error() {
    let (error, _) = play(
        |vpcd: Vpcd| drop(vpcd),
        1,
        async |side| {
            side.configure(&card(), None, false).await.unwrap();
            side.present().await.unwrap();
            side.note(soon()).await.unwrap_err()
        },
    );
    assert!(error.to_string().contains("closed the connection between two messages"), "{error}");
    assert!(error.advice().unwrap().contains("pcscd has ended or was restarted"));
}
