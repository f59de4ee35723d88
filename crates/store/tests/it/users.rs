//! People.

use domain::audit::action::Action;
use domain::role::OrgRole;
use domain::route::{Owner, Serves};
use store::audit::AuditFilter;
use store::keys::NewKey;
use store::mailed_tokens::{NewMailedToken, Purpose};
use store::provider_keys::NewProviderKey;
use store::switch::Switch;
use store::users::{NewUser, RecoveryCodeUse, TotpRefused, TotpStep, UserRefused, UserState};
use tokio::task::JoinSet;

use crate::world::{
    World, act, at, call, digest, key, login, new_key, new_login, new_user, org, project, provider_key, user,
};

#[tokio::test]
async fn they_are_found_by_either_name_in_any_spelling() {
    let world = World::new().await;
    let users = world.store.users();
    let new =
        NewUser { email: " Ada@Example.COM".to_owned(), username: Some("Ada".to_owned()), ..new_user(1) };
    let ada = users.create(&new, &act(2)).await.unwrap();
    assert_eq!((ada.email.as_str(), ada.username.as_deref()), ("ada@example.com", Some("ada")));
    assert_eq!(users.get(ada.id).await.unwrap(), ada);
    for typed in ["ada@example.com", " ADA@example.com\t", "ada", "ADA "] {
        let account = users.find(typed).await.unwrap().unwrap();
        assert_eq!((account.user, account.password.as_deref()), (ada.clone(), Some("a hash")), "{typed}");
    }
    for typed in ["", "bob", "ada@example.org", "%", "ada@example.com' --"] {
        assert!(users.find(typed).await.unwrap().is_none(), "{typed}");
    }
    assert_eq!(users.count().await.unwrap(), 1);
    assert!(matches!(users.get(user(9)).await, Err(UserRefused::NotFound(_))));
}

#[tokio::test]
async fn nobody_gets_the_names_of_another() {
    let world = World::new().await;
    let users = world.store.users();
    users.create(&NewUser { username: Some("ada".to_owned()), ..new_user(1) }, &act(2)).await.unwrap();
    let bob = world.person(2).await;
    let create = async |new: NewUser| users.create(&new, &act(3)).await.err();
    let taken = NewUser { email: "PERSON1@example.com".to_owned(), ..new_user(3) };
    assert!(matches!(create(taken).await, Some(UserRefused::EmailTaken)));
    let taken = NewUser { username: Some("ADA".to_owned()), ..new_user(3) };
    assert!(matches!(create(taken).await, Some(UserRefused::UsernameTaken)));
    let bad = NewUser { email: "nobody".to_owned(), ..new_user(3) };
    assert!(matches!(create(bad).await, Some(UserRefused::BadEmail(_))));
    assert!(matches!(
        users.set_email(bob.id, "person1@example.com", &act(4)).await,
        Err(UserRefused::EmailTaken)
    ));
    assert!(matches!(
        users.set_username(bob.id, Some("Ada"), &act(4)).await,
        Err(UserRefused::UsernameTaken)
    ));
    let renamed = users.set_username(bob.id, Some("Bob"), &act(4)).await.unwrap();
    assert_eq!(renamed.username.as_deref(), Some("bob"));
    let moved = users.set_email(bob.id, "Bob@example.com", &act(5)).await.unwrap();
    assert_eq!((moved.email.as_str(), moved.email_verified_at), ("bob@example.com", Some(at(5))));
    assert_eq!(users.get(bob.id).await.unwrap(), moved);
}

#[tokio::test]
async fn another_password_ends_every_login_and_another_hash_none() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let (users, logins) = (world.store.users(), world.store.logins());
    world.login(1, &ada, 10).await;
    users.rehash(ada.id, "a hash", "the same, dearer", &act(11)).await.unwrap();
    users.rehash(ada.id, "a hash", "too late", &act(11)).await.unwrap();
    let account = users.account(ada.id).await.unwrap();
    assert_eq!(account.password.as_deref(), Some("the same, dearer"));
    assert!(logins.find(login(1)).await.unwrap().unwrap().holds(at(12)));

    let reset = NewMailedToken {
        purpose: Purpose::Reset,
        user: ada.id,
        email: ada.email.clone(),
        digest: digest(7),
        expires_at: at(900),
    };
    world.store.mailed_tokens().issue(&reset, &act(12)).await.unwrap();
    users.set_password(ada.id, "another", &act(13)).await.unwrap();
    assert!(!logins.find(login(1)).await.unwrap().unwrap().holds(at(13)));
    assert!(world.store.mailed_tokens().find(Purpose::Reset, &digest(7), at(13)).await.unwrap().is_none());
    // Whoever checked the old password a moment ago is too late.
    let stale = logins.open(&new_login(2, &ada, 13), &act(13)).await;
    assert!(matches!(stale, Err(store::logins::LoginRefused::Changed)));
    let ada = users.get(ada.id).await.unwrap();
    assert!(world.login(3, &ada, 13).await.holds(at(13)), "a login at the same instant holds");
}

