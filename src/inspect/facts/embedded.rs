//! What languages and distributions embed about a build: Go build information (package `debug/buildinfo`), the dependency
//! list of cargo-auditable, and the package note of <https://systemd.io/ELF_PACKAGE_METADATA>.

use std::collections::BTreeSet;

use super::notes::note;
use super::sheet::Sheet;
use crate::inspect::exe::Exe;
use crate::inspect::stream;
use crate::json::{self, Json};
use crate::model::{FactGroup, Sides};

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// Bytes of one section that are searched for Go's build information, as Go itself does.
const SEARCHED: usize = 64 << 10;
/// The longest text of Go's build information that is read.
const MAX_TEXT: usize = 1 << 20;
/// Bytes that the dependency list of cargo-auditable expands to at most (its own bound).
const MAX_AUDIT: u64 = 8 << 20;
/// Dependencies that are read at most.
const MAX_PARTS: usize = 20_000;

/// What a side says.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) go: Option<Go>,
    pub(crate) crates: Option<Crates>,
    pub(crate) package: Option<Vec<u8>>,
}

/// Go's build information.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Go {
    pub(crate) version: Vec<u8>,
    /// Path of the main package, and its module with version.
    main: Vec<u8>,
    /// Modules with version and checksum.
    dependencies: BTreeSet<Vec<u8>>,
    /// `-trimpath=true`, `CGO_ENABLED=0`: words in their order.
    settings: Vec<Vec<u8>>,
    /// `vcs.revision=…`: what was built, not how.
    pub(crate) stamp: Vec<Vec<u8>>,
    /// The path of the main module.
    pub(crate) own: String,
    /// The main module and the dependencies, a replacement in place of what it replaces: name and version.
    pub(crate) modules: Vec<(String, String)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Crates {
    root: String,
    all: BTreeSet<Vec<u8>>,
    /// Name and version of each.
    pub(crate) packages: Vec<(String, String)>,
}

/// What a file says of itself.
pub(crate) fn said(exe: &Exe) -> Said {
    Said { go: go(exe), crates: crates(exe), package: note(exe, b"FDO\0", 0xcafe_1a7e).map(<[u8]>::to_vec) }
}

/// Adds what both sides say.
pub(crate) fn add(sheet: &mut Sheet, exes: Sides<&Exe>) {
    let said = exes.map(said);
    let of_go = |f: &dyn Fn(&Go) -> Vec<u8>| said.as_ref().map(|s| s.go.as_ref().map(f));
    sheet.add("Go", FactGroup::Toolchain, of_go(&|g| g.version.clone()));
    sheet.add("Go main module", FactGroup::Identity, of_go(&|g| g.main.clone()));
    sheet.add("Go build settings", FactGroup::Toolchain, of_go(&|g| g.settings.join(&b' ')));
    sheet.add("Go VCS stamp", FactGroup::Identity, of_go(&|g| g.stamp.join(&b' ')));
    sheet.add("Go dependencies", FactGroup::Contents, of_go(&|g| g.dependencies.len().to_string().into_bytes()));
    if said.shipped.go.is_some() && said.rebuilt.go.is_some() {
        let all = said.as_ref().map(|s| s.go.as_ref().map(|g| g.dependencies.clone()).unwrap_or_default());
        sheet.only("Go dependencies", FactGroup::Contents, &all);
    }
    let of_crates = |f: &dyn Fn(&Crates) -> String| said.as_ref().map(|s| s.crates.as_ref().map(|c| f(c).into_bytes()));
    sheet.add("cargo-auditable", FactGroup::Contents, of_crates(&|c| format!("{} crates, root {}", c.all.len(), c.root)));
    if said.shipped.crates.is_some() && said.rebuilt.crates.is_some() {
        let all = said.as_ref().map(|s| s.crates.as_ref().map(|c| c.all.clone()).unwrap_or_default());
        sheet.only("crates", FactGroup::Contents, &all);
    }
    let trimmed = |p: &Vec<u8>| p.iter().copied().take_while(|b| *b != 0).take(4096).collect::<Vec<u8>>();
    sheet.add("package note", FactGroup::Identity, said.as_ref().map(|s| s.package.as_ref().map(trimmed)));
}

