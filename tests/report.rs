//! Reports to hand out: what they say of the demonstration release, and that no line of its source leaves with them.

// A test runs the program.
#![allow(clippy::disallowed_types)]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::review::quote::{Finder, disassembly};

mod common;

const DEMO: &str = "testdata/demo/release.tar";

fn run(args: &[&str]) -> (i32, String, String) {
    let out = Command::new(common::program()).args(args).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (out.status.code().expect("no signal"), text(out.stdout), text(out.stderr))
}

/// The sources of the demonstration release.
fn sources() -> Vec<PathBuf> {
    let mut open = vec![PathBuf::from("testdata/demo/src")];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).expect("a folder").map(|e| e.expect("an entry").path()));
        } else {
            found.push(path);
        }
    }
    found
}

/// Lines of the source that a text quotes.
fn quoted(text: &str) -> Vec<String> {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    let mut finder = Finder::new([text.as_str()]);
    for path in sources() {
        finder.look(&path.to_string_lossy(), &std::fs::read(&path).expect("a source"));
    }
    finder.found().into_iter().map(|q| format!("{}:{}", q.path, q.line)).collect()
}

#[test]
fn a_report_in_each_form_says_what_differs_and_holds_no_source() {
    assert!(sources().len() > 3);
    let state = tempfile::tempdir().expect("a folder");
    let state = state.path().to_string_lossy();
    for form in ["html", "json", "text"] {
        for view in [&["compare", "1"][..], &["compare"], &["artifacts"]] {
            let args: Vec<&str> = ["show", DEMO].iter().chain(view).copied().chain(["--format", form, "--state", &state]).collect();
            let (code, out, err) = run(&args);
            assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
            for wanted in [
                "gateway-update",
                "7bf5da81c2e05aa3d8eb42d382fb16142450424dcfb2b2858160e392e341c110",
                "update-agent",
                "verify_image",
                "src/verify.c",
                "timestamp",
                "2026-03-02 09:14:07",
                "14496",
                "free of source text",
            ] {
                assert!(out.contains(wanted), "{args:?} lacks {wanted}: {out}");
            }
            assert_eq!(quoted(&out), Vec::<String>::new(), "{args:?}");
            assert_eq!(out.lines().find_map(disassembly), None, "{args:?}");
            assert!(!out.contains("became") && !out.contains("66 90"), "an instruction in words: {args:?}: {out}");
        }
    }
}

#[test]
fn source_is_in_it_when_it_was_asked_for_and_the_head_says_so() {
    let state = tempfile::tempdir().expect("a folder");
    let state = state.path().to_string_lossy();
    for form in ["html", "json", "text"] {
        let (code, out, err) = run(&["show", DEMO, "compare", "1", "--format", form, "--with-source", "--state", &state]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("contains source text") && out.contains("push r13"), "{form}: {out}");
        assert!(form == "json" || quoted(&out).iter().any(|q| q.contains("verify.c")), "{form}: the line of the source: {out}");
    }
}

#[test]
fn strings_by_which_data_is_named_stay_here() {
    let made = Path::new("testdata/pairs/made");
    let clean = made.join("clean").to_string_lossy().into_owned();
    let mut named = 0;
    for entry in std::fs::read_dir(made).expect("a folder") {
        let other = entry.expect("an entry").path().to_string_lossy().into_owned();
        let (_, full, _) = run(&["compare", &other, &clean, "--format", "json"]);
        let (_, page, _) = run(&["compare", &other, &clean, "--format", "html"]);
        named += usize::from(full.contains("usage: gate DOOR PIN"));
        assert!(!page.contains("DOOR PIN") && !page.contains("&quot; at 0x"), "{other}: {page}");
        assert_eq!(page.lines().find_map(disassembly), None, "{other}");
    }
    assert!(named > 0, "the comparison itself names data by its strings");
}

