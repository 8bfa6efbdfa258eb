//! Modules, symbols and lines inside the streams of a PDB.

use std::collections::HashMap;

use super::{File, Line, MAX_ENTRIES, Pdb, Procedure};
use crate::digest::Algorithm;
use crate::inspect::exe::{Exe, Names, text_at};
use crate::inspect::pe::N;

/// Longest name, in bytes.
const MAX_NAME: usize = 4096;

/// A compiled file with its symbols and lines.
pub(super) struct Module {
    pub(super) stream: usize,
    symbols: usize,
    old_lines: usize,
    lines: usize,
}

/// The stream that lists the modules.
pub(super) struct Dbi {
    pub(super) modules: Vec<Module>,
    /// Stream of the symbol records.
    pub(super) records: Option<usize>,
    /// Stream with a copy of the section headers.
    pub(super) section_headers: Option<usize>,
}

impl Dbi {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let half = |at: usize| N.int(bytes, at, 2).map(|n| n as usize);
        let word = |at: usize| N.int(bytes, at, 4).map(|n| n as usize);
        let present = |n: usize| (n != 0xffff).then_some(n);
        let modules_end = 64usize.checked_add(word(24)?)?;
        // Contributions, section map, sources, type servers, edit and continue: then the list of further streams.
        let further = [28, 32, 36, 40, 52].iter().try_fold(modules_end, |at, size| at.checked_add(word(*size)?))?;
        let mut modules = Vec::new();
        let mut rest = bytes.get(64..modules_end)?;
        while rest.len() > 64 {
            let size = |at: usize| N.int(rest, at, 4).map(|n| n as usize);
            let stream = N.int(rest, 34, 2)? as usize;
            modules.extend(present(stream).map(|stream| (stream, size(36), size(40), size(44))));
            let first = text_at(rest, 64).len();
            let second = text_at(rest, 64 + first + 1).len();
            let length = (64 + first + second + 2).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
        }
        let module = |(stream, symbols, old_lines, lines): (usize, Option<usize>, Option<usize>, Option<usize>)| {
            Some(Module { stream, symbols: symbols?, old_lines: old_lines?, lines: lines? })
        };
        Some(Self {
            modules: modules.into_iter().filter_map(module).collect(),
            records: half(20).and_then(present),
            section_headers: half(further.checked_add(10)?).and_then(present),
        })
    }
}

/// A source file as a module has it: where its path is, and its checksum.
type Named = (u64, Option<(Algorithm, Vec<u8>)>);

/// Gathers what the modules say.
pub(super) struct Reader<'a> {
    pub(super) exe: &'a Exe,
    /// All paths of source files.
    pub(super) paths: Names<'a>,
    /// The files so far: every module names those of its headers again.
    pub(super) known: HashMap<Named, Option<usize>>,
    pub(super) pdb: Pdb,
}

