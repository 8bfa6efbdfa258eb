//! Changed bytes: no reader panics, and no changed record is accepted for another statement.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

use std::path::Path;

use countersign::provenance::{AllowedSigners, Key, dsse, sshsig};
use countersign::signoff::{self, agent};

/// xorshift64: the same changes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (below.max(1) as u64)).unwrap()
    }

    fn change(&mut self, sample: &[u8]) -> Vec<u8> {
        let mut out = sample.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(out.len());
            match self.next(5) {
                0 if !out.is_empty() => out[at] ^= 1 << self.next(8),
                1 if !out.is_empty() => out[at] = b"\"{}[],:\\0\xff\n="[self.next(12)],
                2 => out.truncate(at),
                3 => out.insert(at.min(out.len()), u8::try_from(self.next(256)).unwrap()),
                _ => {
                    let end = (at + self.next(64)).min(out.len());
                    let part = out[at.min(end)..end].to_vec();
                    let to = self.next(out.len() + 1).min(out.len());
                    out.splice(to..to, part);
                }
            }
        }
        out
    }
}

#[test]
fn no_reader_panics_on_changed_bytes() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_CORPUS") else {
        println!("skipped: COUNTERSIGN_CORPUS is not set");
        return;
    };
    let corpus = Path::new(&corpus);
    let read = |path: &str| std::fs::read(corpus.join(path)).unwrap();
    let record = read("provenance/signoff-example/rec.dsse.json");
    let renamed = {
        let envelope = dsse::parse(&record).unwrap();
        let text = String::from_utf8(envelope.payload).unwrap();
        text.replace("https://countersign.example/release-review/v1", signoff::REVIEW)
            .replace("\"bundle\":{", "\"bundle\":{\"basis\":\"x\",")
    };
    let signers = AllowedSigners::parse(&read("provenance/signoff-example/allowed_signers")).unwrap();
    assert!(signoff::verify(&signoff::seal_envelope(renamed.as_bytes(), &[]), &signers, 1).is_ok(), "the sample is a record");
    let signature = read("../releases/hello/data/provenance/SHA256SUMS.sig");
    let binary = sshsig::parse(&signature).unwrap().key.blob().to_vec();
    let list = read("provenance/signoff-example/allowed_signers");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let key = Key::from_blob(&binary);
    let mut described = 0;
    for _ in 0..4_000 {
        let _ = dsse::parse(&random.change(&record));
        let _ = sshsig::parse(&random.change(&signature));
        let _ = Key::from_blob(&random.change(&binary));
        let _ = AllowedSigners::parse(&random.change(&list));
        let _ = agent::parse_identities(&random.change(&[12, 0, 0, 0, 1, 0, 0, 0, 1, 7, 0, 0, 0, 1, 8]));
        if let Ok(key) = &key {
            let _ = agent::parse_signature(&random.change(&[14, 0, 0, 0, 4, 0, 0, 0, 0]), key);
        }
        let payload = random.change(renamed.as_bytes());
        described += usize::from(signoff::describe(&payload).is_ok());
        if let Ok(verified) = signoff::verify(&signoff::seal_envelope(&payload, &[]), &signers, 1) {
            assert!(!verified.is_accepted());
        }
    }
    assert!(described > 100, "only {described} changed statements were still JSON: the changes are too rough to test anything");
}
