//! Addresses that aarch64 code makes in two steps: `ADRP` puts a page into a register, and `ADD` or a load or store adds the
//! offset in it.
//!
//! The value of each register is followed through the function along every jump: a pair is only proved when nothing else can
//! be in the register where it is used, and an `ADRP` only when every place that may read its page is such a pair. What may
//! come from outside, or leaves to outside with the page at hand, ends the proof.

use super::aarch64::{ADR_BITS, ALL, Effect, Flow, IMM12, effect, page, page_user};
use super::{Hole, Insn, Kind};

/// Steps for each word after which nothing is proved: honest code needs three or four.
const MAX_STEPS: usize = 64;

/// Not reached yet.
const UNKNOWN: u32 = 0;
/// No page.
const OTHER: u32 = 1;
/// Perhaps any page that this register has anywhere.
const ANY: u32 = 2;
/// From here on: the page of the `ADRP` with the index `value / 2 - FIRST / 2`; odd values say that it may be something else too.
const FIRST: u32 = 4;

/// What data does.
const NOTHING: Effect = Effect { reads: 0, writes: 0, spoils: 0, flow: Flow::Stop };

const REGISTERS: usize = 31;
type State = [u32; REGISTERS];

/// Registers that a call may read, and those that a return gives back.
const ARGUMENTS: u32 = 0x1ff;
const RESULTS: u32 = 3;

/// Marks the proved pairs among the instructions: users refer to an address, and each `ADRP` belongs to their web.
pub(super) fn resolve(words: &[u32], data: &[bool], address: u64, out: &mut [Insn]) {
    if !words.iter().zip(data).any(|(w, d)| !d && page(*w, 0).is_some()) {
        return;
    }
    let mut flow = Walk::new(words, data, address);
    if !flow.run() {
        return;
    }
    flow.judge();
    let mut first: Vec<u64> = vec![0; words.len()];
    for (i, def) in flow.users.clone() {
        let root = flow.webs.root(def);
        let (Some(w), Some(p)) = (words.get(i), flow.page_of(def)) else { continue };
        if flow.bad.get(root) == Some(&false)
            && let (Some((_, offset)), Some(insn)) = (page_user(*w), out.get_mut(i))
        {
            (insn.kind, insn.hole, insn.to) = (Kind::Reference, Hole::Bits(IMM12), p.wrapping_add(offset));
            insn.web = u32::try_from(root + 1).unwrap_or(0);
            if let Some(slot) = first.get_mut(root).filter(|a| **a == 0) {
                *slot = insn.to;
            }
        }
    }
    for i in 0..words.len() {
        let root = flow.webs.root(i);
        if flow.is_page(i)
            && flow.bad.get(root) == Some(&false)
            && let (Some(to), Some(insn)) = (first.get(root).filter(|a| **a != 0), out.get_mut(i))
        {
            (insn.kind, insn.hole, insn.to) = (Kind::Page, Hole::Bits(ADR_BITS), *to);
            insn.web = u32::try_from(root + 1).unwrap_or(0);
        }
    }
}

/// Sets of `ADRP`s whose pages meet in a register.
struct Webs(Vec<usize>);

impl Webs {
    fn root(&mut self, mut i: usize) -> usize {
        while let Some(up) = self.0.get(i).copied().filter(|up| *up != i) {
            let next = self.0.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.0.get_mut(i) {
                *slot = next;
            }
            i = next;
        }
        i
    }

    fn join(&mut self, i: usize, j: usize) {
        let (i, j) = (self.root(i), self.root(j));
        if let Some(slot) = self.0.get_mut(i.max(j)) {
            *slot = i.min(j);
        }
    }
}

struct Walk<'a> {
    words: &'a [u32],
    effects: Vec<Effect>,
    data: &'a [bool],
    address: u64,
    /// First words of straight runs, sorted.
    starts: Vec<usize>,
    states: Vec<State>,
    webs: Webs,
    /// By index of the `ADRP`.
    bad: Vec<bool>,
    /// Registers all of whose pages are spoilt.
    spoilt: u32,
    /// Each user with its `ADRP`.
    users: Vec<(usize, usize)>,
}

