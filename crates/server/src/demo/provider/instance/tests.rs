//! Instances of schemas as clients write them, judged by a checker that shares no code with the maker.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Impossible, of};

/// Whether `value` is an instance of `schema`, for the keywords that the tests use.
fn valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return schema == &Value::Bool(true) };
    schema.iter().all(|(keyword, argument)| match (keyword.as_str(), value) {
        ("$ref", _) => valid(root, root.pointer(&argument.as_str().unwrap()[1..]).unwrap(), value),
        ("const", _) => argument == value,
        ("enum", _) => argument.as_array().unwrap().contains(value),
        ("anyOf", _) => argument.as_array().unwrap().iter().any(|part| valid(root, part, value)),
        ("oneOf", _) => {
            argument.as_array().unwrap().iter().filter(|part| valid(root, part, value)).count() == 1
        }
        ("allOf", _) => argument.as_array().unwrap().iter().all(|part| valid(root, part, value)),
        ("type", _) => match argument {
            Value::Array(kinds) => kinds.iter().any(|kind| has_type(kind, value)),
            kind => has_type(kind, value),
        },
        ("required", Value::Object(object)) => {
            argument.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))
        }
        ("properties", Value::Object(object)) => object
            .iter()
            .all(|(name, member)| argument.get(name).is_none_or(|part| valid(root, part, member))),
        ("additionalProperties", Value::Object(object)) => {
            let known = schema.get("properties");
            object.iter().all(|(name, member)| {
                known.is_some_and(|known| known.get(name).is_some()) || valid(root, argument, member)
            })
        }
        ("items", Value::Array(items)) => items.iter().all(|item| valid(root, argument, item)),
        ("minItems", Value::Array(items)) => {
            items.len() >= usize::try_from(argument.as_u64().unwrap()).unwrap()
        }
        ("maxItems", Value::Array(items)) => {
            items.len() <= usize::try_from(argument.as_u64().unwrap()).unwrap()
        }
        ("minLength", Value::String(text)) => {
            text.len() >= usize::try_from(argument.as_u64().unwrap()).unwrap()
        }
        ("maxLength", Value::String(text)) => {
            text.len() <= usize::try_from(argument.as_u64().unwrap()).unwrap()
        }
        ("minimum", Value::Number(number)) => number.as_f64() >= argument.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= argument.as_f64(),
        ("exclusiveMinimum", Value::Number(number)) => number.as_f64() > argument.as_f64(),
        ("exclusiveMaximum", Value::Number(number)) => number.as_f64() < argument.as_f64(),
        ("multipleOf", Value::Number(number)) => number.as_f64().unwrap() % argument.as_f64().unwrap() == 0.0,
        _ => true,
    })
}

fn has_type(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        kind => panic!("no such type: {kind}"),
    }
}

#[test]
fn instances_are_minimal_and_valid() {
    fn check(schema: Value, expect: Value) {
        let made = of(&schema);
        assert_eq!(made.as_ref(), Ok(&expect), "{schema}");
        assert!(valid(&schema, &schema, &expect), "{schema} {expect}");
    }
    check(json!({}), json!("demo"));
    check(json!({"type": "boolean"}), json!(false));
    check(json!({"type": ["null", "integer"]}), json!(0));
    check(json!({"enum": ["b", "a"]}), json!("b"));
    check(json!({"const": {"x": 1}}), json!({"x": 1}));
    check(json!({"type": "string", "minLength": 6}), json!("demoxx"));
    check(json!({"type": "string", "maxLength": 2}), json!("de"));
    check(json!({"type": "string", "format": "date"}), json!("2026-01-01"));
    check(json!({"type": "integer", "minimum": 1.5}), json!(2));
    check(json!({"type": "integer", "exclusiveMinimum": 2}), json!(3));
    check(json!({"type": "integer", "maximum": -3}), json!(-3));
    check(json!({"type": "integer", "minimum": 11, "multipleOf": 5}), json!(15));
    check(json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}), json!(0.5));
    check(json!({"type": "array", "items": {"type": "string"}}), json!([]));
    check(json!({"type": "array", "minItems": 2, "items": {"type": "null"}}), json!([null, null]));
    check(
        json!({"type": "object", "required": ["b"], "properties": {"a": {"pattern": "x"}, "b": {"type": "number"}}}),
        json!({"b": 0}),
    );
    check(json!({"required": ["x"], "additionalProperties": {"type": "integer"}}), json!({"x": 0}));
}

