//! A pair of executables: regions, functions, causes, facts, and what to say first.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use super::account::{add, own_result, prove, raw};
use super::blocks::Blocks;
use super::date_place::Home;
use super::elf::describes;
use super::evidence_elf::ElfEvidence;
use super::image::{Image, Images, MAX_REBOUND};
use super::paths::Named;
use super::source::Origin;
use super::walk::{Walk, causes, explain_dates};
use super::{
    DebugFile, code, coverage, dates, derived, dwarf, elf, layout, macho, matching, objects, observed, pe, pe_fields, pieces, spread_sides,
    steady, strays, strip,
};
use crate::inspect::blob::{Blob, same};
use crate::inspect::budget::Refused;
use crate::inspect::debug::{self, Lines};
use crate::inspect::exe::{Exe, Format, Region};
use crate::inspect::{self, facts, symbols};
use crate::model::{Account, BuiltFrom, Cause, Extent, Fact, FunctionDiff, Node, NodeKind, RegionDiff, ResultMark, Side, Sides, Tried};
use crate::text::Untrusted;

/// What each executable costs at least, in bytes of debug sections: it may carry packed symbols in itself.
const EMBEDDED: u64 = 64 << 10;

/// A pair of regions of the same name, or one alone.
pub(super) struct RegionPair {
    pub(super) regions: Sides<Option<usize>>,
    pub(super) account: Sides<Account>,
}

