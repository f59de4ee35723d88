//! Tools and the choice among them.

use domain::chat::{Function, Request, Tool, ToolChoice};
use domain::protocol::Protocol;

use crate::dialect::names::Names;
use crate::dialect::openai::form::ChatForm;
use crate::dialect::{Inexpressible, Target};
use crate::json::build::{self, ArrayWriter};

/// The kind of the tool that is a member of the request of its own.
const SEARCH: &str = "web_search_options";

/// The members that say something of tools: their names and their JSON.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<Vec<(&'static str, String)>, Inexpressible> {
    let form = &target.chat;
    let mut members = Vec::new();
    let (allowed, choice) = chosen(&request.tool_choice, form);
    let mut listed = 0;
    let mut list = Vec::new();
    let mut refused = None;
    build::array(&mut list, |list| {
        for tool in &request.tools {
            match tool {
                Tool::Function(function) if allowed.is_none_or(|names| names.contains(&function.name)) => {
                    write_function(list, function, form, dropped);
                    listed += 1;
                }
                Tool::Function(_) => {}
                Tool::Foreign(foreign) if foreign.protocol != Protocol::Chat => {
                    refused.get_or_insert_with(|| format!("the tool `{}`", foreign.kind));
                }
                Tool::Foreign(foreign) if foreign.kind == SEARCH => {
                    members.push((SEARCH, foreign.json.as_str().to_owned()));
                }
                Tool::Foreign(foreign) => {
                    list.raw(foreign.json.as_str());
                    listed += 1;
                }
            }
        }
    });
    if let Some(what) = refused {
        return Err(Inexpressible { field: "tools", what });
    }
    if listed == 0 {
        // Providers refuse a choice among no tools.
        return Ok(members);
    }
    // What was written is JSON, and thus text.
    members.push(("tools", String::from_utf8(list).unwrap_or_default()));
    members.extend(choice.map(|json| ("tool_choice", json)));
    if let Some(parallel) = request.parallel_tool_calls {
        if form.takes("parallel_tool_calls") {
            members.push(("parallel_tool_calls", parallel.to_string()));
        } else {
            dropped.add("parallel_tool_calls");
        }
    }
    Ok(members)
}

/// The names of the tools that stay, where that is how a choice is said, and the choice itself.
fn chosen<'r>(choice: &'r ToolChoice, form: &ChatForm) -> (Option<&'r [String]>, Option<String>) {
    let quoted = |word: &str| Some(format!("\"{word}\""));
    match choice {
        ToolChoice::Auto => (None, None),
        ToolChoice::None => (None, quoted("none")),
        ToolChoice::Required => (None, quoted("required")),
        ToolChoice::Named(name) => (None, Some(named(name))),
        ToolChoice::Among { names, required } if form.takes_beside("allowed_tools") => {
            (None, Some(among(names, if *required { "required" } else { "auto" })))
        }
        // Who cannot be told which tools may be called is not shown the others.
        ToolChoice::Among { names, required: true } => (Some(names), quoted("required")),
        ToolChoice::Among { names, required: false } => (Some(names), None),
    }
}

fn named(name: &str) -> String {
    build::object_text(|object| {
        object.text("type", "function");
        object.object("function", |function| function.text("name", name));
    })
}

fn among(names: &[String], mode: &str) -> String {
    build::object_text(|object| {
        object.text("type", "allowed_tools");
        object.object("allowed_tools", |allowed| {
            allowed.text("mode", mode);
            allowed.array("tools", |tools| names.iter().for_each(|name| tools.raw(named(name))));
        });
    })
}

fn write_function(list: &mut ArrayWriter<'_>, function: &Function, form: &ChatForm, dropped: &mut Names) {
    list.object(|tool| {
        tool.text("type", "function");
        tool.object("function", |written| {
            written.text("name", &function.name);
            written.text_if("description", function.description.as_deref());
            if let Some(parameters) = &function.parameters {
                written.raw("parameters", parameters.as_str());
            }
            written.plain_if("strict", function.strict);
        });
        super::messages::write_cache(tool, function.cache, form, dropped);
    });
}
