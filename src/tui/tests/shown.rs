//! What counts as shown, and what does not.

use super::{Bench, Dialog, Input, News, ResultMark, Screen, facts};
use crate::review::Body;

#[test]
fn only_what_was_drawn_counts_as_read() {
    let mut bench = Bench::new(60, 16);
    bench.walk("n n n n n n n n n n");
    assert_eq!(bench.app.screen, Screen::Source);
    let item = bench.app.items.iter().find(|i| i.id == "read:src/update/install.c").cloned().expect("a required read");
    let (shown, of) = bench.app.coverage(&item);
    assert!(shown > 0 && shown < of, "{shown} of {of} in a window of 16 rows");
    bench.walk("a");
    assert!(bench.row(-2).contains("lines not shown"), "{}", bench.row(-2));
    bench.walk("<space> <space> a");
    assert_eq!(bench.rulings(), ["aread:src/update/install.c"]);
    assert!(bench.recorded.iter().any(|b| matches!(b, Body::Read { from: 1, of: 16, .. })));
}

/// Goes to the second difference of the text file and draws it, without telling the application yet.
fn second_difference(bench: &mut Bench) -> (crate::tui::app::Drawn, crate::review::Item) {
    bench.walk("n n n");
    let item = bench.app.items[2].clone();
    assert_eq!(bench.app.coverage(&item), (1, 2));
    bench.app.act(crate::tui::action::Action::NextDifference);
    let (app, mut drawn) = (&bench.app, None);
    bench.screen.draw(|f| drawn = Some(crate::tui::screens::draw(app, f))).expect("drawn");
    (drawn.expect("drawn"), item)
}

#[test]
fn what_lies_behind_a_dialog_was_not_shown() {
    let mut bench = Bench::new(80, 24);
    let (drawn, item) = second_difference(&mut bench);
    bench.app.dialog = Some(Dialog::Jobs);
    bench.app.drawn(&drawn, true);
    assert_eq!(bench.app.coverage(&item), (1, 2));
    bench.app.dialog = None;
    bench.app.drawn(&drawn, true);
    assert_eq!(bench.app.coverage(&item), (2, 2));
}

#[test]
fn what_was_drawn_while_keys_waited_was_not_shown() {
    let mut bench = Bench::new(80, 24);
    let (drawn, item) = second_difference(&mut bench);
    bench.app.drawn(&drawn, false);
    assert_eq!(bench.app.coverage(&item), (1, 2));
    bench.app.drawn(&drawn, true);
    assert_eq!(bench.app.coverage(&item), (2, 2));
}

#[test]
fn a_change_right_of_the_edge_is_brought_in_and_does_not_count_before() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n G");
    assert!(!bench.text().contains("port = 22"));
    bench.walk("a");
    assert!(bench.row(-2).contains("1 of 2 differences not shown"), "{}", bench.row(-2));
    bench.walk("g g ] ]");
    assert!(bench.text().contains("port = 22"), "{}", bench.text());
    bench.walk("a");
    assert_eq!(bench.rulings().len(), 1);
}

#[test]
fn long_lines_are_wrapped_and_count_when_they_were_whole() {
    let mut bench = Bench::new(60, 16);
    bench.walk("2 G <enter>");
    let long = format!("{}\nshort\n{}\nlast\n", "word ".repeat(100), "x".repeat(20_000));
    let asked = bench.app.source.entry.expect("a file is open");
    bench.send(Input::News(News::SourceFile(0, Ok(long.as_bytes().into()))));
    bench.app.open_entry(0, 1);
    bench.draw();
    assert_ne!(asked, 0);
    let text = bench.text();
    assert!(text.matches("word").count() > 40 && !text.contains("read 75%"), "{text}");
    bench.walk("j j j");
    assert!(bench.text().contains("last"), "{}", bench.text());
    bench.walk("k k k");
    let read = bench.app.lines_read(0);
    assert!(read <= 3, "{read}: the line that is longer than the guard shows is never read");
}

#[test]
fn reading_sideways_does_not_count() {
    let mut bench = Bench::new(60, 16);
    bench.walk("2 l G");
    bench.app.sideways = 12;
    bench.walk("<enter>");
    let entry = bench.app.source.entry.expect("open");
    // Opening a file starts at its left edge.
    assert_eq!(bench.app.sideways, 0);
    let before = bench.app.lines_read(entry);
    assert!(before > 0);
    bench.walk("l <pgdn>");
    assert_eq!(bench.app.lines_read(entry), before);
    bench.walk("0");
    assert!(bench.app.lines_read(entry) > before);
}

#[test]
fn rows_that_were_cut_are_never_counted_as_shown() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n ] ]");
    let item = bench.app.items[2].clone();
    assert_eq!(bench.app.coverage(&item), (2, 2));
    let loaded = bench.app.loaded().expect("rows");
    let (key, mut listing) = (loaded.key.clone(), (*loaded.listing).clone());
    listing.cut = Some("over the bound of 200 rows".into());
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n");
    bench.send(Input::News(News::Listing(key, std::sync::Arc::new(listing))));
    bench.walk("g g ] ]");
    assert_eq!(bench.app.coverage(&item), (2, 3));
    assert!(bench.text().contains("over the bound of 200 rows"));
}

#[test]
fn differing_data_beside_differing_functions_must_be_shown_too() {
    let mut all = facts();
    let mut lib = (**all.comparisons[0].as_ref().expect("compared")).clone();
    let extent = crate::model::Extent { address: 0, size: 0x100, offset: 0x1_0000 };
    lib.regions.push(crate::model::RegionDiff {
        name: ".rodata".into(),
        result: ResultMark::Different,
        extent: crate::model::Sides::new(Some(extent), Some(extent)),
        account: crate::model::Sides::default(),
        loaded: true,
    });
    all.comparisons[0] = Some(std::sync::Arc::new(lib));
    let mut bench = Bench::with(all, None, 120, 40);
    bench.walk("n n ] ]");
    let item = bench.app.items[1].clone();
    assert_eq!(bench.app.coverage(&item), (3, 4));
    bench.walk("]");
    assert!(bench.text().contains(".rodata"));
    // The rows that were made have nothing of it: it was not shown, and accepting says so.
    bench.walk("a");
    assert!(bench.row(-2).contains("1 of 4 differences not shown"), "{}", bench.row(-2));
}
