//! Embeddings made by rule: every token has a fixed direction, a text is the sum of its tokens' directions scaled to
//! length one. So equal texts are equal, and texts that share words lie near each other.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::completion::{Input, Piece};
use super::models::{self, ModelId, Want};
use super::refusal::Refusal;
use super::words;

/// Numbers in a vector when the request does not say.
const DEFAULT_DIMENSIONS: usize = 64;
/// Most numbers in a vector.
const MAX_DIMENSIONS: usize = 4_096;
/// Most inputs of one request, as at OpenAI.
const MAX_INPUTS: usize = 2_048;

/// A request to `/v1/embeddings`. Members that are not here change nothing.
#[derive(Deserialize)]
pub(super) struct Request {
    model: Option<String>,
    input: Option<Input>,
    dimensions: Option<u64>,
    encoding_format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Float,
    /// Little-endian 32-bit floats one after the other; the official Python client asks for it unasked.
    Base64,
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Answer {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'static str,
    usage: Usage,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

impl Answer {
    pub(super) fn prompt_tokens(&self) -> usize {
        self.usage.prompt_tokens
    }
}

/// Answers a request.
pub(super) fn answer(request: Request) -> Result<(ModelId, Answer), Refusal> {
    let model = models::wanted(request.model.as_deref(), Want::Vectors)?;
    let inputs = request.input.ok_or_else(|| Refusal::missing("input"))?.into_pieces();
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(Refusal::bad("input", format!("There must be 1 to {MAX_INPUTS} inputs.")));
    }
    if inputs.iter().any(|input| input.text.is_empty()) {
        return Err(Refusal::bad("input", "An input cannot be empty."));
    }
    let dimensions = match request.dimensions {
        None => DEFAULT_DIMENSIONS,
        Some(asked) => {
            usize::try_from(asked).ok().filter(|asked| (1..=MAX_DIMENSIONS).contains(asked)).ok_or_else(
                || Refusal::bad("dimensions", format!("Dimensions are from 1 to {MAX_DIMENSIONS}.")),
            )?
        }
    };
    let format = request.encoding_format.unwrap_or(Format::Float);
    let prompt_tokens = inputs.iter().map(|input| input.tokens).sum();
    let data = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| Embedding {
            object: "embedding",
            index,
            embedding: encoded(vector(input, dimensions), format),
        })
        .collect();
    let usage = Usage { prompt_tokens, total_tokens: prompt_tokens };
    Ok((model, Answer { object: "list", data, model: model.name(), usage }))
}

fn encoded(vector: Vec<f32>, format: Format) -> Vector {
    match format {
        Format::Float => Vector::Floats(vector),
        Format::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            Vector::Base64(BASE64.encode(&bytes))
        }
    }
}

fn vector(input: &Piece, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; dimensions];
    let mut at = 0;
    while let Some(token) = words::next_token(&input.text, at) {
        at += token.len();
        add_direction(&mut sum, token.trim());
    }
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|number| *number /= length);
    } else if let Some(first) = sum.first_mut() {
        // Nothing but white space, or directions that cancel out exactly: still a vector of length one.
        *first = 1.0;
    }
    sum
}

fn add_direction(sum: &mut [f32], token: &str) {
    // FNV-1a seeds splitmix64; both are public constants (http://www.isthe.com/chongo/tech/comp/fnv/,
    // https://prng.di.unimi.it/splitmix64.c). No strength is needed, only the same numbers on every machine.
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in token.chars().flat_map(char::to_lowercase).collect::<String>().bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    for number in sum {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [high, low, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        *number += f32::from(i16::from_be_bytes([high, low])) / 32_768.0;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answered(body: Value) -> Result<Value, Refusal> {
        let request = serde_json::from_value(body).map_err(|error| Refusal::unreadable(&error))?;
        Ok(serde_json::to_value(answer(request)?.1).unwrap())
    }

    fn floats(answer: &Value, index: usize) -> Vec<f64> {
        answer["data"][index]["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn vectors_are_of_length_one_and_know_likeness() {
        let input = [
            "the red cat sleeps",
            "The red cat sits",
            "quarterly revenue forecast",
            "the red cat sleeps",
            " ",
        ];
        let answer = answered(json!({"model": "demo-embed", "input": input})).unwrap();
        for index in 0..input.len() {
            let vector = floats(&answer, index);
            assert_eq!(vector.len(), DEFAULT_DIMENSIONS);
            assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
        }
        assert_eq!(floats(&answer, 0), floats(&answer, 3));
        let near = dot(&floats(&answer, 0), &floats(&answer, 1));
        let far = dot(&floats(&answer, 0), &floats(&answer, 2));
        assert!(near > far + 0.2, "{near} {far}");
        assert_eq!(answer["usage"], json!({"prompt_tokens": 15, "total_tokens": 15}));
    }

    #[test]
    fn base64_holds_the_same_numbers() {
        let plain = answered(json!({"model": "demo-embed", "input": "hi", "dimensions": 5})).unwrap();
        let packed = answered(
            json!({"model": "demo-embed", "input": "hi", "dimensions": 5, "encoding_format": "base64"}),
        );
        let packed = packed.unwrap();
        let bytes = BASE64.decode(packed["data"][0]["embedding"].as_str().unwrap().as_bytes()).unwrap();
        let unpacked: Vec<f32> =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(unpacked.len(), 5);
        for (unpacked, plain) in unpacked.into_iter().zip(floats(&plain, 0)) {
            assert!((f64::from(unpacked) - plain).abs() < 1e-6);
        }
    }

    #[test]
    fn token_numbers_count_as_given_and_odd_requests_are_refused() {
        let answer = answered(json!({"model": "demo-embed", "input": [[1, 2, 3], [4]]})).unwrap();
        assert_eq!(answer["usage"]["prompt_tokens"], 4);
        for body in [
            json!({"model": "demo-fast", "input": "hi"}),
            json!({"model": "demo-embed"}),
            json!({"model": "demo-embed", "input": ""}),
            json!({"model": "demo-embed", "input": []}),
            json!({"model": "demo-embed", "input": "hi", "dimensions": 0}),
            json!({"model": "demo-embed", "input": "hi", "dimensions": 5000}),
            json!({"model": "demo-embed", "input": "hi", "encoding_format": "hex"}),
        ] {
            assert!(answered(body.clone()).is_err(), "{body}");
        }
    }
}
