//! Counts, marks, one pane alone, wrapping, hiding what is the same, and the mouse.

use std::time::Duration;

use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{Bench, Dialog, Input, Pane, Screen};
use crate::review::Body;

/// Types keys as fast as a person types two digits of one number.
fn fast(bench: &mut Bench, keys: &str) {
    let pace = std::mem::replace(&mut bench.pace, Duration::from_millis(120));
    bench.walk(keys);
    bench.pace = pace;
}

fn click(bench: &mut Bench, kind: MouseEventKind, column: usize, row: usize) {
    let [column, row] = [column, row].map(|n| u16::try_from(n).expect("small"));
    bench.send(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// Row and column (in cells) of a text on the screen.
fn place(bench: &Bench, text: &str) -> (usize, usize) {
    let screen = bench.text();
    let (row, line) = screen.lines().enumerate().find(|(_, l)| l.contains(text)).expect("on the screen");
    let before = &line[..line.find(text).expect("there")];
    (crate::text::Shown::new(before).width(), row)
}

const LEFT: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn two_digits_at_once_are_a_count_and_one_is_a_screen() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n");
    fast(&mut bench, "12j");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::Listing).at), (Screen::Compare, 111));
    fast(&mut bench, "150G");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 149);
    fast(&mut bench, "8k");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 141);
    fast(&mut bench, "10gg");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 9);
    bench.walk("4 5");
    assert_eq!(bench.app.screen, Screen::Compare, "with time between them each is a screen");
    for (digit, screen) in [("2", Screen::Source), ("3", Screen::Provenance), ("6", Screen::Findings), ("5", Screen::Compare)] {
        fast(&mut bench, digit);
        assert_eq!(bench.app.screen, screen, "and at any speed, until a key that moves follows");
    }
    bench.walk("n");
    bench.walk("5");
    fast(&mut bench, "4j");
    assert_eq!(bench.app.screen, Screen::Artifacts, "a digit and another key");
}

#[test]
fn a_count_leaves_no_trace_of_the_screen_that_its_first_digit_opened() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n g s");
    let back = bench.row(2);
    fast(&mut bench, "5");
    assert_eq!(bench.app.screen, Screen::Compare, "a digit is obeyed at once");
    fast(&mut bench, "58");
    assert!(bench.app.screen == Screen::Source && bench.row(-2).contains("558: a count"), "{}", bench.row(-2));
    bench.walk("<esc> H");
    assert_eq!(bench.app.screen, Screen::Compare, "H goes where it went before");
    bench.walk("L");
    assert_eq!(bench.row(2), back);
}

#[test]
fn nothing_counts_as_shown_before_a_digit_can_only_be_a_screen() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n");
    let shown = |bench: &Bench| bench.app.coverage(&bench.app.items[2]).0;
    assert_eq!(shown(&bench), 1);
    bench.walk("1");
    bench.app.compare.want = Some(crate::tui::app::Want::Last);
    bench.app.part_changed();
    bench.pace = Duration::from_millis(10);
    bench.walk("5");
    assert!(bench.text().contains("port = 22"), "the second difference is in the frame");
    assert_eq!(shown(&bench), 1, "and nobody had the time to look");
    assert!(bench.app.idle_in().is_some_and(|pause| pause <= Duration::from_millis(400)), "a frame is drawn when the time is over");
    bench.pace = Duration::from_millis(450);
    bench.send(Input::Idle);
    assert_eq!(shown(&bench), 2);
}

#[test]
fn a_count_rules_on_nothing() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n ] ]");
    for key in ["a", "x", "A", "f", "c", "u", "n", "q"] {
        fast(&mut bench, &format!("12{key}"));
        assert!(bench.rulings().is_empty(), "{key}");
        if bench.app.dialog.is_some() {
            bench.walk("<esc>");
        }
        fast(&mut bench, &format!("18{key}"));
        assert!(bench.app.dialog.is_none() && bench.rulings().is_empty(), "{key}");
        assert!(bench.row(-2).contains("nothing was done"), "{key}: {}", bench.row(-2));
    }
    bench.walk("5 a");
    assert_eq!(bench.rulings().len(), 1, "without a count it does");
}

