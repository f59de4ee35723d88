//! Long lists, a page at a time: the mark of a page's end goes out to the caller and comes back unchanged, on the same
//! list, for the same eyes, or is refused. What is in the list is not known here.

use axum::extract::{FromRef, FromRequestParts, MatchedPath, Query};
use axum::http::request::Parts;
use data_encoding::BASE64URL_NOPAD;
use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::page::{MAX_LIMIT, Page, Paged, Place};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Api;
use super::caller::Caller;
use super::problem::Problem;

/// Rows of a page that nobody asked a number for.
const DEFAULT_LIMIT: u32 = 50;
/// What the mark's key is used for, here.
const PURPOSE: &str = "cursor";
/// Bytes of a mark: an instant, an identifier, and a tag cut to 128 bits.
const MARK_BYTES: usize = 8 + 16 + TAG_BYTES;
const TAG_BYTES: usize = 16;

/// The query parameters of every list; `params(Paging)` describes them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Most rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50, required = false, nullable = false)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(required = false, nullable = false, max_length = 100)]
    cursor: Option<String>,
}

/// In which order a list comes, where both make sense; `params(Order, Paging)` describes it.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Order {
    /// Which row is first; without it the oldest.
    #[param(required = false, nullable = false, inline)]
    order: Option<First>,
}

/// Which row is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum First {
    Oldest,
    Newest,
}

impl Order {
    /// Whether the newest row is first.
    #[must_use]
    pub fn newest_first(self) -> bool {
        self.order == Some(First::Newest)
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The rows, oldest first unless `order` says otherwise.
    pub data: Vec<T>,
    /// Asks for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The page that is asked for: an argument of every list.
#[derive(Debug)]
pub struct Pages {
    api: Api,
    page: Page,
    /// The list and the eyes that see it.
    bond: String,
}

impl Pages {
    /// Which page.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The page as an answer.
    pub fn listed<R, T>(&self, paged: Paged<R>, show: impl Fn(R) -> T) -> super::json::Json<Listed<T>> {
        let next_cursor = paged.next.map(|place| self.mark(place));
        super::json::Json(Listed { data: paged.rows.into_iter().map(show).collect(), next_cursor })
    }

    fn mark(&self, (at, id): Place) -> String {
        let mut mark = Vec::with_capacity(MARK_BYTES);
        mark.extend_from_slice(&at.0.to_be_bytes());
        mark.extend_from_slice(id.as_bytes());
        let tag = self.api.mac().tag(PURPOSE, &[&mark, self.bond.as_bytes()]);
        mark.extend_from_slice(&tag[..TAG_BYTES]);
        BASE64URL_NOPAD.encode(&mark)
    }

    fn read(api: &Api, bond: &str, mark: &str) -> Option<Place> {
        let mark: [u8; MARK_BYTES] = BASE64URL_NOPAD.decode(mark.as_bytes()).ok()?.try_into().ok()?;
        let (place, tag) = mark.split_at(MARK_BYTES - TAG_BYTES);
        let expected = api.mac().tag(PURPOSE, &[place, bond.as_bytes()]);
        if !vault::digest::equal(&expected[..TAG_BYTES], tag) {
            return None;
        }
        let (at, id) = place.split_at(8);
        Some((Timestamp(i64::from_be_bytes(at.try_into().ok()?)), Uuid::from_slice(id).ok()?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pages
where
    Api: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let api = Api::from_ref(state);
        let Paging { limit, cursor } = Asked::<Paging>::from_request_parts(parts, state).await?.0;
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::invalid(format!("limit is 1 to {MAX_LIMIT}.")));
        }
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let view = parts.extensions.get::<Caller>().map(Caller::view).unwrap_or_default();
        let bond = format!("{view}\n{path}\n{}", filters(parts.uri.query().unwrap_or_default()));
        let after = match cursor {
            None => None,
            Some(mark) => Some(Self::read(&api, &bond, &mark).ok_or_else(|| {
                Problem::invalid("cursor is not the next_cursor of a page of this list with these filters.")
            })?),
        };
        Ok(Self { api, page: Page { after, limit }, bond })
    }
}

/// What a query says besides which page: a mark of one selection is none of another.
fn filters(query: &str) -> String {
    let is_filter = |pair: &&str| !pair.starts_with("cursor=") && !pair.starts_with("limit=");
    query.split('&').filter(is_filter).collect::<Vec<_>>().join("&")
}

/// The query as a type. Names that the operation does not describe were refused before.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let asked = Query::<T>::try_from_uri(&parts.uri);
        asked
            .map(|Query(asked)| Self(asked))
            .map_err(|_| Problem::invalid("A query parameter has a value it cannot have."))
    }
}
