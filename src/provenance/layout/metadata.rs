//! Layouts and links as they are written.

use std::collections::BTreeMap;

use crate::digest::{Algorithm, Digest, unhex};
use crate::json::{self, Json, Value};
use crate::text::Shown;

use super::super::{PublicKey, dsse};
use super::gpg::{self, GpgKey};
use super::rules::Rule;

/// Steps, keys, links or rules of one document.
const MAX_ITEMS: usize = 10_000;
/// Files that one link may name.
const MAX_FILES: usize = 100_000;

/// Files by path, with their digests.
pub type Artifacts = BTreeMap<String, Vec<Digest>>;

/// A signed document.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub(super) body: Body,
    /// The bytes that the signatures are over.
    pub(super) signed: Vec<u8>,
    pub(super) signatures: Vec<Signature>,
}

#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// What it says of the key: a hint, except of GnuPG, whose subkeys go by it.
    pub(super) keyid: String,
    pub(super) bytes: Vec<u8>,
    /// The hashed part of an OpenPGP signature, where GnuPG made it.
    pub(super) headers: Option<Vec<u8>>,
    /// The certificate of whoever signed, as PEM.
    pub(super) certificate: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Layout(Layout),
    Link(Link),
}

#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) expires: String,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) steps: Vec<Step>,
    pub(super) inspections: Vec<String>,
    /// Certificate authorities by their id, and the certificates between, as PEM.
    pub(super) roots: BTreeMap<String, String>,
    pub(super) between: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) threshold: u64,
    pub(super) keys: Vec<String>,
    /// What certificates may stand in place of keys.
    pub(super) constraints: Vec<Constraint>,
    pub(super) materials: Vec<Rule>,
    pub(super) products: Vec<Rule>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) materials: Artifacts,
    pub(super) products: Artifacts,
}

/// A key that a layout names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    /// One that signs the bytes as they are.
    Raw(PublicKey),
    /// One of GnuPG.
    Gpg(GpgKey),
}

impl Key {
    /// Whether a signature over `signed` is of this key.
    pub(super) fn verify(&self, signed: &[u8], signature: &Signature, now: i64) -> bool {
        match (self, &signature.headers) {
            (Self::Raw(key), None) => key.verify(signed, &signature.bytes),
            (Self::Gpg(key), Some(headers)) => key.verify(signed, &signature.keyid, headers, &signature.bytes, now),
            _ => false,
        }
    }
}

/// What the certificate of a functionary must say (in-toto enhancement 7): each list is matched as a whole, `*` stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) common_name: String,
    pub(crate) dns_names: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) organizations: Vec<String>,
    pub(crate) roots: Vec<String>,
    pub(crate) uris: Vec<String>,
}

impl Metadata {
    /// The bytes that its signatures are over.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// Its signatures that are over these bytes as they are: key id and signature.
    pub fn raw_signatures(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.signatures.iter().filter(|s| s.headers.is_none()).map(|s| (s.keyid.as_str(), s.bytes.as_slice()))
    }

    /// Its signatures by GnuPG, as packets of OpenPGP.
    pub fn openpgp_signatures(&self) -> impl Iterator<Item = Vec<u8>> {
        self.signatures.iter().filter_map(|s| gpg::packet(&self.signed, s.headers.as_deref()?, &s.bytes))
    }

    /// The step of a link, and the files it says it made; of a layout, nothing.
    #[must_use]
    pub fn link(&self) -> Option<(&str, &Artifacts, &Artifacts)> {
        match &self.body {
            Body::Link(link) => Some((&link.name, &link.materials, &link.products)),
            Body::Layout(_) => None,
        }
    }

    /// Whether it is a layout, else a link.
    #[must_use]
    pub fn is_layout(&self) -> bool {
        matches!(self.body, Body::Layout(_))
    }
}

/// What a document in either form is, as far as its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A layout.
    Layout,
    /// A link.
    Link,
}

/// Whether a document is a layout or a link, in either form.
#[must_use]
pub fn kind(bytes: &[u8]) -> Option<Kind> {
    kind_of(&json::parse(bytes).ok()?, bytes)
}

/// The same of a document that is read already.
pub(crate) fn kind_of(tree: &Json, bytes: &[u8]) -> Option<Kind> {
    let kind = |word: Option<&Json>| match word.and_then(Json::as_str) {
        Some("layout") => Some(Kind::Layout),
        Some("link") => Some(Kind::Link),
        _ => None,
    };
    if tree.get("payload").is_none() {
        return kind(tree.at(&["signed", "_type"]));
    }
    let envelope = dsse::from_json(tree, bytes).ok().filter(|e| e.payload_type == dsse::IN_TOTO)?;
    kind(json::parse(&envelope.payload).ok()?.get("_type"))
}

/// Whether a document is a layout in either form, as far as its type says.
#[must_use]
pub fn is_layout(bytes: &[u8]) -> bool {
    kind(bytes) == Some(Kind::Layout)
}

