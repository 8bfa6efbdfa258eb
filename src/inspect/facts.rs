//! Facts that a build leaves in a binary: compiler, libraries, hardening.

use std::collections::BTreeSet;

use super::exe::{Exe, flags_text, text_at};
use super::symbols::{Bound, bindings, version_names};
use crate::digest::hex;
use crate::model::{Fact, Sides};
use crate::text::Untrusted;

/// The facts of both files side by side; those absent on both sides are left out.
pub(crate) fn facts(elves: Sides<&Exe>, producers: Sides<Option<Vec<u8>>>) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut add = |name: &str, toolchain: bool, value: Sides<Option<Vec<u8>>>| {
        let value = value.map(|v| v.filter(|v| !v.is_empty()));
        if value.shipped.is_some() || value.rebuilt.is_some() {
            out.push(Fact { name: name.to_owned(), value: value.map(|v| v.map(Untrusted::from)), toolchain });
        }
    };
    let both = |f: &dyn Fn(&Exe) -> Option<Vec<u8>>| elves.map(f);
    add("producer", true, producers);
    add(".comment", true, both(&comment));
    add("symbol versions", true, both(&|e| newest_versions(e).map(String::into_bytes)));
    add(".GCC.command.line", true, both(&|e| Some(e.named(".GCC.command.line").split(|b| *b == 0).collect::<Vec<_>>().join(&b' '))));
    add("build-id", false, both(&|e| e.build_id().map(|id| hex(id).into_bytes())));
    add("machine", true, both(&|e| Some(format!("machine {} class {}", e.machine, if e.wide { 64 } else { 32 }).into_bytes())));
    add("type", false, both(&|e| Some(kind(e).as_bytes().to_vec())));
    add("interpreter", false, both(&|e| Some(text_at(e.named(".interp"), 0).to_vec())));
    for (name, tag) in [("NEEDED", 1), ("SONAME", 14), ("RPATH", 15), ("RUNPATH", 29)] {
        add(name, false, both(&|e| Some(dynamic_texts(e, tag).join(&b' '))));
    }
    add("RELRO", false, both(&|e| Some(relro(e).as_bytes().to_vec())));
    add("stack", false, both(&|e| e.segments.iter().find(|s| s.kind == 0x6474_e551).map(|s| flags_text(s.flags).into_bytes())));
    let imports = elves.map(imports);
    add("stack protector", false, imports.as_ref().map(|i| Some(yes(i.contains(b"__stack_chk_fail".as_slice())))));
    let fortified = |i: &BTreeSet<Vec<u8>>| i.iter().filter(|n| n.ends_with(b"_chk")).count();
    add("fortified calls", false, imports.as_ref().map(|i| Some(fortified(i).to_string().into_bytes())));
    for (side, name) in [(true, "imports only shipped"), (false, "imports only rebuilt")] {
        let (own, other) = if side { (&imports.shipped, &imports.rebuilt) } else { (&imports.rebuilt, &imports.shipped) };
        let text = own.difference(other).take(50).cloned().collect::<Vec<_>>().join(&b' ');
        add(name, false, if side { Sides::new(Some(text), None) } else { Sides::new(None, Some(text)) });
    }
    out
}

fn yes(value: bool) -> Vec<u8> {
    if value { b"yes".to_vec() } else { b"no".to_vec() }
}

fn comment(elf: &Exe) -> Option<Vec<u8>> {
    let texts: BTreeSet<&[u8]> = elf.named(".comment").split(|b| *b == 0).filter(|t| !t.is_empty()).collect();
    Some(texts.into_iter().take(16).collect::<Vec<_>>().join(b"; ".as_slice()))
}

fn kind(elf: &Exe) -> &'static str {
    match elf.kind {
        1 => "object file",
        2 => "executable at a fixed address",
        3 if elf.segments.iter().any(|s| s.kind == 3) => "position-independent executable",
        3 => "shared object",
        4 => "core file",
        _ => "unknown type",
    }
}

fn dynamic(elf: &Exe) -> Vec<(u64, u64)> {
    let size = if elf.wide { 16 } else { 8 };
    let n = elf.numbers();
    let data = elf.sections.iter().find(|s| s.kind == 6).map(|s| elf.data(s)).unwrap_or_default();
    data.chunks_exact(size)
        .take(65_536)
        .filter_map(|raw| Some((n.word(raw, 0, 0)?, n.word(raw, 4, 8)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect()
}

fn dynamic_texts(elf: &Exe, tag: u64) -> Vec<Vec<u8>> {
    let strings = elf.sections.iter().find(|s| s.kind == 6).and_then(|s| elf.sections.get(s.link)).map(|l| elf.data(l)).unwrap_or_default();
    let texts = dynamic(elf).into_iter().filter(|(t, _)| *t == tag).take(256);
    texts.map(|(_, at)| text_at(strings, usize::try_from(at).unwrap_or(usize::MAX)).to_vec()).collect()
}

fn relro(elf: &Exe) -> &'static str {
    let tags = dynamic(elf);
    let now = tags.iter().any(|(t, v)| *t == 24 || (*t == 30 && v & 8 != 0) || (*t == 0x6fff_fffb && v & 1 != 0));
    match (elf.segments.iter().any(|s| s.kind == 0x6474_e552), now) {
        (true, true) => "full",
        (true, false) => "partial",
        (false, _) => "none",
    }
}

fn imports(elf: &Exe) -> BTreeSet<Vec<u8>> {
    let bare = |name: Vec<u8>| name.split(|b| *b == b'@').next().unwrap_or_default().to_vec();
    bindings(elf).into_values().filter_map(|b| if let Bound::Import(name, _) = b { Some(bare(name)) } else { None }).collect()
}

/// The newest version that is needed of each family: `GLIBC_2.34`.
pub(crate) fn newest_versions(elf: &Exe) -> Option<String> {
    let mut newest: std::collections::BTreeMap<String, Vec<u64>> = std::collections::BTreeMap::new();
    for name in version_names(elf).into_values() {
        let Ok(text) = String::from_utf8(name) else { continue };
        let Some((family, number)) = text.rsplit_once('_') else { continue };
        let number: Option<Vec<u64>> = number.split('.').map(|p| p.parse().ok()).collect();
        let Some(number) = number else { continue };
        let known = newest.entry(family.to_owned()).or_default();
        *known = std::mem::take(known).max(number);
    }
    let texts: Vec<String> = newest
        .into_iter()
        .map(|(family, number)| format!("{family}_{}", number.iter().map(u64::to_string).collect::<Vec<_>>().join(".")))
        .collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}
