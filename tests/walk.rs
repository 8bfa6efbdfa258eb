//! The whole walk in a real pseudo-terminal: open, `n` to the first difference, a finding, a verdict, sign as rejected, quit,
//! verify; what was ruled survives `kill -9`; a second start resumes at the same item.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::process::Command;

mod common;

use common::Terminal;

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn open(&self, columns: u16, rows: u16) -> Terminal {
        common::key(self.folder.path(), "alice", 3);
        let (release, policy) = (common::here("testdata/demo/release.tar"), common::here("testdata/demo/policy.toml"));
        let (key, state) = (self.path("alice.key"), self.path("state"));
        Terminal::start(&["open", &release, "--policy", &policy, "--key", &key, "--state", &state, "--reviewer", "alice"], columns, rows)
    }
}

#[test]
fn open_find_reject_sign_quit_verify() {
    let room = Room::new();
    let mut terminal = room.open(120, 40);
    terminal.wait_for("Does what was shipped match the source under review?");
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    let screen = terminal.wait_for("verify_image");
    assert!(screen.contains("SHIPPED") && screen.contains("REBUILT"), "{screen}");
    terminal.wait_for("src/verify.c");
    terminal.keys("f");
    terminal.wait_for("inding");
    terminal.write("the check of the image is skipped\r");
    terminal.wait_for("F1");
    terminal.keys("x");
    terminal.wait_for("reject, because");
    terminal.write("see F1\r");
    terminal.keys("7");
    terminal.wait_for("Before you can approve");
    terminal.keys("S");
    let record = room.path("record.dsse.json");
    sign(&mut terminal, &record);
    terminal.wait_for("signed");
    terminal.keys("q");
    terminal.wait_for("DOES NOT MATCH");
    terminal.keys("q");
    terminal.wait_for("items are still open");
    terminal.keys("y");
    assert_eq!(terminal.end(), 0);
    let verify = Command::new(common::program())
        .args(["verify", &record, "--signers", &room.path("alice.signers"), "--bundle", &common::here("testdata/demo/release.tar")])
        .args(["--decision", "rejected"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&[verify.stdout, verify.stderr].concat()).into_owned();
    assert_eq!(verify.status.code(), Some(0), "{said}");
    assert!(said.contains("rejected") && said.to_lowercase().contains("not looked at"), "{said}");
}

/// The dialog: choose to reject, read the statement to its last line, type the release, say where the record goes.
fn sign(terminal: &mut Terminal, record: &str) {
    let guard = || std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.choose_rejection();
    terminal.keys("\r");
    terminal.wait("Enter does nothing yet", |s| s.contains("lines to go"));
    terminal.read_statement();
    terminal.keys("\t");
    terminal.fill("gateway-update 2.4.1");
    terminal.keys("\t");
    terminal.keys("\t");
    terminal.keys("\u{15}");
    terminal.fill(record);
    terminal.keys("\r");
    // The process that has the key shows it by itself, on the plain terminal, and asks.
    let screen = terminal.wait_for("Type rejected to sign this");
    for said in ["TO BE SIGNED", "REJECTED", "gateway-update 2.4.1", "Check words", record] {
        assert!(screen.replace('\n', "").contains(said), "{said}: {screen}");
    }
    guard();
    terminal.write("rejected\r");
}

#[test]
fn what_was_ruled_survives_kill_and_the_next_start_resumes_there() {
    let room = Room::new();
    let mut terminal = room.open(80, 24);
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    terminal.wait_for("verify_image");
    terminal.keys("x");
    terminal.wait_for("reject, because");
    terminal.write("no\r");
    terminal.wait_for("saved");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let before = terminal.text();
    terminal.kill();
    let mut terminal = room.open(80, 24);
    let screen = terminal.wait_for("resumed");
    assert!(!screen.is_empty() && !before.is_empty());
    terminal.keys("1");
    terminal.wait("the ruling is there", |s| s.contains("!x") || s.contains("! x"));
}

#[test]
fn every_screen_opens_at_every_size_and_a_tiny_terminal_says_so() {
    let room = Room::new();
    let mut terminal = room.open(80, 24);
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    terminal.wait_for("SHIPPED");
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        terminal.resize(columns, rows);
        for (key, text) in [
            ("1", "Next to review"),
            ("2", "tree"),
            ("3", "Who built what from what"),
            ("4", "Artifacts"),
            ("5", "SHIPPED"),
            ("6", "Checklist"),
            ("7", "Before you can approve"),
        ] {
            terminal.keys(key);
            terminal.wait_for(text);
        }
    }
    terminal.resize(20, 5);
    terminal.wait_for("60x16");
    terminal.resize(80, 24);
    terminal.wait_for("Before you can approve");
    let raw = terminal.raw();
    assert!(!raw.windows(2).any(|w| w == b"\x1b]"), "no OSC ever leaves");
}

#[test]
fn the_demonstration_opens_and_shows_its_planted_change() {
    let room = Room::new();
    let mut terminal = Terminal::start(&["demo", "--state", &room.path("state")], 120, 40);
    terminal.wait_for("1 file differs");
    terminal.keys("n");
    let screen = terminal.wait_for("src/verify.c:57");
    assert!(screen.contains("verify_image") && screen.contains("nop became je"), "{screen}");
    terminal.keys("q");
    terminal.keys("q");
    terminal.wait_for("items are still open");
    terminal.keys("y");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn asked_to_end_it_puts_the_terminal_back() {
    let room = Room::new();
    let mut terminal = room.open(80, 24);
    terminal.wait_for("1 file differs");
    terminal.terminate();
    assert_eq!(terminal.end(), 2);
    let raw = terminal.raw();
    let left = b"\x1b[?1049l";
    assert!(raw.windows(left.len()).any(|w| w == left), "the alternate screen was not left");
    assert!(terminal.text().contains("what was ruled is saved"), "{}", terminal.text());
}
