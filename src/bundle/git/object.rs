//! The bytes of commits, tags and trees.

use git2::Oid;

use super::{ObjectError, Store};

/// What is needed of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bundle) struct Commit {
    pub(in crate::bundle) tree: Oid,
    /// Seconds since the epoch, as the committer set it.
    pub(in crate::bundle) time: Option<i64>,
}

fn header<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    bytes.split(|b| *b == b'\n').take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name)?.strip_prefix(b" "))
}

fn oid(text: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() == 40)?;
    Oid::from_str(text).ok()
}

/// Reads a commit.
pub(in crate::bundle) fn commit(bytes: &[u8]) -> Option<Commit> {
    let tree = oid(bytes.strip_prefix(b"tree ")?.split(|b| *b == b'\n').next()?)?;
    let time = seconds(header(bytes, b"committer").unwrap_or_default());
    Some(Commit { tree, time })
}

/// The seconds behind the address of an author or committer.
fn seconds(person: &[u8]) -> Option<i64> {
    let after = person.iter().rposition(|b| *b == b'>').and_then(|i| person.get(i + 2..)).unwrap_or_default();
    std::str::from_utf8(after).ok().and_then(|t| t.split(' ').next()?.parse().ok())
}

/// What a commit says of itself.
pub(super) struct Told {
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) time: Option<i64>,
    pub(super) author: Vec<u8>,
    pub(super) authored: Option<i64>,
    pub(super) subject: Vec<u8>,
}

/// Reads all of a commit; `None` when it is malformed.
pub(super) fn told(bytes: &[u8]) -> Option<Told> {
    let Commit { tree, time } = commit(bytes)?;
    let end = bytes.windows(2).position(|w| w == b"\n\n");
    let head = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let parents = head.split(|b| *b == b'\n').filter_map(|line| oid(line.strip_prefix(b"parent ")?)).collect();
    let author = header(bytes, b"author").unwrap_or_default();
    let name = author.iter().rposition(|b| *b == b'<').and_then(|i| author.get(..i)).unwrap_or(author).trim_ascii().to_vec();
    // The lines of the first paragraph are one sentence.
    let message = end.and_then(|i| bytes.get(i + 2..)).unwrap_or_default();
    let lines = message.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first: Vec<&[u8]> = lines.skip_while(|l| l.is_empty()).take_while(|l| !l.is_empty()).collect();
    Some(Told { tree, parents, time, author: name, authored: seconds(author), subject: first.join(&b' ') })
}

/// The signed bytes of a commit and its signature: the header `gpgsig`, whose further lines start with a space. A commit with
/// two of them says two things at once: the signature is then no signature.
pub(in crate::bundle) fn signed_commit(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut payload, mut signature, mut inside, mut count) = (Vec::new(), Vec::new(), false, 0);
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        if line == b"\n" {
            break;
        }
        rest = after;
        if let Some(first) = line.strip_prefix(b"gpgsig ").or_else(|| line.strip_prefix(b"gpgsig-sha256 ")) {
            (inside, count) = (true, count + 1);
            signature.extend_from_slice(first);
        } else if let Some(more) = line.strip_prefix(b" ").filter(|_| inside) {
            signature.extend_from_slice(more);
        } else {
            inside = false;
            payload.extend_from_slice(line);
        }
    }
    payload.extend_from_slice(rest);
    match count {
        0 => None,
        1 => Some((payload, signature)),
        _ => Some((payload, b"two signatures in one commit".to_vec())),
    }
}

/// The signed bytes of an annotated tag and its signature: what follows the last line that begins one.
pub(in crate::bundle) fn signed_tag(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    const BEGINS: [&[u8]; 4] = [
        b"-----BEGIN SSH SIGNATURE-----",
        b"-----BEGIN PGP SIGNATURE-----",
        b"-----BEGIN PGP MESSAGE-----",
        b"-----BEGIN SIGNED MESSAGE-----",
    ];
    let mut found = None;
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if BEGINS.iter().any(|begin| line.starts_with(begin)) {
            found = Some(at);
        }
        at += line.len();
    }
    found.map(|at| (bytes[..at].to_vec(), bytes[at..].to_vec()))
}

