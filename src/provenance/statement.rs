//! in-toto Statement v0.1 and v1, and the SLSA provenance predicates v0.1, v0.2 and v1.

use crate::digest::{Algorithm, Digest, unhex};
use crate::json::{self, Json, Value};
use crate::model::{Subject, Tool};
use crate::text::{Shown, Untrusted};

use super::making;

/// Subjects that one statement may have.
pub(crate) const MAX_SUBJECTS: usize = 100_000;
/// Materials that one statement may have.
const MAX_MATERIALS: usize = 100_000;

/// Something that went into the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Material {
    pub(crate) uri: Untrusted,
    pub(crate) digests: Vec<Digest>,
    /// Lowercase hexadecimal, when it is a git commit.
    pub(crate) commit: Option<String>,
}

/// What a statement says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) kind: String,
    pub(crate) predicate_type: String,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) builder: Option<Untrusted>,
    pub(crate) build_type: Option<Untrusted>,
    pub(crate) started: Option<Untrusted>,
    pub(crate) finished: Option<Untrusted>,
    pub(crate) materials: Vec<Material>,
    /// Tools of the build that it declares, each once.
    pub(crate) tools: Vec<Tool>,
    /// What a verification summary says.
    pub(crate) summary: Option<Summary>,
    /// A remark on a predicate whose fields are not read here, or that says something against the release.
    pub(crate) remark: Option<String>,
}

/// A verification summary (<https://slsa.dev/spec/v1.0/verification_summary>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) verifier: Option<Untrusted>,
    /// As written: only `PASSED` is passed.
    pub(crate) result: String,
}

/// Whether a predicate type is SLSA provenance of a version that is read here.
pub(crate) fn is_provenance(predicate_type: &str) -> bool {
    predicate_type.strip_prefix("https://slsa.dev/provenance/").is_some_and(|v| matches!(v, "v0.1" | "v0.2" | "v1"))
}

/// The type of a SLSA verification summary.
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// Reads a statement from the bytes that were verified.
///
/// The error is a sentence with line and column.
pub(crate) fn parse(payload: &[u8]) -> Result<Statement, String> {
    let json = json::parse(payload).map_err(|e| e.to_string())?;
    let reader = Place(payload);
    let kind = match reader.text(&json, &["_type"])?.as_deref() {
        Some("https://in-toto.io/Statement/v1") => "in-toto Statement v1",
        Some("https://in-toto.io/Statement/v0.1") => "in-toto Statement v0.1",
        Some(other) => return Err(format!("\"_type\" is {}, not an in-toto Statement v0.1 or v1", Shown::new(other).cut(80))),
        None => return Err("\"_type\" is missing: not an in-toto Statement".to_owned()),
    };
    let predicate_type = reader.text(&json, &["predicateType"])?.ok_or("\"predicateType\" is missing")?;
    let mut statement = Statement { kind: kind.to_owned(), predicate_type, ..Statement::default() };
    for item in reader.array(&json, &["subject"], MAX_SUBJECTS)? {
        let name = reader.text(item, &["name"])?.or(reader.text(item, &["uri"])?).unwrap_or_default();
        let (digests, _) = reader.digests(item)?;
        statement.subjects.push(Subject { name: name.into(), digests });
    }
    reader.predicate(&json, &mut statement)?;
    Ok(statement)
}

/// Reads fields and names the place of a wrong one.
struct Place<'a>(&'a [u8]);

