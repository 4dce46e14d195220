//! The session store and Debian's redis-server 7.0, asked the same: random commands, the answers compared byte for byte.
//!
//! Compared otherwise: `KEYS`, `SCAN` and `SMEMBERS` sorted; what is left of a time ± 1 s; of an error in a script the
//! words before the script's own place.

use std::sync::Arc;

use steelyard::model::RedisAddress;
use steelyard::session::redis::Redis as Behind;

use crate::support::resp::{Client, Redis, Reply, command, settings, store};
use crate::support::{counted, figure};

/// A random number generator whose numbers are the same in every run.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most).unwrap()).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

type Word = Vec<u8>;

const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"d",
    b"sess:1",
    b"sess:2",
    b"",
    b"\xff\0\r\n",
];

const VALUES: &[&[u8]] = &[
    b"",
    b"x",
    b"0",
    b"7",
    b"-3",
    b"07",
    b"+1",
    b" 1",
    b"1 ",
    b"1.5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"hello world",
    b"\0\xfe\r\n$-1\r\n",
    b"nx",
];

const FIELDS: &[&[u8]] = &[b"f", b"g", b"h", b"", b"\xff"];

const PATTERNS: &[&[u8]] = &[
    b"*", b"sess:*", b"?", b"[a-c]", b"[^a]", b"s*:[12]", b"\\a", b"", b"[b", b"*s*",
];

const NUMBERS: &[&[u8]] = &[
    b"1",
    b"2",
    b"-1",
    b"0",
    b"10",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"x",
    b"1e3",
    b"",
    b"99999999999999999999",
    b" 3",
    b"-0",
    b"4611686018427387904",
];

/// Scripts as clients send them, spaces and all.
const UNLOCK: &str = "\n        local token = redis.call('get', KEYS[1])\n        if not token or token ~= ARGV[1] then\n            return 0\n        end\n        redis.call('del', KEYS[1])\n        return 1\n    ";
const INCREASE: &str = "\n            local exists = redis.call('EXISTS', KEYS[1])\n            if (exists == 1) then\n                return redis.call('INCRBY', KEYS[1], ARGV[1])\n            else return false end\n            ";
const REACQUIRE: &str = "\n        local token = redis.call('get', KEYS[1])\n        if not token or token ~= ARGV[1] then\n            return 0\n        end\n        redis.call('pexpire', KEYS[1], ARGV[2])\n        return 1\n    ";
const PHP: &str = "if redis.call(\"get\",KEYS[1]) == ARGV[1] then return redis.call(\"del\",KEYS[1]) else return 0 end";
const PHP_SHA: &str = "b70c2384248f88e6b75b9f89241a180f856ad852";

/// Makes one sequence of commands.
struct Maker {
    draw: Draw,
    /// Times are never the same twice: which of two is later must not hang on a millisecond.
    time: u64,
    /// Keys end in the past here; how many there are is then for each server to know.
    past: bool,
}

impl Maker {
    fn key(&mut self) -> Word {
        // Few keys, so that commands meet.
        let most = if self.draw.one_in(8) { KEYS.len() } else { 4 };
        KEYS[self.draw.below(most)].to_vec()
    }

    fn value(&mut self) -> Word {
        self.draw.of(VALUES).to_vec()
    }

    /// Seconds, or milliseconds, that are far away.
    fn lifetime(&mut self, seconds: bool) -> Word {
        if self.draw.one_in(6) {
            return self
                .draw
                .of(&[
                    &b"0"[..],
                    b"-5",
                    b"x",
                    b"9223372036854775807",
                    b"9223372036854775",
                    b"-9223372036854775808",
                ])
                .to_vec();
        }
        self.time += 10;
        let spread = [self.time, 50_000 - self.time][self.draw.below(2)];
        let seconds_away = 10_000 + spread;
        (if seconds {
            seconds_away
        } else {
            seconds_away * 1000
        })
        .to_string()
        .into_bytes()
    }

    /// A time, as Unix time.
    fn moment(&mut self, seconds: bool) -> Word {
        if self.past && self.draw.one_in(3) {
            return self
                .draw
                .of(&[&b"1"[..], b"1000000000", b"0", b"-1"])
                .to_vec();
        }
        self.time += 10;
        let at = 4_000_000_000 + self.time;
        (if seconds { at } else { at * 1000 })
            .to_string()
            .into_bytes()
    }

