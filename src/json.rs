//! JSON, read strictly (RFC 8259, and I-JSON, RFC 7493, where they differ in strictness).
//!
//! Duplicate keys are refused at every level, nesting is bounded, a document is one value and then its end, integers are
//! exact, a byte order mark is refused. Every value keeps its place, so that what is wrong with its content can be said
//! with line and column. `serde_json` writes JSON here; it does not read what is hostile, because it lets the last of two
//! equal keys win and has no places.

use std::collections::BTreeMap;

/// Nesting that a document may have.
pub const MAX_DEPTH: usize = 64;
/// Size that a document may have, in bytes.
pub const MAX_SIZE: usize = 64 << 20;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct JsonError {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Json {
    /// The value.
    pub value: Value,
    /// Byte offset of its first character.
    pub offset: usize,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer that fits 64 bits.
    Integer(i128),
    /// Any other number, as it was written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; keys are unique.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The kind of value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = &self.value { Some(s) } else { None }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        if let Value::Integer(n) = self.value { Some(n) } else { None }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self.value { Some(b) } else { None }
    }

    /// The elements, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Value::Array(a) = &self.value { Some(a) } else { None }
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        if let Value::Object(o) = &self.value { Some(o) } else { None }
    }

    /// The member with that key, if it is an object that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The member at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The value as a `serde_json` value, for showing and writing.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        use serde_json::Value as S;
        match &self.value {
            Value::Null => S::Null,
            Value::Bool(b) => S::Bool(*b),
            Value::Integer(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (Ok(n), _) => n.into(),
                (_, Ok(n)) => n.into(),
                _ => S::String(n.to_string()),
            },
            Value::Number(text) => {
                text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(|| S::String(text.clone()), S::Number)
            }
            Value::String(s) => S::String(s.clone()),
            Value::Array(a) => S::Array(a.iter().map(Self::to_serde).collect()),
            Value::Object(o) => S::Object(o.iter().map(|(k, v)| (k.clone(), v.to_serde())).collect()),
        }
    }
}

/// Line and column, both from 1, of a byte offset; the column counts characters.
#[must_use]
pub fn line_column(bytes: &[u8], offset: usize) -> (u64, u64) {
    let before = &bytes[..offset.min(bytes.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() as u64 + 1;
    (line, column)
}

/// Reads one document.
///
/// # Errors
/// With line and column of the first thing that is wrong.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let mut reader = Reader { bytes, at: 0 };
    let result = (|| {
        if bytes.len() > MAX_SIZE {
            return Err(format!("{} bytes, over the bound of {MAX_SIZE}", bytes.len()));
        }
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err("starts with a byte order mark".to_owned());
        }
        if let Err(e) = std::str::from_utf8(bytes) {
            reader.at = e.valid_up_to();
            return Err("not UTF-8".to_owned());
        }
        let value = reader.value(0)?;
        reader.space();
        if reader.at < bytes.len() {
            return Err("more text after the document".to_owned());
        }
        Ok(value)
    })();
    result.map_err(|what| {
        let (line, column) = line_column(bytes, reader.at);
        JsonError { line, column, what }
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        self.space();
        let offset = self.at;
        let value = match self.peek() {
            None => return Err("the document ends where a value should be".to_owned()),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
        };
        Ok(Json { value, offset })
    }

    fn word(&mut self) -> Result<Value, String> {
        for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("not a JSON value".to_owned())
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.enter(depth)?;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.comma_or(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.enter(depth)?;
        let mut members = BTreeMap::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err("a key in double quotes should be here".to_owned());
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err("':' should be here".to_owned());
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            if members.contains_key(&key) {
                self.at = key_at;
                return Err(format!("duplicate key \"{}\"", crate::text::Shown::new(&key)));
            }
            members.insert(key, value);
            if self.comma_or(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), String> {
        if depth >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        self.at += 1;
        Ok(())
    }

    /// True at the closing character, false at a comma.
    fn comma_or(&mut self, close: u8) -> Result<bool, String> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(c) if c == close => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(format!("',' or '{}' should be here", char::from(close))),
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        let mut exact = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err("a digit should be here".to_owned()),
        }
        if self.peek() == Some(b'.') {
            exact = false;
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            exact = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        let integer = text.parse::<i128>().ok().filter(|n| exact && i64::try_from(*n).is_ok() | u64::try_from(*n).is_ok());
        Ok(integer.map_or(Value::Number(text), Value::Integer))
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), String> {
        let start = self.at;
        self.digits();
        if self.at == start { Err("a digit should be here".to_owned()) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let Some(c) = self.peek() else { return Err("the string does not end".to_owned()) };
            match c {
                b'"' => {
                    self.at += 1;
                    return String::from_utf8(out).map_err(|_| "not UTF-8".to_owned());
                }
                b'\\' => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return Err("a raw control character in a string".to_owned()),
                _ => {
                    out.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or("the string does not end")?;
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex4()?;
                let value = if (0xD800..0xDC00).contains(&high) {
                    if self.peek() != Some(b'\\') || self.bytes.get(self.at + 1) != Some(&b'u') {
                        return Err("half of a surrogate pair".to_owned());
                    }
                    self.at += 2;
                    let low = self.hex4()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err("half of a surrogate pair".to_owned());
                    }
                    0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                } else {
                    high
                };
                char::from_u32(value).ok_or("half of a surrogate pair")?
            }
            _ => {
                self.at -= 1;
                return Err("not an escape of JSON".to_owned());
            }
        })
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| char::from(c).to_digit(16)).ok_or("four hexadecimal digits should be here")?;
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes()).map_or_else(|e| e.to_string(), |v| format!("accepted: {v:?}"))
    }

    #[test]
    fn reads_a_document_with_places() {
        let json = parse(b"{\"a\": [1, -2, 1.5, \"x\\u00e9\\ud83d\\ude00\"],\n \"b\": null}").expect("valid");
        assert_eq!(json.at(&["a"]).and_then(|a| a.as_array()).map(<[Json]>::len), Some(4));
        let b = json.get("b").expect("b");
        assert_eq!(line_column(b"{\"a\": [1, -2, 1.5, \"x\\u00e9\\ud83d\\ude00\"],\n \"b\": null}", b.offset), (2, 7));
        assert_eq!(json.get("a").and_then(|a| a.as_array()).and_then(|a| a[3].as_str()), Some("xé😀"));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_eq!(error("{\"a\":1,\n \"a\":2}"), "line 2, column 2: duplicate key \"a\"");
        assert_eq!(error("{\"a\":{\"b\":1,\"b\":1}}"), "line 1, column 13: duplicate key \"b\"");
        assert_eq!(error("[1,]"), "line 1, column 4: not a JSON value");
        assert_eq!(error("[1] 2"), "line 1, column 5: more text after the document");
        assert_eq!(error(""), "line 1, column 1: the document ends where a value should be");
        assert_eq!(error("\u{feff}1"), "line 1, column 1: starts with a byte order mark");
        assert!(error(&"[".repeat(100_000)).contains("nested deeper than 64"));
        assert!(error("\"\\ud800\"").contains("surrogate"));
        assert!(error("01").contains("more text"));
    }

    #[test]
    fn integers_are_exact_or_kept_as_written() {
        assert_eq!(parse(b"18446744073709551615").map(|j| j.value), Ok(Value::Integer(18_446_744_073_709_551_615)));
        assert_eq!(parse(b"100000000000000000000000000001").map(|j| j.value), Ok(Value::Number("100000000000000000000000000001".into())));
    }
}
