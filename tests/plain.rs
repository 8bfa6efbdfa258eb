//! The review line by line, with the real program: piped and on a terminal, from opening to accepted items.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod common;

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new(counts: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = std::fs::read_to_string(common::here("testdata/demo/policy.toml")).expect("read");
        std::fs::write(folder.path().join("policy.toml"), format!("text_twins_count = {counts}\n{policy}")).expect("written");
        std::fs::copy(common::here("testdata/demo/allowed_signers"), folder.path().join("allowed_signers")).expect("copied");
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn args(&self, command: &str) -> Vec<String> {
        let all = [command, &common::here("testdata/demo/release.tar"), "--state", &self.path("state")];
        all.map(str::to_owned).to_vec()
    }

    fn open(&self) -> Vec<String> {
        let more = ["--policy", &self.path("policy.toml"), "--reviewer", "bea", "--plain"].map(str::to_owned);
        self.args("open").into_iter().chain(more).collect()
    }

    /// Types lines into a pipe, and gives what came back and the exit code.
    fn talk(&self, lines: &[&str]) -> (String, Option<i32>) {
        talk(Command::new(common::program()).args(self.open()), lines)
    }

    fn journal(&self) -> PathBuf {
        let reviews = self.folder.path().join("state/reviews");
        let review = std::fs::read_dir(reviews).expect("reviews").map(|e| e.expect("an entry").path()).next().expect("a review");
        review.join("journal.jsonl")
    }
}

fn talk(command: &mut Command, lines: &[&str]) -> (String, Option<i32>) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
    let out = child.wait_with_output().expect("it ends");
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    (String::from_utf8(out.stdout).expect("UTF-8"), out.status.code())
}