#[test]
fn references_and_alternatives_are_followed() {
    let chain = json!({
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {
            "type": "object",
            "required": ["value", "next", "kind"],
            "properties": {
                "value": {"allOf": [{"$ref": "#/$defs/Score"}], "description": "how much"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "kind": {"oneOf": [{"const": "leaf"}, {"const": "branch"}]},
            },
            "additionalProperties": false,
        }, "Score": {"type": "integer", "minimum": 1}},
    });
    let made = of(&chain).unwrap();
    assert_eq!(made, json!({"value": 1, "next": null, "kind": "leaf"}));
    assert!(valid(&chain, &chain, &made));

    let base = json!({
        "type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"],
        "anyOf": [{"properties": {"b": {"const": 1}}, "required": ["b"]}],
    });
    assert_eq!(of(&base).unwrap(), json!({"a": null, "b": 1}));
}

#[test]
fn what_cannot_be_made_is_refused_by_name() {
    fn check(schema: Value, expect: Impossible) {
        assert_eq!(of(&schema), Err(expect), "{schema}");
    }
    let selfish = json!({"$ref": "#/$defs/A", "$defs": {"A": {
        "type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}
    }}});
    check(selfish, Impossible::Endless);
    check(json!({"allOf": [{"$ref": "#"}]}), Impossible::Endless);
    check(json!({"$ref": "https://example.com/schema"}), Impossible::Unresolved);
    check(json!({"$ref": "#/$defs/none"}), Impossible::Unresolved);
    check(json!({"type": "string", "pattern": "^x"}), Impossible::Unsupported("pattern"));
    check(json!({"type": "string", "format": "colour"}), Impossible::Unsupported("format"));
    check(json!({"type": "array", "minItems": 1_000_000}), Impossible::Unsupported("minItems"));
    check(json!({"type": "integer", "minimum": 1, "maximum": 0}), Impossible::Nothing);
    check(json!({"type": "object", "required": ["x"], "additionalProperties": false}), Impossible::Nothing);
    check(json!({"enum": []}), Impossible::Nothing);
    check(json!({"type": "horse"}), Impossible::Malformed("type"));
    check(json!([]), Impossible::Malformed("schema"));
    let wide = json!({"type": "array", "minItems": 200, "items": {"type": "array", "minItems": 200}});
    check(wide, Impossible::Endless);
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["string", "null"]})),
        Just(json!({"enum": [3, "x"]})),
        (0_u32..9, 0_u32..9)
            .prop_map(|(low, more)| { json!({"type": "string", "minLength": low, "maxLength": low + more}) }),
        (-50_i32..50, 0_i32..50)
            .prop_map(|(low, more)| { json!({"type": "integer", "minimum": low, "maximum": low + more}) }),
        (-50_i32..50, 1_i32..50).prop_map(|(low, more)| {
            json!({"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + more})
        }),
        (-50_i32..50, 1_i32..7).prop_map(|(low, step)| {
            json!({"type": "integer", "exclusiveMinimum": low, "multipleOf": step})
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-d]", inner.clone(), 0..4).prop_map(|members| {
                let required: Vec<&String> = members.keys().filter(|name| *name != "d").collect();
                json!({"type": "object", "required": required, "properties": members, "additionalProperties": false})
            }),
            (inner.clone(), 0_u32..3).prop_map(|(items, fewest)| {
                json!({"type": "array", "items": items, "minItems": fewest, "maxItems": fewest + 1})
            }),
            prop::collection::vec(inner, 1..3).prop_map(|parts| json!({"anyOf": parts})),
        ]
    })
}

proptest! {
    #[test]
    fn every_instance_is_valid(schema in schemas()) {
        let made = of(&schema);
        prop_assert!(made.is_ok(), "{schema} {made:?}");
        prop_assert!(valid(&schema, &schema, &made.unwrap()), "{schema}");
    }
}
