//! The history and the blame of source files, held against git's own.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, run git, and say what it found"
)]

mod common;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use countersign::bundle::open_repository;
use countersign::checks::Discovery;
use countersign::diff::history::{Blame, before_and_after, blame, content_in, history, named, tag_before};
use countersign::model::{EntryKind, SourceContent, SourceHistory, SourceTree};
use countersign::session::{News, Options, Past, PastWanted, PastWhat, Session, VersionPair};
use countersign::text::Untrusted;

const LIMIT: u64 = 64 << 20;

fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn open(at: &Path) -> (SourceTree, Arc<dyn SourceContent>) {
    let cache = tempfile::tempdir().unwrap();
    open_repository(at, None, cache.path(), &Default::default()).unwrap()
}

fn ours(past: &dyn SourceHistory, path: &str) -> Vec<String> {
    let mut out = Vec::new();
    let walked = history(past, &path.into(), &mut |_, commit| {
        out.extend(commit.map(|c| c.id.to_string()));
        true
    });
    assert!(!walked.stopped && walked.missing.is_none(), "{walked:?}");
    out
}

fn theirs(at: &Path, path: &str) -> Vec<String> {
    git(at, &["log", "--format=%H", "HEAD", "--", path]).lines().map(str::to_owned).collect()
}

fn our_blame(past: &dyn SourceHistory, path: &str) -> Blame {
    blame(past, &Untrusted::from(path), LIMIT, &mut |_| true).unwrap()
}

/// The commit of every line, as git says.
fn git_blame(at: &Path, path: &str) -> Vec<String> {
    let text = git(at, &["blame", "--line-porcelain", "HEAD", "--", path]);
    let is_id = |word: &str| word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let mut out = Vec::new();
    let mut id = "";
    for line in text.lines() {
        match line.strip_prefix('\t') {
            Some(_) => out.push(id.to_owned()),
            None => {
                let word = line.split(' ').next().unwrap_or_default();
                if is_id(word) {
                    id = word;
                }
            }
        }
    }
    out
}

/// Lines, and those with another commit than git gives.
fn compare(at: &Path, past: &dyn SourceHistory, path: &str) -> (usize, usize) {
    let (own, git) = (our_blame(past, path), git_blame(at, path));
    assert_eq!(own.lines.len(), git.len(), "{path}");
    assert!(!own.lines.contains(&None), "{path}: every line has a commit");
    let wrong = git.iter().enumerate().filter(|(n, id)| own.of(*n).unwrap().id.to_string() != **id).count();
    (git.len(), wrong)
}

/// Every `step`th text file of a tree against git: the same commits, and nearly every line from the same commit.
fn agree(at: &Path, opened: &(SourceTree, Arc<dyn SourceContent>), step: usize, most_wrong: usize) {
    let (tree, content) = opened;
    let past = content.history(0).unwrap();
    let (mut lines, mut wrong) = (0, 0);
    for entry in tree.entries.iter().step_by(step).filter(|e| matches!(e.kind, EntryKind::File | EntryKind::Executable)) {
        let Some(path) = entry.path.as_str().filter(|p| p.is_ascii()) else { continue };
        let bytes = content.read_path(&entry.path, LIMIT).unwrap();
        assert_eq!(ours(past, path), theirs(at, path), "{path}");
        if !bytes.contains(&0) {
            let (n, w) = compare(at, past, path);
            (lines, wrong) = (lines + n, wrong + w);
        }
    }
    println!("{}: {wrong} of {lines} lines from another commit", at.display());
    assert!(lines > 0 && wrong * 1000 <= lines * most_wrong, "{wrong} of {lines} lines from another commit than git says");
}

#[test]
fn the_files_of_this_repository_have_the_history_that_git_gives_them() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !here.join(".git").exists() || git(here, &["rev-parse", "--is-shallow-repository"]).trim() == "true" {
        return eprintln!("skipped: not in a full repository");
    }
    let step = std::env::var("HISTORY_STEP").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    agree(here, &open(here), step, 5);
}

#[test]
fn the_sources_of_real_releases_have_the_history_that_git_gives_them() {
    let Some(releases) = common::releases() else { return };
    for name in ["gzip", "hello", "sed"] {
        let folder = tempfile::tempdir().unwrap();
        let bundle = releases.join(name).join("data/source").join(format!("{name}.bundle"));
        let work = folder.path().join("work");
        git(folder.path(), &["clone", "-q", "-b", "main", &bundle.to_string_lossy(), &work.to_string_lossy()]);
        let head = git(&work, &["rev-parse", "HEAD"]);
        let opened = open_repository(&bundle, Some(head.trim()), &folder.path().join("cache"), &Default::default()).unwrap();
        agree(&work, &opened, 40, 0);
    }
}

