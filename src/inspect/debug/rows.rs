//! All rows of all line tables in one pass: which ranges of addresses claim to come from which file.

use std::collections::{BTreeSet, HashMap};

use super::{Lines, Reader};
use crate::digest::Algorithm;
use crate::inspect::pdb::Pdb;

/// Rows that are read at most.
const MAX_ROWS: usize = 100_000_000;
/// Runs that are kept at most.
const MAX_RUNS: usize = 8_000_000;
/// Bytes of paths that are kept at most: tables may share one long text.
const MAX_NAMES: usize = 256 << 20;
/// Lines that a row may be away from those of its run: code from elsewhere in the file, inlined here, is a run of its own.
const NEAR: u32 = 32;
/// Files that are kept at most.
const MAX_FILES: usize = 1_000_000;

/// A file that debug information names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    /// Its path, with the folder of the compiler before it where it is relative; not normalised.
    pub(crate) path: Vec<u8>,
    /// The folder that the compiler ran in (`DW_AT_comp_dir`); empty where none is named.
    pub(crate) folder: Vec<u8>,
    /// Its digest as the compiler saw it.
    pub(crate) digest: Option<(Algorithm, Vec<u8>)>,
}

/// Addresses next to each other that claim to come from one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Index in [`Table::files`].
    pub(crate) file: u32,
    /// First and last line; 0 where no line is named.
    pub(crate) lines: (u32, u32),
}

/// Everything that the line tables say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) files: Vec<NamedFile>,
    /// In no order; they may overlap when the tables lie.
    pub(crate) runs: Vec<Run>,
    /// Said when a bound ended the reading.
    pub(crate) cut: Option<String>,
}

impl Lines {
    /// Reads all rows. No run goes over one of `bounds` (sorted addresses, such as the starts of functions). `None` when it
    /// was given up.
    pub(crate) fn table(&self, bounds: &[u64], cancelled: &dyn Fn() -> bool) -> Option<Table> {
        let maker = Maker { table: Table::default(), bounds, next: 0, rows: 0, names: MAX_NAMES, files_only: false };
        self.read(maker, cancelled)
    }

    /// The files that the line tables name, as far as the bounds let them be read. `None` when it was given up.
    pub(crate) fn files(&self, cancelled: &dyn Fn() -> bool) -> Option<Vec<NamedFile>> {
        let maker = Maker { table: Table::default(), bounds: &[], next: 0, rows: 0, names: MAX_NAMES, files_only: true };
        self.read(maker, cancelled).map(|table| table.files)
    }

    fn read(&self, mut maker: Maker<'_>, cancelled: &dyn Fn() -> bool) -> Option<Table> {
        match &self.pdb {
            Some(pdb) => maker.pdb(pdb, cancelled)?,
            None => match self.dwarf() {
                Some(dwarf) => maker.dwarf(&dwarf, self.size, cancelled)?,
                None => maker.cut("units share their tables"),
            },
        }
        Some(maker.table)
    }
}

/// Files by folder, name and digest.
type Known<'a> = HashMap<(u32, &'a [u8], Option<[u8; 16]>), u32>;

struct Maker<'b> {
    table: Table,
    bounds: &'b [u64],
    /// Index of the first bound after the last address.
    next: usize,
    rows: usize,
    /// Bytes of paths that may still be kept.
    names: usize,
    /// Whether rows are left out.
    files_only: bool,
}

