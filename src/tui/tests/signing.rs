//! The ceremony of signing: each rule as keys in and state out.

use std::path::Path;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::review::Decision;
use crate::session::News;
use crate::tui::action::{Effect, Input};
use crate::tui::app::{Dialog, Field, SignBox};
use crate::tui::fixture::{Bench, prepared};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn dialog(bench: &Bench) -> &SignBox {
    match &bench.app.dialog {
        Some(Dialog::Sign(sign)) => sign,
        _ => panic!("no sign dialog:\n{}", bench.text()),
    }
}

/// Down to that outcome and Enter.
fn choose(bench: &mut Bench, decision: Decision) {
    let at = Decision::ALL.iter().position(|d| *d == decision).expect("an outcome");
    bench.walk(&"j ".repeat(at));
    bench.walk("<enter>");
}

/// Pages to the last line; how many keys that took.
fn read(bench: &mut Bench) -> usize {
    for n in 0..200 {
        if !bench.text().contains("lines to go") {
            return n;
        }
        bench.walk("<pgdn>");
    }
    panic!("no end of the statement:\n{}", bench.text());
}

#[test]
fn the_dialog_is_behind_one_key_of_one_screen() {
    let mut bench = Bench::new(80, 24);
    for screen in 1..=6 {
        bench.walk(&format!("{screen} S"));
        assert!(bench.app.dialog.is_none(), "screen {screen}");
    }
    for command in ["S", "sign", "7S"] {
        bench.walk(&format!("7 :{command}<enter>"));
        assert!(bench.app.dialog.is_none() && bench.signed == 0, "{command}: {}", bench.row(-2));
    }
    bench.walk("7 ? sign<space>dialog<enter>");
    assert!(bench.app.dialog.is_none() && bench.row(-2).contains("press that key itself"), "{}", bench.row(-2));
    bench.walk("S");
    dialog(&bench);
}

#[test]
fn enter_does_nothing_at_any_step_that_is_not_complete() {
    for (columns, rows) in SIZES {
        let mut bench = Bench::new(columns, rows);
        bench.walk("7 S");
        choose(&mut bench, Decision::Rejected);
        // (what is done, what the dialog asks for)
        for (keys, asks) in [("", "lines to go"), ("<pgdn>", "lines to go"), ("<tab>", "lines to go"), ("acme-gateway", "lines to go")] {
            bench.walk(keys).walk("<enter> <enter>");
            // At 200x60 all of it may be in sight at once.
            assert!(bench.signed == 0, "{columns}x{rows} after {keys}");
            assert!(bench.text().contains(asks) || bench.text().contains("type the release"), "{}", bench.text());
        }
        read(&mut bench);
        bench.walk("<enter>");
        assert!(bench.signed == 0 && bench.text().contains("type the release to sign: acme-gateway 4.2.0"), "{}", bench.text());
        for wrong in ["<space>4.2.0<space>", "<bs><bs>1", "<bs>O", "<bs>0x"] {
            bench.walk(wrong).walk("<enter>");
            assert_eq!(bench.signed, 0, "{columns}x{rows}: {:?}", dialog(&bench).release);
        }
        bench.walk("<bs>");
        assert_eq!(dialog(&bench).release, "acme-gateway 4.2.0");
        assert!(bench.text().contains("complete: Enter signs"), "{}", bench.text());
        bench.walk("<tab> <tab> <^u> <enter>");
        assert!(bench.signed == 0 && bench.text().contains("say where the record goes"), "{}", bench.text());
        bench.walk("r.json <enter>");
        assert_eq!(bench.signed, 1);
    }
}

#[test]
fn before_an_outcome_is_chosen_nothing_else_can_be_done() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <tab> acme-gateway<space>4.2.0 <pgdn> <space>");
    let sign = dialog(&bench);
    assert!((sign.field, sign.release.as_str(), sign.decision) == (Field::Statement, "", None));
    assert_eq!(sign.choice, 0, "the cursor is on the least committing outcome");
    assert!(bench.text().contains("choose an outcome and press Enter"), "{}", bench.text());
    assert!(bench.app.prepared.is_none() && bench.signed == 0);
}

#[test]
fn escape_leaves_at_every_step_and_nothing_is_signed() {
    for steps in 0..6 {
        let mut bench = Bench::new(80, 24);
        bench.walk("7 S");
        for step in ["<enter>", "<pgdn>", "<tab>", "acme-gateway<space>4.2.0", "<tab> <tab> key"].iter().take(steps) {
            bench.walk(step);
        }
        bench.walk("<esc>");
        assert!(bench.app.dialog.is_none() && bench.signed == 0, "after {steps} steps");
        assert!(bench.row(-2).contains("nothing was signed"), "{}", bench.row(-2));
    }
}

