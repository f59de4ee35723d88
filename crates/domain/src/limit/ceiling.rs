//! What limits stay under: those of the project and of the organization above them. Where these are kept, and who may
//! give how much to whom, is not known here.

use std::fmt::{self, Display, Formatter};

use super::{Limits, OrgLimits, ProjectLimits};

/// Who has the limits that others stay under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The organization.
    Org,
    /// The project.
    Project,
}

/// The most that somebody has, and therefore can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// Who has it.
    pub holder: Holder,
    /// Requests in any 60 seconds; none for no such limit.
    pub requests_per_minute: Option<u32>,
    /// Tokens in any 60 seconds; none for no such limit.
    pub tokens_per_minute: Option<u32>,
}

/// More was asked for than there is above.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("{holder} has {most} {} a minute", self.counted())]
pub struct Above {
    /// Who has less.
    pub holder: Holder,
    /// The limit that was too high: `requests_per_minute` or `tokens_per_minute`.
    pub limit: &'static str,
    /// What there is.
    pub most: u32,
}

const REQUESTS: &str = "requests_per_minute";
const TOKENS: &str = "tokens_per_minute";

impl Ceiling {
    /// Lets limits pass that stay under this. No limit on tokens stays under any, for what is above holds all the same.
    ///
    /// # Errors
    /// [`Above`] with the first limit that does not.
    pub fn check(&self, requests: Option<u32>, tokens: Option<u32>) -> Result<(), Above> {
        let pairs =
            [(REQUESTS, requests, self.requests_per_minute), (TOKENS, tokens, self.tokens_per_minute)];
        for (limit, asked, most) in pairs {
            if let (Some(asked), Some(most)) = (asked, most)
                && asked > most
            {
                return Err(Above { holder: self.holder, limit, most });
            }
        }
        Ok(())
    }

    /// The limits of a key, lowered to this where they are above it.
    #[must_use]
    pub fn lower(&self, limits: Limits) -> Limits {
        let least = |asked: u32, most: Option<u32>| most.map_or(asked, |most| most.min(asked));
        Limits {
            requests_per_minute: least(limits.requests_per_minute, self.requests_per_minute),
            tokens_per_minute: limits.tokens_per_minute.map(|asked| least(asked, self.tokens_per_minute)),
            ..limits
        }
    }
}

impl Above {
    fn counted(&self) -> &'static str {
        if self.limit == TOKENS { "tokens" } else { "requests" }
    }
}

impl From<OrgLimits> for Ceiling {
    fn from(limits: OrgLimits) -> Self {
        let OrgLimits { requests_per_minute, tokens_per_minute, user_requests_per_minute: _ } = limits;
        Self { holder: Holder::Org, requests_per_minute, tokens_per_minute }
    }
}

impl From<ProjectLimits> for Ceiling {
    fn from(limits: ProjectLimits) -> Self {
        let ProjectLimits { requests_per_minute, tokens_per_minute } = limits;
        Self { holder: Holder::Project, requests_per_minute, tokens_per_minute }
    }
}

impl Display for Holder {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Holder::Org => "the organization",
            Holder::Project => "the project",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROJECT: ProjectLimits =
        ProjectLimits { requests_per_minute: Some(100), tokens_per_minute: Some(5_000) };

    #[test]
    fn what_is_above_is_told_with_its_name() {
        let check = |ceiling: Ceiling, requests, tokens, expect: Option<(&str, &str)>| {
            let told = ceiling.check(requests, tokens).err().map(|above| (above.limit, above.to_string()));
            assert_eq!(told, expect.map(|(limit, text)| (limit, text.to_owned())), "{requests:?} {tokens:?}");
        };
        check(PROJECT.into(), Some(100), Some(5_000), None);
        check(PROJECT.into(), None, None, None);
        let requests = ("requests_per_minute", "the project has 100 requests a minute");
        check(PROJECT.into(), Some(101), Some(5_001), Some(requests));
        let tokens = ("tokens_per_minute", "the project has 5000 tokens a minute");
        check(PROJECT.into(), Some(1), Some(5_001), Some(tokens));
        check(ProjectLimits::default().into(), Some(u32::MAX), Some(u32::MAX), None);
        let org = OrgLimits { requests_per_minute: Some(7), ..OrgLimits::default() };
        let org_requests = ("requests_per_minute", "the organization has 7 requests a minute");
        check(org.into(), Some(8), Some(u32::MAX), Some(org_requests));
    }

    proptest! {
        #[test]
        fn what_was_lowered_passes_and_what_passes_is_not_lowered(
            requests in 0u32..9, tokens in proptest::option::of(0u32..9),
            most in proptest::option::of(0u32..9), most_tokens in proptest::option::of(0u32..9),
        ) {
            let limits = Limits { requests_per_minute: requests, tokens_per_minute: tokens, ..Limits::default() };
            let above = ProjectLimits { requests_per_minute: most, tokens_per_minute: most_tokens };
            let ceiling = Ceiling::from(above);
            let lowered = ceiling.lower(limits);
            let check = |limits: Limits| ceiling.check(Some(limits.requests_per_minute), limits.tokens_per_minute);
            prop_assert_eq!(check(lowered), Ok(()));
            prop_assert_eq!(check(limits).is_ok(), lowered == limits);
            prop_assert_eq!(lowered.tokens_per_minute.is_some(), tokens.is_some());
        }
    }
}
