//! The syntax of a source file, found behind the screen: what is in view first, then the whole file, within a budget.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{News, Session, uptime};
use crate::inspect::syntax::Syntax;
use crate::text::{Role, Untrusted};

/// Lines before those in view from which on they are read, when they are far from the start of the file.
const LEAD: usize = 200;
/// Lines in view at most.
const VIEW: usize = 200;
/// What was found is told that often.
const PACE: Duration = Duration::from_millis(60);
/// How long one file may take.
const BUDGET: Duration = Duration::from_secs(20);

/// Parts of lines of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxLines {
    /// The entry.
    pub entry: usize,
    /// The first line, from 0.
    pub first: usize,
    /// For each line, the end of each part in bytes, and what it is.
    pub lines: Vec<Box<[(u32, Role)]>>,
}

impl Session {
    /// Finds the syntax of a source file; it comes in pieces as [`News::Syntax`], those lines first. The file before is given up.
    pub fn request_syntax(&self, entry: usize, path: Untrusted, bytes: Arc<[u8]>, lines: Arc<[Range<usize>]>, top: usize) {
        let (wanted, send) = (Arc::clone(&self.highlighting), Arc::clone(&self.send));
        let number = wanted.fetch_add(1, Ordering::Relaxed) + 1;
        super::work::job("syntax", Arc::clone(&send), move || {
            let start = uptime();
            let stopped = || wanted.load(Ordering::Relaxed) != number || uptime().saturating_sub(start) > BUDGET;
            let line = |n: usize| lines.get(n).and_then(|r| bytes.get(r.clone())).unwrap_or_default();
            let read = |from: usize, told_from: usize, to: usize| {
                let Some(mut syntax) = Syntax::of(&path, line(0)) else { return };
                let mut out = SyntaxLines { entry, first: told_from, lines: Vec::new() };
                let mut at = uptime();
                for n in from..to {
                    if stopped() {
                        return;
                    }
                    let parts = syntax.line(line(n));
                    if n >= told_from {
                        out.lines.push(parts);
                    }
                    if uptime().saturating_sub(at) >= PACE {
                        let next = SyntaxLines { entry, first: out.first + out.lines.len(), lines: Vec::new() };
                        send(News::Syntax(std::mem::replace(&mut out, next)));
                        at = uptime();
                    }
                }
                send(News::Syntax(out));
            };
            // A guess for what is in view: whether it is inside of a comment is only known from the start on.
            if top > LEAD * 2 {
                read(top - LEAD, top, lines.len().min(top + VIEW));
            }
            read(0, 0, lines.len());
        });
    }
}
