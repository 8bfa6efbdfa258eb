//! What is kept, what is told when it cannot be, and where the next session starts.

use crate::checks::Discovery;
use crate::review::{Body, Decision, Event, Ruling, State};
use crate::session::News;
use crate::tui::action::{Input, Screen};
use crate::tui::app::{App, Pane};
use crate::tui::fixture::{Bench, facts, policy};
use crate::tui::theme::Theme;

/// The next session after that one: the same events, at the same size, while the machine still compares the first artifact.
fn unfinished(bench: &Bench) -> Bench {
    let events = bench.recorded.iter().zip(1..).map(|(body, n)| Event { n, time: "2026-11-03T14:02:11Z".into(), body: body.clone() });
    let state = State { reviewer: "A. Meyer".into(), ..State::fold(events.collect()) };
    let mut early = facts();
    early.comparisons[0] = None;
    let mut next = Bench::new(bench.app.size.0, bench.app.size.1);
    next.app = App::new(early, policy(), state, None, Theme::default(), bench.app.size);
    next.draw();
    next
}

fn finish(next: &mut Bench) {
    let late = facts().comparisons[0].clone().expect("compared");
    next.send(Input::News(News::Discovery(Discovery::Compared(0, late))));
}

fn again(bench: &Bench) -> Bench {
    let mut next = unfinished(bench);
    finish(&mut next);
    next
}

/// Everything between the header and the status line.
fn body(bench: &Bench) -> String {
    let text = bench.text();
    let lines: Vec<&str> = text.lines().collect();
    lines[2..lines.len() - 2].join("\n")
}

#[test]
fn the_next_session_opens_the_same_screen_at_the_same_line_and_scroll() {
    // A line of code far down, a line of source, a row of bytes, a covered file, a claim, an artifact, the checklist.
    let walks = ["n n ] ] j j j", "2 G <enter> G k k k k", "n n v j j", "n n n n n n n n j", "3 j j j j", "4 j j", "6 j", "7 <tab>"];
    for walk in walks {
        let mut bench = Bench::new(80, 24);
        bench.walk(walk);
        bench.walk("<^c> y");
        assert!(bench.quit, "{walk}");
        bench.app.dialog = None;
        bench.draw();
        let next = again(&bench);
        assert_eq!((next.app.screen, next.app.pane()), (bench.app.screen, bench.app.pane()), "{walk}");
        assert_eq!(body(&next), body(&bench), "{walk}");
    }
}

#[test]
fn a_reviewer_who_already_went_somewhere_is_not_moved_and_n_goes_on() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n n <^c> y");
    let mut next = unfinished(&bench);
    next.walk("4");
    finish(&mut next);
    assert_eq!(next.app.screen, Screen::Artifacts, "the screen is theirs");
    next.walk("n");
    assert!(next.row(2).contains("blob213.bin"), "{}", next.row(2));
}

#[test]
fn a_ruling_is_not_taken_while_the_screen_changes_by_itself() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n ] ] <^c> y");
    let mut next = unfinished(&bench);
    assert_eq!(next.app.screen, Screen::Overview);
    finish(&mut next);
    assert_eq!(next.app.screen, Screen::Compare);
    next.pace = std::time::Duration::from_millis(1);
    next.walk("a");
    assert!(next.rulings().is_empty() && next.row(-2).contains("press it again"), "{}", next.row(-2));
    next.pace = std::time::Duration::from_millis(600);
    next.walk("a");
    assert_eq!(next.rulings(), ["acompare:usr/lib/libupdate.so.2.4"]);
}

