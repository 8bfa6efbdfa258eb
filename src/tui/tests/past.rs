//! The past of the file on Source: history, blame, and what changed since the tag before.

use super::Bench;
use crate::diff::history::{Blame, Walked};
use crate::session::{News, Past};
use crate::tui::action::{Input, Screen};
use crate::tui::app::{Layer, Pane};

const FILE: &str = "2 G <enter> ";

#[test]
fn the_past_at_two_sizes() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        for (name, walk) in [("uses", "g g j g d"), ("history", "g h"), ("change", "g h <enter>"), ("blame", "g b"), ("since", "g t q")] {
            let mut bench = Bench::new(columns, rows);
            insta::assert_snapshot!(format!("past_{name}_{columns}x{rows}"), bench.walk(FILE).walk(walk).text());
        }
    }
}

#[test]
fn q_goes_from_a_change_to_the_commits_and_from_there_to_the_file() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE).walk("g h j <enter>");
    assert_eq!((bench.app.past.layer, bench.app.pane()), (Some(Layer::Change), Pane::Change));
    assert!(bench.text().contains("before 7c7c7c7c | 7c7c7c7c  +2 -2"), "{}", bench.text());
    bench.walk("q");
    assert_eq!((bench.app.past.layer, bench.app.cursor(Pane::Commits).at), (Some(Layer::Commits), 1));
    bench.walk("q");
    assert_eq!((bench.app.past.layer, bench.app.pane(), bench.app.screen), (None, Pane::File, Screen::Source));
    bench.walk("q");
    assert_eq!(bench.app.screen, Screen::Overview);
}

#[test]
fn what_the_history_holds_is_shown_and_never_obeyed() {
    let mut bench = Bench::new(120, 40);
    let text = bench.walk(FILE).walk("g h").text();
    assert!(text.contains("Merge <U+202E>nothing") && text.contains("history incomplete: "), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn what_lies_in_place_of_the_file_is_not_read() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE);
    let fresh = Bench::new(120, 40);
    let before = bench.app.lines_read(4);
    assert!(before > 0 && fresh.app.lines_read(4) == 0);
    // The file is drawn once before the key: another one shows that nothing more is counted.
    let mut small = Bench::new(60, 16);
    small.walk(FILE);
    let shown = small.app.lines_read(4);
    let (entry, at) = (small.app.source.entry, small.app.cursor(Pane::File).at);
    small.walk("g h j j <space> ] <space>");
    assert_eq!((small.app.source.entry, small.app.cursor(Pane::File).at), (entry, at), "nothing moves behind the list");
    small.walk("<enter> <space> <space>");
    assert_eq!(small.app.lines_read(4), shown);
}

#[test]
fn blame_stands_beside_the_lines_and_enter_shows_the_commit_of_one() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE).walk("g b :8<enter>");
    let line = bench.text().lines().find(|l| l.contains("if (rc == 0)")).unwrap_or_default().to_owned();
    assert!(line.contains("8d8d8d8d") && line.contains(" 8 "), "{line}");
    bench.walk("<enter>");
    assert!(bench.text().contains("before 8d8d8d8d | 8d8d8d8d"), "{}", bench.text());
    bench.walk("q g b");
    assert!(!bench.text().contains("8d8d8d8d"), "{}", bench.text());
}

#[test]
fn a_blame_that_takes_long_is_in_the_list_of_jobs_until_nobody_waits_for_it() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE).walk("g b");
    let part = Blame { lines: vec![Some(0), None, None], ..Blame::default() };
    let id = 1;
    bench.send(Input::News(News::Past(Past::Blame { id, blame: part.into(), incomplete: None, finished: false })));
    bench.walk("J");
    assert!(bench.text().contains("finding the commits of the lines 1 of 3"), "{}", bench.text());
    bench.walk("<esc>");
    bench.app.forget_past();
    bench.walk("J");
    assert!(!bench.text().contains("finding the commits"), "{}", bench.text());
}

#[test]
fn lines_that_changed_since_the_tag_are_marked_and_stepped_to() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE).walk("g t");
    assert!(bench.text().contains("v4.1 | the version under review  +2 -2"), "{}", bench.text());
    bench.walk("f odd<enter>");
    let at = bench.app.state.findings.first().map(|f| (f.at.line, f.at.field.clone()));
    assert_eq!(at.and_then(|a| a.1).as_deref(), Some("v4.1 | the version under review"));
    bench.walk("q");
    let line = |text: &str| bench.text().lines().find(|l| l.contains(text)).unwrap_or_default().to_owned();
    assert!(line("if (rc == 0)").contains("8 !+ "), "{}", line("if (rc == 0)"));
    assert!(line("sha256(im->data").contains("6  - "), "a line is gone before it: {}", line("sha256(im->data"));
    bench.walk("g g ]");
    assert_eq!(bench.app.cursor(Pane::File).at, 5);
    bench.walk("]");
    assert_eq!(bench.app.cursor(Pane::File).at, 7);
    bench.walk("g t g g ]");
    assert_eq!(bench.app.cursor(Pane::File).at, 7, "where code differs");
    assert!(bench.app.past.since.is_none());
}

#[test]
fn answers_that_nobody_waits_for_are_dropped_and_failures_are_said() {
    let mut bench = Bench::new(120, 40);
    bench.walk(FILE).walk("g h");
    let commits = bench.app.past.commits.len();
    let late =
        Past::History { id: 9_999, commits: bench.app.past.commits.clone(), walked: Walked::default(), incomplete: None, finished: false };
    bench.send(Input::News(News::Past(late)));
    assert_eq!(bench.app.past.commits.len(), commits);
    bench.walk("q <tab> k <enter>");
    assert!(bench.app.past.commits.is_empty() && bench.app.past.layer.is_none(), "another file has another past");
    bench.walk("g h");
    let id = 2;
    bench.send(Input::News(News::Past(Past::Failed { id, why: "this source is no repository: it has no history".into() })));
    assert!(bench.row(-2).contains("no repository") && bench.app.past.layer.is_none(), "{}", bench.row(-2));
}
