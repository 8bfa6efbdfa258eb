//! Ways out of the room: paper and QR codes of a record, read back by other tools and by `verify`, and the preview.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]
// A test runs the program, and the tools that read what it made.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::process::Command;

use countersign::signoff;

mod common;

struct Room {
    folder: tempfile::TempDir,
    signers: String,
}

impl Room {
    /// A record of the demonstration release, `rec.dsse.json`, and its dossier.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, signers) = common::key(folder.path(), "alice", 61);
        let room = Self { signers: signers.to_string_lossy().into_owned(), folder };
        let demo = common::here("testdata/demo/release.tar");
        let (code, out) = room.run(&[
            "sign",
            &demo,
            "--key",
            &key.to_string_lossy(),
            "--decision",
            "approvedWithFindings",
            "--output",
            &room.at("rec.dsse.json"),
            "--state",
            &room.at("state"),
        ]);
        assert_eq!(code, Some(0), "{out}");
        room
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let out = Command::new(common::program()).args(args).env("HOME", "/nonexistent").output().unwrap();
        (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    }

    fn export(&self, args: &[&str]) -> String {
        let (code, out) = self.run(&[&["export", &self.at("rec.dsse.json")], args].concat());
        assert_eq!(code, Some(0), "{out}");
        out
    }

    fn verify(&self, files: &[String]) -> (Option<i32>, String) {
        let mut args = vec!["verify", "--signers", &self.signers];
        args.extend(files.iter().map(String::as_str));
        self.run(&args)
    }

    fn words(&self) -> Vec<String> {
        let statement = signoff::payload(&fs::read(self.at("rec.dsse.json")).unwrap()).unwrap();
        signoff::check_words(countersign::digest::Sha256::of(&statement))
    }
}

#[test]
fn a_path_is_told_and_not_obeyed() {
    // The command names the file that it wrote: the last guard of what is printed is between.
    let room = Room::new();
    let out = room.export(&["--format", "html", "--output", &room.at("a\u{1b}[2J\u{202e}.html")]);
    assert!(out.contains("wrote ") && out.contains("a<1B>[2J<U+202E>"), "{out}");
    assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
}

fn zbarimg(file: &str) -> Option<String> {
    let out = Command::new("zbarimg").args(["--raw", "-q", file]).output().ok()?;
    assert!(out.status.success(), "zbarimg finds no code in {file}");
    Some(String::from_utf8(out.stdout).unwrap())
}

#[test]
fn the_codes_are_read_back_by_zbarimg_and_by_verify() {
    let room = Room::new();
    room.export(&["--format", "qr-png", "--output", &room.at("c.png")]);
    let codes = room.export(&["--format", "codes"]);
    let count = codes.lines().count();
    let file = |n| if count == 1 { room.at("c.png") } else { room.at(&format!("c-{n}of{count}.png")) };
    let mut text = String::new();
    for n in 1..=count {
        let Some(read) = zbarimg(&file(n)) else {
            println!("skipped: zbarimg is not installed");
            return;
        };
        text.push_str(&read);
    }
    assert_eq!(text, codes, "zbarimg reads what the codes say");
    fs::write(room.at("scanned"), text).unwrap();
    let (code, out) = room.verify(&[room.at("scanned")]);
    assert!(code == Some(0) && out.contains("= signatures: good, by alice"), "{out}");
}

#[test]
fn several_codes_are_read_in_any_order_and_a_missing_one_is_named() {
    let room = Room::new();
    room.export(&["--format", "qr-png", "--output", &room.at("c.png"), "--code-size", "400"]);
    let codes = room.export(&["--format", "codes", "--code-size", "400"]);
    let count = codes.lines().count();
    assert!(count >= 3, "{codes}");
    let mut files: Vec<String> = (1..=count).map(|n| room.at(&format!("c-{n}of{count}.png"))).collect();
    if let Some(first) = zbarimg(&files[0]) {
        assert_eq!(Some(first.trim()), codes.lines().next());
    }
    // Each scanned into a file of its own, as a camera gives them.
    for (n, line) in codes.lines().enumerate() {
        files[n] = room.at(&format!("scan{n}"));
        fs::write(&files[n], format!("QR-Code:{line}\n")).unwrap();
    }
    files.reverse();
    let (code, out) = room.verify(&files);
    assert!(code == Some(0) && out.contains("= signatures: good"), "{out}");
    let last = files.remove(0);
    let (code, out) = room.verify(&files);
    assert!(code == Some(2) && out.contains(&format!("of {count} codes these are missing: {count}")), "{out}");
    let text = fs::read_to_string(&last).unwrap();
    fs::write(&last, text.replacen("A", "B", 1)).unwrap();
    files.push(last);
    assert_eq!(room.verify(&files).0, Some(2));
}

