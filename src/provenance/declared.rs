//! What a source tree calls its own: modules of Go (`go.mod`) and crates (`Cargo.toml`). A program that says that it was built from another
//! revision contradicts the review only when it is one of these: a third party's has a history of its own.

use std::collections::BTreeSet;

/// Names that are kept at most.
const MAX_NAMES: usize = 10_000;

/// Whether a file of that path may declare a name.
pub(crate) fn may_declare(path: &[u8]) -> bool {
    matches!(super::judge::base(path), b"go.mod" | b"Cargo.toml")
}

/// Takes the name that a file declares, if any.
pub(crate) fn take(path: &[u8], bytes: &[u8], names: &mut BTreeSet<String>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = if super::judge::base(path) == b"go.mod" { module(text) } else { package(text) };
    if names.len() < MAX_NAMES {
        names.extend(name);
    }
}

/// The path of a Go module (<https://go.dev/ref/mod#go-mod-file-module>).
fn module(text: &str) -> Option<String> {
    let mut lines = text.lines().map(|line| line.split("//").next().unwrap_or(line).trim());
    let path = lines.find_map(|line| line.strip_prefix("module").filter(|rest| rest.starts_with(char::is_whitespace)))?;
    let path = path.trim().trim_matches(['"', '`']);
    (!path.is_empty()).then(|| path.to_owned())
}

/// The name of a crate.
fn package(text: &str) -> Option<String> {
    let manifest: toml::Table = text.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_says_what_is_its_own() {
        let of = |path: &str, text: &str| {
            let mut names = BTreeSet::new();
            take(path.as_bytes(), text.as_bytes(), &mut names);
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert!(may_declare(b"a/go.mod") && may_declare(b"Cargo.toml") && !may_declare(b"xgo.mod"));
        assert_eq!(of("go.mod", "// a\nmodule example.org/tool/v2 // x\n\ngo 1.22\n"), "example.org/tool/v2");
        assert_eq!(of("x/go.mod", "modules x\nmodule\t\"example.org/x\"\n"), "example.org/x");
        assert_eq!(of("go.mod", "// module example.org/no\nrequire module/x v1\n"), "");
        assert_eq!(of("Cargo.toml", "[dependencies.y]\nname = \"no\"\n[package]\nname = \"tool\"\n"), "tool");
        assert_eq!(of("Cargo.toml", "[workspace]\n"), "");
        assert_eq!(of("Cargo.toml", "[package\n"), "");
    }
}
