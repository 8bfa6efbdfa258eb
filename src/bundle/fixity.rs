//! Declared digests against computed ones.

use crate::digest::{Algorithm, Digest, Sha256};
use crate::model::{Fixity, PayloadFile};

/// How a file stands to what is declared of it. `loose` says that there is no manifest at all; `sha256` and `others` are what hashing
/// gave. A declared digest that was not computed is not agreement: the file is then weak at best.
#[must_use]
pub fn fixity(file: &PayloadFile, loose: bool, sha256: Option<&Sha256>, others: &[Digest]) -> Fixity {
    if !file.present {
        return Fixity::Missing;
    }
    let Some(sha256) = sha256 else { return Fixity::Unreadable };
    if file.declared.is_empty() {
        return if loose { Fixity::Undeclared } else { Fixity::Extra };
    }
    let mut strong = false;
    let mut compared = true;
    for declared in &file.declared {
        let equal = match declared.algorithm {
            Algorithm::Sha256 => Some(declared.bytes == sha256.0),
            other => others.iter().find(|d| d.algorithm == other).map(|ours| ours == declared),
        };
        match equal {
            Some(false) => return Fixity::Altered,
            Some(true) => strong |= declared.algorithm.is_strong(),
            None => compared = false,
        }
    }
    if strong && compared { Fixity::Intact } else { Fixity::Weak }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Hasher;
    use crate::model::FileRole;

    fn file(declared: Vec<Digest>) -> PayloadFile {
        PayloadFile { path: "data/a".into(), role: FileRole::Other, size: 3, declared, present: true }
    }

    #[test]
    fn every_state_has_its_condition() {
        let mut hasher = Hasher::new(&[Algorithm::Md5, Algorithm::Sha512]);
        hasher.update(b"abc");
        let (sha, others, _) = hasher.finish();
        let (md5, sha512) = (others[0].clone(), others[1].clone());
        let wrong = Digest::from(Sha256::of(b"abd"));
        let state = |declared: Vec<Digest>, others: &[Digest]| fixity(&file(declared), false, Some(&sha), others);
        assert_eq!(state(vec![sha.into()], &[]), Fixity::Intact);
        assert_eq!(state(vec![sha512.clone()], &others), Fixity::Intact);
        assert_eq!(state(vec![sha512.clone(), sha.into()], &[]), Fixity::Weak, "sha512 was not compared");
        assert_eq!(state(vec![md5.clone()], &others), Fixity::Weak);
        assert_eq!(state(vec![sha512, wrong.clone(), md5], &others), Fixity::Altered, "one of three disagrees");
        assert_eq!(state(vec![wrong], &[]), Fixity::Altered);
        assert_eq!(state(vec![], &[]), Fixity::Extra);
        assert_eq!(fixity(&file(vec![]), true, Some(&sha), &[]), Fixity::Undeclared);
        assert_eq!(fixity(&file(vec![sha.into()]), false, None, &[]), Fixity::Unreadable);
        assert_eq!(fixity(&PayloadFile { present: false, ..file(vec![sha.into()]) }, false, None, &[]), Fixity::Missing);
    }
}
