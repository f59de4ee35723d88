//! Who may do what: each act that carries authority or touches the world has a list of the files that may name it.
//! The lints forbid some of these acts, too; the list here says where the exception may be written.

use super::sources::Source;

struct Act {
    /// What it looks like in the text.
    text: &'static str,
    /// The files that may hold it: a path, or a folder that ends in `/`.
    files: &'static [&'static str],
    /// Whether test code is free of the rule.
    tests: Tests,
    /// The sentence to read.
    because: &'static str,
}

#[derive(PartialEq)]
enum Tests {
    Free,
    Bound,
}

const ACTS: [Act; 14] = [
    Act {
        text: "SystemTime::now",
        files: &["crates/server/src/ambient.rs"],
        tests: Tests::Bound,
        because: "time comes from a domain::time::Clock, so that tests turn it by hand",
    },
    Act {
        text: "env::var",
        files: &["crates/server/src/config/environment.rs", "xtask/src/program.rs"],
        tests: Tests::Bound,
        because: "the environment is read in one place and passed down",
    },
    Act {
        text: "process::exit",
        files: &[],
        tests: Tests::Bound,
        because: "exit by returning from main, so that everything is dropped and drained",
    },
    Act {
        text: "thread::sleep",
        files: &[],
        tests: Tests::Bound,
        because: "wait for an event or turn a manual clock; a sleep is a race that has not happened yet",
    },
    Act {
        text: "thread::spawn",
        files: &[],
        tests: Tests::Free,
        because: "a thread has a name and an owner: thread::Builder",
    },
    Act {
        text: "Uuid::now_v7",
        files: &[],
        tests: Tests::Bound,
        because: "ids come from vault::entropy and a Clock",
    },
    Act {
        text: "Scope::of_verified_key",
        files: &["crates/domain/src/scope.rs", "crates/gateway/src/authenticate.rs"],
        tests: Tests::Free,
        because: "a scope is earned by authentication and made nowhere else",
    },
    Act {
        text: "Tenant::of_verified_member",
        files: &["crates/domain/src/tenant.rs", "crates/control/src/api/caller.rs"],
        tests: Tests::Free,
        because: "a tenant is earned by a membership that was just read, and made nowhere else",
    },
    Act {
        text: ".open()",
        files: &[
            "crates/domain/src/secret.rs",
            "crates/vault/src/",
            "crates/gateway/src/upstream/credentials.rs",
            "crates/gateway/src/upstream/credentials/",
            "crates/server/src/config/roots.rs",
            // A new key's form is checked before it is sealed; discovery sends it to its provider once.
            "crates/server/src/provider_catalogue.rs",
            "crates/control/src/provider_keys/discover.rs",
            // The token and the data keys that go to the keeper of keys outside.
            "crates/control/src/vault_keys/transit.rs",
            // The password of the account at the mail server.
            "crates/control/src/mail/way.rs",
            // The demo provider compares the key that its own gate was given.
            "crates/server/src/demo/provider/router.rs",
        ],
        tests: Tests::Free,
        because: "a secret is opened only by the code that seals it, keys a MAC or writes an upstream's auth header",
    },
    Act {
        text: "expect(unsafe_code",
        files: &["crates/live/src/outbox/"],
        tests: Tests::Bound,
        because: "the memory-mapped journal is the one place with unsafe code (the lint denies it without this)",
    },
    Act {
        text: "sqlx::",
        // These tests change rows as somebody with a shell could, or take the room away from a table.
        files: &[
            "crates/store/",
            "crates/control/tests/it/audit.rs",
            "crates/control/tests/it/retention.rs",
            "crates/server/tests/it/api/unrecordable.rs",
            "crates/server/tests/it/world/meddling.rs",
        ],
        tests: Tests::Bound,
        because: "store is the only crate that names SQL",
    },
    Act {
        text: "aws_lc_rs::",
        files: &["crates/vault/src/", "crates/egress/src/", "crates/gateway/src/listener/tls.rs"],
        tests: Tests::Free,
        because: "vault is the only crate that names a cipher (egress and the listener name the library once each, for TLS)",
    },
    Act {
        text: "TcpStream::connect",
        files: &[
            "crates/egress/src/",
            "bench/src/",
            "xtask/src/bench/lanes.rs",
            "xtask/src/bench/starting.rs",
            "xtask/src/timing.rs",
            "xtask/src/timing/identifiers.rs",
            "xtask/src/foreground.rs",
        ],
        tests: Tests::Free,
        because: "egress is the only crate that opens outbound sockets",
    },
    Act {
        text: "rustix::net",
        files: &["xtask/src/abuse/source.rs"],
        tests: Tests::Free,
        because: "egress is the only crate that opens outbound sockets",
    },
];

/// A word that no file of a folder may hold.
struct Ban {
    word: &'static str,
    folder: &'static str,
    because: &'static str,
}

