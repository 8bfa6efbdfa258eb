//! What the reviewer sets: theme, glyphs, colours and keys. It comes from the command line, the environment and the configuration
//! folder, in that order; nothing of it comes from a bundle.

use serde::Deserialize;
use toml::Spanned;

use super::keymap::{Keys, custom};
use super::theme::{BUILT_IN, Level, Palette, Theme};
use crate::session::SettingsFiles;
use crate::text::Role;

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Where the terminal has them, and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Also where `NO_COLOR` is set.
    Always,
    /// Never.
    Never,
}

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// A theme by its name.
    pub theme: Option<String>,
    /// When colours are used.
    pub colour: Option<Colour>,
    /// Only ASCII for our own glyphs.
    pub ascii: bool,
    /// Leave the mouse to the terminal.
    pub no_mouse: bool,
    /// Line by line, for a screen reader.
    pub plain: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    theme: Option<Spanned<String>>,
    glyphs: Option<Spanned<String>>,
    color: Option<Spanned<Colour>>,
    mouse: Option<Spanned<bool>>,
    plain: Option<Spanned<bool>>,
    keys: custom::Wanted,
}

/// What is in force.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How it is drawn.
    pub theme: Theme,
    /// The keys.
    pub keys: Keys,
    /// Whether the mouse moves and scrolls.
    pub mouse: bool,
    /// Whether the review is done line by line, without a screen.
    pub plain: bool,
    /// Whether this terminal erases with the background that is set; `screen` erases with its own.
    pub erases: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: Theme::default(), keys: Keys::default(), mouse: true, plain: false, erases: true }
    }
}

/// One setting: what it is called, its value, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub from: String,
}

/// `line 3, column 7: what`.
pub(super) fn place(text: &str, span: Option<std::ops::Range<usize>>, what: &str) -> String {
    let what = what.lines().next().unwrap_or_default();
    match span {
        Some(span) => {
            let (line, column) = crate::json::line_column(text.as_bytes(), span.start);
            format!("line {line}, column {column}: {what}")
        }
        None => what.to_owned(),
    }
}

