//! Views of a whole executable and of the bytes of a function.

use std::collections::{BTreeMap, HashMap};

use super::super::asm::{self, Formatter, Insn};
use super::super::evidence::find_strings;
use super::super::image::Images;
use super::super::lines::{self, mark_of};
use crate::inspect::exe::{Segment, flags_text};
use crate::inspect::symbols::Function;
use crate::model::{Account, LineMark, Listing, ListingRow, RegionDiff, Side, SideCell, Sides};
use crate::text::{Role, Row, Shown, Untrusted};

/// Code that is decoded to find out which functions refer to a text, in bytes.
const MAX_CODE: u64 = 16 << 20;
/// Functions that are named beside a text.
const MAX_NAMES: usize = 3;
/// Equal rows shown around a difference.
const CONTEXT: usize = 3;

/// Every region with its account, then the program headers: what the loader uses, whatever the sections say.
pub(super) fn sections(images: &Images, regions: &[RegionDiff]) -> Listing {
    let mut rows: Vec<ListingRow> = regions.iter().map(region).collect();
    let (a, b) = (&images.sides.shipped.elf.segments, &images.sides.rebuilt.elf.segments);
    if !a.is_empty() || !b.is_empty() {
        rows.push(lines::elided("program headers"));
        let most = a.len().max(b.len());
        rows.extend((0..most).map(|i| segment(Sides::new(a.get(i), b.get(i)))));
    }
    let cut = (rows.len() > lines::MAX_ROWS).then(|| format!("rows beyond the first {} are left out", lines::MAX_ROWS));
    rows.truncate(lines::MAX_ROWS);
    Listing { rows, cut }
}

fn region(r: &RegionDiff) -> ListingRow {
    let cell = |side: Side| {
        let extent = (*r.extent.get(side))?;
        let mut text = Row::new().untrusted(Role::Claim, &r.name);
        text.push(Role::Dim, Shown::new(&format!(" {} bytes at {:#x}", extent.size, extent.address)));
        account_text(r.account.get(side), &mut text);
        Some(SideCell { number: extent.offset, bytes: Vec::new(), text })
    };
    let cells = Sides::new(cell(Side::Shipped), cell(Side::Rebuilt));
    let unexplained = r.account.shipped.unexplained + r.account.rebuilt.unexplained;
    let explained = r.account.shipped.explained_total() + r.account.rebuilt.explained_total();
    let mut mark = mark_of(&Sides::new(cells.shipped.is_some(), cells.rebuilt.is_some()), unexplained == 0);
    if mark == LineMark::Same && explained > 0 {
        mark = LineMark::Explained;
    }
    ListingRow { mark, cells, source: None, note: None }
}

fn account_text(account: &Account, row: &mut Row) {
    if account.unexplained > 0 {
        row.push(Role::Bad, Shown::new(&format!(" {} unexplained", account.unexplained)));
    }
    for (cause, n) in &account.explained {
        row.push(Role::Explained, Shown::new(&format!(" {n} {cause}")));
    }
}

/// The account of the bytes of program headers is in their region: this row only reads them out.
fn segment(pair: Sides<Option<&Segment>>) -> ListingRow {
    let equal = pair.shipped == pair.rebuilt;
    let cell = |s: &Segment, role| {
        let word = match s.kind {
            1 => "LOAD".to_owned(),
            2 => "DYNAMIC".to_owned(),
            3 => "INTERP".to_owned(),
            4 => "NOTE".to_owned(),
            6 => "PHDR".to_owned(),
            7 => "TLS".to_owned(),
            0x6474_e550 => "GNU_EH_FRAME".to_owned(),
            0x6474_e551 => "GNU_STACK".to_owned(),
            0x6474_e552 => "GNU_RELRO".to_owned(),
            0x6474_e553 => "GNU_PROPERTY".to_owned(),
            other => format!("{other:#x}"),
        };
        let text = format!("{word} {} {} bytes at {:#x}", flags_text(s.flags), s.size, s.address);
        SideCell { number: s.offset, bytes: Vec::new(), text: Row::new().with(if equal { Role::Text } else { role }, &text) }
    };
    let mark = mark_of(&Sides::new(pair.shipped.is_some(), pair.rebuilt.is_some()), equal);
    let cells = Sides::new(pair.shipped.map(|s| cell(s, Role::Shipped)), pair.rebuilt.map(|s| cell(s, Role::Rebuilt)));
    ListingRow { mark, cells, source: None, note: None }
}

