//! `:report`: what is in front becomes a file, without a line of source unless that was asked for.

use crate::session::News;
use crate::tui::action::{Input, Screen};
use crate::tui::app::Dialog;
use crate::tui::fixture::{Bench, VERIFY, facts};

/// The text that was typed into the list over the screen.
fn typed(bench: &Bench) -> &str {
    match &bench.app.dialog {
        Some(Dialog::Find(finder)) => &finder.text,
        _ => panic!("no list is open"),
    }
}

/// Lines of the one source file, and rows of a listing, that a text has.
fn secrets(text: &str) -> Vec<&str> {
    let lines = VERIFY.lines().map(str::trim).filter(|l| l.len() > 8);
    lines.chain(["cbz", "became"]).filter(|l| text.contains(*l)).collect()
}

#[test]
fn compare_reports_its_item_without_source() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n : report<space>a.html<enter>");
    assert_eq!(bench.app.screen, Screen::Compare);
    let [(name, page)] = bench.reports.as_slice() else { panic!("{}", bench.row(-2)) };
    assert_eq!(name, "a.html");
    for wanted in ["acme-gateway 4.2.0", "compare:usr/lib/libupdate.so.2.4", "verify_image", "src/update/verify.c:8", "shown, no ruling"] {
        assert!(page.contains(wanted), "lacks {wanted}: {page}");
    }
    assert_eq!(secrets(page), Vec::<&str>::new(), "{page}");
    assert!(page.contains("free of source text"), "{page}");
    assert!(bench.row(-2).contains("report written: /state/reports/a.html"), "{}", bench.row(-2));
    assert!(bench.rulings().is_empty(), "a report rules on nothing");
}

#[test]
fn source_is_in_it_only_with_the_exclamation_mark() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n : report!<space>a.html<enter> : report!<space>a.json<enter> : report<space>b.json<enter>");
    let [(_, page), (_, json), (_, free)] = bench.reports.as_slice() else { panic!("{:?}", bench.row(-2)) };
    assert!(page.contains("contains source text") && page.contains("if (rc == 0)"), "{page}");
    assert!(json.contains("\"containsSource\": true") && json.contains("\"rows\""), "{json}");
    assert!(free.contains("\"containsSource\": false") && !free.contains("\"rows\""), "{free}");
    assert_eq!(secrets(free), Vec::<&str>::new(), "{free}");
}

#[test]
fn artifacts_reports_its_list_as_it_is_filtered() {
    let mut bench = Bench::new(120, 40);
    bench.walk("4 F F : report<space>list.txt<enter>");
    let (_, text) = bench.reports.first().expect("written");
    assert!(text.contains("those marked !, worst first"), "{text}");
    let hidden: usize = bench.app.hidden.values().sum();
    assert!(hidden > 1 && text.contains(&format!("the filter hides {hidden} rows: ")), "{text}");
    assert!(text.contains("1 equivalent") || text.contains("equivalent"), "{text}");
    let rows = bench.app.artifacts.len();
    bench.walk("F F F F F : report<space>all.txt<enter>");
    assert!(bench.app.artifacts.len() > rows, "everything is listed");
    let (_, all) = bench.reports.last().expect("written");
    assert!(!all.contains("the filter hides"), "{all}");
}

#[test]
fn a_name_that_leads_elsewhere_and_other_screens_say_what_to_do() {
    let mut bench = Bench::new(120, 40);
    for (walk, wanted) in [
        ("1 : report<space>a.html<enter>", "Overview has no report: Compare (5) reports the item in front, Artifacts (4) its list"),
        ("4 : report<space>../a.html<enter>", "a name without folders"),
        ("4 : report<space>/tmp/a.html<enter>", "a name without folders"),
        ("4 : report<space>a.pdf<enter>", "its end says the form: .html, .json or .txt"),
        ("4 : report<enter>", "a report needs a name"),
    ] {
        bench.walk(walk);
        assert!(bench.row(-2).contains(wanted), "{walk}: {}", bench.row(-2));
    }
    assert!(bench.reports.is_empty());
    bench.send(Input::News(News::Reported(Err("a.html is there already: choose another name".into()))));
    assert!(bench.row(-2).contains("no report was written: a.html is there already"), "{}", bench.row(-2));
}

#[test]
fn tab_proposes_a_name_and_then_the_other_forms() {
    let mut bench = Bench::new(120, 40);
    bench.walk("n n : report<tab>");
    let first = typed(&bench).to_owned();
    assert!(first.starts_with("report acme-gateway.4.2.0") || first.starts_with("report acme-gateway-4"), "{first}");
    assert!(first.ends_with("libupdate.so.2.4.html"), "{first}");
    bench.walk("<tab>");
    assert!(typed(&bench).ends_with("libupdate.so.2.4.json"), "{}", typed(&bench));
    bench.walk("<tab> <tab> <enter>");
    assert_eq!(bench.reports.len(), 1);
    assert_eq!(format!("report {}", bench.reports[0].0), first, "round the end");
    bench.walk(": report!<space>x<tab>");
    assert_eq!(typed(&bench), "report! x.html");
}

#[test]
fn while_the_comparison_runs_a_report_says_what_is_missing() {
    let mut early = facts();
    early.comparisons[0] = None;
    let mut bench = Bench::with(early, None, 120, 40);
    bench.walk("4 : report<space>a.txt<enter>");
    let (_, text) = bench.reports.first().expect("written");
    assert!(text.contains("NOT COMPLETE: the comparison is still running; 5 of 6 artifacts are compared"), "{text}");
    assert!(text.contains("usr/lib/libupdate.so.2.4"), "{text}");
    assert!(bench.row(-2).contains("still running"), "{}", bench.row(-2));
    let mut nothing = facts();
    nothing.comparisons.fill(None);
    let mut bench = Bench::with(nothing, None, 120, 40);
    bench.walk("5 : report<space>b.txt<enter>");
    assert!(bench.reports.is_empty() && bench.row(-2).contains("the comparison is still running: wait for it"), "{}", bench.row(-2));
}