impl Maker<'_> {
    fn cut(&mut self, why: &str) {
        self.table.cut.get_or_insert_with(|| format!("the line tables are over a bound ({why}): the rest of the code counts as dark"));
    }

    fn pdb(&mut self, pdb: &Pdb, cancelled: &dyn Fn() -> bool) -> Option<()> {
        let (files, lines) = pdb.table();
        self.table.files = files
            .iter()
            .take(MAX_FILES)
            .map(|f| NamedFile { path: f.path.replace('\\', "/").into_bytes(), folder: Vec::new(), digest: f.checksum.clone() })
            .collect();
        for (i, (addresses, line, file)) in lines.enumerate().take(if self.files_only { 0 } else { usize::MAX }) {
            if i.is_multiple_of(1 << 16) && cancelled() {
                return None;
            }
            if let Some(file) = u32::try_from(file).ok().filter(|f| (*f as usize) < self.table.files.len()) {
                self.push(addresses.start, addresses.end, file, line);
            }
        }
        Some(())
    }

    fn dwarf<'a>(&mut self, dwarf: &gimli::Dwarf<Reader<'a>>, size: u64, cancelled: &dyn Fn() -> bool) -> Option<()> {
        let mut programs = BTreeSet::new();
        let mut folders: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut known: Known<'a> = HashMap::new();
        // Headers that overlap would be read again and again.
        let mut read = 0u64;
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            if cancelled() {
                return None;
            }
            let Ok(unit) = dwarf.unit(header) else { continue };
            let Some(program) = unit.line_program.clone() else { continue };
            if !programs.insert(program.header().offset().0) {
                continue;
            }
            read = read.saturating_add(program.header().unit_length() as u64);
            if read > size.saturating_mul(2).saturating_add(1 << 20) {
                self.cut("they overlap");
                return Some(());
            }
            let folder = unit.comp_dir.map(|d| d.slice()).unwrap_or_default();
            let first = u64::from(program.header().version() < 5);
            let mut numbers: Vec<Option<u32>> = vec![None; first as usize];
            let mut rendered: HashMap<u64, u32> = HashMap::new();
            for file in program.header().file_names() {
                if self.names == 0 {
                    self.cut("paths");
                    return Some(());
                }
                let index = file.directory_index();
                let dir = *rendered.entry(index).or_insert_with(|| {
                    let named = file.directory(program.header()).filter(|_| index != 0).and_then(|d| dwarf.attr_string(&unit, d).ok());
                    let path = joined(folder, named.map(|d| d.slice()).unwrap_or_default());
                    self.names = self.names.saturating_sub(folder.len() + path.len());
                    let number = u32::try_from(folders.len()).unwrap_or(u32::MAX);
                    // The folder of the compiler belongs to the key: what is found depends on it.
                    *folders.entry([folder, b"\0", &path].concat()).or_insert(number)
                });
                let name = dwarf.attr_string(&unit, file.path_name()).map(|n| n.slice()).unwrap_or_default();
                let md5 = (program.header().file_has_md5() && file.md5() != &[0; 16]).then(|| *file.md5());
                let number = known.get(&(dir, name, md5)).copied().or_else(|| {
                    if self.table.files.len() >= MAX_FILES {
                        return None;
                    }
                    let named = file.directory(program.header()).filter(|_| index != 0).and_then(|d| dwarf.attr_string(&unit, d).ok());
                    let path = joined(&joined(folder, named.map(|d| d.slice()).unwrap_or_default()), name);
                    self.names = self.names.checked_sub(path.len())?;
                    let digest = md5.map(|d| (Algorithm::Md5, d.to_vec()));
                    let number = self.table.files.len() as u32;
                    self.table.files.push(NamedFile { path, folder: folder.to_vec(), digest });
                    known.insert((dir, name, md5), number);
                    Some(number)
                });
                if number.is_none() {
                    self.cut("files");
                }
                numbers.push(number);
            }
            if self.files_only {
                continue;
            }
            let mut rows = program.rows();
            let mut open: Option<(u64, Option<u32>, u32)> = None;
            while let Ok(Some((_, row))) = rows.next_row() {
                self.rows += 1;
                if self.rows.is_multiple_of(1 << 18) && cancelled() {
                    return None;
                }
                if self.rows > MAX_ROWS || self.table.runs.len() > MAX_RUNS {
                    self.cut("rows");
                    return Some(());
                }
                if let Some((start, Some(file), line)) = open
                    && row.address() > start
                {
                    self.push(start, row.address(), file, line);
                }
                let file = usize::try_from(row.file_index()).ok().and_then(|i| numbers.get(i).copied().flatten());
                let line = row.line().map_or(0, |l| u32::try_from(l.get()).unwrap_or(u32::MAX));
                open = (!row.end_sequence()).then_some((row.address(), file, line));
            }
        }
        Some(())
    }

    fn push(&mut self, mut start: u64, end: u64, file: u32, line: u32) {
        while start < end {
            let stop = self.bound_after(start).map_or(end, |b| b.min(end));
            let at_bound = self.next.checked_sub(1).and_then(|i| self.bounds.get(i)) == Some(&start);
            let full = self.table.runs.len() > MAX_RUNS;
            match self.table.runs.last_mut() {
                Some(last) if last.end == start && last.file == file && !at_bound && near(last.lines, line) => {
                    last.end = stop;
                    if line > 0 {
                        let first = if last.lines.0 == 0 { line } else { last.lines.0.min(line) };
                        last.lines = (first, last.lines.1.max(line));
                    }
                }
                _ if full => {
                    self.cut("runs");
                    return;
                }
                _ => self.table.runs.push(Run { start, end: stop, file, lines: (line, line) }),
            }
            start = stop;
        }
    }

    /// The first bound after an address; quick where addresses rise.
    fn bound_after(&mut self, address: u64) -> Option<u64> {
        let below = |i: Option<usize>| i.and_then(|i| self.bounds.get(i)).is_none_or(|b| *b <= address);
        let above = |i: usize| self.bounds.get(i).is_none_or(|b| *b > address);
        if !(below(self.next.checked_sub(1)) && above(self.next)) {
            let near = self.next + 1;
            self.next = if below(Some(self.next)) && above(near) { near } else { self.bounds.partition_point(|b| *b <= address) };
        }
        self.bounds.get(self.next).copied()
    }
}

