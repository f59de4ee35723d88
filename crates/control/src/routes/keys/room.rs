//! How much there is for a key: no key gets more than its project and its organization have.

use domain::id::ProjectId;
use domain::limit::{Ceiling, Limits};
use store::keys::KeyRefused;
use store::projects::ProjectRefused;

use crate::api::Settings;
use crate::api::caller::Member;
use crate::api::problem::Problem;

/// What is above the keys of one project.
pub(super) struct Room([Ceiling; 2]);

impl Room {
    /// What there is for the keys of `project`.
    ///
    /// # Errors
    /// [`Problem`] when the organization has no such project.
    pub(super) async fn of(
        member: &Member,
        project: ProjectId,
        settings: &Settings,
    ) -> Result<Self, Problem> {
        let books = member.books();
        let project = match books.projects().get(None, &project.to_string()).await {
            Err(ProjectRefused::NotFound(_)) => return Err(KeyRefused::NoSuchProject(project).into()),
            found => found?,
        };
        let org = Ceiling::from(books.org().get(&member.org().to_string()).await?.limits);
        let requests = org.requests_per_minute.unwrap_or(settings.org_requests_per_minute);
        Ok(Self([Ceiling { requests_per_minute: Some(requests), ..org }, project.limits.into()]))
    }

    /// These limits, lowered to what there is.
    pub(super) fn lower(&self, limits: Limits) -> Limits {
        self.0.iter().fold(limits, |limits, ceiling| ceiling.lower(limits))
    }

    /// These limits, if there is as much.
    ///
    /// # Errors
    /// [`Problem`] with the first limit that is too high.
    pub(super) fn hold(&self, limits: Limits) -> Result<Limits, Problem> {
        for ceiling in &self.0 {
            if let Err(above) = ceiling.check(Some(limits.requests_per_minute), limits.tokens_per_minute) {
                let field = format!("limits.{}", above.limit);
                return Err(Problem::unfit(&field, format!("No key gets more: {above}.")));
            }
        }
        Ok(limits)
    }
}
