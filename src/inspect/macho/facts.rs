//! Facts that a build leaves in a Mach-O file.

use std::collections::BTreeSet;

use super::signature::{Directory, FLAGS, Terms};
use super::{N, command, commands};
use crate::digest::hex;
use crate::inspect::exe::{Exe, flags_text};
use crate::inspect::facts::{Sheet, add_embedded, switch};
use crate::model::{Fact, FactGroup, Sides};

/// The facts of both files side by side; those absent on both sides are left out.
pub(crate) fn facts(exes: Sides<&Exe>, producers: Sides<Option<Vec<u8>>>) -> Vec<Fact> {
    use FactGroup::{Identity, Loading, Toolchain};
    let mut sheet = Sheet::default();
    let both = |f: &dyn Fn(&Exe) -> Option<String>| exes.map(|e| f(e).map(String::into_bytes));
    let texts = |kinds: &[u32], field: usize| {
        exes.map(|e| {
            let own = commands(&e.blob).into_iter().filter(|c| kinds.contains(&c.kind)).take(256);
            Some(own.map(|c| c.text(&e.blob, field).to_vec()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(&b' '))
        })
    };
    sheet.add("producer", Toolchain, producers);
    sheet.add("machine", Toolchain, both(&|e| Some(machine(e))));
    sheet.add("type", Identity, both(&|e| Some(kind(e))));
    sheet.add(
        "UUID",
        Identity,
        both(&|e| super::command(&e.blob, command::UUID).and_then(|c| Some(hex(e.blob.get(c.range.start + 8..c.range.end)?)))),
    );
    sheet.add("build version", Toolchain, both(&build_version));
    sheet.add("source version", Identity, both(&source_version));
    sheet.add("signature", Identity, both(&|e| super::command(&e.blob, command::CODE_SIGNATURE).map(|_| "yes".to_owned())));
    let terms = exes.map(|e| super::signed(&e.blob));
    let of = |f: fn(&Directory) -> Vec<u8>| terms.as_ref().map(|t| t.as_ref().and_then(|t| t.directories.get(&0)).map(f));
    sheet.add("signed as", Identity, of(|d| d.identifier.clone()));
    sheet.add("signed by team", Identity, of(|d| d.team.clone()));
    sheet.add("entitlements", Loading, terms.as_ref().map(|t| t.as_ref().map(Terms::entitlements)));
    // Libraries: as they are, weak, exported again, and late.
    sheet.add("libraries", Loading, texts(&[command::LOAD_DYLIB, 0x8000_0018, 0x8000_001f, 0x20], 8));
    sheet.add("install name", Identity, texts(&[command::ID_DYLIB], 8));
    sheet.add("RPATH", Loading, texts(&[command::RPATH], 8));
    sheet.add(
        "entry point",
        Identity,
        both(&|e| super::command(&e.blob, command::MAIN).and_then(|c| Some(format!("{:#x}", c.word(&e.blob, 8)?)))),
    );
    let unusual = |e: &Exe| {
        let both = e.segments.iter().filter(|s| s.flags & 3 == 3);
        Some(both.map(|s| format!("{} at {:#x} is written and run", flags_text(s.flags), s.address)).collect::<Vec<_>>().join("; "))
    };
    sheet.add("unusual", Loading, both(&unusual));
    add_embedded(&mut sheet, exes);
    // Flags of the header (mach-o/loader.h): MH_PIE, MH_ALLOW_STACK_EXECUTION, MH_NO_HEAP_EXECUTION.
    for (name, bit, good) in
        [("PIE", 0x20_0000, true), ("stack not executable", 0x2_0000, false), ("heap not executable", 0x100_0000, true)]
    {
        let flags = exes.map(|e| N.int(&e.blob, 24, 4).filter(|_| N.int(&e.blob, 12, 4) == Some(2)));
        sheet.protection(name, flags.map(|f| f.map(|f| switch((f & bit != 0) == good))));
    }
    // The first code directory of a signature; without one nothing of the kind is asked for.
    let signing = exes.map(|e| match &super::signed(&e.blob) {
        Some(terms) => terms.directories.get(&0).map(|d| d.flags),
        None => super::command(&e.blob, command::CODE_SIGNATURE).is_none().then_some(0),
    });
    if signing.shipped.unwrap_or(0) | signing.rebuilt.unwrap_or(0) != 0 {
        for (bit, name) in FLAGS {
            sheet.protection(name, signing.map(|f| f.map(|f| switch(f & bit != 0))));
        }
    }
    sheet.done()
}

fn machine(exe: &Exe) -> String {
    match exe.machine {
        62 => "x86-64".to_owned(),
        183 => "aarch64".to_owned(),
        _ => format!("cpu {:#x}", N.int(&exe.blob, 4, 4).unwrap_or(0)),
    }
}

fn kind(exe: &Exe) -> String {
    match N.int(&exe.blob, 12, 4).unwrap_or(0) {
        1 => "object file".to_owned(),
        2 if exe.kind == 2 => "program at a fixed address".to_owned(),
        2 => "position-independent program".to_owned(),
        6 => "library".to_owned(),
        8 => "bundle".to_owned(),
        10 => "debug symbols".to_owned(),
        other => format!("type {other}"),
    }
}

fn version(number: u64) -> String {
    format!("{}.{}.{}", number >> 16, number >> 8 & 0xff, number & 0xff)
}

/// Platform, least system, SDK, and the tools with their versions.
fn build_version(exe: &Exe) -> Option<String> {
    let c = super::command(&exe.blob, command::BUILD_VERSION)?;
    let word = |at: usize| c.word(&exe.blob, at).map(|n| n as u64);
    let mut text = format!("platform {} from {} SDK {}", word(8)?, version(word(12)?), version(word(16)?));
    for i in 0..(word(20)? as usize).min(16) {
        let name = match word(24 + i * 8)? {
            1 => "clang".to_owned(),
            2 => "swift".to_owned(),
            3 => "ld".to_owned(),
            4 => "lld".to_owned(),
            other => format!("tool {other}"),
        };
        text.push_str(&format!(" {name} {}", version(word(28 + i * 8)?)));
    }
    Some(text)
}

fn source_version(exe: &Exe) -> Option<String> {
    let c = super::command(&exe.blob, command::SOURCE_VERSION)?;
    let n = N.int(exe.blob.get(c.range.clone())?, 8, 8)?;
    Some(format!("{}.{}.{}.{}.{}", n >> 40, n >> 30 & 0x3ff, n >> 20 & 0x3ff, n >> 10 & 0x3ff, n & 0x3ff))
}
