//! What differs in one piece of code.

use std::collections::BTreeMap;

use super::piece::Piece;
use crate::diff::account::raw;
use crate::diff::asm;
use crate::diff::image::Images;
use crate::diff::line_number::Claim;
use crate::inspect::symbols::Function;
use crate::model::{Cause, Extent, FunctionDiff, LineMark, ResultMark, Side, Sides};

/// Offsets of differing bytes, by what explains them.
pub(super) type Changes = BTreeMap<Cause, Vec<Sides<std::ops::Range<usize>>>>;

/// Where the first difference of a piece is.
type Addresses = Sides<Option<u64>>;

/// What differs in one piece.
pub(super) struct Verdict {
    pub(super) diff: FunctionDiff,
    /// Where it starts to differ, for its source line.
    pub(super) addresses: Option<Addresses>,
    /// Offsets of differing bytes by what explains them, when all are explained.
    pub(super) explained: Changes,
    /// What must hold for that.
    pub(super) claims: Vec<Claim>,
    /// The lines before and after, of those.
    pub(super) values: (String, String),
}

/// What differs in one piece. With `lines`, operands that may be line numbers count as such until their claims are asked.
pub(super) fn judge(images: &Images, piece: &Piece<'_>, lines: bool) -> Verdict {
    let extent = |side: Side| {
        piece.sides.get(side).as_ref().map(|f| {
            let offset = images.sides.get(side).elf.offset_of(f.address).unwrap_or(0);
            Extent { address: f.address, size: f.size, offset }
        })
    };
    let extent = Sides::new(extent(Side::Shipped), extent(Side::Rebuilt));
    let mut diff = FunctionDiff {
        name: piece.label.text(images),
        result: ResultMark::Different,
        extent,
        changed: 0,
        source: None,
        what: String::new(),
    };
    let (Some(x), Some(y)) = (&piece.sides.shipped, &piece.sides.rebuilt) else {
        let side = if piece.sides.shipped.is_some() { Side::Shipped } else { Side::Rebuilt };
        let (result, word) = match side {
            Side::Shipped => (ResultMark::OnlyShipped, "shipped"),
            Side::Rebuilt => (ResultMark::OnlyRebuilt, "rebuilt"),
        };
        diff.result = result;
        let f = piece.sides.get(side).as_ref();
        diff.changed = f.and_then(|f| asm::decode(images.sides.get(side), f)).map_or(0, |c| c.len());
        diff.what = format!("only {word}: {} bytes of code", f.map_or(0, |f| f.size));
        let address = |s| piece.sides.get(s).as_ref().map(|f: &Function| f.address);
        return Verdict::of(diff, Some(Sides::new(address(Side::Shipped), address(Side::Rebuilt))));
    };
    let (old, new) = (images.sides.shipped.code(x), images.sides.rebuilt.code(y));
    let both = raw(old, new);
    let bytes = both.shipped.unexplained.max(both.rebuilt.unexplained);
    let claims = std::cell::RefCell::new(Vec::new());
    let both = Sides::new(x, y);
    let code = asm::compare_with(images, both, &|changed| {
        let claim = if lines { Claim::read(images, both, changed) } else { None }?;
        let text = claim.text();
        claims.borrow_mut().push(claim);
        Some((Cause::LineShift, text))
    });
    let Some(code) = code else {
        diff.what = count(bytes);
        return Verdict::of(diff, None);
    };
    let claims = claims.into_inner();
    diff.changed = code.changed();
    if diff.changed == 0 && !code.rows.is_empty() {
        diff.result = ResultMark::Equivalent;
        let explained = code.explained(Sides::new(old, new));
        let how = if explained.contains_key(&Cause::LineShift) { "is a line number or refers" } else { "refers" };
        diff.what = format!("{}: every changed operand {how} to the same target", count(bytes));
        let list = |side: Side| claims.iter().take(8).map(|c: &Claim| c.line(side).to_string()).collect::<Vec<_>>().join(", ");
        let values = (format!("line {}", list(Side::Shipped)), format!("line {}", list(Side::Rebuilt)));
        return Verdict { diff, addresses: None, explained, claims, values };
    }
    let Some(first) = code.rows.iter().find(|r| r.mark.is_difference()) else { return Verdict::of(diff, None) };
    let insn = |side: Side| first.sides.get(side).and_then(|i| code.sides.get(side).get(i));
    let (p, q) = (insn(Side::Shipped), insn(Side::Rebuilt));
    let address = Sides::new(p, q).map(|i| i.map(asm::Insn::ip));
    let described = match (p, q) {
        (Some(p), Some(q)) => asm::describe(images, Sides::new(x, y), p, q),
        (Some(_), None) => "an instruction is only shipped".to_owned(),
        _ => "an instruction is only rebuilt".to_owned(),
    };
    diff.what = match first_bytes(old, new) {
        Some((from, to)) if diff.changed == 1 => format!("{}, {from} -> {to}: {described}", count(bytes)),
        _ if old == new => format!("the same bytes: {described}"),
        _ if diff.changed == 1 => format!("{}: {described}", count(bytes)),
        _ => {
            let rows = code.rows.iter().filter(|r| r.mark != LineMark::Elided).count();
            format!("{} of {rows} instructions differ; first: {described}", diff.changed)
        }
    };
    Verdict { claims, ..Verdict::of(diff, Some(address)) }
}

impl Verdict {
    fn of(diff: FunctionDiff, addresses: Option<Addresses>) -> Self {
        Self { diff, addresses, explained: BTreeMap::new(), claims: Vec::new(), values: Default::default() }
    }
}

fn count(bytes: u64) -> String {
    if bytes == 1 { "1 byte differs".to_owned() } else { format!("{bytes} bytes differ") }
}

/// The differing bytes as hexadecimal, when there are few.
fn first_bytes(old: &[u8], new: &[u8]) -> Option<(String, String)> {
    if old.len() != new.len() {
        return None;
    }
    let differing: Vec<(u8, u8)> = old.iter().zip(new).filter(|(x, y)| x != y).map(|(x, y)| (*x, *y)).collect();
    let text = |side: fn(&(u8, u8)) -> u8| differing.iter().map(|p| format!("{:02x}", side(p))).collect::<Vec<_>>().join(" ");
    (1..=8).contains(&differing.len()).then(|| (text(|p| p.0), text(|p| p.1)))
}
