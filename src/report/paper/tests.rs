use std::sync::Arc;

use super::*;
use crate::model::{
    Account, Cause, Evidence, Extent, Fact, FactGroup, FunctionDiff, LineMark, Listing, ListingRow, NodeKind, Place, Proof, RegionDiff,
    SideCell, Sides, SourceLine, SourceStatus, Tried, View,
};
use crate::text::{Role, Row};

/// A name that wants to be markup, to turn text round, and to end an attribute.
const NAME: &str = "<script>alert('x')</script>\"\u{202e}gpj&\u{1b}[31m";
/// What only a report with source may hold.
const SECRET: &str = "secret_of_the_source";

struct Rows;

impl Evidence for Rows {
    fn views(&self) -> Vec<View> {
        vec![View::Asm, View::Bytes]
    }

    fn listing(&self, _: Place, _: View) -> Listing {
        let cell = || Some(SideCell { number: 0x40, bytes: vec![0x75], text: Row::new().with(Role::Text, SECRET) });
        let row = ListingRow { mark: LineMark::Changed, cells: Sides::new(cell(), cell()), source: None, note: None };
        Listing { rows: vec![row], cut: None }
    }
}

fn node() -> Node {
    let mut node = Node::new(NAME.into(), NodeKind::Elf, ResultMark::Different);
    node.size = Sides::new(Some(100), Some(104));
    node.digest = Sides::new(Some(Sha256::of(b"a")), Some(Sha256::of(b"b")));
    let account = |identical| Account { identical, explained: [(Cause::Timestamp, 19)].into(), unexplained: 2 };
    node.account = Sides::new(account(79), account(83));
    node.why = format!("75 -> eb: {SECRET}");
    node.proofs.push(Proof {
        cause: Cause::Timestamp,
        spans: Sides::new(std::iter::once(0x20..0x33).collect(), std::iter::once(0x20..0x33).collect()),
        values: Sides::new("2026-03-02".into(), NAME.into()),
    });
    let turned = |at: &str| Untrusted::from(format!("{:?} at {at}", format!("{SECRET} \"%s\"")));
    node.proofs.push(Proof { cause: Cause::Reordering, spans: Sides::default(), values: Sides::new(turned("0x20"), turned("0x40")) });
    node.metadata.push(format!("the loader fills 0x8 with {SECRET:?} against 0x9"));
    node.tried.push(Tried { cause: Cause::AddressShift, why: SECRET.to_owned() });
    let extent = |address| Some(Extent { address, size: 34, offset: 0x40 });
    node.functions.push(FunctionDiff {
        name: NAME.into(),
        result: ResultMark::Different,
        extent: Sides::new(extent(0x4a34), extent(0x4a38)),
        changed: 1,
        source: Some(SourceLine { file: NAME.into(), line: 57, status: SourceStatus::MatchedByPath, inlined_from: None }),
        what: SECRET.to_owned(),
    });
    node.regions.push(RegionDiff {
        name: ".text".into(),
        result: ResultMark::Different,
        extent: Sides::new(extent(0x4000), extent(0x4000)),
        account: node.account.clone(),
        loaded: true,
    });
    let value = |v: &str| Some(v.into());
    node.facts.push(Fact {
        name: ".comment".into(),
        value: Sides::new(value(NAME), value("gcc 12")),
        group: FactGroup::Toolchain,
        lost: false,
    });
    node.evidence = Some(Arc::new(Rows));
    node
}

fn paper(with_source: bool) -> Paper {
    let about = About {
        release: Some((NAME.into(), "4.2".into(), Some(Sha256::of(b"bundle")))),
        view: "compare: one".to_owned(),
        item: Some((Shown::new(NAME).to_string(), "not looked at")),
        places: vec![NAME.to_owned()],
        hidden: [('=', 38), ('~', 1)].into(),
        pending: vec![NAME.into()],
        compared: (1, 2),
    };
    let files = vec![Reported { name: Shown::new(NAME).to_string(), root: Arc::new(node()), path: Vec::new() }];
    Paper { about, files, with_source }
}

