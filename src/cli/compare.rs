//! `countersign compare`: two files or directories.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Format, Outcome, print, print_json, report};
use crate::session::compare_paths;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What was shipped.
    a: PathBuf,
    /// What was rebuilt.
    b: PathBuf,
    /// The source under review: a repository, git bundle, archive or directory, at a commit.
    #[arg(long, value_name = "REPO[@COMMIT]")]
    source: Option<String>,
    /// Separate debug information; may be given several times.
    #[arg(long, value_name = "FILE")]
    debug: Vec<PathBuf>,
    /// Where indexed sources are kept.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &CompareArgs) -> color_eyre::Result<Outcome> {
    let node = compare_paths(&args.a, &args.b, args.source.as_deref(), &args.debug, args.state.as_deref())?;
    match args.format {
        Format::Text => {
            let mut out = String::new();
            report::text(&node, &mut out);
            out.push_str(node.result.word());
            out.push('\n');
            print(&out)?;
        }
        Format::Json => print_json(&json!({
            "schema": "countersign-comparison/v1",
            "result": node.result.word(),
            "account": report::accounts(&node.total_account()),
            "nodes": report::nodes(&node),
        }))?,
    }
    Ok(if node.result.is_equal() { Outcome::Well } else { Outcome::Differs })
}
