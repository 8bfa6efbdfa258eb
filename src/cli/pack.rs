//! `countersign pack`: a bag from its parts.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, print};
use crate::bundle::{self, PackRequest};
use crate::session;
use crate::session::seal::Needs;

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The directory to make; it must not exist or be empty.
    pub out: PathBuf,
    /// Product name.
    #[arg(long, value_name = "NAME")]
    product: String,
    /// Version.
    #[arg(long = "version", value_name = "V")]
    release: String,
    /// Source: git repositories, git bundles, source archives.
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    source: Vec<PathBuf>,
    /// What customers received: files or directories.
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    shipped: Vec<PathBuf>,
    /// What was rebuilt: files or directories, paired by name.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    rebuilt: Vec<PathBuf>,
    /// Separate debug information.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    debug: Vec<PathBuf>,
    /// Attestations, signatures, checksum files, .buildinfo.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    provenance: Vec<PathBuf>,
    /// Bills of materials.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sbom: Vec<PathBuf>,
    /// Records of reviews of earlier releases, each with its dossier: what is unchanged is carried over from them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    previous: Vec<PathBuf>,
}

impl PackArgs {
    /// What it reads, and the folder it makes.
    pub(super) fn needs(&self) -> Needs {
        let parts = [&self.source, &self.shipped, &self.rebuilt, &self.debug, &self.provenance, &self.sbom, &self.previous];
        let mut needs = Needs::reading(parts.into_iter().flatten().map(PathBuf::as_path));
        // A work tree may have its repository elsewhere. The line that says so is the packer's own git's; no more is read so early.
        needs.read.extend(self.source.iter().flat_map(|path| bundle::repository_folders(path)));
        needs.write.push(self.out.clone());
        needs
    }
}

pub(super) fn run(args: PackArgs) -> color_eyre::Result<Outcome> {
    let request = PackRequest {
        product: args.product,
        version: args.release,
        source: args.source,
        shipped: args.shipped,
        rebuilt: args.rebuilt,
        debug: args.debug,
        provenance: args.provenance,
        sbom: args.sbom,
        previous: args.previous,
        date: session::today(),
    };
    let report = bundle::pack(&request, &args.out)?;
    let out = crate::text::Shown::new(&args.out.display().to_string());
    print(&format!("{out}: {} files, {} bytes\nidentity sha256:{}\n", report.files, report.bytes, report.identity))?;
    Ok(Outcome::Well)
}
