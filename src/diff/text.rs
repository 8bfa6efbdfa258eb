//! Text as lines: which lines differ, and which of those only in a date, a time or the folder of the build.

use std::cell::OnceCell;
use std::ops::Range;

use super::account::{self, raw, settle};
use super::build_path::BuildPath;
use super::changes::{self, Change};
use super::date_place::{Home, Said, counts, is_stamp};
use super::live::Live;
use super::texts::{self, Texts};
use super::walk::Slot;
use super::{align, dates, programs, stamps};
use crate::model::{Account, Cause, Node, ResultMark, Sides};

/// Largest text that is compared line by line, in bytes.
const MAX_TEXT: usize = 64 << 20;
/// Longest line that is looked into.
const MAX_LINE: usize = 4096;
/// Lines that are looked into.
const MAX_LINES: usize = 4096;
/// Names of sources that are compiled: what is built from them does not read them.
pub(super) const SOURCES: [&[u8]; 24] = [
    b"c", b"h", b"cc", b"cpp", b"cxx", b"c++", b"hh", b"hpp", b"hxx", b"inl", b"s", b"S", b"asm", b"rs", b"go", b"java", b"kt", b"scala",
    b"swift", b"f", b"f90", b"m", b"y", b"l",
];
/// Where a path says what is loaded or run, no other path is the same.
const LOADS: [&[u8]; 17] = [
    b"rpath",
    b"runpath",
    b"-wl,",
    b"ld_library_path",
    b"ld_preload",
    b"interpreter",
    b"prefix",
    b"run",
    b"include",
    b"source",
    b"exec",
    b"import",
    b"load",
    b"-l",
    b"-i",
    b"require",
    b"$(",
];

/// Compares two texts line by line; `false` when they are too large for that.
pub(super) fn compare(node: &mut Node, a: &[u8], b: &[u8], slot: Slot, tries: &dates::Tries) -> bool {
    if a.len().max(b.len()) > MAX_TEXT {
        return false;
    }
    let texts = Texts::new(a, b, 0);
    let mut account = raw(texts.head, texts.head);
    account::add(&mut account, &raw(texts.tail, texts.tail));
    let Some(Sides { shipped: one, rebuilt: two }) = &texts.lines else {
        account::add(&mut account, &raw(texts.middle.shipped, texts.middle.rebuilt));
        node.account = account;
        settle(node);
        node.why = format!("{}: compared as bytes", texts::too_many());
        return true;
    };
    let rows = align::align(one, two);
    let before = texts.head.len();
    let mut paths = Paths::new(node.name.as_bytes(), slot, a, b);
    let live = Live::of(node.name.as_bytes(), a, b);
    let mut found = Found::in_rows(&rows, one, two, before, &mut paths, &live, tries);
    if found.prefix.is_some() && found.counts[0] > 0 {
        // Lines above the one that told the prefix.
        found = Found::in_rows(&rows, one, two, before, &mut paths, &live, tries);
    }
    // A prefix counts only when replacing it everywhere makes the text equal, on lines that are equal now as well.
    let found = match &found.prefix {
        Some(prefix)
            if rows.iter().any(|row| spoils(prefix, row, one)) || [texts.head, texts.tail].iter().any(|t| !prefix.makes_equal(t, t)) =>
        {
            Found::in_rows(&rows, one, two, before, &mut paths.without(), &live, tries)
        }
        _ => found,
    };
    account::add(&mut account, &found.account);
    node.account = account;
    changes::prove_all(node, &found.changes);
    settle(node);
    if node.result == ResultMark::Different && node.metadata.is_empty() {
        node.why = summary(found.counts);
    }
    true
}

/// Whether a line that is equal on both sides would not be, with the prefix of each side taken out.
fn spoils(prefix: &BuildPath, row: &align::Aligned, one: &[&[u8]]) -> bool {
    row.equal && row.sides.shipped.and_then(|i| one.get(i)).is_some_and(|line| !prefix.makes_equal(line, line))
}

#[derive(Default)]
struct Found {
    account: Sides<Account>,
    changes: Vec<Change>,
    prefix: Option<BuildPath>,
    /// Lines changed, only shipped, only rebuilt.
    counts: [usize; 3],
}