    fn set_options(&mut self, words: &mut Vec<Word>) {
        for _ in 0..self.draw.below(4) {
            match self.draw.below(9) {
                0 => words.push(b"NX".to_vec()),
                1 => words.push(b"xx".to_vec()),
                2 => words.push(b"GET".to_vec()),
                3 => words.push(b"KEEPTTL".to_vec()),
                4 => words.extend([b"EX".to_vec(), self.lifetime(true)]),
                5 => words.extend([b"px".to_vec(), self.lifetime(false)]),
                6 => words.extend([b"EXAT".to_vec(), self.moment(true)]),
                7 => words.extend([b"PXAT".to_vec(), self.moment(false)]),
                _ => words.push(self.draw.of(&[&b"PERSIST"[..], b"EX", b"what"]).to_vec()),
            }
        }
    }

    fn words(&mut self, line: &str) -> Vec<Word> {
        let mut words = Vec::new();
        for word in line.split(' ') {
            match word {
                "K" => words.push(self.key()),
                "V" => words.push(self.value()),
                "N" => words.push(self.draw.of(NUMBERS).to_vec()),
                "X" => words.push(self.draw.of(&[&b"x"[..], b"-1", b"9", b""]).to_vec()),
                // Scripts count with floats in Redis.
                "D" => words.push(self.draw.of(&[&b"5"[..], b"-2", b"x", b""]).to_vec()),
                "F" => words.push(self.draw.of(FIELDS).to_vec()),
                "P" => words.push(self.draw.of(PATTERNS).to_vec()),
                "S" => words.push(self.lifetime(true)),
                "M" => words.push(self.lifetime(false)),
                "A" => words.push(self.moment(true)),
                "B" => words.push(self.moment(false)),
                "O" => self.set_options(&mut words),
                "KS" => (0..=self.draw.below(3)).for_each(|_| words.push(self.key())),
                "FS" => {
                    (0..=self.draw.below(3)).for_each(|_| words.push(self.draw.of(FIELDS).to_vec()))
                }
                "FVS" => (0..=self.draw.below(3)).for_each(|_| {
                    words.push(self.draw.of(FIELDS).to_vec());
                    words.push(self.value());
                }),
                "KVS" => (0..=self.draw.below(3)).for_each(|_| {
                    words.push(self.key());
                    words.push(self.value());
                }),
                "C" => {
                    for _ in 0..self.draw.below(3) {
                        words.push(
                            self.draw
                                .of(&[&b"NX"[..], b"xx", b"GT", b"LT", b"lt", b"no"])
                                .to_vec(),
                        );
                    }
                }
                text => words.push(text.replace('_', " ").into_bytes()),
            }
        }
        words
    }

    fn next(&mut self) -> Vec<Word> {
        let mut line = self.draw.of(LINES);
        while self.past && line == "DBSIZE" {
            line = self.draw.of(LINES);
        }
        let mut words = match line {
            "UNLOCK" => self.script(UNLOCK, "K V"),
            "INCREASE" => self.script(INCREASE, "K D"),
            "REACQUIRE" => self.script(REACQUIRE, "K V 100000"),
            "PHP" => self.script(PHP, "K V"),
            line => self.words(line),
        };
        if self.draw.one_in(3) {
            words[0].make_ascii_lowercase();
        }
        // Words too few or too many.
        let is_script = words[0].eq_ignore_ascii_case(b"EVAL");
        if !is_script && self.draw.one_in(25) {
            if self.draw.one_in(2) && words.len() > 1 {
                words.pop();
            } else {
                words.push(self.value());
            }
        }
        words
    }

    fn script(&mut self, text: &str, rest: &str) -> Vec<Word> {
        let mut words = vec![b"EVAL".to_vec(), text.into(), b"1".to_vec()];
        words.extend(self.words(rest));
        words
    }
}

