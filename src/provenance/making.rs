//! What went into the build: third-party materials, what the rebuild was made from, the tools that were declared against those
//! that files name, and the revision that files say they were built from.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Digest, Sha256};
use crate::model::{Attestation, ChainLink, Clue, Contents, Held, Holder, Lead, Side, Standing, Tool};
use crate::text::{Shown, Untrusted};

use super::Inputs;
use super::judge::{Known, base};

/// Cases that are listed at most; all are counted.
const MAX_CLUES: usize = 200;

/// The tool that a package of that name holds: of Debian's packages and of plain names.
pub(crate) fn packaged(name: &str, version: &str, from: &'static str) -> Option<Tool> {
    let numbered = |stem: &str| {
        let rest = name.strip_prefix(stem)?.strip_prefix('-')?;
        rest.split('-').next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(rest)
    };
    // `gcc-12` and `gcc-12-x86-64-linux-gnu` hold the compiler, `gcc-12-base` and `golang-1.22-src` do not.
    let compiler = |stem| name == stem || numbered(stem).is_some_and(|rest| !rest.contains('-') || rest.contains("linux"));
    let family = if compiler("gcc") || compiler("g++") || compiler("gfortran") {
        "gcc"
    } else if compiler("clang") {
        "clang"
    } else if compiler("rustc") || name == "rust" {
        "rustc"
    } else if name == "go" || name == "golang" || numbered("golang").is_some_and(|rest| !rest.contains('-') || rest.ends_with("-go")) {
        "go"
    } else if name == "binutils" {
        "binutils"
    } else if compiler("lld") {
        "lld"
    } else {
        return None;
    };
    let version: String = version.trim().trim_start_matches("go").trim_start_matches('v').chars().take(80).collect();
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(Tool { name: family, version, from })
}

/// The numbers of a version: without an epoch in front, a distribution's revision and remarks behind.
fn numbers(version: &str) -> Vec<&str> {
    let version = version.split_once(':').filter(|(epoch, _)| epoch.bytes().all(|b| b.is_ascii_digit())).map_or(version, |(_, v)| v);
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version.get(..end).unwrap_or_default().split('.').filter(|n| !n.is_empty()).collect()
}

/// Whether one is the other, or its beginning: 13.2 is 13.2.0.
fn agrees(one: &str, other: &str) -> bool {
    let (one, other) = (numbers(one), numbers(other));
    !one.is_empty() && !other.is_empty() && one.iter().zip(&other).all(|(a, b)| a == b)
}

fn place(attestation: &Attestation) -> String {
    let line = attestation.line.map_or(String::new(), |l| format!(":{l}"));
    format!("{}{line}", attestation.file.shown().cut_start(100))
}

/// Evidence, cut at a bound.
fn bounded(mut clues: Vec<Clue>) -> Vec<Clue> {
    if clues.len() > MAX_CLUES {
        let more = clues.len() - MAX_CLUES;
        clues.truncate(MAX_CLUES);
        clues.push(Clue { text: format!("… and {more} more"), at: Lead::Nowhere });
    }
    clues
}

