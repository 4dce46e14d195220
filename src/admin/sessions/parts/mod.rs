//! What of the page moves by itself: the sentence on top, the figures with what is wrong, and the databases.

use std::net::IpAddr;

use askama::Template;

use super::words;
use crate::admin::page::Shell;
use crate::control::{MoveView, SessionDatabaseView, SessionsView};
use crate::model::{Config, Role, size};

/// The part of the memory from which on somebody should look, in percent.
const NEARLY: u64 = 90;

/// Limit: names and commands told of one trouble.
const MOST_TOLD: usize = 5;

/// What is shown.
pub(super) struct Look<'a> {
    pub(super) shell: &'a Shell,
    pub(super) view: &'a SessionsView,
    pub(super) config: &'a Config,
}

/// Something wrong, or not as it is meant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trouble {
    words: String,
    help: &'static str,
    /// In the program's own words.
    why: String,
    /// What can be done: words, and where that leads.
    link: Option<(&'static str, &'static str)>,
    is_hint: bool,
}

#[derive(Template)]
#[template(path = "sessions/state.html")]
struct State<'a> {
    shell: &'a Shell,
    view: &'a SessionsView,
    troubles: Vec<Trouble>,
    round_trip: String,
    found: String,
    memory: String,
    most: String,
    /// In percent of what there may be, for the bar.
    used: u64,
    has_tls: bool,
    redis_time: String,
}

#[derive(Template)]
#[template(path = "sessions/moving.html")]
struct Moving<'a> {
    shell: &'a Shell,
    view: &'a SessionsView,
}

#[derive(Template)]
#[template(path = "sessions/databases.html")]
struct Databases<'a> {
    shell: &'a Shell,
    view: &'a SessionsView,
    is_admin: bool,
}

impl State<'_> {
    fn connections(&self) -> u64 {
        u64::try_from(self.view.connections).unwrap_or(u64::MAX)
    }
}

impl Moving<'_> {
    fn line(&self, to: &str, copied: &u64, total: &u64) -> String {
        let (copied, total) = (words::grouped(copied), words::grouped(total));
        self.shell.t.se_moving(to, copied, total)
    }

    fn part(&self, copied: &u64, total: &u64) -> u64 {
        let percent = (u128::from(*copied) * 100).checked_div(u128::from(*total));
        u64::try_from(percent.unwrap_or(0)).unwrap_or(100).min(100)
    }
}

impl Databases<'_> {
    fn found(&self, database: &SessionDatabaseView) -> String {
        let rate = database.hit_rate();
        rate.map_or_else(|| "–".to_owned(), |rate| words::rate(self.shell.t, rate))
    }
}

