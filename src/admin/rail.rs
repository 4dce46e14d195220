//! The rail: where one can go in the panel.

use super::page::Shell;
use super::texts::Texts;

/// An entry of the rail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where it leads.
    pub(super) path: &'static str,
    /// The symbol in `icons.svg`.
    pub(super) icon: &'static str,
    /// Its words.
    words: fn(Texts) -> &'static str,
    /// Whether a group begins with it.
    begins: bool,
    /// Whether phones have it behind «More».
    pub(super) is_wide: bool,
}

impl Entry {
    const fn new(path: &'static str, icon: &'static str, words: fn(Texts) -> &'static str) -> Self {
        Self {
            path,
            icon,
            words,
            begins: false,
            is_wide: true,
        }
    }

    const fn begins(mut self) -> Self {
        self.begins = true;
        self
    }

    const fn on_phones(mut self) -> Self {
        self.is_wide = false;
        self
    }

    /// Its words on a page.
    pub(super) fn words(&self, shell: &Shell) -> &'static str {
        (self.words)(shell.t)
    }

    /// The key that leads there behind `g`; empty is none.
    pub(super) fn key(&self) -> &'static str {
        match self.path {
            "/" => "o",
            "/nodes" => "n",
            "/sites" => "s",
            "/logs" => "l",
            "/history" => "h",
            _ => "",
        }
    }

    /// Its classes.
    pub(super) fn class(&self) -> &'static str {
        match (self.is_wide, self.begins) {
            (true, true) => "wide gap",
            (true, false) => "wide",
            (false, true) => "gap",
            (false, false) => "",
        }
    }
}

/// The rail, in its order. What has no line in `routes`, or not for who looks, is left out.
pub(super) const RAIL: &[Entry] = &[
    Entry::new("/", "overview", Texts::overview).on_phones(),
    Entry::new("/nodes", "nodes", Texts::nodes).on_phones(),
    Entry::new("/sites", "sites", Texts::sites).on_phones(),
    Entry::new("/files", "files", Texts::static_files),
    Entry::new("/sessions", "sessions", Texts::sessions),
    Entry::new("/certificates", "certificates", Texts::certificates),
    Entry::new("/logs", "logs", Texts::logs)
        .begins()
        .on_phones(),
    Entry::new("/history", "history", Texts::history),
    Entry::new("/diagnostics", "diagnostics", Texts::diagnostics),
    Entry::new("/settings", "settings", Texts::settings).begins(),
    Entry::new("/backup", "download", Texts::backup),
    Entry::new("/people", "user", Texts::people),
    Entry::new("/audit", "check", Texts::audit),
];
