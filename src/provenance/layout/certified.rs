//! Functionaries by certificate (in-toto enhancement 7): a link carries the certificate of whoever signed it, and the layout says to
//! which authorities it must lead and what it must say.

use super::super::certificate::Certificate;
use super::metadata::{Constraint, Key, Layout, Metadata, Step};

/// Certificates of a layout that are read.
const MAX_CERTIFICATES: usize = 64;

/// Whoever signed a link with a certificate that fits a constraint of the step: a name, and the key. `None` when nobody did.
///
/// # Errors
/// In words, when there is a certificate and it does not count.
pub(super) fn functionary(step: &Step, layout: &Layout, metadata: &Metadata, now: i64) -> Result<Option<(String, Key)>, String> {
    if step.constraints.is_empty() {
        return Ok(None);
    }
    let mut refused = Ok(None);
    for signature in &metadata.signatures {
        let Some(pem) = &signature.certificate else { continue };
        let own = match Certificate::from_pem(pem) {
            Ok(own) => own,
            Err(why) => {
                refused = Err(why);
                continue;
            }
        };
        let key = Key::Raw(own.key.clone());
        if !key.verify(&metadata.signed, signature, now) {
            refused = Err("the signature does not match the certificate beside it".to_owned());
            continue;
        }
        let between: Vec<Certificate> =
            layout.between.iter().take(MAX_CERTIFICATES).filter_map(|pem| Certificate::from_pem(pem).ok()).collect();
        let fits = step.constraints.iter().map(|constraint| {
            says(constraint, &own)?;
            let counts = |id: &String| constraint.roots.iter().any(|root| root == "*" || root == id);
            let roots: Vec<Certificate> = layout
                .roots
                .iter()
                .filter(|(id, _)| counts(id))
                .take(MAX_CERTIFICATES)
                .filter_map(|(_, pem)| Certificate::from_pem(pem).ok())
                .collect();
            own.leads_to(&roots, &between, now)
        });
        let mut why = None;
        for fit in fits {
            match fit {
                Ok(()) => {
                    let name = own.uris.first().or(own.emails.first()).unwrap_or(&own.common_name);
                    return Ok(Some((format!("certificate of {name}"), key)));
                }
                Err(reason) => why = Some(reason),
            }
        }
        refused = Err(why.unwrap_or_default());
    }
    refused
}

/// Whether a certificate says what a constraint asks for: each list as a whole, an empty one that there is nothing.
fn says(constraint: &Constraint, own: &Certificate) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("the certificate has another {what} than the layout asks for"));
    if !matches!(constraint.common_name.as_str(), "*") && constraint.common_name != own.common_name {
        return wrong("common name");
    }
    for (what, asked, has) in [
        ("list of DNS names", &constraint.dns_names, &own.dns_names),
        ("list of e-mail addresses", &constraint.emails, &own.emails),
        ("list of organizations", &constraint.organizations, &own.organizations),
        ("list of URIs", &constraint.uris, &own.uris),
    ] {
        let anything = asked.len() == 1 && asked.first().is_some_and(|one| one == "*");
        let asked: Vec<&String> = asked.iter().filter(|a| !a.is_empty()).collect();
        let equal = asked.len() == has.len() && asked.iter().all(|a| has.contains(a)) && has.iter().all(|h| asked.contains(&h));
        if !anything && !equal {
            return wrong(what);
        }
    }
    Ok(())
}
