//! What a person ruled beside what the machine computed, and what counts as looked at.

use super::{Bench, facts};
use crate::review::Class;
use crate::tui::action::Screen;
use crate::tui::app::Pane;

/// Opens items with `n` until one of that class is in front.
fn until(bench: &mut Bench, class: Class) {
    for _ in 0..40 {
        bench.walk("n");
        if bench.app.front().and_then(|i| bench.app.items.get(i)).is_some_and(|i| i.class == class) {
            return;
        }
    }
    panic!("no item of {class:?}:\n{}", bench.text());
}

#[test]
fn a_ruling_changes_no_mark_of_the_machine() {
    let mut bench = Bench::new(120, 40);
    let machine = |bench: &Bench| bench.app.items.iter().map(|i| (i.id.clone(), i.mark)).collect::<Vec<_>>();
    let before = machine(&bench);
    bench.walk("n n a a fine<enter> n x wrong<enter> 1");
    assert!(bench.rulings().len() >= 2);
    assert_eq!(machine(&bench), before);
    let row = bench.text().lines().find(|l| l.contains("libupdate.so.2.4")).map(str::to_owned).unwrap_or_default();
    assert!(row.contains("!a "), "both columns stand side by side: {row}");
}

#[test]
fn n_leads_through_the_checklist_and_a_is_no_answer() {
    let mut bench = Bench::new(80, 24);
    until(&mut bench, Class::Question);
    assert_eq!((bench.app.screen, bench.app.pane(), bench.app.cursor(Pane::Checklist).at), (Screen::Findings, Pane::Checklist, 0));
    bench.walk("a");
    assert!(bench.row(-2).contains("a question is answered"), "{}", bench.row(-2));
    let open = bench.app.open_count();
    bench.walk("y");
    assert_eq!((bench.app.open_count(), bench.app.state.answers.len()), (open - 1, 1));
    bench.walk("n");
    assert_eq!(bench.app.cursor(Pane::Checklist).at, 1, "the next question");
    assert!(bench.rulings().is_empty());
}

#[test]
fn required_reading_that_is_not_there_is_an_item_with_its_reason() {
    let mut all = facts();
    std::sync::Arc::make_mut(&mut all.release).required.push("src/gone.c".into());
    let mut bench = Bench::with(all, None, 120, 40);
    until(&mut bench, Class::Claim);
    let mut seen = bench.text();
    bench.walk("n");
    seen.push_str(&bench.text());
    assert!(seen.contains("src/gone.c") && seen.contains("no file of the source is called that"), "{seen}");
}

/// The release with the number of lines that each source file has.
fn with_lines() -> crate::checks::Facts {
    let mut all = facts();
    let lines = crate::model::line_count(super::super::fixture::VERIFY.as_bytes());
    all.learn(crate::checks::Discovery::SourceLines([lines, None, lines, lines, lines].into()));
    all
}

#[test]
fn files_and_folders_say_how_much_of_them_was_shown() {
    let mut bench = Bench::with(with_lines(), None, 80, 24);
    bench.walk("2 G <enter>");
    let text = bench.text();
    let row = |name: &str| {
        text.lines().find(|l| l.trim_start().starts_with(name)).map(|l| l.chars().take(24).collect::<String>()).unwrap_or_default()
    };
    assert!(row("verify.c").contains(" all"), "{text}");
    assert!(row("v update/").contains(" 50%") && row("v src/").contains(" 33%"), "{text}");
    assert!(!row("install.c").contains('%') && !row("Makefile").contains('%'));
}

#[test]
fn what_was_shown_is_summed_up_before_signing() {
    let mut bench = Bench::with(with_lines(), None, 120, 40);
    bench.walk("2 G <enter> 7");
    let text = bench.text();
    assert!(text.contains("16 of 64 lines of source (25.0%)"), "{text}");
    let coverage = bench.app.totals.clone().expect("made for this screen");
    assert!(coverage.not_looked_at().contains(&"source src/update/install.c".to_owned()));
    assert!(coverage.not_looked_at().contains(&"source logo.png".to_owned()), "what is no text is listed too");
    assert!(!coverage.not_looked_at().iter().any(|l| l.contains("verify.c")));
    assert!(bench.rulings().is_empty() && bench.app.open_count() == bench.app.items.len(), "shown is not ruled");
}

#[test]
fn a_window_that_is_too_small_shows_nothing() {
    let mut bench = Bench::with(with_lines(), None, 59, 16);
    bench.walk("2 G <enter> <pgdn> 5 n n n ] ]");
    let seen =
        |bench: &Bench| bench.recorded.iter().any(|b| matches!(b, crate::review::Body::Shown { .. } | crate::review::Body::Read { .. }));
    bench.now += std::time::Duration::from_secs(5);
    bench.send(crate::tui::action::Input::Idle);
    assert!(!seen(&bench), "{:?}", bench.recorded);
}

