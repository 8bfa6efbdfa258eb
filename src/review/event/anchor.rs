//! Where a note or a finding is attached.

use serde::{Deserialize, Serialize};

/// Where a note or a finding is attached: names, places and digests; never source text or disassembly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Anchor {
    /// The item it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Artifact path, function or attestation, as displayable text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// What of it: the question that an attestation answers, a link of the chain, the code of a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The function, as its symbol claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Address in the shipped file, where that applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// Address after the last byte of a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_address: Option<u64>,
    /// Path in the source tree, as displayable text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line in that file (without a path: in the artifact), from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Last line of a span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_line: Option<u64>,
    /// The id of the source file's blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// SHA-256 of the source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// SHA-256 of the lines of the span, with their ends, as they are in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// SHA-256 of the bytes of the range in the shipped file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// SHA-256 of the bytes that an attestation's signature covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// SHA-256 of what a check or a link of the chain said: verdict, reason and evidence, with a zero byte between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// SHA-256 of the shipped content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipped: Option<String>,
    /// SHA-256 of the rebuilt content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<String>,
}

impl Anchor {
    /// The place in words: the artifact or path, function and addresses, source lines.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = self.place.clone();
        if let Some(field) = &self.field {
            text.push_str(&format!(" {field}"));
        }
        match (self.address, self.to_address) {
            (Some(from), Some(to)) => text.push_str(&format!(" {from:#x}-{to:#x}")),
            (Some(at), None) => text.push_str(&format!(" {at:#x}")),
            _ => {}
        }
        text
    }

    /// The source lines in words: `src/a.c:3-9`; of an artifact's own text `line 7`.
    #[must_use]
    pub fn lines_words(&self) -> Option<String> {
        let line = self.line?;
        let to = self.to_line.filter(|to| *to != line).map_or_else(String::new, |to| format!("-{to}"));
        Some(match &self.path {
            Some(path) => format!("{path}:{line}{to}"),
            None => format!("line {line}{to}"),
        })
    }

    /// All digests with what each is of.
    #[must_use]
    pub fn digests(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("blob", &self.blob),
            ("source file", &self.content),
            ("lines", &self.span),
            ("shipped", &self.shipped),
            ("rebuilt", &self.rebuilt),
            ("bytes of the range", &self.range),
            ("statement", &self.statement),
            ("verdict", &self.verdict),
        ];
        all.into_iter().filter_map(|(what, digest)| Some((what, digest.as_deref()?))).collect()
    }

    /// Everything it says, a line each, for reading.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut out = vec![crate::text::Shown::new(&self.words()).to_string()];
        out.extend(self.lines_words().map(|l| crate::text::Shown::new(&l).to_string()));
        out.extend(self.digests().into_iter().map(|(what, digest)| format!("{what} {}", crate::text::Shown::new(digest))));
        out
    }
}
