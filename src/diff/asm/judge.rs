//! Aligning two functions, and deciding for each row whether its difference is proved benign.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::{Arch, Hole, Insn, Kind, aarch64, arch, decode, fold, x86};
use crate::diff::account::runs;
use crate::diff::align::{Aligned, align_code};
use crate::diff::image::{Images, Target};
use crate::diff::matching::mix;
use crate::inspect::symbols::Function;
use crate::model::{Cause, LineMark, Side, Sides};

/// Two instructions that are equal but for one immediate, for whom may know a cause.
pub(in crate::diff) struct Immediate<'a> {
    /// The address of each instruction.
    pub(in crate::diff) at: Sides<u64>,
    /// The value on each side.
    pub(in crate::diff) value: Sides<u64>,
    /// All instructions of both functions.
    pub(in crate::diff) insns: &'a Sides<Vec<Insn>>,
}

/// Proves that a changed immediate follows from a cause, or gives none; the text says how.
pub(in crate::diff) type Explain<'a> = dyn Fn(&Immediate<'_>) -> Option<(Cause, String)> + 'a;

/// What there is to say of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::diff) enum Note {
    /// Nothing.
    #[default]
    None,
    /// Both refer to instructions that stand beside each other.
    SameRow,
    /// Both refer to the same place outside.
    Moved(&'static str),
    /// The page of an address that is the same place on both sides.
    Page,
    /// Equal bytes that refer to another row.
    OtherRow,
    /// Equal bytes that refer to another place.
    OtherPlace,
    /// The same text is there, but how much of it is read is not known.
    SameText,
    /// A cause given from outside, in its words.
    Given(String),
}

/// One row of the aligned code.
pub(in crate::diff) struct CodeRow {
    pub(in crate::diff) sides: Sides<Option<usize>>,
    pub(in crate::diff) mark: LineMark,
    /// For an explained row: by what.
    pub(in crate::diff) cause: Option<Cause>,
    pub(in crate::diff) note: Note,
}

/// Both functions aligned.
pub(in crate::diff) struct Code {
    pub(in crate::diff) sides: Sides<Vec<Insn>>,
    pub(in crate::diff) rows: Vec<CodeRow>,
}

impl Code {
    /// Rows that differ without a proof.
    pub(in crate::diff) fn changed(&self) -> usize {
        self.rows.iter().filter(|r| r.mark.is_difference()).count()
    }

    /// The differing bytes of explained rows by cause: offsets in each function, of the same length on both sides.
    pub(in crate::diff) fn explained(&self, code: Sides<&[u8]>) -> BTreeMap<Cause, Vec<Sides<Range<usize>>>> {
        let mut out: BTreeMap<Cause, Vec<Sides<Range<usize>>>> = BTreeMap::new();
        for row in self.rows.iter().filter(|r| r.mark == LineMark::Explained) {
            let insn = |side: Side| row.sides.get(side).and_then(|i| self.sides.get(side).get(i));
            let (Some(cause), Some(x), Some(y)) = (row.cause, insn(Side::Shipped), insn(Side::Rebuilt)) else { continue };
            let (from, to) = (x.at as usize, y.at as usize);
            let differing = runs(x.bytes(code.shipped), y.bytes(code.rebuilt), usize::MAX).unwrap_or_default();
            out.entry(cause)
                .or_default()
                .extend(differing.into_iter().map(|r| Sides::new(from + r.start..from + r.end, to + r.start..to + r.end)));
        }
        out
    }
}

