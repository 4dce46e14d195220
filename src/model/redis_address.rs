//! A Redis behind the session store: where it is, and who we are there.

use std::fmt;

/// Where a Redis is. Never its password: that is a secret of its own.
///
/// Written `redis://[USER@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// Whether it is spoken to by TLS.
    pub tls: bool,
    /// The user that the password belongs to; none is the one that Redis calls `default`.
    pub user: Option<String>,
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// The database there that is our number 0; the others follow it.
    pub base: u16,
}

impl RedisAddress {
    /// Where Redis listens if nobody says otherwise.
    const PORT: u16 = 6379;

    /// The highest database that may be our number 0. Redis has 16 unless it is told otherwise.
    pub const MAX_BASE: u16 = 9999;

    /// Takes `text` as the URL of a Redis.
    ///
    /// # Errors
    /// The phrase for the operator. It never holds what stands where a password would.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match (
            text.strip_prefix("redis://"),
            text.strip_prefix("rediss://"),
        ) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err("must begin with redis:// or rediss://".to_owned()),
        };
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match place.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => {
                return Err("must hold no password: it belongs in store_password".to_owned());
            }
            Some((user, place)) => (Some(user), place),
            None => (None, place),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let user = match user {
            None | Some("") => None,
            Some(user) if user.chars().all(allowed) => Some(user.to_owned()),
            Some(_) => return Err("must name a user of letters, digits and . _ - only".to_owned()),
        };
        let (host, port) = host_and_port(place)?;
        Ok(Self {
            tls,
            user,
            host,
            port,
            base: base(path)?,
        })
    }

    /// `HOST:PORT`, for people.
    #[must_use]
    pub fn place(&self) -> String {
        let (host, port) = (&self.host, self.port);
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

fn host_and_port(place: &str) -> Result<(String, u16), String> {
    let no_host = || "must name a host, such as redis://10.0.0.5:6379".to_owned();
    let (host, rest) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(no_host)?;
            let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
            (is_address.then_some(host).ok_or_else(no_host)?, rest)
        }
        None => {
            let end = place.find(':').unwrap_or(place.len());
            let (host, rest) = place.split_at(end);
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let is_name = !host.is_empty() && host.len() <= 253 && host.chars().all(allowed);
            (is_name.then_some(host).ok_or_else(no_host)?, rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => Some(RedisAddress::PORT),
        None => None,
        Some(port) => number(port).filter(|port| *port > 0),
    };
    let port = port.ok_or("must hold a port of 1 to 65535 behind the host")?;
    Ok((host.to_owned(), port))
}

fn base(path: &str) -> Result<u16, String> {
    if path.is_empty() {
        return Ok(0);
    }
    let base = number(path).filter(|base| *base <= RedisAddress::MAX_BASE);
    base.ok_or_else(|| {
        let most = RedisAddress::MAX_BASE;
        format!("must end with the number of a database, 0 to {most}, or without a path")
    })
}

/// Digits alone: no sign, no blank.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "rediss://" } else { "redis://" })?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.place())?;
        if self.base > 0 {
            write!(f, "/{}", self.base)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::RedisAddress;

    #[test]
    fn a_url_says_where_and_who_and_is_written_again() {
        for (text, written) in [
            ("redis://cache", "redis://cache:6379"),
            ("redis://10.0.0.5:7000/3", "redis://10.0.0.5:7000/3"),
            (
                "rediss://app@[fd00::1]:6380/",
                "rediss://app@[fd00::1]:6380",
            ),
            ("redis://@cache/0", "redis://cache:6379"),
        ] {
            let read = RedisAddress::parse(text).unwrap();
            assert_eq!(read.to_string(), written);
            assert_eq!(RedisAddress::parse(written).unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_address_is_told_and_a_password_never_repeated() {
        for (text, why) in [
            ("memory", "must begin with redis:// or rediss://"),
            ("redis://", "must name a host"),
            ("redis://[cache]", "must name a host"),
            ("redis://a b", "must name a host"),
            ("redis://a:0", "a port of 1 to 65535"),
            ("redis://a:+1", "a port of 1 to 65535"),
            ("redis://[::1]x", "a port of 1 to 65535"),
            ("redis://a/b", "the number of a database"),
            ("redis://a/10000", "the number of a database"),
            ("redis://u%20@a", "must name a user"),
            ("redis://:hunter2@a", "must hold no password"),
            ("redis://u:hunter2@a/1", "must hold no password"),
        ] {
            let told = RedisAddress::parse(text).unwrap_err();
            assert!(told.contains(why) && !told.contains("hunter2"), "{told}");
        }
    }
}
