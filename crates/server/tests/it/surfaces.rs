//! What is no conversation: moderations, pictures, speech, transcripts and rankings. Bytes pass both ways but for the model,
//! limits and scopes hold, and each call is counted in its own unit.

use domain::money::Money;
use domain::price::{Price, Pricing, Tokens, Units};
use domain::scope::Access;
use domain::usage::{Outcome, Surface, UsageSource};
use tokio::io::AsyncReadExt as _;

use crate::world::upstream::{Step, chunk};
use crate::world::{PROMPT, World, eventually};

const JSON: &str = "content-type: application/json\r\n";
const FORM: &str = "content-type: multipart/form-data; boundary=xX\r\n";

/// A World with a server that has every endpoint, and a price for each unit.
async fn world() -> World {
    let mut world = World::start().await;
    world
        .add_connection("beside", "openai_compatible", world.upstream.address, &["any-model", "bare-model"])
        .await;
    let usd = |text: &str| text.parse::<Money>().unwrap();
    let price = Price {
        picture: Some(usd("0.04")),
        second: Some(usd("0.0001")),
        characters: Some(usd("15")),
        search: Some(usd("0.002")),
        image: usd("10"),
        audio: usd("6"),
        ..Price::new(usd("5"), usd("40")).unwrap()
    };
    for (model, price) in [("any-model", price), ("bare-model", Price::new(usd("1"), usd("1")).unwrap())] {
        let new = store::models::NewModel {
            provider: "openai_compatible".into(),
            model: model.into(),
            pricing: Pricing::Priced(price),
            context_tokens: None,
            max_output_tokens: None,
            state: store::switch::Switch::Active,
        };
        world.store().models().upsert(&new, &world.act()).await.unwrap();
    }
    world.restart().await;
    world
}

/// What one call must leave in the books.
struct Booked {
    surface: Surface,
    tokens: Tokens,
    units: Units,
    cost: &'static str,
}

async fn booked(world: &World, expect: &Booked) {
    let row = world.only_usage().await;
    assert_eq!((row.opened.surface, row.outcome), (expect.surface, Outcome::Complete));
    assert_eq!((row.tokens, row.units), (expect.tokens, expect.units));
    assert_eq!((row.cost.to_string().as_str(), row.pricing.as_str()), (expect.cost, "priced"));
}

/// A call in JSON whose answer is JSON.
async fn passes(path: &str, body: &str, answer: &str, expect: Booked) {
    let world = world().await;
    world.upstream.answers(answer);
    let got = world.caller.post(path, body).await;
    assert_eq!((got.status, got.text()), (200, answer.to_owned()), "{path}");
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-portcullis-cost-usd"), Some(expect.cost));
    let received = world.upstream.only_received();
    assert!(received.head.starts_with(&format!("POST {path} ")), "{}", received.head);
    assert_eq!(
        String::from_utf8(received.body).unwrap(),
        body.replace("openai_compatible/any-model", "any-model")
    );
    booked(&world, &expect).await;
    world.finish().await;
}

