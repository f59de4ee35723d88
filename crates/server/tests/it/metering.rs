//! The books: tokens by kind, exact cost, one row a call, whatever the upstream says.

use domain::usage::{Outcome, UsageSource};

use crate::chat::{ANSWER, request};
use crate::world::{World, eventually};

/// A World whose model costs 2 USD in and 8 USD out for a million tokens, 0.5 USD from the cache.
async fn priced() -> World {
    let world = World::start().await;
    let usd = |text: &str| text.parse().unwrap();
    let mut price = domain::price::Price::new(usd("2"), usd("8")).unwrap();
    price.cache_read = usd("0.5");
    let new = store::models::NewModel {
        provider: "openai".into(),
        model: "gpt-test".into(),
        pricing: domain::price::Pricing::Priced(price),
        context_tokens: None,
        max_output_tokens: None,
        state: store::switch::Switch::Active,
    };
    world.store().models().upsert(&new, &world.act()).await.unwrap();
    world.upstream.answers(ANSWER);
    eventually("the price", || async {
        world.upstream.answers(ANSWER);
        world.chat(&request("gpt-test")).await.header("x-portcullis-cost-usd") != Some("0")
    })
    .await;
    world
}

#[tokio::test]
async fn each_kind_of_token_is_priced_exactly() {
    let world = priced().await;
    let before =
        world.store().usage().list(&store::usage::UsageFilter::default(), 1_000, None).await.unwrap().len();
    let answer = ANSWER.replace(
        r#""prompt_tokens":9,"completion_tokens":3,"total_tokens":12"#,
        r#""prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":30}"#,
    );
    let drained = world.upstream.received().len();
    eventually("a fresh script", || async { world.upstream.received().len() >= drained }).await;
    // One scripted answer may be left over from the wait for the price.
    let mut got = world.chat(&request("gpt-test")).await;
    while got.text() != answer {
        world.upstream.answers(&answer);
        got = world.chat(&request("gpt-test")).await;
    }
    // 60 × 2 + 40 × 0.5 + 50 × 8 = 540 millionths of a dollar.
    assert_eq!(got.header("x-portcullis-cost-usd"), Some("0.00054"));
    eventually("the row", || async {
        let rows =
            world.store().usage().list(&store::usage::UsageFilter::default(), 1_000, None).await.unwrap();
        rows.len() > before && rows.iter().any(|row| row.cost.nanos() == 540_000)
    })
    .await;
    let rows = world.store().usage().list(&store::usage::UsageFilter::default(), 1_000, None).await.unwrap();
    let row = rows.iter().find(|row| row.cost.nanos() == 540_000).unwrap();
    let tokens = row.tokens;
    assert_eq!((tokens.input, tokens.cache_read, tokens.output, tokens.reasoning), (60, 40, 20, 30));
    assert_eq!((tokens.total(), row.source, row.pricing.as_str()), (150, UsageSource::Provider, "priced"));
    assert_eq!(row.outcome, Outcome::Complete);
    world.finish().await;
}

#[tokio::test]
async fn a_missing_or_absurd_usage_is_estimated_never_credited() {
    let lies = [
        r#"{"prompt_tokens":-5,"completion_tokens":-5,"total_tokens":-10}"#,
        r#"{"prompt_tokens":1e30,"completion_tokens":1}"#,
        r#"{"prompt_tokens":"many"}"#,
        "null",
    ];
    for lie in lies {
        let world = World::start().await;
        let answer = ANSWER.replace(r#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}"#, lie);
        world.upstream.answers(&answer);
        assert_eq!(world.chat(&request("gpt-test")).await.text(), answer);
        let row = world.only_usage().await;
        assert_eq!(row.source, UsageSource::Estimated, "{lie}");
        assert!(row.tokens.input > 0 && row.tokens.output > 0 && row.cost.nanos() >= 0, "{lie}: {row:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn rows_survive_a_restart_and_are_not_doubled() {
    let mut world = World::start().await;
    for _ in 0..20 {
        world.upstream.answers(ANSWER);
        assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    }
    world.restart().await;
    world.restart().await;
    let rows = world.usage(20).await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Complete && row.tokens.total() == 12));
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    world.usage(21).await;
    world.finish().await;
}

#[tokio::test]
async fn journal_syncing_always_answers_alike() {
    let world = World::with(&[("journal.sync", "always")]).await;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.text(), ANSWER);
    let done = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}\n\n";
    world.upstream.streams(&[done, "data: [DONE]\n\n"]);
    let body = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    assert!(world.chat(&body).await.text().contains("[DONE]"));
    assert_eq!(world.usage(2).await[1].tokens.total(), 2);
    world.finish().await;
}

