//! The audit trail in the hands of somebody who can write the database: whatever is done to it, the proof names where.

use control::audit::export::{export, signed_bytes};
use control::audit::head;
use control::audit::verify::{HeadFault, NotProved, Proved, verify};
use domain::audit::action::Action;
use domain::audit::chain::{Fault, GENESIS, HASH_BYTES, seal};
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor};
use domain::id::{KeyId, OrgId};
use domain::secret::Secret;
use domain::time::Timestamp;
use domain::token::Prefix;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Row as _};
use store::Store;
use store::audit::AuditFilter;
use store::orgs::NewOrg;
use tempfile::TempDir;
use uuid::Uuid;
use vault::digest::{sha256, sha256_of_parts};
use vault::signing::SigningKeys;

/// Rows of a World.
const ROWS: i64 = 12;
/// The rows after which a head is signed.
const HEADS: [i64; 3] = [5, 9, ROWS];
/// The text columns of a row.
const TEXTS: [&str; 12] = [
    "event",
    "org",
    "actor_kind",
    "actor_id",
    "actor_prefix",
    "action",
    "resource",
    "outcome",
    "request_id",
    "ip",
    "user_agent",
    "detail",
];
const TRIGGERS: [&str; 6] = [
    "audit_is_not_changed",
    "audit_is_not_removed",
    "audit_is_not_replaced",
    "audit_heads_are_not_changed",
    "audit_heads_are_not_removed",
    "audit_heads_are_not_replaced",
];

/// A trail with heads, and a way around all that keeps it.
struct World {
    store: Store,
    keys: SigningKeys,
    database: SqlitePool,
    _folder: TempDir,
}

pub fn signing_keys(first: u8) -> SigningKeys {
    SigningKeys::new(vec![Secret::new((first..first + 32).collect())]).ok().unwrap()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(1_767_225_600_000_000).plus_seconds(seconds)
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portcullis.db");
        let (store, keys) = (Store::open(&file, sha256_of_parts).await.unwrap(), signing_keys(1));
        for number in 1..=ROWS {
            change(&store, number, at(number)).await;
            if HEADS.contains(&number) {
                head::sign(&store, &keys, at(number)).await.unwrap().unwrap();
            }
        }
        let database = SqlitePool::connect_with(SqliteConnectOptions::new().filename(file)).await.unwrap();
        let world = Self { store, keys, database, _folder: folder };
        for trigger in TRIGGERS {
            world.run(format!("DROP TRIGGER {trigger}")).await;
        }
        world
    }

    async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.database).await.unwrap();
    }

    /// Flips a bit of a column that is kept as bytes or text.
    async fn flip(&self, table: &str, column: &str, place: &str, bit: u8) {
        let select = format!("SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {place}");
        let row = sqlx::query(AssertSqlSafe(select)).fetch_one(&self.database).await.unwrap();
        let (mut bytes, kind): (Vec<u8>, String) = (row.get(0), row.get(1));
        match bytes.last_mut() {
            Some(last) => *last ^= 1 << bit,
            // Nothing to flip: something is put there.
            None => bytes.push(b'x'),
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.run(format!("UPDATE {table} SET {column} = CAST(x'{hex}' AS {kind}) WHERE {place}")).await;
    }

    async fn proof(&self) -> Result<Proved, NotProved> {
        verify(&self.store, &self.keys, |_| ()).await
    }

    async fn finds_row(&self, seq: i64, fault: Fault) {
        match self.proof().await {
            Err(NotProved::Row(broken)) => assert_eq!((broken.seq, broken.fault), (seq, fault)),
            other => panic!("row {seq} {fault:?}: {other:?}"),
        }
    }

    async fn finds_head(&self, head: i64, expect: HeadFault) {
        match self.proof().await {
            Err(NotProved::Head { id, fault, .. }) => assert_eq!((id, fault), (head, expect)),
            other => panic!("head {head} {expect:?}: {other:?}"),
        }
    }
}

pub async fn change(store: &Store, number: i64, at: Timestamp) {
    let key = KeyId::new(Uuid::from_u128(7));
    let act = Act {
        request_id: format!("req-{number}"),
        ip: Some([192, 0, 2, 1].into()),
        user_agent: "curl/8".to_owned(),
        ..Act::new(Actor::key(key, Prefix::parse("0123abcd")), at)
    };
    let id = OrgId::new(Uuid::from_u128(u128::try_from(number).unwrap()));
    let new = NewOrg { id, name: format!("org {number}"), created_at: at };
    store.orgs().create(&new, &act).await.unwrap();
}

