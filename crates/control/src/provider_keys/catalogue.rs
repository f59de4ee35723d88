//! The providers there are, as far as people are told of them. The table itself is the wire formats' business: the
//! binary joins it to this.

use domain::secret::Secret;
use domain::usage::Surface;

/// Whether a provider answers without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// It issues keys and answers nobody without one.
    Required,
    /// It may ask for a token of any form.
    Optional,
}

/// What a provider is shown of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The secret, as a bearer's token.
    Bearer,
    /// The secret, in `x-api-key` as Anthropic has it.
    AnthropicKey,
    /// The secret, in `x-goog-api-key`.
    GoogleKey,
    /// The secret, in `api-key` as Azure has it.
    AzureKey,
    /// Something that is made of it, so that the secret itself is shown to nobody.
    Derived,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in routes, records and commands.
    pub slug: &'static str,
    /// Its name for people.
    pub title: String,
    /// Where it is, without a trailing slash; none where only the connection can say it.
    pub base_url: Option<String>,
    /// Whether it needs a key.
    pub key: KeyRule,
    /// What it is shown of a key.
    pub proof: Proof,
    /// The endpoints it has.
    pub surfaces: Vec<Surface>,
    /// Whether it is a server of one's own: a private address, no charge for its models.
    pub local: bool,
    /// The page that says how to call it.
    pub docs_url: &'static str,
    /// What a person should know, in sentences.
    pub notes: &'static str,
}

/// Why a provider is not to be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unknown {
    /// There is none of this slug.
    #[error("no provider is called `{0}`")]
    NoSuch(String),
    /// It is for trying things out.
    #[error("{0} is for trials and refused in production")]
    ForTrials(&'static str),
}

/// The table of providers.
pub trait Catalogue: Send + Sync + 'static {
    /// Those that can be connected here, in the order of the documentation.
    fn providers(&self) -> Vec<Provider>;

    /// The one of this slug.
    ///
    /// # Errors
    /// [`Unknown`] when it cannot be connected here.
    fn provider(&self, slug: &str) -> Result<Provider, Unknown>;

    /// Whether `secret` has the form of this provider's keys.
    ///
    /// # Errors
    /// What is wrong with it, for whoever entered it, without any part of it.
    fn check_key(&self, provider: &Provider, secret: &Secret) -> Result<(), String>;

    /// Whether `secret` can be used at this address.
    ///
    /// # Errors
    /// What is wrong with the address, for whoever entered it.
    fn check_place(&self, provider: &Provider, base_url: &str, secret: &Secret) -> Result<(), String>;
}