fn run(args: &[String]) -> (i32, String) {
    let out = Command::new(common::program()).args(args).output().expect("it runs");
    (out.status.code().expect("no signal"), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

/// Nothing that a terminal would obey, and nothing that turns text round.
fn assert_plain(text: &str) {
    for c in text.chars() {
        let hidden = matches!(u32::from(c), 0x200b..=0x200f | 0x202a..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f);
        assert!(c == '\n' || !c.is_control() && !hidden, "{c:?} in {text}");
        assert!(!matches!(c, '\u{2500}'..='\u{259f}'), "a box in {text}");
    }
}

#[test]
fn a_reviewer_judges_everything_by_lines_and_the_journal_is_sound() {
    let room = Room::new(true);
    let (said, code) = room.talk(&["wait", "next", "reject one function was changed after the build", "overview", "quit"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Seal: full.") || said.contains("Seal: seccomp-only."), "{said}");
    assert!(said.contains("ALARM: update-agent.") && said.contains("REJECTED, saved: update-agent."), "{said}");
    // The next session goes on; the rejection is taken back and the difference looked at.
    let mut lines =
        vec!["wait", "undo", "item 1", "difference", "accept", "next", "accept", "next", "accept", "next", "difference", "accept 1"];
    for _ in 0..2 {
        lines.extend(["next", "difference", "difference", "difference", "difference", "accept"]);
    }
    lines.extend(["next", "difference", "accept 1"]);
    for _ in 0..4 {
        lines.extend(["next", "answer yes"]);
    }
    lines.extend(["next", "coverage", "blockers", "sign"]);
    let (said, code) = room.talk(&lines);
    assert_eq!(code, Some(0), "the end of input is a way to leave: {said}");
    assert_plain(&said);
    assert_eq!(said.matches("ACCEPTED, saved: ").count(), 7, "{said}");
    assert!(said.contains("Nothing is left to judge.") && said.contains("OPEN: nothing stands in the way of an approval."), "{said}");
    assert!(said.contains("countersign sign ") && said.contains("--decision approved|"), "{said}");
    assert!(said.trim_end().ends_with("0 items still to judge."), "{said}");
    let (code, log) = run(&[room.args("log"), vec!["--verify".to_owned()]].concat());
    assert_eq!(code, 0, "{log}");
    let journal = std::fs::read_to_string(room.journal()).expect("read");
    assert_eq!(journal.matches("\"event\":\"ruled\"").count(), 8, "seven that stand and one that was taken back");
    assert!(!journal.contains("\"text\":false") && journal.contains("\"event\":\"read\""), "what was printed is kept as text");
    let (_, screens) = run(&[room.args("show"), vec!["signoff".to_owned(), "--policy".to_owned(), room.path("policy.toml")]].concat());
    assert!(screens.contains("[x] everything was hashed") && !screens.contains("[ ]"), "the console has the same review: {screens}");
}

#[test]
fn what_nobody_touched_is_not_approved_and_without_counting_everything_takes_a_reason() {
    let room = Room::new(false);
    let (said, _) = room.talk(&["wait", "next", "difference", "accept", "blockers", "overview"]);
    assert!(said.contains("does NOT count as shown") && said.contains("Not accepted yet: nothing of it was shown."), "{said}");
    assert!(said.contains("CLOSED: ") && !said.contains("ACCEPTED") && said.contains("DOES NOT MATCH: "), "{said}");
    let journal = std::fs::read_to_string(room.journal()).expect("read");
    assert!(!journal.contains("\"event\":\"ruled\"") && !journal.contains("\"event\":\"shown\""), "{journal}");
    let (said, _) = room.talk(&["wait", "item 1", "accept", "accept heard with a screen reader", "coverage"]);
    assert!(said.contains("ACCEPTED, saved: update-agent.") && said.contains("not looked at: item compare:update-agent"), "{said}");
}

#[test]
fn on_a_terminal_there_is_a_prompt_and_not_one_escape() {
    let room = Room::new(true);
    let args = room.open();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut terminal = common::Terminal::start(&args, 100, 50);
    terminal.wait_for("> ");
    terminal.keys("progress off\rwait\r");
    terminal.wait_for("11 items to judge.");
    terminal.keys("next\r");
    terminal.wait_for("Type difference for the next");
    terminal.keys("find equal_constant_time\r");
    terminal.wait_for("places found.");
    terminal.keys("\u{4}");
    terminal.wait_for("Bye.");
    for _ in 0..50 {
        if terminal.is_gone() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(terminal.is_gone(), "the end of input ends it");
    let raw = terminal.raw();
    assert!(!raw.contains(&0x1b), "{}", String::from_utf8_lossy(&raw));
}

#[test]
fn the_environment_asks_for_lines_too_and_the_command_line_is_not_needed() {
    let room = Room::new(true);
    let mut args = room.open();
    args.pop();
    let (said, code) = talk(Command::new(common::program()).args(args).env("COUNTERSIGN_PLAIN", "1"), &["quit"]);
    assert!(code == Some(0) && said.contains("Bye."), "{said}");
    let (_, settings) = run(&["config".to_owned(), "--plain".to_owned()]);
    assert!(settings.lines().any(|l| l.starts_with("plain") && l.contains("on") && l.contains("--plain")), "{settings}");
}

#[test]
fn a_reader_that_is_gone_ends_it_without_a_word() {
    let room = Room::new(true);
    let mut child = Command::new(common::program())
        .args(room.open())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut first = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("it says something");
    let mut input = child.stdin.take().expect("a pipe");
    // It may be gone while it is told more.
    for _ in 0..200 {
        if input.write_all(b"help\n").is_err() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(input);
    let out = child.wait_with_output().expect("it ends");
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn no_name_of_a_bundle_is_obeyed() {
    let folder = tempfile::tempdir().expect("a folder");
    let evil = "a\u{1b}]0;t\u{7}\u{202e}b\u{9b}2J<script>\n";
    let side = |side: &str, text: &str| -> PathBuf {
        let path = folder.path().join(side);
        std::fs::create_dir(&path).expect("made");
        // A bag takes no control character in the name of a file; those of a source have them.
        std::fs::write(path.join("a\u{202e}b<script>"), text).expect("written");
        path.join("a\u{202e}b<script>")
    };
    let (a, b) = (side("a", "one\u{1b}[2J\ntwo\n"), side("b", "one\u{202e}\ntwo\n"));
    let source = folder.path().join("source");
    std::fs::create_dir(&source).expect("made");
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "x"]] {
        std::fs::write(source.join(format!("{evil}.c")), "int a; /* \u{202e} \u{1b}[31m */\n\tint b;\n").expect("written");
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(args).current_dir(&source);
        assert!(git.env_remove("GIT_DIR").status().expect("git runs").success());
    }
    let bag = folder.path().join("bag");
    let pack = |bag: &Path| {
        let mut pack = Command::new(common::program());
        pack.arg("pack").arg(bag).args(["--product", "evil", "--version", "1"]).arg("--source").arg(&source);
        pack.arg("--shipped").arg(&a).arg("--rebuilt").arg(&b);
        pack.output().expect("it runs")
    };
    let packed = pack(&bag);
    let made = packed.status.code() == Some(0);
    assert!(made, "{}", String::from_utf8_lossy(&packed.stderr));
    let state = folder.path().join("state").to_string_lossy().into_owned();
    let bag = bag.to_string_lossy().into_owned();
    let mut lines = vec!["wait".to_owned(), "help".to_owned()];
    for item in 1..12 {
        lines.push(format!("item {item}"));
        lines.extend(["show", "difference", "difference", "source", "note here", "back"].map(str::to_owned));
    }
    let more = [
        "list all",
        "files",
        "artifacts",
        "checks",
        "provenance",
        "findings",
        "find two",
        "find int",
        "coverage",
        "more",
        "undo",
        "blockers",
        "sign",
    ];
    lines.extend(more.map(str::to_owned));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut open = Command::new(common::program());
    let (said, code) = talk(open.args(["open", &bag, "--state", &state, "--plain"]), &lines);
    assert_eq!(code, Some(0));
    assert_plain(&said);
    assert!(said.contains("<U+202E>") && said.contains("<1B>") && said.contains("2: "), "{said}");
}

#[test]
fn what_cannot_be_saved_did_not_happen_and_is_said() {
    let room = Room::new(false);
    room.talk(&["quit"]);
    let journal = room.journal().to_string_lossy().into_owned();
    let mut strace = Command::new("strace");
    if strace.arg("-V").output().is_err() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &journal,
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "inject=fsync,fdatasync:error=EIO:when=2+",
    ]);
    let (said, code) = talk(strace.arg(common::program()).args(room.open()), &["wait", "item 1", "reject because", "overview", "undo"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("NOT SAVED, it did not happen: ") && !said.contains("REJECTED, saved"), "{said}");
    assert!(said.contains("11 items to judge, of 11."), "{said}");
    let (code, log) = run(&[room.args("log"), vec!["--verify".to_owned()]].concat());
    assert_eq!(code, 0, "{log}");
}

#[test]
fn after_the_seal_no_network_and_no_process_is_asked_for() {
    let room = Room::new(true);
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    let trace = room.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=%network,%process,seccomp", "-e", "signal=none", "-o", &trace]);
    let lines = ["wait", "next", "difference", "find verify", "accept", "report a.html", "quit"];
    let (said, code) = talk(strace.arg(common::program()).args(room.open()), &lines);
    assert!(code == Some(0) && said.contains("Report written: "), "{said}");
    let trace = std::fs::read_to_string(trace).expect("a trace");
    // The last filter: where the kernel has no Landlock the filter before it is handed to the process that opens files.
    let lines: Vec<&str> = trace.lines().collect();
    let sealed = lines.iter().rposition(|l| l.contains("seccomp(SECCOMP_SET_MODE_FILTER")).expect("it seals itself");
    // Threads of the work are made by clone; ends are ends.
    let odd: Vec<&str> = trace
        .lines()
        .skip(sealed)
        .filter(|l| !["seccomp(", "CLONE_THREAD", "exit(", "exit_group(", "<unfinished", "resumed>", "+++"].iter().any(|w| l.contains(w)))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!trace.contains("execve(\"/proc/self/exe\""), "it starts no second process: there is no signer");
}

#[test]
fn the_console_goes_on_where_the_lines_ended_and_the_lines_where_it_ended() {
    let room = Room::new(true);
    room.talk(&["wait", "item 3", "note for the console", "quit"]);
    let args = room.open();
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|a| *a != "--plain").collect();
    let mut terminal = common::Terminal::start(&args, 140, 45);
    // It opens at the item that was in front.
    terminal.wait_for("no authenticated time");
    terminal.keys("6");
    terminal.wait_for("for the console");
    terminal.keys("y");
    terminal.wait_for("saved");
    let (code, busy) = run(&room.open());
    assert!(code == 2 && busy.contains("another countersign has this review open"), "the journal is the console's now: {busy}");
    terminal.keys("\u{3}");
    terminal.wait_for("leave");
    terminal.keys("y");
    for _ in 0..100 {
        if terminal.is_gone() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let (said, _) = room.talk(&["wait", "findings"]);
    assert!(said.contains("note on ") && said.contains("yes: Is this the bundle"), "{said}");
}
