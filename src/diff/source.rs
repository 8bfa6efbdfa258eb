//! The way back to source: which line of the bundle's tree an address claims to come from.

use std::sync::Arc;

use super::paths::{Named, SourceMap};
use super::{Share, spread_sides};
use crate::digest::Algorithm;
use crate::inspect::debug::{Frame, Lines, Lookup, Table};
use crate::model::{Side, Sides, SourceLine, SourceStatus};
use crate::text::Untrusted;

/// Debug information of each side that has it, and the tree.
#[derive(Default)]
pub(super) struct Origin {
    pub(super) lines: Sides<Option<Lines>>,
    pub(super) map: Option<Arc<SourceMap>>,
    /// The files that each side names.
    pub(super) named: Sides<Named>,
}

impl Origin {
    /// Reads the line tables of both sides, and finds what their files are in the tree. `bounds` are the starts of functions.
    /// Without a tree there is nothing to find. `None` when it was given up.
    pub(super) fn learn(
        &mut self,
        bounds: &Sides<Vec<u64>>,
        cancelled: &(dyn Fn() -> bool + Sync),
        share: &Share<'_>,
    ) -> Option<Sides<Option<Table>>> {
        let Some(map) = self.map.clone() else { return Some(Sides::default()) };
        let found = spread_sides(share, |side| {
            let Some(lines) = self.lines.get(side) else { return Some((None, Named::default())) };
            let table = lines.table(bounds.get(side), cancelled)?;
            let named = map.resolve(&table.files, cancelled)?;
            Some((Some(table), named))
        })?;
        let (one, two) = (found.shipped?, found.rebuilt?);
        self.named = Sides::new(one.1, two.1);
        Some(Sides::new(one.0, two.0))
    }

    pub(super) fn open(&self) -> Finder<'_> {
        Finder { origin: self, lookups: self.lines.as_ref().map(|lines| lines.as_ref().and_then(Lines::open)) }
    }
}

/// Looks up lines.
pub(super) struct Finder<'a> {
    origin: &'a Origin,
    lookups: Sides<Option<Lookup<'a>>>,
}

impl Finder<'_> {
    /// The line of a row: by the debug information of the side that has some, for the address on that side. The second
    /// value is a remark when the path fits several files, or the line is none of the file.
    pub(super) fn line(&self, addresses: Sides<Option<u64>>) -> Option<(SourceLine, Option<String>)> {
        [Side::Shipped, Side::Rebuilt].into_iter().find_map(|side| {
            let frames = self.lookups.get(side).as_ref()?.frames((*addresses.get(side))?);
            self.choose(side, &frames)
        })
    }

    /// File and line of the innermost frame at an address of one side, by that side's own debug information.
    pub(super) fn innermost(&self, side: Side, address: u64) -> Option<(String, u32)> {
        let frames = self.lookups.get(side).as_ref()?.frames(address);
        frames.into_iter().next().map(|f| (f.file, f.line))
    }

    /// How many lines the file of an address of one side has in the tree; `None` when it is not known to be there.
    pub(super) fn length(&self, side: Side, address: u64) -> Option<u32> {
        let frames = self.lookups.get(side).as_ref()?.frames(address);
        let frame = frames.first()?;
        self.origin.named.get(side).find(&frame.file, recorded(frame)).filter(|f| f.entry.is_some())?.lines
    }

    fn choose(&self, side: Side, frames: &[Frame]) -> Option<(SourceLine, Option<String>)> {
        let innermost = frames.first()?;
        let mut remark = None;
        for frame in frames {
            let Some(file) = self.origin.named.get(side).find(&frame.file, recorded(frame)) else { continue };
            if file.entry.is_none() {
                remark = remark.or_else(|| file.tie.clone());
                continue;
            }
            if let Some(lines) = file.lines.filter(|lines| frame.line > *lines) {
                remark = Some(beyond(frame.line, &file.path, lines));
            }
            let inlined = frame != innermost;
            let inlined_from = inlined.then(|| (Untrusted::from(innermost.file.as_str()), innermost.line));
            return Some((SourceLine { file: file.path.clone(), line: frame.line, status: file.status, inlined_from }, remark));
        }
        let line = SourceLine {
            file: Untrusted::from(innermost.file.as_str()),
            line: innermost.line,
            status: SourceStatus::NotInSource,
            inlined_from: None,
        };
        Some((line, remark))
    }
}

/// What is said of a line that the file does not have.
pub(super) fn beyond(line: u32, path: &Untrusted, lines: u32) -> String {
    format!("debug information names line {line} of {}, which has {lines} lines", path.shown().cut_start(120))
}

fn recorded(frame: &Frame) -> Option<(Algorithm, &[u8])> {
    let md5 = frame.md5.as_ref().map(|d| (Algorithm::Md5, d.as_slice()));
    frame.digest.as_ref().map(|(algorithm, value)| (*algorithm, value.as_slice())).or(md5)
}
