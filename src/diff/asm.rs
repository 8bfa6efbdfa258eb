//! Instructions of a pair of functions: decoding, aligning, and deciding for each row whether it changed.

use std::collections::HashMap;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};

use super::image::{Image, Images, Target};
use super::lines::{Aligned, align};
use super::matching::mix;
use crate::inspect::symbols::Function;
use crate::model::{LineMark, Side, Sides};

/// Code of one function that is decoded at most, in bytes.
const MAX_CODE: usize = 4 << 20;

/// One decoded instruction.
#[derive(Clone, Copy)]
pub(super) struct Insn {
    pub(super) raw: Instruction,
    /// Offset in the function.
    pub(super) at: usize,
    pub(super) length: usize,
    /// The operand that the loader moves with the image: an address in full.
    fixed: Option<Fixed>,
}

/// An operand that a base relocation says to be an address.
#[derive(Clone, Copy)]
struct Fixed {
    /// Where it is in the instruction, and its size.
    place: (usize, usize),
    to: u64,
    in_memory: bool,
}

impl Insn {
    /// The address it refers to, relative to itself.
    pub(super) fn reference(&self) -> Option<u64> {
        match self.raw.op0_kind() {
            _ if self.fixed.is_some() => self.fixed.map(|f| f.to),
            _ if self.raw.is_ip_rel_memory_operand() => Some(self.raw.ip_rel_memory_address()),
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => Some(self.raw.near_branch_target()),
            _ => None,
        }
    }

    /// The instruction without its place and without what it refers to.
    fn bare(&self) -> Instruction {
        let mut raw = self.raw;
        if let Some(fixed) = self.fixed {
            match (fixed.in_memory, fixed.place.1) {
                (true, _) => raw.set_memory_displacement64(0),
                (false, 8) => raw.set_immediate64(0),
                (false, _) => raw.set_immediate32(0),
            }
        } else if raw.is_ip_rel_memory_operand() {
            raw.set_memory_displacement64(0);
        } else if self.reference().is_some() {
            raw.set_near_branch64(0);
        }
        raw.set_ip(0);
        raw
    }
}

/// Whether code of this file can be decoded.
pub(super) fn is_known(image: &Image) -> bool {
    matches!((image.elf.machine, image.elf.wide, image.elf.little), (62, true, true) | (3, false, true))
}

/// The instructions of a function; `None` when its machine is unknown or it is over the bound.
pub(super) fn decode(image: &Image, f: &Function) -> Option<Vec<Insn>> {
    let code = image.code(f);
    if !is_known(image) || code.len() > MAX_CODE {
        return None;
    }
    let mut decoder = Decoder::with_ip(if image.elf.wide { 64 } else { 32 }, code, f.address, DecoderOptions::NONE);
    let mut out = Vec::with_capacity(code.len() / 4);
    while decoder.can_decode() {
        let at = decoder.position();
        let raw = decoder.decode();
        let fixed = if image.moved.is_empty() { None } else { fixed(image, &decoder, &raw, code.get(at..).unwrap_or_default()) };
        out.push(Insn { raw, at, length: raw.len(), fixed });
    }
    Some(out)
}

/// The one operand of an instruction that a base relocation covers exactly; none where there are two.
fn fixed(image: &Image, decoder: &Decoder<'_>, raw: &Instruction, code: &[u8]) -> Option<Fixed> {
    let (from, to) = (raw.ip(), raw.next_ip());
    let mut inside = image.moved.range(from..to.max(from));
    let (address, size) = inside.next().filter(|_| inside.next().is_none())?;
    let place = (usize::try_from(address - from).ok()?, usize::from(*size));
    let offsets = decoder.get_constant_offsets(raw);
    let in_memory = offsets.has_displacement() && (offsets.displacement_offset(), offsets.displacement_size()) == place;
    let immediate = offsets.has_immediate() && (offsets.immediate_offset(), offsets.immediate_size()) == place;
    if !in_memory && !immediate {
        return None;
    }
    let numbers = crate::inspect::exe::Numbers { wide: true, little: true };
    Some(Fixed { place, to: numbers.int(code, place.0, place.1)?, in_memory })
}

/// A number for the instructions of a function without any reference: it proposes a match and proves nothing.
pub(super) fn shape(image: &Image, f: &Function) -> Option<u64> {
    let insns = decode(image, f)?;
    (insns.len() >= 3).then(|| mix(insns.iter().map(Insn::bare)))
}

/// Whether it is padding that does nothing: `nop`, `int3`, zeros.
pub(super) fn is_padding(image: &Image, f: &Function) -> bool {
    use iced_x86::Mnemonic::{Int3, Nop};
    image.code(f).iter().all(|b| *b == 0) || decode(image, f).is_some_and(|c| c.iter().all(|i| matches!(i.raw.mnemonic(), Nop | Int3)))
}