#[test]
fn keys_that_were_on_their_way_do_not_reach_a_button_that_has_just_come_or_moved() {
    let mut bench = Bench::new(80, 24);
    let soon = Duration::from_millis(1);
    let late = Duration::from_millis(600);
    bench.walk("7 S");
    bench.pace = soon;
    bench.walk("<enter> <enter> j j <enter>");
    assert!(dialog(&bench).decision.is_none(), "just opened");
    bench.pace = late;
    choose(&mut bench, Decision::Rejected);
    bench.pace = soon;
    bench.walk("<pgdn> <tab> x");
    let sign = dialog(&bench);
    assert!(sign.top == 0 && sign.field == Field::Statement, "the statement has just come");
    bench.pace = late;
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0");
    assert!(bench.text().contains("complete: Enter signs"));
    bench.pace = soon;
    bench.send(Input::Resize(120, 40));
    bench.walk("<enter> <enter>");
    assert_eq!(bench.signed, 0, "the button moved");
    bench.pace = late;
    bench.walk("<enter>");
    assert!(bench.signed == 0 && bench.text().contains("lines to go"), "wrapped anew it is read anew");
    read(&mut bench);
    bench.walk("<enter>");
    assert_eq!(bench.signed, 1);
}

#[test]
fn a_paste_is_refused_in_every_field() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    read(&mut bench);
    for _ in 0..3 {
        bench.walk("<tab>");
        let sign = dialog(&bench);
        let before = (sign.release.clone(), sign.key.clone(), sign.output.clone());
        bench.send(Input::Paste("acme-gateway 4.2.0\n".into()));
        let sign = dialog(&bench);
        assert_eq!(before, (sign.release.clone(), sign.key.clone(), sign.output.clone()));
        assert!(bench.text().contains("pasting is refused"), "{}", bench.text());
    }
    assert_eq!(bench.signed, 0);
}

#[test]
fn the_end_does_not_make_the_middle_seen_and_frames_that_nobody_saw_do_not_count() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    let all = bench.app.statement.len();
    let (top, page) = (all - 5, dialog(&bench).page);
    if let Some(Dialog::Sign(sign)) = &mut bench.app.dialog {
        sign.top = top;
    }
    bench.draw();
    assert_eq!(dialog(&bench).seen, page, "only the first page was seen");
    // Drawn while keys waited: not seen.
    if let Some(Dialog::Sign(sign)) = &mut bench.app.dialog {
        sign.top = page;
    }
    let mut drawn = None;
    let app = &bench.app;
    bench.screen.draw(|frame| drawn = Some(crate::tui::screens::draw(app, frame))).expect("drawn");
    bench.app.drawn(&drawn.expect("drawn"), false);
    assert_eq!(dialog(&bench).seen, page);
}

#[test]
fn the_honest_outcome_is_never_harder_than_an_approval() {
    let cost = |decision: Decision, ruled: bool| {
        let mut bench = Bench::new(80, 24);
        if ruled {
            super::rule_on_everything(&mut bench);
        }
        bench.walk("7 S");
        choose(&mut bench, decision);
        if dialog(&bench).decision != Some(decision) {
            return None;
        }
        let pages = read(&mut bench);
        bench.walk("<tab> acme-gateway<space>4.2.0 <enter>");
        assert_eq!(bench.signed, 1, "{decision:?}");
        Some(pages)
    };
    let approval = cost(Decision::Approved, true).expect("open once all is done");
    assert_eq!(cost(Decision::Approved, false), None, "closed while anything is open");
    for decision in [Decision::Incomplete, Decision::Rejected, Decision::ApprovedWithFindings] {
        for ruled in [false, true] {
            assert!(cost(decision, ruled).is_some_and(|pages| pages <= approval), "{decision:?}");
        }
    }
}

#[test]
fn what_is_signed_is_the_outcome_that_was_chosen_and_the_statement_that_was_read() {
    for decision in [Decision::Incomplete, Decision::Rejected, Decision::ApprovedWithFindings] {
        let mut bench = Bench::new(120, 40);
        bench.walk("7 S");
        choose(&mut bench, decision);
        read(&mut bench);
        bench.walk("<tab> acme-gateway<space>4.2.0");
        bench.now += Duration::from_secs(1);
        let enter = Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        let effects = bench.app.update(enter, bench.now);
        let signing: Vec<_> = effects
            .iter()
            .filter_map(|e| match e {
                Effect::Sign { prepared, output, .. } => Some((prepared.decision, prepared.payload.clone(), output.clone())),
                _ => None,
            })
            .collect();
        let [(signed, payload, output)] = signing.as_slice() else { panic!("one signature: {}", signing.len()) };
        assert_eq!((*signed, output.as_path()), (decision, Path::new("record.dsse.json")));
        assert_eq!(*payload, prepared(decision).payload);
        assert!(bench.app.update(Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)), bench.now).is_empty(), "once");
    }
}

