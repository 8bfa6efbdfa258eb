//! Compiled files beside their sources, of which a program takes the newer one: the times of both say what runs, though neither file
//! holds the time of the other. (Compiled Python, which does, is in [`super::pyc`].)

use super::pyc::shown;
use crate::model::{Side, Sides};

/// Messages for one container.
const MAX_SAID: usize = 64;

/// A source, and whether the compiled file is taken where both have the same time.
type Source = (Vec<u8>, bool);

/// Whether a file is a compiled one by the end of its name.
pub(super) fn is_compiled(name: &[u8]) -> bool {
    [&b".zwc"[..], b".elc", b".fasl", b".fas", b".class", b".zo", b".go"].iter().any(|end| name.ends_with(end))
}

/// Names of the sources that a compiled file may have, by its own name; `name` is a path without `./`.
fn sources(name: &[u8]) -> Vec<Source> {
    let (folder, base) = name.split_at(name.iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1));
    let Some((stem, ending)) = base.iter().rposition(|b| *b == b'.').map(|dot| (&base[..dot], &base[dot + 1..])) else { return Vec::new() };
    let beside = |ends: &[&str]| ends.iter().map(|end| ([folder, stem, end.as_bytes()].concat(), true)).collect();
    match ending {
        // zsh, which takes it only where it is newer.
        b"zwc" => vec![([folder, stem].concat(), false)],
        b"elc" => beside(&[".el", ".el.gz"]),
        b"fasl" | b"fas" => beside(&[".lisp", ".lsp", ".cl"]),
        b"class" => beside(&[".java"]),
        // Racket: `compiled/x_rkt.zo` of `x.rkt`.
        b"zo" => {
            let end = stem.iter().rposition(|b| *b == b'_');
            let parts = end.and_then(|end| Some((folder.strip_suffix(b"compiled/")?, stem.get(..end)?, stem.get(end + 1..)?)));
            parts.map(|(folder, stem, end)| ([folder, stem, b".", end].concat(), true)).into_iter().collect()
        }
        // Guile: `lib/guile/3.0/site-ccache/x.go` of `share/guile/site/3.0/x.scm`.
        b"go" => guile(name).map(|source| (source, true)).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn guile(name: &[u8]) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = name.strip_suffix(b".go")?.split(|b| *b == b'/').collect();
    let at = parts.iter().position(|part| *part == b"guile")?;
    let lib = parts.get(..at)?.iter().position(|part| part.starts_with(b"lib"))?;
    let (version, cache) = (*parts.get(at + 1)?, *parts.get(at + 2)?);
    let mut out = parts.get(..lib)?.to_vec();
    out.extend([&b"share"[..], b"guile"]);
    match cache {
        b"site-ccache" => out.extend([&b"site"[..], version]),
        b"ccache" => out.push(version),
        _ => return None,
    }
    out.extend(parts.get(at + 3..)?);
    Some([&out.join(&b'/'), &b".scm"[..]].concat())
}

/// What is said of compiled files that are newer than their source on one side only. `time` gives the times of a file of that name, of
/// which several readers take one each; none when it is not there.
pub(super) fn told<'n>(names: impl Iterator<Item = &'n [u8]>, time: &mut dyn FnMut(Side, &[u8]) -> Vec<i64>) -> Vec<String> {
    let mut out = Vec::new();
    for name in names.filter(|name| is_compiled(name)) {
        for (source, taken) in sources(name) {
            let mut fresh = |side| -> Vec<bool> {
                // Most have no source beside them.
                let source = time(side, &source);
                let file = if source.is_empty() { Vec::new() } else { time(side, name) };
                file.iter().zip(&source).map(|(file, source)| file > source || taken && file == source).collect()
            };
            let sides = Sides::new(fresh(Side::Shipped), fresh(Side::Rebuilt));
            let differs = sides.shipped.iter().zip(&sides.rebuilt).any(|(x, y)| x != y);
            if differs && out.len() < MAX_SAID {
                let (file, source) = (shown(name), shown(&source));
                out.push(format!("{file} is newer than {source} on one side only: what is run is the one or the other"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_compiled_files_are_known_by_their_names() {
        for (name, source) in [
            ("usr/share/zsh/x.zwc", "usr/share/zsh/x"),
            ("a/x.elc", "a/x.el"),
            ("x.class", "x.java"),
            ("compiled/x_rkt.zo", "x.rkt"),
            ("a/compiled/x-y_ss.zo", "a/x-y.ss"),
            ("usr/lib/x86_64-linux-gnu/guile/3.0/site-ccache/a/x.go", "usr/share/guile/site/3.0/a/x.scm"),
            ("lib64/guile/3.0/ccache/ice-9/x.go", "share/guile/3.0/ice-9/x.scm"),
        ] {
            assert_eq!(sources(name.as_bytes()).first().map(|s| s.0.clone()), Some(source.as_bytes().to_vec()), "{name}");
        }
        for name in ["x.go", "x", "src/guile/x.go", "x_rkt.zo"] {
            assert!(sources(name.as_bytes()).is_empty(), "{name}");
        }
    }
}