/// Compares two executables of one format into `node`.
pub(super) fn compare(walk: &mut Walk<'_>, node: &mut Node, a: &Blob, b: &Blob) -> Result<(), Refused> {
    let mut parsed = Sides::new(Exe::parse(node.kind, a)?, Exe::parse(node.kind, b)?);
    if let Err(why) = objects::link(&mut parsed) {
        let why = format!("{why}: the object is compared section by section");
        node.tried.push(Tried { cause: Cause::AddressShift, why });
    }
    check(walk.context.cancelled)?;
    for (side, exe) in [("shipped", &parsed.shipped), ("rebuilt", &parsed.rebuilt)] {
        for odd in exe.odd.iter().take(20) {
            node.metadata.push(format!("{side}: {odd}"));
        }
    }
    let mut origin = Origin { map: walk.source_map(), ..Origin::default() };
    let cancelled = walk.context.cancelled;
    let held = walk.debug_images();
    let debug_images: &[debug::Image] = &held;
    let mut extra = Sides::new(Vec::new(), Vec::new());
    let share = walk.context.share;
    let debug_files = walk.context.debug;
    let left = walk.debug_left / 2;
    let loaded = spread_sides(share, |side| debug_of(parsed.get(side), debug_images, debug_files, left, cancelled));
    let loaded = loaded.ok_or_else(given_up)?;
    for (side, (lines, symbols)) in [(Side::Shipped, loaded.shipped), (Side::Rebuilt, loaded.rebuilt)] {
        *origin.lines.get_mut(side) = lines;
        *extra.get_mut(side) = symbols;
        walk.debug_left = walk.debug_left.saturating_sub(origin.lines.get(side).as_ref().map_or(0, |l| l.size).max(EMBEDDED));
    }
    if walk.debug_left == 0 {
        let why = format!("the debug information of all files together is over the bound of {} bytes: no lines", super::walk::MAX_DEBUG);
        node.tried.push(Tried { cause: Cause::LineShift, why });
    }
    check(cancelled)?;
    let producers = origin.lines.as_ref().map(|l| l.as_ref().map(|l| l.producers().into_iter().collect::<Vec<_>>().join(b"; ".as_slice())));
    node.facts = match parsed.shipped.format {
        Format::Pe => inspect::pe::facts::facts(parsed.as_ref(), producers),
        Format::MachO => inspect::macho::facts::facts(parsed.as_ref(), producers),
        Format::Elf => facts::facts(parsed.as_ref(), producers),
    };
    check(cancelled)?;
    let once = parsed.map(|elf| Mutex::new(Some(elf)));
    let extra = extra.map(Mutex::new);
    let images = spread_sides(share, |side| {
        let elf = once.get(side).lock().ok()?.take()?;
        let symbols = extra.get(side).lock().map(|mut s| std::mem::take(&mut *s)).unwrap_or_default();
        Image::new(elf, symbols, cancelled)
    });
    let Some(Sides { shipped: Some(shipped), rebuilt: Some(rebuilt) }) = images else { return Err(given_up()) };
    let mut sides = Sides::new(shipped, rebuilt);
    check(cancelled)?;
    sides.shipped.borrow_bounds(&sides.rebuilt);
    sides.rebuilt.borrow_bounds(&sides.shipped);
    check(cancelled)?;
    let pairs = matching::pair(&sides.shipped, &sides.rebuilt, cancelled, share).ok_or_else(given_up)?;
    let mut images = Images::new(sides, pairs, cancelled).ok_or_else(given_up)?;
    compiled_files(node, &mut images, &origin, cancelled).ok_or_else(given_up)?;
    let images = Arc::new(images);
    for (side, image) in [("shipped", &images.sides.shipped), ("rebuilt", &images.sides.rebuilt)] {
        if let Some(at) = objects::unbacked(image) {
            node.metadata.push(format!("{side}: code at {at:#x} refers to another section without a relocation"));
        }
    }
    let (rebound, first) = images.rebound();
    if rebound <= MAX_REBOUND {
        node.metadata.extend(first);
    } else {
        let first = first.first().map_or("", String::as_str);
        node.metadata.push(format!("the loader fills {rebound} places with something else; first: {first}"));
    }
    if let Some(name) = images.named_twice().filter(|_| !images.is_still()) {
        let shown = Untrusted::from(name).shown().cut(60);
        node.metadata.push(format!("two sections are named {shown}, and something moved: which of them a reference means is not known"));
    }
    if !images.is_still()
        && images.sides.as_ref().map(|i| i.elf.kind != 1 && inspect::dynamic::is_unread(&i.elf)) != Sides::new(false, false)
    {
        node.metadata
            .push("something moved, and there are relocations that no loader reads, or in a form that is not read here".to_owned());
    }
    check(cancelled)?;
    let starts = images.sides.as_ref().map(|image| image.functions.iter().map(|f| f.address).collect::<Vec<_>>());
    let Some(tables) = origin.learn(&starts, cancelled, share) else { return Err(given_up()) };
    let Some(found) = code::compare(&images, &origin, cancelled, share) else { return Err(given_up()) };
    // What leads to the same place from the same place is the same bytes: these lead to another slot or stub of one import.
    if images.is_still()
        && !images.is_turned()
        && found.explained.iter().any(|(cause, all)| *cause == Cause::AddressShift && !all.is_empty())
    {
        node.metadata.push("nothing moved, and an operand of code changed all the same: who reads it reads another number".to_owned());
    }
    node.functions = found.functions;
    node.same_functions = found.same;
    if origin.map.is_some() {
        let side = |side: Side| {
            let image = images.sides.get(side);
            let (table, named) = (tables.get(side).as_ref(), origin.named.get(side));
            coverage::Code { exe: &image.elf, functions: &image.functions, table, named }
        };
        let both = Sides::new(side(Side::Shipped), side(Side::Rebuilt));
        node.built_from = Some(Arc::new(coverage::of_pair(&both, &images, &node.functions)));
    }
    drop(tables);
    check(cancelled)?;
    let mut regions = pair_regions(&images, &found.sections);
    check(cancelled)?;
    pieces::explain(node, &images, &mut regions);
    explain_strings(node, &images, &mut regions, &walk.tries);
    for (cause, sections) in found.explained {
        for (spans, values) in sections {
            prove(&mut node.proofs, cause, spans, Sides::new(values.0.as_str(), values.1.as_str()));
        }
    }
    build_paths(node, &images, &regions);
    check(cancelled)?;
    match images.sides.shipped.elf.format {
        Format::Elf => {
            steady::explain_tables(node, &images, &mut regions, &found.tables);
            let mut loose = found.loose;
            loose.extend(steady::headers(&images));
            loose.extend(strays::find(&images, &regions, &found.inner, cancelled).ok_or_else(given_up)?);
            loose.extend(derived::explain(node, &images, &mut regions, cancelled).ok_or_else(given_up)?);
            layout::explain_loaded(node, &images, &mut regions);
            node.metadata.extend(observed::around(&images, share));
            let settled = steady::settle(node, &images, &mut regions, &loose);
            check(cancelled)?;
            elf::build_id(node, &images, &mut regions);
            elf::producer(node, &images, &mut regions);
            elf::debug_link(node, &images, &mut regions, debug_images);
            elf::alt_link(node, &images, &mut regions);
            dwarf::explain(node, &images, &mut regions, cancelled, share);
            objects::explain(node, &images, &mut regions);
            strip::explain(node, &images, &mut regions, debug_images);
            layout::explain_headers(node, &images, &mut regions);
            if !settled {
                // What stood against it may have been explained since.
                steady::settle(node, &images, &mut regions, &loose);
            }
        }
        Format::Pe => {
            node.metadata.extend(pe_fields::texts(&images, &node.proofs));
            pe::explain(node, &images, &mut regions);
            node.metadata.extend(observed::mapped(&images, &regions));
            node.metadata.extend(pe_fields::mapped(&images, &regions));
            dwarf::explain(node, &images, &mut regions, cancelled, share);
        }
        Format::MachO => macho::explain(node, &images, &mut regions),
    }
    if images.sides.shipped.elf.format != Format::Elf && !images.is_still() {
        let what = "something stands at another place, and unchanged references are followed in ELF files only";
        node.metadata.push(what.to_owned());
    }
    for pair in &regions {
        add(&mut node.account, &pair.account);
    }
    node.regions = regions.iter().map(|r| region_diff(&images, r)).collect();
    node.result = own_result(node);
    // Whatever the account of its section says: nothing but its function says what a byte of code is.
    let differing = node.functions.iter().filter(|f| !f.result.is_equal()).count();
    if node.result.is_equal() && differing > 0 {
        node.metadata.push(format!("{differing} functions differ, and the bytes of their sections are accounted for otherwise"));
        node.result = own_result(node);
    }
    node.why = why(node);
    let debug_bytes: u64 = [&origin.lines.shipped, &origin.lines.rebuilt].iter().filter_map(|l| l.as_ref().map(|l| l.size)).sum();
    let evidence = ElfEvidence::new(images, found.pairs, origin, node.regions.clone());
    node.evidence =
        Some(if walk.room(node, (a.len() + b.len()) as u64 + debug_bytes) { Arc::new(evidence) } else { Arc::new(evidence.freeze()) });
    Ok(())
}

