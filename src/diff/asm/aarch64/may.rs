//! Where aarch64 code may lead: by a word that says so itself, and by the page of an `ADRP` of which nobody proved what is made of it. Such
//! a page may be in any register that it is moved to, or that is loaded after it was stored, at any time.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Effect, Flow, direct, effect, literal_size, page, page_user, reach, words};

/// Addresses that one register may hold.
const MAX_HELD: usize = 256;
/// Times that all of the code is looked at: what goes round more often counts its way through an array.
const MAX_ROUNDS: usize = 3;

/// Whether code may lead into a range. Of each word it is told whether it is a page of which all is known, and the address that was proved.
pub(in crate::diff::asm) fn may_lead(code: &[u8], address: u64, proved: &[(bool, Option<u64>)], range: &Range<u64>) -> bool {
    let words = words(code);
    let ip = |i: usize| address.wrapping_add(i as u64 * 4);
    let reaches = |to: u64, by: u64| to < range.end && to.saturating_add(by.max(1)) > range.start;
    let effects: Vec<Effect> = words.iter().enumerate().map(|(i, w)| effect(*w, ip(i))).collect();
    let mut entered = vec![false; words.len()];
    for effect in &effects {
        if let Flow::Jump(to) | Flow::Branch(to) = effect.flow {
            let i = usize::try_from(to.wrapping_sub(address) / 4).unwrap_or(usize::MAX);
            entered.get_mut(i).into_iter().for_each(|e| *e = true);
        }
    }
    // What is in each register, and what was stored.
    let mut held: [BTreeSet<u64>; 31] = Default::default();
    let mut stored = BTreeSet::new();
    let mut open = Vec::new();
    // The page that is in a register for certain: since its `ADRP` nothing was jumped to. With it, whether it is one that is looked for.
    let mut certain: [Option<(u64, bool)>; 31] = [None; 31];
    for (i, ((w, effect), (is_proved, at))) in words.iter().zip(&effects).zip(proved).enumerate() {
        let enters = entered.get(i) == Some(&true);
        let leaves = !matches!(effect.flow, Flow::Next | Flow::Call);
        let base = page_user(*w).map(|(r, _)| r as usize);
        let exact = base.and_then(|r| certain.get(r).copied().flatten()).filter(|_| !enters);
        for (r, page) in certain.iter_mut().enumerate() {
            let read = effect.reads >> r & 1 == 1 && base != Some(r) || base == Some(r) && w & 31 == r as u32 && is_store(*w);
            if let Some((page, true)) = page.filter(|_| enters || leaves || read) {
                held.get_mut(r).into_iter().for_each(|own| own.extend([page]));
            }
            if enters || (effect.writes | effect.spoils) >> r & 1 == 1 {
                *page = None;
            }
        }
        if let Some((_, to)) = direct(*w, ip(i)) {
            if reaches(to, literal_size(*w)) {
                return true;
            }
        } else if let Some((r, to)) = page(*w, ip(i)) {
            certain.get_mut(r as usize).into_iter().for_each(|own| *own = Some((to, !is_proved && reaches(to, 0x1000))));
        } else if let Some(to) = at.or(exact.zip(page_user(*w)).map(|((page, _), (_, offset))| page.wrapping_add(offset))) {
            if reaches(to, reach(*w)) {
                return true;
            }
        } else {
            open.push(*w);
        }
    }
    for (own, page) in held.iter_mut().zip(certain) {
        own.extend(page.filter(|page| page.1).map(|page| page.0));
    }
    for _ in 0..MAX_ROUNDS {
        let before = held.iter().map(BTreeSet::len).sum::<usize>() + stored.len();
        if before == 0 {
            return false;
        }
        for w in &open {
            let (d, n, m) = (w & 31, w >> 5 & 31, w >> 16 & 31);
            let of = |r: u32| held.get(r as usize).cloned().unwrap_or_default();
            if let Some((_, offset)) = page_user(*w)
                && of(n).iter().any(|base| reaches(base.wrapping_add(offset), reach(*w)))
            {
                return true;
            }
            let (to, more) = match w {
                // `MOV`, and sums and differences with a number.
                _ if w & 0xffe0_ffe0 == 0xaa00_03e0 => (d, of(m)),
                _ if w & 0xbf80_0000 == 0x9100_0000 => {
                    let number = u64::from(w >> 10 & 0xfff) << if w >> 22 & 1 == 1 { 12 } else { 0 };
                    let sum = |base: &u64| if w >> 30 & 1 == 0 { base.wrapping_add(number) } else { base.wrapping_sub(number) };
                    (d, of(n).iter().map(sum).collect())
                }
                // One and two registers of 64 bits, stored and loaded.
                _ if w & 0xfec0_0000 == 0xf800_0000 => {
                    stored.extend(of(d));
                    continue;
                }
                _ if w & 0xfec0_0000 == 0xf840_0000 => (d, stored.clone()),
                _ if w & 0xfe40_0000 == 0xa800_0000 => {
                    stored.extend(of(d));
                    stored.extend(of(w >> 10 & 31));
                    continue;
                }
                _ if w & 0xfe40_0000 == 0xa840_0000 => {
                    held.get_mut((w >> 10 & 31) as usize).into_iter().for_each(|own| own.extend(&stored));
                    (d, stored.clone())
                }
                _ => continue,
            };
            let Some(own) = held.get_mut(to as usize) else { continue };
            own.extend(more);
            if own.len() > MAX_HELD {
                return true;
            }
        }
        if held.iter().map(BTreeSet::len).sum::<usize>() + stored.len() == before {
            return false;
        }
    }
    false
}

