//! HTTPS by one switch: of one name the certificate where none fits, the listener where there is
//! none at the port, and the redirect of its site, in one change.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use serde_json::{Value as Json, json};

use super::{Answer, HERE, Which, beside, refused};
use crate::admin::forms::{Desk, Refused, saved};
use crate::admin::page::Shell;
use crate::admin::setup::port_words;
use crate::control::{CertificateView, Handle, PortState};
use crate::document::{Part, PartEdit, PartOp, PlacedProblem, PlacedProblems};
use crate::model::{Code, Config, HostPattern, Listener, Problems, Site};
use crate::people::People;

/// `POST /certificates/https`: `host`, `authority`, `port`, `redirect`.
pub(in crate::admin) async fn https(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, HERE);
    let config = desk.handle.config();
    let host = HostPattern::parse(desk.form.get("host").trim());
    let port = desk.form.get("port").trim().parse::<u16>();
    let port = port.ok().filter(|port| *port > 0);
    let (host, port) = match (host, port) {
        (Ok(host), Some(port)) => (host, port),
        (host, port) => {
            let host = host.err().map(|why| ("host", why));
            let port = port
                .is_none()
                .then(|| ("port", "must be 1 to 65535".to_owned()));
            let wrong = host.into_iter().chain(port);
            return Ok(refused(&desk, Which::Switch, &unfit(wrong.collect())));
        }
    };
    let address = desk.handle.everywhere(port).await;
    let wish = Wish {
        host,
        address,
        redirect: !desk.form.get("redirect").is_empty(),
        authority: desk.form.get("authority").trim().to_owned(),
    };
    let edits = match wish.edits(&config, &desk.handle) {
        Ok(edits) => edits,
        Err(wrong) => return Ok(refused(&desk, Which::Switch, &unfit(vec![wrong]))),
    };
    if edits.is_empty() {
        return Ok(crate::admin::page::go(HERE));
    }
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(mut why) => {
            let state = desk.handle.port_state(address).await;
            why.problems = why
                .problems
                .into_iter()
                .map(|found| placed(found, &shell, port, &state))
                .collect();
            refused(&desk, Which::Switch, &why)
        }
    })
}

/// Beside the row that led to it; of a port who holds it.
fn placed(mut found: PlacedProblem, shell: &Shell, port: u16, state: &PortState) -> PlacedProblem {
    let field = found.problem.field.clone();
    if field.starts_with("listeners") {
        if matches!(state, PortState::Busy(_)) {
            found.problem.message = port_words(shell.t, port, state);
        }
        return beside(found, "port");
    }
    match field.starts_with("certificates") {
        true => beside(found, "host"),
        false => found,
    }
}

/// Problems of what was typed.
fn unfit(wrong: Vec<(&str, String)>) -> Refused {
    let mut problems = Problems::default();
    for (field, why) in &wrong {
        problems.add(*field, Code::Value, why.clone());
    }
    let placed: PlacedProblems = problems.into();
    let beside =
        |(found, (field, _)): (&PlacedProblem, &(&str, String))| beside(found.clone(), field);
    Refused {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        problems: placed.iter().zip(&wrong).map(beside).collect(),
        trouble: None,
    }
}

/// What is wished for.
struct Wish {
    host: HostPattern,
    address: SocketAddr,
    redirect: bool,
    /// Who is to sign; empty is the certificate itself.
    authority: String,
}

impl Wish {
    /// What is to be changed for it: nothing where all is there.
    fn edits(
        &self,
        config: &Config,
        handle: &Handle,
    ) -> Result<Vec<PartEdit>, (&'static str, String)> {
        let port = self.address.port();
        let here = |one: &&Listener| one.address.port() == port;
        let listener = config.listeners.iter().find(here);
        if let Some(plain) = listener.filter(|one| one.tls.is_none()) {
            let why = format!("listener {} speaks plain HTTP there", plain.name);
            return Err(("port", why));
        }
        let mut edits = Vec::new();
        let certificate = match self.there(handle) {
            Some(one) => {
                edits.extend(self.better(&one));
                None
            }
            None => {
                let name = self.name(config);
                let table = self.table();
                edits.push(PartEdit::new(
                    Part::Certificate(name.clone()),
                    PartOp::Add(table),
                ));
                Some(name)
            }
        };
        let name = match listener {
            None => {
                let name = free("https", |name| {
                    config.listeners.iter().any(|one| one.name.as_str() == name)
                });
                let table = json!({ "address": self.address.to_string(), "tls": true });
                let part = Part::Listener(name.clone());
                edits.push(PartEdit::new(part, PartOp::Add(table)));
                name
            }
            Some(one) => {
                let tls = one.tls.clone().unwrap_or_default();
                if let Some(certificate) = certificate.filter(|_| !tls.certificates.is_empty()) {
                    let mut all: Vec<String> =
                        tls.certificates.iter().map(ToString::to_string).collect();
                    all.push(certificate);
                    let table = json!({ "tls": { "certificates": all } });
                    let part = Part::Listener(one.name.to_string());
                    edits.push(PartEdit::new(part, PartOp::Merge(table)));
                }
                one.name.to_string()
            }
        };
        edits.extend(self.site(config, &name)?);
        Ok(edits)
    }

