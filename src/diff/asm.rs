//! Instructions of a pair of functions, whatever the processor: decoding, and what one of them is in words. What a pair of
//! instructions proves is decided in `judge`; what belongs to one processor is in `x86` and `aarch64`.

mod aarch64;
mod decoded;
mod flow;
mod judge;
mod pages;
mod scan;
mod sums;
mod x86;

pub(super) use decoded::Decoded;
pub(super) use flow::{Ending, flow};
pub(super) use judge::{Code, CodeRow, Immediate, Note, compare_with};
pub(super) use scan::{Form, Reference, Scan, is_idle, runs_to_end, scan};

use super::image::{Image, Images};
use super::matching::mix;
use crate::inspect::exe::{Exe, Format};
use crate::inspect::symbols::{Bound, Function};
use crate::model::{Side, Sides};

/// Makes what the first executable would wait for.
pub(super) fn prepare() {
    x86::prepare();
}

/// Code of one function that is decoded at most, in bytes.
const MAX_CODE: usize = 4 << 20;

/// A processor whose code can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arch {
    /// x86 with operands of 32 or 64 bits.
    X86(u32),
    Aarch64,
}

/// What a decoded instruction is to the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// It refers to no address.
    #[default]
    Plain,
    /// It refers to one address by itself.
    Reference,
    /// It puts the page of an address into a register; those that add the offset are in the same web.
    Page,
    /// No instruction: its bytes are compared and nothing is concluded from them.
    Invalid,
}

/// What part of an instruction is the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hole {
    #[default]
    None,
    /// Bytes: the offset in the instruction, and how many.
    Bytes(u8, u8),
    /// Bits of a word.
    Bits(u32),
}

impl Hole {
    fn bytes(from: usize, size: usize) -> Self {
        Self::Bytes(u8::try_from(from).unwrap_or(u8::MAX), u8::try_from(size).unwrap_or(0))
    }
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
    /// Instructions that make one address together have the same number here; 0 for those that need no other.
    web: u32,
    length: u8,
    hole: Hole,
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

    /// The address that a name in its text is for.
    pub(super) fn named(&self) -> Option<u64> {
        matches!(self.kind, Kind::Reference | Kind::Page).then_some(self.to)
    }

    /// Its bytes with those of the reference undone.
    pub(super) fn masked(&self, bytes: &[u8]) -> u128 {
        let all = bytes.iter().take(16).rev().fold(0, |n, b| n << 8 | u128::from(*b));
        let hole = match self.hole {
            Hole::None => 0,
            Hole::Bits(bits) => u128::from(bits),
            Hole::Bytes(from, size) => {
                let ones = 1u128.checked_shl(u32::from(size) * 8).map_or(u128::MAX, |n| n - 1);
                ones.checked_shl(u32::from(from) * 8).unwrap_or(0)
            }
        };
        all & !hole
    }

    /// Fills in what follows from the other fields.
    fn sealed(mut self, bytes: &[u8]) -> Self {
        let n = self.masked(bytes);
        let form = match self.hole {
            Hole::None => 0,
            Hole::Bytes(from, size) => u64::from(from) << 8 | u64::from(size) << 16,
            Hole::Bits(bits) => u64::from(bits) << 8,
        };
        self.bare = fold(fold(n as u64, (n >> 64) as u64), form | u64::from(self.length));
        self
    }
}

/// Mixes two numbers into one.
fn fold(a: u64, b: u64) -> u64 {
    let n = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (n as u64) ^ (n >> 64) as u64
}

fn arch(image: &Image) -> Option<Arch> {
    arch_of(&image.elf)
}

fn arch_of(exe: &Exe) -> Option<Arch> {
    match (exe.machine, exe.wide, exe.little) {
        // x32 has 32-bit addresses and 64-bit code.
        (62, _, true) => Some(Arch::X86(64)),
        (3, false, true) => Some(Arch::X86(32)),
        (183, true, true) => Some(Arch::Aarch64),
        _ => None,
    }
}

/// Whether code of this file can be decoded.
pub(super) fn is_known(image: &Image) -> bool {
    arch(image).is_some()
}

/// For each range whether aarch64 code of a function may lead into it: by itself, or by a page of which nobody proved what is made of it.
pub(super) fn may_lead(image: &Image, f: &Function, ranges: &[&std::ops::Range<u64>]) -> Vec<bool> {
    let Some(insns) = decode(image, f) else { return vec![true; ranges.len()] };
    let proved = |insn: &Insn| (insn.kind == Kind::Page, insn.reference());
    let proved: Vec<(bool, Option<u64>)> = insns.iter().map(proved).collect();
    ranges.iter().map(|range| aarch64::may_lead(image.code(f), f.address, &proved, range)).collect()
}

/// The instructions of a function; `None` when its machine is unknown or it is over the bound.
pub(super) fn decode(image: &Image, f: &Function) -> Option<Vec<Insn>> {
    let code = image.code(f);
    let arch = arch(image).filter(|_| code.len() <= MAX_CODE)?;
    Some(match arch {
        Arch::X86(bits) => x86::decode(&x86::Mode { bits, fixed: is_fixed(image) }, code, f.address, &fixups(image, f)),
        Arch::Aarch64 => aarch64::decode(code, f.address),
    })
    .map(|mut insns: Vec<Insn>| {
        if image.elf.is_unplaced() {
            // The linker fills in every reference: what is in the code says nothing of where it leads.
            insns.iter_mut().filter(|i| i.kind != Kind::Invalid).for_each(|i| (i.kind, i.web) = (Kind::Plain, 0));
        }
        insns
    })
}

