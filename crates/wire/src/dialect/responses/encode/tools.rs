//! `tools`, `tool_choice` and `parallel_tool_calls`.

use domain::chat::{Function, Request, Tool, ToolChoice};

use super::super::compose::{Object, object, push_json};
use super::dropped::Dropped;

/// Writes what the request says of tools.
pub(super) fn write(out: &mut Object<'_>, request: &Request, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        return;
    }
    out.array("tools", &request.tools, |out, tool| match tool {
        Tool::Function(function) => {
            if function.cache.is_some() {
                dropped.add("cache_control");
            }
            object(out, |tool| write_function(tool, function));
        }
        Tool::Foreign(foreign) => push_json(out, foreign.json.as_str()),
    });
    match &request.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => out.text("tool_choice", "none"),
        ToolChoice::Required => out.text("tool_choice", "required"),
        ToolChoice::Named(name) => out.object("tool_choice", |choice| write_name(choice, name)),
        ToolChoice::Among { names, required } => out.object("tool_choice", |choice| {
            choice.text("type", "allowed_tools");
            choice.text("mode", if *required { "required" } else { "auto" });
            choice.array("tools", names, |out, name| object(out, |tool| write_name(tool, name)));
        }),
    }
    out.number_if("parallel_tool_calls", request.parallel_tool_calls);
}

fn write_name(out: &mut Object<'_>, name: &str) {
    out.text("type", "function");
    out.text("name", name);
}

fn write_function(tool: &mut Object<'_>, function: &Function) {
    write_name(tool, &function.name);
    tool.text_if("description", function.description.as_deref());
    match &function.parameters {
        Some(parameters) => tool.json("parameters", parameters.as_str()),
        None => tool.json("parameters", r#"{"type":"object","properties":{}}"#),
    }
    // Left out, it would not mean no: OpenAI rewrites the schema so that every argument is required ("Function calling",
    // section "Strict mode").
    tool.json("strict", if function.strict == Some(true) { "true" } else { "false" });
}
