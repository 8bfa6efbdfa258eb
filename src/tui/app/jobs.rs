//! How fast the work behind the screen goes, and how long it still takes.

use std::time::Duration;

use super::App;
use crate::session::Progress;
use crate::tui::widgets::{grouped, size};

/// Before that long nothing is said of the time left: the first moments tell little.
const TELLS: Duration = Duration::from_secs(2);

/// When a job was heard of first, and how far it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    at: Duration,
    done: u64,
    /// When it was heard of last.
    last: Duration,
}

impl App {
    pub(super) fn progressed(&mut self, progress: Progress) {
        let now = self.now;
        let again = self.jobs.iter().any(|j| j.job == progress.job && (j.finished || j.done > progress.done));
        let begun = Begun { at: now, done: progress.done, last: now };
        let kept = self.begun.entry(progress.job).or_insert(begun);
        if again && !progress.finished {
            *kept = begun;
        }
        kept.last = now;
        self.jobs.retain(|j| j.job != progress.job);
        self.jobs.push(progress);
    }

    /// A job that runs was given up: nobody waits for it any more.
    pub(super) fn job_ended(&mut self, job: &'static str) {
        self.jobs.retain(|j| j.job != job || j.finished);
    }

    /// Bytes or items in a second, once that can be told.
    fn rate(&self, progress: &Progress) -> Option<u64> {
        let begun = self.begun.get(progress.job)?;
        let took = begun.last.saturating_sub(begun.at);
        let done = progress.done.checked_sub(begun.done).filter(|done| *done > 0 && took >= TELLS)?;
        u64::try_from(u128::from(done) * 1000 / took.as_millis().max(1)).ok().filter(|rate| *rate > 0)
    }

    fn left(&self, progress: &Progress) -> Option<Duration> {
        let rate = self.rate(progress)?;
        Some(Duration::from_secs(progress.total.saturating_sub(progress.done).div_ceil(rate)))
    }

    /// The short form: `hashing 1.2G of 4.0G, 0:42 left`.
    pub(crate) fn job_words(&self, progress: &Progress) -> String {
        let number = |n: u64| if progress.bytes { size(n) } else { grouped(n) };
        if progress.finished {
            return format!("{} done", progress.job);
        }
        let left = self.left(progress).map_or_else(|| " \u{2026}".to_owned(), |left| format!(", {} left", clock(left)));
        format!("{} {} of {}{left}", progress.job, number(progress.done), number(progress.total))
    }

    /// The long form: the rate and the time since it began too.
    pub(crate) fn job_lines(&self, progress: &Progress) -> String {
        let rate =
            self.rate(progress).map(|rate| if progress.bytes { format!("  {}/s", size(rate)) } else { format!("  {}/s", grouped(rate)) });
        let took = self.begun.get(progress.job).map(|begun| begun.last.saturating_sub(begun.at));
        let took = took.filter(|took| *took >= Duration::from_secs(1)).map(|took| format!("  in {}", clock(took)));
        format!("{}{}{}", self.job_words(progress), rate.unwrap_or_default(), took.unwrap_or_default())
    }
}

/// `0:42`, `1:05:09`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
