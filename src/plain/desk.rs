//! The state of a review line by line: the session, what is known, the item in front, and what is being waited for.

use std::collections::BTreeMap;

use super::pieces::Pieces;
use super::say::{Say, count};
use crate::checks::{Discovery, Facts};
use crate::review::{self, Body, Event, Item};
use crate::session::{Found, Hit, News, Progress, Session};
use crate::text::Shown;

/// The item in front.
pub(super) struct Front {
    pub(super) id: String,
    /// What the machine had computed of it when it was told.
    pub(super) digest: String,
    /// What there is to look at of it, made when somebody asks.
    pub(super) pieces: Option<Pieces>,
    /// The piece that was told last.
    pub(super) at: Option<usize>,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Everything is computed.
    Complete,
    /// The search is over.
    Search,
    /// The report is written.
    Report,
}

/// What `more` goes on with.
pub(super) enum Reading {
    /// A source file, from that line on.
    Source { entry: usize, from: usize },
    /// Lines that are made.
    Lines { lines: Vec<String>, from: usize },
}

/// The lines of source that were printed last.
pub(super) struct LastLines {
    pub(super) entry: usize,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// The review.
pub(super) struct Desk {
    pub(super) session: Session,
    pub(super) facts: Facts,
    pub(super) items: Vec<Item>,
    dirty: bool,
    pub(super) front: Option<Front>,
    /// The item for which it was said what an acceptance takes.
    pub(super) asked: Option<String>,
    pub(super) reading: Option<Reading>,
    pub(super) last_lines: Option<LastLines>,
    pub(super) hits: Vec<Hit>,
    pub(super) found: Found,
    pub(super) waiting: Option<Waiting>,
    jobs: BTreeMap<&'static str, Progress>,
    /// The quarter of each job that was told last.
    told: BTreeMap<&'static str, u64>,
    tells: bool,
    complete_told: bool,
    over: bool,
    /// Where the bundle lies; none for the demonstration.
    pub(super) bundle: Option<String>,
}

impl Desk {
    pub(super) fn new(session: Session, bundle: Option<String>) -> Self {
        let facts = session.facts().clone();
        let mut desk = Self {
            session,
            facts,
            items: Vec::new(),
            dirty: true,
            front: None,
            asked: None,
            reading: None,
            last_lines: None,
            hits: Vec::new(),
            found: Found::default(),
            waiting: None,
            jobs: BTreeMap::new(),
            told: BTreeMap::new(),
            tells: true,
            complete_told: false,
            over: false,
            bundle,
        };
        desk.renew();
        desk
    }

    /// What is said first.
    pub(super) fn greeting(&mut self) -> Say {
        let release = &self.facts.release;
        let mut say = Say::default();
        say.line(&format!(
            "{} {}, reviewed by {}.",
            release.product.shown(),
            release.version.shown(),
            Shown::new(&self.session.state().reviewer)
        ));
        say.line(&match release.identity.digest {
            Some(digest) => format!("Bundle sha256 {digest}."),
            None => "The identity of the bundle is known when it is hashed.".to_owned(),
        });
        say.line(&format!("Seal: {}.", crate::session::seal::in_force().word()));
        say.line(if self.session.policy().text_twins_count {
            "What is printed counts as shown, as text: the policy says so."
        } else {
            "What is printed does NOT count as shown: the policy does not say text_twins_count. Every acceptance takes a reason, and a record lists the items as not looked at."
        });
        if let Some(odd) = self.session.notice() {
            say.line(&format!("Notice: {odd}"));
        }
        if let Some(why) = self.session.read_only() {
            say.line(&format!("Read-only: {why}"));
        }
        if let Some(at) = &self.session.state().at {
            say.line(&format!("Last time in front: {at}. Type item to hear it, next for the next one."));
        }
        say.line("Type next for the first item that needs judging, help for all commands.");
        say
    }

    /// Makes the queue again, if something is known since.
    pub(super) fn renew(&mut self) {
        if self.dirty {
            self.items = review::changed_first(review::queue(&self.facts, self.session.policy()), self.session.state());
            self.dirty = false;
        }
    }

    /// Takes news; what is to be said of it by itself.
    pub(super) fn news(&mut self, news: News) -> Say {
        let mut say = Say::default();
        match news {
            News::Discovery(discovery) => {
                let identity = if let Discovery::AllHashed(Some(identity)) = &discovery { Some(*identity) } else { None };
                self.facts.learn(discovery);
                self.dirty = true;
                if let Some(Err(why)) = identity.map(|identity| self.session.identify(identity)) {
                    say.line(&format!("Read-only from now on: {why}"));
                }
                say.add(&self.perhaps_complete());
            }
            News::Progress(progress) => say.add(&self.progressed(progress)),
            News::Previous(Ok(carried)) => {
                let sequence = carried.sequence;
                match self.session.carry_over(*carried) {
                    Ok(()) => {
                        self.dirty = true;
                        self.renew();
                        let held = self.items.iter().filter(|i| self.session.state().carried(i).is_some()).count();
                        say.line(&format!("Carried over: {held} of {} items are unchanged since record {sequence}.", self.items.len()));
                    }
                    Err(why) => say.line(&format!("Nothing is carried over: {why}")),
                }
            }
            News::Previous(Err(why)) => say.line(&format!("Nothing is carried over: {why}")),
            News::Found(found) => say.add(&self.found_came(found)),
            News::Reported(written) => {
                if self.waiting == Some(Waiting::Report) {
                    self.waiting = None;
                }
                say.line(&match written {
                    Ok(path) => format!("Report written: {}", path.display()),
                    Err(why) => format!("No report was written: {why}"),
                });
            }
            News::SourceFile(..)
            | News::Sources(..)
            | News::Listing(..)
            | News::Syntax(_)
            | News::Past(_)
            | News::Prepared(_)
            | News::Signed(_) => {}
        }
        say
    }

