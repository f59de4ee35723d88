//! Files that providers keep for a project. Their contents stay with the provider; whose a file is and which connection
//! holds it is in the gate's own books, and nobody else's is there.

mod upload;

use std::sync::Arc;

use bytes::Bytes;
use domain::code::Code;
use domain::file::{Content, File, Removed};
use domain::scope::Access;
use http::{HeaderValue, Method, Response};
use hyper::body::Incoming;
use live::counters::Admitted;
use wire::batch::is_name;
use wire::batch::object::{self, Page};

use crate::admit::admit;
use crate::arrival::Arrival;
use crate::authenticate::authenticate;
use crate::body::Body;
use crate::cors::Reader;
use crate::gate::Gateway;
use crate::head::Head;
use crate::listing::{respond, respond_with};
use crate::permit::permit;
use crate::query::Query;
use crate::references::unanswered;
use crate::refusal::{Refusal, Stop};
use crate::strangers::greet;
use crate::upstream::Errand;
use crate::visit::{Visit, no_file};
use crate::{content, inline};

/// Files on one page of a list.
const PAGE: u32 = 1_000;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// All files.
    All,
    /// One.
    One(&'a str),
    /// What is in one.
    Content(&'a str),
}

impl<'a> Place<'a> {
    /// Reads a path without its version.
    pub(crate) fn read(rest: &'a str) -> Option<Self> {
        let below = rest.strip_prefix("/files")?;
        if below.is_empty() {
            return Some(Self::All);
        }
        let name = below.strip_prefix('/')?;
        let (name, place): (_, fn(&'a str) -> Self) = match name.strip_suffix("/content") {
            Some(name) => (name, Self::Content),
            None => (name, Self::One),
        };
        is_name(name).then(|| place(name))
    }

    /// Whether it takes this method.
    pub(crate) fn takes(self, method: &Method) -> bool {
        match self {
            Self::All => [Method::GET, Method::POST].contains(method),
            Self::One(_) => [Method::GET, Method::DELETE].contains(method),
            Self::Content(_) => *method == Method::GET,
        }
    }
}

/// Answers what is asked about files.
pub(crate) async fn serve(
    gate: &Arc<Gateway>,
    arrival: &Arrival,
    reader: &mut Reader,
    place: Place<'_>,
    head: &Head<'_>,
    body: Incoming,
) -> Result<Response<Body>, Stop> {
    greet(gate, arrival).await?;
    let caller = authenticate(gate, arrival, head).await?;
    reader.narrow(gate, &caller);
    let admitted = admit(gate, arrival, &caller).await?;
    reader.permit(arrival, &caller)?;
    permit(arrival, &caller, Access::Batches)?;
    inline::refuse(head)?;
    let visit = Visit { gate, arrival, caller: &caller };
    let answer = match (place, &head.method) {
        (Place::Content(name), _) => return show_content(&visit, admitted, name).await,
        (Place::All, &Method::POST) => upload::upload(&visit, head, body).await?,
        (Place::All, _) => list(&visit, head).await?.into(),
        (Place::One(name), &Method::DELETE) => delete(&visit, name).await?,
        (Place::One(name), _) => show(&visit, name).await?,
    };
    Ok(respond(arrival, &admitted, answer))
}

/// The project's files, from the gate's own books.
async fn list(visit: &Visit<'_>, head: &Head<'_>) -> Result<Vec<u8>, Stop> {
    let query = Query::read(head.uri.query(), &["after", "limit", "order", "purpose"])?;
    let asked = query.page(PAGE)?;
    // One more than is shown tells whether another page follows.
    let page = live::kept::Page { limit: asked.limit.saturating_add(1), ..asked };
    let found = visit.kept().files(visit.owner(), page, query.get("purpose")).await;
    let mut files: Vec<File> = found.map_err(|failed| unanswered(&failed))?;
    let shown = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = if files.len() > shown { Page::MoreFollows } else { Page::Last };
    files.truncate(shown);
    Ok(object::write_files(&files, more))
}

/// One file, as its provider shows it.
async fn show(visit: &Visit<'_>, name: &str) -> Result<Bytes, Stop> {
    let file = visit.file(name, "id").await?;
    let holder = visit.holder(file.connection, || no_file("id"))?;
    Ok(visit.courier().fetch(&holder, Errand::get(path(&file))).await?)
}

/// Removes a file at its provider and from the books. What the books still have to read stays.
async fn delete(visit: &Visit<'_>, name: &str) -> Result<Bytes, Stop> {
    let file = visit.file(name, "id").await?;
    if let Content::Results(call) = file.content
        && !visit.kept().is_settled(call).await.map_err(|failed| unanswered(&failed))?
    {
        let message =
            "The results of this batch are not in the books yet. Delete them a few minutes after its end.";
        return Err(Refusal::new(Code::Conflict, message).about("id").into());
    }
    let holder = visit.holder(file.connection, || no_file("id"))?;
    let done = visit.courier().fetch(&holder, Errand::new(Method::DELETE, path(&file))).await;
    // One that its provider does not have any more is gone as well.
    let is_gone = done.as_ref().map_or_else(|undone| undone.effect.is_missing(), |_| true);
    if is_gone {
        let File { org, project, name, .. } = file;
        let removed = Removed { org, project, name, at: visit.arrival.at };
        visit.recorded(visit.kept().remove_file(removed)).await?;
    }
    done?;
    Ok(object::write_removed(name).into())
}

/// What is in a file, as its provider sends it.
async fn show_content(visit: &Visit<'_>, admitted: Admitted, name: &str) -> Result<Response<Body>, Stop> {
    let file = visit.file(name, "id").await?;
    let holder = visit.holder(file.connection, || no_file("id"))?;
    let courier = visit.courier();
    let upstream = courier.open(&holder, Errand::get(format!("{}/content", path(&file)))).await?;
    let Visit { gate, arrival, .. } = *visit;
    // Whatever the provider takes it for, a browser shall not.
    let media_type = HeaderValue::from_static("application/octet-stream");
    let mut response = respond_with(arrival, &admitted, Body::whole(Bytes::new()), media_type);
    let content = content::Content::begin(gate, arrival, admitted, upstream.into_body(), courier.over_at());
    *response.body_mut() = Body::Content(Box::pin(content));
    Ok(response)
}

fn path(file: &File) -> String {
    format!("files/{}", file.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names() {
        let check = |path: &str, expect: Option<Place<'_>>| assert_eq!(Place::read(path), expect, "{path}");
        check("/files", Some(Place::All));
        check("/files/file-1", Some(Place::One("file-1")));
        check("/files/file-1/content", Some(Place::Content("file-1")));
        check("/files/content", Some(Place::One("content")));
        check("/files/", None);
        check("/files//content", None);
        check("/files/../batches", None);
        check("/files/..", None);
        check("/files/file%2D1", None);
        check("/files/file-1/content/", None);
        check("/filesystem", None);
    }

    #[test]
    fn a_file_is_brought_shown_and_removed() {
        let check = |method: Method, path: &str, expect: bool| {
            assert_eq!(Place::read(path).unwrap().takes(&method), expect, "{method} {path}");
        };
        check(Method::POST, "/files", true);
        check(Method::GET, "/files", true);
        check(Method::DELETE, "/files", false);
        check(Method::GET, "/files/f", true);
        check(Method::DELETE, "/files/f", true);
        check(Method::POST, "/files/f", false);
        check(Method::GET, "/files/f/content", true);
        check(Method::DELETE, "/files/f/content", false);
    }
}
