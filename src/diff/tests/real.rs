//! Real releases and the pairs of the corpus, when `COUNTERSIGN_CORPUS` names it.

use std::path::PathBuf;

use super::*;

fn corpus() -> Option<PathBuf> {
    let path = std::env::var_os("COUNTERSIGN_CORPUS").map(PathBuf::from);
    if path.is_none() {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
    }
    path
}

fn package(release: &str, folder: &str) -> Option<Arc<[u8]>> {
    let dir = corpus()?.parent()?.join("releases").join(release).join("data").join(folder);
    let file = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "deb")).unwrap();
    Some(std::fs::read(file).unwrap().into())
}

fn release(name: &str) -> Option<Node> {
    let debug = [DebugFile { name: "dbgsym.deb".into(), bytes: package(name, "debug")? }];
    let node = compare_with(&package(name, "shipped")?, &package(name, "rebuilt")?, &debug, Limits::default());
    node.walk(&mut |trail| {
        let n = *trail.last().unwrap();
        if n.result != ResultMark::Identical {
            println!(
                "{:indent$}{} {:?} {} | {} | {:?} {:?}",
                "",
                n.result.mark(),
                n.name,
                n.kind.word(),
                n.why,
                n.account,
                n.tried,
                indent = trail.len() * 2
            );
        }
    });
    Some(node)
}

#[test]
fn sed_is_identical() {
    let Some(node) = release("sed") else { return };
    assert_eq!(node.result, ResultMark::Identical);
}

#[test]
fn hello_differs_in_one_function() {
    let Some(node) = release("hello") else { return };
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(find(&node, "control.tar.xz").result, ResultMark::Equivalent);
    assert_eq!(node.children[0].name.as_str(), Some("data.tar.xz"));
}
