//! The walk over both sides: open what can be opened, pair the members, compare what is left.

use std::rc::Rc;
use std::sync::Arc;

use super::account::{self, Headers, Ledger, Place, prove, raw, settle, span};
use super::date_place::Home;
use super::paths::SourceMap;
use super::{Context, catalog, changes, dates, deb, evidence, exe, programs, pyc, spread_sides, text};
use crate::digest::{Hasher, Sha256};
use crate::inspect::blob::{Blob, same};
use crate::inspect::budget::{Budget, Refused};
use crate::inspect::debug::{self, Image};
use crate::inspect::macho::fat;
use crate::inspect::stream::Stream;
use crate::inspect::{installed, kind, stream};
use crate::model::{Account, Cause, Node, NodeKind, ResultMark, Side, Sides, Tried};
use crate::text::Untrusted;

/// Files that are hashed at the same time, in bytes.
const LARGE: usize = 64 << 10;
/// Streams that are unpacked at the same time, in bytes.
const PACKED: usize = 16 << 10;
/// Bytes that are hashed or compared before it is asked whether to go on.
const STEP: usize = 4 << 20;

/// Bytes of debug sections that are read and unpacked, of all executables of a comparison together.
pub(super) const MAX_DEBUG: u64 = 4 << 30;

/// Where in a Debian package a file is: its checksum list needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nowhere special.
    Free,
    /// Directly in the package.
    Package,
    /// In `control.tar`.
    Control,
    /// A file of `control.tar`.
    ControlFile,
    /// In `data.tar`.
    Data,
    /// A layer of a container image, which is unpacked as `data.tar` is.
    Layer,
    /// Whatever may be executed by its mode: the system gives text that does not say by what to a shell.
    Program,
    /// Directly in an rpm package.
    Rpm,
    /// In the payload of an rpm package, whose owners are those of the header.
    Payload,
}

impl Slot {
    /// What a file is by its name alone.
    pub(super) fn of(name: &[u8]) -> Self {
        if installed::is_layer(name) { Self::Layer } else { Self::Free }
    }
}