/// Strings that a region has more often on one side, with the differing functions that refer to them.
pub(super) fn strings(images: &Images, regions: &[RegionDiff], pairs: &[Sides<Option<Function>>]) -> Listing {
    let users = Sides::new(references(images, Side::Shipped, pairs), references(images, Side::Rebuilt, pairs));
    let mut out = Listing::default();
    for region in regions {
        let part = |side: Side| {
            let Some(e) = region.extent.get(side) else { return &[][..] };
            let from = usize::try_from(e.offset).unwrap_or(usize::MAX);
            images.sides.get(side).elf.blob.get(from..from.saturating_add(usize::try_from(e.size).unwrap_or(0))).unwrap_or_default()
        };
        if part(Side::Shipped) == part(Side::Rebuilt) {
            continue;
        }
        let found = Sides::new(find_strings(part(Side::Shipped)), find_strings(part(Side::Rebuilt)));
        let mut balance: HashMap<&[u8], i64> = HashMap::new();
        found.shipped.iter().for_each(|(_, s)| *balance.entry(s).or_default() += 1);
        found.rebuilt.iter().for_each(|(_, s)| *balance.entry(s).or_default() -= 1);
        let before = out.rows.len();
        for (side, sign, mark, role) in
            [(Side::Shipped, 1, LineMark::OnlyShipped, Role::Shipped), (Side::Rebuilt, -1, LineMark::OnlyRebuilt, Role::Rebuilt)]
        {
            for (at, string) in found.get(side) {
                let Some(left) = balance.get_mut(string).filter(|n| **n * sign > 0) else { continue };
                *left -= sign;
                if out.rows.len() >= lines::MAX_ROWS {
                    out.cut = Some(format!("more than {} strings", lines::MAX_ROWS));
                    return out;
                }
                if out.rows.len() == before {
                    out.rows.push(lines::elided(region.name.shown().as_str()));
                }
                let extent = region.extent.get(side);
                let base = extent.map_or(0, |e| if e.address > 0 { e.address } else { e.offset });
                let number = base.saturating_add(*at as u64);
                let mut text = Row::new();
                text.push(role, Shown::of_bytes(string));
                let cell = Some(SideCell { number, bytes: Vec::new(), text });
                let cells = if sign > 0 { Sides::new(cell, None) } else { Sides::new(None, cell) };
                let named = extent.filter(|e| e.address > 0).and_then(|_| names(users.get(side), number, string.len() as u64));
                out.rows.push(ListingRow { mark, cells, source: None, note: named });
            }
        }
    }
    out
}

/// The addresses that differing functions refer to, with the names of those functions.
fn references(images: &Images, side: Side, pairs: &[Sides<Option<Function>>]) -> BTreeMap<u64, Vec<String>> {
    let image = images.sides.get(side);
    let mut out: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut left = MAX_CODE;
    for f in pairs.iter().filter_map(|p| p.get(side).as_ref()) {
        let Some(rest) = left.checked_sub(f.size) else { break };
        left = rest;
        let name = images.label(side, f.address).map(|l| Untrusted::from(l).shown().cut(60).to_string());
        let name = name.unwrap_or_else(|| format!("{:#x}", f.address));
        for to in asm::decode(image, f).iter().flatten().filter_map(Insn::reference) {
            let names = out.entry(to).or_default();
            if names.len() <= MAX_NAMES && names.last() != Some(&name) {
                names.push(name.clone());
            }
        }
    }
    out
}