/// One row of the aligned code.
pub(super) struct CodeRow {
    pub(super) sides: Sides<Option<usize>>,
    pub(super) mark: LineMark,
    pub(super) note: Option<String>,
}

/// Both functions aligned.
pub(super) struct Code {
    pub(super) sides: Sides<Vec<Insn>>,
    pub(super) rows: Vec<CodeRow>,
}

impl Code {
    /// Rows that differ without a proof.
    pub(super) fn changed(&self) -> usize {
        self.rows.iter().filter(|r| r.mark.is_difference()).count()
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Hint {
    None,
    Local,
    Out(Target),
}

/// Aligns the code of two functions and judges every row.
pub(super) fn compare(images: &Images, pair: Sides<&Function>) -> Option<Code> {
    let shipped = decode(&images.sides.shipped, pair.shipped)?;
    let rebuilt = decode(&images.sides.rebuilt, pair.rebuilt)?;
    let keys = |side: Side, f: &Function, insns: &[Insn]| -> Vec<(Instruction, Hint)> {
        let hint = |i: &Insn| match i.reference() {
            None => Hint::None,
            Some(to) if is_local(f, to) => Hint::Local,
            Some(to) => match images.target(side, to) {
                Target::Unknown(_) => Hint::None,
                known => Hint::Out(known),
            },
        };
        insns.iter().map(|i| (i.bare(), hint(i))).collect()
    };
    let aligned = align(&keys(Side::Shipped, pair.shipped, &shipped), &keys(Side::Rebuilt, pair.rebuilt, &rebuilt));
    let partner: HashMap<usize, usize> = aligned.iter().filter_map(|r| Some((r.sides.shipped?, r.sides.rebuilt?))).collect();
    let index = |insns: &[Insn]| -> HashMap<u64, usize> { insns.iter().enumerate().map(|(n, i)| (i.raw.ip(), n)).collect() };
    let judge = Judge { images, pair, partner, index: Sides::new(index(&shipped), index(&rebuilt)) };
    let rows = aligned.iter().map(|row| judge.row(row, &shipped, &rebuilt)).collect();
    Some(Code { sides: Sides::new(shipped, rebuilt), rows })
}

fn is_local(f: &Function, address: u64) -> bool {
    address >= f.address && address < f.end()
}

struct Judge<'a> {
    images: &'a Images,
    pair: Sides<&'a Function>,
    /// For each shipped instruction, the rebuilt one beside it.
    partner: HashMap<usize, usize>,
    /// Instruction at each address.
    index: Sides<HashMap<u64, usize>>,
}

impl Judge<'_> {
    fn row(&self, row: &Aligned, shipped: &[Insn], rebuilt: &[Insn]) -> CodeRow {
        let (mark, note) = match (row.sides.shipped.and_then(|i| shipped.get(i)), row.sides.rebuilt.and_then(|j| rebuilt.get(j))) {
            (Some(x), Some(y)) => self.judge(x, y),
            (Some(_), None) => (LineMark::OnlyShipped, None),
            _ => (LineMark::OnlyRebuilt, None),
        };
        CodeRow { sides: row.sides, mark, note }
    }

    fn judge(&self, x: &Insn, y: &Insn) -> (LineMark, Option<String>) {
        let bytes = |side: Side, i: &Insn| {
            let code = self.images.sides.get(side).code(self.pair.get(side));
            code.get(i.at..i.at + i.length).unwrap_or_default()
        };
        let same = bytes(Side::Shipped, x) == bytes(Side::Rebuilt, y);
        let plain = |same| if same { (LineMark::Same, None) } else { (LineMark::Changed, None) };
        if x.raw.is_invalid() || y.raw.is_invalid() || x.bare() != y.bare() {
            return plain(same);
        }
        let (Some(old), Some(new)) = (x.reference(), y.reference()) else { return plain(same) };
        // Everything but the operand must be equal byte for byte: an encoding can hide prefixes that the text does not show.
        if x.length != y.length || !same_but_reference(x, y, bytes(Side::Shipped, x), bytes(Side::Rebuilt, y)) {
            return plain(same);
        }
        match (is_local(self.pair.shipped, old), is_local(self.pair.rebuilt, new)) {
            (true, true) => {
                let to = self.index.shipped.get(&old).and_then(|i| self.partner.get(i));
                let proved = to.is_some() && to == self.index.rebuilt.get(&new);
                match (proved, same) {
                    (true, true) => (LineMark::Same, None),
                    (true, false) => (LineMark::Explained, Some("refers to the same row".to_owned())),
                    (false, true) => (LineMark::Changed, Some("same bytes, but the row it refers to is another one".to_owned())),
                    (false, false) => (LineMark::Changed, None),
                }
            }
            (false, false) => {
                let targets = (self.images.target(Side::Shipped, old), self.images.target(Side::Rebuilt, new));
                match targets {
                    (Target::Unknown(_), _) | (_, Target::Unknown(_)) => plain(same),
                    (Target::Text(p), Target::Text(q)) if p == q && !same => {
                        (LineMark::Changed, Some("the same text is there on both sides; how far it is read is not known".to_owned()))
                    }
                    (Target::Text(_), Target::Text(_)) => plain(same),
                    (p, q) if p == q && same => (LineMark::Same, None),
                    (p, q) if p == q => (LineMark::Explained, Some(format!("moved, refers to the same {}", word(&p)))),
                    _ if same => (LineMark::Changed, Some("same bytes, but what it refers to is another one".to_owned())),
                    _ => (LineMark::Changed, None),
                }
            }
            _ => (LineMark::Changed, None),
        }
    }
}

