//! A report as JSON: a node is written as `compare` writes it, without what may hold source.

use serde_json::{Value, json};

use super::Paper;
use crate::model::{Account, Listing, ListingRow, Node, ResultMark, Side, SideCell, Sides};
use crate::report::json::node as whole_node;
use crate::report::{Document, accounts, best_listing, name};

pub(super) fn document(paper: &Paper) -> String {
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = write(paper, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn write(paper: &Paper, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    let mut out = Document::new(bytes)?;
    out.field("schema", &json!("countersign-report/v1"))?;
    out.field("containsSource", &json!(paper.with_source))?;
    out.field("says", &json!(paper.says_of_source()))?;
    out.field("tool", &json!(format!("countersign {}", env!("CARGO_PKG_VERSION"))))?;
    let release = paper.about.release.as_ref().map(|(product, version, identity)| {
        json!({ "product": name(product), "version": name(version), "bundle": identity.map(|d| d.to_string()) })
    });
    out.field("release", &json!(release))?;
    out.field("shows", &json!(paper.about.view))?;
    out.field("item", &json!(paper.about.item.as_ref().map(|(id, ruled)| json!({ "id": id, "person": ruled }))))?;
    out.field("result", &json!(paper.result().map(ResultMark::word)))?;
    let mut total = Sides::<Account>::default();
    for node in paper.files.iter().filter_map(super::Reported::node) {
        total.shipped.add(&node.account.shipped);
        total.rebuilt.add(&node.account.rebuilt);
    }
    out.field("account", &accounts(&total))?;
    out.field("notes", &json!(paper.about.notes()))?;
    out.list("notCompared", paper.about.pending.iter().map(|p| json!(name(p))))?;
    let hidden: serde_json::Map<String, Value> = paper.about.hidden.iter().map(|(mark, n)| (mark.to_string(), json!(n))).collect();
    out.field("hidden", &json!(hidden))?;
    out.list("places", paper.about.places.iter().map(|p| json!(p)))?;
    out.list("nodes", paper.files.iter().filter_map(|file| Some(node(file.node()?, &file.name, paper.with_source))))?;
    out.finish()
}

/// A node; without source only what is in each report.
fn node(node: &Node, path: &str, with_source: bool) -> Value {
    let mut value = whole_node(node, path);
    if with_source {
        if let Some(listing) = best_listing(node) {
            value["rows"] = rows(&listing);
        }
        return value;
    }
    let drop_from = |value: &mut Value, field: &str| {
        value.as_object_mut().map(|o| o.remove(field));
    };
    if node.result != ResultMark::NotExamined {
        drop_from(&mut value, "why");
    }
    // What a piece of data is named by may be a string of the content.
    let free = |value: &mut Value| {
        if let Value::String(text) = value {
            *text = super::without_strings(text);
        }
    };
    value.get_mut("metadata").and_then(Value::as_array_mut).into_iter().flatten().for_each(free);
    for cause in value.get_mut("causes").and_then(Value::as_array_mut).into_iter().flatten() {
        for side in ["shipped", "rebuilt"] {
            cause.get_mut(side).into_iter().for_each(free);
        }
    }
    for (list, field) in [("functions", "what"), ("tried", "why")] {
        value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(|one| drop_from(one, field));
    }
    value
}

fn rows(listing: &Listing) -> Value {
    let cell = |cell: &SideCell| json!({ "number": cell.number, "bytes": crate::digest::hex(&cell.bytes), "text": cell.text.plain() });
    let row = |row: &ListingRow| {
        let side = |side: Side| row.cells.get(side).as_ref().map(cell);
        json!({ "mark": row.mark.mark().to_string(), "shipped": side(Side::Shipped), "rebuilt": side(Side::Rebuilt), "note": row.note })
    };
    listing.rows.iter().map(row).collect()
}
