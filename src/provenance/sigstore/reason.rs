//! Why a verification was refused: classes that do not change, for programs; the words are for people.

use sigstore_verify::{CertificateError as Cert, Error, TimestampError, TransparencyLogError as Log};

/// The class of a refusal. The words are stable (`docs/attestations.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It cannot be read, or lacks what its version must have.
    Malformed,
    /// A version, an algorithm or a kind of content that is not read here.
    Unsupported,
    /// No trusted root was given.
    NoTrustedRoot,
    /// The trusted root is not the one that was pinned, or not usable.
    TrustedRootInvalid,
    /// The clock of this machine is before the time of signing.
    ClockBehind,
    /// The artifact is not what was signed.
    ArtifactMismatch,
    /// A signature over the content does not hold.
    SignatureInvalid,
    /// Nobody signed it.
    Unsigned,
    /// No key was given to check it with, or it is no key.
    KeyInvalid,
    /// The key that signed is not one that the reviewer trusts.
    SignerUntrusted,
    /// Fewer people signed than the policy asks for.
    ThresholdMissed,
    /// Another identity than the one asked for.
    IdentityMismatch,
    /// Another issuer than the one asked for.
    IssuerMismatch,
    /// The signing certificate is not well formed, or is none for signing code.
    CertificateInvalid,
    /// It does not lead to a certificate authority of the trusted root.
    CertificateUntrusted,
    /// It had expired at the time of signing.
    CertificateExpired,
    /// It was not yet valid at the time of signing.
    CertificateNotYetValid,
    /// The certificate's signed timestamp of a certificate transparency log does not hold.
    SctInvalid,
    /// The log is not one of the trusted root's.
    LogUnknown,
    /// The inclusion proof does not hold.
    InclusionProofInvalid,
    /// The checkpoint does not hold.
    CheckpointInvalid,
    /// The inclusion promise (signed entry timestamp) does not hold.
    InclusionPromiseInvalid,
    /// The log entry is about something else.
    LogEntryMismatch,
    /// The log entry cannot be read.
    LogEntryMalformed,
    /// A timestamp does not hold.
    TimestampInvalid,
    /// There is no authenticated time of signing.
    TimestampMissing,
    /// The statement is not one that speaks of this, or says no.
    StatementRefused,
    /// The time of a layout is over.
    Expired,
    /// A step of a layout is not shown to be done by those who had to.
    StepMissing,
    /// A rule of a layout about materials or products does not hold.
    RuleBroken,
    /// A layout has inspections, which are commands and never run here.
    InspectionsNotRun,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::Malformed,
        Self::Unsupported,
        Self::NoTrustedRoot,
        Self::TrustedRootInvalid,
        Self::ClockBehind,
        Self::ArtifactMismatch,
        Self::SignatureInvalid,
        Self::Unsigned,
        Self::KeyInvalid,
        Self::SignerUntrusted,
        Self::ThresholdMissed,
        Self::IdentityMismatch,
        Self::IssuerMismatch,
        Self::CertificateInvalid,
        Self::CertificateUntrusted,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::SctInvalid,
        Self::LogUnknown,
        Self::InclusionProofInvalid,
        Self::CheckpointInvalid,
        Self::InclusionPromiseInvalid,
        Self::LogEntryMismatch,
        Self::LogEntryMalformed,
        Self::TimestampInvalid,
        Self::TimestampMissing,
        Self::StatementRefused,
        Self::Expired,
        Self::StepMissing,
        Self::RuleBroken,
        Self::InspectionsNotRun,
    ];

    /// As JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::NoTrustedRoot => "no-trusted-root",
            Self::TrustedRootInvalid => "trusted-root-invalid",
            Self::ClockBehind => "clock-behind",
            Self::ArtifactMismatch => "artifact-mismatch",
            Self::SignatureInvalid => "signature-invalid",
            Self::Unsigned => "unsigned",
            Self::KeyInvalid => "key-invalid",
            Self::SignerUntrusted => "signer-untrusted",
            Self::ThresholdMissed => "threshold-missed",
            Self::IdentityMismatch => "identity-mismatch",
            Self::IssuerMismatch => "issuer-mismatch",
            Self::CertificateInvalid => "certificate-invalid",
            Self::CertificateUntrusted => "certificate-untrusted",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::SctInvalid => "sct-invalid",
            Self::LogUnknown => "log-unknown",
            Self::InclusionProofInvalid => "inclusion-proof-invalid",
            Self::CheckpointInvalid => "checkpoint-invalid",
            Self::InclusionPromiseInvalid => "inclusion-promise-invalid",
            Self::LogEntryMismatch => "log-entry-mismatch",
            Self::LogEntryMalformed => "log-entry-malformed",
            Self::TimestampInvalid => "timestamp-invalid",
            Self::TimestampMissing => "timestamp-missing",
            Self::StatementRefused => "statement-refused",
            Self::Expired => "expired",
            Self::StepMissing => "step-missing",
            Self::RuleBroken => "rule-broken",
            Self::InspectionsNotRun => "inspections-not-run",
        }
    }
}

/// The class of an error of the library. Chain errors carry their kind in words only.
pub(super) fn class(error: &Error) -> Reason {
    match error {
        Error::IdentityMismatch { .. } => Reason::IdentityMismatch,
        Error::IssuerMismatch { .. } => Reason::IssuerMismatch,
        Error::SignatureInvalid(_) => Reason::SignatureInvalid,
        Error::ArtifactMismatch(_) | Error::UnsupportedArtifact(_) => Reason::ArtifactMismatch,
        Error::Certificate(e) => match e {
            Cert::Malformed(_) => Reason::CertificateInvalid,
            Cert::ChainInvalid(why) if why.contains("CertExpired") => Reason::CertificateExpired,
            Cert::ChainInvalid(why) if why.contains("CertNotValidYet") => Reason::CertificateNotYetValid,
            Cert::ChainInvalid(why) if why.contains("RequiredEkuNotFound") => Reason::CertificateInvalid,
            Cert::Expired { .. } => Reason::CertificateExpired,
            Cert::NotYetValid { .. } => Reason::CertificateNotYetValid,
            Cert::Sct(_) => Reason::SctInvalid,
            _ => Reason::CertificateUntrusted,
        },
        Error::TransparencyLog(e) => match e {
            Log::UnknownLog { .. } => Reason::LogUnknown,
            Log::InclusionProof(_) => Reason::InclusionProofInvalid,
            Log::Checkpoint(_) => Reason::CheckpointInvalid,
            Log::InclusionPromise(why) if why.contains("No log key valid") => Reason::LogUnknown,
            Log::InclusionPromise(_) => Reason::InclusionPromiseInvalid,
            Log::EntryMismatch(_) => Reason::LogEntryMismatch,
            Log::MalformedEntry(_) => Reason::LogEntryMalformed,
            _ => Reason::TimestampInvalid,
        },
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => Reason::TimestampMissing,
        Error::Timestamp(_) => Reason::TimestampInvalid,
        Error::UnsupportedBundle(_) => Reason::Unsupported,
        Error::InvalidTrustRoot(_) | Error::TrustRoot(_) | Error::TrustedCertificate(_) => Reason::TrustedRootInvalid,
        Error::Bundle(e) => {
            let text = e.to_string();
            if text.contains("checkpoint") {
                Reason::CheckpointInvalid
            } else if text.contains("inclusion proof") {
                Reason::InclusionProofInvalid
            } else {
                Reason::Malformed
            }
        }
        Error::Crypto(_) => Reason::SignatureInvalid,
        _ => Reason::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.word()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
