//! `tools` and `tool_choice`.

use domain::chat::{Foreign, Function, Request, Tool, ToolChoice};
use domain::protocol::Protocol;

use super::super::node::{Members, Node};
use crate::request::{MAX_TOOLS, Unreadable};

/// Reads `tools`. All but functions are the protocol's own.
pub(super) fn decode(list: &Node<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let items = list.items()?;
    if items.len() > MAX_TOOLS {
        return Err(list.refuse("has too many elements"));
    }
    for item in items {
        let mut members = item.members()?;
        let kind = members.required("type")?.text()?;
        let tool = if kind == "function" {
            Tool::Function(function(&mut members, &mut request.unplaced)?)
        } else {
            Tool::Foreign(Foreign { protocol: Protocol::Responses, kind, json: item.json() })
        };
        request.tools.push(tool);
    }
    Ok(())
}

/// A function. One that leaves `strict` out is made strict by OpenAI's Responses where its schema can be rewritten so, and
/// is not where it cannot: no other protocol does that, so that it stays unsaid here.
fn function(members: &mut Members<'_>, unplaced: &mut Vec<String>) -> Result<Function, Unreadable> {
    let parameters = members.take("parameters");
    if let Some(parameters) = &parameters {
        parameters.members()?;
    }
    let function = Function {
        name: members.required("name")?.text()?,
        description: members.take("description").map(|text| text.text()).transpose()?,
        parameters: parameters.map(|parameters| parameters.json()),
        strict: members.take("strict").map(|strict| strict.boolean()).transpose()?,
        cache: None,
    };
    for name in members.left() {
        let name = format!("tools[].{name}");
        if !unplaced.contains(&name) {
            unplaced.push(name);
        }
    }
    Ok(function)
}

/// Reads `tool_choice`.
pub(super) fn choice(node: &Node<'_>) -> Result<ToolChoice, Unreadable> {
    if node.is_text() {
        return match node.text()?.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(node.refuse("must be none, auto, required or an object")),
        };
    }
    let mut members = node.members().map_err(|_| node.refuse("must be a string or an object"))?;
    let kind = members.required("type")?;
    match kind.text()?.as_str() {
        "function" => Ok(ToolChoice::Named(members.required("name")?.text()?)),
        "allowed_tools" => {
            let mode = members.required("mode")?;
            let required = match mode.text()?.as_str() {
                "auto" => false,
                "required" => true,
                _ => return Err(mode.refuse("must be auto or required")),
            };
            let names: Result<Vec<String>, Unreadable> =
                members.required("tools")?.items()?.iter().map(allowed).collect();
            Ok(ToolChoice::Among { names: names?, required })
        }
        _ => Err(kind.refuse("names a tool that only an upstream of the Responses API has")),
    }
}

fn allowed(tool: &Node<'_>) -> Result<String, Unreadable> {
    let mut members = tool.members()?;
    let kind = members.required("type")?;
    if kind.text()? != "function" {
        return Err(kind.refuse("names a tool that only an upstream of the Responses API has"));
    }
    members.required("name")?.text()
}
