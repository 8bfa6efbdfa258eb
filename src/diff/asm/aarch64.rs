//! aarch64: what a word refers to, what it does to registers and to the flow of control, and its text. Only what the
//! architecture manual fixes in bits is decided here; the decoder writes the text.

use std::fmt::Write as _;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction};

use super::{Hole, Insn, Kind, pages};

/// Where control goes after a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// To an address, always.
    Jump(u64),
    /// To an address or to the next word.
    Branch(u64),
    /// To somewhere that comes back.
    Call,
    /// To an address in a register.
    Indirect,
    /// Out of the function.
    Return,
    /// It traps.
    Stop,
}

/// What a word does with the general registers (bit n for `xn`) and with the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) reads: u32,
    pub(super) writes: u32,
    /// Written perhaps, or only in part.
    pub(super) spoils: u32,
    pub(super) flow: Flow,
}

pub(super) const ALL: u32 = 0x7fff_ffff;
/// Registers that a call may change.
const CALLER_SAVED: u32 = 0x4007_ffff;
const NOP: u32 = 0xd503_201f;

/// A word that refers to an address by itself: the bits that hold the distance, and the address.
fn direct(w: u32, ip: u64) -> Option<(u32, u64)> {
    let distance = |bits: u32, from: u32, scale: u32| {
        let shift = 32 - bits;
        let value = (w >> from << shift).cast_signed() >> shift;
        ip.wrapping_add_signed(i64::from(value) << scale)
    };
    match w {
        _ if w & 0x7c00_0000 == 0x1400_0000 => Some((0x03ff_ffff, distance(26, 0, 2))),
        _ if w & 0xff00_0000 == 0x5400_0000 || w & 0x7e00_0000 == 0x3400_0000 || is_literal(w) => Some((0x00ff_ffe0, distance(19, 5, 2))),
        _ if w & 0x7e00_0000 == 0x3600_0000 => Some((0x0007_ffe0, distance(14, 5, 2))),
        _ if w & 0x9f00_0000 == 0x1000_0000 => Some((ADR_BITS, ip.wrapping_add_signed(adr_distance(w)))),
        _ => None,
    }
}

pub(super) const ADR_BITS: u32 = 0x60ff_ffe0;
pub(super) const IMM12: u32 = 0x003f_fc00;

fn adr_distance(w: u32) -> i64 {
    let value = (w >> 5 & 0x7_ffff) << 2 | w >> 29 & 3;
    i64::from((value << 11).cast_signed() >> 11)
}

/// `LDR` of a literal, also `LDRSW` and `PRFM`.
fn is_literal(w: u32) -> bool {
    w & 0x3b00_0000 == 0x1800_0000 && w & 0xc400_0000 != 0xc400_0000
}

/// Bytes that a literal load reads.
fn literal_size(w: u32) -> u64 {
    match (w >> 26 & 1, w >> 30) {
        (0, 0 | 2) | (1, 0) => 4,
        (0, 1) | (1, 1) => 8,
        (1, 2) => 16,
        _ => 0,
    }
}

/// The page that an `ADRP` puts into a register.
pub(super) fn page(w: u32, ip: u64) -> Option<(u32, u64)> {
    (w & 0x9f00_0000 == 0x9000_0000).then(|| (w & 31, (ip & !0xfff).wrapping_add_signed(adr_distance(w) << 12)))
}

/// The second half of a pair: the register that it adds an offset to, and the offset.
pub(super) fn page_user(w: u32) -> Option<(u32, u64)> {
    let imm = u64::from(w >> 10 & 0xfff);
    let scale = match w {
        _ if w & 0xffc0_0000 == 0x9100_0000 => 0,
        _ if w & 0x3b00_0000 == 0x3900_0000 => match (w >> 26 & 1, w >> 23 & 1, w >> 30) {
            (1, 1, 0) => 4,
            (1, 1, _) => return None,
            (_, _, size) => size,
        },
        _ => return None,
    };
    Some((w >> 5 & 31, imm << scale))
}

/// Bytes that the second half of a pair reads or writes; 0 where it only makes the address.
pub(super) fn reach(w: u32) -> u64 {
    match (w & 0x3b00_0000 == 0x3900_0000, w >> 26 & 1, w >> 23 & 1, w >> 30) {
        (false, ..) => 0,
        // A prefetch.
        (true, 0, 1, 3) => 0,
        (true, 1, 1, _) => 16,
        (true, _, _, size) => 1 << size,
    }
}

/// The immediate that `MOV` puts into a register (`MOVZ` without a shift), and its bits.
pub(super) fn immediate(w: u32) -> Option<(u64, u32)> {
    (w & 0x7fe0_0000 == 0x5280_0000).then_some((u64::from(w >> 5 & 0xffff), 0x001f_ffe0))
}

