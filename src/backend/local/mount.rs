//! Detects whether the blobs of a layout are on a separate mount, from which nothing can be moved
//! to the trash.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::BLOBS;

/// Returns whether the blobs of a layout are on another mount than the layout itself: another file
/// system, or a bind mount of the same one. A rename does not cross either.
pub fn has_blobs_on_a_mount(dir: &Path) -> bool {
    let Some(layout) = LayoutMount::of(dir) else {
        return false;
    };
    let blobs = dir.join(BLOBS);
    let mut folders = [blobs.join("sha256"), blobs.join("sha512"), blobs].into_iter();
    folders.any(|folder| LayoutMount::of(&folder).is_some_and(|mount| mount != layout))
}

/// The mount that a folder is on.
#[derive(PartialEq, Eq)]
struct LayoutMount {
    device: u64,
    /// The identifier of the mount, if the system reports it.
    id: Option<u64>,
}

impl LayoutMount {
    fn of(folder: &Path) -> Option<Self> {
        let device = folder.metadata().ok()?.dev();
        let id = mount_id(folder);
        Some(Self { device, id })
    }
}

#[cfg(target_os = "linux")]
fn mount_id(folder: &Path) -> Option<u64> {
    use rustix::fs::{AtFlags, CWD, StatxFlags};
    let found = rustix::fs::statx(CWD, folder, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    // A kernel before 5.8 does not report it.
    let is_reported = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    is_reported.then_some(found.stx_mnt_id)
}

#[cfg(not(target_os = "linux"))]
fn mount_id(_: &Path) -> Option<u64> {
    None
}