/// What is in force, and where each value comes from.
///
/// # Errors
/// In words that name the file and the place: what cannot be read, an unknown setting, theme, action or key, a conflict of keys.
pub fn settle(wishes: &Wishes, files: &SettingsFiles, env: &dyn Fn(&str) -> Option<String>) -> Result<(Settings, Vec<Origin>), String> {
    let config = files.config.as_deref().unwrap_or_default();
    let in_file = |what: String| format!("{}: {what}", files.config_path);
    let file: ConfigFile = toml::from_str(config).map_err(|e| in_file(place(config, e.span(), e.message())))?;
    let mut origins = Vec::new();
    let mut told = |name: &str, value: &str, from: String| {
        origins.push(Origin { name: name.to_owned(), value: value.to_owned(), from });
    };
    let at = |span: std::ops::Range<usize>| {
        let (line, _) = crate::json::line_column(config.as_bytes(), span.start);
        format!("{}, line {line}", files.config_path)
    };

    let (name, from) = match (&wishes.theme, env("COUNTERSIGN_THEME"), &file.theme) {
        (Some(name), ..) => (name.clone(), "--theme".to_owned()),
        (None, Some(name), _) => (name, "COUNTERSIGN_THEME".to_owned()),
        (None, None, Some(name)) => (name.get_ref().clone(), at(name.span())),
        (None, None, None) => ("default".to_owned(), "built in".to_owned()),
    };
    let own = files.themes.iter().find(|(n, _)| *n == name);
    let palette = match own {
        Some((_, text)) => {
            let palette = Palette::parse(text).map_err(|e| format!("themes/{name}.toml in the configuration folder: {e}"))?;
            // Read once, and kept as long as the program runs.
            Some(&*Box::leak(Box::new(palette)))
        }
        None => Palette::built_in(&name),
    };
    if palette.is_none() {
        let mut known: Vec<&str> = BUILT_IN.iter().map(|(n, _)| *n).chain(files.themes.iter().map(|(n, _)| n.as_str())).collect();
        known.dedup();
        return Err(format!("{from}: there is no theme {}; there are {}", crate::text::Shown::new(&name), known.join(", ")));
    }
    told("theme", &name, if own.is_some() { format!("{from}; themes/{name}.toml of the configuration folder") } else { from });

    let (colour, from) = match (wishes.colour, &file.color) {
        (Some(colour), _) => (colour, "--color".to_owned()),
        (None, Some(colour)) => (*colour.get_ref(), at(colour.span())),
        (None, None) => (Colour::Auto, "built in".to_owned()),
    };
    let (level, why) = level(colour, env);
    told("color", &format!("{} ({why})", format!("{colour:?}").to_lowercase()), from);

    let (ascii, from) = match (wishes.ascii, env("COUNTERSIGN_GLYPHS"), &file.glyphs) {
        (true, ..) => (true, "--ascii".to_owned()),
        (false, Some(word), _) => (word == "ascii", "COUNTERSIGN_GLYPHS".to_owned()),
        (false, None, Some(word)) => match word.get_ref().as_str() {
            "ascii" => (true, at(word.span())),
            "unicode" => (false, at(word.span())),
            other => {
                let what = format!("no glyphs: {}; `unicode` or `ascii`", crate::text::Shown::new(other));
                return Err(in_file(place(config, Some(word.span()), &what)));
            }
        },
        (false, None, None) if env("TERM").as_deref() == Some("linux") => (true, "TERM=linux".to_owned()),
        (false, None, None) => (false, "built in".to_owned()),
    };
    told("glyphs", if ascii { "ascii" } else { "unicode" }, from);

    let (mouse, from) = match (wishes.no_mouse, &file.mouse) {
        (true, _) => (false, "--no-mouse".to_owned()),
        (false, Some(on)) => (*on.get_ref(), at(on.span())),
        (false, None) => (true, "built in".to_owned()),
    };
    told("mouse", if mouse { "on" } else { "off" }, from);

    let (plain, from) = match (wishes.plain, env("COUNTERSIGN_PLAIN"), &file.plain) {
        (true, ..) => (true, "--plain".to_owned()),
        (false, Some(word), _) => (!matches!(word.as_str(), "" | "0"), "COUNTERSIGN_PLAIN".to_owned()),
        (false, None, Some(on)) => (*on.get_ref(), at(on.span())),
        (false, None, None) => (false, "built in".to_owned()),
    };
    told("plain", if plain { "on" } else { "off" }, from);

    let erases = !env("TERM").is_some_and(|term| term.starts_with("screen"));
    let keys = custom::keys(&file.keys).map_err(|(span, what)| in_file(place(config, Some(span), &what)))?;
    for (context, actions) in &file.keys {
        for (action, spelled) in actions {
            let all: Vec<&str> = spelled.get_ref().iter().map(|k| k.get_ref().as_str()).collect();
            told(&format!("keys.{}.{}", context.get_ref(), action.get_ref()), &all.join(" "), at(action.span()));
        }
    }
    Ok((Settings { theme: Theme::new(palette, level, ascii), keys, mouse, plain, erases }, origins))
}

/// `docs/themes.md`.
#[must_use]
pub fn themes_markdown() -> String {
    let mut out = String::from(include_str!("settings/themes.md"));
    out.push_str("\n## Themes that are built in\n\n| theme | what it is |\n|---|---|\n");
    for (name, text) in BUILT_IN {
        let about = Palette::parse(text).map(|p| p.about).unwrap_or_default();
        out.push_str(&format!("| `{name}` | {about} |\n"));
    }
    out.push_str("\n## Roles\n\nA theme gives every one of them. `{}` is plain.\n\n| role | what is drawn so |\n|---|---|\n");
    for role in Role::ALL {
        out.push_str(&format!("| `{}` | {} |\n", role.name(), role.meaning()));
    }
    out
}

