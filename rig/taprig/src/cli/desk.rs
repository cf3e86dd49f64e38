//! Asks the person at the terminal.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};
use taprig_bench::validator_side::operator::Desk;

/// The longest line that is read.
const LINE: usize = 1000;

/// The person at this terminal, or `None` if there is no terminal for questions and answers. `name` is that of the
/// person; by default, the environment names the user.
pub(super) fn at_terminal(name: Option<&str>) -> Option<Arc<dyn Desk>> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return None;
    }
    let user = || std::env::var("USER").ok().filter(|user| !user.is_empty());
    let operator = name.map(str::to_owned).or_else(user).unwrap_or_else(|| "unnamed".into());
    Some(Arc::new(Terminal { operator }))
}

#[derive(Debug)]
struct Terminal {
    operator: String,
}

#[async_trait]
impl Desk for Terminal {
    fn operator(&self) -> &str {
        &self.operator
    }

    async fn ask(&self, text: &str, within: Duration) -> Option<String> {
        let (tell, told) = tokio::sync::oneshot::channel();
        // What was typed before belongs to an earlier question.
        let _ = tcflush(stdin(), QueueSelector::IFlush);
        let _ = write!(stderr(), "{text}");
        // A wait for the terminal can't be given up, so it has a thread of its own. The thread ends at the deadline.
        std::thread::spawn(move || drop(tell.send(line(within))));
        let answer = told.await.ok().flatten();
        if answer.is_none() {
            let _ = writeln!(stderr(), "(no answer in time)");
        }
        answer
    }
}

/// A line from the terminal. `None` if the terminal is gone, or if no line comes in time.
fn line(within: Duration) -> Option<String> {
    let deadline = Instant::now() + within;
    let mut text = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let input = stdin();
        match poll(
            &mut [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)],
            Timespec::try_from(left).ok().as_ref(),
        ) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(1..) => {}
            _ => return None,
        }
        // Not through the buffer of the standard library, in which the wait above would not see a second line.
        let mut bytes = [0; 256];
        let n = rustix::io::read(&input, &mut bytes).ok().filter(|n| *n > 0)?;
        text.extend_from_slice(&bytes[..n]);
        if let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            return Some(String::from_utf8_lossy(&text[..end]).trim().to_owned());
        }
        if text.len() > LINE {
            return Some(String::new());
        }
    }
}
