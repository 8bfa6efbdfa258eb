//! What became of a source file.

use std::sync::Arc;

use super::{Bench, facts};
use crate::checks::Discovery;
use crate::model::{
    ArchiveReport, BuiltFrom, CodeShare, EntryKind, FlagPlace, ResultMark, Sides, SourceEntry, SourceFlag, SourceStatus, SourceTree,
    SourceUse,
};

/// The library of the release, with what its debug information claims.
fn with_share() -> crate::checks::Facts {
    let mut all = facts();
    let mut lib = (**all.comparisons[0].as_ref().expect("compared")).clone();
    let used = |name: &str, address: u64, lines, result| SourceUse {
        function: name.into(),
        address: Sides::new(Some(address), Some(address)),
        lines,
        result,
    };
    let mut built = BuiltFrom::default();
    built.uses.insert(
        "src/update/verify.c".into(),
        vec![used("verify_all", 0x1000, (200, 230), ResultMark::Different), used("verify_one", 0x2000, (10, 20), ResultMark::Identical)],
    );
    let by_status = [(SourceStatus::MatchedByPath, 900)].into();
    let share = CodeShare { total: 1000, dark: 100, by_status, odd: vec!["verify.c is odd".into()], ..CodeShare::default() };
    built.share = Sides::new(Some(share.clone()), Some(share));
    lib.built_from = Some(Arc::new(built));
    all.comparisons[0] = Some(Arc::new(lib));
    all
}

#[test]
fn a_source_file_says_what_it_was_built_into() {
    let mut bench = Bench::with(with_share(), None, 200, 60);
    bench.walk("n n g s");
    let text = bench.text();
    assert!(text.contains("src/update/verify.c"), "{text}");
    assert!(text.contains("built into usr/lib/libupdate.so"), "{text}");
    assert!(text.contains("2 functions, 1") && text.contains("verify_one"), "{text}");
}

#[test]
fn syntax_is_drawn_and_the_text_stays_as_the_guard_made_it() {
    use crate::session::{News, SyntaxLines};
    use crate::text::Role;
    use crate::tui::action::Input;
    let mut bench = Bench::new(120, 40);
    bench.walk("2 G <enter>");
    let file = bench.app.open_file().expect("open").clone();
    let plain: Vec<String> = (0..file.len()).map(|n| file.line(n).to_string()).collect();
    // Parts that end anywhere, also behind the end of the line, and in the line with a hidden character.
    let lines = (0..file.len()).map(|n| Box::from([(n as u32, Role::Keyword), (900, Role::Comment)])).collect();
    bench.send(Input::News(News::Syntax(SyntaxLines { entry: 4, first: 0, lines })));
    for (n, line) in plain.iter().enumerate() {
        let row = bench.app.source_row(4, &file, n);
        assert_eq!(row.plain(), *line, "line {n}");
        let coloured = row.0.iter().any(|s| s.role == Role::Comment && s.text.width() > 0);
        assert_eq!(coloured, line.len() > n && line.is_ascii() && !line.contains("<U+"), "line {n}: {row:?}");
    }
    let file = crate::tui::app::SourceText::new(b"\tif (x)\t/* y */".to_vec().into());
    bench.send(Input::News(News::Syntax(SyntaxLines {
        entry: 4,
        first: 0,
        lines: vec![Box::from([(8, Role::Keyword), (15, Role::Comment)])],
    })));
    let row = bench.app.source_row(4, &file, 0);
    assert_eq!(row.plain(), file.line(0).to_string());
    assert_eq!(
        row.0.iter().rfind(|s| s.text.width() > 0).map(|s| (s.role, s.text.to_string())),
        Some((Role::Comment, "/* y */".to_owned()))
    );
}

#[test]
fn the_share_and_what_is_odd_stand_beside_the_difference() {
    let mut bench = Bench::with(with_share(), None, 120, 40);
    bench.walk("n n");
    let text = bench.text();
    assert!(text.contains("code from reviewed source 90.0%"), "{text}");
    assert!(text.contains("verify.c is odd"), "{text}");
    assert!(!Bench::new(120, 40).walk("n n").text().contains("reviewed source"), "nothing is said where nothing is known");
}

/// The release with a source archive beside the tree: one file of it alone, and two pictures in the tree.
fn with_archive() -> crate::checks::Facts {
    let mut all = facts();
    let entry = |path: &str| SourceEntry { path: path.into(), kind: EntryKind::File, id: "ab".repeat(32), size: 9 };
    let further = SourceTree {
        origin: "data/source/acme.tar.xz".into(),
        entries: vec![entry("Makefile"), entry("m4/build-to-host.m4")],
        ..SourceTree::default()
    };
    let place = |entry, lines: &[u64]| FlagPlace { entry, lines: lines.to_vec(), detail: "9 bytes".into() };
    let flag = |code, key: &str, what: &str, places| SourceFlag { code, rank: 0, key: key.into(), what: what.into(), places };
    let first = all.source.as_ref().expect("a tree").entries.len();
    all.learn(Discovery::Further(Arc::new(further)));
    let flags = vec![
        flag("source.archive", "m4", "only in the archive, and a build runs or reads it", vec![place(first + 1, &[])]),
        flag("source.binary", "pictures", "2 files, each a PNG image", vec![place(1, &[1]), place(0, &[1])]),
    ];
    all.learn(Discovery::Hygiene(flags, Vec::new()));
    all
}

