//! The tables of an `ar` archive, and whether another order of its members means anything to a linker.

use std::collections::{BTreeSet, HashMap};

use super::account::{own_result, prove, reassign};
use super::walk::causes;
use crate::inspect::armap;
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Member};
use crate::model::{Cause, Node, ResultMark, Sides, Tried};
use crate::text::Untrusted;

/// Explains the tables that differ where each side's own is what it must be and both say the same.
pub(super) fn explain_tables(node: &mut Node, blobs: Sides<&Blob>, parsed: Sides<&Container>) {
    for child in node.children.iter_mut().filter(|c| c.result == ResultMark::Different) {
        let name = child.name.as_bytes().to_vec();
        let check = if armap::is_symbol_table(&name) {
            same_symbols(&name, &blobs, &parsed)
        } else if name == b"//" {
            same_long_names(&blobs, &parsed)
        } else {
            continue;
        };
        match check {
            Err(why) => child.tried.push(Tried { cause: Cause::Derived, why }),
            Ok(()) => {
                for account in [&mut child.account.shipped, &mut child.account.rebuilt] {
                    reassign(account, Cause::Derived, account.unexplained);
                }
                let whole = Sides::new(0..child.size.shipped.unwrap_or(0), 0..child.size.rebuilt.unwrap_or(0));
                prove(&mut child.proofs, Cause::Derived, whole, Sides::new("", ""));
                child.metadata.clear();
                child.result = own_result(child);
                child.why = causes(child);
            }
        }
    }
}

fn only<'a>(parsed: &'a Container, name: &[u8]) -> Option<&'a Member> {
    let mut found = parsed.members.iter().filter(|m| m.name == name);
    found.next().filter(|_| found.next().is_none())
}

/// A member by its name, and which of that name it is.
type Identity = (Vec<u8>, usize);

/// What a symbol table says.
#[derive(Default)]
struct Meaning {
    /// Symbol, to the members that define it, in order.
    members: HashMap<Vec<u8>, Vec<Identity>>,
    /// The members in the order that they are named in, each with the symbols that it is named for there. A linker goes through
    /// them in this order and takes what it needs: the first that it takes may give it more than the symbol it was taken for.
    order: Vec<(Identity, BTreeSet<Vec<u8>>)>,
}

fn same_symbols(name: &[u8], blobs: &Sides<&Blob>, parsed: &Sides<&Container>) -> Result<(), String> {
    let old = meaning(name, blobs.shipped, parsed.shipped).map_err(|why| format!("shipped: {why}"))?;
    let new = meaning(name, blobs.rebuilt, parsed.rebuilt).map_err(|why| format!("rebuilt: {why}"))?;
    if old.members != new.members {
        return Err("the tables name other symbols, or other members for them".to_owned());
    }
    if old.order != new.order {
        for (blob, parsed) in [(blobs.shipped, parsed.shipped), (blobs.rebuilt, parsed.rebuilt)] {
            order_is_free(blob, parsed).map_err(|why| format!("the tables name the members in another order: {why}"))?;
        }
    }
    Ok(())
}

