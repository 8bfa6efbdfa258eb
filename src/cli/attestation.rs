//! `countersign attestation`: one attestation without a release, against one artifact.

mod judge;
mod supply;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Format, Outcome, RoomArgs, StateArgs, options, print, print_json};
use crate::checks::{Quorum, Threshold};
use crate::digest::{Algorithm, Digest, Hasher, Sha256};
use crate::model::{Answer, Outcome as Answered};
use crate::provenance::sigstore::{Reason, Root};
use crate::session::seal::Needs;
use crate::session::{Options, read_small};
use crate::text::Shown;

/// The largest attestation, key or trusted root that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// The largest artifact that is read, in bytes; of a larger one give the digest.
const MAX_ARTIFACT: u64 = 4 << 30;

/// Arguments of `attestation`.
#[derive(Debug, Args)]
pub struct AttestationArgs {
    /// A Sigstore bundle, a PEP 740 attestation, a DSSE envelope with an in-toto statement, an in-toto
    /// layout, a signature of SSH, minisign, signify or OpenPGP, or a Debian `.dsc`, `.changes` or `.buildinfo`.
    file: PathBuf,
    /// The artifact that it must speak of.
    #[arg(long, value_name = "FILE", required_unless_present = "digest", conflicts_with = "digest")]
    artifact: Option<PathBuf>,
    /// The artifact's digest instead: sha256:HEX or sha512:HEX.
    #[arg(long, value_name = "ALG:HEX")]
    digest: Option<String>,
    /// The certificate identity (SAN) that must have signed it.
    #[arg(long, value_name = "S", requires = "issuer", conflicts_with = "signers")]
    identity: Option<String>,
    /// The OIDC issuer that must vouch for that identity.
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,
    /// The public key that must have signed it: PEM, or of minisign or signify.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["identity", "signers"])]
    key: Option<PathBuf>,
    /// The trusted root that Sigstore bundles are checked with (`trusted_root.json`).
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// SHA-256 that the trusted root must have.
    #[arg(long, value_name = "HEX", requires = "trusted_root")]
    trusted_root_sha256: Option<String>,
    /// The OpenPGP keys that must have signed it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["identity", "key", "signers"])]
    keyring: Option<PathBuf>,
    /// Of an in-toto layout: the folder with its links; that of the layout when not given.
    #[arg(long, value_name = "DIR")]
    links: Option<PathBuf>,
    /// Of an in-toto layout: do not ask for its inspections, which are commands and never run here.
    #[arg(long)]
    without_inspections: bool,
    /// The room's policy (TOML; see docs/policy.md).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The keys that the reviewer trusts (OpenSSH allowed_signers).
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl AttestationArgs {
    /// What it reads: signatures stand beside what they sign, and links beside their layout.
    pub(super) fn needs(&self, named: impl Fn(&Options) -> Needs) -> Needs {
        let options =
            Options { bundle: Some(self.file.clone()), policy: self.policy.clone(), signers: self.signers.clone(), ..Options::default() };
        let mut needs = named(&options);
        let files = [&self.artifact, &self.key, &self.trusted_root, &self.keyring, &self.links];
        needs.read.extend(files.into_iter().flatten().cloned());
        if let Some(folder) = self.file.parent() {
            needs.read.push(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() });
        }
        needs
    }
}

