use proptest::prelude::*;

use super::*;

/// A line whose request was answered so.
fn answered(status: u16, body: &str) -> String {
    format!(
        r#"{{"id":"batch_req_1","custom_id":"a","response":{{"status_code":{status},"request_id":"r","body":{body}}},"error":null}}"#
    )
}

const CHAT: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",
"content":"four"},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":8,"total_tokens":32,
"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
const RESPONSE: &str = r#"{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{"type":"message",
"role":"assistant","content":[{"type":"output_text","text":"four"}]}],"usage":{"input_tokens":10,"input_tokens_details":
{"cached_tokens":1},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}}"#;
const EMBEDDING: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
const EXPIRED: &str =
    r#"{"id":"batch_req_2","custom_id":"b","response":null,"error":{"code":"batch_expired","message":"m"}}"#;
const REFUSED: &str =
    r#"{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}"#;

fn chat_line() -> String {
    answered(200, &CHAT.replace('\n', ""))
}

fn run(surface: Surface, file: &[u8], cuts: &[usize]) -> Results {
    let mut reader = Reader::new(surface);
    let mut rest = file;
    for &cut in cuts {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        reader.feed(piece);
        rest = after;
    }
    reader.feed(rest);
    reader.finish()
}

#[track_caller]
fn check(surface: Surface, file: &str, expect: Results) {
    assert_eq!(run(surface, file.as_bytes(), &[]), expect, "{file}");
}

const CHAT_TOKENS: Tokens = Tokens {
    input: 20,
    cache_read: 4,
    cache_write: 0,
    output: 5,
    reasoning: 3,
    audio: 0,
    cache_write_1h: 0,
    image: 0,
};

#[test]
fn usage_is_read_as_that_of_calls_is() {
    let none = Results::default();
    check(Surface::Chat, &chat_line(), Results { tokens: CHAT_TOKENS, answered: 1, ..none });
    let used = Tokens { input: 9, cache_read: 1, output: 3, reasoning: 2, ..Tokens::default() };
    let response = answered(200, &RESPONSE.replace('\n', ""));
    check(Surface::Responses, &response, Results { tokens: used, answered: 1, ..none });
    let used = Tokens { input: 8, ..Tokens::default() };
    check(Surface::Embeddings, &answered(200, EMBEDDING), Results { tokens: used, answered: 1, ..none });
    let moderation = answered(200, r#"{"id":"modr-1","results":[{"flagged":false}]}"#);
    check(Surface::Moderations, &moderation, Results { answered: 1, ..none });
    let completion = answered(
        200,
        r#"{"choices":[{"text":"ab","index":0}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    );
    let used = Tokens { input: 1, output: 2, ..Tokens::default() };
    check(Surface::Completions, &completion, Results { tokens: used, answered: 1, ..none });
}

#[test]
fn lines_are_told_apart() {
    let none = Results::default();
    let one = |line: &str, expect: Results| check(Surface::Chat, line, expect);
    one("", none);
    one("\n\r\n \n", none);
    one(EXPIRED, Results { failed: 1, ..none });
    one(&answered(400, REFUSED), Results { failed: 1, ..none });
    one(&answered(200, REFUSED), Results { failed: 1, ..none });
    one(&answered(429, "null"), Results { failed: 1, ..none });
    for line in [
        "<html>",
        "[]",
        "{}",
        r#"{"response":{}}"#,
        r#"{"response":{"status_code":200,"body":{"a":1}}}"#,
        "{\"a\":",
    ] {
        one(line, Results { unreadable: 1, ..none });
    }
    let silent =
        answered(200, r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"four"}}]}"#);
    one(&silent, Results { answered: 1, uncounted: 1, uncounted_bytes: 4, ..none });
    let azure = format!(
        r#"{{"custom_id":"t","response":{{"body":{},"request_id":"r","status_code":200}},"error":null}}"#,
        CHAT.replace('\n', "")
    );
    one(&azure, Results { tokens: CHAT_TOKENS, answered: 1, ..none });
}

