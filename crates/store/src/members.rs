//! Members of one organization. Who may give and take which role is decided here, in the transaction that does it, and
//! an organization never loses its last owner.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, UserId};
use domain::role::OrgRole;
use domain::time::Timestamp;

use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::logins::{Which, end_impersonations};
use crate::page::{self, Keyset, Page, Paged};
use crate::provider_keys;
use crate::users::UserState;

/// A member of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// The person's e-mail address.
    pub email: String,
    /// The person's user name.
    pub username: Option<String>,
    /// Where the person's account is in its life.
    pub state: UserState,
    /// What they may do in this organization.
    pub role: OrgRole,
    /// Since when.
    pub created_at: Timestamp,
}

/// On whose authority members are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An operator of the installation, or the command line.
    Operator,
    /// A member with this role.
    Role(OrgRole),
    /// The person whom it concerns, who leaves.
    Themselves,
}

impl By {
    /// Whether somebody with this authority may give this role, and take it away.
    #[must_use]
    pub fn may_grant(self, role: OrgRole) -> bool {
        match self {
            By::Operator => true,
            By::Role(own) => own.may_grant(role),
            By::Themselves => false,
        }
    }
}

/// Why a member was not added, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum MemberRefused {
    /// The person is no member.
    #[error("{0} is no member of the organization")]
    NotFound(UserId),
    /// The person is a member.
    #[error("{0} is a member of the organization already")]
    Already(UserId),
    /// There is no such person, or no such organization.
    #[error("there is no person {0} or no such organization")]
    Nobody(UserId),
    /// The role is beyond the own rights.
    #[error("the role {} is given and taken away by owners only", .0.word())]
    BeyondOwnRights(OrgRole),
    /// Nobody would be left who can do everything.
    #[error("this is the last owner; make another member an owner first")]
    LastOwner,
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The members of one organization.
pub struct Members<'a> {
    db: &'a Db,
    org: OrgId,
}

const COLUMNS: &str = "SELECT m.org_id, m.user_id, u.email, u.username, u.state, m.role, m.created_at \
                       FROM members m JOIN users u ON u.id = m.user_id WHERE 1 = 1";
const BY_USER: Keyset = Keyset {
    beyond: " AND (m.created_at, m.user_id) > (",
    order: " ORDER BY m.created_at, m.user_id LIMIT ",
};

impl<'a> Members<'a> {
    pub(crate) fn new(db: &'a Db, org: OrgId) -> Self {
        Self { db, org }
    }

