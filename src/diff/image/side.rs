//! One executable, with what is known about it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::diff::asm::{Decoded, Ending};
use crate::inspect::exe::{Exe, Format, Section};
use crate::inspect::pe;
use crate::inspect::symbols::{self, Bound, Function, Symbol};

/// One side.
pub(in crate::diff) struct Image {
    pub(in crate::diff) elf: Exe,
    /// Sorted by address, without overlaps.
    pub(in crate::diff) functions: Vec<Function>,
    /// Code between functions.
    pub(in crate::diff) fillers: Vec<Function>,
    pub(super) bindings: BTreeMap<u64, Bound>,
    /// Slots that the loader fills with the same import as another one of their section.
    pub(super) twins: HashSet<u64>,
    /// Where an address stands in full, and its bytes: where the loader adds the distance from the preferred base (PE), or
    /// the linker puts it (objects).
    pub(in crate::diff) moved: BTreeMap<u64, u8>,
    pub(super) stubs: BTreeMap<u64, Vec<u8>>,
    /// Of stubs that lead to one import, which one each is: code may ask whether two addresses are one.
    pub(super) ranks: HashMap<u64, usize>,
    /// Data symbols, sorted by address.
    pub(in crate::diff) objects: Vec<Symbol>,
    /// Where data symbols start, and the furthest end of those up to there; sorted.
    pub(super) extents: Vec<(u64, u64)>,
    /// The same of symbols of the file itself. What a debug file says of where data ends is the word of whoever made that file.
    pub(super) stated: Vec<(u64, u64)>,
    /// Where loaded sections end, with the first that ends there.
    pub(super) ends: HashMap<u64, usize>,
    /// Instructions that will be asked for once more.
    pub(in crate::diff) decoded: Decoded,
}

impl Image {
    /// `debug` are the symbols of a debug file that describes this very file. `None` when it was given up.
    pub(in crate::diff) fn new(elf: Exe, debug: Vec<Symbol>, cancelled: &dyn Fn() -> bool) -> Option<Self> {
        // Large files take a while in each of these.
        let go_on = || (!cancelled()).then_some(());
        let mut symbols = symbols::symbols(&elf, true);
        go_on()?;
        let stated = extents(&sized(&symbols));
        symbols.extend(debug);
        go_on()?;
        let functions = symbols::functions(&elf, &symbols);
        go_on()?;
        let mut fillers = symbols::uncovered(&elf, &functions);
        fillers.sort_by_key(|f| f.address);
        go_on()?;
        let bindings = symbols::bindings(&elf);
        go_on()?;
        let twins = twins(&elf, &bindings);
        let stubs = symbols::stubs(&elf, &bindings);
        let ranks = ranks(&stubs);
        let moved = elf.object.as_ref().map_or_else(|| pe::tables::relocations(&elf), |o| o.addresses.clone());
        go_on()?;
        let mut objects = sized(&symbols);
        let extents = extents(&objects);
        objects.dedup_by_key(|s| s.address);
        // The end of a section is told by its name: of several that have it none is meant.
        let mut names: HashMap<&[u8], usize> = HashMap::new();
        elf.sections.iter().filter(|s| s.is_allocated()).for_each(|s| *names.entry(&s.name).or_default() += 1);
        let mut ends = HashMap::new();
        for (i, s) in elf.sections.iter().enumerate().filter(|(_, s)| s.is_allocated() && s.size > 0) {
            if names.get(s.name.as_slice()) == Some(&1) {
                ends.entry(s.address.wrapping_add(s.size)).or_insert(i);
            }
        }
        Some(Self {
            elf,
            functions,
            fillers,
            bindings,
            twins,
            moved,
            stubs,
            ranks,
            objects,
            extents,
            stated,
            ends,
            decoded: Decoded::default(),
        })
    }

    /// Takes over bounds of functions from the other side where this side knows none: at the same address of a section
    /// that is at the same place. They only say what to compare with what; the bytes are compared as everywhere.
    pub(in crate::diff) fn borrow_bounds(&mut self, other: &Self) {
        let mut more = Vec::new();
        for f in &other.functions {
            let Some(theirs) = other.elf.sections.get(f.section) else { continue };
            let Some(index) = self.elf.section_index_at(f.address) else { continue };
            let same =
                self.elf.sections.get(index).is_some_and(|own| {
                    (&own.name, own.address, own.size, own.is_code()) == (&theirs.name, theirs.address, theirs.size, true)
                });
            let after = self.fillers.partition_point(|gap| gap.address <= f.address);
            let free = after.checked_sub(1).and_then(|i| self.fillers.get(i)).is_some_and(|gap| f.end() <= gap.end());
            if same && free {
                more.push(Function { name: None, section: index, ..f.clone() });
            }
        }
        if !more.is_empty() {
            self.functions.extend(more);
            self.functions.sort_by_key(|f| f.address);
            self.fillers = symbols::uncovered(&self.elf, &self.functions);
            self.fillers.sort_by_key(|f| f.address);
        }
    }