/// An operand that the loader fills in: where it is, and for one that becomes an address of the file its size and that address.
struct Fixup {
    at: u64,
    address: Option<(u8, u64)>,
}

fn fixups(image: &Image, f: &Function) -> Vec<Fixup> {
    let size = if image.elf.wide { 8 } else { 4 };
    let fixup =
        |(at, bound): (&u64, &Bound)| Fixup { at: *at, address: if let Bound::Relative(to) = bound { Some((size, *to)) } else { None } };
    let mut out: Vec<Fixup> = image.filled(f.address..f.end()).map(fixup).collect();
    let code = image.code(f);
    let numbers = crate::inspect::exe::Numbers { wide: true, little: true };
    // What the loader moves with the image holds its address already.
    let moved = image.moved.range(f.address..f.end().max(f.address)).map(|(at, size)| {
        let from = usize::try_from(at - f.address).unwrap_or(usize::MAX);
        Fixup { at: *at, address: numbers.int(code, from, usize::from(*size)).map(|to| (*size, to)) }
    });
    let plain = out.is_empty();
    out.extend(moved);
    if !plain {
        out.sort_by_key(|f| f.at);
    }
    out
}

/// Whether it always runs at the addresses that are in the file.
fn is_fixed(image: &Image) -> bool {
    image.elf.format == Format::Elf && image.elf.kind == 2
}

/// The numbers of four bytes and more (or only those of eight) in the operands of x86 code.
pub(super) fn numbers(image: &Image, f: &Function, long_only: bool) -> Vec<i64> {
    match arch(image) {
        Some(Arch::X86(bits)) => x86::numbers(bits, image.code(f), f.address, if long_only { 8 } else { 4 }),
        _ => Vec::new(),
    }
}

/// Addresses that the code of a function makes in two steps, in its order. Empty for processors that need but one.
pub(super) fn two_steps(image: &Image, f: &Function) -> Vec<Reference> {
    let insns = if arch(image) == Some(Arch::Aarch64) { decode(image, f) } else { None }.unwrap_or_default();
    let (code, bytes) = (image.code(f), |i: &Insn| i.at as usize..i.at as usize + usize::from(i.length));
    let second = insns.iter().filter(|i| i.kind == Kind::Reference && i.web != 0);
    second.map(|i| Reference::in_two_steps(bytes(i), i.ip, i.to, aarch64::reach(aarch64::word(i.bytes(code))))).collect()
}

/// A number for the instructions of a function without any reference: it proposes a match and proves nothing.
pub(super) fn shape(image: &Image, f: &Function) -> Option<u64> {
    let insns = decode(image, f)?;
    let shape = (insns.len() >= 3).then(|| mix(insns.iter().map(|i| i.bare)));
    image.decoded.put(f, insns);
    shape
}

/// Whether it is padding that does nothing: `nop`, traps, zeros.
pub(super) fn is_padding(image: &Image, f: &Function) -> bool {
    is_padding_code(&image.elf, image.code(f))
}

/// The same of any code of a file.
pub(super) fn is_padding_code(exe: &Exe, code: &[u8]) -> bool {
    let words = || code.as_chunks::<4>();
    code.iter().all(|b| *b == 0)
        || match arch_of(exe) {
            Some(Arch::X86(bits)) => x86::is_all_padding(bits, code),
            Some(Arch::Aarch64) => words().1.is_empty() && words().0.iter().all(|w| aarch64::is_padding(aarch64::word(w))),
            None => false,
        }
}

/// Whether it is padding as assemblers and linkers write it, in which nothing can hide: the usual forms of `nop` and traps.
pub(super) fn is_plain_padding(image: &Image, f: &Function) -> bool {
    let x86 = matches!(arch(image), Some(Arch::X86(64)));
    x86 && decode(image, f).is_some_and(|insns| insns.iter().all(|i| x86::is_plain_padding(i.bytes(image.code(f)))))
}

/// For an instruction at that address, one of those of the function, which loads a number for the next call: the address that the argument before it is
/// loaded with, and what is called.
pub(super) fn argument_before(image: &Image, f: &Function, insns: &[Insn], address: u64) -> Option<(u64, Ending)> {
    let index = insns.binary_search_by_key(&address, Insn::ip).ok()?;
    match arch(image)? {
        Arch::X86(64) => x86::argument_before(insns, image.code(f), index),
        Arch::X86(_) | Arch::Aarch64 => None,
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
            Some(Arch::Aarch64) => aarch64::verb(aarch64::word(old)),
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
        Some(Arch::Aarch64) => aarch64::describe(x, y, aarch64::word(old), aarch64::word(new)),
        None => "an instruction changed".to_owned(),
    }
}

/// Writes instructions of one processor.
pub(super) struct Formatter(Kept);

enum Kept {
    X86(Box<x86::Formatter>),
    Aarch64,
}

/// What writes the instructions of that file.
pub(super) fn formatter(image: &Image) -> Option<Formatter> {
    Some(Formatter(match arch(image)? {
        Arch::X86(bits) => Kept::X86(Box::new(x86::Formatter::new(bits)?)),
        Arch::Aarch64 => Kept::Aarch64,
    }))
}

impl Formatter {
    /// The text before and after the place of the address that it refers to; all in the first when there is none. `code` is
    /// that of its function.
    pub(super) fn text(&mut self, insn: &Insn, code: &[u8]) -> (String, String) {
        match &mut self.0 {
            Kept::X86(x86) => x86.text(insn, insn.bytes(code)),
            Kept::Aarch64 => aarch64::text(insn, aarch64::word(insn.bytes(code))),
        }
    }
}
