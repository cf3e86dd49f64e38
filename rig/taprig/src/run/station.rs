//! A bench at work, on its own thread, until it is stopped.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use taprig_model::result::Verdict;
use tokio::sync::watch;

use super::queue::{INTERRUPTED, begun, ended};
use super::sub_case::attempt;
use taprig_bench::{Bench, BenchError, Config};
use taprig_case::baseline::Mode;
use taprig_case::plan::Planned;
use taprig_record::Recorder;

/// A bench with the runtime of its links. It is not shared: each bench has one thread.
pub struct Station {
    runtime: tokio::runtime::Runtime,
    config: Arc<Config>,
    recorder: Recorder,
    root: PathBuf,
    mode: Mode,
    bench: Option<Bench>,
    /// Whether a part of the open bench may hang.
    may_hang: bool,
}

impl Station {
    /// A station without a bench. The bench is opened for the first sub-case.
    ///
    /// # Errors
    /// The operating system provides no event queue.
    pub fn new(config: Arc<Config>, recorder: Recorder, root: PathBuf, mode: Mode) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, config, recorder, root, mode, bench: None, may_hang: false })
    }

    /// Runs a sub-case. The event stream contains the verdict, too. A sub-case that is stopped is skipped.
    ///
    /// # Errors
    /// The bench can't be opened, so no case can run here.
    pub fn run(&mut self, planned: &Planned, stop: &Stop) -> Result<Verdict, BenchError> {
        let mut stopped = stop.0.subscribe();
        // The attempt first reports that the case has begun.
        let has_begun = Cell::new(false);
        let done: Result<_, BenchError> = self.runtime.block_on(async {
            let work = async {
                let bench = opened(&mut self.bench, &self.config, &self.recorder).await?;
                has_begun.set(true);
                let outcome = attempt(bench, planned, &self.root, self.mode).await;
                if !outcome.bench_is_sound {
                    // A bench whose parts the next opening makes anew is not brought back, and nothing of it can hang.
                    self.may_hang = self.config.can_be_wedged();
                    if !self.may_hang {
                        self.bench = None;
                    }
                }
                Ok(outcome.verdict)
            };
            tokio::select! {
                done = work => done.map(Some),
                _ = stopped.wait_for(|stop| *stop) => Ok(None),
            }
        });
        if let Some(verdict) = done? {
            return Ok(verdict);
        }
        // What the boards still send belongs to the case, so they are closed before the end of the case is reported.
        self.close();
        if !has_begun.get() {
            begun(planned, &self.recorder);
        }
        ended(planned, Verdict::Skipped, INTERRUPTED, &self.recorder);
        Ok(Verdict::Skipped)
    }

    /// Brings the bench back if the last sub-case left it in a state in which a part may hang: it is reset and then
    /// power-cycled. If that does not help, the bench is closed and marked as wedged for later runs, and can't be used any
    /// more. A run that is stopped meanwhile closes the bench and marks nothing.
    ///
    /// # Errors
    /// [`BenchError::Wedged`], or another error if no part hangs but the bench can't be used.
    pub fn bring_back(&mut self, stop: &Stop) -> Result<(), BenchError> {
        if !std::mem::take(&mut self.may_hang) {
            return Ok(());
        }
        let Some(bench) = &mut self.bench else { return Ok(()) };
        let mut stopped = stop.0.subscribe();
        let done = self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => None,
                done = bench.bring_back() => Some(done),
            }
        });
        match done {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                self.close();
                Err(self.config.wedge(error))
            }
            None => {
                self.close();
                Ok(())
            }
        }
    }

    fn close(&mut self) {
        // Ports have to be closed within the runtime that they belong to.
        let _entered = self.runtime.enter();
        self.bench = None;
    }

    /// Waits until every listener has received everything that was emitted so far.
    pub fn flush(&self) {
        self.recorder.flush();
    }

    /// Opens the bench if it is not open, and returns it with its runtime. Returns `None` if the run was stopped before
    /// the work was done. Flashing that has started is finished first.
    ///
    /// # Errors
    /// The same as for [`Bench::open`].
    pub fn with_bench<T>(
        &mut self,
        stop: &Stop,
        work: impl AsyncFnOnce(&mut Bench) -> Result<T, BenchError>,
    ) -> Result<Option<T>, BenchError> {
        let mut stopped = stop.0.subscribe();
        let done = self.runtime.block_on(async {
            let work = async { work(opened(&mut self.bench, &self.config, &self.recorder).await?).await };
            tokio::select! {
                done = work => done.map(Some),
                _ = stopped.wait_for(|stop| *stop) => Ok(None),
            }
        });
        if !matches!(done, Ok(Some(_))) {
            self.close();
        }
        done
    }
}

/// The bench. It is opened first if it is not open.
async fn opened<'a>(
    bench: &'a mut Option<Bench>,
    config: &Config,
    recorder: &Recorder,
) -> Result<&'a mut Bench, BenchError> {
    match bench {
        Some(bench) => Ok(bench),
        none => Ok(none.insert(Bench::open(config, recorder).await?)),
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends a run early: every bench stops its work.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Ends the run.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the run is to end.
    pub async fn stopped(&self) {
        // The sender lives as long as this value, so the wait does not fail.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }

    /// Whether the run is to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}
