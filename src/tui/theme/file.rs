//! Reading the file of a theme.

use std::collections::BTreeMap;

use ratatui::style::Modifier;
use serde::Deserialize;
use toml::Spanned;

use super::{Look, Paint, Palette};
use crate::text::Role;
use crate::tui::settings::place;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    about: String,
    ground: Option<Ground>,
    roles: BTreeMap<Spanned<String>, Drawn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ground {
    text: Spanned<String>,
    back: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Drawn {
    fg: Option<Spanned<String>>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
    reversed: bool,
}

pub(super) fn parse(text: &str) -> Result<Palette, String> {
    let file: ThemeFile = toml::from_str(text).map_err(|e| place(text, e.span(), e.message()))?;
    let paint = |name: &Spanned<String>| {
        let why =
            || place(text, Some(name.span()), &format!("no colour: {}; `#rrggbb`, or one of the terminal's such as `red`", name.get_ref()));
        Paint::parse(name.get_ref()).ok_or_else(why)
    };
    let ground = match &file.ground {
        Some(ground) => Some((paint(&ground.text)?, paint(&ground.back)?)),
        None => None,
    };
    let mut looks = [None; Role::ALL.len()];
    for (name, drawn) in &file.roles {
        let at = Role::ALL.iter().position(|r| r.name() == name.get_ref());
        let slot = at.and_then(|at| looks.get_mut(at));
        let Some(slot) = slot else {
            return Err(place(text, Some(name.span()), &format!("unknown field `{}`: the roles are {}", name.get_ref(), names())));
        };
        let all = [
            (drawn.bold, Modifier::BOLD),
            (drawn.dim, Modifier::DIM),
            (drawn.italic, Modifier::ITALIC),
            (drawn.underlined, Modifier::UNDERLINED),
            (drawn.reversed, Modifier::REVERSED),
        ];
        let modifier = all.iter().filter(|(set, _)| *set).map(|(_, m)| *m).collect();
        *slot = Some(Look { paint: drawn.fg.as_ref().map(paint).transpose()?, modifier });
    }
    let mut out = [Look::default(); Role::ALL.len()];
    for ((slot, look), role) in out.iter_mut().zip(looks).zip(Role::ALL) {
        *slot = look.ok_or_else(|| format!("the role `{}` is missing: every role is drawn in some way (`{{}}` is plain)", role.name()))?;
    }
    Ok(Palette { about: file.about, ground, looks: out })
}

fn names() -> String {
    Role::ALL.map(Role::name).join(", ")
}