impl Found {
    fn in_rows(
        rows: &[align::Aligned],
        one: &[&[u8]],
        two: &[&[u8]],
        before: usize,
        paths: &mut Paths<'_>,
        live: &Live<'_>,
        tries: &dates::Tries,
    ) -> Self {
        let mut found = Self::default();
        let dated = paths.dated;
        let mut at = Sides::new(before, before);
        let mut tried = 0;
        for row in rows {
            match (row.sides.shipped.and_then(|i| one.get(i)), row.sides.rebuilt.and_then(|i| two.get(i))) {
                (Some(x), Some(_)) if row.equal => {
                    found.account.shipped.identical += x.len() as u64;
                    found.account.rebuilt.identical += x.len() as u64;
                }
                (Some(x), Some(y)) => {
                    tried += 1;
                    paths.dated = dated && live.allows(Sides::new(*x, *y), at);
                    let changes = if tried <= MAX_LINES { line_changes(x, y, paths, tries) } else { None };
                    match changes.and_then(|c| Some((changes::undo(Sides::new(x, y), &c)?, c))) {
                        Some((account, changes)) => {
                            account::add(&mut found.account, &account);
                            found.changes.extend(changes.into_iter().map(|c| shift(c, at)));
                        }
                        None => {
                            account::add(&mut found.account, &raw(x, y));
                            found.counts[0] += 1;
                        }
                    }
                }
                (x, y) => {
                    found.account.shipped.unexplained += x.map_or(0, |l| l.len() as u64);
                    found.account.rebuilt.unexplained += y.map_or(0, |l| l.len() as u64);
                    found.counts[1] += usize::from(x.is_some());
                    found.counts[2] += usize::from(y.is_some());
                }
            }
            at.shipped += row.sides.shipped.and_then(|i| one.get(i)).map_or(0, |l| l.len());
            at.rebuilt += row.sides.rebuilt.and_then(|i| two.get(i)).map_or(0, |l| l.len());
        }
        paths.dated = dated;
        found.prefix = paths.prefix.clone();
        found
    }
}

fn shift(change: Change, by: Sides<usize>) -> Change {
    let moved = |r: Range<usize>, by: usize| r.start + by..r.end + by;
    Change { ranges: Sides::new(moved(change.ranges.shipped, by.shipped), moved(change.ranges.rebuilt, by.rebuilt)), ..change }
}

fn summary(counts: [usize; 3]) -> String {
    let lines = |n: usize| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    let words = ["changed", "only shipped", "only rebuilt"];
    let parts: Vec<String> =
        counts.into_iter().zip(words).filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", lines(n))).collect();
    parts.join(", ")
}

/// The prefix that stands for the folder of the build in one file, and where it may stand.
pub(super) struct Paths<'n> {
    name: &'n [u8],
    allowed: bool,
    /// Whether a date may be the time of the build: what a program reads as its own text compares dates.
    dated: bool,
    prefix: Option<BuildPath>,
}

impl<'n> Paths<'n> {
    pub(super) fn new(name: &'n [u8], slot: Slot, a: &[u8], b: &[u8]) -> Self {
        let is_run = programs::is_run(name, slot, a, b) || !programs::is_document(name);
        // A script runs what its paths name.
        Self { name, allowed: !is_run, dated: !is_run, prefix: None }
    }

    /// No path is explained.
    pub(super) fn none() -> Self {
        Self { name: b"", allowed: false, dated: true, prefix: None }
    }

    /// The same text, without any path that is explained.
    fn without(&self) -> Self {
        Self { allowed: false, prefix: None, ..*self }
    }

    /// Whether the path of the build may stand in such a line at all.
    fn allows(&self, before: &[u8]) -> bool {
        let lower = before.to_ascii_lowercase();
        self.allowed && !LOADS.iter().any(|word| lower.windows(word.len()).any(|w| w == *word))
    }