/// The state of one comparison.
pub(super) struct Walk<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) budget: Budget,
    done: u64,
    kept: u64,
    pub(super) packages: Vec<deb::Package>,
    debug: Option<Rc<Vec<Image>>>,
    map: Option<Arc<SourceMap>>,
    /// Bytes that may still be looked at for likeness.
    pub(super) likeness_left: usize,
    pub(super) tries: dates::Tries,
    /// Bytes of debug sections that executables may still bring, each of which may have some of its own.
    pub(super) debug_left: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(context: &'a Context<'a>, budget: Budget) -> Self {
        Self {
            context,
            budget,
            done: 0,
            kept: 0,
            packages: Vec::new(),
            debug: None,
            map: None,
            likeness_left: super::pairing::MAX_LIKENESS,
            tries: dates::Tries::default(),
            debug_left: MAX_DEBUG,
        }
    }

    /// Compares two files.
    pub(super) fn pair(&mut self, name: Untrusted, a: Blob, b: Blob, depth: usize, slot: Slot) -> Node {
        let equal = equal(self.context, &a, &b);
        let digests = digests(self.context, &a, &b, equal);
        let kinds = Sides::new(kind::recognise(&a), kind::recognise(&b));
        let mut node = Node::new(name, kinds.shipped, ResultMark::Identical);
        node.size = Sides::new(Some(a.len() as u64), Some(b.len() as u64));
        node.digest = digests;
        if equal {
            node.account = Sides::new(&a, &b).map(|s| Account::all_identical(s.len() as u64));
            if kinds.shipped.is_executable() {
                node.built_from = exe::built_from(self, node.kind, &a);
            }
        } else if (self.context.cancelled)() {
            not_examined(&mut node, &a, &b, "cancelled");
        } else {
            self.open(&mut node, &a, &b, kinds, depth, slot);
        }
        if !equal && node.result == ResultMark::Identical {
            node.metadata.push("the bytes differ where nothing that was looked at does".to_owned());
            settle(&mut node);
            node.why = because(&node);
        }
        if node.children.is_empty() {
            self.done = self.done.saturating_add((a.len() as u64).saturating_add(b.len() as u64));
            (self.context.progress)(self.done);
        }
        node
    }

    fn open(&mut self, node: &mut Node, a: &Blob, b: &Blob, kinds: Sides<NodeKind>, depth: usize, slot: Slot) {
        let streams = |k| matches!(k, NodeKind::Gzip | NodeKind::Xz | NodeKind::Zstd | NodeKind::Bzip2);
        let both_streams = streams(kinds.shipped) && streams(kinds.rebuilt);
        if kinds.shipped != kinds.rebuilt && !both_streams {
            let (old, new) = (kinds.shipped.word(), kinds.rebuilt.word());
            node.metadata.push(format!("what was shipped is {old}, what was rebuilt is {new}"));
            node.kind = NodeKind::Data;
            return self.leaf(node, a, b, slot);
        }
        let fat = node.kind == NodeKind::MachO && fat::is_fat(a) && fat::is_fat(b);
        let opens = fat
            || both_streams
            || matches!(kinds.shipped, NodeKind::Deb | NodeKind::Ar | NodeKind::Tar | NodeKind::Zip | NodeKind::Cpio | NodeKind::Rpm);
        if opens && depth >= self.context.limits.depth {
            let why = format!("nested deeper than the bound of {} containers", self.context.limits.depth);
            return not_examined(node, a, b, &why);
        }
        let refused = if both_streams {
            self.streams(node, a, b, kinds, depth, slot).err()
        } else if kinds.shipped == NodeKind::Rpm {
            self.packages(node, a, b, depth).err()
        } else if opens {
            self.containers(node, a, b, depth, slot).err()
        } else if kinds.shipped.is_executable() {
            exe::compare(self, node, &a.compact(), &b.compact()).err()
        } else {
            return self.leaf(node, a, b, slot);
        };
        match refused {
            None => {}
            Some(Refused::Over(why)) => not_examined(node, a, b, &why),
            Some(Refused::Odd(why)) => {
                // What was found before the odd place is not kept: the bytes as they are say all.
                node.children.clear();
                node.proofs.clear();
                node.metadata.clear();
                node.tried.push(Tried { cause: Cause::Compression, why: format!("it cannot be opened: {why}") });
                self.leaf(node, a, b, slot);
                node.why = format!("cannot be opened as {} ({why}); compared as plain bytes", node.kind.word());
            }
        }
    }

    fn streams(&mut self, node: &mut Node, a: &Blob, b: &Blob, kinds: Sides<NodeKind>, depth: usize, slot: Slot) -> Result<(), Refused> {
        let (one, two) = match self.at_once(kinds, a, b) {
            Some(both) => both?,
            None => (
                stream::decode(kinds.shipped, a, &mut self.budget, self.context.cancelled)?,
                stream::decode(kinds.rebuilt, b, &mut self.budget, self.context.cancelled)?,
            ),
        };
        if !stream::same_ends(&one, &two) {
            let (old, new) = (one.ends.len(), two.ends.len());
            node.metadata.push(if old == new {
                "the streams in it end at other places of the content: some readers take the first only".to_owned()
            } else {
                format!("it is made of {old} streams, what was rebuilt of {new}: some readers take the first only")
            });
        }
        // The name inside has no folders any more.
        let is_run = slot == Slot::Free && programs::is_run(node.name.as_bytes(), slot, &[], &[]);
        let slot = if is_run { Slot::Program } else { slot };
        let child = self.pair(inner_name(&node.name), Blob::from(one.payload), Blob::from(two.payload), depth + 1, slot);
        let headers = Headers {
            bytes: Sides::new(a, b),
            fields: Sides::new(&one.fields, &two.fields),
            place: Place::Kept,
            who: &|| "stream".to_owned(),
        };
        account::fields(node, &mut Ledger::default(), &headers);
        if kinds.shipped != kinds.rebuilt {
            let (old, new) = (kinds.shipped.word(), kinds.rebuilt.word());
            node.metadata.push(format!("the compression {old} became {new}"));
        }
        node.children.push(child);
        settle(node);
        node.why = because(node);
        Ok(())
    }

    /// Both streams unpacked at the same time, each with half of the budget; `None` when that does not do.
    fn at_once(&mut self, kinds: Sides<NodeKind>, a: &Blob, b: &Blob) -> Option<Result<(Stream, Stream), Refused>> {
        if a.len().min(b.len()) < PACKED {
            return None;
        }
        let (budget, cancelled) = (&self.budget, self.context.cancelled);
        let both = spread_sides(self.context.share, |side| {
            let mut half = budget.half();
            let bytes = if side == Side::Shipped { a } else { b };
            stream::decode(*kinds.get(side), bytes, &mut half, cancelled).map(|stream| (stream, half))
        })?;
        match (both.shipped, both.rebuilt) {
            (Ok((one, left)), Ok((two, right))) => {
                self.budget.join(&left, &right);
                Some(Ok((one, two)))
            }
            // Each needs more than half: there is no use in trying one after the other.
            (Err(Refused::Over(why)), Err(Refused::Over(_))) => Some(Err(Refused::Over(why))),
            _ => None,
        }
    }

    /// Compares what cannot be opened any further.
    fn leaf(&mut self, node: &mut Node, a: &Blob, b: &Blob, slot: Slot) {
        node.account = raw(a, b);
        let text = kind::is_text(a) && kind::is_text(b) && node.metadata.is_empty();
        let compiled = if node.metadata.is_empty() { pyc::change(a, b).or_else(|| catalog::change(a, b)) } else { None };
        if let Some((account, change)) = compiled.and_then(|c| Some((changes::undo(Sides::new(a, b), std::slice::from_ref(&c))?, c))) {
            node.account = account;
            changes::prove_all(node, &[change]);
            settle(node);
            node.why = causes(node);
        } else if !(text && text::compare(node, a, b, slot, &self.tries)) {
            // Too large for lines, or no text.
            let dated = node.kind == NodeKind::Data && !programs::is_compiled(a) && !programs::is_compiled(b);
            let dated = dated && !programs::is_run(node.name.as_bytes(), slot, a, b);
            let found = if dated { dates::changes(a, b, Home::Part, &self.tries) } else { Vec::new() };
            explain_dates(node, a, b, 0, &found);
            settle(node);
            node.why = leaf_reason(node);
        } else if node.result == ResultMark::Equivalent {
            node.why = causes(node);
        }
        if let Some(what) = kind::not_opened(a).or_else(|| kind::not_opened(b)).filter(|_| node.result != ResultMark::Equivalent) {
            node.why = format!("{}; {what}, whose structure is not examined", node.why);
        }
        self.show_plain(node, a, b);
    }

    /// Lets the node be looked at as bytes or text.
    pub(super) fn show_plain(&mut self, node: &mut Node, a: &Blob, b: &Blob) {
        if let Some((a, b)) = self.keep(node, a, b) {
            node.evidence = Some(std::sync::Arc::new(evidence::Plain::new(a, b, node.kind)));
        }
    }

    /// The source tree, made ready once.
    pub(super) fn source_map(&mut self) -> Option<Arc<SourceMap>> {
        let tree = self.context.source?;
        let content = &self.context.source_content;
        Some(Arc::clone(self.map.get_or_insert_with(|| Arc::new(SourceMap::new(tree, content.clone())))))
    }

    /// The debug files of the context, opened once. Those that cannot be opened are of no use and do no harm.
    pub(super) fn debug_images(&mut self) -> Rc<Vec<Image>> {
        if let Some(known) = &self.debug {
            return Rc::clone(known);
        }
        let mut all = Vec::new();
        // Their own budget: a debug file must not keep the artifact from being examined.
        let limits = &self.context.limits;
        let mut budget = Budget::new(limits.expanded, limits.entries, limits.name);
        for file in self.context.debug {
            let blob = Blob::from(Arc::clone(&file.bytes));
            all.extend(debug::images(file.name.as_bytes(), &blob, &mut budget, self.context.cancelled).unwrap_or_default());
        }
        let all = Rc::new(all);
        self.debug = Some(Rc::clone(&all));
        all
    }

    /// Whether so many bytes may be kept for looking at later; says so in the node when not.
    pub(super) fn room(&mut self, node: &mut Node, size: u64) -> bool {
        if self.kept.saturating_add(size) > self.context.limits.kept {
            node.why = format!("{}; too large to keep for looking at (bound {} bytes)", node.why, self.context.limits.kept);
            return false;
        }
        self.kept += size;
        true
    }

    /// The bytes for looking at later, if there is room.
    pub(super) fn keep(&mut self, node: &mut Node, a: &Blob, b: &Blob) -> Option<(Blob, Blob)> {
        let size = (a.len() as u64).saturating_add(b.len() as u64);
        if !self.room(node, size) {
            return None;
        }
        Some((a.compact(), b.compact()))
    }
}

