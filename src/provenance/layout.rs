//! in-toto layouts and links, as the in-toto specification 1.0 has them: who had to do which step, and whether the links show
//! that they did. Both the classic form (signed over canonical JSON) and the one in a DSSE envelope are read.
//!
//! Inspections are commands to be run on the verifier's machine. They are not run here, and the outcome says so.

mod certified;
mod gpg;
mod metadata;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::text::Shown;

use super::PublicKey;
pub(crate) use metadata::kind_of;
pub use metadata::{Artifacts, Kind, Metadata, is_layout, kind, read};
use metadata::{Body, Key, Layout, Link, Step};

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

/// A link, or a layout in its place, with the folder and the name of its file.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The folder, as the caller has it; that of a sublayout's links is below that of the layout.
    pub folder: String,
    /// The name of the file: `STEP.KEYID.link`.
    pub name: String,
    /// What is in it.
    pub metadata: Metadata,
}

/// Layouts in layouts.
const MAX_DEPTH: usize = 8;

/// Verifies a layout with its links: signed by one of `keys`, and all that [`steps`] asks for.
///
/// # Errors
/// With the first thing that does not hold.
pub fn verify(layout: &Metadata, links: &[Linked], folder: &str, keys: &[PublicKey], now: i64) -> Result<Supply, LayoutError> {
    let good = layout.is_layout() && layout.raw_signatures().any(|(_, sig)| keys.iter().any(|k| k.verify(&layout.signed, sig)));
    if layout.is_layout() && !good {
        return Err(LayoutError::Signature);
    }
    steps(layout, links, folder, now)
}

/// Verifies what a layout asks for, whoever signed it: not expired at `now` (seconds since the epoch), every step done by as many of
/// its functionaries as it asks for, every rule kept. The links are those of `folder`; links that are not signed by a functionary of
/// their step are passed over, as the specification says. A functionary may give a layout in place of a link: its own links are in
/// the folder `STEP.KEYID` (the first eight digits), signed as it says.
///
/// # Errors
/// With the first thing that does not hold.
pub fn steps(layout: &Metadata, links: &[Linked], folder: &str, now: i64) -> Result<Supply, LayoutError> {
    let mut index: BTreeMap<(&str, &str), Vec<&Linked>> = BTreeMap::new();
    for linked in links {
        let step = match &linked.metadata.body {
            Body::Link(link) => link.name.as_str(),
            // Only the name of its file says which step it stands for.
            Body::Layout(_) => match linked.name.strip_suffix(".link").and_then(|n| n.rsplit_once('.')) {
                Some((step, _)) => step,
                None => continue,
            },
        };
        index.entry((linked.folder.as_str(), step)).or_default().push(linked);
    }
    Walk { index, now }.layout(layout, folder, 0).map(|(supply, _)| supply)
}

struct Walk<'a> {
    index: BTreeMap<(&'a str, &'a str), Vec<&'a Linked>>,
    now: i64,
}

impl Walk<'_> {
    /// The outcome, and the layout as one link: materials of its first step, products of its last.
    fn layout(&self, layout: &Metadata, folder: &str, depth: usize) -> Result<(Supply, Link), LayoutError> {
        let Body::Layout(body) = &layout.body else {
            return Err(LayoutError::Unsupported("it is a link, and a layout is wanted".to_owned()));
        };
        if depth > MAX_DEPTH {
            return Err(LayoutError::Unsupported(format!("layouts in layouts, deeper than {MAX_DEPTH}")));
        }
        let expires: jiff::Timestamp = body.expires.parse().map_err(|_| {
            LayoutError::Unsupported(format!("the layout has no time of expiry that can be read: {}", Shown::new(&body.expires).cut(40)))
        })?;
        if expires.as_second() <= self.now {
            return Err(LayoutError::Expired(expires.to_string()));
        }
        let mut done: BTreeMap<&str, Link> = BTreeMap::new();
        let mut supply = Supply { inspections: body.inspections.clone(), ..Supply::default() };
        for step in &body.steps {
            let (link, who) = self.functionaries(step, body, folder, depth, &mut supply)?;
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
        let end = |step: Option<&Step>| step.and_then(|s| done.get(s.name.as_str())).cloned().unwrap_or_default();
        let (first, last) = (end(body.steps.first()), end(body.steps.last()));
        Ok((supply, Link { name: String::new(), materials: first.materials, products: last.products }))
    }

    /// The link of a step and those who signed one: as many different keys as the step asks for, who all say the same.
    fn functionaries(
        &self,
        step: &Step,
        layout: &Layout,
        folder: &str,
        depth: usize,
        supply: &mut Supply,
    ) -> Result<(Link, Vec<String>), LayoutError> {
        let name = Shown::new(&step.name).cut(80);
        let mut counted: Vec<Key> = Vec::new();
        let mut who = Vec::new();
        let mut agreed: Option<Link> = None;
        let mut refused = None;
        for linked in self.index.get(&(folder, step.name.as_str())).into_iter().flatten() {
            let metadata = &linked.metadata;
            // Whoever signs twice, or has a key under two names, counts once.
            let by_key = step.keys.iter().find_map(|id| {
                let key = layout.keys.get(id)?;
                let new = !counted.contains(key);
                let signed = new && metadata.signatures.iter().any(|s| key.verify(&metadata.signed, s, self.now));
                signed.then(|| (id.clone(), key.clone()))
            });
            let by_certificate = || match certified::functionary(step, layout, metadata, self.now) {
                Ok(found) => found.filter(|(_, key)| !counted.contains(key)),
                Err(why) => {
                    refused.get_or_insert(why);
                    None
                }
            };
            let Some((id, key)) = by_key.or_else(by_certificate) else { continue };
            let link = match &metadata.body {
                Body::Link(link) => link.clone(),
                Body::Layout(_) => {
                    let short: String = id.chars().take(8).collect();
                    let below =
                        if folder.is_empty() { format!("{}.{short}", step.name) } else { format!("{folder}/{}.{short}", step.name) };
                    let (inner, link) = self.layout(metadata, &below, depth + 1).map_err(|e| e.within(&name))?;
                    supply.inspections.extend(inner.inspections);
                    supply.steps.extend(inner.steps.into_iter().map(|(inner, who)| (format!("{}/{inner}", step.name), who)));
                    supply.products.extend(inner.products);
                    link
                }
            };
            if agreed.as_ref().is_some_and(|first| (&first.materials, &first.products) != (&link.materials, &link.products)) {
                return Err(LayoutError::Step(format!("step {name}: its links do not agree on materials and products")));
            }
            agreed = agreed.or(Some(link));
            counted.push(key);
            who.push(id);
        }
        let (found, wanted) = (counted.len() as u64, step.threshold.max(1));
        match agreed {
            Some(link) if found >= wanted => Ok((link, who)),
            _ => {
                let why = refused.map(|why| format!("; {why}")).unwrap_or_default();
                Err(LayoutError::Step(format!(
                    "step {name}: {found} of {wanted} links that are needed are signed by its functionaries{why}"
                )))
            }
        }
    }
}

impl LayoutError {
    /// The same about a layout that stands in place of a link.
    fn within(self, step: &Shown) -> Self {
        let say = |why: String| format!("in the layout of step {step}: {why}");
        match self {
            Self::Signature => Self::Step(say("not signed".to_owned())),
            Self::Expired(when) => Self::Step(say(format!("it has expired at {when}"))),
            Self::Unsupported(why) => Self::Unsupported(say(why)),
            Self::Step(why) => Self::Step(say(why)),
            Self::Rule(why) => Self::Rule(say(why)),
        }
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
