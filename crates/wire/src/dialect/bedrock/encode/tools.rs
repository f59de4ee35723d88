//! Tools and the choice among them. Converse has no way to forbid tools that are declared, and demands that they are as
//! soon as the conversation holds a call; Claude's own words fill that gap.

use domain::chat::{self, Function, Json, ToolChoice as Choice};
use serde_json::value::RawValue;

use super::body::{CachePoint, NativeChoice, Schema, Tool, ToolChoice, ToolConfig, ToolSpec};
use super::model::Family;
use super::turns::Turns;
use crate::dialect::Inexpressible;
use crate::dialect::names::Names;

/// The schema of a function without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// What a request says of tools.
#[derive(Default)]
pub(super) struct Tools<'a> {
    pub(super) config: Option<ToolConfig<'a>>,
    /// Claude's own words, where Converse has none; then Converse says nothing of the choice.
    pub(super) native_choice: Option<NativeChoice<'a>>,
}

/// Writes the tools.
pub(super) fn encode<'a>(
    request: &'a chat::Request,
    family: Family,
    turns: &Turns<'a>,
    dropped: &mut Names,
) -> Result<Tools<'a>, Inexpressible> {
    let mut functions = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        match tool {
            chat::Tool::Function(function) => functions.push(function),
            chat::Tool::Foreign(foreign) => {
                return Err(Inexpressible { field: "tools", what: format!("the tool `{}`", foreign.kind) });
            }
        }
    }
    let claude = matches!(family, Family::Claude(_));
    let forbidden = request.tool_choice == Choice::None || functions.is_empty();
    if forbidden && !turns.has_tools() {
        return Ok(Tools::default());
    }
    let declared = declare(&functions, &request.tool_choice, turns, family, dropped)?;
    let single = request.parallel_tool_calls == Some(false) && !forbidden;
    if single && !claude {
        dropped.add("parallel_tool_calls");
    }
    let choice = match &request.tool_choice {
        _ if forbidden => {
            if !claude {
                dropped.add("tool_choice");
            }
            Chosen::None
        }
        Choice::Auto | Choice::None | Choice::Among { required: false, .. } => Chosen::Auto,
        Choice::Named(name) => Chosen::Named(name),
        Choice::Among { names, .. } => match names.as_slice() {
            [only] => Chosen::Named(only),
            _ => Chosen::Any,
        },
        Choice::Required => Chosen::Any,
    };
    let native = claude && (single || forbidden);
    Ok(Tools {
        config: Some(ToolConfig {
            tools: declared,
            tool_choice: if native { None } else { choice.in_converse() },
        }),
        native_choice: native.then(|| choice.in_claudes_words(single)),
    })
}

/// The tools that may be called. Those of the conversation, where none are and it holds calls: they must be declared, and
/// their names are all that is known.
fn declare<'a>(
    functions: &[&'a Function],
    choice: &Choice,
    turns: &Turns<'a>,
    family: Family,
    dropped: &mut Names,
) -> Result<Vec<Tool<'a>>, Inexpressible> {
    let mut declared = Vec::with_capacity(functions.len());
    for function in functions {
        // A choice among several has no form here, but tools that are not there cannot be called.
        if matches!(choice, Choice::Among { names, .. } if !names.contains(&function.name)) {
            continue;
        }
        declared.push(Tool::ToolSpec(specify(function)?));
        match function.cache {
            Some(mark) if family.caches() => declared.push(Tool::CachePoint(CachePoint::new(mark))),
            Some(_) => dropped.add("cache_control"),
            None => {}
        }
    }
    if !functions.is_empty() && declared.is_empty() {
        return Err(Inexpressible { field: "tools", what: "a choice among tools that are not there".into() });
    }
    if declared.is_empty() {
        for name in &turns.called {
            let input_schema = schema(None)?;
            declared.push(Tool::ToolSpec(ToolSpec { name, description: None, input_schema, strict: None }));
        }
    }
    if declared.is_empty() {
        return Err(Inexpressible {
            field: "messages",
            what: "the result of a tool without its call".into(),
        });
    }
    Ok(declared)
}

fn specify(function: &Function) -> Result<ToolSpec<'_>, Inexpressible> {
    let description = function.description.as_deref().filter(|text| !text.trim().is_empty());
    let input_schema = schema(function.parameters.as_ref())?;
    Ok(ToolSpec { name: &function.name, description, input_schema, strict: function.strict })
}

fn schema(parameters: Option<&Json>) -> Result<Schema<'_>, Inexpressible> {
    let text = parameters.map_or(NO_ARGUMENTS, Json::as_str);
    let json: &RawValue = serde_json::from_str(text)
        .map_err(|_| Inexpressible { field: "tools", what: "a tool whose parameters are no JSON".into() })?;
    Ok(Schema { json })
}

/// What is to be called.
enum Chosen<'a> {
    Auto,
    Any,
    Named(&'a str),
    None,
}

impl<'a> Chosen<'a> {
    fn in_converse(&self) -> Option<ToolChoice<'a>> {
        match self {
            Chosen::Auto | Chosen::None => None,
            Chosen::Any => Some(ToolChoice::Any {}),
            Chosen::Named(name) => Some(ToolChoice::Tool { name }),
        }
    }

    fn in_claudes_words(&self, single: bool) -> NativeChoice<'a> {
        let (kind, name) = match self {
            Chosen::Auto => ("auto", None),
            Chosen::Any => ("any", None),
            Chosen::Named(name) => ("tool", Some(*name)),
            Chosen::None => ("none", None),
        };
        NativeChoice { kind, name, disable_parallel_tool_use: single.then_some(true) }
    }
}