impl Place<'_> {
    fn wrong(&self, at: &Json, what: &str) -> String {
        let (line, column) = json::line_column(self.0, at.offset);
        format!("line {line}, column {column}: {what}")
    }

    fn text(&self, json: &Json, path: &[&str]) -> Result<Option<String>, String> {
        match json.at(path) {
            None => Ok(None),
            Some(value) if value.value == Value::Null => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(value, &format!("\"{}\" is {} where a string is right", path.join("."), value.kind()))),
            },
        }
    }

    fn shown(&self, json: &Json, path: &[&str]) -> Result<Option<Untrusted>, String> {
        Ok(self.text(json, path)?.map(Untrusted::from))
    }

    fn array<'j>(&self, json: &'j Json, path: &[&str], bound: usize) -> Result<&'j [Json], String> {
        let Some(value) = json.at(path) else { return Ok(&[]) };
        if value.value == Value::Null {
            return Ok(&[]);
        }
        let items = value
            .as_array()
            .ok_or_else(|| self.wrong(value, &format!("\"{}\" is {} where an array is right", path.join("."), value.kind())))?;
        if items.len() > bound {
            return Err(self.wrong(value, &format!("\"{}\" has {} entries, over the bound of {bound}", path.join("."), items.len())));
        }
        Ok(items)
    }

    /// The digests of known algorithms, and the git commit if the set names one.
    fn digests(&self, item: &Json) -> Result<(Vec<Digest>, Option<String>), String> {
        let Some(set) = item.get("digest") else { return Ok((Vec::new(), None)) };
        if set.value == Value::Null {
            return Ok((Vec::new(), None));
        }
        let members = set.as_object().ok_or_else(|| self.wrong(set, &format!("\"digest\" is {} where an object is right", set.kind())))?;
        let (mut digests, mut commit, mut sha1) = (Vec::new(), None, None);
        for (name, value) in members {
            let text = value.as_str().ok_or_else(|| self.wrong(value, "a digest should be a string"))?;
            if name == "gitCommit" {
                let bytes = unhex(text).filter(|b| matches!(b.len(), 20 | 32));
                let bytes = bytes.ok_or_else(|| self.wrong(value, "gitCommit is not 40 or 64 hexadecimal digits"))?;
                commit = Some(crate::digest::hex(&bytes));
            } else if let Some(algorithm) = Algorithm::from_name(name) {
                let digest = Digest::parse(algorithm, text).map_err(|e| self.wrong(value, &format!("{name} is {e}")))?;
                if algorithm == Algorithm::Sha1 {
                    sha1 = Some(digest.to_string());
                }
                digests.push(digest);
            }
        }
        // A sha1 beside a strong digest is that of a file; alone it is how git names a commit.
        if !digests.iter().any(|d| d.algorithm.is_strong()) {
            commit = commit.or(sha1);
        }
        Ok((digests, commit))
    }

    fn materials(&self, json: &Json, path: &[&str], out: &mut Vec<Material>) -> Result<(), String> {
        for item in self.array(json, path, MAX_MATERIALS)? {
            out.push(self.material(item)?);
        }
        Ok(())
    }

    fn material(&self, item: &Json) -> Result<Material, String> {
        let (digests, commit) = self.digests(item)?;
        let uri = self.text(item, &["uri"])?.or(self.text(item, &["name"])?).unwrap_or_default().into();
        Ok(Material { uri, digests, commit })
    }

    fn predicate(&self, json: &Json, out: &mut Statement) -> Result<(), String> {
        let Some(predicate) = json.get("predicate") else {
            out.remark = Some("the statement has no predicate".to_owned());
            return Ok(());
        };
        match out.predicate_type.as_str() {
            "https://slsa.dev/provenance/v1" => {
                out.builder = self.shown(predicate, &["runDetails", "builder", "id"])?;
                out.build_type = self.shown(predicate, &["buildDefinition", "buildType"])?;
                out.started = self.shown(predicate, &["runDetails", "metadata", "startedOn"])?;
                out.finished = self.shown(predicate, &["runDetails", "metadata", "finishedOn"])?;
                self.materials(predicate, &["buildDefinition", "resolvedDependencies"], &mut out.materials)?;
                out.tools = tools(
                    predicate,
                    &[
                        (&["buildDefinition", "resolvedDependencies"], "resolvedDependencies"),
                        (&["buildDefinition", "internalParameters"], "internalParameters"),
                        (&["buildDefinition", "externalParameters"], "externalParameters"),
                        (&["runDetails", "builder", "version"], "builder.version"),
                        (&["runDetails", "builder", "builderDependencies"], "builderDependencies"),
                    ],
                );
            }
            "https://slsa.dev/provenance/v0.2" | "https://slsa.dev/provenance/v0.1" => {
                out.builder = self.shown(predicate, &["builder", "id"])?;
                out.build_type = self.shown(predicate, &["buildType"])?.or(self.shown(predicate, &["recipe", "type"])?);
                out.started = self.shown(predicate, &["metadata", "buildStartedOn"])?;
                out.finished = self.shown(predicate, &["metadata", "buildFinishedOn"])?;
                self.materials(predicate, &["materials"], &mut out.materials)?;
                out.tools = tools(
                    predicate,
                    &[
                        (&["materials"], "materials"),
                        (&["invocation", "environment"], "environment"),
                        (&["invocation", "parameters"], "parameters"),
                        (&["buildConfig"], "buildConfig"),
                        (&["recipe", "environment"], "environment"),
                    ],
                );
                if let Some(config) = predicate.at(&["invocation", "configSource"]) {
                    let material = self.material(config)?;
                    if material.commit.is_some() && !out.materials.iter().any(|m| m.commit == material.commit) {
                        out.materials.push(material);
                    }
                }
            }
            SUMMARY => {
                let result = self.text(predicate, &["verificationResult"])?.unwrap_or_default();
                let levels = self.array(predicate, &["verifiedLevels"], MAX_MATERIALS)?;
                let levels: Vec<_> = levels.iter().filter_map(Json::as_str).map(|l| Shown::new(l).cut(40).to_string()).take(8).collect();
                let levels = if levels.is_empty() { String::new() } else { format!(", levels {}", levels.join(" ")) };
                out.remark = Some(format!("a verification summary whose result is {}{levels}", Shown::new(&result).cut(40)));
                out.summary = Some(Summary { verifier: self.shown(predicate, &["verifier", "id"])?, result });
            }
            other => {
                out.remark = Some(format!("predicates of type {} are not read by this version", Shown::new(other).cut(120)));
            }
        }
        Ok(())
    }
}

