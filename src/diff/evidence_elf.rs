//! Rows on demand for executables: instructions with symbols and source lines, sections, bytes, strings.

mod views;

use std::sync::Arc;

use super::Share;
use super::asm::{self, CodeRow, Formatter, Insn, Note};
use super::evidence::bytes;
use super::image::Images;
use super::line_number::Claim;
use super::lines::{self, words};
use super::source::{Finder, Origin};
use crate::digest::Sha256;
use crate::inspect::symbols::Function;
use crate::model::{Cause, Evidence, LineMark, Listing, ListingRow, Node, Place, RegionDiff, Side, SideCell, Sides, SourceLine, View};
use crate::text::{Role, Row, Shown, Untrusted};

/// Rows that are kept of files that are too large to keep themselves.
const FROZEN_ROWS: usize = 20_000;
/// Characters of a name in an operand.
const MAX_LABEL: usize = 120;
/// Cells of a name in a remark.
const MAX_NOTE: usize = 60;
/// Equal rows listed around a difference of a function with too many rows.
const CONTEXT: usize = 10;

/// Two executables.
pub(super) struct ElfEvidence {
    images: Arc<Images>,
    pairs: Vec<Sides<Option<Function>>>,
    origin: Origin,
    regions: Vec<RegionDiff>,
}

impl ElfEvidence {
    pub(super) fn new(images: Arc<Images>, pairs: Vec<Sides<Option<Function>>>, origin: Origin, regions: Vec<RegionDiff>) -> Self {
        Self { images, pairs, origin, regions }
    }

    /// The rows of the first functions and of the sections, without the files: for those that are too large to keep.
    pub(super) fn freeze(self) -> Frozen {
        let mut functions = Vec::new();
        let mut rows = 0;
        for index in 0..self.pairs.len() {
            if rows >= FROZEN_ROWS {
                break;
            }
            let listing = self.code(index);
            rows += listing.rows.len();
            functions.push(listing);
        }
        Frozen { functions, sections: self.sections() }
    }

    fn code(&self, index: usize) -> Listing {
        let Some(pair) = self.pairs.get(index) else { return Listing::default() };
        let finder = self.origin.open();
        let mut writer = Writer { images: &self.images, finder, pair };
        match (&pair.shipped, &pair.rebuilt) {
            (Some(x), Some(y)) => {
                let both = Sides::new(x, y);
                let code = asm::compare_with(&self.images, both, &|changed| {
                    let claim = Claim::read(&self.images, both, changed).filter(|c| c.holds(&writer.finder))?;
                    Some((Cause::LineShift, claim.text()))
                });
                match code {
                    Some(code) => writer.both(&code),
                    None => self.raw(index),
                }
            }
            (Some(f), None) => writer.one(Side::Shipped, f),
            (None, Some(f)) => writer.one(Side::Rebuilt, f),
            (None, None) => Listing::default(),
        }
    }

    fn raw(&self, index: usize) -> Listing {
        let Some(pair) = self.pairs.get(index) else { return Listing::default() };
        let code = |side: Side| pair.get(side).as_ref().map(|f| self.images.sides.get(side).code(f)).unwrap_or_default();
        let base = pair.as_ref().map(|f| f.as_ref().map_or(0, |f| f.address));
        bytes(code(Side::Shipped), code(Side::Rebuilt), base)
    }

    /// Differing bytes, region by region: bytes at the same place of a section are compared, wherever it moved.
    fn all_bytes(&self) -> Listing {
        let mut out = Listing::default();
        for region in &self.regions {
            let part = |side: Side| {
                let Some(e) = region.extent.get(side) else { return &[][..] };
                let from = usize::try_from(e.offset).unwrap_or(usize::MAX);
                let to = from.saturating_add(usize::try_from(e.size).unwrap_or(0));
                self.images.sides.get(side).elf.blob.get(from..to).unwrap_or_default()
            };
            let (old, new) = (part(Side::Shipped), part(Side::Rebuilt));
            if old == new {
                continue;
            }
            out.rows.push(lines::elided(&format!("{}", region.name.shown())));
            let base = region.extent.as_ref().map(|e| e.map_or(0, |e| e.offset));
            let listing = bytes(old, new, base);
            out.rows.extend(listing.rows);
            if out.rows.len() > lines::MAX_ROWS {
                out.rows.truncate(lines::MAX_ROWS);
                out.cut = Some(format!("differing rows beyond the first {} are left out", lines::MAX_ROWS));
                break;
            }
        }
        out
    }

