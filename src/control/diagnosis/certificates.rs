//! Certificates: until when each is good, and what is wrong with it.

use super::finding::{Area, Finding, Said};
use crate::control::certificates::unix_now;
use crate::control::{CertificateView, Handle, ending};
use crate::model::{Language, words};

impl Handle {
    pub(super) fn judged_certificates(&self, language: Language) -> Vec<Finding> {
        let now = unix_now();
        let views = self.certificates();
        let views = views.iter().filter(|view| view.is_named);
        let found = views.map(|view| judge(view, now, language).of(Area::Certificates, &view.name));
        found.collect()
    }
}

fn judge(view: &CertificateView, now: i64, language: Language) -> Said {
    let mut troubles = view.troubles.clone();
    if let Some(acme) = &view.acme
        && let Some(error) = &acme.last_error
    {
        troubles.push(error.words(language).to_owned());
    }
    let troubles = troubles.join("; ");
    let Some(facts) = &view.facts else {
        return Said::bad(
            words!(
                language,
                "cannot be used: {troubles}",
                "无法使用：{troubles}"
            ),
            String::new(),
        );
    };
    let days = view.days_left(now).unwrap_or_default();
    let names = facts.made_for.join(", ");
    let text = words!(
        language,
        "for {names}, good for {days} more days",
        "适用于 {names}，还有 {days} 天到期"
    );
    let renew = words!(
        language,
        "renew it on the page Certificates",
        "请在“证书”页面续签"
    );
    match ending::step((facts.not_before, facts.not_after), now) {
        Some(0) => Said::bad(
            words!(language, "for {names}, has ended", "适用于 {names}，已到期"),
            match troubles.is_empty() {
                true => renew,
                // It may be one of its chain that has.
                false => troubles,
            },
        ),
        _ if !troubles.is_empty() => Said::warn(text, troubles),
        Some(_) => Said::warn(text, renew),
        None => Said::ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::judge;
    use crate::control::CertificateView;
    use crate::control::kept::CertificateFacts;
    use crate::model::Language::English;

    const DAY: i64 = 86_400;

    fn good_for(days: i64, troubles: &[&str]) -> CertificateView {
        let facts = CertificateFacts {
            made_for: vec!["shop.example.com".into()],
            issuer: "an authority".into(),
            is_self_signed: false,
            not_before: days * DAY - 90 * DAY,
            not_after: days * DAY,
            sha256: String::new(),
        };
        CertificateView {
            name: "shop".into(),
            source: "files",
            is_named: true,
            hosts: Vec::new(),
            facts: Some(facts),
            since: None,
            file: None,
            listeners: Vec::new(),
            is_admins: false,
            is_sessions: false,
            troubles: troubles.iter().map(|&one| one.to_owned()).collect(),
            acme: None,
        }
    }

    #[test]
    fn a_certificate_is_judged_by_its_end_and_its_troubles() {
        let state = |view| judge(&view, 0, English).state;
        assert_eq!(state(good_for(60, &[])), Verdict::Ok);
        assert_eq!(state(good_for(60, &["the file is gone"])), Verdict::Warn);
        assert_eq!(state(good_for(5, &[])), Verdict::Warn);
        assert_eq!(state(good_for(-1, &[])), Verdict::Bad);
        let unread = CertificateView {
            facts: None,
            ..good_for(60, &["the file is gone"])
        };
        let said = judge(&unread, 0, English);
        assert_eq!(said.state, Verdict::Bad);
        assert!(said.text.contains("the file is gone"), "{said:?}");
    }
}