/// What the terminal can show, and why that is thought.
fn level(colour: Colour, env: &dyn Fn(&str) -> Option<String>) -> (Level, &'static str) {
    let term = env("TERM").unwrap_or_default();
    if colour == Colour::Never {
        return (Level::Mono, "no colours");
    }
    if colour == Colour::Auto && env("NO_COLOR").is_some_and(|v| !v.is_empty()) {
        return (Level::Mono, "no colours: NO_COLOR is set");
    }
    if colour == Colour::Auto && term == "dumb" {
        return (Level::Mono, "no colours: TERM=dumb");
    }
    if env("COLORTERM").is_some_and(|v| matches!(v.as_str(), "truecolor" | "24bit")) || term.ends_with("-direct") {
        return (Level::True, "24 bits");
    }
    if term.contains("256color") {
        return (Level::Indexed, "256 colours");
    }
    (Level::Sixteen, "16 colours: themes with a background of their own give way to `default`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(config: &str, wishes: &Wishes, env: &[(&str, &str)]) -> Result<(Settings, Vec<Origin>), String> {
        let files = SettingsFiles {
            config_path: "config.toml".into(),
            config: Some(config.into()),
            themes: vec![("mine".into(), include_str!("../../themes/dark.toml").into()), ("bad".into(), "about = 1".into())],
        };
        settle(wishes, &files, &|name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    fn value(origins: &[Origin], name: &str) -> (String, String) {
        origins.iter().find(|o| o.name == name).map(|o| (o.value.clone(), o.from.clone())).expect("told")
    }

    #[test]
    fn the_document_is_made_of_the_tables() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write("docs/themes.md", themes_markdown()).expect("written");
        }
        assert_eq!(include_str!("../../docs/themes.md"), themes_markdown(), "run this test once with UPDATE_DOCS=1");
    }

    #[test]
    fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
        let file = "glyphs = 'ascii'\ntheme = 'light'\n";
        let (_, all) = settled(file, &Wishes::default(), &[]).expect("right");
        assert_eq!(value(&all, "theme"), ("light".into(), "config.toml, line 2".into()));
        assert_eq!(value(&all, "glyphs"), ("ascii".into(), "config.toml, line 1".into()));
        let env = [("COUNTERSIGN_THEME", "dark"), ("COUNTERSIGN_GLYPHS", "unicode")];
        let (set, all) = settled(file, &Wishes::default(), &env).expect("right");
        assert_eq!(value(&all, "theme"), ("dark".into(), "COUNTERSIGN_THEME".into()));
        assert!(!set.theme.ascii);
        let wishes = Wishes { theme: Some("mine".into()), ascii: true, ..Wishes::default() };
        let (set, all) = settled(file, &wishes, &env).expect("right");
        assert!(value(&all, "theme").1.starts_with("--theme; themes/mine.toml") && set.theme.ascii);
    }

    #[test]
    fn colours_follow_the_terminal_unless_they_are_asked_for() {
        let colour = |wish, env: &[(&str, &str)]| {
            let wishes = Wishes { colour: wish, ..Wishes::default() };
            value(&settled("", &wishes, env).expect("right").1, "color").0
        };
        assert_eq!(colour(None, &[("TERM", "xterm-256color")]), "auto (256 colours)");
        assert_eq!(colour(None, &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), "auto (no colours: NO_COLOR is set)");
        assert_eq!(colour(Some(Colour::Always), &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), "always (24 bits)");
        assert!(colour(None, &[("TERM", "xterm")]).starts_with("auto (16 colours"));
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_place() {
        for (config, wanted) in [
            ("theme = 'sky'", "config.toml, line 1: there is no theme sky; there are default, dark"),
            ("them = 'dark'", "config.toml: line 1, column 1: unknown field `them`"),
            ("\nglyphs = 'x'", "config.toml: line 2, column 10: no glyphs: x"),
            ("theme = 'bad'", "themes/bad.toml in the configuration folder: line 1, column 9: invalid type"),
            ("mouse = 1", "config.toml: line 1, column 9: invalid type: integer `1`, expected a boolean"),
            ("color = 'maybe'", "config.toml: line 1, column 9: unknown variant `maybe`"),
            ("[keys.compare]\nfly = ['x']", "config.toml: line 2, column 1: there is no action fly on compare"),
            ("[keys.space]\nview = ['x']", "config.toml: line 1, column 7: there is no screen space"),
            ("[keys.compare]\nview = ['Meta-x']", "config.toml: line 2, column 9: no key: Meta-x"),
            ("[keys.compare]\nview = []", "config.toml: line 2, column 8: view on compare would have no key"),
            ("[keys.compare]\nview = [']']", "] on compare would be next-difference and view"),
            ("[keys.everywhere]\nnote = ['g']", "g on everywhere would be a key and the start of g"),
            ("[keys.everywhere]\naccept = ['Enter']", "a ruling is never made with Enter"),
        ] {
            let error = settled(config, &Wishes::default(), &[]).expect_err(config);
            assert!(error.contains(wanted), "{config}: {error}");
        }
    }

    #[test]
    fn the_mouse_is_on_until_somebody_says_no() {
        let mouse = |config: &str, no_mouse| {
            let (set, all) = settled(config, &Wishes { no_mouse, ..Wishes::default() }, &[]).expect("right");
            (set.mouse, value(&all, "mouse").1)
        };
        assert_eq!(mouse("", false), (true, "built in".to_owned()));
        assert_eq!(mouse("mouse = false", false), (false, "config.toml, line 1".to_owned()));
        assert_eq!(mouse("mouse = true", true), (false, "--no-mouse".to_owned()));
    }

    #[test]
    fn line_by_line_is_asked_for_in_three_ways() {
        let plain = |config: &str, flag, env: &[(&str, &str)]| {
            let (set, all) = settled(config, &Wishes { plain: flag, ..Wishes::default() }, env).expect("right");
            (set.plain, value(&all, "plain").1)
        };
        assert_eq!(plain("", false, &[]), (false, "built in".to_owned()));
        assert_eq!(plain("plain = true", false, &[]), (true, "config.toml, line 1".to_owned()));
        assert_eq!(plain("plain = true", false, &[("COUNTERSIGN_PLAIN", "0")]), (false, "COUNTERSIGN_PLAIN".to_owned()));
        assert_eq!(plain("", false, &[("COUNTERSIGN_PLAIN", "1")]), (true, "COUNTERSIGN_PLAIN".to_owned()));
        assert_eq!(plain("plain = false", true, &[]), (true, "--plain".to_owned()));
    }

    #[test]
    fn keys_of_the_file_are_in_force_in_place_of_ours() {
        use crate::tui::action::{Action, Screen};
        use crate::tui::keymap::{Context, Found};
        let (set, all) =
            settled("[keys.compare]\nview = ['w', 'Z z']\n[keys.everywhere]\nnext-item = ['^N']", &Wishes::default(), &[]).expect("right");
        let on = Context::On(Screen::Compare);
        assert_eq!(set.keys.find(on, "w"), Found::Action(Action::View));
        assert_eq!(set.keys.find(on, "Z"), Found::Prefix);
        assert_eq!(set.keys.find(on, "v"), Found::Nothing);
        assert_eq!(set.keys.find(on, "^N"), Found::Action(Action::NextItem));
        assert!(set.keys.hints(on).iter().any(|k| k.keys == ["w", "Z z"]), "the hint line says what holds");
        assert_eq!(value(&all, "keys.compare.view"), ("w Z z".into(), "config.toml, line 2".into()));
    }
}
