//! Events as a log prints them.

use super::{Body, Ruling};

impl Body {
    /// What happened, in a few words. They hold what the reviewer typed and names from the bundle: not guarded.
    #[must_use]
    pub fn words(&self) -> String {
        let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(", because: {reason}") };
        match self {
            Self::Opened { release, reviewer, tool, .. } => format!("opened {release}, by {reviewer}, with {tool}"),
            Self::Identified { bundle } => format!("hashed to the end: the bundle is {bundle}"),
            Self::Corrects { record, count, carried, .. } => {
                format!("corrects the record {record}; {carried} events are carried over from its journal of {count} lines")
            }
            Self::Merged { from } => {
                let sides: Vec<String> = from
                    .iter()
                    .map(|f| format!("{} ({} lines, head {})", f.reviewer, f.count, f.head.get(..16).unwrap_or(&f.head)))
                    .collect();
                format!("merged of {}", sides.join(" and "))
            }
            Self::Disputed { item, said } => format!("open again: {item}: {said}"),
            Self::At { item, rest } => {
                let screen = rest.as_ref().map_or_else(String::new, |r| format!(", screen {}", r.screen));
                if item.is_empty() { format!("no item in front{screen}") } else { format!("in front: {item}{screen}") }
            }
            Self::Shown { item, differences, of, .. } => format!("shown: {} of {of} differences of {item}", differences.len()),
            Self::Read { path, from, to, of, .. } => format!("read: {path}, lines {from} to {to} of {of}"),
            Self::Ruled { item, ruling, reason, covers, .. } => {
                let word = if *ruling == Ruling::Accepted { "accepted" } else { "rejected" };
                let group = if *covers > 1 { format!(" ({covers} files)") } else { String::new() };
                format!("{word}: {item}{group}{}", because(reason))
            }
            Self::Noted { at, text } => format!("note on {}: {text}", at.place),
            Self::Filed { id, title, at, .. } => format!("finding {id} on {}: {title}", at.place),
            Self::Closed { id, reason } => format!("closed {id}{}", because(reason)),
            Self::Carried(carried) => {
                let (rulings, files) = (carried.rulings.len(), carried.read.len());
                format!("carried over from record {}: {rulings} rulings, and what was shown of {files} files", carried.sequence)
            }
            Self::TakenUp { item } => format!("looks again at {item}"),
            Self::Withdrawn { id, reason } => format!("withdrew {id}{}", because(reason)),
            Self::Reopened { id, reason } => format!("opened {id} again{}", because(reason)),
            Self::Edited { id, title, severity } => format!("changed {id} ({}): {title}", severity.word()),
            Self::Reworded { n, text } => format!("changed the note of line {n}: {text}"),
            Self::Replied { id, text, who, .. } => format!("{who} answers {id}: {text}"),
            Self::Answered { id, answer } if answer.is_empty() => format!("answer to {id} taken back"),
            Self::Answered { id, answer } => format!("answered {id}: {answer}"),
            Self::Undone { n } => format!("took back line {n}"),
            Self::Redone { n } => format!("did line {n} again"),
            Self::Signed { payload, decision, key, .. } => format!("signed as {}: the record {payload}, with {key}", decision.word()),
        }
    }
}
