//! Real releases and the pairs of the corpus, when `COUNTERSIGN_CORPUS` names it.

use std::path::PathBuf;

use super::*;

pub(super) fn corpus() -> Option<PathBuf> {
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
    let source = tree(&["lib/stdio2.h", "src/hello.c", "tests/hello.c"]);
    let context = Context {
        source: Some(&source),
        source_content: None,
        debug: &debug,
        limits: Limits::default(),
        cancelled: &|| false,
        share: &in_order,
        progress: &|_| {},
    };
    let (shipped, rebuilt) = (package(name, "shipped")?, package(name, "rebuilt")?);
    let start = std::time::Instant::now();
    let node = compare("x".into(), shipped, rebuilt, &context);
    println!("{name}: {:?}", start.elapsed());
    check(&node);
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

fn tree(paths: &[&str]) -> SourceTree {
    let entry = |p: &&str| crate::model::SourceEntry { path: (*p).into(), kind: crate::model::EntryKind::File, id: String::new(), size: 0 };
    SourceTree { entries: paths.iter().map(entry).collect(), ..SourceTree::default() }
}

#[test]
fn hello_differs_in_one_function() {
    let Some(node) = release("hello") else { return };
    assert_eq!(node.result, ResultMark::Different);
    assert_eq!(find(&node, "control.tar.xz").result, ResultMark::Equivalent);
    assert_eq!(find(&node, "./md5sums").result, ResultMark::Equivalent);
    assert_eq!(node.children[0].name.as_str(), Some("data.tar.xz"));
    let elf = find(&node, "./usr/bin/hello");
    assert_eq!(find(&node, "data.tar").children[0].name, elf.name);
    assert_eq!(elf.functions.len(), 1, "{:?}", elf.functions);
    let main = &elf.functions[0];
    assert_eq!((main.name.as_str(), main.result, main.changed), (Some("main"), ResultMark::Different, 1));
    assert_eq!(main.what, "1 byte differs, e6 -> ea: immediate 0x7e6 became 0x7ea");
    let line = main.source.clone().unwrap();
    assert_eq!((line.file.as_str(), line.line), (Some("src/hello.c"), 179));
    let (file, number) = line.inlined_from.unwrap();
    assert!(file.as_str().unwrap().ends_with("bits/stdio2.h"), "{file:?}");
    assert_eq!(number, 86);
    assert_eq!(line.status, crate::model::SourceStatus::MatchedByPath);
    assert!(elf.same_functions > 40, "{}", elf.same_functions);
    // One byte of code, the build-id, and the link to the debug file, whose shipped side is not in the bundle.
    assert!(elf.tried.iter().any(|t| t.cause == Cause::BuildId && t.why.contains("follows from the differing content")));
    assert!(elf.tried.iter().any(|t| t.cause == Cause::DebugLink && t.why == "shipped: the bundle has no debug file for it"));
    let different: Vec<_> = elf
        .regions
        .iter()
        .filter(|r| r.result == ResultMark::Different)
        .map(|r| (r.name.as_str().unwrap(), r.account.shipped.unexplained))
        .collect();
    assert_eq!(different, [(".note.gnu.build-id", 20), (".text", 1), (".gnu_debuglink", 41)]);
    let listing = elf.evidence.as_ref().unwrap().listing(crate::model::Place::Function(0), crate::model::View::Asm);
    let changed: Vec<_> = listing.rows.iter().filter(|r| r.mark.is_difference()).collect();
    assert_eq!(changed.len(), 1);
    let cells = changed[0].cells.as_ref().map(|c| c.clone().unwrap());
    assert_eq!(cells.shipped.text.plain(), "mov edx, 0x7e6");
    assert_eq!(cells.rebuilt.text.plain(), "mov edx, 0x7ea");
    assert_eq!(cells.shipped.number, 0x248b);
    assert_eq!(cells.shipped.bytes, [0xba, 0xe6, 0x07, 0, 0]);
    assert_eq!(changed[0].source.as_ref().unwrap().line, 179);
    assert!(listing.rows.iter().any(|r| {
        r.cells.shipped.as_ref().is_some_and(|c| c.text.plain() == "call printf_chk@plt" || c.text.plain() == "call __printf_chk@plt")
    }));
    assert!(elf.why.contains("main"), "{}", elf.why);
    assert!(elf.metadata.is_empty(), "{:?}", elf.metadata);
    for fact in &elf.facts {
        println!("{} {:?}", fact.name, fact.value);
    }
    for row in &listing.rows[130..] {
        println!(
            "{} {:?} | {:?} | {:?} {:?}",
            row.mark.mark(),
            row.cells.shipped.as_ref().map(|c| c.text.plain()),
            row.cells.rebuilt.as_ref().map(|c| c.text.plain()),
            row.source,
            row.note
        );
    }
}

#[test]
fn gzip_points_at_the_toolchain() {
    let Some(node) = release("gzip") else { return };
    let elf = find(&node, "./bin/gzip");
    let fact = elf.facts.iter().find(|f| f.name == "symbol versions").unwrap();
    assert!(fact.points_at_toolchain());
    assert!(elf.why.contains("GLIBC_2.33 against GLIBC_2.34") && elf.why.contains("look at the toolchain first"), "{}", elf.why);
    assert!(elf.functions.len() > 20);
}

/// Every pair of the corpus; those marked malicious must never come out as equal, and identical files must.
#[test]
fn no_malicious_pair_is_explained_away() {
    let Some(dir) = corpus() else { return };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(dir.join("elf")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.join("a").exists()).collect();
    names.sort();
    assert!(names.len() > 20);
    let mut malicious = 0;
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (a, b) = (std::fs::read(path.join("a")).unwrap(), std::fs::read(path.join("b")).unwrap());
        let notes = std::fs::read_to_string(path.join("NOTES.md")).unwrap_or_default();
        let start = std::time::Instant::now();
        let node = compare_bytes(&a, &b);
        let real: Vec<_> =
            node.functions.iter().filter(|f| f.result != ResultMark::Equivalent).map(|f| f.name.lossy().into_owned()).collect();
        println!(
            "{} {name:28} {:>5} ms  same {} shifted {} real {}: {} | {}",
            node.result.mark(),
            start.elapsed().as_millis(),
            node.same_functions,
            node.functions.len() - real.len(),
            real.len(),
            real.iter().take(5).cloned().collect::<Vec<_>>().join(" "),
            node.why
        );
        for f in node.functions.iter().take(3) {
            println!(
                "      {} {} {} {:?}",
                f.result.mark(),
                f.name.lossy(),
                f.what,
                f.source.as_ref().map(|s| format!("{}:{}", s.file.lossy(), s.line))
            );
        }
        for (i, _) in node.functions.iter().enumerate() {
            let listing = node.evidence.as_ref().unwrap().listing(crate::model::Place::Function(i), crate::model::View::Asm);
            assert!(!listing.rows.is_empty(), "{name}");
        }
        if notes.contains("MALICIOUS") {
            malicious += 1;
            assert_eq!(node.result, ResultMark::Different, "{name}");
        }
        if name.starts_with("00-identical") {
            assert_eq!(node.result, ResultMark::Identical);
        }
        assert_eq!(compare_bytes(&b, &a).result, node.result, "{name} is not symmetric");
    }
    assert!(malicious >= 6, "{malicious}");
}