#[tokio::test]
async fn who_is_locked_out_is_out_at_once_and_comes_back_without_old_logins() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let (users, logins) = (world.store.users(), world.store.logins());
    world.login(1, &ada, 10).await;
    let disabled = users.set_state(ada.id, Switch::Disabled, &act(11)).await.unwrap();
    assert_eq!(disabled.state, UserState::Disabled);
    let holds = async || logins.find(login(1)).await.unwrap().unwrap().holds(at(12));
    assert!(!holds().await);
    assert!(logins.open(&new_login(2, &disabled, 12), &act(12)).await.is_err());
    let back = users.set_state(ada.id, Switch::Active, &act(13)).await.unwrap();
    assert_eq!(back.state, UserState::Active);
    assert!(!holds().await);
    world.login(3, &back, 14).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_counts_from_its_first_code_and_each_code_once() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let users = world.store.users();
    assert!(matches!(users.confirm_totp(ada.id, 5, &[], &act(3)).await, Err(TotpRefused::Off)));
    users.begin_totp(ada.id, b"sealed one", &act(3)).await.unwrap();
    users.begin_totp(ada.id, b"sealed two", &act(4)).await.unwrap();
    assert_eq!(users.get(ada.id).await.unwrap().totp_confirmed_at, None);
    users.confirm_totp(ada.id, 5, &[], &act(5)).await.unwrap();
    let totp = users.account(ada.id).await.unwrap().totp.unwrap();
    assert_eq!(
        (totp.sealed.as_slice(), totp.confirmed_at, totp.last_step),
        (&b"sealed two"[..], Some(at(5)), 5)
    );
    assert!(matches!(users.begin_totp(ada.id, b"three", &act(6)).await, Err(TotpRefused::On)));
    assert_eq!(users.spend_totp(ada.id, 5).await.unwrap(), TotpStep::Spent, "it proved the factor");

    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = world.store.clone();
        tasks.spawn(async move { store.users().spend_totp(user(1), 6).await.unwrap() });
    }
    let fresh = tasks.join_all().await.into_iter().filter(|step| *step == TotpStep::Fresh).count();
    assert_eq!(fresh, 1);
    assert_eq!(users.spend_totp(ada.id, 4).await.unwrap(), TotpStep::Spent, "no step back");
    users.remove_totp(ada.id, &act(7)).await.unwrap();
    assert!(users.account(ada.id).await.unwrap().totp.is_none());
    assert!(matches!(users.remove_totp(ada.id, &act(8)).await, Err(TotpRefused::Off)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_is_used_once_and_goes_with_the_second_factor() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let users = world.store.users();
    let left = async |id| users.recovery_codes_left(id).await.unwrap();
    let renewed = users.renew_recovery_codes(ada.id, &[digest(1)], &act(3)).await;
    assert!(matches!(renewed, Err(TotpRefused::Off)));
    for (number, person) in [(1, &ada), (2, &bob)] {
        users.begin_totp(person.id, b"sealed", &act(3)).await.unwrap();
        let early = users.renew_recovery_codes(person.id, &[digest(1)], &act(3)).await;
        assert!(matches!(early, Err(TotpRefused::Off)), "it does not count yet");
        let codes = [digest(number), digest(number + 10)];
        users.confirm_totp(person.id, 5, &codes, &act(4)).await.unwrap();
    }
    assert_eq!((left(ada.id).await, left(bob.id).await), (2, 2));
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = world.store.clone();
        tasks.spawn(
            async move { store.users().use_recovery_code(user(1), &digest(1), &act(5)).await.unwrap() },
        );
    }
    let taken = tasks.join_all().await.into_iter().filter(|one| *one == RecoveryCodeUse::Taken { left: 1 });
    assert_eq!(taken.count(), 1);
    let of_bob = users.use_recovery_code(ada.id, &digest(2), &act(6)).await.unwrap();
    assert_eq!(of_bob, RecoveryCodeUse::Unknown, "another's");
    users.renew_recovery_codes(ada.id, &[digest(7)], &act(7)).await.unwrap();
    let spent = users.use_recovery_code(ada.id, &digest(11), &act(8)).await.unwrap();
    assert_eq!((spent, left(ada.id).await), (RecoveryCodeUse::Unknown, 1), "those of before are gone");
    users.remove_totp(ada.id, &act(9)).await.unwrap();
    users.erase(bob.id, &act(10)).await.unwrap();
    assert_eq!((left(ada.id).await, left(bob.id).await), (0, 0));
}

#[tokio::test]
async fn an_operator_is_made_and_unmade() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let users = world.store.users();
    world.login(1, &ada, 10).await;
    let operator = async || world.store.logins().find(login(1)).await.unwrap().unwrap().operator;
    assert!(!operator().await);
    assert!(users.make_operator(ada.id, &act(11)).await.unwrap().operator);
    assert!(operator().await);
    users.unmake_operator(ada.id, &act(12)).await.unwrap();
    assert!(!operator().await);
    let told = world.actions().await;
    assert_eq!(told.iter().filter(|action| *action == Action::USER_OPERATOR.word()).count(), 2);
}

