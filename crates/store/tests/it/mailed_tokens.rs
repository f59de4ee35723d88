//! Tokens that are sent by e-mail.

use domain::audit::action::Action;
use domain::id::UserId;
use store::mailed_tokens::{MailRefused, NewMailedToken, Purpose};
use store::switch::Switch;
use store::users::UserRefused;
use tokio::task::JoinSet;

use crate::world::{World, act, at, digest, login, user};

fn new(number: u128, purpose: Purpose, user: UserId, email: &str) -> NewMailedToken {
    NewMailedToken { purpose, user, email: email.to_owned(), digest: digest(number), expires_at: at(100) }
}

#[tokio::test]
async fn an_address_is_proved_by_the_token_that_went_there() {
    let world = World::new().await;
    let ada = world.person(1).await;
    world.person(2).await;
    let tokens = world.store.mailed_tokens();
    tokens.issue(&new(1, Purpose::Verification, ada.id, "Ada@example.com"), &act(5)).await.unwrap();
    let mailed = tokens.find(Purpose::Verification, &digest(1), at(6)).await.unwrap().unwrap();
    assert_eq!((mailed.user, mailed.email.as_str()), (ada.id, "ada@example.com"));
    assert_eq!(world.store.users().get(ada.id).await.unwrap().email, ada.email, "not before it is proved");

    let verify = async |user, seconds| tokens.verify(&digest(1), user, &act(seconds)).await;
    assert!(matches!(verify(Some(user(2)), 6).await, Err(MailRefused::Unknown)), "another's");
    assert!(matches!(verify(None, 100).await, Err(MailRefused::Unknown)), "expired");
    assert!(
        matches!(tokens.reset(&digest(1), "x", &act(6)).await, Err(MailRefused::Unknown)),
        "not for that"
    );
    let changed = verify(Some(ada.id), 7).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.email_verified_at), ("ada@example.com", Some(at(7))));
    assert!(matches!(verify(Some(ada.id), 8).await, Err(MailRefused::Unknown)), "used");
    let told = world.actions().await;
    assert_eq!(told[told.len() - 2..], [Action::USER_EMAIL.word(), Action::USER_VERIFY.word()]);
}

#[tokio::test]
async fn an_address_that_somebody_took_meanwhile_is_theirs() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let tokens = world.store.mailed_tokens();
    tokens.issue(&new(1, Purpose::Verification, ada.id, "person2@example.com"), &act(5)).await.unwrap();
    world.person(2).await;
    let taken = tokens.verify(&digest(1), None, &act(6)).await;
    assert!(matches!(taken, Err(MailRefused::User(UserRefused::EmailTaken))));
    assert_eq!(world.store.users().get(ada.id).await.unwrap(), ada);
}

#[tokio::test]
async fn a_reset_sets_the_password_and_ends_every_login() {
    let world = World::new().await;
    let ada = world.person(1).await;
    world.login(1, &ada, 4).await;
    let tokens = world.store.mailed_tokens();
    tokens.issue(&new(1, Purpose::Reset, ada.id, &ada.email), &act(5)).await.unwrap();
    tokens.issue(&new(2, Purpose::Reset, ada.id, &ada.email), &act(6)).await.unwrap();
    assert!(
        matches!(tokens.reset(&digest(1), "x", &act(7)).await, Err(MailRefused::Unknown)),
        "a newer one came"
    );
    assert_eq!(tokens.reset(&digest(2), "another", &act(8)).await.unwrap(), ada.id);
    let account = world.store.users().account(ada.id).await.unwrap();
    assert_eq!((account.password.as_deref(), account.user.not_before), (Some("another"), at(8)));
    assert!(!world.store.logins().find(login(1)).await.unwrap().unwrap().holds(at(8)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_come_with_one_token_one_sets_the_password() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let tokens = world.store.mailed_tokens();
    tokens.issue(&new(1, Purpose::Reset, ada.id, &ada.email), &act(5)).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let store = world.store.clone();
        tasks.spawn(async move {
            store.mailed_tokens().reset(&digest(1), &format!("hash {number}"), &act(6)).await.is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|done| *done).count(), 1);
}

#[tokio::test]
async fn who_is_locked_out_resets_nothing() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let tokens = world.store.mailed_tokens();
    tokens.issue(&new(1, Purpose::Reset, ada.id, &ada.email), &act(5)).await.unwrap();
    world.store.users().set_state(ada.id, Switch::Disabled, &act(6)).await.unwrap();
    assert!(matches!(tokens.reset(&digest(1), "x", &act(7)).await, Err(MailRefused::Unknown)));
    assert_eq!(world.store.users().account(ada.id).await.unwrap().password.as_deref(), Some("a hash"));
}
