//! What is known of each byte of the debug sections. A byte that no rule reached stays unknown, and a byte that was refused
//! once stays refused.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::account::{common_end, common_start};
use super::super::{Share, spread};
use super::notes::{NOT, Notes, UNKNOWN};
use crate::model::{Account, Cause, Side, Sides, Span};

/// The sections that are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Id {
    Info,
    Types,
    Abbrev,
    Str,
    LineStr,
    StrOffsets,
    Addr,
    Aranges,
    RngLists,
    Ranges,
    LocLists,
    Loc,
    Line,
}

impl Id {
    pub(super) const ALL: [Self; 13] = [
        Self::Info,
        Self::Types,
        Self::Abbrev,
        Self::Str,
        Self::LineStr,
        Self::StrOffsets,
        Self::Addr,
        Self::Aranges,
        Self::RngLists,
        Self::Ranges,
        Self::LocLists,
        Self::Loc,
        Self::Line,
    ];

    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Info => b".debug_info",
            Self::Types => b".debug_types",
            Self::Abbrev => b".debug_abbrev",
            Self::Str => b".debug_str",
            Self::LineStr => b".debug_line_str",
            Self::StrOffsets => b".debug_str_offsets",
            Self::Addr => b".debug_addr",
            Self::Aranges => b".debug_aranges",
            Self::RngLists => b".debug_rnglists",
            Self::Ranges => b".debug_ranges",
            Self::LocLists => b".debug_loclists",
            Self::Loc => b".debug_loc",
            Self::Line => b".debug_line",
        }
    }
}

/// Why bytes of both sides belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// They are equal, and mean the same.
    Same,
    /// They differ by a cause.
    Because(Cause),
    /// They are an offset, a length or an index that follows from how that section is laid out.
    Follows(Id),
    /// They do not.
    Not,
}

const SAME: u8 = 1;
const CAUSE: u8 = 2;
const FOLLOWS: u8 = 100;

impl Why {
    fn code(self) -> u8 {
        match self {
            Self::Same => SAME,
            Self::Because(cause) => Cause::ALL.iter().position(|c| *c == cause).map_or(NOT, |n| CAUSE + n as u8),
            Self::Follows(id) => FOLLOWS + id as u8,
            Self::Not => NOT,
        }
    }

    fn of(code: u8) -> Option<Self> {
        match code {
            UNKNOWN => None,
            SAME => Some(Self::Same),
            NOT => Some(Self::Not),
            n if n >= FOLLOWS => Id::ALL.get(usize::from(n - FOLLOWS)).map(|id| Self::Follows(*id)).or(Some(Self::Not)),
            n => Cause::ALL.get(usize::from(n - CAUSE)).map(|cause| Self::Because(*cause)).or(Some(Self::Not)),
        }
    }
}

/// The bytes of all walked sections of both sides, and what is known of each.
pub(super) struct Marks<'a> {
    pub(super) data: Sides<[&'a [u8]; 13]>,
    known: Sides<[Notes; 13]>,
    /// What equal bytes are put under while they stand in another order than on the other side.
    moved: Option<Why>,
    /// The code of equal bytes.
    same: u8,
}

impl<'a> Marks<'a> {
    pub(super) fn new(data: Sides<[&'a [u8]; 13]>) -> Self {
        let known = data.as_ref().map(|d| d.map(|bytes| Notes::new(bytes.len())));
        Self { data, known, moved: None, same: SAME }
    }

    /// The same sections, of which nothing is known; those that are left out take no notes.
    pub(super) fn fork(&self, left_out: &[Id]) -> Self {
        let size = |id: Id, bytes: &[u8]| if left_out.contains(&id) { 0 } else { bytes.len() };
        let known = self.data.as_ref().map(|d| Id::ALL.map(|id| Notes::new(d.get(id as usize).map_or(0, |bytes| size(id, bytes)))));
        Self { data: self.data, known, moved: None, same: SAME }
    }

    /// Takes in what others know; `None` when a byte is known to both, so that it would depend on who was first.
    pub(super) fn take_in(&mut self, others: Self) -> Option<()> {
        let Sides { shipped, rebuilt } = others.known;
        let sides = self.known.shipped.iter_mut().zip(shipped).chain(self.known.rebuilt.iter_mut().zip(rebuilt));
        for (own, other) in sides {
            own.take_in(other)?;
        }
        Some(())
    }

    /// What equal bytes are put under.
    pub(super) fn moved(&self) -> Option<Why> {
        self.moved
    }

    /// Says what equal bytes are put under from now on.
    pub(super) fn set_moved(&mut self, moved: Option<Why>) {
        self.moved = moved;
        self.same = moved.unwrap_or(Why::Same).code();
    }

    pub(super) fn bytes(&self, side: Side, id: Id) -> &'a [u8] {
        self.data.get(side).get(id as usize).copied().unwrap_or_default()
    }

