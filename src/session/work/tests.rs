//! A panic anywhere in the work becomes a defect, what it was about is not examined, and nobody waits for ever.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::*;
use crate::model::{Evidence, Listing, Place, ResultMark, SourceContent, View};
use crate::session::{Found, ListingKey, Options, Query};
use crate::text::Untrusted;

/// Fails whatever is asked of it.
struct Failing;

impl SourceContent for Failing {
    fn read(&self, entry: usize, _: u64) -> Result<Vec<u8>, ContentError> {
        panic!("entry {entry}")
    }

    fn read_path(&self, path: &Untrusted, _: u64) -> Result<Vec<u8>, ContentError> {
        panic!("{path:?}")
    }
}

impl Evidence for Failing {
    fn views(&self) -> Vec<View> {
        Vec::new()
    }

    fn listing(&self, place: Place, _: View) -> Listing {
        panic!("{place:?}")
    }
}

/// The session of the demonstration, and what it tells. `fails` makes the work itself fail where it tells of something.
fn session(fails: fn(&Discovery) -> bool) -> (Session, Receiver<News>, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    let (send, receive) = mpsc::channel();
    let send = Mutex::new(send);
    let tell = move |news: News| {
        if let News::Discovery(discovery) = &news {
            assert!(!fails(discovery), "made to fail");
        }
        let _ = send.lock().unwrap_or_else(std::sync::PoisonError::into_inner).send(news);
    };
    let options = Options { state: Some(state.path().to_owned()), read_only: true, ..Options::default() };
    let session = Session::start(options, Arc::new(tell)).unwrap();
    (session, receive, state)
}

/// Everything that is told until `done`.
fn until(receive: &Receiver<News>, done: impl Fn(&News) -> bool) -> Vec<News> {
    let mut all = Vec::new();
    loop {
        let news = receive.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("waited in vain after {} news", all.len()));
        let last = done(&news);
        all.push(news);
        if last {
            return all;
        }
    }
}

fn failures(news: &[News]) -> BTreeSet<String> {
    let defect = |news: &News| match news {
        News::Discovery(Discovery::Defect(d)) if d.code == "work.panic" => Some(d.what.clone()),
        _ => None,
    };
    news.iter().filter_map(defect).collect()
}

#[test]
fn work_goes_on_after_a_panic_in_any_part_of_it_and_says_what_is_not_examined() {
    type Told = fn(&Discovery) -> bool;
    let cases: [(&str, Told); 5] = [
        ("the source: ", |d| matches!(d, Discovery::Source(_))),
        ("the search of the source: ", |d| matches!(d, Discovery::SourceLines(_))),
        ("the attestations: ", |d| matches!(d, Discovery::Offers(_))),
        ("the work: ", |d| matches!(d, Discovery::Hashed(FileId(1), h) if h.sha256.is_some())),
        ("the work: ", |d| matches!(d, Discovery::Compared(1, node) if node.result != ResultMark::NotExamined)),
    ];
    for (what, fails) in cases {
        let (session, receive, _state) = session(fails);
        let mut facts = session.facts().clone();
        let mut all = Vec::new();
        while !facts.is_complete() {
            for news in until(&receive, |_| true) {
                if let News::Discovery(discovery) = news.clone() {
                    facts.learn(discovery);
                }
                all.push(news);
            }
        }
        let told = failures(&all);
        assert!(told.iter().any(|t| t.starts_with(what)), "{what} {told:?}");
        if what == "the work: " {
            assert!(facts.comparisons.iter().flatten().any(|n| n.result == ResultMark::NotExamined), "{what}: something passes");
        }
    }
}

#[test]
fn whoever_asked_gets_an_answer_when_the_program_fails_on_it() {
    let (session, receive, _state) = session(|_| false);
    until(&receive, |news| matches!(news, News::Discovery(Discovery::Provenance(..))));
    *session.source.lock().unwrap() = Some(Arc::new(Failing));

    session.request_source(3);
    let news = until(&receive, |news| matches!(news, News::SourceFile(3, Err(why)) if why == FAILED));
    assert_eq!(failures(&news), BTreeSet::from([format!("source file: {FAILED}")]));

    session.request_sources(1, 2);
    let news = until(&receive, |news| matches!(news, News::Sources(1, Err(why)) if why == FAILED));
    assert_eq!(failures(&news), BTreeSet::from([format!("source files: {FAILED}")]));

    session.request_search(Query { id: 7, text: "a".to_owned(), entries: vec![0, 1], name: None });
    let over = |news: &News| matches!(news, News::Found(Found { id: 7, finished: true, note: Some(note), .. }) if note.contains(FAILED));
    assert_eq!(failures(&until(&receive, over)), BTreeSet::from([format!("search: {FAILED}")]));

    let key = ListingKey { artifact: Some(0), path: Vec::new(), place: Place::Whole, view: View::Bytes };
    session.request_listing(key, Arc::new(Failing));
    let told = |news: &News| matches!(news, News::Discovery(Discovery::Defect(_)));
    assert_eq!(failures(&until(&receive, told)), BTreeSet::from([format!("listing: {FAILED}")]));

    // The syntax of lines is a job like these.
    job_or("syntax", Arc::clone(&session.send), || None, || panic!("made to fail"));
    assert_eq!(failures(&until(&receive, told)), BTreeSet::from([format!("syntax: {FAILED}")]));
}