#[test]
fn marks_are_set_and_gone_to_and_their_letters_do_nothing_else() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n ] ] m a 2 G <enter> j j m b 'a");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::Listing).at), (Screen::Compare, 199));
    assert!(bench.rulings().is_empty(), "the letter a accepts nothing");
    bench.walk("'b");
    assert_eq!((bench.app.screen, bench.app.cursor(Pane::File).at), (Screen::Source, 2));
    bench.walk("H");
    assert_eq!(bench.app.screen, Screen::Compare, "going to a mark can be taken back");
    bench.walk("'z");
    assert!(bench.row(-2).contains("there is no mark z"), "{}", bench.row(-2));
    bench.walk("m A");
    assert!(bench.app.dialog.is_none() && bench.row(-2).contains("a letter from a to z"));
    bench.walk("7 m");
    assert!(bench.text().contains("Not looked at"), "on Sign-off m is its own key");
}

#[test]
fn a_pane_alone_has_the_whole_window() {
    for (walk, whole, gone) in [
        ("1", "shipped, never rebuilt", "Does what was shipped"),
        ("2 G <enter>", "verify_image", "┌"),
        ("3", "Who built what", "Evidence"),
        ("4", "Artifacts", "Evidence"),
        ("n n", "SHIPPED", "What the difference is"),
        ("6", "Checklist", "Findings:"),
        ("7", "Before you can approve", "What you would sign"),
    ] {
        let mut bench = Bench::new(200, 60);
        bench.walk(walk).walk("z");
        let text = bench.text();
        assert!(text.contains("alone: z shows all panes") && text.contains(whole) && !text.contains(gone), "{walk}: {text}");
        bench.walk("z");
        assert!(!bench.text().contains("alone:"), "{walk}");
    }
    let mut bench = Bench::new(200, 60);
    bench.walk("n n z <tab>");
    assert!(bench.text().contains("differs 2/212") && !bench.text().contains("SHIPPED"), "Tab shows the other pane alone");
    bench.walk("4");
    assert!(!bench.text().contains("alone:"), "another screen has all its panes");
}

#[test]
fn lines_that_are_cut_are_not_read() {
    let mut bench = Bench::new(60, 16);
    bench.walk("2 G <enter> w");
    let long = format!("short\n{}\nlast\n", "word ".repeat(40));
    bench.send(Input::News(crate::session::News::SourceFile(0, Ok(long.as_bytes().into()))));
    bench.app.open_entry(0, 1);
    bench.draw();
    assert!(bench.text().matches("word").count() < 10 && bench.text().contains("last"), "{}", bench.text());
    assert_eq!(bench.app.lines_read(0), 2);
    bench.walk("w");
    assert!(bench.text().matches("word").count() == 40, "{}", bench.text());
    assert_eq!(bench.app.lines_read(0), 3);
}

#[test]
fn wrapped_rows_of_a_listing_show_all_of_their_change() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n w ]");
    // The changed part is right of the edge of a row that is cut.
    let text = bench.text();
    assert!(text.contains("port = 22"), "{text}");
    assert_eq!(bench.app.sideways, 0);
    assert_eq!(bench.app.coverage(&bench.app.items[2]), (2, 2));
    assert!(bench.row(-2).contains("difference 2 of 2"), "{}", bench.row(-2));
}

#[test]
fn same_rows_are_hidden_and_no_step_goes_to_them() {
    let mut bench = Bench::new(80, 24);
    bench.walk("n n n g g =");
    let text = bench.text();
    assert!(text.contains("rows are the same --"), "{text}");
    let far = bench.app.loaded().expect("rows").near.clone();
    assert!(far.len() < 20, "two differences and what is around them: {}", far.len());
    bench.walk("j j j j j j j j j j j j j j");
    assert!(far.contains(&bench.app.cursor(Pane::Listing).at) && bench.app.cursor(Pane::Listing).at > 150);
    bench.walk("G");
    assert_eq!(bench.app.cursor(Pane::Listing).at, *far.last().expect("some"));
    bench.walk("g g k :100<enter>");
    assert_eq!(bench.app.cursor(Pane::Listing).at, 99, "the row under the cursor is there, whatever is hidden");
    bench.walk("g g ] ]");
    assert_eq!(bench.app.coverage(&bench.app.items[2]), (2, 2), "both differences were shown");
    bench.walk(":100<enter> = j");
    assert!(!bench.text().contains("are the same --") && bench.app.cursor(Pane::Listing).at == 100);
}