    /// Marks a range of each side. What is said to be the same and is not is refused here, whoever says it.
    pub(super) fn mark(&mut self, id: Id, old: Range<usize>, new: Range<usize>, why: Why) {
        let (x, y) = (self.bytes(Side::Shipped, id), self.bytes(Side::Rebuilt, id));
        let (Some(x), Some(y)) = (x.get(old.clone()), y.get(new.clone())) else { return };
        let n = id as usize;
        let (Some(one), Some(two)) = (self.known.shipped.get_mut(n), self.known.rebuilt.get_mut(n)) else { return };
        if one.len() < old.end || two.len() < new.end {
            return;
        }
        let same = self.same;
        if why != Why::Not && x == y {
            one.put(old, same);
            two.put(new, same);
            return;
        }
        if matches!(why, Why::Same | Why::Not) {
            one.refuse(old);
            two.refuse(new);
            return;
        }
        let code = why.code();
        let (start, end) = common(x, y);
        for (known, range) in [(one, old), (two, new)] {
            let middle = range.start + start..range.end - end;
            known.put(range.start..middle.start, same);
            known.put(middle.clone(), code);
            known.put(middle.end..range.end, same);
        }
    }

    /// Whether nothing is known of any byte of a range.
    pub(super) fn is_unknown(&self, side: Side, id: Id, range: Range<usize>) -> bool {
        self.known(side, id).is_some_and(|known| known.is_unknown(range))
    }

    fn known(&self, side: Side, id: Id) -> Option<&Notes> {
        self.known.get(side).get(id as usize)
    }

    /// Whether every reference stands where it stood and means what it meant: what was not walked still means the same.
    pub(super) fn layout_is_kept(&self) -> bool {
        let shifted = |code: u8| match Why::of(code) {
            Some(Why::Follows(_)) => true,
            Some(Why::Because(cause)) => matches!(cause, Cause::Reordering | Cause::AddressShift),
            _ => false,
        };
        let shifting: [bool; 256] = std::array::from_fn(|code| shifted(code as u8));
        Id::ALL.iter().all(|id| {
            let (Some(x), Some(y)) = (self.known(Side::Shipped, *id), self.known(Side::Rebuilt, *id)) else { return true };
            x.len() == y.len()
                && [x, y].into_iter().all(|known| seen(known).iter().zip(&shifting).all(|(seen, shifts)| !(*seen && *shifts)))
        })
    }

    /// Decides what no rule reached: equal bytes at the same place of sections of one size are the same while nothing that
    /// they may refer to moved. What refers to nothing is only compared. `kept` says whether [the layout is](Self::layout_is_kept).
    pub(super) fn settle(&mut self, kept: bool) {
        for id in Id::ALL {
            let (x, y) = (self.bytes(Side::Shipped, id), self.bytes(Side::Rebuilt, id));
            let comparable = x.len() == y.len() && (kept || id == Id::Abbrev);
            let n = id as usize;
            let (Some(one), Some(two)) = (self.known.shipped.get_mut(n), self.known.rebuilt.get_mut(n)) else { continue };
            if !comparable {
                one.refuse_unknown();
                two.refuse_unknown();
                continue;
            }
            one.side_by_side(two, (x, y), |(one, two), (x, y)| {
                for ((one, two), (x, y)) in one.iter_mut().zip(two).zip(x.iter().zip(y)) {
                    let free = |b: u8| b == UNKNOWN || b == SAME;
                    let settled = if free(*one) & free(*two) & (x == y) { SAME } else { NOT };
                    let decide = |b: u8| if b == UNKNOWN { settled } else { b };
                    (*one, *two) = (decide(*one), decide(*two));
                }
            });
        }
    }

    /// What there is of each code in all sections, once everything is settled.
    pub(super) fn tally(&self, share: &Share<'_>) -> Option<Tally> {
        let sides = |i: usize| if i < Id::ALL.len() { (Side::Shipped, i) } else { (Side::Rebuilt, i - Id::ALL.len()) };
        let count = |i: usize| {
            let (side, n) = sides(i);
            self.known.get(side).get(n).map(Count::of)
        };
        let mut all: Vec<Count> = spread(share, 2 * Id::ALL.len(), count).into_iter().map(Option::flatten).collect::<Option<_>>()?;
        let rebuilt = all.split_off(Id::ALL.len());
        Some(Tally(Sides::new(all, rebuilt)))
    }
}

/// Which codes occur.
fn seen(known: &Notes) -> [bool; 256] {
    let mut out = [false; 256];
    for (_, _, page) in known.pages() {
        let (blocks, rest) = page.as_chunks::<16>();
        let mut last = None;
        for block in blocks {
            // Long stretches have one code.
            if last == Some(block) {
                continue;
            }
            last = Some(block);
            for code in block {
                out[usize::from(*code)] = true;
            }
        }
        for code in rest {
            out[usize::from(*code)] = true;
        }
    }
    out
}

