//! The records of a pax extended header: `LENGTH KEY=VALUE\n`.

use std::collections::BTreeSet;

/// What the records say that matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

/// Reads the records of one header, strictly: any deviation is told.
pub(super) fn records(data: &[u8], global: bool) -> Result<Records, String> {
    let mut out = Records::default();
    let mut seen = BTreeSet::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (key, value, after) = record(rest).ok_or("an extension header whose records do not parse")?;
        rest = after;
        if !seen.insert(key) {
            return Err(format!("an extension header with two records {}", crate::text::Shown::of_bytes(key).cut(60)));
        }
        if key.starts_with(b"GNU.sparse") {
            return Err("a sparse file, whose data readers disagree about".into());
        }
        let decides = matches!(key, b"path" | b"linkpath" | b"size" | b"hdrcharset" | b"charset");
        if global && decides {
            return Err(format!("a global header that sets {} for all members", String::from_utf8_lossy(key)));
        }
        if decides && (value.is_empty() || value.contains(&0)) {
            return Err(format!("an extension header whose {} is empty or has a NUL", String::from_utf8_lossy(key)));
        }
        match key {
            b"path" => out.path = Some(value.to_vec()),
            b"linkpath" => out.link = Some(value.to_vec()),
            b"size" => out.size = Some(decimal(value).ok_or("an extension header whose size is not a number")?),
            b"hdrcharset" if value != b"ISO-IR 10646 2000 UTF-8" && value != b"BINARY" => {
                return Err("an extension header in another character set than UTF-8".into());
            }
            b"charset" => return Err("a member in another character set".into()),
            _ => {}
        }
    }
    Ok(out)
}

type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn record(data: &[u8]) -> Option<Record<'_>> {
    let space = data.iter().take(10).position(|b| *b == b' ')?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    let (record, after) = data.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|b| *b == b'=').filter(|i| *i > 0)?;
    Some((&body[..equals], &body[equals + 1..], after))
}

/// Decimal digits only, no sign, no leading zero.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_strictly() {
        assert_eq!(records(b"10 path=a\n10 size=7\n", false), Ok(Records { path: Some(b"a".to_vec()), link: None, size: Some(7) }));
        for bad in [
            &b"10 path=a\n10 path=b\n"[..],
            b"11 path=a\n",
            b"10 path=a",
            b"010 path=a\n",
            b"9 path=a\n\n",
            b"8 path=\n",
            b"12 path=a\0b\n",
            b"10 size=x\n",
            b"11 size=07\n",
            b"20 GNU.sparse.map=1\n",
            b"10 path=a\n\0\0",
            b"6 =ab\n",
        ] {
            assert!(records(bad, false).is_err(), "{} accepted", String::from_utf8_lossy(bad));
        }
        assert!(records(b"10 path=a\n", true).is_err());
        assert_eq!(records(b"13 comment=x\n", true), Ok(Records::default()));
    }
}
