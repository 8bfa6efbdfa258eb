//! The bounds that a room may set in its policy. `docs/limits.md` lists these and every other; a test holds both together.

/// What a bound counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files, members, levels.
    Count,
}

/// One bound that a room may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its name in `[limits]` of the policy.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Without a policy.
    pub default: u64,
    /// The highest that a policy may say.
    pub most: u64,
    /// What it bounds.
    pub what: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

macro_rules! limits {
    ($($name:ident: $unit:ident, $default:expr, $most:expr, $what:literal, $beyond:literal;)*) => {
        /// The bounds in force. Over a bound means "not examined", never "clean".
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $what] pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// The bounds that a room may set.
        pub const LIMITS: &[Bound] = &[
            $(Bound { name: stringify!($name), unit: Unit::$unit, default: $default, most: $most, what: $what, beyond: $beyond },)*
        ];

        impl Limits {
            /// Each bound with its value.
            fn each(&self) -> impl Iterator<Item = (&'static Bound, u64)> {
                LIMITS.iter().zip([$(self.$name,)*])
            }

            /// The place of the bound of that name.
            pub(crate) fn place(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

limits! {
    artifact_size: Bytes, 4 << 30, 64 << 30,
        "a file that is compared, of either side, and of debug information", "the pair is not examined";
    opened_size: Bytes, 2 << 30, 64 << 30,
        "an artifact that is opened to look for what is in it (bills of materials, `--expect`, the search, detached signatures)",
        "a note says that it was not opened: what was looked for may be in it";
    compared_expanded: Bytes, 448 << 20, 64 << 30,
        "what all containers and streams of one pair expand to, both sides together; 20 times the input is always allowed",
        "the pair is not examined";
    compared_members: Count, 200_000, 10_000_000, "members of all containers of one pair", "the container is not examined";
    compared_depth: Count, 8, 64, "containers inside containers", "the innermost is not examined";
    source_file_size: Bytes, 64 << 20, 4 << 30,
        "a file of the source that is shown, searched and counted", "`source.bound`: a person must judge it";
    archive_size: Bytes, 2 << 30, 64 << 30, "an archive of the source, as it is packed", "`source.bound`: there is no source tree";
    archive_expanded: Bytes, 512 << 20, 64 << 30,
        "what such an archive expands to; 20 times its size is always allowed, up to 2 GiB", "`source.bound`: there is no source tree";
    archive_members: Count, 200_000, 10_000_000, "members of such an archive", "`source.bound`: there is no source tree";
    further_size: Bytes, 256 << 20, 64 << 30,
        "an archive beside the reviewed source, as it is packed", "it is not opened: `source.bound` or `source.archive`";
    further_sources: Count, 64, 10_000, "sources and archives beside the reviewed one", "`source.further`: nothing of the rest is shown or compared";
}

impl Limits {
    /// Those that are not the default, in words; empty when all are.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let changed = self.each().filter(|(bound, value)| *value != bound.default);
        changed
            .map(|(bound, value)| format!("{} = {} (default {})", bound.name, bound.unit.words(value), bound.unit.words(bound.default)))
            .collect()
    }
}

impl Unit {
    /// A value of it, as a policy may say it.
    #[must_use]
    pub fn words(self, value: u64) -> String {
        if self == Self::Bytes {
            for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
                if value != 0 && value.trailing_zeros() >= shift {
                    return format!("{} {unit}", value >> shift);
                }
            }
        }
        value.to_string()
    }

    /// The value that those words are.
    #[must_use]
    pub fn read(self, words: &str) -> Option<u64> {
        if let Some((number, unit)) = words.split_once(' ') {
            let shift = [("GiB", 30), ("MiB", 20), ("KiB", 10)].iter().find(|(name, _)| *name == unit).filter(|_| self == Self::Bytes)?.1;
            return number.parse::<u64>().ok()?.checked_mul(1 << shift);
        }
        words.parse().ok()
    }
}

/// The table of `docs/limits.md`.
#[must_use]
pub fn limits_markdown() -> String {
    let mut out = "| name | default | at most | what it bounds | beyond it |\n|---|---|---|---|---|\n".to_owned();
    for bound in LIMITS {
        let (default, most) = (bound.unit.words(bound.default), bound.unit.words(bound.most));
        out.push_str(&format!("| `{}` | {default} | {most} | {} | {} |\n", bound.name, bound.what, bound.beyond));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_each_name_has_its_place() {
        for bound in LIMITS {
            for value in [bound.default, bound.most, 1, 1000] {
                assert_eq!(bound.unit.read(&bound.unit.words(value)), Some(value), "{}", bound.name);
            }
            let mut limits = Limits::default();
            assert_eq!(limits.place(bound.name).copied(), Some(bound.default));
            *limits.place(bound.name).unwrap() = bound.most;
            assert_eq!(limits.changes().len(), 1, "{}", bound.name);
        }
        assert_eq!(Unit::Count.read("1 GiB"), None);
        assert_eq!(Unit::Bytes.read("99999999999 GiB"), None);
        assert_eq!(Limits::default().changes(), Vec::<String>::new());
    }
}
