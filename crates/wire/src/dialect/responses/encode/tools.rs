//! `tools`, `tool_choice` and `parallel_tool_calls`.

use domain::chat::{Function, Json, Request, Tool, ToolChoice};

use crate::dialect::names::Names;
use crate::json::build::ObjectWriter;

/// The schema of a function that takes nothing.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// Writes what the request says of tools.
pub(super) fn write(out: &mut ObjectWriter<'_>, request: &Request, dropped: &mut Names) {
    if request.tools.is_empty() {
        return;
    }
    out.array("tools", |list| {
        for tool in &request.tools {
            match tool {
                Tool::Function(function) => {
                    if function.cache.is_some() {
                        dropped.add("cache_control");
                    }
                    list.object(|tool| write_function(tool, function));
                }
                Tool::Foreign(foreign) => list.raw(foreign.json.as_str()),
            }
        }
    });
    match &request.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => out.text("tool_choice", "none"),
        ToolChoice::Required => out.text("tool_choice", "required"),
        ToolChoice::Named(name) => out.object("tool_choice", |choice| write_name(choice, name)),
        ToolChoice::Among { names, required } => out.object("tool_choice", |choice| {
            choice.text("type", "allowed_tools");
            choice.text("mode", if *required { "required" } else { "auto" });
            choice.array("tools", |list| {
                names.iter().for_each(|name| list.object(|tool| write_name(tool, name)));
            });
        }),
    }
    out.plain_if("parallel_tool_calls", request.parallel_tool_calls);
}

fn write_name(out: &mut ObjectWriter<'_>, name: &str) {
    out.text("type", "function");
    out.text("name", name);
}

fn write_function(tool: &mut ObjectWriter<'_>, function: &Function) {
    write_name(tool, &function.name);
    tool.text_if("description", function.description.as_deref());
    let parameters = function.parameters.as_ref().map_or(NO_PARAMETERS, Json::as_str);
    tool.raw("parameters", parameters);
    // Left out, it would not mean no: OpenAI rewrites the schema so that every argument is required ("Function calling",
    // section "Strict mode").
    tool.plain("strict", function.strict == Some(true));
}