/// Moves the differing bytes of dates from unexplained to explained. `base` is where both slices start in the file.
pub(super) fn explain_dates(node: &mut Node, a: &[u8], b: &[u8], base: usize, found: &[dates::DateChange]) {
    for change in found {
        let differing = change.range.clone().filter(|i| a.get(*i) != b.get(*i)).count() as u64;
        for account in [&mut node.account.shipped, &mut node.account.rebuilt] {
            account.unexplained = account.unexplained.saturating_sub(differing);
            account.explain(Cause::Timestamp, differing);
        }
        let range = base + change.range.start..base + change.range.end;
        prove(&mut node.proofs, Cause::Timestamp, Sides::new(span(&range), span(&range)), Sides::new(&change.old, &change.new));
    }
}

/// Whether both are the same bytes; not once the comparison was given up.
fn equal(context: &Context<'_>, a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.chunks(STEP).zip(b.chunks(STEP)).all(|(x, y)| !(context.cancelled)() && same(x, y))
}

/// Both digests, at the same time where that is worth it; none when the comparison was given up.
fn digests(context: &Context<'_>, a: &[u8], b: &[u8], equal: bool) -> Sides<Option<Sha256>> {
    let digest = |bytes: &[u8]| {
        if bytes.len() <= LARGE {
            return Some(Sha256::of(bytes));
        }
        let mut hasher = Hasher::new(&[]);
        for chunk in bytes.chunks(STEP) {
            if (context.cancelled)() {
                return None;
            }
            hasher.update(chunk);
        }
        Some(hasher.finish().0)
    };
    let large = a.len().min(b.len()) >= LARGE;
    let side = |side| digest(if side == Side::Shipped { a } else { b });
    let both = if large && !equal { spread_sides(context.share, side) } else { None };
    both.unwrap_or_else(|| {
        let one = digest(a);
        Sides::new(one, if equal { one } else { digest(b) })
    })
}