pub(super) fn effect(w: u32, ip: u64) -> Effect {
    let (d, n, a, m) = (w & 31, w >> 5 & 31, w >> 10 & 31, w >> 16 & 31);
    let bit = |r: u32| (1u32 << r) & ALL;
    let with = |reads: u32, writes: u32| Effect { reads, writes, spoils: 0, flow: Flow::Next };
    let flow = |reads: u32, flow: Flow| Effect { reads, writes: 0, spoils: 0, flow };
    let unknown = Effect { reads: ALL, writes: 0, spoils: ALL, flow: Flow::Next };
    let to = direct(w, ip).map_or(0, |(_, to)| to);
    match w >> 25 & 15 {
        0b1000 | 0b1001 => match w >> 23 & 7 {
            0 | 1 => with(0, bit(d)),
            2..=4 => with(bit(n), bit(d)),
            // `MOVK` keeps the rest of its register.
            5 => with(if w >> 29 & 3 == 3 { bit(d) } else { 0 }, bit(d)),
            6 => with(bit(n) | if w >> 29 & 3 == 1 { bit(d) } else { 0 }, bit(d)),
            _ if w & 0x7fa0_0000 == 0x1380_0000 => with(bit(n) | bit(m), bit(d)),
            _ => unknown,
        },
        0b1010 | 0b1011 => match w {
            _ if w & 0xfc00_0000 == 0x1400_0000 => flow(0, Flow::Jump(to)),
            _ if w & 0xfc00_0000 == 0x9400_0000 => Effect { reads: 0, writes: 0, spoils: CALLER_SAVED, flow: Flow::Call },
            _ if w & 0xff00_0000 == 0x5400_0000 => flow(0, Flow::Branch(to)),
            _ if w & 0x7c00_0000 == 0x3400_0000 => flow(bit(d), Flow::Branch(to)),
            _ if w & 0xffff_fc1f == 0xd61f_0000 => flow(bit(n), Flow::Indirect),
            _ if w & 0xffff_fc1f == 0xd63f_0000 => Effect { reads: bit(n), writes: 0, spoils: CALLER_SAVED, flow: Flow::Call },
            _ if w & 0xffff_fc1f == 0xd65f_0000 || w & 0xffff_fbff == 0xd65f_0bff => flow(bit(n), Flow::Return),
            // The same with a key.
            _ if w & 0xfeff_f800 == 0xd61f_0800 => flow(bit(n) | bit(d), Flow::Indirect),
            _ if w & 0xfeff_f800 == 0xd63f_0800 => Effect { reads: bit(n) | bit(d), writes: 0, spoils: CALLER_SAVED, flow: Flow::Call },
            // A system call takes its number and arguments from here and gives one value back.
            _ if w & 0xffe0_001f == 0xd400_0001 => Effect { reads: 0x1ff, writes: 0, spoils: CALLER_SAVED, flow: Flow::Next },
            _ if w & 0xffe0_001f == 0xd420_0000 || w & 0xffe0_001f == 0xd440_0000 => flow(0, Flow::Stop),
            _ if w & 0xffff_f01f == NOP => match w >> 5 & 0x7f {
                0..=6 | 16..=20 | 32 | 34 | 36 | 38 => with(0, 0),
                7 | 24..=31 => with(bit(30), bit(30)),
                8 | 10 | 12 | 14 => with(bit(16) | bit(17), bit(17)),
                _ => unknown,
            },
            _ if w & 0xffff_f000 == 0xd503_3000 || w & 0xfff8_f01f == 0xd500_401f => with(0, 0),
            _ if w & 0xfff8_0000 == 0xd508_0000 || w & 0xfff0_0000 == 0xd510_0000 => with(bit(d), 0),
            _ if w & 0xfff8_0000 == 0xd528_0000 || w & 0xfff0_0000 == 0xd530_0000 => with(0, bit(d)),
            _ => unknown,
        },
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(w).unwrap_or(unknown),
        0b0101 | 0b1101 => match w >> 24 & 31 {
            0b01010 | 0b01011 => with(bit(n) | bit(m), bit(d)),
            0b11011 => with(bit(n) | bit(m) | bit(a), bit(d)),
            0b11010 => match w >> 21 & 7 {
                0 if w & 0xfc00 == 0 => with(bit(n) | bit(m), bit(d)),
                2 => with(bit(n) | if w & 0x800 == 0 { bit(m) } else { 0 }, 0),
                4 => with(bit(n) | bit(m), bit(d)),
                6 if w >> 30 & 1 == 0 => with(bit(n) | bit(m), bit(d)),
                6 if m == 0 => with(bit(n), bit(d)),
                _ => unknown,
            },
            _ => unknown,
        },
        0b0111 | 0b1111 => match w {
            // Between general and other registers: conversions, `FMOV`, `DUP`, `INS`, `SMOV`, `UMOV`.
            _ if w & 0x5f20_0000 == 0x1e00_0000 || w & 0x5f20_fc00 == 0x1e20_0000 => match w >> 16 & 7 {
                2 | 3 | 7 => with(bit(n), 0),
                _ => Effect { reads: 0, writes: 0, spoils: bit(d), flow: Flow::Next },
            },
            _ if w & 0x9fe0_8400 == 0x0e00_0400 => Effect { reads: bit(n), writes: 0, spoils: bit(d), flow: Flow::Next },
            _ => with(0, 0),
        },
        0 if w >> 16 == 0 => flow(0, Flow::Stop),
        _ => unknown,
    }
}

