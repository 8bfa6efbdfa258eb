//! The members of a container: paired, compared one by one, and the headers around them accounted for.

use super::account::{self, Headers, Ledger, Place, alone, raw, settle, span};
use super::pairing::{Pair, pair_members};
use super::walk::{Slot, Walk, because, not_examined};
use super::{align, archive, checksums, deb, only, only_special, pyc, reorder};
use crate::inspect::blob::Blob;
use crate::inspect::budget::{Budget, Refused};
use crate::inspect::container::{Container, Field, Held, Member, Nature};
use crate::inspect::macho::fat;
use crate::inspect::{ar, cpio, installed, stream, tar, zip};
use crate::model::{Account, Cause, Node, NodeKind, ResultMark, Side, Sides, Tried};
use crate::text::Untrusted;

/// A container of each side, taken apart.
type Parsed<'p> = Sides<&'p Container>;

impl Walk<'_> {
    /// Compares two containers of the same kind.
    pub(super) fn containers(&mut self, node: &mut Node, a: &Blob, b: &Blob, depth: usize, slot: Slot) -> Result<(), Refused> {
        let parse = match node.kind {
            NodeKind::Tar => tar::parse,
            NodeKind::Zip => zip::parse,
            NodeKind::Cpio => cpio::parse,
            NodeKind::MachO => fat::parse,
            _ => ar::parse,
        };
        let one = parse(a, &mut self.budget)?;
        let two = parse(b, &mut self.budget)?;
        // A package of opkg is a tar of the same members.
        let is_opkg = |side: &Container| side.members.iter().any(|m| installed::inner(&m.name) == b"debian-binary");
        let is_package = node.kind == NodeKind::Deb || node.kind == NodeKind::Tar && (is_opkg(&one) || is_opkg(&two));
        if is_package {
            self.packages.push(deb::Package::default());
        }
        let slot = if is_package { Slot::Package } else { slot };
        self.opened(node, Sides::new(a, b), Sides::new(&one, &two), depth, slot);
        if let Some(package) = if is_package { self.packages.pop() } else { None } {
            deb::explain_checksum_lists(node, &package, self.context.share);
            settle(node);
            node.why = because(node);
        }
        Ok(())
    }

    /// Compares two containers that are taken apart: members, then what belongs to none, then signatures over all of it.
    pub(super) fn opened(&mut self, node: &mut Node, blobs: Sides<&Blob>, parsed: Parsed<'_>, depth: usize, slot: Slot) {
        let mut ledger = Ledger::default();
        self.members(node, &mut ledger, &blobs, &parsed, depth, slot);
        let bytes = Sides::new(&**blobs.shipped, &**blobs.rebuilt);
        let kind = node.kind;
        let who = || kind.word().to_owned();
        let headers = |fields| Headers { bytes, fields, place: Place::Kept, who: &who };
        if node.kind == NodeKind::Rpm {
            // Tags of both lists stand between each other, in the index and in the store.
            let all = parsed.map(|side| side.loose.iter().chain(&side.sealed));
            if let Some(what) = account::out_of_order(all.shipped, all.rebuilt) {
                node.metadata.push(format!("{what} stands in another order among the tags"));
            }
        }
        account::fields(node, &mut ledger, &headers(Sides::new(&parsed.shipped.loose, &parsed.rebuilt.loose)));
        if node.kind == NodeKind::Ar {
            archive::explain_tables(node, blobs, parsed);
        }
        if node.kind == NodeKind::Zip {
            checksums::explain(self, node, blobs, parsed);
        }
        settle(node);
        self.sealed(node, &mut ledger, bytes, &parsed);
        settle(node);
        node.why = because(node);
    }

    /// Signatures are explained only when everything under them is.
    fn sealed(&self, node: &mut Node, ledger: &mut Ledger, bytes: Sides<&[u8]>, parsed: &Parsed<'_>) {
        let mut fields = Sides::new(parsed.shipped.sealed.clone(), parsed.rebuilt.sealed.clone());
        let content = |fields: &[Field], bytes: &[u8]| -> Vec<Vec<u8>> {
            fields.iter().map(|f| bytes.get(f.range.clone()).unwrap_or_default().to_vec()).collect()
        };
        let equal = content(&fields.shipped, bytes.shipped) == content(&fields.rebuilt, bytes.rebuilt);
        if !equal && !node.result.is_equal() {
            for field in fields.shipped.iter_mut().chain(&mut fields.rebuilt) {
                field.cause = None;
            }
            let why = "what is signed differs and is not accounted for".to_owned();
            node.tried.push(Tried { cause: Cause::Signature, why });
        }
        let kind = node.kind;
        let who = || kind.word().to_owned();
        let fields = Sides::new(fields.shipped.as_slice(), fields.rebuilt.as_slice());
        account::fields(node, ledger, &Headers { bytes, fields, place: Place::Kept, who: &who });
    }

    fn members(&mut self, node: &mut Node, ledger: &mut Ledger, blobs: &Sides<&Blob>, parsed: &Parsed<'_>, depth: usize, slot: Slot) {
        let pairs = pair_members(blobs, parsed, &mut self.likeness_left);
        let moved = align::displaced(&pairs);
        let order = if moved.is_empty() { Place::Kept } else { self.order(node, blobs, parsed, &pairs) };
        pyc::check_times(self, node, blobs, parsed);
        if slot != Slot::Payload {
            pyc::check_fresh(node, blobs, parsed);
        }
        if node.kind != NodeKind::Ar {
            repeated(node, parsed.shipped, "shipped");
            repeated(node, parsed.rebuilt, "rebuilt");
        }
        let mut spans = Sides::new(Vec::new(), Vec::new());
        for (n, pair) in pairs.iter().enumerate() {
            let member = |i: Option<usize>, parsed: &'_ Container| i.and_then(|i| parsed.members.get(i).cloned());
            match (member(pair.shipped, parsed.shipped), member(pair.rebuilt, parsed.rebuilt)) {
                (Some(x), Some(y)) => {
                    let place = if moved.contains(&n) { order } else { Place::Kept };
                    if place == Place::Reordered {
                        spans.shipped.push(span(&x.head));
                        spans.rebuilt.push(span(&y.head));
                    }
                    let child = self.both(node, ledger, blobs, parsed, Sides::new(&x, &y), place, depth, slot);
                    node.children.push(child);
                }
                (Some(x), None) => {
                    alone(&mut node.account.shipped, &parsed.shipped.fields(blobs.shipped, &x));
                    node.children.push(self.unpaired(&x, Side::Shipped, blobs.shipped, slot));
                }
                (None, Some(y)) => {
                    alone(&mut node.account.rebuilt, &parsed.rebuilt.fields(blobs.rebuilt, &y));
                    node.children.push(self.unpaired(&y, Side::Rebuilt, blobs.rebuilt, slot));
                }
                (None, None) => {}
            }
        }
        if let Some(first) = spans.shipped.first().cloned() {
            // One proof for all: the first that moved stands for the rest.
            let of = |parsed: &Container, at: u64| parsed.members.iter().position(|m| m.head.start as u64 == at).unwrap_or(0);
            let there = spans.rebuilt.first().map_or(0, |s| s.start);
            let (old, new) = (of(parsed.shipped, first.start), of(parsed.rebuilt, there));
            let name = parsed.shipped.members.get(old).map(|m| shown_name(&m.name)).unwrap_or_default();
            let text = |place: usize| Untrusted::from(format!("{name} at place {}", place + 1));
            let values = Sides::new(text(old), text(new));
            node.proofs.push(crate::model::Proof { cause: Cause::Reordering, spans, values });
        }
    }

    fn order(&self, node: &mut Node, blobs: &Sides<&Blob>, parsed: &Parsed<'_>, pairs: &[Pair]) -> Place {
        match reorder::check(node.kind, blobs, parsed, pairs) {
            Ok(()) => Place::Reordered,
            Err(why) => {
                node.tried.push(Tried { cause: Cause::Reordering, why });
                Place::Moved
            }
        }
    }

    /// Compares a pair of members: headers into the container's account, content as a node of its own.
    #[expect(clippy::too_many_arguments, reason = "a pair of members needs the container around it on both sides")]
    fn both(
        &mut self,
        node: &mut Node,
        ledger: &mut Ledger,
        blobs: &Sides<&Blob>,
        parsed: &Parsed<'_>,
        pair: Sides<&Member>,
        place: Place,
        depth: usize,
        slot: Slot,
    ) -> Node {
        let (x, y) = (pair.shipped, pair.rebuilt);
        let who = || shown_name(&x.name);
        if place == Place::Moved {
            node.metadata.push(format!("{}: at another place in the archive", who()));
        }
        if x.name != y.name {
            node.metadata.push(format!("{}: is named {} in what was rebuilt", who(), shown_name(&y.name)));
        }
        let (child, sound) = self.member_pair(pair, blobs, parsed, depth, slot);
        let bytes = Sides::new(&**blobs.shipped, &**blobs.rebuilt);
        if place == Place::Kept && same_headers(bytes, pair) {
            let size = header_size(x);
            node.account.shipped.identical += size;
            node.account.rebuilt.identical += size;
            return child;
        }
        let mut fields = Sides::new(parsed.shipped.fields(bytes.shipped, x), parsed.rebuilt.fields(bytes.rebuilt, y));
        let named = parsed.shipped.gives_owners || parsed.rebuilt.gives_owners;
        if matches!(slot, Slot::Data | Slot::Layer) || named && slot != Slot::Payload {
            // Who unpacks it runs as root, and gives the files to whom the archive says.
            for field in fields.shipped.iter_mut().chain(&mut fields.rebuilt).filter(|f| f.cause == Some(Cause::Owner)) {
                field.cause = None;
            }
        }
        if !sound {
            // What follows from a content is not proved by a content that cannot be had.
            for field in fields.shipped.iter_mut().chain(&mut fields.rebuilt).filter(|f| follows_from_content(f)) {
                field.cause = None;
            }
        }
        let fields = Sides::new(fields.shipped.as_slice(), fields.rebuilt.as_slice());
        account::fields(node, ledger, &Headers { bytes, fields, place, who: &who });
        child
    }

    /// The node of a pair of members, and whether both contents could be had.
    fn member_pair(&mut self, pair: Sides<&Member>, blobs: &Sides<&Blob>, parsed: &Parsed<'_>, depth: usize, slot: Slot) -> (Node, bool) {
        let (x, y) = (pair.shipped, pair.rebuilt);
        let name = Untrusted::from(x.name.as_slice());
        if !matches!(x.nature, Nature::File | Nature::Link) && x.nature == y.nature {
            // Its header is all there is of it, and the container accounts for that.
            let kind = if x.nature == Nature::Directory { NodeKind::Directory } else { NodeKind::Special };
            let mut child = Node::new(name, kind, ResultMark::Identical);
            child.size = Sides::new(Some(0), Some(0));
            return (child, true);
        }
        let old = self.content(x, blobs.shipped);
        // Equal packed bytes expand to equal contents: once is enough.
        let same = *blobs.shipped.slice(x.held.range()) == *blobs.rebuilt.slice(y.held.range());
        let new = match (&x.held, &y.held, &old) {
            (Held::Deflated { crc, size, .. }, Held::Deflated { crc: crc2, size: size2, .. }, Ok(content))
                if same && (crc, size) == (crc2, size2) =>
            {
                Ok(content.clone())
            }
            _ => self.content(y, blobs.rebuilt),
        };
        let (a, b) = match (old, new) {
            (Ok(a), Ok(b)) => (a, b),
            (old, new) => {
                let (a, b) = (blobs.shipped.slice(x.held.range()), blobs.rebuilt.slice(y.held.range()));
                let whys = Sides::new(old.err(), new.err());
                return (self.unread(name, a, b, whys), false);
            }
        };
        if [x.nature, y.nature].contains(&Nature::Link) {
            return (self.target(name, a, b), true);
        }
        if let Some(package) = self.packages.last_mut() {
            package.note(slot, &x.name, Some(&a), Some(&b));
        }
        let inner = match slot {
            Slot::Package if installed::inner(&x.name).starts_with(b"control.tar") => Slot::Control,
            Slot::Package if installed::inner(&x.name).starts_with(b"data.tar") => Slot::Data,
            Slot::Control => Slot::ControlFile,
            Slot::Rpm => Slot::Payload,
            // What is inside a package's files is not part of its lists.
            _ if Slot::of(&x.name) != Slot::Free => Slot::of(&x.name),
            _ if *a != *b && (is_executable(parsed.shipped, blobs.shipped, x) || is_executable(parsed.rebuilt, blobs.rebuilt, y)) => {
                Slot::Program
            }
            _ => Slot::Free,
        };
        (self.pair(name, a, b, depth + 1, inner), true)
    }

    /// What a symbolic link leads to: never undone, whatever it looks like.
    fn target(&mut self, name: Untrusted, a: Blob, b: Blob) -> Node {
        let mut node = Node::new(name, NodeKind::Special, ResultMark::Identical);
        node.size = Sides::new(Some(a.len() as u64), Some(b.len() as u64));
        node.account = raw(&a, &b);
        if *a != *b {
            let shown = |target: &Blob| Untrusted::from(&**target).shown().cut_start(120);
            node.metadata.push(format!("the link target {} became {}", shown(&a), shown(&b)));
            node.why = "the link points elsewhere".to_owned();
            settle(&mut node);
        }
        node
    }

    /// A member that cannot be decoded on at least one side: its bytes in the container are compared as they are.
    fn unread(&mut self, name: Untrusted, a: Blob, b: Blob, whys: Sides<Option<Refused>>) -> Node {
        let mut node = Node::new(name, NodeKind::Data, ResultMark::Identical);
        node.size = Sides::new(Some(a.len() as u64), Some(b.len() as u64));
        let mut over = false;
        let mut said = Vec::new();
        for (why, word) in [(whys.shipped, "shipped"), (whys.rebuilt, "rebuilt")] {
            match why {
                Some(Refused::Over(why)) => {
                    over = true;
                    said.push(format!("{word}: {why}"));
                }
                Some(Refused::Odd(why)) => said.push(format!("{word}: {why}")),
                None => {}
            }
        }
        said.dedup_by(|x, y| x.split_once(": ").map(|p| p.1) == y.split_once(": ").map(|p| p.1));
        let why = said.join("; ");
        if *a == *b {
            node.account = Sides::new(&a, &b).map(|s| Account::all_identical(s.len() as u64));
            node.why = format!("cannot be decoded ({why}); the packed bytes are the same");
        } else if over {
            not_examined(&mut node, &a, &b, &why);
        } else {
            node.account = raw(&a, &b);
            settle(&mut node);
            node.why = format!("cannot be decoded ({why}); compared as packed bytes");
            self.show_plain(&mut node, &a, &b);
        }
        node
    }

    fn unpaired(&mut self, member: &Member, side: Side, blob: &Blob, slot: Slot) -> Node {
        let name = Untrusted::from(member.name.as_slice());
        match member.nature {
            Nature::Directory => only_special(name, side, NodeKind::Directory),
            Nature::Special | Nature::HardLink => only_special(name, side, NodeKind::Special),
            Nature::File | Nature::Link => match self.content(member, blob) {
                Ok(content) => {
                    if let Some(package) = self.packages.last_mut() {
                        let (a, b) = if side == Side::Shipped { (Some(&content), None) } else { (None, Some(&content)) };
                        package.note(slot, &member.name, a, b);
                    }
                    only(name, side, &content)
                }
                Err(Refused::Over(why) | Refused::Odd(why)) => {
                    let mut node = only(name, side, &blob.slice(member.held.range()));
                    node.why = format!("{}; cannot be decoded ({why})", node.why);
                    node
                }
            },
        }
    }

    /// The content of a member, expanded if need be.
    pub(super) fn content(&mut self, member: &Member, blob: &Blob) -> Result<Blob, Refused> {
        content(member, blob, &mut self.budget, self.context.cancelled)
    }
}

