//! The disks that it writes to: room, inodes, whether they can be written, and what its own
//! files take.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, StatVfsMountFlags, accessat, statvfs};

use super::apart;
use super::finding::{Area, Finding, Said};
use crate::control::Handle;
use crate::logs::{Ailment, LOGS_FOLDER};
use crate::model::{Language, size, words};

/// With less, the next revision or session may not be written.
const LEAST: u64 = 16 << 20;
/// Beside what the log store may still grow by: the access log, spooled bodies, sessions.
const SPARE: u64 = 256 << 20;
/// Files that may still be made.
const INODES: u64 = 100;

/// The file system below a folder.
#[derive(Debug, Clone, Copy)]
struct Room {
    free: u64,
    all: u64,
    /// Files that may still be made; none where it does not count them.
    inodes: Option<u64>,
    read_only: bool,
    /// Whether we may write there by its rights.
    writable: bool,
}

impl Handle {
    pub(super) async fn disk(&self, language: Language) -> Vec<Finding> {
        let dir = self.control.dir.clone();
        let logs = dir.join(LOGS_FOLDER);
        let store = self.config().logs.store;
        let records = self.records();
        let used = match &records {
            Some(records) => {
                let records = records.clone();
                apart(move || records.extent().0).await
            }
            None => None,
        };
        let most = if store.on { store.max_size } else { 0 };
        let grow = most.saturating_sub(used.unwrap_or(0));
        let mut found = Vec::new();
        let looked = apart(move || {
            let mut folders = vec![dir.clone()];
            // Its own file system, where somebody mounted one.
            if device(&logs).is_some_and(|own| device(&dir) != Some(own)) {
                folders.push(logs);
            }
            let database = length(&dir.join("config.db")) + length(&dir.join("config.db-wal"));
            let rooms: Vec<(PathBuf, Option<Room>)> = folders
                .into_iter()
                .map(|folder| (folder.clone(), room(&folder)))
                .collect();
            (rooms, database)
        });
        let Some((rooms, database)) = looked.await else {
            return found;
        };
        for (folder, room) in rooms {
            let said = match room {
                Some(room) => judge(room, grow, language),
                None => Said::unseen(language),
            };
            found.push(said.of(Area::Disk, folder.display().to_string()));
        }
        found.push(Said::ok(size(database)).of(Area::Disk, "config.db"));
        if let Some(used) = used.filter(|_| store.on) {
            let ailment = records.and_then(|records| records.ailment());
            let said = log_store((used, most), ailment.as_ref(), language);
            found.push(said.of(Area::Disk, words!(language, "log store", "日志库")));
        }
        found
    }
}

fn device(folder: &Path) -> Option<u64> {
    fs::metadata(folder).ok().map(|about| about.dev())
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |about| about.len())
}

fn room(folder: &Path) -> Option<Room> {
    let about = statvfs(folder).ok()?;
    let may_write = accessat(CWD, folder, Access::WRITE_OK, AtFlags::EACCESS);
    Some(Room {
        free: about.f_bavail.saturating_mul(about.f_frsize),
        all: about.f_blocks.saturating_mul(about.f_frsize),
        inodes: (about.f_files > 0).then_some(about.f_favail),
        read_only: about.f_flag.contains(StatVfsMountFlags::RDONLY),
        writable: may_write.is_ok(),
    })
}

