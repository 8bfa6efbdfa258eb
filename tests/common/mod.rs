//! The real program in a real pseudo-terminal, and keys made for a test.

// A test runs the program, and says when it skips.
#![allow(clippy::disallowed_types, clippy::print_stderr)]
#![allow(dead_code, unreachable_pub)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The program under test: the one that Cargo built, or the one that `COUNTERSIGN_PROGRAM` names (a release build, for figures).
pub fn program() -> &'static str {
    static PROGRAM: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var("COUNTERSIGN_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_countersign").to_owned()))
}

/// Whether this kernel gives the program the whole seal. Where it has no Landlock, a test that needs it says that it skips.
pub fn has_landlock() -> bool {
    let out = std::process::Command::new(program()).args(["seal", "--probe", "--format", "json"]).output().expect("the program runs");
    let whole = String::from_utf8_lossy(&out.stdout).contains("\"seal\": \"full\"");
    if !whole {
        eprintln!("skipped: this kernel has no Landlock, so the seal is not full");
    }
    whole
}

/// A program running in a pseudo-terminal, with the screen it has drawn.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the program with those arguments on a terminal of that size.
    pub fn start(args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_under(&[], args, columns, rows)
    }

    /// In the sign dialog: chooses to reject, and waits for the statement.
    pub fn choose_rejection(&mut self) {
        let guard = || std::thread::sleep(Duration::from_millis(700));
        self.wait_for("which outcome?");
        guard();
        self.keys("j");
        guard();
        self.keys("\r");
        self.wait_for("the record goes to");
        guard();
    }

    /// In the sign dialog: reads the statement to its last line.
    pub fn read_statement(&mut self) {
        for _ in 0..40 {
            if self.wait("the statement", |s| s.contains("lines to go") || s.contains("type the release")).contains("type the release") {
                break;
            }
            self.keys(" ");
            std::thread::sleep(Duration::from_millis(60));
        }
        self.wait_for("type the release");
    }

    /// The same, in that folder.
    pub fn start_in(folder: &Path, args: &[&str], columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(program());
        command.args(args);
        command.cwd(folder);
        Self::run(command, columns, rows)
    }

    /// The same, under another program such as `strace`, with its arguments.
    pub fn start_under(under: &[&str], args: &[&str], columns: u16, rows: u16) -> Self {
        let all: Vec<&str> = under.iter().copied().chain([program()]).chain(args.iter().copied()).collect();
        let mut command = CommandBuilder::new(all[0]);
        command.args(&all[1..]);
        Self::run(command, columns, rows)
    }

    fn run(mut command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair =
            native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("a pseudo-terminal");
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (to_screen, to_raw) = (Arc::clone(&screen), Arc::clone(&raw));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                to_raw.lock().expect("raw").extend_from_slice(&buffer[..n]);
                to_screen.lock().expect("screen").process(&buffer[..n]);
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self { child, writer, master: pair.master, screen, raw }
    }

    /// What the screen shows now.
    pub fn text(&self) -> String {
        self.screen.lock().expect("screen").screen().contents()
    }

    /// The screen, with colours and styles.
    pub fn screen(&self) -> vt100::Screen {
        self.screen.lock().expect("screen").screen().clone()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// Whether the program is gone.
    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Types keys; false when nobody takes them any more.
    pub fn try_keys(&mut self, keys: &str) -> bool {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).is_ok()
    }

    /// Every byte that the program wrote.
    pub fn raw(&self) -> Vec<u8> {
        self.raw.lock().expect("raw").clone()
    }

    /// Types keys.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("the terminal takes keys");
    }

    /// Types a text as a person would: one character a read.
    pub fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.keys(c.encode_utf8(&mut [0; 4]));
            std::thread::sleep(Duration::from_millis(8));
        }
    }

    /// Types into a field of a dialog, each character when the one before it is there: several at once are a paste, which is
    /// refused, and a busy machine would make them so.
    pub fn fill(&mut self, text: &str) {
        for (i, c) in text.char_indices() {
            self.keys(c.encode_utf8(&mut [0; 4]));
            let tail: String = text[..i + c.len_utf8()].chars().rev().take(5).collect();
            self.wait_for(&format!("{}_", tail.chars().rev().collect::<String>()));
        }
    }

    /// Waits until the screen contains `text`.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the screen satisfies `test`.
    pub fn wait(&self, what: &str, test: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.text();
            if test(&screen) {
                return screen;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "waited for {what}; the screen shows:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().expect("screen").screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("resized");
        // A key in the same instant as the signal waits for the next key: the reader sees the signal first.
        std::thread::sleep(Duration::from_millis(200));
    }

    /// Asks it to end, as `kill` does.
    pub fn terminate(&self) {
        let id = self.child.process_id().expect("it runs").to_string();
        let status = std::process::Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().expect("sh runs");
        assert!(status.success());
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Waits for the end and returns the exit code.
    pub fn end(&mut self) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.exit_code();
            }
            assert!(start.elapsed() < Duration::from_secs(20), "it does not end; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Writes an Ed25519 key made from a seed and an `allowed_signers` that trusts it; returns both paths.
pub fn key(folder: &Path, name: &str, seed: u8) -> (PathBuf, PathBuf) {
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]);
    let mut private = ssh_key::PrivateKey::from(pair);
    private.set_comment(name);
    let key = folder.join(format!("{name}.key"));
    std::fs::write(&key, private.to_openssh(ssh_key::LineEnding::LF).expect("encoded").as_bytes()).expect("written");
    let signers = folder.join(format!("{name}.signers"));
    std::fs::write(&signers, format!("{name} {}\n", private.public_key().to_openssh().expect("encoded"))).expect("written");
    (key, signers)
}

fn cells(n: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(n).expect("a size")
}

/// A path of the repository as text.
pub fn here(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The folder of real releases beside the corpus; `None` (with a word of why) when it is not there.
pub fn releases() -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        eprintln!("skipped: COUNTERSIGN_CORPUS is not set");
        return None;
    };
    let path = Path::new(&corpus).join("../releases");
    if !path.is_dir() {
        eprintln!("skipped: no releases beside the corpus");
        return None;
    }
    Some(path)
}