/// Third-party materials: every one that provenance names with a digest is in the bundle and equal, or listed as missing.
pub(super) fn materials(known: &Known, contents: &Contents, provenance: &[(usize, &Attestation)]) -> Option<ChainLink> {
    if provenance.is_empty() {
        return None;
    }
    let inside: BTreeMap<(crate::digest::Algorithm, &[u8]), &Held> =
        contents.held.iter().flat_map(|h| h.digests.iter().map(move |d| ((d.algorithm, &*d.bytes), h))).collect();
    let (mut total, mut here, mut open, mut wrong) = (0usize, 0usize, Vec::new(), Vec::new());
    let mut seen: BTreeSet<(&Untrusted, Vec<&[u8]>)> = BTreeSet::new();
    for (index, attestation) in provenance {
        for (uri, digests) in &attestation.materials {
            // Many statements of one build name the same ones.
            if !seen.insert((uri, digests.iter().map(|d| &*d.bytes).collect())) {
                continue;
            }
            total += 1;
            let (name, at) = (uri.shown().cut_start(120), Lead::Attestation(*index));
            let strong = || digests.iter().filter(|d| d.algorithm.is_strong());
            if strong().any(|d| d.sha256().is_some_and(|sha| known.has(sha)) || inside.contains_key(&(d.algorithm, &*d.bytes))) {
                here += 1;
                continue;
            }
            // Sources are archived under their own name: the same name with other bytes is not what was built from.
            // (Only the name of a file: what is called as a product or a repository is called may be anything.)
            let called = Some(base(uri.as_bytes())).filter(|name| name.contains(&b'.'));
            let named = strong().find_map(Digest::sha256).zip(called.and_then(|name| known.any_called(name)));
            match named {
                Some((said, ours)) => {
                    let text = format!("{name}: it says sha256 {}…, and the file here has {}…", said.short(12), ours.short(12));
                    wrong.push(Clue { text, at });
                }
                None if digests.is_empty() => open.push(Clue { text: format!("{name} has no digest: nothing can be compared"), at }),
                None => open.push(Clue { text: format!("{name} is not in the bundle"), at }),
            }
        }
    }
    let (standing, why) = match (wrong.first(), open.first()) {
        (Some(first), _) => (Standing::Broken, format!("{} of {total} other materials have other bytes here: {}", wrong.len(), first.text)),
        (None, Some(first)) => {
            (Standing::Absent, format!("{here} of {total} other materials are in the bundle, {} are not shown: {}", open.len(), first.text))
        }
        (None, None) if total == 0 => (Standing::Claimed, "provenance names no material beside the source commit".to_owned()),
        (None, None) => (Standing::Proven, format!("{total} of {total} other materials equal files that were hashed here")),
    };
    wrong.append(&mut open);
    Some(ChainLink { name: "materials = bundle", standing, why, evidence: bounded(wrong) })
}

/// What the rebuild was made from, by its own provenance: the commit under review?
pub(super) fn rebuild_input(
    inputs: &Inputs<'_>,
    attestations: &[Attestation],
    is_trusted: &dyn Fn(&Attestation) -> bool,
) -> Option<ChainLink> {
    let rebuilt: Vec<(usize, Sha256)> = inputs
        .release
        .artifacts
        .iter()
        .enumerate()
        .flat_map(|(i, a)| a.rebuilt.iter().filter_map(move |r| Some((i, (inputs.digests)(r.file)?))))
        .collect();
    if rebuilt.is_empty() {
        return None;
    }
    let link = |standing, why: String, evidence| Some(ChainLink { name: "rebuild input = commit", standing, why, evidence });
    let Some(ours) = inputs.source.and_then(|s| s.commit.as_deref()) else {
        return link(Standing::Absent, "the source shown has no commit".to_owned(), Vec::new());
    };
    let digests: BTreeSet<Sha256> = rebuilt.iter().map(|(_, d)| *d).collect();
    let names = |a: &Attestation| -> BTreeSet<Sha256> {
        a.subjects.iter().flat_map(|s| &s.digests).filter_map(Digest::sha256).filter(|d| digests.contains(d)).collect()
    };
    let about: Vec<(usize, &Attestation, BTreeSet<Sha256>)> =
        attestations.iter().enumerate().map(|(i, a)| (i, a, names(a))).filter(|(_, _, named)| !named.is_empty()).collect();
    let clue = |i: usize, text: String| Clue { text, at: Lead::Attestation(i) };
    let other = about.iter().find(|(_, a, _)| a.commit.as_deref().is_some_and(|c| !c.eq_ignore_ascii_case(ours)));
    if let Some((i, a, _)) = other {
        let why = format!(
            "{} names commit {} for what was rebuilt, and the source shown is {ours}",
            place(a),
            a.commit.as_deref().unwrap_or_default()
        );
        return link(Standing::Broken, why.clone(), vec![clue(*i, why)]);
    }
    let agreeing: Vec<_> = about.iter().filter(|(_, a, _)| a.commit.is_some()).collect();
    let covered: BTreeSet<Sha256> =
        agreeing.iter().filter(|(_, a, _)| is_trusted(a)).flat_map(|(_, _, named)| named.iter().copied()).collect();
    let evidence = |all: &[&(usize, &Attestation, BTreeSet<Sha256>)]| {
        bounded(all.iter().map(|(i, a, named)| clue(*i, format!("{} names {} rebuilt files", place(a), named.len()))).collect())
    };
    if covered.len() == digests.len() {
        let text = format!("trusted provenance says that all {} rebuilt files were built from commit {ours}", digests.len());
        return link(Standing::Claimed, text, evidence(&agreeing));
    }
    let why = match (covered.len(), agreeing.first(), about.first()) {
        (1.., ..) => format!("trusted provenance names the commit for {} of {} rebuilt files only", covered.len(), digests.len()),
        (_, Some((_, a, _)), _) => {
            format!("{} names commit {ours} for what was rebuilt, but no key that the reviewer trusts signed it", place(a))
        }
        (_, None, Some((_, a, _))) => format!("{} speaks of what was rebuilt and names no commit", place(a)),
        _ => "nothing says what the rebuild was made from".to_owned(),
    };
    let all: Vec<_> = about.iter().collect();
    link(Standing::Absent, why, evidence(&all))
}