    fn sections(&self) -> Listing {
        views::sections(&self.images, &self.regions)
    }

    /// The bytes of a function, instruction by instruction where they are known.
    fn hex(&self, index: usize) -> Listing {
        let both = self.pairs.get(index).and_then(|p| Some(Sides::new(p.shipped.as_ref()?, p.rebuilt.as_ref()?)));
        let rows = both.and_then(|pair| views::bytes(&self.images, pair, &asm::compare_with(&self.images, pair, &|_| None)?));
        rows.unwrap_or_else(|| self.raw(index))
    }
}

impl Evidence for ElfEvidence {
    fn views(&self) -> Vec<View> {
        let mut out = vec![View::Sections, View::Bytes, View::Strings];
        if !self.pairs.is_empty() && asm::is_known(&self.images.sides.shipped) {
            out.insert(0, View::Asm);
        }
        out
    }

    fn listing(&self, place: Place, view: View) -> Listing {
        match (view, place) {
            (View::Sections, _) => self.sections(),
            (View::Asm, Place::Function(i)) => self.code(i),
            (View::Asm, Place::Whole) => self.code(0),
            (View::Bytes | View::Lines, Place::Function(i)) => self.hex(i),
            (View::Strings, _) => views::strings(&self.images, &self.regions, &self.pairs),
            (View::Bytes | View::Lines, Place::Whole) => self.all_bytes(),
        }
    }

    fn likeness(&self, node: &Node, share: &Share<'_>) -> Option<Sha256> {
        super::likeness::of_executables(&self.images, &self.pairs, node, share)
    }
}

/// Rows that were made while the files were at hand.
pub(super) struct Frozen {
    functions: Vec<Listing>,
    sections: Listing,
}

impl Evidence for Frozen {
    fn views(&self) -> Vec<View> {
        if self.functions.is_empty() { vec![View::Sections] } else { vec![View::Asm, View::Sections] }
    }

    fn listing(&self, place: Place, view: View) -> Listing {
        let index = match (view, place) {
            (View::Asm, Place::Function(index)) => index,
            (View::Asm, Place::Whole) => 0,
            _ => return self.sections.clone(),
        };
        let cut = || Listing {
            rows: Vec::new(),
            cut: Some("the files are too large to keep; only the first functions can be listed".to_owned()),
        };
        self.functions.get(index).cloned().unwrap_or_else(cut)
    }
}

struct Writer<'a> {
    images: &'a Images,
    finder: Finder<'a>,
    pair: &'a Sides<Option<Function>>,
}

/// The text of an instruction around the address that it refers to.
struct Parts {
    before: String,
    operand: String,
    after: String,
}

impl Parts {
    fn whole(&self) -> String {
        [self.before.as_str(), &self.operand, &self.after].concat()
    }

    /// The operand alone is drawn as what it is: it moved, and nothing else did.
    fn relocated(&self) -> Row {
        let mut row = Row::new();
        for (text, role) in [(&self.before, Role::Text), (&self.operand, Role::Relocated), (&self.after, Role::Text)] {
            if !text.is_empty() {
                row.push(role, Shown::of_bytes(text.as_bytes()));
            }
        }
        row
    }
}

