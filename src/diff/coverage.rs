//! What an executable was built from: the share of its code by the status of the source files, and the functions that each
//! file became. Both follow from the rows of the line tables, each read once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::asm;
use super::image::{Images, display_name};
use super::paths::{Claimed, Named};
use super::source::beyond;
use crate::inspect::debug::{Run, Table};
use crate::inspect::exe::Exe;
use crate::inspect::symbols::Function;
use crate::model::{BuiltFrom, CodePiece, CodeShare, DarkCode, FunctionDiff, ResultMark, Side, Sides, SourceFile, SourceStatus, SourceUse};
use crate::text::Untrusted;

/// Files that are listed at most.
const MAX_FILES: usize = 2000;
/// Pieces of dark code that are listed at most.
const MAX_DARK: usize = 40;
/// Remarks of one kind that are made at most.
const MAX_ODD: usize = 10;
/// Functions that are listed by source file at most.
const MAX_USES: usize = 200_000;
/// Pieces of code that are kept at most, to be joined with the lines that a person was shown.
const MAX_PIECES: usize = 1 << 20;
/// Code that is in no function.
const NO_FUNCTION: u32 = u32::MAX;

/// One side.
pub(super) struct Code<'a> {
    pub(super) exe: &'a Exe,
    /// Sorted by address, without overlaps.
    pub(super) functions: &'a [Function],
    /// The line tables that describe this very file.
    pub(super) table: Option<&'a Table>,
    pub(super) named: &'a Named,
}

/// Code of one file in one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    function: u32,
    file: u32,
    bytes: u64,
    lines: (u32, u32),
}

/// What the rows say of one side.
struct Swept {
    /// Sorted by function, then file; each pair once.
    parts: Vec<Part>,
    /// Ranges of code without a row.
    dark: Vec<(u64, u64)>,
    /// Code of files of the source tree, by function, file and lines.
    pieces: Vec<Part>,
    /// Whether pieces were left out.
    cut: bool,
    /// Bytes that several rows claim.
    twice: u64,
}

/// What a pair was built from. `functions` are those that differ.
pub(super) fn of_pair(sides: &Sides<Code<'_>>, images: &Images, functions: &[FunctionDiff]) -> BuiltFrom {
    let swept = Sides::new(sweep(&sides.shipped), sweep(&sides.rebuilt));
    let own = |side: Side| swept.get(side).as_ref().map(|s| share(sides.get(side), s));
    let mut out = BuiltFrom { share: Sides::new(own(Side::Shipped), own(Side::Rebuilt)), ..BuiltFrom::default() };
    let by_address = |side: Side| -> HashMap<u64, ResultMark> {
        functions.iter().filter_map(|f| Some((f.extent.get(side).as_ref()?.address, f.result))).collect()
    };
    let results = Sides::new(by_address(Side::Shipped), by_address(Side::Rebuilt));
    for (side, other) in [(Side::Shipped, Side::Rebuilt), (Side::Rebuilt, Side::Shipped)] {
        let known = sides.get(side).table.is_some();
        if !known && let Some(theirs) = swept.get(other).as_ref().filter(|_| sides.get(other).table.is_some()) {
            let same = matched(side, sides, images, results.get(side));
            *out.share.get_mut(side) = borrowed(sides.get(side), sides.get(other), theirs, &same);
            if side == Side::Shipped {
                let taken: BTreeSet<u32> = same.iter().filter_map(|(_, j)| u32::try_from(*j).ok()).collect();
                pieces(&mut out, sides.get(other).named, theirs, &|function| taken.contains(&function));
            }
        }
        // The shipped side tells where it can; what is only rebuilt is told by the rebuilt side.
        let Some(parts) = swept.get(side).as_ref().filter(|_| known) else { continue };
        if side == Side::Shipped {
            pieces(&mut out, sides.get(side).named, parts, &|_| true);
        }
        let alone = side == Side::Rebuilt && sides.shipped.table.is_some();
        let pairs = pair_of(images, side);
        uses(&mut out, sides.get(side), &parts.parts, &|i| {
            let f = sides.get(side).functions.get(i)?;
            let pair = pairs.get(&i).and_then(|n| images.pairs.get(*n))?;
            if alone && pair.shipped.is_some() {
                return None;
            }
            let address = |s: Side| pair.get(s).and_then(|i| sides.get(s).functions.get(i)).map(|f| f.address);
            let result = results.get(side).get(&f.address).copied().unwrap_or(ResultMark::Identical);
            let name = images.function_name(side, i);
            Some((name.map(display_name), Sides::new(address(Side::Shipped), address(Side::Rebuilt)), result))
        });
    }
    for list in out.uses.values_mut() {
        list.sort_by_key(|u| (std::cmp::Reverse(u.result), u.address.shipped.or(u.address.rebuilt)));
    }
    out
}

