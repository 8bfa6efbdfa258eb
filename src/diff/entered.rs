//! Who enters code otherwise than by running into it: jumps and tables, pointers that the loader fills, symbols of other files, handlers
//! of exceptions, the headers. Where that is inside of an instruction, other code runs than was read there.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::asm::{self, Form};
use super::derived;
use super::image::{Image, Images};
use super::steady;
use crate::inspect::exe::{Exe, Format};
use crate::inspect::symbols::{Bound, Function};

/// Entries of one table that are looked at.
const MAX_ENTRIES: u64 = 1 << 16;

/// Where data and headers of a file lead into its code; `None` when that cannot be read.
pub(super) fn by_data(image: &Image) -> Option<BTreeSet<u64>> {
    let exe = &image.elf;
    let filled = image.filled(0..u64::MAX).filter_map(|(_, bound)| match bound {
        Bound::Relative(to) | Bound::Computed(to) => Some(*to),
        Bound::Import(..) => None,
    });
    let mut out: BTreeSet<u64> = filled.collect();
    let word = |(at, size): (&u64, &u8)| {
        let raw = exe.bytes_at(*at).get(..usize::from(*size))?;
        exe.numbers().int(raw, 0, raw.len())
    };
    out.extend(image.moved.iter().filter_map(word));
    if exe.format == Format::Elf {
        out.extend(exe.numbers().word(&exe.blob, 24, 24));
        out.extend(exported(exe));
        out.extend(derived::landing_pads(exe)?);
        out.extend(fixed(exe));
    }
    out.retain(|to| is_code(exe, *to));
    Some(out)
}

/// Where symbols of a library lead, and what the loader calls first and last.
fn exported(exe: &Exe) -> impl Iterator<Item = u64> {
    let n = exe.numbers();
    let tables = exe.sections.iter().filter(|s| s.kind == 11);
    let symbols = tables.flat_map(move |s| exe.data(s).chunks_exact(if n.wide { 24 } else { 16 }));
    let defined = symbols.filter(move |raw| n.int(raw, if n.wide { 6 } else { 14 }, 2).is_some_and(|section| section != 0));
    let values = defined.filter_map(move |raw| n.word(raw, 4, 8));
    let size = if n.wide { 8 } else { 4 };
    let entries = exe.sections.iter().filter(|s| s.kind == 6).flat_map(move |s| exe.data(s).chunks_exact(2 * size));
    values.chain(entries.filter(move |raw| matches!(n.int(raw, 0, size), Some(12 | 13))).filter_map(move |raw| n.int(raw, size, size)))
}

/// Words of data, in a file with a fixed place.
fn fixed(exe: &Exe) -> Vec<u64> {
    let data = exe.sections.iter().filter(|s| exe.kind == 2 && s.is_allocated() && !s.is_code());
    let words = |s| {
        let all = exe.data(s);
        (0..all.len()).step_by(4).flat_map(move |at| [4, 8].map(|size| exe.numbers().int(all, at, size))).flatten()
    };
    // Most words are far from any code.
    let code = || exe.sections.iter().filter(|s| s.is_code() && s.is_allocated());
    let first = code().map(|s| s.address).min().unwrap_or(u64::MAX);
    let end = code().map(|s| s.address.saturating_add(s.size)).max().unwrap_or(0);
    data.flat_map(words).filter(|to| (first..end).contains(to) && is_code(exe, *to)).collect()
}

fn is_code(exe: &Exe, to: u64) -> bool {
    exe.section_at(to).is_some_and(|s| s.is_code())
}

/// Where the code of one function of the shipped side that was read leads, itself included: jumps, addresses that it takes, and tables.
/// `None` when there are too many entries of tables.
pub(super) fn by_scan(images: &Images, scan: Option<&asm::Scan>) -> Option<BTreeSet<u64>> {
    let exe = &images.sides.shipped.elf;
    let mut out = BTreeSet::new();
    let Some(scan) = scan else { return Some(out) };
    for r in scan.references.iter().filter(|r| steady::enters(r)) {
        if is_code(exe, r.to) {
            out.insert(r.to);
        } else if scan.tables && r.form == Form::Address {
            for n in 0..MAX_ENTRIES {
                // Each reference may name the same long table.
                images.entries.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).ok()?;
                let Some(to) = steady::entry(exe, r.to, n).filter(|to| is_code(exe, *to)) else { break };
                out.insert(to);
            }
        }
    }
    Some(out)
}

/// Offsets in a function that are entered and are no start of an instruction.
pub(super) fn hidden(image: &Image, f: &Function, entered: &BTreeSet<u64>) -> Vec<Range<usize>> {
    found(image, f, entered).map(|(at, _)| at..at + 1).collect()
}

/// Instructions of a function whose bytes are others than on the other side, and that are entered inside.
pub(super) fn rewritten(image: &Image, f: &Function, other: &[u8], entered: &BTreeSet<u64>) -> Vec<Range<usize>> {
    let code = image.code(f);
    let all = found(image, f, entered).map(|(_, whole)| whole);
    all.filter(|whole| code.get(whole.clone()) != other.get(whole.clone())).collect()
}

/// Each such offset, with the instruction that it is in.
fn found<'a>(image: &'a Image, f: &'a Function, entered: &BTreeSet<u64>) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
    let first = f.address.saturating_add(1);
    let inside: Vec<u64> = entered.range(first..f.end().max(first)).map(|to| to - f.address).collect();
    let scan = if inside.is_empty() { None } else { asm::scan(image, f) };
    let one = move |offset: u64| {
        let scan = scan.as_ref().filter(|scan| !scan.is_entry(image.code(f), offset))?;
        Some((usize::try_from(offset).ok()?, scan.instruction(image.code(f), offset)?))
    };
    inside.into_iter().filter_map(one)
}

/// Whether code runs into the middle of an instruction at the end of a piece: what stands behind that end begins inside of it. A symbol can
/// say that a function begins anywhere. `before` is what stands before the piece, when it does so without a gap.
pub(super) fn runs_over(image: &Image, f: &Function, before: Option<&Function>, entered: &BTreeSet<u64>) -> bool {
    // What is no function is entered only where something leads to, or from the code before it.
    let is_function = |f: &Function| image.functions.binary_search_by_key(&f.address, |g| g.address).is_ok();
    let live = is_function(f) || before.is_some_and(|b| asm::runs_to_end(image, b, is_function(b), entered));
    asm::runs_to_end(image, f, live, entered)
}