/// The debug information that describes a file, its own or that of the files at hand, and the symbols of the latter.
fn debug_of(
    elf: &Exe,
    images: &[debug::Image],
    files: &[DebugFile],
    left: u64,
    cancelled: &dyn Fn() -> bool,
) -> (Option<Lines>, Vec<symbols::Symbol>) {
    let own = Lines::load(elf, images, left);
    let separate = images.iter().find(|d| describes(&d.elf, elf));
    let lines = own.or_else(|| separate.and_then(|d| Lines::load(&d.elf, images, left)));
    let mut symbols = separate.map(|d| symbols::symbols(&d.elf, false)).unwrap_or_default();
    symbols.extend(debug::embedded(elf, left, cancelled).into_iter().flat_map(|inner| symbols::symbols(&inner, false)));
    match pe::find_pdb(files, elf) {
        Some(pdb) => {
            let symbols = pdb.symbols();
            (lines.or_else(|| Some(Lines::of_pdb(pdb))), symbols)
        }
        None => (lines, symbols),
    }
}

/// What a file that is identical on both sides was built from; nothing without a source tree.
pub(super) fn built_from(walk: &mut Walk<'_>, kind: NodeKind, blob: &Blob) -> Option<Arc<BuiltFrom>> {
    walk.context.source?;
    let cancelled = walk.context.cancelled;
    let exe = Exe::parse(kind, &blob.compact()).ok()?;
    let images = walk.debug_images();
    let (lines, more) = debug_of(&exe, &images, walk.context.debug, walk.debug_left, cancelled);
    walk.debug_left = walk.debug_left.saturating_sub(lines.as_ref().map_or(0, |l| l.size).max(EMBEDDED));
    let (mut functions, mut table, mut named) = (Vec::new(), None, Named::default());
    if let Some(lines) = lines {
        let mut all = symbols::symbols(&exe, true);
        all.extend(more);
        functions = symbols::functions(&exe, &all);
        let starts: Vec<u64> = functions.iter().map(|f| f.address).collect();
        let rows = lines.table(&starts, cancelled)?;
        named = walk.source_map()?.resolve(&rows.files, cancelled)?;
        table = Some(rows);
    }
    let code = coverage::Code { exe: &exe, functions: &functions, table: table.as_ref(), named: &named };
    Some(Arc::new(coverage::of_one(&code)))
}

