//! A release made by hand, with hostile names, and a session that answers at once: what the tests walk through.

mod evidence;

use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Effect, Input, SyntaxOf};
use evidence::{Rows, TextRows, plain, source};

use super::app::App;
use super::screens;
use super::theme::Theme;
use crate::checks::{ChecklistEntry, Discovery, Facts, Hashed, HiddenPlace, Policy};
use crate::diff::history::{Blame, Walked, change};
use crate::digest::Sha256;
use crate::model::*;
use crate::review::{Body, Decision, Event, State};
use crate::session::{Found, Hit, HitKind, HitPlace, HitRank, News, Past, PastWanted, PastWhat, Prepared, Query, SyntaxLines, VersionPair};
use crate::text::{Role, Row, Untrusted};

/// The file that everything is about, with a hidden character in line 12.
pub(super) const VERIFY: &str = "/* verify an update image before it is installed */\nint verify_image(const struct img *im)\n{\n    uint8_t dig[32];\n    int rc;\n    sha256(im->data, im->len, dig);\n    rc = ed25519_verify(im->sig, dig, key);\n    if (rc == 0)\n        return -EINVAL;\n    return install(im);\n}\n/* comment with \u{202E} shown, not obeyed */\nstatic int load_key(struct key *k)\n{\n    return read_all(KEY_PATH, k->b, sizeof k->b);\n}\n";

/// The syntax of a file of which only comments of a line are known.
fn comments(of: &SyntaxOf) -> SyntaxLines {
    let line = |r: &std::ops::Range<usize>| {
        let role = if of.bytes[r.clone()].starts_with(b"/*") { Role::Comment } else { Role::Text };
        Box::from([(r.len() as u32, role)])
    };
    SyntaxLines { entry: of.entry, first: 0, lines: of.lines.iter().map(line).collect() }
}

/// What a search finds in that file, and a string of the library.
fn found(query: &Query) -> Found {
    let wanted = query.name.clone().unwrap_or_else(|| query.text.clone());
    let lines = VERIFY.lines().enumerate().filter(|(_, line)| line.contains(&wanted));
    let rank = |line: &str| if query.name.is_some() && !line.starts_with(' ') { HitRank::Defines } else { HitRank::Uses };
    let entries = query.entries.iter().filter(|e| **e == 4);
    let mut hits: Vec<Hit> = entries
        .flat_map(|e| lines.clone().map(|(n, line)| Hit { rank: rank(line), place: HitPlace::Source(*e, n as u64 + 1), text: line.into() }))
        .collect();
    if "verify_key.pub".contains(&query.text) {
        let place = HitPlace::Artifact(0, Side::Shipped, Untrusted::default(), HitKind::String(0x4b80));
        hits.insert(0, Hit { rank: HitRank::Uses, place, text: "verify_key.pub".into() });
    }
    Found { id: query.id, count: hits.len(), hits, files: (9, 9), note: None, finished: true }
}

/// The past of that file: three commits, the last one of which put lines in; one subject has a hidden character.
pub(super) fn past(wanted: &PastWanted) -> Past {
    let id = wanted.id;
    let commit = |n: u8, author: &str, subject: &str| Commit {
        id: ObjectId([n; 20]),
        parents: vec![ObjectId([n - 1; 20])],
        tree: ObjectId([0; 20]),
        time: 1_790_000_000 - 86_400 * (200 - i64::from(n)),
        author: author.into(),
        authored: Some(1_790_000_000 - 86_400 * (200 - i64::from(n))),
        subject: subject.into(),
    };
    let commits = vec![
        commit(0x8d, "J. Ortiz", "Refuse an image whose tag is wrong"),
        commit(0x7c, "E. \u{1b}[31mve", "Merge \u{202E}nothing"),
        commit(0x11, "I. Varga", "Verify an update before it is installed"),
    ];
    let walked = Walked { looked: 41, time: 1_780_000_000, stopped: false, missing: None };
    let incomplete = Some("the repository is a shallow clone: its history is incomplete".to_owned());
    match &wanted.what {
        PastWhat::History => Past::History { id, commits, walked, incomplete, finished: true },
        PastWhat::Blame => {
            let lines = (0..VERIFY.lines().count()).map(|n| Some(u32::from(!(7..=8).contains(&n)) + u32::from(n > 11))).collect();
            let blame = Blame { lines, paths: vec![wanted.path.clone(); 3], commits, walked };
            Past::Blame { id, blame: Arc::new(blame), incomplete, finished: true }
        }
        PastWhat::Change(versions) => {
            let old = VERIFY
                .replace("    if (rc == 0)\n        return -EINVAL;\n", "    (void)rc;\n")
                .replace("    int rc;\n", "    int rc;\n    int n;\n");
            let change = Arc::new(change(old.as_bytes(), VERIFY.as_bytes()));
            let (older, newer) = match versions {
                VersionPair::Commit(commit) => (format!("before {}", commit.short()), commit.short()),
                VersionPair::Since(_) => ("v4.1".to_owned(), "the version under review".to_owned()),
            };
            Past::Change { id, older, newer, change }
        }
    }
}