#[tokio::test]
async fn json_passes_byte_for_byte_and_is_priced_by_its_unit() {
    let model = r#""model" : "openai_compatible/any-model""#;
    let none = Units::default();
    passes(
        "/v1/moderations",
        &format!(r#"{{ {model}, "input": "{PROMPT} abcdefghijklmno" , "unknown": {{"x": 1.50}} }}"#),
        r#"{"id": "modr-1", "results": [ {"flagged": false, "extra": 1.0} ]}"#,
        // Nothing was reported: 35 bytes of text are 9 tokens of 5 USD a million.
        Booked {
            surface: Surface::Moderations,
            tokens: Tokens { input: 9, ..Tokens::default() },
            units: none,
            cost: "0.000045",
        },
    )
    .await;
    passes(
        "/v1/images/generations",
        &format!(r#"{{"prompt":"{PROMPT}",{model},"n":3,"size":"256x256"}}"#),
        r#"{"created":1,"data":[{"url":"https://example.com/1"},{"url":"https://example.com/2"}]}"#,
        Booked {
            surface: Surface::Images,
            tokens: Tokens::default(),
            units: Units { pictures: 2, ..none },
            cost: "0.08",
        },
    )
    .await;
    passes(
        "/v1/images/generations",
        &format!(r#"{{"prompt":"{PROMPT}",{model}}}"#),
        r#"{"data":[{"b64_json":"QQ=="}],"usage":{"input_tokens":30,"output_tokens":100,"total_tokens":130,"input_tokens_details":{"text_tokens":10,"image_tokens":20}}}"#,
        Booked {
            surface: Surface::Images,
            tokens: Tokens { input: 10, image: 20, output: 100, ..Tokens::default() },
            units: none,
            cost: "0.00425",
        },
    )
    .await;
    passes(
        "/v1/rerank",
        &format!(r#"{{{model},"query":"{PROMPT}","documents":["a","b"],"top_n":1}}"#),
        r#"{"id":"r","results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":4}}}"#,
        Booked {
            surface: Surface::Rerank,
            tokens: Tokens::default(),
            units: Units { searches: 4, ..none },
            cost: "0.008",
        },
    )
    .await;
}

fn form(model: &str) -> String {
    format!(
        "--xX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n\
         --xX\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n{PROMPT}\r\n\
         --xX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
         RIFF\r\n--xY\r\n\r\n--xX--\r\n"
    )
}

#[tokio::test]
async fn forms_pass_byte_for_byte_but_for_the_model() {
    let world = world().await;
    let answers = [
        (r#"{"text":"Hello","usage":{"type":"duration","seconds":30}}"#, "application/json", "0.003"),
        (
            r#"{"text":"Hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":2,"total_tokens":16}}"#,
            "application/json",
            "0.00016",
        ),
    ];
    for (answer, media_type, cost) in answers {
        world.upstream.says(200, &format!("content-type: {media_type}\r\n"), answer);
        let got = world
            .caller
            .post_with("/v1/audio/transcriptions", FORM, &form("openai_compatible/any-model"))
            .await;
        assert_eq!((got.status, got.text()), (200, answer.to_owned()));
        assert_eq!(got.header("x-portcullis-cost-usd"), Some(cost), "{answer}");
        let received = world.upstream.received().pop().unwrap();
        assert!(received.head.contains("multipart/form-data; boundary=\"xX\""), "{}", received.head);
        assert_eq!(String::from_utf8(received.body).unwrap(), form("any-model"));
    }
    // In plain text nothing says how long the sound was.
    world.upstream.says(
        200,
        "content-type: text/plain; charset=utf-8\r\nx-secret: account\r\n",
        "Hello there\n",
    );
    let got = world.caller.post_with("/v1/audio/transcriptions", FORM, &form("any-model")).await;
    assert_eq!((got.status, got.text().as_str()), (200, "Hello there\n"));
    assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(!got.head.contains("x-secret"), "{}", got.head);
    // Subtitles show how long it was at least.
    let subtitles = "1\n00:00:00,000 --> 00:00:04,500\nHello\n\n2\n00:00:04,500 --> 00:01:10,000\nthere\n";
    world.upstream.says(200, "content-type: text/plain; charset=utf-8\r\n", subtitles);
    let got = world.caller.post_with("/v1/audio/transcriptions", FORM, &form("any-model")).await;
    assert_eq!((got.status, got.text().as_str()), (200, subtitles));
    assert_eq!(got.header("x-portcullis-cost-usd"), Some("0.007"));
    let edit = form("any-model").replace("name=\"file\"", "name=\"image\"");
    world.upstream.answers(r#"{"data":[{"b64_json":"QQ=="}]}"#);
    assert_eq!(world.caller.post_with("/v1/images/edits", FORM, &edit).await.status, 200);
    let rows = world.usage(5).await;
    assert_eq!(rows[0].units, Units { sound_ms: 30_000, ..Units::default() });
    assert_eq!(rows[1].tokens, Tokens { input: 4, audio: 10, output: 2, ..Tokens::default() });
    assert_eq!((rows[2].source, rows[2].pricing.as_str()), (UsageSource::Estimated, "unpriced"));
    assert_eq!(rows[3].units, Units { sound_ms: 70_000, ..Units::default() });
    assert_eq!((rows[3].source, rows[3].pricing.as_str()), (UsageSource::Estimated, "priced"));
    assert_eq!((rows[4].units.pictures, rows[4].cost.to_string().as_str()), (1, "0.04"));
    world.finish().await;
}

#[tokio::test]
async fn forms_have_limits_and_are_refused_in_openais_envelope() {
    let mut world = world().await;
    let path = "/v1/audio/transcriptions";
    let post = |headers: &'static str, body: String| {
        let world = &world;
        async move { world.caller.post_with(path, headers, &body).await }
    };
    let invalid = "invalid_request_error";
    post(JSON, "{}".to_owned()).await.is_error(415, invalid, "unsupported_media_type");
    post("content-type: multipart/form-data\r\n", form("any-model")).await.is_error(
        415,
        invalid,
        "unsupported_media_type",
    );
    let twice = form("any-model").replacen("name=\"prompt\"", "name=\"model\"", 1);
    let refused = post(FORM, twice).await;
    assert_eq!(refused.is_error(400, invalid, "invalid_request").json()["error"]["param"], "model");
    post(FORM, form("any-model").replace("--xX--", "")).await.is_error(400, invalid, "invalid_request");
    // More than the key's 1 MiB may come as a file, and no more than 10 MiB.
    let padded = |bytes: usize| form("any-model").replacen("RIFF", &"R".repeat(bytes), 1);
    world.upstream.answers(r#"{"text":"a","duration":1}"#);
    assert_eq!(post(FORM, padded(3 << 20)).await.status, 200);
    post(FORM, padded(10 << 20)).await.is_error(413, invalid, "request_too_large");
    let chat_only = world.key_with(|new| new.scopes = vec![Access::Chat]).await.0;
    world.caller.key = chat_only;
    eventually("the new key", || async {
        world.upstream.forget();
        world.caller.post_with(path, FORM, &form("any-model")).await.status == 403
    })
    .await;
    for (path, body) in [
        ("/v1/moderations", r#"{"model":"any-model","input":"a"}"#),
        ("/v1/images/generations", r#"{"model":"any-model","prompt":"a"}"#),
        ("/v1/audio/speech", r#"{"model":"any-model","input":"a"}"#),
        ("/v1/rerank", r#"{"model":"any-model","query":"a","documents":["a"]}"#),
    ] {
        assert_eq!(world.caller.post(path, body).await.status, 403, "{path}");
    }
    assert_eq!(world.upstream.received().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn sound_passes_as_it_comes() {
    let world = world().await;
    let sound: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let head = "HTTP/1.1 200 X\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\nx-secret: account\r\n\r\n";
    let mut steps = vec![Step::Send(head.as_bytes().to_vec())];
    steps.extend(sound.chunks(7_001).map(|piece| Step::Send(chunk(piece))));
    steps.push(Step::Send(chunk(b"")));
    world.upstream.then(steps);
    let body = format!(r#"{{"model":"openai_compatible/any-model","input":"{PROMPT}","voice":"alloy"}}"#);
    let got = world.caller.post("/v1/audio/speech", &body).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("audio/mpeg")));
    assert!(got.body == sound && !got.head.contains("x-secret"), "{}", got.head);
    let characters = u64::try_from(PROMPT.len()).unwrap();
    let row = world.only_usage().await;
    assert_eq!((row.units, row.outcome), (Units { characters, ..Units::default() }, Outcome::Complete));
    assert_eq!((row.cost.to_string().as_str(), row.source), ("0.000285", UsageSource::Estimated));
    world.finish().await;
}

#[tokio::test]
async fn sound_that_breaks_off_is_not_taken_for_a_whole_one() {
    let world = world().await;
    let head = "HTTP/1.1 200 X\r\ncontent-type: audio/wav\r\ntransfer-encoding: chunked\r\n\r\n";
    world.upstream.then(vec![
        Step::Send(head.as_bytes().to_vec()),
        Step::Send(chunk(b"RIFFhalf")),
        Step::Reset,
    ]);
    let request =
        world.caller.request("POST", "/v1/audio/speech", JSON, r#"{"model":"any-model","input":"Hello"}"#);
    let mut stream = world.caller.open(request.as_bytes()).await;
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    assert!(!all.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&all));
    assert_eq!(world.only_usage().await.outcome, Outcome::Cut);
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_is_charged_for_what_was_asked() {
    let world = world().await;
    let head = "HTTP/1.1 200 X\r\ncontent-type: audio/wav\r\ntransfer-encoding: chunked\r\n\r\n";
    world.upstream.then(vec![
        Step::Send(head.as_bytes().to_vec()),
        Step::Send(chunk(b"RIFFhalf")),
        Step::Hang,
    ]);
    let body = r#"{"model":"any-model","input":"Hello"}"#;
    drop(world.caller.open_until("/v1/audio/speech", body, "RIFFhalf").await);
    eventually("the upstream call to be cancelled", || async { world.upstream.hung_up().len() == 1 }).await;
    let row = world.only_usage().await;
    assert_eq!((row.outcome, row.units.characters), (Outcome::Cancelled, 5));
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_answer_of_the_endpoint_does_not_pass() {
    let world = world().await;
    let speech = r#"{"model":"any-model","input":"Hello"}"#;
    for (headers, body) in [
        ("content-type: text/html\r\n", "<html>PLANTED</html>"),
        (JSON, r#"{"error":{"message":"broken"}}"#),
        ("content-type: image/svg+xml\r\n", "<svg/>"),
    ] {
        world.upstream.says(200, headers, body);
        let got = world.caller.post("/v1/audio/speech", speech).await;
        assert!(got.status >= 500 && !got.text().contains("PLANTED"), "{headers}: {}", got.text());
        world.upstream.forget();
    }
    world.finish().await;
}

#[tokio::test]
async fn streams_of_pictures_speech_and_transcripts_are_counted_by_their_last_event() {
    let world = world().await;
    let drawn = [
        "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"QQ==\"}\n\n",
        "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"QQ==\",\"usage\":{\"total_tokens\":9,\"input_tokens\":4,\"output_tokens\":5,\"input_tokens_details\":{\"text_tokens\":4,\"image_tokens\":0}}}\n\n",
    ];
    let spoken = [
        "data: {\"type\":\"speech.audio.delta\",\"audio\":\"QUJD\"}\n\n",
        "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":9,\"total_tokens\":12}}\n\n",
    ];
    let heard = [
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hi\"}\n\n",
        "data: {\"type\":\"transcript.text.done\",\"text\":\"Hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":7,\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":7},\"output_tokens\":2,\"total_tokens\":9}}\n\n",
    ];
    let streamed = form("any-model").replacen(
        "--xX\r\n",
        "--xX\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--xX\r\n",
        1,
    );
    for (path, headers, body, events) in [
        ("/v1/images/generations", JSON, r#"{"model":"any-model","prompt":"a","stream":true}"#, drawn),
        ("/v1/audio/speech", JSON, r#"{"model":"any-model","input":"a","stream_format":"sse"}"#, spoken),
        ("/v1/audio/transcriptions", FORM, streamed.as_str(), heard),
    ] {
        world.upstream.streams(&events);
        let got = world.caller.post_with(path, headers, body).await;
        assert_eq!(got.status, 200, "{}", got.text());
        assert!(got.text().starts_with(&events.concat()), "{}", got.text());
    }
    let tokens: Vec<Tokens> = world.usage(3).await.iter().map(|row| row.tokens).collect();
    let none = Tokens::default();
    let expect = [
        Tokens { input: 4, output: 5, ..none },
        Tokens { input: 3, audio: 9, ..none },
        Tokens { audio: 7, output: 2, ..none },
    ];
    assert_eq!(tokens, expect);
    world.finish().await;
}

#[tokio::test]
async fn a_unit_without_a_price_is_told() {
    let world = world().await;
    world.upstream.answers(r#"{"data":[{"url":"https://example.com/1"}]}"#);
    let got = world.caller.post("/v1/images/generations", r#"{"model":"bare-model","prompt":"a"}"#).await;
    assert_eq!((got.status, got.header("x-portcullis-cost-usd")), (200, Some("0")));
    let row = world.only_usage().await;
    assert_eq!((row.units.pictures, row.pricing.as_str()), (1, "unpriced"));
    world.finish().await;
}
