//! Keys in, state out; and what is drawn, at every size.

mod finding;
mod frames;
mod hostile;
mod moving;
mod past;
mod report;
mod review;
mod saving;
mod shown;
mod signing;
mod source;

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Input, Screen};
use super::app::{Dialog, Pane, Purpose};
use super::fixture::{Bench, facts};
use super::theme::Theme;
use crate::checks::{Discovery, Facts};
use crate::model::{Node, NodeKind, ResultMark};
use crate::review::{Body, Ruling};
use crate::session::{News, Progress};
use frames::assert_printable;

/// Prints every screen, for looking at: `LOOK=120x40 WALK="n n,7" cargo test --lib look -- --ignored --nocapture`.
const SCREENS: [(&str, &str); 15] = [
    ("overview", "1"),
    ("overview_detail", "n"),
    ("source", "2 G <enter>"),
    ("provenance", "3 j j j j j j"),
    ("artifacts", "4"),
    ("compare", "n n"),
    ("compare_text", "n n n"),
    ("compare_rule", "n n n n n n n n"),
    ("findings", "n n f bypassed<enter> 6 y x"),
    ("signoff", "7"),
    ("sign", "7 S <enter>"),
    ("help", "n n ?"),
    ("find", "^P verify"),
    ("commands", "n n : group"),
    ("search_all", "g / verify"),
];

#[test]
fn an_offered_key_is_told_in_each_form_that_may_stand_on_paper() {
    let mut bench = Bench::new(120, 40);
    let text = bench.walk("3 G").text();
    assert_eq!(bench.app.claim(), Some(super::app::ClaimRow::Offer(0)));
    assert!(text.contains("key an offer  release<U+202E>@acme  SHA256:def"), "{text}");
    assert!(text.contains("counts for nothing: compare with paper"), "{text}");
    assert!(text.contains("2c70 e12b 7a06 46f9 2279 f427 c7b3 8e73"), "{text}");
    let words = crate::digest::words::words(&crate::digest::Sha256::of(b"key").0);
    assert!(text.contains(&format!("28  {}", words[28..].join(" "))), "{text}");
}

#[test]
fn n_opens_each_item_where_it_is() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n");
    assert!(bench.app.screen == Screen::Overview && bench.app.detail.is_some(), "a file that no manifest lists");
    bench.walk("n");
    assert_eq!(bench.app.screen, Screen::Compare);
    assert!(bench.row(-2).contains("difference 1 of 1 in verify_image · shown 1/3 · item 2 of 15"), "{}", bench.row(-2));
    bench.walk("n n n n");
    assert_eq!((bench.app.screen, bench.app.claim()), (Screen::Provenance, Some(super::app::ClaimRow::Answer(0, 3))));
    bench.walk("n");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 11), "at the hidden character");
    bench.walk("N N N N N");
    assert!(bench.row(2).contains("verify_image"));
}

#[test]
fn accepting_needs_everything_shown_or_a_reason() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n a");
    assert!(bench.rulings().is_empty());
    assert!(bench.row(-2).contains("2 of 3 differences not shown"), "{}", bench.row(-2));
    bench.walk("] a");
    assert!(bench.row(-2).contains("1 of 3 differences not shown"), "the second is in another function: {}", bench.row(-2));
    bench.walk("] a");
    assert_eq!(bench.rulings(), ["acompare:usr/lib/libupdate.so.2.4"]);
    assert!(bench.row(2).contains("gpj.conf"), "the next item opens");
    let shown = bench.recorded.iter().position(|b| matches!(b, Body::Shown { of: 3, .. }));
    let ruled = bench.recorded.iter().position(|b| matches!(b, Body::Ruled { .. }));
    assert!(shown.is_some() && shown < ruled, "what was shown is written before the ruling");
}

#[test]
fn a_second_press_asks_for_a_reason_and_any_other_key_between_forgets() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n a a <enter>");
    assert!(bench.rulings().is_empty() && bench.row(-1).contains("a reason is needed"));
    bench.walk("seen<space>elsewhere<enter>");
    assert_eq!(bench.rulings().len(), 1);
    assert_eq!(bench.app.state.rulings.values().next().map(|r| r.reason.as_str()), Some("seen elsewhere"));
    let mut bench = Bench::new(80, 24);
    bench.walk("n n a j a");
    assert!(bench.app.dialog.is_none() && bench.rulings().is_empty());
}