#[test]
fn what_was_used_counts_even_where_the_answer_failed() {
    let failed = RESPONSE.replace('\n', "").replace(
        r#""status":"completed","error":null"#,
        r#""status":"failed","error":{"code":"server_error","message":"m"}"#,
    );
    let results = run(Surface::Responses, answered(200, &failed).as_bytes(), &[]);
    assert_eq!((results.failed, results.answered, results.tokens.total()), (1, 0, 15));
}

#[test]
fn lines_add_up_over_files() {
    let mut reader = Reader::new(Surface::Chat);
    reader.feed(format!("{}\n{}", chat_line(), chat_line()).as_bytes());
    reader.end_file();
    reader.feed(EXPIRED.as_bytes());
    let results = reader.finish();
    assert_eq!((results.answered, results.failed, results.tokens.total()), (2, 1, 64));
}

#[test]
fn a_line_too_long_is_passed_over_and_counted_wherever_it_is_cut() {
    let line = |bytes: usize| {
        let fixed = chat_line().len() - 1 + r#","x":"""#.len() + 1;
        chat_line().strip_suffix('}').unwrap().to_owned()
            + &format!(r#","x":"{}"}}"#, "y".repeat(bytes - fixed))
    };
    let longest = line(MAX_LINE_BYTES);
    let file = format!("{}\n{}\n{}\n{longest}", chat_line(), line(MAX_LINE_BYTES + 1), chat_line());
    let first = chat_line().len() + 1;
    for cuts in [
        vec![],
        vec![first, 1 << 20],
        vec![5, MAX_LINE_BYTES + 20],
        vec![first + MAX_LINE_BYTES + 1],
        vec![1 << 20; 30],
    ] {
        let results = run(Surface::Chat, file.as_bytes(), &cuts);
        assert_eq!((results.answered, results.unreadable), (3, 1), "{cuts:?}");
    }
}

#[test]
fn no_more_than_one_line_is_kept() {
    let mut reader = Reader::new(Surface::Chat);
    let piece = vec![b' '; 1 << 20];
    for _ in 0..64 {
        reader.feed(&piece);
        assert!(reader.line.capacity() <= 2 * MAX_LINE_BYTES);
    }
    assert_eq!(reader.line.capacity(), 0);
    reader.feed(b"\n");
    assert_eq!(reader.finish().unreadable, 1);
}

proptest! {
    #[test]
    fn the_same_comes_out_however_a_file_is_cut(
        order in prop::collection::vec(0usize..6, 0..8),
        cuts in prop::collection::vec(0usize..300, 0..12),
        end in prop_oneof![Just(""), Just("\n"), Just("\r\n")],
    ) {
        let kinds = [chat_line(), EXPIRED.to_owned(), answered(500, REFUSED), "oops".to_owned(), String::new(), "{\"a\":\"\u{fc}\"}\r".to_owned()];
        let lines: Vec<&str> = order.iter().map(|&kind| kinds[kind].as_str()).collect();
        let file = lines.join("\n") + end;
        let whole = run(Surface::Chat, file.as_bytes(), &[]);
        prop_assert_eq!(run(Surface::Chat, file.as_bytes(), &cuts), whole);
        let count = |kind: usize| u64::try_from(order.iter().filter(|&&one| one == kind).count()).unwrap();
        prop_assert_eq!(whole.answered, count(0));
        prop_assert_eq!(whole.failed, count(1) + count(2));
        prop_assert_eq!(whole.unreadable, count(3) + count(5));
        prop_assert_eq!(whole.tokens.total(), 32 * count(0));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(0usize..40, 0..6)) {
        for surface in Surface::ALL {
            prop_assert_eq!(run(surface, &bytes, &cuts), run(surface, &bytes, &[]));
        }
    }
}

#[test]
fn long_prompts_are_told_apart_line_by_line() {
    let long = chat_line().replace("\"prompt_tokens\":24", "\"prompt_tokens\":104").replace(":32", ":112");
    let file = format!("{}\n{long}\n{}\n", chat_line(), chat_line());
    let beyond = |from: u64| {
        let mut reader = Reader::stepped(Surface::Chat, from);
        reader.feed(file.as_bytes());
        let results = reader.finish();
        assert_eq!((results.tokens.prompt(), results.answered), (152, 3));
        results.beyond.prompt()
    };
    assert_eq!([24, 25, 104, 105].map(beyond), [152, 104, 104, 0]);
}
