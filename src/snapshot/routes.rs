//! Which route of a site a path takes.
//!
//! Found by asking a map for the path cut after each of its segments, longest first, so
//! that ten thousand routes cost what ten do.

use std::collections::HashMap;

use super::{HeaderPlan, Route};
use crate::model::{self, PathMatch};

/// The routes of one site.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    exact: HashMap<Vec<u8>, usize>,
    prefix: HashMap<Vec<u8>, usize>,
    /// No cut longer than this can be a prefix: bounds the work a long path can cause.
    longest: usize,
    /// A bit for each length that a prefix has, as far as there are bits: most cuts are no
    /// prefix's length, and need not be looked for.
    lengths: u128,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub enum Found<'s> {
    /// This route.
    Route(&'s Route),
    /// No route has the path, and one has it with a slash behind.
    WithSlash(&'s Route),
}

impl<'s> Found<'s> {
    /// The route that has the path, with a slash behind or without.
    pub fn route(self) -> &'s Route {
        match self {
            Self::Route(route) | Self::WithSlash(route) => route,
        }
    }
}

impl RouteTable {
    /// The table of these routes.
    pub fn build(routes: Vec<Route>) -> Self {
        let mut table = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let path = route.config.path.as_str().as_bytes().to_vec();
            match route.config.path_match {
                PathMatch::Exact => table.exact.insert(path, index),
                PathMatch::Prefix => {
                    table.longest = table.longest.max(path.len());
                    table.lengths |= length_bit(path.len());
                    table.prefix.insert(path, index)
                }
            };
        }
        table.routes = routes;
        table
    }

    /// The routes, in the document's order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What `path`, in its one spelling, leads to: an exact route; else the longest prefix of whole segments. A
    /// prefix with a slash behind means what is below it only.
    pub fn find(&self, path: &[u8]) -> Option<Found<'_>> {
        if let Some(index) = self.exact.get(path) {
            return Some(Found::Route(&self.routes[*index]));
        }
        if let Some(index) = self.with_prefix(path) {
            return Some(Found::Route(&self.routes[*index]));
        }
        if self.lengths & length_bit(path.len() + 1) != 0 && path.len() < self.longest {
            let mut with_slash = Vec::with_capacity(path.len() + 1);
            with_slash.extend_from_slice(path);
            with_slash.push(b'/');
            if let Some(index) = self.with_prefix(&with_slash) {
                return Some(Found::WithSlash(&self.routes[*index]));
            }
        }
        let mut end = path.len().min(self.longest + 1);
        while let Some(slash) = memchr::memrchr(b'/', &path[..end]) {
            let below = self.with_prefix(&path[..=slash]);
            if let Some(index) = below.or_else(|| self.with_prefix(&path[..slash])) {
                return Some(Found::Route(&self.routes[*index]));
            }
            end = slash;
        }
        None
    }

    fn with_prefix(&self, prefix: &[u8]) -> Option<&usize> {
        match self.lengths & length_bit(prefix.len()) {
            0 => None,
            _ => self.prefix.get(prefix),
        }
    }
}

impl Route {
    /// Changes to the response head of who asked by this scheme.
    #[inline]
    pub fn headers(&self, scheme: &str) -> &HeaderPlan {
        match &self.secure_headers {
            Some(secure) if scheme == "https" => secure,
            _ => &self.headers,
        }
    }

    /// The part of `path`, as it was sent, after what the route matched: what a directory or a stripped
    /// node is asked for. One slash goes with the match; a second one is part of the path,
    /// or `/static//private/` would be the `/static/` route's way to `/static/private/`.
    pub fn rest<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let matched = match self.config.path_match {
            PathMatch::Exact => memchr::memrchr(b'/', path).unwrap_or(0),
            PathMatch::Prefix => model::length_as_sent(path, self.config.path.as_str().len()),
        };
        let rest = path.get(matched..).unwrap_or(b"");
        let slash_is_matched = matched > 0 && path.get(matched - 1) == Some(&b'/');
        match rest.strip_prefix(b"/") {
            Some(below) if !slash_is_matched => below,
            _ => rest,
        }
    }
}

fn length_bit(length: usize) -> u128 {
    1 << length.min(127)
}

#[cfg(test)]
mod tests {
    use super::{Found, RouteTable};
    use crate::model::{Name, PathMatch, RoutePath, Target};
    use crate::snapshot::{HeaderPlan, Route};
    use proptest::prelude::*;

    fn table(paths: &[(String, PathMatch)]) -> RouteTable {
        let route = |(path, path_match): &(String, PathMatch)| {
            let target = Target::Pool(Name::unchecked("p"));
            let mut config = crate::model::Route::new(RoutePath::parse(path).unwrap(), target);
            config.path_match = *path_match;
            Route {
                config,
                target: crate::snapshot::Target::Pool(crate::snapshot::ToPool {
                    pool: 0,
                    series: Vec::new(),
                }),
                headers: HeaderPlan::default(),
                secure_headers: None,
                request_headers: HeaderPlan::default(),
            }
        };
        RouteTable::build(paths.iter().map(route).collect())
    }