/// A repository of 120 commits on two branches that are merged now and then, with edits anywhere and a rename.
fn branched(at: &Path) {
    git(at, &["init", "-q", "-b", "main"]);
    let mut stream = String::new();
    let mut random = 12345u32;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % below
    };
    let mut texts = [(0..40).map(|n| format!("start {n}")).collect::<Vec<String>>(), Vec::new()];
    let mut names = ["one.txt", "one.txt"];
    let mut heads = [0, 0];
    let mut mark = 0;
    for n in 0..120 {
        let side = usize::from(n > 5) * next(2);
        mark += 1;
        if n == 6 {
            texts[1] = texts[0].clone();
            heads[1] = heads[0];
        }
        let merge = n > 10 && next(6) == 0;
        if merge {
            // Lines of both sides, as somebody might put them together.
            let other = texts[1 - side].clone();
            let kept = texts[side].len() / 2;
            texts[side].truncate(kept);
            texts[side].extend(other.into_iter().skip(kept));
            // No line twice: of equal lines git and we may each take another one.
            let mut seen = BTreeSet::new();
            texts[side].retain(|line| seen.insert(line.clone()));
            names[side] = names[1 - side].max(names[side]);
        } else {
            let at = next(texts[side].len().max(1));
            match next(4) {
                0 => drop(texts[side].drain(at..(at + 2).min(texts[side].len()))),
                1 if !texts[side].is_empty() => texts[side][at] = format!("changed {n}"),
                _ => drop(texts[side].splice(at..at, (0..3).map(|i| format!("new {n} {i}"))).collect::<Vec<_>>()),
            }
        }
        if n == 60 {
            names[side] = "two.txt";
        }
        let text = texts[side].join("\n") + "\n";
        let (branch, when) = (["main", "side"][side], 1_700_000_000 + n * 60);
        stream += &format!("commit refs/heads/{branch}\nmark :{mark}\ncommitter C <c@d> {when} +0000\ndata 1\n{}", n % 10);
        if n > 0 {
            stream += &format!("\nfrom :{}", heads[side]);
        }
        if merge && heads[0] != heads[1] {
            stream += &format!("\nmerge :{}", heads[1 - side]);
        }
        stream += &format!("\ndeleteall\nM 644 inline {}\ndata {}\n{text}\n", names[side], text.len());
        heads[side] = mark;
    }
    let mut child = Command::new("git").args(["fast-import", "--quiet"]).current_dir(at).stdin(Stdio::piped()).spawn().expect("git runs");
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn branches_merges_and_renames_are_followed_as_git_follows_them() {
    let folder = tempfile::tempdir().unwrap();
    branched(folder.path());
    for branch in ["main", "side"] {
        git(folder.path(), &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
        let opened = open(folder.path());
        assert!(opened.0.entries.len() == 1 && theirs(folder.path(), opened.0.entries[0].path.as_str().unwrap()).len() > 20);
        agree(folder.path(), &opened, 1, 0);
    }
}

#[test]
fn a_shallow_clone_says_that_its_history_is_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    std::fs::create_dir(&whole).unwrap();
    branched(&whole);
    git(folder.path(), &["clone", "-q", "--depth", "3", "-b", "main", &format!("file://{}", whole.display()), &cut.to_string_lossy()]);
    let (tree, content) = open(&cut);
    let past = content.history(0).unwrap();
    assert!(past.incomplete().unwrap().contains("shallow"), "{:?}", past.incomplete());
    let path = &tree.entries[0].path;
    let mut told = 0;
    let walked = history(past, path, &mut |_, commit| {
        told += usize::from(commit.is_some());
        true
    });
    assert!(told > 0 && walked.missing.is_some_and(|m| m.contains("is not in the repository")));
    let blamed = blame(past, path, LIMIT, &mut |_| true).unwrap();
    assert!(blamed.walked.missing.is_some() && !blamed.lines.contains(&None));
}

#[test]
fn a_walk_that_is_stopped_keeps_what_it_found_and_says_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    branched(folder.path());
    let (tree, content) = open(folder.path());
    let past = content.history(0).unwrap();
    let path = &tree.entries[0].path;
    let walked = history(past, path, &mut |walked, _| walked.looked < 5);
    assert!(walked.stopped && walked.looked == 5 && walked.time > 1_700_000_000, "{walked:?}");
    let blamed = blame(past, path, LIMIT, &mut |b| b.walked.looked < 5).unwrap();
    let known = blamed.lines.iter().flatten().count();
    assert!(blamed.walked.stopped && known < blamed.lines.len(), "{known}");
    let whole = our_blame(past, path.as_str().unwrap());
    for (n, line) in blamed.lines.iter().enumerate().filter(|(_, l)| l.is_some()) {
        assert_eq!(blamed.commits[line.unwrap() as usize], *whole.of(n).unwrap(), "line {n}");
    }
}