/// The same for a file that is identical on both sides.
pub(super) fn of_one(code: &Code<'_>) -> BuiltFrom {
    let Some(swept) = sweep(code) else { return BuiltFrom::default() };
    let share = share(code, &swept);
    let mut out = BuiltFrom { share: Sides::new(Some(share.clone()), Some(share)), ..BuiltFrom::default() };
    pieces(&mut out, code.named, &swept, &|_| true);
    uses(&mut out, code, &swept.parts, &|i| {
        let f = code.functions.get(i)?;
        Some((f.name.as_deref().map(display_name), Sides::new(Some(f.address), Some(f.address)), ResultMark::Identical))
    });
    out
}

/// The shipped code by file and lines, of those functions.
fn pieces(out: &mut BuiltFrom, named: &Named, swept: &Swept, taken: &dyn Fn(u32) -> bool) {
    for part in swept.pieces.iter().filter(|p| taken(p.function)) {
        let Some(file) = named.files.get(part.file as usize) else { continue };
        let list = out.code.entry(file.path.clone()).or_default();
        match list.last_mut().filter(|last| last.lines == part.lines) {
            Some(last) => last.bytes += part.bytes,
            None => list.push(CodePiece { lines: part.lines, bytes: part.bytes }),
        }
    }
    out.cut |= swept.cut;
}

/// What is to be said of a function: name, addresses, result.
type Told = (Option<String>, Sides<Option<u64>>, ResultMark);

fn uses(out: &mut BuiltFrom, code: &Code<'_>, parts: &[Part], tell: &dyn Fn(usize) -> Option<Told>) {
    let mut count: usize = out.uses.values().map(Vec::len).sum();
    for part in parts.iter().filter(|p| p.function != NO_FUNCTION) {
        let Some(file) = code.named.files.get(part.file as usize).filter(|f| f.entry.is_some()) else { continue };
        let Some((name, address, result)) = tell(part.function as usize) else { continue };
        // Those that differ are always told.
        if count >= MAX_USES && result == ResultMark::Identical {
            out.cut = true;
            continue;
        }
        let start = code.functions.get(part.function as usize).map_or(0, |f| f.address);
        let function = name.map_or_else(|| format!("{start:#x}").into(), Untrusted::from);
        let list = out.uses.entry(file.path.clone()).or_default();
        // The same file may be named in two ways.
        match list.last_mut().filter(|last| last.address == address) {
            Some(last) => last.lines = join(last.lines, part.lines),
            None => {
                list.push(SourceUse { function, address, lines: part.lines, result });
                count += 1;
            }
        }
    }
}

fn join(one: (u32, u32), two: (u32, u32)) -> (u32, u32) {
    if one.0 == 0 || two.0 == 0 { one.max(two) } else { (one.0.min(two.0), one.1.max(two.1)) }
}

/// For each function of a side, its pair.
fn pair_of(images: &Images, side: Side) -> HashMap<usize, usize> {
    images.pairs.iter().enumerate().filter_map(|(n, pair)| Some(((*pair.get(side))?, n))).collect()
}

