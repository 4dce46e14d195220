//! A worker's connections to a Redis.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use deadpool_redis::redis::aio::{ConnectionLike, MultiplexedConnection};
use deadpool_redis::redis::{Pipeline, Value};
use deadpool_redis::{Connection, Pool};
use tokio::sync::watch;

use super::{Redis, why, words};

/// The connections of one worker, made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The Redis they lead to.
    redis: RefCell<Option<Arc<Redis>>>,
    open: RefCell<HashMap<(u8, bool), Rc<Line>>>,
}

impl Lines {
    /// The connections to one of our databases that speak RESP3, or RESP2.
    ///
    /// # Errors
    /// As of [`Redis::pool`].
    pub(crate) fn to(
        &self,
        redis: &Arc<Redis>,
        database: u8,
        three: bool,
    ) -> Result<Rc<Line>, String> {
        let mut own = self.redis.borrow_mut();
        let mut open = self.open.borrow_mut();
        if !own.as_ref().is_some_and(|own| Arc::ptr_eq(own, redis)) {
            // Those to another are closed when their last command is answered.
            open.clear();
            *own = Some(Arc::clone(redis));
        }
        if let Some(line) = open.get(&(database, three)) {
            return Ok(Rc::clone(line));
        }
        let line = Rc::new(Line {
            pool: redis.pool(database, three)?,
            redis: Arc::clone(redis),
            state: RefCell::default(),
        });
        open.insert((database, three), Rc::clone(&line));
        Ok(line)
    }
}

type Opened = Result<(MultiplexedConnection, u64), String>;

#[derive(Default)]
enum State {
    #[default]
    Closed,
    /// Somebody is at it; whoever comes meanwhile gets the same outcome.
    Opening(watch::Receiver<Option<Opened>>),
    Open(MultiplexedConnection, u64),
}

/// What is open to one database.
pub(crate) struct Line {
    pool: Pool,
    redis: Arc<Redis>,
    state: RefCell<State>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

impl Line {
    /// Sends commands as one and gives the answer to each, errors among them.
    ///
    /// # Errors
    /// The words for the client: there were no answers.
    pub(crate) async fn send(self: &Rc<Self>, commands: &Pipeline) -> Result<Vec<Value>, String> {
        let (mut connection, generation) = self.connection().await?;
        let sent = connection.req_packed_commands(commands, 0, commands.len());
        let answered = sent.await;
        answered.map_err(|error| self.redis.failed(generation, &words(&error)))
    }

    /// A connection of which nobody else knows.
    ///
    /// # Errors
    /// The words for the client.
    pub(crate) async fn own(self: &Rc<Self>) -> Result<Own, String> {
        let generation = self.redis.generation();
        let connection = self.pool.get().await;
        let connection = connection.map_err(|error| self.redis.failed(generation, &why(&error)))?;
        Ok(Own {
            connection: Some(connection),
            redis: Arc::clone(&self.redis),
            generation,
        })
    }

    async fn connection(self: &Rc<Self>) -> Opened {
        let mut opening = match &*self.state.borrow() {
            State::Open(connection, generation) if *generation == self.redis.generation() => {
                return Ok((connection.clone(), *generation));
            }
            State::Opening(opening) => Some(opening.clone()),
            State::Open(..) | State::Closed => None,
        };
        let opening = opening.get_or_insert_with(|| {
            let (tell, told) = watch::channel(None);
            *self.state.borrow_mut() = State::Opening(told.clone());
            let line = Rc::clone(self);
            // A task of its own: who asked first may have gone.
            tokio::task::spawn_local(async move {
                let opened = line.open().await;
                line.state.replace(match &opened {
                    Ok((connection, generation)) => State::Open(connection.clone(), *generation),
                    Err(_) => State::Closed,
                });
                tell.send_replace(Some(opened));
            });
            told
        });
        match opening.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(opened)) => opened.clone(),
            Ok(None) | Err(_) => Err(self.redis.words("this worker is ending")),
        }
    }

    async fn open(&self) -> Opened {
        let generation = self.redis.generation();
        let opened = async {
            let connection = self.pool.get().await.map_err(|error| why(&error))?;
            let mut connection = Connection::take(connection);
            // What wants a password lets everybody in, and says so only when it is asked something.
            ask(&mut connection, "PING").await?;
            Ok(connection)
        };
        match opened.await {
            Ok(connection) => {
                self.redis.note(|standing| standing.why = None);
                Ok((connection, generation))
            }
            Err(why) => {
                let why: String = why;
                Err(self.redis.failed(generation, &why))
            }
        }
    }
}

/// The answer to a command that has no other words; an error is one here.
pub(crate) async fn ask(
    connection: &mut MultiplexedConnection,
    command: &str,
) -> Result<Value, String> {
    let mut commands = Pipeline::new();
    commands.cmd(command);
    let answered = connection.req_packed_commands(&commands, 0, 1).await;
    let answer = answered.map_err(|error| words(&error))?.pop();
    match answer.unwrap_or_default() {
        Value::ServerError(error) => Err(words(&error.into())),
        value => Ok(value),
    }
}

/// A connection that one client has to itself, as long as it watches keys. It is closed with it, unless it is given back.
pub(crate) struct Own {
    connection: Option<Connection>,
    redis: Arc<Redis>,
    generation: u64,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}

impl Own {
    /// As of [`Line::send`].
    pub(crate) async fn send(&mut self, commands: &Pipeline) -> Result<Vec<Value>, String> {
        let Some(connection) = &mut self.connection else {
            return Err(self.redis.words("the connection is given back"));
        };
        let sent = connection.req_packed_commands(commands, 0, commands.len());
        let answered = sent.await;
        answered.map_err(|error| self.redis.failed(self.generation, &words(&error)))
    }

    /// Whether it leads there.
    pub(crate) fn is_to(&self, redis: &Arc<Redis>) -> bool {
        Arc::ptr_eq(&self.redis, redis)
    }

    /// It watches nothing and is where it was: others may have it.
    pub(crate) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // It may watch, or be elsewhere: nobody else gets it.
        if let Some(connection) = self.connection.take() {
            drop(Connection::take(connection));
        }
    }
}
