//! SPDX 3.0 as JSON-LD, in the form that its JSON schema allows: a list of elements (`@graph`), each with its type.

use std::collections::BTreeMap;

use super::{Part, Place, algorithm_of, package_url};
use crate::digest::Digest;
use crate::json::Json;
use crate::text::Shown;

/// Whether that is the context of a version that is read; `None` when it is no context of SPDX 3.
pub(super) fn is_read(context: &str) -> Option<bool> {
    let version = context.strip_prefix("https://spdx.org/rdf/")?.strip_suffix("/spdx-context.jsonld")?;
    version.starts_with('3').then_some(version == "3.0.0" || version == "3.0.1")
}

/// Its packages and files.
pub(super) fn parts(tree: &Json, bytes: &[u8]) -> Result<Vec<Part>, String> {
    let place = Place(bytes);
    // A document of one element may stand for itself.
    let elements = match tree.get("@graph") {
        Some(_) => place.list(tree, "@graph")?,
        None => std::slice::from_ref(tree),
    };
    // What has an identity may be named by it where it is used.
    let id = |element: &Json| element.get("@id").or(element.get("spdxId")).and_then(Json::as_str).map(str::to_owned);
    let by_id: BTreeMap<String, &Json> = elements.iter().filter_map(|e| Some((id(e)?, e))).collect();
    let mut out = Vec::new();
    for element in elements {
        let is_file = match place.text(element, "type")?.as_str() {
            "software_File" => true,
            "software_Package" => false,
            _ => continue,
        };
        let mut part = Part { name: place.text(element, "name")?, is_file, ..Part::default() };
        part.digests = digests(&place, element, &by_id)?;
        if !is_file {
            part.version = place.text(element, "software_packageVersion")?;
            part.purl = package_url(&place.text(element, "software_packageUrl")?);
            for other in place.list(element, "externalIdentifier")? {
                let other = resolved(other, &by_id);
                if part.purl.is_none() && place.text(other, "externalIdentifierType")? == "packageUrl" {
                    part.purl = package_url(&place.text(other, "identifier")?);
                }
            }
        }
        place.push(&mut out, element, part)?;
    }
    Ok(out)
}

fn resolved<'j>(value: &'j Json, by_id: &BTreeMap<String, &'j Json>) -> &'j Json {
    value.as_str().and_then(|id| by_id.get(id)).copied().unwrap_or(value)
}

/// Digests of the algorithms that are known here.
fn digests(place: &Place<'_>, element: &Json, by_id: &BTreeMap<String, &Json>) -> Result<Vec<Digest>, String> {
    let mut out = Vec::new();
    for method in place.list(element, "verifiedUsing")? {
        let hash = resolved(method, by_id);
        if hash.as_str().is_some() {
            return Err(place.wrong(method, "\"verifiedUsing\" names an element that is not in the document"));
        }
        let name = place.text(hash, "algorithm")?;
        let Some(known) = algorithm_of(&name).filter(|_| hash.get("type").and_then(Json::as_str) == Some("Hash")) else { continue };
        let value = place.text(hash, "hashValue")?;
        out.push(Digest::parse(known, &value).map_err(|e| place.wrong(hash, &format!("{} is {e}", Shown::new(&name).cut(20))))?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::document;

    const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn graph(version: &str, elements: &str) -> String {
        format!("{{\"@context\":\"https://spdx.org/rdf/{version}/spdx-context.jsonld\",\"@graph\":[{elements}]}}")
    }

    #[test]
    fn packages_files_and_hashes_are_read() {
        let elements = format!(
            "{{\"type\":\"CreationInfo\",\"@id\":\"_:c\",\"specVersion\":\"3.0.1\"}},\
             {{\"type\":\"software_Package\",\"spdxId\":\"urn:a\",\"name\":\"a\",\"software_packageVersion\":\"1\",\
             \"software_packageUrl\":\"pkg:cargo/a@1\",\"verifiedUsing\":[{{\"type\":\"Hash\",\"algorithm\":\"sha256\",\"hashValue\":\"{SHA}\"}},\
             {{\"type\":\"Hash\",\"algorithm\":\"crystalsDilithium\",\"hashValue\":\"x\"}},{{\"type\":\"PackageVerificationCode\",\
             \"algorithm\":\"sha1\",\"hashValue\":\"ab\"}}]}},\
             {{\"type\":\"software_Package\",\"name\":\"b\",\"externalIdentifier\":[{{\"type\":\"ExternalIdentifier\",\
             \"externalIdentifierType\":\"packageUrl\",\"identifier\":\"pkg:npm/b@2\"}}]}},\
             {{\"type\":\"software_File\",\"name\":\"./f\",\"verifiedUsing\":[\"_:h\"]}},\
             {{\"type\":\"Hash\",\"@id\":\"_:h\",\"algorithm\":\"sha512\",\"hashValue\":\"{SHA}{SHA}\"}}"
        );
        let read = document(graph("3.0.1", &elements).as_bytes()).unwrap().unwrap();
        assert_eq!(read.kind, "SPDX 3.0.1 JSON-LD");
        let said: Vec<_> = read.parts.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.digests.len(), p.is_file)).collect();
        assert_eq!(said, [("a", "1", 1, false), ("b", "", 0, false), ("./f", "", 1, true)]);
        let urls: Vec<_> = read.parts.iter().map(|p| p.purl.as_ref().map(|u| u.name.as_str())).collect();
        assert_eq!(urls, [Some("a"), Some("b"), None]);
        let single = "{\"@context\":\"https://spdx.org/rdf/3.0.0/spdx-context.jsonld\",\"type\":\"software_File\",\"name\":\"x\"}";
        assert_eq!(document(single.as_bytes()).unwrap().unwrap().parts.len(), 1);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let reason = |text: &str| document(text.as_bytes()).unwrap().unwrap_err();
        let file = |using: &str| graph("3.0.1", &format!("\n{{\"type\":\"software_File\",\"name\":\"x\",\"verifiedUsing\":{using}}}"));
        let short = file("[{\"type\":\"Hash\",\"algorithm\":\"sha256\",\"hashValue\":\"ab\"}]");
        assert!(reason(&short).1.starts_with("line 2, column"), "{:?}", reason(&short));
        assert!(reason(&file("[\"_:nowhere\"]")).1.contains("not in the document"));
        assert!(reason(&file("3")).1.contains("a number where an array is right"), "{:?}", reason(&file("3")));
        let (kind, why) = reason(&graph("3.1.0", ""));
        assert!(kind == "SPDX 3 JSON-LD" && why.contains("only SPDX 3.0"), "{why}");
        assert!(document(b"{\"@context\":\"https://spdx.org/rdf/2/x\"}").is_none());
    }
}