fn file(path: &str, role: FileRole) -> PayloadFile {
    PayloadFile { path: path.into(), role, size: 4_096, declared: Vec::new(), present: true }
}

fn node(name: &str, kind: NodeKind, result: ResultMark, why: &str) -> Node {
    let mut node = Node::new(name.into(), kind, result);
    node.size = Sides::new(Some(4_096), Some(4_096));
    node.digest = Sides::new(Some(Sha256::of(name.as_bytes())), Some(Sha256::of(why.as_bytes())));
    node.why = why.into();
    node
}

/// The facts, complete.
pub(super) fn facts() -> Facts {
    let names = [
        "usr/lib/libupdate.so.2.4",
        "etc/evil\u{202E}gpj.conf",
        "usr/share/fw/blob213.bin",
        "pkg/tools.tar",
        "usr/lib/mod1.ko",
        "usr/lib/mod2.ko",
    ];
    let mut files = vec![file("data/release.json", FileRole::Manifest)];
    files.extend(names.iter().map(|n| file(&format!("data/shipped/{n}"), FileRole::Shipped)));
    files.push(file("data/shipped/\x1b[31mred\x07\n", FileRole::Shipped));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let artifacts = names.iter().enumerate().map(|(i, n)| Artifact {
        name: (*n).into(),
        shipped: Some(FileId(u32::try_from(i).unwrap_or(0) + 1)),
        rebuilt: if i == 2 { Vec::new() } else { vec![Rebuild { by: Some("B".into()), file: FileId(0) }] },
        debug: Vec::new(),
    });
    let mut facts = Facts::new(Arc::new(Release {
        carrier: Carrier::Directory,
        identity: Identity { digest: Some(Sha256::of(b"bundle")), basis: IdentityBasis::TagManifest },
        product: "acme-gateway".into(),
        version: "4.2.0".into(),
        files: files.clone(),
        sources: vec![SourceDeclaration {
            path: "data/source/a.bundle".into(),
            file: None,
            commit: Some("9f3c".repeat(10)),
            tag: Some("v4.2.0".into()),
        }],
        artifacts: artifacts.collect(),
        required: vec!["src/update/*.c".into()],
        unknown: Vec::new(),
        bag_info: Vec::new(),
        defects: Vec::new(),
    }));
    for (i, file) in files.iter().enumerate() {
        let fixity = if file.path.as_bytes().contains(&0x1b) { Fixity::Extra } else { Fixity::Intact };
        let id = FileId(u32::try_from(i).unwrap_or(0));
        facts.learn(Discovery::Hashed(id, Hashed { sha256: Some(Sha256::of(&[i as u8])), fixity }));
    }
    facts.learn(Discovery::AllHashed(None));
    let mut lib = node(names[0], NodeKind::Elf, ResultMark::Different, "1 of 212 functions differs");
    lib.account = Sides::new(Account { identical: 4_095, unexplained: 1, ..Account::default() }, Account::all_unexplained(1));
    let extent =
        |address| Sides::new(Some(Extent { address, size: 32, offset: address }), Some(Extent { address, size: 32, offset: address }));
    lib.functions = vec![
        FunctionDiff {
            name: "verify_image".into(),
            result: ResultMark::Different,
            extent: extent(0x4a10),
            changed: 1,
            source: source(8),
            what: "1 byte differs, 75 -> eb: a conditional jump became unconditional".into(),
        },
        FunctionDiff {
            name: "load_key\u{200B}".into(),
            result: ResultMark::Different,
            extent: extent(0x4c10),
            changed: 2,
            source: source(15),
            what: "2 rows differ".into(),
        },
    ];
    lib.same_functions = 210;
    lib.tried = vec![Tried { cause: Cause::BuildId, why: "the byte is in .text".into() }];
    lib.regions = vec![RegionDiff {
        name: ".text".into(),
        result: ResultMark::Different,
        extent: extent(0x4a10),
        account: Sides::default(),
        loaded: true,
    }];
    lib.evidence = Some(Arc::new(Rows));
    let mut conf = node(names[1], NodeKind::Text, ResultMark::Different, "2 lines differ");
    conf.account.shipped.unexplained = 9;
    conf.evidence = Some(Arc::new(TextRows));
    let blob = node(names[2], NodeKind::Data, ResultMark::OnlyShipped, "shipped, never rebuilt");
    let mut tar = node(names[3], NodeKind::Tar, ResultMark::Different, "a member differs");
    let mut member = node("./usr/bin/\x1b]0;x\x07tool", NodeKind::Elf, ResultMark::Different, "mode differs");
    member.metadata = vec!["mode 4755 shipped, 0755 rebuilt".into()];
    tar.children = vec![node("./same", NodeKind::Data, ResultMark::Identical, ""), member];
    let proof = |cause, old: &str, new: &str| Proof { cause, spans: Sides::default(), values: Sides::new(old.into(), new.into()) };
    let mut mods = Vec::new();
    for name in &names[4..] {
        let mut module = node(name, NodeKind::Elf, ResultMark::Equivalent, "");
        module.proofs = vec![proof(Cause::BuildId, "8c1e\x1b[0m", "7b13"), proof(Cause::Timestamp, "2026-10-30", "2026-11-02")];
        mods.push(module);
    }
    for (i, root) in [lib, conf, blob, tar].into_iter().chain(mods).enumerate() {
        facts.learn(Discovery::Compared(i, Arc::new(root)));
    }
    let answers = Question::ALL.map(|question| Answer {
        question,
        outcome: if matches!(question, Question::Materials | Question::Time) { Outcome::CannotTell } else { Outcome::Yes },
        reason: format!("the {} was looked at", question.word()),
    });
    let attestation = Attestation {
        file: "data/provenance/build\u{2028}.json".into(),
        line: None,
        kind: "in-toto Statement v1".into(),
        predicate_type: Some("https://slsa.dev/provenance/v1".into()),
        subjects: vec![Subject { name: names[0].into(), digests: Vec::new() }],
        builder: Some("https://ci.acme.example/\x1b[2Jb/7".into()),
        build_type: None,
        commit: Some("9f3c".repeat(10)),
        source_uri: None,
        started: None,
        tools: Vec::new(),
        finished: None,
        signed_at: None,
        materials: vec![("pkg:generic/fw-blobs".into(), Vec::new())],
        signatures: vec![SignatureReport {
            keyid: "k\x00".into(),
            outcome: Outcome::Yes,
            principal: Some("release@acme".into()),
            fingerprint: Some("SHA256:abc".into()),
            reason: "Ed25519 over the PAE".into(),
        }],
        answers: answers.to_vec(),
        of_bill: Vec::new(),
        payload: b"{\n  \"_type\": \"x\x1b[31m\"\n}\n".to_vec(),
    };
    let chain = vec![
        ChainLink::new("tree = commit", Standing::Proven, "hashed"),
        ChainLink::new("commit = provenance", Standing::Claimed, "signed, not shown"),
    ];
    facts.learn(Discovery::Provenance(vec![attestation], chain));
    facts.learn(Discovery::Offers(vec![OfferedKey {
        called: "release\u{202e}@acme".into(),
        file: "data/trust/allowed_signers".into(),
        kind: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:def".to_owned(),
        sha256: crate::digest::Sha256::of(b"key"),
        known_as: None,
    }]));
    let entry = |path: &str, n: u8| SourceEntry {
        path: path.into(),
        kind: EntryKind::File,
        id: format!("{n:02x}").repeat(20),
        size: VERIFY.len() as u64,
    };
    let tree = SourceTree {
        commit: Some("9f3c".repeat(10)),
        tree: Some("e1e1".repeat(10)),
        tag: Some("v4.2.0".into()),
        tag_matches: Some(true),
        entries: vec![
            entry("Makefile", 1),
            entry("logo.png", 2),
            entry("src/crypto/\u{202E}x.c", 3),
            entry("src/update/install.c", 4),
            entry("src/update/verify.c", 5),
        ],
        ..SourceTree::default()
    };
    facts.learn(Discovery::Source(Arc::new(tree)));
    facts.learn(Discovery::Hidden(vec![HiddenPlace {
        entry: 4,
        path: "src/update/verify.c".into(),
        line: 12,
        count: 1,
        first: "U+202E".into(),
    }]));
    facts
}

