//! What a role looks like. The words and marks carry every meaning; a theme only repeats it.
//!
//! Themes are files (`themes/*.toml`, those of the reviewer's configuration folder go first), never anything of a bundle.

mod colour;
mod file;

use std::sync::OnceLock;

use ratatui::style::{Modifier, Style};

pub use colour::Level;
pub(crate) use colour::Paint;

use crate::text::Role;

/// The themes that are built in: name and text.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("default", include_str!("../../themes/default.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind-safe", include_str!("../../themes/colour-blind-safe.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How one role is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) paint: Option<Paint>,
    pub(crate) modifier: Modifier,
}

/// A theme as its file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// One sentence on it.
    pub about: String,
    /// Text and background; `None` leaves both to the terminal.
    pub(crate) ground: Option<(Paint, Paint)>,
    pub(crate) looks: [Look; Role::ALL.len()],
}

impl Palette {
    /// Reads a theme.
    ///
    /// # Errors
    /// In words, with line and column: an unknown field or colour, a role that is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        file::parse(text)
    }

    /// A theme that is built in.
    #[must_use]
    pub fn built_in(name: &str) -> Option<&'static Self> {
        static ALL: OnceLock<Vec<(&str, Palette)>> = OnceLock::new();
        // A test reads each of them.
        let all = ALL.get_or_init(|| BUILT_IN.iter().filter_map(|(name, text)| Some((*name, Self::parse(text).ok()?))).collect());
        all.iter().find(|(n, _)| *n == name).map(|(_, palette)| palette)
    }
}

/// How the console is drawn: colours and glyphs.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    palette: Option<&'static Palette>,
    /// What the terminal can show.
    level: Level,
    /// Whether only ASCII is used for our own glyphs (terminals that draw ambiguous characters two cells wide).
    pub ascii: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self::new(Palette::built_in("default"), Level::Sixteen, false)
    }
}

impl Theme {
    /// A theme for a terminal that can show that. Where it has 16 colours or none, the themes with colours of their own give way to
    /// those that leave colours to the terminal.
    #[must_use]
    pub fn new(palette: Option<&'static Palette>, level: Level, ascii: bool) -> Self {
        let palette = match level {
            Level::Mono => Palette::built_in("mono"),
            Level::Sixteen if palette.is_some_and(|p| p.ground.is_some()) => Palette::built_in("default"),
            _ => palette,
        };
        Self { palette, level, ascii }
    }

    /// The style of the whole window.
    #[must_use]
    pub fn ground(self) -> Style {
        match self.palette.and_then(|p| p.ground) {
            Some((text, back)) => Style::new().fg(text.at(self.level)).bg(back.at(self.level)),
            None => Style::new(),
        }
    }

    /// The style of a role; on the selected row the whole row is reversed, so what is reversed elsewhere is underlined there.
    #[must_use]
    pub fn style(self, role: Role, selected: bool) -> Style {
        let look = self.palette.and_then(|p| p.looks.get(role as usize)).copied().unwrap_or_default();
        let mut modifier = look.modifier;
        if selected {
            if modifier.contains(Modifier::REVERSED) {
                modifier = (modifier - Modifier::REVERSED) | Modifier::UNDERLINED | Modifier::BOLD;
            }
            return Style::new().add_modifier(modifier | Modifier::REVERSED);
        }
        let style = Style::new().add_modifier(modifier);
        look.paint.map_or(style, |paint| style.fg(paint.at(self.level)))
    }

    /// A text with our own glyphs replaced when only ASCII may be drawn; every replacement is one cell wide too.
    #[must_use]
    pub fn glyphs(self, text: &str) -> String {
        if !self.ascii || text.is_ascii() {
            return text.to_owned();
        }
        let plain = |c| match c {
            '─' => '-',
            '│' => '|',
            '┌' | '┐' | '└' | '┘' | '├' | '┤' => '+',
            '·' => '-',
            '…' => '.',
            '→' => '>',
            other => other,
        };
        text.chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (&'static str, Palette)> {
        BUILT_IN.iter().map(|(name, text)| (*name, Palette::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"))))
    }

    #[test]
    fn the_mono_theme_sets_no_colour_and_is_what_a_terminal_without_colours_gets() {
        for name in ["mono", "dark", "default"] {
            let mono = Theme::new(Palette::built_in(name), Level::Mono, false);
            for role in Role::ALL {
                for selected in [false, true] {
                    let style = mono.style(role, selected);
                    assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
                }
            }
            assert_eq!(mono.ground(), Style::new());
        }
    }

    #[test]
    fn every_role_on_the_selected_row_is_reversed() {
        for (name, _) in all() {
            let theme = Theme::new(Palette::built_in(name), Level::True, false);
            for role in Role::ALL {
                assert!(theme.style(role, true).add_modifier.contains(Modifier::REVERSED), "{name} {role:?}");
            }
        }
    }

    /// WCAG 2.2, 1.4.3: at least 4.5 to 1, for themes that bring their own background.
    #[test]
    fn every_text_stands_out_from_its_background() {
        for (name, palette) in all() {
            let Some((text, back)) = palette.ground else {
                assert!(matches!(name, "default" | "mono"), "{name} leaves its background to the terminal");
                continue;
            };
            let least = if name == "high-contrast" { 7.0 } else { 4.5 };
            for level in [Level::True, Level::Indexed] {
                for (role, look) in Role::ALL.iter().zip(palette.looks) {
                    let ratio = look.paint.unwrap_or(text).contrast(back, level);
                    assert!(ratio >= least, "{name}: {role:?} has {ratio:.2} to 1 ({level:?})");
                }
            }
        }
    }

    #[test]
    fn what_differs_never_looks_like_what_is_the_same() {
        for (name, _) in all() {
            for level in [Level::Mono, Level::Sixteen, Level::Indexed, Level::True] {
                let theme = Theme::new(Palette::built_in(name), level, false);
                assert_ne!(theme.style(Role::Bad, false), theme.style(Role::Good, false), "{name} {level:?}");
                assert_ne!(theme.style(Role::Shipped, false), theme.style(Role::Rebuilt, false), "{name} {level:?}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_theme_is_said_with_its_place() {
        let text = BUILT_IN[0].1;
        for (from, to, wanted) in [
            ("fg = \"cyan\" }\nbad", "fg = \"sky\" }\nbad", "line 7, column 15: no colour: sky"),
            ("literal = ", "#", "the role `literal` is missing"),
            ("[roles]", "[roles]\nmood = {}", "unknown field `mood`"),
            ("about", "ground = { text = \"#12345\", back = \"#000000\" }\nabout", "no colour: #12345"),
        ] {
            let error = Palette::parse(&text.replacen(from, to, 1)).expect_err(to);
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn ascii_glyphs_keep_the_width() {
        let text = "─│┌ …·→ ok";
        let plain = Theme { ascii: true, ..Theme::default() }.glyphs(text);
        assert!(plain.is_ascii());
        assert_eq!(plain.chars().count(), text.chars().count());
    }
}