impl<'a> Walk<'a> {
    fn new(words: &'a [u32], data: &'a [bool], address: u64) -> Self {
        let mut is_start = vec![false; words.len()];
        let mut mark = |i: usize| is_start.get_mut(i).into_iter().for_each(|s| *s = true);
        mark(0);
        let effects: Vec<Effect> = words.iter().enumerate().map(|(i, w)| effect(*w, address.wrapping_add(i as u64 * 4))).collect();
        let local = |to: u64| usize::try_from(to.wrapping_sub(address) / 4).ok().filter(|i| *i < words.len());
        for (i, effect) in effects.iter().enumerate() {
            match effect.flow {
                _ if data.get(i) == Some(&true) => mark(i + 1),
                Flow::Next | Flow::Call => {}
                Flow::Jump(to) | Flow::Branch(to) => {
                    mark(i + 1);
                    local(to).into_iter().for_each(&mut mark);
                }
                Flow::Indirect | Flow::Return | Flow::Stop => mark(i + 1),
            }
        }
        let starts: Vec<usize> = is_start.iter().enumerate().filter(|(_, s)| **s).map(|(i, _)| i).collect();
        Self {
            words,
            effects,
            data,
            address,
            states: vec![[UNKNOWN; REGISTERS]; starts.len()],
            starts,
            webs: Webs((0..words.len()).collect()),
            bad: vec![false; words.len()],
            spoilt: 0,
            users: Vec::new(),
        }
    }

    fn ip(&self, i: usize) -> u64 {
        self.address.wrapping_add(i as u64 * 4)
    }

    fn page_of(&self, i: usize) -> Option<u64> {
        page(*self.words.get(i)?, self.ip(i)).map(|(_, page)| page)
    }

    fn is_page(&self, i: usize) -> bool {
        self.data.get(i) == Some(&false) && self.page_of(i).is_some()
    }

    /// The run that starts at an address of the function.
    fn run_at(&self, to: u64) -> Option<usize> {
        let i = usize::try_from(to.wrapping_sub(self.address) / 4).ok()?;
        self.starts.binary_search(&i).ok()
    }

    /// Follows values until nothing changes; `false` when that takes too long.
    fn run(&mut self) -> bool {
        let mut open = vec![false; self.starts.len()];
        let mut next: Vec<usize> = Vec::new();
        let mut todo = vec![0];
        if let Some(first) = self.states.first_mut() {
            *first = [OTHER; REGISTERS];
        }
        // Runs that no jump leads to are entered through a register, or when an exception comes out of a call: with the values
        // that are there then.
        let mut entered = vec![false; self.starts.len()];
        for n in 0..self.starts.len() {
            for to in self.ends(n).into_iter().flatten() {
                entered.get_mut(to).into_iter().for_each(|e| *e = true);
            }
        }
        let hidden: Vec<usize> = entered.iter().enumerate().skip(1).filter(|(_, e)| !**e).map(|(n, _)| n).collect();
        let (mut thrown, mut indirect) = ([UNKNOWN; REGISTERS], [UNKNOWN; REGISTERS]);
        let mut left = self.words.len().saturating_mul(MAX_STEPS);
        loop {
            while let Some(n) = todo.pop() {
                let Some(mut state) = self.states.get(n).copied() else { continue };
                let range = self.range(n);
                if left < range.len() {
                    return false;
                }
                left -= range.len();
                let mut leaves = false;
                for i in range {
                    let step = self.step(i, &mut state);
                    match step.flow {
                        Flow::Call => {
                            self.meet(&mut thrown, &state);
                        }
                        Flow::Indirect => leaves = true,
                        _ => {}
                    }
                }
                if leaves {
                    self.meet(&mut indirect, &state);
                }
                for to in self.ends(n).into_iter().flatten() {
                    if self.enter(to, &state) && open.get(to) == Some(&false) {
                        open.get_mut(to).into_iter().for_each(|o| *o = true);
                        next.push(to);
                    }
                }
                if todo.is_empty() {
                    std::mem::swap(&mut todo, &mut next);
                    open.iter_mut().for_each(|o| *o = false);
                }
            }
            for n in 0..self.starts.len() {
                let secret = hidden.binary_search(&n).is_ok();
                let mut more = indirect;
                if secret {
                    self.meet(&mut more, &thrown);
                    // Where nothing leads to at all anything may be in a register.
                    more.iter_mut().filter(|v| **v == UNKNOWN).for_each(|v| *v = ANY);
                }
                if more != [UNKNOWN; REGISTERS] && self.enter(n, &more) {
                    todo.push(n);
                }
                left = left.saturating_sub(1);
            }
            if todo.is_empty() {
                return left > 0;
            }
        }
    }

    fn range(&self, n: usize) -> std::ops::Range<usize> {
        self.starts.get(n).copied().unwrap_or(0)..self.starts.get(n + 1).copied().unwrap_or(self.words.len())
    }

    /// The runs that a run leads to: by its jump, and by going on.
    fn ends(&self, n: usize) -> [Option<usize>; 2] {
        let Some(last) = self.range(n).last() else { return [None, None] };
        let on = (n + 1 < self.starts.len()).then_some(n + 1);
        if self.data.get(last) == Some(&true) {
            return [None, None];
        }
        match self.effects.get(last).map(|e| e.flow) {
            Some(Flow::Jump(to)) => [self.run_at(to), None],
            Some(Flow::Branch(to)) => [self.run_at(to), on],
            Some(Flow::Next | Flow::Call) => [None, on],
            _ => [None, None],
        }
    }

