//! Facts that a build leaves in a PE file: subsystem, linker, hardening, imports, exports, what the tools say of themselves.

use std::collections::BTreeSet;

use super::{Header, N, marks, tables};
use crate::digest::{Algorithm, Digest};
use crate::inspect::exe::{Exe, flags_text};
use crate::inspect::facts::{Sheet, add_embedded, switch};
use crate::model::{Fact, FactGroup, Sides};
use crate::text::Untrusted;

/// Names that are listed at most, where a side has more than the other.
const MAX_NAMES: usize = 50;
/// Bytes of the resources that are searched for the version.
const MAX_RESOURCES: usize = 4 << 20;
/// Texts of the version resource that are shown.
const VERSION_KEYS: [&str; 4] = ["FileVersion", "ProductVersion", "ProductName", "CompanyName"];

/// Imported names with their libraries.
type Names = BTreeSet<(Vec<u8>, Vec<u8>)>;

/// The facts of both files side by side; those absent on both sides are left out.
pub(crate) fn facts(exes: Sides<&Exe>, producers: Sides<Option<Vec<u8>>>) -> Vec<Fact> {
    use FactGroup::{Contents, Identity, Loading, Toolchain};
    let mut sheet = Sheet::default();
    let headers = exes.map(Header::of);
    let both = |f: &dyn Fn(&Exe, &Header) -> Option<String>| {
        let one = headers.shipped.as_ref().and_then(|h| f(exes.shipped, h));
        Sides::new(one, headers.rebuilt.as_ref().and_then(|h| f(exes.rebuilt, h))).map(|t| t.map(String::into_bytes))
    };
    sheet.add("producer", Toolchain, producers);
    sheet.add("linker", Toolchain, both(&|e, h| Some(linker(e, h))));
    sheet.add("Rich header", Toolchain, both(&|e, h| marks::rich(&e.blob, h).map(|r| rich(&r))));
    sheet.add("machine", Toolchain, both(&|_, h| Some(format!("{} ({})", machine(h.machine), if h.wide { "PE32+" } else { "PE32" }))));
    sheet.add("type", Identity, both(&|_, h| Some(kind(h))));
    sheet.add("subsystem", Loading, both(&|_, h| Some(subsystem(h.subsystem))));
    sheet.add("image base", Identity, both(&|_, h| Some(format!("{:#x}", h.base))));
    sheet.add("entry point", Identity, both(&|_, h| Some(format!("{:#x}", h.address(h.entry)))));
    for (name, bit) in [("ASLR", 0x40), ("high-entropy ASLR", 0x20), ("NX", 0x100), ("CFG", 0x4000), ("forced integrity", 0x80)] {
        let on = headers.as_ref().map(|h| h.as_ref().map(|h| switch(h.dll & bit != 0)));
        sheet.protection(name, on);
    }
    sheet.add("SEH", Identity, both(&|_, h| Some(yes(h.dll & 0x400 == 0))));
    sheet.add("TLS callbacks", Loading, both(&|e, h| Some(callbacks(e, h)?.to_string())));
    sheet.add("PDB", Identity, both(&|e, h| pdb(e, h)));
    sheet.add("reproducible", Toolchain, both(&|e, h| marks::is_repro(e, h).then(|| yes(true))));
    sheet.add("signature", Identity, both(&signature));
    sheet.add(".NET", Identity, both(&|_, h| h.directory(14).map(|_| "CLI header: the program is in its own bytecode".to_owned())));
    for key in VERSION_KEYS {
        sheet.add(key, Identity, both(&|e, h| version(e, h, key)));
    }
    sheet.add("unusual", Loading, both(&|e, h| Some(unusual(e, h).join("; "))));
    let imports =
        Sides::new(headers.shipped.as_ref().map(|h| imports(exes.shipped, h)), headers.rebuilt.as_ref().map(|h| imports(exes.rebuilt, h)));
    let exports =
        Sides::new(headers.shipped.as_ref().map(|h| exports(exes.shipped, h)), headers.rebuilt.as_ref().map(|h| exports(exes.rebuilt, h)));
    let libraries = imports.as_ref().map(|i| Some(i.iter().flatten().map(|(library, _)| library.as_slice()).collect::<BTreeSet<_>>()));
    sheet.add("libraries", Loading, libraries.map(|l| l.map(|l| l.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join(&b' '))));
    let names = |sides: Sides<Option<Names>>| {
        sides.map(|s| s.unwrap_or_default().into_iter().map(|(library, name)| [library, name].join(&b'!')).collect::<BTreeSet<_>>())
    };
    let exports = exports.map(Option::unwrap_or_default);
    for (word, own) in [("imports", names(imports)), ("exports", exports)] {
        sheet.only(word, Contents, &own);
    }
    add_embedded(&mut sheet, exes);
    sheet.done()
}

fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { "no".to_owned() }
}

fn linker(exe: &Exe, header: &Header) -> String {
    let byte = |at: usize| exe.blob.get(header.optional + at).copied().unwrap_or(0);
    format!("{}.{:02}", byte(2), byte(3))
}

fn rich(rich: &marks::Rich) -> String {
    let mut text = rich.text();
    if !rich.valid {
        text.push_str(" (its checksum does not hold)");
    }
    text
}

