//! What one file says of its own making: compilers in `.comment` and debug information, Go build information, the list of
//! cargo-auditable, package notes, and the metadata of packages.

use std::collections::BTreeSet;

use super::blob::Blob;
use super::debug::Lines;
use super::exe::Exe;
use super::facts::{Said, comment, said};
use super::kind;
use crate::json::{self, Json};
use crate::model::{Component, Embedded, NodeKind, Revision, Tool};

/// Metadata that is read of one file, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Components of one file.
const MAX_COMPONENTS: usize = 20_000;

/// Reads a file. `name` is that of the member, with those of the containers around it before `!`; `left` is what debug
/// information may still unpack to, in bytes, and what this file takes is taken from it.
pub(crate) fn embedded(name: &[u8], blob: &Blob, left: &mut u64) -> Embedded {
    let exe = match kind::recognise(blob) {
        NodeKind::Elf => Exe::elf(blob).ok(),
        NodeKind::Pe => Exe::pe(blob).ok(),
        NodeKind::MachO => Exe::macho(blob).ok(),
        _ => return metadata(name, blob),
    };
    exe.map(|exe| of_exe(&exe, left)).unwrap_or_default()
}

fn of_exe(exe: &Exe, left: &mut u64) -> Embedded {
    let mut tools = BTreeSet::new();
    for text in comment(exe).unwrap_or_default().split(|b| *b == b';') {
        tools.extend(tool(&String::from_utf8_lossy(text), ".comment"));
    }
    if let Some(lines) = Lines::load(exe, &[], *left) {
        *left = left.saturating_sub(lines.size);
        for text in lines.producers() {
            tools.extend(tool(&String::from_utf8_lossy(&text), "DW_AT_producer"));
        }
    }
    let Said { go, crates, package } = said(exe);
    let mut out = Embedded { build_id: exe.build_id().map(<[u8]>::to_vec).unwrap_or_default(), ..Embedded::default() };
    if let Some(go) = go {
        const FROM: &str = "Go build information";
        let version = String::from_utf8_lossy(&go.version).trim_start_matches("go").to_owned();
        tools.insert(Tool { name: "go", version: version.split(' ').next().unwrap_or_default().to_owned(), from: FROM });
        out.components.extend(go.modules.iter().take(MAX_COMPONENTS).map(|(name, version)| component("golang", name, version)));
        let stamp = |key: &str| go.stamp.iter().find_map(|s| std::str::from_utf8(s).ok()?.strip_prefix(key)?.strip_prefix('='));
        if let Some(id) = stamp("vcs.revision") {
            let modified = stamp("vcs.modified") == Some("true");
            out.revision = Some(Revision { id: id.to_ascii_lowercase(), from: "vcs.revision", of: go.own.clone(), modified });
        }
    }
    for (name, version) in crates.iter().flat_map(|c| &c.packages).take(MAX_COMPONENTS) {
        out.components.push(component("cargo", name, version));
    }
    out.components.extend(package.as_deref().and_then(package_note));
    out.tools = tools.into_iter().collect();
    out
}

fn component(kind: &'static str, name: &str, version: &str) -> Component {
    Component { kind, name: name.to_owned(), version: version.to_owned() }
}

/// The compiler, assembler or linker that a text of `.comment` or `DW_AT_producer` names.
fn tool(text: &str, from: &'static str) -> Option<Tool> {
    let text = text.trim();
    let made = |name, version: &str| {
        let version: String = version.chars().take_while(|c| c.is_ascii_alphanumeric() || "+-.~".contains(*c)).take(80).collect();
        version.starts_with(|c: char| c.is_ascii_digit()).then_some(Tool { name, version, from })
    };
    let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    // `clang LLVM (rustc version 1.80.1 (…))`: what compiled it stands inside.
    if let Some(rest) = after("rustc version ") {
        return made("rustc", rest);
    }
    if let Some(rest) = text.strip_prefix("GCC: ") {
        // `GCC: (Debian 12.2.0-14+deb12u1) 12.2.0`: the version is behind the distribution's words.
        return made("gcc", rest.rsplit(") ").next().unwrap_or(rest).trim());
    }
    if let Some(rest) = text.strip_prefix("GNU AS ") {
        return made("binutils", rest);
    }
    if let Some(rest) = text.strip_prefix("GNU ") {
        // `GNU C17 12.2.0 -mtune=…`, `GNU C++17 13.2.0`, `GNU Fortran2008 12.2.0`.
        return made("gcc", rest.split(' ').find(|w| w.contains('.') && w.starts_with(|c: char| c.is_ascii_digit()))?);
    }
    if let Some(rest) = after("Go cmd/compile go") {
        return made("go", rest);
    }
    if let Some(rest) = after("clang version ") {
        return made("clang", rest);
    }
    after("LLD ").and_then(|rest| made("lld", rest))
}