/// An answer in Anthropic's form in whose course `adviser` was asked.
fn advised(adviser: &str) -> (String, [String; 4]) {
    let usage = format!(
        r#"{{"input_tokens":100,"output_tokens":50,"iterations":[{{"type":"message","input_tokens":100,"output_tokens":50}},{{"type":"advisor_message","model":"{adviser}","input_tokens":1000,"cache_read_input_tokens":200,"output_tokens":400}}]}}"#
    );
    let whole = format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"executor","content":[{{"type":"text","text":"Hello"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{usage}}}"#
    );
    let event = |kind: &str, data: &str| format!("event: {kind}\ndata: {data}\n\n");
    let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"executor","content":[],"stop_reason":null,"usage":{"input_tokens":100,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hello"}}"#;
    let delta = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{usage}}}"#);
    let events = [
        event("message_start", start),
        event("content_block_start", text),
        event("message_delta", &delta),
        event("message_stop", r#"{"type":"message_stop"}"#),
    ];
    (whole, events)
}

#[tokio::test]
async fn an_adviser_is_billed_at_its_own_prices() {
    let mut world = World::start().await;
    world.add_connection("advised", "anthropic", world.upstream.address, &["executor"]).await;
    let usd = |text: &str| text.parse().unwrap();
    for (model, input, output) in [("executor", "1", "5"), ("adviser", "10", "50")] {
        let price = domain::price::Price::new(usd(input), usd(output)).unwrap();
        let new = store::models::NewModel {
            provider: "anthropic".into(),
            model: model.into(),
            pricing: domain::price::Pricing::Priced(price),
            context_tokens: None,
            max_output_tokens: None,
            state: store::switch::Switch::Active,
        };
        world.store().models().upsert(&new, &world.act()).await.unwrap();
    }
    world.restart().await;
    // 100 × 1 + 50 × 5 of the executor, and 1200 × 10 + 400 × 50 of the adviser, in millionths of a dollar. The prices of an
    // adviser that nobody knows are the executor's, and the sum is then no price.
    let cases = [("adviser", "0.03235", "priced"), ("somebody-else", "0.00355", "unpriced")];
    for (index, (adviser, cost, pricing)) in cases.into_iter().enumerate() {
        let (whole, events) = advised(adviser);
        world.upstream.answers(&whole);
        let body = r#"{"model":"executor","max_tokens":64,"messages":[{"role":"user","content":"a"}]}"#;
        let got = world.caller.post("/v1/messages", body).await;
        assert_eq!((got.status, got.text()), (200, whole));
        assert_eq!(got.header("x-portcullis-cost-usd"), Some(cost));
        world.upstream.streams(&events.each_ref().map(String::as_str));
        let got = world.caller.post("/v1/messages", &body.replacen('{', "{\"stream\":true,", 1)).await;
        assert!(got.text().contains("message_stop"), "{}", got.text());
        let rows = world.usage(2 * (index + 1)).await;
        for row in &rows[2 * index..] {
            assert_eq!((row.cost.to_string().as_str(), row.pricing.as_str()), (cost, pricing), "{row:?}");
            let tokens = row.tokens;
            assert_eq!((tokens.input, tokens.cache_read, tokens.output), (1100, 200, 450));
            assert_eq!(row.source, UsageSource::Provider);
        }
    }
    world.finish().await;
}
