//! What goes to standard output and standard error: through the guard, unless it is a document whose writer is its guard.

use std::io::Write as _;

use super::{Format, Outcome};
use crate::report;

/// Prints what is set: name, value and origin of each.
///
/// # Errors
/// When it cannot be printed.
pub fn print_settings(format: Format, settings: &[[String; 3]]) -> color_eyre::Result<()> {
    match format {
        Format::Json => {
            let list = settings.iter().map(|[name, value, from]| serde_json::json!({ "name": name, "value": value, "from": from }));
            print_json(&serde_json::json!({ "schema": "countersign-config/v1", "settings": list.collect::<Vec<_>>() }))
        }
        Format::Text => {
            let shown = |at: usize, row: &[String; 3]| crate::text::Shown::new(row.get(at).map_or("", String::as_str));
            let wide = |at: usize| settings.iter().map(|s| shown(at, s).width()).max().unwrap_or(0);
            let (first, second) = (wide(0), wide(1));
            let pad = |text: crate::text::Shown, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(text.width())));
            let row = |s: &[String; 3]| format!("{}  {}  {}\n", pad(shown(0, s), first), pad(shown(1, s), second), shown(2, s));
            print(&settings.iter().map(row).collect::<String>())
        }
    }
}

/// Reports what stopped the work: one line for each cause, without a backtrace. Names in it pass the guard.
#[must_use]
pub fn trouble(report: &color_eyre::Report) -> Outcome {
    let mut out = std::io::stderr().lock();
    let mut said = String::new();
    for cause in report.chain() {
        let text = crate::text::Shown::new(&cause.to_string()).to_string();
        // Many messages name their cause already.
        if said.contains(&text) {
            continue;
        }
        let _ = if said.is_empty() { writeln!(out, "countersign: {text}") } else { writeln!(out, "  because: {text}") };
        said.push_str(&text);
    }
    Outcome::Trouble
}

/// Prints lines of text. A closed pipe is no error: the reader has seen enough. They went through the guard where they were made; here they do once more, so that one forgotten place
/// does not reach the terminal.
pub(super) fn print(text: &str) -> color_eyre::Result<()> {
    print_as_it_is(&guarded(text))
}

fn guarded(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(line) => crate::text::Shown::new(line).to_string() + "\n",
        None => crate::text::Shown::new(line).to_string(),
    });
    lines.collect()
}

/// Prints a document of another format, whose writer is its guard.
pub(super) fn print_as_it_is(text: &str) -> color_eyre::Result<()> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What writing gave: a closed pipe is no error here either.
pub(super) fn printed(done: std::io::Result<()>) -> color_eyre::Result<()> {
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Prints a JSON document, one value of a list a line.
pub(super) fn print_json(value: &serde_json::Value) -> color_eyre::Result<()> {
    let write = || {
        let mut out = report::Document::new(std::io::BufWriter::new(std::io::stdout().lock()))?;
        for (field, value) in value.as_object().into_iter().flatten() {
            match value.as_array() {
                Some(values) => out.list(field, values.iter().cloned())?,
                None => out.field(field, value)?,
            }
        }
        out.finish()
    };
    printed(write())
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn what_is_printed_is_guarded_line_by_line_and_guarded_text_stays_as_it_is() {
        let text = "one \u{1b}[2J\r\ntwo \u{202e}\u{9b}1m\n\n  three é → █\nno end";
        let once = guarded(text);
        assert_eq!(once, "one <1B>[2J<0D>\ntwo <U+202E><9B>1m\n\n  three é → █\nno end");
        assert_eq!(guarded(&once), once);
    }
}
