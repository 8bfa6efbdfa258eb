//! Lines in, answers and journal out, on the demonstration release.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::commands::{TABLE, commands_markdown};
use super::*;
use crate::review::Ruling;

/// A review of the demonstration by lines; a folder of its own for state and policy.
struct Talk {
    desk: Desk,
    news: Receiver<News>,
    folder: tempfile::TempDir,
}

impl Talk {
    fn new(counts: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = std::fs::read_to_string("testdata/demo/policy.toml").expect("read");
        std::fs::write(folder.path().join("policy.toml"), format!("text_twins_count = {counts}\n{policy}")).expect("written");
        std::fs::copy("testdata/demo/allowed_signers", folder.path().join("allowed_signers")).expect("copied");
        Self::open(folder, false)
    }

    fn open(folder: tempfile::TempDir, read_only: bool) -> Self {
        let (send, news) = channel();
        let options = Options {
            bundle: Some("testdata/demo/release.tar".into()),
            policy: Some(folder.path().join("policy.toml")),
            state: Some(folder.path().join("state")),
            reviewer: Some("bea".into()),
            read_only,
            ..Options::default()
        };
        let session = Session::start(options, Arc::new(move |n| drop(send.send(n)))).expect("it opens");
        let mut talk = Self { desk: Desk::new(session, Some("release.tar".into())), news, folder };
        talk.say("progress off");
        talk.say("wait");
        talk
    }

    /// The next session on the same review.
    fn again(self, read_only: bool) -> Self {
        let Self { desk, folder, .. } = self;
        drop(desk);
        Self::open(folder, read_only)
    }

    fn say(&mut self, line: &str) -> String {
        let mut said = self.desk.line(line.as_bytes());
        while self.desk.is_waiting() {
            let news = self.news.recv().expect("news");
            said.add(&self.desk.news(news));
        }
        said.text().to_owned()
    }

    fn rulings(&self) -> Vec<String> {
        let word = |r: Ruling| if r == Ruling::Accepted { "a" } else { "x" };
        self.desk.session.state().rulings.iter().map(|(id, r)| format!("{} {id} {}", word(r.ruling), r.reason)).collect()
    }
}

#[test]
fn the_document_is_the_table_of_commands() {
    let text = commands_markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/plain.md", &text).expect("written");
    }
    assert_eq!(std::fs::read_to_string("docs/plain.md").expect("docs/plain.md"), text, "run this test once with UPDATE_DOCS=1");
}

#[test]
fn every_command_of_the_help_is_answered_wherever_one_is() {
    let names: BTreeSet<&str> = TABLE.iter().flat_map(|c| [c.name, c.short]).filter(|n| !n.is_empty()).collect();
    assert_eq!(names.len(), TABLE.len() + TABLE.iter().filter(|c| !c.short.is_empty()).count(), "no name twice");
    // Where nothing counts as shown no command is enough to rule on anything.
    let mut talk = Talk::new(false);
    for line in talk.say("help").lines() {
        let name = line.split([' ', ':']).next().expect("a name");
        assert!(names.contains(name), "{line}");
        assert_eq!(talk.say(&format!("help {name}")).lines().count(), 1);
    }
    for place in ["", "item 1", "item 5", "item 8"] {
        for command in TABLE.iter().filter(|c| c.name != "quit") {
            talk.say(place);
            let answer = talk.say(command.name);
            assert!(!answer.trim().is_empty() && !answer.contains("Unknown"), "{place}: {}: {answer}", command.name);
        }
        assert!(talk.rulings().is_empty() && talk.desk.session.state().findings.is_empty(), "no command alone rules on anything");
    }
    assert_eq!(talk.say("fly").trim(), "Unknown command: fly. Type help for all of them.");
    assert!(talk.say("diff").contains("Unknown command: diff. Close to it: difference."));
    assert!(talk.say("re").contains("Close to it: reject, reopen, redo, report, report!."));
    assert!(talk.say("qui\u{202e}t").contains("<U+202E>"));
}

