//! What is known of each byte of the debug sections. A byte that no rule reached stays unknown, and a byte that was refused
//! once stays refused.

use std::collections::BTreeSet;
use std::ops::Range;

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
const NOT: u8 = 255;
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
            0 => None,
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
    known: Sides<[Vec<u8>; 13]>,
    /// What equal bytes are put under while they stand in another order than on the other side.
    pub(super) moved: Option<Why>,
}

impl<'a> Marks<'a> {
    pub(super) fn new(data: Sides<[&'a [u8]; 13]>) -> Self {
        let known = data.as_ref().map(|d| d.map(|bytes| vec![0; bytes.len()]));
        Self { data, known, moved: None }
    }

    pub(super) fn bytes(&self, side: Side, id: Id) -> &'a [u8] {
        self.data.get(side).get(id as usize).copied().unwrap_or_default()
    }

    /// Marks a range of each side. What is said to be the same and is not is refused here, whoever says it.
    pub(super) fn mark(&mut self, id: Id, old: Range<usize>, new: Range<usize>, why: Why) {
        let (x, y) = (self.bytes(Side::Shipped, id), self.bytes(Side::Rebuilt, id));
        let (Some(x), Some(y)) = (x.get(old.clone()), y.get(new.clone())) else { return };
        let same = self.moved.unwrap_or(Why::Same).code();
        let why = match why {
            Why::Not => Why::Not,
            _ if x == y => Why::Same,
            Why::Same => Why::Not,
            other => other,
        };
        let code = if why == Why::Same { same } else { why.code() };
        let refused = why == Why::Not;
        let (start, end) = if why == Why::Same || refused { (0, 0) } else { common(x, y) };
        for (side, range) in [(Side::Shipped, old), (Side::Rebuilt, new)] {
            let middle = range.start + start..range.end - end;
            let Some(known) = self.known.get_mut(side).get_mut(id as usize) else { continue };
            let whole = range.start;
            for (i, byte) in known.get_mut(range).unwrap_or_default().iter_mut().enumerate() {
                if *byte != NOT {
                    *byte = if middle.contains(&(whole + i)) { code } else { same };
                }
            }
        }
    }

    /// Whether nothing is known of any byte of a range.
    pub(super) fn is_unknown(&self, side: Side, id: Id, range: Range<usize>) -> bool {
        self.known(side, id).get(range).is_some_and(|k| k.iter().all(|b| *b == 0))
    }

    fn known(&self, side: Side, id: Id) -> &[u8] {
        self.known.get(side).get(id as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether every reference stands where it stood and means what it meant: what was not walked still means the same.
    pub(super) fn layout_is_kept(&self) -> bool {
        let shifted = |code: &u8| match Why::of(*code) {
            Some(Why::Follows(_)) => true,
            Some(Why::Because(cause)) => matches!(cause, Cause::Reordering | Cause::AddressShift),
            _ => false,
        };
        Id::ALL.iter().all(|id| {
            let (x, y) = (self.known(Side::Shipped, *id), self.known(Side::Rebuilt, *id));
            x.len() == y.len() && !x.iter().chain(y).any(shifted)
        })
    }

    /// Decides what no rule reached: equal bytes at the same place of sections of one size are the same while nothing that
    /// they may refer to moved. What refers to nothing is only compared.
    pub(super) fn settle(&mut self) {
        let kept = self.layout_is_kept();
        for id in Id::ALL {
            let (x, y) = (self.bytes(Side::Shipped, id), self.bytes(Side::Rebuilt, id));
            let comparable = x.len() == y.len() && (kept || id == Id::Abbrev);
            for side in [Side::Shipped, Side::Rebuilt] {
                let other = if side == Side::Shipped { Side::Rebuilt } else { Side::Shipped };
                let free: Vec<bool> =
                    if comparable { self.known(other, id).iter().map(|b| *b == 0 || *b == SAME).collect() } else { Vec::new() };
                let Some(known) = self.known.get_mut(side).get_mut(id as usize) else { continue };
                for (i, byte) in known.iter_mut().enumerate().filter(|(_, b)| **b == 0) {
                    *byte = if comparable && free.get(i) == Some(&true) && x.get(i) == y.get(i) { SAME } else { NOT };
                }
            }
        }
    }

    /// The causes in a section.
    fn causes(&self, id: Id) -> BTreeSet<Cause> {
        let mut seen = [false; 256];
        for code in self.known(Side::Shipped, id).iter().chain(self.known(Side::Rebuilt, id)) {
            if let Some(slot) = seen.get_mut(usize::from(*code)) {
                *slot = true;
            }
        }
        let codes = (0..=u8::MAX).zip(seen).filter(|(_, seen)| *seen);
        codes.filter_map(|(code, _)| if let Some(Why::Because(cause)) = Why::of(code) { Some(cause) } else { None }).collect()
    }

    /// For each section, the cause that its layout follows from.
    fn layouts(&self) -> [Cause; 13] {
        const FIRST: [Cause; 5] = [Cause::BuildPath, Cause::Producer, Cause::LineShift, Cause::Reordering, Cause::AddressShift];
        let own = Id::ALL.map(|id| self.causes(id));
        let all: BTreeSet<Cause> = own.iter().flatten().copied().collect();
        own.map(|own| {
            FIRST.into_iter().find(|c| own.contains(c)).or(FIRST.into_iter().find(|c| all.contains(c))).unwrap_or(Cause::Reordering)
        })
    }

    /// The account of a section and where each cause is: the range from its first byte to its last on each side.
    pub(super) fn result(&self, id: Id) -> (Sides<Account>, Vec<(Cause, Sides<Span>)>) {
        let layouts = self.layouts();
        let mut accounts = Sides::<Account>::default();
        let mut spans: Vec<(Cause, Sides<Option<Span>>)> = Vec::new();
        for side in [Side::Shipped, Side::Rebuilt] {
            let account = accounts.get_mut(side);
            for (at, code) in (0u64..).zip(self.known(side, id)) {
                let cause = match Why::of(*code) {
                    Some(Why::Same) => {
                        account.identical += 1;
                        continue;
                    }
                    Some(Why::Because(cause)) => cause,
                    Some(Why::Follows(id)) => layouts.get(id as usize).copied().unwrap_or(Cause::Reordering),
                    Some(Why::Not) | None => {
                        account.unexplained += 1;
                        continue;
                    }
                };
                account.explain(cause, 1);
                let known = match spans.iter_mut().position(|(c, _)| *c == cause) {
                    Some(n) => spans.get_mut(n),
                    None => {
                        spans.push((cause, Sides::default()));
                        spans.last_mut()
                    }
                };
                if let Some((_, known)) = known {
                    let span = known.get_mut(side).get_or_insert(at..at + 1);
                    span.end = at + 1;
                }
            }
        }
        (accounts, spans.into_iter().map(|(cause, s)| (cause, s.map(|s| s.unwrap_or(0..0)))).collect())
    }
}

/// How many bytes two slices share at their start and at their end.
fn common(x: &[u8], y: &[u8]) -> (usize, usize) {
    let start = x.iter().zip(y).take_while(|(m, n)| m == n).count();
    let most = x.len().min(y.len()) - start;
    let end = x.iter().rev().zip(y.iter().rev()).take(most).take_while(|(m, n)| m == n).count();
    (start, end)
}