/// Reads a layout or a link in either form.
///
/// # Errors
/// With line and column of what is wrong.
pub fn read(bytes: &[u8]) -> Result<Metadata, String> {
    let tree = json::parse(bytes).map_err(|e| e.to_string())?;
    if tree.get("payload").is_some() {
        let envelope = dsse::from_json(&tree, bytes).map_err(|e| e.to_string())?;
        if envelope.payload_type != dsse::IN_TOTO {
            return Err(format!("the payload type is {}", Shown::new(&envelope.payload_type).cut(120)));
        }
        let inner = json::parse(&envelope.payload).map_err(|e| format!("in the payload, {e}"))?;
        let raw = |s: dsse::Signature| Signature { keyid: s.keyid.lossy().into_owned(), bytes: s.sig, headers: None, certificate: None };
        let mut signatures: Vec<_> = envelope.signatures.into_iter().map(raw).collect();
        // A certificate stands beside the signature, outside of what DSSE itself defines.
        let items = tree.get("signatures").and_then(Json::as_array).unwrap_or_default();
        for (signature, item) in signatures.iter_mut().zip(items) {
            signature.certificate = certificate(item);
        }
        let signed = dsse::pae(&envelope.payload_type, &envelope.payload);
        return Ok(Metadata { body: body(&inner, &envelope.payload)?, signed, signatures });
    }
    let signed = tree.get("signed").ok_or("\"signed\" is missing")?;
    let mut signatures = Vec::new();
    let all = list(&tree, "signatures", bytes)?;
    if all.len() > dsse::MAX_SIGNATURES {
        return Err(format!("{} signatures, over the bound of {}", all.len(), dsse::MAX_SIGNATURES));
    }
    for item in all {
        let hex =
            |value: &Json| value.as_str().and_then(unhex).ok_or_else(|| place(value, bytes, "a signature in hexadecimal should be here"));
        let keyid = item.get("keyid").and_then(Json::as_str).unwrap_or_default().to_owned();
        if let Some(value) = item.get("sig") {
            signatures.push(Signature { keyid, bytes: hex(value)?, headers: None, certificate: certificate(item) });
        } else if let (Some(value), Some(headers)) = (item.get("signature"), item.get("other_headers")) {
            signatures.push(Signature { keyid, bytes: hex(value)?, headers: Some(hex(headers)?), certificate: None });
        }
    }
    Ok(Metadata { body: body(signed, bytes)?, signed: canonical(signed)?, signatures })
}

fn certificate(item: &Json) -> Option<String> {
    item.get("cert").and_then(Json::as_str).filter(|c| !c.is_empty()).map(str::to_owned)
}

fn place(at: &Json, bytes: &[u8], what: &str) -> String {
    let (line, column) = json::line_column(bytes, at.offset);
    format!("line {line}, column {column}: {what}")
}

