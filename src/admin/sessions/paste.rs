//! What is pasted into an application so that it keeps its sessions here. The password is in none of it: it comes by
//! the environment.

use crate::admin::texts::Texts;

/// The variable of the environment that has the password.
pub(super) const VARIABLE: &str = "SESSIONS_PASSWORD";

/// What the application is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    Django,
    Flask,
    Express,
    Php,
    Rails,
    Spring,
}

impl Stack {
    /// In the order of the page.
    pub(super) const ALL: [Self; 6] = [
        Self::Django,
        Self::Flask,
        Self::Express,
        Self::Php,
        Self::Rails,
        Self::Spring,
    ];

    /// As its people write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Django => "Django",
            Self::Flask => "Flask",
            Self::Express => "Express",
            Self::Php => "PHP",
            Self::Rails => "Rails",
            Self::Spring => "Spring",
        }
    }

    /// The word in the URL.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::Flask => "flask",
            Self::Express => "express",
            Self::Php => "php",
            Self::Rails => "rails",
            Self::Spring => "spring",
        }
    }
}

/// Where an application connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As it stands in a URL: a name, an IPv4 address, or an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: u8,
    pub(super) has_tls: bool,
}

/// One text to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paste {
    /// Its id on the page.
    pub(super) id: &'static str,
    /// Where it goes.
    pub(super) to: &'static str,
    pub(super) text: String,
}

impl Place {
    fn url(&self) -> String {
        let scheme = match self.has_tls {
            true => "rediss",
            false => "redis",
        };
        format!("{scheme}://{}:{}/{}", self.host, self.port, self.database)
    }

    /// The host without the brackets of a URL.
    fn bare(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// Everything to paste for an application made with `stack`.
pub(super) fn pastes(t: Texts, stack: Stack, place: &Place) -> Vec<Paste> {
    let paste = |id, to, text| Paste { id, to, text };
    match stack {
        Stack::Django => vec![
            paste("django-own", t.se_django_own(), django(place, false)),
            paste("django-redis", t.se_django_redis(), django(place, true)),
            paste(
                "django-both",
                t.se_django_both(),
                "SESSION_ENGINE = \"django.contrib.sessions.backends.cached_db\"".to_owned(),
            ),
        ],
        Stack::Flask => vec![
            paste(
                "install",
                t.se_install(),
                "pip install flask-session redis".to_owned(),
            ),
            paste("flask", t.se_flask_how(), flask(place)),
        ],
        Stack::Express => vec![
            paste(
                "install",
                t.se_install(),
                "npm install express-session connect-redis redis".to_owned(),
            ),
            paste("express", t.se_express_how(), express(place)),
        ],
        Stack::Php => vec![paste("php", t.se_php_how(), php(place))],
        Stack::Rails => vec![
            paste("gem", t.se_rails_gem(), "gem \"redis\"".to_owned()),
            paste("rails", t.se_rails_how(), rails(place)),
        ],
        Stack::Spring => vec![
            paste("parts", t.se_spring_parts(), SPRING_PARTS.to_owned()),
            paste("spring", t.se_spring_how(), spring(place)),
        ],
    }
}

fn django(place: &Place, by_django_redis: bool) -> String {
    let (backend, password) = match by_django_redis {
        true => ("django_redis.cache.RedisCache", "PASSWORD"),
        false => ("django.core.cache.backends.redis.RedisCache", "password"),
    };
    format!(
        r#"import os

CACHES = {{
    "default": {{  # or yours
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    }},
    "sessions": {{
        "BACKEND": "{backend}",
        "LOCATION": "{}",
        "OPTIONS": {{"{password}": os.environ["{VARIABLE}"]}},
    }},
}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_CACHE_ALIAS = "sessions""#,
        place.url()
    )
}

fn flask(place: &Place) -> String {
    format!(
        r#"import os

import redis
from flask_session import Session

app.config["SESSION_TYPE"] = "redis"
app.config["SESSION_REDIS"] = redis.from_url(
    "{}", password=os.environ["{VARIABLE}"]
)
Session(app)"#,
        place.url()
    )
}

fn express(place: &Place) -> String {
    format!(
        r#"const session = require("express-session");
const {{ RedisStore }} = require("connect-redis");
const {{ createClient }} = require("redis");

const client = createClient({{
  url: "{}",
  password: process.env.{VARIABLE},
}});
client.on("error", console.error);
client.connect();

app.use(session({{
  store: new RedisStore({{ client }}),
  secret: process.env.SESSION_SECRET,
  resave: false,
  saveUninitialized: false,
}}));"#,
        place.url()
    )
}

fn php(place: &Place) -> String {
    let scheme = match place.has_tls {
        true => "tls",
        false => "tcp",
    };
    format!(
        "session.save_handler = redis\nsession.save_path = \"{scheme}://{}:{}?database={}&auth=${{{VARIABLE}}}\"",
        place.host, place.port, place.database
    )
}

fn rails(place: &Place) -> String {
    format!(
        r#"Rails.application.config.session_store :cache_store,
  key: "_session_id",
  expire_after: 2.weeks,
  cache: ActiveSupport::Cache::RedisCacheStore.new(
    url: "{}",
    password: ENV.fetch("{VARIABLE}")
  )"#,
        place.url()
    )
}

const SPRING_PARTS: &str = "org.springframework.boot:spring-boot-starter-data-redis
org.springframework.session:spring-session-data-redis";

fn spring(place: &Place) -> String {
    let mut lines = vec![
        format!("spring.data.redis.host={}", place.bare()),
        format!("spring.data.redis.port={}", place.port),
        format!("spring.data.redis.database={}", place.database),
        format!("spring.data.redis.password=${{{VARIABLE}}}"),
    ];
    if place.has_tls {
        lines.push("spring.data.redis.ssl.enabled=true".to_owned());
    }
    lines.push("spring.session.timeout=14d".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Place, Stack, VARIABLE, pastes};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    fn all(place: &Place) -> String {
        let t = Texts(Language::English);
        let texts = Stack::ALL.map(|stack| {
            let pastes = pastes(t, stack, place).into_iter();
            pastes.map(|paste| paste.text).collect::<Vec<_>>()
        });
        texts.concat().join("\n")
    }

    #[test]
    fn every_stack_is_told_address_database_and_tls_and_no_password() {
        let mut place = Place {
            host: "10.0.0.1".to_owned(),
            port: 6380,
            database: 3,
            has_tls: false,
        };
        let text = all(&place);
        assert_eq!(text.matches("redis://10.0.0.1:6380/3").count(), 5, "{text}");
        assert_eq!(text.matches("tcp://10.0.0.1:6380?database=3").count(), 1);
        assert_eq!(text.matches("spring.data.redis.database=3").count(), 1);
        assert_eq!(text.matches(VARIABLE).count(), 7, "each but cached_db");
        assert!(
            !text.contains("rediss://") && !text.contains("ssl"),
            "{text}"
        );
        place.has_tls = true;
        let text = all(&place);
        assert_eq!(
            text.matches("rediss://10.0.0.1:6380/3").count(),
            5,
            "{text}"
        );
        assert!(text.contains("tls://10.0.0.1") && text.contains("ssl.enabled=true"));
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets_in_urls_alone() {
        let place = Place {
            host: "[fd00::1]".to_owned(),
            port: 6379,
            database: 0,
            has_tls: false,
        };
        let text = all(&place);
        assert!(text.contains("redis://[fd00::1]:6379/0"), "{text}");
        assert!(text.contains("redis.host=fd00::1\n"), "{text}");
    }
}
