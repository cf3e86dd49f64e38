//! Ctrl-C, SIGTERM and a closed terminal (SIGHUP) end a command in order: boards off, record closed, reports written.

use std::io::{IsTerminal, Result, stderr};

use taprig::run::station::Stop;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, say};

/// The first signal sets this. The second one ends the process at once.
pub(super) fn stop() -> Stop {
    let stop = Stop::default();
    let first = stop.clone();
    caught(listen(move || first.now()));
    stop
}

/// The first signal ends this process at once, with these words. This is for a command that has nothing to put in order.
pub(super) fn end_at_once(words: &'static str) {
    caught(listen(move || {
        say(words);
        std::process::exit(3);
    }));
}

fn caught(listening: Result<()>) {
    if let Err(error) = listening {
        say(&format!("taprig: Ctrl-C will end the command at once, because its signal can't be caught: {error}"));
    }
}

/// The exit of a command that keeps no record and was stopped.
pub(super) fn interrupted() -> Exit {
    say("taprig: interrupted; the boards are off");
    Exit::RigFailed
}

fn listen(first: impl FnOnce() + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut signal = async || {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            };
            signal().await;
            first();
            signal().await;
            // The progress line may still be there.
            let erased = if stderr().is_terminal() { "\r\u{1b}[2K" } else { "" };
            say(&format!("{erased}taprig: ended at once by a second signal; what was recorded until now is kept"));
            std::process::exit(3);
        });
    })?;
    Ok(())
}