/// Canonical JSON as OLPC has it (<http://wiki.laptop.org/go/Canonical_JSON>): sorted keys, no spaces, and of a string only the
/// quote and the backslash escaped.
pub(super) fn canonical(value: &Json) -> Result<Vec<u8>, String> {
    fn string(text: &str, out: &mut Vec<u8>) {
        out.push(b'"');
        for byte in text.bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    fn go(value: &Json, out: &mut Vec<u8>) -> Result<(), String> {
        match &value.value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Integer(n) => out.extend_from_slice(n.to_string().as_bytes()),
            Value::Number(text) => return Err(format!("{} is not an integer, and canonical JSON has no others", Shown::new(text).cut(40))),
            Value::String(text) => string(text, out),
            Value::Array(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    go(item, out)?;
                }
                out.push(b']');
            }
            Value::Object(fields) => {
                out.push(b'{');
                for (i, (name, item)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    string(name, out);
                    out.push(b':');
                    go(item, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    go(value, &mut out)?;
    Ok(out)
}

fn list<'a>(tree: &'a Json, name: &str, bytes: &[u8]) -> Result<&'a [Json], String> {
    match tree.get(name) {
        None => Ok(&[]),
        Some(value) if matches!(value.value, Value::Null) => Ok(&[]),
        Some(value) => value.as_array().ok_or_else(|| place(value, bytes, &format!("\"{name}\" should be an array"))),
    }
}

fn text(tree: &Json, name: &str, bytes: &[u8]) -> Result<String, String> {
    let value = tree.get(name).ok_or_else(|| place(tree, bytes, &format!("\"{name}\" is missing")))?;
    value.as_str().map(str::to_owned).ok_or_else(|| place(value, bytes, &format!("\"{name}\" should be a string")))
}

fn body(tree: &Json, bytes: &[u8]) -> Result<Body, String> {
    match text(tree, "_type", bytes)?.as_str() {
        "layout" => layout(tree, bytes).map(Body::Layout),
        "link" => {
            let files = |name: &str| artifacts(tree.get(name), bytes);
            Ok(Body::Link(Link { name: text(tree, "name", bytes)?, materials: files("materials")?, products: files("products")? }))
        }
        other => Err(format!("\"_type\" is {}, neither a layout nor a link", Shown::new(other).cut(80))),
    }
}

fn layout(tree: &Json, bytes: &[u8]) -> Result<Layout, String> {
    let authorities = |name: &str| {
        let all = tree.get(name).and_then(Json::as_object).into_iter().flatten().take(MAX_ITEMS);
        all.filter_map(|(id, value)| Some((id.clone(), value.at(&["keyval", "certificate"])?.as_str()?.to_owned())))
    };
    let mut layout = Layout {
        expires: text(tree, "expires", bytes)?,
        keys: BTreeMap::new(),
        steps: Vec::new(),
        inspections: Vec::new(),
        roots: authorities("rootcas").collect(),
        between: authorities("intermediatecas").map(|(_, pem)| pem).collect(),
    };
    for (id, value) in tree.get("keys").and_then(Json::as_object).into_iter().flatten().take(MAX_ITEMS) {
        // A key that cannot be read signs nothing; who needs it is told with the step.
        if let Some(key) = key(value) {
            layout.keys.insert(id.clone(), key);
        }
    }
    for step in list(tree, "steps", bytes)?.iter().take(MAX_ITEMS) {
        let threshold = step.get("threshold").and_then(Json::as_integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
        let keys = list(step, "pubkeys", bytes)?.iter().filter_map(|k| k.as_str().map(str::to_owned)).collect();
        let given = [list(step, "cert_constraints", bytes)?, list(step, "certConstraints", bytes)?].concat();
        let constraints = given.iter().take(MAX_ITEMS).map(|c| constraint(c, bytes)).collect::<Result<_, _>>()?;
        layout.steps.push(Step {
            name: text(step, "name", bytes)?,
            threshold,
            keys,
            constraints,
            materials: rules(step, "expected_materials", bytes)?,
            products: rules(step, "expected_products", bytes)?,
        });
    }
    for inspection in list(tree, "inspect", bytes)?.iter().take(MAX_ITEMS) {
        layout.inspections.push(text(inspection, "name", bytes)?);
    }
    Ok(layout)
}

fn rules(step: &Json, name: &str, bytes: &[u8]) -> Result<Vec<Rule>, String> {
    let all = list(step, name, bytes)?.iter().take(MAX_ITEMS);
    all.map(|rule| {
        let words: Option<Vec<&str>> = rule.as_array().map(|w| w.iter().map(|w| w.as_str().unwrap_or("")).collect());
        words.and_then(|w| Rule::parse(&w)).ok_or_else(|| place(rule, bytes, "this is no rule of in-toto"))
    })
    .collect()
}

fn constraint(value: &Json, bytes: &[u8]) -> Result<Constraint, String> {
    let words = |name: &str| -> Result<Vec<String>, String> {
        list(value, name, bytes)?
            .iter()
            .map(|w| w.as_str().map(str::to_owned).ok_or_else(|| place(w, bytes, "a string should be here")))
            .collect()
    };
    Ok(Constraint {
        common_name: value.get("common_name").and_then(Json::as_str).unwrap_or_default().to_owned(),
        dns_names: words("dns_names")?,
        emails: words("emails")?,
        organizations: words("organizations")?,
        roots: words("roots")?,
        uris: words("uris")?,
    })
}

/// A public key: PEM, for Ed25519 the point in hexadecimal, or one of GnuPG.
fn key(value: &Json) -> Option<Key> {
    if value.get("method").and_then(Json::as_str).is_some_and(|m| m.starts_with("pgp+")) {
        return GpgKey::read(value).map(Key::Gpg);
    }
    let public = value.at(&["keyval", "public"])?.as_str()?;
    if public.starts_with("-----BEGIN") {
        return PublicKey::parse(public.as_bytes()).ok().map(Key::Raw);
    }
    let point = unhex(public).filter(|_| value.get("keytype").and_then(Json::as_str) == Some("ed25519"))?;
    Some(Key::Raw(PublicKey::Ed25519(point.try_into().ok()?)))
}

fn artifacts(tree: Option<&Json>, bytes: &[u8]) -> Result<Artifacts, String> {
    let mut out = Artifacts::new();
    let Some(tree) = tree else { return Ok(out) };
    let fields = tree.as_object().ok_or_else(|| place(tree, bytes, "an object of paths should be here"))?;
    if fields.len() > MAX_FILES {
        return Err(place(tree, bytes, &format!("more than {MAX_FILES} files")));
    }
    for (path, digests) in fields {
        let all = digests.as_object().ok_or_else(|| place(digests, bytes, "an object of digests should be here"))?;
        let read = all.iter().filter_map(|(name, value)| {
            let algorithm = Algorithm::from_name(name)?;
            Some(Digest::parse(algorithm, value.as_str().unwrap_or("")).map_err(|e| place(value, bytes, &e.to_string())))
        });
        out.insert(path.clone(), read.collect::<Result<_, _>>()?);
    }
    Ok(out)
}