#[test]
fn a_file_of_an_archive_is_opened_read_and_ruled_on() {
    let mut bench = Bench::with(with_archive(), None, 200, 60);
    let at = bench.app.items.iter().position(|i| i.class == crate::review::Class::Archive).expect("an item");
    bench.app.open_item(at);
    bench.walk("<pgdn>");
    let text = bench.text();
    assert!(text.contains("data/source/acme.tar.xz!m4/build-to-host.m4"), "{text}");
    assert!(text.contains("v data/source/acme.tar.xz") && text.contains("only in the archive"), "{text}");
    let item = bench.app.items[at].clone();
    let (shown, of) = bench.app.coverage(&item);
    assert!(shown > 0 && of == 16, "the whole file is to be read, not its first page: {shown} of {of}");
    let read = |b: &crate::review::Body| matches!(b, crate::review::Body::Read { path, .. } if path.ends_with("!m4/build-to-host.m4"));
    bench.walk("1");
    assert!(bench.recorded.iter().any(read), "{:?}", bench.recorded);
}

#[test]
fn an_item_of_several_files_is_stepped_through() {
    let mut bench = Bench::with(with_archive(), None, 120, 40);
    let at = bench.app.items.iter().position(|i| i.id.starts_with("binary:")).expect("an item");
    assert_eq!(bench.app.items[at].covers, 2);
    bench.app.open_item(at);
    bench.walk("k");
    assert!(bench.text().contains("logo.png"), "{}", bench.text());
    let item = bench.app.items[at].clone();
    assert_eq!(bench.app.coverage(&item), (1, 2), "one of two was shown");
    bench.walk("]");
    assert!(bench.text().contains("Makefile"), "{}", bench.text());
    assert_eq!(bench.app.coverage(&item), (2, 2));
}

#[test]
fn a_file_of_an_archive_that_differs_from_the_tree_is_shown_beside_it() {
    let mut all = with_archive();
    let first = all.source.as_ref().expect("a tree").entries.len();
    let place = FlagPlace { entry: first, lines: vec![1], detail: String::new() };
    let what = "differs from the tree: 1 lines put in, 0 taken out, first at line 1";
    let flag = |key: &str, what: &str, place| SourceFlag {
        code: "source.archive",
        rank: 0,
        key: key.into(),
        what: what.into(),
        places: vec![place],
    };
    let alone = flag("m4", "only in the archive", FlagPlace { entry: first + 1, lines: Vec::new(), detail: String::new() });
    let report = ArchiveReport { archive: "data/source/acme.tar.xz".into(), ..ArchiveReport::default() };
    all.learn(Discovery::Hygiene(vec![flag("Makefile", what, place), alone], vec![report]));
    let mut bench = Bench::with(all, None, 200, 60);
    let item = |bench: &Bench, why: &str| bench.app.items.iter().position(|i| i.why.starts_with(why)).expect("an item");
    let at = item(&bench, "differs from the tree");
    bench.app.open_item(at);
    bench.walk("k");
    let text = bench.text();
    assert!(text.contains("data/source/acme.tar.xz!Makefile") && text.contains("ARCHIVE | TREE"), "{text}");
    let row = text.lines().find(|l| l.contains("put in */")).expect("the line that was put in");
    assert!(!row.contains("verify an update image"), "a line of the archive alone has none of the tree beside it: {row}");
    let both = text.lines().find(|l| l.matches("int verify_image").count() == 2);
    assert!(both.is_some(), "an equal line stands on both sides: {text}");
    assert!(text.contains("archive 403 identical") && text.contains("tree 403 identical"), "{text}");
    // What is in front is the item: its lines were read here, and it is ruled on from here.
    assert_eq!(bench.app.front(), Some(at));
    assert_eq!(bench.app.coverage(&bench.app.items[at].clone()), (1, 1), "{text}");
    // Its file by itself, and back.
    bench.walk("g s");
    assert!(bench.app.screen == crate::tui::action::Screen::Source, "{}", bench.text());
    bench.walk("<esc>");
    // What only the archive has stands alone.
    let alone = item(&bench, "only in the archive");
    bench.app.open_item(alone);
    assert!(bench.app.screen == crate::tui::action::Screen::Source);
}
