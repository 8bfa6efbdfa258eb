//! Reports that the console writes: into one folder, never over a file that is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{News, Session, may_write, work, write_whole};
use crate::text::{Shown, Untrusted};

/// Reads a line of the source, from 1.
pub type LineReader<'a> = dyn Fn(&Untrusted, u32) -> Option<Shown> + 'a;

/// The longest name of a report, in bytes.
const MAX_NAME: usize = 120;

/// Whether a report may have that name: a file in the folder of reports, and nowhere else.
///
/// # Errors
/// In words, with what to do.
pub fn report_name(name: &str) -> Result<(), String> {
    let shown = Shown::new(name).cut(60);
    if name.is_empty() {
        return Err("a report needs a name, such as report.html".to_owned());
    }
    if name.contains(['/', '\\']) || name.contains("..") {
        return Err(format!(
            "{shown}: a name without folders: reports go into one folder (--reports DIR says which, when the console is opened)"
        ));
    }
    if name.starts_with(['.', '-']) || name.chars().any(|c| c.is_control() || c.is_whitespace()) || Shown::new(name).as_str() != name {
        return Err(format!("{shown}: a name of plain characters, without blanks, that does not begin with . or -"));
    }
    if name.len() > MAX_NAME {
        return Err(format!("{shown}: at most {MAX_NAME} bytes"));
    }
    Ok(())
}

impl Session {
    /// Makes a report and writes it into the folder of reports; where it went, or why it did not, comes as [`News::Reported`].
    /// `make` is given what reads a line of the source.
    pub fn request_report(&self, name: &str, make: impl FnOnce(&LineReader<'_>) -> String + Send + 'static) {
        let (folder, source, send) = (self.reports.clone(), Arc::clone(&self.source), Arc::clone(&self.send));
        let limit = self.room.policy.limits.source_file_size;
        let name = name.to_owned();
        let failed = || Some(News::Reported(Err(work::FAILED.to_owned())));
        work::job_or("report", Arc::clone(&send), failed, move || {
            let line = |file: &Untrusted, line: u32| {
                let content = source.lock().map(|s| s.clone()).unwrap_or(None)?;
                let bytes = content.read_path(file, limit).ok()?;
                let at = usize::try_from(line).ok()?.checked_sub(1)?;
                bytes.split(|b| *b == b'\n').nth(at).map(Shown::of_line)
            };
            send(News::Reported(write(&folder, &name, || make(&line))));
        });
    }
}

fn write(folder: &Path, name: &str, make: impl FnOnce() -> String) -> Result<PathBuf, String> {
    report_name(name)?;
    let path = folder.join(name);
    let there =
        |_| format!("{} is there already: a report is never written over; choose another name", Shown::new(&path.to_string_lossy()));
    may_write(&path).map_err(there)?;
    std::fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", Shown::new(&folder.to_string_lossy())))?;
    write_whole(&path, make().as_bytes())?;
    Ok(std::path::absolute(&path).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_with_what_to_do() {
        for name in [
            "../a.html",
            "a/b.html",
            "/etc/a.html",
            "..",
            ".a.html",
            "-a.html",
            "a b.html",
            "a\u{202e}.html",
            "a\n.html",
            "",
            &"x".repeat(200),
        ] {
            let why = report_name(name).expect_err(name);
            assert!(!why.contains(['\n', '\u{202e}']), "{why}");
        }
        assert_eq!(report_name("update-agent_4.2.html"), Ok(()));
    }

    #[test]
    fn a_report_is_written_whole_and_never_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let reports = folder.path().join("reports");
        let path = write(&reports, "a.html", || "one".to_owned()).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "one");
        let why = write(&reports, "a.html", || panic!("it is not even made")).expect_err("it is there");
        assert!(why.contains("choose another name"), "{why}");
        assert!(write(&reports, "../b.html", || "two".to_owned()).is_err() && !folder.path().join("b.html").exists());
        assert_eq!(std::fs::read_dir(&reports).expect("a folder").count(), 1, "nothing is left beside it");
    }
}
