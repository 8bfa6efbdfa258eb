//! How much of the code of an executable comes from the source under review, and what became of a source file: as debug
//! information claims.

use std::collections::BTreeMap;

use super::{Node, ResultMark, Sides, SourceStatus};
use crate::text::Untrusted;

/// The share of code bytes by the status of the file that each claims to come from, for one side of an executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeShare {
    /// Bytes of all code sections.
    pub total: u64,
    /// Bytes by status.
    pub by_status: BTreeMap<SourceStatus, u64>,
    /// Bytes between functions that do nothing and that no debug information covers: `nop`, traps, zeros.
    pub padding: u64,
    /// Other bytes that no debug information covers.
    pub dark: u64,
    /// Whether this side has no debug information of its own: the lines are those of the other side, for functions that are
    /// the same on both sides.
    pub borrowed: bool,
    /// The files, most bytes first.
    pub files: Vec<SourceFile>,
    /// How many more files there are than are listed.
    pub files_left_out: usize,
    /// The largest pieces of code without debug information, largest first.
    pub dark_code: Vec<DarkCode>,
    /// How many more pieces there are than are listed.
    pub dark_left_out: usize,
    /// What is odd about the claims, as sentences: a file that the compiler saw otherwise, lines beyond the end of a file, code
    /// that is claimed twice.
    pub odd: Vec<String>,
}

/// A file that debug information names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path in the source tree when it is there; else as the debug information has it.
    pub path: Untrusted,
    /// How it relates to the tree.
    pub status: SourceStatus,
    /// Bytes of code that claim to come from it.
    pub bytes: u64,
    /// Functions that hold such code.
    pub functions: usize,
    /// A remark, such as the files that its path fits equally well.
    pub note: Option<String>,
}

/// Code that no debug information covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DarkCode {
    /// The function it starts in, else its section. A name is a claim.
    pub name: Untrusted,
    /// Virtual address.
    pub address: u64,
    /// Size in bytes.
    pub size: u64,
}

/// A function that holds code of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUse {
    /// The function; a name is a claim.
    pub function: Untrusted,
    /// Its address on each side.
    pub address: Sides<Option<u64>>,
    /// First and last line of the file that became code there; 0 where no line is named.
    pub lines: (u32, u32),
    /// How the function compares between the sides.
    pub result: ResultMark,
}

/// Code that claims to come from some lines of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodePiece {
    /// First and last line; 0 where no line is named.
    pub lines: (u32, u32),
    /// Bytes.
    pub bytes: u64,
}

/// What an executable was built from, as its debug information claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuiltFrom {
    /// For each side; absent where nothing is known of its code.
    pub share: Sides<Option<CodeShare>>,
    /// By file of the source tree: the functions that hold code of it, differing ones first, then by address.
    pub uses: BTreeMap<Untrusted, Vec<SourceUse>>,
    /// Where the shipped code comes from, by file of the source tree: each byte of code in one piece at most. Files that the
    /// compiler saw otherwise are not here.
    pub code: BTreeMap<Untrusted, Vec<CodePiece>>,
    /// Whether uses or pieces of code were left out at a bound.
    pub cut: bool,
}

/// An executable that holds code of a source file.
#[derive(Clone, Debug)]
pub struct BuiltInto<'a> {
    /// Child indices from the artifact's node.
    pub path: Vec<usize>,
    /// The node.
    pub node: &'a Node,
    /// Its functions with that code, those that differ first.
    pub uses: &'a [SourceUse],
}

/// The executables below an artifact's node that hold code of that file of the source tree, as their debug information claims.
#[must_use]
pub fn built_into<'a>(root: &'a Node, file: &Untrusted) -> Vec<BuiltInto<'a>> {
    fn go<'a>(node: &'a Node, path: &mut Vec<usize>, file: &Untrusted, out: &mut Vec<BuiltInto<'a>>) {
        let uses = node.built_from.as_ref().map(|b| b.uses_of(file)).unwrap_or_default();
        if !uses.is_empty() {
            out.push(BuiltInto { path: path.clone(), node, uses });
        }
        for (i, child) in node.children.iter().enumerate() {
            path.push(i);
            go(child, path, file, out);
            path.pop();
        }
    }
    let mut out = Vec::new();
    go(root, &mut Vec::new(), file, &mut out);
    out
}

impl BuiltFrom {
    /// The functions that hold code of that file of the source tree.
    #[must_use]
    pub fn uses_of(&self, path: &Untrusted) -> &[SourceUse] {
        self.uses.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sentences about the shares: one when both sides agree.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        match (&self.share.shipped, &self.share.rebuilt) {
            (Some(a), Some(b)) if a.sentence() == b.sentence() => vec![a.sentence()],
            (a, b) => {
                let side = |word: &str, share: &Option<CodeShare>| share.as_ref().map(|s| format!("{word}: {}", s.sentence()));
                [side("shipped", a), side("rebuilt", b)].into_iter().flatten().collect()
            }
        }
    }

