//! `countersign export`: a record on paper, as QR codes, and what would leave the room shown to its last byte.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use color_eyre::eyre::eyre;

use super::{Outcome, print};
use crate::session::seal::Needs;
use crate::session::{may_write, read_small, write_whole};
use crate::signoff::{self, Printout};

/// The largest record or dossier, in bytes.
const MAX_RECORD: u64 = 64 << 20;

/// Cells of a row of --preview: less than the guard cuts at.
const CELLS: usize = 2000;

/// What to make of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One page of HTML, with the code in it.
    Html,
    /// The same as PDF.
    Pdf,
    /// QR codes, one SVG each.
    QrSvg,
    /// QR codes, one PNG each.
    QrPng,
    /// QR codes in half blocks, for a terminal with a dark background.
    QrText,
    /// What the QR codes say, one a line: `verify` reads it.
    Codes,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The record.
    record: PathBuf,
    /// What to make of it.
    #[arg(long, value_enum, required_unless_present = "preview")]
    format: Option<Form>,
    /// Where to write it; it must not exist. Of several codes each gets its number before the ending (x-1of3.svg). Without it
    /// text goes to the terminal.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Characters that one QR code may have; a longer record is split over several.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(100..=4296))]
    code_size: Option<u16>,
    /// The dossier that leaves with it: for --preview.
    #[arg(long, value_name = "FILE", requires = "preview")]
    dossier: Option<PathBuf>,
    /// Write nothing: show every file that would leave, with its name, size, digest and whole content.
    #[arg(long)]
    preview: bool,
}

impl ExportArgs {
    /// What it reads, and the folder it writes into.
    pub(super) fn needs(&self) -> Needs {
        let needs = Needs::reading(self.dossier.iter().chain([&self.record]).map(PathBuf::as_path));
        match &self.output {
            Some(output) if !self.preview => needs.and_folder_of(output),
            _ => needs,
        }
    }
}

pub(super) fn run(args: &ExportArgs) -> color_eyre::Result<Outcome> {
    let record = read(&args.record)?;
    let made = match args.format {
        Some(form) => make(&record, form, args)?,
        None => Vec::new(),
    };
    if args.preview {
        signoff::payload(&record).map_err(|e| eyre!("{}: {e}", args.record.display()))?;
        let mut files = vec![(args.record.display().to_string(), record)];
        if let Some(path) = &args.dossier {
            files.push((path.display().to_string(), read(path)?));
        }
        files.extend(made.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
        let leaving: Vec<(String, &[u8])> = files.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())).collect();
        let text: String = signoff::preview(&leaving, CELLS).iter().map(|row| row.plain() + "\n").collect();
        print(&text)?;
        return Ok(Outcome::Well);
    }
    if args.output.is_none() && matches!(args.format, Some(Form::QrText | Form::Codes)) {
        let text: String = made.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
        print(&text)?;
        return Ok(Outcome::Well);
    }
    if args.output.is_none() {
        color_eyre::eyre::bail!("say where it goes: --output FILE");
    }
    made.iter().try_for_each(|(path, _)| may_write(path)).map_err(|e| eyre!(e))?;
    let mut said = String::new();
    for (path, bytes) in &made {
        write_whole(path, bytes).map_err(|e| eyre!(e))?;
        said.push_str(&format!("wrote {}\n", path.display()));
    }
    print(&said)?;
    Ok(Outcome::Well)
}

fn read(path: &Path) -> color_eyre::Result<Vec<u8>> {
    read_small(path, MAX_RECORD).map_err(|e| eyre!("{}: {e}", path.display()))
}

/// The files of that form.
fn make(record: &[u8], form: Form, args: &ExportArgs) -> color_eyre::Result<Vec<(PathBuf, Vec<u8>)>> {
    let printout = Printout::new(record, args.code_size.map(usize::from)).map_err(|e| eyre!("{}: {e}", args.record.display()))?;
    if printout.codes.is_empty() && !matches!(form, Form::Html | Form::Pdf) {
        return Err(eyre!("{}: {}", args.record.display(), signoff::codes::CodesError::TooLarge));
    }
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("(the terminal)"));
    let each = |bytes: &dyn Fn(&signoff::Code) -> color_eyre::Result<Vec<u8>>| {
        let count = printout.codes.len();
        let codes = printout.codes.iter().enumerate();
        codes.map(|(n, code)| Ok((numbered(&output, n + 1, count), bytes(code)?))).collect::<color_eyre::Result<Vec<_>>>()
    };
    match form {
        Form::Html => Ok(vec![(output, printout.html().into_bytes())]),
        Form::Pdf => Ok(vec![(output, printout.pdf())]),
        Form::QrSvg => each(&|code| Ok(code.svg().into_bytes())),
        Form::QrPng => each(&|code| code.png().map_err(|e| eyre!("{e}"))),
        Form::QrText => {
            let lines = printout.codes.iter().flat_map(|code| code.half_blocks(true).into_iter().chain([String::new()]));
            Ok(vec![(output, lines.map(|line| line + "\n").collect::<String>().into_bytes())])
        }
        Form::Codes => Ok(vec![(output, printout.texts.iter().map(|text| format!("{text}\n")).collect::<String>().into_bytes())]),
    }
}

/// The name of one of several files: its number before the ending.
fn numbered(path: &Path, n: usize, count: usize) -> PathBuf {
    if count == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let end = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{n}of{count}{end}"))
}