/// The files of an artifact's side, and the debug information that belongs to one of them by its build-id.
fn of_side(contents: &Contents, index: usize, side: Side) -> Vec<&Held> {
    let own: Vec<&Held> = contents.held.iter().filter(|h| h.holder == Holder::Artifact(index, side)).collect();
    let ids: BTreeSet<&[u8]> = own.iter().map(|h| h.embedded.build_id.as_slice()).filter(|id| !id.is_empty()).collect();
    let debug = contents.held.iter().filter(|h| h.holder == Holder::Debug(index) && ids.contains(h.embedded.build_id.as_slice()));
    own.iter().copied().chain(debug).collect()
}

/// The artifacts and sides that a declaration speaks of: by digest, else by the name of a subject, which is a hint.
fn spoken_of(inputs: &Inputs<'_>, attestation: &Attestation) -> BTreeSet<(usize, Side)> {
    let digests: BTreeSet<Sha256> = attestation.subjects.iter().flat_map(|s| &s.digests).filter_map(Digest::sha256).collect();
    let names: BTreeSet<&[u8]> = attestation.subjects.iter().map(|s| base(s.name.as_bytes())).collect();
    let mut out = BTreeSet::new();
    for (index, artifact) in inputs.release.artifacts.iter().enumerate() {
        let has = |id| (inputs.digests)(id).is_some_and(|d| digests.contains(&d));
        let (shipped, rebuilt) = (artifact.shipped.is_some_and(has), artifact.rebuilt.iter().any(|r| has(r.file)));
        let named = !shipped && !rebuilt && names.contains(base(artifact.name.as_bytes()));
        out.extend((shipped || named).then_some((index, Side::Shipped)));
        out.extend((rebuilt || named).then_some((index, Side::Rebuilt)));
    }
    out
}