    /// What the path says that stands behind such a start of a line; `None` where anything may read it.
    fn record(&self, before: &[u8]) -> Option<Record> {
        let base = self.name.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let ending = base.rsplit(|b| *b == b'.').next().filter(|end| end.len() < base.len()).unwrap_or_default();
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let end = before.iter().rposition(is_name).map_or(0, |i| i + 1);
        let start = before.get(..end)?.iter().rposition(|b| !is_name(b)).map_or(0, |i| i + 1);
        let (key, gap) = (before.get(start..end)?, before.get(end..)?);
        let is_value = gap.len() <= 8 && gap.iter().all(|b| matches!(b, b' ' | b'\t' | b'=' | b':' | b'"'));
        match (base, ending, key) {
            (b"compile_commands.json", _, b"file") if is_value => Some(Record::Source),
            (b"compile_commands.json", _, b"directory") if is_value => Some(Record::Folder),
            (_, b"prl", b"QMAKE_PRL_BUILD_DIR") if is_value && start == 0 => Some(Record::Folder),
            (_, b"info", b"SF") if before == b"SF:" => Some(Record::Source),
            // `#line 7 "/folder/x.y"`, `# 7 "/folder/x.y"`
            (_, _, number) if SOURCES.contains(&ending) && gap == b" \"" && number.iter().all(u8::is_ascii_digit) => {
                let sign = before.get(..start)?.trim_ascii_end();
                matches!(sign, b"#line" | b"#").then_some(Record::Source)
            }
            _ => None,
        }
    }

    /// The change of a path around that place.
    fn change(&mut self, bytes: Sides<&[u8]>, at: Sides<usize>) -> Option<Change> {
        let start = bytes.shipped.get(..at.shipped)?.iter().rposition(|b| !is_path(*b)).map_or(0, |i| i + 1);
        let back = at.shipped - start;
        let starts = Sides::new(start, at.rebuilt.checked_sub(back)?);
        let path = |bytes: &[u8], from: usize| -> Range<usize> {
            let length = bytes.get(from..).unwrap_or_default().iter().position(|b| !is_path(*b));
            from..length.map_or(bytes.len(), |n| from + n)
        };
        let whole = Sides::new(path(bytes.shipped, starts.shipped), path(bytes.rebuilt, starts.rebuilt));
        let (old, new) = (bytes.shipped.get(whole.shipped)?, bytes.rebuilt.get(whole.rebuilt)?);
        let before = Sides::new(bytes.shipped.get(..starts.shipped)?, bytes.rebuilt.get(..starts.rebuilt)?);
        let record = self.record(before.shipped).filter(|r| self.record(before.rebuilt).as_ref() == Some(r))?;
        if !self.allows(before.shipped) || !self.allows(before.rebuilt) {
            return None;
        }
        let prefix = BuildPath::propose(old, new)?;
        let rest = old.get(prefix.0.shipped.len()..)?;
        let is_source = rest.rsplit(|b| *b == b'.').next().is_some_and(|end| SOURCES.contains(&end) && end.len() < rest.len());
        let is_known = self.prefix.as_ref() == Some(&prefix);
        let fits = match record {
            Record::Source => is_source,
            // The folder by itself counts once something in it has.
            Record::Folder => is_known || !rest.is_empty(),
        };
        if !fits || self.prefix.is_some() && !is_known {
            return None;
        }
        let ranges =
            Sides::new(starts.shipped..starts.shipped + prefix.0.shipped.len(), starts.rebuilt..starts.rebuilt + prefix.0.rebuilt.len());
        self.prefix = Some(prefix);
        Some(Change::of(Cause::BuildPath, bytes, ranges))
    }
}

/// What a path is known to record: nothing loads it from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    /// A file that was compiled.
    Source,
    /// A folder that something was compiled in.
    Folder,
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b'~' | b'@' | b'%') || byte >= 0x80
}

