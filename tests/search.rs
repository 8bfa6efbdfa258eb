//! Searching the demonstration release: its source, and the strings and symbols inside of what was shipped.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, mpsc};
use std::time::Duration;

use countersign::checks::Discovery;
use countersign::session::{Found, Hit, HitKind, HitPlace, News, Options, Query, Session};

/// A session on the demonstration release, once its source is there; and how many files that has.
fn opened(state: &std::path::Path) -> (Session, mpsc::Receiver<News>, usize) {
    let (send, news) = mpsc::channel();
    let options = Options { state: Some(state.to_owned()), reviewer: Some("A. Meyer".into()), ..Options::default() };
    let session = Session::start(options, Arc::new(move |n| drop(send.send(n)))).unwrap();
    loop {
        if let News::Discovery(Discovery::Source(tree)) = news.recv_timeout(Duration::from_secs(60)).unwrap() {
            return (session, news, tree.entries.len());
        }
    }
}

fn search(session: &Session, news: &mpsc::Receiver<News>, id: u64, text: &str, entries: usize) -> (Vec<Hit>, Found) {
    session.request_search(Query { id, text: text.to_owned(), name: None, entries: (0..entries).collect() });
    let mut hits = Vec::new();
    loop {
        if let News::Found(mut found) = news.recv_timeout(Duration::from_secs(60)).unwrap() {
            assert_eq!(found.id, id, "an answer of a search that was ended");
            hits.append(&mut found.hits);
            if found.finished {
                hits.sort();
                return (hits, found);
            }
        }
    }
}

#[test]
fn sources_strings_and_symbols_are_searched() {
    let folder = tempfile::tempdir().unwrap();
    let (session, news, entries) = opened(folder.path());
    let (hits, found) = search(&session, &news, 1, "verify_image", entries);
    let source = hits.iter().filter(|h| matches!(h.place, HitPlace::Source(..))).count();
    // The programs are stripped: only their files of debug information know the name.
    let symbols = hits.iter().filter(|h| matches!(h.place, HitPlace::Debug(..)) && h.text.as_bytes() == b"verify_image").count();
    assert!(source > 1 && symbols > 0 && source + symbols == hits.len(), "{hits:?}");
    assert_eq!((found.count, found.files.0), (hits.len(), found.files.1));
    let mut once = hits.clone();
    once.dedup();
    assert_eq!(once, hits, "nothing is told twice");
    let (hits, _) = search(&session, &news, 2, "usage: ", entries);
    let strings = hits.iter().filter(|h| matches!(h.place, HitPlace::Artifact(_, _, _, HitKind::String(_)))).count();
    assert!(strings > 0, "{hits:?}");
}

#[test]
fn what_is_no_expression_is_looked_for_as_it_stands_and_what_is_nowhere_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let (session, news, entries) = opened(folder.path());
    let (hits, found) = search(&session, &news, 1, "verify_image(", entries);
    assert!(!hits.is_empty() && found.note.is_some_and(|n| n.contains("as it stands")), "{hits:?}");
    let (hits, found) = search(&session, &news, 2, "no such words anywhere at all", entries);
    assert_eq!((hits.len(), found.count, found.note), (0, 0, None));
}

#[test]
fn a_search_that_was_replaced_tells_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let (session, news, entries) = opened(folder.path());
    session.request_search(Query { id: 1, text: ".".into(), name: None, entries: (0..entries).cycle().take(200_000).collect() });
    // Once it tells something it runs.
    while !matches!(news.recv_timeout(Duration::from_secs(60)).unwrap(), News::Found(found) if !found.finished) {}
    session.end_search();
    let mut last = None;
    while let Ok(next) = news.recv_timeout(Duration::from_millis(500)) {
        if let News::Found(found) = next {
            last = Some(found.finished);
        }
    }
    assert_ne!(last, Some(true), "an ended search does not say that it is over");
}

#[test]
fn what_was_noted_while_reading_leaves_out_no_file_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let (session, news, entries) = opened(folder.path());
    loop {
        // Told when every file was read.
        if let News::Discovery(Discovery::SourceLines(_)) = news.recv_timeout(Duration::from_secs(60)).unwrap() {
            break;
        }
    }
    // The second of each pair is looked for in every file.
    for (id, (noted, open)) in
        (1..).step_by(2).zip([("verify_image", "verify_imag[e]"), ("const", "cons[t]"), ("return", "retur[n]"), (r"\bint\b", r"\bin[t]\b")])
    {
        let places = |id, text| search(&session, &news, id, text, entries).0.into_iter().map(|hit| hit.place).collect::<Vec<_>>();
        let found = places(id, noted);
        assert!(!found.is_empty(), "{noted}");
        assert_eq!(found, places(id + 1, open), "{noted}");
    }
}