/// What is asked; the words in capitals of one letter or two are drawn.
const LINES: &[&str] = &[
    "GET K",
    "GET K",
    "GET K",
    "SET K V",
    "SET K V",
    "SET K V",
    "SET K V O",
    "SET K V O",
    "SET K V O",
    "SETEX K S V",
    "PSETEX K M V",
    "SETNX K V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K O",
    "GETEX K",
    "APPEND K V",
    "STRLEN K",
    "GETRANGE K N N",
    "DEL KS",
    "UNLINK KS",
    "EXISTS KS",
    "TOUCH KS",
    "TYPE K",
    "RENAME K K",
    "RENAMENX K K",
    "EXPIRE K S C",
    "PEXPIRE K M C",
    "EXPIREAT K A C",
    "PEXPIREAT K B C",
    "EXPIRE K S",
    "PERSIST K",
    "TTL K",
    "TTL K",
    "PTTL K",
    "EXPIRETIME K",
    "PEXPIRETIME K",
    "MGET KS",
    "MSET KVS",
    "MSETNX KVS",
    "INCR K",
    "DECR K",
    "INCRBY K N",
    "DECRBY K N",
    "HSET K FVS",
    "HSET K FVS",
    "HMSET K FVS",
    "HSETNX K F V",
    "HGET K F",
    "HMGET K FS",
    "HGETALL K",
    "HDEL K FS",
    "HEXISTS K F",
    "HLEN K",
    "HKEYS K",
    "HVALS K",
    "HSTRLEN K F",
    "HINCRBY K F N",
    "SADD K FS",
    "SADD K FS",
    "SREM K FS",
    "SMEMBERS K",
    "SISMEMBER K F",
    "SMISMEMBER K FS",
    "SCARD K",
    "KEYS P",
    "SCAN 0 COUNT 1000",
    "SCAN 0 MATCH P COUNT 1000",
    "SCAN 0 TYPE string COUNT 1000",
    "SCAN 0 COUNT 1000 TYPE HASH",
    "SCAN x",
    "SCAN 0 COUNT 0",
    "SCAN 0 COUNT x",
    "SCAN 0 WHAT 1",
    "SCAN 0 MATCH",
    "DBSIZE",
    "FLUSHDB",
    "FLUSHDB ASYNC",
    "FLUSHDB NOW",
    "FLUSHALL SYNC",
    "MULTI",
    "MULTI",
    "EXEC",
    "EXEC",
    "EXEC",
    "DISCARD",
    "WATCH KS",
    "WATCH KS",
    "UNWATCH",
    "SELECT 0",
    "SELECT 0",
    "SELECT 1",
    "SELECT 16",
    "SELECT x",
    "SELECT -1",
    "SELECT 99999999999999",
    "PING",
    "PING V",
    "PING V V",
    "ECHO V",
    "NOSUCH",
    "NOSUCH V V",
    "GETT K V V V V",
    "UNLOCK",
    "INCREASE",
    "REACQUIRE",
    "PHP",
    "EVALSHA nosuch 0",
    "EVAL return_1 X K",
    "SCRIPT EXISTS nosuch",
    "RESET",
];

/// An answer as it is compared.
fn comparable(asked: &[Word], reply: &Reply) -> String {
    let name = asked[0].to_ascii_lowercase();
    let mut reply = reply.clone();
    match &name[..] {
        b"keys" | b"smembers" => reply.parts.sort(),
        b"scan" => {
            if let Some(found) = reply.parts.get_mut(1) {
                found.parts.sort();
            }
        }
        b"eval" => {
            if let Some((before, _)) = reply.head.split_once(" script: ") {
                reply.head = before.to_owned();
            }
        }
        _ => {}
    }
    format!("{reply} {}", reply.head)
}

/// A number, where it is one that hangs on the time.
fn time_of(asked: &[Word], reply: &Reply) -> Option<(i64, i64)> {
    let name = asked[0].to_ascii_lowercase();
    let slack = match &name[..] {
        b"ttl" | b"expiretime" => 1,
        b"pttl" | b"pexpiretime" => 1000,
        _ => return None,
    };
    Some((reply.head.strip_prefix(':')?.parse().ok()?, slack))
}

/// A number that a script of Redis has lost digits of: it counts with floats.
fn is_beyond_floats(asked: &[Word], reply: &Reply) -> bool {
    let number = reply
        .head
        .strip_prefix(':')
        .and_then(|number| number.parse::<i64>().ok());
    asked[0].eq_ignore_ascii_case(b"EVAL")
        && number.is_some_and(|number| number.unsigned_abs() > 1 << 53)
}

fn same(asked: &[Word], ours: &Reply, theirs: &Reply) -> bool {
    if is_beyond_floats(asked, ours) && is_beyond_floats(asked, theirs) {
        return true;
    }
    match (time_of(asked, ours), time_of(asked, theirs)) {
        (Some((our, slack)), Some((their, _))) => {
            (our - their).abs() <= slack && (our < 0) == (their < 0)
        }
        _ => comparable(asked, ours) == comparable(asked, theirs),
    }
}

/// The commands of a transaction, to compare its parts each as it is to be compared.
#[derive(Default)]
struct Kept(Vec<Vec<Word>>);