/// The object that an annotated tag names.
fn tag_target(bytes: &[u8]) -> Option<Oid> {
    oid(bytes.strip_prefix(b"object ")?.split(|b| *b == b'\n').next()?)
}

/// What the annotated tag `id` names.
pub(in crate::bundle) fn target(store: &Store, id: Oid) -> Result<Oid, ObjectError> {
    let bytes = store.small(id, git2::ObjectType::Tag)?;
    tag_target(&bytes).ok_or_else(|| ObjectError::Damaged(format!("tag object {id} names no object")))
}

/// Follows annotated tags to what they name; gives its id and kind.
pub(in crate::bundle) fn peel(store: &Store, id: Oid) -> Result<(Oid, git2::ObjectType), ObjectError> {
    let mut at = id;
    for _ in 0..16 {
        let (kind, _) = store.header(at)?;
        if kind != git2::ObjectType::Tag {
            return Ok((at, kind));
        }
        at = target(store, at)?;
    }
    Err(ObjectError::Damaged("more than sixteen tags name one another".into()))
}

/// One entry of a tree object: mode, name, object.
pub(in crate::bundle) type TreeEntry<'a> = (u32, &'a [u8], Oid);

/// Reads a tree; `None` when it is malformed.
pub(in crate::bundle) fn tree(bytes: &[u8]) -> Option<Vec<TreeEntry<'_>>> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().take(8).position(|b| *b == b' ')?;
        let mode = u32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
        let after = &rest[space + 1..];
        let end = after.iter().position(|b| *b == 0)?;
        let id = Oid::from_bytes(after.get(end + 1..end + 21)?).ok()?;
        out.push((mode, &after[..end], id));
        rest = &after[end + 21..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_or_refused() {
        let id = "565e73d13aceeaafc0f1e5638f78355a9431b9eb";
        let bytes =
            format!("tree {id}\nparent {id}\nauthor a <a@b> 5 +0000\ncommitter c > <c@d> 1700000000 +0100\n\ncommitter x <x> 9 +0\n");
        let read = commit(bytes.as_bytes()).expect("a commit");
        assert_eq!((read.tree.to_string().as_str(), read.time), (id, Some(1_700_000_000)));
        assert_eq!(commit(b"tree 565e\n"), None);
        let raw = [b"100644 a b\0".as_slice(), &[7; 20], b"40000 d\0", &[8; 20]].concat();
        let entries = tree(&raw).expect("a tree");
        assert_eq!(entries.iter().map(|e| (e.0, e.1)).collect::<Vec<_>>(), [(0o100_644, &b"a b"[..]), (0o40_000, b"d")]);
        assert_eq!(tree(&raw[..raw.len() - 1]), None);
        assert_eq!(tree(b"100644 a"), None);
    }
}

#[cfg(test)]
mod signature_tests {
    use super::*;

    #[test]
    fn the_signature_is_taken_out_of_a_commit() {
        let commit = b"tree 1\nauthor a\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\nencoding x\n\ngpgsig is a word here\n more\n";
        let (payload, signature) = signed_commit(commit).unwrap();
        assert_eq!(payload, b"tree 1\nauthor a\nencoding x\n\ngpgsig is a word here\n more\n");
        assert_eq!(signature, b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n");
        assert_eq!(signed_commit(b"tree 1\nauthor a\n\ngpgsig x\n"), None);
        let twice = signed_commit(b"tree 1\ngpgsig a\n b\ngpgsig c\n\nx").unwrap();
        assert_eq!(twice.1, b"two signatures in one commit");
        for cut in 0..commit.len() {
            let _ = signed_commit(&commit[..cut]);
        }
    }

    #[test]
    fn the_signature_of_a_tag_is_what_follows_the_last_beginning() {
        let tag = b"object 1\ntag v\n\n-----BEGIN SSH SIGNATURE-----\nquoted\n-----BEGIN SSH SIGNATURE-----\nAAAA\n";
        let (payload, signature) = signed_tag(tag).unwrap();
        assert_eq!(payload, b"object 1\ntag v\n\n-----BEGIN SSH SIGNATURE-----\nquoted\n");
        assert_eq!(signature, b"-----BEGIN SSH SIGNATURE-----\nAAAA\n");
        assert_eq!(signed_tag(b"object 1\n\n x -----BEGIN SSH SIGNATURE-----\n"), None);
    }
}
