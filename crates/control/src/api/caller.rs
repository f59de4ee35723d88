//! Who calls, as far as a route may know: a route takes one of these as its argument and cannot be called without.
//! This is the one place that makes a tenant, and it does so from a membership that was just read.

mod extract;

use domain::audit::{Act, Actor, Claim};
use domain::id::{LoginId, OrgId, UserId};
use domain::role::OrgRole;
use domain::tenant::Tenant;
use domain::time::Timestamp;
use domain::token::Prefix;
use store::Store;
use store::idempotency::Owner;
use store::logins::SignedIn;
use store::orgs::OrgState;
use store::tenant::Books;
use uuid::Uuid;

use super::Api;
use super::access::Rule;
use super::arrival::Arrival;
use super::authenticate::Proven;
use super::problem::Problem;

/// How old the last proof may be for what is sensitive, in seconds.
pub const PROOF_SECONDS: i64 = 600;

/// Whoever was let in by a rule.
#[derive(Clone)]
pub(super) enum Caller {
    Visitor(Visitor),
    Person(Person),
    Member(Member),
    Operator(Operator),
}

/// Somebody who has proved nothing.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The request.
    pub arrival: Arrival,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    arrival: Arrival,
    login: SignedIn,
}

/// Somebody who is logged in and acts for an organization.
#[derive(Clone)]
pub struct Member {
    person: Person,
    tenant: Tenant,
    role: OrgRole,
    store: Store,
}

/// An operator of the installation.
#[derive(Clone)]
pub struct Operator {
    arrival: Arrival,
    holder: Holder,
    store: Store,
}

#[derive(Clone)]
enum Holder {
    Person(Box<Person>),
    Token(Uuid, Prefix),
}

/// Somebody who may read: an operator what is in the whole installation, a member what is the organization's.
#[derive(Clone)]
pub enum Reader {
    /// An operator.
    Operator(Operator),
    /// A member.
    Member(Member),
}

impl Caller {
    pub(super) fn visitor(arrival: &Arrival) -> Self {
        Self::Visitor(Visitor { arrival: arrival.clone() })
    }

    /// What a proven caller is under this rule.
    pub(super) fn admit(api: &Api, arrival: &Arrival, proven: Proven, rule: Rule) -> Result<Self, Problem> {
        let (arrival, store) = (arrival.clone(), api.store().clone());
        let login = match proven {
            Proven::Token(token) => {
                return match rule {
                    Rule::Operator | Rule::OperatorOr(_) => {
                        let holder = Holder::Token(token.id, token.prefix);
                        Ok(Self::Operator(Operator { arrival, holder, store }))
                    }
                    _ => Err(Problem::forbidden("An operator token is nobody's login.")),
                };
            }
            Proven::Person(login, _) => login,
        };
        let operator = login.operator;
        let person = Person { arrival: arrival.clone(), login };
        match rule {
            Rule::Public | Rule::Token => Ok(Self::Visitor(Visitor { arrival })),
            Rule::Person => Ok(Self::Person(person)),
            Rule::Impersonator if person.login.impersonation.is_some() => Ok(Self::Person(person)),
            Rule::Impersonator => Err(Problem::forbidden("You act as nobody but yourself.")),
            Rule::OperatorInPerson if operator => Ok(Self::Person(person)),
            Rule::Operator | Rule::OperatorOr(_) if operator => {
                Ok(Self::Operator(Operator { arrival, holder: Holder::Person(Box::new(person)), store }))
            }
            Rule::Operator | Rule::OperatorInPerson => {
                Err(Problem::forbidden("Operators of the installation may do this."))
            }
            Rule::Org(roles) | Rule::OperatorOr(roles) => {
                Member::admit(person, roles, store).map(Self::Member)
            }
        }
    }

    /// The same caller, whose acts belong to this attempt at a write.
    pub(super) fn attempting(mut self, claim: Claim) -> Self {
        let arrival = match &mut self {
            Self::Visitor(visitor) => &mut visitor.arrival,
            Self::Person(person) => &mut person.arrival,
            Self::Member(member) => &mut member.person.arrival,
            Self::Operator(operator) => match &mut operator.holder {
                Holder::Person(person) => &mut person.arrival,
                Holder::Token(..) => &mut operator.arrival,
            },
        };
        arrival.claim = Some(claim);
        self
    }

    /// By whom requests are counted.
    pub(super) fn uuid(&self) -> Uuid {
        match self {
            Self::Visitor(_) => Uuid::nil(),
            Self::Person(person) => person.actor().uuid(),
            Self::Member(member) => member.person.actor().uuid(),
            Self::Operator(operator) => match &operator.holder {
                Holder::Person(person) => person.user().uuid(),
                Holder::Token(id, _) => *id,
            },
        }
    }

    /// On whose behalf, and nobody else's, what was answered may be answered again; none for a visitor.
    pub(super) fn owner(&self) -> Option<Owner> {
        let owner = |actor: String, org| Some(Owner { actor, org });
        match self {
            Self::Visitor(_) => None,
            Self::Person(person) => owner(person.user().to_string(), None),
            Self::Member(member) => owner(member.person.user().to_string(), Some(member.org())),
            Self::Operator(_) => owner(format!("operator {}", self.uuid().simple()), None),
        }
    }

