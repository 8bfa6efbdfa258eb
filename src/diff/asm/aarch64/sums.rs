//! Where aarch64 code jumps to a sum, or goes on from a page to another one: nothing says where that leads once the code moves away from
//! the data.

use super::{Flow, adr_distance, effect, page, page_user, words};

/// Steps back from a word that are looked at for one register.
const MAX_BACK: usize = 256;
/// No word.
const NONE: u32 = u32::MAX;

/// A field of a word with the number of a register: where its lowest bit is.
#[derive(Clone, Copy)]
enum Field {
    D,
    N,
    M,
}

impl Field {
    fn register(self, w: u32) -> usize {
        let shift = match self {
            Self::D => 0,
            Self::N => 5,
            Self::M => 16,
        };
        (w >> shift & 31) as usize
    }
}

/// The words of some code, and for the registers that each names the words that wrote them before it.
pub(in crate::diff::asm) struct Sums {
    words: Vec<u32>,
    address: u64,
    before: Vec<[u32; 3]>,
}

impl Sums {
    pub(in crate::diff::asm) fn new(code: &[u8], address: u64) -> Self {
        let words = words(code);
        let mut last = [NONE; 32];
        let mut before = Vec::with_capacity(words.len());
        for (i, w) in (0u32..).zip(&words) {
            before.push([Field::D, Field::N, Field::M].map(|field| last.get(field.register(*w)).copied().unwrap_or(NONE)));
            let does = effect(*w, address);
            for (r, slot) in last.iter_mut().enumerate().filter(|(r, _)| (does.writes | does.spoils) >> r & 1 == 1) {
                debug_assert!(r < 31, "the zero register is never written");
                *slot = i;
            }
        }
        Self { words, address, before }
    }

    /// How many words there are.
    pub(in crate::diff::asm) fn len(&self) -> usize {
        self.words.len()
    }

    /// The nearest word before another one that writes a register which that one names.
    fn writer(&self, at: usize, field: Field) -> Option<(usize, u32)> {
        let i = *self.before.get(at)?.get(field as usize)? as usize;
        let near = i < at && at - i <= MAX_BACK;
        Some((i, *self.words.get(i).filter(|_| near)?))
    }

    /// Whether a word jumps to, or calls, a sum that does not count from an address in this code.
    pub(in crate::diff::asm) fn jumps(&self, at: usize) -> bool {
        match self.words.get(at).copied().unwrap_or(0) {
            // `BR`, `BLR` and `RET`, without a key and with one.
            w if w & 0xff9f_fc1f == 0xd61f_0000 && w != 0xd65f_03c0 || w & 0xfedf_f800 == 0xd61f_0800 => self.is_sum(at, Field::N, 4),
            _ => false,
        }
    }

    /// Whether a register holds a sum there, as far as the words before tell: not what was loaded, given or returned.
    fn is_sum(&self, at: usize, field: Field, depth: u32) -> bool {
        let Some((i, w)) = self.writer(at, field) else { return false };
        let Some(depth) = depth.checked_sub(1) else { return true };
        let again = |field: Field| self.is_sum(i, field, depth);
        match w {
            // `MOV`, and what authenticates or signs.
            _ if is_move(w) => again(Field::M),
            _ if w & 0xffff_c000 == 0xdac1_0000 => again(Field::D),
            // A number on top, and one of two.
            _ if w & 0xff80_0000 == 0x9100_0000 => again(Field::N),
            _ if w & 0xffe0_0800 == 0x9a80_0000 => again(Field::N) || again(Field::M),
            _ if w & 0xff20_0000 == 0x8b00_0000 || w & 0xffe0_0000 == 0x8b20_0000 => {
                !self.is_own_place(i, Field::N, depth) && !self.is_own_place(i, Field::M, depth)
            }
            // What the C library keeps its pointers secret with: no address of its own is in it.
            _ if w & 0xff20_0000 == 0xca00_0000 => {
                let either = |field: Field| again(field) || self.is_address(i, field, depth);
                either(Field::N) || either(Field::M)
            }
            _ if w & 0x1f00_0000 == 0x1000_0000 || w & 0x0a00_0000 == 0x0800_0000 => false,
            _ => matches!(effect(w, 0).flow, Flow::Next),
        }
    }

