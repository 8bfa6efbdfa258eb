//! Expanded bytes: in memory while they are few, else in a file that has no name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::tar::ReadAt;

/// Bytes that are kept in memory.
const MEMORY: usize = 4 << 20;
/// Bytes that are kept in memory where no file can be made.
const MEMORY_ALONE: usize = 512 << 20;

/// What was written to a [`Spill`].
pub(super) enum Expanded {
    Memory(Vec<u8>),
    Disk(File, u64),
}

impl ReadAt for Expanded {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(_, size) => *size,
        }
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => bytes.as_slice().read_exact_at(buffer, offset),
            Self::Disk(file, _) => file.read_exact_at(buffer, offset),
        }
    }
}

/// Takes bytes one after another. What does not fit in memory goes to a file in `folder` that is unlinked as soon as it is open:
/// nothing is left of it, however the program ends.
pub(super) struct Spill<'a> {
    folder: &'a Path,
    memory: Vec<u8>,
    file: Option<File>,
    /// Whether no file could be made.
    no_file: bool,
    size: u64,
}

impl<'a> Spill<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, memory: Vec::new(), file: None, no_file: false, size: 0 }
    }

    pub(super) fn finish(self) -> Expanded {
        match self.file {
            Some(file) => Expanded::Disk(file, self.size),
            None => Expanded::Memory(self.memory),
        }
    }

    fn unnamed(&self) -> io::Result<File> {
        use std::hash::{BuildHasher, Hasher};
        fs::create_dir_all(self.folder)?;
        let random = std::hash::RandomState::new().build_hasher().finish();
        let path: PathBuf = self.folder.join(format!("expanded.{random:016x}.partial"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    }
}

impl Write for Spill<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && !self.no_file && self.memory.len() + bytes.len() > MEMORY {
            match self.unnamed() {
                Ok(mut file) => {
                    file.write_all(&self.memory)?;
                    self.memory = Vec::new();
                    self.file = Some(file);
                }
                // The folder may be on a medium that cannot be written to.
                Err(_) => self.no_file = true,
            }
        }
        if self.no_file && self.memory.len() + bytes.len() > MEMORY_ALONE {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_for_memory_is_read_from_a_file_without_a_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::new(folder.path());
        let chunk: Vec<u8> = (0..=255_u8).cycle().take(1 << 20).collect();
        for _ in 0..(MEMORY >> 20) {
            spill.write_all(&chunk).expect("written");
        }
        assert!(spill.file.is_none());
        spill.write_all(b"the end").expect("written");
        let expanded = spill.finish();
        assert!(matches!(expanded, Expanded::Disk(..)));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing is left in the folder");
        let mut end = [0u8; 7];
        expanded.read_exact_at(&mut end, MEMORY as u64).expect("read");
        assert_eq!((&end, expanded.len()), (b"the end", MEMORY as u64 + 7));
        assert!(expanded.read_exact_at(&mut end, MEMORY as u64 + 1).is_err(), "past the end");
        // Where no file can be made, memory must do.
        let none = folder.path().join("a file");
        fs::write(&none, b"").expect("written");
        let mut spill = Spill::new(&none);
        for _ in 0..=(MEMORY >> 20) {
            spill.write_all(&chunk).expect("written");
        }
        assert!(matches!(spill.finish(), Expanded::Memory(bytes) if bytes.len() == MEMORY + (1 << 20)));
    }
}