impl Reader<'_> {
    /// Address of an offset in a section, counted from 1; `None` outside of it.
    fn address(&self, section: u64, offset: u64) -> Option<u64> {
        let s = self.exe.sections.get(usize::try_from(section).ok()?.checked_sub(1)?)?;
        (offset < s.size).then(|| s.address.wrapping_add(offset))
    }

    pub(super) fn module(&mut self, stream: &[u8], module: &Module) {
        let symbols = stream.get(4..module.symbols).unwrap_or_default();
        records(symbols, |kind, data| match kind {
            // S_GPROC32, S_LPROC32 and the same with the type in another table.
            0x1110 | 0x110f | 0x1147 | 0x1146 => {
                let place = N.int(data, 32, 2).zip(N.int(data, 28, 4)).and_then(|(s, o)| self.address(s, o));
                self.add(data.get(35..), place, N.int(data, 12, 4).unwrap_or(0), true);
            }
            // S_LDATA32, S_GDATA32.
            0x110c | 0x110d => {
                let place = N.int(data, 8, 2).zip(N.int(data, 4, 4)).and_then(|(s, o)| self.address(s, o));
                self.add(data.get(10..), place, 0, false);
            }
            // S_COMPILE2, S_COMPILE3.
            0x1116 | 0x113c => {
                let text = text_at(data, if kind == 0x1116 { 18 } else { 22 });
                if !text.is_empty() && self.pdb.producers.len() < 10_000 {
                    self.pdb.producers.push(text.iter().copied().take(1000).collect());
                }
            }
            _ => {}
        });
        let start = module.symbols.saturating_add(module.old_lines);
        self.lines(stream.get(start..start.saturating_add(module.lines)).unwrap_or_default());
    }

    /// The names of the linker: those of code that no module describes.
    pub(super) fn publics(&mut self, stream: &[u8]) {
        let known: std::collections::HashSet<u64> = self.pdb.procedures.iter().map(|p| p.address).collect();
        records(stream, |kind, data| {
            let place = || N.int(data, 8, 2).zip(N.int(data, 4, 4)).and_then(|(s, o)| self.address(s, o));
            if kind == 0x110e
                && let Some(place) = place().filter(|a| !known.contains(a))
            {
                let code = N.int(data, 0, 4).unwrap_or(0) & 2 != 0;
                self.add(data.get(10..), Some(place), 0, code);
            }
        });
    }

    fn add(&mut self, name: Option<&[u8]>, address: Option<u64>, size: u64, code: bool) {
        let name = text_at(name.unwrap_or_default(), 0);
        if let Some(address) = address.filter(|_| self.pdb.procedures.len() < MAX_ENTRIES)
            && !name.is_empty()
            && name.len() <= MAX_NAME
        {
            self.pdb.procedures.push(Procedure { name: name.to_vec(), address, size, code });
        }
    }

    /// The C13 part of a module: checksums of files, and lines that refer to them.
    fn lines(&mut self, mut rest: &[u8]) {
        let mut parts = Vec::new();
        while let (Some(kind), Some(size)) = (N.int(rest, 0, 4), N.int(rest, 4, 4)) {
            let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(8);
            parts.push((kind, rest.get(8..end.min(rest.len())).unwrap_or_default()));
            rest = rest.get(end.next_multiple_of(4)..).unwrap_or_default();
        }
        let mut files = HashMap::new();
        for (_, data) in parts.iter().filter(|(kind, _)| *kind == 0xf4) {
            let mut at = 0;
            while let (Some(name), Some(size), Some(kind)) = (N.int(data, at, 4), N.int(data, at + 4, 1), N.int(data, at + 5, 1)) {
                if self.pdb.files.len() >= MAX_ENTRIES {
                    return;
                }
                let value = data.get(at + 6..at + 6 + size as usize).unwrap_or_default().to_vec();
                let algorithm = match (kind, value.len()) {
                    (1, 16) => Some(Algorithm::Md5),
                    (2, 20) => Some(Algorithm::Sha1),
                    (3, 32) => Some(Algorithm::Sha256),
                    _ => None,
                };
                if let Some(file) = self.file((name, algorithm.map(|a| (a, value)))) {
                    files.insert(at as u64, file);
                }
                at = (at + 6 + size as usize).next_multiple_of(4);
            }
        }
        for (_, data) in parts.iter().filter(|(kind, _)| *kind == 0xf2) {
            self.line_part(data, &files);
        }
    }

    /// The number of a file; `None` where its path is over a bound.
    fn file(&mut self, named: Named) -> Option<usize> {
        if let Some(known) = self.known.get(&named) {
            return *known;
        }
        let path = self.paths.at(named.0).map(|path| String::from_utf8_lossy(path).into_owned());
        let number = path.map(|path| {
            self.pdb.files.push(File { path, checksum: named.1.clone() });
            self.pdb.files.len().saturating_sub(1)
        });
        self.known.insert(named, number);
        number
    }

    fn line_part(&mut self, data: &[u8], files: &HashMap<u64, usize>) {
        let (Some(offset), Some(section), Some(size)) = (N.int(data, 0, 4), N.int(data, 4, 2), N.int(data, 8, 4)) else { return };
        let Some(start) = self.address(section, offset) else { return };
        let end = start.saturating_add(size);
        let first = self.pdb.lines.len();
        let mut at = 12;
        while let (Some(file), Some(count), Some(length)) = (N.int(data, at, 4), N.int(data, at + 4, 4), N.int(data, at + 8, 4)) {
            // The rows of a file end with its part: else every part could claim those of all others.
            let next = at.saturating_add(length as usize);
            let rows = data.get(at + 12..next.min(data.len())).unwrap_or_default().chunks_exact(8).take(count as usize);
            for raw in rows {
                let (from, flags) = (N.int(raw, 0, 4).unwrap_or(0), N.int(raw, 4, 4).unwrap_or(0));
                let line = (flags & 0x00ff_ffff) as u32;
                let from = start.saturating_add(from);
                if self.pdb.lines.len() >= MAX_ENTRIES {
                    return;
                }
                // Two numbers stand for "step over" and "step into": compiler's code without a line. It still ends the line before.
                let hidden = matches!(line, 0 | 0xfe_efee | 0xf0_0f00);
                let file = files.get(&file).copied().filter(|_| !hidden).unwrap_or(usize::MAX);
                if from < end {
                    self.pdb.lines.push(Line { addresses: from..end, line, file });
                }
            }
            if length < 12 {
                break;
            }
            at = next;
        }
        // Each line reaches to the next.
        let own = self.pdb.lines.get_mut(first..).unwrap_or_default();
        own.sort_by_key(|l| l.addresses.start);
        let starts: Vec<u64> = own.iter().map(|l| l.addresses.start).collect();
        for (line, next) in own.iter_mut().zip(starts.iter().skip(1)) {
            line.addresses.end = *next;
        }
    }
}