/// Loads and stores of the usual forms.
fn memory(w: u32) -> Option<Effect> {
    let (d, n, second, m) = (w & 31, w >> 5 & 31, w >> 10 & 31, w >> 16 & 31);
    let bit = |r: u32| (1u32 << r) & ALL;
    let vector = w >> 26 & 1 == 1;
    let data = |r: u32| if vector { 0 } else { bit(r) };
    let op = w >> 22 & 3;
    let prefetch = !vector && w >> 30 == 3 && op == 2;
    // What is loaded into or stored from, for one register.
    let one = |reads: u32, writes: u32| {
        let load = if vector { op & 1 == 1 } else { op != 0 };
        let (r, w) = if prefetch {
            (0, 0)
        } else if load {
            (0, data(d))
        } else {
            (data(d), 0)
        };
        Effect { reads: reads | r, writes: writes | w, spoils: 0, flow: Flow::Next }
    };
    match w {
        _ if w & 0x3b00_0000 == 0x1800_0000 => {
            Some(Effect { reads: 0, writes: if w >> 30 == 3 { 0 } else { data(d) }, spoils: 0, flow: Flow::Next })
        }
        _ if w & 0x3a00_0000 == 0x2800_0000 => {
            let both = data(d) | data(second);
            let back = if w >> 23 & 1 == 1 { bit(n) } else { 0 };
            let (reads, writes) = if op & 1 == 1 { (0, both) } else { (both, 0) };
            Some(Effect { reads: reads | bit(n), writes: writes | back, spoils: 0, flow: Flow::Next })
        }
        _ if w & 0x3b00_0000 == 0x3900_0000 => Some(one(bit(n), 0)),
        _ if w & 0x3b20_0000 == 0x3800_0000 => Some(one(bit(n), if w >> 10 & 1 == 1 { bit(n) } else { 0 })),
        _ if w & 0x3b20_0c00 == 0x3820_0800 => Some(one(bit(n) | bit(m), 0)),
        // Atomic operations: a value in, the old value out.
        _ if w & 0x3f20_0c00 == 0x3820_0000 => Some(Effect { reads: bit(n) | bit(m), writes: 0, spoils: bit(d), flow: Flow::Next }),
        // Exclusive, ordered, compare and swap; pairs of neighbouring registers too.
        _ if w & 0x3f00_0000 == 0x0800_0000 => {
            let own = bit(d) | bit((d + 1) & 31) | bit(second) | bit(m) | bit((m + 1) & 31);
            Some(Effect { reads: bit(n) | own, writes: 0, spoils: own, flow: Flow::Next })
        }
        _ if w & 0x3f20_0c00 == 0x1900_0000 => Some(Effect { reads: bit(n) | bit(d), writes: 0, spoils: bit(d), flow: Flow::Next }),
        _ if w & 0xbe00_0000 == 0x0c00_0000 => {
            let post = w >> 23 & 1 == 1;
            let (more, back) = if post { (bit(m), bit(n)) } else { (0, 0) };
            Some(Effect { reads: bit(n) | more, writes: back, spoils: 0, flow: Flow::Next })
        }
        _ => None,
    }
}

/// Steps back from a jump that are looked at for one register.
const MAX_BACK: usize = 256;

/// Whether a word jumps to, or calls, a sum that does not count from an address in this code.
pub(super) fn jumps_to_sum(words: &[u32], at: usize, address: u64) -> bool {
    let Some(w) = words.get(at).copied() else { return false };
    let register = match w {
        // `BR`, `BLR` and `RET`, without a key and with one.
        _ if w & 0xff9f_fc1f == 0xd61f_0000 && w != 0xd65f_03c0 => w >> 5 & 31,
        _ if w & 0xfedf_f800 == 0xd61f_0800 => w >> 5 & 31,
        _ => return false,
    };
    is_sum(words, at, register, address, 4)
}

/// The nearest word before another one that writes a register.
fn writer(words: &[u32], at: usize, register: u32, address: u64) -> Option<(usize, u32)> {
    let before = words.get(at.saturating_sub(MAX_BACK)..at)?.iter().enumerate().rev();
    let first = at.saturating_sub(MAX_BACK);
    let mut all = before.map(|(i, w)| (first + i, *w));
    all.find(|(i, w)| {
        let does = effect(*w, address.wrapping_add(*i as u64 * 4));
        (does.writes | does.spoils) >> register & 1 == 1
    })
}