    /// A certificate of its own.
    fn table(&self) -> Json {
        let hosts = [self.host.to_string()];
        match self.authority.is_empty() {
            true => json!({ "hosts": hosts, "self_signed": true }),
            false => json!({ "hosts": hosts, "acme": self.authority }),
        }
    }

    /// What becomes of one that is there for the host: an authority may sign in place of itself.
    fn better(&self, one: &CertificateView) -> Option<PartEdit> {
        let is_better = !self.authority.is_empty() && one.source == "self_signed";
        is_better.then(|| {
            let table = json!({ "self_signed": null, "acme": self.authority });
            PartEdit::new(Part::Certificate(one.name.clone()), PartOp::Merge(table))
        })
    }

    /// One that is there for this host.
    fn there(&self, handle: &Handle) -> Option<CertificateView> {
        let host = self.host.to_string();
        let fits = |one: &CertificateView| {
            let facts = one.facts.as_ref();
            let made_for = facts.map_or(&[][..], |facts| &facts.made_for);
            let below = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            one.is_named
                && made_for
                    .iter()
                    .any(|name| *name == host || below.as_ref() == Some(name))
        };
        handle.certificates().into_iter().find(fits)
    }

    /// The name of a new one.
    fn name(&self, config: &Config) -> String {
        let wanted = self
            .host
            .to_string()
            .replace("*.", "all.")
            .replace(['[', ']'], "")
            .replace(':', "-");
        let wanted: String = wanted.chars().take(60).collect();
        free(&wanted, |name| {
            config
                .certificates
                .iter()
                .any(|one| one.name.as_str() == name)
        })
    }

    /// What becomes of the site that answers for the host.
    fn site(
        &self,
        config: &Config,
        listener: &str,
    ) -> Result<Option<PartEdit>, (&'static str, String)> {
        let exact = |site: &&Site| site.hosts.contains(&self.host);
        let below = |site: &&Site| site.hosts.iter().any(|host| self.is_below(host));
        let any = |site: &&Site| site.hosts.is_empty();
        let sites = || config.sites.iter();
        let found = sites().find(exact).or_else(|| sites().find(below));
        let Some(site) = found.or_else(|| sites().find(any)) else {
            return match (
                config.pools.as_slice(),
                config.sites.is_empty(),
                self.redirect,
            ) {
                (_, _, false) => Ok(None),
                ([pool], true, true) => {
                    let route = json!({ "path": "/", "pool": pool.name.as_str() });
                    let table = json!({ "https_redirect": true, "routes": [route] });
                    let part = Part::Site(pool.name.to_string());
                    Ok(Some(PartEdit::new(part, PartOp::Add(table))))
                }
                _ => Err(("host", format!("no site answers for {}", self.host))),
            };
        };
        let mut table = json!({});
        if self.redirect && !site.https_redirect {
            table["https_redirect"] = true.into();
        }
        let is_there = site.listeners.iter().any(|name| name.as_str() == listener);
        if !site.listeners.is_empty() && !is_there {
            let mut all: Vec<String> = site.listeners.iter().map(ToString::to_string).collect();
            all.push(listener.to_owned());
            table["listeners"] = all.into();
        }
        let part = Part::Site(site.name.to_string());
        let is_other = table.as_object().is_some_and(|table| !table.is_empty());
        Ok(is_other.then(|| PartEdit::new(part, PartOp::Merge(table))))
    }

    fn is_below(&self, pattern: &HostPattern) -> bool {
        match (&self.host, pattern) {
            (HostPattern::Exact(name) | HostPattern::Below(name), HostPattern::Below(below)) => {
                name.strip_suffix(below.as_str())
                    .is_some_and(|rest| rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

/// A name that nothing has: the wanted one, or with a number behind it.
fn free(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{wanted}-{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}