/// clang records MD5 sums of its sources: the tree's own files agree, an edited one does not.
#[test]
fn recorded_checksums_tell_whether_the_source_is_the_one_compiled() {
    struct Files(Vec<Vec<u8>>);
    impl SourceContent for Files {
        fn read(&self, entry: usize, _: u64) -> Result<Vec<u8>, crate::model::ContentError> {
            self.0.get(entry).cloned().ok_or(crate::model::ContentError::Absent)
        }
        fn read_path(&self, _: &Untrusted, _: u64) -> Result<Vec<u8>, crate::model::ContentError> {
            Err(crate::model::ContentError::Absent)
        }
    }
    let Some(dir) = corpus() else { return };
    let names = ["auth.c", "log.c", "main.c", "policy.c", "store.c"];
    let mut files: Vec<Vec<u8>> = names.iter().map(|n| std::fs::read(dir.join("elf/src").join(n)).unwrap_or_default()).collect();
    let source = tree(&names);
    let read = |n| -> Arc<[u8]> { std::fs::read(dir.join("elf/g4-clang14").join(n)).unwrap().into() };
    let statuses = |files: &[Vec<u8>]| {
        let context = Context {
            source: Some(&source),
            source_content: Some(Arc::new(Files(files.to_vec()))),
            debug: &[],
            limits: Limits::default(),
            cancelled: &|| false,
            share: &in_order,
            progress: &|_| {},
        };
        let node = compare("x".into(), read("b"), read("a"), &context);
        node.functions
            .iter()
            .filter_map(|f| Some((f.source.as_ref()?.file.lossy().into_owned(), f.source.as_ref()?.status)))
            .collect::<Vec<_>>()
    };
    let own = statuses(&files);
    println!("{own:?}");
    assert!(own.iter().any(|(_, s)| *s == crate::model::SourceStatus::MatchedByChecksum), "{own:?}");
    for file in &mut files {
        file.push(b' ');
    }
    let edited = statuses(&files);
    assert!(edited.iter().any(|(_, s)| *s == crate::model::SourceStatus::ChecksumDiffers), "{edited:?}");
    assert!(!edited.iter().any(|(_, s)| *s == crate::model::SourceStatus::MatchedByChecksum), "{edited:?}");
}

