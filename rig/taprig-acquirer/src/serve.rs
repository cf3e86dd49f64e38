//! The host behind a TCP port.

use crate::host::{Host, Order};
use crate::late::Late;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use taprig_model::acquirer::log::{Body, Entry, Summary};
use taprig_model::units::DateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Where entries of the log go. An error ends the service.
pub type Log = Box<dyn FnMut(&Entry) -> io::Result<()> + Send>;

/// Why the service ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// No further connection can be accepted.
    #[error("accepting a connection")]
    Accept(#[source] io::Error),
    /// The log can't be written.
    #[error("writing the log")]
    Log(#[source] io::Error),
}

/// What all connections share.
struct Shared {
    host: Host,
    log: Log,
    failed: Option<io::Error>,
}

#[derive(Clone)]
struct Service {
    shared: Arc<Mutex<Shared>>,
    failed: Arc<Notify>,
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, connection: Option<u64>, body: Body) {
        let mut shared = self.lock();
        self.put(&mut shared, connection, body);
    }

    /// Entries are in the order in which the host decided, because the lock is held from the decision to here.
    fn put(&self, shared: &mut Shared, connection: Option<u64>, body: Body) {
        let entry = Entry { at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(), connection, body };
        if let Err(error) = (shared.log)(&entry)
            && shared.failed.is_none()
        {
            shared.failed = Some(error);
            self.failed.notify_one();
        }
    }

    fn hear(&self, line: u64, bytes: &[u8]) -> Vec<Order> {
        let mut shared = self.lock();
        let all = shared.host.hear(line, bytes, beijing(Timestamp::now()));
        let mut orders = Vec::new();
        for done in all {
            self.put(&mut shared, Some(line), done.body);
            orders.extend(done.orders);
        }
        orders
    }
}

/// The time of day in China, UTC+8.
#[must_use]
pub fn beijing(now: Timestamp) -> DateTime {
    let there = Offset::constant(8).to_datetime(now);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    DateTime {
        year: u16::try_from(there.year()).unwrap_or_default(),
        month: part(there.month()),
        day: part(there.day()),
        hour: part(there.hour()),
        minute: part(there.minute()),
        second: part(there.second()),
    }
}

/// Serves terminals until `stop` is ready.
///
/// # Errors
/// No connection can be accepted any more, or the log can't be written.
pub async fn serve(
    listener: TcpListener,
    host: Host,
    log: Log,
    version: &str,
    stop: impl Future<Output = ()>,
) -> Result<Summary, Failed> {
    let listening = listener.local_addr().map_err(Failed::Accept)?.to_string();
    let service =
        Service { shared: Arc::new(Mutex::new(Shared { host, log, failed: None })), failed: Arc::new(Notify::new()) };
    service.log(None, Body::Started { schema: 1, taprig: version.into(), listening });
    let mut connections = JoinSet::new();
    let mut lines = 0;
    let mut refused = None;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = service.failed.notified() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    lines += 1;
                    let mut shared = service.lock();
                    shared.host.connect(lines);
                    service.put(&mut shared, Some(lines), Body::Connected { peer: peer.to_string() });
                    drop(shared);
                    connections.spawn(connection(service.clone(), lines, stream));
                }
                // The terminal has gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            },
        }
    }
    connections.shutdown().await;
    let mut shared = service.lock();
    let summary = shared.host.summary();
    service.put(&mut shared, None, Body::Ended { summary });
    match (shared.failed.take(), refused) {
        (Some(error), _) => Err(Failed::Log(error)),
        (None, Some(error)) => Err(Failed::Accept(error)),
        (None, None) => Ok(summary),
    }
}

/// Serves one connection to its end.
async fn connection(service: Service, line: u64, mut stream: TcpStream) {
    let ended = exchange(&service, line, &mut stream).await;
    let mut shared = service.lock();
    let rest = shared.host.gone(line);
    let why = match (ended, rest) {
        (Ok(why), None) => why.to_owned(),
        (Ok(_), Some(rest)) => rest,
        (Err(error), rest) => {
            let rest = rest.map(|rest| format!("; {rest}")).unwrap_or_default();
            format!("the connection failed: {error}{rest}")
        }
    };
    service.put(&mut shared, Some(line), Body::Closed { why });
}

/// An answer that is not due yet.
struct Answer {
    bytes: Vec<u8>,
    close: bool,
    trace: Option<String>,
}

/// Why a line ended: the host closed it.
pub const BY_HOST: &str = "the host closed the connection";

/// Why a line ended: the terminal closed it.
pub const BY_TERMINAL: &str = "the terminal closed the connection";

async fn exchange(service: &Service, line: u64, stream: &mut TcpStream) -> io::Result<&'static str> {
    // Answers are short, and a terminal waits for each.
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut late: Late<Answer> = Late::default();
    let mut reading = true;
    loop {
        let read = tokio::select! {
            biased;
            () = late.due() => None,
            read = stream.read(&mut buffer), if reading => Some(read?),
        };
        match read {
            None => {
                let Some(answer) = late.take() else { continue };
                stream.write_all(&answer.bytes).await?;
                service.log(Some(line), Body::SentLate { trace: answer.trace });
                if answer.close {
                    stream.shutdown().await?;
                    return Ok(BY_HOST);
                }
            }
            // It may still read what is late.
            Some(0) => reading = false,
            Some(length) => {
                for order in service.hear(line, &buffer[..length]) {
                    match order {
                        Order::Close => {
                            stream.shutdown().await?;
                            return Ok(BY_HOST);
                        }
                        Order::Send { bytes, after: Duration::ZERO, close, .. } => {
                            stream.write_all(&bytes).await?;
                            if close {
                                stream.shutdown().await?;
                                return Ok(BY_HOST);
                            }
                        }
                        Order::Send { bytes, after, close, trace } => {
                            late.add(after, Answer { bytes, close, trace });
                        }
                    }
                }
            }
        }
        if !reading && late.is_empty() {
            return Ok(BY_TERMINAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_time_of_china() {
        let time = beijing("2018-05-20T23:59:58Z".parse().unwrap());
        assert_eq!(time.to_string(), "2018-05-21T07:59:58");
    }
}