#[tokio::test]
async fn a_whole_trail_is_proved_and_says_what_no_signature_covers_yet() {
    let world = World::new().await;
    let mut told = vec![];
    let proved = verify(&world.store, &world.keys, |rows| told.push(rows)).await.unwrap();
    assert_eq!((proved.rows, proved.heads, proved.unsigned), (12, 3, 0));
    assert_eq!(told, [12]);
    assert_eq!(head::sign(&world.store, &world.keys, at(99)).await.unwrap(), None, "it is signed already");
    change(&world.store, 13, at(13)).await;
    assert_eq!(world.proof().await.unwrap().unsigned, 1);
}

#[tokio::test]
async fn one_flipped_bit_in_any_column_is_found_in_its_row() {
    for column in TEXTS.into_iter().chain(["prev", "this"]) {
        // The last bit gives another text, the first one gives none at all.
        for bit in [0, 7] {
            let world = World::new().await;
            world.flip("audit", column, "seq = 7", bit).await;
            world.finds_row(7, Fault::Changed).await;
        }
    }
    for bit in [0, 20, 62] {
        let world = World::new().await;
        let flipped = 1i64 << bit;
        world.run(format!("UPDATE audit SET at = (at | {flipped}) - (at & {flipped}) WHERE seq = 7")).await;
        world.finds_row(7, Fault::Changed).await;
    }
    let world = World::new().await;
    world.run("UPDATE audit SET seq = seq | 64 WHERE seq = 7".to_owned()).await;
    world.finds_row(7, Fault::Missing).await;
}

#[tokio::test]
async fn a_column_that_holds_nothing_or_another_kind_is_found() {
    for value in ["x'00ff'", "''", "17"] {
        let world = World::new().await;
        world.run(format!("UPDATE audit SET detail = {value} WHERE seq = 1")).await;
        world.finds_row(1, Fault::Changed).await;
    }
    let world = World::new().await;
    world.run("UPDATE audit SET at = 'yesterday' WHERE seq = 12".to_owned()).await;
    world.finds_row(12, Fault::Changed).await;
}

#[tokio::test]
async fn a_removed_row_is_named_wherever_it_was() {
    for seq in [1, 6, ROWS] {
        let world = World::new().await;
        world.run(format!("DELETE FROM audit WHERE seq = {seq}")).await;
        world.finds_row(seq, Fault::Missing).await;
    }
    let world = World::new().await;
    change(&world.store, 13, at(13)).await;
    world.run("DELETE FROM audit WHERE seq = 13".to_owned()).await;
    world.finds_row(13, Fault::Missing).await;
    change(&world.store, 14, at(14)).await;
    world.finds_row(13, Fault::Missing).await;
}

#[tokio::test]
async fn a_removed_row_is_named_though_the_gap_is_closed() {
    let world = World::new().await;
    world.run("DELETE FROM audit WHERE seq = 6".to_owned()).await;
    for seq in 7..=ROWS {
        world.run(format!("UPDATE audit SET seq = {} WHERE seq = {seq}", seq - 1)).await;
    }
    world.finds_row(6, Fault::Displaced).await;
}

#[tokio::test]
async fn a_reordered_pair_is_named() {
    for seq in [1, 6, ROWS - 1] {
        let world = World::new().await;
        let next = seq + 1;
        world
            .run(format!(
                "UPDATE audit SET seq = 1000 WHERE seq = {seq}; UPDATE audit SET seq = {seq} WHERE seq = {next}; \
                 UPDATE audit SET seq = {next} WHERE seq = 1000"
            ))
            .await;
        world.finds_row(seq, Fault::Displaced).await;
    }
}

#[tokio::test]
async fn a_tail_cut_off_with_every_trace_in_the_tables_is_told_by_the_heads() {
    let world = World::new().await;
    world
        .run(
            "DELETE FROM audit WHERE seq > 9; UPDATE sqlite_sequence SET seq = 9 WHERE name = 'audit'"
                .to_owned(),
        )
        .await;
    world.finds_row(10, Fault::Missing).await;
    world.run("DELETE FROM audit_heads WHERE seq > 9".to_owned()).await;
    world.finds_head(3, HeadFault::Missing).await;
    world.run("DELETE FROM audit; DELETE FROM audit_heads WHERE seq > 5".to_owned()).await;
    world.finds_head(2, HeadFault::Missing).await;
}