    /// A page of the members.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<Member>, ReadFailed> {
        let statement = Statement::new(COLUMNS).and("m.org_id =", Some(self.org.to_string()));
        let id = |uuid| UserId::new(uuid).to_string();
        let place = |member: &Member| (member.created_at, member.user.uuid());
        page::read(self.db, statement, &BY_USER, page, id, member, place).await
    }

    /// One member.
    ///
    /// # Errors
    /// [`MemberRefused::NotFound`] when the person is none.
    pub async fn get(&self, user: UserId) -> Result<Member, MemberRefused> {
        let row = self.db.fetch_optional(self.one(user)).await?;
        Ok(member(&row.ok_or(MemberRefused::NotFound(user))?)?)
    }

    /// Makes a person a member. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`MemberRefused`] when the person is a member already, is not there, or the role is beyond `by`.
    pub async fn add(&self, user: UserId, role: OrgRole, by: By, act: &Act) -> Result<Member, MemberRefused> {
        if !by.may_grant(role) {
            return Err(MemberRefused::BeyondOwnRights(role));
        }
        let mut tx = self.db.begin().await?;
        add_in(&mut tx, self.org, user, role, act).await?;
        let made = self.found(&mut tx, user).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`MemberRefused::BeyondOwnRights`] when the old or the new role is beyond `by`, [`MemberRefused::LastOwner`]
    /// when nobody else is an owner.
    pub async fn set_role(
        &self,
        user: UserId,
        role: OrgRole,
        by: By,
        act: &Act,
    ) -> Result<Member, MemberRefused> {
        let mut tx = self.db.begin().await?;
        let found = self.found(&mut tx, user).await?;
        if let Some(role) = [found.role, role].into_iter().find(|role| !by.may_grant(*role)) {
            return Err(MemberRefused::BeyondOwnRights(role));
        }
        if role != OrgRole::Owner {
            self.spare_last_owner(&mut tx, &found).await?;
        }
        let statement = Statement::new("UPDATE members SET role = $1 WHERE user_id = $2")
            .bind(role.word())
            .bind(user.to_string())
            .and("org_id =", Some(self.org.to_string()));
        tx.execute(statement).await?;
        let detail = Detail::none().text("from", found.role.word()).text("to", role.word());
        audit::append(&mut tx, &act.done(Action::MEMBER_ROLE, user, detail).of(self.org)).await?;
        tx.commit().await?;
        Ok(Member { role, ..found })
    }

    /// Removes a member with the provider keys that they had for their own calls here. Their logins stay, and are in no
    /// organization until they choose another; the API keys they made belong to the projects.
    ///
    /// # Errors
    /// [`MemberRefused::BeyondOwnRights`] when the role is beyond `by`, [`MemberRefused::LastOwner`] when nobody else
    /// is an owner.
    pub async fn remove(&self, user: UserId, by: By, act: &Act) -> Result<(), MemberRefused> {
        let mut tx = self.db.begin().await?;
        let found = self.found(&mut tx, user).await?;
        if by != By::Themselves && !by.may_grant(found.role) {
            return Err(MemberRefused::BeyondOwnRights(found.role));
        }
        self.spare_last_owner(&mut tx, &found).await?;
        // While the organization can still be told.
        end_impersonations(&mut tx, Which::As(user), act).await?;
        for sql in
            ["DELETE FROM members WHERE user_id = $1", "UPDATE logins SET org_id = NULL WHERE user_id = $1"]
        {
            let statement =
                Statement::new(sql).bind(user.to_string()).and("org_id =", Some(self.org.to_string()));
            tx.execute(statement).await?;
        }
        provider_keys::remove_own(&mut tx, user, Some(self.org), act).await?;
        let detail = Detail::none().text("role", found.role.word());
        audit::append(&mut tx, &act.done(Action::MEMBER_REMOVE, user, detail).of(self.org)).await?;
        Ok(tx.commit().await?)
    }

    fn one(&self, user: UserId) -> Statement {
        Statement::new(COLUMNS)
            .and("m.org_id =", Some(self.org.to_string()))
            .and("m.user_id =", Some(user.to_string()))
    }

    async fn found(&self, tx: &mut Tx, user: UserId) -> Result<Member, MemberRefused> {
        let row = tx.fetch_optional(self.one(user)).await?.ok_or(MemberRefused::NotFound(user))?;
        Ok(member(&row)?)
    }

    /// Refuses to do without an owner when no other one can log in.
    async fn spare_last_owner(&self, tx: &mut Tx, member: &Member) -> Result<(), MemberRefused> {
        if member.role != OrgRole::Owner {
            return Ok(());
        }
        let others = Statement::new(COLUMNS)
            .and("m.org_id =", Some(self.org.to_string()))
            .and("m.user_id <>", Some(member.user.to_string()))
            .and("m.role =", Some(OrgRole::Owner.word()))
            .and("u.state =", Some(UserState::Active.word()));
        match tx.fetch_optional(others.push(" LIMIT 1")).await? {
            Some(_) => Ok(()),
            None => Err(MemberRefused::LastOwner),
        }
    }
}

/// Makes a person a member in a transaction that does more.
pub(crate) async fn add_in(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    role: OrgRole,
    act: &Act,
) -> Result<(), MemberRefused> {
    // Nobody who was erased comes back as a member.
    let living =
        Statement::new("SELECT id FROM users WHERE state <> 'erased'").and("id =", Some(user.to_string()));
    if tx.fetch_optional(living).await?.is_none() {
        return Err(MemberRefused::Nobody(user));
    }
    let statement =
        Statement::new("INSERT INTO members (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)")
            .bind(org.to_string())
            .bind(user.to_string())
            .bind(role.word())
            .bind(act.at);
    match tx.execute(statement).await {
        Err(failed) if failed.is_duplicate() => return Err(MemberRefused::Already(user)),
        Err(failed) if failed.is_dangling() => return Err(MemberRefused::Nobody(user)),
        inserted => inserted?,
    };
    let detail = Detail::none().text("role", role.word());
    Ok(audit::append(tx, &act.done(Action::MEMBER_ADD, user, detail).of(org)).await?)
}

fn member(row: &Row) -> Result<Member, ReadFailed> {
    Ok(Member {
        org: row.parse("org_id")?,
        user: row.parse("user_id")?,
        email: row.text("email")?,
        username: row.get("username")?,
        state: row.read("state", UserState::parse)?,
        role: row.read("role", OrgRole::parse)?,
        created_at: row.time("created_at")?,
    })
}