impl Writer<'_> {
    fn formatter(&self, side: Side) -> Option<Formatter> {
        asm::formatter(self.images.sides.get(side))
    }

    fn code(&self, side: Side) -> &[u8] {
        self.pair.get(side).as_ref().map(|f| self.images.sides.get(side).code(f)).unwrap_or_default()
    }

    fn parts(&self, formatter: &mut Formatter, side: Side, insn: &Insn) -> Parts {
        let (before, after) = formatter.text(insn, self.code(side));
        let own = self.pair.get(side).as_ref();
        let operand = insn.named().map(|to| {
            let inside = own.is_some_and(|f| to > f.address && to < f.end());
            let label = if inside { None } else { self.images.label(side, to) };
            label.map_or_else(|| format!("{to:#x}"), |l| l.chars().take(MAX_LABEL).collect())
        });
        Parts { before, operand: operand.unwrap_or_default(), after }
    }

    fn both(&mut self, code: &asm::Code) -> Listing {
        let (Some(mut old), Some(mut new)) = (self.formatter(Side::Shipped), self.formatter(Side::Rebuilt)) else {
            return Listing::default();
        };
        let shown = shown(code);
        let mut out = Listing::default();
        let mut skipped = 0;
        for (row, _) in code.rows.iter().zip(&shown).inspect(|(_, shown)| skipped += usize::from(!**shown)).filter(|(_, shown)| **shown) {
            out.rows.push(self.row(code, row, &mut old, &mut new));
        }
        if skipped > 0 {
            out.cut =
                Some(format!("{skipped} of {} rows are left out, differing ones last (bound {} rows)", code.rows.len(), lines::MAX_ROWS));
        }
        out
    }

    fn row(&self, code: &asm::Code, row: &CodeRow, old: &mut Formatter, new: &mut Formatter) -> ListingRow {
        let x = row.sides.shipped.and_then(|i| code.sides.shipped.get(i));
        let y = row.sides.rebuilt.and_then(|j| code.sides.rebuilt.get(j));
        let p = x.map(|i| self.parts(old, Side::Shipped, i));
        let q = y.map(|i| self.parts(new, Side::Rebuilt, i));
        let texts = match (&p, &q) {
            (Some(p), Some(q)) => texts(row.mark, p, q),
            _ => Sides::new(
                p.map(|p| one(&p.whole(), Role::Shipped)).unwrap_or_default(),
                q.map(|q| one(&q.whole(), Role::Rebuilt)).unwrap_or_default(),
            ),
        };
        let cells =
            Sides::new(x.map(|i| self.cell(Side::Shipped, i, texts.shipped)), y.map(|i| self.cell(Side::Rebuilt, i, texts.rebuilt)));
        let (source, other) = self.source(Sides::new(x, y).map(|i| i.map(Insn::ip)));
        let mut notes: Vec<String> = x.zip(y).and_then(|(x, y)| self.note(row, x, y)).into_iter().collect();
        notes.extend(other);
        let note = (!notes.is_empty()).then(|| Shown::new(&notes.join("; ")).to_string());
        ListingRow { mark: row.mark, cells, source, note }
    }

    /// The line of a row, by the debug information of the side that has some; and what the other side says, if that is another line.
    fn source(&self, addresses: Sides<Option<u64>>) -> (Option<SourceLine>, Option<String>) {
        let old = self.finder.line(Sides::new(addresses.shipped, None));
        let new = self.finder.line(Sides::new(None, addresses.rebuilt));
        match (old, new) {
            (Some((line, remark)), Some((other, _))) => {
                let same = (&line.file, line.line) == (&other.file, other.line);
                let more = (!same).then(|| format!("rebuilt from {}:{}", other.file.shown().cut(MAX_NOTE), other.line));
                (Some(line), more.or(remark))
            }
            (old, new) => old.or(new).map_or((None, None), |(line, remark)| (Some(line), remark)),
        }
    }

    /// What there is to say of a row: where its reference leads on both sides, or what changed.
    fn note(&self, row: &CodeRow, x: &Insn, y: &Insn) -> Option<String> {
        let (from, to) = (x.named().unwrap_or(0), y.named().unwrap_or(0));
        let name = |side, address| {
            let label = self.images.label(side, address).map(|l| Untrusted::from(l).shown().cut(MAX_NOTE).to_string());
            label.map_or_else(|| format!("{address:#x}"), |l| format!("{l} ({address:#x})"))
        };
        let both = || format!("{} and {}", name(Side::Shipped, from), name(Side::Rebuilt, to));
        Some(match &row.note {
            Note::None if row.mark != LineMark::Changed => return None,
            Note::None => {
                let pair = self.pair.shipped.as_ref().zip(self.pair.rebuilt.as_ref())?;
                asm::describe(self.images, Sides::new(pair.0, pair.1), x, y)
            }
            Note::SameRow => format!("refers to the same row, at {from:#x} and {to:#x}"),
            Note::Moved(word) => format!("moved, refers to the same {word}: {}", both()),
            Note::Page => format!("the page of the same place: {}", both()),
            Note::OtherRow => format!("same bytes, but the row it refers to is another one, at {from:#x} and {to:#x}"),
            Note::OtherPlace => format!("same bytes, but what it refers to is another one: {}", both()),
            Note::SameText => format!("the same text is there on both sides; how far it is read is not known: {}", both()),
            Note::Given(text) => text.clone(),
        })
    }

    fn one(&mut self, side: Side, f: &Function) -> Listing {
        let Some(insns) = asm::decode(self.images.sides.get(side), f) else { return Listing::default() };
        let Some(mut formatter) = self.formatter(side) else { return Listing::default() };
        let (mark, role) = match side {
            Side::Shipped => (LineMark::OnlyShipped, Role::Shipped),
            Side::Rebuilt => (LineMark::OnlyRebuilt, Role::Rebuilt),
        };
        let mut out = Listing::default();
        for insn in &insns {
            if out.rows.len() >= lines::MAX_ROWS {
                out.cut = Some(format!("{} rows are left out (bound {})", insns.len() - out.rows.len(), lines::MAX_ROWS));
                break;
            }
            let cell = Some(self.cell(side, insn, one(&self.parts(&mut formatter, side, insn).whole(), role)));
            let address = Some(insn.ip());
            let (cells, addresses) = match side {
                Side::Shipped => (Sides::new(cell, None), Sides::new(address, None)),
                Side::Rebuilt => (Sides::new(None, cell), Sides::new(None, address)),
            };
            let source = self.finder.line(addresses).map(|(line, _)| line);
            out.rows.push(ListingRow { mark, cells, source, note: None });
        }
        out
    }

    fn cell(&self, side: Side, insn: &Insn, text: Row) -> SideCell {
        SideCell { number: insn.ip(), bytes: insn.bytes(self.code(side)).to_vec(), text }
    }
}

