//! Who signed, counted: several keys of one person are one, and one person stands for one role at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Person, Policy, Threshold};
use crate::provenance::AllowedSigners;
use crate::text::Shown;

/// Which key belongs to whom, by the policy and the reviewer's `allowed_signers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    people: Vec<Person>,
    /// Index of the person by the fingerprint of a key.
    by_key: BTreeMap<String, usize>,
}

/// What a threshold lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The role.
    pub role: String,
    /// How many different people of that role signed, none of them counted for another role too.
    pub have: u32,
    /// How many must have.
    pub need: u32,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = Shown::new(&self.role).cut(80);
        write!(f, "{} of {} signatures by different people of the role {role}", self.have, self.need)
    }
}

impl Quorum {
    /// Puts the policy's people and the keys of `allowed_signers` together. Without people in the policy every line of
    /// `allowed_signers` is a person of that name without a role; two lines of the same principals are one person.
    ///
    /// # Errors
    /// When one key would be that of two people: its signature would count for both.
    pub fn new(policy: &Policy, signers: &AllowedSigners) -> Result<Self, String> {
        let mut quorum = Self { people: policy.people.clone(), by_key: BTreeMap::new() };
        for (index, person) in policy.people.iter().enumerate() {
            // The identity of a Sigstore certificate stands for a key.
            for key in person.keys.iter().chain(&person.principals) {
                quorum.take(key, index)?;
            }
        }
        for entry in signers.entries() {
            let names: BTreeSet<&str> = entry.principals.split(',').collect();
            let index = if policy.people.is_empty() {
                quorum.people.iter().position(|p| p.name == entry.principals).unwrap_or_else(|| {
                    let (name, none) = (entry.principals.clone(), BTreeSet::new);
                    quorum.people.push(Person { name, roles: none(), keys: none(), principals: none() });
                    quorum.people.len() - 1
                })
            } else {
                let theirs = |p: &Person| p.principals.iter().any(|n| names.contains(n.as_str()));
                let mut all = policy.people.iter().enumerate().filter(|(_, p)| theirs(p)).map(|(i, _)| i);
                let Some(first) = all.next() else { continue };
                if let Some(second) = all.next() {
                    return Err(quorum.both(entry.key.fingerprint(), first, second));
                }
                first
            };
            quorum.take(entry.key.fingerprint(), index)?;
        }
        Ok(quorum)
    }

    fn take(&mut self, key: &str, index: usize) -> Result<(), String> {
        match self.by_key.insert(key.to_owned(), index) {
            Some(other) if other != index => Err(self.both(key, other, index)),
            _ => Ok(()),
        }
    }

    fn both(&self, key: &str, one: usize, other: usize) -> String {
        let name = |index: usize| self.people.get(index).map(|p| Shown::new(&p.name).cut(80)).unwrap_or_default();
        format!("the key {} would be both that of {} and that of {}", Shown::new(key).cut(80), name(one), name(other))
    }

    /// Whose a key is, by its fingerprint.
    #[must_use]
    pub fn person(&self, key: &str) -> Option<&Person> {
        self.people.get(*self.by_key.get(key)?)
    }

