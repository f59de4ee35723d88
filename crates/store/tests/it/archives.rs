//! Rows of the audit trail leave when they are in an archive, and never otherwise.

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::audit::{Archived, Head, ProofRefused, ProofState, Verification};
use store::retention::BATCH;

use crate::world::{World, act, at};

/// A trail of `rows` rows, a second apart, with heads after some.
async fn trail(rows: i64, heads: &[i64]) -> World {
    let world = World::new().await;
    for number in 1..=rows {
        let entry = act(number).done(Action::AUDIT_EXPORT, "test", Detail::none());
        world.store.audit().record(&entry).await.unwrap();
        if heads.contains(&number) {
            let (seq, this) = world.store.audit().end().await.unwrap().unwrap();
            let head = Head { seq, this, signed_at: at(number), key_id: "k".into(), signature: vec![1] };
            world.store.audit().keep_head(&head).await.unwrap();
        }
    }
    world
}

async fn archive(
    world: &World,
    from_seq: i64,
    through_seq: i64,
    this: &[u8],
) -> Result<(), store::WriteFailed> {
    let archive = Archived {
        from_seq,
        through_seq,
        this: this.to_vec(),
        file: "f".into(),
        sha256: vec![2],
        archived_at: at(99),
        key_id: "k".into(),
        signature: vec![3],
    };
    let entry = act(99).done(Action::AUDIT_ARCHIVE, "audit", Detail::none());
    world.store.audit().keep_archive(&archive, &entry).await
}

#[tokio::test]
async fn a_segment_ends_at_a_head_before_the_first_young_row() {
    let world = trail(10, &[2, 5, 9]).await;
    let check = async |before, most, expect: Option<i64>| {
        let found = world.store.audit().archivable(at(before), most).await.unwrap();
        assert_eq!(found.map(|(seq, _)| seq), expect, "{before} {most}");
    };
    check(2, 100, None).await;
    check(3, 100, Some(2)).await;
    check(9, 100, Some(5)).await;
    check(100, 100, Some(9)).await;
    check(100, 8, Some(5)).await;
    // No head is so near: the nearest has to do.
    check(100, 1, Some(2)).await;
}

#[tokio::test]
async fn only_rows_that_are_in_an_archive_can_be_removed() {
    let world = trail(10, &[2, 5, 9]).await;
    let (audit, job) = (world.store.audit(), domain::id::JobId::new(uuid::Uuid::from_u128(1)));
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(world.file())).await.unwrap();
    let meddle = async |sql: &'static str| sqlx::raw_sql(sql).execute(&pool).await.is_ok();
    assert!(!meddle("DELETE FROM audit WHERE seq = 1").await);
    assert_eq!(audit.remove_archived(BATCH, job, at(99)).await.unwrap(), 0);
    let (_, second) = audit.archivable(at(3), 100).await.unwrap().unwrap();
    let (_, fifth) = audit.archivable(at(9), 100).await.unwrap().unwrap();
    assert!(archive(&world, 2, 5, &fifth).await.is_err(), "it leaves out a row");
    assert!(archive(&world, 1, 4, &fifth).await.is_err(), "it ends at no head");
    assert!(archive(&world, 1, 5, &second).await.is_err(), "it has another hash");
    archive(&world, 1, 5, &fifth).await.unwrap();
    assert!(archive(&world, 1, 5, &fifth).await.is_err(), "it was archived before");
    assert_eq!(audit.archived_through().await.unwrap(), 5);
    assert!(!meddle("DELETE FROM audit WHERE seq = 6").await);
    assert!(!meddle("UPDATE audit SET detail = '' WHERE seq = 1").await);
    assert!(!meddle("UPDATE audit_archived SET through_seq = 9").await);
    assert!(!meddle("DELETE FROM audit_archived").await);
    assert_eq!(audit.remove_archived(3, job, at(99)).await.unwrap(), 3);
    assert_eq!(audit.remove_archived(3, job, at(99)).await.unwrap(), 2);
    assert_eq!(audit.remove_archived(3, job, at(99)).await.unwrap(), 0);
    let rows: Vec<i64> = audit.page(0).await.unwrap().iter().map(|row| row.seq).collect();
    assert_eq!(rows, [6, 7, 8, 9, 10, 11], "the last tells of the archive");
    pool.close().await;
}

#[tokio::test]
async fn one_proof_runs_at_a_time() {
    let world = World::new().await;
    let audit = world.store.audit();
    let job = |number| domain::id::JobId::new(uuid::Uuid::from_u128(number));
    assert_eq!(audit.open_proof().await.unwrap(), None);
    let begun = audit.begin_proof(job(1), &act(1)).await.unwrap();
    assert!(
        matches!(audit.begin_proof(job(2), &act(1)).await, Err(ProofRefused::Running(id)) if id == job(1))
    );
    let ended = Verification {
        state: ProofState::Whole,
        rows: 7,
        heads: 2,
        unsigned: 1,
        ended_at: Some(at(2)),
        ..begun
    };
    audit.keep_proof(&ended).await.unwrap();
    assert_eq!(audit.proof(job(1)).await.unwrap(), ended);
    audit.begin_proof(job(2), &act(3)).await.unwrap();
    assert_eq!(audit.open_proof().await.unwrap().unwrap().id, job(2));
    assert!(matches!(audit.proof(job(3)).await, Err(ProofRefused::NotFound(_))));
}
