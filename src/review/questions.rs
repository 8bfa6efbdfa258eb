//! Questions to the vendor out, answers back in: each answer bound to its finding by id and digest.
//!
//! A sheet holds the reviewer's words, names, places and digests, and nothing of what is there. An answer is what somebody
//! outside claims; it changes no ruling.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Body, Finding, State};
use crate::digest::Sha256;
use crate::json::{self, Json};
use crate::text::Shown;

/// The `schema` of a sheet of questions.
pub const QUESTIONS: &str = "countersign-questions/v1";
/// The `schema` of a file of answers.
pub const ANSWERS: &str = "countersign-answers/v1";
/// Bytes that a file of answers may have.
pub const MAX_ANSWERS: usize = 1 << 20;
/// Characters that an answer may have.
const MAX_WORDS: usize = 4_000;

/// What a question is, without its number: what its digest covers.
fn asked(finding: &Finding) -> Value {
    json!({
        "finding": finding.id,
        "severity": finding.severity,
        "question": finding.title,
        "at": finding.at,
    })
}

/// The digest that binds an answer to a finding: of `{"at":…,"finding":…,"question":…,"severity":…}` as compact JSON with
/// sorted keys. Editing the finding changes it.
#[must_use]
pub fn question_digest(finding: &Finding) -> Sha256 {
    Sha256::of(asked(finding).to_string().as_bytes())
}

/// What a sheet is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Product, as displayable text.
    pub product: String,
    /// Version, as displayable text.
    pub version: String,
    /// Identity of the bundle (hexadecimal).
    pub bundle: String,
}

/// The open findings as a sheet of questions, numbered from 1: JSON.
#[must_use]
pub fn sheet(about: &About, state: &State) -> Value {
    let questions: Vec<Value> = open(state)
        .map(|(number, finding)| {
            let mut value = asked(finding);
            if let Some(members) = value.as_object_mut() {
                members.insert("number".to_owned(), number.into());
                members.insert("digest".to_owned(), json!({ "sha256": question_digest(finding).to_string() }));
            }
            value
        })
        .collect();
    json!({
        "schema": QUESTIONS,
        "release": { "name": about.product, "version": about.version, "bundle": { "sha256": about.bundle } },
        "questions": questions,
    })
}

/// The same to be read: one block a question.
#[must_use]
pub fn sheet_text(about: &About, state: &State) -> String {
    let mut out = format!("Questions on {} {}\nbundle sha256:{}\n", Shown::new(&about.product), Shown::new(&about.version), about.bundle);
    for (number, finding) in open(state) {
        let _ = writeln!(out, "\n{number}. {} ({})", Shown::new(&finding.title), finding.severity.word());
        let _ = writeln!(out, "   finding {}  question sha256:{}", Shown::new(&finding.id), question_digest(finding));
        for line in finding.at.lines() {
            let _ = writeln!(out, "   {line}");
        }
    }
    out
}

/// The open findings, numbered.
fn open(state: &State) -> impl Iterator<Item = (u64, &Finding)> {
    (1..).zip(state.findings.iter().filter(|f| f.closed.is_none()))
}

/// One answer, as the vendor wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The finding's id.
    pub finding: String,
    /// The digest of the question that was asked.
    pub digest: Sha256,
    /// The words.
    pub text: String,
}

/// A file of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The bundle that was asked about (hexadecimal).
    pub bundle: String,
    /// The answers.
    pub answers: Vec<Answer>,
    /// SHA-256 of its bytes: those that are signed.
    pub file: Sha256,
}

/// Reads a file of answers.
///
/// # Errors
/// With line and column, or the field that is missing or wrong.
pub fn answers(bytes: &[u8]) -> Result<Answers, String> {
    if bytes.len() > MAX_ANSWERS {
        return Err(format!("{} bytes, over the bound of {MAX_ANSWERS}", bytes.len()));
    }
    let json = json::parse(bytes).map_err(|e| e.to_string())?;
    match json.get("schema").and_then(Json::as_str) {
        Some(ANSWERS) => {}
        other => {
            return Err(format!(
                "\"schema\" is {}, and {ANSWERS} is read",
                other.map_or("missing".into(), |s| format!("\"{}\"", Shown::new(s).cut(60)))
            ));
        }
    }
    let sha = |value: Option<&Json>, what: &str| {
        let text = value.and_then(|v| v.at(&["sha256"])).and_then(Json::as_str);
        text.and_then(|t| t.parse::<Sha256>().ok()).ok_or_else(|| format!("{what}.sha256 is missing, or no SHA-256"))
    };
    let bundle = sha(json.at(&["release", "bundle"]), "release.bundle")?.to_string();
    let list = json.get("answers").and_then(Json::as_array).ok_or("\"answers\" is missing, or no list")?;
    let answers: Result<Vec<Answer>, String> = (1..)
        .zip(list)
        .map(|(n, one): (usize, _)| {
            let word =
                |name: &str| one.get(name).and_then(Json::as_str).ok_or_else(|| format!("answer {n}: \"{name}\" is missing, or no string"));
            let text = word("answer")?;
            if text.chars().count() > MAX_WORDS {
                return Err(format!("answer {n}: longer than {MAX_WORDS} characters"));
            }
            let digest = sha(one.get("digest"), &format!("answer {n}: digest"))?;
            Ok(Answer { finding: word("finding")?.to_owned(), digest, text: text.to_owned() })
        })
        .collect();
    Ok(Answers { bundle, answers: answers?, file: Sha256::of(bytes) })
}

