//! aarch64: what a word refers to, what it does to registers and to the flow of control, and its text. Only what the
//! architecture manual fixes in bits is decided here; the decoder writes the text.

mod may;
mod sums;
mod text;

pub(super) use may::may_lead;
pub(super) use sums::Sums;
pub(super) use text::{describe, text, verb};

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

/// The words of some code.
fn words(code: &[u8]) -> Vec<u32> {
    code.as_chunks::<4>().0.iter().map(|w| u32::from_le_bytes(*w)).collect()
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
