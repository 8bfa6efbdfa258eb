//! The documents say what the code does: tables are compared, links are followed, commands are those of the README.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign::checks::{DEFECTS, TABLE};

fn root() -> PathBuf {
    std::env::current_dir().expect("Cargo runs tests in the package's folder")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

/// The first cells of the table rows, where they are code: `| `x` | …`.
fn first_cells(document: &str) -> BTreeSet<&str> {
    document.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_check_is_in_the_document_with_its_sentence() {
    let document = text("docs/checks.md");
    for check in TABLE {
        let row = format!("| `{}` | {} | {} |", check.code, check.group.name(), check.sentence);
        assert!(document.lines().any(|l| l == row), "docs/checks.md lacks the row\n{row}");
    }
    let section = document.split("## Defects").next().expect("a first part");
    let known: BTreeSet<_> = TABLE.iter().map(|c| c.code).collect();
    let listed: BTreeSet<_> = first_cells(section).into_iter().filter(|c| c.contains('.')).filter(|c| c.len() > 1).collect();
    assert_eq!(listed, known, "docs/checks.md has checks that are not in the table");
}

/// Codes of defects that appear as literals in a source: `"bag.extra"`.
fn defect_codes(source: &str) -> BTreeSet<String> {
    let families = ["bag.", "expect.", "provenance.", "release.", "source.", "tar.", "work."];
    source
        .split('"')
        .skip(1)
        .filter(|s| families.iter().any(|f| s.strip_prefix(f).is_some_and(|rest| !rest.is_empty())))
        .filter(|s| s.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'-'))
        .filter(|s| s.matches('.').count() == 1)
        // File names, not codes.
        .filter(|s| !["release.tar", "release.bundle", "tar.gz", "tar.xz", "tar.zst"].contains(s))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_table_of_defects_is_the_one_of_the_document() {
    use countersign::model::Severity;
    let document = text("docs/checks.md");
    let section = document.split("## Defects").nth(1).expect("a second part");
    for defect in DEFECTS {
        let word = match defect.severity {
            Severity::Fail => "fail",
            Severity::Unknown => "unknown",
            Severity::Note => "note",
        };
        let row = format!("| `{}` | {word} | {} |", defect.code, defect.sentence);
        assert!(section.lines().any(|l| l == row), "docs/checks.md lacks the row\n{row}");
    }
    let known: BTreeSet<_> = DEFECTS.iter().map(|d| d.code).collect();
    assert_eq!(known.len(), DEFECTS.len(), "a code twice in src/checks/defects.rs");
    assert_eq!(first_cells(section), known, "docs/checks.md and src/checks/defects.rs disagree");
}

#[test]
fn every_defect_code_is_in_the_table() {
    // Codes of checks look the same.
    let listed: BTreeSet<&str> = DEFECTS.iter().map(|d| d.code).chain(TABLE.iter().map(|c| c.code)).collect();
    let mut sources = Vec::new();
    files_below(&root().join("src"), "rs", &mut sources);
    let missing: BTreeSet<_> = sources
        .iter()
        .flat_map(|path| defect_codes(&std::fs::read_to_string(path).expect("UTF-8 source")))
        .filter(|code| !listed.contains(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "src/checks/defects.rs lacks the defects {missing:?}");
}

#[test]
fn defect_codes_are_found_in_text() {
    let found = defect_codes("fail(\"bag.extra\", x); note(\"tar.end\"); \"bag.\" \"release.tar\" \"a bag.extra\"");
    assert_eq!(found, ["bag.extra", "tar.end"].map(str::to_owned).into());
}

#[test]
fn every_cause_and_result_is_in_the_document() {
    use countersign::model::{Cause, ResultMark};
    let document = text("docs/compare.md");
    for cause in Cause::ALL {
        assert!(document.contains(&format!("\n| `{}` |", cause.word())), "docs/compare.md lacks `{cause}`");
    }
    let results = [
        ResultMark::Identical,
        ResultMark::Equivalent,
        ResultMark::OnlyRebuilt,
        ResultMark::OnlyShipped,
        ResultMark::NotExamined,
        ResultMark::Different,
    ];
    for result in results {
        let row = format!("\n| `{}` | {} |", result.mark(), result.word());
        assert!(document.contains(&row), "docs/compare.md lacks{row}");
    }
}

#[test]
fn the_policy_in_the_document_is_one_and_every_field_is_described() {
    let document = text("docs/policy.md");
    let example = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let policy = countersign::checks::Policy::parse(example).expect("the example is a policy");
    assert!(!policy.builders.is_empty() && !policy.required.is_empty() && !policy.accepted_causes.is_empty());
    assert!(!policy.checklist.is_empty() && policy.allowed_signers.is_some());
    // The fields as the type has them: a new one must be described.
    let fields: Vec<_> = format!("{policy:?}")
        .split([' ', '{', ','])
        .filter_map(|word| word.strip_suffix(':'))
        .filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !["id", "question"].contains(word))
        // Those are in a document of their own.
        .filter(|word| !countersign::model::LIMITS.iter().any(|bound| bound.name == *word))
        .map(str::to_owned)
        .collect();
    assert!(fields.len() >= 5, "{fields:?}");
    for field in fields {
        assert!(document.contains(&format!("\n| `{field}` |")), "docs/policy.md lacks `{field}`");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = text("docs/decisions/0002-dependencies.md");
    let listed = first_cells(&reasons);
    let mut section = String::new();
    let mut named = BTreeSet::new();
    let manifest = text("Cargo.toml");
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once(" = ")
        {
            named.insert(name);
        }
    }
    assert!(named.len() > 20, "the dependencies were not found");
    assert_eq!(listed, named, "docs/decisions/0002-dependencies.md and Cargo.toml disagree");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    files_below(&root().join("docs"), "md", &mut documents);
    for document in documents {
        let content = std::fs::read_to_string(&document).expect("a document");
        for link in content.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            // Pictures are made from the running program; a missing one does not make the text wrong.
            if link.contains("://") || link.starts_with('#') || link.ends_with(".png") {
                continue;
            }
            let target = document.parent().expect("a folder").join(link.split('#').next().unwrap_or(link));
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
        }
    }
}

/// A threat is held by a test that is there.
#[test]
fn every_test_of_the_threat_model_is_there() {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        files_below(&root().join(folder), "rs", &mut files);
    }
    let sources: String = files.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    let document = text("docs/threat-model.md");
    let mut named = 0;
    for row in document.lines().filter(|l| l.starts_with("| ") && l.ends_with(" |")) {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        for word in last.split('`').skip(1).step_by(2) {
            let there = if word.ends_with(".rs") { root().join(word).is_file() } else { sources.contains(&format!("fn {word}(")) };
            assert!(there || !word.contains('_') && !word.contains('/'), "docs/threat-model.md names {word}, which is not there:\n{row}");
            named += usize::from(there);
        }
    }
    assert!(named > 50, "the table of threats is not found any more: {named} tests named");
}
