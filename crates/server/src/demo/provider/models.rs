//! The three models of the demo provider and their listing.

use serde::Serialize;

use super::refusal::Refusal;

/// 2026-01-01T00:00:00Z in seconds: when the demo models say they were made.
const CREATED: u64 = 1_767_225_600;

/// A model of the demo provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelId {
    Fast,
    Smart,
    Embed,
}

/// What a request wants a model for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Text,
    Vectors,
}

impl ModelId {
    pub(super) const ALL: [Self; 3] = [Self::Fast, Self::Smart, Self::Embed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fast => "demo-fast",
            Self::Smart => "demo-smart",
            Self::Embed => "demo-embed",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    fn gives(self) -> Want {
        match self {
            Self::Fast | Self::Smart => Want::Text,
            Self::Embed => Want::Vectors,
        }
    }
}

/// The model that a request names, or why it gets none.
pub(super) fn wanted(name: Option<&str>, want: Want) -> Result<ModelId, Refusal> {
    let name = name.ok_or_else(|| Refusal::missing("model"))?;
    let model = ModelId::named(name).ok_or_else(|| Refusal::no_model(name))?;
    if model.gives() == want { Ok(model) } else { Err(Refusal::other_model(name)) }
}

/// One model as `/v1/models` shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    id: &'static str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

/// All models as `/v1/models` shows them.
#[derive(Serialize)]
pub(super) struct Listing {
    object: &'static str,
    data: Vec<Shown>,
}

pub(super) fn shown(model: ModelId) -> Shown {
    Shown { id: model.name(), object: "model", created: CREATED, owned_by: "portcullis-demo" }
}

pub(super) fn listing() -> Listing {
    Listing { object: "list", data: ModelId::ALL.into_iter().map(shown).collect() }
}
