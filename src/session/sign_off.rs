//! From the journal to the signed record: the statement, the key that would sign it, and where the record goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{KeySource, News, Prepared, Progress, Session, sign_with, signing, work};
use crate::checks::Facts;
use crate::review::{Decision, State};

impl Session {
    /// Hashes everything again and makes the statement, which names the key that will sign it; it comes as
    /// [`News::Prepared`]. Without a key it can be read, not signed.
    pub fn request_statement(&self, decision: Decision, key: KeySource, facts: &Facts, state: &State) {
        let mut maker = self.statement_maker(decision, facts.clone(), state.clone());
        // Without an agent the statement can still be read; it then names no key.
        let no_agent = matches!(key, KeySource::Agent(_)) && !self.has_agent();
        maker.key = Some(key).filter(|_| !no_agent);
        let send = Arc::clone(&self.send);
        work::job_or(
            "statement",
            Arc::clone(&send),
            || Some(News::Prepared(Box::new(Err(work::FAILED.to_owned())))),
            move || {
                let progress_to = Arc::clone(&send);
                let result = maker.make(&mut |done, total| {
                    progress_to(News::Progress(Progress { job: "hashing again", done, total, bytes: true, finished: done >= total }));
                });
                send(News::Prepared(Box::new(result)));
            },
        );
    }

    /// The same, now: for a front end without a screen.
    ///
    /// # Errors
    /// When the work is not done, when anything in the bundle changed, or when the decision is closed.
    pub fn prepare(&self, decision: Decision, facts: &Facts) -> Result<Prepared, String> {
        self.statement_maker(decision, facts.clone(), self.state.clone()).make(&mut |_, _| {})
    }

    pub(crate) fn statement_maker(&self, decision: Decision, facts: Facts, state: State) -> signing::StatementMaker {
        signing::StatementMaker {
            decision,
            facts,
            state,
            room: Arc::clone(&self.room),
            earlier: Arc::clone(&self.earlier),
            bundle: Arc::clone(&self.bundle),
            journal: self.journal.snapshot(),
            source: Arc::clone(&self.source),
            include_excerpts: self.options.include_excerpts,
            key: self.default_key(),
            link: self.options.link.clone(),
        }
    }

    /// Has the prepared statement signed, and the record written, by the process that reaches the key; it has the terminal
    /// until this returns. (Without one this process signs.)
    #[must_use]
    pub fn sign(&self, prepared: &Prepared, key: &KeySource, output: &Path) -> News {
        // Whoever looks for it later may be in another folder.
        let output = std::path::absolute(output).unwrap_or_else(|_| output.to_owned());
        News::Signed(match &self.options.link {
            Some(link) => link.sign(prepared, key, &output, None),
            None => sign_with(prepared, key, &output, None).map_err(|e| e.to_string()),
        })
    }

    /// Where the sign dialog proposes to write the record: beside the state, never inside the bundle.
    #[must_use]
    pub fn default_output(&self) -> PathBuf {
        let name = format!("{}-{}.dsse.json", self.facts.release.product.shown(), self.facts.release.version.shown());
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._+".contains(c) { c } else { '_' }).collect();
        PathBuf::from(safe.trim_start_matches('.'))
    }

    /// The key that would sign: the file named at the start, else the agent if there is one.
    #[must_use]
    pub fn default_key(&self) -> Option<KeySource> {
        let agent = || self.has_agent().then(|| KeySource::Agent(self.options.agent_key.clone()));
        self.options.key.clone().map(|path| KeySource::File(path, None)).or_else(agent)
    }

    /// Whether an ssh-agent is known to whoever signs.
    fn has_agent(&self) -> bool {
        self.options.link.as_ref().map_or_else(|| std::env::var_os("SSH_AUTH_SOCK").is_some(), |link| link.agent)
    }
}
