//! A record on paper and in QR codes: made of the statement's own words, so that nothing is on the page that was not signed.

mod code;
mod html;
mod pdf;

use crate::digest::{Sha256, words};
use crate::text::Row;

use super::codes::{self, CodesError, MAX_CODE, PART};
use super::{RecordError, Verified, describe, payload};

pub use code::{Code, CodeError};

/// A record, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Printout {
    /// What is signed, in words, to its last field.
    pub rows: Vec<Row>,
    /// SHA-256 of the statement.
    pub digest: Sha256,
    /// The same in check words (PGP word list), eight a line.
    pub words: Vec<String>,
    /// Fingerprints that the signatures name, through the guard.
    pub keys: Vec<String>,
    /// The record as QR codes; none when it is too large for them.
    pub codes: Vec<Code>,
    /// What the codes say.
    pub texts: Vec<String>,
}

/// Why nothing can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintoutError {
    /// It is no record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its codes cannot be made.
    #[error(transparent)]
    Codes(#[from] CodesError),
    /// A code cannot be made.
    #[error(transparent)]
    Code(#[from] CodeError),
}

/// The check words of a digest: what is read aloud or compared on paper.
#[must_use]
pub fn check_words(digest: Sha256) -> Vec<String> {
    words::lines(&digest.0)
}

impl Printout {
    /// Makes the printout of a record; no code of it has more than `most` characters.
    ///
    /// # Errors
    /// When it is no record. One that needs too many codes gets none.
    pub fn new(record: &[u8], most: Option<usize>) -> Result<Self, PrintoutError> {
        let statement = payload(record)?;
        let rows = describe(&statement)?;
        let envelope = crate::provenance::dsse::parse(record).map_err(RecordError::Envelope)?;
        let digest = Sha256::of(&statement);
        let texts = match codes::encode(record, most.unwrap_or(MAX_CODE), most.unwrap_or(PART)) {
            Err(CodesError::TooLarge) => Vec::new(),
            texts => texts?,
        };
        let codes = texts.iter().map(|text| Code::new(text)).collect::<Result<_, _>>()?;
        let keys = envelope.signatures.iter().map(|s| s.keyid.shown().cut(80).to_string()).collect();
        Ok(Self { rows, digest, words: check_words(digest), keys, codes, texts })
    }

    /// One page of HTML that names nothing outside of itself.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// PDF, A4. Its text is as it stands in the file: nothing is packed.
    #[must_use]
    pub fn pdf(&self) -> Vec<u8> {
        pdf::document(self)
    }

    /// What the paper says of itself.
    fn label(&self) -> &'static str {
        if self.codes.is_empty() {
            "The record is too large for codes: carry the file. Only that is signed; this is a copy to compare with."
        } else {
            "A copy to compare with. Only the record itself is signed: the code holds it."
        }
    }

    /// What stands under code `n` (from 0).
    fn caption(&self, n: usize) -> String {
        match self.codes.len() {
            1 => "The signed record (zbarimg --raw, base45, gunzip)".to_owned(),
            count => format!("The signed record, code {} of {count}", n + 1),
        }
    }
}

impl Verified {
    /// The check words of the statement.
    #[must_use]
    pub fn check_words(&self) -> Vec<String> {
        check_words(self.payload_sha256)
    }
}