pub(super) fn not_examined(node: &mut Node, a: &[u8], b: &[u8], why: &str) {
    node.children.clear();
    node.proofs.clear();
    node.account = Sides::new(a, b).map(|s| Account::all_unexplained(s.len() as u64));
    node.result = ResultMark::NotExamined;
    node.why = format!("not examined: {why}");
}

fn inner_name(outer: &Untrusted) -> Untrusted {
    let raw = outer.as_bytes();
    let base = raw.rsplit(|b| *b == b'/').next().unwrap_or(raw);
    for suffix in [&b".gz"[..], b".xz", b".zst", b".bz2"] {
        if let Some(stem) = base.strip_suffix(suffix).filter(|s| !s.is_empty()) {
            return Untrusted::from(stem);
        }
    }
    Untrusted::from("content")
}

fn leaf_reason(node: &Node) -> String {
    let bytes = node.account.shipped.unexplained.max(node.account.rebuilt.unexplained);
    if node.result == ResultMark::Equivalent {
        return causes(node);
    }
    match (node.metadata.first(), bytes) {
        (Some(first), _) => first.clone(),
        (None, 1) => "1 byte differs".to_owned(),
        (None, n) => format!("{n} bytes differ"),
    }
}

/// The causes that explain the node's own bytes, as words.
pub(super) fn causes(node: &Node) -> String {
    let mut words: Vec<&str> =
        node.account.shipped.explained.keys().chain(node.account.rebuilt.explained.keys()).map(|c| c.word()).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() { String::new() } else { format!("explained by {}", words.join(", ")) }
}

/// Why a container has its result.
pub(super) fn because(node: &Node) -> String {
    let count = |mark| node.children.iter().filter(|c| c.result == mark).count();
    let mut parts = Vec::new();
    if let Some(first) = node.metadata.first() {
        parts.push(if node.metadata.len() > 1 { format!("{first} (and {} more)", node.metadata.len() - 1) } else { first.clone() });
    } else if node.account.shipped.unexplained + node.account.rebuilt.unexplained > 0 {
        parts.push("its own headers differ".to_owned());
    }
    for (mark, word) in [
        (ResultMark::Different, "different"),
        (ResultMark::NotExamined, "not examined"),
        (ResultMark::OnlyShipped, "only shipped"),
        (ResultMark::OnlyRebuilt, "only rebuilt"),
    ] {
        let n = count(mark);
        if n > 0 {
            parts.push(format!("{n} of {} {word}", node.children.len()));
        }
    }
    match (parts.is_empty(), causes(node)) {
        (true, own) if own.is_empty() && node.result == ResultMark::Equivalent => "every difference inside is explained".to_owned(),
        (true, own) => own,
        _ => parts.join("; "),
    }
}
