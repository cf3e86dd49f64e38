//! Parts that a person can unplug: which part is missing, and the wait until it is there again.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, inotify};
use rustix::io::Errno;
use taprig_model::bench::{Bench as BenchFile, BoardConfig, BoardKind, ProbeName, SerialPort};
use taprig_model::event::{Body, Role, Source};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout_at};

use super::check::{part, ports};
use super::identity::Flashing;
use super::{Bench, BenchError, kernel, port};
use crate::flash::{self, Cause};
use crate::link::LinkError;
use crate::link::endpoint::Endpoint;
use crate::link::vpcd::VpcdError;

/// How long a run waits for an unplugged part if the bench file says nothing.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// When the rig tries again to reach what is there but does not work yet, or what no event of this machine announces: a
/// port or a power switch on a network, a device behind a program.
const AGAIN: Duration = Duration::from_secs(1);

/// The parts of a bench that can be unplugged and whose presence this machine can tell.
#[derive(Debug)]
pub(super) struct Plugs {
    all: Vec<Plug>,
    within: Duration,
}

/// A part that can be unplugged.
#[derive(Debug)]
struct Plug {
    /// The part, in words.
    name: String,
    seen: Seen,
}

/// How this machine can tell that a part is there.
#[derive(Debug)]
enum Seen {
    /// By its serial port.
    Port(Role, SerialPort),
    /// By its debug probe: the one that this names, or the only one.
    Probe(Option<ProbeName>),
}

impl Plugs {
    /// The parts that a bench file names.
    #[must_use]
    pub(super) fn of(bench: &BenchFile) -> Self {
        let serial = ports::serial_ports(bench).into_iter().map(|wanted| {
            let name = match wanted.switches_power {
                true => format!("the serial port that switches the power of the {}", part(wanted.role)),
                false => port_of(wanted.role),
            };
            Plug { name, seen: Seen::Port(wanted.role, wanted.port.clone()) }
        });
        let probes = bench.boards().into_iter().filter_map(|(role, board)| match board {
            BoardConfig::Probe(probe) => Some(Plug { name: probe_of(role), seen: Seen::Probe(probe.probe.clone()) }),
            _ => None,
        });
        let within = bench.back_within.map_or(BACK_WITHIN, Duration::from);
        Self { all: serial.chain(probes).collect(), within }
    }

    /// The parts that are not there, or that this user may not use, in words. `None` if none is missing.
    fn missing(&self) -> Option<String> {
        let missing: Vec<_> = self.all.iter().filter(|plug| !plug.is_there()).map(|plug| plug.name.as_str()).collect();
        (!missing.is_empty()).then(|| missing.join(" and "))
    }

    /// The folders in which something changes when a part is plugged in.
    fn folders(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = self.all.iter().flat_map(Plug::folders).collect();
        all.push("/dev".into());
        all.sort();
        all.dedup();
        all
    }
}

impl Plug {
    fn is_there(&self) -> bool {
        match &self.seen {
            Seen::Port(role, wanted) => port::find(*role, wanted).is_ok_and(|path| {
                // The system creates a port before it gives the user the right to use it.
                access(&path, Access::READ_OK | Access::WRITE_OK).is_ok()
            }),
            Seen::Probe(selector) => match flash::find_probe(selector.as_ref()) {
                Ok(_) => true,
                // That there are too many probes is another fault.
                Err(error) => !matches!(error.cause, Cause::NoProbe { .. }),
            },
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        match &self.seen {
            Seen::Port(_, SerialPort { path: Some(path), .. }) => {
                // A link that leads nowhere says where the port will be.
                let target = std::fs::read_link(path).ok();
                let target = target.map(|target| path.parent().unwrap_or(Path::new("/")).join(target));
                [Some(path.clone()), target].into_iter().flatten().filter_map(|path| nearest(&path)).collect()
            }
            Seen::Port(..) => vec![],
            Seen::Probe(_) => {
                let buses = std::fs::read_dir("/dev/bus/usb").into_iter().flatten().flatten();
                buses.map(|bus| bus.path()).chain(["/dev/bus/usb".into()]).collect()
            }
        }
    }
}

/// The folder of a file, or what there is of the way to it.
fn nearest(path: &Path) -> Option<PathBuf> {
    path.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned)
}

fn port_of(role: Role) -> String {
    format!("the serial port of the {}", part(role))
}

fn probe_of(role: Role) -> String {
    format!("the debug probe of the {}", part(role))
}

/// Tells when something changes in a set of folders: a file is created, removed or renamed, or its rights change.
struct Watch(pipe::Receiver);