/// Whether a register holds a sum there, as far as the words before tell: not what was loaded, given or returned.
fn is_sum(words: &[u32], at: usize, register: u32, address: u64, depth: u32) -> bool {
    let Some((i, w)) = writer(words, at, register, address) else { return false };
    let Some(depth) = depth.checked_sub(1) else { return true };
    let (n, m) = (w >> 5 & 31, w >> 16 & 31);
    let again = |r: u32| is_sum(words, i, r, address, depth);
    match w {
        // `MOV`, and what authenticates or signs.
        _ if w & 0xffe0_ffe0 == 0xaa00_03e0 => again(m),
        _ if w & 0xffff_c000 == 0xdac1_0000 => again(register),
        // A number on top, and one of two.
        _ if w & 0xff80_0000 == 0x9100_0000 => again(n),
        _ if w & 0xffe0_0800 == 0x9a80_0000 => again(n) || again(m),
        _ if w & 0xff20_0000 == 0x8b00_0000 || w & 0xffe0_0000 == 0x8b20_0000 => {
            !is_own_place(words, i, n, address, depth) && !is_own_place(words, i, m, address, depth)
        }
        // What the C library keeps its pointers secret with: no address of its own is in it.
        _ if w & 0xff20_0000 == 0xca00_0000 => again(n) || again(m) || is_address(words, i, n, depth) || is_address(words, i, m, depth),
        _ if w & 0x1f00_0000 == 0x1000_0000 || w & 0x0a00_0000 == 0x0800_0000 => false,
        _ => matches!(effect(w, 0).flow, Flow::Next),
    }
}

/// Whether a register holds an address that the code makes by itself.
fn is_address(words: &[u32], at: usize, register: u32, depth: u32) -> bool {
    let Some((i, w)) = writer(words, at, register, 0) else { return false };
    match (w, depth.checked_sub(1)) {
        _ if w & 0x1f00_0000 == 0x1000_0000 => true,
        (_, Some(depth)) if w & 0xffe0_ffe0 == 0xaa00_03e0 => is_address(words, i, w >> 16 & 31, depth),
        (_, Some(depth)) if w & 0xff80_0000 == 0x9100_0000 => is_address(words, i, w >> 5 & 31, depth),
        _ => false,
    }
}

/// Whether a word goes from a page to another one: it adds more than what is left of the page, or nobody knows how much.
pub(super) fn leaves_page(words: &[u32], at: usize) -> bool {
    let Some(w) = words.get(at).copied() else { return false };
    let (n, m) = (w >> 5 & 31, w >> 16 & 31);
    let is_page = |r: u32| {
        let mut place = (at, r);
        for _ in 0..4 {
            let Some((i, w)) = writer(words, place.0, place.1, 0) else { return false };
            if w & 0xffe0_ffe0 != 0xaa00_03e0 {
                return page(w, 0).is_some();
            }
            place = (i, w >> 16 & 31);
        }
        true
    };
    match w {
        _ if page_user(w).is_some_and(|(_, offset)| offset >= 0x1000) => is_page(n),
        // Other sums of 64 bits with a number, and with a register.
        _ if w & 0x9f80_0000 == 0x9100_0000 && page_user(w).is_none() => is_page(n),
        _ if w & 0x9f20_0000 == 0x8b00_0000 || w & 0x9fe0_0000 == 0x8b20_0000 => is_page(n) || is_page(m),
        _ if w & 0x3b20_0c00 == 0x3820_0800 => is_page(n) || is_page(m),
        _ => false,
    }
}

/// Whether a register holds an address in this code there.
fn is_own_place(words: &[u32], at: usize, register: u32, address: u64, depth: u32) -> bool {
    let Some((i, w)) = writer(words, at, register, address) else { return false };
    let Some(depth) = depth.checked_sub(1) else { return false };
    if w & 0xffe0_ffe0 == 0xaa00_03e0 {
        return is_own_place(words, i, w >> 16 & 31, address, depth);
    }
    let place = address.wrapping_add(i as u64 * 4).wrapping_add_signed(adr_distance(w));
    w & 0x9f00_0000 == 0x1000_0000 && place.wrapping_sub(address) < words.len() as u64 * 4
}

/// The words of some code.
pub(super) fn words(code: &[u8]) -> Vec<u32> {
    let (words, _) = code.as_chunks::<4>();
    words.iter().map(|w| u32::from_le_bytes(*w)).collect()
}

