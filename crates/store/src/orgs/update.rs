//! Several settings of an organization, changed as one.

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::OrgId;
use domain::limit::OrgLimits;
use domain::origin::{Origin, Origins};
use domain::scope::InlineKeys;

use super::{Org, OrgRefused, OrgState, Orgs, org};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::WriteFailed;
use crate::db::statement::Statement;
use crate::edit::Edit;
use crate::name;

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub struct OrgChange {
    /// The name.
    pub name: Edit<String>,
    /// Where it is in its life.
    pub state: Edit<OrgState>,
    /// The limits over all of its keys.
    pub limits: Edit<OrgLimits>,
    /// Where any of its keys may be used from.
    pub allowed_ips: Edit<Option<Vec<Block>>>,
    /// The web pages that it lets call it from browsers.
    pub allowed_origins: Edit<Origins>,
    /// Whether its calls may bring a provider key of their own.
    pub inline_keys: Edit<InlineKeys>,
}

impl Orgs<'_> {
    /// Changes an organization, all of it or nothing, in one row of the trail; the request path learns of it. What makes
    /// no difference is not recorded.
    ///
    /// # Errors
    /// [`OrgRefused`] when there is none, or the name is bad.
    pub async fn update(&self, id: OrgId, change: &OrgChange, act: &Act) -> Result<Org, OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let row = tx.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        let mut found = org(&row.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?)?;
        let before = found.state;
        let Some(detail) = apply(change, &mut found) else { return Ok(found) };
        name::check(&found.name)?;
        let statement = Statement::new(
            "UPDATE orgs SET name = $1, state = $2, limits = $3, allowed_ips = $4, allowed_origins = $5, \
             inline_keys = $6 WHERE id = $7",
        )
        .bind(found.name.as_str())
        .bind(found.state.word())
        .bind(WriteFailed::json(&found.limits)?)
        .bind(found.allowed_ips.as_ref().map(WriteFailed::json).transpose()?)
        .bind(WriteFailed::json(&found.allowed_origins)?)
        .bind(found.inline_keys == InlineKeys::Allowed)
        .bind(id.to_string());
        tx.execute(statement).await?;
        changes::note(&mut tx, Kind::Org, id, act.at).await?;
        // Whether it may be used at all outweighs what else was changed with it.
        let action = match (before == found.state, found.state) {
            (true, _) => Action::ORG_UPDATE,
            (false, OrgState::Active) => Action::ORG_ACTIVATE,
            (false, OrgState::Suspended) => Action::ORG_SUSPEND,
        };
        audit::append(&mut tx, &act.done(action, id, detail).of(id)).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// Makes the changes and says what they are; none when nothing is different.
fn apply(change: &OrgChange, org: &mut Org) -> Option<Detail> {
    let before = org.clone();
    let mut detail = Detail::none();
    if change.name.over(&mut org.name) {
        detail = detail.text("name", &org.name);
    }
    if change.state.over(&mut org.state) {
        detail = detail.text("state", org.state.word());
    }
    if change.limits.over(&mut org.limits) {
        let number = |limit: Option<u32>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        detail = detail
            .text("requests_per_minute", number(org.limits.requests_per_minute))
            .text("tokens_per_minute", number(org.limits.tokens_per_minute))
            .text("user_requests_per_minute", number(org.limits.user_requests_per_minute));
    }
    if change.allowed_ips.over(&mut org.allowed_ips) {
        detail = audit::with_addresses(detail, org.allowed_ips.as_deref());
    }
    if change.allowed_origins.over(&mut org.allowed_origins) {
        let listed: Vec<&str> = org.allowed_origins.iter().map(Origin::as_str).collect();
        detail = detail.text("allowed_origins", listed.join(" "));
    }
    if change.inline_keys.over(&mut org.inline_keys) {
        let word = if org.inline_keys == InlineKeys::Allowed { "allowed" } else { "refused" };
        detail = detail.text("inline_keys", word);
    }
    (*org != before).then_some(detail)
}
