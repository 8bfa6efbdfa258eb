//! The view of text as aligned lines.

use super::align::align;
use super::texts::{self, Texts};
use crate::model::{LineMark, Listing, ListingRow, SideCell, Sides};
use crate::text::{Role, Row, Shown};

/// Rows that a listing has at most.
pub(super) const MAX_ROWS: usize = 20_000;
/// Equal rows shown around a difference.
const CONTEXT: usize = 3;
/// Words of changed lines that are marked in one listing; the lines behind are marked as a whole.
const MAX_WORDS: usize = 1_000_000;
/// Pairs of words that are looked at for it in the worst case.
const MAX_PAIRS: usize = 1 << 28;

/// How many rows a listing is made of.
pub(super) struct Count {
    /// Equal rows before and behind, that nothing more needs to be known of.
    pub(super) before: usize,
    pub(super) rows: usize,
    pub(super) after: usize,
}

/// Leaves out equal rows far from any difference and says how many; a row is made only when it is kept.
pub(super) fn elide(count: &Count, context: usize, equal: impl Fn(usize) -> bool, mut row: impl FnMut(usize) -> ListingRow) -> Listing {
    let mut keep = vec![false; count.rows];
    for i in (0..count.rows).filter(|i| !equal(*i)) {
        for k in keep.iter_mut().take(i.saturating_add(context + 1)).skip(i.saturating_sub(context)) {
            *k = true;
        }
    }
    let mut listing = Listing::default();
    let mut left_out = count.before;
    let close = |left_out: &mut usize, listing: &mut Listing| {
        if *left_out > 0 {
            listing.rows.push(elided(&format!("{left_out} equal rows")));
            *left_out = 0;
        }
    };
    let total = count.before + count.rows + count.after;
    let is_full = |listing: &mut Listing, at: usize| {
        let full = listing.rows.len() >= MAX_ROWS;
        if full {
            listing.cut = Some(format!("{} of {total} rows are left out here (bound {MAX_ROWS} rows)", total - count.before - at));
        }
        full
    };
    for (i, keep) in keep.into_iter().enumerate() {
        if is_full(&mut listing, i) {
            return listing;
        }
        if keep {
            close(&mut left_out, &mut listing);
            listing.rows.push(row(i));
        } else {
            left_out += 1;
        }
    }
    if count.after > 0 && is_full(&mut listing, count.rows) {
        return listing;
    }
    left_out += count.after;
    close(&mut left_out, &mut listing);
    listing
}

pub(super) fn elided(note: &str) -> ListingRow {
    ListingRow { mark: LineMark::Elided, cells: Sides::new(None, None), source: None, note: Some(note.to_owned()) }
}

pub(super) fn mark_of(sides: &Sides<bool>, equal: bool) -> LineMark {
    match (sides.shipped, sides.rebuilt) {
        (true, false) => LineMark::OnlyShipped,
        (false, true) => LineMark::OnlyRebuilt,
        _ if equal => LineMark::Same,
        _ => LineMark::Changed,
    }
}

/// Two texts as aligned lines with the changed words marked.
pub(super) fn listing(a: &[u8], b: &[u8]) -> Listing {
    let texts = Texts::new(a, b, CONTEXT);
    let before = texts::count(texts.head);
    let Some(Sides { shipped: one, rebuilt: two }) = &texts.lines else { return by_place(&texts, before) };
    let pairs = align(one, two);
    let mut marker = Marker::default();
    let count = Count { before, rows: pairs.len(), after: texts::count(texts.tail) };
    let row = |i: usize| {
        let Some(pair) = pairs.get(i) else { return elided("") };
        let (old, new) = (pair.sides.shipped.and_then(|i| one.get(i).copied()), pair.sides.rebuilt.and_then(|i| two.get(i).copied()));
        marker.beside(old, new, pair.sides.map(|i| i.map(|i| before + i)), pair.equal)
    };
    elide(&count, CONTEXT, |i| pairs.get(i).is_some_and(|p| p.equal), row)
}

