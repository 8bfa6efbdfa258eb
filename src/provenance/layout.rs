//! in-toto layouts and links, as the in-toto specification 1.0 has them: who had to do which step, and whether the links show
//! that they did. Both the classic form (signed over canonical JSON) and the one in a DSSE envelope are read.
//!
//! Inspections are commands to be run on the verifier's machine. They are not run here, and the outcome says so.

mod metadata;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::text::Shown;

use super::PublicKey;
use metadata::{Body, Step};
pub use metadata::{Metadata, is_layout, read};

/// How the steps of a layout came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// For each step its name and the key ids of those who count for it.
    pub steps: Vec<(String, Vec<String>)>,
    /// Names of inspections, which were not run.
    pub inspections: Vec<String>,
    /// Every product of every step: path and digests.
    pub products: Vec<(String, Vec<Digest>)>,
}

/// Why a layout does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Not signed by a key that counts.
    #[error("no signature of the layout is by a key that was given")]
    Signature,
    /// Its time is over.
    #[error("the layout has expired at {0}")]
    Expired(String),
    /// It asks for what is not supported.
    #[error("{0}")]
    Unsupported(String),
    /// A step is not shown to be done by those who had to.
    #[error("{0}")]
    Step(String),
    /// A rule about materials or products does not hold.
    #[error("{0}")]
    Rule(String),
}

/// Verifies a layout with its links: signed by one of `keys`, not expired at `now` (seconds since the epoch), every step done by
/// as many of its functionaries as it asks for, every rule kept. Links that are not signed by a functionary of their step are
/// passed over, as the specification says.
///
/// # Errors
/// With the first thing that does not hold.
pub fn verify(layout: &Metadata, links: &[Metadata], keys: &[PublicKey], now: i64) -> Result<Supply, LayoutError> {
    let Body::Layout(body) = &layout.body else {
        return Err(LayoutError::Unsupported("it is a link, and a layout is wanted".to_owned()));
    };
    if !layout.signatures.iter().any(|s| keys.iter().any(|k| k.verify(&layout.signed, &s.bytes))) {
        return Err(LayoutError::Signature);
    }
    let expires: jiff::Timestamp = body.expires.parse().map_err(|_| {
        LayoutError::Unsupported(format!("the layout has no time of expiry that can be read: {}", Shown::new(&body.expires).cut(40)))
    })?;
    if expires.as_second() <= now {
        return Err(LayoutError::Expired(expires.to_string()));
    }
    let mut done: BTreeMap<&str, &metadata::Link> = BTreeMap::new();
    let mut supply = Supply { inspections: body.inspections.clone(), ..Supply::default() };
    for step in &body.steps {
        let (link, who) = functionaries(step, &body.keys, links)?;
        supply.steps.push((step.name.clone(), who));
        supply.products.extend(link.products.iter().map(|(path, digests)| (path.clone(), digests.clone())));
        if done.insert(&step.name, link).is_some() {
            return Err(LayoutError::Unsupported(format!("the layout has the step {} twice", Shown::new(&step.name).cut(80))));
        }
    }
    for step in &body.steps {
        let Some(link) = done.get(step.name.as_str()) else { continue };
        let say = |what: &str, why: String| LayoutError::Rule(format!("step {}, {what}: {why}", Shown::new(&step.name).cut(80)));
        let all = rules::Links { own: link, done: &done };
        rules::keep(&step.materials, &link.materials, &all).map_err(|why| say("materials", why))?;
        rules::keep(&step.products, &link.products, &all).map_err(|why| say("products", why))?;
    }
    Ok(supply)
}

/// The link of a step and those who signed one: as many different keys as the step asks for, who all say the same.
fn functionaries<'a>(
    step: &Step,
    keys: &BTreeMap<String, PublicKey>,
    links: &'a [Metadata],
) -> Result<(&'a metadata::Link, Vec<String>), LayoutError> {
    let name = Shown::new(&step.name).cut(80);
    let mut counted: Vec<&PublicKey> = Vec::new();
    let mut who = Vec::new();
    let mut agreed: Option<&metadata::Link> = None;
    for metadata in links {
        let link = match &metadata.body {
            Body::Link(link) if link.name == step.name => link,
            _ => continue,
        };
        // Whoever signs twice, or has a key under two names, counts once.
        let signer = step.keys.iter().find_map(|id| {
            let key = keys.get(id)?;
            let new = !counted.contains(&key);
            let signed = new && metadata.signatures.iter().any(|s| key.verify(&metadata.signed, &s.bytes));
            signed.then_some((id, key))
        });
        let Some((id, key)) = signer else { continue };
        if agreed.is_some_and(|first| (&first.materials, &first.products) != (&link.materials, &link.products)) {
            return Err(LayoutError::Step(format!("step {name}: its links do not agree on materials and products")));
        }
        agreed = agreed.or(Some(link));
        counted.push(key);
        who.push(id.clone());
    }
    let (found, wanted) = (counted.len() as u64, step.threshold.max(1));
    match agreed {
        Some(link) if found >= wanted => Ok((link, who)),
        _ if step.keys.is_empty() && step.constrained => {
            Err(LayoutError::Unsupported(format!("step {name} is for whoever has a certificate, which is not supported")))
        }
        _ if links.iter().any(|m| matches!(&m.body, Body::Layout(_))) => {
            Err(LayoutError::Unsupported(format!("step {name} has a layout in place of a link (a sublayout), which is not supported")))
        }
        _ => Err(LayoutError::Step(format!("step {name}: {found} of {wanted} links that are needed are signed by its functionaries"))),
    }
}

impl Supply {
    /// Whether some step made a file with one of these digests.
    #[must_use]
    pub fn makes(&self, digests: &[Digest]) -> bool {
        self.products.iter().flat_map(|(_, own)| own).any(|d| digests.contains(d))
    }
}

/// Paths that both have with different digests, or that only one has.
fn same(one: &[Digest], two: &[Digest]) -> bool {
    let strong: BTreeSet<&Digest> = one.iter().filter(|d| d.algorithm.is_strong()).collect();
    let shared = two.iter().filter(|d| d.algorithm.is_strong() && one.iter().any(|o| o.algorithm == d.algorithm));
    let mut any = false;
    for digest in shared {
        any = true;
        if !strong.contains(digest) {
            return false;
        }
    }
    any
}

#[cfg(test)]
mod tests;