    fn enter(&mut self, n: usize, state: &State) -> bool {
        let Some(mut own) = self.states.get(n).copied() else { return false };
        let changed = self.meet(&mut own, state);
        if let Some(slot) = self.states.get_mut(n) {
            *slot = own;
        }
        changed
    }

    /// What is in the registers where two ways come together; says whether that is news.
    fn meet(&mut self, own: &mut State, other: &State) -> bool {
        let mut changed = false;
        for (x, y) in own.iter_mut().zip(other) {
            let both = self.both(*x, *y);
            changed |= both != *x;
            *x = both;
        }
        changed
    }

    fn both(&mut self, x: u32, y: u32) -> u32 {
        match (x, y) {
            _ if x == y => x,
            (UNKNOWN, v) | (v, UNKNOWN) => v,
            (ANY, _) | (_, ANY) => ANY,
            (OTHER, v) | (v, OTHER) => v | 1,
            _ => {
                let (i, j) = (index(x), index(y));
                if i == j {
                    return x | y & 1;
                }
                if self.page_of(i) != self.page_of(j) {
                    return ANY;
                }
                self.webs.join(i, j);
                x.min(y) & !1 | (x | y) & 1
            }
        }
    }

    /// One word: what it leaves in the registers.
    fn step(&self, i: usize, state: &mut State) -> Effect {
        let Some(w) = self.words.get(i).filter(|_| self.data.get(i) == Some(&false)) else {
            return NOTHING;
        };
        let Some(effect) = self.effects.get(i).copied() else { return NOTHING };
        let touched = effect.writes | effect.spoils;
        for (r, value) in state.iter_mut().enumerate().filter(|_| touched != 0) {
            if effect.writes >> r & 1 == 1 {
                *value = OTHER;
            } else if effect.spoils >> r & 1 == 1 && *value >= FIRST {
                *value |= 1;
            }
        }
        if let Some((d, _)) = page(*w, 0)
            && let Some(slot) = state.get_mut(d as usize)
        {
            *slot = u32::try_from(i).map_or(ANY, |i| i * 2 + FIRST);
        }
        effect
    }

    /// Looks at every read with the values that are known now.
    fn judge(&mut self) {
        for n in 0..self.starts.len() {
            let Some(mut state) = self.states.get(n).copied() else { continue };
            for i in self.range(n) {
                let (Some(w), Some(does)) = (self.words.get(i).copied(), self.effects.get(i).copied()) else { continue };
                let data = self.data.get(i) != Some(&false);
                let base = page_user(w).map(|(r, _)| r as usize).filter(|_| !data);
                let outside = |to: u64| self.run_at(to).is_none();
                let leaves = match does.flow {
                    // Running into data, or over the end.
                    _ if data && i > self.range(n).start => ALL,
                    _ if data => 0,
                    Flow::Jump(to) | Flow::Branch(to) if outside(to) => ALL,
                    Flow::Next | Flow::Branch(_) if i + 1 == self.words.len() => ALL & !does.writes,
                    Flow::Indirect => ALL,
                    Flow::Call if i + 1 == self.words.len() => ALL,
                    Flow::Call => ARGUMENTS,
                    Flow::Return => RESULTS,
                    _ => 0,
                };
                let reads = if data { 0 } else { does.reads };
                for (r, value) in state.into_iter().enumerate() {
                    let (read, left) = (reads >> r & 1 == 1, leaves >> r & 1 == 1);
                    if value == OTHER || value == UNKNOWN || !(read || left) {
                        continue;
                    }
                    let known = value != ANY && value & 1 == 0 && base == Some(r) && !stores(w, r);
                    if known {
                        self.users.push((i, index(value)));
                    }
                    if value == ANY {
                        self.spoilt |= 1 << r;
                    } else if left || !known {
                        self.bad.get_mut(index(value)).into_iter().for_each(|b| *b = true);
                    }
                }
                self.step(i, &mut state);
            }
        }
        for i in 0..self.words.len() {
            let spoilt = page(self.words.get(i).copied().unwrap_or(0), 0).is_some_and(|(d, _)| self.spoilt >> d & 1 == 1);
            if spoilt || self.bad.get(i) == Some(&true) {
                let root = self.webs.root(i);
                self.bad.get_mut(root).into_iter().for_each(|b| *b = true);
            }
        }
    }
}

fn index(value: u32) -> usize {
    (value.saturating_sub(FIRST) / 2) as usize
}

/// Whether a store with that base stores the base itself.
fn stores(w: u32, base: usize) -> bool {
    let general_store = w & 0x3f00_0000 == 0x3900_0000 && w >> 22 & 3 == 0;
    general_store && (w & 31) as usize == base
}