    /// Whether a register holds an address that the code makes by itself.
    fn is_address(&self, at: usize, field: Field, depth: u32) -> bool {
        let Some((i, w)) = self.writer(at, field) else { return false };
        match (w, depth.checked_sub(1)) {
            _ if w & 0x1f00_0000 == 0x1000_0000 => true,
            (_, Some(depth)) if is_move(w) => self.is_address(i, Field::M, depth),
            (_, Some(depth)) if w & 0xff80_0000 == 0x9100_0000 => self.is_address(i, Field::N, depth),
            _ => false,
        }
    }

    /// Whether a register holds an address in this code there.
    fn is_own_place(&self, at: usize, field: Field, depth: u32) -> bool {
        let Some((i, w)) = self.writer(at, field) else { return false };
        let Some(depth) = depth.checked_sub(1) else { return false };
        if is_move(w) {
            return self.is_own_place(i, Field::M, depth);
        }
        let place = self.address.wrapping_add(i as u64 * 4).wrapping_add_signed(adr_distance(w));
        w & 0x9f00_0000 == 0x1000_0000 && place.wrapping_sub(self.address) < self.words.len() as u64 * 4
    }

    /// Whether a word goes from a page to another one: it adds more than what is left of the page, or nobody knows how much.
    pub(in crate::diff::asm) fn leaves_page(&self, at: usize) -> bool {
        let is_page = |field: Field| {
            let mut place = (at, field);
            for _ in 0..4 {
                let Some((i, w)) = self.writer(place.0, place.1) else { return false };
                if !is_move(w) {
                    return page(w, 0).is_some();
                }
                place = (i, Field::M);
            }
            true
        };
        match self.words.get(at).copied().unwrap_or(0) {
            w if page_user(w).is_some_and(|(_, offset)| offset >= 0x1000) => is_page(Field::N),
            // Other sums of 64 bits with a number, and with a register.
            w if w & 0x9f80_0000 == 0x9100_0000 && page_user(w).is_none() => is_page(Field::N),
            w if w & 0x9f20_0000 == 0x8b00_0000 || w & 0x9fe0_0000 == 0x8b20_0000 || w & 0x3b20_0c00 == 0x3820_0800 => {
                is_page(Field::N) || is_page(Field::M)
            }
            _ => false,
        }
    }
}

/// `MOV` from a register.
fn is_move(w: u32) -> bool {
    w & 0xffe0_ffe0 == 0xaa00_03e0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADRP0: u32 = 0xb000_0000; // adrp x0, +1 page
    const ADD0: u32 = 0x9100_4000; // add x0, x0, #0x10
    const NOP: u32 = 0xd503_201f;
    const RET: u32 = 0xd65f_03c0;

    fn sums(words: &[u32]) -> Sums {
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        Sums::new(&code, 0x1000)
    }

    #[test]
    fn a_jump_to_a_sum_counts_from_code_or_from_data() {
        let jumps = |words: &[u32]| sums(words).jumps(words.len() - 1);
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
        let leaves = |words: &[u32]| sums(words).leaves_page(words.len() - 1);
        // ldr x1, [x0, #0x1000]; add x0, x0, #1, lsl #12; sub x0, x0, #1; ldr x1, [x0, x2]; add x0, x2, x0.
        for word in [0xf948_0001, 0x9140_0400, 0xd100_0400, 0xf862_6801, 0x8b00_0040] {
            assert!(leaves(&[ADRP0, word]) && !leaves(&[ADRP0, ADD0, word]) && !leaves(&[word]), "{word:#x}");
            assert!(leaves(&[0xb000_0003, 0xaa03_03e0, word]), "{word:#x} behind a move");
        }
        // ldr x1, [x0, #0xff8].
        assert!(!leaves(&[ADRP0, 0xf947_fc01]) && !leaves(&[ADRP0, ADD0]));
    }

    #[test]
    fn what_was_written_too_far_before_is_not_known() {
        for (between, known) in [(MAX_BACK - 1, true), (MAX_BACK, false)] {
            let words = [vec![ADRP0], vec![NOP; between], vec![0x9140_0400]].concat();
            assert_eq!(sums(&words).leaves_page(words.len() - 1), known, "{between}");
        }
    }
}