/// What was begun is not examined once the comparison is given up.
fn check(cancelled: &dyn Fn() -> bool) -> Result<(), Refused> {
    if cancelled() { Err(given_up()) } else { Ok(()) }
}

fn given_up() -> Refused {
    Refused::Over("cancelled".to_owned())
}

/// Pairs regions by name and occurrence; the account of code sections comes from their functions.
fn pair_regions(images: &Images, code: &BTreeMap<(usize, usize), Sides<Account>>) -> Vec<RegionPair> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let mut known: BTreeMap<&[u8], std::collections::VecDeque<usize>> = BTreeMap::new();
    for (j, region) in b.regions.iter().enumerate() {
        known.entry(&region.name).or_default().push_back(j);
    }
    let mut out = Vec::new();
    let mut last = 0;
    for (i, x) in a.regions.iter().enumerate() {
        let j = known.get_mut(x.name.as_slice()).and_then(std::collections::VecDeque::pop_front);
        let Some((j, y)) = j.and_then(|j| Some((j, b.regions.get(j)?))) else {
            let account = Sides::new(Account::all_unexplained(x.range.len() as u64), Account::default());
            out.push(RegionPair { regions: Sides::new(Some(i), None), account });
            continue;
        };
        let (old, new) = (bytes(a, x), bytes(b, y));
        let mut account = raw(old, new);
        if let (Some(m), Some(n)) = (x.section, y.section)
            && let Some(fine) = code.get(&(m, n))
            && fine.shipped.total() == old.len() as u64
            && fine.rebuilt.total() == new.len() as u64
        {
            account = fine.clone();
        }
        if let Some(blocks) = blocks_of(images, x, y)
            && (old.len(), new.len()) == blocks.sizes()
        {
            account = blocks.account(old, new).0;
        }
        if j < last {
            // At another place in the file: equal bytes do not make it the same.
            account = Sides::new(old, new).map(|s| Account::all_unexplained(s.len() as u64));
        }
        last = last.max(j);
        out.push(RegionPair { regions: Sides::new(Some(i), Some(j)), account });
    }
    for j in known.into_values().flatten() {
        let size = b.regions.get(j).map_or(0, |r| r.range.len() as u64);
        let account = Sides::new(Account::default(), Account::all_unexplained(size));
        out.push(RegionPair { regions: Sides::new(None, Some(j)), account });
    }
    out
}

/// How the content of two regions stands side by side, when they are data sections that were put so. Code, and what is not loaded,
/// may have the name of such a section.
fn blocks_of<'i>(images: &'i Images, x: &Region, y: &Region) -> Option<&'i Blocks> {
    let own = x.section.zip(y.section)?;
    images.blocks.get(&x.name).filter(|b| (b.sections.shipped, b.sections.rebuilt) == own)
}

pub(super) fn bytes<'a>(elf: &'a Exe, region: &Region) -> &'a [u8] {
    elf.blob.get(region.range.clone()).unwrap_or_default()
}

pub(super) fn both<'a>(images: &'a Images, pair: &RegionPair) -> Option<(&'a Region, &'a Region)> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    Some((a.regions.get(pair.regions.shipped?)?, b.regions.get(pair.regions.rebuilt?)?))
}