#[test]
fn two_paths_make_a_report_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let side = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).expect("made");
        std::fs::write(path.join("<b>\u{202e}&.txt"), text).expect("written");
        path.to_string_lossy().into_owned()
    };
    let (a, b) = (side("a", "int secret_line(void);\n"), side("b", "int secret_line(int);\n"));
    let (code, page, _) = run(&["compare", &a, &b, "--format", "html"]);
    assert_eq!(code, 1);
    assert!(page.contains("&lt;b&gt;&lt;U+202E&gt;&amp;.txt") && !page.contains("<b>") && !page.contains('\u{202e}'), "{page}");
    assert!(!page.contains("secret_line"), "{page}");
    for side in [&a, &b] {
        std::fs::write(std::path::Path::new(side).join("same.txt"), "the same").expect("written");
    }
    let (_, page, _) = run(&["compare", &a, &b, "--format", "html"]);
    assert!(!page.contains("same.txt") && page.contains("the filter hides 1 row: 1 identical"), "{page}");
    let (_, page, _) = run(&["compare", &a, &b, "--format", "html", "--all"]);
    assert!(page.contains("same.txt") && !page.contains("filter hides"), "{page}");
    let (_, page, _) = run(&["compare", &a, &b, "--format", "html", "--with-source"]);
    assert!(page.contains("secret_line(int)") && page.contains("contains source text"), "{page}");
    let (code, _, err) = run(&["compare", &a, &b, "--with-source"]);
    assert_eq!((code, err.contains("--with-source is for --format html")), (2, true), "{err}");
}

#[test]
fn what_has_no_report_says_what_has_one() {
    let state = tempfile::tempdir().expect("a folder");
    let state_dir = state.path().to_string_lossy();
    for (view, wanted) in [
        (&["signoff"][..], "a report is made of `artifacts` and `compare`"),
        (&["artifacts", "1"], "artifacts takes no item"),
        (&["compare", "999"], "no item is called 999"),
        (&["compare", "checklist:keys"], "checklist:keys"),
    ] {
        let args: Vec<&str> = ["show", DEMO].iter().chain(view).copied().chain(["--format", "html", "--state", &state_dir]).collect();
        let (code, out, err) = run(&args);
        assert!(code == 2 && out.is_empty() && err.contains(wanted), "{args:?}: {code} {err}");
    }
    // Also where the policy counts what is printed, a report is for others.
    let policy = state.path().join("policy.toml");
    std::fs::write(&policy, "text_twins_count = true\n").expect("written");
    let policy = policy.to_string_lossy();
    let reviews = state.path().join("reviews");
    let journals = |folder: &Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let (code, ..) = run(&["show", DEMO, "compare", "1", "--format", "text", "--policy", &policy, "--state", &state_dir]);
    assert_eq!((code, journals(&reviews)), (0, 0));
    let (code, ..) = run(&["show", DEMO, "compare", "1", "--policy", &policy, "--state", &state_dir]);
    assert_eq!((code, journals(&reviews)), (0, 1));
}

#[test]
fn the_sealed_console_writes_a_report_into_its_folder_and_never_over_another() {
    for given in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, elsewhere) = (folder.path().join("state"), folder.path().join("elsewhere"));
        let (state_text, elsewhere_text) = (state.to_string_lossy(), elsewhere.to_string_lossy());
        let mut args = vec!["demo", "--state", &state_text];
        if given {
            args.extend(["--reports", &elsewhere_text]);
        }
        let reports = if given { elsewhere.clone() } else { state.join("reports") };
        let mut terminal = common::Terminal::start(&args, 140, 40);
        terminal.wait_for("1 file differs");
        terminal.keys("n");
        terminal.wait_for("verify_image");
        terminal.keys(":");
        terminal.write("report a.html\r");
        terminal.wait_for("report written");
        let page = std::fs::read_to_string(reports.join("a.html")).expect("it is there");
        assert!(page.contains("verify_image") && quoted(&page).is_empty(), "{page}");
        terminal.keys(":");
        terminal.write("report! a.html\r");
        terminal.wait_for("is there already");
        assert_eq!(std::fs::read_to_string(reports.join("a.html")).expect("still"), page);
        terminal.keys("\u{3}");
        terminal.wait_for("leave");
        terminal.keys("y");
    }
}
