//! From the text of a policy to its values. Every value keeps its place until it is known to be good.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{ChecklistEntry, Person, Policy, PolicyError, SigstoreIdentity, SigstorePolicy, Threshold};
use crate::checks::TABLE;
use crate::model::{Cause, LIMITS, Limits};
use crate::text::Shown;

type Text = Spanned<String>;

/// People that must have signed of one role, at most: an envelope holds no more signatures.
const MAX_COUNT: u32 = 64;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    builders: Vec<Text>,
    sources: Vec<Text>,
    verifiers: Vec<Text>,
    required: Vec<Text>,
    required_checks: Vec<Text>,
    accepted_causes: Vec<Text>,
    checklist: Vec<Question>,
    allowed_signers: Option<Text>,
    openpgp_keyring: Option<Text>,
    minisign_keys: Vec<Text>,
    sigstore: Option<Sigstore>,
    text_twins_count: bool,
    people: Vec<SomeOne>,
    threshold: BTreeMap<Text, Spanned<i64>>,
    attestation_threshold: BTreeMap<Text, Spanned<i64>>,
    limits: BTreeMap<Text, Spanned<Amount>>,
}

/// A bound: a number, or words such as `2 GiB`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(i64),
    Words(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: Text,
    question: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    identity: Text,
    issuer: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sigstore {
    trusted_root: Text,
    trusted_root_sha256: Text,
    #[serde(default)]
    identities: Vec<Identity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SomeOne {
    name: Text,
    #[serde(default)]
    roles: Vec<Text>,
    #[serde(default)]
    keys: Vec<Text>,
    #[serde(default)]
    principals: Vec<Text>,
}

/// What is wrong, at an offset in bytes.
type Wrong = (usize, String);

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    let place = |(offset, what): Wrong| {
        let (line, column) = crate::json::line_column(text.as_bytes(), offset);
        PolicyError { line, column, what }
    };
    let file: File =
        toml::from_str(text).map_err(|e| place((e.span().map_or(0, |s| s.start), Shown::new(e.message()).cut(400).to_string())))?;
    read(file).map_err(place)
}

fn read(file: File) -> Result<Policy, Wrong> {
    let known = |code: &str| TABLE.iter().any(|c| c.code == code);
    let cause = |word: &str| Cause::ALL.iter().any(|c| c.word() == word);
    let people = people(file.people)?;
    let roles: BTreeSet<&str> = people.iter().flat_map(|p| p.roles.iter().map(String::as_str)).collect();
    let count = |role: &str| people.iter().filter(|p| p.roles.contains(role)).count();
    let threshold = |table, name| threshold(table, name, &roles, &count);
    Ok(Policy {
        builders: set(file.builders, "builder", |_| None)?,
        sources: set(file.sources, "source", |_| None)?,
        verifiers: set(file.verifiers, "verifier", |_| None)?,
        required: list(file.required, "glob", |glob| globset::Glob::new(glob).err().map(|e| format!("is not a glob: {}", e.kind())))?,
        required_checks: set(file.required_checks, "check", |code| {
            (!known(code)).then(|| "is not the code of a check (docs/checks.md lists them)".to_owned())
        })?,
        accepted_causes: set(file.accepted_causes, "cause", |word| {
            (!cause(word)).then(|| "is not a cause (docs/compare.md lists them)".to_owned())
        })?,
        checklist: checklist(file.checklist)?,
        allowed_signers: file.allowed_signers.map(|path| word(path, "allowed_signers")).transpose()?,
        openpgp_keyring: file.openpgp_keyring.map(|path| word(path, "openpgp_keyring")).transpose()?,
        minisign_keys: list(file.minisign_keys, "minisign key", |_| None)?,
        sigstore: file.sigstore.map(sigstore).transpose()?,
        text_twins_count: file.text_twins_count,
        threshold: threshold(file.threshold, "threshold")?,
        attestation_threshold: threshold(file.attestation_threshold, "attestation_threshold")?,
        limits: limits(file.limits)?,
        people,
    })
}

/// A text that must not be empty.
fn word(text: Text, what: &str) -> Result<String, Wrong> {
    let at = text.span().start;
    let text = text.into_inner();
    if text.trim().is_empty() { Err((at, format!("an empty {what}"))) } else { Ok(text) }
}

/// Texts that are none of them empty, there twice, or refused by `wrong`.
fn list(texts: Vec<Text>, what: &str, wrong: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, Wrong> {
    let mut out: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for text in texts {
        let at = text.span().start;
        let text = word(text, what)?;
        let shown = Shown::new(&text).cut(120);
        if let Some(why) = wrong(&text) {
            return Err((at, format!("\"{shown}\" {why}")));
        }
        if !seen.insert(text.clone()) {
            return Err((at, format!("the {what} \"{shown}\" twice")));
        }
        out.push(text);
    }
    Ok(out)
}

fn set(texts: Vec<Text>, what: &str, wrong: impl Fn(&str) -> Option<String>) -> Result<BTreeSet<String>, Wrong> {
    Ok(list(texts, what, wrong)?.into_iter().collect())
}

fn checklist(questions: Vec<Question>) -> Result<Vec<ChecklistEntry>, Wrong> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for Question { id, question } in questions {
        let at = id.span().start;
        let id = word(id, "id")?;
        if !seen.insert(id.clone()) {
            return Err((at, format!("the checklist has the id \"{}\" twice", Shown::new(&id).cut(120))));
        }
        out.push(ChecklistEntry { id, question: word(question, "question")? });
    }
    Ok(out)
}

fn sigstore(table: Sigstore) -> Result<SigstorePolicy, Wrong> {
    let at = table.trusted_root_sha256.span().start;
    let trusted_root_sha256 = table.trusted_root_sha256.into_inner();
    if trusted_root_sha256.parse::<crate::digest::Sha256>().is_err() {
        return Err((at, "\"trusted_root_sha256\" is not a SHA-256: 64 hexadecimal digits".to_owned()));
    }
    let identity = |one: Identity| Ok(SigstoreIdentity { identity: word(one.identity, "identity")?, issuer: word(one.issuer, "issuer")? });
    Ok(SigstorePolicy {
        trusted_root: word(table.trusted_root, "trusted_root")?,
        trusted_root_sha256,
        identities: table.identities.into_iter().map(identity).collect::<Result<_, Wrong>>()?,
    })
}

fn people(table: Vec<SomeOne>) -> Result<Vec<Person>, Wrong> {
    let mut out: Vec<Person> = Vec::new();
    for one in table {
        let at = one.name.span().start;
        let name = word(one.name, "name")?;
        let shown = Shown::new(&name).cut(80);
        if out.iter().any(|p| p.name == name) {
            return Err((at, format!("two people are called \"{shown}\"")));
        }
        if one.keys.is_empty() && one.principals.is_empty() {
            return Err((at, format!("\"{shown}\" has neither keys nor principals: no signature could be theirs")));
        }
        // One key that is two people's would let one of them sign for both.
        let theirs = |field: fn(&Person) -> &BTreeSet<String>, text: &str| out.iter().find(|p| field(p).contains(text)).map(taken);
        let mut keys = BTreeSet::new();
        for key in one.keys {
            let at = key.span().start;
            let key = key.into_inner();
            let print = fingerprint(&key).ok_or_else(|| (at, format!("\"{}\" {NO_FINGERPRINT}", Shown::new(&key).cut(120))))?;
            if let Some(why) = theirs(|p| &p.keys, &print) {
                return Err((at, format!("\"{print}\" {why}")));
            }
            if !keys.insert(print) {
                return Err((at, format!("the key \"{key}\" twice")));
            }
        }
        let principals = set(one.principals, "principal", |text| theirs(|p| &p.principals, text))?;
        out.push(Person { name, roles: set(one.roles, "role", |_| None)?, keys, principals });
    }
    Ok(out)
}

const NO_FINGERPRINT: &str = "is not a fingerprint: SHA256:… as ssh-keygen -l prints it, or 40 or 64 hexadecimal digits of an OpenPGP key";

fn taken(person: &Person) -> String {
    format!("belongs to \"{}\" already", Shown::new(&person.name).cut(80))
}

/// As reports have it.
fn fingerprint(text: &str) -> Option<String> {
    if let Some(coded) = text.strip_prefix("SHA256:") {
        // 32 bytes in base64 without padding.
        let fits = coded.len() == 43 && coded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        return fits.then(|| text.to_owned());
    }
    let hex: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_uppercase();
    let fits = matches!(hex.len(), 40 | 64) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| format!("OpenPGP {hex}"))
}