const BANS: [Ban; 1] = [Ban {
    word: "Store",
    folder: "crates/control/src/routes/",
    because: "a route sees of the books what its caller gives it: a member's own, or an operator's",
}];

/// The acts of a file that it may not do.
pub fn breaches(file: &Source) -> Vec<String> {
    // This file must name what it forbids.
    if file.path == "xtask/src/tidy/effects.rs" {
        return vec![];
    }
    let mut found = vec![];
    for act in &ACTS {
        let spared = act.tests == Tests::Free && file.is_test();
        if spared || act.files.iter().any(|place| covers(place, &file.path)) {
            continue;
        }
        for (line, text) in lines(file, act) {
            if names(text, act.text) {
                found.push(format!("{}:{line}: `{}`: {}", file.path, act.text.trim(), act.because));
            }
        }
    }
    for ban in BANS.iter().filter(|ban| file.path.starts_with(ban.folder)) {
        for (line, text) in file.product_lines() {
            if holds_word(text, ban.word) {
                found.push(format!("{}:{line}: `{}`: {}", file.path, ban.word, ban.because));
            }
        }
    }
    found
}

/// Files that are listed and do not exist any more: an exception must not outlive its reason.
pub fn stale_exceptions(files: &[Source]) -> Vec<String> {
    let places = ACTS.iter().flat_map(|act| act.files.iter().map(move |place| (act, place)));
    let stale = places.filter(|(_, place)| !files.iter().any(|file| covers(place, &file.path)));
    stale
        .map(|(act, place)| format!("{place}: listed for `{}`, but there is no such file", act.text))
        .collect()
}

fn covers(place: &str, path: &str) -> bool {
    place == path
        || (place.ends_with('/') && path.starts_with(place))
        || path.starts_with(&format!("{place}/"))
}

fn lines<'a>(file: &'a Source, act: &Act) -> Vec<(usize, &'a str)> {
    match act.tests {
        Tests::Free => file.product_lines(),
        Tests::Bound => {
            let code = |line: &&str| !line.trim_start().starts_with("//");
            file.text
                .lines()
                .enumerate()
                .map(|(at, line)| (at + 1, line))
                .filter(|(_, line)| code(line))
                .collect()
        }
    }
}

/// Whether the text holds the act, not as the tail of a longer word (`open_unsafe `) and not inside quotes' start.
fn names(text: &str, act: &str) -> bool {
    text.match_indices(act).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before
            .is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '"' || letter == '`')
            || act.starts_with('.')
    })
}

/// Whether the text holds the word by itself.
fn holds_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expect: usize) {
        let found = breaches(&Source { path: path.into(), text: text.into() });
        assert_eq!(found.len(), expect, "{path}: {found:?}");
    }

    #[test]
    fn the_clock_is_read_in_one_file() {
        let text = "let now = std::time::SystemTime::now();";
        check("crates/server/src/ambient.rs", text, 0);
        check("crates/gateway/src/plan.rs", text, 1);
        check("crates/gateway/tests/it/plan.rs", text, 1);
        check("crates/gateway/src/plan.rs", "// SystemTime::now is banned", 0);
    }

    #[test]
    fn secrets_and_scopes_are_free_in_tests_only() {
        for act in ["secret.open()", "Scope::of_verified_key(&key, now)"] {
            check("crates/control/src/reply.rs", act, 1);
            check("crates/server/tests/it/keys.rs", act, 0);
            check("crates/control/src/reply.rs", &format!("#[cfg(test)]\nmod tests {{\n{act}\n}}"), 0);
        }
        check("crates/vault/src/envelope.rs", "secret.open()", 0);
        check("crates/control/src/reply.rs", "options.open(path)", 0);
    }

    #[test]
    fn tenants_are_made_by_the_caller_and_routes_do_not_name_the_books() {
        let tenant = "let tenant = Tenant::of_verified_member(org);";
        check("crates/control/src/api/caller.rs", tenant, 0);
        check("crates/control/src/routes/keys.rs", tenant, 1);
        check("crates/server/tests/it/api/keys.rs", tenant, 0);
        for text in
            ["use store::Store;", "use store::{Store, keys::Keys};", "fn all(store: &store::Store) {}"]
        {
            check("crates/control/src/routes/keys.rs", text, 1);
            check("crates/control/src/api/caller.rs", text, 0);
        }
        check("crates/control/src/routes/keys.rs", "operator.store().keys()", 0);
    }

    #[test]
    fn unsafe_is_for_the_journal() {
        let text = "#[expect(unsafe_code, reason = \"...\")]";
        check("crates/live/src/outbox/journal.rs", text, 0);
        check("crates/live/src/counters.rs", text, 1);
    }

    #[test]
    fn an_exception_without_its_file_is_told() {
        let none = stale_exceptions(&[]);
        assert!(none.iter().any(|line| line.starts_with("crates/server/src/ambient.rs")), "{none:?}");
    }
}
