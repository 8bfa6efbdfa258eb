//! An in-toto layout with its links.

use std::path::Path;

use color_eyre::eyre::bail;

use super::judge::{answer, empty, refused};
use super::{Asked, Found, MAX_FILE};
use crate::model::{Outcome, Question};
use crate::provenance::PublicKey;
use crate::provenance::layout::{self, LayoutError};
use crate::provenance::sigstore::Reason;
use crate::session::read_folder;
use crate::text::Shown;

const KIND: &str = "in-toto layout";
/// Links that one folder may have.
const MAX_LINKS: usize = 10_000;
/// Folders in folders, of layouts in layouts.
const MAX_DEPTH: usize = 8;

pub(super) fn examine(document: &[u8], asked: &Asked) -> color_eyre::Result<Found> {
    let Some(key) = &asked.key else { bail!("say who must have signed the layout: --key FILE") };
    let key = match PublicKey::parse(key) {
        Ok(key) => key,
        Err(why) => return Ok(refused(KIND, Reason::KeyInvalid, format!("the key cannot be read: {why}"))),
    };
    let layout = match layout::read(document) {
        Ok(layout) => layout,
        Err(why) => return Ok(refused(KIND, Reason::Malformed, why)),
    };
    let links = links(asked)?;
    let who = crate::provenance::Key::of(&key).map(|k| k.fingerprint().to_owned());
    let supply = match layout::verify(&layout, &links, "", &[key], asked.now) {
        Ok(supply) => supply,
        Err(error) => {
            let reason = match &error {
                LayoutError::Signature => Reason::SignatureInvalid,
                LayoutError::Expired(_) => Reason::Expired,
                LayoutError::Unsupported(_) => Reason::Unsupported,
                LayoutError::Step(_) => Reason::StepMissing,
                LayoutError::Rule(_) => Reason::RuleBroken,
            };
            return Ok(refused(KIND, reason, error.to_string()));
        }
    };
    let mut found = empty(KIND);
    found.who = who.into_iter().collect();
    let made = supply.makes(&asked.digests);
    let word = if made { "is a product of a step" } else { "is no product of any step" };
    let subject = answer(Question::Subject, if made { Outcome::Yes } else { Outcome::No }, format!("{} {word}", asked.digest()));
    if !made {
        found.refused = Some((Reason::ArtifactMismatch, subject.reason.clone()));
    }
    found.answers.push(subject);
    found.answers.push(answer(Question::Signature, Outcome::Yes, "the layout is signed by the key that was given"));
    let steps: Vec<String> = supply.steps.iter().map(|(name, who)| format!("{} by {}", Shown::new(name).cut(60), who.len())).collect();
    found.answers.push(answer(Question::Signer, Outcome::Yes, format!("steps done by their functionaries: {}", steps.join(", "))));
    let rules = if supply.inspections.is_empty() {
        answer(Question::Materials, Outcome::Yes, "every rule about materials and products holds")
    } else {
        let names: Vec<String> = supply.inspections.iter().take(8).map(|n| Shown::new(n).cut(60).to_string()).collect();
        let why = format!("every rule of the steps holds; inspections are commands and were not run: {}", names.join(", "));
        if !asked.without_inspections {
            found.refused.get_or_insert((Reason::InspectionsNotRun, why.clone()));
        }
        answer(Question::Materials, Outcome::CannotTell, why)
    };
    found.answers.push(rules);
    Ok(found)
}

/// Every `*.link` of the folder and of the folders in it, where the links of sublayouts are; one that cannot be read is trouble, since
/// it may be the one that matters.
fn links(asked: &Asked) -> color_eyre::Result<Vec<layout::Linked>> {
    let root = if asked.links.as_os_str().is_empty() { Path::new(".") } else { &asked.links };
    let mut out: Vec<layout::Linked> = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, called, depth)) = folders.pop() {
        let files = read_folder(&folder, ".link", MAX_LINKS, MAX_FILE).map_err(|e| color_eyre::eyre::eyre!(e))?;
        for (path, bytes) in files {
            let metadata = layout::read(&bytes).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", Shown::new(&path.to_string_lossy())))?;
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            // Only where a layout stands in place of a link is there a folder to look into.
            if let Some(stem) = name.strip_suffix(".link").filter(|_| metadata.is_layout() && depth < MAX_DEPTH) {
                let below = if called.is_empty() { stem.to_owned() } else { format!("{called}/{stem}") };
                let path = folder.join(stem);
                if crate::session::is_folder(&path) {
                    folders.push((path, below, depth + 1));
                }
            }
            out.push(layout::Linked { folder: called.clone(), name, metadata });
            if out.len() > MAX_LINKS {
                bail!("{}: more than {MAX_LINKS} links", Shown::new(&root.to_string_lossy()));
            }
        }
    }
    Ok(out)
}
