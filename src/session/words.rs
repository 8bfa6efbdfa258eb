//! Nothing of what was looked at leaves with a record: neither as an excerpt (there is no field for one) nor typed off.

use crate::checks::Facts;
use crate::model::SourceContent;
use crate::review::{State, quote};
use crate::text::Shown;

/// Looks at the reviewer's words, and at the journal. The first that quotes the source, or reads as disassembly, is an error:
/// whose it is, and what it quotes. Source files of more than `most` bytes cannot have been shown. Of the journal, which keeps what was taken back too, it is only said whether it is free of
/// such words.
///
/// # Errors
/// In words.
pub(super) fn own(state: &State, lines: &[String], facts: &Facts, source: Option<&dyn SourceContent>, most: u64) -> Result<bool, String> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for finding in &state.findings {
        texts.push((format!("the title of {}", finding.id), finding.title.clone()));
        texts.extend(finding.closed.clone().map(|reason| (format!("the reason that closed {}", finding.id), reason)));
    }
    texts.extend(state.notes.iter().map(|n| (format!("the note at {}", n.time), n.text.clone())));
    texts.extend(state.rulings.iter().map(|(id, ruled)| (format!("the reason for {id}"), ruled.reason.clone())));
    texts.extend(state.answers.iter().map(|(id, answer)| (format!("the answer to {id}"), answer.clone())));
    let own = texts.len();
    for line in lines {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("the journal: {e}"))?;
        leaves(&value, &mut texts);
    }
    let mut free = true;
    for (at, (whose, text)) in texts.iter().enumerate() {
        if let Some(row) = quote::disassembly(text) {
            if at < own {
                return refuse(whose, &format!("holds what reads as disassembly ({})", Shown::new(&row).cut(40)));
            }
            free = false;
        }
    }
    let mut finder = quote::Finder::new(texts.iter().map(|(_, text)| text.as_str()));
    if let (false, Some(source), Some(tree)) = (finder.is_empty(), source, &facts.source) {
        for (entry, file) in tree.entries.iter().enumerate() {
            // What cannot be read cannot have been looked at here either.
            if let Ok(bytes) = source.read(entry, most) {
                finder.look(file.path.shown().as_str(), &bytes);
            }
        }
    }
    let found = finder.found();
    if let Some(quote) = found.iter().find(|q| q.text < own) {
        let whose = texts.get(quote.text).map_or("a text", |(whose, _)| whose.as_str());
        return refuse(whose, &format!("quotes {}:{}", quote.path, quote.line));
    }
    Ok(free && found.is_empty())
}

fn refuse(whose: &str, what: &str) -> Result<bool, String> {
    Err(format!(
        "{whose} {what}, and would leave the room with it. Take it back (u) and say it in your own words; --include-excerpts signs it as it \
         is, and the record says so"
    ))
}

/// Every text in a line of the journal, whatever event it is.
fn leaves(value: &serde_json::Value, out: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::String(text) => out.push((String::new(), text.clone())),
        serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        serde_json::Value::Object(members) => members.values().for_each(|item| leaves(item, out)),
        _ => {}
    }
}
