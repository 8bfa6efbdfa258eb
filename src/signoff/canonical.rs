//! One byte form for one value: compact JSON, keys sorted by their bytes, no insignificant space.

use serde_json::Value;

/// The canonical bytes of a value. It must hold no fractional numbers; records have none.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Sorted here, so that a feature of serde_json switched on elsewhere cannot change what is signed.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_sorted_at_every_level() {
        let value = serde_json::json!({"b": [{"z": 1, "a": "\u{1}é\""}], "a": null, "B": true});
        assert_eq!(String::from_utf8(super::bytes(&value)).unwrap(), r#"{"B":true,"a":null,"b":[{"a":"\u0001é\"","z":1}]}"#);
    }
}
