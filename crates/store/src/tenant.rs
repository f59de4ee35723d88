//! The books of one organization: every repository in here is bound to it, and what is another's is not there. They
//! cannot be opened without a [`Tenant`], which only a verified membership gives.

use domain::id::{OrgId, UserId};
use domain::route::Owner;
use domain::tenant::Tenant;

use crate::Store;
use crate::audit::Rows;
use crate::invitations::Invitations;
use crate::keys::Keys;
use crate::members::Members;
use crate::orgs::Orgs;
use crate::projects::Projects;
use crate::provider_keys::{ProviderKeys, Whose};
use crate::retention::Settings;
use crate::usage::Records;

/// The books of one organization.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    store: &'a Store,
    tenant: Tenant,
}

impl Store {
    /// The books of one organization.
    #[must_use]
    pub fn of(&self, tenant: Tenant) -> Books<'_> {
        Books { store: self, tenant }
    }
}

impl<'a> Books<'a> {
    /// The organization.
    #[must_use]
    pub fn id(&self) -> OrgId {
        self.tenant.org()
    }

    /// The organization itself, and no other.
    #[must_use]
    pub fn org(&self) -> Orgs<'a> {
        Orgs::new(&self.store.db, Some(self.id()))
    }

    /// Its projects.
    #[must_use]
    pub fn projects(&self) -> Projects<'a> {
        Projects::new(&self.store.db, Some(self.id()))
    }

    /// Its API keys.
    #[must_use]
    pub fn keys(&self) -> Keys<'a> {
        Keys::new(&self.store.db, Some(self.id()))
    }

    /// Its own provider keys, without those of its members.
    #[must_use]
    pub fn provider_keys(&self) -> ProviderKeys<'a> {
        ProviderKeys::new(&self.store.db, Whose::Owners(Owner::Org(self.id())))
    }

    /// The provider keys that a member has for their own calls in it.
    #[must_use]
    pub fn own_provider_keys(&self, user: UserId) -> ProviderKeys<'a> {
        ProviderKeys::new(&self.store.db, Whose::Owners(Owner::User(self.id(), user)))
    }

    /// Its members.
    #[must_use]
    pub fn members(&self) -> Members<'a> {
        Members::new(&self.store.db, self.id())
    }

    /// Its invitations.
    #[must_use]
    pub fn invitations(&self) -> Invitations<'a> {
        Invitations::new(&self.store.db, Some(self.id()))
    }

    /// The records of its calls.
    #[must_use]
    pub fn usage(&self) -> Records<'a> {
        Records::new(&self.store.db, Some(self.id()))
    }

    /// The rows of the audit trail that concern it.
    #[must_use]
    pub fn audit(&self) -> Rows<'a> {
        Rows::new(&self.store.db, Some(self.id()))
    }

    /// How long its data is kept.
    #[must_use]
    pub fn retention(&self) -> Settings<'a> {
        Settings::new(&self.store.db, Some(self.id()))
    }
}