/// Aligns the code of two functions and judges every row; `explain` may know why an immediate changed.
pub(in crate::diff) fn compare_with(images: &Images, pair: Sides<&Function>, explain: &Explain<'_>) -> Option<Code> {
    let kind = arch(&images.sides.shipped).filter(|a| arch(&images.sides.rebuilt) == Some(*a))?;
    let insns = |side: Side| {
        let (image, f) = (images.sides.get(side), pair.get(side));
        image.decoded.take(f).or_else(|| decode(image, f))
    };
    let sides = Sides::new(insns(Side::Shipped)?, insns(Side::Rebuilt)?);
    let places = Sides::new(places(images, Side::Shipped, pair, &sides), places(images, Side::Rebuilt, pair, &sides));
    let keys = |side: Side| -> Vec<u64> {
        let hints = places.get(side).iter().map(Place::hint);
        sides.get(side).iter().zip(hints).map(|(i, hint)| fold(i.bare, hint)).collect()
    };
    let aligned = align_code(&keys(Side::Shipped), &keys(Side::Rebuilt));
    let mut partner = vec![u32::MAX; sides.shipped.len()];
    for row in &aligned {
        if let (Some(i), Some(j)) = (row.sides.shipped, row.sides.rebuilt)
            && let (Some(slot), Ok(j)) = (partner.get_mut(i), u32::try_from(j))
        {
            *slot = j;
        }
    }
    let code = Sides::new(images.sides.shipped.code(pair.shipped), images.sides.rebuilt.code(pair.rebuilt));
    let mut judge = Judge { arch: kind, pair, code, sides: &sides, partner, places, explain, webs: HashMap::new() };
    judge.webs = judge.prove_webs(&aligned);
    let rows = aligned.iter().map(|row| judge.row(row)).collect();
    Some(Code { sides, rows })
}

/// Where a reference leads.
enum Place {
    /// It refers to nothing.
    None,
    /// Into its own function.
    Local,
    Out(Target),
}

impl Place {
    /// A number that is the same on both sides where the place is the same. It helps to align and proves nothing.
    fn hint(&self) -> u64 {
        match self {
            Self::None | Self::Out(Target::Unknown(_)) => 0,
            Self::Local => 1,
            Self::Out(target) => mix(std::iter::once(target)),
        }
    }
}

/// What each instruction refers to.
fn places(images: &Images, side: Side, pair: Sides<&Function>, sides: &Sides<Vec<Insn>>) -> Vec<Place> {
    let f = pair.get(side);
    let place = |i: &Insn| match i.reference() {
        None => Place::None,
        Some(to) if is_local(f, to) => Place::Local,
        Some(to) => Place::Out(images.target(side, to)),
    };
    sides.get(side).iter().map(place).collect()
}

fn is_local(f: &Function, address: u64) -> bool {
    address >= f.address && address < f.end()
}

struct Judge<'a> {
    arch: Arch,
    pair: Sides<&'a Function>,
    code: Sides<&'a [u8]>,
    sides: &'a Sides<Vec<Insn>>,
    /// For each shipped instruction, the rebuilt one beside it.
    partner: Vec<u32>,
    /// For each instruction, where it leads.
    places: Sides<Vec<Place>>,
    explain: &'a Explain<'a>,
    /// For each web of the shipped side that is proved, the one of the rebuilt side.
    webs: HashMap<u32, u32>,
}

/// Mark, cause and remark.
type Verdict = (LineMark, Option<Cause>, Note);

fn plain(same: bool) -> Verdict {
    (if same { LineMark::Same } else { LineMark::Changed }, None, Note::None)
}

