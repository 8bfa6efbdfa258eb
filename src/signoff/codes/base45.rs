//! base45 (RFC 9285): bytes as the characters that a QR code holds most of.

/// Its characters, by their values.
pub(super) const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Two bytes are three characters, a last one is two.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for pair in bytes.chunks(2) {
        let mut rest = pair.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        for _ in 0..=pair.len() {
            out.extend(ALPHABET.get(rest % 45).map(|c| char::from(*c)));
            rest /= 45;
        }
    }
    out
}

/// The bytes, or the character (from 1) that cannot be there.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for (n, group) in text.as_bytes().chunks(3).enumerate() {
        let at = |i: usize| n * 3 + i + 1;
        let mut value = 0usize;
        for (i, c) in group.iter().enumerate().rev() {
            value = value * 45 + ALPHABET.iter().position(|a| a == c).ok_or(at(i))?;
        }
        // A character alone is no byte, and a group may not stand for more than its bytes hold.
        match (group.len(), u8::try_from(value), u16::try_from(value)) {
            (3, _, Ok(two)) => out.extend_from_slice(&two.to_be_bytes()),
            (2, Ok(one), _) => out.push(one),
            _ => return Err(at(0)),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (bytes, text) in
            [(&b"AB"[..], "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")]
        {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text), Ok(bytes.to_vec()));
        }
        let all: Vec<u8> = (0..=255).chain(0..=254).collect();
        assert_eq!(decode(&encode(&all)), Ok(all));
        for (text, at) in
            [("FGW", Ok(vec![255, 255])), ("GGW", Err(1)), (":::", Err(1)), ("BB8a", Err(4)), ("BB8B", Err(4)), ("BB::", Err(1))]
        {
            assert_eq!(decode(text), at, "{text}");
        }
    }
}