/// Which rows are listed: all, or when they are too many those around differences.
fn shown(code: &asm::Code) -> Vec<bool> {
    let mut out = vec![code.rows.len() <= lines::MAX_ROWS; code.rows.len()];
    if code.rows.len() > lines::MAX_ROWS {
        for (i, _) in code.rows.iter().enumerate().filter(|(_, r)| r.mark.is_difference()) {
            out.iter_mut().take(i + CONTEXT + 1).skip(i.saturating_sub(CONTEXT)).for_each(|s| *s = true);
        }
        let mut left = lines::MAX_ROWS;
        for shown in out.iter_mut().filter(|s| **s) {
            *shown = left > 0;
            left = left.saturating_sub(1);
        }
    }
    out
}

/// The texts of a row that is on both sides.
fn texts(mark: LineMark, p: &Parts, q: &Parts) -> Sides<Row> {
    let (old, new) = (p.whole(), q.whole());
    match mark {
        // The same text from different bytes is still a difference: mark all of it.
        LineMark::Changed if old == new => Sides::new(one(&old, Role::Shipped), one(&new, Role::Rebuilt)),
        LineMark::Changed => trim(words(old.as_bytes(), new.as_bytes())),
        LineMark::Explained if p.operand.is_empty() => {
            let mut rows = trim(words(old.as_bytes(), new.as_bytes()));
            for segment in rows.shipped.0.iter_mut().chain(&mut rows.rebuilt.0).filter(|s| s.role != Role::Text) {
                segment.role = Role::Relocated;
            }
            rows
        }
        LineMark::Explained => Sides::new(p.relocated(), q.relocated()),
        _ => Sides::new(one(&old, Role::Text), one(&new, Role::Text)),
    }
}

fn one(text: &str, role: Role) -> Row {
    let mut row = Row::new();
    row.push(role, Shown::of_bytes(text.as_bytes()));
    row
}

/// Instruction texts have no newline: the remark about a missing one does not apply.
fn trim(rows: Sides<Row>) -> Sides<Row> {
    rows.map(|mut row| {
        row.0.retain(|s| s.role != Role::Hidden);
        row
    })
}