/// Reads the table of one side and checks it against the members: each gives exactly the symbols that it is named for.
fn meaning(name: &[u8], blob: &Blob, parsed: &Container) -> Result<Meaning, String> {
    let table = only(parsed, name).ok_or("there is more than one table")?;
    let content = blob.slice(table.held.range());
    let entries = armap::symbols(name, &content).ok_or("the table is not well formed")?;
    let places: HashMap<u64, usize> = parsed.members.iter().enumerate().map(|(i, m)| (m.head.start as u64, i)).collect();
    let ids = identities(parsed);
    let mut stated: HashMap<usize, Vec<&[u8]>> = HashMap::new();
    let mut out = Meaning::default();
    for (symbol, offset) in entries {
        let shown = || Untrusted::from(symbol).shown().cut(80);
        let member = *places.get(&offset).ok_or_else(|| format!("{} leads to no member", shown()))?;
        stated.entry(member).or_default().push(symbol);
        if let Some(id) = ids.get(member) {
            out.members.entry(symbol.to_vec()).or_default().push(id.clone());
            match out.order.last_mut().filter(|(last, _)| last == id) {
                Some((_, symbols)) => _ = symbols.insert(symbol.to_vec()),
                None => out.order.push((id.clone(), BTreeSet::from([symbol.to_vec()]))),
            }
        }
    }
    for (i, member) in parsed.members.iter().enumerate() {
        if armap::is_symbol_table(&member.name) || member.name == b"//" {
            continue;
        }
        let shown = || Untrusted::from(member.name.as_slice()).shown().cut_start(80);
        let mut said = stated.remove(&i).unwrap_or_default();
        said.sort_unstable();
        let Some(real) = armap::defined(&blob.slice(member.held.range())) else {
            if said.is_empty() {
                continue;
            }
            return Err(format!("{} is no object file that can be read: its symbols cannot be recomputed", shown()));
        };
        if !real.iter().map(Vec::as_slice).eq(said.iter().copied()) {
            return Err(format!("the table does not name the symbols of {}", shown()));
        }
    }
    if stated.is_empty() { Ok(out) } else { Err("a symbol leads to a table".to_owned()) }
}

/// Each member as its name and which of that name it is.
fn identities(parsed: &Container) -> Vec<Identity> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    let mut out = Vec::with_capacity(parsed.members.len());
    for member in &parsed.members {
        let count = counts.entry(&member.name).or_default();
        out.push((member.name.clone(), *count));
        *count += 1;
    }
    out
}

fn same_long_names(blobs: &Sides<&Blob>, parsed: &Sides<&Container>) -> Result<(), String> {
    let names = |blob: &Blob, parsed: &Container| -> Result<Vec<Vec<u8>>, String> {
        let table = only(parsed, b"//").ok_or("there is more than one table")?;
        let content = blob.slice(table.held.range());
        let listed = armap::long_names(&content).ok_or("the table is not well formed")?;
        let mut used: Vec<&[u8]> =
            parsed.members.iter().filter(|m| listed.binary_search(&m.name.as_slice()).is_ok()).map(|m| m.name.as_slice()).collect();
        used.sort_unstable();
        if used != listed {
            return Err("the table does not hold the names of the members, and nothing else".to_owned());
        }
        Ok(listed.into_iter().map(<[u8]>::to_vec).collect())
    };
    let old = names(blobs.shipped, parsed.shipped).map_err(|why| format!("shipped: {why}"))?;
    let new = names(blobs.rebuilt, parsed.rebuilt).map_err(|why| format!("rebuilt: {why}"))?;
    if old == new { Ok(()) } else { Err("the tables hold other names".to_owned()) }
}

/// Whether a linker makes the same of it whatever the order: it takes the first member that defines a symbol, and puts
/// constructors and sets of data together in the order of the members.
pub(super) fn order_is_free(blob: &Blob, parsed: &Container) -> Result<(), String> {
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut gathered: HashMap<Vec<u8>, usize> = HashMap::new();
    for (i, member) in parsed.members.iter().enumerate() {
        if armap::is_symbol_table(&member.name) || member.name == b"//" {
            continue;
        }
        let content = blob.slice(member.held.range());
        for section in armap::gathered(&content)? {
            let shown = Untrusted::from(section.as_slice()).shown().cut(80);
            if *gathered.entry(section).or_insert(i) != i {
                return Err(format!("two members have a part of {shown}: it runs or stands in their order"));
            }
        }
        for symbol in armap::defined(&content).unwrap_or_default() {
            let shown = Untrusted::from(symbol.as_slice()).shown().cut(80);
            if *seen.entry(symbol).or_insert(i) != i {
                return Err(format!("{shown} is defined by two members: the first one counts"));
            }
        }
    }
    Ok(())
}
