//! The counters beside a model of the rule: look at every window, then count in all of them or in none.

use std::collections::HashMap;

use super::*;

/// A window of the model: whose it is, and what it counts.
type Name = (&'static str, u128);

/// The limits of one installation.
#[derive(Debug, Clone, Copy)]
struct Caps {
    key: u32,
    burst: u32,
    key_tokens: Option<u32>,
    user: u32,
    project: Option<u32>,
    project_tokens: Option<u32>,
    org: u32,
    org_tokens: Option<u32>,
}

#[derive(Default)]
struct Model(HashMap<Name, Window>);

impl Model {
    /// The first limit that refuses, in the order in which they are told; if none does, the request is counted.
    fn admit(&mut self, rows: &[(Name, Option<u32>)], now_ms: i64) -> Option<&'static str> {
        for (name, limit) in rows {
            if let Some(limit) = limit
                && self.window(*name).look(now_ms, *limit, period(name.0)).is_err()
            {
                return Some(name.0);
            }
        }
        for (name, _) in rows.iter().filter(|(name, limit)| limit.is_some() && !counts_tokens(name.0)) {
            self.window(*name).add(now_ms, 1, period(name.0));
        }
        None
    }

    fn spend(&mut self, rows: &[(Name, Option<u32>)], tokens: u32, now_ms: i64) {
        for (name, _) in rows.iter().filter(|(name, limit)| limit.is_some() && counts_tokens(name.0)) {
            self.window(*name).add(now_ms, tokens, period(name.0));
        }
    }

    fn window(&mut self, name: Name) -> &mut Window {
        self.0.entry(name).or_default()
    }
}

fn counts_tokens(which: &str) -> bool {
    which.ends_with("tokens_per_minute")
}

fn period(which: &str) -> u32 {
    if which == "burst" { SECOND_MS } else { MINUTE_MS }
}

fn caps() -> impl Strategy<Value = Caps> {
    let few = 1u32..12;
    let tokens = || proptest::option::of(1u32..60);
    (few.clone(), 1u32..4, tokens(), few.clone(), proptest::option::of(few), tokens(), 1u32..20, tokens())
        .prop_map(|(key, burst, key_tokens, user, project, project_tokens, org, org_tokens)| Caps {
            key,
            burst,
            key_tokens,
            user,
            project,
            project_tokens,
            org,
            org_tokens,
        })
}

proptest! {
    #[test]
    fn every_request_counts_in_all_windows_or_in_none(
        caps in caps(),
        steps in proptest::collection::vec((0u128..8, prop_oneof![0i64..300, 0i64..9_000, 0i64..200_000], 0u32..20), 1..200),
    ) {
        let (memory, mut model, mut now_ms) = (Memory::default(), Model::default(), 1_000_000_000);
        let limits =
            Limits { tokens_per_minute: caps.key_tokens, ..limits(caps.key, caps.burst, MANY) };
        for (number, gap, tokens) in steps {
            now_ms += gap;
            // Eight keys of three people or of nobody, of four projects of two organizations.
            let (user, project, org) = (number % 4, number / 2, number / 4);
            let asking = Asking {
                user: (user > 0).then(|| UserId::new(Uuid::from_u128(user))),
                user_requests_per_minute: caps.user,
                project: ProjectId::new(Uuid::from_u128(project)),
                project_requests_per_minute: caps.project,
                project_tokens_per_minute: caps.project_tokens,
                org: OrgId::new(Uuid::from_u128(org)),
                org_requests_per_minute: caps.org,
                org_tokens_per_minute: caps.org_tokens,
                ..asking(number, &limits)
            };
            let rows = [
                (("burst", number), Some(caps.burst)),
                (("requests_per_minute", number), Some(caps.key)),
                (("tokens_per_minute", number), caps.key_tokens),
                (("user_requests_per_minute", user), (user > 0).then_some(caps.user)),
                (("project_tokens_per_minute", project), caps.project_tokens),
                (("project_requests_per_minute", project), caps.project),
                (("org_tokens_per_minute", org), caps.org_tokens),
                (("org_requests_per_minute", org), Some(caps.org)),
            ];
            let expect = model.admit(&rows, now_ms);
            let admitted = memory.admit(&asking, now_ms);
            prop_assert_eq!(admitted.as_ref().err().map(|refused| refused.which), expect);
            if let Ok(admitted) = admitted {
                model.spend(&rows, tokens, now_ms);
                admitted.spend(u64::from(tokens), Timestamp(now_ms * 1_000));
            }
        }
    }
}