/// The package note: JSON of <https://systemd.io/ELF_PACKAGE_METADATA>.
fn package_note(note: &[u8]) -> Option<Component> {
    let text = note.split(|b| *b == 0).next()?;
    let json = json::parse(text.get(..text.len().min(MAX_TEXT))?).ok()?;
    let word = |name: &str| json.get(name).and_then(Json::as_str);
    let kind = match word("type")? {
        "deb" => "deb",
        "rpm" => "rpm",
        "apk" => "apk",
        "alpm" => "alpm",
        _ => "generic",
    };
    Some(component(kind, word("name")?, word("version").unwrap_or_default()))
}

/// Metadata that packages carry, by the names that the formats give it.
fn metadata(name: &[u8], blob: &Blob) -> Embedded {
    let mut out = Embedded::default();
    let Ok(path) = std::str::from_utf8(name) else { return out };
    let Some(text) = blob.get(..blob.len().min(MAX_TEXT)).and_then(|b| std::str::from_utf8(b).ok()) else { return out };
    let own = path.rsplit('!').next().unwrap_or(path).trim_start_matches("./");
    let depth = own.matches('/').count();
    match own.rsplit('/').next().unwrap_or(own) {
        // Only that of an artifact which is a crate: one further inside speaks of another repository.
        ".cargo_vcs_info.json" if depth == 1 && !path.contains('!') => {
            let json = json::parse(text.as_bytes()).ok();
            let id = json.as_ref().and_then(|j| j.at(&["git", "sha1"])?.as_str());
            let modified = json.as_ref().and_then(|j| j.at(&["git", "dirty"])?.as_bool()) == Some(true);
            // A crate's folder is its name, a hyphen and its version.
            let folder = own.split('/').next().unwrap_or_default();
            let version = folder.char_indices().find(|(at, c)| *c == '-' && is_version(folder.get(at + 1..).unwrap_or_default()));
            let of = version.and_then(|(at, _)| folder.get(..at)).unwrap_or_default().to_owned();
            out.revision = id.map(|id| Revision { id: id.to_ascii_lowercase(), from: ".cargo_vcs_info.json", of, modified });
        }
        "control" if depth == 0 && path.contains("control.tar") => out.components = debian(text),
        "METADATA" if own.contains(".dist-info/") && depth == 1 => out.components.extend(named(text, "pypi")),
        "PKG-INFO" if depth == 1 => out.components.extend(named(text, "pypi")),
        "package.json" if own == "package/package.json" => {
            if let Ok(json) = json::parse(text.as_bytes()) {
                let word = |name: &str| json.get(name).and_then(Json::as_str);
                out.components.extend(word("name").map(|n| component("npm", n, word("version").unwrap_or_default())));
            }
        }
        _ => {}
    }
    out
}