/// Functions of a side (first) that are the same as those of the other (second).
fn matched(side: Side, sides: &Sides<Code<'_>>, images: &Images, results: &HashMap<u64, ResultMark>) -> Vec<(usize, usize)> {
    let other = if side == Side::Shipped { Side::Rebuilt } else { Side::Shipped };
    let same = |(i, j): &(usize, usize)| {
        let (Some(own), Some(theirs)) = (sides.get(side).functions.get(*i), sides.get(other).functions.get(*j)) else { return false };
        own.size == theirs.size && results.get(&own.address).is_none_or(|r| r.is_equal())
    };
    images.pairs.iter().filter_map(|pair| Some(((*pair.get(side))?, (*pair.get(other))?))).filter(same).collect()
}

/// The ranges of code, sorted, each byte once. Object files that were not laid out have none: all their sections start at 0.
fn code_ranges(exe: &Exe) -> Vec<(u64, u64)> {
    let sections = exe.sections.iter().filter(|s| s.is_code() && s.is_allocated() && !s.range.is_empty() && !exe.is_unplaced());
    let mut ranges: Vec<(u64, u64)> = sections.map(|s| (s.address, s.address.saturating_add(s.range.len() as u64))).collect();
    ranges.sort_unstable();
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        let start = out.last().map_or(start, |last| start.max(last.1));
        if end > start {
            out.push((start, end));
        }
    }
    out
}

fn length(ranges: &[(u64, u64)]) -> u64 {
    ranges.iter().map(|(start, end)| end - start).sum()
}

/// Goes through all runs in the order of their addresses; `None` for a file without code.
fn sweep(code: &Code<'_>) -> Option<Swept> {
    let ranges = code_ranges(code.exe);
    if ranges.is_empty() {
        return None;
    }
    let mut runs: Vec<Run> = code.table.map(|t| t.runs.clone()).unwrap_or_default();
    runs.sort_unstable_by_key(|r| (r.start, r.end, r.file));
    let mut swept = Swept { parts: Vec::new(), dark: Vec::new(), pieces: Vec::new(), cut: false, twice: 0 };
    let (mut range, mut function, mut at) = (0, 0, 0u64);
    for run in &runs {
        let mut start = run.start;
        while let Some((from, to)) = ranges.get(range) {
            if *to <= start.max(at) {
                if at < *to {
                    swept.dark.push((at.max(*from), *to));
                }
                range += 1;
                continue;
            }
            let (first, last) = (start.max(*from), run.end.min(*to));
            if first >= last {
                break;
            }
            swept.twice += last.min(at).saturating_sub(first);
            let first = first.max(at);
            if at.max(*from) < first {
                swept.dark.push((at.max(*from), first));
            }
            if first < last {
                while code.functions.get(function + 1).is_some_and(|f| f.address <= first) {
                    function += 1;
                }
                let inside = code.functions.get(function).is_some_and(|f| f.address <= first && first < f.end());
                let number = if inside { u32::try_from(function).unwrap_or(NO_FUNCTION) } else { NO_FUNCTION };
                swept.parts.push(Part { function: number, file: run.file, bytes: last - first, lines: run.lines });
                at = last;
            }
            start = last;
            if start >= run.end {
                break;
            }
        }
    }
    for (from, to) in ranges.iter().skip(range) {
        if at < *to {
            swept.dark.push((at.max(*from), *to));
        }
    }
    (swept.pieces, swept.cut) = pieces_of(&swept.parts, code.named);
    swept.parts = folded(swept.parts);
    Some(swept)
}

/// The parts whose files the compiler saw as they are in the tree, equal places joined.
fn pieces_of(parts: &[Part], named: &Named) -> (Vec<Part>, bool) {
    let reviewed = |f: &Claimed| f.entry.is_some() && f.status != SourceStatus::ChecksumDiffers;
    let known = |p: &&Part| p.lines.0 > 0 && named.files.get(p.file as usize).is_some_and(reviewed);
    let mut out: Vec<Part> = parts.iter().filter(known).copied().collect();
    out.sort_unstable_by_key(|p| (p.file, p.lines, p.function));
    out.dedup_by(|next, kept| {
        let same = (kept.file, kept.lines, kept.function) == (next.file, next.lines, next.function);
        kept.bytes += if same { next.bytes } else { 0 };
        same
    });
    let cut = out.len() > MAX_PIECES;
    out.truncate(MAX_PIECES);
    (out, cut)
}

