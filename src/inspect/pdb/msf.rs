//! The container of a PDB: numbered streams in blocks. Every block list is checked, and all streams together are no larger
//! than the file is, whatever they say.

use crate::inspect::blob::Blob;
use crate::inspect::pe::N;

const MAGIC: &[u8] = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0";

/// Whether the bytes start as a PDB does.
pub(crate) fn is_pdb(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// An open container.
pub(super) struct Msf {
    blob: Blob,
    block: usize,
    /// Size and block numbers of each stream, as a range of `directory`.
    streams: Vec<(usize, usize)>,
    directory: Vec<u8>,
    /// Bytes that may still be taken out: a block that many streams share would multiply the file.
    left: usize,
}

impl Msf {
    pub(super) fn open(blob: &Blob) -> Option<Self> {
        let bytes: &[u8] = blob;
        let word = |at: usize| N.int(bytes, at, 4).and_then(|n| usize::try_from(n).ok());
        let block = word(32).filter(|b| b.is_power_of_two() && (512..=65_536).contains(b) && is_pdb(bytes))?;
        let (size, map) = (word(44)?, word(52)?);
        let mut msf = Self { blob: blob.clone(), block, streams: Vec::new(), directory: Vec::new(), left: bytes.len() };
        let map_size = size.div_ceil(block).checked_mul(4)?;
        let map = msf.gather(map_size, (map..).take(map_size.div_ceil(block)))?;
        let directory = msf.gather(size, map.chunks_exact(4).map(|raw| N.int(raw, 0, 4).unwrap_or(0) as usize))?;
        msf.left = bytes.len();
        let count = N.int(&directory, 0, 4)? as usize;
        let mut at = count.checked_mul(4)?.checked_add(4).filter(|at| *at <= directory.len())?;
        for i in 0..count {
            let size = match N.int(&directory, 4 + i * 4, 4)? {
                0xffff_ffff => 0,
                n => n as usize,
            };
            msf.streams.push((size, at));
            at = at.checked_add(size.div_ceil(block).checked_mul(4)?).filter(|at| *at <= directory.len())?;
        }
        msf.directory = directory;
        Some(msf)
    }

    /// The content of a stream; `None` when there is no such stream, a block of it is not in the file, or the bound is reached.
    pub(super) fn stream(&mut self, number: usize) -> Option<Vec<u8>> {
        let (size, at) = *self.streams.get(number)?;
        let list = self.directory.get(at..at + size.div_ceil(self.block) * 4)?.to_vec();
        self.gather(size, list.chunks_exact(4).map(|raw| N.int(raw, 0, 4).unwrap_or(0) as usize))
    }

    fn gather(&mut self, size: usize, blocks: impl Iterator<Item = usize>) -> Option<Vec<u8>> {
        self.left = self.left.checked_sub(size)?;
        let mut out = Vec::with_capacity(size);
        for number in blocks {
            let start = number.checked_mul(self.block)?;
            let length = self.block.min(size - out.len());
            out.extend_from_slice(self.blob.get(start..start.checked_add(length)?)?);
        }
        (out.len() == size).then_some(out)
    }
}