fn machine(number: u16) -> String {
    match number {
        0x8664 => "x86-64".to_owned(),
        0x014c => "i386".to_owned(),
        0xaa64 => "aarch64".to_owned(),
        0x01c4 => "arm".to_owned(),
        other => format!("machine {other:#06x}"),
    }
}

fn kind(header: &Header) -> String {
    let what = if header.characteristics & 0x2000 != 0 { "library" } else { "program" };
    let moves = if header.characteristics & 1 != 0 { ", without base relocations" } else { "" };
    format!("{what}{moves}")
}

fn subsystem(number: u16) -> String {
    match number {
        1 => "native".to_owned(),
        2 => "Windows".to_owned(),
        3 => "Windows console".to_owned(),
        10 => "EFI application".to_owned(),
        11 => "EFI boot service driver".to_owned(),
        12 => "EFI runtime driver".to_owned(),
        other => format!("subsystem {other}"),
    }
}

/// Functions that run before the entry point.
fn callbacks(exe: &Exe, header: &Header) -> Option<usize> {
    let (rva, _) = header.directory(9)?;
    let width = if header.wide { 8 } else { 4 };
    let list = N.int(exe.bytes_at(header.address(rva)), 3 * width, width)?;
    let all = exe.bytes_at(list).chunks_exact(width).take(4096);
    Some(all.take_while(|raw| N.int(raw, 0, width) != Some(0)).count())
}

fn pdb(exe: &Exe, header: &Header) -> Option<String> {
    let record = marks::codeview(exe, header).into_iter().next()?;
    let path = String::from_utf8_lossy(exe.blob.get(record.path.clone())?).into_owned();
    Some(format!("{} {path}", marks::identity(exe.blob.get(record.id)?)))
}

/// Whether there is a signature, and whether it holds the digest of this very file. Whether it is valid is another question.
fn signature(exe: &Exe, header: &Header) -> Option<String> {
    let range = match marks::certificates(exe, header)? {
        Ok(range) => range,
        Err(why) => return Some(format!("not well formed: {why}")),
    };
    let bytes: &[u8] = &exe.blob;
    let (sum, entry) = (header.optional + 64, header.directories_at + 32);
    let parts = [0..sum, sum + 4..entry, entry + 8..range.start].map(|r| bytes.get(r).unwrap_or_default());
    let blob = bytes.get(range).unwrap_or_default();
    let holds = |digest: &[u8]| blob.windows(digest.len().max(1)).any(|w| w == digest);
    let content = parts.concat();
    let mut digest = Digest::of(Algorithm::Sha256, &content);
    if !holds(&digest.bytes) {
        digest = Digest::of(Algorithm::Sha1, &content);
    }
    let covers = holds(&digest.bytes);
    Some(if covers { format!("holds the digest of this file, {digest}") } else { "is for another content".to_owned() })
}

/// The value of a text of the version resource. Found by its key, which stands there as UTF-16.
fn version(exe: &Exe, header: &Header, key: &str) -> Option<String> {
    let (rva, size) = header.directory(2)?;
    let all = exe.bytes_at(header.address(rva));
    let tree = all.get(..(size as usize).min(all.len()).min(MAX_RESOURCES))?;
    let needle: Vec<u8> = key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let at = tree.windows(needle.len()).position(|w| w == needle)? + needle.len();
    let units =
        tree.get(at.next_multiple_of(4).min(tree.len())..)?.chunks_exact(2).filter_map(|c| Some(u16::from_le_bytes(c.try_into().ok()?)));
    let text: Vec<u16> = units.skip_while(|u| *u == 0).take(200).take_while(|u| *u != 0).collect();
    Some(String::from_utf16_lossy(&text))
}

/// What a reviewer should know of the layout.
fn unusual(exe: &Exe, header: &Header) -> Vec<String> {
    let mut out = Vec::new();
    for s in exe.segments.iter().filter(|s| s.flags & 3 == 3) {
        out.push(format!("{} at {:#x} is written and run", flags_text(s.flags), s.address));
    }
    let entry = header.address(header.entry);
    if header.entry != 0 && !exe.section_at(entry).is_some_and(|s| s.is_code()) {
        out.push(format!("the entry point {entry:#x} is in no code section"));
    }
    let known = |name: &[u8]| name == b"trailing data" || name.starts_with(b"gap after");
    let loose: usize = exe.regions.iter().filter(|r| known(&r.name) && !r.allocated).map(|r| r.range.len()).sum();
    if loose > 0 {
        out.push(format!("{loose} bytes belong to no section (overlay)"));
    }
    let slack = |r: &&super::super::exe::Region| r.name.starts_with(b"padding of") && r.section.is_none();
    let filled = exe
        .regions
        .iter()
        .filter(slack)
        .filter(|r| exe.blob.get(r.range.clone()).is_some_and(|b| b.iter().any(|b| !matches!(b, 0 | 0x90 | 0xcc))));
    for r in filled.take(8) {
        out.push(format!("{} is not empty", Untrusted::from(r.name.as_slice()).shown()));
    }
    out
}

fn imports(exe: &Exe, header: &Header) -> Names {
    tables::imports(exe, header)
        .into_iter()
        .map(|i| (if i.delayed { [&i.library[..], b" (delayed)"].concat() } else { i.library }, i.name))
        .collect()
}

fn exports(exe: &Exe, header: &Header) -> BTreeSet<Vec<u8>> {
    tables::exports(exe, header).into_iter().map(|(name, _)| name).collect()
}
