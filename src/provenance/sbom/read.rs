//! SPDX 2.2 and 2.3 (JSON and tag-value), SPDX 3.0 (JSON-LD), CycloneDX 1.4 to 1.6 (JSON). Other forms are recognised and said to be not read.

mod spdx3;

use crate::digest::{Algorithm, Digest};
use crate::json::{self, Json};
use crate::text::{Shown, Untrusted};

/// Packages, files and components that one document may have.
const MAX_PARTS: usize = 200_000;
/// Components inside of components (CycloneDX): the bound of strict JSON is reached first.
const MAX_DEPTH: usize = 64;

/// One package, file or component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Type, namespace with name, and version of its package URL.
    pub(crate) purl: Option<Purl>,
    pub(crate) digests: Vec<Digest>,
    /// Whether it is one file, by its path.
    pub(crate) is_file: bool,
}

/// The parts of a package URL that name a component (<https://github.com/package-url/purl-spec>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purl {
    pub(crate) kind: String,
    /// Namespace and name, decoded.
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A document that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) kind: String,
    pub(crate) parts: Vec<Part>,
}

/// What a file of `data/sbom` is, when it is one of these forms: the document, or its kind with the reason why it is not read.
pub(crate) fn document(bytes: &[u8]) -> Option<Result<Document, (String, String)>> {
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(bytes.len());
    let head = bytes.get(start..bytes.len().min(start + 4096)).unwrap_or_default();
    let has = |mark: &str| head.windows(mark.len()).any(|w| w.eq_ignore_ascii_case(mark.as_bytes()));
    let unread = |kind: &str, why: &str| Some(Err((kind.to_owned(), why.to_owned())));
    if head.starts_with(b"<") {
        return if has("cyclonedx.org/schema/bom") {
            unread("CycloneDX XML", "XML is not read by this version: ask the vendor to export CycloneDX 1.4 to 1.6 as JSON")
        } else if has("spdx.org/rdf") {
            unread(
                "SPDX RDF",
                "RDF is not read by this version: ask the vendor to export SPDX 2.3 as JSON or tag-value, or SPDX 3.0 as JSON-LD",
            )
        } else {
            None
        };
    }
    if head.starts_with(b"SPDXVersion:") || (head.starts_with(b"#") && has("SPDXVersion:")) {
        return Some(tag_value(bytes).map_err(|why| ("SPDX tag-value".to_owned(), why)));
    }
    if !head.starts_with(b"{") {
        return None;
    }
    let tree = match json::parse(bytes) {
        Ok(tree) => tree,
        // Which of them it would be cannot be told; the caller says what is wrong.
        Err(e) => {
            let kind = if has("\"CycloneDX\"") {
                "CycloneDX JSON"
            } else if has("\"spdxVersion\"") {
                "SPDX JSON"
            } else if has("https://spdx.org/rdf/3") {
                "SPDX 3 JSON-LD"
            } else {
                return None;
            };
            return Some(Err((kind.to_owned(), format!("cannot be read: line {}, column {}: {}", e.line, e.column, e.what))));
        }
    };
    of_tree(&tree, bytes)
}

/// The same of JSON that is read already; `bytes` is the text around it, for places.
pub(crate) fn of_tree(tree: &Json, bytes: &[u8]) -> Option<Result<Document, (String, String)>> {
    let word = |name: &str| tree.get(name).and_then(Json::as_str);
    if let Some(version) = word("spdxVersion") {
        let kind = format!("{} JSON", Shown::new(version).cut(40));
        return match version {
            "SPDX-2.2" | "SPDX-2.3" => {
                Some(spdx(tree, bytes).map(|parts| Document { kind: kind.clone(), parts }).map_err(|why| (kind, why)))
            }
            _ => Some(Err((kind, "only SPDX 2.2 and 2.3 are read by this version".to_owned()))),
        };
    }
    if word("bomFormat") == Some("CycloneDX") {
        let version = word("specVersion").unwrap_or_default();
        let kind = format!("CycloneDX {} JSON", Shown::new(version).cut(40));
        return match version {
            "1.4" | "1.5" | "1.6" => {
                Some(cyclonedx(tree, bytes).map(|parts| Document { kind: kind.clone(), parts }).map_err(|why| (kind, why)))
            }
            _ => Some(Err((kind, "only CycloneDX 1.4 to 1.6 are read by this version".to_owned()))),
        };
    }
    let context = tree.get("@context").and_then(Json::as_str).unwrap_or_default();
    if let Some(read) = spdx3::is_read(context) {
        if !read {
            let why = "only SPDX 3.0.0 and 3.0.1 are read by this version: ask the vendor for one of them or SPDX 2.3";
            return Some(Err(("SPDX 3 JSON-LD".to_owned(), why.to_owned())));
        }
        let version = if context.contains("/3.0.0/") { "3.0.0" } else { "3.0.1" };
        let kind = format!("SPDX {version} JSON-LD");
        return Some(spdx3::parts(tree, bytes).map(|parts| Document { kind: kind.clone(), parts }).map_err(|why| (kind, why)));
    }
    None
}

