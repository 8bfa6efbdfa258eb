//! Facts that a build leaves in a binary: compiler, libraries, hardening.

use std::collections::BTreeSet;

mod embedded;
mod notes;
mod sheet;

pub(crate) use embedded::{Said, add as add_embedded, said};
pub(crate) use sheet::{Sheet, Strength, switch};

use super::exe::{Exe, flags_text, text_at};
use super::symbols::{Bound, bindings, symbols, version_names};
use crate::digest::hex;
use crate::model::{Fact, FactGroup, Sides};

/// The facts of both files side by side; those absent on both sides are left out.
pub(crate) fn facts(elves: Sides<&Exe>, producers: Sides<Option<Vec<u8>>>) -> Vec<Fact> {
    use FactGroup::{Contents, Identity, Loading, Toolchain};
    let mut sheet = Sheet::default();
    let both = |f: &dyn Fn(&Exe) -> Option<Vec<u8>>| elves.map(f);
    sheet.add("producer", Toolchain, producers);
    sheet.add(".comment", Toolchain, both(&comment));
    sheet.add("symbol versions", Toolchain, both(&|e| newest_versions(e).map(String::into_bytes)));
    let switches = |e: &Exe| Some(e.named(".GCC.command.line").split(|b| *b == 0).collect::<Vec<_>>().join(&b' '));
    sheet.add(".GCC.command.line", Toolchain, both(&switches));
    sheet.add("hash style", Toolchain, both(&|e| hash_style(e).map(|s| s.as_bytes().to_vec())));
    add_embedded(&mut sheet, elves);
    sheet.add("build-id", Identity, both(&|e| e.build_id().map(|id| hex(id).into_bytes())));
    sheet.add("machine", Toolchain, both(&|e| Some(format!("machine {} class {}", e.machine, if e.wide { 64 } else { 32 }).into_bytes())));
    sheet.add("type", Identity, both(&|e| Some(kind(e).as_bytes().to_vec())));
    sheet.add("interpreter", Loading, both(&|e| Some(text_at(e.named(".interp"), 0).to_vec())));
    for (name, tag) in [("NEEDED", 1), ("SONAME", 14), ("RPATH", 15), ("RUNPATH", 29)] {
        sheet.add(name, Loading, both(&|e| Some(dynamic_texts(e, tag).join(&b' '))));
    }
    let imports = elves.map(imports);
    hardening(&mut sheet, elves, &imports);
    sheet.only("imports", Contents, &imports);
    sheet.done()
}

/// The checklist of protections.
fn hardening(sheet: &mut Sheet, elves: Sides<&Exe>, imports: &Sides<BTreeSet<Vec<u8>>>) {
    // What is not loaded as it is has no protections of its own.
    let loaded = |e: &Exe| matches!(e.kind, 2 | 3) && !e.segments.is_empty();
    let both = |f: &dyn Fn(&Exe) -> Option<Strength>| elves.map(|e| if loaded(e) { f(e) } else { None });
    sheet.protection("PIE", both(&pie));
    sheet.protection("RELRO", both(&|e| if dynamic(e).is_empty() { None } else { Some(relro(e)) }));
    sheet.protection("stack", both(&|e| Some(stack(e))));
    let called = |side: (&Exe, &BTreeSet<Vec<u8>>)| loaded(side.0).then(|| called(side.0, side.1)).flatten();
    let names = Sides::new(called((elves.shipped, &imports.shipped)), called((elves.rebuilt, &imports.rebuilt)));
    sheet.protection("stack protector", names.as_ref().map(|n| n.as_ref().map(|n| switch(n.contains(b"__stack_chk_fail".as_slice())))));
    let fortified = |n: &BTreeSet<Vec<u8>>| {
        let count = n.iter().filter(|n| n.ends_with(b"_chk")).count();
        (u8::from(count > 0), count.to_string())
    };
    sheet.protection("fortified calls", names.as_ref().map(|n| n.as_ref().map(fortified)));
    for (name, machine, kind, bit) in
        [("IBT", 62, 0xc000_0002, 1), ("SHSTK", 62, 0xc000_0002, 2), ("BTI", 183, 0xc000_0000, 1), ("PAC", 183, 0xc000_0000, 2)]
    {
        sheet.protection(name, both(&|e| (e.machine == machine).then(|| switch(notes::property(e, kind) & bit != 0))));
    }
    let textrel = |e: &Exe| dynamic(e).iter().any(|(t, v)| *t == 22 || (*t == 30 && v & 4 != 0));
    let fixed = |e: &Exe| if textrel(e) { (0, "no: code is relocated".to_owned()) } else { (1, "yes".to_owned()) };
    sheet.protection("code is read-only", both(&|e| Some(fixed(e))));
}

/// Whether a program moves as a whole; of libraries it is no question.
fn pie(elf: &Exe) -> Option<Strength> {
    let flagged = dynamic(elf).iter().any(|(t, v)| *t == 0x6fff_fffb && v & 0x0800_0000 != 0);
    match elf.kind {
        2 => Some(switch(false)),
        3 if flagged || elf.segments.iter().any(|s| s.kind == 3) => Some(switch(true)),
        _ => None,
    }
}

fn stack(elf: &Exe) -> Strength {
    match elf.segments.iter().find(|s| s.kind == 0x6474_e551) {
        Some(s) => (u8::from(s.flags & 1 == 0), flags_text(s.flags)),
        None => (0, "no header: executable".to_owned()),
    }
}

/// Names of functions that it calls, as far as they can be told: a static program says them in its symbol table.
fn called(elf: &Exe, imports: &BTreeSet<Vec<u8>>) -> Option<BTreeSet<Vec<u8>>> {
    if elf.sections.iter().any(|s| s.kind == 6) {
        return Some(imports.clone());
    }
    let own: BTreeSet<Vec<u8>> = symbols(elf, false).into_iter().map(|s| s.name).collect();
    (!own.is_empty()).then_some(own)
}

pub(crate) fn comment(elf: &Exe) -> Option<Vec<u8>> {
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

/// Which tables the loader finds symbols with, in the words of the linker's option `--hash-style`.
fn hash_style(elf: &Exe) -> Option<&'static str> {
    let has = |kind: u32| elf.sections.iter().any(|s| s.kind == kind && s.is_allocated());
    match (has(5), has(0x6fff_fff6)) {
        (true, true) => Some("both"),
        (true, false) => Some("sysv"),
        (false, true) => Some("gnu"),
        (false, false) => None,
    }
}

fn relro(elf: &Exe) -> Strength {
    let tags = dynamic(elf);
    let now = tags.iter().any(|(t, v)| *t == 24 || (*t == 30 && v & 8 != 0) || (*t == 0x6fff_fffb && v & 1 != 0));
    match (elf.segments.iter().any(|s| s.kind == 0x6474_e552), now) {
        (true, true) => (2, "full".to_owned()),
        (true, false) => (1, "partial".to_owned()),
        (false, _) => (0, "none".to_owned()),
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
