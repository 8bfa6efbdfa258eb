//! `countersign merge`: two reviewers' journals become one.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::{Outcome, print};
use crate::session::merge_journals;
use crate::text::Shown;

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// A directory, a .tar or a .tar.zst: what both reviewed.
    pub(super) bundle: PathBuf,
    /// The two journals, or dossiers of the two records.
    #[arg(value_name = "JOURNAL", num_args = 2, required = true)]
    pub(super) journals: Vec<PathBuf>,
    /// The heads that the two exchanged before either showed a journal (16 digits or more); once for each.
    #[arg(long = "head", value_name = "HASH", required = true)]
    heads: Vec<String>,
    /// Who keeps the merged review; it must be one of the two.
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// The folder that keeps the merged review.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
}

pub(super) fn run(args: &MergeArgs) -> color_eyre::Result<Outcome> {
    if args.heads.len() != 2 {
        color_eyre::eyre::bail!("--head is wanted twice: the head that each of the two gave the other");
    }
    for head in &args.heads {
        if !(16..=64).contains(&head.len()) || !head.bytes().all(|b| b.is_ascii_hexdigit()) {
            color_eyre::eyre::bail!("--head {}: 16 to 64 hexadecimal digits are wanted", Shown::new(head).cut(80));
        }
    }
    let done = merge_journals(&args.bundle, &args.journals, &args.heads, &args.reviewer, args.state.as_deref())?;
    let mut out = String::new();
    for side in &done.sides {
        let later = if side.later > 0 { format!("; {} later lines are not taken", side.later) } else { String::new() };
        let _ = writeln!(out, "= {}: {} lines up to the exchanged head{later}", Shown::new(&side.from.reviewer), side.from.count);
    }
    match (&done.merge.carried, &done.merge.not_carried) {
        (Some((sequence, held)), _) => {
            let _ =
                writeln!(out, "= carried over from record {sequence}, which both were handed: {held} rulings that neither looked at again");
        }
        (None, Some(why)) => {
            let _ = writeln!(out, "! nothing is carried over from an earlier review: {}", Shown::new(why));
        }
        (None, None) => {}
    }
    for item in &done.merge.agreed {
        let _ = writeln!(out, "= agreed: {}", Shown::new(item));
    }
    for (item, said) in &done.merge.disputed {
        let _ = writeln!(out, "! open again: {}: {}", Shown::new(item), Shown::new(said));
    }
    let (agreed, open) = (done.merge.agreed.len(), done.merge.disputed.len());
    let _ = writeln!(out, "{agreed} agreed, {open} open again; wrote {}", Shown::new(&done.path.to_string_lossy()));
    print(&out)?;
    Ok(if open == 0 { Outcome::Well } else { Outcome::Differs })
}
