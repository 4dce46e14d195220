//! Looking at a folder of static files as the data plane would: whether it can be read, by whom
//! not, and what is in it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::model::{Language, words};

/// Limit: so many entries are looked at, and no deeper: an answer is wanted, not an inventory.
const MOST: usize = 20_000;
const DEEPEST: usize = 16;

/// What is in a folder.
#[derive(Debug, Default)]
pub struct Folder {
    /// How many files.
    pub files: usize,
    /// Whether there are more than were looked at.
    pub has_more: bool,
    /// How many cannot be read.
    pub unreadable: usize,
    /// The first of those.
    pub first_unreadable: String,
    /// The newest file and its time, in seconds.
    pub newest: Option<(String, i64)>,
    /// Whether there is an `index.html`.
    pub has_index: bool,
    /// Files that are another one compressed.
    pub compressed: usize,
}

/// Why nothing can be served from a folder.
#[derive(Debug, PartialEq, Eq)]
pub enum FolderTrouble {
    /// Its path begins elsewhere than at the root.
    NotAbsolute,
    /// This part of its path is not there.
    Absent(String),
    /// This part of its path is no folder.
    NoFolder(String),
    /// We, who are `user`, may not enter `path`, which belongs to `owner`.
    Forbidden {
        /// The user this process runs as.
        user: String,
        /// The part of the path that stands in the way.
        path: String,
        /// Whom that belongs to.
        owner: String,
        /// Its mode, octal.
        mode: String,
    },
    /// This part cannot be read, in the system's words.
    Failed(String, String),
}

impl FolderTrouble {
    /// Why, for a person.
    pub fn text(&self, language: Language) -> String {
        match self {
            Self::NotAbsolute => words!(
                language,
                "Write the whole path, beginning with /.",
                "请写完整路径，以 / 开头。"
            ),
            Self::Absent(path) => words!(language, "{path} is not there.", "{path} 不存在。"),
            Self::NoFolder(path) => {
                words!(language, "{path} is not a folder.", "{path} 不是文件夹。")
            }
            Self::Forbidden {
                user,
                path,
                owner,
                mode,
            } => words!(
                language,
                "The user {user}, as whom steelyard runs, may not enter {path} (it belongs to {owner}, mode {mode}).",
                "运行 steelyard 的用户 {user} 无权进入 {path}（属主 {owner}，权限 {mode}）。"
            ),
            Self::Failed(path, why) => words!(
                language,
                "{path} cannot be read: {why}",
                "无法读取 {path}：{why}"
            ),
        }
    }

    /// The command that mends it, if there is one.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Forbidden { path, user, .. } => Some(format!("setfacl -m u:{user}:rx {path}")),
            _ => None,
        }
    }
}

/// Looks at `folder`. Waits for the disk.
///
/// # Errors
/// Why nothing can be served from it.
pub fn look_at_folder(folder: &str) -> Result<Folder, FolderTrouble> {
    let path = Path::new(folder);
    if !path.is_absolute() || folder.contains('\0') {
        return Err(FolderTrouble::NotAbsolute);
    }
    // From the root down, so that the first part that stands in the way is named.
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    for part in &parts {
        let shown = part.display().to_string();
        let about = fs::metadata(part).map_err(|error| match error.kind() {
            ErrorKind::NotFound => FolderTrouble::Absent(shown.clone()),
            ErrorKind::PermissionDenied => forbidden(part.parent().unwrap_or(part)),
            _ => FolderTrouble::Failed(shown.clone(), error.to_string()),
        })?;
        if !about.is_dir() {
            return Err(FolderTrouble::NoFolder(shown));
        }
        if accessat(CWD, *part, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
            return Err(forbidden(part));
        }
    }
    if accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_err() {
        return Err(forbidden(path));
    }
    let mut found = Folder {
        has_index: path.join("index.html").is_file(),
        ..Folder::default()
    };
    let mut seen = 0;
    walk(path, (path, 0), &mut seen, &mut found)?;
    Ok(found)
}

