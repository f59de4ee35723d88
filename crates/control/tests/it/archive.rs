//! Archives of the audit trail: rows leave by whole, proved segments, the chain stays provable with their files and
//! without them, and whatever is done to a file or to what is kept of it is named.

use std::path::Path;
use std::sync::Arc;

use control::audit::archive::archive;
use control::audit::head;
use control::audit::verify::{HeadFault, NotProved, Proved, verify_with};
use control::retention::{Keeper, Worked};
use domain::audit::{Act, Actor};
use domain::retention::Class;
use domain::time::{Clock, Timestamp};
use store::Store;
use store::audit::AuditFilter;
use store::retention::Cause;
use tempfile::TempDir;
use tokio::sync::watch;
use vault::digest::sha256_of_parts;
use vault::signing::SigningKeys;

use crate::audit::{at, change, signing_keys};

const DAY: i64 = 86_400;
const MONTH: i64 = 31 * DAY;

struct World {
    store: Store,
    keys: Arc<SigningKeys>,
    folder: TempDir,
}

impl World {
    /// Rows 1 to 20, a day apart, with a head after every fifth.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("portcullis.db"), sha256_of_parts).await.unwrap();
        let keys = Arc::new(signing_keys(1));
        for number in 1..=20 {
            change(&store, number, at(number * DAY)).await;
            if number % 5 == 0 {
                head::sign(&store, &keys, at(number * DAY)).await.unwrap().unwrap();
            }
        }
        Self { store, keys, folder }
    }

    fn archives(&self) -> std::path::PathBuf {
        self.folder.path().join("audit-archive")
    }

    fn keeper(&self, seconds: i64) -> Keeper {
        Keeper {
            store: self.store.clone(),
            keys: Arc::clone(&self.keys),
            archives: self.archives(),
            clock: Clock::new(move || at(seconds)),
        }
    }

    async fn prove(&self, folder: Option<&Path>) -> Result<Proved, NotProved> {
        verify_with(&self.store, &self.keys, folder, |_| ()).await
    }

    async fn table(&self) -> Vec<i64> {
        self.store.audit().page(0).await.unwrap().iter().map(|row| row.seq).collect()
    }
}

fn act() -> Act {
    Act::new(Actor::system("test"), Timestamp(0))
}

fn going() -> watch::Receiver<bool> {
    watch::channel(false).1
}

#[tokio::test]
async fn rows_past_their_time_leave_and_the_chain_stays_provable() {
    let world = World::new().await;
    // Thirteen months after row 12 was written.
    let now = 13 * MONTH + 12 * DAY;
    let keeper = world.keeper(now);
    assert!(keeper.is_due(Class::AUDIT, at(now)).await.unwrap());
    assert!(!keeper.is_due(Class::AUDIT, at(13 * MONTH + 5 * DAY)).await.unwrap());
    let run = keeper.begin(Class::AUDIT, Cause::Due, None).await.unwrap();
    let Worked::Done(ended) = keeper.work_off(&run, &going()).await.unwrap() else {
        panic!("it is worked off")
    };
    assert_eq!(ended.removed, 10, "up to the last signed head");
    assert_eq!(world.table().await, (11..=22).collect::<Vec<_>>());
    let told = world.store.audit().newest(&AuditFilter::default(), 2).await.unwrap();
    assert_eq!(told[1].entry.action, "audit.archive");
    assert_eq!(told[1].entry.detail, "{\"from\":1,\"through\":10,\"file\":\"audit-1-10.ndjson\"}");
    assert_eq!(told[0].entry.action, "retention.run");
    assert!(!keeper.is_due(Class::AUDIT, at(now)).await.unwrap());

    let whole = world.prove(Some(&world.archives())).await.unwrap();
    assert_eq!((whole.rows, whole.archived, whole.absent, whole.heads), (22, 10, 0, 4));
    let without = world.prove(None).await.unwrap();
    assert_eq!((without.rows, without.archived, without.absent), (12, 0, 1));
    assert_eq!(without.this, whole.this);

    // A second segment follows the first.
    let later = world.keeper(now + 5 * DAY);
    let run = later.begin(Class::AUDIT, Cause::Due, None).await.unwrap();
    assert!(
        matches!(later.work_off(&run, &going()).await.unwrap(), Worked::Done(ended) if ended.removed == 5)
    );
    std::fs::remove_file(world.archives().join("audit-1-10.ndjson")).unwrap();
    let proved = world.prove(Some(&world.archives())).await.unwrap();
    assert_eq!((proved.archived, proved.absent), (5, 1));
}