#[test]
fn a_finding_on_selected_lines_has_their_span_and_digests_and_no_text() {
    let mut bench = Bench::new(120, 40);
    bench.walk("2 G <enter> g g j s j j");
    assert!(bench.row(-2).contains("3 rows selected"), "{}", bench.row(-2));
    assert!(bench.text().lines().any(|l| l.contains(">   4")), "the rows are marked: {}", bench.text());
    bench.walk("f <tab> checked<space>twice<enter>");
    let finding = bench.app.state.findings.first().expect("filed");
    let text = super::super::fixture::VERIFY;
    let lines: String = text.split_inclusive('\n').skip(1).take(3).collect();
    let sha = |bytes: &str| Some(crate::digest::Sha256::of(bytes.as_bytes()).to_string());
    assert_eq!((finding.at.line, finding.at.to_line, &finding.at.span, &finding.at.content), (Some(2), Some(4), &sha(&lines), &sha(text)));
    assert_eq!((finding.at.blob.as_deref(), finding.severity), (Some("05".repeat(20).as_str()), crate::review::FindingSeverity::Blocking));
    assert!(bench.app.selection.is_none(), "filed: the selection is over");
    let written = serde_json::to_string(&bench.recorded).expect("text");
    assert!(!written.contains("verify_image(") && !written.contains("dig["), "no source in the journal: {written}");
    bench.walk("6");
    assert!(bench.text().contains("src/update/verify.c:2-4"), "{}", bench.text());
}

#[test]
fn a_finding_on_selected_instructions_has_their_range_and_its_digest() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n k k s j j c odd<enter>");
    let note = bench.app.state.notes.first().expect("noted");
    let bytes = [0x48, 0x89, 0xe5, 0x48, 0x89, 0xe5, 0xeb, 0x07];
    assert_eq!((note.at.address, note.at.to_address), (Some(0x4a10 + 38 * 3), Some(0x4b82)));
    assert_eq!(note.at.range, Some(crate::digest::Sha256::of(&bytes).to_string()));
    assert_eq!(note.at.function.as_deref(), Some("verify_image"));
    bench.walk("s <esc>");
    assert!(bench.app.screen == Screen::Compare && bench.app.selection.is_none(), "Esc ends the selection first");
    bench.walk("g g s G f all<enter>");
    let finding = bench.app.state.findings.first().expect("filed");
    assert!(finding.at.address.is_some() && finding.at.range.is_none(), "rows were left out between: no digest says what was there");
}

#[test]
fn a_claim_is_named_by_its_question_and_the_digest_of_what_was_signed() {
    let mut bench = Bench::new(120, 40);
    until(&mut bench, Class::Claim);
    bench.walk("f no<space>digest<enter>");
    let finding = bench.app.state.findings.first().expect("filed");
    let signed = crate::digest::Sha256::of(b"{\n  \"_type\": \"x\x1b[31m\"\n}\n").to_string();
    assert_eq!((finding.at.field.as_deref(), &finding.at.statement), (Some("time"), &Some(signed)));
}

#[test]
fn findings_are_edited_withdrawn_opened_again_and_searched() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n f first<enter> f second<enter> c remark<enter> 6 <tab>");
    bench.walk("E <^u> other<space>words<tab><enter>");
    let told = |bench: &Bench, i: usize| {
        let f = &bench.app.state.findings[i];
        (f.title.clone(), f.severity.word(), f.standing())
    };
    assert_eq!(told(&bench, 0), ("other words".into(), "blocking", "open"));
    bench.walk("W <enter>");
    assert!(bench.row(-1).contains("a reason is needed"), "{}", bench.row(-1));
    bench.walk("not<space>one<enter>");
    assert_eq!(told(&bench, 0).2, "withdrawn");
    assert!(bench.text().contains("withdrawn: not one") && bench.text().contains("Findings: 1 open"), "{}", bench.text());
    bench.walk("u");
    assert_eq!(told(&bench, 0).2, "open");
    bench.walk("<^r>");
    assert_eq!(told(&bench, 0).2, "withdrawn");
    bench.walk("/ other<enter>");
    bench.walk("O looked<space>again<enter>");
    assert_eq!(told(&bench, 0).2, "open", "the search found it");
    bench.walk("<esc> / remark<enter> E <^u> changed<enter>");
    assert_eq!(bench.app.state.notes[0].text, "changed");
}