#[test]
fn rejecting_takes_a_reason_and_undo_takes_it_back() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n x <enter>");
    assert!(bench.rulings().is_empty());
    bench.walk("reason<esc>");
    assert!(bench.rulings().is_empty(), "Esc cancels");
    bench.walk("x reason<enter>");
    assert_eq!(bench.rulings(), ["xcompare:usr/lib/libupdate.so.2.4"]);
    bench.walk("u");
    assert!(bench.rulings().is_empty());
    bench.walk("<^r>");
    assert_eq!(bench.rulings(), ["xcompare:usr/lib/libupdate.so.2.4"]);
}

#[test]
fn a_group_is_accepted_by_typing_its_count() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n n n n n n a");
    assert!(bench.row(-2).contains("this covers 2 files"), "{}", bench.row(-2));
    bench.walk("A 3<enter>");
    assert!(bench.rulings().is_empty());
    bench.send(Input::Paste("2".into()));
    assert!(matches!(&bench.app.dialog, Some(Dialog::Prompt(p)) if p.text == "3"), "pasting is refused");
    bench.walk("<bs> 2<enter>");
    assert_eq!(bench.rulings(), ["arule:build-id"]);
    assert!(matches!(bench.recorded.iter().rfind(|b| matches!(b, Body::Ruled { .. })), Some(Body::Ruled { covers: 2, .. })));
}

#[test]
fn what_is_not_saved_did_not_happen() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n ] ]");
    bench.full = true;
    bench.walk("a");
    assert!(bench.rulings().is_empty());
    assert!(bench.row(-2).contains("NOT saved: no space left"), "{}", bench.row(-2));
    bench.full = false;
    bench.walk("a");
    assert_eq!(bench.rulings().len(), 1);
    let shown: usize = bench.recorded.iter().filter(|b| matches!(b, Body::Shown { item, .. } if item.contains("gpj"))).count();
    assert!(shown > 0, "what was shown was kept until it could be written");
}

#[test]
fn read_only_records_nothing() {
    let mut bench = Bench::with(facts(), Some("another instance has the journal".into()), 80, 24);
    bench.walk("n n a a x f c A u 6 y 7 S 2 G <enter> 1");
    assert!(bench.recorded.is_empty() && bench.app.dialog.is_none());
    assert!(bench.row(0).contains("READ-ONLY"));
}

#[test]
fn a_finding_has_place_digests_and_source_line() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n f signature<space>check<space>bypassed<enter>");
    let finding = bench.app.state.findings.first().expect("filed");
    assert_eq!((finding.id.as_str(), finding.title.as_str()), ("F1", "signature check bypassed"));
    assert_eq!(finding.at.address, Some(0x4b80));
    assert_eq!((finding.at.path.as_deref(), finding.at.line), (Some("src/update/verify.c"), Some(8)));
    assert!(finding.at.shipped.is_some() && finding.at.rebuilt.is_some() && finding.at.function.as_deref() == Some("verify_image"));
    bench.walk("6 <tab> C done<enter>");
    assert_eq!(bench.app.state.findings[0].closed.as_deref(), Some("done"));
    bench.walk("<enter>");
    assert_eq!(bench.app.screen, Screen::Compare, "Enter goes to its place");
}

#[test]
fn the_checklist_is_answered_on_its_screen_only() {
    let mut bench = Bench::new(80, 24);
    bench.walk("6 y x -");
    let answers: Vec<&str> = bench.app.state.answers.values().map(String::as_str).collect();
    assert_eq!(answers, ["yes", "n/a", "no"], "by id: announced, env, keys");
    bench.walk("-");
    assert_eq!(bench.app.state.answers.len(), 2, "the same answer again takes it back");
    bench.walk("<tab> y");
    assert_eq!(bench.app.state.answers.len(), 2);
}

#[test]
fn going_there_and_back() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n g s");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 7));
    bench.walk("g c");
    assert!(bench.app.screen == Screen::Compare && bench.row(2).contains("verify_image"));
    bench.walk("g a");
    assert_eq!(bench.app.screen, Screen::Artifacts);
    bench.walk("H H");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 7));
    bench.walk("L");
    assert_eq!(bench.app.screen, Screen::Compare);
    bench.walk("q q");
    assert!(matches!(bench.app.dialog, Some(Dialog::Leaving)));
    bench.walk("n");
    assert!(bench.app.dialog.is_none() && !bench.quit);
    bench.walk("q y");
    assert!(bench.quit);
}

#[test]
fn searching_steps_with_n_until_esc() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n / port<enter>");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 199);
    bench.walk("n");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::Listing).at), (Screen::Compare, 199));
    bench.walk("<esc> :42<enter>");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 41);
    bench.walk("/ nowhere<enter>");
    assert!(bench.row(-2).contains("not found"));
}