#[test]
fn accepting_takes_what_it_takes_in_the_console() {
    let mut talk = Talk::new(true);
    assert!(talk.say("next").starts_with("ALARM: update-agent."), "the worst first");
    assert!(talk.say("accept looks fine").contains("Not accepted yet: nothing of it was shown"), "a reason alone is not enough");
    assert!(talk.say("accept 7").contains("Not accepted yet"), "a number is no reason");
    let piece = talk.say("difference");
    assert!(piece.contains("Difference 1 of 1, in function verify_image, src/verify.c line 57."), "{piece}");
    assert!(piece.contains("shipped: at 15dc, bytes 6690, nop") && piece.contains("rebuilt: at 15dc, bytes 740f, je 0x15ed"), "{piece}");
    assert!(talk.say("accept").starts_with("ACCEPTED, saved: update-agent."));
    assert!(talk.say("accept").contains("Already accepted"));
    assert!(talk.say("undo").contains("Taken back") && talk.rulings().is_empty());
    assert!(talk.say("redo").contains("Done again") && talk.rulings().len() == 1);
    // A group takes its number.
    assert!(talk.say("item 7").starts_with("IDENTICAL"));
    assert!(talk.say("accept").contains("Type accept 1"));
    assert!(talk.say("accept 2").contains("That is not the number"));
    assert!(talk.say("accept 1").starts_with("ACCEPTED"));
    assert!(talk.say("item 8").starts_with("QUESTION") && talk.say("accept").contains("A question is answered"));
    assert!(talk.say("answer no").contains("Answered with no"));
    assert!(talk.say("item 2").starts_with("CANNOT BE CHECKED") && talk.say("reject").contains("a reason is needed"));
    assert!(talk.say("reject nobody says when").starts_with("REJECTED"));
    assert_eq!(
        talk.rulings(),
        ["a batch:identical ", "x claim:data/provenance/SHA256SUMS:0:open nobody says when", "a compare:update-agent "]
    );
}

#[test]
fn what_is_printed_counts_only_where_the_policy_counts_text() {
    for counts in [true, false] {
        let mut talk = Talk::new(counts);
        let greeting = talk.desk.greeting();
        assert_eq!(greeting.text().contains("does NOT count as shown"), !counts, "{}", greeting.text());
        talk.say("item 1");
        talk.say("difference");
        talk.say("source src/verify.c");
        assert!(talk.say("more").contains("22 more lines"));
        let item = talk.desk.items[0].clone();
        let state = talk.desk.session.state();
        assert_eq!(state.shown_of(&item), if counts { (1, 1) } else { (0, 0) });
        let lines: u64 = state.read.values().map(|(lines, _)| lines.len()).sum();
        assert_eq!(lines, if counts { 40 } else { 0 });
        talk.say("accept");
        assert_eq!(talk.say("accept heard every line").starts_with("ACCEPTED"), !counts, "with counting it was accepted before");
        assert_eq!(talk.rulings().len(), 1);
    }
}

#[test]
fn a_file_that_must_be_read_is_accepted_when_it_was_read() {
    let mut talk = Talk::new(true);
    assert!(talk.say("item 5").contains("MUST BE READ: src/install.c."));
    let part = talk.say("difference");
    assert!(part.contains("src/install.c, lines 1 to 20 of 62.") && part.lines().any(|l| l.starts_with("20: ")), "{part}");
    assert!(talk.say("accept").contains("42 of 62 lines are not shown"));
    talk.say("difference");
    talk.say("difference");
    talk.say("difference");
    assert!(talk.say("difference").contains("That was the last: all 62 shown."));
    assert!(talk.say("accept").starts_with("ACCEPTED"));
    let counted = talk.desk.facts.source_lines.clone().expect("lines");
    let (entry, _) = (0..counted.len()).map(|e| (e, ())).find(|(e, ())| counted[*e] == Some(62)).expect("a file of 62 lines");
    assert_eq!(talk.desk.read_entry(entry).expect("readable").len(), 62, "lines are counted as the machine counts them");
    for (entry, lines) in counted.iter().enumerate() {
        assert_eq!(Some(talk.desk.read_entry(entry).expect("readable").len() as u64), *lines, "entry {entry}");
    }
}

#[test]
fn a_finding_has_place_and_digests_and_no_source() {
    let mut talk = Talk::new(true);
    talk.say("next");
    talk.say("difference");
    let said = talk.say("finding blocking the check of the image is skipped");
    assert!(said.contains("Finding F1 saved, blocking, on update-agent") && said.contains("src/verify.c:57"), "{said}");
    talk.say("source src/install.c 3");
    assert!(talk.say("finding no severity given").contains("problem, on src/install.c, src/install.c:3-22"));
    assert!(talk.say("note a word").contains("Note saved"));
    let findings = talk.desk.session.state().findings.clone();
    let at = &findings[0].at;
    assert_eq!((at.address, at.to_address, at.function.as_deref()), (Some(0x15dc), Some(0x15de), Some("verify_image")));
    assert!(at.shipped.is_some() && at.rebuilt.is_some() && at.range.is_some() && at.blob.is_some());
    let at = &findings[1].at;
    assert!(at.content.is_some() && at.span.is_some() && at.item.as_deref() == Some("compare:update-agent"));
    assert!(talk.say("findings").starts_with("OPEN: F1, blocking. the check of the image is skipped."));
    assert!(talk.say("close F1").contains("A reason is needed") && talk.say("close F1 it was a test").contains("F1 is closed"));
    assert!(talk.say("reopen F1 it was none").contains("open again") && talk.say("withdraw F9 x").contains("Say which finding"));
}

