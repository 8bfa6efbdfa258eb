//! Layouts and links as they are written.

use std::collections::BTreeMap;

use crate::digest::{Algorithm, Digest, unhex};
use crate::json::{self, Json, Value};
use crate::text::Shown;

use super::super::{PublicKey, dsse};
use super::rules::Rule;

/// Steps, keys, links or rules of one document.
const MAX_ITEMS: usize = 10_000;
/// Files that one link may name.
const MAX_FILES: usize = 100_000;

/// Files by path, with their digests.
pub(super) type Artifacts = BTreeMap<String, Vec<Digest>>;

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
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Layout(Layout),
    Link(Link),
}

#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) expires: String,
    pub(super) keys: BTreeMap<String, PublicKey>,
    pub(super) steps: Vec<Step>,
    pub(super) inspections: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) threshold: u64,
    pub(super) keys: Vec<String>,
    /// Whether certificates may stand in place of keys.
    pub(super) constrained: bool,
    pub(super) materials: Vec<Rule>,
    pub(super) products: Vec<Rule>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) materials: Artifacts,
    pub(super) products: Artifacts,
}

impl Metadata {
    /// Whether it is a layout, else a link.
    #[must_use]
    pub fn is_layout(&self) -> bool {
        matches!(self.body, Body::Layout(_))
    }
}

/// Whether a document is a layout in either form, as far as its type says.
#[must_use]
pub fn is_layout(bytes: &[u8]) -> bool {
    let Ok(tree) = json::parse(bytes) else { return false };
    let kind = |tree: &Json, path: &[&str]| tree.at(path).and_then(Json::as_str) == Some("layout");
    if tree.get("payload").is_none() {
        return kind(&tree, &["signed", "_type"]);
    }
    let payload = dsse::from_json(&tree, bytes).ok().and_then(|e| json::parse(&e.payload).ok());
    payload.is_some_and(|inner| kind(&inner, &["_type"]))
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
        let signatures = envelope.signatures.into_iter().map(|s| Signature { bytes: s.sig }).collect();
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
        // Those of GnuPG have other fields, and are not read.
        if let Some(value) = item.get("sig") {
            let sig = value.as_str().and_then(unhex).ok_or_else(|| place(value, bytes, "a signature in hexadecimal should be here"))?;
            signatures.push(Signature { bytes: sig });
        }
    }
    Ok(Metadata { body: body(signed, bytes)?, signed: canonical(signed)?, signatures })
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
    let mut layout = Layout { expires: text(tree, "expires", bytes)?, keys: BTreeMap::new(), steps: Vec::new(), inspections: Vec::new() };
    for (id, value) in tree.get("keys").and_then(Json::as_object).into_iter().flatten().take(MAX_ITEMS) {
        // A key that cannot be read signs nothing; who needs it is told with the step.
        if let Some(key) = key(value) {
            layout.keys.insert(id.clone(), key);
        }
    }
    for step in list(tree, "steps", bytes)?.iter().take(MAX_ITEMS) {
        let threshold = step.get("threshold").and_then(Json::as_integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
        let keys = list(step, "pubkeys", bytes)?.iter().filter_map(|k| k.as_str().map(str::to_owned)).collect();
        let constraints = list(step, "cert_constraints", bytes)?.len() + list(step, "certConstraints", bytes)?.len();
        layout.steps.push(Step {
            name: text(step, "name", bytes)?,
            threshold,
            keys,
            constrained: constraints > 0,
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

/// A public key: PEM, or for Ed25519 the point in hexadecimal.
fn key(value: &Json) -> Option<PublicKey> {
    let public = value.at(&["keyval", "public"])?.as_str()?;
    if public.starts_with("-----BEGIN") {
        return PublicKey::parse(public.as_bytes()).ok();
    }
    let point = unhex(public).filter(|_| value.get("keytype").and_then(Json::as_str) == Some("ed25519"))?;
    Some(PublicKey::Ed25519(point.try_into().ok()?))
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