fn line(file: &Untrusted, line: u32) -> Option<Shown> {
    assert_eq!((file.as_str(), line), (Some(NAME), 57));
    Some(Shown::new("if (tag != 0) return -1;"))
}

#[test]
fn a_report_says_all_that_those_who_build_need() {
    for form in [Form::Html, Form::Json, Form::Text] {
        let text = paper(false).write(form, &line);
        let digest = |bytes: &[u8]| Sha256::of(bytes).to_string();
        for wanted in
            [&digest(b"bundle"), &digest(b"a"), &digest(b"b"), "2026-03-02", "timestamp", "address-shift", "4.2", ".text", "different"]
        {
            assert!(text.contains(wanted), "{form:?} lacks {wanted}: {text}");
        }
        assert!(text.contains("the comparison is still running; 1 of 2 artifacts are compared"), "{text}");
        assert!(text.contains("the filter hides 39 rows: 38 identical, 1 equivalent"), "{text}");
        assert!(text.contains("free of source text") && !text.contains("contains source text"), "{text}");
        if form != Form::Json {
            for wanted in ["0x4a34", "0x4a38", "explained: timestamp", ":57", "104 bytes"] {
                assert!(text.contains(wanted), "{form:?} lacks {wanted}: {text}");
            }
        }
    }
}

#[test]
fn a_report_holds_source_only_when_it_was_asked_for_and_says_so() {
    for form in [Form::Html, Form::Json, Form::Text] {
        let free = paper(false).write(form, &line);
        assert!(!free.contains(SECRET) && !free.contains("tag != 0"), "{form:?}: {free}");
        let whole = paper(true).write(form, &line);
        assert!(whole.contains(SECRET) && whole.contains("contains source text"), "{form:?}: {whole}");
        assert!(form == Form::Json || whole.contains("if (tag != 0) return -1;"), "{form:?}: {whole}");
    }
}

#[test]
fn no_name_is_markup_and_none_turns_the_text_round() {
    for with_source in [false, true] {
        let html = paper(with_source).write(Form::Html, &line);
        assert!(!html.contains("<script") && !html.contains("alert('x')"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&lt;U+202E&gt;gpj&amp;&lt;1B&gt;[31m"), "{html}");
        for attribute in ["http", "src=", "url(", "href", "onload"] {
            assert!(!html.replace("http-equiv", "").contains(attribute), "{attribute} in {html}");
        }
        let json = paper(with_source).write(Form::Json, &line);
        assert!(json.is_ascii(), "{json}");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["schema"], "countersign-report/v1");
        for form in [Form::Html, Form::Text] {
            let text = paper(with_source).write(form, &line);
            assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text}");
        }
    }
}

#[test]
fn what_is_identical_is_a_row_and_no_section() {
    let mut root = Node::new("pkg".into(), NodeKind::Tar, ResultMark::Different);
    let mut same = Node::new("same".into(), NodeKind::Data, ResultMark::Identical);
    same.account = Sides::new(Account::all_identical(5), Account::all_identical(5));
    root.children = vec![same, node()];
    let root = Arc::new(root);
    let paper = Paper { about: About::default(), files: all_of(&root), with_source: false };
    let html = paper.write(Form::Html, &|_, _| None);
    assert_eq!(html.matches("<h2>").count(), 1, "{html}");
    assert!(html.contains("<td>pkg!same</td>"), "{html}");
}

#[test]
fn the_name_of_a_file_says_its_form() {
    assert_eq!(Form::of_name("a.html"), Some(Form::Html));
    assert_eq!((Form::of_name("a.json"), Form::of_name("a.txt"), Form::of_name("a.pdf")), (Some(Form::Json), Some(Form::Text), None));
}

#[test]
fn a_quoted_string_is_left_out_and_what_stands_around_it_is_not() {
    assert_eq!(without_strings(r#""a \"b\" \\" at 0x20"#), "(a string) at 0x20");
    assert_eq!(without_strings(r#"x "open"#), "x (a string)");
    assert_eq!(without_strings("main at 0x1100"), "main at 0x1100");
    let text = paper(false).write(Form::Text, &line);
    assert!(text.contains("(a string) at 0x20") && text.contains("the loader fills 0x8 with (a string) against 0x9"), "{text}");
}
