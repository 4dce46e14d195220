//! `[sessions]`: every key, and what is wrong with one.

use super::{config, told};
use crate::document::{to_full_json, to_toml};
use crate::model::{Config, Fsync};

fn document(keys: &str) -> String {
    format!("version = 1\n[sessions]\n{keys}\n")
}

#[test]
fn what_is_not_said_is_no_session_store() {
    for keys in ["", "listen = \"\"", "store = \"memory\""] {
        assert_eq!(config(&document(keys)), Config::default(), "{keys}");
    }
    assert_eq!(to_full_json(&Config::default())["sessions"]["listen"], "");
}

#[test]
fn every_key_is_read_and_written_again_but_no_password() {
    let keys = r#"store = "rediss://app@10.0.0.5:6380/1"
store_password = { file = "/run/credentials/redis" }
listen = "127.0.0.1:6379"
allow = ["10.0.0.0/8"]
max_memory = "1g"
max_value = "2m"
fsync = "always"
ttl_jitter = "7%"

[[sessions.databases]]
index = 3
name = "shop"
password = { env = "SHOP" }"#;
    let read = config(&document(keys));
    assert_eq!(
        to_toml(&read),
        format!("version = 1\n\n{}", &document(keys)[12..])
    );
    let sessions = &read.sessions;
    assert_eq!(sessions.fsync, Fsync::Always);
    assert_eq!((sessions.max_value, sessions.ttl_jitter), (2 << 20, 7));
    let with_password = config(&document(
        "password = \"open sesame\"\nstore_password = \"swings\"",
    ));
    assert_eq!(to_toml(&with_password), "version = 1\n");
}

#[test]
fn what_is_wrong_is_told_in_its_place() {
    for (keys, problem) in [
        (
            "store = \"redis://u:hunter2@a\"",
            "3:9: sessions.store: must hold no password: it belongs in store_password",
        ),
        (
            "store = \"disk\"",
            "3:9: sessions.store: must be memory, or where a Redis is, such as redis://10.0.0.5:6379/1",
        ),
        (
            "listen = 6379",
            "3:10: sessions.listen: must be text in quotes (is 6379)",
        ),
        (
            "ttl_jitter = \"51%\"",
            "3:14: sessions.ttl_jitter: must be 0% to 50% (is \"51%\")",
        ),
        (
            "ttl_jitter = \"+5%\"",
            "3:14: sessions.ttl_jitter: must be 0% to 50% (is \"+5%\")",
        ),
        (
            "max_memory = \"1k\"",
            "3:14: sessions.max_memory: must be 1m to 1024t (is \"1k\")",
        ),
        (
            "fsync = \"often\"",
            "3:9: sessions.fsync: must be one of everysec, always, no (is \"often\")",
        ),
        (
            "databases = [{ index = 16, name = \"a\" }]",
            "3:24: sessions.databases[0].index: must be 0 to 15 (is 16)",
        ),
        (
            "databases = [{ index = 1 }]",
            "3:14: sessions.databases[0].name: is missing",
        ),
        (
            "password = \"\"",
            "3:12: sessions.password: must not be empty; without the key a secret stays as it is",
        ),
    ] {
        assert_eq!(told(&document(keys)), [format!("lb.toml:{problem}")]);
    }
}