/// The declared tools against those that the files themselves name.
pub(super) fn toolchain(inputs: &Inputs<'_>, attestations: &[Attestation], contents: &Contents) -> Option<ChainLink> {
    let declared: Vec<_> = attestations.iter().filter(|a| !a.tools.is_empty()).collect();
    if declared.is_empty() {
        return None;
    }
    let (mut wrong, mut right, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let mut spoken: BTreeSet<(usize, Side)> = BTreeSet::new();
    for attestation in declared {
        let about = spoken_of(inputs, attestation);
        spoken.extend(&about);
        for (index, side) in &about {
            let Some(artifact) = inputs.release.artifacts.get(*index) else { continue };
            let whole = format!("{} {}", side_word(*side), artifact.name.shown().cut_start(100));
            // Every version that some file names, with the first that does.
            let mut named: BTreeMap<(&str, &str), (&Held, &str)> = BTreeMap::new();
            for held in of_side(contents, *index, *side) {
                for tool in &held.embedded.tools {
                    named.entry((tool.name, &tool.version)).or_insert((held, tool.from));
                }
            }
            if named.is_empty() {
                open.push(Clue { text: format!("{whole}: no file in it names its tools"), at: Lead::Artifact(*index) });
            }
            let families: BTreeSet<&str> = named.keys().map(|(family, _)| *family).collect();
            for family in families {
                let said: Vec<&Tool> = attestation.tools.iter().filter(|t| t.name == family).collect();
                let all: Vec<_> = named.iter().filter(|((f, _), _)| *f == family).collect();
                let ((_, version), (held, from)) = all[0];
                let member = held.name.shown().cut_start(80);
                let versions = all.iter().map(|((_, v), _)| Shown::new(v).cut(40).to_string()).collect::<Vec<_>>().join(", ");
                let Some(first) = said.first() else {
                    let text = format!("{whole}: {member} names {family} {versions} ({from}), and {} declares none", place(attestation));
                    open.push(Clue { text, at: Lead::Artifact(*index) });
                    continue;
                };
                let declares = said.iter().map(|t| Shown::new(&t.version).cut(40).to_string()).collect::<BTreeSet<_>>();
                let declares = declares.into_iter().collect::<Vec<_>>().join(", ");
                let from_where = first.from;
                if let Some(((_, v), (held, from))) = all.iter().find(|((_, v), _)| said.iter().any(|t| agrees(&t.version, v))) {
                    let (member, v) = (held.name.shown().cut_start(80), Shown::new(v).cut(40));
                    let text = format!("{whole}: {family} {declares} declared, {v} in {member} ({from})");
                    right.push(Clue { text, at: Lead::Artifact(*index) });
                } else {
                    let text = format!(
                        "{whole}: {} declares {family} {declares} ({from_where}), and {member} names {} ({from})",
                        place(attestation),
                        if all.len() == 1 { Shown::new(version).cut(40).to_string() } else { versions },
                    );
                    wrong.push(Clue { text, at: Lead::Artifact(*index) });
                }
            }
        }
        if about.is_empty() {
            let text = format!("{} declares tools for nothing that is here", place(attestation));
            open.push(Clue { text, at: Lead::Nowhere });
        }
    }
    for (index, artifact) in inputs.release.artifacts.iter().enumerate() {
        if artifact.shipped.is_some() && !spoken.contains(&(index, Side::Shipped)) {
            let text = format!("shipped {}: nothing declares its tools", artifact.name.shown().cut_start(100));
            open.push(Clue { text, at: Lead::Artifact(index) });
        }
    }
    let (standing, why) = match (wrong.first(), right.first(), open.first()) {
        (Some(first), ..) => (Standing::Broken, first.text.clone()),
        (None, Some(first), None) => (Standing::Claimed, format!("{} agree: {}", right.len(), first.text)),
        (None, Some(first), Some(left)) => {
            (Standing::Claimed, format!("{} agree: {}; {} cannot be compared: {}", right.len(), first.text, open.len(), left.text))
        }
        (None, None, first) => (Standing::Absent, first.map_or_else(String::new, |c| c.text.clone())),
    };
    wrong.append(&mut open);
    wrong.append(&mut right);
    Some(ChainLink { name: "tools = declared", standing, why, evidence: bounded(wrong) })
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Shipped => "shipped",
        Side::Rebuilt => "rebuilt",
    }
}

