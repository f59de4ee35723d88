//! The tools a request offers, and whether they are to be called.

use domain::chat::{Function, Json, Tool, ToolChoice};

use super::Unplaced;
use super::blocks::{cache_mark, foreign};
use crate::dialect::anthropic::members::Object;
use crate::request::Unreadable;

/// `tools`.
pub(super) fn definitions(root: &Object<'_>, unplaced: &mut Unplaced) -> Result<Vec<Tool>, Unreadable> {
    let listed = root.list("tools")?.unwrap_or_default().into_iter().enumerate();
    listed.map(|(index, raw)| definition(&Object::read(raw, format!("tools[{index}]"))?, unplaced)).collect()
}

fn definition(tool: &Object<'_>, unplaced: &mut Unplaced) -> Result<Tool, Unreadable> {
    if let Some(kind) = tool.text("type")?.filter(|kind| kind != "custom") {
        return Ok(Tool::Foreign(foreign(kind, tool)));
    }
    const PLACED: [&str; 6] = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    for name in tool.names().filter(|name| !PLACED.contains(name)) {
        unplaced.add(&format!("tools[].{name}"));
    }
    let schema = tool.object("input_schema")?.and_then(|_| tool.raw("input_schema"));
    Ok(Tool::Function(Function {
        name: tool.needed_text("name")?,
        description: tool.text("description")?,
        parameters: Some(Json::new(schema.ok_or_else(|| tool.refuse("input_schema", "is required"))?)),
        strict: tool.boolean("strict")?,
        cache: cache_mark(tool)?,
    }))
}

/// `tool_choice`, and whether several calls may come at once.
pub(super) fn choice(root: &Object<'_>) -> Result<(ToolChoice, Option<bool>), Unreadable> {
    let Some(choice) = root.object("tool_choice")? else { return Ok((ToolChoice::Auto, None)) };
    let chosen = match choice.needed_text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.needed_text("name")?),
        _ => return Err(choice.refuse("type", "must be auto, any, tool or none")),
    };
    Ok((chosen, choice.boolean("disable_parallel_tool_use")?.map(|disabled| !disabled)))
}
