//! Writes of browsers come from our own page: it repeats a token that a foreign page cannot read, and its origin is
//! known. The token belongs to one login, so that one that was planted is worth nothing.

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use domain::id::LoginId;
use vault::digest::equal;
use vault::mac::MacKey;

use super::cookies::{self, CSRF};
use super::problem::Problem;
use super::{Api, Settings};

/// The header that repeats the token.
pub const HEADER: &str = "x-csrf-token";
/// What the token's key is used for, here.
const PURPOSE: &str = "csrf";
const UNREPEATED: &str = "A write by cookie repeats the cookie pc_csrf in the header x-csrf-token.";

/// The token of a login.
#[must_use]
pub fn token(mac: &MacKey, login: LoginId) -> String {
    HEXLOWER.encode(&mac.tag(PURPOSE, &[login.uuid().as_bytes()]))
}

/// Refuses what a page of another origin asks for, whoever its reader is.
///
/// # Errors
/// [`Problem`] when an origin is named that is not one of this installation's.
pub(super) fn check_origin(settings: &Settings, headers: &HeaderMap) -> Result<(), Problem> {
    let foreign = |origin: &axum::http::HeaderValue| {
        !settings.origins.iter().any(|ours| ours.as_bytes() == origin.as_bytes())
    };
    if headers.get_all(header::ORIGIN).iter().any(foreign) {
        return Err(Problem::origin_not_allowed("This API does not answer pages of this origin."));
    }
    Ok(())
}

/// Refuses what is asked with the cookie of a refresh token, and does not show that a page of ours asks. Whose it is is
/// not known yet, so that the token is compared with the cookie alone.
///
/// # Errors
/// [`Problem`] when the origin or the token is missing or wrong.
pub(crate) fn check_page(headers: &HeaderMap) -> Result<(), Problem> {
    if !headers.contains_key(header::ORIGIN) {
        return Err(Problem::origin_not_allowed("A write by cookie names the origin of its page."));
    }
    let cookie = cookies::read(headers, CSRF).ok().flatten();
    let mut repeated = headers.get_all(HEADER).iter();
    match (cookie, repeated.next(), repeated.next()) {
        (Some(cookie), Some(header), None) if equal(cookie.as_bytes(), header.as_bytes()) => Ok(()),
        _ => Err(Problem::forbidden(UNREPEATED)),
    }
}

/// Refuses a write by cookie that does not show that our page made it. The origins were looked at before.
///
/// # Errors
/// [`Problem`] when the origin or the token is missing or wrong.
pub(super) fn check(api: &Api, login: LoginId, headers: &HeaderMap) -> Result<(), Problem> {
    if !headers.contains_key(header::ORIGIN) {
        return Err(Problem::origin_not_allowed("A write by cookie names the origin of its page."));
    }
    let expected = token(api.mac(), login);
    let is_ours = |sent: &[u8]| equal(sent, expected.as_bytes());
    let cookie = cookies::read(headers, CSRF).ok().flatten();
    let mut repeated = headers.get_all(HEADER).iter();
    match (cookie, repeated.next(), repeated.next()) {
        (Some(cookie), Some(header), None) if is_ours(cookie.as_bytes()) && is_ours(header.as_bytes()) => {
            Ok(())
        }
        _ => Err(Problem::forbidden(UNREPEATED)),
    }
}