impl Judge<'_> {
    fn row(&self, row: &Aligned) -> CodeRow {
        let (mark, cause, note) = match (row.sides.shipped, row.sides.rebuilt) {
            (Some(i), Some(j)) => self.judge(i, j),
            (Some(_), None) => (LineMark::OnlyShipped, None, Note::None),
            _ => (LineMark::OnlyRebuilt, None, Note::None),
        };
        CodeRow { sides: row.sides, mark, cause, note }
    }

    /// The webs whose members all stand beside those of one web of the other side, and lead to the same places.
    fn prove_webs(&self, rows: &[Aligned]) -> HashMap<u32, u32> {
        let mut pairs: Sides<HashMap<u32, Option<u32>>> = Sides::default();
        for row in rows {
            let insn = |side: Side| row.sides.get(side).and_then(|i| self.sides.get(side).get(i));
            let (x, y) = (insn(Side::Shipped), insn(Side::Rebuilt));
            let same_place = || row.sides.shipped.zip(row.sides.rebuilt).is_some_and(|(i, j)| self.leads_to_same(i, j));
            let web = |i: Option<&Insn>| i.map_or(0, |i| i.web);
            if web(x) == 0 && web(y) == 0 {
                continue;
            }
            let proved = match (x, y) {
                (Some(x), Some(y)) if x.web != 0 && y.web != 0 && x.kind == y.kind && x.hole == y.hole => {
                    let alike = x.masked(x.bytes(self.code.shipped)) == y.masked(y.bytes(self.code.rebuilt));
                    alike && (x.kind == Kind::Page || same_place())
                }
                _ => false,
            };
            for (known, from, to) in [(&mut pairs.shipped, web(x), web(y)), (&mut pairs.rebuilt, web(y), web(x))] {
                let now = proved.then_some(to);
                known.entry(from).and_modify(|before| *before = before.filter(|b| Some(*b) == now)).or_insert(now);
            }
        }
        let back = |x: u32, y: u32| pairs.rebuilt.get(&y).copied().flatten() == Some(x);
        pairs.shipped.iter().filter_map(|(x, y)| Some((*x, (*y)?))).filter(|(x, y)| *x != 0 && back(*x, *y)).collect()
    }

    fn is_web_proved(&self, x: &Insn, y: &Insn) -> bool {
        x.web == 0 && y.web == 0 || x.web != 0 && self.webs.get(&x.web) == Some(&y.web)
    }

    /// Whether the references of two instructions lead to the same place, which is proved.
    fn leads_to_same(&self, i: usize, j: usize) -> bool {
        let to = |side: Side, i: usize| self.sides.get(side).get(i).map_or(0, |i| i.to);
        match (self.places.shipped.get(i), self.places.rebuilt.get(j)) {
            (Some(Place::Local), Some(Place::Local)) => self.same_row(to(Side::Shipped, i), to(Side::Rebuilt, j)),
            (Some(Place::Out(old)), Some(Place::Out(new))) => !matches!(old, Target::Unknown(_) | Target::Text(_)) && old == new,
            _ => false,
        }
    }

    fn judge(&self, i: usize, j: usize) -> Verdict {
        let (Some(x), Some(y)) = (self.sides.shipped.get(i), self.sides.rebuilt.get(j)) else { return plain(false) };
        let (old, new) = (x.bytes(self.code.shipped), y.bytes(self.code.rebuilt));
        let same = old == new;
        // Everything but the operand must be equal byte for byte: an encoding can hide prefixes that the text does not show.
        let alike = x.length == y.length && x.hole == y.hole && x.kind == y.kind && x.masked(old) == y.masked(new);
        let whole = self.is_web_proved(x, y);
        let shift = |note| if whole { (LineMark::Explained, Some(Cause::AddressShift), note) } else { plain(false) };
        match x.kind {
            _ if !alike => return if same { plain(true) } else { self.immediate(x, y) },
            Kind::Plain | Kind::Invalid => return if same { plain(true) } else { self.immediate(x, y) },
            Kind::Page => return if same { plain(true) } else { shift(Note::Page) },
            Kind::Reference => {}
        }
        if self.arch == Arch::X86(64) && self.is_idle(Side::Shipped, x) && self.is_idle(Side::Rebuilt, y) {
            return if same { plain(true) } else { shift(Note::Moved("address that nothing uses")) };
        }
        match (self.places.shipped.get(i), self.places.rebuilt.get(j)) {
            (Some(Place::Local), Some(Place::Local)) => match (self.same_row(x.to, y.to), same) {
                (true, true) => plain(true),
                (true, false) => shift(Note::SameRow),
                (false, true) => (LineMark::Changed, None, Note::OtherRow),
                (false, false) => plain(false),
            },
            (Some(Place::Out(old)), Some(Place::Out(new))) => match (old, new) {
                (Target::Unknown(_), Target::Unknown(_) | Target::Text(_)) | (Target::Text(_), Target::Unknown(_)) => plain(same),
                (Target::Text(p), Target::Text(q)) if p == q && !same => (LineMark::Changed, None, Note::SameText),
                (Target::Text(_), Target::Text(_)) => plain(same),
                (p, q) if p == q && same => plain(true),
                (p, q) if p == q => shift(Note::Moved(word(p))),
                _ if same => (LineMark::Changed, None, Note::OtherPlace),
                _ => plain(false),
            },
            _ => plain(false),
        }
    }

    /// Whether it takes an address that is only compared with itself.
    fn is_idle(&self, side: Side, insn: &Insn) -> bool {
        matches!(insn.hole, Hole::Bytes(from, 4) if super::scan::is_idle(self.code.get(side), insn.at as usize + usize::from(from)))
    }

    /// Whether two addresses in the functions are those of instructions that stand beside each other.
    fn same_row(&self, shipped: u64, rebuilt: u64) -> bool {
        let index = |side: Side, address: u64| {
            let at = u32::try_from(address.wrapping_sub(self.pair.get(side).address)).ok()?;
            let insns = self.sides.get(side);
            match insns.binary_search_by_key(&at, |i| i.at) {
                Ok(i) => Some((i, 0)),
                Err(after) => {
                    let i = after.checked_sub(1)?;
                    let whole = insns.get(i)?;
                    let offset = u8::try_from(at - whole.at).ok().filter(|o| *o < whole.length)?;
                    self.is_tail(side, whole, offset).then_some((i, offset))
                }
            }
        };
        let Some((i, offset)) = index(Side::Shipped, shipped) else { return false };
        let beside = self.partner.get(i).map(|j| *j as usize);
        let Some((j, other)) = index(Side::Rebuilt, rebuilt) else { return false };
        let bytes = |side: Side, n: usize| self.sides.get(side).get(n).map(|whole| whole.masked(whole.bytes(self.code.get(side))));
        beside == Some(j) && offset == other && (offset == 0 || bytes(Side::Shipped, i) == bytes(Side::Rebuilt, j))
    }

    /// Whether a jump into an instruction skips nothing but a prefix: hidden code behind it would be compared by nobody.
    fn is_tail(&self, side: Side, whole: &Insn, offset: u8) -> bool {
        let Arch::X86(bits) = self.arch else { return false };
        x86::is_tail(&x86::Mode { bits, fixed: false }, whole, self.code.get(side), offset)
    }

    /// Two instructions that differ: perhaps in one immediate only, and somebody knows why.
    fn immediate(&self, x: &Insn, y: &Insn) -> Verdict {
        let (old, new) = (x.bytes(self.code.shipped), y.bytes(self.code.rebuilt));
        let immediate = |i: &Insn, bytes: &[u8]| -> Option<(u64, Insn)> {
            let (value, hole) = match self.arch {
                Arch::X86(bits) => x86::immediate(bits, bytes, i.ip).map(|(value, (from, size))| (value, Hole::bytes(from, size)))?,
                Arch::Aarch64 => aarch64::immediate(aarch64::word(bytes)).map(|(value, bits)| (value, Hole::Bits(bits)))?,
            };
            Some((value, Insn { hole, ..*i }))
        };
        let given = || {
            let plain = x.kind == Kind::Plain && y.kind == Kind::Plain && old.len() == new.len();
            let ((p, i), (q, j)) = plain.then(|| Some((immediate(x, old)?, immediate(y, new)?))).flatten()?;
            let only = i.hole == j.hole && i.masked(old) == j.masked(new);
            only.then(|| (self.explain)(&Immediate { at: Sides::new(x.ip, y.ip), value: Sides::new(p, q), insns: self.sides })).flatten()
        };
        match given() {
            Some((cause, text)) => (LineMark::Explained, Some(cause), Note::Given(text)),
            None => plain(false),
        }
    }
}

fn word(target: &Target) -> &'static str {
    match target {
        Target::Import(_) | Target::Slot(..) => "import",
        Target::Function(..) => "function",
        Target::Filler(..) => "code",
        Target::Section(..) | Target::SectionEnd(..) | Target::Behind(..) => "place in the section",
        Target::Text(_) => "text",
        Target::Unknown(_) => "address",
    }
}
