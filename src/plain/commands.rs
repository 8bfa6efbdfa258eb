//! The commands: one table that makes the answers, the help and the list in `docs/plain.md`.

use super::desk::Desk;
use super::say::Say;

/// One command.
pub(super) struct Command {
    /// Its name.
    pub(super) name: &'static str,
    /// A shorter one; empty when there is none.
    pub(super) short: &'static str,
    /// What is typed behind it.
    pub(super) takes: &'static str,
    /// What it does, in a sentence.
    pub(super) help: &'static str,
    run: fn(&mut Desk, &str) -> Say,
}

const fn command(
    name: &'static str,
    short: &'static str,
    takes: &'static str,
    run: fn(&mut Desk, &str) -> Say,
    help: &'static str,
) -> Command {
    Command { name, short, takes, help, run }
}

/// Every command.
#[rustfmt::skip]
pub(super) const TABLE: &[Command] = &[
    command("help", "h", "[COMMAND]", help, "all commands, or what one does"),
    command("overview", "o", "", Desk::overview, "the answer, the checks, and how much is left to judge"),
    command("next", "n", "", |d, _| d.step(true), "the next item that needs judging"),
    command("previous", "p", "", |d, _| d.step(false), "the item that needs judging before it"),
    command("item", "i", "[NUMBER|ID]", Desk::item, "the item in front again, or another one"),
    command("list", "l", "[all]", Desk::list, "the items that need judging, numbered; all: the judged ones too"),
    command("unreviewed", "", "", |d, _| d.list(""), "the same as list"),
    command("show", "s", "", |d, _| d.show(), "everything known of the item in front"),
    command("difference", "d", "[NUMBER]", Desk::difference, "the next difference of the item in front, its next lines or places, or the one of that number"),
    command("back", "b", "", |d, _| d.difference_back(), "the difference before it"),
    command("source", "", "[PATH] [LINE]", Desk::source, "lines of a source file with their numbers; without a path the place of the difference in front"),
    command("files", "", "[TEXT]", Desk::files, "the source files, or those with TEXT in their path"),
    command("more", "m", "", |d, _| d.more(), "what follows on what was printed last: of a file, a list, or what was found"),
    command("find", "f", "TEXT", Desk::find, "look for a text in all sources and artifacts"),
    command("artifacts", "", "", |d, _| d.artifacts(), "the artifacts with their results"),
    command("checks", "", "", |d, _| d.checks(), "every check with its answer and the reason"),
    command("provenance", "", "", |d, _| d.provenance(), "the attestations and the links of the chain"),
    command("accept", "a", "[REASON|COUNT]", Desk::accept, "accept the item in front; what was not shown takes a reason, a group the number of files that it covers"),
    command("reject", "x", "REASON", Desk::reject, "reject the item in front, with a reason"),
    command("again", "", "", |d, _| d.take_up(), "judge an item again whose ruling was carried over from an earlier review"),
    command("answer", "", "yes|no|n/a", Desk::answer, "answer the question in front"),
    command("note", "", "TEXT", Desk::note, "write a note on the place in front"),
    command("finding", "", "[note|problem|blocking] TEXT", Desk::finding, "file a finding on the place in front, with its digests; a problem when nothing else is said"),
    command("findings", "", "", |d, _| d.findings(), "findings, notes and answers so far"),
    command("close", "", "ID REASON", |d, t| d.end_finding(t, super::rule::Ending::Close), "close a finding, with a reason"),
    command("withdraw", "", "ID REASON", |d, t| d.end_finding(t, super::rule::Ending::Withdraw), "withdraw a finding that was none, with a reason"),
    command("reopen", "", "ID REASON", |d, t| d.end_finding(t, super::rule::Ending::Reopen), "open a finding again, with a reason"),
    command("undo", "u", "", |d, _| d.undo(), "take back the last ruling, note, finding or answer; the journal keeps both"),
    command("redo", "", "", |d, _| d.redo(), "do again what was taken back"),
    command("coverage", "c", "", |d, _| d.coverage_said(), "what was shown so far, and what was not looked at"),
    command("blockers", "", "", |d, _| d.blockers(), "what stands in the way of an approval"),
    command("sign", "", "", |d, _| d.how_to_sign(), "how to go on to sign; nothing is signed here"),
    command("report", "", "[all] NAME.html", |d, t| d.report(t, false), "write the item in front, or all artifacts, as a report without source; .json and .txt too"),
    command("report!", "", "[all] NAME.html", |d, t| d.report(t, true), "the same with lines of source, instructions and strings"),
    command("correct", "", "", |d, _| d.correct(), "begin the correction of a review that was signed"),
    command("jobs", "j", "", |d, _| d.jobs(), "what the machine is doing, and how far it is"),
    command("wait", "w", "", |d, _| d.wait(), "answer when everything is hashed, compared and checked; an empty line ends the waiting"),
    command("progress", "", "on|off", Desk::progress, "whether a line says by itself how far the machine is"),
    command("quit", "q", "", |d, _| d.quit(), "leave; everything that was done is saved"),
];

/// The command of that name, or short name.
pub(super) fn of(word: &str) -> Option<&'static Command> {
    TABLE.iter().find(|c| c.name == word || !c.short.is_empty() && c.short == word)
}

impl Desk {
    /// Answers a line.
    pub(super) fn line(&mut self, line: &[u8]) -> Say {
        if line.len() as u64 >= super::MAX_LINE {
            return Say::one("That line is too long; nothing was done.");
        }
        let Ok(text) = std::str::from_utf8(line) else { return Say::one("That line is not UTF-8; nothing was done.") };
        let text = text.trim();
        if text.is_empty() {
            return Say::default();
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        self.renew();
        match of(word) {
            Some(command) => (command.run)(self, rest.trim()),
            None => unknown(word),
        }
    }
}

/// What is said of a word that is no command. Nothing is done for it, however close it is to one.
fn unknown(word: &str) -> Say {
    let close: Vec<&str> = TABLE.iter().map(|c| c.name).filter(|name| name.starts_with(word) || word.starts_with(name)).collect();
    let close = if close.is_empty() { String::new() } else { format!(" Close to it: {}.", close.join(", ")) };
    Say::one(&format!("Unknown command: {}.{close} Type help for all of them.", crate::text::Shown::new(word).cut(40)))
}

fn help(_: &mut Desk, wanted: &str) -> Say {
    let mut say = Say::default();
    let told = |c: &Command| {
        let takes = if c.takes.is_empty() { String::new() } else { format!(" {}", c.takes) };
        let short = if c.short.is_empty() { String::new() } else { format!(" (short: {})", c.short) };
        format!("{}{takes}{short}: {}.", c.name, c.help)
    };
    if !wanted.is_empty() {
        return match of(wanted) {
            Some(command) => Say::one(&told(command)),
            None => unknown(wanted),
        };
    }
    TABLE.iter().for_each(|c| say.line(&told(c)));
    say
}

/// `docs/plain.md`.
#[must_use]
#[cfg(test)]
pub(super) fn commands_markdown() -> String {
    let mut out = String::from(include_str!("commands.md"));
    for c in TABLE {
        let takes = if c.takes.is_empty() { String::new() } else { format!(" {}", c.takes.replace('|', "\\|")) };
        let short = if c.short.is_empty() { String::new() } else { format!("`{}`", c.short) };
        out.push_str(&format!("| `{}{takes}` | {short} | {} |\n", c.name, c.help));
    }
    out
}