#[test]
fn escape_then_a_key_is_not_an_unknown_key() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n x rea<alt-a>");
    // Alt and a: Esc leaves the prompt, a is pressed on the screen.
    assert!(bench.app.dialog.is_none() && bench.rulings().is_empty());
    assert!(bench.row(-2).contains("not shown"), "{}", bench.row(-2));
}

#[test]
fn signing_needs_the_statement_read_and_the_release_typed() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S <enter> <enter> <enter>");
    assert_eq!(bench.signed, 0, "the statement was not read");
    bench.walk("<tab> acme-gateway<space>4.2.0 <enter>");
    assert_eq!(bench.signed, 0, "typed, not read");
    bench.walk("<pgdn> <pgdn> <pgdn> <pgdn> <pgdn> <pgdn> <pgdn> <pgdn> <pgdn>");
    assert!(bench.text().contains("complete: Enter signs"), "{}", bench.text());
    bench.walk("<bs> <enter>");
    assert_eq!(bench.signed, 0, "one character is missing");
    bench.walk("0 <enter>");
    assert_eq!(bench.signed, 1);
    assert!(bench.text().contains("Signed. The record is record.dsse.json"));
}

#[test]
fn the_sign_dialog_ignores_keys_that_were_on_their_way_and_pastes() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S");
    bench.pace = Duration::from_millis(50);
    bench.walk("<enter> <enter> <enter>");
    assert!(matches!(&bench.app.dialog, Some(Dialog::Sign(s)) if s.decision.is_none()), "within half a second nothing is chosen");
    bench.pace = Duration::from_millis(600);
    bench.walk("<enter> <tab>");
    bench.send(Input::Paste("acme-gateway 4.2.0".into()));
    assert!(matches!(&bench.app.dialog, Some(Dialog::Sign(s)) if s.release.is_empty()));
    bench.walk("<esc>");
    assert!(bench.app.dialog.is_none() && bench.signed == 0);
}

#[test]
fn approval_is_closed_while_something_is_open() {
    let mut bench = Bench::new(80, 24);
    bench.walk("7 S j j j j j");
    bench.walk("<esc> p");
    bench.send(Input::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE)));
    bench.send(Input::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE)));
    bench.send(Input::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE)));
    bench.walk("<enter>");
    assert!(bench.app.prepared.is_none());
    assert!(bench.row(-2).contains("approval is closed"), "{}", bench.row(-2));
}

#[test]
fn pending_is_never_drawn_as_same() {
    let full = facts();
    let mut bench = Bench::with(Facts::new(full.release.clone()), None, 80, 24);
    bench.walk("4");
    assert!(!bench.text().contains("same"), "{}", bench.text());
    assert!(bench.text().contains('…'));
    bench.walk("1 n");
    assert!(bench.row(3).contains("NOT SIGNABLE YET"));
    assert!(bench.row(-2).contains("not done"), "{}", bench.row(-2));
    let progress = Progress { job: "hashing", done: 1 << 20, total: 1 << 30, bytes: true, finished: false };
    bench.send(Input::News(News::Progress(progress)));
    assert!(bench.row(3).contains("hashing 1.0M of 1.0G"), "{}", bench.row(3));
}

#[test]
fn a_job_says_its_rate_and_the_time_left_by_the_clock_of_the_session() {
    let full = facts();
    let mut bench = Bench::with(Facts::new(full.release.clone()), None, 120, 40);
    let at = |done: u64, finished| Input::News(News::Progress(Progress { job: "hashing", done, total: 100 << 20, bytes: true, finished }));
    bench.pace = Duration::from_secs(1);
    bench.send(at(10 << 20, false));
    assert!(bench.row(-2).contains("hashing 10M of 100M …"), "nothing can be told yet: {}", bench.row(-2));
    for done in [11, 12, 13, 14] {
        bench.send(at(done << 20, false));
    }
    assert!(bench.row(-2).contains("hashing 14M of 100M, 1:26 left"), "1M a second: {}", bench.row(-2));
    bench.walk("J");
    assert!(bench.text().contains("hashing 14M of 100M, 1:26 left  1.0M/s  in 0:04"), "{}", bench.text());
    bench.send(at(100 << 20, true));
    assert!(bench.text().contains("hashing done") && bench.text().contains("in 0:0"), "{}", bench.text());
    // Begun again: what was before says nothing.
    bench.send(at(1 << 20, false));
    assert!(bench.text().contains("hashing 1.0M of 100M …"), "{}", bench.text());
}