/// `grow` is by how much the log store may still grow.
fn judge(room: Room, grow: u64, language: Language) -> Said {
    let (free, all) = (size(room.free), size(room.all));
    let free = words!(language, "{free} free of {all}", "可用 {free}，共 {all}");
    if room.read_only {
        return Said::bad(
            words!(language, "it can only be read", "文件系统只读"),
            words!(
                language,
                "look at the system's log for errors of the disk, and mount it for writing again",
                "请查看系统日志中的磁盘错误，并重新以可写方式挂载"
            ),
        );
    }
    if !room.writable {
        let user = crate::files::user_name(rustix::process::geteuid().as_raw());
        return Said::bad(
            words!(
                language,
                "the user {user} may not write there",
                "用户 {user} 无权写入"
            ),
            words!(
                language,
                "it must belong to the user steelyard runs as",
                "该目录应属于运行 steelyard 的用户"
            ),
        );
    }
    if room.free < LEAST {
        return Said::bad(
            free,
            words!(
                language,
                "it is full: changes, sessions and logs cannot be kept; make room",
                "磁盘已满：无法保存更改、会话和日志；请腾出空间"
            ),
        );
    }
    if let Some(inodes) = room.inodes.filter(|inodes| *inodes < INODES) {
        return Said::bad(
            words!(
                language,
                "{free}; files that may still be made: {inodes}",
                "{free}；还能创建的文件数：{inodes}"
            ),
            words!(
                language,
                "inodes have run out: remove many small files",
                "inode 已用尽：请删除大量小文件"
            ),
        );
    }
    if room.free < grow.saturating_add(SPARE) {
        let (grow, spare) = (size(grow), size(SPARE));
        return Said::warn(
            free,
            words!(
                language,
                "the log store may still grow by {grow}, and {spare} are wanted beside it: make room, or lower logs.store.max_size",
                "日志库还可能增长 {grow}，另需 {spare}：请腾出空间，或调低 logs.store.max_size"
            ),
        );
    }
    Said::ok(free)
}

fn log_store((used, most): (u64, u64), ailment: Option<&Ailment>, language: Language) -> Said {
    let (used, most) = (size(used), size(most));
    let text = words!(language, "{used} of {most} at most", "{used}，上限 {most}");
    let why = match ailment {
        None => return Said::ok(text),
        Some(Ailment::Full) => words!(language, "no room is left", "没有空间"),
        Some(Ailment::ReadOnly) => words!(language, "the disk can only be read", "磁盘只读"),
        Some(Ailment::Other(why)) => why.clone(),
    };
    let advice = words!(
        language,
        "requests are not noted: {why}",
        "请求未被记录：{why}"
    );
    Said::bad(text, advice)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::{INODES, LEAST, Room, SPARE, judge, log_store, room};
    use crate::logs::Ailment;
    use crate::model::Language::English;

    #[test]
    fn a_disk_is_judged_by_what_must_still_fit() {
        let well = Room {
            free: SPARE,
            all: 1 << 40,
            inodes: Some(INODES),
            read_only: false,
            writable: true,
        };
        let state = |room| judge(room, 0, English).state;
        assert_eq!(state(well), Verdict::Ok);
        assert_eq!(
            judge(well, 1, English).state,
            Verdict::Warn,
            "the log store grows"
        );
        assert_eq!(
            state(Room {
                free: LEAST,
                ..well
            }),
            Verdict::Warn
        );
        assert_eq!(
            state(Room {
                free: LEAST - 1,
                ..well
            }),
            Verdict::Bad
        );
        assert_eq!(
            state(Room {
                inodes: Some(INODES - 1),
                ..well
            }),
            Verdict::Bad
        );
        assert_eq!(
            state(Room {
                inodes: None,
                ..well
            }),
            Verdict::Ok
        );
        assert_eq!(
            state(Room {
                read_only: true,
                ..well
            }),
            Verdict::Bad
        );
        assert_eq!(
            state(Room {
                writable: false,
                ..well
            }),
            Verdict::Bad
        );
    }

    #[test]
    fn a_log_store_that_keeps_nothing_is_bad() {
        assert_eq!(log_store((1, 2), None, English).state, Verdict::Ok);
        let full = log_store((1, 2), Some(&Ailment::Full), English);
        assert_eq!(full.state, Verdict::Bad);
        assert!(full.advice.contains("no room is left"), "{full:?}");
    }

    #[test]
    fn a_real_disk_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let seen = room(dir.path()).unwrap();
        assert!(seen.all > 0 && seen.writable && !seen.read_only, "{seen:?}");
        assert!(room(&dir.path().join("gone")).is_none());
    }
}
