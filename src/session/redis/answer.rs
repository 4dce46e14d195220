//! What a Redis answered, told to the client in its own version of the protocol.
//!
//! A connection to Redis speaks what the client speaks, so numbers, nested arrays and nulls come in the form that
//! belongs there. Two things get lost on the way and are put right here: whether a null of RESP2 was one of an array,
//! which the command says, and the digits of a RESP3 double: the shortest that mean the same number.

use deadpool_redis::redis::{ServerError, Value};

use crate::session::resp::Answer;

/// Commands whose null in RESP2 is one of an array. `LPOP` and `RPOP` are such with a count.
const NULL_ARRAYS: [&str; 5] = ["geopos", "lmpop", "xread", "zmpop", "exec"];

/// Whether a null that answers this command is a null array.
pub(crate) fn is_nil(command: &str, words: usize) -> bool {
    NULL_ARRAYS.contains(&command) || (matches!(command, "lpop" | "rpop") && words > 2)
}

/// Tells one answer; `nil` as [`is_nil`] says.
pub(crate) fn tell(out: &mut Answer, value: &Value, nil: bool) {
    match value {
        Value::Nil if nil => out.null_array(),
        Value::Nil => out.null(),
        Value::Int(number) => out.integer(*number),
        Value::BulkString(bytes) => out.bulk(bytes),
        Value::SimpleString(text) => out.simple(text),
        Value::Okay => out.ok(),
        Value::Array(values) | Value::Push { data: values, .. } => {
            out.array(values.len());
            values.iter().for_each(|value| tell(out, value, nil));
        }
        Value::Set(values) => {
            out.set(values.len());
            values.iter().for_each(|value| tell(out, value, nil));
        }
        Value::Map(pairs) => {
            out.map(pairs.len());
            for (key, value) in pairs {
                tell(out, key, nil);
                tell(out, value, nil);
            }
        }
        Value::Attribute { data, .. } => tell(out, data, nil),
        Value::Double(number) => out.double(*number),
        Value::Boolean(flag) if out.three => out.raw(if *flag { b"#t" } else { b"#f" }),
        Value::Boolean(flag) => out.integer(i64::from(*flag)),
        Value::VerbatimString { text, .. } => out.text(text),
        Value::BigNumber(digits) if out.three => out.raw(&[b"(", &digits[..]].concat()),
        Value::BigNumber(digits) => out.bulk(digits),
        Value::ServerError(error) => out.error(&text(error)),
        _ => out.error(b"ERR the session store's Redis answered with what is not known here"),
    }
}

/// An error as Redis wrote it.
fn text(error: &ServerError) -> Vec<u8> {
    let mut text = error.code().as_bytes().to_vec();
    if let Some(details) = error.details() {
        text.push(b' ');
        text.extend_from_slice(details.as_bytes());
    }
    text
}

impl Answer {
    /// A line as it is, without its end.
    fn raw(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn double(&mut self, number: f64) {
        // RESP2 has none; there Redis tells digits.
        let digits = number.to_string();
        if self.three {
            self.raw(format!(",{digits}").as_bytes());
        } else {
            self.bulk(digits.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &Value, nil: bool, three: bool) -> String {
        let mut out = Answer {
            three,
            ..Answer::default()
        };
        tell(&mut out, value, nil);
        out.bytes.escape_ascii().to_string()
    }

    #[test]
    fn each_version_has_its_own_null_map_and_set() {
        assert_eq!(told(&Value::Nil, false, false), "$-1\\r\\n");
        assert_eq!(told(&Value::Nil, true, false), "*-1\\r\\n");
        assert_eq!(told(&Value::Nil, true, true), "_\\r\\n");
        let pair = (Value::SimpleString("a".to_owned()), Value::Int(-7));
        let map = Value::Map(vec![pair]);
        assert_eq!(told(&map, false, true), "%1\\r\\n+a\\r\\n:-7\\r\\n");
        assert_eq!(told(&map, false, false), "*2\\r\\n+a\\r\\n:-7\\r\\n");
        let set = Value::Set(vec![Value::BulkString(b"\r".to_vec())]);
        assert_eq!(told(&set, false, true), "~1\\r\\n$1\\r\\n\\r\\r\\n");
        assert_eq!(told(&Value::Double(1.5), false, true), ",1.5\\r\\n");
        assert_eq!(told(&Value::Double(1.5), false, false), "$3\\r\\n1.5\\r\\n");
    }

    #[test]
    fn a_null_is_one_of_an_array_where_the_command_says_so() {
        assert!(is_nil("lpop", 3) && !is_nil("lpop", 2));
        assert!(is_nil("exec", 1) && !is_nil("get", 2));
    }
}
