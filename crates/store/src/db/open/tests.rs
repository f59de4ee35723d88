//! Migrations, and what of earlier releases comes along.

use sqlx::query_scalar;

use super::*;
use crate::Store;
use crate::usage::UsageFilter;

#[test]
fn every_migration_file_is_listed_once_and_in_order() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    files.sort();
    let mut listed: Vec<&str> = MIGRATIONS.iter().map(|(.., text)| *text).collect();
    listed.sort_unstable();
    assert_eq!(files, listed);
    assert!(MIGRATIONS.iter().zip(1..).all(|((version, ..), expect)| *version == expect));
}

/// What an installation of the first release has, in the words of its tables.
const ROWS_OF_THE_FIRST_RELEASE: &str = "\
    INSERT INTO orgs (id, name, state, created_at) VALUES ('org_00000000000000000000000000000001', 'acme', \
    'active', 1); \
    INSERT INTO provider_keys (id, owner_org, name, provider, base_url, sealed, masked, models, priority, state, \
    created_at) VALUES ('pk_00000000000000000000000000000001', NULL, 'main', 'openai', 'https://x.example', \
    X'01', '****', '[\"m\"]', 7, 'active', 2), ('pk_00000000000000000000000000000002', \
    'org_00000000000000000000000000000001', 'own', 'openai', 'https://x.example', NULL, 'none', NULL, 8, \
    'disabled', 3);";

#[tokio::test]
async fn rows_of_earlier_releases_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let earlier = pool(1).connect_with(options).await.unwrap();
    migrator(4).run(&earlier).await.unwrap();
    raw_sql(ROWS_OF_THE_FIRST_RELEASE).execute(&earlier).await.unwrap();
    earlier.close().await;

    let store = Store::open(&path, |_| [0; 32]).await.unwrap();
    let keys = store.provider_keys().list().await.unwrap();
    let told: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.owner.org(), key.priority)).collect();
    let acme = store.orgs().get("acme").await.unwrap();
    assert_eq!(told, [("main", None, 7), ("own", Some(acme.id), 8)]);
    assert_eq!(keys[0].sealed.as_deref(), Some(&[1][..]));
    assert!(acme.allowed_ips.is_none() && acme.allowed_origins.iter().next().is_none());
    // The table of organizations was made anew, and what refers to it still does.
    let nowhere = domain::id::OrgId::new(uuid::Uuid::from_u128(9));
    let act = domain::audit::Act::new(domain::audit::Actor::system("test"), acme.created_at);
    let new = |org| crate::projects::NewProject {
        id: domain::id::ProjectId::new(uuid::Uuid::from_u128(1)),
        org,
        name: "web".to_owned(),
        created_at: acme.created_at,
    };
    assert!(store.projects().create(&new(nowhere), &act).await.is_err());
    store.projects().create(&new(acme.id), &act).await.unwrap();
}

/// Calls as the release before the star wrote them: two of one kind, one that reached no provider, a batch, and one that
/// differs from the first in its units alone.
const CALLS_OF_BEFORE_THE_STAR: &str = "\
    INSERT INTO usage (call_id, org_id, project_id, key_id, surface, provider_key_id, route_mode, provider, model, outcome, \
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, audio_tokens, \
    cache_write_1h_tokens, image_tokens, pictures, sound_ms, characters, searches, source, cost_nanos, pricing, \
    price_version, started_at) \
    SELECT 'call_0000000000000000000000000000000' || n, 'org_00000000000000000000000000000001', \
    'proj_00000000000000000000000000000001', 'key_00000000000000000000000000000001', surface, connection, mode, provider, \
    model, outcome, 10, 11, 12, 13, 14, 15, 16, 17, pictures, 19, 20, 21, 'provider', 9000000000 + n, 'priced', 'v1', at \
    FROM (SELECT 1 AS n, 'chat' AS surface, 'pk_00000000000000000000000000000001' AS connection, 'byok' AS mode, \
    'openai' AS provider, 'm' AS model, 'complete' AS outcome, 0 AS pictures, 50 AS at \
    UNION ALL SELECT 2, 'chat', NULL, NULL, '', '', 'failed', 0, 60 \
    UNION ALL SELECT 3, 'chat', 'pk_00000000000000000000000000000001', 'byok', 'openai', 'm', 'complete', 5, 40 \
    UNION ALL SELECT 4, 'batches', NULL, 'platform', 'openai', 'm', 'complete', 0, 60 \
    UNION ALL SELECT 5, 'chat', NULL, NULL, '', '', 'failed', 0, 70);";

/// All that a record has.
const RECORDS: &str = "SELECT json_array(call_id, org_id, project_id, key_id, surface, provider_key_id, route_mode, \
    provider, model, outcome, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, \
    audio_tokens, cache_write_1h_tokens, image_tokens, pictures, sound_ms, characters, searches, source, cost_nanos, \
    pricing, price_version, started_at) FROM usage ORDER BY call_id";

#[tokio::test]
async fn the_books_of_earlier_releases_become_a_star_that_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let earlier = pool(1).connect_with(options.clone()).await.unwrap();
    migrator(15).run(&earlier).await.unwrap();
    raw_sql(CALLS_OF_BEFORE_THE_STAR).execute(&earlier).await.unwrap();
    let expect: Vec<String> = query_scalar(RECORDS).fetch_all(&earlier).await.unwrap();
    assert_eq!(expect.len(), 5);
    earlier.close().await;

    let store = Store::open(&path, |_| [0; 32]).await.unwrap();
    let star = pool(1).connect_with(options).await.unwrap();
    let found: Vec<String> = query_scalar(RECORDS).fetch_all(&star).await.unwrap();
    assert_eq!(found, expect);
    let kinds: i64 = query_scalar("SELECT COUNT(*) FROM usage_kinds").fetch_one(&star).await.unwrap();
    assert_eq!(kinds, 3);
    let tables: i64 =
        query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'usage'")
            .fetch_one(&star)
            .await
            .unwrap();
    assert_eq!(tables, 0);

    // A call of theirs that is posted again changes nothing, and a new one of a kind of theirs makes no other.
    let mut calls = store.usage().list(&UsageFilter::default(), 9, None).await.unwrap();
    let order: Vec<u128> = calls.iter().map(|call| call.opened.call.uuid().as_u128()).collect();
    assert_eq!(order, [5, 4, 2, 1, 3]);
    assert!(store.batches().is_settled(calls[1].opened.call).await.unwrap());
    assert_eq!(store.usage().post(&calls, &[]).await.unwrap(), 0);
    for call in &mut calls {
        call.opened.started_at = call.opened.started_at.plus_seconds(1);
        call.opened.call =
            domain::id::CallId::new(uuid::Uuid::from_u128(100 + call.opened.call.uuid().as_u128()));
    }
    assert_eq!(store.usage().post(&calls, &[]).await.unwrap(), 5);
    let kinds: i64 = query_scalar("SELECT COUNT(*) FROM usage_kinds").fetch_one(&star).await.unwrap();
    assert_eq!(kinds, 3);
}