#[test]
fn the_next_session_goes_on_and_a_read_only_one_changes_nothing() {
    let mut talk = Talk::new(true);
    talk.say("item 3");
    assert!(talk.say("quit").contains("Bye") && talk.desk.is_over());
    let mut talk = talk.again(false);
    assert!(talk.desk.greeting().text().contains("Last time in front: claim:data/provenance/gateway-update.intoto.jsonl"));
    assert!(talk.say("item").contains("Item 3 of 11"));
    let events = talk.desk.session.state().events.len();
    let mut talk = talk.again(true);
    for line in ["item 1", "difference", "accept", "accept because", "reject because", "note x", "finding x", "undo", "correct", "quit"] {
        talk.say(line);
    }
    assert_eq!(talk.desk.session.state().events.len(), events, "nothing was written");
    assert!(talk.say("accept").contains("Read-only"));
}

#[test]
fn a_ruling_on_what_was_computed_anew_is_not_taken() {
    let mut talk = Talk::new(true);
    talk.say("item 1");
    talk.say("difference");
    talk.desk.items[0].digest = "0".repeat(64);
    let said = talk.say("accept");
    assert!(said.contains("computed it anew meanwhile; nothing was ruled") && said.contains("ALARM: update-agent"), "{said}");
    assert!(talk.rulings().is_empty());
}

#[test]
fn differences_are_those_of_the_text_twin() {
    let made = Path::new("testdata/pairs/made");
    let mut numbered = 0;
    for other in ["backdoor", "dated", "other-comment", "stripped", "packed", "lower", "reordered", "no-debug"] {
        let limits = crate::model::Limits::default();
        let done =
            crate::session::compare_paths(&made.join(other), &made.join("clean"), None, &[], None, &limits, &|_| {}).expect("compared");
        let node = &done.node;
        if node.evidence.is_none() || node.result.is_equal() {
            continue;
        }
        let printed = crate::report::rows::print(node, &mut String::new());
        let (pieces, of) = rows::of(node);
        let numbers: BTreeSet<u32> = pieces.iter().flat_map(|p| p.numbers.iter().copied()).collect();
        assert_eq!(of, printed.of, "{other}");
        assert_eq!(numbers, printed.differences.into_iter().collect(), "{other}");
        numbered += numbers.len();
    }
    assert!(numbered > 3, "something differs");
}

#[test]
fn a_line_is_one_line_and_obeyed_by_nobody() {
    let mut say = Say::default();
    say.line("a\nb\u{1b}[2J\u{202e}\r");
    assert_eq!(say.text(), "a<0A>b<1B>[2J<U+202E><0D>\n");
    let mut talk = Talk::new(false);
    let said = |talk: &mut Talk, line: &[u8]| talk.desk.line(line).text().to_owned();
    assert!(said(&mut talk, b"\xff\xfe\n").contains("not UTF-8"));
    assert!(said(&mut talk, &vec![b'x'; MAX_LINE as usize]).contains("too long"));
    assert_eq!(said(&mut talk, b"  \n"), "");
}

#[test]
fn a_report_is_of_the_item_in_front_or_of_all_and_goes_into_one_folder() {
    let mut talk = Talk::new(true);
    talk.say("item 1");
    let said = talk.say("report one.html");
    assert!(said.contains("a report of the item in front. It is free of source text.") && said.contains("Report written: "), "{said}");
    assert!(talk.say("report all list.json").contains("a report of all artifacts"));
    assert!(talk.say("report! one.txt").contains("It contains source text."));
    assert!(talk.say("report one.html").contains("No report was written: ") && talk.say("report ../x.html").contains("without folders"));
    let reports = talk.folder.path().join("state/reports");
    let read = |name: &str| std::fs::read_to_string(reports.join(name)).expect(name);
    assert!(read("one.html").contains("compare:update-agent") && !read("one.html").contains("showconf"));
    assert!(read("list.json").contains("showconf") && read("one.txt").contains("equal_constant_time(tag, image"));
    assert!(!read("one.html").contains("equal_constant_time(tag"));
}
