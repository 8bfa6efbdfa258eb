//! Location expressions (DWARF 5, 7.7.1), operation by operation.

use std::ops::Range;

use super::cursor::Cursor;
use super::marks::{Id, Why};
use super::walk::{Pair, Walk};
use crate::model::{Side, Sides};

/// Expressions inside expressions.
const MAX_DEPTH: usize = 8;

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Fixed(usize),
    Leb,
    Address,
    AddressIndex,
    /// Offset in the unit, of that size.
    Entry(usize),
    EntryLeb,
    /// Offset in `.debug_info`.
    AnyEntry,
    /// A length in base 128 and so many bytes.
    Block,
    /// A length in one byte and so many bytes.
    SmallBlock,
    /// A length in base 128 and an expression.
    Inner,
}

fn operands(op: u8) -> Option<&'static [Operand]> {
    use Operand::{Address, AddressIndex, AnyEntry, Block, Entry, EntryLeb, Fixed, Inner, Leb, SmallBlock};
    Some(match op {
        0x03 => &[Address],
        0x08 | 0x09 | 0x15 | 0x94 | 0x95 => &[Fixed(1)],
        0x0a | 0x0b | 0x28 | 0x2f => &[Fixed(2)],
        0x0c | 0x0d => &[Fixed(4)],
        0x0e | 0x0f => &[Fixed(8)],
        0x10 | 0x11 | 0x23 | 0x70..=0x8f | 0x90 | 0x91 | 0x93 => &[Leb],
        0x92 | 0x9d => &[Leb, Leb],
        0x98 => &[Entry(2)],
        0x99 | 0xfa => &[Entry(4)],
        0x9a | 0xfd => &[AnyEntry],
        0x9e => &[Block],
        0xa0 | 0xf2 => &[AnyEntry, Leb],
        0xa1 | 0xa2 | 0xfb | 0xfc => &[AddressIndex],
        0xa3 | 0xf3 => &[Inner],
        0xa4 | 0xf4 => &[EntryLeb, SmallBlock],
        0xa5 | 0xf5 => &[Leb, EntryLeb],
        0xa6 | 0xa7 | 0xf6 => &[Fixed(1), EntryLeb],
        0xa8 | 0xa9 | 0xf7 | 0xf9 => &[EntryLeb],
        0x06 | 0x12..=0x14 | 0x16..=0x22 | 0x24..=0x27 | 0x29..=0x2e | 0x30..=0x6f | 0x96 | 0x97 | 0x9b | 0x9c | 0x9f | 0xe0 | 0xf0 => &[],
        _ => return None,
    })
}

impl Walk<'_> {
    /// Compares two expressions; from the first operation that differs on they are refused.
    pub(super) fn expression(&mut self, pair: &Pair, id: Id, old: Range<usize>, new: Range<usize>) {
        if old.len() != new.len() {
            // Jumps inside it would lead elsewhere.
            return self.marks.mark(id, old, new, Why::Not);
        }
        let mut x = self.cursor(Side::Shipped, id, old.start, old.end);
        let mut y = self.cursor(Side::Rebuilt, id, new.start, new.end);
        let mut inner: Vec<Sides<usize>> = Vec::new();
        while x.at < old.end || y.at < new.end {
            inner.retain(|ends| x.at < ends.shipped || y.at < ends.rebuilt);
            let inside = inner.last().is_none_or(|ends| x.at < ends.shipped && y.at < ends.rebuilt);
            if !inside
                || inner.len() > MAX_DEPTH
                || self.spend(1).is_none()
                || self.operation(pair, id, &mut x, &mut y, &mut inner).is_none()
            {
                self.marks.mark(id, x.at.min(old.end)..old.end, y.at.min(new.end)..new.end, Why::Not);
                return;
            }
        }
    }

    fn operation(&mut self, pair: &Pair, id: Id, x: &mut Cursor<'_>, y: &mut Cursor<'_>, inner: &mut Vec<Sides<usize>>) -> Option<()> {
        let both = |x: Option<&[u8]>, y: Option<&[u8]>| Some((*x?.first()?, *y?.first()?));
        let (mut p, mut q) = (*x, *y);
        let (op, other) = both(p.take(1), q.take(1))?;
        let operands = operands(op).filter(|_| op == other)?;
        self.marks.mark(id, x.at..p.at, y.at..q.at, Why::Same);
        for operand in operands {
            let start = Sides::new(p.at, q.at);
            match *operand {
                Operand::Fixed(size) => {
                    p.take(size)?;
                    q.take(size)?;
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, Why::Same);
                }
                Operand::Leb => {
                    p.uleb()?;
                    q.uleb()?;
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, Why::Same);
                }
                Operand::Address => {
                    let (m, n) = (p.int(pair.units.shipped.address)?, q.int(pair.units.rebuilt.address)?);
                    let why = self.address(m, n);
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, why);
                }
                Operand::AddressIndex => {
                    let (m, n) = (p.uleb()?, q.uleb()?);
                    let why = self.address_index(pair, m, n);
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, why);
                }
                Operand::Entry(size) => {
                    let to = Sides::new(p.int(size)?, q.int(size)?);
                    self.entry(id, Sides::new(start.shipped..p.at, start.rebuilt..q.at), to);
                }
                Operand::EntryLeb => {
                    let to = Sides::new(p.uleb()?, q.uleb()?);
                    // Zero is the generic type.
                    if to == Sides::new(0, 0) {
                        self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, Why::Same);
                    } else {
                        self.entry(id, Sides::new(start.shipped..p.at, start.rebuilt..q.at), to);
                    }
                }
                Operand::AnyEntry => {
                    let size = |u: &super::unit::Unit| if u.version == 2 { u.address } else { u.wide };
                    let to = Sides::new(p.int(size(&pair.units.shipped))?, q.int(size(&pair.units.rebuilt))?);
                    let at = Sides::new(start.shipped..p.at, start.rebuilt..q.at);
                    self.across.push(super::walk::Reference { id, at, to });
                }
                Operand::Block | Operand::SmallBlock => {
                    let small = *operand == Operand::SmallBlock;
                    let size = |c: &mut Cursor<'_>| if small { c.int(1) } else { c.uleb() };
                    let (m, n) = (size(&mut p)?, size(&mut q)?);
                    p.take(usize::try_from(m).ok()?)?;
                    q.take(usize::try_from(n).ok()?)?;
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, Why::Same);
                }
                Operand::Inner => {
                    let (m, n) = (usize::try_from(p.uleb()?).ok()?, usize::try_from(q.uleb()?).ok()?);
                    self.marks.mark(id, start.shipped..p.at, start.rebuilt..q.at, Why::Same);
                    let ends = Sides::new(p.at.checked_add(m)?, q.at.checked_add(n)?);
                    if ends.shipped > p.data.len() || ends.rebuilt > q.data.len() {
                        return None;
                    }
                    inner.push(ends);
                }
            }
        }
        (*x, *y) = (p, q);
        Some(())
    }

    /// Compares the addresses that two indices lead to, and marks them where they are.
    pub(super) fn address_index(&mut self, pair: &Pair, old: u64, new: u64) -> Why {
        let x = self.tables(Side::Shipped).address_index(&pair.units.shipped, &pair.roots.shipped, old);
        let y = self.tables(Side::Rebuilt).address_index(&pair.units.rebuilt, &pair.roots.rebuilt, new);
        let (Some((m, from)), Some((n, to))) = (x, y) else { return Why::Not };
        let why = self.address(m, n);
        self.marks.mark(Id::Addr, from, to, why);
        if why == Why::Not { why } else { Why::Follows(Id::Addr) }
    }
}