fn folded(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|p| (p.function, p.file));
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match out.last_mut().filter(|last| (last.function, last.file) == (part.function, part.file)) {
            Some(last) => {
                last.bytes += part.bytes;
                last.lines = join(last.lines, part.lines);
            }
            None => out.push(part),
        }
    }
    out
}

/// The share of a side by its own debug information.
fn share(code: &Code<'_>, swept: &Swept) -> CodeShare {
    let (padding, pieces) = without_padding(code, &swept.dark);
    let mut out = CodeShare { total: length(&code_ranges(code.exe)), padding, dark: length(&pieces), ..CodeShare::default() };
    fill(&mut out, code.named, &swept.parts);
    dark(&mut out, code, pieces);
    if let Some(table) = code.table {
        let differing = code.named.files.iter().filter(|f| f.status == SourceStatus::ChecksumDiffers);
        let mut paths: Vec<&Untrusted> = differing.map(|f| &f.path).collect();
        paths.sort_unstable();
        paths.dedup();
        let more = paths.len().saturating_sub(MAX_ODD);
        for path in paths.into_iter().take(MAX_ODD) {
            out.odd.push(format!("{}: the compiler saw another file, its recorded checksum differs", path.shown().cut_start(120)));
        }
        if more > 0 {
            out.odd.push(format!("{more} more files have another checksum than the compiler recorded"));
        }
        out.odd.extend(beyond_the_end(code.named, &swept.parts));
        if swept.twice > 0 {
            out.odd.push(format!("{} bytes of code are claimed more than once (folded functions, or lines that lie)", swept.twice));
        }
        out.odd.extend(table.cut.clone());
    }
    out
}

/// Lines that the files do not have: the debug information lies, or was made from other files.
fn beyond_the_end(named: &Named, parts: &[Part]) -> Vec<String> {
    let mut last: BTreeMap<&Untrusted, (u32, u32)> = BTreeMap::new();
    for part in parts {
        let Some(file) = named.files.get(part.file as usize) else { continue };
        if let Some(lines) = file.lines.filter(|lines| part.lines.1 > *lines) {
            let known = last.entry(&file.path).or_default();
            *known = (*known).max((part.lines.1, lines));
        }
    }
    last.into_iter().take(MAX_ODD).map(|(path, (line, lines))| beyond(line, path, lines)).collect()
}

/// The share of a side without debug information, by that of the other, for functions that are the same.
fn borrowed(own: &Code<'_>, other: &Code<'_>, theirs: &Swept, same: &[(usize, usize)]) -> Option<CodeShare> {
    let ranges = code_ranges(own.exe);
    let mut out = CodeShare { total: length(&ranges), borrowed: true, ..CodeShare::default() };
    if ranges.is_empty() {
        return None;
    }
    let taken: BTreeSet<u32> = same.iter().filter_map(|(_, j)| u32::try_from(*j).ok()).collect();
    let parts: Vec<Part> = theirs.parts.iter().filter(|p| taken.contains(&p.function)).copied().collect();
    fill(&mut out, other.named, &parts);
    out.dark = out.total.saturating_sub(out.by_status.values().sum());
    let mut covered: Vec<(u64, u64)> = same.iter().filter_map(|(i, _)| own.functions.get(*i)).map(|f| (f.address, f.end())).collect();
    covered.sort_unstable();
    let mut gaps = Vec::new();
    let mut next = covered.into_iter().peekable();
    for (start, end) in ranges {
        let mut at = start;
        while let Some((from, to)) = next.next_if(|(from, _)| *from < end) {
            if from > at {
                gaps.push((at, from));
            }
            at = at.max(to);
        }
        if at < end {
            gaps.push((at, end));
        }
    }
    let (padding, pieces) = without_padding(own, &gaps);
    (out.padding, out.dark) = (padding, out.dark.saturating_sub(padding));
    dark(&mut out, own, pieces);
    Some(out)
}