    fn perhaps_complete(&mut self) -> Say {
        if self.complete_told || !self.facts.is_complete() {
            return Say::default();
        }
        self.complete_told = true;
        self.renew();
        let waited = self.waiting == Some(Waiting::Complete);
        if waited {
            self.waiting = None;
        }
        if waited || self.tells { Say::one(&self.done_words()) } else { Say::default() }
    }

    fn done_words(&self) -> String {
        let open = self.session.state().open(&self.items).count();
        format!("Done: everything is hashed, compared and checked. {} to judge.", count(open, "item", "items"))
    }

    /// A line for each quarter of a job, and for its end: what a screen shows as a bar.
    fn progressed(&mut self, progress: Progress) -> Say {
        let quarter = if progress.finished { 4 } else { progress.done.saturating_mul(4) / progress.total.max(1) };
        let job = progress.job;
        let before = self.told.insert(job, quarter);
        let first = before.is_none() && quarter == 0;
        let changed = before.is_some_and(|before| before != quarter) || before.is_none() && quarter > 0;
        let words = job_words(&progress);
        self.jobs.insert(job, progress);
        if self.tells && changed && !first { Say::one(&words) } else { Say::default() }
    }

    pub(super) fn jobs(&self) -> Say {
        let mut say = Say::one(&if self.facts.is_complete() {
            self.done_words()
        } else {
            let done = self.facts.comparisons.iter().flatten().count();
            format!("Running: {done} of {} artifacts are compared.", self.facts.comparisons.len())
        });
        self.jobs.values().filter(|job| !job.finished).for_each(|job| say.line(&job_words(job)));
        say
    }

    pub(super) fn wait(&mut self) -> Say {
        if self.facts.is_complete() {
            return Say::one(&self.done_words());
        }
        self.waiting = Some(Waiting::Complete);
        Say::one("Waiting. An empty line ends the waiting.")
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn stop_waiting(&mut self) -> Say {
        if self.waiting.take() == Some(Waiting::Search) {
            self.session.end_search();
        }
        Say::one("Not waiting any more; the work goes on.")
    }

    pub(super) fn progress(&mut self, wish: &str) -> Say {
        match wish {
            "on" => self.tells = true,
            "off" => self.tells = false,
            "" => {}
            _ => return Say::one("progress on, or progress off."),
        }
        Say::one(if self.tells { "Progress is told." } else { "Progress is not told; jobs says how far the machine is." })
    }

    /// Leaves, at a command.
    pub(super) fn quit(&mut self) -> Say {
        self.over = true;
        self.leave()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Keeps where the reviewer was.
    pub(super) fn leave(&mut self) -> Say {
        let at = self.front.as_ref().map(|f| f.id.clone());
        if let Some(item) = at.filter(|at| self.session.state().at.as_ref() != Some(at) && self.session.read_only().is_none())
            && let Err(why) = self.session.record(Body::At { item, rest: None })
        {
            return Say::one(&format!("Where you were is NOT saved: {why}"));
        }
        let open = self.session.state().open(&self.items).count();
        Say::one(&format!("Bye. Everything that was done is saved. {} still to judge.", count(open, "item", "items")))
    }

    /// Writes into the journal; the answer when that is not possible.
    pub(super) fn record(&mut self, body: Body) -> Result<Event, Say> {
        let event = self.session.record(body).map_err(|why| {
            let why = why.trim_start_matches("NOT saved: ").trim_start_matches("NOT saved");
            Say::one(&format!("NOT SAVED, it did not happen: {why}. Mend it, and type the command again."))
        })?;
        // What was carried over may be open again, and goes to another place.
        self.dirty = true;
        self.renew();
        Ok(event)
    }

    /// The item in front, as the machine has it now, and its place in the queue.
    pub(super) fn front_item(&self) -> Option<(usize, Item)> {
        let front = self.front.as_ref()?;
        self.items.iter().enumerate().find(|(_, i)| i.id == front.id).map(|(n, i)| (n, i.clone()))
    }
}

/// `comparing: 12 of 40`.
fn job_words(progress: &Progress) -> String {
    if progress.finished {
        return format!("{}: done.", progress.job);
    }
    let number = |n: u64| if progress.bytes { format!("{:.1} MB", n as f64 / 1e6) } else { n.to_string() };
    format!("{}: {} of {}.", progress.job, number(progress.done), number(progress.total))
}
