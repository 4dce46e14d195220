//! The checklist for Django behind us: what its answers tell, what cannot be seen from here and
//! is only said, and the folders of its static files.

use tokio::task::JoinSet;

use super::finding::{Area, Finding, Said};
use super::visits::{ANY_HOST, Visit, Visits, hosts};
use super::{apart, within};
use crate::balance::Cause;
use crate::control::{Handle, Heard, django};
use crate::files::{Folder, FolderTrouble, look_at_folder};
use crate::model::{Config, Language, Target, Way, words};

/// Limit: folders of static files that are looked at.
const FOLDERS: usize = 16;

impl Handle {
    /// Nothing where no node seems to be Django's.
    pub(super) fn django(&self, language: Language, visits: &Visits) -> Vec<Finding> {
        let config = self.config();
        let seen: Vec<&Visit> = visits
            .visitors
            .iter()
            .filter(|visit| looks_so(&visit.tried.heard))
            .collect();
        if seen.is_empty() {
            return Vec::new();
        }
        let host = |visit: &&Visit| {
            let name = format!("{}, Host {}", visit.node, visit.host);
            host(visit, language).of(Area::Django, name)
        };
        let mut found: Vec<Finding> = seen.iter().map(host).collect();
        found.push(origins(&config, &seen, language).of(Area::Django, "CSRF_TRUSTED_ORIGINS"));
        if let Some(said) = believes_us(&config, &seen, language) {
            found.push(said.of(Area::Django, "Gunicorn"));
        }
        found
    }

    pub(super) async fn static_folders(&self, language: Language) -> Vec<Finding> {
        let mut looking = JoinSet::new();
        for (place, (name, root)) in folders(&self.config()).into_iter().enumerate() {
            let look = async move {
                let asked = root.clone();
                let looked = apart(move || look_at_folder(&asked)).await;
                let said = looked.map(|looked| folder(&root, &looked, language));
                let found = said.map(|said| said.of(Area::Files, name));
                found.into_iter().collect()
            };
            // One that hangs holds up no other.
            looking.spawn(async move {
                let look = Box::pin(look);
                (place, within(language, Area::Files, look).await)
            });
        }
        let mut found = looking.join_all().await;
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().flat_map(|(_, found)| found).collect()
    }
}

/// The folders of static files, each with its site and path.
fn folders(config: &Config) -> Vec<(String, String)> {
    let mut folders = Vec::new();
    for site in &config.sites {
        for route in &site.routes {
            if let Target::Files(files) = &route.target {
                let name = format!("{} {}", site.name, route.path);
                folders.push((name, files.root.display().to_string()));
            }
        }
    }
    folders.truncate(FOLDERS);
    folders
}

/// Whether Django, or Gunicorn before it, seems to have answered.
fn looks_so(heard: &Heard) -> bool {
    heard.is_django
        || heard
            .server
            .as_ref()
            .is_some_and(|s| s.contains("gunicorn"))
}

/// How the application takes visitors of a host.
fn host(visit: &Visit, language: Language) -> Said {
    let result = &visit.tried.result;
    match result.cause {
        Some(Cause::DisallowedHost) => {
            let advice = django::allow_host(result.facts.allowed());
            Said::bad(result.text(language), advice)
        }
        Some(Cause::SslRedirect) if visit.by_https => Said::bad(
            words!(
                language,
                "redirects who came by HTTPS to HTTPS again, without end: it does not believe X-Forwarded-Proto",
                "把通过 HTTPS 来的访客再次重定向到 HTTPS，形成循环：它不认可 X-Forwarded-Proto"
            ),
            django::PROXY_SSL_HEADER,
        ),
        Some(Cause::SslRedirect) => Said::warn(
            words!(
                language,
                "redirects to HTTPS, and nothing here speaks HTTPS for it",
                "重定向到 HTTPS，而这里没有为它提供 HTTPS 的监听"
            ),
            words!(
                language,
                "turn HTTPS on, on the page Certificates",
                "在“证书”页面启用 HTTPS"
            ),
        ),
        Some(Cause::ApplicationError) => Said::warn(result.text(language), String::new()),
        _ => match result.status() {
            Some(status) => Said::ok(words!(
                language,
                "takes the name, answers {status}",
                "接受该主机名，应答 {status}"
            )),
            None => Said::warn(result.text(language), String::new()),
        },
    }
}