/// Who signed the answers: a name in the reviewer's own signers, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The principal.
    pub who: String,
    /// The key's fingerprint.
    pub key: String,
}

/// Binds each answer to its finding: the event to record, or why it is not taken.
#[must_use]
pub fn bind(state: &State, bundle: &str, answers: &Answers, signer: &Signer) -> Vec<Result<Body, String>> {
    let one = |answer: &Answer| {
        let id = Shown::new(&answer.finding).cut(20);
        if answers.bundle != bundle {
            return Err(format!("{id}: the answers are for the bundle {}, and this is {bundle}", answers.bundle));
        }
        let finding = state.findings.iter().find(|f| f.id == answer.finding);
        let finding = finding.ok_or_else(|| format!("{id}: this review has no such finding"))?;
        if question_digest(finding) != answer.digest {
            return Err(format!("{id}: it answers other words or another place than the finding has now"));
        }
        Ok(Body::Replied {
            id: finding.id.clone(),
            question: answer.digest.to_string(),
            text: answer.text.clone(),
            who: signer.who.clone(),
            key: signer.key.clone(),
            file: answers.file.to_string(),
        })
    };
    answers.answers.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::{Anchor, Event, FindingSeverity};

    fn state() -> State {
        let at = Anchor { place: "libupdate.so verify_image".into(), address: Some(0x4b80), ..Anchor::default() };
        let filed =
            |id: &str, title: &str| Body::Filed { id: id.into(), title: title.into(), severity: FindingSeverity::Problem, at: at.clone() };
        let closed = Body::Closed { id: "F1".into(), reason: "answered by phone".into() };
        let bodies = [filed("F1", "first"), filed("F2", "Why is the check inverted?"), closed];
        State::fold(bodies.into_iter().zip(1..).map(|(body, n)| Event { n, time: String::new(), body }).collect())
    }

    fn about() -> About {
        About { product: "gateway".into(), version: "1".into(), bundle: Sha256::of(b"bundle").to_string() }
    }

    /// The answers that a vendor makes from a sheet, changed by `edit`.
    fn reply(edit: impl Fn(&mut Value)) -> Vec<u8> {
        let sheet = sheet(&about(), &state());
        let question = &sheet["questions"][0];
        let mut value = json!({
            "schema": ANSWERS,
            "release": sheet["release"],
            "answers": [{ "finding": question["finding"], "digest": question["digest"], "answer": "The compiler did it." }],
        });
        edit(&mut value);
        value.to_string().into_bytes()
    }

    #[test]
    fn a_sheet_numbers_the_open_findings_and_its_digests_can_be_made_again() {
        let sheet = sheet(&about(), &state());
        let questions = sheet["questions"].as_array().expect("a list");
        assert_eq!((questions.len(), &questions[0]["number"], &questions[0]["finding"]), (1, &json!(1), &json!("F2")));
        let mut plain = questions[0].clone();
        for extra in ["number", "digest"] {
            plain.as_object_mut().expect("an object").remove(extra);
        }
        assert_eq!(questions[0]["digest"]["sha256"], Sha256::of(plain.to_string().as_bytes()).to_string());
        let text = sheet_text(&about(), &state());
        assert!(text.contains("1. Why is the check inverted? (problem)") && text.contains("0x4b80"), "{text}");
    }

    #[test]
    fn an_answer_is_bound_to_the_words_that_were_asked() {
        let signer = Signer { who: "vendor".into(), key: "SHA256:k".into() };
        let taken = |state: &State, bytes: &[u8]| bind(state, &about().bundle, &answers(bytes).expect("readable"), &signer);
        let good = taken(&state(), &reply(|_| {}));
        let mut after = state();
        let body = good[0].clone().expect("bound");
        after.push(Event { n: 9, time: String::new(), body });
        let claim = &after.findings[1].replies[0];
        assert_eq!((claim.text.as_str(), claim.who.as_str(), after.findings[1].closed.is_none()), ("The compiler did it.", "vendor", true));

        let mut edited = state();
        let words = Body::Edited { id: "F2".into(), title: "Why twice?".into(), severity: FindingSeverity::Problem };
        edited.push(Event { n: 9, time: String::new(), body: words });
        assert!(taken(&edited, &reply(|_| {}))[0].as_ref().is_err_and(|why| why.contains("other words")));
        assert!(taken(&State::default(), &reply(|_| {}))[0].as_ref().is_err_and(|why| why.contains("no such finding")));
        let other = reply(|v| v["release"]["bundle"]["sha256"] = json!(Sha256::of(b"other").to_string()));
        assert!(taken(&state(), &other)[0].as_ref().is_err_and(|why| why.contains("for the bundle")));
    }

    #[test]
    fn what_is_no_file_of_answers_is_refused_with_its_place() {
        for (edit, why) in [
            (&(|v: &mut Value| v["schema"] = json!("x")) as &dyn Fn(&mut Value), "schema"),
            (&|v: &mut Value| v["answers"][0]["digest"] = json!("x"), "answer 1: digest"),
            (&|v: &mut Value| v["answers"][0]["answer"] = json!(7), "answer 1: \"answer\""),
            (&|v: &mut Value| v["answers"] = json!({}), "answers"),
            (&|v: &mut Value| v["answers"][0]["answer"] = json!("x".repeat(5_000)), "longer than"),
        ] {
            let error = answers(&reply(edit)).expect_err("refused");
            assert!(error.contains(why), "{error}");
        }
        assert!(answers(b"{\n,").expect_err("no JSON").contains("line 2"));
    }
}