/// The first lines that are too many to be aligned.
fn by_place(texts: &Texts<'_>, before: usize) -> Listing {
    let mut listing = Listing::default();
    if before > 0 {
        listing.rows.push(elided(&format!("{before} equal rows")));
    }
    let mut marker = Marker::default();
    let mut lines = texts.middle.map(|text| text.split_inclusive(|b| *b == b'\n'));
    while listing.rows.len() < MAX_ROWS {
        let (old, new) = (lines.shipped.next(), lines.rebuilt.next());
        if old.is_none() && new.is_none() {
            break;
        }
        let at = before + listing.rows.len() - usize::from(before > 0);
        listing.rows.push(marker.beside(old, new, Sides::new(at, at).map(Some), old == new));
    }
    listing.cut = Some(format!("{}: line by line as they stand, not aligned, and no more than {MAX_ROWS} rows of them", texts::too_many()));
    listing
}

/// Makes the rows of one listing, and marks words in as many of them as the bounds allow.
pub(super) struct Marker {
    words: usize,
    work: usize,
}

/// Marks the words that differ between two lines.
pub(super) fn words(a: &[u8], b: &[u8]) -> Sides<Row> {
    Marker::default().words(a, b)
}

impl Default for Marker {
    fn default() -> Self {
        Self { words: MAX_WORDS, work: MAX_PAIRS }
    }
}

impl Marker {
    /// Two lines as a row; `at` are their places from 0.
    pub(super) fn beside(&mut self, old: Option<&[u8]>, new: Option<&[u8]>, at: Sides<Option<usize>>, equal: bool) -> ListingRow {
        let texts = match (old, new) {
            (Some(x), Some(y)) if !equal => self.words(x, y),
            _ => {
                let plain = |l: Option<&[u8]>, role| l.map(|l| whole(l, if equal { Role::Text } else { role })).unwrap_or_default();
                Sides::new(plain(old, Role::Shipped), plain(new, Role::Rebuilt))
            }
        };
        let cell = |line: Option<&[u8]>, at: Option<usize>, text: Row| {
            let number = line.and(at)? as u64 + 1;
            Some(SideCell { number, bytes: Vec::new(), text })
        };
        ListingRow {
            mark: mark_of(&Sides::new(old.is_some(), new.is_some()), equal),
            cells: Sides::new(cell(old, at.shipped, texts.shipped), cell(new, at.rebuilt, texts.rebuilt)),
            source: None,
            note: None,
        }
    }

    /// Marks the words that differ between two lines.
    fn words(&mut self, a: &[u8], b: &[u8]) -> Sides<Row> {
        if a.len().max(b.len()) > 4000 {
            return Sides::new(whole(a, Role::Shipped), whole(b, Role::Rebuilt));
        }
        let (one, two) = (tokens(a), tokens(b));
        let (words, work) = (self.words.checked_sub(one.len() + two.len()), self.work.checked_sub(one.len() * two.len()));
        let (Some(words), Some(work)) = (words, work) else {
            return Sides::new(whole(a, Role::Shipped), whole(b, Role::Rebuilt));
        };
        (self.words, self.work) = (words, work);
        let mut out = Sides::<Row>::default();
        for pair in align(&one, &two) {
            let role = |changed| if pair.equal { Role::Text } else { changed };
            if let Some(token) = pair.sides.shipped.and_then(|i| one.get(i)) {
                push(&mut out.shipped, token, role(Role::Shipped));
            }
            if let Some(token) = pair.sides.rebuilt.and_then(|i| two.get(i)) {
                push(&mut out.rebuilt, token, role(Role::Rebuilt));
            }
        }
        out
    }
}

/// The lines of a text with their ends.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    // The line's end belongs to it: a missing last newline or a carriage return is a difference too.
    text.split_inclusive(|b| *b == b'\n').collect()
}

pub(super) fn whole(line: &[u8], role: Role) -> Row {
    let mut row = Row::new();
    row.push(role, Shown::of_bytes(line.strip_suffix(b"\n").unwrap_or(line)));
    if !line.ends_with(b"\n") {
        row.push(Role::Hidden, Shown::new(" (no newline at the end)"));
    }
    row
}

fn push(row: &mut Row, token: &[u8], role: Role) {
    match token {
        b"\n" if role == Role::Text => {}
        b"\n" => row.push(Role::Hidden, Shown::of_bytes(token)),
        _ => row.push(role, Shown::of_bytes(token)),
    }
}

fn tokens(line: &[u8]) -> Vec<&[u8]> {
    let class = |b: u8| {
        if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 {
            0
        } else if b == b' ' {
            1
        } else {
            2
        }
    };
    line.chunk_by(|x, y| class(*x) == class(*y) && class(*x) != 2).collect()
}
