//! A dossier, read strictly: every field named, of its type, and no other.

use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::json::{self, Json};
use crate::review::Ruling;
use crate::signoff::Anchor;
use crate::signoff::anchor::DIGESTS;
use crate::signoff::statement::{FindingLine, JournalLine};
use crate::text::Shown;

use super::{AttestationLine, CheckLine, DOSSIER, Dossier, ItemLine, NoteLine, ReadLine, RulingLine};

/// What is wrong with a dossier, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct DossierError {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

/// A value that is wrong: where it starts, and what is right.
type Wrong = (usize, String);

impl Dossier {
    /// Reads the file.
    ///
    /// # Errors
    /// With line and column of the first thing that is wrong: not JSON, a field that is missing, unknown or of another type.
    pub fn parse(bytes: &[u8]) -> Result<Self, DossierError> {
        let json = json::parse(bytes).map_err(|e| DossierError { line: e.line, column: e.column, what: e.what })?;
        whole(&json).map_err(|(offset, what)| {
            let (line, column) = json::line_column(bytes, offset);
            DossierError { line, column, what }
        })
    }
}

/// An object of which every member is taken once.
struct Members<'a> {
    at: &'a Json,
    left: BTreeMap<&'a str, &'a Json>,
}

impl<'a> Members<'a> {
    fn of(json: &'a Json) -> Result<Self, Wrong> {
        let members = json.as_object().ok_or_else(|| (json.offset, format!("{} where an object is right", json.kind())))?;
        Ok(Self { at: json, left: members.iter().map(|(k, v)| (k.as_str(), v)).collect() })
    }

    fn optional(&mut self, name: &str) -> Option<&'a Json> {
        self.left.remove(name)
    }

    fn take(&mut self, name: &str) -> Result<&'a Json, Wrong> {
        self.optional(name).ok_or_else(|| (self.at.offset, format!("\"{name}\" is missing")))
    }

    fn text(&mut self, name: &str) -> Result<String, Wrong> {
        text(self.take(name)?)
    }

    fn number(&mut self, name: &str) -> Result<u64, Wrong> {
        number(self.take(name)?)
    }

    fn sha(&mut self, name: &str) -> Result<Sha256, Wrong> {
        digest(self.take(name)?)
    }

    fn list<T>(&mut self, name: &str, each: impl Fn(&'a Json) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
        list(self.take(name)?, each)
    }

    /// Nothing may be left: what this version does not know could hold anything.
    fn end(self) -> Result<(), Wrong> {
        match self.left.first_key_value() {
            None => Ok(()),
            Some((name, value)) => Err((value.offset, format!("\"{}\" is not a field of a dossier", Shown::new(name).cut(80)))),
        }
    }
}

fn text(json: &Json) -> Result<String, Wrong> {
    json.as_str().map(str::to_owned).ok_or_else(|| (json.offset, format!("{} where a string is right", json.kind())))
}

fn number(json: &Json) -> Result<u64, Wrong> {
    json.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(|| (json.offset, "not a whole number from 0".to_owned()))
}

fn digest(json: &Json) -> Result<Sha256, Wrong> {
    let mut set = Members::of(json)?;
    let value = set.take("sha256")?;
    set.end()?;
    // One form only: the lists are digested as text.
    let parsed = value.as_str().and_then(|s| s.parse::<Sha256>().ok().filter(|d| d.to_string() == s));
    parsed.ok_or_else(|| (value.offset, "not a SHA-256 in lowercase hexadecimal digits".to_owned()))
}

fn list<'a, T>(json: &'a Json, each: impl Fn(&'a Json) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
    json.as_array().ok_or_else(|| (json.offset, format!("{} where an array is right", json.kind())))?.iter().map(each).collect()
}

fn checked(json: &Json, name: &str, verdict: &str) -> Result<CheckLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = CheckLine { code: of.text(name)?, verdict: of.text(verdict)?, why: of.text("why")? };
    of.end()?;
    Ok(line)
}

fn attestation(json: &Json) -> Result<AttestationLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = AttestationLine {
        file: of.text("file")?,
        line: of.optional("line").map(number).transpose()?,
        payload: of.sha("payload")?,
        answers: of.list("answers", |a| checked(a, "question", "outcome"))?,
    };
    of.end()?;
    Ok(line)
}

fn item(json: &Json) -> Result<ItemLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = ItemLine {
        id: of.text("id")?,
        digest: of.sha("digest")?,
        class: of.text("class")?,
        mark: of.text("mark")?,
        covers: of.number("covers")?,
        shown: of.number("shown")?,
        of: of.number("of")?,
        carried: of.optional("carried").map(number).transpose()?,
    };
    of.end()?;
    Ok(line)
}

fn ruling(json: &Json) -> Result<RulingLine, Wrong> {
    let mut of = Members::of(json)?;
    let word = of.take("ruling")?;
    let ruling = match word.as_str() {
        Some("accepted") => Ruling::Accepted,
        Some("rejected") => Ruling::Rejected,
        _ => return Err((word.offset, "neither \"accepted\" nor \"rejected\"".to_owned())),
    };
    let counts = of.take("counts")?;
    let line = RulingLine {
        item: of.text("item")?,
        digest: of.sha("digest")?,
        ruling,
        reason: of.text("reason")?,
        covers: of.number("covers")?,
        counts: counts.as_bool().ok_or_else(|| (counts.offset, format!("{} where a boolean is right", counts.kind())))?,
    };
    of.end()?;
    Ok(line)
}