#[test]
fn what_the_vendor_answers_stays_a_claim() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n f why<enter>");
    let reply = crate::review::Body::Replied {
        id: "F1".into(),
        question: "q".into(),
        text: "it is \x1b[2Jfine \u{202E}".into(),
        who: "vendor@acme".into(),
        key: "SHA256:k".into(),
        file: String::new(),
    };
    let event = crate::review::Event { n: 99, time: "2026-11-03T15:00:00Z".into(), body: reply };
    bench.send(crate::tui::action::Input::Recorded(Box::new(event), String::new()));
    bench.walk("6 <tab>");
    let text = bench.text();
    assert!(text.contains("vendor@acme claims: it is <1B>[2Jfine <U+202E>"), "{text}");
    assert!(text.contains("F1 OPEN") && bench.app.state.findings[0].closed.is_none(), "an answer closes nothing");
}

#[test]
fn what_an_earlier_review_settled_comes_last_says_so_and_can_be_taken_up() {
    use crate::review::{Carried, CarriedRuling, Ruling};
    let mut bench = Bench::new(120, 40);
    let item = bench.app.items.iter().find(|i| i.id == "compare:usr/lib/libupdate.so.2.4").cloned().expect("an item");
    let ruling = |item: &str, digest: &str| CarriedRuling {
        item: item.into(),
        digest: digest.into(),
        ruling: Ruling::Accepted,
        reason: "seen in the lab".into(),
        sequence: 16,
        by: "alice".into(),
    };
    let rulings = vec![ruling(&item.id, &item.digest), ruling("compare:usr/share/fw/blob213.bin", "other content")];
    let handed = Carried { record: "rec16".into(), sequence: 16, rulings, read: Vec::new() };
    let news = || crate::tui::action::Input::News(crate::session::News::Previous(Ok(Box::new(handed.clone()))));
    let open = bench.app.open_count();
    bench.send(news());
    bench.now += std::time::Duration::from_secs(2);
    bench.send(crate::tui::action::Input::Idle);
    assert_eq!((bench.app.open_count(), bench.app.items.last().map(|i| i.id.as_str())), (open - 1, Some(item.id.as_str())));
    assert!(bench.rulings().is_empty(), "nobody ruled on it today");
    bench.walk("1 G");
    let text = bench.text();
    assert!(text.lines().any(|l| l.contains("!c ")), "its mark: {text}");
    bench.walk("a");
    assert!(bench.row(-2).contains("nothing of it was shown"), "{}", bench.row(-2));
    bench.walk("R");
    assert_eq!(bench.app.open_count(), open);
    bench.walk("u");
    assert_eq!(bench.app.open_count(), open - 1);
    let count = bench.recorded.len();
    bench.send(news());
    assert_eq!(bench.recorded.len(), count, "handed on once");
}

#[test]
fn the_list_of_what_was_not_looked_at_is_on_the_screen_and_leads_there() {
    let mut bench = Bench::new(120, 40);
    bench.walk("7 m");
    let rows: Vec<String> = bench.app.missed().iter().map(ToString::to_string).collect();
    assert!(rows.len() > 5 && rows.iter().any(|r| r == "source src/update/verify.c"), "{rows:?}");
    for (at, row) in rows.iter().enumerate() {
        assert!(bench.text().contains(row.as_str()), "{row}\n{}", bench.text());
        bench.walk("<enter>");
        assert!(bench.app.screen != crate::tui::action::Screen::Signoff, "row {at}, {row}: {}", bench.text());
        bench.walk("q");
        // Several levels where it led into a package.
        for _ in 0..4 {
            if bench.app.screen != crate::tui::action::Screen::Signoff {
                bench.walk("q");
            }
        }
        assert!(bench.app.sheet.is_some() && bench.app.screen == crate::tui::action::Screen::Signoff, "{row}\n{}", bench.text());
        // What was seen on the way is not in the list any more: on to the next that is.
        if let Some(next) = rows.get(at + 1) {
            let Some(to) = bench.app.missed().iter().position(|m| m.to_string() == *next) else { return };
            bench.app.put(crate::tui::app::Pane::Sheet, to);
            bench.draw();
        }
    }
}

#[test]
fn a_finding_on_a_link_or_a_check_has_the_digest_of_what_it_said() {
    let mut bench = Bench::new(120, 40);
    bench.walk("3 g g f odd<enter>");
    let at = bench.app.state.findings.last().expect("filed").at.clone();
    assert_eq!((at.place.as_str(), at.field.as_deref()), ("chain", Some("tree = commit")));
    assert_eq!(at.verdict, Some(crate::digest::Sha256::of(b"proven\0hashed").to_string()));
}