/// Whether only the bytes of the reference differ.
fn same_but_reference(x: &Insn, y: &Insn, a: &[u8], b: &[u8]) -> bool {
    let place = |i: &Insn, code: &[u8]| {
        if let Some(fixed) = i.fixed {
            return Some(fixed.place);
        }
        let mut decoder =
            Decoder::with_ip(if i.raw.code_size() == iced_x86::CodeSize::Code64 { 64 } else { 32 }, code, i.raw.ip(), DecoderOptions::NONE);
        let raw = decoder.decode();
        let offsets = decoder.get_constant_offsets(&raw);
        if offsets.has_displacement() {
            Some((offsets.displacement_offset(), offsets.displacement_size()))
        } else if offsets.has_immediate() {
            Some((offsets.immediate_offset(), offsets.immediate_size()))
        } else {
            None
        }
    };
    let (Some(p), Some(q)) = (place(x, a), place(y, b)) else { return false };
    p == q && a.len() == b.len() && a.iter().zip(b).enumerate().all(|(i, (m, n))| m == n || (p.0..p.0 + p.1).contains(&i))
}

fn word(target: &Target) -> &'static str {
    match target {
        Target::Import(_) | Target::Slot(..) => "import",
        Target::Function(..) => "function",
        Target::Section(..) | Target::SectionEnd(..) => "place in the section",
        Target::Text(_) => "text",
        Target::Unknown(_) => "address",
    }
}

/// What changed between two instructions, in words.
pub(super) fn describe(images: &Images, x: &Insn, y: &Insn) -> String {
    let (one, two) = (&x.raw, &y.raw);
    if one.mnemonic() != two.mnemonic() {
        let name = |i: &Instruction| format!("{:?}", i.mnemonic()).to_lowercase();
        return match (one.flow_control(), two.flow_control()) {
            (FlowControl::ConditionalBranch, FlowControl::UnconditionalBranch) => {
                format!("a conditional jump ({}) became unconditional", name(one))
            }
            (FlowControl::UnconditionalBranch, FlowControl::ConditionalBranch) => {
                format!("an unconditional jump became conditional ({})", name(two))
            }
            (FlowControl::ConditionalBranch, FlowControl::ConditionalBranch) => format!("the condition {} became {}", name(one), name(two)),
            _ => format!("{} became {}", name(one), name(two)),
        };
    }
    if let (Some(old), Some(new)) = (x.reference(), y.reference())
        && x.bare() == y.bare()
    {
        let label = |side, to| images.label(side, to).unwrap_or_else(|| format!("{to:#x}"));
        let what = match one.flow_control() {
            FlowControl::Call => "call of",
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => "jump to",
            _ => "reference to",
        };
        let (before, after) = (label(Side::Shipped, old), label(Side::Rebuilt, new));
        if before == after {
            return format!("{what} {before}: now at {new:#x}, was at {old:#x}, and not proved to be the same");
        }
        return format!("{what} {before} became {after}");
    }
    for n in 0..one.op_count().min(two.op_count()) {
        let (Ok(p), Ok(q)) = (one.try_op_kind(n), two.try_op_kind(n)) else { continue };
        if let (Ok(old), Ok(new)) = (one.try_immediate(n), two.try_immediate(n))
            && old != new
        {
            return format!("immediate {old:#x} became {new:#x}");
        }
        if p == OpKind::Register && q == OpKind::Register && one.op_register(n) != two.op_register(n) {
            return format!("register {:?} became {:?}", one.op_register(n), two.op_register(n)).to_lowercase();
        }
        if p == OpKind::Memory && q == OpKind::Memory && one.memory_displacement64() != two.memory_displacement64() {
            return format!("displacement {:#x} became {:#x}", one.memory_displacement64(), two.memory_displacement64());
        }
    }
    "an instruction changed".to_owned()
}
