//! The review line by line, for screen readers and for terminals that can do no more: a command is typed, the answer is lines of
//! text, the most important word first. No screen, no colour, nothing is drawn again.
//!
//! The same session, journal and rules as the console's. What is printed counts as shown where the policy counts text
//! (`text_twins_count`). Nothing is signed here: `countersign sign` does that, in a process of its own.

mod anchor;
mod commands;
mod desk;
mod facts;
mod item;
mod pieces;
mod rows;
mod rule;
mod say;
mod source;

use std::collections::VecDeque;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::session::{News, Options, Session, Signals, on_termination, signals, spawn};
use desk::Desk;
use say::Say;

/// The longest line that is taken, in bytes.
const MAX_LINE: u64 = 16 << 10;

/// What the loop waits for.
enum Event {
    /// A line was typed.
    Line(Vec<u8>),
    /// No more lines will come.
    End,
    /// From the work behind.
    News(News),
    /// The system asks the program to end.
    Ended,
}

/// What listens to signals, made before the process is sealed. No thread runs yet.
pub struct Ready(Option<Signals>);

impl Ready {
    /// Begins to listen.
    #[must_use]
    pub fn new() -> Self {
        Self(signals())
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a session and answers the lines of standard input until they end.
///
/// # Errors
/// In words, when the session cannot be opened or the answers cannot be written. A reader that is gone is no error.
pub fn run(ready: Ready, options: Options) -> Result<(), String> {
    let (send, receive) = channel();
    let (news, end) = (send.clone(), send.clone());
    let bundle = options.bundle.as_ref().map(|path| path.display().to_string());
    let session = Session::start(options, Arc::new(move |n| drop(news.send(Event::News(n))))).map_err(|e| e.to_string())?;
    on_termination(ready.0, move || drop(end.send(Event::Ended)));
    read_lines(send);
    let mut desk = Desk::new(session, bundle);
    let terminal = std::io::stdin().is_terminal();
    let mut out = std::io::stdout().lock();
    match converse(&mut desk, &receive, &mut out, terminal) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("the answer cannot be written: {e}")),
        _ => Ok(()),
    }
}

/// Reads standard input on a thread of its own until it ends.
fn read_lines(send: Sender<Event>) {
    spawn("lines", move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            // A line that is too long is taken to its end, and refused.
            match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE && input.skip_until(b'\n').is_err() {
                break;
            }
            if send.send(Event::Line(line)).is_err() {
                return;
            }
        }
        let _ = send.send(Event::End);
    });
}

/// Answers lines until they end, or until somebody leaves.
fn converse(desk: &mut Desk, receive: &Receiver<Event>, out: &mut dyn Write, prompt: bool) -> std::io::Result<()> {
    let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
    let mut ended = false;
    let put = |out: &mut dyn Write, say: Say, ask: bool| {
        out.write_all(say.text().as_bytes())?;
        if prompt && ask {
            out.write_all(b"> ")?;
        }
        out.flush()
    };
    put(out, desk.greeting(), true)?;
    loop {
        // While something is waited for, a line that is typed waits too; an empty one ends the waiting.
        if desk.is_waiting() && prompt && waiting.front().is_some_and(|line| line.trim_ascii().is_empty()) {
            waiting.pop_front();
            put(out, desk.stop_waiting(), true)?;
        }
        if !desk.is_waiting() {
            if let Some(line) = waiting.pop_front() {
                // What is known by now is known to the answer.
                for event in receive.try_iter() {
                    match event {
                        Event::News(news) => put(out, desk.news(news), false)?,
                        Event::Line(line) => waiting.push_back(line),
                        Event::End | Event::Ended => ended = true,
                    }
                }
                let answer = desk.line(&line);
                let goes_on = !desk.is_over();
                put(out, answer, goes_on && !desk.is_waiting())?;
                if !goes_on {
                    return Ok(());
                }
                continue;
            }
            if ended {
                return put(out, desk.leave(), false);
            }
        }
        match receive.recv() {
            Ok(Event::Line(line)) => waiting.push_back(line),
            Ok(Event::End) => ended = true,
            Ok(Event::News(news)) => {
                let was_waiting = desk.is_waiting();
                let mut said = desk.news(news);
                if said.is_empty() {
                    continue;
                }
                // A line that comes by itself does not stand behind the prompt.
                if prompt && !was_waiting {
                    said.begin_on_a_line();
                }
                put(out, said, !desk.is_waiting())?;
            }
            Ok(Event::Ended) | Err(_) => return put(out, desk.leave(), false),
        }
    }
}

#[cfg(test)]
mod tests;
