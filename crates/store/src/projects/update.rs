//! Several settings of a project, changed as one.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::ProjectId;
use domain::limit::ProjectLimits;

use super::{Project, ProjectRefused, Projects, stay_under_org, with_limits, write};
use crate::edit::Edit;
use crate::name;
use crate::switch::Switch;

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    /// The name.
    pub name: Edit<String>,
    /// Whether it is in use.
    pub state: Edit<Switch>,
    /// The limits over all of its keys.
    pub limits: Edit<ProjectLimits>,
}

impl Projects<'_> {
    /// Changes a project, all of it or nothing, in one row of the trail; the request path learns of it. What makes no
    /// difference is not recorded.
    ///
    /// # Errors
    /// [`ProjectRefused`] when there is none, the name is bad or taken, or its organization has less than the limits.
    pub async fn update(
        &self,
        id: ProjectId,
        change: &ProjectChange,
        act: &Act,
    ) -> Result<Project, ProjectRefused> {
        let mut tx = self.db.begin().await?;
        let before = self.found(&mut tx, id).await?;
        let mut found = before.clone();
        let Some((action, detail)) = apply(change, &mut found) else { return Ok(found) };
        name::check(&found.name)?;
        // Limits that stay are not looked at: the organization may have been given less since, which lowers nothing.
        if found.limits != before.limits {
            stay_under_org(&mut tx, &found).await?;
        }
        write(&mut tx, &found, action, detail, act).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// Makes the changes and says what they are; none when nothing is different.
fn apply(change: &ProjectChange, project: &mut Project) -> Option<(Action, Detail)> {
    let (before, mut detail) = (project.clone(), Detail::none());
    let renamed = change.name.over(&mut project.name);
    if renamed {
        detail = detail.text("from", before.name);
    }
    let switched = change.state.over(&mut project.state);
    if switched {
        detail = detail.text("state", project.state.word());
    }
    let limited = change.limits.over(&mut project.limits);
    if limited {
        detail = with_limits(detail, project.limits);
    }
    // Whether it may be used at all outweighs what else was changed with it.
    let action = match (switched, project.state) {
        (true, Switch::Active) => Action::PROJECT_ENABLE,
        (true, Switch::Disabled) => Action::PROJECT_DISABLE,
        (false, _) if renamed => Action::PROJECT_UPDATE,
        (false, _) => Action::PROJECT_LIMIT,
    };
    (renamed || switched || limited).then_some((action, detail))
}
