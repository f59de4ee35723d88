//! `tools` and `toolConfig`.

use domain::chat::{Foreign, Function, Json, Request, Tool, ToolChoice};
use domain::protocol::Protocol;

use super::{schema, unplaced};
use crate::dialect::gemini::lenient;
use crate::dialect::gemini::path::Path;
use crate::json::build;
use crate::json::look::{Kind, Object, Value, is_spelling};
use crate::request::Unreadable;

/// Reads `tools`: a list, or one tool alone. Each may hold functions and any number of Google's own tools.
pub(super) fn tools(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if !matches!(value.kind(), Kind::Array | Kind::Object) {
        return Err(path.refuse("must be an array of tools"));
    }
    for (index, tool) in lenient::one_or_more(value).into_iter().enumerate() {
        let path = if value.kind() == Kind::Array { path.item(index) } else { *path };
        if tool.kind() != Kind::Object {
            return Err(path.refuse("must be an object"));
        }
        for (name, value) in tool.members().said() {
            if is_spelling(name, "functionDeclarations") {
                functions(value, &path.member(name), request)?;
            } else {
                request.tools.push(Tool::Foreign(foreign(name, value)));
            }
        }
    }
    Ok(())
}

fn foreign(name: &str, value: Value<'_>) -> Foreign {
    let json = Json::new(build::object_text(|tool| tool.raw(name, value.compact())));
    Foreign { protocol: Protocol::Gemini, kind: name.to_owned(), json }
}

fn functions(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if !matches!(value.kind(), Kind::Array | Kind::Object) {
        return Err(path.refuse("must be an array of functions"));
    }
    for (index, item) in lenient::one_or_more(value).into_iter().enumerate() {
        let path = if value.kind() == Kind::Array { path.item(index) } else { *path };
        if item.kind() != Kind::Object {
            return Err(path.refuse("must be an object"));
        }
        let declared = item.members();
        for name in ["response", "responseJsonSchema", "behavior"] {
            if declared.get(name).is_some() {
                unplaced(request, &format!("functionDeclarations[].{name}"));
            }
        }
        request.tools.push(Tool::Function(function(&declared, &path)?));
    }
    Ok(())
}

fn function(declared: &Object<'_>, path: &Path<'_>) -> Result<Function, Unreadable> {
    let name = declared.text("name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| path.member("name").refuse("must be a non-empty string"))?;
    let description = match declared.get("description") {
        None => None,
        Some(text) => Some(text.text().ok_or_else(|| path.member("description").refuse("must be a string"))?),
    };
    Ok(Function {
        name: name.into_owned(),
        description: description.filter(|text| !text.is_empty()).map(Into::into),
        parameters: parameters(declared, path)?,
        strict: None,
        cache: None,
    })
}

/// The schema of the arguments, in whichever of its two forms it is given.
fn parameters(declared: &Object<'_>, path: &Path<'_>) -> Result<Option<Json>, Unreadable> {
    if let Some(schema) = declared.get("parametersJsonSchema") {
        if schema.kind() != Kind::Object {
            return Err(path.member("parametersJsonSchema").refuse("must be an object"));
        }
        return Ok(Some(schema.json()));
    }
    let Some(schema) = declared.get("parameters") else { return Ok(None) };
    if schema.kind() != Kind::Object {
        return Err(path.member("parameters").refuse("must be an object"));
    }
    Ok(Some(Json::new(schema::to_json_schema(schema))))
}

/// Reads `toolConfig`.
pub(super) fn choice(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if value.kind() != Kind::Object {
        return Err(path.refuse("must be an object"));
    }
    let members = value.members();
    for (name, _) in members.said().filter(|(name, _)| !is_spelling(name, "functionCallingConfig")) {
        unplaced(request, &format!("toolConfig.{name}"));
    }
    let Some(config) = members.get("functionCallingConfig") else { return Ok(()) };
    let path = path.member("functionCallingConfig");
    let config = config.members();
    if config.get("streamFunctionCallArguments").and_then(Value::boolean) == Some(true) {
        unplaced(request, "toolConfig.functionCallingConfig.streamFunctionCallArguments");
    }
    let mut names = Vec::new();
    for (index, name) in config
        .get("allowedFunctionNames")
        .map(lenient::one_or_more)
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let allowed = path.member("allowedFunctionNames");
        names.push(name.text().ok_or_else(|| allowed.item(index).refuse("must be a string"))?.into_owned());
    }
    let mode = config.text("mode").unwrap_or_default().to_ascii_uppercase();
    request.tool_choice = match (mode.as_str(), names.len()) {
        ("NONE", _) => ToolChoice::None,
        ("ANY", 0) => ToolChoice::Required,
        ("ANY", 1) => ToolChoice::Named(names.pop().unwrap_or_default()),
        ("ANY", _) => ToolChoice::Among { names, required: true },
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", 0) => ToolChoice::Auto,
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", _) => ToolChoice::Among { names, required: false },
        _ => return Err(path.member("mode").refuse("must be AUTO, ANY, NONE or VALIDATED")),
    };
    if mode == "VALIDATED" && request.tool_choice == ToolChoice::Auto {
        unplaced(request, "toolConfig.functionCallingConfig.mode");
    }
    Ok(())
}
