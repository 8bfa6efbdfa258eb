//! The reviewer's trust: OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS).
//!
//! A line is `principals [options] type base64 [comment]`. Validity dates are judged only at a time that the caller gives
//! ([`AllowedSigners::at`]); with none, an entry that is limited in time cannot be told to be valid, and does not count.

use super::key::Key;

/// Lines that a file may have.
const MAX_LINES: usize = 10_000;

/// What is wrong with an `allowed_signers` file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct SignersError {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub what: String,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Line, from 1.
    pub line: u64,
    /// The principals as written: a comma list of patterns.
    pub principals: String,
    /// Patterns of the namespaces that the key may sign for; `None` when not limited.
    pub namespaces: Option<Vec<String>>,
    /// Not valid before this time, in seconds since the epoch.
    pub valid_after: Option<i64>,
    /// Not valid after this time, in seconds since the epoch (ssh-keygen lets the second itself count).
    pub valid_before: Option<i64>,
    /// Whether the key is a certificate authority: not supported, such an entry matches nothing.
    pub authority: bool,
    /// The key.
    pub key: Key,
}

/// Whether an entry lets its key sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Allowed,
    /// It does not, with the reason.
    Refused(String),
    /// It cannot be told, with the reason.
    Unknown(String),
}

impl Entry {
    /// Whether this entry lets its key sign for `namespace` at `time` (seconds since the epoch; `None` when no time is known).
    #[must_use]
    pub fn standing(&self, namespace: &str, time: Option<i64>) -> Standing {
        let who = crate::text::Shown::new(&self.principals);
        if self.authority {
            return Standing::Refused(format!(
                "the entry of {who} (line {}) is a certificate authority, which is not supported",
                self.line
            ));
        }
        if let Some(list) = &self.namespaces
            && !matches_list(list, namespace)
        {
            let list = crate::text::Shown::new(&list.join(","));
            return Standing::Refused(format!(
                "the entry of {who} (line {}) is limited to the namespaces {list}, not {namespace}",
                self.line
            ));
        }
        match (self.valid_after, self.valid_before, time) {
            (None, None, _) => Standing::Allowed,
            (_, _, None) => Standing::Unknown(format!(
                "the entry of {who} (line {}) is limited in time, and there is no authenticated time to judge it at",
                self.line
            )),
            (Some(after), _, Some(now)) if now < after => {
                Standing::Refused(format!("the entry of {who} (line {}) is not valid yet", self.line))
            }
            (_, Some(before), Some(now)) if now > before => {
                Standing::Refused(format!("the entry of {who} (line {}) is no longer valid", self.line))
            }
            _ => Standing::Allowed,
        }
    }
}

/// Whom the reviewer trusts to sign what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    entries: Vec<Entry>,
    time: Option<i64>,
}

impl AllowedSigners {
    /// Reads a file. Empty lines and lines that start with `#` are skipped.
    ///
    /// # Errors
    /// With line and column of the first thing that is wrong: an unknown option, a bad date, a key that cannot be read.
    pub fn parse(text: &[u8]) -> Result<Self, SignersError> {
        let whole = std::str::from_utf8(text).map_err(|e| {
            let (line, column) = crate::json::line_column(text, e.valid_up_to());
            SignersError { line, column, what: "not UTF-8".to_owned() }
        })?;
        let mut entries = Vec::new();
        for (number, line) in (1_u64..).zip(whole.lines()) {
            if number > MAX_LINES as u64 {
                return Err(SignersError { line: number, column: 1, what: format!("more than {MAX_LINES} lines") });
            }
            let body = line.trim();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let place = |rest: &str, what: String| {
                // `rest` is always a part of `line`: its place is the distance between their starts.
                let before = (rest.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
                let column = line.get(..before).map_or(1, |s| s.chars().count() as u64 + 1);
                SignersError { line: number, column, what }
            };
            entries.push(parse_line(line.trim_end(), number).map_err(|(rest, what)| place(rest, what))?);
        }
        Ok(Self { entries, time: None })
    }

    /// The same signers, judged at a time in seconds since the epoch (the caller's clock; a room's clock is a claim).
    #[must_use]
    pub fn at(mut self, time: i64) -> Self {
        self.time = Some(time);
        self
    }

    /// The time at which validity is judged, if one was given.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        self.time
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries whose key has that fingerprint (`SHA256:…`).
    pub fn find<'a>(&'a self, fingerprint: &'a str) -> impl Iterator<Item = &'a Entry> + 'a {
        self.entries.iter().filter(move |e| e.key.fingerprint() == fingerprint)
    }

    /// What this version does not support in the file, as sentences with the line.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for entry in &self.entries {
            let who = crate::text::Shown::new(&entry.principals);
            if entry.authority {
                notes.push(format!("line {}: cert-authority is not supported: no signature counts for {who} by this line", entry.line));
            } else if !entry.key.is_checked() {
                notes.push(format!("line {}: signatures of {} keys are not checked by this version ({who})", entry.line, entry.key.kind()));
            }
        }
        notes
    }
}

type Wrong<'a> = (&'a str, String);