/// Says where something is wrong.
struct Place<'a>(&'a [u8]);

impl Place<'_> {
    fn wrong(&self, at: &Json, what: &str) -> String {
        let (line, column) = json::line_column(self.0, at.offset);
        format!("line {line}, column {column}: {what}")
    }

    fn list<'j>(&self, json: &'j Json, name: &str) -> Result<&'j [Json], String> {
        let Some(value) = json.get(name).filter(|v| v.value != json::Value::Null) else { return Ok(&[]) };
        value.as_array().ok_or_else(|| self.wrong(value, &format!("\"{name}\" is {} where an array is right", value.kind())))
    }

    fn text(&self, json: &Json, name: &str) -> Result<String, String> {
        let Some(value) = json.get(name).filter(|v| v.value != json::Value::Null) else { return Ok(String::new()) };
        let text = value.as_str().ok_or_else(|| self.wrong(value, &format!("\"{name}\" is {} where a string is right", value.kind())));
        text.map(str::to_owned)
    }

    /// Digests of the algorithms that are known here.
    fn digests(&self, item: &Json, list: &str, algorithm: &str, value: &str) -> Result<Vec<Digest>, String> {
        let mut out = Vec::new();
        for one in self.list(item, list)? {
            let name = self.text(one, algorithm)?;
            let Some(known) = algorithm_of(&name) else { continue };
            let text = self.text(one, value)?;
            out.push(Digest::parse(known, &text).map_err(|e| self.wrong(one, &format!("{} is {e}", Shown::new(&name).cut(20))))?);
        }
        Ok(out)
    }

    fn push(&self, out: &mut Vec<Part>, at: &Json, part: Part) -> Result<(), String> {
        if out.len() >= MAX_PARTS {
            return Err(self.wrong(at, &format!("more than {MAX_PARTS} components: not examined")));
        }
        out.push(part);
        Ok(())
    }
}

/// `SHA256`, `SHA-256`.
fn algorithm_of(name: &str) -> Option<Algorithm> {
    Algorithm::from_name(&name.to_ascii_lowercase().replace('-', ""))
}

fn spdx(tree: &Json, bytes: &[u8]) -> Result<Vec<Part>, String> {
    let place = Place(bytes);
    let mut out = Vec::new();
    for package in place.list(tree, "packages")? {
        let mut purl = None;
        for reference in place.list(package, "externalRefs")? {
            if place.text(reference, "referenceType")? == "purl" {
                purl = purl.or(package_url(&place.text(reference, "referenceLocator")?));
            }
        }
        let part = Part {
            name: place.text(package, "name")?,
            version: place.text(package, "versionInfo")?,
            purl,
            digests: place.digests(package, "checksums", "algorithm", "checksumValue")?,
            is_file: false,
        };
        place.push(&mut out, package, part)?;
    }
    for file in place.list(tree, "files")? {
        let digests = place.digests(file, "checksums", "algorithm", "checksumValue")?;
        let part = Part { name: place.text(file, "fileName")?, digests, is_file: true, ..Part::default() };
        place.push(&mut out, file, part)?;
    }
    Ok(out)
}

fn cyclonedx(tree: &Json, bytes: &[u8]) -> Result<Vec<Part>, String> {
    fn go(place: &Place<'_>, item: &Json, depth: usize, out: &mut Vec<Part>) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(place.wrong(item, "components are nested too deep"));
        }
        let (group, name) = (place.text(item, "group")?, place.text(item, "name")?);
        let part = Part {
            name: if group.is_empty() { name } else { format!("{group}/{name}") },
            version: place.text(item, "version")?,
            purl: package_url(&place.text(item, "purl")?),
            digests: place.digests(item, "hashes", "alg", "content")?,
            is_file: place.text(item, "type")? == "file",
        };
        place.push(out, item, part)?;
        place.list(item, "components")?.iter().try_for_each(|inner| go(place, inner, depth + 1, out))
    }
    let place = Place(bytes);
    let mut out = Vec::new();
    if let Some(own) = tree.at(&["metadata", "component"]) {
        go(&place, own, 0, &mut out)?;
    }
    place.list(tree, "components")?.iter().try_for_each(|item| go(&place, item, 0, &mut out))?;
    Ok(out)
}