#[test]
fn the_paper_has_the_check_words_and_every_signed_value() {
    let room = Room::new();
    room.export(&["--format", "html", "--output", &room.at("paper.html")]);
    room.export(&["--format", "pdf", "--output", &room.at("paper.pdf")]);
    let html = fs::read_to_string(room.at("paper.html")).unwrap();
    let pdf = String::from_utf8_lossy(&fs::read(room.at("paper.pdf")).unwrap()).into_owned();
    let (_, verified) = room.verify(&[room.at("rec.dsse.json")]);
    for line in room.words() {
        assert!(html.contains(&line) && pdf.contains(&line) && verified.contains(&line), "{line}\n{verified}");
    }
    let statement = signoff::payload(&fs::read(room.at("rec.dsse.json")).unwrap()).unwrap();
    let unescaped = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    let plain = unescaped.replace("<span class=title>", "").replace("<span class=bad>", "").replace("</span>", "");
    for row in signoff::describe(&statement).unwrap() {
        assert!(plain.contains(&row.plain()), "{}", row.plain());
    }
    assert!(html.contains("NOT LOOKED AT") && pdf.contains("NOT LOOKED AT"));
    // Nothing is fetched and nothing runs.
    for word in ["<script", "http://", "https://", "src=", "url("] {
        let place = html.replace("http://www.w3.org/2000/svg", "").replace("https://in-toto.io/Statement/v1", "");
        assert!(!place.contains(word), "{word}");
    }
    if let Ok(out) = Command::new("pdftotext").args(["-layout", &room.at("paper.pdf"), "-"]).output() {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success() && text.contains("Sign-off record") && text.contains("NOT LOOKED AT"), "{text}");
    }
    // Nothing is written over.
    let (code, _) = room.run(&["export", &room.at("rec.dsse.json"), "--format", "pdf", "--output", &room.at("paper.pdf")]);
    assert_eq!(code, Some(2));
    // A file that is no record does not get on paper.
    fs::write(room.at("none"), "{}").unwrap();
    assert_eq!(room.run(&["export", &room.at("none"), "--format", "pdf", "--output", &room.at("x.pdf")]).0, Some(2));
}

#[test]
fn the_preview_shows_every_byte_and_writes_nothing() {
    let room = Room::new();
    let before = fs::read_dir(room.folder.path()).unwrap().count();
    let dossier = room.at("rec.dossier.json");
    let out = room.export(&["--preview", "--dossier", &dossier, "--format", "qr-svg", "--output", &room.at("rec.svg")]);
    assert_eq!(fs::read_dir(room.folder.path()).unwrap().count(), before);
    let codes = room.export(&["--format", "codes"]).lines().count();
    assert!(out.starts_with(&format!("{} files, ", 2 + codes)), "{out}");
    for name in ["rec.dsse.json", "rec.dossier.json"] {
        let bytes = fs::read(room.at(name)).unwrap();
        let digest = countersign::digest::Sha256::of(&bytes).to_string();
        let listed = |(size, sum): (&str, &str)| size.contains(&bytes.len().to_string()) && size.ends_with(name) && sum.ends_with(&digest);
        assert!(out.lines().zip(out.lines().skip(1)).any(listed), "{name}");
        for line in String::from_utf8(bytes).unwrap().lines().filter(|l| l.len() < 2000) {
            assert!(out.contains(line), "{line}");
        }
    }
    assert!(out.contains("\"predicateType\":\"urn:countersign:release-review:v1\""), "what base64 hides is shown");
    assert!(out.contains("<svg xmlns"));
}

#[test]
fn the_code_on_a_terminal_has_two_modules_a_cell() {
    let room = Room::new();
    let text = room.export(&["--format", "qr-text", "--code-size", "600"]);
    let first: Vec<&str> = text.lines().take_while(|l| !l.is_empty()).collect();
    assert_eq!(first.len(), first[0].chars().count().div_ceil(2));
    assert!(first[0].chars().all(|c| c == '\u{2588}'), "a light margin on a dark screen");
    assert!(text.chars().all(|c| " \n\u{2588}\u{2580}\u{2584}".contains(c)));
}
