//! Items of the sources: what is hidden or misleading in them, what an archive has that the tree has not, and what must be read.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{Class, Item, Target, item};
use crate::checks::{Facts, Policy};
use crate::model::SourceFlag;
use crate::text::Shown;

/// The id of the item that a flag becomes: the worst of a check sorts first.
#[must_use]
pub fn flag_id(flag: &SourceFlag) -> String {
    let check = flag.code.strip_prefix("source.").unwrap_or(flag.code);
    format!("{check}:{}:{}", flag.rank, flag.key)
}

pub(super) fn items(facts: &Facts, policy: &Policy, items: &mut Vec<Item>) {
    for place in facts.hidden.iter().flatten() {
        let seen = facts.source_entry(place.entry).map(|e| e.id.clone()).unwrap_or_default();
        let why = format!("{} hidden characters, first {} in line {}", place.count, place.first, place.line);
        let target = Target::Source { entry: place.entry, line: place.line };
        items.push(item(Class::Flagged, '?', format!("hidden:{}", place.path.shown()), place.path.clone(), why, target, seen.as_bytes()));
    }
    for (index, flag) in facts.flags.iter().flatten().enumerate() {
        items.extend(flagged(facts, index, flag));
    }
    let Some(tree) = &facts.source else { return };
    let (entries, unmatched) = wanted(facts, policy);
    for entry in entries {
        let Some(file) = tree.entries.get(entry) else { continue };
        let why = format!("required read, {} bytes", file.size);
        items.push(item(
            Class::Read,
            '.',
            format!("read:{}", file.path.shown()),
            file.path.clone(),
            why,
            Target::Source { entry, line: 1 },
            file.id.as_bytes(),
        ));
    }
    // What must be read and is not there is not silently nothing to read.
    for pattern in unmatched {
        let id = format!("read:none:{}", Shown::new(&pattern));
        let why = "required read, and no file of the source is called that".to_owned();
        items.push(item(Class::Claim, '?', id, pattern.as_str().into(), why, Target::NoSuchSource(pattern.clone()), pattern.as_bytes()));
    }
}

/// An item of one place is judged by the file's content; one of several holds for these files as they are.
fn flagged(facts: &Facts, index: usize, flag: &SourceFlag) -> Option<Item> {
    let of_archive = flag.code == "source.archive";
    let class = if of_archive { Class::Archive } else { Class::Flagged };
    // What only the tree has cannot be in what was built from the archive.
    let mark = if of_archive && flag.rank <= 3 { '!' } else { '?' };
    if let [place] = flag.places.as_slice() {
        let entry = facts.source_entry(place.entry)?;
        let target = Target::Source { entry: place.entry, line: place.lines.first().copied().unwrap_or(1) };
        let why = if place.detail.is_empty() { flag.what.clone() } else { format!("{}: {}", flag.what, place.detail) };
        return Some(item(class, mark, flag_id(flag), facts.source_path(place.entry)?, why, target, entry.id.as_bytes()));
    }
    let mut seen = Vec::new();
    for place in &flag.places {
        for part in [facts.source_path(place.entry)?.as_bytes(), facts.source_entry(place.entry)?.id.as_bytes()] {
            seen.extend_from_slice(&(part.len() as u64).to_le_bytes());
            seen.extend_from_slice(part);
        }
    }
    let first = facts.source_path(flag.places.first()?.entry)?;
    let title = [first.as_bytes(), " \u{2026}".as_bytes()].concat();
    let mut one = item(class, mark, flag_id(flag), title.into(), flag.what.clone(), Target::Places(index), &seen);
    one.covers = flag.places.len() as u64;
    Some(one)
}

/// The indices of the tree entries that must be read: globs of the bundle and of the policy. A glob that is no glob is
/// compared as a plain path, so that a slip never makes less required.
#[must_use]
pub fn required(facts: &Facts, policy: &Policy) -> Vec<usize> {
    wanted(facts, policy).0
}

/// What must be read, and the globs that match nothing.
fn wanted(facts: &Facts, policy: &Policy) -> (Vec<usize>, Vec<String>) {
    let Some(tree) = &facts.source else { return (Vec::new(), Vec::new()) };
    let mut set = globset::GlobSetBuilder::new();
    let mut globs = Vec::new();
    let mut plain: BTreeMap<&[u8], &String> = BTreeMap::new();
    let mut unmatched: BTreeSet<&String> = facts.release.required.iter().chain(&policy.required).collect();
    for pattern in unmatched.iter().copied() {
        match globset::GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
                globs.push(pattern);
            }
            Err(_) => {
                plain.insert(pattern.as_bytes(), pattern);
            }
        }
    }
    // Patterns that are sound one by one and not together are compared as plain paths, every one.
    let set = set.build().unwrap_or_else(|_| {
        plain.extend(globs.drain(..).map(|p| (p.as_bytes(), p)));
        globset::GlobSet::empty()
    });
    let mut entries = Vec::new();
    let mut hits = Vec::new();
    for (i, entry) in tree.entries.iter().enumerate() {
        set.matches_into(entry.path.lossy().as_ref(), &mut hits);
        let named = plain.get(entry.path.as_bytes());
        if !hits.is_empty() || named.is_some() {
            entries.push(i);
        }
        let found = hits.iter().filter_map(|n| globs.get(*n)).chain(named);
        for pattern in found {
            unmatched.remove(*pattern);
        }
    }
    (entries, unmatched.into_iter().cloned().collect())
}