fn parse_line(line: &str, number: u64) -> Result<Entry, Wrong<'_>> {
    let start = line.trim_start_matches([' ', '\t']);
    let (principals, rest) = principals(start)?;
    if principals.is_empty() {
        return Err((start, "a principal should be here, such as name@room".to_owned()));
    }
    let mut options = Options::default();
    let mut rest = rest.trim_start();
    let first = rest.split([' ', '\t']).next().unwrap_or("");
    // OpenSSH tries the line as a key first and takes the word for options when that fails.
    if !looks_like_type(first) {
        let (text, after) = word(rest)?;
        options = parse_options(text)?;
        rest = after.trim_start();
    }
    let key = Key::from_line(rest).map_err(|what| (rest, what))?;
    let Options { namespaces, valid_after, valid_before, authority } = options;
    Ok(Entry { line: number, principals, namespaces, valid_after, valid_before, authority, key })
}

/// The first word as OpenSSH's `strdelimw` takes it: up to white space, or up to the end of what is quoted in it.
fn principals(text: &str) -> Result<(String, &str), Wrong<'_>> {
    let Some(end) = text.find([' ', '\t', '"']) else { return Ok((text.to_owned(), &text[text.len()..])) };
    let (before, rest) = text.split_at(end);
    let Some(quoted) = rest.strip_prefix('"') else { return Ok((before.to_owned(), rest)) };
    let (inside, after) = quoted.split_once('"').ok_or_else(|| (text, "a double quote is not closed".to_owned()))?;
    Ok((format!("{before}{inside}"), after))
}

#[derive(Default)]
struct Options {
    namespaces: Option<Vec<String>>,
    valid_after: Option<i64>,
    valid_before: Option<i64>,
    authority: bool,
}

fn looks_like_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-", "rsa-", "webauthn-"].iter().any(|start| word.starts_with(start)) && !word.contains('=')
}

/// The first word, in which white space inside double quotes does not count, and what follows.
fn word(text: &str) -> Result<(&str, &str), Wrong<'_>> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Ok(text.split_at(at)),
            _ => {}
        }
        // A backslash means something before a quote only.
        escaped = c == '\\';
    }
    if quoted { Err((text, "a double quote is not closed".to_owned())) } else { Ok(text.split_at(text.len())) }
}

/// A value in double quotes, in which `\"` is a quote, and what follows it.
fn value<'a>(text: &'a str, name: &str) -> Result<(String, &'a str), Wrong<'a>> {
    let body = text.strip_prefix('"').ok_or_else(|| (text, format!("the value of {name} should be in double quotes")))?;
    let mut out = String::new();
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                out.push('"');
            }
            '"' => return Ok((out, body.get(at + 1..).unwrap_or_default())),
            _ => out.push(c),
        }
    }
    Err((text, "a double quote is not closed".to_owned()))
}

fn parse_options(options: &str) -> Result<Options, Wrong<'_>> {
    let mut entry = Options::default();
    let mut rest = options;
    while !options.is_empty() {
        let here = rest;
        let end = rest.find([',', '=']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let name = name.to_ascii_lowercase();
        let twice = |set: bool| if set { Err((here, format!("the option {name} twice"))) } else { Ok(()) };
        let date = |text: &str| time(text).ok_or_else(|| (here, bad_date(text)));
        rest = match (name.as_str(), after.strip_prefix('=')) {
            ("cert-authority", None) => {
                entry.authority = true;
                after
            }
            ("namespaces", Some(given)) => {
                twice(entry.namespaces.is_some())?;
                let (list, after) = value(given, &name)?;
                entry.namespaces = Some(list.split(',').map(str::to_owned).collect());
                after
            }
            ("valid-after", Some(given)) => {
                twice(entry.valid_after.is_some())?;
                let (text, after) = value(given, &name)?;
                entry.valid_after = Some(date(&text)?);
                after
            }
            ("valid-before", Some(given)) => {
                twice(entry.valid_before.is_some())?;
                let (text, after) = value(given, &name)?;
                entry.valid_before = Some(date(&text)?);
                after
            }
            _ => {
                let known = "known are cert-authority, namespaces=\"…\", valid-after=\"…\", valid-before=\"…\"";
                let option = here.split(',').next().unwrap_or(here);
                return Err((
                    here,
                    format!("\"{}\" is neither a key type nor an option; {known}", crate::text::Shown::new(option).cut(40)),
                ));
            }
        };
        if rest.is_empty() {
            break;
        }
        rest = rest
            .strip_prefix(',')
            .filter(|more| !more.is_empty())
            .ok_or_else(|| (rest, "a comma and another option should be here".to_owned()))?;
    }
    if let (Some(after), Some(before)) = (entry.valid_after, entry.valid_before)
        && before <= after
    {
        return Err((options, "valid-before is not later than valid-after".to_owned()));
    }
    Ok(entry)
}

fn bad_date(text: &str) -> String {
    format!("\"{}\" is not a time; write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC", crate::text::Shown::new(text).cut(40))
}