/// Whether that is a version of a crate: three numbers, with more behind or not.
fn is_version(text: &str) -> bool {
    let numbers: Vec<&str> = text.splitn(3, '.').collect();
    numbers.len() == 3 && numbers.iter().take(2).all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A field of a paragraph of header lines; the first counts.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let head = text.lines().take_while(|l| !l.trim().is_empty());
    head.filter_map(|l| l.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
}

fn named(text: &str, kind: &'static str) -> Option<Component> {
    Some(component(kind, field(text, "Name")?, field(text, "Version").unwrap_or_default()))
}

/// The package itself, and the sources that were built into it: `Built-Using: gcc-12 (= 12.2.0-14), …` (Debian policy, 7.8).
fn debian(text: &str) -> Vec<Component> {
    let mut out = Vec::new();
    if let Some(name) = field(text, "Package") {
        out.push(component("deb", name, field(text, "Version").unwrap_or_default()));
    }
    let unfolded = text.replace("\n ", " ");
    for list in ["Built-Using", "Static-Built-Using"] {
        for one in field(&unfolded, list).unwrap_or_default().split(',').map(str::trim).filter(|o| !o.is_empty()).take(MAX_COMPONENTS) {
            let (name, version) = one.split_once(" (= ").unwrap_or((one, ""));
            out.push(component("deb", name.trim(), version.trim_end_matches(')').trim()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compilers_write_is_read() {
        let of = |text: &str| tool(text, "").map(|t| (t.name, t.version));
        let is = |name, version: &str| Some((name, version.to_owned()));
        assert_eq!(of("GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"), is("gcc", "12.2.0"));
        assert_eq!(of("GCC: (GNU) 11.4.1 20230605 (Red Hat 11.4.1-2)"), is("gcc", "11.4.1"));
        assert_eq!(of("GNU C17 12.2.0 -mtune=generic -march=x86-64 -g"), is("gcc", "12.2.0"));
        assert_eq!(of("GNU C++17 13.2.0 -O2"), is("gcc", "13.2.0"));
        assert_eq!(of("GNU AS 2.40"), is("binutils", "2.40"));
        assert_eq!(of("Debian clang version 14.0.6"), is("clang", "14.0.6"));
        assert_eq!(of("clang LLVM (rustc version 1.80.1 (3f5fd8dd4 2024-08-06))"), is("rustc", "1.80.1"));
        assert_eq!(of("Linker: LLD 17.0.6 (/checkout/src/llvm-project/llvm 2f)"), is("lld", "17.0.6"));
        assert_eq!(of("Go cmd/compile go1.22.5; regabi"), is("go", "1.22.5"));
        for text in ["", "GCC: ", "GNU C17", "hello", "rustc version x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn metadata_counts_only_where_its_format_puts_it() {
        let of = |name: &str, text: &str| embedded(name.as_bytes(), &Blob::from(text.as_bytes().to_vec()), &mut 0);
        let control = "Package: hello\nVersion: 2.10-3\nBuilt-Using: gcc-12 (= 12.2.0-14),\n glibc (= 2.36-9)\nDescription: x\n a\n\nPackage: other\n";
        let all: Vec<_> =
            of("control.tar.xz!./control", control).components.into_iter().map(|c| format!("{}@{}", c.name, c.version)).collect();
        assert_eq!(all, ["hello@2.10-3", "gcc-12@12.2.0-14", "glibc@2.36-9"]);
        assert!(of("data.tar.xz!./usr/share/control", control).is_empty());
        let wheel = of("x-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n\nName: y\n");
        assert_eq!(wheel.components, [component("pypi", "x", "1.0")]);
        let npm = of("package/package.json", "{\"name\":\"@a/b\",\"version\":\"3.0.0\"}");
        assert_eq!(npm.components, [component("npm", "@a/b", "3.0.0")]);
        assert!(of("package/node_modules/c/package.json", "{\"name\":\"c\"}").is_empty());
        let info = "{\"git\":{\"sha1\":\"AB12\",\"dirty\":true},\"path_in_vcs\":\"\"}";
        let own = of("x-1.0/.cargo_vcs_info.json", info).revision.unwrap();
        assert_eq!((own.id.as_str(), own.modified), ("ab12", true));
        let name = |folder: &str| of(&format!("{folder}/.cargo_vcs_info.json"), info).revision.unwrap().of;
        assert_eq!((name("x-1.0.0"), name("a-2-b-1.0.0-rc.1+y")), ("x".to_owned(), "a-2-b".to_owned()));
        assert!(of("x-1.0/vendor/y/.cargo_vcs_info.json", info).is_empty());
    }
}
