//! Which connections are planned for a model, and whose.

use super::*;
use crate::id::{KeyId, OrgId, ProjectId, UserId};
use std::net::IpAddr;

use crate::limit::{Limits, OrgLimits};
use crate::price::Pricing;
use crate::scope::{ApiKey, InlineKeys, KeyState};
use crate::time::Timestamp;
use uuid::Uuid;

fn scope(org: u128) -> Scope {
    scope_of(org, None)
}

fn scope_of(org: u128, user: Option<u128>) -> Scope {
    let key = ApiKey {
        id: KeyId::new(Uuid::from_u128(1)),
        org: OrgId::new(Uuid::from_u128(org)),
        project: ProjectId::new(Uuid::from_u128(1)),
        user: user.map(|user| UserId::new(Uuid::from_u128(user))),
        state: KeyState::Active,
        expires_at: None,
        models: vec![],
        scopes: vec![],
        allowed_ips: None,
        limits: Limits::default(),
        project_limits: crate::limit::ProjectLimits::default(),
        org_limits: OrgLimits::default(),
        org_allowed_ips: None,
        org_origins: crate::origin::Origins::default(),
        org_inline_keys: InlineKeys::Refused,
        trace_hours: 0,
    };
    Scope::of_verified_key(&key, IpAddr::from([127, 0, 0, 1]), Timestamp(0)).unwrap()
}

fn connection(id: u128, provider: &str, serves: Serves, priority: u16) -> Connection {
    Connection {
        id: ProviderKeyId::new(Uuid::from_u128(id)),
        owner: Owner::Platform,
        name: Arc::from("main"),
        provider: Arc::from(provider),
        base_url: Arc::from("https://example.com/v1"),
        sealed: None,
        serves,
        priority,
        fallback_to_platform: false,
        in_service: true,
        rests_until: None,
        quotas: crate::pool::quota::Quotas::default(),
    }
}

fn listed(models: &[&str]) -> Serves {
    Serves::Listed(models.iter().map(|&model| model.to_owned()).collect())
}

#[test]
fn bare_full_and_open_ended_names_resolve() {
    let mut facts = Facts::default();
    facts.insert("openai", "gpt-x", ModelFacts::unknown());
    facts.insert("openai", "gpt-old", ModelFacts::unknown());
    facts.disable("openai", "gpt-old");
    let routes = Routes::build(
        vec![
            connection(1, "groq", listed(&["org/llama"]), 10),
            connection(2, "openai", Serves::Any, 20),
            connection(3, "openai", listed(&["gpt-x"]), 5),
        ],
        facts,
    );
    let ids = |asked: &str| -> Vec<u128> {
        let offers = routes.plan(asked, &scope(1)).unwrap_or_default();
        offers.iter().map(|offer| offer.connection.id.uuid().as_u128()).collect()
    };
    assert_eq!(ids("gpt-x"), [3, 2], "lower priority numbers first");
    assert_eq!(ids("openai/gpt-x"), [3, 2]);
    assert_eq!(ids("org/llama"), [1], "a bare name may hold a slash");
    assert_eq!(ids("groq/org/llama"), [1]);
    assert_eq!(ids("openai/brand-new"), [2], "an open-ended connection takes new names with its prefix");
    assert!(ids("brand-new").is_empty());
    assert!(ids("openai/gpt-old").is_empty(), "a disabled model is gone");
    assert!(ids("openai/").is_empty());
}

#[test]
fn a_providers_default_holds_for_models_nobody_described() {
    let mut facts = Facts::default();
    let free = ModelFacts { pricing: Pricing::Free, ..ModelFacts::unknown() };
    facts.insert_default("ollama", free);
    facts.disable("ollama", "gone");
    let word = |provider, model| facts.get(provider, model).map(|facts| facts.pricing.word());
    assert_eq!(word("ollama", "llama"), Some("free"));
    assert_eq!(word("ollama", "gone"), None);
    assert_eq!(word("openai", "llama"), Some("unpriced"));
}

#[test]
fn a_bare_name_of_two_providers_is_ambiguous() {
    let routes = Routes::build(
        vec![connection(1, "a", listed(&["m"]), 1), connection(2, "b", listed(&["m"]), 1)],
        Facts::default(),
    );
    let refused = routes.plan("m", &scope(1)).unwrap_err();
    assert_eq!(refused, NoRoute::Ambiguous(vec!["a/m".into(), "b/m".into()]));
    assert_eq!(routes.plan("b/m", &scope(1)).unwrap().len(), 1);
}

#[test]
fn a_tenants_connection_serves_its_tenant_alone() {
    let mut own = connection(1, "openai", listed(&["m"]), 1);
    own.owner = Owner::Org(OrgId::new(Uuid::from_u128(7)));
    let routes = Routes::build(vec![own], Facts::default());
    assert_eq!(routes.plan("m", &scope(7)).unwrap().len(), 1);
    assert_eq!(routes.plan("m", &scope(8)).unwrap_err(), NoRoute::Unknown);
    assert!(routes.names(&scope(8)).is_empty());
}