#[test]
fn what_could_not_be_written_is_kept_told_and_written_again() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n");
    bench.full = true;
    bench.walk("f the<space>check<space>is<space>skipped<enter>");
    assert!(bench.app.state.findings.is_empty(), "it did not happen");
    assert!(bench.row(-2).contains("NOT saved: no space left"), "{}", bench.row(-2));
    bench.walk("j");
    assert!(bench.row(0).contains("NOT SAVED"), "also after the message is gone: {}", bench.row(0));
    bench.walk(":save<enter>");
    assert!(bench.row(0).contains("NOT SAVED") && bench.app.unsaved.len() == 1, "still full");
    bench.walk("q q");
    assert!(bench.text().contains("1 NOT saved and lost when you leave"), "{}", bench.text());
    bench.walk("n");
    bench.full = false;
    bench.walk(":save<enter>");
    assert_eq!(bench.app.state.findings.len(), 1);
    assert_eq!(bench.app.state.findings[0].title, "the check is skipped");
    assert!(!bench.row(0).contains("NOT SAVED") && bench.app.unsaved.is_empty(), "{}", bench.row(0));
    bench.walk(":save<enter>");
    assert_eq!(bench.app.state.findings.len(), 1, "once");
    assert!(bench.row(-2).contains("everything is saved"), "{}", bench.row(-2));
}

#[test]
fn doing_it_again_is_not_written_twice() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n ] ]");
    bench.full = true;
    bench.walk("a");
    bench.full = false;
    bench.walk("a :save<enter>");
    assert_eq!(bench.recorded.iter().filter(|b| matches!(b, Body::Ruled { ruling: Ruling::Accepted, .. })).count(), 1);
}

#[test]
fn a_signed_review_is_closed_and_a_correction_carries_over() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n x no<enter>");
    let signed = Body::Signed { payload: "77".repeat(32), decision: Decision::Rejected, key: "k".into(), sequence: Some(1) };
    bench.recorded.push(signed.clone());
    let n = bench.recorded.len() as u64;
    bench.send(Input::Recorded(Box::new(Event { n, time: "2026-11-03T14:02:11Z".into(), body: signed }), "14:02".into()));
    assert!(bench.row(0).contains("READ-ONLY"));
    let before = bench.recorded.len();
    bench.walk("n a x f c u 6 y 7 S");
    assert_eq!(bench.recorded.len(), before, "nothing is written any more");
    assert!(bench.text().contains("signed on 2026-11-03 as rejected"), "{}", bench.text());
    bench.walk(":correct<enter>");
    assert!(bench.row(-2).contains("1 rulings are carried over"), "{}", bench.row(-2));
    assert!(bench.row(0).contains("OPEN") && bench.app.state.sealed().is_none());
    assert_eq!(bench.rulings(), ["xcompare:usr/lib/libupdate.so.2.4"]);
    bench.walk("6 y");
    assert!(matches!(bench.recorded.last(), Some(Body::Answered { .. })), "it can be worked on");
    let mut open = Bench::new(80, 24);
    open.walk(":correct<enter>");
    assert!(open.row(-2).contains("nothing was signed"), "{}", open.row(-2));
}

#[test]
fn enter_on_a_blocker_goes_there_and_q_comes_back() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n f broken<enter> 7");
    for row in 0..bench.app.blockers.len() {
        let blocker = bench.app.blockers[row].clone();
        bench.app.put(Pane::Blockers, row);
        bench.walk("<enter>");
        if blocker.done {
            assert_eq!(bench.app.screen, Screen::Signoff);
            continue;
        }
        let there = match &blocker.item {
            Some(item) => bench.app.item.as_ref() == Some(item),
            None if blocker.what.contains("checklist") => (bench.app.screen, bench.app.pane()) == (Screen::Findings, Pane::Checklist),
            None => (bench.app.screen, bench.app.pane()) == (Screen::Findings, Pane::Notes),
        };
        assert!(there, "{blocker:?}");
        bench.walk("q");
        if bench.app.screen != Screen::Signoff {
            bench.walk("q"); // an item of Overview shows its evidence first
        }
        assert_eq!((bench.app.screen, bench.app.pane(), bench.app.cursor(Pane::Blockers).at), (Screen::Signoff, Pane::Blockers, row));
    }
}