/// Calls `visit` with the kind and the content of each symbol record.
fn records(mut rest: &[u8], mut visit: impl FnMut(u64, &[u8])) {
    while let (Some(size), Some(kind)) = (N.int(rest, 0, 2), N.int(rest, 2, 2)) {
        let end = size as usize + 2;
        if end < 4 {
            return;
        }
        visit(kind, rest.get(4..end.min(rest.len())).unwrap_or_default());
        rest = rest.get(end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::exe::{Format, Section};

    /// A program with code at 0x1000.
    fn program() -> Exe {
        let code = Section { name: b".text".to_vec(), kind: 1, flags: 6, address: 0x1000, size: 64, range: 0..64, link: 0, info: 0 };
        Exe {
            format: Format::Pe,
            blob: vec![0x90; 64].into(),
            wide: true,
            little: true,
            machine: 62,
            kind: 2,
            segments: Vec::new(),
            sections: vec![code],
            regions: Vec::new(),
            starts: Vec::new(),
            odd: Vec::new(),
            object: None,
        }
    }

    fn words(all: &[u32]) -> Vec<u8> {
        all.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn rows_end_with_the_part_of_their_file_and_files_are_kept_once() {
        let exe = program();
        let mut reader = Reader { exe: &exe, paths: Names::new(b"\0a.c\0b.c\0"), known: HashMap::new(), pdb: Pdb::default() };
        // Two files, the first of them twice; then two parts of one row each that say they have a thousand.
        let part = |kind: u32, data: Vec<u8>| [words(&[kind, data.len() as u32]), data].concat();
        let files = part(0xf4, words(&[1, 0, 5, 0, 1, 0]));
        let lines = part(0xf2, words(&[0, 1, 32, 0, 1000, 20, 0, 7, 8, 1000, 20, 16, 9]));
        reader.lines(&[files, lines].concat());
        let paths: Vec<&str> = reader.pdb.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["a.c", "b.c"]);
        let all: Vec<(u64, u64, u32, usize)> =
            reader.pdb.lines.iter().map(|l| (l.addresses.start, l.addresses.end, l.line, l.file)).collect();
        assert_eq!(all, [(0x1000, 0x1010, 7, 0), (0x1010, 0x1020, 9, 1)]);
    }
}
