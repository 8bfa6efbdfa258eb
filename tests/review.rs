//! The review from the command line: what counts as shown, what leaves the room as questions, what comes back as answers.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::process::Command;

use serde_json::Value;

mod common;

struct Room {
    folder: tempfile::TempDir,
    policy: String,
}

impl Room {
    /// A room with the demonstration's policy, and more lines before it.
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = folder.path().join("policy.toml");
        let demo = std::fs::read_to_string(common::here("testdata/demo/policy.toml")).expect("read");
        std::fs::write(&policy, format!("{more}\n{demo}")).expect("written");
        std::fs::copy(common::here("testdata/demo/allowed_signers"), folder.path().join("allowed_signers")).expect("copied");
        Self { policy: policy.to_string_lossy().into_owned(), folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs a subcommand on the demonstration's bundle in this room.
    fn run(&self, command: &str, more: &[&str]) -> (i32, String) {
        let (release, state) = (common::here("testdata/demo/release.tar"), self.path("state"));
        let mut args = vec![command, &release];
        args.extend(more);
        args.extend(["--policy", &self.policy, "--state", &state]);
        let out = Command::new(common::program()).args(args).output().expect("it runs");
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        (out.status.code().expect("no signal"), said)
    }

    fn coverage(&self) -> Value {
        let (_, said) = self.run("check", &["--format", "json"]);
        serde_json::from_str::<Value>(&said).expect("JSON")["coverage"].clone()
    }
}

#[test]
fn what_is_printed_counts_only_where_the_policy_says_so() {
    let plain = Room::new("");
    assert_eq!(plain.run("show", &["source", "src/verify.c"]).0, 0);
    let before = plain.coverage();
    assert_eq!((before["linesShown"].as_u64(), before["codeShown"].as_u64()), (Some(0), Some(0)), "{before}");
    assert!(before["linesTotal"].as_u64() > Some(100) && before["codeTotal"].as_u64() > Some(100), "{before}");

    let counting = Room::new("text_twins_count = true");
    // The past of a file is not the file.
    assert_eq!(counting.run("show", &["source", "src/verify.c", "--history"]).0, 0);
    assert_eq!(counting.coverage()["linesShown"].as_u64(), Some(0));
    assert_eq!(counting.run("show", &["source", "src/verify.c"]).0, 0);
    let after = counting.coverage();
    assert!(after["linesShown"].as_u64() > Some(10) && after["linesShown"].as_u64() < after["linesTotal"].as_u64(), "{after}");
    assert!(after["codeShown"].as_u64() > Some(0) && after["codeShown"].as_u64() < after["codeTotal"].as_u64(), "{after}");
    let (_, said) = counting.run("show", &["signoff"]);
    assert!(said.contains("source src/install.c") && !said.contains("source src/verify.c"), "{said}");
    assert!(said.contains("lines of source (") && said.contains("bytes of shipped code"), "{said}");
    let journal = walk(&counting.path("state")).into_iter().find(|p| p.ends_with("journal.jsonl")).expect("a journal");
    let journal = std::fs::read_to_string(journal).expect("read");
    assert!(journal.lines().any(|l| l.contains("\"event\":\"read\"") && l.contains("\"text\":true")), "{journal}");
    let (_, list) = counting.run("show", &["source"]);
    assert!(list.lines().any(|l| l.contains("src/verify.c") && l.contains("shown ")), "{list}");
}

#[test]
fn rows_of_an_executable_that_are_printed_count_as_those_on_the_screen_do() {
    let item = |said: &str| said.lines().find_map(|l| l.split("[compare:").nth(1)?.split(']').next().map(|id| format!("compare:{id}")));
    let plain = Room::new("");
    let (_, said) = plain.run("check", &[]);
    let id = item(&said).expect("an executable that differs");
    let (_, rows) = plain.run("show", &["compare", &id]);
    assert!(rows.contains("verify_image") && rows.lines().filter(|l| l.contains(" ! ")).count() > 0, "{rows}");
    let missed = |room: &Room| room.run("show", &["signoff"]).1.lines().filter(|l| l.contains(&id)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(missed(&plain), [format!("  item {id}")], "the policy does not count it");

    let counting = Room::new("text_twins_count = true");
    assert_eq!(counting.run("show", &["compare", &id, "--reviewer", "alice"]).0, 0);
    assert_eq!(missed(&counting), Vec::<String>::new(), "nothing of it is left");
    let journal = walk(&counting.path("state")).into_iter().find(|p| p.ends_with("journal.jsonl")).expect("a journal");
    let journal = std::fs::read_to_string(journal).expect("read");
    assert!(journal.lines().any(|l| l.contains("\"event\":\"shown\"") && l.contains(&id) && l.contains("\"text\":true")), "{journal}");
    // The console numbers the differences alike: what was printed is all that it has.
    let (release, state) = (common::here("testdata/demo/release.tar"), counting.path("state"));
    let args = ["open", &release, "--policy", &counting.policy, "--state", &state, "--reviewer", "alice"];
    let mut terminal = common::Terminal::start(&args, 120, 40);
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    terminal.wait_for("verify_image");
    terminal.keys("a");
    terminal.wait("a ruling without a reason", |s| s.contains("u takes it back"));
    terminal.keys("\x03");
    terminal.wait_for("items are still open");
    terminal.keys("y");
    assert_eq!(terminal.end(), 0);
}

fn walk(folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { out.extend(walk(&path.to_string_lossy())) } else { out.push(path.to_string_lossy().into_owned()) }
    }
    out
}

impl Room {
    /// Files findings by the console: each is opened with `n`, then `f` and the words.
    fn file(&self, words: &[&str]) {
        let (release, state) = (common::here("testdata/demo/release.tar"), self.path("state"));
        let args = ["open", &release, "--policy", &self.policy, "--state", &state, "--reviewer", "alice"];
        let mut terminal = common::Terminal::start(&args, 120, 40);
        terminal.wait_for("1 file differs");
        terminal.keys("n");
        terminal.wait_for("verify_image");
        for (n, words) in words.iter().enumerate() {
            terminal.keys("f");
            terminal.wait_for("finding (problem): ");
            terminal.write(&format!("{words}\r"));
            terminal.wait_for(&format!("F{} filed", n + 1));
        }
        terminal.keys("\x03");
        terminal.wait_for("items are still open");
        terminal.keys("y");
        assert_eq!(terminal.end(), 0);
    }