impl Watch {
    /// Watches from now on. Call it within a tokio runtime.
    ///
    /// # Errors
    /// The system has no more watches.
    fn of(folders: &[PathBuf]) -> io::Result<Self> {
        use inotify::{CreateFlags, WatchFlags};
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let what =
            WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::DELETE_SELF | WatchFlags::ATTRIB;
        for folder in folders {
            match inotify::add_watch(&queue, folder.as_path(), what) {
                Ok(_) => {}
                // It has vanished meanwhile, or this user may not look into it. Its parent is watched as well.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // tokio has no type for such a queue, but to wait for it is the same as for a pipe.
        pipe::Receiver::from_file_unchecked(File::from(queue)).map(Self)
    }

    /// Waits for a change. A change that came before the call counts.
    async fn changed(&mut self) {
        // What has changed does not matter, because all parts are looked for anew. If the queue fails, time passes.
        if self.0.read(&mut [0; 4096]).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Bench {
    /// The error with the part that was unplugged, if this is why the rig met the error. The record then holds what the
    /// kernel said last about USB devices and serial ports.
    pub fn blame(&mut self, error: BenchError) -> BenchError {
        let Some(part) = self.lost_part(&error) else { return error };
        self.tell_kernel();
        self.unplugged = Some(part.clone());
        BenchError::Unplugged { part, source: Box::new(error) }
    }

    /// Records what the kernel said last.
    pub(super) fn tell_kernel(&self) {
        self.scope.emit(Source::Rig, Body::Note { text: kernel::said() });
    }

    /// The part that was unplugged, in words, if that explains `error`.
    #[must_use]
    pub(super) fn lost_part(&self, error: &BenchError) -> Option<String> {
        let by_error = match error {
            BenchError::Link(error) | BenchError::Silent { source: error, .. } => self.lost_link(error),
            BenchError::NoPort { role, .. } => Some(port_of(*role)),
            BenchError::Power { away: Some((role, address)), .. } => {
                Some(format!("the power switch of the {} at {address}", part(*role)))
            }
            BenchError::Flash { role, source } if matches!(source.cause, Cause::NoProbe { .. } | Cause::ProbeLost) => {
                Some(probe_of(*role))
            }
            _ => None,
        };
        // One plug may take several parts along, and what was noticed first may be something else: a validator falls
        // silent if somebody unplugs the relay board that gives it power.
        self.plugs.missing().or(by_error)
    }

    fn lost_link(&self, error: &LinkError) -> Option<String> {
        match error {
            LinkError::Gone { port, .. } => self.behind(port),
            LinkError::Open { port, source } if has_gone(source) => self.behind(port),
            LinkError::DeviceGone { .. } => Some("the device behind the adapter program".into()),
            LinkError::VirtualReader(VpcdError::Closed { .. } | VpcdError::NobodyListens { .. }) => {
                Some("the virtual reader".into())
            }
            _ => None,
        }
    }

    /// The board behind a port with this name, in words. Nobody unplugs a process of this machine.
    fn behind(&self, name: &str) -> Option<String> {
        let (role, endpoint) = self.ports.iter().find(|(_, endpoint)| endpoint.to_string() == name)?;
        let kind = self.boards.get(*role)?.kind();
        match kind {
            BoardKind::Probe | BoardKind::Attached if matches!(endpoint, Endpoint::Serial(_)) => Some(port_of(*role)),
            BoardKind::Probe | BoardKind::Attached => Some(format!("the {endpoint} of the {}", part(*role))),
            BoardKind::Sim | BoardKind::Qemu | BoardKind::Program | BoardKind::External => None,
        }
    }

    /// Waits until every part is there again and the bench works. `part` is the one that was unplugged.
    ///
    /// # Errors
    /// [`BenchError::NotBack`], [`BenchError::BackInVain`].
    pub(super) async fn plugged_in_again(&mut self, mut part: String) -> Result<(), BenchError> {
        let within = self.plugs.within;
        let (began, deadline) = (Instant::now(), Instant::now() + within);
        // A port that is still open keeps its number, and then the part comes back under another one.
        self.hang_up().await;
        self.forget_next();
        loop {
            // This is before the look, so that nothing is missed in between.
            let watch = Watch::of(&self.plugs.folders());
            let (again, source) = match self.plugs.missing() {
                Some(missing) => {
                    part = missing;
                    (deadline, None)
                }
                None => match self.establish(Flashing::Needed).await {
                    Ok(()) => {
                        self.note(format!("{part} came back after {:.1} s", began.elapsed().as_secs_f32()));
                        self.fresh = true;
                        return Ok(());
                    }
                    Err(error) => {
                        match self.lost_part(&error) {
                            Some(missing) => part = missing,
                            // Programs that look for modems open every new port for some seconds.
                            None if matches!(error, BenchError::Link(LinkError::Taken { .. })) => {}
                            None => return Err(BenchError::BackInVain { part, source: Box::new(error) }),
                        }
                        (deadline.min(Instant::now() + AGAIN), Some(Box::new(error)))
                    }
                },
            };
            let changed = async {
                match watch {
                    Ok(mut watch) => watch.changed().await,
                    // Without watches there is no event to wait for.
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            };
            if timeout_at(again, changed).await.is_err() && Instant::now() >= deadline {
                return Err(BenchError::NotBack { part, within, source });
            }
        }
    }
}

/// Whether a port can't be opened because what is behind it is gone.
fn has_gone(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NXIO | Errno::NODEV | Errno::IO))
        || matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::TimedOut
        )
}