fn read_file(json: &Json) -> Result<ReadLine, Wrong> {
    let mut of = Members::of(json)?;
    let spans = of.list("spans", |span| {
        let ends = list(span, number)?;
        match ends[..] {
            [from, to] if from >= 1 && from <= to => Ok((from, to)),
            _ => Err((span.offset, "not a first and a last line".to_owned())),
        }
    })?;
    let line = ReadLine { path: of.text("path")?, blob: of.text("blob")?, of: of.number("of")?, spans };
    of.end()?;
    Ok(line)
}

fn anchor(json: &Json) -> Result<Anchor, Wrong> {
    let mut of = Members::of(json)?;
    let anchor = Anchor {
        path: of.text("path")?,
        line: of.optional("line").map(number).transpose()?,
        to_line: of.optional("toLine").map(number).transpose()?,
        blob: of.optional("blob").map(text).transpose()?,
        artifact: of.optional("artifact").map(text).transpose()?,
        function: of.optional("function").map(text).transpose()?,
        address: of.optional("address").map(address).transpose()?,
        to_address: of.optional("toAddress").map(address).transpose()?,
        field: of.optional("field").map(text).transpose()?,
        digests: of.optional("digests").map(digests).transpose()?.unwrap_or_default(),
        sha256: of.optional("digest").map(digest).transpose()?,
    };
    of.end()?;
    Ok(anchor)
}

/// `0x4a34`, in the one form that is written: the lists are digested as text.
fn address(json: &Json) -> Result<u64, Wrong> {
    let read = json.as_str().and_then(|s| u64::from_str_radix(s.strip_prefix("0x")?, 16).ok().filter(|a| format!("{a:#x}") == s));
    read.ok_or_else(|| (json.offset, "not an address such as \"0x4a34\"".to_owned()))
}

fn digests(json: &Json) -> Result<BTreeMap<String, Sha256>, Wrong> {
    let mut of = Members::of(json)?;
    let mut out = BTreeMap::new();
    for name in DIGESTS {
        if let Some(value) = of.optional(name) {
            out.insert(name.to_owned(), digest(value)?);
        }
    }
    of.end()?;
    Ok(out)
}

fn finding(json: &Json) -> Result<FindingLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = FindingLine {
        id: of.text("id")?,
        severity: of.text("severity")?,
        state: of.text("state")?,
        title: of.text("title")?,
        reason: of.optional("reason").map(text).transpose()?,
        anchor: of.optional("anchor").map(anchor).transpose()?,
    };
    of.end()?;
    Ok(line)
}

fn note(json: &Json) -> Result<NoteLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = NoteLine { anchor: of.optional("anchor").map(anchor).transpose()?, text: of.text("text")?, time: of.text("time")? };
    of.end()?;
    Ok(line)
}

fn journal(json: &Json) -> Result<JournalLine, Wrong> {
    let mut of = Members::of(json)?;
    let line = JournalLine { head: of.sha("head")?, count: of.number("count")? };
    of.end()?;
    Ok(line)
}

fn whole(json: &Json) -> Result<Dossier, Wrong> {
    let mut of = Members::of(json)?;
    let schema = of.take("schema")?;
    if schema.as_str() != Some(DOSSIER) {
        return Err((schema.offset, format!("\"schema\" is not {DOSSIER}")));
    }
    let mut release = Members::of(of.take("release")?)?;
    let answers = of.take("answers")?;
    let answered = Members::of(answers)?;
    let dossier = Dossier {
        product: release.text("name")?,
        version: release.text("version")?,
        identity: release.sha("bundle")?,
        reviewer: of.text("reviewer")?,
        checks: of.list("checks", |c| checked(c, "code", "verdict"))?,
        chain: of.list("chain", |c| checked(c, "link", "standing"))?,
        attestations: of.list("attestations", attestation)?,
        items: of.list("items", item)?,
        not_looked_at: of.list("notLookedAt", text)?,
        rulings: of.list("rulings", ruling)?,
        read: of.list("read", read_file)?,
        findings: of.list("findings", finding)?,
        notes: of.list("notes", note)?,
        answers: answered.left.iter().map(|(k, v)| Ok(((*k).to_owned(), text(v)?))).collect::<Result<_, Wrong>>()?,
        journal: journal(of.take("journal")?)?,
        lines: of.optional("journalLines").map(|l| list(l, text)).transpose()?,
    };
    release.end()?;
    of.end()?;
    // One ruling an item: of two, one would be passed over.
    if let Some(pair) = dossier.rulings.windows(2).find(|pair| pair[0].item >= pair[1].item) {
        return Err((json.offset, format!("the rulings are not sorted by item, each once: {}", Shown::new(&pair[1].item).cut(120))));
    }
    Ok(dossier)
}