/// All instructions of some code.
pub(super) fn decode(code: &[u8], address: u64) -> Vec<Insn> {
    let insn = |at: usize, length: usize| Insn {
        ip: address.wrapping_add(at as u64),
        at: u32::try_from(at).unwrap_or(u32::MAX),
        length: u8::try_from(length).unwrap_or(0),
        ..Insn::default()
    };
    let words = words(code);
    let mut out: Vec<Insn> = (0..words.len()).map(|i| insn(i * 4, 4)).collect();
    let aligned = address.is_multiple_of(4);
    let mut data = vec![!aligned; words.len()];
    if aligned {
        // What a literal load reads is data, whatever instruction its bytes would be.
        for (w, i) in words.iter().zip(&out).filter(|(w, _)| is_literal(**w)) {
            let Some(from) = direct(*w, i.ip).map(|(_, to)| to.wrapping_sub(address)).filter(|at| *at < code.len() as u64) else {
                continue;
            };
            let first = usize::try_from(from / 4).unwrap_or(usize::MAX);
            let count = usize::try_from(literal_size(*w).div_ceil(4)).unwrap_or(0);
            data.iter_mut().skip(first).take(count).for_each(|d| *d = true);
        }
    }
    for ((i, w), data) in out.iter_mut().zip(&words).zip(&data) {
        if *data {
            i.kind = Kind::Invalid;
        } else if let Some((bits, to)) = direct(*w, i.ip) {
            (i.kind, i.hole, i.to) = (Kind::Reference, Hole::Bits(bits), to);
        } else if page(*w, i.ip).is_some() {
            i.hole = Hole::Bits(ADR_BITS);
        }
    }
    if aligned {
        pages::resolve(&words, &data, address, &mut out);
    }
    let rest = words.len() * 4;
    if rest < code.len() {
        out.push(Insn { kind: Kind::Invalid, ..insn(rest, code.len() - rest) });
    }
    for i in &mut out {
        *i = i.sealed(i.bytes(code));
    }
    out
}

pub(super) fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |w| u32::from_le_bytes(*w))
}

/// `nop`, zeros, and the trap that linkers fill with.
pub(super) fn is_padding(w: u32) -> bool {
    matches!(w, NOP | 0 | 0xd420_0000)
}

const CONDITIONS: [&str; 16] = ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"];

fn condition(w: u32) -> &'static str {
    CONDITIONS.get((w & 15) as usize).copied().unwrap_or("al")
}

/// A general register; 31 is the zero register or the stack pointer.
fn register(n: u32, wide: bool, stack: bool) -> String {
    match (n & 31, wide, stack) {
        (31, true, true) => "sp".to_owned(),
        (31, false, true) => "wsp".to_owned(),
        (31, true, false) => "xzr".to_owned(),
        (31, false, false) => "wzr".to_owned(),
        (n, true, _) => format!("x{n}"),
        (n, false, _) => format!("w{n}"),
    }
}

/// The text before and after the place of the address that it refers to; all in the first when there is none.
pub(super) fn text(insn: &Insn, w: u32) -> (String, String) {
    let none = String::new;
    let wide = w >> 31 == 1;
    match insn.kind {
        Kind::Invalid => return (format!(".word {w:#010x}"), none()),
        Kind::Page => return (format!("adrp {}, ", register(w, true, false)), none()),
        Kind::Reference if insn.web != 0 => {
            let base = register(w >> 5, true, true);
            if w & 0x3b00_0000 != 0x3900_0000 {
                return (format!("add {}, {base}, :lo12:", register(w, true, true)), none());
            }
            let (name, value) = transfer(w);
            return (format!("{name} {value}, [{base}, :lo12:"), "]".to_owned());
        }
        Kind::Plain | Kind::Reference => {}
    }
    let before = match w {
        _ if insn.kind != Kind::Reference => return (plain(w), none()),
        _ if w & 0xfc00_0000 == 0x1400_0000 => "b ".to_owned(),
        _ if w & 0xfc00_0000 == 0x9400_0000 => "bl ".to_owned(),
        _ if w & 0xff00_0010 == 0x5400_0000 => format!("b.{} ", condition(w)),
        _ if w & 0xff00_0010 == 0x5400_0010 => format!("bc.{} ", condition(w)),
        _ if w & 0x7e00_0000 == 0x3400_0000 => {
            format!("{} {}, ", if w >> 24 & 1 == 1 { "cbnz" } else { "cbz" }, register(w, wide, false))
        }
        _ if w & 0x7e00_0000 == 0x3600_0000 => {
            let name = if w >> 24 & 1 == 1 { "tbnz" } else { "tbz" };
            format!("{name} {}, #{}, ", register(w, wide, false), w >> 31 << 5 | w >> 19 & 31)
        }
        _ if w & 0x9f00_0000 == 0x1000_0000 => format!("adr {}, ", register(w, true, false)),
        _ => match (w >> 26 & 1, w >> 30) {
            (0, 3) => format!("prfm #{}, ", w & 31),
            (0, 2) => format!("ldrsw {}, ", register(w, true, false)),
            (0, size) => format!("ldr {}, ", register(w, size == 1, false)),
            (_, size) => format!("ldr {}{}, ", ["s", "d", "q"].get(size as usize).copied().unwrap_or("?"), w & 31),
        },
    };
    (before, none())
}

