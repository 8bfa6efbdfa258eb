//! Nodes as JSON. The form is `docs/schema/comparison-v1.json`; what each field means is in `docs/json.md`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{name, share};
use crate::model::{Account, Cluster, Extent, FactGroup, FunctionDiff, Node, Side, Sides, SourceLine, SourceStatus};

/// Writes one JSON object field by field: a list may be longer than what one wants to hold as a whole.
pub(crate) struct Document<W: Write> {
    out: W,
    first: bool,
}

impl<W: Write> Document<W> {
    /// Begins the object.
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"{")?;
        Ok(Self { out, first: true })
    }

    fn begin(&mut self, field: &str) -> io::Result<()> {
        let comma = if std::mem::replace(&mut self.first, false) { "" } else { "," };
        write!(self.out, "{comma}\n  \"{field}\": ")
    }

    fn value(&mut self, value: &Value) -> io::Result<()> {
        self.out.write_all(ascii(&value.to_string()).as_bytes())
    }

    /// One field.
    pub(crate) fn field(&mut self, field: &str, value: &Value) -> io::Result<()> {
        self.begin(field)?;
        self.value(value)
    }

    /// A list, one value a line, each made when it is its turn.
    pub(crate) fn list(&mut self, field: &str, values: impl IntoIterator<Item = Value>) -> io::Result<()> {
        self.begin(field)?;
        self.out.write_all(b"[")?;
        let mut comma = "\n    ";
        for value in values {
            self.out.write_all(comma.as_bytes())?;
            self.value(&value)?;
            comma = ",\n    ";
        }
        self.out.write_all(if comma.starts_with(',') { b"\n  ]" } else { b"]" })
    }

    /// Ends the object.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }
}

/// JSON with every character outside ASCII escaped: what a terminal would obey cannot be in the output.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

fn account(account: &Account) -> Value {
    let explained: serde_json::Map<String, Value> =
        account.explained.iter().map(|(cause, bytes)| (cause.word().to_owned(), json!(bytes))).collect();
    json!({ "identical": account.identical, "explained": explained, "unexplained": account.unexplained })
}

/// An account of each side.
pub(crate) fn accounts(sides: &Sides<Account>) -> Value {
    json!({ "shipped": account(&sides.shipped), "rebuilt": account(&sides.rebuilt) })
}

fn extent(extent: Option<Extent>) -> Value {
    extent.map_or(Value::Null, |e| json!({ "address": e.address, "size": e.size, "offset": e.offset }))
}

pub(super) fn status(status: SourceStatus) -> &'static str {
    match status {
        SourceStatus::MatchedByChecksum => "matchedByChecksum",
        SourceStatus::MatchedByPath => "matchedByPath",
        SourceStatus::ChecksumDiffers => "checksumDiffers",
        SourceStatus::NotInSource => "notInSource",
    }
}

fn source(line: &SourceLine) -> Value {
    let mut value = json!({ "file": name(&line.file), "line": line.line, "status": status(line.status) });
    if let Some((file, at)) = &line.inlined_from {
        value["inlinedFrom"] = json!({ "file": name(file), "line": at });
    }
    value
}

fn function(function: &FunctionDiff) -> Value {
    json!({
        "name": name(&function.name),
        "result": function.result.word(),
        "shipped": extent(function.extent.shipped),
        "rebuilt": extent(function.extent.rebuilt),
        "changed": function.changed,
        "source": function.source.as_ref().map_or(Value::Null, source),
        "what": function.what,
    })
}

/// One node as JSON.
pub(super) fn node(node: &Node, path: &str) -> Value {
    let digest = |side: Side| node.digest.get(side).map(|d| d.to_string());
    let mut value = json!({
        "path": path,
        "kind": node.kind.word(),
        "result": node.result.word(),
        "size": { "shipped": node.size.shipped, "rebuilt": node.size.rebuilt },
        "sha256": { "shipped": digest(Side::Shipped), "rebuilt": digest(Side::Rebuilt) },
        "account": accounts(&node.account),
        "causes": node.proofs.iter().map(|p| json!({
            "cause": p.cause.word(),
            "shipped": name(&p.values.shipped),
            "rebuilt": name(&p.values.rebuilt),
            "ranges": { "shipped": ranges(&p.spans.shipped), "rebuilt": ranges(&p.spans.rebuilt) },
        })).collect::<Vec<_>>(),
    });
    if !node.tried.is_empty() {
        value["tried"] = node.tried.iter().map(|t| json!({ "cause": t.cause.word(), "why": t.why })).collect();
    }
    if !node.why.is_empty() {
        value["why"] = json!(node.why);
    }
    if !node.metadata.is_empty() {
        value["metadata"] = json!(node.metadata);
    }
    if !node.regions.is_empty() || !node.functions.is_empty() {
        value["functions"] = node.functions.iter().map(function).collect();
        value["sameFunctions"] = json!(node.same_functions);
        value["regions"] = node
            .regions
            .iter()
            .map(|r| json!({ "name": name(&r.name), "result": r.result.word(), "shipped": extent(r.extent.shipped), "rebuilt": extent(r.extent.rebuilt), "account": accounts(&r.account) }))
            .collect();
        value["facts"] = node
            .facts
            .iter()
            .map(|f| json!({ "kind": f.kind(), "name": f.name, "group": f.group.word(), "lost": f.lost, "shipped": f.value.shipped.as_ref().map(name), "rebuilt": f.value.rebuilt.as_ref().map(name), "toolchain": f.group == FactGroup::Toolchain, "agrees": f.agrees() }))
            .collect();
    }
    if let Some(built) = &node.built_from {
        value["sourceShare"] = share::json(built);
    }
    value
}

fn ranges(spans: &[std::ops::Range<u64>]) -> Vec<Value> {
    spans.iter().map(|s| json!([s.start, s.end])).collect()
}

/// A node and all below it, depth first, each made when it is its turn.
pub(crate) fn node_list(root: &Node) -> impl Iterator<Item = Value> + '_ {
    let mut open = vec![(root, name(&root.name))];
    std::iter::from_fn(move || {
        let (next, path) = open.pop()?;
        open.extend(next.children.iter().rev().map(|child| (child, format!("{path}!{}", name(&child.name)))));
        Some(node(next, &path))
    })
}

/// Every function that is not the same, of all executables, with the path of its file.
pub(crate) fn functions(root: &Node) -> Vec<Value> {
    let mut all = Vec::new();
    root.walk(&mut |trail| {
        let Some(last) = trail.last().filter(|n| !n.functions.is_empty()) else { return };
        let path: Vec<String> = trail.iter().map(|n| name(&n.name)).collect();
        let path = path.join("!");
        for diff in &last.functions {
            let mut value = function(diff);
            value["path"] = json!(path);
            all.push(value);
        }
    });
    all
}

/// One cluster; `digest` names what differs, whatever the places.
pub(crate) fn cluster(cluster: &Cluster) -> Value {
    json!({
        "digest": cluster.digest.to_string(),
        "concern": cluster.concern.word(),
        "result": cluster.result.word(),
        "what": cluster.what,
        "count": cluster.places.len(),
        "places": cluster.places.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
    })
}

/// One artifact of a bundle.
pub(crate) fn artifact(root: &Node) -> Value {
    json!({ "name": name(&root.name), "result": root.result.word(), "account": accounts(&root.total_account()), "nodes": node_list(root).collect::<Vec<_>>() })
}
