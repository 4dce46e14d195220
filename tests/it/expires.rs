//! `expires` in two hundred forms, against nginx.

use std::fs;

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Client, Response};
use crate::support::document::{listener, site};
use crate::support::nginx::Nginx;

/// Both live in one zone that is not UTC and knows no summer time, for `@15h30m`.
const ZONE: &str = "Asia/Shanghai";

fn forms() -> Vec<String> {
    let mut forms: Vec<String> = ["off", "epoch", "max", "0", "-1", "1", "+30"]
        .map(str::to_owned)
        .to_vec();
    for n in [1, 2, 7, 30, 59, 100, 365] {
        for unit in ["s", "m", "h", "d", "w", "M", "y"] {
            forms.push(format!("{n}{unit}"));
        }
    }
    for n in [1, 5, 24, 90] {
        for unit in ["s", "m", "h", "d"] {
            forms.push(format!("-{n}{unit}"));
            forms.push(format!("modified +{n}{unit}"));
            forms.push(format!("modified -{n}{unit}"));
        }
    }
    for n in [1, 400, 4000] {
        for unit in ["d", "w", "y"] {
            forms.push(format!("modified {n}{unit}"));
        }
    }
    for text in [
        "1h30m",
        "1d12h",
        "1y6M",
        "1w2d3h4m5s",
        "2d1",
        "-1h30m",
        "modified +1d6h",
    ] {
        forms.push(text.to_owned());
    }
    for hour in 0..24 {
        for minute in [0, 17, 30, 59] {
            forms.push(format!("@{hour}h{minute:02}m"));
        }
    }
    forms.truncate(200);
    forms
}

/// What can be compared between two servers asked a moment apart: the time from `Date` to
/// `Expires`, `Expires` itself, and `Cache-Control`.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    from_now: Option<i64>,
    cache_control: Vec<String>,
}

fn kept(answer: &Response) -> Kept {
    let at = |name: &str| {
        let date = httpdate::parse_http_date(answer.field(name)?).ok()?;
        let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    Kept {
        from_now: at("Expires").map(|expires| expires - at("Date").unwrap()),
        cache_control: answer
            .all("Cache-Control")
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

#[test]
fn two_hundred_forms_of_expires_agree_with_nginx() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("a.css");
    write_file(&file, "a {}");
    // Long enough ago for «modified» to be past for some and to come for others.
    let changed = std::time::SystemTime::now() - std::time::Duration::from_secs(100 * 86_400);
    fs::File::options()
        .write(true)
        .open(&file)
        .and_then(|file| file.set_modified(changed))
        .unwrap();

    let forms = forms();
    assert_eq!(forms.len(), 200);
    let root = files.path();
    let (mut routes, mut locations) = (String::new(), String::new());
    for (i, form) in forms.iter().enumerate() {
        routes += &format!(
            "[[sites.routes]]\npath = \"/{i}/\"\nfiles = {{ root = {root:?}, expires = \"{form}\" }}\n\n"
        );
        locations += &format!(
            "location /{i}/ {{ alias {}/; expires {form}; }}\n",
            root.display()
        );
    }
    let lb = Appliance::start_with(&[("TZ", ZONE)]);
    lb.apply(&(listener(lb.port()) + &site("all", &routes)));
    let nginx = Nginx::start_with(&[("TZ", ZONE)], "", &locations);

    let (mut ours, mut theirs) = (Client::of(lb.port()), Client::of(nginx.port()));
    let mut differences = Vec::new();
    for (i, form) in forms.iter().enumerate() {
        let target = format!("/{i}/a.css");
        let mut pair = || (kept(&ours.get(&target)), kept(&theirs.get(&target)));
        // The two clocks tick between the two questions: a difference that stays is one.
        let (our, their) = std::iter::repeat_with(&mut pair)
            .take(5)
            .find(|(our, their)| our == their)
            .unwrap_or_else(&mut pair);
        if our != their {
            differences.push(format!("{form}: {our:?} and not {their:?}"));
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}