fn threshold(
    table: BTreeMap<Text, Spanned<i64>>,
    what: &str,
    roles: &BTreeSet<&str>,
    count: &dyn Fn(&str) -> usize,
) -> Result<Threshold, Wrong> {
    let mut out = Threshold::new();
    // In the order of the file, so that the first that is wrong is named.
    let mut rows: Vec<_> = table.into_iter().collect();
    rows.sort_by_key(|(role, _)| role.span().start);
    for (role, number) in rows {
        let shown = Shown::new(role.get_ref()).cut(80);
        if !roles.contains(role.get_ref().as_str()) {
            return Err((role.span().start, format!("{what}: nobody among the people has the role \"{shown}\"")));
        }
        let at = number.span().start;
        let asked = u32::try_from(*number.get_ref()).ok().filter(|n| (1..=MAX_COUNT).contains(n));
        let asked = asked.ok_or_else(|| (at, format!("{what}: \"{shown}\" should be a number from 1 to {MAX_COUNT}")))?;
        let have = count(role.get_ref());
        if have < asked as usize {
            let what = format!("{what}: {asked} are asked for of the role \"{shown}\", and only {have} of the people have it");
            return Err((at, what));
        }
        out.insert(role.into_inner(), asked);
    }
    Ok(out)
}

/// The bounds, each known and from 1 to the highest that it may be.
fn limits(table: BTreeMap<Text, Spanned<Amount>>) -> Result<Limits, Wrong> {
    let mut out = Limits::default();
    // In the order of the file, so that the first that is wrong is named.
    let mut rows: Vec<_> = table.into_iter().collect();
    rows.sort_by_key(|(name, _)| name.span().start);
    for (name, amount) in rows {
        let shown = Shown::new(name.get_ref()).cut(80);
        let Some(bound) = LIMITS.iter().find(|b| b.name == name.get_ref()) else {
            return Err((name.span().start, format!("limits: \"{shown}\" is not a bound that a policy sets (docs/limits.md lists them)")));
        };
        let at = amount.span().start;
        let value = match amount.get_ref() {
            Amount::Number(n) => u64::try_from(*n).ok(),
            Amount::Words(words) => bound.unit.read(words),
            Amount::Other(_) => None,
        };
        let value = value.filter(|v| (1..=bound.most).contains(v)).ok_or_else(|| {
            let most = bound.unit.words(bound.most);
            (at, format!("limits: \"{shown}\" should be a number from 1 to {most}, or bytes in words (\"2 GiB\", \"64 MiB\")"))
        })?;
        if let Some(place) = out.place(bound.name) {
            *place = value;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_fields() {
        let print = format!("SHA256:{}", "A".repeat(43));
        let text = format!(
            "builders = [\"https://b\"]\nsources = [\"https://s\"]\nverifiers = [\"https://v\"]\nrequired = [\"src/**\"]\n\
             required_checks = [\"bundle.fixity\"]\naccepted_causes = [\"mtime\"]\nallowed_signers = \"a\"\nopenpgp_keyring = \"k\"\n\
             minisign_keys = [\"m.pub\"]\n\
             [sigstore]\ntrusted_root = \"r\"\ntrusted_root_sha256 = \"{}\"\n[[sigstore.identities]]\nidentity = \"a@b\"\nissuer = \"i\"\n\
             [[checklist]]\nid = \"c\"\nquestion = \"?\"\n\
             [[people]]\nname = \"ada\"\nroles = [\"reviewer\"]\nkeys = [\"{print}\", \"{}\"]\nprincipals = [\"ada@x\"]\n\
             [threshold]\nreviewer = 1\n[attestation_threshold]\nreviewer = 1\n",
            "a".repeat(64),
            "aa".repeat(20),
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(policy.sigstore.as_ref().unwrap().identities[0].issuer, "i");
        assert_eq!(policy.minisign_keys, ["m.pub"]);
        assert_eq!(policy.people[0].keys, BTreeSet::from([print, format!("OpenPGP {}", "AA".repeat(20))]));
        assert_eq!((policy.threshold.get("reviewer"), policy.attestation_threshold.get("reviewer")), (Some(&1), Some(&1)));
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
    }
}
