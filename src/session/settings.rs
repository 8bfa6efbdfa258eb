//! The files of the reviewer's configuration folder that the screen needs, as text.

use std::path::Path;

use super::{SessionError, files, folders};

/// The largest file of settings, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Themes that are read at most.
const MAX_THEMES: usize = 200;

/// The texts of the settings.
#[derive(Clone, Debug, Default)]
pub struct SettingsFiles {
    /// Where the file of settings is, or would be; its name alone where no home folder is known.
    pub config_path: String,
    /// Its text; `None` when it is not there.
    pub config: Option<String>,
    /// The reviewer's own themes: name and text.
    pub themes: Vec<(String, String)>,
}

/// Reads `config.toml` and `themes/*.toml` of the configuration folder.
///
/// # Errors
/// When one of them is there and cannot be read.
pub fn settings_files() -> Result<SettingsFiles, SessionError> {
    let Some(folder) = folders::config() else {
        return Ok(SettingsFiles { config_path: "config.toml".to_owned(), ..SettingsFiles::default() });
    };
    let config = folder.join("config.toml");
    let mut out = SettingsFiles { config_path: config.display().to_string(), ..SettingsFiles::default() };
    let text = |path: &Path| {
        let wrong = |what: String| SessionError::File { path: path.display().to_string(), what };
        let bytes = files::read_small(path, MAX_FILE).map_err(wrong)?;
        String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))
    };
    if config.is_file() {
        out.config = Some(text(&config)?);
    }
    let themes = folder.join("themes");
    if files::is_folder(&themes) {
        let wrong = |what: String| SessionError::File { path: themes.display().to_string(), what };
        for (path, _) in files::read_folder(&themes, ".toml", MAX_THEMES, MAX_FILE).map_err(wrong)? {
            if let Some(name) = path.file_stem().and_then(|n| n.to_str()) {
                out.themes.push((name.to_owned(), text(&path)?));
            }
        }
    }
    Ok(out)
}