/// What is looked for.
struct Asked {
    name: String,
    /// What the attestation's own file is called: some formats are known by it.
    file: String,
    /// What the artifact's file is called, when it is one.
    artifact: Option<String>,
    /// The signatures that stand beside a list in files of their own: what the name ends in, and the bytes.
    sidecars: Vec<(&'static str, Vec<u8>)>,
    /// Its digests; the first is the one that is shown.
    digests: Vec<Digest>,
    /// The bytes of the artifact, where they are at hand.
    bytes: Option<std::sync::Arc<[u8]>>,
    identities: Vec<(String, String)>,
    key: Option<Vec<u8>>,
    /// Whether the options name an identity: only a certificate can show one.
    by_identity: bool,
    signers: crate::provenance::AllowedSigners,
    /// Keys of minisign that the policy names.
    minisign: crate::provenance::minisign::Keys,
    builders: std::collections::BTreeSet<String>,
    /// How many people of each role the policy asks for, and whose the keys are.
    threshold: Threshold,
    quorum: Quorum,
    ring: Option<std::sync::Arc<crate::provenance::openpgp::Keyring>>,
    root: Option<Root>,
    /// Where the links of a layout are, and whether its inspections are not asked for.
    links: PathBuf,
    without_inspections: bool,
    now: i64,
}

impl Asked {
    fn digest(&self) -> String {
        self.digests.first().map(|d| format!("{}:{}", d.algorithm.name(), crate::digest::hex(&d.bytes))).unwrap_or_default()
    }
}

/// `sha256:HEX` or `sha512:HEX`.
fn parse_digest(text: &str) -> color_eyre::Result<Digest> {
    let wrong = |what: &str| color_eyre::eyre::eyre!("--digest {}: {what}; write sha256:HEX or sha512:HEX", Shown::new(text).cut(160));
    let (name, value) = text.split_once(':').ok_or_else(|| wrong("there is no colon in it"))?;
    let algorithm = Algorithm::from_name(&name.to_ascii_lowercase()).filter(|a| a.is_strong()).ok_or_else(|| wrong("no such algorithm"))?;
    Digest::parse(algorithm, value).map_err(|e| wrong(&e.to_string()))
}

/// What came of it.
struct Found {
    kind: String,
    answers: Vec<Answer>,
    /// The class of the first thing that does not hold.
    refused: Option<(Reason, String)>,
    /// What the signer's certificate claims.
    claims: Vec<(&'static str, String)>,
    predicate_type: Option<String>,
    /// Who signed, as the policy's threshold counts them: fingerprints of keys, identities of certificates.
    who: Vec<String>,
}

pub(super) fn run(args: &AttestationArgs) -> color_eyre::Result<Outcome> {
    let read = |path: &PathBuf| read_small(path, MAX_FILE).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()));
    let room_args = RoomArgs { policy: args.policy.clone(), signers: args.signers.clone(), ..RoomArgs::default() };
    // The path is never opened: a policy and its signers are what is wanted.
    let room = crate::session::room(&options(Some(args.file.clone()), room_args, StateArgs::default()))?;
    let document = read(&args.file)?;
    let (name, digests, bytes) = match (&args.artifact, &args.digest) {
        (Some(path), _) => {
            let bytes = crate::session::read_shared(path, MAX_ARTIFACT).map_err(|e| color_eyre::eyre::eyre!("{}: {e}", path.display()))?;
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let mut hasher = Hasher::new(&[Algorithm::Sha512]);
            hasher.update(&bytes);
            let (sha256, more, _) = hasher.finish();
            (name, std::iter::once(sha256.into()).chain(more).collect(), Some(bytes))
        }
        (None, Some(text)) => (text.clone(), vec![parse_digest(text)?], None),
        (None, None) => color_eyre::eyre::bail!("name what it must speak of: --artifact FILE or --digest ALG:HEX"),
    };
    let pinned = args.trusted_root_sha256.as_deref().map(str::parse::<Sha256>).transpose();
    let pinned = pinned.map_err(|e| color_eyre::eyre::eyre!("--trusted-root-sha256: {e}"))?;
    let mut refused_root = None;
    let mut root = None;
    if let Some(path) = &args.trusted_root {
        match Root::parse(&read(path)?, pinned) {
            Ok(read) => root = Some(read),
            Err(refusal) => refused_root = Some((refusal.reason, format!("{}: {}", path.display(), refusal.why))),
        }
    }
    let mut identities: Vec<(String, String)> = args.identity.clone().zip(args.issuer.clone()).into_iter().collect();
    if let Some(policy) = room.sigstore {
        // Who was named by an option counts alone.
        if identities.is_empty() && args.key.is_none() && args.keyring.is_none() && args.signers.is_none() {
            identities.clone_from(&policy.identities);
        }
        if root.is_none() && refused_root.is_none() {
            root = std::sync::Arc::into_inner(policy).map(|p| p.root);
        }
    }
    let file_name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let file = file_name(&args.file);
    // One that cannot be read is as none: the list counts as unsigned.
    let beside = |ending: &&'static str| Some((*ending, read(&args.file.with_file_name(format!("{file}{ending}"))).ok()?));
    let sidecars = if judge::is_list(&file) { judge::SIDECARS.iter().filter_map(beside).collect() } else { Vec::new() };
    let by_identity = args.identity.is_some();
    let by_option = by_identity || args.key.is_some() || args.keyring.is_some() || args.signers.is_some();
    let signers = if by_identity || args.key.is_some() || args.keyring.is_some() {
        Default::default()
    } else {
        room.signers.at(crate::session::seconds())
    };
    let asked = Asked {
        name,
        artifact: args.artifact.as_ref().map(file_name),
        sidecars,
        file,
        by_identity,
        digests,
        bytes,
        identities,
        key: args.key.as_ref().map(&read).transpose()?,
        signers,
        minisign: if by_option { Default::default() } else { room.minisign },
        builders: room.policy.builders,
        threshold: room.policy.attestation_threshold,
        quorum: room.quorum,
        ring: match &args.keyring {
            Some(path) => Some(std::sync::Arc::new(crate::session::load_keyring(path)?)),
            None => room.openpgp.filter(|_| !by_identity && args.key.is_none() && args.signers.is_none()),
        },
        root,
        links: args.links.clone().or_else(|| args.file.parent().map(PathBuf::from)).unwrap_or_default(),
        without_inspections: args.without_inspections,
        now: crate::session::seconds(),
    };
    let found = match refused_root {
        Some(refused) => Found {
            kind: "trusted root".to_owned(),
            answers: Vec::new(),
            refused: Some(refused),
            claims: Vec::new(),
            predicate_type: None,
            who: Vec::new(),
        },
        None => judge::examine(&document, &asked)?,
    };
    match args.format {
        Format::Text => print(&text(&found, &asked))?,
        Format::Json => print_json(&as_json(&found, &asked))?,
    }
    Ok(if found.refused.is_none() { Outcome::Well } else { Outcome::Differs })
}

