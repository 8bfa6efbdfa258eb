//! The pictures of `docs/reviewer-guide.md` are taken of the real console, by the keys that the guide names, and kept as SVG. A
//! picture that the console no longer shows fails here; `docs/images/make.sh` takes them again.

// A test runs the program.
#![allow(clippy::disallowed_types, clippy::print_stderr)]

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

mod common;

use common::Terminal;

/// Cells in pixels, and the size of the letters.
const CELL: (f64, f64) = (8.4, 18.0);
const FONT: u32 = 14;
/// The terminal's sixteen colours, its text and its ground: orange against sky blue, as the console has it.
const PALETTE: [&str; 16] = [
    "#1e1e1e", "#ff8c42", "#98c379", "#fff3b0", "#2472c8", "#bc3fbc", "#56b4e9", "#c8c8c8", "#666666", "#ff8c42", "#98c379", "#fff3b0",
    "#56b4e9", "#d670d6", "#56b4e9", "#ffffff",
];
const TEXT: &str = "#c8c8c8";
const GROUND: &str = "#1e1e1e";

/// A picture that the guide asks for: `<!-- picture NAME COLUMNSxROWS: STEPS -->`.
struct Picture {
    name: String,
    size: (u16, u16),
    steps: Vec<String>,
}

fn pictures(guide: &str) -> Vec<Picture> {
    let asked = guide.lines().filter_map(|l| l.strip_prefix("<!-- picture ")?.strip_suffix(" -->"));
    asked
        .map(|line| {
            let (head, steps) = line.split_once(": ").expect("NAME SIZE: STEPS");
            let (name, size) = head.split_once(' ').expect("NAME SIZE");
            let (columns, rows) = size.split_once('x').expect("COLUMNSxROWS");
            Picture {
                name: name.to_owned(),
                size: (columns.parse().expect("columns"), rows.parse().expect("rows")),
                steps: steps.split(" | ").map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// Carries out a step: `type TEXT`, `wait TEXT`, or keys with blanks between them (`Enter`, `Tab`, `Space`, `Esc`, `^U`).
fn step(terminal: &mut Terminal, step: &str) {
    if let Some(text) = step.strip_prefix("type ") {
        terminal.write(text);
    } else if let Some(text) = step.strip_prefix("wait ") {
        terminal.wait_for(text);
        // The dialogs take no key for half a second.
        std::thread::sleep(Duration::from_millis(650));
    } else {
        for key in step.split_whitespace() {
            match key {
                "Enter" => terminal.keys("\r"),
                "Tab" => terminal.keys("\t"),
                "Space" => terminal.keys(" "),
                "Esc" => terminal.keys("\x1b"),
                "^U" => terminal.keys("\x15"),
                key => terminal.keys(key),
            }
            std::thread::sleep(Duration::from_millis(80));
        }
    }
}

/// The screen once nothing moves any more.
fn settled(terminal: &Terminal) -> vt100::Screen {
    let mut before = String::new();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(120));
        let now = terminal.text();
        if now == before {
            break;
        }
        before = now;
    }
    terminal.screen()
}

#[derive(Clone, PartialEq, Eq)]
struct Style {
    text: String,
    ground: Option<String>,
    bold: bool,
    dim: bool,
    underline: bool,
}

fn color(color: vt100::Color) -> Option<String> {
    match color {
        vt100::Color::Default => None,
        vt100::Color::Idx(i) => Some(PALETTE.get(usize::from(i)).copied().unwrap_or(TEXT).to_owned()),
        vt100::Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
    }
}

fn style(cell: &vt100::Cell) -> Style {
    let (mut text, mut ground) = (color(cell.fgcolor()).unwrap_or(TEXT.to_owned()), color(cell.bgcolor()));
    if cell.inverse() {
        let behind = ground.take().unwrap_or(GROUND.to_owned());
        ground = Some(std::mem::replace(&mut text, behind));
    }
    Style { text, ground, bold: cell.bold(), dim: cell.dim(), underline: cell.underline() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The time of a header is not of the picture.
fn steady(line: &str) -> String {
    let Some((before, after)) = line.split_once("saved ") else { return line.to_owned() };
    let time = after.get(..5).is_some_and(|t| t.bytes().enumerate().all(|(i, b)| if i == 2 { b == b':' } else { b.is_ascii_digit() }));
    if time { format!("{before}saved 14:02{}", &after[5..]) } else { line.to_owned() }
}

fn svg(screen: &vt100::Screen, size: (u16, u16), title: &str) -> String {
    let (width, height) = (f64::from(size.0) * CELL.0, f64::from(size.1) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"DejaVu Sans \
         Mono, Menlo, Consolas, monospace\" font-size=\"{FONT}\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{GROUND}\"/>\n",
        escape(title)
    );
    for row in 0..size.1 {
        let mut runs: Vec<(u16, u16, String, Style)> = Vec::new();
        for column in 0..size.0 {
            let Some(cell) = screen.cell(row, column).filter(|c| !c.is_wide_continuation()) else { continue };
            let (text, style) = (if cell.has_contents() { cell.contents() } else { " " }, style(cell));
            match runs.last_mut() {
                Some((_, cells, run, same)) if *same == style => {
                    *cells += 1 + u16::from(cell.is_wide());
                    run.push_str(text);
                }
                _ => runs.push((column, 1 + u16::from(cell.is_wide()), text.to_owned(), style)),
            }
        }
        let y = f64::from(row) * CELL.1;
        for (column, cells, text, style) in runs {
            let (x, w) = (f64::from(column) * CELL.0, f64::from(cells) * CELL.0);
            if let Some(ground) = &style.ground {
                let _ = writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{w:.1}\" height=\"{}\" fill=\"{ground}\"/>", CELL.1);
            }
            let more = [
                (style.bold, " font-weight=\"bold\""),
                (style.dim, " opacity=\"0.7\""),
                (style.underline, " text-decoration=\"underline\""),
            ];
            let more: String = more.iter().filter(|(on, _)| *on).map(|(_, text)| *text).collect();
            // Word by word, so that no drawing of blanks moves what follows.
            let text = steady(&text);
            let mut at = 0;
            for word in text.split(' ') {
                let (x, w) = (x + at as f64 * CELL.0, word.chars().count() as f64 * CELL.0);
                at += word.chars().count() + 1;
                if !word.is_empty() {
                    let (y, text) = (y + 13.0, escape(word));
                    let _ =
                        writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.0}\" textLength=\"{w:.1}\" fill=\"{}\"{more}>{text}</text>", style.text);
                }
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

#[test]
fn the_pictures_of_the_guide_are_what_the_console_shows() {
    // The header of each says "sealed".
    if !common::has_landlock() {
        return;
    }
    let guide = fs::read_to_string(common::here("docs/reviewer-guide.md")).expect("a guide");
    let all = pictures(&guide);
    assert!(all.len() >= 5, "{} pictures", all.len());
    let mut old = Vec::new();
    for picture in all {
        let file = format!("docs/images/{}.svg", picture.name);
        assert!(guide.contains(&format!("](images/{}.svg)", picture.name)), "the guide does not show {file}");
        let folder = tempfile::tempdir().expect("a folder");
        let (key, _) = common::key(folder.path(), "alice", 7);
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (release, policy) = (common::here("testdata/demo/release.tar"), common::here("testdata/demo/policy.toml"));
        let args = ["open", &release, "--policy", &policy, "--key", "alice.key", "--state", &at("state"), "--reviewer", "alice"];
        assert!(key.is_file());
        let mut terminal = Terminal::start_in(folder.path(), &args, picture.size.0, picture.size.1);
        terminal.wait_for("1 file differs");
        for one in &picture.steps {
            step(&mut terminal, one);
        }
        let now = svg(&settled(&terminal), picture.size, &format!("{}: {}", picture.name, picture.steps.join(" ")));
        terminal.kill();
        let path = common::here(&file);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &now).expect("written");
        } else if fs::read_to_string(&path).ok().as_deref() != Some(now.as_str()) {
            old.push(file);
        }
    }
    assert!(old.is_empty(), "the console shows something else by now: {old:?}; look at it, then run docs/images/make.sh");
}

#[test]
fn a_picture_of_the_past_is_noticed() {
    let picture = &pictures("text\n<!-- picture a 80x24: n | wait b -->\n")[0];
    assert_eq!(
        (picture.name.as_str(), picture.size, picture.steps.as_slice()),
        ("a", (80, 24), &["n".to_owned(), "wait b".to_owned()][..])
    );
    let draw = |text: &str| {
        let mut parser = vt100::Parser::default();
        parser.process(text.as_bytes());
        svg(parser.screen(), (80, 24), "t")
    };
    assert_eq!(draw("saved 09:59"), draw("saved 14:02"), "the time is not of the picture");
    assert_ne!(draw("accepted"), draw("rejected"));
    assert_ne!(draw("accepted"), draw("\x1b[1maccepted"), "nor is a style passed over");
    assert!(draw("<&>").contains("&lt;&amp;&gt;"));
}