#[test]
fn the_differing_instruction_of_one_file_among_5_000_is_three_keys_away() {
    let full = facts();
    let mut release = (*full.release).clone();
    let (differing, same) = (release.artifacts[0].clone(), release.artifacts[1].clone());
    release.artifacts = (0..5_000)
        .map(|i| {
            let mut artifact = if i == 3_333 { differing.clone() } else { same.clone() };
            artifact.name = format!("usr/share/{i:04}").into();
            artifact
        })
        .collect();
    release.files.retain(|f| !f.path.as_bytes().contains(&0x1b));
    let mut all = Facts::new(std::sync::Arc::new(release));
    let bad = full.comparisons[0].clone().expect("compared");
    for i in 0..5_000 {
        let same = Node::new(all.release.artifacts[i].name.clone(), NodeKind::Data, ResultMark::Identical);
        all.comparisons[i] = Some(if i == 3_333 { bad.clone() } else { std::sync::Arc::new(same) });
    }
    for keys in ["n", "4 <enter>", "g g <enter>"] {
        let mut bench = Bench::with(all.clone(), None, 120, 40);
        bench.walk(keys);
        let row = bench.app.loaded().and_then(|l| l.listing.rows.get(bench.app.cursor(Pane::Listing).at));
        let row = row.unwrap_or_else(|| panic!("{keys}: {}", bench.text()));
        assert!(bench.app.screen == Screen::Compare && row.mark.is_difference(), "{keys}: {}", bench.text());
    }
    // What the filter hides is said, by its mark and number.
    let mut bench = Bench::with(all, None, 120, 40);
    bench.walk("4");
    assert!(bench.row(2).contains("shown 1 row of 5,000 artifacts  filter !?<>~. hides 4,999 ="), "{}", bench.row(2));
}

#[test]
fn the_selected_item_stays_selected_when_worse_ones_come() {
    let full = facts();
    let mut bench = Bench::with(Facts::new(full.release.clone()), None, 80, 24);
    bench.send(Input::News(News::Discovery(Discovery::Compared(2, full.comparisons[2].clone().expect("compared")))));
    bench.now += Duration::from_secs(1);
    bench.send(Input::Idle);
    assert_eq!(bench.app.items.len(), 1);
    for i in [0, 1] {
        bench.send(Input::News(News::Discovery(Discovery::Compared(i, full.comparisons[i].clone().expect("compared")))));
    }
    bench.now += Duration::from_secs(1);
    bench.send(Input::Idle);
    assert_eq!(bench.app.items[bench.app.cursor(Pane::Queue).at].id, "compare:usr/share/fw/blob213.bin");
}

fn accepted(bench: &Bench) -> usize {
    bench.recorded.iter().filter(|b| matches!(b, Body::Ruled { ruling: Ruling::Accepted, .. })).count()
}

#[test]
fn random_keys_never_sign_and_accept_only_by_a() {
    let mut keys: Vec<KeyEvent> = "abcdefghijklmnopqrstuvwxyz0123456789ACFGHJLNSX?/:[]{}-='"
        .chars()
        .filter(|c| *c != 'q')
        .map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
        .collect();
    for code in [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::PageDown,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Char(' '),
    ] {
        keys.push(KeyEvent::new(code, KeyModifiers::NONE));
    }
    for c in ['d', 'u', 'r', 'f', 'b', 'o'] {
        keys.push(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
        keys.push(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT));
    }
    let mut all = 0;
    for seed in 0..6u64 {
        let mut bench = Bench::new(60 + u16::try_from(seed).unwrap_or(0) * 25, 16 + u16::try_from(seed).unwrap_or(0) * 6);
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for step in 0..400 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Some come often, so that items are ruled on and dialogs finished and left.
            let pick = usize::try_from(random >> 33).unwrap_or(0);
            let often = [KeyCode::Char('a'), KeyCode::Char('n'), KeyCode::Char(']'), KeyCode::Enter, KeyCode::Esc];
            let key = match pick % 3 {
                0 => KeyEvent::new(often[pick / 3 % often.len()], KeyModifiers::NONE),
                _ => keys[pick / 3 % keys.len()],
            };
            let before = accepted(&bench);
            let confirms = matches!(&bench.app.dialog, Some(Dialog::Prompt(p)) if matches!(p.purpose, Purpose::AcceptUnseen(_) | Purpose::AcceptGroup(..)));
            let typing = bench.app.dialog.is_some();
            bench.send(Input::Key(key));
            if accepted(&bench) > before {
                let by_key = key.code == KeyCode::Char('a') && !typing;
                let by_prompt = key.code == KeyCode::Enter && confirms;
                assert!(by_key || by_prompt, "seed {seed} step {step}: {key:?} accepted");
            }
            assert_eq!(bench.signed, 0);
            let at = ratatui::backend::Backend::get_cursor_position(bench.screen.backend_mut()).expect("a place");
            assert!(at.x < bench.app.size.0 && at.y < bench.app.size.1, "seed {seed} step {step}: the cursor is outside");
            if step % 25 == 0 {
                assert_printable(&bench, "random keys");
            }
            bench.quit = false;
        }
        all += accepted(&bench);
        assert!(bench.recorded.len() > 20, "the walk got somewhere: {}", bench.recorded.len());
    }
    assert!(all > 5, "random keys accept now and then: {all}");
}

