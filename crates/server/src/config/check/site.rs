//! The section about who runs the installation.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::fault::Fault;
use crate::config::{SecurityContact, raw};

/// What a contact may be (RFC 9116 section 2.5.3).
const SCHEMES: [&str; 3] = ["mailto:", "https://", "tel:"];
/// Most characters of a contact.
const MAX_CHARS: usize = 512;

/// Whom to tell of a weakness; `None` when nobody is named, and when a fault was added.
pub(super) fn site(raw: &raw::Site, faults: &mut Vec<Fault>) -> Option<SecurityContact> {
    let raw::Site { security_contact: contact, security_expires: expires } = raw;
    if contact.is_empty() && expires.is_empty() {
        return None;
    }
    let mut fault = |name: &str, problem: &str, fix: &str| {
        faults.push(Fault::new(format!("site.{name}"), problem, fix));
    };
    let plain = contact.len() <= MAX_CHARS && contact.bytes().all(|byte| byte.is_ascii_graphic());
    let reachable = SCHEMES.iter().any(|scheme| contact.len() > scheme.len() && contact.starts_with(scheme));
    if !(plain && reachable) {
        let fix = "Give one address: mailto:..., https://... or tel:....";
        fault("security_contact", "this is no address that a person can be reached at", fix);
        return None;
    }
    match OffsetDateTime::parse(expires, &Rfc3339) {
        Ok(until) => Some(SecurityContact { contact: contact.clone(), expires: until }),
        Err(_) => {
            let fix = "Give the time until which the contact holds, such as 2027-06-30T00:00:00Z.";
            fault("security_expires", "this is not a time", fix);
            None
        }
    }
}
