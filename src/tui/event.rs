//! One channel, one enum: everything that can happen to the loop.

use std::sync::mpsc::Sender;

use ratatui::crossterm::event;

use crate::session::{self, News};

/// What the loop waits for.
#[derive(Debug)]
pub enum Event {
    /// From the terminal.
    Term(event::Event),
    /// From the work behind the screen.
    News(News),
    /// The session is open, or cannot be opened.
    Opened,
    /// The terminal cannot be read any more, or the system asked the program to end.
    Closed(String),
}

/// Reads the terminal on a thread of its own until the loop is gone.
pub(crate) fn read_terminal(send: Sender<Event>) {
    session::spawn("terminal", move || {
        loop {
            let event = match event::read() {
                Ok(event) => Event::Term(event),
                Err(error) => Event::Closed(format!("the terminal cannot be read: {error}")),
            };
            let closed = matches!(event, Event::Closed(_));
            if send.send(event).is_err() || closed {
                return;
            }
        }
    });
}