/// The content of a member, expanded if need be.
pub(super) fn content(member: &Member, blob: &Blob, budget: &mut Budget, cancelled: &dyn Fn() -> bool) -> Result<Blob, Refused> {
    if cancelled() {
        return Err(Refused::Over("cancelled".to_owned()));
    }
    match &member.held {
        Held::Plain(range) => Ok(blob.slice(range.clone())),
        Held::Stored { range, crc } => {
            let content = blob.slice(range.clone());
            if stream::crc32(&content) == *crc { Ok(content) } else { Err(Refused::odd("its CRC does not hold")) }
        }
        Held::Deflated { range, size, crc } => {
            let packed = blob.slice(range.clone());
            stream::inflate_member(&packed, *size, *crc, budget).map(Blob::from)
        }
        Held::Opaque { why, .. } => Err(Refused::odd(*why)),
    }
}

/// Whether a member may be executed by somebody.
fn is_executable(container: &Container, bytes: &[u8], member: &Member) -> bool {
    let fields = container.fields(bytes, member);
    let mode = fields.iter().find(|f| f.what == "mode").and_then(|f| u32::from_str_radix(f.value.trim(), 8).ok());
    mode.is_some_and(|mode| mode & 0o111 != 0)
}

/// Fields that a content proves.
fn follows_from_content(field: &Field) -> bool {
    field.cause == Some(Cause::Compression) || matches!(field.what, "CRC and sizes" | "data descriptor" | "zip64 sizes")
}

