//! Small changes to ELF files (64-bit, little endian), at places that `object` finds.

use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// A file to change.
#[derive(Clone)]
pub struct Patch {
    pub bytes: Vec<u8>,
}

impl Patch {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec() }
    }

    fn file(&self) -> ElfFile64<'_> {
        ElfFile64::parse(self.bytes.as_slice()).expect("an ELF file")
    }

    /// Offset in the file and size of a section.
    pub fn section(&self, name: &str) -> (usize, usize) {
        let file = self.file();
        let range = file.section_by_name(name).and_then(|s| s.file_range()).unwrap_or_else(|| panic!("no section {name}"));
        (usize::try_from(range.0).expect("fits"), usize::try_from(range.1).expect("fits"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.file().section_by_name(name).is_some()
    }

    /// Address of a section.
    pub fn address(&self, name: &str) -> u64 {
        self.file().section_by_name(name).unwrap_or_else(|| panic!("no section {name}")).address()
    }

    /// Address and size of a symbol of `.symtab`.
    pub fn symbol(&self, name: &str) -> (u64, u64) {
        let file = self.file();
        let symbol = file.symbols().find(|s| s.name() == Ok(name)).unwrap_or_else(|| panic!("no symbol {name}"));
        (symbol.address(), symbol.size())
    }

    /// Offset in the file of an address.
    pub fn offset(&self, address: u64) -> usize {
        let file = self.file();
        let section = file
            .sections()
            .find(|s| s.address() != 0 && s.file_range().is_some() && (s.address()..s.address() + s.size()).contains(&address))
            .unwrap_or_else(|| panic!("{address:#x} is in no section"));
        usize::try_from(section.file_range().expect("bytes").0 + (address - section.address())).expect("fits")
    }

    pub fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes"))
    }

    pub fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("4 bytes"))
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Exchanges two ranges of the same length.
    pub fn swap(&mut self, a: usize, b: usize, length: usize) {
        let (one, two) = (self.bytes[a..a + length].to_vec(), self.bytes[b..b + length].to_vec());
        assert_ne!(one, two, "exchanging equal bytes changes nothing");
        self.put(a, &two);
        self.put(b, &one);
    }

    /// Where a byte string is in a section, from its start; it must be there.
    pub fn find(&self, section: &str, what: &[u8]) -> usize {
        let (start, size) = self.section(section);
        let found = self.bytes[start..start + size].windows(what.len()).position(|w| w == what);
        start + found.unwrap_or_else(|| panic!("{section} has no {}", String::from_utf8_lossy(what)))
    }

    /// Offset of the first 32-bit operand in a function that leads to that address.
    pub fn reference(&self, from: &str, to: u64) -> Option<usize> {
        let (address, size) = self.symbol(from);
        let start = self.offset(address);
        (start + 1..start + usize::try_from(size).expect("fits") - 3).find(|at| {
            let next = address + (at - start) as u64 + 4;
            next.wrapping_add_signed(i64::from(self.u32(*at).cast_signed())) == to
        })
    }

    /// Makes the 32-bit operand at an offset, in a function of `symbols`, lead to another address.
    pub fn lead(&mut self, operand: usize, symbols: &Self, function: &str, to: u64) {
        let (address, _) = symbols.symbol(function);
        let next = address + (operand - symbols.offset(address)) as u64 + 4;
        let distance = i32::try_from(to.cast_signed() - next.cast_signed()).expect("near");
        self.put(operand, &distance.to_le_bytes());
    }

    /// Address of a NUL-ended text in `.rodata`.
    pub fn text_address(&self, text: &str) -> Option<u64> {
        let (start, size) = self.section(".rodata");
        let ended = [text.as_bytes(), b"\0"].concat();
        let at = self.bytes[start..start + size].windows(ended.len()).position(|w| w == ended)?;
        Some(self.address(".rodata") + at as u64)
    }

    /// Offset of the first table of so many 32-bit distances from its own start into a function.
    pub fn jump_table(&self, function: &str, entries: usize) -> Option<usize> {
        let (start, size) = self.section(".rodata");
        let (from, length) = self.symbol(function);
        let base = self.address(".rodata");
        (start..start + size - entries * 4).step_by(4).find(|at| {
            let table = base + (at - start) as u64;
            let mut targets = (0..entries).map(|n| table.wrapping_add_signed(i64::from(self.u32(at + n * 4).cast_signed())));
            targets.all(|t| (from..from + length).contains(&t))
        })
    }

    /// Offset of the first 32-bit distance in a section, from its own place, to that address.
    pub fn pointer_to(&self, section: &str, to: u64) -> Option<usize> {
        let (start, size) = self.section(section);
        let base = self.address(section);
        (start..start + size - 3).find(|at| {
            let own = base + (at - start) as u64;
            own.wrapping_add_signed(i64::from(self.u32(*at).cast_signed())) == to
        })
    }

    /// Offset of the header of a section.
    pub fn header(&self, name: &str) -> usize {
        let index = self.file().section_by_name(name).unwrap_or_else(|| panic!("no section {name}")).index().0;
        usize::try_from(self.u64(40)).expect("fits") + index * 64
    }

    /// Whether there is such a section, and its bytes are not packed.
    pub fn is_plain(&self, name: &str) -> bool {
        self.has(name) && self.u64(self.header(name) + 8) & 0x800 == 0
    }

    /// Offsets of the entries of a relocation section (24 bytes each).
    pub fn relocations(&self, section: &str) -> Vec<usize> {
        let (start, size) = self.section(section);
        (start..start + size).step_by(24).collect()
    }

    /// The entry of `.rela.dyn` that fills this address.
    pub fn relocation_at(&self, address: u64) -> usize {
        let found = self.relocations(".rela.dyn").into_iter().find(|at| self.u64(*at) == address);
        found.unwrap_or_else(|| panic!("nothing fills {address:#x}"))
    }

    /// Offset of the value of the n-th dynamic entry with that tag.
    pub fn dynamic(&self, tag: u64, n: usize) -> usize {
        let (start, size) = self.section(".dynamic");
        let mut all = (start..start + size).step_by(16).filter(|at| self.u64(*at) == tag);
        all.nth(n).unwrap_or_else(|| panic!("no dynamic entry {tag:#x}")) + 8
    }

    /// Offset of the first program header of that type.
    pub fn segment(&self, kind: u32) -> usize {
        let (start, count) = (usize::try_from(self.u64(32)).expect("fits"), usize::from(self.bytes[56]));
        let found = (0..count).map(|i| start + i * 56).find(|at| self.u32(*at) == kind);
        found.unwrap_or_else(|| panic!("no segment {kind:#x}"))
    }

    /// Offset of the entry of a name in `.symtab`, if there is one.
    pub fn symbol_entry(&self, name: &str) -> Option<usize> {
        let (start, size) = self.has(".symtab").then(|| self.section(".symtab"))?;
        let (names, _) = self.section(".strtab");
        (start..start + size).step_by(24).find(|at| {
            let text = names + self.u32(*at) as usize;
            self.bytes[text..].starts_with(name.as_bytes()) && self.bytes[text + name.len()] == 0
        })
    }

    /// The first run of at least that many zeros which no section covers, behind the given offset.
    pub fn gap(&self, from: usize, length: usize) -> usize {
        let file = self.file();
        let mut ranges: Vec<(usize, usize)> = file
            .sections()
            .filter_map(|s| s.file_range())
            .map(|(at, size)| (usize::try_from(at).expect("fits"), usize::try_from(at + size).expect("fits")))
            .collect();
        ranges.sort_unstable();
        let mut at = from;
        for (start, end) in ranges {
            if start >= at + length && self.bytes[at..at + length].iter().all(|b| *b == 0) {
                return at;
            }
            at = at.max(end);
        }
        panic!("no gap of {length} bytes");
    }
}