#[test]
fn the_mouse_goes_to_tabs_panes_and_rows() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut bench = Bench::new(columns, rows);
        for screen in Screen::ALL {
            let (long, short) = screen.names();
            let name = if columns < 100 { short } else { long };
            let at = bench.row(1).find(&format!(" {name}")).expect("a tab");
            click(&mut bench, LEFT, at + 1, 1);
            assert_eq!(bench.app.screen, screen, "{name} at {columns}");
        }
        bench.walk("4");
        let (column, row) = place(&bench, "blob213.bin");
        click(&mut bench, LEFT, column, row);
        let at = bench.app.cursor(Pane::Files).at;
        let node = bench.app.artifact_node(&bench.app.artifacts[at]).expect("compared");
        assert!(node.name.shown().to_string().contains("blob213"), "{}", node.name.shown());
        bench.walk("2");
        let (column, row) = place(&bench, "logo.png");
        click(&mut bench, LEFT, column, row);
        assert_eq!(bench.app.pane(), Pane::Tree);
        let at = bench.screen.get_cursor_position().expect("a place");
        assert_eq!(usize::from(at.y), row, "the cursor is where the pointer was, at {columns}x{rows}: {}", bench.text());
    }
}

#[test]
fn the_wheel_scrolls_what_is_under_the_pointer() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n n g g");
    click(&mut bench, MouseEventKind::ScrollDown, 60, 10);
    let cursor = bench.app.cursor(Pane::Listing);
    assert_eq!((cursor.top, cursor.at), (3, 3), "the cursor stays inside");
    for _ in 0..200 {
        click(&mut bench, MouseEventKind::ScrollDown, 60, 10);
    }
    let cursor = bench.app.cursor(Pane::Listing);
    assert_eq!(cursor.top + cursor.height, bench.app.rows_of(Pane::Listing), "not past the end");
    click(&mut bench, MouseEventKind::ScrollUp, 60, 10);
    assert_eq!(bench.app.cursor(Pane::Listing).top, cursor.top - 3);
    bench.walk("?");
    click(&mut bench, MouseEventKind::ScrollDown, 60, 10);
    assert!(matches!(&bench.app.dialog, Some(Dialog::Help(help)) if help.at == 3));
}

#[test]
fn no_ruling_and_no_signature_is_made_with_the_mouse() {
    let kinds = [LEFT, MouseEventKind::Down(MouseButton::Right), MouseEventKind::ScrollDown, MouseEventKind::Up(MouseButton::Left)];
    for walk in ["n n n ] ] a", "n n x reason", "n n n n n n n n A 2", "7 S <enter>", "7 p", "6", "q", "n n n a", "?", ":"] {
        let mut bench = Bench::new(80, 24);
        bench.walk(walk);
        let (rulings, answers) = (bench.rulings(), bench.app.state.answers.len());
        let dialog = bench.app.dialog.is_some();
        for row in 0..24 {
            for column in [2, 30, 55] {
                for kind in kinds.into_iter().take(if column == 30 { 4 } else { 1 }) {
                    click(&mut bench, kind, column, row);
                }
            }
        }
        assert_eq!((bench.rulings(), bench.app.state.answers.len(), bench.signed, bench.quit), (rulings, answers, 0, false), "{walk}");
        assert_eq!(bench.app.dialog.is_some(), dialog, "{walk}: a dialog is neither opened nor closed");
        assert!(!bench.recorded.iter().any(|b| matches!(b, Body::Signed { .. })));
    }
    // A click between the two presses of `a` forgets the first.
    let mut bench = Bench::new(80, 24);
    bench.walk("n n a");
    click(&mut bench, LEFT, 40, 5);
    bench.walk("a");
    assert!(bench.app.dialog.is_none());
}