#[tokio::test]
async fn only_its_owner_reads_an_archive() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    archive(&world.store, &world.keys, &world.archives(), at(9 * DAY), &act()).await.unwrap().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.archives()), mode(&world.archives().join("audit-1-5.ndjson"))), (0o700, 0o600));
}

#[tokio::test]
async fn a_removal_that_was_interrupted_is_whole_at_every_step() {
    let world = World::new().await;
    archive(&world.store, &world.keys, &world.archives(), at(13 * DAY), &act()).await.unwrap().unwrap();
    let keeper = world.keeper(14 * DAY);
    let run = keeper.begin(Class::AUDIT, Cause::Due, None).await.unwrap();
    for left in (0..10).rev() {
        assert_eq!(world.store.audit().remove_archived(1, run.id, at(14 * DAY)).await.unwrap(), 1);
        assert_eq!(world.table().await.len(), left + 11);
        for folder in [Some(world.archives()), None] {
            world.prove(folder.as_deref()).await.unwrap();
        }
    }
    assert!(
        matches!(keeper.work_off(&run, &going()).await.unwrap(), Worked::Done(ended) if ended.removed == 10)
    );
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_goes_on_later() {
    let world = World::new().await;
    let keeper = world.keeper(13 * MONTH + 12 * DAY);
    let run = keeper.begin(Class::AUDIT, Cause::Due, None).await.unwrap();
    assert_eq!(keeper.work_off(&run, &watch::channel(true).1).await.unwrap(), Worked::Paused);
    let [open] = &world.store.retention().open_runs().await.unwrap()[..] else { panic!("one run is open") };
    assert!(
        matches!(keeper.work_off(open, &going()).await.unwrap(), Worked::Done(ended) if ended.removed == 10)
    );
}

#[tokio::test]
async fn a_changed_archive_is_named() {
    let world = World::new().await;
    archive(&world.store, &world.keys, &world.archives(), at(9 * DAY), &act()).await.unwrap().unwrap();
    let file = world.archives().join("audit-1-5.ndjson");
    let written = std::fs::read_to_string(&file).unwrap();
    let changed = [
        written.replacen("org.create", "org.update", 1),
        written.split_inclusive('\n').skip(1).collect(),
        String::new(),
    ];
    for text in changed {
        std::fs::write(&file, text).unwrap();
        let broken = world.prove(Some(&world.archives())).await.unwrap_err();
        assert!(matches!(broken, NotProved::Archive { id: 1, fault: HeadFault::Changed }), "{broken}");
    }
    std::fs::write(&file, written).unwrap();
    world.prove(Some(&world.archives())).await.unwrap();
}

#[tokio::test]
async fn what_is_kept_of_an_archive_cannot_be_made_up() {
    let world = World::new().await;
    // Somebody who can write the database, and has no signing key, hides rows behind an archive that never was.
    let (through_seq, this) = world.store.audit().archivable(at(9 * DAY), 100).await.unwrap().unwrap();
    let forged = store::audit::Archived {
        from_seq: 1,
        through_seq,
        this,
        file: "audit-1-5.ndjson".into(),
        sha256: vec![0; 32],
        archived_at: at(0),
        key_id: world.keys.id().to_string(),
        signature: vec![0; 64],
    };
    let entry = act().done(
        domain::audit::action::Action::AUDIT_ARCHIVE,
        "audit",
        domain::audit::detail::Detail::none(),
    );
    world.store.audit().keep_archive(&forged, &entry).await.unwrap();
    let broken = world.prove(None).await.unwrap_err();
    assert!(matches!(broken, NotProved::Archive { id: 1, fault: HeadFault::Forged }), "{broken}");
}