fn walk(
    root: &Path,
    (path, depth): (&Path, usize),
    seen: &mut usize,
    found: &mut Folder,
) -> Result<(), FolderTrouble> {
    let failed = |error: std::io::Error| {
        FolderTrouble::Failed(path.display().to_string(), error.to_string())
    };
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let Ok(entry) = entry else {
            continue;
        };
        *seen += 1;
        if *seen > MOST {
            found.has_more = true;
            return Ok(());
        }
        let (path, Ok(about)) = (entry.path(), entry.metadata()) else {
            continue;
        };
        // Links are served where they stay within the folder; they are no folders to walk into.
        if about.is_dir() {
            folders.push(path);
        } else if about.is_file() {
            file(root, &path, &about, found);
        }
    }
    for folder in folders {
        let may = Access::READ_OK | Access::EXEC_OK;
        if depth >= DEEPEST || found.has_more {
            found.has_more = true;
        } else if accessat(CWD, &folder, may, AtFlags::EACCESS).is_err() {
            unreadable(root, &folder, found);
        } else {
            // One that is gone meanwhile is none.
            let _ = walk(root, (&folder, depth + 1), seen, found);
        }
    }
    Ok(())
}

fn within(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

fn unreadable(root: &Path, path: &Path, found: &mut Folder) {
    found.unreadable += 1;
    if found.first_unreadable.is_empty() {
        found.first_unreadable = within(root, path);
    }
}

fn file(root: &Path, path: &Path, about: &fs::Metadata, found: &mut Folder) {
    found.files += 1;
    let ending = path.extension().and_then(|ending| ending.to_str());
    if matches!(ending, Some("gz" | "br" | "zst")) && path.with_extension("").is_file() {
        found.compressed += 1;
    }
    if accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_err() {
        unreadable(root, path, found);
    }
    let time = about
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    let time = time.map_or(0, Timestamp::as_second);
    if found
        .newest
        .as_ref()
        .is_none_or(|(_, newest)| time > *newest)
    {
        found.newest = Some((within(root, path), time));
    }
}

fn forbidden(path: &Path) -> FolderTrouble {
    let about = fs::metadata(path).ok();
    let owner = about.as_ref().map(|about| user_name(about.uid()));
    FolderTrouble::Forbidden {
        user: user_name(rustix::process::geteuid().as_raw()),
        path: path.display().to_string(),
        owner: owner.unwrap_or_else(|| "?".to_owned()),
        mode: about.map_or_else(String::new, |about| format!("{:o}", about.mode() & 0o7777)),
    }
}

/// The name of a user of this machine by /etc/passwd, or the number where none is known.
pub fn user_name(uid: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    };
    known
        .lines()
        .find_map(of_line)
        .unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FolderTrouble, look_at_folder, user_name};

    #[test]
    fn what_is_in_a_folder_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::create_dir(path.join("css")).unwrap();
        for file in [
            "index.html",
            "css/app.css",
            "css/app.css.gz",
            "css/alone.gz",
        ] {
            fs::write(path.join(file), "x").unwrap();
        }
        let found = look_at_folder(path.to_str().unwrap()).unwrap();
        assert_eq!((found.files, found.compressed, found.unreadable), (4, 1, 0));
        assert!(found.has_index && !found.has_more && found.newest.is_some());
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let trouble = |folder: &str| look_at_folder(folder).unwrap_err();
        assert_eq!(trouble("srv"), FolderTrouble::NotAbsolute);
        let gone = format!("{path}/gone");
        assert_eq!(
            trouble(&format!("{gone}/deeper")),
            FolderTrouble::Absent(gone)
        );
        let file = format!("{path}/file");
        assert_eq!(trouble(&file), FolderTrouble::NoFolder(file));
        assert_eq!(user_name(0), "root");
    }
}