/// The changes that make two lines equal when they are undone; `None` when anything else differs, or they are too long.
pub(super) fn line_changes(x: &[u8], y: &[u8], paths: &mut Paths<'_>, tries: &dates::Tries) -> Option<Vec<Change>> {
    if x.len().max(y.len()) > MAX_LINE {
        return None;
    }
    let bytes = Sides::new(x, y);
    let mut at = Sides::new(0, 0);
    let mut out = Vec::new();
    let said = OnceCell::new();
    loop {
        let (old, new) = (x.get(at.shipped..)?, y.get(at.rebuilt..)?);
        let same = old.iter().zip(new).take_while(|(p, q)| p == q).count();
        if same == old.len() && same == new.len() {
            return Some(out);
        }
        let worded = || date(bytes, at, same, &said, tries).or_else(|| epoch(bytes, at, same));
        let time = if paths.dated { worded().or_else(|| stamps::change(paths.name, bytes, at, same)) } else { None };
        let change = time.or_else(|| {
            let here = Sides::new(at.shipped + same, at.rebuilt + same);
            paths.change(bytes, here)
        })?;
        // Always on, and over the place that differs.
        if change.ranges.shipped.start < at.shipped || change.ranges.shipped.end < at.shipped + same.max(1) {
            return None;
        }
        at = Sides::new(change.ranges.shipped.end, change.ranges.rebuilt.end);
        out.push(change);
    }
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// A date or time over the first place that differs, `same` bytes on.
fn date(bytes: Sides<&[u8]>, at: Sides<usize>, same: usize, said: &OnceCell<Said>, tries: &dates::Tries) -> Option<Change> {
    for back in (0..=same.min(dates::WINDOW)).rev() {
        let from = Sides::new(at.shipped + same - back, at.rebuilt + same - back);
        if from.shipped.checked_sub(1).is_some_and(|i| is_word(bytes.shipped, i)) {
            continue;
        }
        for (format, old, new) in dates::both_at(bytes.shipped.get(from.shipped..)?, bytes.rebuilt.get(from.rebuilt..)?, tries) {
            let ranges = Sides::new(from.shipped..from.shipped + old, from.rebuilt..from.rebuilt + new);
            let ends = !is_word(bytes.shipped, ranges.shipped.end) && !is_word(bytes.rebuilt, ranges.rebuilt.end);
            let said = || *said.get_or_init(|| Said::of(bytes.shipped, bytes.rebuilt));
            let counted = |line: &[u8], range| counts(format, line, range, said(), Home::Line, tries);
            if old > back && new > back && ends && counted(bytes.shipped, &ranges.shipped) && counted(bytes.rebuilt, &ranges.rebuilt) {
                return Some(Change::of(Cause::Timestamp, bytes, ranges));
            }
        }
    }
    None
}

/// Seconds since the epoch, where the name beside them says so on both sides.
fn epoch(bytes: Sides<&[u8]>, at: Sides<usize>, same: usize) -> Option<Change> {
    let number = |bytes: &[u8], place: usize| -> Option<Range<usize>> {
        let start = bytes.get(..place)?.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |i| i + 1);
        let end = start + bytes.get(start..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        let value: u64 = std::str::from_utf8(bytes.get(start..end)?).ok()?.parse().ok()?;
        let alone = !is_word(bytes, end) && start.checked_sub(1).is_none_or(|i| !is_word(bytes, i) && bytes.get(i) != Some(&b'.'));
        (end - start == 10 && (315_532_800..4_102_444_800).contains(&value) && alone && is_stamp(bytes.get(..start)?)).then_some(start..end)
    };
    let ranges = Sides::new(number(bytes.shipped, at.shipped + same)?, number(bytes.rebuilt, at.rebuilt + same)?);
    Some(Change::of(Cause::Timestamp, bytes, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causes(name: &str, old: &str, new: &str) -> Option<Vec<Cause>> {
        let mut paths = Paths::new(name.as_bytes(), Slot::Free, old.as_bytes(), new.as_bytes());
        let found = line_changes(old.as_bytes(), new.as_bytes(), &mut paths, &dates::Tries::default())?;
        assert!(changes::undo(Sides::new(old.as_bytes(), new.as_bytes()), &found).is_some());
        Some(found.into_iter().map(|c| c.cause).collect())
    }

    #[test]
    fn dates_of_any_length_are_changes() {
        let one = Some(vec![Cause::Timestamp]);
        assert_eq!(causes("x", "built on 5 December 2022, by", "built on 15 November 2026, by"), one);
        assert_eq!(causes("x", "built 2022-12-26", "built 2026-11-23"), one);
        assert_eq!(causes("x", "made 2022-12-26 b 2022-12-27", "made 2026-11-23 b 2026-11-24").unwrap().len(), 2);
        assert_eq!(causes("x", "built on 5 December 2022, by", "built on 15 November 2026, bx"), None);
        assert_eq!(causes("x", "version 1.2.3", "version 1.2.4"), None);
    }

    #[test]
    fn seconds_are_a_time_only_by_name() {
        let one = Some(vec![Cause::Timestamp]);
        assert_eq!(causes("x", "SOURCE_DATE_EPOCH=1600000000", "SOURCE_DATE_EPOCH=1700000001"), one);
        assert_eq!(causes("x", "{\"buildTimestamp\": 1600000000,", "{\"buildTimestamp\": 1700000001,"), one);
        for (old, new) in [
            ("serial=1600000000", "serial=1700000001"),
            ("update=1600000000", "update=1700000001"),
            ("expire_date=1700000000", "expire_date=1900000000"),
            ("uid_build = 1700000000", "uid_build = 1000000000"),
            ("mtime=160000000", "mtime=170000000"),
            ("date 12.1600000000", "date 12.1700000001"),
            ("date=1600000000", "epoch=1600000001"),
            ("commit_date: 1600000000 id 12ab", "commit_date: 1600000009 id 12ac"),
        ] {
            assert_eq!(causes("x", old, new), None, "{old}");
        }
    }

    #[test]
    fn a_build_folder_is_a_change_where_nothing_is_loaded_from_it() {
        let one = Some(vec![Cause::BuildPath]);
        let swap = |line: &str| (line.to_owned(), line.replace("/build/one", "/home/two/b"));
        let of = |name: &str, line: &str| {
            let (old, new) = swap(line);
            causes(name, &old, &new)
        };
        let commands = "usr/share/x/compile_commands.json";
        assert_eq!(of(commands, "{\"file\": \"/build/one/src/a.c\"}"), one);
        assert_eq!(of(commands, " \"directory\": \"/build/one\", \"file\": \"/build/one/a.c\""), None, "the folder by itself");
        assert_eq!(of(commands, " \"file\": \"/build/one/a.c\", \"directory\": \"/build/one\"").unwrap().len(), 2);
        assert_eq!(of("y.tab.c", "#line 7 \"/build/one/src/a.y\""), one);
        assert_eq!(of("x.prl", "QMAKE_PRL_BUILD_DIR = /build/one/src"), one);
        assert_eq!(of("coverage.info", "SF:/build/one/src/a.c"), one);
        for (name, line) in [
            ("x.json", "{\"file\": \"/build/one/src/a.c\"}"),
            (commands, "\"command\": \"cc -I/build/one/inc /build/one/a.c\""),
            (commands, "\"run\": 1, \"file\": \"/build/one/a.c\""),
            ("y.tab.c", "#include \"/build/one/src/a.h\""),
            ("lib.la", "dependency_libs=' -L/build/one/lib -lz'"),
            ("x.d", "a.o: /build/one/a.c /build/one/b.h"),
            ("x.pc", "Libs: -L/build/one/lib"),
            ("x.cmake", "include(/build/one/rules.cmake)"),
            ("x.cmake", "execute_process(COMMAND /build/one/x)"),
            ("x.mk", "include /build/one/rules"),
            ("x.service", "ExecStart=go run /build/one/main.go"),
            ("conf", "plugin = /build/one/main.c"),
            ("x.prl", "QMAKE_PRL_LIBS = /build/one/x.c"),
        ] {
            assert_eq!(of(name, line), None, "{name}: {line}");
        }
        assert_eq!(of("x.json", "{\"plugin\": \"/build/one/lib/evil.so\"}"), None);
        assert_eq!(of("x", "#!/build/one/bin/a.c"), None);
        assert_eq!(of("lib.la", "-Wl,-rpath /build/one/lib"), None);
        assert_eq!(of("x.pc", "prefix=/build/one/usr"), None);
        let two = ["\"file\": \"/b/one/a.c\", \"file\": \"/b/one/b.c\"", "\"file\": \"/c/two/a.c\", \"file\": \"/d/two/b.c\""];
        assert_eq!(causes(commands, two[0], two[1]), None, "two prefixes");
        assert_eq!(causes(commands, "\"file\": \"/b/one/a.c\"", "\"file\": \"/c/two/b.c\""), None);
        assert_eq!(causes(commands, "\"directory\": \"/b/one\"", "\"directory\": \"/c/two\""), None);
    }
}