/// `YYYYMMDD[HHMM[SS]][Z]` in seconds since the epoch; `UTC` may stand for `Z`. Without it ssh-keygen takes the machine's time zone; a check must
/// not depend on the machine, so here it is UTC too.
fn time(text: &str) -> Option<i64> {
    let cut = |length: usize, word: &str| {
        let (digits, end) = text.split_at_checked(text.len().checked_sub(length)?)?;
        end.eq_ignore_ascii_case(word).then_some(digits)
    };
    let digits = cut(1, "Z").or_else(|| cut(3, "UTC")).unwrap_or(text);
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |s| s.parse::<i8>().ok());
    let year = digits.get(..4)?.parse::<i16>().ok()?;
    let date = jiff::civil::DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp().as_second())
}

/// OpenSSH's pattern list: some pattern matches, and none with `!` in front does.
fn matches_list(patterns: &[String], text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches_pattern(negated.as_bytes(), text.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches_pattern(pattern.as_bytes(), text.as_bytes()),
        }
    }
    found
}

/// `*` and `?` (ssh_config(5), PATTERNS), in time proportional to the product of the lengths.
fn matches_pattern(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                p = at + 1;
                t = from + 1;
                star = Some((at, t));
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnVBzfjuoXA+MaJbo+dohH+S64GUUwcUn4lWGVF1AFU";

    fn one(line: &str) -> Entry {
        AllowedSigners::parse(line.as_bytes()).unwrap().entries()[0].clone()
    }

    fn error(text: &str) -> String {
        AllowedSigners::parse(text.as_bytes()).map_or_else(|e| e.to_string(), |v| format!("accepted: {v:?}"))
    }

    #[test]
    fn reads_options_as_openssh_does() {
        let entry =
            one(&format!("a@x,*@y namespaces=\"file,git\",valid-after=\"20240102\",valid-before=\"20250102030405Z\" {KEY} comment here"));
        assert_eq!(entry.principals, "a@x,*@y");
        assert_eq!(entry.namespaces, Some(vec!["file".to_owned(), "git".to_owned()]));
        assert_eq!(entry.valid_after, Some(1_704_153_600));
        assert_eq!(entry.valid_before, Some(1_735_787_045));
        let text = format!("# who\n\nca@x cert-authority {KEY}\n  b@x {KEY}\n");
        let signers = AllowedSigners::parse(text.as_bytes()).unwrap();
        assert_eq!(signers.entries().len(), 2);
        assert_eq!(signers.entries()[1].line, 4);
        assert!(signers.notes()[0].starts_with("line 3: cert-authority is not supported"), "{:?}", signers.notes());
        assert_eq!(signers.find("SHA256:9bphIOkEUFFMD8KGWYr1EZmSg6EcThZUu05Heey39s8").count(), 2);
        assert!(matches!(signers.entries()[0].standing("file", None), Standing::Refused(_)));
    }

    #[test]
    fn says_where_it_is_wrong() {
        assert!(error(&format!("\na@x name=1 {KEY}")).starts_with("line 2, column 5: \"name=1\" is neither a key type nor an option"));
        assert!(error(&format!("a@x valid-after=\"2024\" {KEY}")).starts_with("line 1, column 5: \"2024\" is not a time"));
        assert!(error(&format!("a@x valid-after=\"20240230\" {KEY}")).contains("not a time"));
        assert!(
            error(&format!("a@x namespaces=file {KEY}"))
                .starts_with("line 1, column 16: the value of namespaces should be in double quotes")
        );
        assert!(error(&format!("a@x namespaces=\"a\"b {KEY}")).contains("a comma and another option"));
        assert!(error("a@x ssh-ed25519 AAAA").starts_with("line 1, column 5: the key has no type"));
        assert!(error("a@x").starts_with("line 1, column 4: a key type should be here"));
        assert!(error(&format!("a@x namespaces=\"x {KEY}")).contains("not closed"));
        assert!(error(&format!("a@x valid-after=\"20250101\",valid-before=\"20240101\" {KEY}")).contains("not later"));
        assert!(error(&format!("a@x namespaces=\"a\",namespaces=\"b\" {KEY}")).contains("the option namespaces twice"));
        assert!(AllowedSigners::parse(b"a@x \xff").unwrap_err().to_string().starts_with("line 1, column 5: not UTF-8"));
    }

    #[test]
    fn time_and_namespace_limit_an_entry() {
        let entry = one(&format!("a@x namespaces=\"rel*,!release-x\" {KEY}"));
        assert_eq!(entry.standing("release-review", None), Standing::Allowed);
        assert!(matches!(entry.standing("release-x", None), Standing::Refused(_)));
        assert!(matches!(entry.standing("file", None), Standing::Refused(_)));
        let entry = one(&format!("a@x valid-after=\"20240102\",valid-before=\"20240103\" {KEY}"));
        assert!(matches!(entry.standing("file", None), Standing::Unknown(_)));
        assert!(matches!(entry.standing("file", Some(1_704_153_599)), Standing::Refused(_)));
        assert_eq!(entry.standing("file", Some(1_704_153_600)), Standing::Allowed);
        assert!(matches!(entry.standing("file", Some(1_704_240_001)), Standing::Refused(_)));
    }
}
