//! Somebody with a shell who changes the database beside the gate. The one place of these tests that names SQL, but for
//! the test of what cannot be recorded.

use std::path::Path;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// Runs SQL on a database.
pub async fn meddle(database: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(database);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}
