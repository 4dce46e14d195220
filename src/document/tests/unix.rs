//! Nodes behind a Unix socket.

use super::super::{diff, to_full_json, to_toml};
use super::{config, told};

const SOCKET: &str = r#"version = 1

[[pools]]
name = "django"

[[pools.nodes]]
address = "unix:/run/gunicorn.sock"

[[pools.nodes]]
name = "web-2"
address = "unix:/run/shop/web 2, \"b\".sock"
"#;

#[test]
fn a_socket_is_an_address_and_the_name_where_none_is_given() {
    let sockets = config(SOCKET);
    let nodes = &sockets.pools[0].nodes;
    let of_node = |i: usize| (nodes[i].name.to_string(), nodes[i].address.to_string());
    let path = "unix:/run/gunicorn.sock".to_owned();
    assert_eq!(of_node(0), (path.clone(), path));
    let quoted = "unix:/run/shop/web 2, \"b\".sock".to_owned();
    assert_eq!(of_node(1), ("web-2".to_owned(), quoted));
    assert_eq!(to_toml(&sockets), SOCKET);
    let full = to_full_json(&sockets);
    assert_eq!(
        full["pools"][0]["nodes"][0]["name"],
        "unix:/run/gunicorn.sock"
    );
}

#[test]
fn the_path_as_a_name_is_the_name_it_has_anyway_and_another_path_is_none() {
    let named = |name: &str| SOCKET.replacen("address", &format!("name = \"{name}\"\naddress"), 1);
    let path = "unix:/run/gunicorn.sock";
    assert_eq!(config(&named(path)), config(SOCKET));
    assert_eq!(
        told(&named("unix:/run/Gunicorn.sock")),
        ["lb.toml:7:8: pools[0].nodes[0].name: may hold letters, digits and . _ - only (has ':')"]
    );
}

#[test]
fn a_socket_instead_of_a_port_is_a_change_of_the_address() {
    let port = config(&SOCKET.replace(
        "address = \"unix:/run/shop/web 2, \\\"b\\\".sock\"",
        "address = \"a:80\"",
    ));
    let changes = diff(&port, &config(SOCKET));
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [r#"~ pools.django.nodes.web-2.address: "a:80" -> "unix:/run/shop/web 2, \"b\".sock""#]
    );
}

#[test]
fn a_bad_socket_is_told_in_its_place() {
    let long = format!("/{}", "a".repeat(107));
    for (path, words) in [
        (
            "gunicorn.sock",
            "must be unix: and an absolute path, such as unix:/run/gunicorn.sock (is \"unix:gunicorn.sock\")",
        ),
        (
            "",
            "must be unix: and an absolute path, such as unix:/run/gunicorn.sock (is \"unix:\")",
        ),
        (
            "/run/g.sock:8000",
            "must end with the path: a Unix socket has no port (is \"unix:/run/g.sock:8000\")",
        ),
        (
            "/run/",
            "must be the path of a socket, not of a directory (is \"unix:/run/\")",
        ),
        (
            "/run/\\u0000g",
            "must not hold control characters (is \"unix:/run/\\0g\")",
        ),
        (
            &long,
            "must have a path of at most 107 bytes, the limit of the system (has 108)",
        ),
    ] {
        assert_eq!(
            told(&SOCKET.replace("/run/gunicorn.sock", path)),
            [format!("lb.toml:7:11: pools[0].nodes[0].address: {words}")]
        );
    }
}

#[test]
fn the_same_socket_twice_is_told_as_the_same_address_twice() {
    let twice = SOCKET
        .replace("name = \"web-2\"\n", "")
        .replace("/run/shop/web 2, \\\"b\\\".sock", "/run/gunicorn.sock");
    assert_eq!(
        told(&twice),
        [
            "lb.toml:9:1: pools[0].nodes[1].name: unix:/run/gunicorn.sock is already the name of pools[0].nodes[0]"
        ]
    );
}

#[test]
fn a_check_at_another_port_has_none_to_ask_at_a_socket() {
    let text = SOCKET.replace(
        "name = \"django\"",
        "name = \"django\"\nhealth_check = { kind = \"http\", port = 8080 }",
    );
    assert_eq!(
        told(&text),
        [
            "lb.toml:5:40: pools[0].health_check.port: cannot be used with node unix:/run/gunicorn.sock, whose address is a Unix socket and has no port: leave it out, or put nodes with and without ports into pools of their own"
        ]
    );
}
