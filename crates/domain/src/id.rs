//! Identifiers: one type per noun, sixteen bytes each, shown as `<prefix>_<32 hex digits>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use uuid::fmt::Simple;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identifier of the form {prefix}_<32 hex digits>")]
pub struct NotAnId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an identifier made elsewhere (time-ordered, RFC 9562 version 7).
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The sixteen bytes behind the text.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(self.0.simple().encode_lower(&mut [0; Simple::LENGTH]))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|body| body.len() == 32)
                    .and_then(|body| Uuid::try_parse(body).ok())
                    .map(Self)
                    .ok_or(NotAnId { prefix: $prefix })
            }
        }
    };
}

id!(
    /// An organization: the tenant.
    OrgId, "org"
);
id!(
    /// A project of an organization.
    ProjectId, "proj"
);
id!(
    /// An API key.
    KeyId, "key"
);
id!(
    /// A provider key: one upstream connection with its base URL, sealed secret and models.
    ProviderKeyId, "pk"
);
id!(
    /// One call through the gateway. Always ours, unlike the request id, which a caller may choose.
    CallId, "call"
);

id!(
    /// A person with a login.
    UserId, "user"
);
id!(
    /// An invitation to an organization, or to be an operator.
    InvitationId, "inv"
);
id!(
    /// One login of a person, from the password to the end of its last refresh.
    LoginId, "login"
);
id!(
    /// A run of a job.
    JobId, "job"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_kinds_do_not_mix() {
        let id = OrgId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<KeyId>(), Err(NotAnId { prefix: "key" }));
        assert!("org_{00000000000000000000000000000007}".parse::<OrgId>().is_err());
    }
}
