//! A row on its way out of the database, read column by column into our types. A value that does not fit its type is
//! a failure to read, never a default.

use std::str::FromStr;

use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Sqlite, Type};

use super::ReadFailed;

/// One row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
}

/// What a column may hold: every database of the seam can read it.
pub(crate) trait Column: for<'r> Decode<'r, Sqlite> + Type<Sqlite> {}

impl<T> Column for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> {}

/// The value is not what the column is for. It is not shown: it may be anything.
#[derive(Debug, thiserror::Error)]
#[error("the value is not of the kind this column keeps")]
struct Misfit;

impl Row {
    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T, ReadFailed> {
        use sqlx::Row as _;
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, ReadFailed> {
        self.get(column)
    }

    /// A value with a text form, such as an identifier.
    pub(crate) fn parse<T: FromStr>(&self, column: &'static str) -> Result<T, ReadFailed> {
        self.read(column, |text| text.parse().ok())
    }

    /// The same where the column may be null.
    pub(crate) fn parse_optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, ReadFailed> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| misfit(column))).transpose()
    }

    /// A value with a text form that `read` knows.
    pub(crate) fn read<T>(
        &self,
        column: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReadFailed> {
        read(&self.text(column)?).ok_or_else(|| misfit(column))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, ReadFailed> {
        self.read(column, |text| serde_json::from_str(text).ok())
    }

    pub(crate) fn json_optional<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, ReadFailed> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| misfit(column))).transpose()
    }

    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, ReadFailed> {
        T::try_from(self.get::<i64>(column)?).map_err(|_| misfit(column))
    }

    pub(crate) fn number_optional<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, ReadFailed> {
        let number: Option<i64> = self.get(column)?;
        number.map(|number| T::try_from(number).map_err(|_| misfit(column))).transpose()
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, ReadFailed> {
        self.get(column).map(Timestamp)
    }

    pub(crate) fn time_optional(&self, column: &'static str) -> Result<Option<Timestamp>, ReadFailed> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }
}

fn misfit(column: &'static str) -> ReadFailed {
    ReadFailed(sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(Misfit) })
}
