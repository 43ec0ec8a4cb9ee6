//! What is asked of the database, each inside a transaction of its caller.

use rusqlite::{Connection, OptionalExtension, params};

use super::Trouble;
use crate::store::{
    Append, AppendError, Claim, Hash, Held, Liveness, Lock, Memo, Row, StoreError, Stored,
};

type Answer<T> = Result<T, Trouble>;

pub(super) fn create(db: &Connection, run: &str, meta: &[u8]) -> Answer<()> {
    let made = db.execute(
        "INSERT INTO runs (run, meta, state, count) VALUES (?1, ?2, x'', 0) ON CONFLICT DO NOTHING",
        params![run, meta],
    )?;
    match made {
        0 => Err(StoreError::Exists(run.to_owned()).into()),
        _ => Ok(()),
    }
}

/// The token of a lock that was seen to be held whole, and the version of the database then.
pub(super) type SeenHeld = (String, i64);

/// The outer error ends the whole group of appends, the inner one is about this record alone.
pub(super) fn append(
    db: &Connection,
    entry: &Append,
    seen: &mut Option<SeenHeld>,
) -> Answer<Result<(), AppendError>> {
    let Append { run, seq, .. } = entry;
    if let Some(lock) = &entry.under
        && let Some(scope) = lost_since(db, lock, seen)?
    {
        return Ok(Err(AppendError::LockLost(scope)));
    }
    let Some(row) = row(db, run)? else {
        return Ok(Err(StoreError::NoSuchRun(run.clone()).into()));
    };
    if seq + 1 == row.count && row.head == Some(entry.hash) {
        return Ok(Ok(()));
    }
    if *seq < row.count {
        return Ok(Err(AppendError::Taken { seq: *seq }));
    }
    if *seq > row.count {
        let count = row.count;
        return Ok(Err(AppendError::Gap { seq: *seq, count }));
    }
    let number = signed(*seq);
    db.prepare_cached("INSERT INTO records (run, seq, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![run, number, &*entry.bytes])?;
    db.prepare_cached("UPDATE runs SET head = ?2, count = ?3, state = ?4 WHERE run = ?1")?
        .execute(params![run, entry.hash, number + 1, entry.state])?;
    Ok(Ok(()))
}

pub(super) fn read(db: &Connection, path: &str, run: &str, from: u64) -> Answer<Stored> {
    let row = row(db, run)?.ok_or_else(|| StoreError::NoSuchRun(run.to_owned()))?;
    let mut statement = db.prepare_cached(
        "SELECT seq, bytes FROM records WHERE run = ?1 AND seq >= ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![run, signed(from)])?;
    let mut records = Vec::new();
    let mut next = from;
    let damaged = |seq: u64, why: &str| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("record {seq} of run `{run}` {why}"),
    };
    while let Some(found) = rows.next()? {
        let seq: i64 = found.get(0)?;
        if seq != signed(next) {
            return Err(damaged(next, "is missing").into());
        }
        records.push(found.get(1)?);
        next += 1;
    }
    if next < row.count {
        return Err(damaged(next, "is missing").into());
    }
    if next > row.count.max(from) {
        return Err(damaged(row.count, "is more than its run counts").into());
    }
    Ok(Stored { row, records })
}

pub(super) fn runs(db: &Connection) -> Answer<Vec<Row>> {
    let mut statement =
        db.prepare_cached("SELECT run, meta, state, head, count FROM runs ORDER BY id DESC")?;
    let rows = statement.query_map((), as_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn set_meta(db: &Connection, run: &str, meta: &[u8]) -> Answer<()> {
    let changed = db.execute(
        "UPDATE runs SET meta = ?2 WHERE run = ?1",
        params![run, meta],
    )?;
    found(changed, run)
}

pub(super) fn lock(db: &Connection, scopes: &[String], claim: &Claim) -> Answer<Lock> {
    let mut taken_over = Vec::new();
    for scope in scopes {
        if let Some(held) = held(db, scope)? {
            if held.holder.liveness() != Liveness::Dead {
                return Err(Trouble::Held(Box::new(held)));
            }
            taken_over.push(held);
        }
    }
    let token: String = db.query_row("SELECT lower(hex(randomblob(16)))", (), |row| row.get(0))?;
    for scope in scopes {
        let held = Held {
            scope: scope.clone(),
            token: token.clone(),
            run: claim.run.clone(),
            holder: claim.holder.clone(),
            since: claim.at.clone(),
        };
        db.prepare_cached("INSERT OR REPLACE INTO locks (scope, token, held) VALUES (?1, ?2, ?3)")?
            .execute(params![scope, token, json(&held)?])?;
    }
    Ok(Lock {
        token,
        scopes: scopes.to_vec(),
        taken_over,
    })
}

pub(super) fn unlock(db: &Connection, token: &str) -> Answer<()> {
    db.execute("DELETE FROM locks WHERE token = ?1", [token])?;
    Ok(())
}

/// The first scope of a lock that is not held under its token.
pub(super) fn lost(db: &Connection, lock: &Lock) -> Answer<Option<String>> {
    let mut statement = db.prepare_cached("SELECT token FROM locks WHERE scope = ?1")?;
    for scope in &lock.scopes {
        let token: Option<String> = statement.query_row([scope], |row| row.get(0)).optional()?;
        if token.as_ref() != Some(&lock.token) {
            return Ok(Some(scope.clone()));
        }
    }
    Ok(None)
}

/// The same. A lock may have a scope for each record set that moves: they are not all looked up again where no other
/// connection has written since it was seen to be held. What this one writes to the locks, its owner knows.
fn lost_since(db: &Connection, lock: &Lock, seen: &mut Option<SeenHeld>) -> Answer<Option<String>> {
    let version = (db.prepare_cached("PRAGMA data_version")?).query_row((), |row| row.get(0))?;
    let now = (lock.token.clone(), version);
    if seen.as_ref() == Some(&now) {
        return Ok(None);
    }
    let lost = lost(db, lock)?;
    *seen = lost.is_none().then_some(now);
    Ok(lost)
}

pub(super) fn locks(db: &Connection) -> Answer<Vec<Held>> {
    let mut statement = db.prepare_cached("SELECT held FROM locks ORDER BY scope")?;
    let texts = statement.query_map((), |row| row.get::<_, String>(0))?;
    texts.map(|text| parse(&text?)).collect()
}

fn held(db: &Connection, scope: &str) -> Answer<Option<Held>> {
    let text: Option<String> = db
        .prepare_cached("SELECT held FROM locks WHERE scope = ?1")?
        .query_row([scope], |row| row.get(0))
        .optional()?;
    text.as_deref().map(parse).transpose()
}

pub(super) fn send(db: &Connection, run: &str, message: &[u8]) -> Answer<()> {
    let added = db.execute(
        "INSERT INTO inbox (run, message) SELECT run, ?2 FROM runs WHERE run = ?1",
        params![run, message],
    )?;
    found(added, run)
}

pub(super) fn has_messages(db: &Connection, run: &str) -> Answer<bool> {
    let mut statement = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox WHERE run = ?1)")?;
    Ok(statement.query_row([run], |row| row.get(0))?)
}

pub(super) fn messages(db: &Connection, run: &str) -> Answer<Vec<Vec<u8>>> {
    let mut statement =
        db.prepare_cached("SELECT message FROM inbox WHERE run = ?1 ORDER BY id")?;
    let messages = statement.query_map([run], |row| row.get(0))?;
    Ok(messages.collect::<Result<_, _>>()?)
}

pub(super) fn take(db: &Connection, run: &str) -> Answer<Vec<Vec<u8>>> {
    let messages = messages(db, run)?;
    db.execute("DELETE FROM inbox WHERE run = ?1", [run])?;
    Ok(messages)
}

pub(super) fn remember(db: &Connection, memos: &[Memo]) -> Answer<()> {
    let mut statement =
        db.prepare_cached("INSERT OR REPLACE INTO memos (key, bytes, at) VALUES (?1, ?2, ?3)")?;
    for memo in memos {
        statement.execute(params![memo.key, memo.bytes, json(&memo.at)?])?;
    }
    Ok(())
}

pub(super) fn recall(db: &Connection, key: &str) -> Answer<Option<Memo>> {
    let mut statement = db.prepare_cached("SELECT bytes, at FROM memos WHERE key = ?1")?;
    let kept: Option<(Vec<u8>, String)> = statement
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((bytes, at)) = kept else {
        return Ok(None);
    };
    Ok(Some(Memo {
        key: key.to_owned(),
        bytes,
        at: parse(&at)?,
    }))
}

fn row(db: &Connection, run: &str) -> Answer<Option<Row>> {
    let mut statement =
        db.prepare_cached("SELECT run, meta, state, head, count FROM runs WHERE run = ?1")?;
    Ok(statement.query_row([run], as_row).optional()?)
}

fn as_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        run: row.get(0)?,
        meta: row.get(1)?,
        state: row.get(2)?,
        head: row.get::<_, Option<Hash>>(3)?,
        count: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
    })
}

fn found(rows: usize, run: &str) -> Answer<()> {
    match rows {
        0 => Err(StoreError::NoSuchRun(run.to_owned()).into()),
        _ => Ok(()),
    }
}

/// SQLite counts with a sign; no journal is that long.
fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX - 1)
}

fn json(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()).into())
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|error| {
        StoreError::Failed(format!(
            "failed to understand `{text}` in the store: {error}"
        ))
        .into()
    })
}