/// Name and data register of a load or store with an unsigned offset.
fn transfer(w: u32) -> (&'static str, String) {
    let (vector, op, size) = (w >> 26 & 1 == 1, w >> 22 & 3, w >> 30);
    if vector {
        let letter = if op & 2 == 2 { "q" } else { ["b", "h", "s", "d"].get(size as usize).copied().unwrap_or("?") };
        return (if op & 1 == 1 { "ldr" } else { "str" }, format!("{letter}{}", w & 31));
    }
    let name = match (op, size) {
        (0, 0) => "strb",
        (0, 1) => "strh",
        (0, _) => "str",
        (1, 0) => "ldrb",
        (1, 1) => "ldrh",
        (1, _) => "ldr",
        (2, 3) => return ("prfm", format!("#{}", w & 31)),
        (_, 0) => "ldrsb",
        (_, 1) => "ldrsh",
        _ => "ldrsw",
    };
    (name, register(w, if op >= 2 { op == 2 } else { size == 3 }, false))
}

fn decoded(w: u32) -> Option<Instruction> {
    let bytes = w.to_le_bytes();
    InstDecoder::default().decode(&mut U8Reader::new(&bytes)).ok()
}

fn plain(w: u32) -> String {
    let mut out = String::new();
    match decoded(w) {
        Some(raw) if write!(out, "{raw}").is_ok() => out,
        _ => format!(".word {w:#010x}"),
    }
}

/// What it does with the address that it refers to.
pub(super) fn verb(w: u32) -> &'static str {
    match effect(w, 0).flow {
        Flow::Call => "call of",
        Flow::Jump(_) | Flow::Branch(_) => "jump to",
        _ => "reference to",
    }
}

