//! The list over the screen: names, actions, and text everywhere.

use super::Bench;
use crate::checks::Facts;
use crate::model::{EntryKind, SourceEntry};
use crate::tui::action::Screen;
use crate::tui::app::{Dialog, Pane};
use crate::tui::fixture::facts;

#[test]
fn a_file_is_found_by_some_of_its_letters() {
    let mut bench = Bench::new(80, 24);
    bench.walk("<^P> updver");
    assert!(bench.row(4).contains("item      ?  src/update/verify.c"), "what is to be judged comes first: {}", bench.text());
    assert!(bench.row(6).contains("source    src/update/verify.c"), "{}", bench.text());
    bench.walk("<^N> <tab> <enter>");
    assert_eq!((bench.app.screen, bench.app.pane()), (Screen::Source, Pane::File));
    assert!(bench.text().contains("verify an update image"), "{}", bench.text());
    bench.walk("H");
    assert_eq!(bench.app.screen, Screen::Overview, "one step back from where it led");
}

#[test]
fn functions_items_findings_and_digests_are_found_too() {
    let mut bench = Bench::new(120, 40);
    bench.walk("<^P> verify_image <enter>");
    assert_eq!(bench.app.screen, Screen::Compare);
    assert!(bench.row(2).contains("verify_image"), "{}", bench.row(2));
    bench.walk("f bypassed<enter> 1 <^P> bypassed <enter>");
    assert_eq!((bench.app.screen, bench.app.pane()), (Screen::Findings, Pane::Notes));
    let node = bench.app.facts.comparisons[0].clone().expect("compared");
    let digest = node.digest.shipped.expect("hashed").to_string();
    bench.walk(&format!("1 <^P> {}", &digest[..12]));
    assert!(bench.row(4).contains("libupdate") && bench.row(4).contains(&digest[..20]), "{}", bench.text());
}

#[test]
fn every_action_is_found_with_its_key_and_a_ruling_is_never_made_from_a_list() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n :");
    assert!(bench.text().contains("What can be done here"), "{}", bench.text());
    bench.walk("samedifference <enter>");
    assert!(bench.row(-2).contains("no other file has the same difference"), "{}", bench.row(-2));
    for name in ["acceptthisitem", "rejectthisitem", "acceptarule"] {
        bench.walk(&format!(": {name} <enter>"));
        assert!(bench.rulings().is_empty() && bench.app.dialog.is_none());
        assert!(bench.row(-2).contains("a ruling is never made from a list"), "{name}: {}", bench.row(-2));
    }
    bench.walk("7 : opensigndialog <enter>");
    assert!(bench.app.dialog.is_none(), "the sign dialog opens by its own key only");
}

#[test]
fn words_are_completed_and_places_are_gone_to() {
    let mut bench = Bench::new(120, 40);
    bench.walk(": corr <tab>");
    assert!(matches!(&bench.app.dialog, Some(Dialog::Find(f)) if f.text == "correct"));
    bench.walk("<esc> n n : 0x4b80 <enter>");
    let row = bench.app.cursor(Pane::Listing).at;
    assert!(crate::tui::screens::row_text(&bench.app, Pane::Listing, row).contains("4b80"));
}

#[test]
fn text_is_searched_everywhere_and_the_list_is_there_again() {
    let mut bench = Bench::new(120, 40);
    bench.walk("g / verify");
    let text = bench.text();
    assert!(text.contains("src/update/verify.c:2") && text.contains("usr/lib/libupdate.so"), "{text}");
    assert!(text.contains("found in 9 files"), "{text}");
    bench.walk("j <bs> <tab> <enter>");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 1), "{}", bench.text());
    bench.walk("g / <esc>");
    assert!(bench.app.dialog.is_none());
    bench.walk("g /");
    assert!(matches!(&bench.app.dialog, Some(Dialog::Find(f)) if f.text == "verify" && f.at == 1), "as it was left");
    // The string of the library: no row has it among what is shown of that file, so its place is said.
    bench.walk("<pgdn> <enter>");
    assert!(bench.row(-2).contains("19,328 bytes into the file"), "{}", bench.row(-2));
}

#[test]
fn no_key_waits_for_a_hundred_thousand_names() {
    let mut all: Facts = facts();
    let mut tree = (**all.source.as_ref().expect("a tree")).clone();
    let entry =
        |n: usize| SourceEntry { path: format!("src/many/file{n}.c").as_str().into(), kind: EntryKind::File, id: String::new(), size: 1 };
    tree.entries.extend((0..100_000).map(entry));
    all.source = Some(tree.into());
    let mut bench = Bench::with(all, None, 80, 24);
    bench.walk("<^P> file99999");
    assert!(bench.app.idle_in().is_some_and(|pause| pause.is_zero()), "the rest is matched when nothing is typed");
    let count = |bench: &Bench| matches!(&bench.app.dialog, Some(Dialog::Find(f)) if f.count > 0);
    assert!(!count(&bench), "not all were looked at yet");
    for _ in 0..11 {
        bench.send(crate::tui::action::Input::Idle);
    }
    assert!(count(&bench) && bench.row(4).contains("src/many/file99999.c"), "{}", bench.text());
    assert!(bench.app.idle_in().is_none_or(|pause| !pause.is_zero()));
}

#[test]
fn uses_of_a_name_are_found_from_its_line_and_definitions_come_first() {
    let mut bench = Bench::new(120, 40);
    bench.walk("2 G <enter> g g j g d");
    let text = bench.text();
    assert!(text.contains(r"search \bverify_image\b") && text.contains("name 1 of 3, Tab the next"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|l| l.contains("verify.c:")).collect();
    assert!(rows.first().is_some_and(|r| r.contains("defines") && r.contains("verify.c:2 ")), "{text}");
    bench.walk("<tab>");
    assert!(bench.text().contains(r"search \bimg\b") && bench.text().contains("name 2 of 3"), "{}", bench.text());
    bench.walk("<tab> <tab> <enter>");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 1));
    bench.walk(":11<enter> g d");
    assert!(bench.app.dialog.is_none() && bench.row(-2).contains("no name"), "{}", bench.row(-2));
    bench.walk("g / <tab> x");
    assert!(!bench.text().contains("name 1 of"), "what was typed is no name of the line: {}", bench.text());
}