/// Objects and lists inside of each other that are searched for tools.
const MAX_DEPTH: usize = 4;
/// Tools that one statement may declare.
const MAX_TOOLS: usize = 1000;

/// The compilers and linkers that parts of a predicate name, each once.
fn tools(predicate: &Json, parts: &[(&[&str], &'static str)]) -> Vec<Tool> {
    let mut out = Vec::new();
    for (path, from) in parts {
        if let Some(part) = predicate.at(path) {
            named_tools("", part, 0, from, &mut out);
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Tools come as `{"gcc": "13.2.0"}`, as `{"name": "gcc", "version": "13.2.0"}`, as a package URL, or as the text `gcc 13.2.0`.
fn named_tools(name: &str, value: &Json, depth: usize, from: &'static str, out: &mut Vec<Tool>) {
    if depth > MAX_DEPTH || out.len() >= MAX_TOOLS {
        return;
    }
    if let Some(text) = value.as_str() {
        let purl = super::sbom::package_url(text).map(|p| (p.name.rsplit('/').next().unwrap_or_default().to_owned(), p.version));
        let plain =
            || text.split_once([' ', '@', '=']).map(|(tool, version)| (tool.to_owned(), version.trim_start_matches('=').to_owned()));
        let said = purl.or_else(plain);
        let named = making::packaged(&name.to_ascii_lowercase(), text, from);
        out.extend(named.or_else(|| said.and_then(|(tool, version)| making::packaged(&tool.to_ascii_lowercase(), &version, from))));
    } else if let Some(members) = value.as_object() {
        let word = |key: &str| value.get(key).and_then(Json::as_str);
        if let (Some(tool), Some(version)) = (word("name"), word("version")) {
            out.extend(making::packaged(&tool.to_ascii_lowercase(), version, from));
        }
        members.iter().for_each(|(key, inner)| named_tools(key, inner, depth + 1, from, out));
    } else if let Some(items) = value.as_array() {
        items.iter().for_each(|inner| named_tools("", inner, depth + 1, from, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "2e6e2f1a0007dc43bc91c273fd36e91e40a4f1c2765a03eca68b70a42103878a";
    const GIT: &str = "565E73d13aceeaafc0f1e5638f78355a9431b9eb";

    #[test]
    fn reads_slsa_v0_2_with_its_commit() {
        let text = format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"subject\":[{{\"name\":\"a\",\"digest\":{{\"sha256\":\"{SHA}\",\"blake3\":\"00\"}}}}],\
             \"predicateType\":\"https://slsa.dev/provenance/v0.2\",\"predicate\":{{\"builder\":{{\"id\":\"b\"}},\"buildType\":\"t\",\
             \"metadata\":{{\"buildStartedOn\":\"s\",\"buildFinishedOn\":\"f\"}},\"invocation\":{{\"configSource\":{{\"uri\":\"git+x\",\"digest\":{{\"sha1\":\"{GIT}\"}}}}}},\
             \"materials\":[{{\"uri\":\"git+x\",\"digest\":{{\"sha1\":\"{GIT}\"}}}},{{\"uri\":\"f\",\"digest\":{{\"sha256\":\"{SHA}\",\"sha1\":\"{GIT}\"}}}}]}}}}"
        );
        let statement = parse(text.as_bytes()).unwrap();
        assert_eq!(statement.kind, "in-toto Statement v0.1");
        assert_eq!(statement.subjects[0].digests.len(), 1);
        assert_eq!(statement.builder, Some("b".into()));
        assert_eq!(statement.materials.len(), 2);
        assert_eq!(statement.materials[0].commit.as_deref(), Some(GIT.to_lowercase().as_str()));
        assert_eq!(statement.materials[1].commit, None);
    }

    #[test]
    fn tools_are_found_where_builders_declare_them() {
        let text = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://slsa.dev/provenance/v1","predicate":{
            "buildDefinition":{"internalParameters":{"toolchain":{"gcc":"13.2.0","note":"fast"},"rust":"rustc 1.80.0"},
            "resolvedDependencies":[{"uri":"pkg:deb/debian/binutils@2.40-2"},{"name":"clang","uri":"https://x"}]},
            "runDetails":{"builder":{"id":"b","version":{"go":"go1.22.5"}},"metadata":{}}}}"#;
        let found: Vec<_> =
            parse(text.as_bytes()).unwrap().tools.into_iter().map(|t| format!("{} {} {}", t.name, t.version, t.from)).collect();
        assert_eq!(
            found,
            [
                "binutils 2.40-2 resolvedDependencies",
                "gcc 13.2.0 internalParameters",
                "go 1.22.5 builder.version",
                "rustc 1.80.0 internalParameters"
            ]
        );
    }

    #[test]
    fn wrong_fields_are_named_with_their_place() {
        let of = |subject: &str| {
            parse(
                format!(
                    "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"x\",\n\"subject\":{subject},\"predicate\":{{}}}}"
                )
                .as_bytes(),
            )
        };
        assert_eq!(of("3").unwrap_err(), "line 2, column 11: \"subject\" is a number where an array is right");
        assert!(of("[{\"digest\":{\"sha256\":\"12\"}}]").unwrap_err().contains("sha256 is 1 bytes where the algorithm gives 32"));
        assert!(of("[{\"digest\":{\"sha256\":5}}]").unwrap_err().contains("should be a string"));
        assert!(of("[]").unwrap().remark.unwrap().contains("not read by this version"));
        assert!(parse(b"{\"_type\":\"x\"}").unwrap_err().contains("not an in-toto Statement"));
        assert!(parse(b"{\"_type\":\"a\",\"_type\":\"a\"}").unwrap_err().contains("duplicate key"));
    }
}