/// A section by the end of its name: formats put segments and dots before it.
fn ending<'a>(exe: &'a Exe, names: &[&[u8]]) -> Option<&'a [u8]> {
    exe.sections.iter().find(|s| names.iter().any(|n| s.name.ends_with(n))).map(|s| exe.data(s))
}

fn go(exe: &Exe) -> Option<Go> {
    let own = ending(exe, &[b".go.buildinfo", b"__go_buildinfo"]);
    let written = || exe.sections.iter().filter(|s| s.is_written() && !s.range.is_empty()).take(16).map(|s| exe.data(s));
    let info = own.into_iter().chain(written()).find_map(|data| {
        let data = data.get(..data.len().min(SEARCHED)).unwrap_or_default();
        data.chunks(16).position(|c| c.starts_with(MAGIC)).and_then(|i| data.get(i * 16..))
    })?;
    let (version, modules) = if *info.get(15)? & 2 != 0 {
        let (version, rest) = counted(info.get(32..)?)?;
        (version, counted(rest).map_or(&[][..], |m| m.0))
    } else {
        let (width, big) = (usize::from(*info.get(14)?), *info.get(15)? & 1 != 0);
        (pointed(exe, info, 16, width, big)?, pointed(exe, info, 16 + width, width, big).unwrap_or_default())
    };
    let mut go = parse_go(modules);
    go.version = version.to_vec();
    Some(go)
}

/// A text behind its length as a varint.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let rest = bytes.get(i + 1..)?;
            return (length <= MAX_TEXT).then(|| rest.split_at_checked(length)).flatten();
        }
    }
    None
}

/// The text of a Go string whose header (address, length) lies at the address that stands at an offset.
fn pointed<'a>(exe: &'a Exe, info: &[u8], at: usize, width: usize, big: bool) -> Option<&'a [u8]> {
    if !matches!(width, 4 | 8) {
        return None;
    }
    let n = crate::inspect::exe::Numbers { wide: width == 8, little: !big };
    let header = exe.bytes_at(n.int(info, at, width)?);
    let (address, length) = (n.int(header, 0, width)?, usize::try_from(n.int(header, width, width)?).ok()?);
    (length <= MAX_TEXT).then(|| exe.bytes_at(address).get(..length)).flatten()
}

/// Lines with words between tabs, in a frame of 16 bytes on both ends.
fn parse_go(modules: &[u8]) -> Go {
    let framed = modules.len() >= 33 && modules.get(modules.len() - 17) == Some(&b'\n');
    let lines = if framed { modules.get(16..modules.len() - 16).unwrap_or_default() } else { &[] };
    let mut go = Go::default();
    for line in lines.split(|b| *b == b'\n').take(MAX_PARTS) {
        let mut words = line.split(|b| *b == b'\t');
        let kind = words.next().unwrap_or_default();
        let rest: Vec<&[u8]> = words.take(3).filter(|w| !w.is_empty()).collect();
        let text = |at: usize| rest.get(at).map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
        match kind {
            b"mod" | b"dep" => go.modules.push((text(0), text(1))),
            // A folder in place of a module has no version.
            b"=>" if rest.len() > 1 => {
                if let Some(last) = go.modules.last_mut() {
                    *last = (text(0), text(1));
                }
            }
            _ => {}
        }
        match kind {
            b"path" if go.main.is_empty() => go.main = rest.join(&b' '),
            b"mod" => {
                go.own = text(0);
                go.main = [&go.main[..], &rest.join(&b'@')].join(&b' ');
            }
            // A replaced module stands behind the one that it replaces.
            b"dep" => drop(go.dependencies.insert(rest.join(&b'@'))),
            b"=>" => drop(go.dependencies.insert([&b"=>"[..], &rest.join(&b'@')].concat())),
            b"build" if rest.first().is_some_and(|w| w.starts_with(b"vcs")) => go.stamp.push(rest.join(&b'\t')),
            b"build" => go.settings.push(rest.join(&b'\t')),
            _ => {}
        }
    }
    go
}

