//! Opening a database: new ones, known ones, and those that must not be opened.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::{OpenFailed, Store};

use crate::world::{World, file, hash, open};

/// Runs SQL on a closed database as somebody with a shell could.
async fn meddle(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn refusal(path: &Path) -> OpenFailed {
    match Store::open(path, hash).await {
        Ok(_) => panic!("it opened"),
        Err(failed) => failed,
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_it_opens_again() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    world.store.ready().await.unwrap();
    world.store.close().await;
    assert!(world.store.ready().await.is_err());
    assert_eq!(open(&world.folder).await.orgs().get("acme").await.unwrap(), acme);
}

#[tokio::test]
async fn tables_that_are_gone_or_of_another_release_are_not_ready() {
    let world = World::new().await;
    let ready = async || world.store.ready().await.map_err(|failed| failed.to_string());
    ready().await.unwrap();
    for (broken, mended, said) in [
        ("ALTER TABLE api_keys RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO api_keys", "api_keys"),
        (
            "ALTER TABLE usage_calls RENAME COLUMN cost_nanos TO x",
            "ALTER TABLE usage_calls RENAME COLUMN x TO cost_nanos",
            "cost",
        ),
        (
            "INSERT INTO _sqlx_migrations SELECT 999, 'newer', installed_on, TRUE, X'00', 0 FROM _sqlx_migrations LIMIT 1",
            "DELETE FROM _sqlx_migrations WHERE version = 999",
            "version 999",
        ),
    ] {
        meddle(&world.file(), broken).await;
        let refused = ready().await.unwrap_err();
        assert!(refused.contains(said), "{refused}");
        meddle(&world.file(), mended).await;
        ready().await.unwrap();
    }
}

#[tokio::test]
async fn the_owner_alone_may_read_it() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for entry in fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    world.store.close().await;
    fs::set_permissions(world.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let _again = open(&world.folder).await;
    assert_eq!(mode(&world.file()), 0o600);
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent/portcullis.db");
    let refused = refusal(&path).await;
    assert!(matches!(&refused, OpenFailed::File { .. }));
    assert!(refused.to_string().contains("absent/portcullis.db"), "{refused}");
}

#[tokio::test]
async fn other_files_are_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    for garbage in [b"garbage".as_slice(), &[b"more garbage than one page holds ".as_slice(); 300].concat()] {
        fs::write(&path, garbage).unwrap();
        assert!(matches!(refusal(&path).await, OpenFailed::NotOurs { .. }));
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
}

#[tokio::test]
async fn the_database_of_another_program_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    meddle(&path, "CREATE TABLE songs (title TEXT)").await;
    assert!(matches!(refusal(&path).await, OpenFailed::NotOurs { .. }));
}

#[tokio::test]
async fn a_newer_altered_or_unfinished_database_is_refused() {
    let check = async |sql: &'static str, expect: &str| {
        let world = World::new().await;
        world.store.close().await;
        meddle(&world.file(), sql).await;
        let refused = refusal(&world.file()).await.to_string();
        assert!(refused.contains(expect), "{refused}");
    };
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    check(newer, "tables of a newer release (version 9999, this one knows ").await;
    check(
        "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1",
        "migration 1 of the database differs",
    )
    .await;
    check("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 1", "was never finished").await;
}

#[tokio::test]
async fn a_migration_that_fails_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    // The file claims that no migration ran, and has a table that the first one makes in its middle.
    open(&folder).await.close().await;
    meddle(&path, "DELETE FROM _sqlx_migrations; DROP TABLE orgs; DROP TABLE projects;").await;
    let refused = refusal(&path).await;
    assert!(matches!(&refused, OpenFailed::Migration { version: 1, .. }), "{refused}");
    meddle(&path, "CREATE TABLE orgs (proof TEXT)").await;
}