#[tokio::test]
async fn a_forged_changed_or_missing_head_is_named() {
    for column in ["this", "key_id", "signature"] {
        let world = World::new().await;
        world.flip("audit_heads", column, "id = 2", 0).await;
        let fault = if column == "key_id" { HeadFault::UnknownKey } else { HeadFault::Forged };
        world.finds_head(2, fault).await;
    }
    for column in ["seq", "signed_at"] {
        let world = World::new().await;
        world.run(format!("UPDATE audit_heads SET {column} = {column} + 1 WHERE id = 2")).await;
        world.finds_head(2, HeadFault::Forged).await;
    }
    let world = World::new().await;
    world.run("UPDATE audit_heads SET signature = 'text' WHERE id = 2; UPDATE audit_heads SET seq = 'x' WHERE id = 1".to_owned()).await;
    world.finds_head(1, HeadFault::Changed).await;
    let world = World::new().await;
    world.run("DELETE FROM audit_heads WHERE id = 2".to_owned()).await;
    world.finds_head(2, HeadFault::Missing).await;
    let world = World::new().await;
    change(&world.store, 13, at(13)).await;
    head::sign(&world.store, &signing_keys(2), at(13)).await.unwrap().unwrap();
    world.finds_head(4, HeadFault::UnknownKey).await;
}

#[tokio::test]
async fn a_history_written_anew_contradicts_what_was_signed() {
    let world = World::new().await;
    world.run("UPDATE audit SET resource = 'nothing' WHERE seq = 3".to_owned()).await;
    // Everything that a program without the signing key can do: every hash is made to fit again.
    let mut prev = GENESIS;
    for link in world.store.audit().fitting(&AuditFilter::default(), 0).await.unwrap() {
        let this: [u8; HASH_BYTES] = seal(sha256_of_parts, &prev, &link.entry);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (before, own, seq) = (hex(&prev), hex(&this), link.seq);
        world.run(format!("UPDATE audit SET prev = x'{before}', this = x'{own}' WHERE seq = {seq}")).await;
        prev = this;
    }
    world.finds_head(1, HeadFault::Contradicts).await;
}

#[tokio::test]
async fn older_signing_keys_still_verify_what_they_signed() {
    let mut world = World::new().await;
    let seed = |first: u8| Secret::new((first..first + 32).collect());
    world.keys = SigningKeys::new(vec![seed(2), seed(1)]).ok().unwrap();
    change(&world.store, 13, at(13)).await;
    head::sign(&world.store, &world.keys, at(13)).await.unwrap().unwrap();
    assert_eq!(world.proof().await.unwrap().heads, 4);
}

#[tokio::test]
async fn a_trail_of_many_pages_is_proved_and_exported_whole() {
    let world = World::new().await;
    let act = Act::new(Actor::system("test"), at(100));
    let entries: Vec<_> = (0..2_500u128)
        .map(|number| {
            let detail = Detail::none().number("count", 1);
            act.done(Action::KEY_REFUSED, "credential", detail).spooled(Uuid::from_u128(number))
        })
        .collect();
    world.store.usage().post_with_audit(&[], &entries, &[]).await.unwrap();
    let mut told = vec![];
    let proved = verify(&world.store, &world.keys, |rows| told.push(rows)).await.unwrap();
    assert_eq!((proved.rows, proved.unsigned), (2_512, 2_500));
    assert_eq!(told, [1_000, 2_000, 2_512]);
    let mut lines = vec![];
    let (all, mut keep) = (AuditFilter::default(), |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    });
    assert_eq!(export(&world.store.audit().rows(), &world.keys, &all, &mut keep).await.unwrap(), 2_512);
    assert_eq!(lines.len(), 2_513);

    let last: serde_json::Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    let signature = &last["signature"];
    assert_eq!(signature["rows"], 2_512);
    let digest = sha256(lines.concat().as_bytes());
    let text = |name: &str| signature[name].as_str().unwrap().to_owned();
    assert_eq!(text("sha256"), data_encoding::HEXLOWER.encode(&digest));
    let value = data_encoding::BASE64.decode(text("value").as_bytes()).unwrap();
    assert_eq!(world.keys.verify(&text("key_id"), &signed_bytes(&digest), &value), Ok(()));
    let first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(first["actor"]["prefix"], "0123abcd");
    assert_eq!(first["prev"], "0".repeat(64));
}
