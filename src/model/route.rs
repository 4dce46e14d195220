//! A route: a path of a site and what it leads to.

use std::fmt;
use std::time::Duration;

use super::{Files, HeaderChanges, Name};

/// How a route's path is compared with a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathMatch {
    /// Whole segments from the left.
    Prefix,
    /// All of it. Beats every prefix.
    Exact,
}

/// The path of a route: begins with `/`, holds no query and no dot segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutePath(String);

impl RoutePath {
    /// Takes `text` as a path.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("must start with / (is {text:?})"));
        }
        if text.contains(['?', '#']) {
            return Err("must be a path without ? or #".into());
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(format!(
                "must be written as it stands in a URL, with %XX for blanks and letters beyond ASCII (is {text:?})"
            ));
        }
        if text.split('/').any(|s| s == "." || s == "..") || text.contains("//") {
            return Err("must not hold empty segments, . or ..".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A node of this pool.
    Pool(Name),
    /// A directory.
    Files(Files),
}

/// A path of a site, what it leads to, and the limits and headers on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The path. A prefix with a trailing slash means what is below only.
    pub path: RoutePath,
    /// How the path is compared.
    pub path_match: PathMatch,
    /// What it leads to.
    pub target: Target,
    /// Whether the node is asked for the path without the matched prefix.
    pub strip_prefix: bool,
    /// Longest request body, in bytes; 0 is no limit.
    pub body_limit: u64,
    /// Longest time between two reads from the node; none is the pool's.
    pub read_timeout: Option<Duration>,
    /// Changes to the response head.
    pub headers: HeaderChanges,
    /// Changes to the request head.
    pub request_headers: HeaderChanges,
}

impl Route {
    /// Longest request body where nothing else is said: 100 MiB.
    pub const BODY_LIMIT: u64 = 100 * 1024 * 1024;

    /// A prefix route with every default of the document.
    pub fn new(path: RoutePath, target: Target) -> Self {
        Self {
            path,
            path_match: PathMatch::Prefix,
            target,
            strip_prefix: false,
            body_limit: Self::BODY_LIMIT,
            read_timeout: None,
            headers: HeaderChanges::default(),
            request_headers: HeaderChanges::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RoutePath;

    #[test]
    fn a_path_begins_with_a_slash_and_goes_nowhere_else() {
        for good in ["/", "/static/", "/a/b.c", "/%E4%B8%AD"] {
            assert_eq!(RoutePath::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "", "static/", "/a?b", "/a#b", "/a b", "/中", "/a/../b", "/a//b", "/.", "/\r\n",
        ] {
            assert!(RoutePath::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
