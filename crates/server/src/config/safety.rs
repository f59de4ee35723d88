//! The checks of production safety: a table of what production refuses to start over. Where a check looks is the
//! business of whoever finds the fault; here is what becomes of it: in development a warning, in production a reason
//! not to start, unless the installation overrides the check by its name, which is never silent.

use gateway::Unprotected;

use super::Environment;
use super::fault::Fault;
use super::nearest::nearest;
use super::raw::Raw;

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its name in `safety.allow`, in faults and in the audit trail.
    pub name: &'static str,
    /// What it refuses.
    pub about: &'static str,
}

macro_rules! checks {
    ($($name:ident $word:literal $about:literal)*) => {
        $(#[doc = $about] pub const $name: Check = Check { name: $word, about: $about };)*

        /// Every check.
        pub const CHECKS: &[Check] = &[$($name),*];
    };
}

checks! {
    WEAK_SECRETS "weak_secrets" "A root secret that is short, predictable or copied from a sample."
    READABLE_SECRETS "readable_secrets" "A file with a secret that others than its owner can get at."
    ADMIN_ADDRESS "admin_address" "An admin listener in the clear on an address that others can reach."
    PLAIN_HTTP "plain_http" "A public listener in the clear on an address that others can reach, without a proxy before it."
    LIMITS_OFF "limits_off" "A rate limit at its largest value, where it limits nothing."
    PLAIN_ORIGINS "plain_origins" "A web page over plain HTTP from another machine that may call from browsers."
    TRACE_LOGS "trace_logs" "A log that tells every step of every request."
    DEMO_PROVIDER "demo_provider" "A connection to a provider for trials, with the prices of a sample."
    CHEAP_PASSWORDS "cheap_passwords" "Passwords hashed at less than the least cost that is fit for real accounts."
    PLAIN_LINKS "plain_links" "Links in e-mails that lead over plain HTTP to another machine."
    PLAIN_MAIL "plain_mail" "E-mail sent in the clear to another machine."
    PLAIN_KEYS "plain_keys" "A key provider on another machine that is asked over plain HTTP."
    MAIL_SINK "mail_sink" "E-mail that is put into a folder and reaches nobody."
    PLAIN_PROVIDERS "plain_providers" "A connection to a provider on the public internet over plain HTTP."
}

/// What is overridden, and how strict to be with the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safety {
    environment: Environment,
    allowed: Vec<&'static str>,
}

/// What became of the faults that were found.
#[derive(Debug, Default)]
pub struct Settled {
    /// What stops the start.
    pub faults: Vec<Fault>,
    /// What is unwise and stops nothing.
    pub warnings: Vec<Fault>,
    /// What production was told to do without.
    pub overridden: Vec<Fault>,
}

impl Safety {
    /// The same as written, without a word about what is wrong with it: production where nothing else is said.
    pub(super) fn written(raw: &Raw) -> Self {
        let mut unsaid = Vec::new();
        let environment = super::check::environment(raw, &mut unsaid).unwrap_or(Environment::Production);
        Self::new(environment, &raw.safety.allow, &mut unsaid)
    }

    /// The checks in force, and which of them `allow` overrides. A name that is none is a fault.
    pub(super) fn new(environment: Environment, allow: &[String], faults: &mut Vec<Fault>) -> Self {
        let mut allowed = Vec::new();
        for name in allow {
            match CHECKS.iter().find(|check| check.name == name) {
                Some(check) => allowed.push(check.name),
                None => {
                    let known = CHECKS.iter().map(|check| check.name);
                    let fix = nearest(name, known).map_or_else(
                        || "The manual for operators lists the checks by their names.".to_owned(),
                        |known| format!("Did you mean `{known}`?"),
                    );
                    faults.push(Fault::new("safety.allow", format!("there is no check `{name}`"), fix));
                }
            }
        }
        Self { environment, allowed }
    }

    /// What is to happen with listed pages that anybody on their way could have changed. Those that organizations
    /// list are judged as they call: a tenant's list must not keep the gate from starting.
    pub(super) fn unprotected_pages(&self) -> Unprotected {
        let refused =
            self.environment == Environment::Production && !self.allowed.contains(&PLAIN_ORIGINS.name);
        if refused { Unprotected::Refused } else { Unprotected::Allowed }
    }

    /// Says what becomes of each fault.
    #[must_use]
    pub fn settle(&self, found: Vec<Fault>) -> Settled {
        let mut settled = Settled::default();
        for fault in found {
            match (fault.check, self.environment) {
                (None, _) => settled.faults.push(fault),
                (Some(_), Environment::Development) => settled.warnings.push(fault),
                (Some(check), Environment::Production) if self.allowed.contains(&check) => {
                    settled.overridden.push(fault);
                }
                (Some(_), Environment::Production) => settled.faults.push(fault),
            }
        }
        settled
    }
}

/// Whether one of these faults makes a value unusable, whatever the environment.
pub(super) fn has_hard(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.check.is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own_and_is_in_the_manual() {
        let manual = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operators.md"));
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
        for check in CHECKS {
            assert!(check.about.ends_with('.'), "{check:?}");
            assert!(manual.contains(&format!("| `{}` |", check.name)), "{} is not in the manual", check.name);
        }
    }

    #[test]
    fn what_is_found_stops_production_unless_it_is_overridden() {
        let found = || {
            vec![
                Fault::new("a", "b", "c"),
                Fault::new("d", "e", "f").of(&WEAK_SECRETS),
                Fault::new("g", "h", "i").of(&TRACE_LOGS),
            ]
        };
        let check = |environment, allow: &[&str], expect: [usize; 3]| {
            let mut faults = vec![];
            let allow: Vec<String> = allow.iter().map(|&name| name.to_owned()).collect();
            let settled = Safety::new(environment, &allow, &mut faults).settle(found());
            assert_eq!(faults, []);
            let seen = [settled.faults.len(), settled.warnings.len(), settled.overridden.len()];
            assert_eq!(seen, expect, "{environment:?} {allow:?}");
        };
        check(Environment::Development, &[], [1, 2, 0]);
        check(Environment::Development, &["trace_logs"], [1, 2, 0]);
        check(Environment::Production, &[], [3, 0, 0]);
        check(Environment::Production, &["trace_logs"], [2, 0, 1]);
        check(Environment::Production, &["trace_logs", "weak_secrets"], [1, 0, 2]);
    }

    #[test]
    fn a_check_that_is_none_is_told_its_neighbour() {
        let mut faults = vec![];
        let _ = Safety::new(Environment::Production, &["weak_secret".to_owned()], &mut faults);
        assert_eq!(
            faults[0].to_string(),
            "safety.allow: there is no check `weak_secret`. Did you mean `weak_secrets`?"
        );
    }
}