/// Files with their bytes and functions.
fn fill(out: &mut CodeShare, named: &Named, parts: &[Part]) {
    let mut files: BTreeMap<(&Untrusted, SourceStatus), (u64, usize, &Claimed)> = BTreeMap::new();
    for file in &named.files {
        files.entry((&file.path, file.status)).or_insert((0, 0, file));
    }
    for part in parts {
        let Some(file) = named.files.get(part.file as usize) else { continue };
        let Some(slot) = files.get_mut(&(&file.path, file.status)) else { continue };
        slot.0 += part.bytes;
        slot.1 += usize::from(part.function != NO_FUNCTION);
        *out.by_status.entry(file.status).or_default() += part.bytes;
    }
    let mut list: Vec<SourceFile> = files
        .into_iter()
        .map(|((path, status), (bytes, functions, file))| SourceFile {
            path: path.clone(),
            status,
            bytes,
            functions,
            note: file.tie.clone(),
        })
        .collect();
    // What is to be looked at first: another file than in the source, then the largest.
    list.sort_by_key(|f| (f.status != SourceStatus::ChecksumDiffers, std::cmp::Reverse(f.bytes)));
    out.files_left_out = list.len().saturating_sub(MAX_FILES);
    list.truncate(MAX_FILES);
    out.files = list;
}

/// Splits sorted pieces of code at the bounds of functions, and takes out what lies between those and does nothing: its bytes,
/// and the pieces that are left.
fn without_padding(code: &Code<'_>, pieces: &[(u64, u64)]) -> (u64, Vec<(u64, u64)>) {
    let (mut padding, mut out) = (0, Vec::new());
    let mut gap = |from: u64, to: u64, out: &mut Vec<(u64, u64)>| {
        let size = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        if size > 0 && code.exe.bytes_at(from).get(..size).is_some_and(|bytes| asm::is_padding_code(code.exe, bytes)) {
            padding += to - from;
        } else if size > 0 {
            out.push((from, to));
        }
    };
    for (start, end) in pieces {
        let first = code.functions.partition_point(|f| f.end() <= *start);
        let mut at = *start;
        for f in code.functions.iter().skip(first).take_while(|f| f.address < *end) {
            gap(at, f.address.max(at), &mut out);
            let (from, to) = (f.address.max(at), f.end().min(*end));
            if from < to {
                out.push((from, to));
            }
            at = to.max(at);
        }
        gap(at, *end, &mut out);
    }
    // Pieces that only a bound of a function parts are one again.
    let mut whole: Vec<(u64, u64)> = Vec::new();
    for (start, end) in out {
        match whole.last_mut().filter(|last| last.1 == start) {
            Some(last) => last.1 = end,
            None => whole.push((start, end)),
        }
    }
    (padding, whole)
}

/// The largest pieces without debug information.
fn dark(out: &mut CodeShare, code: &Code<'_>, mut pieces: Vec<(u64, u64)>) {
    pieces.sort_by_key(|(start, end)| (std::cmp::Reverse(end - start), *start));
    out.dark_left_out = pieces.len().saturating_sub(MAX_DARK);
    pieces.truncate(MAX_DARK);
    let name = |address: u64| {
        let function = code.functions.partition_point(|f| f.address <= address).checked_sub(1).and_then(|i| code.functions.get(i));
        let named = function.filter(|f| address < f.end()).and_then(|f| f.name.as_deref());
        let section = || code.exe.section_at(address).map(|s| Untrusted::from(s.name.as_slice())).unwrap_or_default();
        named.map_or_else(section, |name| display_name(name).into())
    };
    out.dark_code = pieces.into_iter().map(|(start, end)| DarkCode { name: name(start), address: start, size: end - start }).collect();
}
