//! One faulty value in a sound document: the words for it and its place.

use super::one;

/// What stands in the first taste, what is put there, and what is told.
type Case = (&'static str, &'static str, &'static str);

fn all_are_told(cases: &[Case]) {
    for (from, to, expected) in cases {
        assert_eq!(one(from, to), format!("lb.toml:{expected}"), "{to}");
    }
}

/// Values of another type.
const TYPES: &[Case] = &[
    (
        "weight = 3",
        "weight = \"3\"",
        "17:10: pools[0].nodes[0].weight: must be a whole number, 1 to 1000 (is \"3\")",
    ),
    (
        "weight = 3",
        "weight = 1.5",
        "17:10: pools[0].nodes[0].weight: must be a whole number, 1 to 1000 (is 1.5)",
    ),
    (
        "\"least_conn\"",
        "true",
        "9:10: pools[0].policy: must be text in quotes (is true)",
    ),
    (
        "\"1s\"",
        "60",
        "10:19: pools[0].connect_timeout: must be a time with its unit, such as \"60s\" or \"60ms\" (is 60)",
    ),
    (
        "\"1s\"",
        "[]",
        "10:19: pools[0].connect_timeout: must be a time, such as \"1.5s\" (is a list)",
    ),
    (
        "[\"shop.example.com\"]",
        "\"shop.example.com\"",
        "21:9: sites[0].hosts: must be a list in [ ] (is \"shop.example.com\")",
    ),
    (
        "[\"shop.example.com\"]",
        "[\"a.com\", 2024-01-01]",
        "21:19: sites[0].hosts[1]: must be text in quotes (is 2024-01-01)",
    ),
    (
        "{ root = \"/var/www/shop/static\", expires = \"30d\" }",
        "\"/srv\"",
        "25:9: sites[0].routes[0].files: must be one table, { … } (is \"/srv\")",
    ),
    (
        "name = \"web-1\"",
        "name = 1",
        "15:8: pools[0].nodes[0].name: must be a name in quotes (is 1)",
    ),
    (
        "name = \"django\"",
        "name = 1",
        "8:8: pools[0].name: must be a name in quotes (is 1)",
    ),
    (
        "[[listeners]]",
        "[listeners]",
        "3:1: listeners: must be a list of tables, [[listeners]] (is a table)",
    ),
    (
        "version = 1",
        "version = 1\n[[settings]]",
        "2:1: settings: must be one table, [settings] (is a list)",
    ),
];

/// Values of a pool.
const POOLS: &[Case] = &[
    (
        "weight = 3",
        "weight = 0",
        "17:10: pools[0].nodes[0].weight: must be 1 to 1000 (is 0)",
    ),
    (
        "weight = 3",
        "weight = 1_000_000_000",
        "17:10: pools[0].nodes[0].weight: must be 1 to 1000 (is 1000000000)",
    ),
    (
        "weight = 3",
        "weight = -1",
        "17:10: pools[0].nodes[0].weight: must be 1 to 1000 (is -1)",
    ),
    (
        "\"1s\"",
        "\"0s\"",
        "10:19: pools[0].connect_timeout: must be 1ms to 1d (is \"0s\")",
    ),
    (
        "\"1s\"",
        "\"2d\"",
        "10:19: pools[0].connect_timeout: must be 1ms to 1d (is \"2d\")",
    ),
    (
        "\"1s\"",
        "\"1 second\"",
        "10:19: pools[0].connect_timeout: must be a time such as 1.5s, 250ms or 1h30m (is \"1 second\")",
    ),
    (
        "interval = \"3s\", timeout = \"1s\"",
        "interval = \"3s\", timeout = \"4s\"",
        "12:59: pools[0].health_check.timeout: must be at most the interval, 3s (is 4s)",
    ),
    (
        "interval = \"3s\", timeout = \"1s\"",
        "interval = \"0s\", timeout = \"10s\"",
        "12:43: pools[0].health_check.interval: must be 1ms to 1d (is \"0s\")",
    ),
    (
        "rise = 2",
        "rise = 0",
        "12:72: pools[0].health_check.rise: must be 1 to 1000 (is 0)",
    ),
    (
        "kind = \"tcp\"",
        "path = \"/up\"",
        "12:25: pools[0].health_check.path: needs kind = \"http\"; a TCP check only connects",
    ),
    (
        "kind = \"tcp\"",
        "body = \"ok\"",
        "12:25: pools[0].health_check.body: needs kind = \"http\"; a TCP check only connects",
    ),
    (
        "kind = \"tcp\"",
        "kind = \"http\", method = \"HEAD\", body = \"ok\"",
        "12:57: pools[0].health_check.body: needs method = \"GET\"; the answer to HEAD has no body",
    ),
    (
        "kind = \"tcp\"",
        "kind = \"http\", method = \"POST\"",
        "12:42: pools[0].health_check.method: must be one of GET, HEAD (is \"POST\")",
    ),
    (
        "kind = \"tcp\"",
        "kind = \"http\", headers = { Host = \"a\" }",
        "12:45: pools[0].health_check.headers.Host: Host cannot be set here; set `host` of the check",
    ),
    (
        "kind = \"tcp\"",
        "kind = \"http\", headers = { User-Agent = \"a\" }",
        "12:45: pools[0].health_check.headers.User-Agent: User-Agent of a probe is steelyard-probe, so that a node can tell it from a visitor",
    ),
    (
        "kind = \"tcp\"",
        "port = 0",
        "12:25: pools[0].health_check.port: must be 1 to 65535 (is 0)",
    ),
    (
        "{ kind = \"tcp\", interval = \"3s\", timeout = \"1s\", rise = 2, fall = 3 }",
        "\"on\"",
        "12:16: pools[0].health_check: must be a table, { … }, or \"off\" (is \"on\")",
    ),
    (
        "\"http_500\"",
        "\"http_418\"",
        "11:37: pools[0].retry.on[2]: must be one of error, timeout, invalid_header, http_403, http_404, http_429, http_500, http_502, http_503, http_504 (is \"http_418\")",
    ),
];

/// Addresses, and limits of a listener.
const LISTENERS_AND_ADDRESSES: &[Case] = &[
    (
        "address = \"0.0.0.0:80\"",
        "address = \"0.0.0.0:80\"\nmax_head = \"1\"",
        "6:12: listeners[0].max_head: must be 256 to 1m (is \"1\")",
    ),
    (
        "0.0.0.0:80",
        "localhost:80",
        "5:11: listeners[0].address: must be IP:PORT, such as 0.0.0.0:80 or [::]:80 (is \"localhost:80\")",
    ),
    (
        "0.0.0.0:80",
        "unix:/run/lb.sock",
        "5:11: listeners[0].address: a unix: address is not available in this version",
    ),
    (
        "192.168.1.101:8000",
        "http://192.168.1.101:8000",
        "16:11: pools[0].nodes[0].address: must be HOST:PORT without a scheme (is \"http://192.168.1.101:8000\")",
    ),
    (
        "version = 1",
        "version = 1\nsettings.trusted_proxies = [\"10.0.0.0/33\"]",
        "2:29: settings.trusted_proxies[0]: must be an IP address or a network such as 10.0.0.0/8 (is \"10.0.0.0/33\")",
    ),
];

/// Values of sites, routes and the whole process.
const SITES_AND_SETTINGS: &[Case] = &[
    (
        "\"/var/www/shop/static\"",
        "\"static\"",
        "25:18: sites[0].routes[0].files.root: must be an absolute path (is \"static\")",
    ),
    (
        "\"/var/www/shop/static\"",
        "\"/srv/../etc\"",
        "25:18: sites[0].routes[0].files.root: must not hold .. (is \"/srv/../etc\")",
    ),
    (
        "expires = \"30d\"",
        "index = [\"../x\"]",
        "25:51: sites[0].routes[0].files.index[0]: must be a plain file name, such as index.html (is \"../x\")",
    ),
    (
        "[\"shop.example.com\"]",
        "[\"shop.example.com:80\"]",
        "21:10: sites[0].hosts[0]: must be a host name without a port (is \"shop.example.com:80\")",
    ),
    (
        "name = \"shop\"",
        "name = \"my shop\"",
        "20:8: sites[0].name: may hold letters, digits and . _ - only (has ' ')",
    ),
    (
        "name = \"shop\"",
        "name = \"shop\"\nmethods = [\"get\"]",
        "21:12: sites[0].methods[0]: must be a method in capital letters, such as GET or POST (is \"get\")",
    ),
    (
        "version = 1",
        "version = 1\nsettings.memory_budget = \"63k\"",
        "2:26: settings.memory_budget: must be 64k to 1024t (is \"63k\")",
    ),
    (
        "version = 1",
        "version = 1\nsettings.spool_limit = -1",
        "2:24: settings.spool_limit: must be 0 to 1024t (is -1)",
    ),
    (
        "version = 1",
        "version = 1\nlogs.file = \"../access.log\"",
        "2:13: logs.file: must be a path within the logs directory, such as access.log, without .. (is \"../access.log\")",
    ),
    (
        "version = 1",
        "version = 1\nlogs.rotate.size = \"2t\"",
        "2:20: logs.rotate.size: must be 0 to 1t (is \"2t\")",
    ),
    (
        "version = 1",
        "version = 1\nlogs.rotate.age = \"367d\"",
        "2:19: logs.rotate.age: must be 0s to 366d (is \"367d\")",
    ),
    (
        "version = 1",
        "version = 1\nlogs.rotate.keep = 10001",
        "2:20: logs.rotate.keep: must be 0 to 10000 (is 10001)",
    ),
    (
        "version = 1",
        "version = 1\nlogs.store.max_size = \"1m\"",
        "2:23: logs.store.max_size: must be 16m to 1024t (is \"1m\")",
    ),
    (
        "version = 1",
        "version = 1\nlogs.store.max_age = \"1s\"",
        "2:22: logs.store.max_age: must be 1m to 366d (is \"1s\")",
    ),
];

#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    all_are_told(TYPES);
}

#[test]
fn a_value_of_a_pool_out_of_range_is_told_with_its_range() {
    all_are_told(POOLS);
}

#[test]
fn an_address_of_the_wrong_form_is_told_with_the_right_one() {
    all_are_told(LISTENERS_AND_ADDRESSES);
}

#[test]
fn a_value_of_a_site_or_setting_of_the_wrong_form_is_told_with_the_right_one() {
    all_are_told(SITES_AND_SETTINGS);
}
