//! BER in the forms that signing tools of macOS write: lengths that are told by an end. The same as DER, so that it is read as everything
//! else is.

/// Parts inside of each other.
const MAX_DEPTH: usize = 32;

/// The same content with all lengths given, when `bytes` is one element from the first byte to the last.
pub(crate) fn to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    let (out, rest) = element(bytes, 0)?;
    rest.is_empty().then_some(out)
}

/// The first element as DER, and what stands behind it.
fn element(bytes: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let built = tag & 0x20 != 0;
    // Numbers of several bytes are no part of a signature.
    if depth > MAX_DEPTH || tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match rest {
        [n @ 0..=0x7f, rest @ ..] => (Some(usize::from(*n)), rest),
        [0x80, rest @ ..] => (None, rest),
        [n @ 0x81..=0x84, rest @ ..] => {
            let (digits, rest) = rest.split_at_checked(usize::from(n & 0x7f))?;
            let length = digits.iter().fold(0usize, |all, b| all << 8 | usize::from(*b));
            // The same number in another form would be another file with the same meaning.
            if digits.first() == Some(&0) || length < 0x80 {
                return None;
            }
            (Some(length), rest)
        }
        _ => return None,
    };
    let mut inner = Vec::new();
    let rest = match length {
        Some(length) => {
            let (mut content, rest) = rest.split_at_checked(length)?;
            if !built {
                inner = content.to_vec();
            }
            while built && !content.is_empty() {
                let (part, left) = element(content, depth + 1)?;
                inner.extend(part);
                content = left;
            }
            rest
        }
        None => {
            let mut left = rest;
            while built && !left.starts_with(&[0, 0]) {
                let (part, behind) = element(left, depth + 1)?;
                inner.extend(part);
                left = behind;
            }
            left.strip_prefix(&[0, 0]).filter(|_| built)?
        }
    };
    let mut out = vec![*tag];
    match inner.len() {
        n @ 0..=0x7f => out.push(u8::try_from(n).ok()?),
        n => {
            let all = n.to_be_bytes();
            let digits = all.get(all.iter().position(|b| *b != 0)?..)?;
            out.push(0x80 | u8::try_from(digits.len()).ok()?);
            out.extend(digits);
        }
    }
    out.extend(inner);
    Some((out, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_are_told_by_an_end_are_given() {
        let long = [&[4, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(to_der(&long), Some(long.clone()));
        assert_eq!(to_der(b"\x30\x80\xa0\x80\x02\x01\x05\0\0\x05\0\0\0"), Some(b"\x30\x07\xa0\x03\x02\x01\x05\x05\0".to_vec()));
        let outer = [&[0x30, 0x80][..], &long, &[0, 0]].concat();
        assert_eq!(to_der(&outer), Some([&[0x30, 0x81, 0x83][..], &long].concat()));
    }

    #[test]
    fn nothing_stands_beside_it() {
        for odd in [
            &b"\x30\x80\x02\x01\x05"[..],
            b"\x30\x80\x02\x01\x05\0\0\0",
            b"\x04\x80abc\0\0",
            b"\x04\x81\x03abc",
            b"\x04\x82\0\x80abc",
            b"\x30\x04\x02\x01",
            b"\x1f\x01\0",
            b"\x30\x03\x02\x01",
            b"",
        ] {
            assert_eq!(to_der(odd), None, "{odd:?}");
        }
        assert_eq!(to_der(&[0x30, 0x80].repeat(100)), None, "without an end");
    }
}
