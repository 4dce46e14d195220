//! How a node is probed.

use std::num::NonZeroU16;
use std::time::Duration;

use super::{Config, HeaderName, HeaderValue, HostPattern, Pool, Target};

/// Status codes that pass: one range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// The lowest code that passes, 200 to 599: what is below is no answer yet.
    pub from: u16,
    /// The highest code that passes.
    pub to: u16,
}

impl Expect {
    /// Takes `200` or `200-399`.
    ///
    /// # Errors
    /// The phrase for the operator when the text is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let code = |part: &str| {
            let known = part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>()
                .ok()
                .filter(|code| known && (200..=599).contains(code))
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (code(from.trim()), code(to.trim())) {
            (Some(from), Some(to)) if from <= to => Ok(Self { from, to }),
            _ => Err(format!(
                "must be a status of 200 to 599 or a range of them, such as 200-399 (is {text:?})"
            )),
        }
    }

    /// Whether `status` passes.
    pub fn passes(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}-{}", self.from, self.to)
        }
    }
}

/// The method of an HTTP probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckMethod {
    /// The answer as a visitor gets it.
    Get,
    /// Its head alone.
    Head,
}

impl CheckMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Get, Self::Head];

    /// The word in the document and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// What an HTTP probe asks, and which answer passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// The method.
    pub method: CheckMethod,
    /// The path asked for.
    pub path: String,
    /// The Host sent; none is the one that visitors ask for: [`Config::check_host`].
    pub host: Option<HeaderValue>,
    /// Fields sent beside our own. Never Host, User-Agent, nor what carries the message.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The codes that pass.
    pub expect: Expect,
    /// What must stand within the first [`HttpCheck::BODY_LIMIT`] bytes of the body; empty
    /// is anything.
    pub body: String,
}

impl HttpCheck {
    /// Limit: bytes of an answer's body that are looked at, 256 KiB.
    pub const BODY_LIMIT: usize = 256 * 1024;
}

impl Default for HttpCheck {
    fn default() -> Self {
        Self {
            method: CheckMethod::Get,
            path: "/".to_owned(),
            host: None,
            headers: Vec::new(),
            expect: Expect { from: 200, to: 399 },
            body: String::new(),
        }
    }
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// Connects.
    Tcp,
    /// Asks, and looks at the answer.
    Http(HttpCheck),
}

impl CheckKind {
    /// The word in the document.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http(_) => "http",
        }
    }
}

/// How a node is probed, and how many results turn it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What a probe does.
    pub kind: CheckKind,
    /// The port probed, at the node's own address; none is the node's own port.
    pub port: Option<NonZeroU16>,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// Longest time for one probe, at most the interval.
    pub timeout: Duration,
    /// Successes in a row that turn a node Up.
    pub rise: u16,
    /// Failures in a row that turn a node Down.
    pub fall: u16,
    /// Whether a node is Down until its probes pass, and not Unknown, which counts as up.
    pub default_down: bool,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            kind: CheckKind::Tcp,
            port: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
            default_down: false,
        }
    }
}

impl Config {
    /// The Host that HTTP checks of `pool` send, where there is one: the check's own, the
    /// pool's, or a name that leads to the pool. Of several names the first by the alphabet,
    /// so that nothing depends on the document's order; one that is written out before the
    /// end of a `*.` one. Without any it is each node's own address.
    pub fn check_host(&self, pool: &Pool) -> Option<String> {
        let own = match pool.health_check.as_ref().map(|check| &check.kind) {
            Some(CheckKind::Http(http)) => http.host.as_ref(),
            Some(CheckKind::Tcp) | None => return None,
        };
        if let Some(host) = own.or(pool.host.as_ref()) {
            return Some(host.as_str().to_owned());
        }
        let leads_there = |target: &Target| match target {
            Target::Pool(name) => *name == pool.name,
            Target::Files(files) => files.fallback.as_ref() == Some(&pool.name),
            Target::Redirect(_) | Target::Respond(_) => false,
        };
        let sites = self.sites.iter();
        let sites = sites.filter(|site| site.routes.iter().any(|r| leads_there(&r.target)));
        // Names that are written out sort before the others.
        let first = sites.flat_map(|site| &site.hosts).min()?;
        Some(match first {
            HostPattern::Exact(name) | HostPattern::Below(name) => name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckKind, Expect, HealthCheck, HttpCheck};
    use crate::model::{
        Config, Files, HeaderValue, HostPattern, Name, Pool, Route, RoutePath, Site, Target,
    };

    fn site(name: &str, hosts: &[&str], target: Target) -> Site {
        let mut site = Site::new(Name::unchecked(name));
        let host = |host: &&str| HostPattern::parse(host).unwrap();
        site.hosts = hosts.iter().map(host).collect();
        site.routes = vec![Route::new(RoutePath::parse("/").unwrap(), target)];
        site
    }

    fn pool(check: CheckKind) -> Pool {
        let mut pool = Pool::new(Name::unchecked("django"));
        pool.health_check = Some(HealthCheck {
            kind: check,
            ..HealthCheck::default()
        });
        pool
    }

    #[test]
    fn a_check_asks_for_the_name_that_visitors_ask_for() {
        let to = |name: &str| Target::Pool(Name::unchecked(name));
        let mut pool = pool(CheckKind::Http(HttpCheck::default()));
        let mut config = Config::default();
        let host = |config: &Config, pool: &Pool| config.check_host(pool).unwrap_or_default();
        assert_eq!(host(&config, &pool), "");

        config.sites = vec![
            site("other", &["a.example"], to("other")),
            site("any", &[], to("django")),
        ];
        assert_eq!(host(&config, &pool), "", "no name leads there");
        config
            .sites
            .push(site("below", &["*.a.example"], to("django")));
        assert_eq!(host(&config, &pool), "a.example");
        let files = Files {
            fallback: Some(Name::unchecked("django")),
            ..Files::new("/srv".into())
        };
        let named = ["shop.example", "c.example"];
        config
            .sites
            .push(site("files", &named, Target::Files(files)));
        assert_eq!(host(&config, &pool), "c.example");
        config.sites.reverse();
        assert_eq!(host(&config, &pool), "c.example", "in any order");

        pool.host = Some(HeaderValue::parse("of-the-pool").unwrap());
        assert_eq!(host(&config, &pool), "of-the-pool");
        pool.health_check = Some(HealthCheck {
            kind: CheckKind::Http(HttpCheck {
                host: Some(HeaderValue::parse("of-the-check").unwrap()),
                ..HttpCheck::default()
            }),
            ..HealthCheck::default()
        });
        assert_eq!(host(&config, &pool), "of-the-check");
    }

    #[test]
    fn a_check_that_only_connects_names_nobody() {
        let mut pool = pool(CheckKind::Tcp);
        pool.host = Some(HeaderValue::parse("of-the-pool").unwrap());
        assert_eq!(Config::default().check_host(&pool), None);
        pool.health_check = None;
        assert_eq!(Config::default().check_host(&pool), None);
    }

    #[test]
    fn an_expectation_is_a_code_or_a_range() {
        assert!(Expect::parse("200-399").unwrap().passes(302));
        assert!(!Expect::parse("204").unwrap().passes(200));
        for good in ["200", "200-399"] {
            assert_eq!(Expect::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "", "2xx", "399-200", "99", "600", "+200", "200-", "100", "199", "100-199", "199-200",
        ] {
            assert!(Expect::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