fn text(found: &Found, asked: &Asked) -> String {
    let mut out = String::new();
    let verdict = if found.refused.is_none() { "VERIFIED" } else { "REFUSED" };
    let _ = writeln!(out, "{verdict}: {} for {}", Shown::new(&found.kind), Shown::new(&asked.name));
    if let Some((reason, why)) = &found.refused {
        let _ = writeln!(out, "  {}: {}", reason.word(), Shown::new(why));
    }
    for answer in &found.answers {
        let mark = match answer.outcome {
            Answered::Yes => '=',
            Answered::No => '!',
            Answered::CannotTell => '?',
        };
        let _ = writeln!(out, "  {mark} {:<10} {}", answer.question.word(), Shown::new(&answer.reason));
    }
    for (name, value) in &found.claims {
        let _ = writeln!(out, "    claimed {name}: {}", Shown::new(value));
    }
    out
}

fn as_json(found: &Found, asked: &Asked) -> Value {
    let word = |outcome| match outcome {
        Answered::Yes => "yes",
        Answered::No => "no",
        Answered::CannotTell => "cannotTell",
    };
    json!({
        "schema": "countersign-attestation/v1",
        "result": if found.refused.is_none() { "verified" } else { "refused" },
        "reason": found.refused.as_ref().map(|(reason, _)| reason.word()),
        "why": found.refused.as_ref().map(|(_, why)| why),
        "kind": found.kind,
        "predicateType": found.predicate_type,
        "artifact": { "name": asked.name, "digest": asked.digest() },
        "answers": found.answers.iter().map(|a| json!({
            "question": a.question.word(), "outcome": word(a.outcome), "reason": a.reason,
        })).collect::<Vec<_>>(),
        "claims": found.claims.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
    })
}
