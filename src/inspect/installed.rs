//! Archives that are unpacked as root, and give each file to the owner that they name: packages, layers of container images, the first
//! file system of a kernel, and root file systems as a whole.

use super::container::Member;

/// What a package manager reads from the top of a package: Arch and Alpine Linux, the BSDs, Void and Slackware Linux, OpenWrt.
const MARKS: [&[u8]; 12] = [
    b".PKGINFO",
    b".MTREE",
    b"+MANIFEST",
    b"+COMPACT_MANIFEST",
    b"+CONTENTS",
    b"+DESC",
    b"props.plist",
    b"files.plist",
    b"install/slack-desc",
    b"install/doinst.sh",
    b"debian-binary",
    b"init",
];
/// Folders at the top of a root file system, which nobody but root unpacks.
const FOLDERS: [&[u8]; 12] = [b"boot", b"dev", b"etc", b"opt", b"proc", b"root", b"run", b"sbin", b"srv", b"sys", b"usr", b"var"];
/// The same below `lib`, which other archives have as well.
const LIBRARIES: [&[u8]; 4] = [b"lib/modules", b"lib/firmware", b"lib/systemd", b"lib/udev"];
/// What a file of a layer starts with that takes one of the layers below away.
pub(crate) const WHITEOUT: &[u8] = b".wh.";

/// A path without `./` and `/` at its start.
pub(crate) fn inner(name: &[u8]) -> &[u8] {
    let mut rest = name;
    while let Some(less) = rest.strip_prefix(b"./").or_else(|| rest.strip_prefix(b"/")) {
        rest = less;
    }
    rest
}

/// Whether the members of an archive look like those of one that is unpacked as root.
pub(crate) fn gives_owners(members: &[Member]) -> bool {
    members.iter().any(|member| {
        let name = inner(&member.name);
        let below = |folder: &&[u8]| name.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        let base = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
        MARKS.contains(&name) || FOLDERS.iter().any(&below) || LIBRARIES.iter().any(below) || base.starts_with(WHITEOUT)
    })
}

/// Whether a file of that name is a layer of a container image, in the layout of OCI or of Docker.
pub(crate) fn is_layer(name: &[u8]) -> bool {
    let name = inner(name);
    let base = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
    base.starts_with(b"layer.tar") || name.windows(6).any(|w| w == b"blobs/")
}
