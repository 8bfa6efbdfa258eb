//! The loop: reads all that is queued, updates, draws one frame, and carries effects out through the session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use color_eyre::eyre::{Context as _, eyre};
use ratatui::crossterm::event::{Event as TermEvent, KeyCode, KeyEventKind, KeyModifiers};

use super::action::{Effect, Input};
use super::app::App;
use super::event::{Event, read_terminal};
use super::screens;
use super::settings::Settings;
use super::term::Term;
use super::theme::Theme;
use crate::session::{News, Session, uptime};

/// More typed characters than that in one read are a paste, also where the terminal does not say so.
const TYPED_AT_ONCE: usize = 3;

/// How long a bundle may take to open before a frame says that it does.
const PATIENCE: Duration = Duration::from_millis(40);

/// The least time between two frames while only news come.
const PACE: Duration = Duration::from_millis(33);

/// What the sign dialog offers.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The key file; empty: the ssh-agent.
    pub key: String,
    /// Where the record goes; empty: what the session proposes.
    pub output: String,
}

/// What listens to signals and to the terminal, made before the process is sealed. No thread runs yet.
pub struct Ready(Option<crate::session::Signals>);

impl Ready {
    /// Begins to listen.
    #[must_use]
    pub fn new() -> Self {
        // What is wrong with the terminal is said when it is entered.
        let _ = ratatui::crossterm::event::poll(Duration::ZERO);
        Self(crate::session::signals())
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a session and runs the console on it until the reviewer leaves.
///
/// `start` gets the function through which news comes. It runs on a thread of its own: a bundle of a hundred thousand files
/// takes a moment to list, and a frame that says so is drawn meanwhile. What it returns is drawn at once, before any payload
/// was read.
///
/// # Errors
/// When the session cannot be opened, or the terminal cannot be entered, read or written. The terminal is restored.
pub fn run<E>(
    ready: Ready,
    start: impl FnOnce(Arc<dyn Fn(News) + Send + Sync>) -> Result<Session, E> + Send + 'static,
    offer: Offer,
    settings: Settings,
) -> color_eyre::Result<()>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let (send, receive) = channel();
    let (opened, opening) = channel();
    let (news, wake) = (send.clone(), send.clone());
    crate::session::spawn("opening", move || {
        // The loop may be gone already.
        let session = start(Arc::new(move |n| drop(news.send(Event::News(n)))));
        let _ = opened.send(session.map_err(color_eyre::Report::from));
        let _ = wake.send(Event::Opened);
    });
    let quick = opening.recv_timeout(PATIENCE);
    // A bundle that cannot be opened is said on the plain terminal.
    let quick = quick.ok().transpose()?;
    let mut term = match Term::enter(settings.mouse, settings.erases) {
        Ok(term) => term,
        Err(error) => {
            // What is wrong with the bundle is the better message, if there is one.
            if quick.is_none() {
                opening.recv()??;
            }
            return Err(error)
                .wrap_err("the terminal cannot be entered: is this an interactive terminal? (`countersign check` needs none)");
        }
    };
    let end = send.clone();
    crate::session::on_termination(ready.0, move || drop(end.send(Event::Closed("the system asked the program to end".to_owned()))));
    read_terminal(send);
    let mut waiting = VecDeque::new();
    let mut session = match quick {
        Some(session) => session,
        None => {
            if !wait_until_open(&mut term, settings.theme, &receive, &mut waiting)? {
                return Ok(());
            }
            opening.recv().map_err(|_| eyre!("the program failed while it opened the bundle"))??
        }
    };
    let size = term.size()?;
    let mut app = App::new(
        session.facts().clone(),
        session.policy().clone(),
        session.state().clone(),
        session.read_only().map(str::to_owned),
        settings.theme,
        size,
    );
    let output = if offer.output.is_empty() { session.default_output().to_string_lossy().into_owned() } else { offer.output };
    app.offer(offer.key, output);
    app.set_keys(settings.keys);
    app.sealed(crate::session::seal::in_force());
    if let Some(why) = session.notice() {
        app.warn(&crate::text::Shown::new(&why).to_string());
    } else if let Some(why) = session.read_only() {
        app.warn(&format!("read-only: {}", crate::text::Shown::new(why)));
    }
    let ended = turn(&mut app, &mut session, &mut term, &receive, waiting);
    if ended.is_err() {
        let effects = app.update(Input::Ending, uptime());
        carry_out(&mut app, &mut session, &mut term, effects)?;
    }
    drop(term);
    ended
}

/// Shows that the bundle is being opened; news that came meanwhile is kept. False when the reviewer leaves.
fn wait_until_open(term: &mut Term, theme: Theme, receive: &Receiver<Event>, waiting: &mut VecDeque<Event>) -> color_eyre::Result<bool> {
    loop {
        term.draw(|frame| screens::opening(frame, theme)).wrap_err("the terminal cannot be written")?;
        match receive.recv()? {
            Event::Opened => return Ok(true),
            Event::Closed(why) => return Err(eyre!("ended: {why}; what was ruled is saved")),
            Event::Term(TermEvent::Key(key)) => {
                let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                if interrupt || key.code == KeyCode::Char('q') {
                    return Ok(false);
                }
            }
            Event::Term(_) => {}
            Event::News(news) => waiting.push_back(Event::News(news)),
        }
    }
}

fn turn(
    app: &mut App,
    session: &mut Session,
    term: &mut Term,
    receive: &Receiver<Event>,
    mut waiting: VecDeque<Event>,
) -> color_eyre::Result<()> {
    loop {
        let mut drawn = None;
        let frame_at = uptime();
        term.draw(|frame| drawn = Some(screens::draw(app, frame))).wrap_err("the terminal cannot be written")?;
        // Shown is what was in a frame while nobody was typing ahead.
        waiting.extend(receive.try_iter());
        let typing = waiting.iter().any(|e| matches!(e, Event::Term(TermEvent::Key(_) | TermEvent::Paste(_) | TermEvent::Mouse(_))));
        let counted = drawn.is_some_and(|drawn| app.drawn(&drawn, !typing));
        if counted && waiting.is_empty() {
            continue; // draw the new counts
        }
        if waiting.is_empty() {
            let next = match app.idle_in() {
                Some(pause) => receive.recv_timeout(pause),
                None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(event) => waiting.push_back(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(eyre!("the terminal's input is closed")),
            }
            waiting.extend(receive.try_iter());
        }
        gather(&mut waiting, receive, frame_at + PACE);
        let inputs = if waiting.is_empty() { vec![Input::Idle] } else { inputs(&mut waiting, app.confirms())? };
        for input in inputs {
            let effects = app.update(input, uptime());
            if carry_out(app, session, term, effects)? {
                return Ok(());
            }
        }
    }
}

/// While only news come, no more frames are drawn than an eye can follow: the work behind needs the time. A key is never kept
/// waiting.
fn gather(waiting: &mut VecDeque<Event>, receive: &Receiver<Event>, until: Duration) {
    let news = |e: &Event| matches!(e, Event::News(_));
    if waiting.is_empty() || !waiting.iter().all(news) {
        return;
    }
    loop {
        let Some(left) = until.checked_sub(uptime()).filter(|left| !left.is_zero()) else { return };
        match receive.recv_timeout(left) {
            Ok(event) => {
                let key = !news(&event);
                waiting.push_back(event);
                if key {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// What the queued events ask for; where something is confirmed, many characters at once are a paste and not keys.
fn inputs(waiting: &mut VecDeque<Event>, confirms: bool) -> color_eyre::Result<Vec<Input>> {
    let typed = |e: &Event| match e {
        Event::Term(TermEvent::Key(key)) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char(c) => Some(c),
            _ => None,
        },
        _ => None,
    };
    let pasted: String = waiting.iter().filter_map(typed).collect();
    let refused = confirms && pasted.chars().count() > TYPED_AT_ONCE;
    let mut list = Vec::new();
    if refused {
        list.push(Input::Paste(pasted));
    }
    for event in waiting.drain(..) {
        list.push(match event {
            // An unbracketed paste may end in Enter: that does not count either.
            Event::Term(TermEvent::Key(key)) if refused && key.code != KeyCode::Esc => continue,
            Event::Term(TermEvent::Key(key)) => Input::Key(key),
            Event::Term(TermEvent::Paste(text)) => Input::Paste(text),
            Event::Term(TermEvent::Mouse(mouse)) => Input::Mouse(mouse),
            Event::Term(TermEvent::Resize(columns, rows)) => Input::Resize(columns, rows),
            Event::Term(_) | Event::Opened => continue,
            Event::News(news) => Input::News(news),
            Event::Closed(why) => return Err(eyre!("ended: {why}; what was ruled is saved")),
        });
    }
    Ok(list)
}

/// Carries effects out, and those that their answers ask for; true when the reviewer leaves.
fn carry_out(app: &mut App, session: &mut Session, term: &mut Term, effects: Vec<Effect>) -> color_eyre::Result<bool> {
    let mut queue: VecDeque<Effect> = effects.into();
    let mut failed = false;
    let mut back = Ok(());
    while let Some(effect) = queue.pop_front() {
        match effect {
            Effect::Record(body) => {
                let answer = match session.record((*body).clone()) {
                    Ok(event) => Input::Recorded(Box::new(event), session.clock()),
                    Err(why) => {
                        failed = true;
                        Input::NotSaved(body, why)
                    }
                };
                queue.extend(app.update(answer, uptime()));
                if let Some(odd) = session.notice() {
                    app.warn(&crate::text::Shown::new(&odd).to_string());
                }
            }
            Effect::Identified(digest) => match session.identify(digest) {
                Ok(Some(event)) => queue.extend(app.update(Input::Recorded(Box::new(event), session.clock()), uptime())),
                Ok(None) => {}
                Err(why) => queue.extend(app.update(Input::ReadOnly(why), uptime())),
            },
            Effect::Correct => {
                let answer = Input::Corrected(session.correct().map(Box::new));
                queue.extend(app.update(answer, uptime()));
            }
            Effect::ReadSource(entry) => session.request_source(entry),
            Effect::Syntax(of) => session.request_syntax(of.entry, of.path, of.bytes, of.lines, of.top),
            Effect::Search(query) => session.request_search(query),
            Effect::EndSearch => session.end_search(),
            Effect::Past(wanted) => session.request_past(wanted),
            Effect::EndPast(what) => session.end_past(what.as_ref()),
            Effect::CompareSources(entry, other) => session.request_sources(entry, other),
            Effect::Listing(key, evidence) => session.request_listing(key, evidence),
            Effect::Report(name, paper, form) => session.request_report(&name, move |line| paper.write(form, line)),
            Effect::Prepare(decision, key) => session.request_statement(decision, key, &app.facts, &app.state),
            Effect::Sign { prepared, key, output } => {
                // Whoever signs shows by itself what, on the plain terminal.
                let (signed, entered) = term.lend(|| session.sign(&prepared, &key, &output));
                back = entered;
                queue.extend(app.update(Input::News(signed), uptime()));
            }
            // What could not be saved is told first.
            Effect::Quit if failed => {}
            Effect::Quit => return Ok(true),
        }
    }
    back.wrap_err("the terminal cannot be entered again")?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyEvent, KeyModifiers};

    use super::*;

    fn keys(text: &str) -> VecDeque<Event> {
        let key = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        text.chars().map(|c| Event::Term(TermEvent::Key(KeyEvent::new(key(c), KeyModifiers::NONE)))).collect()
    }

    #[test]
    fn a_burst_of_characters_is_a_paste_where_something_is_confirmed() {
        let list = inputs(&mut keys("acme 4.2\n"), true).expect("open");
        assert!(matches!(list.as_slice(), [Input::Paste(text)] if text == "acme 4.2"), "{list:?}");
        assert_eq!(inputs(&mut keys("acme 4.2\n"), false).expect("open").len(), 9);
        assert_eq!(inputs(&mut keys("ac\n"), true).expect("open").len(), 3);
    }

    #[test]
    fn a_closed_terminal_ends_the_loop() {
        assert!(inputs(&mut VecDeque::from([Event::Closed("gone".into())]), false).is_err());
    }
}
