//! What a role looks like. The words and marks carry every meaning; a theme only repeats it.

use ratatui::style::{Color, Modifier, Style};

use crate::text::Role;

/// How the console is drawn: colours and glyphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Whether colours are used at all.
    pub colour: bool,
    /// Whether only ASCII is used for our own glyphs (terminals that draw ambiguous characters two cells wide).
    pub ascii: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self { colour: true, ascii: false }
    }
}

impl Theme {
    /// The theme that the environment asks for: `NO_COLOR`, `TERM=dumb` and `COUNTERSIGN_GLYPHS=ascii`.
    #[must_use]
    pub fn from_environment() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let is = |name: &str, value: &str| std::env::var_os(name).is_some_and(|v| v == value);
        Self { colour: !set("NO_COLOR") && !is("TERM", "dumb"), ascii: is("COUNTERSIGN_GLYPHS", "ascii") || is("TERM", "linux") }
    }

    /// The style of a role; on the selected row the whole row is reversed, so what is reversed elsewhere is underlined there.
    #[must_use]
    pub fn style(self, role: Role, selected: bool) -> Style {
        let base = if selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        let turned = if selected { Modifier::UNDERLINED | Modifier::BOLD } else { Modifier::REVERSED };
        let (colour, modifier) = match role {
            Role::Text => (None, Modifier::empty()),
            // Not bright black: in some palettes that is the background.
            Role::Dim => (None, Modifier::DIM),
            Role::Title => (None, Modifier::BOLD),
            Role::Good => (Some(Color::Cyan), Modifier::empty()),
            Role::Bad => (Some(Color::Red), Modifier::BOLD),
            Role::Explained => (None, Modifier::empty()),
            Role::Unknown => (None, Modifier::BOLD),
            Role::Shipped => (Some(Color::Red), turned | Modifier::BOLD),
            Role::Rebuilt => (Some(Color::Cyan), turned),
            Role::Relocated => (None, Modifier::UNDERLINED),
            Role::Hidden => (Some(Color::Red), turned),
            Role::Key => (None, Modifier::BOLD),
            Role::Claim => (None, Modifier::ITALIC),
            Role::Comment => (None, Modifier::DIM),
            Role::Keyword => (Some(Color::Blue), Modifier::empty()),
            Role::Literal => (Some(Color::Magenta), Modifier::empty()),
            Role::Name => (None, Modifier::empty()),
        };
        let style = base.add_modifier(modifier);
        match colour {
            Some(colour) if self.colour && !selected => style.fg(colour),
            _ => style,
        }
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

    const ROLES: [Role; 17] = [
        Role::Text,
        Role::Dim,
        Role::Title,
        Role::Good,
        Role::Bad,
        Role::Explained,
        Role::Unknown,
        Role::Shipped,
        Role::Rebuilt,
        Role::Relocated,
        Role::Hidden,
        Role::Key,
        Role::Claim,
        Role::Comment,
        Role::Keyword,
        Role::Literal,
        Role::Name,
    ];

    #[test]
    fn the_mono_theme_sets_no_colour() {
        let mono = Theme { colour: false, ascii: false };
        for role in ROLES {
            for selected in [false, true] {
                let style = mono.style(role, selected);
                assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
            }
        }
    }

    #[test]
    fn every_role_on_the_selected_row_is_reversed() {
        for role in ROLES {
            assert!(Theme::default().style(role, true).add_modifier.contains(Modifier::REVERSED));
        }
    }

    #[test]
    fn ascii_glyphs_keep_the_width() {
        let text = "─│┌ …·→ ok";
        let plain = Theme { colour: true, ascii: true }.glyphs(text);
        assert!(plain.is_ascii());
        assert_eq!(plain.chars().count(), text.chars().count());
    }
}