/// Every hostile file against itself with one byte changed, and against its neighbour: no panic, no long wait, nothing
/// vanishes.
#[test]
fn hostile_files_do_no_harm() {
    let Some(dir) = corpus() else { return };
    let mut stack = vec![dir.join("hostile")];
    let mut files = Vec::new();
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut previous: Vec<u8> = Vec::new();
    let (mut compared, mut slowest) = (0, (std::time::Duration::ZERO, PathBuf::new()));
    for path in &files {
        let Ok(bytes) = std::fs::read(path) else { continue };
        if bytes.is_empty() || bytes.len() > 4 << 20 {
            continue;
        }
        let mut other = bytes.clone();
        let at = (bytes.len() * 7 / 11).min(bytes.len() - 1);
        other[at] ^= 0x21;
        let start = std::time::Instant::now();
        assert_ne!(compare_bytes(&bytes, &other).result, ResultMark::Identical, "{}", path.display());
        if previous != bytes {
            assert_ne!(compare_bytes(&bytes, &previous).result, ResultMark::Identical, "{}", path.display());
        }
        if start.elapsed() > slowest.0 {
            slowest = (start.elapsed(), path.clone());
        }
        compared += 1;
        previous = bytes;
    }
    println!("{compared} files, slowest {:?}", slowest);
    assert!(slowest.0.as_secs() < 20, "{slowest:?}");
}

/// Stripping is explained when everything that is loaded is equal; the debug link only with the file it names.
#[test]
fn stripping_is_explained_and_a_debug_link_needs_its_file() {
    let Some(dir) = corpus() else { return };
    let read = |n: &str| std::fs::read(dir.join("elf").join(n)).unwrap();
    for name in ["d-stripped", "d2-strip-debug"] {
        let (a, b) = (read(&format!("{name}/a")), read(&format!("{name}/b")));
        let node = compare_bytes(&a, &b);
        let left: Vec<_> = node.regions.iter().filter(|r| r.result > ResultMark::Equivalent).map(|r| (&r.name, &r.account)).collect();
        println!("{name} {} {left:?} {:?}", node.why, node.metadata);
        if name == "d-stripped" {
            assert_eq!(node.result, ResultMark::Equivalent, "{left:?}");
            assert!(node.account.shipped.explained[&Cause::Strip] > 1000);
            let mut evil = b.clone();
            let at = b.windows(5).position(|w| w == b"authd").unwrap();
            evil[at] ^= 1;
            assert_eq!(compare_bytes(&a, &evil).result, ResultMark::Different);
        }
    }
    let (a, b) = (read("d3-debuglink/a"), read("d3-debuglink/b"));
    // Everything that is loaded is the same: the link follows from debug information, whoever has it.
    assert_eq!(compare_bytes(&a, &b).result, ResultMark::Equivalent);
    let mut forged = read("d3-debuglink/b.debug");
    forged.push(0);
    let forged = DebugFile { name: "b.debug".into(), bytes: forged.into() };
    assert_eq!(compare_with(&a, &b, &[forged], Limits::default()).result, ResultMark::Different);
    let debug = DebugFile { name: "b.debug".into(), bytes: read("d3-debuglink/b.debug").into() };
    let node = compare_with(&a, &b, &[debug], Limits::default());
    println!("d3 {} {:?}", node.why, node.tried);
    assert_eq!(node.result, ResultMark::Equivalent, "{}", node.why);
}

/// Bytes all over a real program, changed one at a time: only the build-id and the compiler's words of itself are explained.
#[test]
fn a_changed_byte_of_a_real_program_is_seen() {
    let Some(dir) = corpus() else { return };
    let a = std::fs::read(dir.join("elf/c-build-id/a")).unwrap();
    let elf = crate::inspect::exe::Exe::elf(&Blob::from(a.clone())).ok().unwrap();
    let id = elf.build_id_range().unwrap();
    for at in (0..a.len()).step_by(97) {
        let mut b = a.clone();
        b[at] ^= 1 << (at % 8);
        let node = compare_bytes(&a, &b);
        assert_ne!(node.result, ResultMark::Identical, "byte {at}");
        let named = |p: &crate::model::Proof| p.cause == Cause::Producer && p.spans.rebuilt.iter().any(|s| s.contains(&(at as u64)));
        let known = id.contains(&at) || node.proofs.iter().any(named);
        assert!(node.result == ResultMark::Different || known, "byte {at} {}", node.why);
    }
}

/// Every file that is meant to harm, by itself and damaged, as both sides: no panic, and every byte in the account.
#[test]
fn hostile_files_are_compared_without_a_panic() {
    let Some(corpus) = corpus() else { return };
    let mut open = vec![corpus.join("hostile")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() && !path.is_symlink() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if bytes.len() > 4 << 20 || !crate::inspect::kind::recognise(&bytes).is_executable() {
            continue;
        }
        seen += 1;
        let mut other = bytes.clone();
        let middle = other.len() / 2;
        other[middle] ^= 0x40;
        let start = std::time::Instant::now();
        assert_ne!(compare_bytes(&bytes, &other).result, ResultMark::Identical, "{}", path.display());
        let cut = &bytes[..bytes.len() - bytes.len() / 3];
        assert_ne!(compare_bytes(cut, &bytes).result, ResultMark::Equivalent, "{}", path.display());
        for head in 0..64 {
            let mut other = bytes.clone();
            let at = head * 8 % other.len();
            other[at..].iter_mut().take(4).for_each(|b| *b = 0xff);
            compare_bytes(&bytes, &other);
        }
        assert!(start.elapsed().as_secs() < 120, "{} took {:?}", path.display(), start.elapsed());
    }
    println!("{seen} executables");
    assert!(seen > 20, "{seen}");
}
