//! Asking a Redis how it is, every second: whether it answers is known before a client finds out.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::Connection;
use deadpool_redis::redis::Value;
use deadpool_redis::redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep};

use super::line::ask;
use super::{Redis, Standing, why};
use crate::session::shared::Shared;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Asks the Redis behind `shared`, where there is one, for as long as this is polled.
pub async fn tend(shared: Arc<Shared>) {
    let mut open: Option<(Arc<Redis>, MultiplexedConnection)> = None;
    loop {
        match shared.redis() {
            None => open = None,
            Some(redis) => {
                let held = open.take().filter(|(held, _)| Arc::ptr_eq(held, &redis));
                let held = held.map(|(_, connection)| connection);
                open = look(&redis, held).await.map(|held| (redis, held));
            }
        }
        sleep(EVERY).await;
    }
}

/// Asks once; gives the connection back for the next time, unless something is wrong with it.
async fn look(redis: &Redis, held: Option<MultiplexedConnection>) -> Option<MultiplexedConnection> {
    let generation = redis.generation();
    let was_away = redis.standing().why.is_some();
    match asked(redis, held).await {
        Ok((connection, standing)) => {
            redis.note(|known| *known = standing);
            if was_away {
                tracing::info!("the session store's Redis answers again");
            }
            Some(connection)
        }
        Err(why) => {
            let words = redis.failed(generation, &why);
            if !was_away {
                tracing::warn!("{words}");
            }
            None
        }
    }
}

/// Clears one of our databases; how many keys it had.
///
/// # Errors
/// Why it does not answer.
pub(crate) async fn clear(redis: &Redis, database: u8) -> Result<u64, String> {
    let cleared = async {
        let opened = redis.pool(database, false)?.get().await;
        let mut connection = Connection::take(opened.map_err(|error| why(&error))?);
        let keys = ask(&mut connection, "DBSIZE").await?;
        ask(&mut connection, "FLUSHDB").await?;
        match keys {
            Value::Int(keys) => Ok(u64::try_from(keys).unwrap_or(0)),
            _ => Ok(0),
        }
    };
    let cleared: Result<u64, String> = cleared.await;
    cleared.map_err(|why| redis.words(&why))
}

/// What is known of a Redis now.
///
/// # Errors
/// Why it does not answer.
pub(crate) async fn figures(redis: &Redis) -> Result<Standing, String> {
    let asked = asked(redis, None).await;
    let (_, standing) = asked.map_err(|why| redis.words(&why))?;
    Ok(standing)
}

async fn asked(
    redis: &Redis,
    held: Option<MultiplexedConnection>,
) -> Result<(MultiplexedConnection, Standing), String> {
    let mut connection = match held {
        Some(connection) => connection,
        None => {
            let opened = redis.pool(0, false)?.get().await;
            Connection::take(opened.map_err(|error| why(&error))?)
        }
    };
    let before = Instant::now();
    ask(&mut connection, "PING").await?;
    let latency = before.elapsed();
    // Who may not ask for it may still keep sessions there.
    let told = match ask(&mut connection, "INFO").await {
        Ok(Value::BulkString(told)) => told,
        Ok(_) | Err(_) => Vec::new(),
    };
    let told = String::from_utf8_lossy(&told);
    let standing = Standing {
        latency: Some(latency),
        ..read(&told, redis.address.base)
    };
    Ok((connection, standing))
}

/// What `INFO` says of interest.
fn read(told: &str, base: u16) -> Standing {
    let mut standing = Standing::default();
    for (name, value) in told.lines().filter_map(|line| line.split_once(':')) {
        let number = || value.trim().parse::<u64>().unwrap_or(0);
        match name {
            "used_memory" => standing.memory.0 = number(),
            "maxmemory" => standing.memory.1 = number(),
            "maxmemory_policy" => value.trim().clone_into(&mut standing.policy),
            "keyspace_hits" => standing.asked.0 = number(),
            "keyspace_misses" => standing.asked.1 = number(),
            _ => {
                let database = name.strip_prefix("db").and_then(|n| n.parse::<u16>().ok());
                let ours = database.and_then(|n| n.checked_sub(base)).map(usize::from);
                if let Some(keys) = ours.and_then(|ours| standing.keys.get_mut(ours)) {
                    *keys = (figure(value, "keys="), figure(value, "expires="));
                }
            }
        }
    }
    standing
}

fn figure(text: &str, name: &str) -> u64 {
    let parts = text.split(',');
    let mut found = parts.filter_map(|part| part.trim().strip_prefix(name));
    found.next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_redis_says_of_itself_is_read_by_our_numbers() {
        let told = "# Memory\r\nused_memory:100\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n\
            keyspace_hits:5\r\nkeyspace_misses:2\r\n# Keyspace\r\ndb0:keys=9,expires=9,avg_ttl=0\r\n\
            db2:keys=3,expires=1,avg_ttl=7\r\ndb99:keys=1,expires=0\r\n";
        let standing = read(told, 2);
        assert_eq!(standing.keys[0], (3, 1));
        assert_eq!(standing.keys.iter().map(|(keys, _)| keys).sum::<u64>(), 3);
        assert_eq!((standing.memory, standing.asked), ((100, 0), (5, 2)));
        assert_eq!(standing.policy, "allkeys-lru");
    }
}
