//! A statement: text made of literals alone, and the values bound to its `$1`, `$2`, ... Since no other text can get
//! in, no value can become part of the text.

use domain::time::Timestamp;

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
        for row in rows {
            statement.sql.push_str(if statement.binds.is_empty() { "(?" } else { ", (?" });
            statement.sql.extend(std::iter::repeat_n(", ?", COLUMNS - 1));
            statement.sql.push(')');
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
