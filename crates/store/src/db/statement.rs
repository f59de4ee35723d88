//! A statement: text made of literals alone, and the values bound to its `$1`, `$2`, ... Since no other text can get
//! in, no value can become part of the text.

use domain::time::Timestamp;

/// Most rows that one statement takes: as many cost little more than one. SQLite allows 32,766 values, and no row has more
/// than 17.
const MOST_ROWS: usize = 256;

/// Cuts `rows` into what one statement takes at once. Each lot is a power of two, for a connection keeps a statement of each
/// number of rows prepared, and has room for a hundred.
pub(crate) fn in_lots<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let most = MOST_ROWS.min(1 << left.len().checked_ilog2()?);
        let (lot, rest) = left.split_at_checked(most)?;
        left = rest;
        Some(lot)
    })
}

/// A value on its way into the database. An absent one keeps its type, which some databases ask for.
pub(crate) enum Bind {
    Text(Option<String>),
    Whole(Option<i64>),
    Blob(Option<Vec<u8>>),
    Truth(Option<bool>),
}

/// Text and values.
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) binds: Vec<Bind>,
}

impl Statement {
    /// A statement with this text; its `$1`, `$2`, ... take their values from [`Statement::bind`] in that order.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), binds: Vec::new() }
    }

    /// `insert` with one row of values for each of `rows`. The places of the values have no numbers: where they have,
    /// SQLite walks through all of them for each value that is bound.
    pub(crate) fn insert_rows<const COLUMNS: usize>(
        insert: &'static str,
        rows: impl IntoIterator<Item = [Bind; COLUMNS]>,
    ) -> Self {
        let mut statement = Self::new(insert);
        let places = format!("(?{})", ", ?".repeat(COLUMNS - 1));
        for row in rows {
            if !statement.binds.is_empty() {
                statement.sql.push_str(", ");
            }
            statement.sql.push_str(&places);
            statement.binds.extend(row);
        }
        statement
    }

    /// The value of the next `$n` that the text already has.
    pub(crate) fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// More text.
    pub(crate) fn push(mut self, sql: &'static str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// A further `$n` at the end of the text, with its value.
    pub(crate) fn push_bind(mut self, value: impl Into<Bind>) -> Self {
        self.binds.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.binds.len().to_string());
        self
    }

    /// ` AND <condition> $n`, if there is a value to compare with.
    pub(crate) fn and<T: Into<Bind>>(self, condition: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.push(" AND ").push(condition).push(" ").push_bind(value),
            None => self,
        }
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Bind {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Bind {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Some(value.to_vec()))
    }
}

impl From<Option<Vec<u8>>> for Bind {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Blob(value)
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Whole(Some(value))
    }
}

impl From<Option<i64>> for Bind {
    fn from(value: Option<i64>) -> Self {
        Self::Whole(value)
    }
}

impl From<u16> for Bind {
    fn from(value: u16) -> Self {
        Self::Whole(Some(value.into()))
    }
}

impl From<u32> for Bind {
    fn from(value: u32) -> Self {
        Self::Whole(Some(value.into()))
    }
}

impl From<Option<u32>> for Bind {
    fn from(value: Option<u32>) -> Self {
        Self::Whole(value.map(i64::from))
    }
}

impl From<Timestamp> for Bind {
    fn from(value: Timestamp) -> Self {
        Self::Whole(Some(value.0))
    }
}

impl From<Option<Timestamp>> for Bind {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Whole(value.map(|at| at.0))
    }
}

impl From<bool> for Bind {
    fn from(value: bool) -> Self {
        Self::Truth(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_powers_of_two_and_leave_nothing_out() {
        let check = |rows: usize, expect: &[usize]| {
            let all: Vec<usize> = (0..rows).collect();
            let lots: Vec<&[usize]> = in_lots(&all).collect();
            assert_eq!(lots.iter().map(|lot| lot.len()).collect::<Vec<_>>(), expect, "{rows}");
            assert_eq!(lots.concat(), all);
        };
        check(0, &[]);
        check(1, &[1]);
        check(7, &[4, 2, 1]);
        check(256, &[256]);
        check(600, &[256, 256, 64, 16, 8]);
    }

    #[test]
    fn rows_have_a_place_for_each_value() {
        let rows = [[1, 2], [3, 4]].map(|row: [i64; 2]| row.map(Bind::from));
        let statement = Statement::insert_rows("INSERT INTO t (a, b) VALUES ", rows).push(" RETURNING a");
        assert_eq!(statement.sql, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) RETURNING a");
        assert_eq!(statement.binds.len(), 4);
    }
}
