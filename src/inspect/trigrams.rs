//! Which files may hold a text: three bytes after three bytes, in a filter for each file.
//!
//! Sources are read in full once. What is noted then spares a search most of the files: it opens only those in which every three
//! neighbouring bytes of what is looked for occur. A filter may say yes where the answer is no, never the other way round. The idea:
//! R. Cox, "Regular Expression Matching with a Trigram Index" (2012); here the index is a small filter, so that it fits in memory.

/// Bits of the widest filter.
const WIDEST: usize = 1 << 16;
/// Bits of the narrowest.
const NARROWEST: usize = 64;
/// Bytes that the filters of all files may take together; files beyond have none, and are always searched.
const MAX_BYTES: usize = 64 << 20;

/// The filters of many files by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Trigrams {
    /// Where the filter of each file is, in words: start and length. No length is no filter.
    places: Vec<(u32, u32)>,
    words: Vec<u64>,
    /// Where one file is noted at its full width.
    scratch: Vec<u64>,
}

/// What is looked for, as places in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needle(Vec<u16>);

impl Needle {
    /// Of a text that stands in what is looked for as it is, but for the case of its letters; `None` when it is too short to tell
    /// files apart.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        // Other letters than those of ASCII may have several forms.
        let all = text.windows(3).filter(|w| w.is_ascii());
        let places: Vec<u16> = all.map(|w| place(w.iter().fold(0, |gram, byte| next(gram, *byte)))).collect();
        (!places.is_empty()).then_some(Self(places))
    }
}

/// The last three bytes, in small letters, with one more.
fn next(gram: u32, byte: u8) -> u32 {
    (gram << 8 | u32::from(byte.to_ascii_lowercase())) & 0x00ff_ffff
}

/// Whether a small or capital form of an ASCII letter ends here that is outside of ASCII: the long s, the sign of Kelvin.
fn is_other_form(gram: u32) -> bool {
    gram & 0xffff == 0xc5bf || gram == 0x00e2_84aa
}

/// Where three bytes are noted. Knuth's multiplicative hash: the upper bits of the product depend on all bytes.
fn place(gram: u32) -> u16 {
    (gram.wrapping_mul(0x9e37_79b1) >> 16) as u16
}

impl Trigrams {
    /// Notes what is in a file.
    pub(crate) fn add(&mut self, number: usize, bytes: &[u8]) {
        if self.places.len() <= number {
            self.places.resize(number + 1, (0, 0));
        }
        if self.words.len() * 8 >= MAX_BYTES {
            return;
        }
        self.scratch.clear();
        self.scratch.resize(WIDEST / 64, 0);
        let mut gram = bytes.iter().take(2).fold(0, |gram, byte| next(gram, *byte));
        let mut other_forms = is_other_form(gram);
        for byte in bytes.iter().skip(2) {
            gram = next(gram, *byte);
            other_forms |= is_other_form(gram);
            let at = usize::from(place(gram));
            if let Some(word) = self.scratch.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        if other_forms {
            return;
        }
        let noted: u32 = self.scratch.iter().map(|word| word.count_ones()).sum();
        let words = (noted as usize * 2).next_power_of_two().clamp(NARROWEST, WIDEST) / 64;
        let start = self.words.len();
        // The lower bits of a place are its place in a narrower filter.
        self.words.resize(start + words, 0);
        for part in self.scratch.chunks(words) {
            for (word, more) in self.words.iter_mut().skip(start).zip(part) {
                *word |= more;
            }
        }
        if let (Some(slot), Ok(start), Ok(words)) = (self.places.get_mut(number), u32::try_from(start), u32::try_from(words)) {
            *slot = (start, words);
        }
    }

    /// Whether a file may hold what is looked for; `true` of one that was not noted.
    pub(crate) fn may_hold(&self, number: usize, needle: &Needle) -> bool {
        let Some((start, words)) = self.places.get(number).map(|(start, words)| (*start as usize, *words as usize)) else { return true };
        let Some(filter) = self.words.get(start..start + words).filter(|f| !f.is_empty()) else { return true };
        let is_noted = |at: usize| filter.get(at / 64 % words).is_some_and(|word| word >> (at % 64) & 1 == 1);
        needle.0.iter().all(|at| is_noted(usize::from(*at)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noted(bytes: &[u8]) -> Trigrams {
        let mut all = Trigrams::default();
        all.add(0, b"int main(void) { return 0; }");
        all.add(1, bytes);
        all
    }

    #[test]
    fn most_files_without_a_text_are_told_apart() {
        let letter = |n: u32| char::from(b'a' + (n % 26) as u8);
        let word =
            |n: u32| [1, 26, 676, 17_576, 456_976].map(|scale| letter(n.wrapping_mul(0x9e37_79b1) / scale)).iter().collect::<String>();
        let text = |i: u32| (0..900).map(|k| word(i * 900 + k) + " ").collect::<String>();
        let mut all = Trigrams::default();
        for i in 0..200 {
            all.add(i as usize, text(i).as_bytes());
        }
        let needle = Needle::new(b"Needle_In_It").expect("long enough");
        assert_eq!((0..200).filter(|n| all.may_hold(*n, &needle)).count(), 0);
        let other = Needle::new(text(77).split(' ').nth(5).unwrap_or_default().as_bytes()).expect("long enough");
        assert!(all.may_hold(77, &other));
        let maybe = (0..200).filter(|n| all.may_hold(*n, &other)).count();
        assert!(maybe < 20, "{maybe} of 200");
        assert!(all.words.len() * 8 < 200 * 2_500, "{} bytes", all.words.len() * 8);
    }

    #[test]
    fn what_is_not_noted_is_searched() {
        let needle = Needle::new(b"kernel").expect("long enough");
        assert!(!noted(b"nothing").may_hold(1, &needle));
        assert!(noted(b"nothing").may_hold(2, &needle));
        assert!(noted("the \u{212a}ernel".as_bytes()).may_hold(1, &needle), "the sign of Kelvin is a capital k");
        assert!(noted("mu\u{17f}t".as_bytes()).may_hold(1, &Needle::new(b"must").expect("long enough")));
        assert_eq!(Needle::new(b"ab"), None);
        assert_eq!(Needle::new("äöüß".as_bytes()), None);
        assert!(noted("STRASSE äÖ".as_bytes()).may_hold(1, &Needle::new("strasse äö".as_bytes()).expect("long enough")));
        assert!(noted("\u{17f}".as_bytes()).may_hold(1, &needle));
        assert!(!noted(b"").may_hold(1, &needle));
    }

    proptest! {
        #[test]
        fn a_file_that_holds_it_is_never_left_out(bytes in prop::collection::vec(prop_oneof![0u8..6, any::<u8>()], 3..3000), at in 0usize..3000, length in 3usize..40) {
            let at = at % (bytes.len() - 2);
            let text = &bytes[at..(at + length).min(bytes.len())];
            if let Some(needle) = Needle::new(text) {
                prop_assert!(noted(&bytes).may_hold(1, &needle));
                prop_assert!(noted(&bytes.to_ascii_uppercase()).may_hold(1, &needle));
            }
        }
    }
}