/// How many bytes have each code, and the first and the last of them.
struct Count([(u64, Span); 256]);

impl Count {
    fn of(known: &Notes) -> Self {
        const BLOCK: usize = 16;
        let mut out: [(u64, Span); 256] = std::array::from_fn(|_| (0, 0..0));
        let mut note = |code: u8, from: u64, count: u64| {
            let slot = &mut out[usize::from(code)];
            if slot.0 == 0 {
                slot.1.start = from;
            }
            slot.0 += count;
            slot.1.end = from + count;
        };
        for (start, size, page) in known.pages() {
            let mut at = start as u64;
            if page.is_empty() {
                note(UNKNOWN, at, size as u64);
                continue;
            }
            let (blocks, rest) = page.as_chunks::<BLOCK>();
            for block in blocks {
                let first = block[0];
                if *block == [first; BLOCK] {
                    note(first, at, BLOCK as u64);
                    at += BLOCK as u64;
                    continue;
                }
                for code in block {
                    note(*code, at, 1);
                    at += 1;
                }
            }
            for (at, code) in (at..).zip(rest) {
                note(*code, at, 1);
            }
        }
        Self(out)
    }

    fn codes(&self) -> impl Iterator<Item = (u8, u64, &Span)> {
        (0..=u8::MAX).zip(&self.0).filter(|(_, (count, _))| *count > 0).map(|(code, (count, span))| (code, *count, span))
    }
}

/// What is known of all sections, counted.
pub(super) struct Tally(Sides<Vec<Count>>);

impl Tally {
    /// The causes in a section.
    fn causes(&self, id: Id) -> BTreeSet<Cause> {
        let own = |side: Side| self.0.get(side).get(id as usize).into_iter().flat_map(Count::codes);
        let codes = own(Side::Shipped).chain(own(Side::Rebuilt));
        codes.filter_map(|(code, _, _)| if let Some(Why::Because(cause)) = Why::of(code) { Some(cause) } else { None }).collect()
    }

    /// For each section, the cause that its layout follows from.
    pub(super) fn layouts(&self) -> [Cause; 13] {
        const FIRST: [Cause; 5] = [Cause::BuildPath, Cause::Producer, Cause::LineShift, Cause::Reordering, Cause::AddressShift];
        let own = Id::ALL.map(|id| self.causes(id));
        let all: BTreeSet<Cause> = own.iter().flatten().copied().collect();
        own.map(|own| {
            FIRST.into_iter().find(|c| own.contains(c)).or(FIRST.into_iter().find(|c| all.contains(c))).unwrap_or(Cause::Reordering)
        })
    }

    /// The account of a section and where each cause is: the range from its first byte to its last on each side.
    pub(super) fn result(&self, id: Id, layouts: &[Cause; 13]) -> (Sides<Account>, Vec<(Cause, Sides<Span>)>) {
        let mut accounts = Sides::<Account>::default();
        let mut spans: Vec<(Cause, Sides<Option<Span>>)> = Vec::new();
        for side in [Side::Shipped, Side::Rebuilt] {
            let account = accounts.get_mut(side);
            let mut codes: Vec<(u8, u64, &Span)> = self.0.get(side).get(id as usize).into_iter().flat_map(Count::codes).collect();
            codes.sort_by_key(|(_, _, span)| span.start);
            for (code, count, own) in codes {
                let cause = match Why::of(code) {
                    Some(Why::Same) => {
                        account.identical += count;
                        continue;
                    }
                    Some(Why::Because(cause)) => cause,
                    Some(Why::Follows(id)) => layouts.get(id as usize).copied().unwrap_or(Cause::Reordering),
                    Some(Why::Not) | None => {
                        account.unexplained += count;
                        continue;
                    }
                };
                account.explain(cause, count);
                let known = match spans.iter_mut().position(|(c, _)| *c == cause) {
                    Some(n) => spans.get_mut(n),
                    None => {
                        spans.push((cause, Sides::default()));
                        spans.last_mut()
                    }
                };
                if let Some((_, known)) = known {
                    let span = known.get_mut(side).get_or_insert(own.clone());
                    span.end = span.end.max(own.end);
                }
            }
        }
        (accounts, spans.into_iter().map(|(cause, s)| (cause, s.map(|s| s.unwrap_or(0..0)))).collect())
    }
}

/// How many bytes two slices share at their start and at their end.
pub(super) fn common(x: &[u8], y: &[u8]) -> (usize, usize) {
    let start = common_start(x, y);
    let end = common_end(x, y, x.len().min(y.len()) - start);
    (start, end)
}