#[test]
fn the_tag_before_is_the_latest_behind_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    branched(at);
    let commits = git(at, &["rev-list", "--first-parent", "main"]);
    let commits: Vec<&str> = commits.lines().collect();
    git(at, &["tag", "now", commits[0]]);
    git(at, &["-c", "user.name=a", "-c", "user.email=a@b", "tag", "-a", "-m", "x", "v2", commits[4]]);
    git(at, &["tag", "v1", commits[9]]);
    let (_, content) = open(at);
    let past = content.history(0).unwrap();
    let (name, id) = tag_before(past, &mut |_| true).unwrap();
    assert_eq!((name.as_str(), id.to_string().as_str()), (Some("v2"), commits[4]), "not the tag of the commit itself");
    assert_eq!(named(past, "refs/tags/v1").unwrap().to_string(), commits[9]);
    assert_eq!(named(past, "v3"), None);
    let path = Untrusted::from("two.txt");
    let [before, after] = before_and_after(past, past.head(), &path, LIMIT).unwrap();
    let show = |rev: &str| Command::new("git").args(["show", rev]).current_dir(at).output().unwrap().stdout;
    assert_eq!(after, show("main:two.txt"));
    assert_eq!(before, show("main~1:two.txt"));
    assert_eq!(content_in(past, id, &path, LIMIT).unwrap(), Some(show(&format!("{}:two.txt", commits[4]))));
    assert_eq!(content_in(past, id, &"none".into(), LIMIT).unwrap(), None);
}

#[test]
fn the_past_of_a_file_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let demo = common::here("testdata/demo/release.tar");
    let run = |args: &[&str]| {
        let output = Command::new(common::program())
            .args(["show", &demo, "--state", &folder.path().join("state").to_string_lossy()])
            .args(args)
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().unwrap(), out + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, text) = run(&["source", "src/verify.c", "--history"]);
    assert!(code == 0 && text.contains("I. Varga        Verify an image under the device key"), "{text}");
    assert!(!text.contains("uint8_t") && text.contains("3 commits looked at"), "the file itself is not printed: {text}");
    let (_, text) = run(&["source", "src/verify.c", "--blame"]);
    let line = text.lines().find(|l| l.contains("return UPDATE_TAG;")).unwrap();
    assert!(line.starts_with("a603f5ab 2026-01-19 I. Varga") && line.contains("   58  "), "{line}");
    let (code, text) = run(&["source", "src/verify.c", "--since", "v2.4.1"]);
    assert!(code == 0 && text.contains("v2.4.1 | the version under review: 0 lines are new, 0 are gone"), "{text}");
    let (code, text) = run(&["source", "src/verify.c", "--since", "v9"]);
    assert!(code == 2 && text.contains("no tag v9: its tags are v2.4.1"), "{text}");
    assert_eq!(run(&["source", "src/verify.c", "--blame", "--history"]).0, 2, "one at a time");
    let (code, text) = run(&["overview", "--blame"]);
    assert!(code == 2 && text.contains("are of one source file"), "{text}");
}

#[test]
fn a_session_tells_the_past_behind_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let (send, news) = mpsc::channel();
    let options = Options { state: Some(folder.path().to_owned()), reviewer: Some("A. Meyer".into()), ..Options::default() };
    let session = Session::start(options, Arc::new(move |n| drop(send.send(n)))).unwrap();
    let tree = loop {
        if let News::Discovery(Discovery::Source(tree)) = news.recv_timeout(Duration::from_secs(60)).unwrap() {
            break tree;
        }
    };
    let path = Untrusted::from("src/verify.c");
    let entry = tree.find(&path).unwrap();
    let ask = |id, what| session.request_past(PastWanted { id, entry, path: path.clone(), what });
    let next = || loop {
        if let News::Past(past) = news.recv_timeout(Duration::from_secs(60)).unwrap() {
            break past;
        }
    };
    ask(1, PastWhat::History);
    let mut commits = Vec::new();
    loop {
        let Past::History { id: 1, commits: more, finished, .. } = next() else { panic!("another answer") };
        commits.extend(more);
        if finished {
            break;
        }
    }
    assert_eq!(commits.len(), 1);
    ask(2, PastWhat::Change(VersionPair::Commit(commits[0].id)));
    let Past::Change { id: 2, change, newer, .. } = next() else { panic!("another answer") };
    assert_eq!((change.added.len(), change.removed, newer), (62, 0, commits[0].id.short()), "the commit made the file");
    ask(3, PastWhat::Blame);
    let Past::Blame { id: 3, blame, finished: true, .. } = next() else { panic!("another answer") };
    assert!(blame.lines.len() == 62 && blame.of(61) == commits.first());
    ask(4, PastWhat::Change(VersionPair::Since(None)));
    assert!(matches!(next(), Past::Failed { id: 4, why } if why.contains("no commit before")));
    // An entry that no source has.
    session.request_past(PastWanted { id: 5, entry: 9_999, path: path.clone(), what: PastWhat::History });
    assert!(matches!(next(), Past::Failed { id: 5, .. } | Past::History { id: 5, .. }));
}
