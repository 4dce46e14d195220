//! What a site and its route change in a head, made one.

use crate::model::{HeaderChanges, HeaderName, HeaderValue};

/// Fields left out and fields set, in that order.
#[derive(Debug, Default)]
pub struct HeaderPlan {
    set: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

impl HeaderPlan {
    /// The site's fields, then the route's own changes.
    pub fn build(site: &[(HeaderName, HeaderValue)], route: &HeaderChanges) -> Self {
        let ours = |name: &HeaderName| {
            route.remove.iter().any(|n| n.is(name.as_str()))
                || route.set.iter().any(|(n, _)| n.is(name.as_str()))
        };
        let kept = site.iter().filter(|(name, _)| !ours(name));
        Self {
            set: kept.chain(&route.set).cloned().collect(),
            remove: route.remove.clone(),
        }
    }

    /// Whether a field of this name, sent by somebody else, is left out.
    #[inline]
    pub fn drops(&self, name: &[u8]) -> bool {
        // Most plans name nothing, and this is asked of every field.
        !(self.set.is_empty() && self.remove.is_empty()) && self.names(name)
    }

    fn names(&self, name: &[u8]) -> bool {
        let is = |other: &HeaderName| name.eq_ignore_ascii_case(other.as_str().as_bytes());
        self.set.iter().any(|(set, _)| is(set)) || self.remove.iter().any(is)
    }

    /// The fields set.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderPlan;
    use crate::model::{HeaderChanges, HeaderName, HeaderValue};

    #[test]
    fn the_route_has_the_last_word() {
        let name = |n: &str| HeaderName::parse(n).unwrap();
        let pair = |n: &str, v: &str| (name(n), HeaderValue::parse(v).unwrap());
        let site = [pair("A", "site"), pair("B", "site"), pair("C", "site")];
        let route = HeaderChanges {
            set: vec![pair("b", "route")],
            remove: vec![name("c"), name("Server")],
        };
        let plan = HeaderPlan::build(&site, &route);
        let set: Vec<_> = plan.set().collect();
        assert_eq!(set, [("A", "site"), ("b", "route")]);
        assert!(plan.drops(b"a") && plan.drops(b"server") && plan.drops(b"C"));
        assert!(!plan.drops(b"D"));
    }
}