/// Leaves texts that name another build folder unexplained where the debug information of their side does not name the file:
/// only of what was compiled is it known that its path tells where, and is not what the program opens.
fn compiled_files(node: &mut Node, images: &mut Images, origin: &Origin, cancelled: &dyn Fn() -> bool) -> Option<()> {
    if images.blocks.values().all(|b| b.path.is_none()) {
        return Some(());
    }
    let files = |side: Side| -> Option<HashSet<Vec<u8>>> {
        let Some(lines) = origin.lines.get(side) else { return Some(HashSet::new()) };
        Some(lines.files(cancelled)?.into_iter().map(|f| plain_path(&f.path)).collect())
    };
    let known = Sides::new(files(Side::Shipped)?, files(Side::Rebuilt)?);
    let named =
        |paths: Sides<&[u8]>| known.shipped.contains(&plain_path(paths.shipped)) && known.rebuilt.contains(&plain_path(paths.rebuilt));
    let Images { sides, blocks, .. } = images;
    for blocks in blocks.values_mut() {
        let own = blocks.sections;
        let left = blocks.withhold(content(&sides.shipped.elf, own.shipped), content(&sides.rebuilt.elf, own.rebuilt), named);
        for path in left.iter().take(20) {
            let shown = Untrusted::from(path.as_slice()).shown().cut_start(80);
            let why = format!(
                "the debug information of both sides does not name {shown} as a file that was compiled: it may be what the code opens"
            );
            node.tried.push(Tried { cause: Cause::BuildPath, why });
        }
    }
    Some(())
}

fn content(exe: &Exe, section: usize) -> &[u8] {
    exe.sections.get(section).map(|s| exe.data(s)).unwrap_or_default()
}

/// A path with slashes, without components that mean nothing.
fn plain_path(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|b| matches!(b, b'/' | b'\\')).enumerate();
    parts.filter(|(i, p)| *i == 0 || !p.is_empty() && *p != b".").map(|(_, p)| p).collect::<Vec<_>>().join(&b'/')
}

/// The proofs of texts that name another build folder.
fn build_paths(node: &mut Node, images: &Images, regions: &[RegionPair]) {
    for pair in regions {
        let Some((x, y)) = both(images, pair) else { continue };
        let explained = pair.account.shipped.explained.contains_key(&Cause::BuildPath);
        let Some(blocks) = blocks_of(images, x, y).filter(|_| explained) else { continue };
        let Some(path) = &blocks.path else { continue };
        let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
        let values = path.0.as_ref().map(|p| String::from_utf8_lossy(p).into_owned());
        for range in blocks.account(bytes(a, x), bytes(b, y)).1 {
            let at = |base: usize, r: &std::ops::Range<usize>| (base + r.start) as u64..(base + r.end) as u64;
            let spans = Sides::new(at(x.range.start, &range.shipped), at(y.range.start, &range.rebuilt));
            prove(&mut node.proofs, Cause::BuildPath, spans, values.as_ref().map(String::as_str));
        }
    }
}

/// Dates as text in data.
fn explain_strings(node: &mut Node, images: &Images, regions: &mut [RegionPair], tries: &dates::Tries) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for pair in regions {
        let Some((x, y)) = both(images, pair) else { continue };
        let data = x.section.and_then(|i| a.sections.get(i)).is_some_and(|s| s.kind == 1 && !s.is_code()) && !is_obeyed(a, x);
        let (old, new) = (bytes(a, x), bytes(b, y));
        // Pieces that moved are compared with their counterparts.
        let laid_out = images.permuted.contains_key(&x.name);
        if !data || laid_out || same(old, new) || old.len() != new.len() || x.range.start != y.range.start {
            continue;
        }
        let found = dates::changes(old, new, Home::Data, tries);
        let mut part = Node::new(Untrusted::default(), node.kind, ResultMark::Identical);
        part.account = pair.account.clone();
        explain_dates(&mut part, old, new, x.range.start, &found);
        pair.account = part.account;
        node.proofs.append(&mut part.proofs);
    }
}