#[test]
fn a_bundle_that_changed_closes_the_way_to_the_key() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0");
    let why = "data/shipped/a changed since it was first read: nothing was signed";
    bench.send(Input::News(News::Prepared(Box::new(Err(why.into())))));
    assert!(bench.text().contains("changed since it was first read"), "{}", bench.text());
    assert!(dialog(&bench).decision.is_none());
    bench.walk("<enter>");
    assert_eq!(bench.signed, 0, "Enter asks for the statement again");
}

#[test]
fn a_key_that_fails_is_told_and_can_be_tried_again() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0");
    // It is typed where the key is used, never here.
    assert!(!bench.text().contains("passphrase"), "{}", bench.text());
    bench.send(Input::News(News::Signed(Err("the passphrase does not open the key".into()))));
    assert!(bench.text().contains("NOT signed: the passphrase does not open the key"), "{}", bench.text());
    bench.walk("<enter>");
    assert_eq!(bench.signed, 1);
}

#[test]
fn another_key_makes_another_statement_that_is_read_from_its_first_line() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0 <tab> <^u> other.key <tab>");
    assert!(bench.text().contains("lines to go"), "{}", bench.text());
    bench.walk("<enter>");
    assert_eq!(bench.signed, 0);
}

#[test]
fn a_record_that_the_journal_does_not_know_of_is_told() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter>");
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0");
    bench.full = true;
    bench.walk("<enter>");
    assert_eq!(bench.signed, 1);
    assert!(bench.row(0).contains("NOT SAVED") && bench.row(-2).contains("NOT saved"), "{}\n{}", bench.row(0), bench.row(-2));
    bench.full = false;
    bench.walk(":save<enter>");
    assert!(bench.app.state.sealed().is_some() && bench.row(0).contains("READ-ONLY"), "{}", bench.row(0));
}

#[test]
fn after_signing_the_screen_says_where_record_and_dossier_are_and_shows_every_byte_of_them() {
    let mut bench = Bench::new(120, 40);
    bench.walk("7 S <enter>");
    read(&mut bench);
    bench.walk("<tab> acme-gateway<space>4.2.0 <enter> k");
    let text = bench.text();
    assert!(text.contains("The record is record.dsse.json") && text.contains("Its dossier is record.dsse.dossier.json"), "{text}");
    assert!(bench.app.statement.iter().all(|row| row.width() <= bench.app.statement_width()), "wrapped for the pane, not for the dialog");
    bench.walk("P");
    assert!(bench.text().contains("byte row 1 that left") && bench.text().contains("Every byte that was written"), "{}", bench.text());
    bench.walk("G");
    assert!(bench.text().contains("byte row 90 that left"), "{}", bench.text());
}

#[test]
fn every_byte_that_would_leave_is_on_the_screen_before_anything_is_signed() {
    for (columns, rows) in SIZES {
        let mut bench = Bench::new(columns, rows);
        bench.walk("7 P");
        assert!(matches!(bench.app.dialog, Some(Dialog::Outcome(0))), "it depends on the outcome");
        bench.walk("<enter>");
        assert!(bench.text().contains("Every byte that would leave: INCOMPLETE  90 rows"), "{}", bench.text());
        let mut seen = String::new();
        for _ in 0..20 {
            seen.push_str(&bench.text());
            bench.walk("<pgdn>");
        }
        assert!((1..=90).all(|i| seen.contains(&format!("byte row {i} that would leave"))));
        bench.walk("/row<space>77<enter>");
        assert!(bench.text().contains("byte row 77"));
        bench.walk("<esc> q");
        assert!(bench.text().contains("The exact statement") && bench.signed == 0, "{}", bench.text());
        // The statement is made for itself next time.
        bench.walk("p <enter>");
        assert!(bench.app.sheet.is_none());
    }
}

#[test]
fn the_seal_is_in_the_header_and_a_lesser_one_in_every_window() {
    use crate::session::seal::Level;
    for (columns, rows) in SIZES {
        for (level, says) in
            [(Level::Full, "sealed  OPEN"), (Level::SeccompOnly, "  seal: seccomp-only  OPEN"), (Level::None, "NO SEAL  OPEN")]
        {
            let mut bench = Bench::new(columns, rows);
            bench.app.sealed(level);
            bench.draw();
            let whole_in_a_narrow_window = level == Level::Full && columns == 80;
            let said = bench.row(0).contains(says) || columns < 200 && bench.row(0).contains("  seccomp  OPEN");
            assert!(whole_in_a_narrow_window || said, "{columns}: {}", bench.row(0));
            bench.app.saved = "14:02".to_owned();
            bench.draw();
            assert!(bench.row(0).contains("saved 14:02"), "{columns}: {}", bench.row(0));
        }
    }
}