impl Kept {
    fn same(&mut self, asked: &[Word], ours: &Reply, theirs: &Reply) -> bool {
        if ours.head == "+QUEUED" {
            self.0.push(asked.to_vec());
            return theirs.head == "+QUEUED";
        }
        if asked[0].eq_ignore_ascii_case(b"EXEC")
            && ours.parts.len() == self.0.len()
            && ours.head == theirs.head
        {
            let kept = std::mem::take(&mut self.0);
            let parts = ours.parts.iter().zip(&theirs.parts);
            return kept
                .iter()
                .zip(parts)
                .all(|(asked, (ours, theirs))| same(asked, ours, theirs));
        }
        if ["EXEC", "DISCARD", "RESET"]
            .iter()
            .any(|name| asked[0].eq_ignore_ascii_case(name.as_bytes()))
        {
            self.0.clear();
        }
        same(asked, ours, theirs)
    }
}

fn shown(words: &[Word]) -> String {
    words
        .iter()
        .map(|word| format!("{:?} ", String::from_utf8_lossy(word)))
        .collect()
}

/// One server's two connections.
struct Side {
    clients: [Client; 2],
}

impl Side {
    fn of(address: std::net::SocketAddr) -> Self {
        Self {
            clients: [Client::connect(address), Client::connect(address)],
        }
    }

    fn begin(&mut self, version: &str) {
        for client in &mut self.clients {
            assert_eq!(client.say("RESET"), "+RESET");
            client.say(&format!("HELLO {version}"));
        }
        assert_eq!(self.clients[0].say("FLUSHALL"), "+OK");
    }
}

fn run_sequence(number: u64, ours: &mut Side, theirs: &mut Side) -> usize {
    let mut maker = Maker {
        draw: Draw(number),
        time: 0,
        past: number.is_multiple_of(3),
    };
    let version = if maker.draw.one_in(2) { "2" } else { "3" };
    ours.begin(version);
    theirs.begin(version);
    let length = 20 + maker.draw.below(30);
    let two = number.is_multiple_of(4);
    let asked: Vec<(usize, Vec<Word>)> = (0..length)
        .map(|_| (usize::from(two && maker.draw.one_in(3)), maker.next()))
        .collect();
    let mut kept = [Kept::default(), Kept::default()];
    let mut told = String::new();
    let mut judge = |at: usize, words: &[Word], our: &Reply, their: &Reply| {
        told += &format!("{at}: {}\n    {our}\n    {their}\n", shown(words));
        assert!(
            kept[at].same(words, our, their),
            "sequence {number}, RESP{version}:\n{told}"
        );
    };
    if two {
        for (at, words) in &asked {
            let (our, their) = (ours.clients[*at].ask(words), theirs.clients[*at].ask(words));
            judge(*at, words, &our, &their);
        }
    } else {
        // One pipeline, as clients send them.
        let all: Vec<u8> = asked.iter().flat_map(|(_, words)| command(words)).collect();
        ours.clients[0].send(&all);
        theirs.clients[0].send(&all);
        for (at, words) in &asked {
            let (our, their) = (ours.clients[*at].answer(), theirs.clients[*at].answer());
            judge(*at, words, &our, &their);
        }
    }
    length
}

#[test]
fn random_commands_are_answered_as_redis_answers_them() {
    let redis = Redis::start();
    let (address, _shared) = store(settings());
    let (mut ours, mut theirs) = (Side::of(address), Side::of(redis.address()));
    for side in [&mut ours, &mut theirs] {
        assert_eq!(
            side.clients[0].ask(&["SCRIPT", "LOAD", PHP]).to_string(),
            PHP_SHA
        );
    }
    let sequences = counted(2_000, 20_000);
    let mut commands = 0;
    for number in 0..u64::try_from(sequences).unwrap() {
        commands += run_sequence(number, &mut ours, &mut theirs);
    }
    figure(&format!(
        "{sequences} sequences of {commands} commands: no answer differs from redis-server's"
    ));
}

/// Our own store with `redis` behind it.
fn store_before(redis: &Redis) -> std::net::SocketAddr {
    let (address, shared) = store(settings());
    let behind = RedisAddress::parse(&format!("redis://{}/0", redis.address())).unwrap();
    shared.serve(settings(), Some(Arc::new(Behind::new(behind, None))));
    address
}

#[test]
fn with_a_redis_behind_random_commands_are_answered_as_by_redis() {
    let (redis, behind) = (Redis::start(), Redis::start());
    let address = store_before(&behind);
    let (mut ours, mut theirs) = (Side::of(address), Side::of(redis.address()));
    for side in [&mut ours, &mut theirs] {
        let loaded = side.clients[0].ask(&["SCRIPT", "LOAD", PHP]);
        assert_eq!(loaded.to_string(), PHP_SHA);
    }
    for number in 0..u64::try_from(counted(400, 20_000)).unwrap() {
        run_sequence(number, &mut ours, &mut theirs);
    }
}