/// The revision that files say they were built from, against the commit under review.
pub(super) fn revision(inputs: &Inputs<'_>, contents: &Contents) -> Option<ChainLink> {
    let told: Vec<_> = contents.held.iter().filter_map(|h| Some((h, h.embedded.revision.as_ref()?))).collect();
    let (mut wrong, mut right, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    let ours = inputs.source.and_then(|s| s.commit.as_deref());
    for (held, revision) in told {
        let (at, side) = match held.holder {
            Holder::Artifact(index, side) => (Lead::Artifact(index), side_word(side)),
            Holder::Debug(index) => (Lead::Artifact(index), "debug"),
            Holder::Source(_) => continue,
        };
        let (name, id) = (held.name.shown().cut_start(100), Shown::new(&revision.id).cut(64));
        match ours {
            Some(ours) if ours.eq_ignore_ascii_case(&revision.id) && !revision.modified => {
                right.push(Clue { text: format!("{side} {name}: {} is {id}", revision.from), at });
            }
            Some(ours) if ours.eq_ignore_ascii_case(&revision.id) => {
                wrong.push(Clue { text: format!("{side} {name}: it says that the tree was changed after commit {id}"), at });
            }
            Some(ours) if contents.declared.contains(&revision.of) => {
                wrong.push(Clue { text: format!("{side} {name}: {} is {id}, and the source shown is {ours}", revision.from), at });
            }
            None if contents.declared.contains(&revision.of) || contents.declared.is_empty() => {
                wrong.push(Clue { text: format!("{side} {name}: {} is {id}, and the source shown has no commit", revision.from), at });
            }
            // Whose program it is stands in it: one that the tree does not call its own has a repository of its own.
            _ => {
                let of = if revision.of.is_empty() {
                    Shown::new("a program that does not say whose it is")
                } else {
                    Shown::new(&revision.of).cut(100)
                };
                let text =
                    format!("{side} {name}: {} is {id}, of {of}, which the source under review does not declare as its own", revision.from);
                foreign.push(Clue { text, at });
            }
        }
    }
    let (standing, why) = match (wrong.first(), right.first(), foreign.first()) {
        (Some(first), ..) if ours.is_some() => (Standing::Broken, first.text.clone()),
        (Some(first), ..) => (Standing::Absent, first.text.clone()),
        (None, Some(first), other) => {
            let more = other.map_or_else(String::new, |_| format!("; {} others are of other repositories", foreign.len()));
            (Standing::Claimed, format!("{} files say that they were built from it: {}{more}", right.len(), first.text))
        }
        (None, None, Some(first)) => (Standing::Absent, format!("no file says that it was built from it; {}", first.text)),
        (None, None, None) => return None,
    };
    wrong.append(&mut right);
    wrong.append(&mut foreign);
    Some(ChainLink { name: "revision = commit", standing, why, evidence: bounded(wrong) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_hold_tools_or_do_not() {
        let of = |name: &str, version: &str| packaged(name, version, "").map(|t| format!("{} {}", t.name, t.version));
        assert_eq!(of("gcc-12", "12.2.0-14+deb12u1").as_deref(), Some("gcc 12.2.0-14+deb12u1"));
        assert_eq!(of("gcc", "4:12.2.0-3").as_deref(), Some("gcc 4:12.2.0-3"));
        assert_eq!(of("gcc-12-x86-64-linux-gnu", "12.2.0-14").as_deref(), Some("gcc 12.2.0-14"));
        assert_eq!(of("golang-1.22-go", "1.22.5-1").as_deref(), Some("go 1.22.5-1"));
        assert_eq!(of("go", "go1.22.5").as_deref(), Some("go 1.22.5"));
        assert_eq!(of("rustc", "1.63.0+dfsg1-2").as_deref(), Some("rustc 1.63.0+dfsg1-2"));
        for name in ["gcc-12-base", "gcc-mingw-w64", "libgcc-12-dev", "golang-1.22-src", "golang-go", "binutils-common", "rustc-x", "gccgo"]
        {
            assert_eq!(of(name, "1.0"), None, "{name}");
        }
        assert_eq!(of("gcc", "newest"), None);
    }

    #[test]
    fn versions_agree_in_what_both_say() {
        for (a, b) in [("13.2", "13.2.0"), ("4:12.2.0-3", "12.2.0"), ("1.63.0+dfsg1-2", "1.63.0"), ("2.40-2", "2.40")] {
            assert!(agrees(a, b) && agrees(b, a), "{a} {b}");
        }
        for (a, b) in [("13.2", "11.4.0"), ("1.2", "1.20"), ("", "1"), ("x", "1")] {
            assert!(!agrees(a, b) && !agrees(b, a), "{a} {b}");
        }
    }
}
