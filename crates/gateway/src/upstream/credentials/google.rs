//! Access tokens of Google's service accounts: each is exchanged once, however many calls wait for it, and kept until five
//! minutes before its end. It is kept for one connection and one key file, so that no call profits from another's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::id::ProviderKeyId;
use domain::pool::Told;
use domain::route::Offer;
use domain::secret::Secret;
use domain::time::Timestamp;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use live::meters::Attempt;
use tokio::sync::OnceCell;
use vault::service_account::{AccessToken, ServiceAccount};

use crate::gate::Gateway;
use crate::upstream::failure::{classify_failed, limited, misconfigured};
use crate::upstream::{Failure, Next, read_bounded};

/// How long before its end a token is no longer used, in seconds: longer than any call takes to be admitted.
const MARGIN_S: i64 = 300;
/// Tokens that are kept at most.
const KEPT: usize = 1_024;
/// Most bytes of the answer to an exchange.
const ANSWER_BYTES: usize = 64 << 10;

/// A connection and the digest of the key file it has, for all keys that come with requests share one connection.
type Whose = (ProviderKeyId, [u8; 32]);

/// The access tokens that are kept.
#[derive(Default)]
pub(crate) struct AccessTokens(Mutex<HashMap<Whose, Arc<OnceCell<Kept>>>>);

struct Kept {
    token: Arc<Secret>,
    until: Timestamp,
}

impl AccessTokens {
    /// Where the token of `whose` is, or will be once somebody has exchanged it.
    fn place(&self, whose: Whose, now: Timestamp) -> Arc<OnceCell<Kept>> {
        let alive = |cell: &OnceCell<Kept>| cell.get().is_none_or(|kept| now < kept.until);
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&whose).filter(|place| alive(place)) {
            return Arc::clone(place);
        }
        if places.len() >= KEPT {
            places.retain(|_, place| alive(place));
        }
        if places.len() >= KEPT {
            places.clear();
        }
        let place = Arc::new(OnceCell::new());
        places.insert(whose, Arc::clone(&place));
        place
    }
}

/// The access token for the key file of `offer`.
pub(super) async fn access_token(
    gate: &Gateway,
    offer: &Offer,
    key_file: &Secret,
) -> Result<Arc<Secret>, Failure> {
    let now = gate.clock.now();
    let whose = (offer.connection.id, vault::digest::sha256(key_file.open()));
    let place = gate.access_tokens.place(whose, now);
    let kept = place.get_or_try_init(|| exchange(gate, key_file, now)).await?;
    Ok(Arc::clone(&kept.token))
}

async fn exchange(gate: &Gateway, key_file: &Secret, now: Timestamp) -> Result<Kept, Failure> {
    let account = ServiceAccount::parse(key_file).map_err(|none| misconfigured(&none.to_string()))?;
    let form = account.exchange(now).map_err(|not_signed| misconfigured(&not_signed.to_string()))?;
    let target = gate
        .policy
        .check(&gate.clouds.google_token_url)
        .map_err(|rejected| misconfigured(&rejected.to_string()))?;
    let request = Request::builder()
        .method(Method::POST)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(Full::new(Bytes::copy_from_slice(form.open())))
        .map_err(|_| misconfigured("the token endpoint does not make a request"))?;
    let response = gate.egress.send(&target, request).await.map_err(|failed| classify_failed(&failed))?;
    match response.status() {
        StatusCode::OK => {}
        status => return Err(refused(status)),
    }
    let malformed = || {
        let detail = "the token endpoint gave no access token";
        Failure::provider(Next::Elsewhere, Attempt::Malformed, detail)
    };
    let answer = read_bounded(response.into_body(), ANSWER_BYTES).await.map_err(|_| malformed())?;
    let AccessToken { token, lifetime_s } = AccessToken::read(&answer).ok_or_else(malformed)?;
    let lifetime_s = i64::try_from(lifetime_s).unwrap_or(i64::MAX);
    let until = now.plus_seconds(lifetime_s.saturating_sub(MARGIN_S));
    Ok(Kept { token: Arc::new(token), until })
}

/// An exchange that failed is a failed attempt of the connection; what was said is Google's own and told nobody.
fn refused(status: StatusCode) -> Failure {
    let detail = format!("the token endpoint answered with status {}", status.as_u16());
    match status.as_u16() {
        429 => limited(detail),
        400..=499 => Failure::provider(Next::Elsewhere, Attempt::Refused, detail).telling(Told::Unauthorized),
        500..=599 => Failure::provider(Next::Again, Attempt::Failed, detail),
        _ => Failure::provider(Next::Elsewhere, Attempt::Malformed, detail),
    }
}
