//! Keys of the reviewer's own, in place of those of the table.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::{Action, Context, Key, Keys, TABLE};

/// Keys that have a name; every other is one character, or one with `^` before it.
const NAMED: [&str; 15] =
    ["Space", "Enter", "Esc", "Tab", "Shift-Tab", "Backspace", "Up", "Down", "Left", "Right", "PgUp", "PgDn", "Home", "End", "F1"];

/// The keys of some actions, by the name of the action.
type OfActions = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>;
/// The same by screen, as the settings give them.
pub(crate) type Wanted = BTreeMap<Spanned<String>, OfActions>;
type Wrong = (Range<usize>, String);

/// The name of a context in the settings; those of dialogs keep their keys.
fn name(context: Context) -> Option<String> {
    matches!(context, Context::Any | Context::On(_)).then(|| context.name().to_lowercase())
}

/// The name of an action in the settings: `next-item`, `screen-overview`, `answer-yes`.
#[must_use]
pub fn action_name(action: Action) -> String {
    let mut out = String::new();
    for c in format!("{action:?}").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '(') {
        if (c.is_ascii_uppercase() || c == '(') && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if c != '(' {
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

fn is_key(text: &str) -> bool {
    let one = |t: &str| {
        let mut chars = t.strip_prefix('^').filter(|rest| !rest.is_empty()).unwrap_or(t).chars();
        let single = matches!((chars.next(), chars.next()), (Some(c), None) if c.is_ascii_graphic());
        NAMED.contains(&t) || single
    };
    let mut parts = text.split(' ');
    let known = parts.by_ref().take(2).all(one);
    known && parts.next().is_none() && !text.is_empty()
}

/// The table with the keys that the reviewer wants; and what is wrong with them, with its place.
pub(crate) fn keys(wanted: &Wanted) -> Result<Keys, Wrong> {
    if wanted.is_empty() {
        return Ok(Keys::default());
    }
    let mut table: Vec<Key> = TABLE.to_vec();
    let mut places: Vec<(Context, String, Range<usize>)> = Vec::new();
    for (screen, actions) in wanted {
        let context = Context::ALL.into_iter().find(|c| name(*c).as_deref() == Some(screen.get_ref().as_str()));
        let Some(context) = context else {
            let all: Vec<String> = Context::ALL.into_iter().filter_map(name).collect();
            return Err((screen.span(), format!("there is no screen {}; there are {}", shown(screen.get_ref()), all.join(", "))));
        };
        for (action, spelled) in actions {
            let rows: Vec<usize> = (0..table.len())
                .filter(|i| table.get(*i).is_some_and(|k| k.context == context && action_name(k.action) == *action.get_ref()))
                .collect();
            if rows.is_empty() {
                return Err((
                    action.span(),
                    format!("there is no action {} on {}: docs/keys.md has their names", shown(action.get_ref()), screen.get_ref()),
                ));
            }
            let mut all: Vec<&'static str> = Vec::new();
            for key in spelled.get_ref() {
                let text = key.get_ref().as_str();
                if !is_key(text) {
                    return Err((key.span(), format!("no key: {}; such as `w`, `^W`, `F1`, `PgDn` or `g w`", shown(text))));
                }
                places.push((context, text.to_owned(), key.span()));
                // Read once, and kept as long as the program runs.
                all.push(Box::leak(text.to_owned().into_boxed_str()));
            }
            if all.is_empty() {
                return Err((spelled.span(), format!("{} on {} would have no key", action.get_ref(), screen.get_ref())));
            }
            let all: &'static [&'static str] = Box::leak(all.into_boxed_slice());
            for row in rows {
                if let Some(key) = table.get_mut(row) {
                    key.keys = all;
                }
            }
        }
    }
    if let Some((context, text, what)) = conflict(&table) {
        let place = places.iter().find(|(c, t, _)| *c == context && *t == text).or(places.first());
        return Err((place.map_or(0..0, |(_, _, span)| span.clone()), what));
    }
    Ok(Keys(Box::leak(table.into_boxed_slice())))
}

fn shown(text: &str) -> crate::text::Shown {
    crate::text::Shown::new(text)
}

/// What cannot be in a table: a key twice, a key that is also the start of another, a ruling on a key that opens or pages.
pub(super) fn conflict(table: &[Key]) -> Option<(Context, String, String)> {
    let mut seen: BTreeMap<(Context, &str), Action> = BTreeMap::new();
    for row in table {
        for key in row.keys {
            let on = row.context.name().to_lowercase();
            let rules = matches!(row.action, Action::Accept | Action::AcceptGroup | Action::Reject | Action::SignDialog);
            if rules && ["Enter", "Space", "Tab"].contains(key) {
                return Some((row.context, (*key).to_owned(), format!("a ruling is never made with {key}")));
            }
            if let Some(other) = seen.insert((row.context, key), row.action).filter(|other| *other != row.action) {
                let what = format!("{key} on {on} would be {} and {}", action_name(other), action_name(row.action));
                return Some((row.context, (*key).to_owned(), what));
            }
        }
    }
    for (context, key) in seen.keys() {
        if let Some((first, _)) = key.split_once(' ') {
            for place in [*context, Context::Any] {
                if seen.contains_key(&(place, first)) {
                    let on = place.name().to_lowercase();
                    return Some((place, first.to_owned(), format!("{first} on {on} would be a key and the start of {key}")));
                }
            }
        }
    }
    // A key of a screen may be the start of one of every screen.
    seen.keys().filter(|(c, _)| *c == Context::Any).find_map(|(_, key)| {
        let (first, _) = key.split_once(' ')?;
        let on = seen.keys().find(|(c, k)| matches!(c, Context::On(_)) && *k == first)?;
        Some((on.0, first.to_owned(), format!("{first} on {} would be a key and the start of {key}", on.0.name().to_lowercase())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_names_that_a_person_can_type_and_no_two_are_alike_in_a_context() {
        let mut seen = std::collections::BTreeMap::new();
        for row in TABLE {
            let name = action_name(row.action);
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            if let Some(before) = seen.insert((row.context, name.clone()), row.action) {
                assert_eq!(before, row.action, "{name}");
            }
        }
        assert_eq!(action_name(Action::Answer("n/a")), "answer-na");
    }

    #[test]
    fn the_table_itself_has_no_conflict() {
        assert_eq!(conflict(TABLE), None);
    }
}
