//! A page of the operator's, sent in place of our own words about an error.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::content_type;
use super::open::{self, Found};

/// A page, held whole: it is wanted most when the disk is in trouble too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// By the file's name.
    pub content_type: String,
    /// The file, as it is.
    pub text: Vec<u8>,
}

impl Page {
    /// Longest page, in bytes: a server in trouble may send thousands of them a second, and
    /// each snapshot holds its own.
    pub const LONGEST: u64 = 256 * 1024;

    /// Reads the file at `path`. Blocks on the disk, and on nothing else: no FIFO, no device.
    ///
    /// # Errors
    /// Why it cannot be sent, in words for the operator.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let cannot = |error: io::Error| format!("{shown} cannot be read: {error}");
        let file = match open::outside(path).map_err(cannot)? {
            Found::File { about, .. } if about.size > Self::LONGEST => return Err(too_long(path)),
            Found::File { file, .. } => file,
            Found::Directory | Found::Nothing | Found::Forbidden => {
                return Err(format!("{shown} is not a file"));
            }
        };
        let text = read_whole(&file).map_err(cannot)?;
        // It may have grown since.
        let Some(text) = text else {
            return Err(too_long(path));
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            content_type: content_type::of(&name).into_owned(),
            text,
        })
    }
}

fn too_long(path: &Path) -> String {
    let (shown, longest) = (path.display(), Page::LONGEST / 1024);
    format!("{shown} is longer than {longest} KiB")
}

fn read_whole(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    file.take(Page::LONGEST + 1).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= Page::LONGEST).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::Page;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_page_is_read_whole_and_typed_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("502.html"), "<h1>é\r\n\0").unwrap();
        symlink(at("502.html"), at("link.json")).unwrap();
        let page = Page::read(&at("502.html")).unwrap();
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert_eq!(page.text, "<h1>é\r\n\0".as_bytes());
        let page = Page::read(&at("link.json")).unwrap();
        assert_eq!(page.content_type, "application/json; charset=utf-8");
    }

    #[test]
    fn what_is_no_page_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let longest = usize::try_from(Page::LONGEST).unwrap();
        fs::write(at("longest"), vec![b'a'; longest]).unwrap();
        fs::write(at("longer"), vec![b'a'; longest + 1]).unwrap();
        let fifo = at("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(Page::read(&at("longest")).unwrap().text.len(), longest);
        for (name, end) in [
            ("longer", "is longer than 256 KiB"),
            (
                "none",
                "cannot be read: No such file or directory (os error 2)",
            ),
            ("fifo", "is not a file"),
            ("", "is not a file"),
        ] {
            let words = Page::read(&at(name)).unwrap_err();
            assert!(words.ends_with(end), "{words}");
        }
    }
}