    /// The code of a function or filler.
    pub(in crate::diff) fn code(&self, f: &Function) -> &[u8] {
        let Some(s) = self.elf.sections.get(f.section) else { return &[] };
        let from = usize::try_from(f.address.wrapping_sub(s.address)).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(f.size).unwrap_or(usize::MAX));
        self.elf.data(s).get(from..to).unwrap_or_default()
    }

    /// Where the data that a symbol of the file itself claims at an address ends.
    pub(in crate::diff) fn object_end(&self, address: u64) -> Option<u64> {
        let after = self.stated.partition_point(|(start, _)| *start <= address);
        self.stated.get(after.checked_sub(1)?).map(|(_, end)| *end).filter(|end| *end > address)
    }

    /// Where data symbols of the file itself begin.
    pub(super) fn stated_starts(&self) -> impl Iterator<Item = u64> + '_ {
        self.stated.iter().map(|(start, _)| *start)
    }

    /// Whether a symbol claims the data before an address together with that behind it.
    pub(in crate::diff) fn is_inside_object(&self, address: u64) -> bool {
        let after = self.extents.partition_point(|(start, _)| *start < address);
        after.checked_sub(1).and_then(|i| self.extents.get(i)).is_some_and(|(_, end)| *end > address)
    }

    /// Where the stubs are that lead to imports.
    pub(in crate::diff) fn stub_addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.stubs.keys().copied()
    }

    /// The import that a stub at an address leads to.
    pub(in crate::diff) fn import(&self, address: u64) -> Option<&[u8]> {
        self.stubs.get(&address).map(Vec::as_slice)
    }

    /// What the loader puts at an address.
    pub(in crate::diff) fn bound(&self, address: u64) -> Option<&Bound> {
        self.bindings.get(&address)
    }

    /// What the loader puts at the addresses of a range.
    pub(in crate::diff) fn filled(&self, range: std::ops::Range<u64>) -> impl Iterator<Item = (&u64, &Bound)> {
        self.bindings.range(range.start..range.end.max(range.start))
    }

    /// Of an object: what is not in it and stands at an address, by name, and how far that is from there.
    pub(super) fn outside(&self, address: u64) -> Option<(&[u8], u64)> {
        self.elf.object.as_ref()?.extern_at(address)
    }

    /// What another file defines and a call leads to, by name and without its version.
    pub(in crate::diff) fn imported(&self, call: Ending) -> Option<&[u8]> {
        let name = match call {
            Ending::Calls(to) => self.import(to).or_else(|| self.outside(to).filter(|(_, offset)| *offset == 0).map(|(name, _)| name)),
            Ending::CallsThrough(slot) => match self.bound(slot) {
                Some(Bound::Import(name, 0)) => Some(name.as_slice()),
                _ => None,
            },
            Ending::Leaves | Ending::Open => None,
        };
        // The number behind `%` is the type of the relocation.
        name.and_then(|n| n.split(|b| matches!(b, b'@' | b'%')).next())
    }

    /// The function, or the code between functions, that an address is in.
    pub(in crate::diff) fn piece_at(&self, address: u64) -> Option<&Function> {
        if let Some(i) = self.function_at(address) {
            return self.functions.get(i);
        }
        let after = self.fillers.partition_point(|f| f.address <= address);
        after.checked_sub(1).and_then(|i| self.fillers.get(i)).filter(|f| address < f.end())
    }

    /// Whether it is an ELF program or library, whose sections have addresses.
    pub(super) fn is_linked(&self) -> bool {
        self.elf.format == Format::Elf && self.elf.kind != 1
    }

    /// Name and address of each loaded section, sorted.
    pub(super) fn standing(&self) -> Vec<(&[u8], u64)> {
        let loaded = self.elf.sections.iter().filter(|s| s.is_allocated() && s.size > 0);
        let mut out: Vec<(&[u8], u64)> = loaded.map(|s| (s.name.as_slice(), s.address)).collect();
        out.sort_unstable();
        out
    }

    /// The function that an address is in.
    pub(in crate::diff) fn function_at(&self, address: u64) -> Option<usize> {
        let i = self.functions.partition_point(|f| f.address <= address).checked_sub(1)?;
        self.functions.get(i).filter(|f| address < f.end()).map(|_| i)
    }
}

/// Data symbols with a size, sorted by address.
fn sized(symbols: &[Symbol]) -> Vec<Symbol> {
    let mut objects: Vec<Symbol> = symbols.iter().filter(|s| !s.code && s.size > 0).cloned().collect();
    objects.sort_by(|x, y| (x.address, &x.name).cmp(&(y.address, &y.name)));
    objects
}

/// Where sorted symbols start, and the furthest end of those up to there.
fn extents(objects: &[Symbol]) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::with_capacity(objects.len());
    for s in objects {
        let end = out.last().map_or(0, |e| e.1).max(s.address.saturating_add(s.size));
        out.push((s.address, end));
    }
    out
}

/// Whether a section holds slots that the loader fills with imports.
pub(super) fn is_table(exe: &Exe, s: &Section) -> bool {
    s.name.starts_with(b".got") || exe.format == Format::Pe
}

/// The numbers of stubs that do not alone lead to their import, in the order of their addresses.
fn ranks(stubs: &BTreeMap<u64, Vec<u8>>) -> HashMap<u64, usize> {
    let mut all: HashMap<&[u8], Vec<u64>> = HashMap::new();
    stubs.iter().for_each(|(address, name)| all.entry(name).or_default().push(*address));
    all.into_values().filter(|own| own.len() > 1).flat_map(|own| own.into_iter().enumerate().map(|(n, address)| (address, n))).collect()
}

/// The slots of such sections that share their import with another one of a section of the same name.
fn twins(exe: &Exe, bindings: &BTreeMap<u64, Bound>) -> HashSet<u64> {
    let mut first: HashMap<(&[u8], &Bound), u64> = HashMap::new();
    let mut out = HashSet::new();
    for (address, bound) in bindings.iter().filter(|(_, b)| matches!(b, Bound::Import(..))) {
        let Some(index) = exe.section_index_at(*address) else { continue };
        if let Some(s) = exe.sections.get(index).filter(|s| is_table(exe, s))
            && let Some(known) = first.insert((&s.name, bound), *address)
        {
            out.extend([known, *address]);
        }
    }
    out
}
