//! Keys as LiteLLM keeps them: rows of its table `LiteLLM_VerificationToken`, from its database or its `/key/list`. What
//! would give a key more here than it had there is not read.

use anyhow::{Context as _, Result, bail};
use data_encoding::HEXLOWER_PERMISSIVE;
use domain::time::Timestamp;
use serde_json::{Map, Value};

use super::csv;
use crate::cmd::instant;

/// Words in place of a model that mean every model.
const ALL_MODELS: [&str; 2] = ["all-proxy-models", "*"];
/// Words in place of a model for what somebody else may use.
const ELSEWHERE: [&str; 3] = ["all-team-models", "all-org-models", "no-default-models"];
/// Words among the routes of a key that let it call models.
const MODEL_ROUTES: [&str; 2] = ["llm_api_routes", "openai_routes"];
/// What has no equal here, and is told of each key that has it.
const LOST: [&str; 5] = ["max_budget", "budget_id", "model_max_budget", "team_id", "organization_id"];

/// A row: the columns of a table, or the fields of an object.
pub(super) type Fields = Map<String, Value>;

/// What a row says of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub name: String,
    pub sha256: [u8; 32],
    pub models: Models,
    pub rpm: Option<u32>,
    pub tpm: Option<u32>,
    pub concurrent: Option<u32>,
    pub expires_at: Option<Timestamp>,
    pub blocked: bool,
    pub lost: Vec<&'static str>,
}

/// The models of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Models {
    /// These; none named means all.
    Listed(Vec<String>),
    /// What a row of another table says.
    Elsewhere,
}

/// The rows of a file.
pub(super) fn rows(text: &str) -> Result<Vec<Fields>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next() {
        Some('[') => objects(serde_json::from_str(text).context("this is no JSON")?),
        Some('{') => match serde_json::from_str(text) {
            Ok(Value::Object(mut whole)) => match whole.remove("keys") {
                Some(keys) => objects(keys),
                None => Ok(vec![whole]),
            },
            _ => lines(text),
        },
        _ => table(text),
    }
}

fn objects(list: Value) -> Result<Vec<Fields>> {
    let Value::Array(list) = list else { bail!("the keys are no list") };
    let fields = |(index, value)| match value {
        Value::Object(fields) => Ok(fields),
        _ => bail!("key {} is no object; ask /key/list for return_full_object=true", index + 1),
    };
    list.into_iter().enumerate().map(fields).collect()
}

fn lines(text: &str) -> Result<Vec<Fields>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read =
        |(number, line)| serde_json::from_str(line).with_context(|| format!("line {number} is no JSON"));
    lines.map(read).collect()
}

fn table(text: &str) -> Result<Vec<Fields>> {
    let mut records = csv::records(text)?.into_iter();
    let names = records.next().unwrap_or_default();
    if !names.iter().any(|name| name == "token") {
        bail!("the first line names no column `token`");
    }
    let fields =
        |record: Vec<String>| names.iter().cloned().zip(record.into_iter().map(Value::String)).collect();
    Ok(records.map(fields).collect())
}

/// What the key is called.
pub(super) fn name(row: &Fields, otherwise: &str) -> String {
    let name = ["key_alias", "key_name"].into_iter().find_map(|field| text(row, field));
    name.map_or_else(|| otherwise.to_owned(), |name| name.trim().to_owned())
}

/// Reads a row; the error says why this key cannot be taken over.
pub(super) fn read(row: &Fields, otherwise: &str) -> Result<Found> {
    let token = text(row, "token").context("it has no token")?;
    let Some(sha256) =
        HEXLOWER_PERMISSIVE.decode(token.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok())
    else {
        bail!("its token is no SHA-256 in hexadecimal digits");
    };
    let routes = list(row, "allowed_routes")?;
    if !routes.is_empty() && !routes.iter().any(|route| MODEL_ROUTES.contains(&route.as_str())) {
        bail!("it is kept to single routes (allowed_routes)");
    }
    let expires_at = text(row, "expires").map(|at| moment(&at)).transpose()?;
    Ok(Found {
        name: name(row, otherwise),
        sha256,
        models: models(row)?,
        rpm: number(row, "rpm_limit")?,
        tpm: number(row, "tpm_limit")?,
        concurrent: number(row, "max_parallel_requests")?,
        expires_at,
        blocked: flag(row, "blocked")?,
        lost: LOST.into_iter().filter(|field| says_something(row, field)).collect(),
    })
}

/// A key without models of its own has those of its team, if it is in one.
fn models(row: &Fields) -> Result<Models> {
    let named = list(row, "models")?;
    let any = |words: &[&str]| named.iter().any(|model| words.contains(&model.as_str()));
    if any(&ELSEWHERE) || (text(row, "team_id").is_some() && (named.is_empty() || any(&ALL_MODELS))) {
        return Ok(Models::Elsewhere);
    }
    if any(&ALL_MODELS) {
        return Ok(Models::Listed(vec![]));
    }
    if named.iter().any(|model| model.contains('*')) {
        return Ok(Models::Elsewhere);
    }
    Ok(Models::Listed(named))
}

/// Whether a field is more than absent or empty.
fn says_something(row: &Fields, field: &str) -> bool {
    match row.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::Object(object)) => !object.is_empty(),
        Some(Value::String(text)) => !matches!(text.as_str(), "" | "{}" | "null"),
        Some(_) => true,
    }
}

fn text(row: &Fields, field: &str) -> Option<String> {
    row.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(row: &Fields, field: &str) -> Result<Option<u32>> {
    let read = match row.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let fitting = read.and_then(|number: u64| u32::try_from(number).ok()).filter(|number| *number > 0);
    fitting.map(Some).with_context(|| format!("its {field} is no limit that could be kept"))
}

fn flag(row: &Fields, field: &str) -> Result<bool> {
    match row.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "" | "f" | "false" => Ok(false),
            "t" | "true" => Ok(true),
            _ => bail!("its {field} is neither true nor false"),
        },
        Some(_) => bail!("its {field} is neither true nor false"),
    }
}

fn list(row: &Fields, field: &str) -> Result<Vec<String>> {
    let strings = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let read = match row.get(field) {
        None | Some(Value::Null) => Some(vec![]),
        Some(Value::String(text)) if text.is_empty() => Some(vec![]),
        Some(Value::String(text)) if text.starts_with('{') => csv::array(text),
        Some(Value::String(text)) => serde_json::from_str(text).ok().as_ref().and_then(strings),
        Some(value) => strings(value),
    };
    read.with_context(|| format!("its {field} are no list of names"))
}

/// An instant as JSON has it, or as PostgreSQL writes one without a zone, which is UTC.
fn moment(text: &str) -> Result<Timestamp> {
    let written = text.replacen(' ', "T", 1);
    if let Ok(at) = instant::read(&written) {
        return Ok(at);
    }
    instant::read(&format!("{written}Z")).context("its expires is no instant")
}

#[cfg(test)]
mod tests;
