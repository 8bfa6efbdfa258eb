//! `show --format`: the view as a report to hand out, free of source unless that is asked for.

use clap::{Args, ValueEnum};
use color_eyre::eyre::bail;

use super::{Screen, find_item};
use crate::cli::{print, print_as_it_is};
use crate::report::paper::{Form, Paper};
use crate::review::Item;
use crate::session::Headless;
use crate::text::{Shown, Untrusted};

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PaperForm {
    /// One page of HTML.
    Html,
    /// For programs; see docs/json.md.
    Json,
    /// For people.
    Text,
}

impl From<PaperForm> for Form {
    fn from(form: PaperForm) -> Self {
        match form {
            PaperForm::Html => Self::Html,
            PaperForm::Json => Self::Json,
            PaperForm::Text => Self::Text,
        }
    }
}

impl PaperForm {
    /// Prints a report of this form.
    pub(in crate::cli) fn print(self, report: &str) -> color_eyre::Result<()> {
        match self {
            Self::Text => print(report),
            // Their writers are their guards; a long line of them is not cut.
            Self::Html | Self::Json => print_as_it_is(report),
        }
    }
}

/// The report that is asked for.
#[derive(Debug, Args)]
pub(super) struct PaperArgs {
    /// Artifacts and compare: print a report to hand out, in that form. It holds no line of the source, no instruction and no string
    /// of the content, and it does not count as shown.
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<PaperForm>,
    /// Put lines of the source, instructions and strings into the report. Its head says so.
    #[arg(long, requires = "format")]
    with_source: bool,
}

impl PaperArgs {
    /// Whether a report is asked for, and not the text of the screen.
    pub(super) fn is_asked(&self) -> bool {
        self.format.is_some()
    }

    /// Prints the report.
    pub(super) fn print(&self, done: &Headless, items: &[Item], screen: Screen, wanted: Option<&str>) -> color_eyre::Result<()> {
        let facts = &done.facts;
        let paper = match (screen, wanted) {
            (Screen::Compare, Some(wanted)) => {
                let Some(item) = find_item(items, wanted) else {
                    bail!("no item is called {}; `countersign show BUNDLE overview` lists them", Shown::new(wanted));
                };
                let ruled = ruled(done, item);
                match Paper::of_item(facts, item, ruled, self.with_source) {
                    Some(paper) => paper,
                    None => bail!("{} is not about a file that was compared: there is nothing to report of it", Shown::new(wanted)),
                }
            }
            (Screen::Compare, None) => Paper::of_release(facts, "compare: all artifacts".to_owned(), self.with_source),
            (Screen::Artifacts, None) => {
                Paper::of_release(facts, "artifacts: all, in the order of the release".to_owned(), self.with_source)
            }
            (Screen::Artifacts, Some(_)) => bail!("artifacts takes no item: `countersign show BUNDLE compare ITEM --format …` reports one"),
            _ => bail!("a report is made of `artifacts` and `compare`: leave out --format, or name one of them"),
        };
        let form = self.format.unwrap_or(PaperForm::Text);
        form.print(&paper.write(form.into(), &|file: &Untrusted, line| line_of(done, file, line)))
    }
}

/// What a person ruled on an item, in a word.
fn ruled(done: &Headless, item: &Item) -> &'static str {
    done.session.state().standing_of(item)
}

/// A line of the source.
fn line_of(done: &Headless, file: &Untrusted, line: u32) -> Option<Shown> {
    let bytes = done.session.read_source(file).ok()?;
    bytes.split(|b| *b == b'\n').nth(usize::try_from(line).ok()?.checked_sub(1)?).map(Shown::of_line)
}