/// What changed between two words, in words.
pub(super) fn describe(x: &Insn, y: &Insn, old: u32, new: u32) -> String {
    let whole = |i: &Insn, w: u32| {
        let (before, after) = text(i, w);
        before + &after
    };
    let (one, two) = (whole(x, old), whole(y, new));
    let split = |text: &str| {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        (name.to_owned(), rest.split(", ").map(|p| p.trim_matches(['[', ']', '!']).to_owned()).collect::<Vec<_>>())
    };
    let ((name, parts), (other, others)) = (split(&one), split(&two));
    let conditional = |w: u32| matches!(effect(w, 0).flow, Flow::Branch(_));
    let jump = |w: u32| matches!(effect(w, 0).flow, Flow::Jump(_));
    if name != other {
        return match () {
            () if conditional(old) && jump(new) => format!("a conditional jump ({name}) became unconditional"),
            () if jump(old) && conditional(new) => format!("an unconditional jump became conditional ({other})"),
            () if conditional(old) && conditional(new) => format!("the condition {name} became {other}"),
            () => format!("{name} became {other}"),
        };
    }
    let changed = parts.iter().zip(&others).find(|(p, q)| p != q);
    match changed {
        Some((p, q)) => {
            let what = match p.as_bytes() {
                [b'#' | b'0'..=b'9', ..] => "immediate",
                [b'x' | b'w' | b's' | b'v' | b'd' | b'q' | b'b' | b'h', ..] => "register",
                _ => "operand",
            };
            format!("{what} {} became {}", p.trim_start_matches('#'), q.trim_start_matches('#'))
        }
        None => "an instruction changed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADRP0: u32 = 0xb000_0000; // adrp x0, +1 page
    const ADD0: u32 = 0x9100_4000; // add x0, x0, #0x10
    const LOAD: u32 = 0xb940_1001; // ldr w1, [x0, #0x10]
    const KILL: u32 = 0xd280_0000; // mov x0, #0
    const NEW1: u32 = 0xd280_0001; // mov x1, #0
    const RET: u32 = 0xd65f_03c0;

    /// `P` for a proved page, `a` for an address, `x` for data, `.` for the rest.
    fn kinds(words: &[u32]) -> String {
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let kind = |i: &Insn| match i.kind {
            Kind::Page => 'P',
            Kind::Reference if i.web != 0 => {
                assert_eq!(i.named(), Some(0x2010));
                'a'
            }
            Kind::Invalid => 'x',
            _ => '.',
        };
        decode(&code, 0x1000).iter().map(kind).collect()
    }

    #[test]
    fn a_page_is_proved_when_all_that_may_read_it_is_found() {
        assert_eq!(kinds(&[ADRP0, ADD0, RET]), "Pa.");
        assert_eq!(kinds(&[ADRP0, LOAD, LOAD, KILL, RET]), "Paa..");
        // Over a branch whose ways both end: cbz x2, +12.
        assert_eq!(kinds(&[ADRP0, 0xb400_0062, ADD0, RET, LOAD, KILL, RET]), "P.a.a..");
        // Two pages that meet: cbz x2, +12; b +8.
        assert_eq!(kinds(&[0xb400_0062, ADRP0, 0x1400_0002, ADRP0, ADD0, RET]), ".P.Pa.");
        // In a register that calls keep.
        assert_eq!(kinds(&[0xb000_0013, 0x9400_0100, 0xb940_1261, 0xd280_0013, RET]), "P.a..");
    }

    #[test]
    fn a_page_that_may_be_read_elsewhere_is_not_proved() {
        for words in [
            // Never used; left in the result; an argument of a call; kept over a call that may change it.
            &[ADRP0, KILL, RET][..],
            &[ADRP0, LOAD, RET],
            &[ADRP0, LOAD, 0x9400_0100, KILL, RET],
            &[0xb000_0009, 0x9400_0100, 0xb940_1121, 0xd280_0009, RET],
            // Copied, stored, stored into itself, added to another register, taken as a pair's base.
            &[ADRP0, LOAD, 0xaa00_03e1, KILL, RET],
            &[ADRP0, LOAD, 0xf900_0020, KILL, RET],
            &[ADRP0, 0xf900_0800, KILL, RET],
            &[ADRP0, LOAD, 0x8b00_0021, KILL, RET],
            &[ADRP0, LOAD, 0xa940_0801, KILL, RET],
            // Changed in part: movk x0, #1. Written back: ldr w1, [x0], #4.
            &[ADRP0, 0xf280_0020, ADD0, RET],
            &[ADRP0, 0xb840_4401, LOAD, KILL, RET],
            // Out of the function: b, b.eq, br x3, and over its end.
            &[ADRP0, LOAD, 0x1400_0100],
            &[ADRP0, LOAD, 0x5400_2000, KILL, RET],
            &[ADRP0, LOAD, 0xd61f_0060],
            &[ADRP0, LOAD],
            // A word of no known form, and of an extension that is not followed (SVE).
            &[ADRP0, LOAD, 0x0420_e3e0, KILL, RET],
        ] {
            assert!(!kinds(words).contains(['P', 'a']), "{words:08x?}: {}", kinds(words));
        }
    }

    #[test]
    fn a_use_that_other_ways_lead_to_is_not_proved() {
        // cbz x2 to the use, past the page; two pages that differ; a loop that comes back with something else.
        assert_eq!(kinds(&[0xb400_0042, ADRP0, ADD0, RET]), "....");
        assert_eq!(kinds(&[0xb400_0062, ADRP0, 0x1400_0002, 0xd000_0000, ADD0, RET]), "......");
        assert_eq!(kinds(&[ADRP0, LOAD, KILL, 0xb5ff_ffc2, RET]), ".....");
        // A use behind a return, where only an exception leads, with what x19 is at the calls.
        let hidden = [0xb000_0013, 0x9400_0100, 0xb940_1261, 0xd280_0013, RET, 0xf940_0a61, NEW1, 0xd280_0013, RET];
        assert_eq!(kinds(&hidden), "P.a..a...");
        assert_eq!(kinds(&[&[0x9400_0100], &hidden[..]].concat()), "..........");
        // Without a call anything may be there.
        assert_eq!(kinds(&[0xb000_0013, 0xb940_1261, 0xd280_0013, RET, 0xf940_0a61, NEW1, 0xd280_0013, RET]), "........");
        // A jump through a register leads to it with what is there then.
        assert_eq!(kinds(&[0xb000_0013, 0xb940_1261, 0xd61f_0060, 0xf940_0a61, NEW1, 0xd280_0013, RET]), ".......");
    }

    #[test]
    fn a_jump_to_a_sum_counts_from_code_or_from_data() {
        let jumps = |words: &[u32]| jumps_to_sum(words, words.len() - 1, 0x1000);
        // adr x2, +8 (here), or -0x100 (before the code); add x0, x2, x1, sxtb #2; mov x3, x0; br x0; br x3; blr x0; braa x0, x1.
        const OWN: u32 = 0x1000_0042;
        const OTHER: u32 = 0x10ff_f802;
        const SUM: u32 = 0x8b21_8840;
        for jump in [0xd61f_0000, 0xd63f_0000, 0xd71f_0801] {
            assert!(!jumps(&[OWN, SUM, jump]) && jumps(&[OTHER, SUM, jump]) && jumps(&[SUM, jump]), "{jump:#x}");
            // ldr x0, [x1]; an argument; what a call returns; adrp and add of a number.
            assert!(!jumps(&[0xf940_0020, jump]) && !jumps(&[jump]) && !jumps(&[SUM, 0x9400_0010, jump]));
            assert!(!jumps(&[ADRP0, ADD0, jump]));
            // sub x0, x0, x1; eor of what was loaded, and of an address.
            assert!(jumps(&[0xcb01_0000, jump]));
            assert!(!jumps(&[0xf940_0020, 0xca01_0000, jump]) && jumps(&[ADRP0, ADD0, 0xca01_0000, jump]));
        }
        assert!(jumps(&[OTHER, SUM, 0xaa00_03e3, 0xd61f_0060]) && !jumps(&[OWN, SUM, 0xaa00_03e3, 0xd61f_0060]));
        assert!(!jumps(&[SUM, RET]) && jumps(&[SUM, 0xd65f_0000]), "a return to another register");
    }

    #[test]
    fn what_goes_on_from_a_page_to_another_one_is_found() {
        let leaves = |words: &[u32]| leaves_page(words, words.len() - 1);
        // ldr x1, [x0, #0x1000]; add x0, x0, #1, lsl #12; sub x0, x0, #1; ldr x1, [x0, x2]; add x0, x2, x0.
        for word in [0xf948_0001, 0x9140_0400, 0xd100_0400, 0xf862_6801, 0x8b00_0040] {
            assert!(leaves(&[ADRP0, word]) && !leaves(&[ADRP0, ADD0, word]) && !leaves(&[word]), "{word:#x}");
            assert!(leaves(&[0xb000_0003, 0xaa03_03e0, word]), "{word:#x} behind a move");
        }
        // ldr x1, [x0, #0xff8].
        assert!(!leaves(&[ADRP0, 0xf947_fc01]) && !leaves(&[ADRP0, ADD0]));
    }

    #[test]
    fn what_a_literal_load_reads_is_data() {
        // ldr x1, +8; ret; then two words that would be an ADRP and its ADD.
        assert_eq!(kinds(&[0x5800_0041, RET, ADRP0, ADD0]), "..xx");
        let code: Vec<u8> = [0x1400_0001u32, RET].iter().flat_map(|w| w.to_le_bytes()).collect();
        assert!(decode(&code, 0x1002).iter().all(|i| i.kind == Kind::Invalid), "code that cannot run there");
    }

    #[test]
    fn distances_and_texts_are_those_of_the_manual() {
        let at = |w: u32| direct(w, 0x1000).map(|(_, to)| to);
        assert_eq!(at(0x17ff_ffff), Some(0xffc));
        assert_eq!(at(0x9400_0001), Some(0x1004));
        assert_eq!(at(0x54ff_ffe0), Some(0xffc));
        assert_eq!(at(0x3500_0040), Some(0x1008));
        assert_eq!(at(0x3707_fffc), Some(0xffc));
        assert_eq!(at(0x7000_0001), Some(0x1003));
        assert_eq!(at(0x10ff_ffe1), Some(0xffc));
        assert_eq!(at(0x1c00_0041), Some(0x1008));
        assert_eq!(at(0xdc00_0041), None);
        assert_eq!(page(0xf0ff_ffe1, 0x1234), Some((1, 0x0)));
        let text = |w: u32| {
            let (kind, hole) = direct(w, 0).map_or((Kind::Plain, Hole::None), |(bits, _)| (Kind::Reference, Hole::Bits(bits)));
            let (before, after) = text(&Insn { kind, hole, ..Insn::default() }, w);
            before + "*" + &after
        };
        assert_eq!(text(0x3507_ffc3), "cbnz w3, *");
        assert_eq!(text(0xb607_ffc3), "tbz x3, #32, *");
        assert_eq!(text(0x5400_004b), "b.lt *");
        assert_eq!(text(0x9800_0041), "ldrsw x1, *");
        assert_eq!(text(0x9c00_0041), "ldr q1, *");
        assert_eq!(text(0xd503_201f), "nop*");
        assert_eq!(text(0xffff_ffff), ".word 0xffffffff*");
        let user = |w| super::text(&Insn { kind: Kind::Reference, web: 1, ..Insn::default() }, w);
        assert_eq!(user(0xf940_0be1), ("ldr x1, [sp, :lo12:".to_owned(), "]".to_owned()));
        assert_eq!(user(0x3dc0_0020).0, "ldr q0, [x1, :lo12:");
        assert_eq!(user(0x79c0_0020).0, "ldrsh w0, [x1, :lo12:");
        assert_eq!(user(0xf980_0020).0, "prfm #0, [x1, :lo12:");
        assert_eq!(page_user(0x3dc0_0420), Some((1, 16)));
        assert_eq!(page_user(0x7940_0420), Some((1, 2)));
        // 32 bits, with flags, shifted: no such user.
        for w in [0x1100_4000, 0xb100_4000, 0x9140_4000] {
            assert_eq!(page_user(w), None);
        }
    }

    #[test]
    fn no_word_is_followed_into_a_panic() {
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        let mut code = Vec::new();
        for _ in 0..40_000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            code.extend(((x >> 16) as u32).to_le_bytes());
        }
        for i in decode(&code, 0xffff_ffff_ffff_0000) {
            let (before, _) = text(&i, word(i.bytes(&code)));
            assert!(!before.is_empty());
        }
    }
}
