//! A pool as its form shows it, and back.

use serde_json::{Value as Json, json};

/// Keys of a check that only connects.
const OF_TCP: [&str; 7] = [
    "kind",
    "port",
    "interval",
    "timeout",
    "rise",
    "fall",
    "default_down",
];

/// A pool as the form shows it: a check that is off and an affinity that is absent are choices.
pub(super) fn open(pool: &mut Json) {
    let probe = json!({
        "kind": "http", "path": "/", "host": "", "expect": "200-399", "method": "GET",
        "interval": "5s", "timeout": "1s", "rise": 2, "fall": 3, "default_down": false,
    });
    let check = &pool["health_check"];
    let mut shown = probe;
    match check.as_object() {
        Some(check) => {
            for (key, value) in check {
                shown[key] = value.clone();
            }
        }
        None => shown["kind"] = "off".into(),
    }
    pool["health_check"] = shown;
    let affinity = match pool.get("affinity").filter(|affinity| affinity.is_object()) {
        Some(affinity) => {
            let mut affinity = affinity.clone();
            affinity["on"] = true.into();
            affinity
        }
        None => json!({
            "on": false, "cookie": "steelyard", "max_age": "0s", "path": "/",
            "secure": "auto", "http_only": true, "same_site": "lax",
        }),
    };
    pool["affinity"] = affinity;
    let tls = match pool.get("tls").filter(|tls| tls.is_object()) {
        Some(tls) => {
            let mut tls = tls.clone();
            tls["on"] = true.into();
            tls
        }
        None => json!({ "on": false, "verify": true }),
    };
    pool["tls"] = tls;
    // A word in the form.
    let secure = match &pool["affinity"]["secure"] {
        Json::Bool(flag) => flag.to_string(),
        _ => "auto".to_owned(),
    };
    pool["affinity"]["secure"] = secure.into();
}

/// The same as the document has it.
pub(super) fn close(pool: &mut Json) {
    let kind = pool["health_check"]["kind"]
        .as_str()
        .unwrap_or("tcp")
        .to_owned();
    match (kind.as_str(), pool["health_check"].as_object_mut()) {
        ("off", _) => pool["health_check"] = "off".into(),
        ("tcp", Some(check)) => check.retain(|key, _| OF_TCP.contains(&key.as_str())),
        _ => {}
    }
    let is_on = pool["affinity"]["on"] == true;
    let speaks_tls = pool["tls"]["on"] == true;
    let Some(table) = pool.as_object_mut() else {
        return;
    };
    if table.get("policy").is_some_and(|policy| policy != "hash") {
        table.shift_remove("hash_key");
    }
    match table.get_mut("tls").and_then(Json::as_object_mut) {
        Some(tls) if speaks_tls => _ = tls.shift_remove("on"),
        _ => _ = table.shift_remove("tls"),
    }
    if !is_on {
        table.shift_remove("affinity");
        return;
    }
    let affinity = table.get_mut("affinity").and_then(Json::as_object_mut);
    if let Some(affinity) = affinity {
        affinity.shift_remove("on");
        let secure = affinity.get("secure").and_then(Json::as_str);
        if let Some(flag) = secure.and_then(|word| word.parse::<bool>().ok()) {
            affinity.insert("secure".to_owned(), flag.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{close, open};

    #[test]
    fn what_is_opened_and_closed_again_says_the_same() {
        for pool in [
            json!({ "health_check": "off" }),
            json!({ "health_check": { "kind": "tcp", "interval": "9s" } }),
            json!({ "health_check": { "kind": "http", "path": "/up" }, "affinity": { "secure": true } }),
            json!({ "health_check": "off", "tls": { "ca": "/etc/ca.pem" } }),
            json!({ "health_check": "off", "tls": {} }),
        ] {
            let mut shown = pool.clone();
            open(&mut shown);
            close(&mut shown);
            let (was, is) = (&pool["health_check"], &shown["health_check"]);
            match was.as_object() {
                Some(keys) => assert!(keys.iter().all(|(key, value)| is[key] == *value)),
                None => assert_eq!(was, is),
            }
            for key in ["affinity", "tls"] {
                assert_eq!(pool.get(key).is_some(), shown.get(key).is_some());
            }
            assert_eq!(pool["tls"]["ca"], shown["tls"]["ca"]);
        }
    }
}