    /// A file of answers to the first question of a sheet, and the vendor's signature over it.
    fn reply(&self, name: &str, sheet: &str, namespace: &str, edit: impl Fn(&mut Value)) -> String {
        let sheet: Value = serde_json::from_str(&std::fs::read_to_string(sheet).expect("read")).expect("JSON");
        let asked = &sheet["questions"][0];
        let mut answers = serde_json::json!({
            "schema": "countersign-answers/v1",
            "release": sheet["release"],
            "answers": [{ "finding": asked["finding"], "digest": asked["digest"], "answer": "The compiler turned it round." }],
        });
        edit(&mut answers);
        let path = self.path(name);
        std::fs::write(&path, answers.to_string()).expect("written");
        let (key, _) = common::key(self.folder.path(), "vendor", 9);
        let key = ssh_key::PrivateKey::read_openssh_file(&key).expect("a key");
        let signature = key.sign(namespace, ssh_key::HashAlg::Sha512, answers.to_string().as_bytes()).expect("signed");
        std::fs::write(format!("{path}.sig"), signature.to_pem(ssh_key::LineEnding::LF).expect("armored")).expect("written");
        path
    }
}

#[test]
fn questions_leave_without_source_and_signed_answers_come_back_to_their_findings() {
    let room = Room::new("");
    room.file(&["why is the check in the shipped file inverted?", "what is `if (!ed25519_verify(image->signature, digest, key))` for;"]);
    let sheet = room.path("sheet.json");
    let source = String::from_utf8_lossy(&std::fs::read(common::here("testdata/demo/src/src/verify.c")).unwrap_or_default()).into_owned();
    let line =
        source.lines().find(|l| l.trim().len() > 20 && l.contains('(') && l.contains(';')).expect("a line of code").trim().to_owned();
    let (code, said) = room.run("questions", &["--output", &sheet]);
    // The second finding was typed by heart: only the real line is a quote.
    assert!(code == 0 || said.contains("F2 quotes"), "{said}");
    let _ = std::fs::remove_file(&sheet);
    let quoting = Room::new("");
    quoting.file(&["a", &format!("see {line}")]);
    let (code, said) = quoting.run("questions", &["--output", &quoting.path("sheet.json")]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("F2 quotes src/verify.c:") && said.contains("nothing was written"), "{said}");
    assert!(!std::path::Path::new(&quoting.path("sheet.json")).exists());
    let (code, said) = quoting.run("questions", &["--output", &quoting.path("sheet.json"), "--allow-quotes", "F2"]);
    assert_eq!(code, 0, "{said}");

    let (code, said) = room.run("questions", &["--output", &sheet, "--allow-quotes", "F2"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1. why is the check") && said.contains("finding F1"), "{said}");
    let (_, signers) = common::key(room.folder.path(), "vendor", 9);
    let signers = signers.to_string_lossy().into_owned();
    let good = room.reply("good.json", &sheet, "answers@countersign", |_| {});
    let (code, said) = room.run("answers", &[&good, "--signers", &signers]);
    assert_eq!(code, 0, "{said}");
    let (_, said) = room.run("show", &["findings"]);
    assert!(said.contains("claims: The compiler turned it round.") && said.contains("F1 OPEN"), "{said}");

    let stranger = room.run("answers", &[&good]);
    assert!(stranger.0 == 1 && stranger.1.contains("no allowed signer"), "{stranger:?}");
    let other = room.reply("other.json", &sheet, "file", |_| {});
    let other = room.run("answers", &[&other, "--signers", &signers]);
    assert!(other.0 == 1 && other.1.contains("namespace"), "{other:?}");
    let stale = room.reply("stale.json", &sheet, "answers@countersign", |v| v["answers"][0]["digest"]["sha256"] = "0".repeat(64).into());
    let stale = room.run("answers", &[&stale, "--signers", &signers]);
    assert!(stale.0 == 1 && stale.1.contains("NOT taken in: F1"), "{stale:?}");
    let altered = room.reply("altered.json", &sheet, "answers@countersign", |_| {});
    std::fs::write(&altered, std::fs::read_to_string(&altered).expect("read").replace("turned", "inverted")).expect("written");
    let altered = room.run("answers", &[&altered, "--signers", &signers]);
    assert!(altered.0 == 1 && altered.1.contains("refused"), "{altered:?}");
}

#[test]
fn an_earlier_review_hands_on_what_is_unchanged_and_only_that() {
    let room = Room::new("text_twins_count = true");
    let (key, signers) = common::key(room.folder.path(), "alice", 3);
    let (key, signers) = (key.to_string_lossy().into_owned(), signers.to_string_lossy().into_owned());
    assert_eq!(room.run("show", &["source", "src/verify.c", "--reviewer", "alice"]).0, 0);
    room.accept_first();
    let record = room.path("first.dsse.json");
    let (code, said) = room.run("sign", &["--key", &key, "--decision", "incomplete", "--output", &record, "--reviewer", "alice"]);
    assert_eq!(code, 0, "{said}");

    let next = Room::new("");
    let previous = ["--previous", record.as_str(), "--signers", signers.as_str()];
    let (_, said) = next.run("check", &[&previous[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let items = report["items"].as_array().expect("items");
    let carried: Vec<&Value> = items.iter().filter(|i| i["carriedSince"] == 1).collect();
    assert_eq!(carried.len(), 1, "{said}");
    assert_eq!(items.last(), Some(carried[0]), "what changed comes first");
    assert!(report["coverage"]["linesShown"] == 0, "{}", report["coverage"]);
    let second = next.path("second.dsse.json");
    let sign = ["--key", &key, "--decision", "incomplete", "--output", &second, "--reviewer", "alice"];
    let (code, said) = next.run("sign", &[&previous[..], &sign[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 carried over from an earlier review"), "{said}");
    let payload = countersign::signoff::payload(&std::fs::read(&second).expect("read")).expect("a record");
    let statement: Value = serde_json::from_slice(&payload).expect("JSON");
    let coverage = &statement["predicate"]["coverage"];
    assert_eq!((&statement["predicate"]["sequence"], &coverage["carried"], &coverage["ruledByHand"]), (&2.into(), &1.into(), &0.into()));
    assert!(coverage["linesCarried"].as_u64() > Some(10), "{coverage}");
    let first = countersign::signoff::payload(&std::fs::read(&record).expect("read")).expect("a record");
    assert_eq!(statement["predicate"]["previous"]["sha256"], countersign::digest::Sha256::of(&first).to_string());

    let dossier = room.path("first.dossier.json");
    let text = std::fs::read_to_string(&dossier).expect("read");
    std::fs::write(&dossier, text.replacen("accepted", "rejected", 1)).expect("written");
    let (code, said) = Room::new("").run("check", &previous);
    assert!(code == 2 && said.contains("carried over") && said.contains("not the dossier"), "{code} {said}");
    let (code, said) = Room::new("").run("check", &["--previous", &record]);
    assert!(code == 2 && said.contains("0 of 1 signatures"), "an unknown signer: {code} {said}");
}

impl Room {
    /// Accepts the first item in the console, with a reason where that is asked for.
    fn accept_first(&self) {
        let (release, state) = (common::here("testdata/demo/release.tar"), self.path("state"));
        let args = ["open", &release, "--policy", &self.policy, "--state", &state, "--reviewer", "alice"];
        let mut terminal = common::Terminal::start(&args, 120, 40);
        terminal.wait_for("1 file differs");
        terminal.keys("n");
        terminal.wait_for("verify_image");
        terminal.keys("a");
        let screen = terminal.wait("a ruling", |s| s.contains("u takes it back") || s.contains("a again with a reason"));
        if screen.contains("a again with a reason") {
            terminal.keys("a");
            // By now the rows may have been drawn, and then no reason is asked for.
            let screen = terminal.wait("a reason or a ruling", |s| s.contains("u takes it back") || s.contains("accept, because"));
            if screen.contains("accept, because") {
                terminal.write("seen elsewhere\r");
            }
        }
        terminal.wait_for("u takes it back");
        terminal.keys("\x03");
        terminal.wait_for("items are still open");
        terminal.keys("y");
        assert_eq!(terminal.end(), 0);
    }
}
