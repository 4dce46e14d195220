//! Having a Redis carry out what was gathered, over the connection that belongs to it.

use deadpool_redis::redis::Value;

use super::command::{Batch, Session, Watching, Way};
use super::redis::Lines;

/// The answer to each command of a batch.
///
/// # Errors
/// The words for the client: there were none.
pub(super) async fn pass_on(
    lines: &Lines,
    session: &mut Session,
    batch: &Batch,
) -> Result<Vec<Value>, String> {
    let redis = batch.redis().ok_or("the session store has moved")?;
    let line = lines.to(redis, batch.database, batch.three);
    let line = line.map_err(|why| redis.words(&why))?;
    if batch.way == Way::Shared {
        return line.send(&batch.commands).await;
    }
    let own = match session.watching.take() {
        Some(Watching::There(own)) if own.is_to(redis) => Some(own),
        Some(Watching::There(_) | Watching::Here(_)) | None => None,
    };
    match (batch.way, own) {
        (Way::Watch, own) => {
            let mut own = match own {
                Some(own) => own,
                None => line.own().await?,
            };
            let answers = own.send(&batch.commands).await?;
            session.watching = Some(Watching::There(own));
            Ok(answers)
        }
        (_, Some(mut own)) => {
            let answers = own.send(&batch.commands).await?;
            own.give_back();
            Ok(answers)
        }
        (_, None) => Err(redis.words("what was watched is gone with its connection")),
    }
}
