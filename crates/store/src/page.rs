//! Pages of long lists: oldest first, each beginning behind the last row of the one before it, whatever was added or
//! removed meanwhile.

use domain::time::Timestamp;
use uuid::Uuid;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed};

/// Most rows of one page.
pub const MAX_LIMIT: u32 = 200;

/// The place of a row in its list: when it was made, and its identifier among those made at the same instant.
pub type Place = (Timestamp, Uuid);

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The place behind which it begins; none for the first.
    pub after: Option<Place>,
    /// Most rows; more than [`MAX_LIMIT`] are that many, and none is one.
    pub limit: u32,
}

impl Page {
    /// The first page.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The place of the last one, if there are more behind it.
    pub next: Option<Place>,
}

/// In which order a list is read that its reader goes through by names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By age, the youngest first.
    NewestFirst,
    /// By age, the oldest first.
    OldestFirst,
}

impl Order {
    /// How a place compares with the one that the page begins behind.
    pub(crate) fn beyond(self) -> &'static str {
        self.either(">", "<")
    }

    /// The one text or the other.
    pub(crate) fn either(self, oldest_first: &'static str, newest_first: &'static str) -> &'static str {
        match self {
            Order::OldestFirst => oldest_first,
            Order::NewestFirst => newest_first,
        }
    }
}

/// Which page of a list that its reader goes through by names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The name behind which it begins; none for the first. Behind a name that never was in the list there is nothing.
    pub after: Option<&'a str>,
    /// Most rows.
    pub limit: u32,
    /// In which order.
    pub order: Order,
}

/// The names of the two columns that order a list, with what SQL has between them and their values.
pub(crate) struct Keyset {
    /// ` AND (created_at, id) > (`
    pub(crate) beyond: &'static str,
    /// ` ORDER BY created_at, id LIMIT `
    pub(crate) order: &'static str,
}

/// Lists ordered by `created_at` and `id`.
pub(crate) const BY_ID: Keyset =
    Keyset { beyond: " AND (created_at, id) > (", order: " ORDER BY created_at, id LIMIT " };

/// Reads a page of what `statement`, which ends in its `WHERE`, selects. `id` writes an identifier as the database
/// keeps it, `place` tells the place of a row.
pub(crate) async fn read<T>(
    db: &Db,
    statement: Statement,
    keyset: &Keyset,
    page: &Page,
    id: impl FnOnce(Uuid) -> String,
    read: impl Fn(&Row) -> Result<T, ReadFailed>,
    place: impl FnOnce(&T) -> Place,
) -> Result<Paged<T>, ReadFailed> {
    let limit = page.limit.clamp(1, MAX_LIMIT);
    let statement = match page.after {
        None => statement,
        Some((at, uuid)) => {
            statement.push(keyset.beyond).push_bind(at).push(", ").push_bind(id(uuid)).push(")")
        }
    };
    // One more than asked for tells whether there are more.
    let statement = statement.push(keyset.order).push_bind(limit + 1);
    let mut rows = db.fetch_all(statement).await?.iter().map(read).collect::<Result<Vec<T>, _>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(place) } else { None };
    Ok(Paged { rows, next })
}