/// What memory has not and a Redis behind has, one line each.
const PASSED: &str = "RPUSH l a b c
LRANGE l 0 -1
LPOP l 2
LPOP none
LPOP none 2
RPOP none 1
LPOS l z
LMPOP 1 none LEFT
LINDEX l 99
LPUSH s x
SET s x
LPUSH s x
ZADD z 1.5 a 2 b 3.25 c
ZRANGE z 0 -1 WITHSCORES
ZSCORE z a
ZSCORE z nobody
ZMSCORE z a nobody
ZPOPMIN z
ZRANDMEMBER none
ZMPOP 1 none MIN
ZRANGEBYSCORE z 2 nonsense
ZINCRBY z 0.5 b
XADD x 1-1 f v
XADD x 1-1 f v
XRANGE x - +
XREAD COUNT 1 STREAMS x 0
XREAD STREAMS x 9
XREAD BLOCK
GEOADD g 13.361389 38.115556 P
GEOPOS g P nobody
GEODIST g P nobody
SETBIT b 7 1
BITCOUNT b
BITFIELD b GET u8 0
INCRBYFLOAT f 0.5
HSET h a 1
HSCAN h 0
HRANDFIELD h 1 WITHVALUES
SADD m1 a b
SADD m2 b
SINTER m1 m2
SDIFFSTORE m3 m1 m2
SPOP none
SRANDMEMBER none 2
SORT l ALPHA
DUMP none
LSET none 0 x
ZADD z
MULTI
RPUSH l q
SELECT 1
SET other 1
LPOP none 1
EXEC
GET other
DBSIZE
SELECT 1
GET other
WATCH other
SELECT 2
WATCH k
MULTI
SET k 1
EXEC
GET k
WATCH k
SET k 2
MULTI
GET k
EXEC
MULTI
LPUSH k 1
NOSUCH
EXEC
SELECT 0
KEYS z";

/// With the doubles of RESP3 told in one way: their digits may differ, their value not.
fn of_value(told: &str) -> String {
    let words = told.split_inclusive([' ', '[', ']']);
    let one = |word: &str| {
        let end = word.trim_end_matches([' ', '[', ']']);
        let double = end.strip_prefix(',').and_then(|d| d.parse::<f64>().ok());
        double.map_or(word.to_owned(), |d| format!(",{d}{}", &word[end.len()..]))
    };
    words.map(one).collect()
}

#[test]
fn what_memory_has_not_is_passed_on_and_answered_as_by_redis() {
    for version in ["2", "3"] {
        let (redis, behind) = (Redis::start(), Redis::start());
        let mut clients = [store_before(&behind), redis.address()].map(Client::connect);
        for client in &mut clients {
            client.say(&format!("HELLO {version}"));
        }
        for line in PASSED.lines() {
            let [ours, theirs] = clients.each_mut().map(|client| client.say(line));
            if line != "XREAD BLOCK" {
                let (ours, theirs) = (of_value(&ours), of_value(&theirs));
                assert_eq!(ours, theirs, "RESP{version}: {line}");
            }
        }
    }
}

/// Requests that are none, each on a connection of its own.
#[test]
fn broken_requests_are_answered_as_redis_answers_them() {
    let redis = Redis::start();
    let (address, _shared) = store(settings());
    for bytes in [
        &b"*1\r\n$4\r\nPING\r\n*x\r\n"[..],
        b"*1\r\nPING\r\n",
        b"*1\r\n$x\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$600000000\r\n",
        b"*99999999999999999999\r\n",
        b"*0\r\n*-1\r\n\r\nPING\r\n*1\r\nx",
        b"PING \"a b\" \r\nSET \"x\\x41\" 'it''\r\n",
        b"SET a 'it\\'s'\r\nGET a\r\nGET \"a\\x62\"\n*1\r\n+\r\n",
        b"ping\nECHO \"\\n\\r\\t\\b\\a\\\\\\\"\"\r\n*1\r\n:1\r\n",
        b"QUIT\r\nPING\r\n",
    ] {
        let answers = [address, redis.address()].map(|address| {
            let mut client = Client::connect(address);
            client.send(bytes);
            client.rest().escape_ascii().to_string()
        });
        assert_eq!(answers[0], answers[1], "{}", bytes.escape_ascii());
    }
}