    /// What of a threshold is not reached by these keys, whose signatures are good. Nobody counts twice: not with two keys,
    /// and not for two roles. Empty when it is reached.
    pub fn missing<'a>(&self, threshold: &Threshold, keys: impl IntoIterator<Item = &'a str>) -> Vec<Missing> {
        let signed: BTreeSet<usize> = keys.into_iter().filter_map(|key| self.by_key.get(key).copied()).collect();
        // A place for each signature that is asked for, and who takes it: a matching by augmenting paths.
        let places: Vec<&str> = threshold.iter().flat_map(|(role, n)| std::iter::repeat_n(role.as_str(), *n as usize)).collect();
        let mut taken: Vec<Option<usize>> = vec![None; places.len()];
        for person in signed {
            self.seat(person, &places, &mut taken, &mut BTreeSet::new());
        }
        let have = |role: &str| places.iter().zip(&taken).filter(|(r, who)| **r == role && who.is_some()).count();
        let short = threshold.iter().map(|(role, need)| (role, u32::try_from(have(role)).unwrap_or(u32::MAX), *need));
        short.filter(|(_, have, need)| have < need).map(|(role, have, need)| Missing { role: role.clone(), have, need }).collect()
    }

    /// Finds a place for a person, moving others to another of their roles where that helps.
    fn seat(&self, person: usize, places: &[&str], taken: &mut [Option<usize>], tried: &mut BTreeSet<usize>) -> bool {
        let Some(roles) = self.people.get(person).map(|p| &p.roles) else { return false };
        for place in 0..places.len() {
            if !roles.contains(places[place]) || !tried.insert(place) {
                continue;
            }
            let free = match taken[place] {
                None => true,
                Some(other) => self.seat(other, places, taken, tried),
            };
            if free {
                taken[place] = Some(person);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPMfrWOMfjZjZTIPCxO/kSVdnrrV3SVYh+ft4i5OhIoN",
    ];

    fn print(letter: char) -> String {
        format!("SHA256:{}", letter.to_string().repeat(43))
    }

    /// People with one key each: `name roles`, the key is that of the name's first letter.
    fn quorum(people: &[&str]) -> Quorum {
        let person = |text: &&str| {
            let (name, roles) = text.split_once(' ').unwrap();
            let roles = roles.split(' ').map(|r| format!("\"{r}\"")).collect::<Vec<_>>().join(",");
            format!("[[people]]\nname = \"{name}\"\nroles = [{roles}]\nkeys = [\"{}\"]\n", print(name.chars().next().unwrap()))
        };
        let text: String = people.iter().map(person).collect();
        Quorum::new(&Policy::parse(&text).unwrap(), &AllowedSigners::default()).unwrap()
    }

    fn missing(quorum: &Quorum, threshold: &[(&str, u32)], signed: &str) -> Vec<String> {
        let keys: Vec<String> = signed.chars().map(print).collect();
        let threshold = threshold.iter().map(|(role, n)| ((*role).to_owned(), *n)).collect();
        quorum.missing(&threshold, keys.iter().map(String::as_str)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_person_counts_once_and_for_one_role() {
        let quorum = quorum(&["ada reviewer", "bob reviewer overseer", "cyd overseer"]);
        let asked = [("reviewer", 2), ("overseer", 1)];
        assert!(missing(&quorum, &asked, "abc").is_empty());
        // Bob is both, and stands for one of them: with him as the second reviewer the overseer is missing.
        assert_eq!(missing(&quorum, &asked, "ab").len(), 1);
        assert_eq!(missing(&quorum, &asked, "aaac"), ["1 of 2 signatures by different people of the role reviewer"]);
        assert_eq!(missing(&quorum, &asked, "xyz").len(), 2, "keys of nobody");
        // Whoever is asked first, a way to seat all of them is found.
        assert!(missing(&quorum, &[("overseer", 1), ("reviewer", 1)], "ab").is_empty());
        assert!(missing(&quorum, &[], "").is_empty());
    }

    #[test]
    fn two_keys_of_one_person_are_one_signature() {
        let text = format!(
            "[[people]]\nname = \"ada\"\nroles = [\"r\"]\nkeys = [\"{}\", \"{}\"]\n[[people]]\nname = \"bob\"\nroles = [\"r\"]\nkeys = [\"{}\"]\n",
            print('a'),
            print('A'),
            print('b')
        );
        let quorum = Quorum::new(&Policy::parse(&text).unwrap(), &AllowedSigners::default()).unwrap();
        assert_eq!(missing(&quorum, &[("r", 2)], "aA").len(), 1);
        assert!(missing(&quorum, &[("r", 2)], "aAb").is_empty());
    }

    #[test]
    fn principals_lead_to_keys_and_a_key_is_nobodys_twice() {
        let signers = AllowedSigners::parse(format!("ada@x,ada@y {}\nbob@x {}\n", KEYS[0], KEYS[1]).as_bytes()).unwrap();
        let policy = |text: &str| Policy::parse(text).unwrap();
        let ada = "[[people]]\nname = \"ada\"\nroles = [\"r\"]\nprincipals = [\"ada@y\"]\n";
        let quorum = Quorum::new(&policy(ada), &signers).unwrap();
        let prints: Vec<&str> = signers.entries().iter().map(|e| e.key.fingerprint()).collect();
        assert_eq!(quorum.person(prints[0]).map(|p| p.name.as_str()), Some("ada"));
        assert_eq!(quorum.person(prints[1]), None, "a key that the policy gives to nobody");
        let both = format!("{ada}[[people]]\nname = \"eve\"\nprincipals = [\"ada@x\"]\n");
        assert!(Quorum::new(&policy(&both), &signers).unwrap_err().contains("both that of ada and that of eve"));
        let both = format!("{ada}[[people]]\nname = \"eve\"\nkeys = [\"{}\"]\n", prints[0]);
        assert!(Quorum::new(&policy(&both), &signers).is_err());
        // Without people each line is somebody.
        let plain = Quorum::new(&Policy::default(), &signers).unwrap();
        assert_eq!(plain.person(prints[1]).map(|p| p.name.as_str()), Some("bob@x"));
    }
}