/// Whether everything around the contents is the same byte for byte.
fn same_headers(bytes: Sides<&[u8]>, pair: Sides<&Member>) -> bool {
    let parts = |bytes: &'_ [u8], m: &Member| -> [Vec<u8>; 3] {
        let content = m.held.range();
        let part = |range: std::ops::Range<usize>| bytes.get(range).unwrap_or_default().to_vec();
        [part(m.head.start..content.start), part(content.end..m.head.end), part(m.entry.clone())]
    };
    let equal_content = match (&pair.shipped.held, &pair.rebuilt.held) {
        // Plain content is a node of its own; packed content belongs to the container as well.
        (Held::Plain(_), Held::Plain(_)) => true,
        (x, y) => bytes.shipped.get(x.range()) == bytes.rebuilt.get(y.range()),
    };
    equal_content && parts(bytes.shipped, pair.shipped) == parts(bytes.rebuilt, pair.rebuilt)
}

/// Bytes of a member that the container accounts for.
fn header_size(member: &Member) -> u64 {
    let own = match &member.held {
        Held::Plain(range) => member.head.len() - range.len(),
        // Only a zip, which has a directory, counts packed content as its own too.
        Held::Opaque { range, .. } if member.entry.is_empty() => member.head.len() - range.len(),
        _ => member.head.len(),
    };
    (own + member.entry.len()) as u64
}

fn shown_name(name: &[u8]) -> String {
    Untrusted::from(name).shown().cut_start(120).as_str().to_owned()
}

/// Names that occur twice: which member counts depends on who reads it. (Static libraries have them all the time.)
fn repeated(node: &mut Node, parsed: &Container, side: &str) {
    let mut seen = std::collections::HashSet::new();
    let mut twice = parsed.members.iter().filter(|m| !seen.insert(m.name.as_slice()));
    if let Some(first) = twice.next() {
        let count = 1 + twice.count();
        node.metadata.push(format!("{side}: {} occurs more than once; {count} such members", shown_name(&first.name)));
    }
}
