//! Progress of long jobs, at a pace that a screen can follow.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::session::{News, Progress, Send1, clock};

/// Progress is silent at first, then bounded in rate.
const QUIET: Duration = Duration::from_millis(250);
const PACE: Duration = Duration::from_millis(33);

/// Progress of one job: silent for a moment, then bounded in rate.
pub(super) struct Pace {
    job: &'static str,
    bytes: bool,
    done: AtomicU64,
    total: AtomicU64,
    start: Duration,
    last: Mutex<Duration>,
    send: Send1,
}

impl Pace {
    pub(super) fn new(job: &'static str, total: u64, bytes: bool, send: Send1) -> Self {
        let now = clock::uptime();
        Self { job, bytes, done: AtomicU64::new(0), total: AtomicU64::new(total), start: now, last: Mutex::new(now), send }
    }

    pub(super) fn add(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
        self.report();
    }

    pub(super) fn set(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.report();
    }

    fn report(&self) {
        let now = clock::uptime();
        if now.saturating_sub(self.start) < QUIET {
            return;
        }
        // Another thread is reporting right now: its report will do.
        let Ok(mut last) = self.last.try_lock() else { return };
        if now.saturating_sub(*last) >= PACE {
            *last = now;
            (self.send)(News::Progress(self.now(false)));
        }
    }

    fn now(&self, finished: bool) -> Progress {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        Progress { job: self.job, done, total, bytes: self.bytes, finished }
    }

    pub(super) fn finish(&self) {
        (self.send)(News::Progress(self.now(true)));
    }
}
