//! Instructions of a pair of functions, whatever the processor: decoding, and what one of them is in words. What a pair of
//! instructions proves is decided in `judge`; what belongs to one processor is in `x86` and `aarch64`.

mod judge;
mod x86;

pub(super) use judge::{Code, Immediate, compare_with};

use super::image::{Image, Images};
use super::matching::mix;
use crate::inspect::symbols::Function;
use crate::model::{Side, Sides};

/// Code of one function that is decoded at most, in bytes.
const MAX_CODE: usize = 4 << 20;

/// A processor whose code can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arch {
    /// x86 with operands of 32 or 64 bits.
    X86(u32),
}

/// What a decoded instruction is to the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// It refers to no address.
    #[default]
    Plain,
    /// It refers to one address by itself.
    Reference,
    /// No instruction: its bytes are compared and nothing is concluded from them.
    Invalid,
}

/// One decoded instruction. Its text and its operands are made from its bytes when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Insn {
    ip: u64,
    to: u64,
    /// A number for its bytes without those of the reference: it helps to align, the bytes decide.
    bare: u64,
    /// Offset in the function.
    at: u32,
    length: u8,
    /// The bytes of the reference: offset in the instruction, and how many.
    hole: (u8, u8),
    kind: Kind,
}

impl Insn {
    /// Its virtual address.
    pub(super) fn ip(&self) -> u64 {
        self.ip
    }

    /// Its bytes, of those of its function.
    pub(super) fn bytes<'a>(&self, code: &'a [u8]) -> &'a [u8] {
        let at = self.at as usize;
        code.get(at..at + usize::from(self.length)).unwrap_or_default()
    }

    /// The address it refers to.
    pub(super) fn reference(&self) -> Option<u64> {
        (self.kind == Kind::Reference).then_some(self.to)
    }

    /// Its bytes with those of the reference undone.
    pub(super) fn masked(&self, bytes: &[u8]) -> u128 {
        let hole = usize::from(self.hole.0)..usize::from(self.hole.0) + usize::from(self.hole.1);
        let byte = |i: usize, b: u8| if hole.contains(&i) { 0 } else { u128::from(b) };
        bytes.iter().take(16).enumerate().fold(0, |n, (i, b)| n | byte(i, *b) << (8 * i))
    }

    /// Fills in what follows from the other fields.
    fn sealed(mut self, bytes: &[u8]) -> Self {
        let n = self.masked(bytes);
        let form = u64::from(self.length) | u64::from(self.hole.0) << 8 | u64::from(self.hole.1) << 16;
        self.bare = fold(fold(n as u64, (n >> 64) as u64), form);
        self
    }
}

/// Mixes two numbers into one.
fn fold(a: u64, b: u64) -> u64 {
    let n = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (n as u64) ^ (n >> 64) as u64
}

fn arch(image: &Image) -> Option<Arch> {
    match (image.elf.machine, image.elf.wide, image.elf.little) {
        (62, true, true) => Some(Arch::X86(64)),
        (3, false, true) => Some(Arch::X86(32)),
        _ => None,
    }
}

/// Whether code of this file can be decoded.
pub(super) fn is_known(image: &Image) -> bool {
    arch(image).is_some()
}

/// The instructions of a function; `None` when its machine is unknown or it is over the bound.
pub(super) fn decode(image: &Image, f: &Function) -> Option<Vec<Insn>> {
    let code = image.code(f);
    let arch = arch(image).filter(|_| code.len() <= MAX_CODE)?;
    Some(match arch {
        Arch::X86(bits) => x86::decode(bits, code, f.address, &image.moved),
    })
}

/// A number for the instructions of a function without any reference: it proposes a match and proves nothing.
pub(super) fn shape(image: &Image, f: &Function) -> Option<u64> {
    let insns = decode(image, f)?;
    (insns.len() >= 3).then(|| mix(insns.iter().map(|i| i.bare)))
}

/// Whether it is padding that does nothing: `nop`, traps, zeros.
pub(super) fn is_padding(image: &Image, f: &Function) -> bool {
    let code = image.code(f);
    code.iter().all(|b| *b == 0)
        || decode(image, f).is_some_and(|insns| match arch(image) {
            Some(Arch::X86(bits)) => insns.iter().all(|i| x86::is_padding(&x86::raw(bits, i.bytes(code), i.ip))),
            None => false,
        })
}

/// For an instruction at that address which loads a number for the next call: the address that the argument before it is
/// loaded with.
pub(super) fn argument_before(image: &Image, f: &Function, address: u64) -> Option<u64> {
    let insns = decode(image, f)?;
    let index = insns.binary_search_by_key(&address, Insn::ip).ok()?;
    match arch(image)? {
        Arch::X86(64) => x86::argument_before(&insns, image.code(f), index),
        Arch::X86(_) => None,
    }
}

/// What changed between two instructions, in words.
pub(super) fn describe(images: &Images, pair: Sides<&Function>, x: &Insn, y: &Insn) -> String {
    let bytes = |side: Side, i: &Insn| i.bytes(images.sides.get(side).code(pair.get(side)));
    let (old, new) = (bytes(Side::Shipped, x), bytes(Side::Rebuilt, y));
    if let (Some(from), Some(to)) = (x.reference(), y.reference())
        && x.bare == y.bare
    {
        let label = |side, to| images.label(side, to).unwrap_or_else(|| format!("{to:#x}"));
        let what = match arch(&images.sides.shipped) {
            Some(Arch::X86(bits)) => x86::verb(&x86::raw(bits, old, x.ip)),
            None => "reference to",
        };
        let (before, after) = (label(Side::Shipped, from), label(Side::Rebuilt, to));
        if before == after {
            return format!("{what} {before}: now at {to:#x}, was at {from:#x}, and not proved to be the same");
        }
        return format!("{what} {before} became {after}");
    }
    match arch(&images.sides.shipped) {
        Some(Arch::X86(bits)) => x86::describe(&x86::raw(bits, old, x.ip), &x86::raw(bits, new, y.ip)),
        None => "an instruction changed".to_owned(),
    }
}

/// Writes instructions of one processor.
pub(super) struct Formatter(Kept);

enum Kept {
    X86(Box<x86::Formatter>),
}

/// What writes the instructions of that file.
pub(super) fn formatter(image: &Image) -> Option<Formatter> {
    Some(Formatter(match arch(image)? {
        Arch::X86(bits) => Kept::X86(Box::new(x86::Formatter::new(bits)?)),
    }))
}

impl Formatter {
    /// The text before and after the place of the address that it refers to; all in the first when there is none. `code` is
    /// that of its function.
    pub(super) fn text(&mut self, insn: &Insn, code: &[u8]) -> (String, String) {
        match &mut self.0 {
            Kept::X86(x86) => x86.text(insn.bytes(code), insn.ip),
        }
    }
}