    fn found(table: &RouteTable, path: &str) -> String {
        match table.find(path.as_bytes()) {
            Some(Found::Route(route)) => route.config.path.to_string(),
            Some(Found::WithSlash(route)) => format!("-> {}", route.config.path),
            None => "none".into(),
        }
    }

    #[test]
    fn prefixes_match_whole_segments_and_the_longest_wins() {
        let prefixes = ["/", "/static/", "/api", "/api/v1", "/a/b/"];
        let table = table(&prefixes.map(|p| (p.to_owned(), PathMatch::Prefix)));
        for (path, route) in [
            ("/", "/"),
            ("/x", "/"),
            ("/static/x/y", "/static/"),
            ("/static/", "/static/"),
            ("/static", "-> /static/"),
            ("/staticx", "/"),
            ("/api", "/api"),
            ("/api/", "/api"),
            ("/api/v1/x", "/api/v1"),
            ("/api/v10", "/api"),
            ("/a/b", "-> /a/b/"),
            ("/a/", "/"),
            ("//api", "/"),
        ] {
            assert_eq!(found(&table, path), route, "{path}");
        }
    }

    #[test]
    fn exact_beats_every_prefix() {
        let table = table(&[
            ("/a".into(), PathMatch::Exact),
            ("/a/".into(), PathMatch::Prefix),
        ]);
        assert_eq!(found(&table, "/a"), "/a");
        assert_eq!(found(&table, "/a/b"), "/a/");
        assert_eq!(found(&table, "/b"), "none");
        assert_eq!(found(&table, "*"), "none");
    }

    #[test]
    fn one_slash_goes_with_what_a_route_matched() {
        for (route, path_match, path, rest) in [
            ("/static/", PathMatch::Prefix, "/static/a/b", "a/b"),
            (
                "/static/",
                PathMatch::Prefix,
                "/static//private/x",
                "/private/x",
            ),
            ("/static", PathMatch::Prefix, "/static/a", "a"),
            ("/static", PathMatch::Prefix, "/static//a", "/a"),
            ("/static", PathMatch::Prefix, "/static", ""),
            ("/", PathMatch::Prefix, "/a", "a"),
            ("/", PathMatch::Prefix, "//a", "/a"),
            ("/a/b", PathMatch::Exact, "/a/b", "b"),
            ("/a", PathMatch::Exact, "/a", "a"),
            ("/static/", PathMatch::Prefix, "/%73tatic/a%2fb", "a%2fb"),
            ("/st%61tic", PathMatch::Prefix, "/s%74atic/%61", "%61"),
            ("/%E4%b8%ad/", PathMatch::Prefix, "/%e4%b8%AD/b", "b"),
        ] {
            let table = table(&[(route.to_owned(), path_match)]);
            let rested = table.routes()[0].rest(path.as_bytes());
            assert_eq!(rested, rest.as_bytes(), "{route} {path}");
        }
    }

    /// The rule as DOCUMENT says it, one route after the other.
    fn by_trial(paths: &[(String, PathMatch)], path: &str) -> String {
        let exact = paths
            .iter()
            .find(|(p, m)| *m == PathMatch::Exact && p == path);
        if let Some((p, _)) = exact {
            return p.clone();
        }
        let prefixes = || {
            paths
                .iter()
                .filter(|(_, m)| *m == PathMatch::Prefix)
                .map(|(p, _)| p)
        };
        let matches = |p: &&String| {
            *p == path
                || path.starts_with(p.as_str()) && p.ends_with('/')
                || path.starts_with(&format!("{p}/"))
        };
        let whole = prefixes().find(|p| *p == path);
        let slashed = prefixes().find(|p| **p == format!("{path}/"));
        if let (None, Some(p)) = (whole, slashed) {
            return format!("-> {p}");
        }
        prefixes()
            .filter(matches)
            .max_by_key(|p| p.len())
            .cloned()
            .unwrap_or("none".into())
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_trying_every_route(
            paths in proptest::collection::btree_map("(/[ab]{1,2}){0,3}/?", prop::bool::ANY, 1..8),
            asked in "(/[ab]{1,2}){0,4}/?",
        ) {
            let paths: Vec<_> = paths.into_iter()
                .filter(|(p, _)| RoutePath::parse(p).is_ok())
                .map(|(p, exact)| (p, if exact { PathMatch::Exact } else { PathMatch::Prefix }))
                .collect();
            let asked = if asked.is_empty() { "/".to_owned() } else { asked };
            prop_assert_eq!(found(&table(&paths), &asked), by_trial(&paths, &asked));
        }
    }
}
