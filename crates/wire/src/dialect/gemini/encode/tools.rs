//! `tools` and `toolConfig`.

use domain::chat::{Request, Tool, ToolChoice};
use domain::protocol::Protocol;

use crate::dialect::Inexpressible;
use crate::dialect::names::Names;
use crate::json::build::{self, ArrayWriter};

/// The array of `tools`, if there are any: all functions in one tool, as Google demands, and its own tools beside it.
pub(super) fn tools(request: &Request, dropped: &mut Names) -> Result<Option<Vec<u8>>, Inexpressible> {
    if request.tools.is_empty() {
        return Ok(None);
    }
    let mut functions = vec![b'['];
    let mut items = ArrayWriter::of(&mut functions);
    let mut own = Vec::new();
    for tool in &request.tools {
        match tool {
            Tool::Function(function) => {
                dropped.add_if(function.strict == Some(true), "tools[].strict");
                dropped.add_if(function.cache.is_some(), "cache_control");
                items.object(|declared| {
                    declared.text("name", &function.name);
                    declared.text_if("description", function.description.as_deref());
                    if let Some(schema) = &function.parameters {
                        declared.raw("parametersJsonSchema", schema.as_str());
                    }
                });
            }
            Tool::Foreign(foreign) if foreign.protocol == Protocol::Gemini => own.push(foreign.json.as_str()),
            Tool::Foreign(foreign) => {
                return Err(Inexpressible { field: "tools", what: format!("the tool `{}`", foreign.kind) });
            }
        }
    }
    functions.push(b']');
    let mut out = Vec::new();
    build::array(&mut out, |items| {
        if functions != b"[]" {
            items.object(|tool| tool.raw("functionDeclarations", &functions));
        }
        for tool in own {
            items.raw(tool);
        }
    });
    Ok(Some(out))
}

/// `toolConfig`, where the caller says more than that the model may choose.
pub(super) fn choice(request: &Request, dropped: &mut Names) -> Option<Vec<u8>> {
    dropped.add_if(request.parallel_tool_calls == Some(false), "parallel_tool_calls");
    let (mode, names) = match &request.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Required => ("ANY", Vec::new()),
        ToolChoice::Named(name) => ("ANY", vec![name.as_str()]),
        // Names go only with the modes that hold the model to them.
        ToolChoice::Among { names, required } => {
            (if *required { "ANY" } else { "VALIDATED" }, names.iter().map(String::as_str).collect())
        }
    };
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.object("functionCallingConfig", |config| {
            config.text("mode", mode);
            if !names.is_empty() {
                config.texts("allowedFunctionNames", names);
            }
        });
    });
    Some(out)
}