/// A provider key of person 1 in organization 1.
fn own_provider_key() -> NewProviderKey {
    NewProviderKey {
        id: provider_key(1),
        owner: Owner::User(org(1), user(1)),
        name: "mine".to_owned(),
        provider: "openai".to_owned(),
        base_url: "https://api.example.com/v1".to_owned(),
        sealed: Some(b"SEALEDBYTES".to_vec()),
        masked: "sk-a…wxyz".to_owned(),
        serves: Serves::Any,
        priority: 1,
        fallback_to_platform: false,
        created_at: at(4),
    }
}

#[tokio::test]
async fn all_that_is_kept_of_a_person_is_told_and_then_erased() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.project(1, 1, "web").await;
    let ada = world.member(1, 1, OrgRole::Member).await;
    world.member(2, 1, OrgRole::Owner).await;
    world.login(1, &ada, 10).await;
    let (users, keys) = (world.store.users(), world.store.keys());
    keys.insert(&NewKey { user: Some(ada.id), ..new_key(1) }, &act(4)).await.unwrap();
    world.store.provider_keys().insert(&own_provider_key(), &act(4)).await.unwrap();
    users.begin_totp(ada.id, b"a seed", &act(5)).await.unwrap();
    let others = NewKey { org: org(1), project: project(1), ..new_key(2) };
    keys.insert(&others, &act(4)).await.unwrap();
    let (theirs, mut anothers, mut untraced) = (call(7), call(8), call(9));
    anothers.opened.key = key(2);
    untraced.opened.trace = None;
    world.store.usage().post(&[theirs.clone(), anothers, untraced], &[]).await.unwrap();

    let all = users.export(ada.id, &act(20)).await.unwrap();
    assert_eq!(all.user, users.get(ada.id).await.unwrap());
    assert_eq!(
        all.memberships.iter().map(|one| (one.org, one.role)).collect::<Vec<_>>(),
        [(org(1), OrgRole::Member)]
    );
    assert_eq!((all.logins.len(), all.keys.len(), all.provider_keys.len()), (1, 1, 1));
    let traces: Vec<_> =
        all.traces.iter().map(|one| (one.call, one.key, one.trace.request_id.as_str())).collect();
    assert_eq!(traces, [(theirs.opened.call, key(1), "req-7")]);
    assert!(!all.more_traces);
    let about = AuditFilter { person: Some(ada.id), ..AuditFilter::default() };
    let told = world.store.audit().fitting(&about, 0).await.unwrap();
    assert!(told.iter().any(|link| link.entry.action == Action::USER_EXPORT.word()));

    users.erase(ada.id, &act(21)).await.unwrap();
    let left = users.account(ada.id).await.unwrap();
    assert_eq!(left.user.state, UserState::Erased);
    assert_eq!(left.user.email, format!("{}@erased.invalid", ada.id));
    assert!(left.password.is_none() && left.totp.is_none() && left.user.last_login_at.is_none());
    assert!(users.find(&ada.email).await.unwrap().is_none());
    assert!(users.find(&left.user.email).await.unwrap().is_none(), "a pseudonym logs nobody in");
    let nothing = users.export(ada.id, &act(22)).await.unwrap();
    assert!(nothing.memberships.is_empty() && nothing.logins.is_empty() && nothing.provider_keys.is_empty());
    assert_eq!(nothing.keys.len(), 1, "a key belongs to its project");
    assert_eq!(keys.find_by_digest(&digest(1)).await.unwrap().unwrap().user, Some(ada.id));
    assert!(world.store.audit().fitting(&about, 0).await.unwrap().len() > told.len(), "rows stay");

    for refused in [
        users.erase(ada.id, &act(23)).await.err(),
        users.set_password(ada.id, "back", &act(23)).await.err(),
        users.set_state(ada.id, Switch::Active, &act(23)).await.err(),
        users.make_operator(ada.id, &act(23)).await.err(),
        users.set_email(ada.id, &ada.email, &act(23)).await.err(),
    ] {
        assert!(matches!(refused, Some(UserRefused::Erased(_))), "{refused:?}");
    }
    users.create(&NewUser { id: user(3), ..new_user(1) }, &act(24)).await.unwrap();
}

#[tokio::test]
async fn erasure_orphans_no_organization_that_others_are_in() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let (owner, _) = (world.member(1, 1, OrgRole::Owner).await, world.member(2, 1, OrgRole::Admin).await);
    let erase = async |id| world.store.users().erase(id, &act(9)).await;
    assert!(matches!(erase(owner.id).await, Err(UserRefused::LastOwner(id)) if id == org(1)));
    assert_eq!(world.store.users().get(owner.id).await.unwrap(), owner, "nothing was half done");
    erase(user(2)).await.unwrap();
    erase(owner.id).await.unwrap();
}
