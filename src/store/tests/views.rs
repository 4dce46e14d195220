//! What `sqlite3 config.db 'select * from nodes'` answers a person.

use sqlx::{Column, Row};

use crate::document::{self, Format};
use crate::store::Store;

/// The rows of a view, `column=value` by `column=value`.
async fn rows(document: &str, query: &'static str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let config = document::parse(document, Format::Toml).unwrap().config;
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    store.append(None, &config, "a test", "all").await.unwrap();
    let rows = sqlx::query(query).fetch_all(&mut store.connection).await;
    let text = |row: &sqlx::sqlite::SqliteRow, at: usize| {
        row.try_get::<Option<String>, _>(at)
            .or_else(|_| {
                row.try_get::<Option<i64>, _>(at)
                    .map(|n| n.map(|n| n.to_string()))
            })
            .unwrap()
            .unwrap_or_default()
    };
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let pairs = row.columns().iter().enumerate();
        let pairs: Vec<String> = pairs
            .map(|(at, column)| format!("{}={}", column.name(), text(row, at)))
            .collect();
        pairs.join(" ")
    };
    rows.unwrap().iter().map(line).collect()
}

const BARE: &str = r#"
version = 1
[[listeners]]
name = "http"
address = "127.0.0.1:80"
[[pools]]
name = "django"
[[pools.nodes]]
name = "web-1"
address = "10.0.0.1:8000"
"#;

const FULL: &str = r#"
version = 1
[settings]
workers = 2
max_connections = 1000
dns_refresh = "1m"
shutdown_grace = "5s"
[admin]
address = "127.0.0.1:9000"
metrics = "public"
[[listeners]]
name = "http"
address = "127.0.0.1:80"
head_timeout = "5s"
idle_timeout = "30s"
max_requests = 10
[[pools]]
name = "django"
policy = "least_conn"
connect_timeout = "2s"
read_timeout = "10s"
max_fails = 1
fail_timeout = "20s"
health_check = { kind = "http", path = "/up" }
[[pools.nodes]]
name = "web-1"
address = "10.0.0.1:8000"
weight = 3
[[pools.nodes]]
name = "web-2"
address = "10.0.0.2:8000"
state = "draining"
[[pools]]
name = "empty"
health_check = "off"
[[sites]]
name = "shop"
hosts = ["shop.example.com", "www.example.com"]
listeners = ["http"]
[[sites.routes]]
path = "/static/"
files = { root = "/srv/static" }
[[sites.routes]]
path = "/media/"
files = { root = "/srv/media", fallback = "django" }
[[sites.routes]]
path = "/old"
redirect = { to = "https://{host}/new" }
[[sites.routes]]
path = "/older"
redirect = { to = "/new", status = 308 }
[[sites.routes]]
path = "/ping"
respond = { body = "ok" }
[[sites.routes]]
path = "/gone"
respond = { status = 410 }
[[sites.routes]]
path = "/"
match = "exact"
pool = "django"
[[sites]]
name = "rest"
[[sites.routes]]
path = "/"
pool = "empty"
"#;

#[tokio::test]
async fn what_is_not_set_is_shown_with_the_document_s_default() {
    let all = [
        (
            "select * from settings",
            "workers=0 max_connections=0 dns_refresh=30s shutdown_grace=30s \
             admin_address=127.0.0.1:9443 metrics=token",
        ),
        (
            "select * from listeners",
            "listener=http address=127.0.0.1:80 head_timeout=10s idle_timeout=60s \
             max_requests=1000",
        ),
        (
            "select * from pools",
            "pool=django policy=round_robin health_check=tcp connect_timeout=1s \
             read_timeout=60s max_fails=3 fail_timeout=10s nodes=1",
        ),
        (
            "select * from nodes",
            "pool=django node=web-1 address=10.0.0.1:8000 weight=1 state=enabled",
        ),
    ];
    for (query, row) in all {
        assert_eq!(rows(BARE, query).await, [row]);
    }
    assert!(rows(BARE, "select * from sites").await.is_empty());
    assert!(rows(BARE, "select * from routes").await.is_empty());

    // The same defaults written out are the same document: these are the model's.
    let written = r#"
version = 1
settings = { workers = 0, max_connections = 0, dns_refresh = "30s", shutdown_grace = "30s" }
admin = { address = "127.0.0.1:9443", metrics = "token" }
[[listeners]]
name = "http"
address = "127.0.0.1:80"
head_timeout = "10s"
idle_timeout = "60s"
max_requests = 1000
[[pools]]
name = "django"
policy = "round_robin"
health_check = { kind = "tcp" }
connect_timeout = "1s"
read_timeout = "60s"
max_fails = 3
fail_timeout = "10s"
[[pools.nodes]]
name = "web-1"
address = "10.0.0.1:8000"
weight = 1
state = "enabled"
"#;
    let config = |text| document::parse(text, Format::Toml).unwrap().config;
    assert_eq!(config(written), config(BARE));
}

#[tokio::test]
async fn what_is_set_is_shown() {
    let all: [(&str, &[&str]); 6] = [
        (
            "select * from settings",
            &[
                "workers=2 max_connections=1000 dns_refresh=1m shutdown_grace=5s \
               admin_address=127.0.0.1:9000 metrics=public",
            ],
        ),
        (
            "select * from listeners",
            &[
                "listener=http address=127.0.0.1:80 head_timeout=5s idle_timeout=30s \
               max_requests=10",
            ],
        ),
        (
            "select * from pools",
            &[
                "pool=django policy=least_conn health_check=http connect_timeout=2s \
                 read_timeout=10s max_fails=1 fail_timeout=20s nodes=2",
                "pool=empty policy=round_robin health_check=off connect_timeout=1s \
                 read_timeout=60s max_fails=3 fail_timeout=10s nodes=0",
            ],
        ),
        (
            "select * from nodes",
            &[
                "pool=django node=web-1 address=10.0.0.1:8000 weight=3 state=enabled",
                "pool=django node=web-2 address=10.0.0.2:8000 weight=1 state=draining",
            ],
        ),
        (
            "select * from sites",
            &[
                "site=shop hosts=shop.example.com www.example.com listeners=http routes=7",
                "site=rest hosts= listeners= routes=1",
            ],
        ),
        (
            "select * from routes",
            &[
                "site=shop path=/static/ match=prefix pool= files=/srv/static fallback= redirect= respond= status=",
                "site=shop path=/media/ match=prefix pool= files=/srv/media fallback=django redirect= respond= status=",
                "site=shop path=/old match=prefix pool= files= fallback= redirect=https://{host}/new respond= status=301",
                "site=shop path=/older match=prefix pool= files= fallback= redirect=/new respond= status=308",
                "site=shop path=/ping match=prefix pool= files= fallback= redirect= respond=ok status=200",
                "site=shop path=/gone match=prefix pool= files= fallback= redirect= respond= status=410",
                "site=shop path=/ match=exact pool=django files= fallback= redirect= respond= status=",
                "site=rest path=/ match=prefix pool=empty files= fallback= redirect= respond= status=",
            ],
        ),
    ];
    for (query, expected) in all {
        assert_eq!(rows(FULL, query).await, expected, "{query}");
    }
}