/// Whether it is a store of a general register.
fn is_store(w: u32) -> bool {
    w & 0x3f00_0000 == 0x3900_0000 && w >> 22 & 3 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADRP9: u32 = 0xb000_0009; // adrp x9, +1 page
    const ADD9: u32 = 0x9100_4129; // add x9, x9, #0x10
    const LOAD: u32 = 0x3940_1120; // ldrb w0, [x9, #4]

    /// Code at the start of a page; the range is 16 bytes from 0x10 of the next one on.
    fn leads(words: &[u32], proved: bool) -> bool {
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let told: Vec<(bool, Option<u64>)> = words.iter().map(|_| (proved, None)).collect();
        may_lead(&code, 0x1000, &told, &(0x2010..0x2020))
    }

    #[test]
    fn a_page_of_which_nothing_is_proved_may_be_anywhere() {
        assert!(leads(&[ADRP9, ADD9], false) && !leads(&[ADD9], false));
        assert!(!leads(&[ADRP9, LOAD], false), "outside of the range");
        // mov x10, x9; add x10, x10, #0x10.
        assert!(leads(&[ADRP9, 0xaa09_03ea, 0x9100_414a], false));
        // str x9, [sp, #-16]!; ldr x10, [sp], #16; and two of them, stp and ldp.
        for pair in [[0xf81f_0fe9, 0xf841_07ea], [0xa9bf_27e9, 0xa8c1_2bea], [0xa9bf_27e8, 0xa8c1_2bea]] {
            assert!(leads(&[ADRP9, pair[0], pair[1], 0x9100_414a], false), "{pair:x?}");
            assert!(!leads(&[pair[0], pair[1], 0x9100_414a], false), "{pair:x?}");
        }
        // add x9, x9, #8, twice; add x9, x9, #0x20 and sub x9, x9, #8.
        assert!(leads(&[ADRP9, 0xaa09_03ea, 0x9100_214a, LOAD, 0x9100_214a, 0x3940_0140], false));
        assert!(leads(&[ADRP9, 0xaa09_03ea, 0x9100_814a, 0xd100_214a, 0x3940_0140], false));
        // Behind a jump over another value of the register; and behind that value.
        assert!(leads(&[ADRP9, 0x1400_0002, 0xd280_0009, ADD9], false) && !leads(&[ADRP9, 0xd280_0009, ADD9], false));
        // With another page in it for certain: adrp x9, +2 pages.
        assert!(!leads(&[ADRP9, 0x1400_0002, 0xd280_0009, 0xd000_0009, ADD9], false));
    }

    #[test]
    fn a_word_says_itself_where_it_leads() {
        // adr x0, +0x10 in front of the range; ldr x0, a literal that reaches into it; ldr q0.
        let at = |word: u32, address: u64| may_lead(&word.to_le_bytes(), address, &[(false, None)], &(0x2010..0x2020));
        assert!(at(0x1000_0080, 0x2000) && !at(0x1000_0080, 0x1ff0));
        assert!(at(0x5800_0040, 0x2004) && !at(0x5800_0040, 0x2000) && at(0x9c00_0040, 0x2000));
        // ldr x0, [x9, #8]: proved to be just before it.
        let told = |to| may_lead(&0xf940_0520u32.to_le_bytes(), 0x1000, &[(false, Some(to))], &(0x2010..0x2020));
        assert!(told(0x2009) && !told(0x2008) && told(0x201f) && !told(0x2020));
    }
}