/// The policy: three questions.
pub(super) fn policy() -> Policy {
    let ask = |id: &str, question: &str| ChecklistEntry { id: id.into(), question: question.into() };
    Policy {
        checklist: vec![
            ask("announced", "The bundle is the one the vendor announced"),
            ask("keys", "Every signature verifies against the room's keys"),
            ask("env", "The rebuild environment is documented"),
        ],
        ..Policy::default()
    }
}

/// The console on a terminal that is not there, and a session that answers at once.
pub(super) struct Bench {
    pub(super) app: App,
    pub(super) screen: Terminal<TestBackend>,
    pub(super) recorded: Vec<Body>,
    /// Reports that were written: name and text.
    pub(super) reports: Vec<(String, String)>,
    pub(super) signed: usize,
    pub(super) quit: bool,
    /// Every write fails while it is set.
    pub(super) full: bool,
    pub(super) now: Duration,
    /// Time between two inputs.
    pub(super) pace: Duration,
}

impl Bench {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        Self::with(facts(), None, columns, rows)
    }

    pub(super) fn with(facts: Facts, read_only: Option<String>, columns: u16, rows: u16) -> Self {
        let state = State { reviewer: "A. Meyer".into(), ..State::default() };
        let app = App::new(facts, policy(), state, read_only, Theme::default(), (columns, rows));
        let screen = Terminal::new(TestBackend::new(columns, rows)).expect("a test terminal");
        let mut bench = Self {
            app,
            screen,
            recorded: Vec::new(),
            reports: Vec::new(),
            signed: 0,
            quit: false,
            full: false,
            now: Duration::from_secs(1),
            pace: Duration::from_millis(600),
        };
        bench.app.offer("/keys/id".into(), "record.dsse.json".into());
        bench.draw();
        bench
    }

    pub(super) fn draw(&mut self) {
        loop {
            let mut drawn = None;
            let app = &self.app;
            self.screen.draw(|frame| drawn = Some(screens::draw(app, frame))).expect("drawn");
            if !self.app.drawn(&drawn.expect("drawn"), true) {
                return;
            }
        }
    }

    /// Draws on a terminal that has nothing of earlier frames: the test backend keeps what a wide character covers.
    pub(super) fn fresh(&mut self) {
        let (columns, rows) = self.app.size;
        self.screen = Terminal::new(TestBackend::new(columns, rows)).expect("a test terminal");
        self.draw();
    }

    /// Gives the window another size.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.backend_mut().resize(columns, rows);
        self.send(Input::Resize(columns, rows));
    }

    pub(super) fn send(&mut self, input: Input) {
        self.take(input);
        // The loop says when a digit is a screen and nothing else, unless the next key is there before.
        if let Some(left) = self.app.digit_settles_in().filter(|left| *left < self.pace) {
            let pace = std::mem::replace(&mut self.pace, left);
            self.take(Input::Idle);
            self.pace = pace;
        }
    }

    fn take(&mut self, input: Input) {
        self.now += self.pace;
        let mut effects = self.app.update(input, self.now);
        while !effects.is_empty() {
            let effect = effects.remove(0);
            let answer = match effect {
                Effect::Record(body) if self.full => Input::NotSaved(body, "no space left".into()),
                Effect::Record(body) => {
                    self.recorded.push((*body).clone());
                    let n = self.recorded.len() as u64;
                    Input::Recorded(Box::new(Event { n, time: "2026-11-03T14:02:11Z".into(), body: *body }), "14:02".into())
                }
                Effect::ReadSource(entry) => {
                    let bytes: Arc<[u8]> = if entry == 1 { Arc::from(&b"\x89PNG\0\x01"[..]) } else { Arc::from(VERIFY.as_bytes()) };
                    Input::News(News::SourceFile(entry, Ok(bytes)))
                }
                Effect::CompareSources(entry, _) => {
                    let context = crate::diff::Context {
                        source: None,
                        source_content: None,
                        debug: &[],
                        limits: crate::diff::Limits::default(),
                        cancelled: &|| false,
                        share: &crate::diff::in_order,
                        progress: &|_| {},
                    };
                    // The archive has one line more.
                    let ours: Arc<[u8]> = [b"/* put in */\n", VERIFY.as_bytes()].concat().into();
                    let node = crate::diff::compare(Default::default(), ours, VERIFY.as_bytes().into(), &context);
                    Input::News(News::Sources(entry, Ok(Arc::new(node))))
                }
                Effect::Listing(key, evidence) => {
                    let listing = Arc::new(evidence.listing(key.place, key.view));
                    Input::News(News::Listing(key, listing))
                }
                Effect::Prepare(decision, _) => Input::News(News::Prepared(Box::new(Ok(prepared(decision))))),
                Effect::Sign { output, .. } => {
                    self.signed += 1;
                    Input::News(News::Signed(Ok(signed_record(output))))
                }
                Effect::Report(name, paper, form) => {
                    let text = paper.write(form, &|_, line| Some(crate::text::Shown::new(VERIFY.lines().nth(line as usize - 1)?)));
                    self.reports.push((name.clone(), text));
                    Input::News(News::Reported(Ok(std::path::Path::new("/state/reports").join(name))))
                }
                Effect::Search(query) => Input::News(News::Found(found(&query))),
                Effect::Syntax(of) => Input::News(News::Syntax(comments(&of))),
                Effect::Past(wanted) => Input::News(News::Past(past(&wanted))),
                Effect::Identified(_) | Effect::EndSearch | Effect::EndPast(_) => continue,
                Effect::Correct => {
                    let carried = self.app.state.to_carry();
                    let events = self.app.state.events.iter().filter(|e| carried.contains(&e.n)).cloned().collect();
                    Input::Corrected(Ok(Box::new(State { reviewer: "A. Meyer".into(), ..State::fold(events) })))
                }
                Effect::Quit => {
                    self.quit = true;
                    continue;
                }
            };
            effects.extend(self.app.update(answer, self.now));
        }
        self.draw();
    }

    /// Presses keys: `n`, `<enter>`, `<^d>`; blanks separate, `<space>` is a blank.
    pub(super) fn walk(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            let mut rest = word;
            while let Some(first) = rest.chars().next() {
                let named = rest.strip_prefix('<').and_then(|r| r.split_once('>'));
                let (code, modifiers) = match named {
                    Some((name, after)) => {
                        rest = after;
                        match name {
                            "enter" => (KeyCode::Enter, KeyModifiers::NONE),
                            "esc" => (KeyCode::Esc, KeyModifiers::NONE),
                            "tab" => (KeyCode::Tab, KeyModifiers::NONE),
                            "space" => (KeyCode::Char(' '), KeyModifiers::NONE),
                            "pgdn" => (KeyCode::PageDown, KeyModifiers::NONE),
                            "bs" => (KeyCode::Backspace, KeyModifiers::NONE),
                            other => (
                                KeyCode::Char(other.chars().last().unwrap_or('?')),
                                if other.starts_with('^') { KeyModifiers::CONTROL } else { KeyModifiers::ALT },
                            ),
                        }
                    }
                    None => {
                        rest = &rest[first.len_utf8()..];
                        (KeyCode::Char(first), KeyModifiers::NONE)
                    }
                };
                self.send(Input::Key(KeyEvent::new(code, modifiers)));
            }
        }
        self
    }

    /// The whole screen as text.
    pub(super) fn text(&self) -> String {
        let buffer = self.screen.backend().buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0usize;
            for x in 0..buffer.area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                skip = crate::text::Shown::new(symbol).width().saturating_sub(1);
                line.push_str(symbol);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// One row of the screen, from the end when negative.
    pub(super) fn row(&self, at: isize) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let at = if at < 0 { lines.len().wrapping_add_signed(at) } else { at.unsigned_abs() };
        lines.get(at).copied().unwrap_or_default().to_owned()
    }

    /// The rulings made, as mark and item id.
    pub(super) fn rulings(&self) -> Vec<String> {
        self.app.state.rulings.iter().map(|(id, r)| format!("{}{id}", r.ruling.mark())).collect()
    }
}

pub(super) fn prepared(decision: Decision) -> Prepared {
    let mut rows = vec![plain("I, A. Meyer, reviewed acme-gateway 4.2.0"), plain(&format!("outcome {}", decision.word()))];
    rows.extend((0..60).map(|i| plain(&format!("not looked at: usr/share/fw/blob{i}.bin   shipped, never rebuilt"))));
    rows.push(plain("end of the statement"));
    Prepared {
        decision,
        payload: b"{}".to_vec(),
        rows,
        confirm: "acme-gateway 4.2.0".into(),
        key: None,
        dossier: b"{}".to_vec(),
        sequence: 1,
        leaves: leaves("would leave"),
    }
}

fn signed_record(path: std::path::PathBuf) -> crate::session::SignedRecord {
    let payload = crate::digest::Sha256::of(b"{}");
    let dossier = path.with_extension("dossier.json");
    let leaves = leaves("left");
    crate::session::SignedRecord {
        path,
        dossier,
        payload,
        key: "SHA256:test".into(),
        decision: crate::review::Decision::Rejected,
        sequence: 1,
        leaves,
    }
}

fn leaves(what: &str) -> Arc<[Row]> {
    (1..=90).map(|i| plain(&format!("byte row {i} that {what}"))).collect()
}
