//! What files and variables hold another content than in the snapshot before.

use super::Snapshot;
use crate::model::{self, Name};

impl Snapshot {
    /// What was read from a file or a variable and is another than `before` had, though both
    /// name the same one: a phrase each, for the operator.
    pub fn read_anew(&self, before: &Self) -> Vec<String> {
        let mut news = Vec::new();
        let named_before = before.config.secrets();
        for place in self.config.secrets() {
            let same = |old: &model::SecretPlace<&model::Secret>| {
                old.owner == place.owner && old.secret == place.secret
            };
            let (old, new) = (&before.secrets, &self.secrets);
            if named_before.iter().any(same) && old.get(&place.owner) != new.get(&place.owner) {
                news.push(format!("{} was read again", place.owner));
            }
        }
        let others = self.certificates.other_than(&before.certificates);
        news.extend(others.map(|name| format!("certificate {name} was read again")));
        let others = self.authorities.other_than(&before.authorities).into_iter();
        news.extend(others.map(|whose| format!("the authorities of {whose} were read again")));
        for site in &self.config.sites {
            let is_it = |old: &&model::Site| old.name == site.name;
            let old = before.config.sites.iter().find(is_it);
            for (status, path) in &site.error_pages {
                let same = old.is_some_and(|old| old.error_pages.get(status) == Some(path));
                let new = self.page(&site.name, *status);
                if same && before.page(&site.name, *status) != new {
                    let how = match new {
                        Some(_) => "was read again",
                        None => "can no longer be read",
                    };
                    let (shown, name) = (path.display(), &site.name);
                    let words = format!("error page {shown} of site {name} {how}");
                    // One file may be the page of several statuses.
                    if !news.contains(&words) {
                        news.push(words);
                    }
                }
            }
        }
        news
    }

    fn page(&self, site: &Name, status: u16) -> Option<&crate::files::Page> {
        let site = self.sites.iter().find(|s| s.name == *site)?;
        site.pages.of(status)
    }
}