    /// Remarks on the claims of either side, each once.
    #[must_use]
    pub fn odd(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (word, share) in [("shipped", &self.share.shipped), ("rebuilt", &self.share.rebuilt)] {
            out.extend(share.iter().flat_map(|s| &s.odd).map(|odd| (odd, word)));
        }
        let mut told: Vec<(&String, Vec<&str>)> = Vec::new();
        for (odd, word) in out {
            match told.iter_mut().find(|(known, _)| *known == odd) {
                Some((_, words)) => words.push(word),
                None => told.push((odd, vec![word])),
            }
        }
        told.into_iter().map(|(odd, words)| if words.len() > 1 { odd.clone() } else { format!("{}: {odd}", words.concat()) }).collect()
    }
}

impl CodeShare {
    /// Bytes whose file has that status.
    #[must_use]
    pub fn bytes(&self, status: SourceStatus) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// Bytes that claim to come from a file of the source under review.
    #[must_use]
    pub fn reviewed(&self) -> u64 {
        self.bytes(SourceStatus::MatchedByChecksum) + self.bytes(SourceStatus::MatchedByPath)
    }

    /// `code from reviewed source 93.1% (checksum 80.2, path 12.9), other 5.0%, dark 1.9%`.
    #[must_use]
    pub fn sentence(&self) -> String {
        use SourceStatus as S;
        if self.total == 0 {
            return "no code".to_owned();
        }
        if self.dark + self.padding == self.total {
            return "code from reviewed source: not known, no debug information describes this code".to_owned();
        }
        let part = |bytes| percent(bytes, self.total);
        let (checksum, path) = (self.bytes(S::MatchedByChecksum), self.bytes(S::MatchedByPath));
        let mut text = format!("code from reviewed source {}% (checksum {}, path {})", part(self.reviewed()), part(checksum), part(path));
        for (word, bytes) in [
            ("another file than in the source", self.bytes(S::ChecksumDiffers)),
            ("other", self.bytes(S::NotInSource)),
            ("padding", self.padding),
            ("dark", self.dark),
        ] {
            if bytes > 0 {
                text.push_str(&format!(", {word} {}%", part(bytes)));
            }
        }
        if self.borrowed {
            text.push_str("; lines of the other side, for equal functions");
        }
        text
    }
}

/// With one decimal, rounded so that only nothing is 0 and only all is 100.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 2000 / u128::from(whole.max(1))).div_ceil(2);
    match tenths {
        0 if part > 0 => "<0.1".to_owned(),
        1000.. if part < whole => ">99.9".to_owned(),
        _ => format!("{}.{}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_is_zero_and_only_all_is_a_hundred() {
        assert_eq!(percent(0, 7), "0.0");
        assert_eq!(percent(7, 7), "100.0");
        assert_eq!(percent(1, 1_000_000), "<0.1");
        assert_eq!(percent(999_999, 1_000_000), ">99.9");
        assert_eq!(percent(1, 3), "33.3");
        assert_eq!(percent(2, 3), "66.7");
    }

    #[test]
    fn the_sentence_names_what_there_is() {
        let by_status =
            BTreeMap::from([(SourceStatus::MatchedByChecksum, 802), (SourceStatus::MatchedByPath, 129), (SourceStatus::NotInSource, 50)]);
        let share = CodeShare { total: 1000, by_status, dark: 19, ..CodeShare::default() };
        assert_eq!(share.sentence(), "code from reviewed source 93.1% (checksum 80.2, path 12.9), other 5.0%, dark 1.9%");
        let padded = CodeShare { dark: 15, padding: 4, ..share.clone() };
        assert!(padded.sentence().ends_with("other 5.0%, padding 0.4%, dark 1.5%"), "{}", padded.sentence());
        let dark = CodeShare { total: 5, dark: 5, ..CodeShare::default() };
        assert!(dark.sentence().contains("no debug information"));
        let both = BuiltFrom { share: Sides::new(Some(share.clone()), Some(share.clone())), ..BuiltFrom::default() };
        assert_eq!(both.sentences().len(), 1);
        let other = CodeShare { odd: vec!["a".into(), "b".into()], ..share.clone() };
        let both = BuiltFrom { share: Sides::new(Some(CodeShare { odd: vec!["a".into()], ..dark }), Some(other)), ..BuiltFrom::default() };
        assert_eq!(both.sentences().len(), 2);
        assert_eq!(both.odd(), ["a", "rebuilt: b"]);
    }
}
