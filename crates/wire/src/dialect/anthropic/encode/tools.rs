//! The tools the model may ask for, and whether it must.

use std::borrow::Cow;

use domain::chat::{Function, Request, Tool, ToolChoice};

use super::{OWN, blocks};
use crate::dialect::Inexpressible;
use crate::dialect::names::Names;
use crate::json::build;
use crate::json::look::Object;

/// The tools. A choice among some of them, for which there is no word, is said by offering no others.
pub(super) fn definitions(request: &Request, dropped: &mut Names) -> Result<Vec<Vec<u8>>, Inexpressible> {
    let offered = |name: &str| match &request.tool_choice {
        ToolChoice::Among { names, .. } => names.iter().any(|known| known == name),
        _ => true,
    };
    let mut written = Vec::new();
    for tool in &request.tools {
        match tool {
            Tool::Function(function) if offered(&function.name) => written.push(definition(function)),
            Tool::Function(_) => {}
            Tool::Foreign(foreign) if foreign.protocol == OWN => {
                written.push(foreign.json.as_str().as_bytes().to_vec());
            }
            Tool::Foreign(foreign) => {
                return Err(Inexpressible { field: "tools", what: format!("the tool `{}`", foreign.kind) });
            }
        }
    }
    if written.is_empty() && !request.tools.is_empty() {
        dropped.add("tools");
    }
    Ok(written)
}

fn definition(function: &Function) -> Vec<u8> {
    const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;
    let schema = function.parameters.as_ref().map_or(NO_PARAMETERS, |schema| schema.as_str());
    build::object_alone(|fields| {
        fields.text("name", &function.name);
        fields.text_if("description", function.description.as_deref().filter(|words| !words.is_empty()));
        fields.raw("input_schema", typed(schema).as_bytes());
        if let Some(strict) = function.strict {
            fields.plain("strict", strict);
        }
        blocks::cache(fields, function.cache);
    })
}

/// A schema that says what it is: this protocol demands the type, which the parameters of a function can only have one of.
fn typed(schema: &str) -> Cow<'_, str> {
    let read = Object::read(schema.as_bytes());
    let Some(object) = read.filter(|object| object.get("type").is_none()) else {
        return Cow::Borrowed(schema);
    };
    Cow::Owned(build::object_text(|fields| {
        fields.text("type", "object");
        for (name, value) in object.members().filter(|(name, _)| *name != "type") {
            fields.raw(name, value.raw());
        }
    }))
}

/// `tool_choice`; none where the default says it.
pub(super) fn choice(request: &Request, may_force: bool, dropped: &mut Names) -> Option<Vec<u8>> {
    let (kind, name) = match &request.tool_choice {
        ToolChoice::Auto | ToolChoice::Among { required: false, .. } => ("auto", None),
        ToolChoice::None => ("none", None),
        ToolChoice::Required => ("any", None),
        ToolChoice::Named(name) => ("tool", Some(name.as_str())),
        ToolChoice::Among { names, required: true } => match names.as_slice() {
            [only] => ("tool", Some(only.as_str())),
            _ => ("any", None),
        },
    };
    let forces = matches!(kind, "any" | "tool");
    if request.tools.is_empty() {
        dropped.add_if(forces, "tool_choice");
        return None;
    }
    dropped.add_if(forces && !may_force, "tool_choice");
    let (kind, name) = if forces && !may_force { ("auto", None) } else { (kind, name) };
    let one_by_one = request.parallel_tool_calls == Some(false) && kind != "none";
    if kind == "auto" && !one_by_one {
        return None;
    }
    Some(build::object_alone(|fields| {
        fields.text("type", kind);
        fields.text_if("name", name);
        if one_by_one {
            fields.plain("disable_parallel_tool_use", true);
        }
    }))
}
