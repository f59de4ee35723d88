//! Usage as Converse reports it, in disjoint kinds: its input leaves out what was read from and written to the cache.

use domain::price::Tokens;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::counts::MAX_COUNT;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_write_input_tokens: Option<u64>,
    #[serde(default)]
    cache_details: Option<Vec<CacheDetail>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CacheDetail {
    ttl: String,
    input_tokens: u64,
}

/// What a `usage` member says; `None` when it is incomplete, negative or absurd.
pub(super) fn read(usage: Option<&RawValue>) -> Option<Tokens> {
    let usage: Usage = serde_json::from_str(usage?.get()).ok()?;
    let written = usage.cache_write_input_tokens.unwrap_or(0);
    let details = usage.cache_details.iter().flatten();
    let hour = details.filter(|detail| detail.ttl == "1h").map(|detail| detail.input_tokens);
    let hour = hour.fold(0, u64::saturating_add).min(written);
    let tokens = Tokens {
        input: usage.input_tokens,
        cache_read: usage.cache_read_input_tokens.unwrap_or(0),
        cache_write: written - hour,
        cache_write_1h: hour,
        output: usage.output_tokens,
        ..Tokens::default()
    };
    let counts = [tokens.input, tokens.cache_read, written, tokens.output];
    counts.iter().all(|&count| count <= MAX_COUNT).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(usage: &str, expect: Option<Tokens>) {
        let usage: Box<RawValue> = serde_json::from_str(usage).unwrap();
        assert_eq!(read(Some(&usage)), expect, "{usage}");
    }

    #[test]
    fn wire_fact_25_the_cache_is_beside_the_input() {
        let expect = Tokens {
            input: 4,
            cache_read: 1_024,
            cache_write: 200,
            cache_write_1h: 300,
            output: 12,
            ..Tokens::default()
        };
        check(
            r#"{"inputTokens":4,"outputTokens":12,"totalTokens":1540,"cacheReadInputTokens":1024,
                "cacheWriteInputTokens":500,
                "cacheDetails":[{"ttl":"1h","inputTokens":300},{"ttl":"5m","inputTokens":200}]}"#,
            Some(expect),
        );
        assert_eq!(expect.total(), 1_540);
    }

    #[test]
    fn what_does_not_add_up_is_no_usage() {
        check(r#"{"inputTokens":4}"#, None);
        check(r#"{"inputTokens":-4,"outputTokens":1}"#, None);
        check(r#"{"inputTokens":4,"outputTokens":99999999999999}"#, None);
        check(r#"null"#, None);
        check(
            r#"{"inputTokens":4,"outputTokens":1,"cacheWriteInputTokens":5,"cacheDetails":[{"ttl":"1h","inputTokens":50}]}"#,
            Some(Tokens { input: 4, cache_write_1h: 5, output: 1, ..Tokens::default() }),
        );
    }
}
