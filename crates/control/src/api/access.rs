//! Who may call what: the rule stands beside its path, and there is no way to add a path without one. The same rule
//! is written into the API's description, so that a test can walk it.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use domain::role::OrgRole;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{RefOr, Required};
use utoipa_axum::router::UtoipaMethodRouter;

use super::gate::{self, Gate};
use super::{Api, openapi};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anybody; counted by address, a few a minute.
    Public,
    /// Whoever holds a token that the request itself brings; failures are counted by address.
    Token,
    /// Whoever is logged in.
    Person,
    /// Members of an active organization with one of these roles, on behalf of it.
    Org(&'static [OrgRole]),
    /// Operators of the installation.
    Operator,
    /// Operators of the installation who are logged in: no token stands for them.
    OperatorInPerson,
    /// Operators who act as somebody else at this moment: what they may do then besides reading.
    Impersonator,
    /// Operators, and members with one of these roles on behalf of their organization.
    OperatorOr(&'static [OrgRole]),
}

/// Every role.
pub const ANY_ROLE: &[OrgRole] = &OrgRole::ALL;
/// Those who run an organization.
pub const RUN: &[OrgRole] = &[OrgRole::Owner, OrgRole::Admin];
/// Those who may change something of it.
pub const WRITE: &[OrgRole] = &[OrgRole::Owner, OrgRole::Admin, OrgRole::Member];

impl Rule {
    /// Whether no login is asked for.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Rule::Public | Rule::Token)
    }

    /// The word in the API's description.
    pub(super) fn word(self) -> &'static str {
        match self {
            Rule::Public => "public",
            Rule::Token => "token",
            Rule::Person => "person",
            Rule::Org(_) => "org",
            Rule::Operator => "operator",
            Rule::OperatorInPerson => "operator_in_person",
            Rule::Impersonator => "impersonator",
            Rule::OperatorOr(_) => "operator_or",
        }
    }

    /// The roles that it lets in.
    pub(super) fn roles(self) -> &'static [OrgRole] {
        match self {
            Rule::Org(roles) | Rule::OperatorOr(roles) => roles,
            Rule::Public
            | Rule::Token
            | Rule::Person
            | Rule::Operator
            | Rule::OperatorInPerson
            | Rule::Impersonator => &[],
        }
    }
}

/// What an operation reads besides its path, by its own description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reads {
    method: Method,
    /// The names of its query parameters.
    pub(super) queries: Vec<String>,
    /// Its body.
    pub(super) body: Reading,
}

/// What an operation does with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It has none.
    Nothing,
    /// It may come.
    Maybe,
    /// It must come.
    Always,
}

/// The routes of the API, each with its rule.
#[derive(Default)]
pub struct Routes {
    entries: Vec<(Rule, UtoipaMethodRouter<Api>)>,
}

impl Routes {
    /// One more path: `routes.add(Rule::Person, routes!(handler))`. Several methods of one path that share a rule are
    /// one call, those that do not are several.
    #[must_use]
    pub fn add(mut self, rule: Rule, routes: UtoipaMethodRouter<Api>) -> Self {
        self.entries.push((rule, routes));
        self
    }

    /// What the routes are, for people and programs.
    #[must_use]
    pub fn document(self) -> OpenApi {
        self.split().1
    }

    /// The routes with their rules around them.
    pub(super) fn mount(self, api: &Api) -> Router<Api> {
        self.split().0.into_iter().fold(Router::new(), |router, mount| {
            let gate = Gate::new(api.clone(), mount.rule, mount.reads);
            router.route(&mount.path, mount.methods.route_layer(from_fn_with_state(gate, gate::pass)))
        })
    }

    fn split(self) -> (Vec<Mount>, OpenApi) {
        let mut document = openapi::empty();
        let mut mounts = Vec::new();
        for (rule, (schemas, paths, methods)) in self.entries {
            for (path, mut item) in paths.paths {
                let reads: Arc<[Reads]> = operations(&mut item)
                    .map(|(method, operation)| {
                        let reads = reads(method, operation);
                        openapi::complete(operation, rule, &path, &reads);
                        reads
                    })
                    .collect();
                match document.paths.paths.get_mut(&path) {
                    Some(there) => there.merge_operations(item),
                    None => drop(document.paths.paths.insert(path.clone(), item)),
                }
                mounts.push(Mount { rule, path, reads, methods: methods.clone() });
            }
            if let Some(components) = &mut document.components {
                components.schemas.extend(schemas);
            }
        }
        (mounts, document)
    }
}

/// A path outside the description, for reading, with its rule around it.
pub(crate) fn guarded(api: &Api, rule: Rule, methods: MethodRouter<Api>) -> MethodRouter<Api> {
    let reads = Reads { method: Method::GET, queries: vec![], body: Reading::Nothing };
    methods.route_layer(from_fn_with_state(Gate::new(api.clone(), rule, [reads].into()), gate::pass))
}

struct Mount {
    rule: Rule,
    path: String,
    reads: Arc<[Reads]>,
    methods: MethodRouter<Api>,
}

impl Reads {
    /// What the operation of this method reads.
    pub(super) fn of<'a>(all: &'a [Reads], method: &Method) -> Option<&'a Reads> {
        // A GET answers HEAD as well.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        all.iter().find(|reads| reads.method == *method)
    }

    /// Whether it changes something.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn reads(method: Method, operation: &Operation) -> Reads {
    let parameters = operation.parameters.iter().flatten();
    let queries = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    let body = match &operation.request_body {
        None => Reading::Nothing,
        Some(RefOr::T(body)) if body.required != Some(Required::True) => Reading::Maybe,
        Some(_) => Reading::Always,
    };
    Reads { method, queries: queries.collect(), body }
}