fn crates(exe: &Exe) -> Option<Crates> {
    parse_crates(ending(exe, &[b".dep-v0"])?)
}

fn parse_crates(packed: &[u8]) -> Option<Crates> {
    // The section may be padded behind the stream.
    let text = stream::inflate_zlib_prefix(packed, MAX_AUDIT).ok()?;
    let list = json::parse(&text).ok()?;
    let mut out = Crates::default();
    for package in list.get("packages")?.as_array()?.iter().take(MAX_PARTS) {
        let word = |name: &str| package.get(name).and_then(Json::as_str).unwrap_or("?");
        out.packages.push((word("name").to_owned(), word("version").to_owned()));
        let mut text = format!("{}@{}", word("name"), word("version"));
        if package.get("root").and_then(Json::as_bool) == Some(true) {
            out.root.clone_from(&text);
        }
        if word("source") != "crates.io" {
            text.push_str(&format!("({})", word("source")));
        }
        out.all.insert(text.into_bytes());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn framed(lines: &str) -> Vec<u8> {
        [&[7u8; 16][..], lines.as_bytes(), &[9; 16]].concat()
    }

    #[test]
    fn the_lines_of_go_are_read() {
        let text = "path\texample.org/cmd/x\nmod\texample.org\tv1.2.0\th1:aa=\ndep\texample.net/y\tv0.1.0\th1:bb=\n=>\t../y\t(devel)\t\n\
                    build\t-trimpath=true\nbuild\tvcs.revision=0123\n";
        let go = parse_go(&framed(text));
        assert_eq!(go.main, b"example.org/cmd/x example.org@v1.2.0@h1:aa=");
        assert_eq!(go.own, "example.org");
        assert_eq!((go.settings, go.stamp), (vec![b"-trimpath=true".to_vec()], vec![b"vcs.revision=0123".to_vec()]));
        let all: Vec<_> = go.dependencies.iter().map(|d| String::from_utf8_lossy(d).into_owned()).collect();
        assert_eq!(all, ["=>../y@(devel)", "example.net/y@v0.1.0@h1:bb="]);
        // Without the frame it is not what Go writes.
        assert_eq!(parse_go(text.as_bytes()), Go::default());
        assert_eq!(parse_go(b""), Go::default());
    }

    fn zlib(text: &str) -> Vec<u8> {
        let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        coder.write_all(text.as_bytes()).unwrap();
        coder.finish().unwrap()
    }

    #[test]
    fn the_list_of_crates_is_read() {
        let text = r#"{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"},
            {"name":"b","version":"0.1.0","source":"git","kind":"build"},{"name":"c","version":"2.0.0","source":"local","root":true}]}"#;
        let packed = zlib(text);
        let crates = parse_crates(&packed).unwrap();
        assert_eq!(crates.root, "c@2.0.0");
        let all: Vec<_> = crates.all.iter().map(|d| String::from_utf8_lossy(d).into_owned()).collect();
        assert_eq!(all, ["a@1.0.0", "b@0.1.0(git)", "c@2.0.0(local)"]);
        assert_eq!(parse_crates(&[&packed[..], &[0; 8]].concat()), Some(crates), "padding behind it");
        for cut in 0..packed.len() {
            assert_eq!(parse_crates(&packed[..cut]), None, "cut at {cut}");
        }
        assert_eq!(parse_crates(&zlib(&" ".repeat(MAX_AUDIT as usize + 1))), None, "over the bound");
        assert_eq!(parse_crates(&zlib(r#"{"packages":7}"#)), None);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(counted(b"\x03abcd"), Some((&b"abc"[..], &b"d"[..])));
        assert_eq!(counted(b"\x05abc"), None);
        assert_eq!(counted(b"\xff\xff\xff\xff\x0f"), None);
        assert_eq!(counted(b"\x80\x80\x80\x80\x80\x80\x01"), None);
        assert_eq!(counted(b""), None);
    }
}
