//! The tools a request offers, and whether they are to be called.

use domain::chat::{Function, Tool, ToolChoice};

use super::blocks::{cache_mark, foreign};
use crate::dialect::field::{Field, Fields};
use crate::dialect::names::Names;
use crate::request::Unreadable;

/// `tools`.
pub(super) fn definitions(root: &Fields<'_>, unplaced: &mut Names) -> Result<Vec<Tool>, Unreadable> {
    root.items("tools")?.iter().map(|tool| definition(tool, unplaced)).collect()
}

fn definition(whole: &Field<'_>, unplaced: &mut Names) -> Result<Tool, Unreadable> {
    let tool = whole.object()?;
    if let Some(kind) = tool.text("type")?.filter(|kind| kind != "custom") {
        return Ok(Tool::Foreign(foreign(kind, whole.value)));
    }
    const PLACED: [&str; 6] = ["type", "name", "description", "input_schema", "strict", "cache_control"];
    for name in tool.names().filter(|name| !PLACED.contains(name)) {
        unplaced.add(&format!("tools[].{name}"));
    }
    let schema = tool.need("input_schema")?;
    schema.object()?;
    Ok(Tool::Function(Function {
        name: tool.needed_text("name")?,
        description: tool.text("description")?,
        parameters: Some(schema.value.json()),
        strict: tool.boolean("strict")?,
        cache: cache_mark(&tool)?,
    }))
}

/// `tool_choice`, and whether several calls may come at once.
pub(super) fn choice(root: &Fields<'_>) -> Result<(ToolChoice, Option<bool>), Unreadable> {
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