/// Whether a line is among those of a run or close by; one that is not named is.
fn near((first, last): (u32, u32), line: u32) -> bool {
    line == 0 || last == 0 || (first.saturating_sub(NEAR)..=last.saturating_add(NEAR)).contains(&line)
}

/// A path behind a folder, unless it is absolute.
fn joined(folder: &[u8], path: &[u8]) -> Vec<u8> {
    let drive = matches!(path, [_, b':', b'/' | b'\\', ..]);
    if folder.is_empty() || path.starts_with(b"/") || path.starts_with(b"\\") || drive {
        return path.to_vec();
    }
    if path.is_empty() { folder.to_vec() } else { [folder, b"/", path].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(bounds: &[u64], rows: &[(u64, u64, u32, u32)]) -> Vec<(u64, u64, u32, (u32, u32))> {
        let mut maker = Maker { table: Table::default(), bounds, next: 0, rows: 0, names: MAX_NAMES, files_only: false };
        for (start, end, file, line) in rows {
            maker.push(*start, *end, *file, *line);
        }
        maker.table.runs.iter().map(|r| (r.start, r.end, r.file, r.lines)).collect()
    }

    #[test]
    fn runs_join_rows_of_one_file_and_end_at_bounds() {
        let rows = [(0, 4, 7, 10), (4, 8, 7, 9), (8, 12, 7, 12), (12, 16, 8, 1), (16, 20, 7, 0)];
        assert_eq!(runs(&[], &rows), [(0, 12, 7, (9, 12)), (12, 16, 8, (1, 1)), (16, 20, 7, (0, 0))]);
        assert_eq!(runs(&[0, 8], &rows)[..2], [(0, 8, 7, (9, 10)), (8, 12, 7, (12, 12))]);
        // Code of a function far away in the file, inlined.
        assert_eq!(runs(&[], &[(0, 4, 7, 10), (4, 8, 7, 500), (8, 12, 7, 11)]).len(), 3);
        // One row over several functions, and addresses that go back.
        assert_eq!(runs(&[0, 8, 16], &[(0, 20, 1, 5)]).len(), 3);
        assert_eq!(runs(&[0, 8, 16], &[(16, 20, 1, 5), (0, 4, 1, 5)]).len(), 2);
    }

    #[test]
    fn paths_are_joined_as_the_debugger_does() {
        assert_eq!(joined(b"/b", b"src/x.c"), b"/b/src/x.c");
        assert_eq!(joined(b"/b", b"/src/x.c"), b"/src/x.c");
        assert_eq!(joined(b"", b"x.c"), b"x.c");
        assert_eq!(joined(b"/b", b"C:/x.c"), b"C:/x.c");
        assert_eq!(joined(b"/b", b""), b"/b");
    }
}
