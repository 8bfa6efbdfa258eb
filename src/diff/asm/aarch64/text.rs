//! Words of aarch64 as people read them.

use std::fmt::Write as _;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction};

use super::*;

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
pub(in crate::diff::asm) fn text(insn: &Insn, w: u32) -> (String, String) {
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
pub(in crate::diff::asm) fn verb(w: u32) -> &'static str {
    match effect(w, 0).flow {
        Flow::Call => "call of",
        Flow::Jump(_) | Flow::Branch(_) => "jump to",
        _ => "reference to",
    }
}

/// What changed between two words, in words.
pub(in crate::diff::asm) fn describe(x: &Insn, y: &Insn, old: u32, new: u32) -> String {
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