/// Whether what stands in a region is for the system and not for the program: what loads it, and the settings and names of macOS.
fn is_obeyed(exe: &Exe, region: &Region) -> bool {
    const SETTINGS: [&[u8]; 4] = [b"__TEXT,__info_plist", b"__TEXT,__launchd_plist", b"__TEXT,__entitlements", b"__TEXT,__ents_der"];
    let range = region.range.start as u64..region.range.end as u64;
    let interpreters = exe.segments.iter().filter(|s| exe.format == Format::Elf && s.kind == 3);
    let loads = interpreters.map(|s| s.offset..s.offset.saturating_add(s.size)).any(|s| s.start < range.end && range.start < s.end);
    let name = region.name.as_slice();
    let names = name.split(|b| *b == b',').nth(1).is_some_and(|n| n.starts_with(b"__objc_") || n.starts_with(b"__swift"));
    loads || exe.format == Format::MachO && (names || SETTINGS.contains(&name))
}

fn region_diff(images: &Images, pair: &RegionPair) -> RegionDiff {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let x = pair.regions.shipped.and_then(|i| a.regions.get(i));
    let y = pair.regions.rebuilt.and_then(|j| b.regions.get(j));
    let extent = |r: &Region| Extent { address: r.address, size: r.range.len() as u64, offset: r.range.start as u64 };
    let worst = |f: fn(&Account) -> u64| f(&pair.account.shipped) + f(&pair.account.rebuilt) > 0;
    let result = match (x, y) {
        (Some(_), None) if worst(|a| a.unexplained) => ResultMark::OnlyShipped,
        (None, Some(_)) if worst(|a| a.unexplained) => ResultMark::OnlyRebuilt,
        _ if worst(|a| a.unexplained) => ResultMark::Different,
        _ if worst(Account::explained_total) => ResultMark::Equivalent,
        _ => ResultMark::Identical,
    };
    RegionDiff {
        name: x.or(y).map(|r| Untrusted::from(r.name.as_slice())).unwrap_or_default(),
        result,
        extent: Sides::new(x.map(extent), y.map(extent)),
        account: pair.account.clone(),
        loaded: [x, y].into_iter().flatten().any(|r| r.allocated || r.section.is_none()),
    }
}

/// The sentence to read first.
fn why(node: &Node) -> String {
    if node.result == ResultMark::Equivalent {
        return causes(node);
    }
    let real: Vec<&FunctionDiff> = node.functions.iter().filter(|f| f.result != ResultMark::Equivalent).collect();
    let total = node.same_functions + node.functions.len();
    let mut parts: Vec<String> = node.metadata.iter().filter(|m| m.starts_with("alarm")).cloned().collect();
    let told = |holds: &dyn Fn(&Fact) -> bool| -> Vec<String> {
        let all = node.facts.iter().filter(|f| holds(f)).map(|f| (f, f.differing()));
        all.map(|(f, d)| format!("{} {} against {}", f.name, d.shipped, d.rebuilt)).collect()
    };
    let toolchain = told(&Fact::points_at_toolchain);
    let loading = told(&Fact::points_at_loading);
    let lost = told(&|f| f.lost);
    match real.as_slice() {
        [] => {
            let names: BTreeSet<String> =
                node.regions.iter().filter(|r| r.result > ResultMark::Equivalent).map(|r| r.name.shown().to_string()).collect();
            let shown: Vec<String> = names.iter().take(6).cloned().collect();
            let more = names.len().saturating_sub(6);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            if let Some(first) = node.metadata.iter().find(|m| !m.starts_with("alarm")) {
                parts.push(first.clone());
            }
            let verb = if names.len() == 1 { "differs" } else { "differ" };
            parts.push(format!("no function differs; {}{more} {verb}", shown.join(", ")));
        }
        [one] => parts.push(format!("one function of {total} differs: {}, {}", one.name.shown().cut(60), one.what)),
        several => parts.push(format!("{} of {total} functions differ", several.len())),
    }
    if !lost.is_empty() {
        parts.push(format!("hardening lost in what was shipped: {}", lost.join(", ")));
    }
    if !loading.is_empty() {
        parts.push(format!("it is loaded otherwise: {}", loading.join(", ")));
    }
    if !toolchain.is_empty() {
        parts.push(format!("{}: look at the toolchain first", toolchain.join(", ")));
    }
    parts.join("; ")
}