/// What it cannot be asked: from whose pages it takes forms.
fn origins(config: &Config, seen: &[&Visit], language: Language) -> Said {
    let mut origins: Vec<String> = Vec::new();
    for visit in seen {
        let pool = visit.node.split('/').next().unwrap_or_default();
        for (host, by_https) in hosts(config, pool) {
            let scheme = if by_https { "https" } else { "http" };
            let origin = format!("{scheme}://{host}");
            if host != ANY_HOST && !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    if origins.is_empty() {
        origins.push("https://HOST".to_owned());
    }
    Said {
        advice: django::trusted_origins(&origins),
        ..Said::ok(words!(
            language,
            "cannot be seen from here; where Django answers 403 to forms, its settings need",
            "此处无法查看；若 Django 对表单应答 403，请在 settings 中加入"
        ))
    }
}

/// Gunicorn on another machine believes nobody unless told.
fn believes_us(config: &Config, seen: &[&Visit], language: Language) -> Option<Said> {
    let mut addresses = seen.iter().map(|visit| &visit.tried.address);
    let is_remote = addresses.any(|address| match address.way() {
        Way::Ip(address) => !address.ip().is_loopback(),
        Way::Name { .. } => true,
        Way::Unix(_) => false,
    });
    is_remote.then(|| Said {
        advice: django::gunicorn(config),
        ..Said::ok(words!(
            language,
            "whether it believes X-Forwarded-* from here cannot be seen; it must be started with --forwarded-allow-ips",
            "此处无法查看它是否信任本机发来的 X-Forwarded-*；启动时需要 --forwarded-allow-ips"
        ))
    })
}

/// Whether the files of a folder can be served.
fn folder(root: &str, looked: &Result<Folder, FolderTrouble>, language: Language) -> Said {
    match looked {
        Err(trouble) => Said::bad(trouble.text(language), trouble.remedy().unwrap_or_default()),
        Ok(found) if found.unreadable > 0 => {
            let (n, first) = (found.unreadable, &found.first_unreadable);
            Said::warn(
                words!(
                    language,
                    "{root}: files that cannot be read: {n}, such as {first}",
                    "{root}：无法读取的文件 {n} 个，例如 {first}"
                ),
                format!("chmod -R o+rX {root}"),
            )
        }
        Ok(found) if found.files == 0 => Said::warn(
            words!(language, "{root} is empty", "{root} 是空的"),
            "python manage.py collectstatic",
        ),
        Ok(found) => {
            let n = found.files;
            let more = if found.has_more { "+" } else { "" };
            Said::ok(words!(
                language,
                "{root}: files that can be read: {n}{more}",
                "{root}：可读取的文件 {n}{more} 个"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::folder;
    use crate::files::{Folder, FolderTrouble};
    use crate::model::Language::English;

    #[test]
    fn a_folder_that_cannot_be_served_says_who_stands_in_the_way() {
        let forbidden = FolderTrouble::Forbidden {
            user: "steelyard".into(),
            path: "/home/ann".into(),
            owner: "ann".into(),
            mode: "700".into(),
        };
        let said = folder("/home/ann/static", &Err(forbidden), English);
        assert_eq!(said.state, Verdict::Bad);
        assert!(said.text.contains("may not enter /home/ann"), "{said:?}");
        assert_eq!(said.advice, "setfacl -m u:steelyard:rx /home/ann");
        let of = |files, unreadable| {
            let found = Folder {
                files,
                unreadable,
                ..Folder::default()
            };
            folder("/s", &Ok(found), English).state
        };
        assert_eq!(of(3, 0), Verdict::Ok);
        assert_eq!(of(0, 0), Verdict::Warn);
        assert_eq!(of(3, 1), Verdict::Warn);
    }
}
