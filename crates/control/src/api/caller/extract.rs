//! How a route gets its caller: from what the layer around it left with the request. A route whose rule gives another
//! kind of caller than it asks for answers nobody.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Caller, Member, Operator, Person, Reader, Visitor};
use crate::api::problem::Problem;

/// The caller that the rule of the route let in. A route whose rule gives another kind of caller than it asks for is a
/// mistake of ours, which the test of coverage finds.
fn caller(parts: &Parts) -> Result<&Caller, Problem> {
    parts.extensions.get::<Caller>().ok_or_else(|| Problem::internal("a route without its rule"))
}

fn mistaken<T>() -> Result<T, Problem> {
    Err(Problem::internal("a route asks for a caller that its rule does not give"))
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Visitor(visitor) => Ok(visitor.clone()),
            _ => mistaken(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Person(person) => Ok(person.clone()),
            Caller::Member(member) => Ok(member.person.clone()),
            _ => mistaken(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Member(member) => Ok(member.clone()),
            _ => mistaken(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Operator(operator) => Ok(operator.clone()),
            _ => mistaken(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Operator(operator) => Ok(Self::Operator(operator.clone())),
            Caller::Member(member) => Ok(Self::Member(member.clone())),
            _ => mistaken(),
        }
    }
}