#[allow(clippy::print_stderr)]
fn eprintln_time(what: &str, start: Duration) {
    eprintln!("{what}: {:?}", crate::session::uptime().saturating_sub(start));
}

#[test]
fn a_hundred_thousand_artifacts_stay_fast() {
    let mut release = (*facts().release).clone();
    let artifact = release.artifacts[0].clone();
    release.artifacts = (0..100_000)
        .map(|i| {
            let mut a = artifact.clone();
            a.name = format!("usr/share/doc/{i:06}/readme").into();
            a
        })
        .collect();
    let mut all = Facts::new(std::sync::Arc::new(release));
    for i in 0..100_000 {
        let result = if i % 1_000 == 7 { ResultMark::Different } else { ResultMark::Identical };
        all.comparisons[i] = Some(std::sync::Arc::new(Node::new(all.release.artifacts[i].name.clone(), NodeKind::Data, result)));
    }
    let start = crate::session::uptime();
    let mut bench = Bench::with(all, None, 120, 40);
    eprintln_time("open", start);
    bench.walk("4 F");
    let rows = bench.app.artifacts.len();
    assert_eq!(rows, 100_000);
    let start = crate::session::uptime();
    bench.walk("j j j <pgdn> G g g j j j j k k <pgdn> <pgdn> j j");
    let each = crate::session::uptime().saturating_sub(start) / 18;
    eprintln_time("18 keys", start);
    let start = crate::session::uptime();
    for i in 0..20_000u32 {
        let node = bench.app.facts.comparisons[i as usize].clone().expect("compared");
        bench.now += Duration::from_micros(50);
        let now = bench.now;
        drop(bench.app.update(Input::News(News::Discovery(Discovery::Compared(i as usize, node))), now));
    }
    eprintln_time("20,000 pieces of news", start);
    // A frame is a few milliseconds in a debug build; a walk over every row would be hundreds.
    assert!(each < Duration::from_millis(60), "{each:?} a key");
}

#[test]
fn n_starts_where_the_last_session_ended() {
    let state = crate::review::State { at: Some("compare:usr/share/fw/blob213.bin".into()), ..Default::default() };
    let app = super::App::new(facts(), super::fixture::policy(), state, None, Theme::default(), (80, 24));
    let mut bench = Bench::new(80, 24);
    bench.app = app;
    bench.draw();
    assert!(bench.row(2).contains("blob213.bin"), "{}", bench.row(2));
    assert!(bench.row(-2).contains("where you left"), "{}", bench.row(-2));
}

/// Rules on everything: what was not shown gets a reason, groups their count.
fn rule_on_everything(bench: &mut Bench) {
    for _ in 0..100 {
        if bench.app.open_count() == 0 {
            return;
        }
        bench.walk("n");
        let before = bench.app.open_count();
        let covers = bench.app.front().and_then(|i| bench.app.items.get(i)).map_or(1, |i| i.covers);
        match bench.app.front().and_then(|i| bench.app.items.get(i)).map(|i| i.class) {
            Some(crate::review::Class::Rule | crate::review::Class::Batch) => bench.walk(&format!("A {covers}<enter>")),
            Some(crate::review::Class::Question) => bench.walk("y"),
            _ => bench.walk("a"),
        };
        if bench.app.open_count() == before {
            bench.walk("a seen<space>elsewhere<enter>");
        }
    }
}

#[test]
fn the_whole_walk_ends_with_an_open_approval() {
    let mut bench = Bench::new(80, 24);
    rule_on_everything(&mut bench);
    assert_eq!(bench.app.screen, Screen::Signoff, "at 0 left the sign-off opens");
    assert_eq!(bench.app.state.answers.len(), 3, "n led through the checklist too");
    bench.walk("7");
    assert!(bench.text().contains("Every outcome is open"), "{}", bench.text());
    insta::assert_snapshot!("after_the_walk", format!("{}{}", bench.text(), bench.walk("1 <tab>").text()));
    bench.walk("7 S j j j <enter>");
    assert!(bench.text().contains("Sign: APPROVE"), "{}", bench.text());
}