impl Look<'_> {
    /// The sentence on top.
    pub(super) fn lead(&self) -> String {
        let t = self.shell.t;
        let sessions = match self.view.keys() {
            1 => t.se_lead_one().to_owned(),
            keys => t.se_lead(words::grouped(keys)),
        };
        let words = match self.view.round_trip {
            Some(time) => t.se_lead_in(sessions, words::time(t, time)),
            None => sessions,
        };
        format!("<span id=\"lead\">{words}</span>")
    }

    /// The figures, and what is wrong.
    pub(super) fn state(&self) -> String {
        let (t, view) = (self.shell.t, self.view);
        let most = view.most_memory;
        let redis = view.redis.as_ref();
        let none = || "–".to_owned();
        let state = State {
            shell: self.shell,
            view,
            troubles: self.troubles(),
            round_trip: view
                .round_trip
                .map_or_else(none, |time| words::time(t, time)),
            found: view
                .hit_rate()
                .map_or_else(none, |rate| words::rate(t, rate)),
            memory: size(view.memory),
            most: match most {
                0 => t.se_any().to_owned(),
                most => t.se_of(size(most)),
            },
            redis_time: redis
                .and_then(|redis| redis.latency)
                .map_or_else(String::new, |time| t.se_redis_answers(words::time(t, time))),
            used: self.used(),
            has_tls: self.config.sessions.tls.is_some(),
        };
        rendered(&state)
    }

    /// How far a move has come.
    pub(super) fn moving(&self) -> String {
        rendered(&Moving {
            shell: self.shell,
            view: self.view,
        })
    }

    /// What is wrong with the Redis behind.
    fn redis_troubles(&self) -> Vec<Trouble> {
        let t = self.shell.t;
        let Some(redis) = &self.view.redis else {
            return Vec::new();
        };
        let away = redis.why.as_ref().map(|why| Trouble {
            words: t.se_redis_away(&redis.address),
            why: why.clone(),
            ..Trouble::default()
        });
        let evicts = redis.evicts.as_ref().map(|policy| Trouble {
            words: t.se_redis_evicts(policy),
            ..Trouble::default()
        });
        away.into_iter().chain(evicts).collect()
    }

    /// The databases.
    pub(super) fn databases(&self) -> String {
        let role = self.shell.user.as_ref().map(|user| user.role);
        rendered(&Databases {
            shell: self.shell,
            view: self.view,
            is_admin: role == Some(Role::Admin),
        })
    }

    fn used(&self) -> u64 {
        let most = self.view.most_memory;
        if most == 0 {
            return 0;
        }
        let percent = u128::from(self.view.memory) * 100 / u128::from(most);
        u64::try_from(percent).unwrap_or(100).min(100)
    }

    fn troubles(&self) -> Vec<Trouble> {
        let (t, view) = (self.shell.t, self.view);
        let to_settings = |words| Some((words, "/sessions/settings"));
        let mut all = Vec::new();
        if !view.open {
            all.push(Trouble {
                words: t.se_closed(view.address),
                help: t.se_closed_do(),
                ..Trouble::default()
            });
        }
        all.extend(self.redis_troubles());
        if let Some(why) = view.not_kept.as_ref().filter(|_| view.redis.is_none()) {
            all.push(Trouble {
                words: t.se_not_kept().to_owned(),
                why: why.clone(),
                ..Trouble::default()
            });
        }
        let full: u64 = view.databases.iter().map(|one| one.full).sum();
        if full > 0 || self.used() >= NEARLY {
            all.push(Trouble {
                words: match full {
                    0 => t.se_nearly_full(t.percent(self.used())),
                    full => t.se_full(words::grouped(full)),
                },
                link: to_settings(t.se_give_more()),
                is_hint: full == 0,
                ..Trouble::default()
            });
        }
        let far = far(self.config);
        if view.address.ip().is_loopback() && !far.is_empty() {
            all.push(Trouble {
                words: t.se_far(few(&far)),
                link: to_settings(t.se_listen()),
                is_hint: true,
                ..Trouble::default()
            });
        }
        if view.denied > 0 {
            all.push(Trouble {
                words: t.se_denied(words::grouped(view.denied)),
                is_hint: true,
                ..Trouble::default()
            });
        }
        all.extend(self.missing());
        all
    }

    fn missing(&self) -> Option<Trouble> {
        let t = self.shell.t;
        let missing = self.view.missing.iter();
        let commands: Vec<String> = missing
            .map(|(name, times)| format!("{} ({})", name.to_uppercase(), words::grouped(*times)))
            .collect();
        (!commands.is_empty()).then(|| Trouble {
            words: t.se_missing(few(&commands)),
            help: t.se_missing_do(),
            is_hint: true,
            ..Trouble::default()
        })
    }
}

/// The first of them.
fn few(all: &[String]) -> String {
    let told = all.iter().take(MOST_TOLD).map(String::as_str);
    let told = told.collect::<Vec<_>>().join(", ");
    match all.len() > MOST_TOLD {
        true => told + " …",
        false => told,
    }
}

/// The nodes that are on other machines, by name.
fn far(config: &Config) -> Vec<String> {
    let nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
    let is_far = |ip: IpAddr| !ip.to_canonical().is_loopback();
    let far = nodes.filter(|node| node.address.as_socket().is_some_and(|at| is_far(at.ip())));
    far.map(|node| node.name.to_string()).collect()
}

fn rendered(part: &impl Template) -> String {
    part.render().unwrap_or_else(|error| {
        tracing::error!("a part of the page cannot be written: {error}");
        String::new()
    })
}

#[cfg(test)]
mod tests;