    /// Whose rows a list shows.
    pub(super) fn view(&self) -> String {
        match self {
            Self::Visitor(_) => String::new(),
            Self::Person(person) => person.user().to_string(),
            Self::Member(member) => member.org().to_string(),
            Self::Operator(_) => "installation".to_owned(),
        }
    }
}

impl Visitor {
    /// An act of nobody in particular.
    #[must_use]
    pub fn act(&self) -> Act {
        self.arrival.act(Actor::anonymous(None))
    }
}

impl Person {
    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.login.user
    }

    /// The operator who acts as this person, if it is not the person.
    #[must_use]
    pub fn impersonated_by(&self) -> Option<UserId> {
        self.login.impersonation.as_ref().map(|as_other| as_other.by)
    }

    /// Who really calls.
    fn actor(&self) -> UserId {
        self.impersonated_by().unwrap_or(self.user())
    }

    /// The login that the request belongs to.
    #[must_use]
    pub fn login(&self) -> LoginId {
        self.login.login
    }

    /// When the password or the second factor was last given.
    #[must_use]
    pub fn proved_at(&self) -> Timestamp {
        self.login.proved_at
    }

    /// What the books say of the login.
    #[must_use]
    pub fn signed_in(&self) -> &SignedIn {
        &self.login
    }

    /// The request.
    #[must_use]
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// An act of this person, or of the operator who acts as them: then it names both.
    #[must_use]
    pub fn act(&self) -> Act {
        let acting_as = self.impersonated_by().map(|_| self.user());
        Act { acting_as, ..self.arrival.act(Actor::user(self.actor())) }
    }

    /// Whether the person proved lately to be the one who logged in, for what is sensitive.
    ///
    /// # Errors
    /// [`Problem`] with `proof_required` when the last proof is older than [`PROOF_SECONDS`], with `impersonated` when
    /// somebody else acts as the person.
    pub fn proved_within_10_minutes(&self) -> Result<(), Problem> {
        // The proof was the operator's, and of being another.
        if self.login.impersonation.is_some() {
            return Err(Problem::impersonated());
        }
        if self.arrival.at <= self.proved_at().plus_seconds(PROOF_SECONDS) {
            Ok(())
        } else {
            Err(Problem::proof_required())
        }
    }
}

impl Member {
    /// A person as a member of the organization that the login is at.
    fn admit(person: Person, roles: &[OrgRole], store: Store) -> Result<Self, Problem> {
        let (Some(org), Some(role)) = (person.login.org, person.login.role) else {
            return Err(Problem::forbidden(
                "Your login is at no organization: POST /api/v1/me/org turns it to one of yours.",
            ));
        };
        if person.login.org_state != Some(OrgState::Active) {
            return Err(Problem::forbidden("Your organization is suspended."));
        }
        if !roles.contains(&role) {
            return Err(Problem::forbidden("Your role does not allow this."));
        }
        Ok(Self { person, tenant: Tenant::of_verified_member(org), role, store })
    }

    /// The person.
    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The organization.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.tenant.org()
    }

    /// What the person may do in it.
    #[must_use]
    pub fn role(&self) -> OrgRole {
        self.role
    }

    /// The organization's part of the books, and nothing else of them.
    #[must_use]
    pub fn books(&self) -> Books<'_> {
        self.store.of(self.tenant)
    }

    /// An act of this person.
    #[must_use]
    pub fn act(&self) -> Act {
        self.person.act()
    }

    /// As [`Person::proved_within_10_minutes`].
    ///
    /// # Errors
    /// The same.
    pub fn proved_within_10_minutes(&self) -> Result<(), Problem> {
        self.person.proved_within_10_minutes()
    }
}

impl Operator {
    /// The books of the whole installation.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// An act of this operator.
    #[must_use]
    pub fn act(&self) -> Act {
        match &self.holder {
            Holder::Person(person) => person.act(),
            Holder::Token(id, prefix) => self.arrival.act(Actor::operator_token(*id, *prefix)),
        }
    }

    /// Whether the operator is this person.
    #[must_use]
    pub fn is(&self, user: UserId) -> bool {
        matches!(&self.holder, Holder::Person(person) if person.user() == user)
    }

    /// The operator as a member, if it is a person whose login is at an active organization: where and as what.
    #[must_use]
    pub fn membership(&self) -> Option<(OrgId, OrgRole)> {
        let Holder::Person(person) = &self.holder else { return None };
        let login = &person.login;
        let active = login.org_state == Some(OrgState::Active);
        active.then_some((login.org?, login.role?))
    }

    /// As [`Person::proved_within_10_minutes`]; a token proves itself with every request.
    ///
    /// # Errors
    /// The same.
    pub fn proved_within_10_minutes(&self) -> Result<(), Problem> {
        match &self.holder {
            Holder::Person(person) => person.proved_within_10_minutes(),
            Holder::Token(..) => Ok(()),
        }
    }
}

impl Reader {
    /// An act of this reader.
    #[must_use]
    pub fn act(&self) -> Act {
        match self {
            Self::Operator(operator) => operator.act(),
            Self::Member(member) => member.act(),
        }
    }

    /// As [`Person::proved_within_10_minutes`].
    ///
    /// # Errors
    /// The same.
    pub fn proved_within_10_minutes(&self) -> Result<(), Problem> {
        match self {
            Self::Operator(operator) => operator.proved_within_10_minutes(),
            Self::Member(member) => member.proved_within_10_minutes(),
        }
    }
}
