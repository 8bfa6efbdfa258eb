use super::*;
use crate::model::FileRole;

fn files(names: &[&str]) -> Vec<PayloadFile> {
    let mut names: Vec<String> = names.iter().map(|n| format!("data/{n}")).collect();
    names.sort();
    let file = |path: String| PayloadFile { path: path.into(), role: FileRole::Other, size: 1, declared: Vec::new(), present: true };
    names.into_iter().map(file).collect()
}

fn read_with(text: &str, names: &[&str]) -> (Option<Stated>, Vec<String>) {
    let mut defects = Defects::default();
    let stated = read(text.as_bytes(), &"data/release.json".into(), b"data/", &files(names), &mut defects);
    let told = defects.finish().into_iter().map(|d| {
        let (line, column) = (d.place.line.unwrap_or(0), d.place.column.unwrap_or(0));
        format!("{} {line}:{column} {}", d.code, d.what)
    });
    (stated, told.collect())
}

#[test]
fn every_problem_has_its_place() {
    let text = r#"{"schema": "release-bundle/v9", "product": 7,
 "source": [{"path": "../x", "commit": "565e"}, {"path": "source/a"}, 5],
 "artifacts": [
  {"name": "a", "shipped": "/etc/passwd"},
  {"name": "b", "shipped": "shipped/none", "rebuilt": "a//b"},
  {"name": "c", "shipped": "shipped\\c", "debug": "x"},
  {"name": "a", "shipped": "shipped/a"},
  {"name": "d"}],
 "required": ["src/**", "[", 3]}"#;
    let (stated, told) = read_with(text, &["shipped/a"]);
    let starts: Vec<String> = told.iter().map(|t| t.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    let wanted = [
        "release.missing 1:1",
        "release.schema 1:12",
        "release.type 1:44",
        "release.path 2:22",
        "release.commit 2:40",
        "release.absent 2:58",
        "release.type 2:71",
        "release.path 4:28",
        "release.absent 5:28",
        "release.path 5:55",
        "release.path 6:28",
        "release.type 6:51",
        "release.duplicate 7:3",
        "release.missing 8:3",
        "release.glob 9:25",
        "release.type 9:30",
    ];
    assert_eq!(starts, wanted, "{told:#?}");
    assert_eq!(stated.expect("read").required, ["src/**"]);
}

#[test]
fn duplicate_keys_and_syntax_are_told_where_they_are() {
    let (stated, told) = read_with("{\"schema\": \"release-bundle/v1\",\n \"product\": \"a\", \"product\": \"b\"}", &[]);
    assert!(stated.is_none());
    assert_eq!(told, ["release.json 2:18 duplicate key \"product\""]);
}

#[test]
fn rebuilders_directories_and_unknown_fields_are_kept() {
    let text = r#"{"schema": "release-bundle/v1", "product": "p", "version": "1", "note": {"x": 1},
 "artifacts": [
  {"name": "a", "shipped": "shipped/a", "rebuilt": [{"by": "one", "path": "r1/a"}, {"path": "r2/a"}], "debug": ["debug/a.debug"], "x": 2},
  {"name": "tree", "shipped": "shipped/tree/", "rebuilt": "rebuilt/tree/"}]}"#;
    let names = [
        "shipped/a",
        "r1/a",
        "r2/a",
        "debug/a.debug",
        "shipped/tree/x",
        "shipped/tree/y/z",
        "rebuilt/tree/x",
        "rebuilt/tree/new",
        "rebuilt/treex",
    ];
    let (stated, told) = read_with(text, &names);
    assert_eq!(told, Vec::<String>::new());
    let stated = stated.expect("read");
    let rows: Vec<_> = stated.artifacts.iter().map(|a| (a.name.lossy().into_owned(), a.shipped.is_some(), a.rebuilt.len())).collect();
    let row = |n: &str, s, r| (n.to_owned(), s, r);
    assert_eq!(rows, [row("a", true, 2), row("new", false, 1), row("x", true, 1), row("y/z", true, 0)]);
    assert_eq!(stated.artifacts[0].rebuilt[0].by, Some("one".into()));
    assert_eq!(stated.artifacts[0].debug.len(), 1);
    let unknown: Vec<_> = stated.unknown.iter().map(|(k, v)| (k.lossy().into_owned(), v.lossy().into_owned())).collect();
    assert_eq!(unknown, [("artifacts[0].x".into(), "2".into()), ("note".into(), "{\"x\":1}".to_owned())]);
}

#[test]
fn many_problems_are_counted_and_every_listed_one_has_words() {
    let items: String = (0..1000).map(|i| format!("{{\"name\": \"{i}\", \"shipped\": \"x/{i}\"}},\n")).collect();
    let text = format!("{{\"schema\": \"release-bundle/v1\", \"product\": \"p\", \"version\": \"1\", \"artifacts\": [{items}\n5]}}");
    let (_, told) = read_with(&text, &[]);
    let absent: Vec<_> = told.iter().filter(|t| t.starts_with("release.absent")).collect();
    assert_eq!(absent.len(), 201);
    assert_eq!(absent[199].as_str(), "release.absent 200:28 \"data/x/199\" is not in the bundle");
    assert!(absent[200].contains("800 more"), "{}", absent[200]);
}

#[test]
fn any_change_of_a_byte_is_survived() {
    let text = br#"{"schema": "release-bundle/v1", "product": "p", "version": "1", "source": [{"path": "source/a", "commit": "x"}],
 "artifacts": [{"name": "a", "shipped": "shipped/", "rebuilt": [{"by": "b", "path": "rebuilt/"}], "debug": ["debug/"]}]}"#;
    let files = files(&["shipped/a", "rebuilt/a", "debug/a.debug", "source/a"]);
    for at in 0..text.len() {
        for new in [b'"', b'/', b'}', b']', 0, 0xff, b'\\', b'1'] {
            let mut changed = text.to_vec();
            changed[at] = new;
            read(&changed, &"r".into(), b"data/", &files, &mut Defects::default());
            read(&text[..at], &"r".into(), b"data/", &files, &mut Defects::default());
        }
    }
}