/// SPDX 2.3, annex on tag-value: `Tag: value`, with `<text>` around what spans lines.
fn tag_value(bytes: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
    let mut out = Document::default();
    let mut open = false;
    for (number, line) in (1_u64..).zip(text.lines()) {
        let line = line.trim();
        if open {
            open = !line.contains("</text>");
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("line {number}: {what}");
        let (tag, value) = line.split_once(':').ok_or_else(|| wrong("a tag and a value should be here"))?;
        let value = value.trim();
        open = value.contains("<text>") && !value.contains("</text>");
        let value = value.trim_start_matches("<text>").trim_end_matches("</text>");
        if out.parts.len() > MAX_PARTS {
            return Err(wrong(&format!("more than {MAX_PARTS} components: not examined")));
        }
        let last = out.parts.last_mut();
        match (tag.trim(), last) {
            ("SPDXVersion", _) if !matches!(value, "SPDX-2.2" | "SPDX-2.3") => {
                return Err("only SPDX 2.2 and 2.3 are read by this version".to_owned());
            }
            ("SPDXVersion", _) => out.kind = format!("{value} tag-value"),
            ("PackageName", _) => out.parts.push(Part { name: value.to_owned(), ..Part::default() }),
            ("FileName", _) => out.parts.push(Part { name: value.to_owned(), is_file: true, ..Part::default() }),
            ("PackageVersion", Some(part)) => part.version = value.to_owned(),
            ("PackageChecksum" | "FileChecksum", Some(part)) => {
                let (name, digest) = value.split_once(':').ok_or_else(|| wrong("a checksum is an algorithm, a colon and digits"))?;
                if let Some(known) = algorithm_of(name.trim()) {
                    part.digests.push(Digest::parse(known, digest.trim()).map_err(|e| wrong(&format!("the checksum is {e}")))?);
                }
            }
            ("ExternalRef", Some(part)) => {
                let mut words = value.split_ascii_whitespace().skip(1);
                if words.next() == Some("purl") {
                    part.purl = part.purl.take().or(words.next().and_then(package_url));
                }
            }
            _ => {}
        }
    }
    if out.kind.is_empty() { Err("it has no SPDXVersion".to_owned()) } else { Ok(out) }
}

/// Reads a package URL; `None` when it is none.
pub(crate) fn package_url(text: &str) -> Option<Purl> {
    let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (kind, rest) = rest.split_once('/')?;
    // A version follows the last `@`; one that belongs to a name is escaped, but an npm scope is often written plainly.
    let (path, version) = match rest.rsplit_once('@') {
        Some((path, version)) if !path.is_empty() && !version.contains('/') => (path, version),
        _ => (rest, ""),
    };
    let kind = kind.to_ascii_lowercase();
    let path = percent(path.trim_matches('/'));
    // The first component of a distribution's package is the distribution.
    let name =
        if matches!(kind.as_str(), "deb" | "rpm" | "apk" | "alpm") { path.rsplit('/').next().unwrap_or(&path).to_owned() } else { path };
    Some(Purl { kind, name, version: percent(version) })
}

fn percent(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())).flatten();
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The name of a part for a message.
pub(crate) fn called(part: &Part) -> Untrusted {
    let version = part.purl.as_ref().map(|p| p.version.as_str()).filter(|v| !v.is_empty()).unwrap_or(&part.version);
    let name = part.purl.as_ref().map_or(part.name.as_str(), |p| p.name.as_str());
    if version.is_empty() { name.into() } else { format!("{name} {version}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_are_taken_apart() {
        let of = |text: &str| package_url(text).map(|p| format!("{} {} {}", p.kind, p.name, p.version));
        assert_eq!(of("pkg:cargo/serde@1.0.200").as_deref(), Some("cargo serde 1.0.200"));
        assert_eq!(of("pkg:golang/github.com/a/b@v1.2.3#sub").as_deref(), Some("golang github.com/a/b v1.2.3"));
        assert_eq!(of("pkg:npm/%40scope/name@2.0.0?x=y").as_deref(), Some("npm @scope/name 2.0.0"));
        assert_eq!(of("pkg:npm/@scope/name").as_deref(), Some("npm @scope/name "));
        assert_eq!(of("pkg:deb/debian/gcc-12@12.2.0-14%2Bdeb12u1?arch=amd64").as_deref(), Some("deb gcc-12 12.2.0-14+deb12u1"));
        assert_eq!(of("https://x"), None);
        assert_eq!(of("pkg:cargo"), None);
        assert_eq!(percent("%zz%4"), "%zz%4");
    }

    #[test]
    fn each_form_is_read_or_has_its_reason() {
        let sha = "a".repeat(64);
        let spdx = format!(
            "{{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{{\"name\":\"a\",\"versionInfo\":\"1\",\"checksums\":[{{\"algorithm\":\"SHA256\",\
             \"checksumValue\":\"{sha}\"}},{{\"algorithm\":\"ADLER32\",\"checksumValue\":\"1\"}}],\"externalRefs\":[{{\"referenceType\":\"purl\",\
             \"referenceLocator\":\"pkg:cargo/a@1\"}}]}}],\"files\":[{{\"fileName\":\"./b\",\"checksums\":[]}}]}}"
        );
        let read = document(spdx.as_bytes()).unwrap().unwrap();
        assert_eq!((read.kind.as_str(), read.parts.len(), read.parts[0].digests.len()), ("SPDX-2.3 JSON", 2, 1));
        assert!(read.parts[1].is_file && read.parts[0].purl.is_some());
        let tags = format!(
            "SPDXVersion: SPDX-2.2\nPackageName: a\nPackageVersion: 1\nPackageChecksum: SHA256: {sha}\nPackageComment: <text>one\nFileName: no\n\
             two</text>\nExternalRef: PACKAGE-MANAGER purl pkg:cargo/a@1\n# x\nFileName: ./b\nFileChecksum: SHA256: {sha}\n"
        );
        let tagged = document(tags.as_bytes()).unwrap().unwrap();
        assert_eq!((tagged.kind.as_str(), tagged.parts.len()), ("SPDX-2.2 tag-value", 2));
        assert_eq!(tagged.parts[0], read.parts[0]);
        let bom = |version: &str| {
            format!(
                "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"{version}\",\"metadata\":{{\"component\":{{\"name\":\"p\",\"type\":\"application\"}}}},\
                 \"components\":[{{\"type\":\"library\",\"group\":\"g\",\"name\":\"n\",\"version\":\"1\",\"hashes\":[{{\"alg\":\"SHA-256\",\"content\":\"{sha}\"}}],\
                 \"components\":[{{\"type\":\"file\",\"name\":\"f\"}}]}}]}}"
            )
        };
        for version in ["1.4", "1.5", "1.6"] {
            let read = document(bom(version).as_bytes()).unwrap().unwrap();
            let names: Vec<_> = read.parts.iter().map(|p| p.name.as_str()).collect();
            assert_eq!(names, ["p", "g/n", "f"], "{version}");
        }
        let reason = |text: &str| document(text.as_bytes()).unwrap().unwrap_err();
        assert!(reason(&bom("1.3")).1.contains("only CycloneDX 1.4 to 1.6"));
        assert!(reason("{\"spdxVersion\":\"SPDX-2.1\"}").1.contains("only SPDX 2.2 and 2.3"));
        assert_eq!(reason("<?xml version=\"1.0\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\">").0, "CycloneDX XML");
        assert!(reason("SPDXVersion: SPDX-2.1\n").1.contains("only SPDX"));
        assert!(reason("SPDXVersion: SPDX-2.3\nhello\n").1.starts_with("line 2"));
        assert!(reason("{\"spdxVersion\":\"SPDX-2.3\",\n\"packages\":3}").1.starts_with("line 2, column 12"));
        assert!(reason("{\"bomFormat\":\"CycloneDX\",\"bomFormat\":\"x\"}").1.contains("duplicate key"));
        let short = spdx.replace(&sha, "ab");
        assert!(reason(&short).1.contains("SHA256 is"), "{:?}", reason(&short));
        assert!(document(b"{\"a\":1}").is_none() && document(b"hello").is_none() && document(b"").is_none());
    }
}