/// A connection of organization 7, or of its member 5, beside the platform's: what calls of either are given.
fn owned(id: u128, owner: Owner, serves: Serves) -> Connection {
    Connection { owner, ..connection(id, "openai", serves, 50) }
}

fn seven() -> Owner {
    Owner::Org(OrgId::new(Uuid::from_u128(7)))
}

fn five_of_seven() -> Owner {
    Owner::User(OrgId::new(Uuid::from_u128(7)), UserId::new(Uuid::from_u128(5)))
}

fn check(connections: &[Connection], asked: &str, scope: &Scope, expect: Result<&[u128], NoRoute>) {
    let routes = Routes::build(connections.to_vec(), Facts::default());
    let found = routes.plan(asked, scope);
    let ids: Result<Vec<u128>, NoRoute> =
        found.map(|offers| offers.iter().map(|offer| offer.connection.id.uuid().as_u128()).collect());
    assert_eq!(ids, expect.map(<[u128]>::to_vec), "{asked}");
}

#[test]
fn the_persons_own_come_first_then_the_organizations_and_the_platforms_only_by_leave() {
    let platform = connection(1, "openai", listed(&["m"]), 1);
    let org = owned(2, seven(), listed(&["m"]));
    let person = owned(3, five_of_seven(), listed(&["m"]));
    let leave = |mut connection: Connection| {
        connection.fallback_to_platform = true;
        connection
    };
    let (member, colleague, stranger) = (scope_of(7, Some(5)), scope_of(7, Some(6)), scope_of(8, Some(5)));
    let all = [platform.clone(), org.clone(), person.clone()];
    check(&all, "m", &member, Ok(&[3]));
    check(&all, "m", &colleague, Ok(&[2]));
    check(&all, "m", &scope(7), Ok(&[2]));
    check(&all, "m", &stranger, Ok(&[1]));
    check(&[platform.clone(), person.clone()], "m", &colleague, Ok(&[1]));

    check(&[platform.clone(), leave(org.clone()), leave(person.clone())], "m", &member, Ok(&[3, 2, 1]));
    check(&[platform.clone(), org.clone(), leave(person.clone())], "m", &member, Ok(&[3, 2]));
    check(&[platform.clone(), leave(org.clone()), person.clone()], "m", &member, Ok(&[3]));
    let second = owned(4, seven(), listed(&["m"]));
    check(&[platform.clone(), leave(org.clone()), second], "m", &scope(7), Ok(&[2, 4]));
    check(&[platform, leave(org)], "another", &scope(7), Err(NoRoute::Unknown));
}

#[test]
fn an_own_connection_for_any_model_comes_before_one_of_the_platform_that_lists_it() {
    let platform = connection(1, "openai", listed(&["m"]), 1);
    let own = owned(2, seven(), Serves::Any);
    for asked in ["m", "openai/m"] {
        check(&[platform.clone(), own.clone()], asked, &scope(7), Ok(&[2]));
        check(&[platform.clone(), own.clone()], asked, &scope(8), Ok(&[1]));
    }
    check(&[platform, own], "openai/new", &scope(7), Ok(&[2]));
}

#[test]
fn a_full_name_is_its_providers_whoever_else_has_a_model_of_that_name() {
    let platform = connection(1, "openai", listed(&["m"]), 1);
    let own =
        Connection { provider: Arc::from("openrouter"), ..owned(2, seven(), listed(&["openai/m", "m"])) };
    check(&[platform.clone(), own.clone()], "openai/m", &scope(7), Ok(&[1]));
    check(&[platform.clone(), own.clone()], "openrouter/openai/m", &scope(7), Ok(&[2]));
    check(&[platform, own], "m", &scope(7), Ok(&[2]));
}

#[test]
fn a_connection_that_its_owner_switched_off_is_not_replaced_by_the_platforms() {
    let off = |mut connection: Connection| {
        connection.in_service = false;
        connection
    };
    let platform = connection(1, "openai", listed(&["m"]), 1);
    let own = off(owned(2, seven(), listed(&["m"])));
    check(&[platform.clone(), own.clone()], "m", &scope(7), Err(NoRoute::OutOfService));
    check(&[platform.clone(), own.clone()], "m", &scope(8), Ok(&[1]));
    check(&[off(platform.clone())], "m", &scope(8), Err(NoRoute::Unknown));
    let routes = Routes::build(vec![own.clone()], Facts::default());
    assert!(routes.names(&scope(7)).is_empty() && routes.connections().is_empty());
    let by_leave = Connection { fallback_to_platform: true, ..own };
    check(&[platform, by_leave], "m", &scope(7), Ok(&[1]));
}
