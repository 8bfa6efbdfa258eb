//! What an earlier review hands on: its signed record and dossier, verified before a word of them is believed.

use std::path::PathBuf;

use super::{Room, read_small};
use crate::bundle::OpenBundle;
use crate::model::{Content as _, FileId, FileRole};
use crate::provenance::AllowedSigners;
use crate::review::{Carried, State, events_of};
use crate::signoff::{self, Dossier, Verified};
use crate::text::Shown;

/// Bytes that a record or a dossier may have.
const MAX_FILE: u64 = 64 << 20;
/// Records of a bundle that are looked at.
const MAX_RECORDS: usize = 100;

/// The record and the dossier that the reviewer named.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) record: PathBuf,
    pub(super) dossier: PathBuf,
}

/// What is handed on: by the record that the reviewer named, else by the newest one of this product that the bundle brings;
/// `None` when there is neither.
pub(super) fn handed_on(named: Option<&Named>, bundle: &OpenBundle, room: &Room) -> Option<Result<Carried, String>> {
    let product = bundle.release.product.shown().to_string();
    if let Some(named) = named {
        let read = |path: &PathBuf| read_small(path, MAX_FILE).map_err(|e| format!("{}: {e}", Shown::new(&path.to_string_lossy())));
        let both = read(&named.record).and_then(|record| Ok((record, read(&named.dossier)?)));
        return Some(both.and_then(|(record, dossier)| handed(&record, &dossier, &room.signers, &product)));
    }
    let names: Vec<(FileId, String)> = bundle
        .release
        .with_role(FileRole::Previous)
        .filter_map(|id| Some((id, bundle.release.file(id).filter(|f| f.present)?.path.shown().to_string())))
        .collect();
    let mut best: Option<Result<Carried, String>> = None;
    for (id, name) in names.iter().filter(|(_, name)| name.ends_with(".dsse.json")).take(MAX_RECORDS) {
        let beside = format!("{}.dossier.json", name.trim_end_matches(".dsse.json"));
        let dossier = names.iter().find(|(_, other)| *other == beside);
        let read = |id: FileId| bundle.content.read(id, MAX_FILE).map_err(|e| e.to_string());
        let result = dossier
            .ok_or_else(|| format!("no dossier is beside it ({beside})"))
            .and_then(|(dossier, _)| Ok((read(*id)?, read(*dossier)?)))
            .and_then(|(record, dossier)| {
                reviewer_signed(&record, &room.signers)?;
                handed(&record, &dossier, &room.signers, &product)
            })
            .map_err(|why| format!("{name}: {why}"));
        best = match (best, result) {
            (None, result) => Some(result),
            (Some(Ok(a)), Ok(b)) => Some(Ok(if b.sequence > a.sequence { b } else { a })),
            (Some(Err(_)), Ok(b)) => Some(Ok(b)),
            (old, Err(_)) => old,
        };
    }
    best
}

fn verified(record: &[u8], signers: &AllowedSigners) -> Result<Verified, String> {
    let verified = signoff::verify(record, signers, 1).map_err(|e| e.to_string())?;
    match verified.problems.first() {
        Some(problem) => Err(problem.clone()),
        None => Ok(verified),
    }
}

/// Whoever makes a bundle can put any record into it. One that it brings counts only by a key that the reviewer allows for
/// records by name: a key that may sign anything may be the vendor's.
fn reviewer_signed(record: &[u8], signers: &AllowedSigners) -> Result<(), String> {
    let verified = verified(record, signers)?;
    let prints = verified.signatures.iter().filter_map(|s| s.fingerprint.as_deref());
    let mut entries = prints.flat_map(|print| signers.find(print));
    if entries.any(|e| e.namespaces.is_some()) {
        return Ok(());
    }
    Err("it came with the bundle, and no allowed signer of it is limited to namespaces=\"release-review@countersign\"; name the \
         record with --previous if it is yours"
        .to_owned())
}

fn handed(record: &[u8], dossier: &[u8], signers: &AllowedSigners, product: &str) -> Result<Carried, String> {
    let verified = verified(record, signers)?;
    if verified.product != product {
        return Err(format!("it is a record of {}, and this is {product}", Shown::new(&verified.product).cut(80)));
    }
    if let Some(problem) = signoff::check_dossier(&verified.payload, dossier).first() {
        return Err(problem.clone());
    }
    let dossier = Dossier::parse(dossier).map_err(|e| e.to_string())?;
    let lines = dossier.lines.ok_or("its dossier leaves the journal out, which the rulings are taken from")?;
    let by: Vec<String> = verified.trusted_principals.iter().map(|p| Shown::new(p).cut(80).to_string()).collect();
    let state = State::fold(events_of(&lines)?);
    Ok(Carried::of(&state, &verified.payload_sha256.to_string(), verified.sequence.unwrap_or(0), &by.join(", ")))
}