fn names(users: &BTreeMap<u64, Vec<String>>, from: u64, length: u64) -> Option<String> {
    let mut known: Vec<&str> = Vec::new();
    for name in users.range(from..from.saturating_add(length)).flat_map(|(_, names)| names) {
        if known.len() > MAX_NAMES {
            break;
        }
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
    }
    let more = if known.len() > MAX_NAMES { " and more" } else { "" };
    known.truncate(MAX_NAMES);
    (!known.is_empty()).then(|| format!("referred to by {}{more}", known.join(", ")))
}

/// The bytes of a pair of functions, a row for each instruction.
pub(super) fn bytes(images: &Images, pair: Sides<&Function>, code: &asm::Code) -> Option<Listing> {
    let mut writers = Sides::new(asm::formatter(&images.sides.shipped)?, asm::formatter(&images.sides.rebuilt)?);
    let all = Sides::new(images.sides.shipped.code(pair.shipped), images.sides.rebuilt.code(pair.rebuilt));
    let mut wanted = vec![false; code.rows.len()];
    for (i, _) in code.rows.iter().enumerate().filter(|(_, r)| r.mark != LineMark::Same) {
        wanted.iter_mut().take(i + CONTEXT + 1).skip(i.saturating_sub(CONTEXT)).for_each(|w| *w = true);
    }
    let mut out = Listing::default();
    let mut skipped = 0usize;
    for (row, wanted) in code.rows.iter().map(Some).chain([None]).zip(wanted.into_iter().chain([true])) {
        if wanted && skipped > 0 {
            out.rows.push(lines::elided(&format!("{skipped} equal rows")));
            skipped = 0;
        }
        let Some(row) = row else { break };
        if out.rows.len() >= lines::MAX_ROWS {
            out.cut = Some(format!("differing rows beyond the first {} are left out", lines::MAX_ROWS));
            break;
        }
        if !wanted {
            skipped += 1;
            continue;
        }
        let insn = |side: Side| row.sides.get(side).and_then(|i| code.sides.get(side).get(i));
        let (x, y) = (insn(Side::Shipped), insn(Side::Rebuilt));
        let (old, new) = (x.map(|i| i.bytes(all.shipped)).unwrap_or_default(), y.map(|i| i.bytes(all.rebuilt)).unwrap_or_default());
        let role = |role| if row.mark == LineMark::Explained { Role::Relocated } else { role };
        let cells = Sides::new(
            x.map(|i| cell(&mut writers.shipped, i, all.shipped, new, role(Role::Shipped))),
            y.map(|i| cell(&mut writers.rebuilt, i, all.rebuilt, old, role(Role::Rebuilt))),
        );
        out.rows.push(ListingRow { mark: row.mark, cells, source: None, note: None });
    }
    Some(out)
}

/// Hexadecimal with the bytes that differ from the other side in their role, then the name of the instruction.
fn cell(writer: &mut Formatter, insn: &Insn, code: &[u8], other: &[u8], role: Role) -> SideCell {
    let own = insn.bytes(code);
    let mut text = Row::new();
    let mut i = 0;
    for run in own.iter().enumerate().map(|(i, b)| (own.get(i) != other.get(i), b)).collect::<Vec<_>>().chunk_by(|x, y| x.0 == y.0) {
        let hex: String = run.iter().map(|(_, b)| format!("{b:02x} ")).collect();
        text.push(if run.first().is_some_and(|r| r.0) { role } else { Role::Text }, Shown::new(&hex));
        i += run.len();
    }
    let (before, _) = writer.text(insn, code);
    let name = before.split(' ').next().unwrap_or_default();
    text.push(Role::Dim, Shown::new(&format!("{:width$}{name}", "", width = 24usize.saturating_sub(i * 3))));
    SideCell { number: insn.ip(), bytes: own.to_vec(), text }
}
