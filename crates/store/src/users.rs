//! People: who has an account and how to reach them. Passwords come here as hashes and second factors sealed; what
//! opens either is not known here.

pub(crate) mod account;
pub(crate) mod change;
mod create;
pub mod email;
mod erase;
mod export;
mod recovery;
mod totp;

use domain::id::{OrgId, UserId};
use domain::role::OrgRole;
use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::orgs::OrgState;
use crate::page::{self, Page, Paged};
use email::{BadEmail, BadUsername};

pub use account::{Account, Totp};
pub(crate) use create::create_in;
use create::{free_email, free_username};
pub use export::Everything;
pub use recovery::RecoveryCodeUse;
pub use totp::{TotpRefused, TotpStep};

/// Where a person's account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// In use.
    Active,
    /// Locked out by a person.
    Disabled,
    /// Nothing but a pseudonym is left.
    Erased,
}

impl UserState {
    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            UserState::Active => "active",
            UserState::Disabled => "disabled",
            UserState::Erased => "erased",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Erased].into_iter().find(|state| state.word() == word)
    }
}

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// The e-mail address, folded; a pseudonym once erased.
    pub email: String,
    /// The user name, folded.
    pub username: Option<String>,
    /// Where the account is in its life.
    pub state: UserState,
    /// Whether this is an operator of the installation.
    pub operator: bool,
    /// When it was proved that the person reads this address.
    pub email_verified_at: Option<Timestamp>,
    /// When the second factor was switched on.
    pub totp_confirmed_at: Option<Timestamp>,
    /// Logins that began earlier are at an end.
    pub not_before: Timestamp,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the last login began.
    pub last_login_at: Option<Timestamp>,
}

/// A person who is to get an account. Without `Debug`, for it holds the password's hash.
#[derive(Clone)]
pub struct NewUser {
    /// The identifier.
    pub id: UserId,
    /// The e-mail address, in any spelling.
    pub email: String,
    /// The user name, in any spelling.
    pub username: Option<String>,
    /// The password's hash; none for an account that nobody can log in to until a password is set.
    pub password: Option<String>,
    /// Whether it becomes an operator of the installation.
    pub operator: bool,
    /// When it was proved that the person reads this address.
    pub email_verified_at: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
}

/// An organization that a person belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: OrgState,
    /// What the person may do in it.
    pub role: OrgRole,
    /// Since when.
    pub created_at: Timestamp,
}

/// Why an account was not made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserRefused {
    /// The address is none.
    #[error(transparent)]
    BadEmail(#[from] BadEmail),
    /// The user name is none.
    #[error(transparent)]
    BadUsername(#[from] BadUsername),
    /// Somebody has this address.
    #[error("somebody has an account with this e-mail address already")]
    EmailTaken,
    /// Somebody has this user name.
    #[error("somebody has this user name already")]
    UsernameTaken,
    /// There is no such person.
    #[error("there is no person {0}")]
    NotFound(String),
    /// The account was erased.
    #[error("the account of {0} was erased")]
    Erased(UserId),
    /// Others would be left without an owner.
    #[error("this person is the last owner of {0}, which has other members; make one of them an owner first")]
    LastOwner(OrgId),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

impl UserRefused {
    pub(crate) fn not_found(id: UserId) -> Self {
        Self::NotFound(id.to_string())
    }
}

/// The people of the installation.
pub struct Users<'a> {
    db: &'a Db,
}

pub(crate) const COLUMNS: &str = "SELECT id, email, username, password, state, operator, email_verified_at, \
    not_before, totp_sealed, totp_confirmed_at, totp_step, created_at, last_login_at FROM users WHERE 1 = 1";

impl<'a> Users<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The person with this identifier, also one who was erased.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is none.
    pub async fn get(&self, id: UserId) -> Result<User, UserRefused> {
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = self.db.fetch_optional(statement).await?;
        Ok(user(&row.ok_or_else(|| UserRefused::not_found(id))?)?)
    }

    /// A page of all people.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<User>, ReadFailed> {
        let id = |uuid| UserId::new(uuid).to_string();
        let place = |user: &User| (user.created_at, user.id.uuid());
        page::read(self.db, Statement::new(COLUMNS), &page::BY_ID, page, id, user, place).await
    }

    /// The organizations that a person belongs to, longest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn memberships(&self, id: UserId) -> Result<Vec<Membership>, ReadFailed> {
        let statement = Statement::new(
            "SELECT m.org_id, o.name, o.state, m.role, m.created_at FROM members m \
             JOIN orgs o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY m.created_at, m.org_id",
        )
        .bind(id.to_string());
        self.db.fetch_all(statement).await?.iter().map(membership).collect()
    }

    /// How many accounts were ever made.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn count(&self) -> Result<u64, ReadFailed> {
        let statement = Statement::new("SELECT COUNT(*) AS n FROM users");
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.number("n"))
    }
}

pub(crate) fn user(row: &Row) -> Result<User, ReadFailed> {
    Ok(User {
        id: row.parse("id")?,
        email: row.text("email")?,
        username: row.get("username")?,
        state: row.read("state", UserState::parse)?,
        operator: row.get("operator")?,
        email_verified_at: row.time_optional("email_verified_at")?,
        totp_confirmed_at: row.time_optional("totp_confirmed_at")?,
        not_before: row.time("not_before")?,
        created_at: row.time("created_at")?,
        last_login_at: row.time_optional("last_login_at")?,
    })
}

fn membership(row: &Row) -> Result<Membership, ReadFailed> {
    Ok(Membership {
        org: row.parse("org_id")?,
        name: row.text("name")?,
        state: row.read("state", OrgState::parse)?,
        role: row.read("role", OrgRole::parse)?,
        created_at: row.time("created_at")?,
    })
}
