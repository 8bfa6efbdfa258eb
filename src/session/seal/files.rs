//! Landlock: which files are still reached.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::Needs;

/// What is asked for; an older kernel gives what it has of it.
const ASKED: ABI = ABI::V6;

/// Read besides what was named: the room's clocks and name, which every event of the journal holds, and random numbers.
pub(super) const SYSTEM: &[&str] =
    &["/proc/uptime", "/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/hostname", "/dev/urandom", "/proc/self/exe"];

/// Keeps this thread, and those that it starts, to those files; false when the kernel has no Landlock.
pub(super) fn restrict(needs: &Needs) -> Result<bool, String> {
    let said = |e: &dyn std::fmt::Display| format!("the program cannot seal itself with Landlock: {e}");
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))
        .and_then(|r| r.handle_access(AccessNet::from_all(ASKED)))
        .and_then(|r| r.scope(Scope::from_all(ASKED)))
        .and_then(Ruleset::create);
    let mut ruleset = ruleset.map_err(|e| said(&e))?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir;
    for path in SYSTEM.iter().map(Path::new).chain(needs.read.iter().map(|p| p.as_path())) {
        ruleset = allow(ruleset, path, read).map_err(|e| said(&e))?;
    }
    for folder in &needs.write {
        // Whoever writes there says why it cannot be made.
        let _ = std::fs::create_dir_all(folder);
        ruleset = allow(ruleset, folder, write).map_err(|e| said(&e))?;
    }
    let status = ruleset.restrict_self().map_err(|e| said(&e))?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Allows it for the path and all below it. A path that is not there, or that may not be opened, is passed over.
fn allow(ruleset: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(opened) = PathFd::new(path) else { return Ok(ruleset) };
    // A pipe or a socket of the shell (`<(…)`, `/dev/stdin`) is in no file system: Landlock takes no rule for it, and needs none.
    let is_plain = std::fs::metadata(path).is_ok_and(|m| m.is_file() || m.is_dir());
    if !is_plain && std::fs::canonicalize(path).is_err() {
        return Ok(ruleset);
    }
    // A file is no folder: rights that only folders have are left out, or Landlock would say so.
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(ASKED) };
    ruleset.add_rule(PathBeneath::new(opened, access))
}
