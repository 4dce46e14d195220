//! The session store on a disk that is full, and on one that lets nothing be written.

use crate::support::appliance::Appliance;
use crate::support::disk::SmallDisk;
use crate::support::document::listener;
use crate::support::eventually;
use crate::support::ports::Port;
use crate::support::redis::Redis;

const SITE: &str = "[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n";

/// The store whose answers are of what is on disk.
fn apply(lb: &Appliance, port: &Port) {
    let listen = port.address();
    let sessions = format!("[sessions]\nlisten = \"{listen}\"\nfsync = \"always\"\n");
    lb.apply(&(listener(lb.port()) + &sessions + SITE));
}

fn client(lb: &Appliance, port: &Port) -> Redis {
    let password = lb.runs(&["sessions", "password"]);
    Redis::signed_in(port.address(), password.trim())
}

/// Writes until it is refused, by its words; gives the keys whose writing was acknowledged.
fn written_until_refused(client: &mut Redis) -> Vec<String> {
    let long = "x".repeat(20_000);
    let mut written = Vec::new();
    for n in 0..1000 {
        let key = format!("k{n}");
        match client.try_ask(&["SET", &key, &long]) {
            Ok(answer) if answer == "+OK" => written.push(key),
            Ok(answer) => {
                assert!(
                    answer.starts_with("-MISCONF the session store cannot write"),
                    "{answer}"
                );
                return written;
            }
            // Nobody knows whether this one was kept: it is not answered at all.
            Err(_) => return written,
        }
    }
    panic!("a full disk took a thousand values");
}

#[test]
fn a_full_disk_refuses_writes_in_words_and_reads_go_on() {
    let (mut lb, port) = (Appliance::prepared(), Port::free());
    let Some(disk) = SmallDisk::mount(&lb.data().join("sessions")) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    apply(&lb, &port);
    let mut first = client(&lb, &port);
    assert_eq!(first.ask(&["SET", "before", "1"]), "+OK");
    disk.fill();
    let written = written_until_refused(&mut first);
    let mut client = client(&lb, &port);
    assert_eq!(client.ask(&["GET", "before"]), "1");
    let refused = client.ask(&["SET", "more", "1"]);
    assert!(
        refused.starts_with("-MISCONF the session store cannot write to its disk: "),
        "{refused}"
    );
    let status = lb.status();
    assert_eq!(status["sessions"]["writable"], false, "{status}");
    assert_eq!(lb.get("/").status, 200, "visitors do not notice");
    disk.free();
    eventually("writes are taken again", || {
        (client.ask(&["SET", "after", "2"]) == "+OK").then_some(())
    });
    assert_eq!(lb.status()["sessions"]["writable"], true);
    lb.kill9();
    lb.restart();
    let mut client = self::client(&lb, &port);
    for (key, value) in [("before", "1"), ("after", "2")] {
        assert_eq!(client.ask(&["GET", key]), value);
    }
    for key in written {
        assert_eq!(
            client.ask(&["STRLEN", &key]),
            ":20000",
            "{key} was acknowledged"
        );
    }
}

#[test]
fn a_disk_that_lets_nothing_be_written_is_told_and_used_once_it_can_be() {
    let (mut lb, port) = (Appliance::prepared(), Port::free());
    let Some(disk) = SmallDisk::mount(&lb.data().join("sessions")) else {
        return;
    };
    assert!(disk.set_read_only(true));
    lb.expect_errors();
    lb.restart();
    apply(&lb, &port);
    let mut client = client(&lb, &port);
    assert_eq!(client.ask(&["GET", "none"]), "nil");
    let refused = client.ask(&["SET", "a", "1"]);
    assert!(refused.starts_with("-MISCONF "), "{refused}");
    assert!(
        lb.log().contains("writes are refused, reads go on"),
        "{}",
        lb.log()
    );
    assert!(disk.set_read_only(false));
    eventually("writes are taken", || {
        (client.ask(&["SET", "a", "1"]) == "+OK").then_some(())
    });
    lb.kill9();
    lb.restart();
    assert_eq!(self::client(&lb, &port).ask(&["GET", "a"]), "1");
}
