//! Plays all buses with several workers, and tells how far it is.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::bus::Failed;
use super::worker::{Setting, Worker};
use crate::books::BusBooks;
use crate::error::ReplayError;
use crate::parts::summary;

/// How often a bus is played if the machine was too slow.
const ATTEMPTS: u32 = 3;

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rides that were played, also by an earlier run of the same replay.
    pub rides: u64,
    /// Rides of the plan.
    pub of: u64,
    /// Buses whose books are written.
    pub buses: u64,
    /// Time that is left if it goes on as it has gone so far. `None`: nothing was played yet.
    pub left: Option<Duration>,
}

/// How a replay ended.
#[derive(Debug)]
pub enum Ended {
    /// All buses are played.
    Done,
    /// Somebody has stopped it.
    Stopped,
}

/// What workers share while they play.
pub(super) struct Watch<'a> {
    stop: &'a AtomicBool,
    tell: &'a (dyn Fn(Progress) + Sync),
    started: Instant,
    /// Rides of buses that were done before.
    before: u64,
    all: u64,
    rides: AtomicU64,
    buses: AtomicU64,
}

impl Watch<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A day of a bus is played.
    pub(super) fn day(&self, rides: u64) {
        self.rides.fetch_add(rides, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let played = self.rides.load(Ordering::Relaxed);
        let rides = (self.before + played).min(self.all);
        let left = (played > 0).then(|| {
            let a_ride = self.started.elapsed().as_secs_f64() / played as f64;
            Duration::from_secs_f64(a_ride * (self.all - rides) as f64)
        });
        (self.tell)(Progress { rides, of: self.all, buses: self.buses.load(Ordering::Relaxed), left });
    }
}

/// Plays all buses that are not done yet, with `jobs` workers. The books of a bus are written as soon as it is done, and do not depend
/// on the number of workers. `stop` ends the work between two taps.
///
/// # Errors
/// The first failure of a worker. What was done before is kept.
pub fn run(
    setting: &Setting,
    jobs: usize,
    stop: &AtomicBool,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Ended, ReplayError> {
    let plan = &setting.plan;
    let done = |number: &usize| summary(&setting.folder, &plan.buses[*number].name).is_some();
    let with_rides = (0..plan.buses.len()).filter(|number| plan.buses[*number].rides() > 0);
    let (ready, mut todo): (Vec<usize>, Vec<usize>) = with_rides.partition(done);
    // The longest first, so that all workers end at about the same time.
    todo.sort_by_key(|number| std::cmp::Reverse(plan.buses[*number].rides()));
    let watch = Watch {
        stop,
        tell,
        started: Instant::now(),
        before: ready.iter().map(|number| plan.buses[*number].rides()).sum(),
        all: plan.rides,
        rides: AtomicU64::new(0),
        buses: AtomicU64::new(ready.len() as u64),
    };
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        let fail = |error| {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            next.store(todo.len(), Ordering::Relaxed);
        };
        if let Err(error) = worker(setting, &watch, || todo.get(next.fetch_add(1, Ordering::Relaxed)).copied()) {
            fail(error);
        }
    };
    let panicked = thread::scope(|threads| {
        let workers: Vec<_> = (0..jobs.clamp(1, todo.len().max(1))).map(|_| threads.spawn(work)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).any(|ended| ended.is_err())
    });
    if panicked {
        return Err(ReplayError::Panicked);
    }
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if watch.is_stopped() => Ok(Ended::Stopped),
        None => Ok(Ended::Done),
    }
}

/// Plays buses until there is none left.
fn worker(setting: &Setting, watch: &Watch<'_>, mut next: impl FnMut() -> Option<usize>) -> Result<(), ReplayError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ReplayError::Worker)?;
    let mut worker: Option<Worker<'_>> = None;
    let mut played = Ok(());
    while played.is_ok()
        && !watch.is_stopped()
        && let Some(bus) = next()
    {
        played = runtime.block_on(bus_of(setting, &mut worker, bus, watch)).map(drop);
    }
    // Ports are closed within the runtime that they belong to.
    let _entered = runtime.enter();
    drop(worker);
    played
}

/// Plays a bus, again if the machine was too slow. `None`: it was stopped.
async fn bus_of<'a>(
    setting: &'a Setting,
    worker: &mut Option<Worker<'a>>,
    number: usize,
    watch: &Watch<'_>,
) -> Result<Option<BusBooks>, ReplayError> {
    let bus = setting.plan.buses[number].name.clone();
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        let worker = match &mut *worker {
            Some(worker) => worker,
            none => none.insert(Worker::new(setting).await?),
        };
        let mut counted = 0;
        match worker.play(number, watch, &mut counted).await {
            Ok(books) => {
                watch.buses.fetch_add(1, Ordering::Relaxed);
                watch.tell();
                return Ok(Some(books));
            }
            Err(Failed::Stopped) => return Ok(None),
            Err(Failed::Error(error)) => return Err(error),
            Err(Failed::Again(what)) => {
                // What was counted of it is played again.
                watch.rides.fetch_sub(counted, Ordering::Relaxed);
                why = what;
            }
        }
    }
    Err(ReplayError::Slow { bus, what: why, attempts: ATTEMPTS })
}
