//! The shipped data is sound, and a catalogue file is read strictly.

use std::collections::HashSet;

use domain::money::{Money, NotMoney};
use domain::price::Tokens;
use proptest::prelude::*;

use super::*;

const ROW: &str = "[[model]]\nprovider = \"openai\"\nname = \"m\"\nkind = \"chat\"\n";

fn file(body: &str) -> String {
    format!("version = \"v1\"\n{body}")
}

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

fn cost(catalog: &Catalog, provider: &str, model: &str, tokens: Tokens) -> Money {
    catalog.facts().get(provider, model).unwrap().pricing.cost(&tokens)
}

#[test]
fn every_shipped_price_has_a_source_and_a_date() {
    let catalog = Catalog::shipped().unwrap();
    for model in catalog.models().filter(|model| model.provider != "demo") {
        assert!(model.source_url.is_some() && model.checked.is_some(), "{}/{}", model.provider, model.name);
        assert!(
            model.checked.as_deref() <= Some(catalog.version.as_str()),
            "{} is of the future",
            model.name
        );
    }
}

#[test]
fn every_shipped_model_fits_an_endpoint_of_its_provider() {
    use domain::usage::Surface;
    for model in Catalog::shipped().unwrap().models() {
        let surface = match model.kind {
            Kind::Chat => Surface::Chat,
            Kind::Embedding => Surface::Embeddings,
            Kind::Completion => Surface::Completions,
            Kind::Image => Surface::Images,
            Kind::Speech => Surface::Speech,
            Kind::Transcription => Surface::Transcriptions,
            Kind::Moderation => Surface::Moderations,
            Kind::Rerank => Surface::Rerank,
        };
        assert!(provider(model.provider).unwrap().has(surface), "{}/{}", model.provider, model.name);
    }
}

#[test]
fn a_long_prompt_never_costs_less() {
    let catalog = Catalog::shipped().unwrap();
    let stepped: Vec<_> = catalog
        .models()
        .filter_map(|model| match model.pricing {
            Pricing::Stepped(stepped) => Some((&model.name, stepped)),
            _ => None,
        })
        .collect();
    assert!(!stepped.is_empty());
    for (name, stepped) in stepped {
        let each = |tokens: &Tokens| (stepped.below.cost(tokens), stepped.beyond.cost(tokens));
        for tokens in [
            Tokens { input: 1_000_000, ..Tokens::default() },
            Tokens { cache_read: 1_000_000, ..Tokens::default() },
            Tokens { cache_write: 1_000_000, ..Tokens::default() },
            Tokens { output: 1_000_000, ..Tokens::default() },
            Tokens { audio: 1_000_000, ..Tokens::default() },
            Tokens { cache_write_1h: 1_000_000, ..Tokens::default() },
            Tokens { image: 1_000_000, ..Tokens::default() },
        ] {
            let (below, beyond) = each(&tokens);
            assert!(below <= beyond, "{name}: {tokens:?}");
        }
    }
}

#[test]
fn well_known_calls_cost_what_the_price_lists_say() {
    let catalog = Catalog::shipped().unwrap();
    let million = 1_000_000;
    let call = Tokens {
        input: million,
        cache_read: million,
        output: million,
        reasoning: million,
        ..Tokens::default()
    };
    assert_eq!(cost(&catalog, "openai", "gpt-4o", call), usd("23.75"));
    assert_eq!(cost(&catalog, "openai", "gpt-4o-mini-2024-07-18", call), usd("1.425"), "by its snapshot");
    let embedded = Tokens { input: million, ..Tokens::default() };
    assert_eq!(cost(&catalog, "openai", "text-embedding-3-small", embedded), usd("0.02"));
    let short = Tokens { input: 200_000, output: 1000, ..Tokens::default() };
    assert_eq!(cost(&catalog, "gemini", "gemini-2.5-pro", short), usd("0.26"));
    let long = Tokens { input: 200_001, output: 1000, ..Tokens::default() };
    assert_eq!(cost(&catalog, "gemini", "gemini-2.5-pro", long), usd("0.5150025"));
    let fast = Tokens { input: million, output: million, ..Tokens::default() };
    assert_eq!(cost(&catalog, "demo", "demo-fast", fast), usd("0.75"));
    assert_eq!(cost(&catalog, "demo", "demo-smart", fast), usd("12.5"));
    assert_eq!(cost(&catalog, "demo", "demo-embed", embedded), usd("0.02"));
}

#[test]
fn unlisted_models_are_free_on_ones_own_server_and_unpriced_elsewhere() {
    let facts = Catalog::shipped().unwrap().facts();
    let word = |provider, model| facts.get(provider, model).unwrap().pricing.word();
    for own in ["ollama", "vllm", "lmstudio", "llamacpp"] {
        assert_eq!(word(own, "any-model"), "free", "{own}");
    }
    assert_eq!(word("openai", "not-yet-known"), "unpriced");
    assert_eq!(word("openai_compatible", "any-model"), "unpriced");
    assert_eq!(&*facts.get("ollama", "any-model").unwrap().price_version, "default/ollama/free");
    assert_eq!(&*facts.get("openai", "gpt-4o-2024-11-20").unwrap().price_version, "2026-11-22/openai/gpt-4o");
}

#[test]
fn providers_are_unique_and_their_addresses_are_safe() {
    let slugs: HashSet<&str> = providers().iter().map(|provider| provider.slug).collect();
    assert_eq!(slugs.len(), providers().len());
    for row in providers() {
        assert!(row.docs_url.starts_with("https://"), "{}", row.slug);
        assert!(!row.title.is_empty() && !row.endpoints().is_empty(), "{}", row.slug);
        assert!(row.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", row.slug);
        match row.base_url {
            Some(url) if row.local => assert!(url.starts_with("http://127.0.0.1:"), "{url}"),
            Some(url) => assert!(url.starts_with("https://"), "{url}"),
            None => assert!(row.slug == "demo" || row.notes.contains("names the base URL"), "{}", row.slug),
        }
        assert!(row.base_url.is_none_or(|url| !url.ends_with('/')), "{}", row.slug);
    }
    let refused: Vec<&str> =
        providers().iter().filter(|row| row.production == Production::Refused).map(|row| row.slug).collect();
    assert_eq!(refused, ["demo"]);
}

#[test]
fn what_a_model_reads_and_writes_fits_its_kind() {
    for model in Catalog::shipped().unwrap().models() {
        let (reads, writes) = (model.reads, model.writes);
        let fits = match model.kind {
            Kind::Image => writes.has(Modality::Image),
            Kind::Speech => reads.has(Modality::Text) && writes.has(Modality::Audio),
            Kind::Transcription => reads.has(Modality::Audio) && writes.has(Modality::Text),
            Kind::Chat | Kind::Completion => reads.has(Modality::Text) && writes.has(Modality::Text),
            Kind::Embedding | Kind::Moderation | Kind::Rerank => reads.has(Modality::Text),
        };
        assert!(fits || reads.is_unknown(), "{}/{}", model.provider, model.name);
        assert_eq!(reads.is_unknown(), writes.is_unknown() && model.kind.has_output(), "{}", model.name);
    }
}

#[test]
fn what_a_batch_costs_is_the_providers_share_unless_a_row_says_otherwise() {
    let row = |name: &str, rest: &str| {
        ROW.replace("\"m\"", &format!("\"{name}\"")) + "input = \"1\"\noutput = \"2\"\n" + rest
    };
    let own = row("of-provider", "")
        + &row("own", "batch_percent = 75\n")
        + &row("never", "batch_percent = \"none\"\n");
    let facts = Catalog::parse(&file(&own)).unwrap().facts();
    let percent = |provider, model| facts.get(provider, model).unwrap().batch_percent;
    assert_eq!(percent("openai", "of-provider"), Some(50));
    assert_eq!(percent("openai", "own"), Some(75));
    assert_eq!(percent("openai", "never"), None);
    for provider in ["openai", "azure", "groq"] {
        assert_eq!(percent(provider, "a-deployment"), Some(50), "{provider}");
    }
    assert_eq!(percent("openai_compatible", "any"), None);
    // Groq grants one discount, not both.
    let shipped = Catalog::shipped().unwrap().facts();
    let cost = |provider, model| {
        let tokens = Tokens { cache_read: 1_000_000, output: 1_000_000, ..Tokens::default() };
        shipped.get(provider, model).unwrap().batch_pricing().cost(&tokens)
    };
    assert_eq!(cost("groq", "openai/gpt-oss-120b"), usd("0.375"));
    assert_eq!(cost("openai", "gpt-4o"), usd("5.625"));
    for row in providers().iter().filter(|row| row.batch_percent.is_some()) {
        assert!(row.has(domain::usage::Surface::Batches), "{}", row.slug);
    }
}

fn refuse(row: &str, expect: BadRow) {
    let refused = Catalog::parse(&file(row)).unwrap_err();
    let BadCatalog::Row { row: named, problem } = refused else { panic!("{row}: {refused}") };
    assert_eq!(problem, expect, "{row}");
    assert!(named.starts_with("openai/") || problem == BadRow::UnknownProvider, "{named}");
}

#[test]
fn bad_rows_are_refused_by_name() {
    let priced = |rest: &str| format!("{ROW}input = \"1\"\noutput = \"2\"\n{rest}");
    refuse(&format!("{ROW}input = \"-1\"\noutput = \"2\""), BadRow::Negative("input"));
    refuse(&format!("{ROW}input = \"1\"\noutput = \"-0.000000001\""), BadRow::Negative("output"));
    refuse(&priced("cache_read = \"-1\""), BadRow::Negative("cache_read"));
    refuse(&priced("request = \"-1\""), BadRow::Negative("request"));
    refuse(
        &priced("long_prompt = { from_tokens = 9, input = \"1\", output = \"-1\" }"),
        BadRow::Negative("long_prompt.output"),
    );
    refuse(
        &priced("long_prompt = { from_tokens = 0, input = \"1\", output = \"1\" }"),
        BadRow::Zero("long_prompt.from_tokens"),
    );
    for (text, fault) in
        [("1e3", NotMoney::Malformed), ("", NotMoney::Malformed), ("NaN", NotMoney::Malformed)]
    {
        refuse(&priced(&format!("audio = \"{text}\"")), BadRow::NotAnAmount { field: "audio", fault });
    }
    refuse(
        &priced("audio = \"0.0000000001\""),
        BadRow::NotAnAmount { field: "audio", fault: NotMoney::TooFine },
    );
    refuse(
        &priced("audio = \"99999999999999999999\""),
        BadRow::NotAnAmount { field: "audio", fault: NotMoney::TooLarge },
    );
    refuse(ROW, BadRow::Missing("input"));
    refuse(&format!("{ROW}input = \"1\""), BadRow::Missing("output"));
    refuse(&priced("pricing = \"free\""), BadRow::PriceBesideWord("input"));
    refuse(&priced("context_tokens = 0"), BadRow::Zero("context_tokens"));
    refuse(&priced("reads = []"), BadRow::BadModalities("reads"));
    refuse(&priced("writes = [\"text\", \"image\", \"text\"]"), BadRow::BadModalities("writes"));
    let embedding = priced("reads = [\"text\"]\nwrites = [\"text\"]").replace("chat", "embedding");
    refuse(&embedding, BadRow::WritesNothing);
    refuse(&priced("batch_percent = 0"), BadRow::BadBatchPercent);
    refuse(&priced("batch_percent = 101"), BadRow::BadBatchPercent);
    refuse(&priced("source = \"http://example.com\""), BadRow::BadSource);
    refuse(&priced("checked = \"2026-13-01\""), BadRow::BadDate);
    refuse(&priced("checked = \"22.11.2026\""), BadRow::BadDate);
    refuse(&priced("aliases = [\"m\"]"), BadRow::NameTwice("m".to_owned()));
    refuse(&priced("aliases = [\"two words\"]"), BadRow::BadName);
    refuse(&format!("{}{}", priced(""), priced("")), BadRow::NameTwice("m".to_owned()));
    refuse(&priced("").replace("openai", "nobody"), BadRow::UnknownProvider);
}

#[test]
fn files_of_another_form_are_refused() {
    for text in [
        "",
        "version = 1",
        "version = \"v1\"\nmodels = []",
        &file(&format!("{ROW}input = 1.0\noutput = \"2\"")),
        &file(&format!("{ROW}input = \"1\"\noutput = \"2\"\nprice = \"3\"")),
        &file(&ROW.replace("chat", "video")),
        &file(&format!("{ROW}{ROW}name = \"again\"")),
        &file(&format!("{ROW}pricing = \"free\"\nreads = [\"smell\"]")),
        &file(&format!("{ROW}pricing = \"free\"\nreads = \"text\"")),
        &file(&format!("{ROW}pricing = \"free\"\nbatch_percent = \"half\"")),
        &file(&format!("{ROW}pricing = \"free\"\nbatch_percent = 256")),
        &file(&format!("{ROW}pricing = \"free\"\nmax_output_tokens = -1")),
    ] {
        assert!(matches!(Catalog::parse(text), Err(BadCatalog::Form(_))), "{text}");
    }
    for version in ["", "a b", "é", &"9".repeat(41)] {
        assert_eq!(
            Catalog::parse(&format!("version = \"{version}\"")),
            Err(BadCatalog::Version),
            "{version}"
        );
    }
}

#[test]
fn an_overlay_takes_the_place_of_what_it_names() {
    let mut catalog = Catalog::parse(&file(&format!(
        "{ROW}aliases = [\"m-1\", \"m-2\"]\ninput = \"1\"\noutput = \"1\"\n\
         [[model]]\nprovider = \"openai\"\nname = \"n\"\naliases = [\"n-1\"]\nkind = \"chat\"\npricing = \"unpriced\"\n\
         [[model]]\nprovider = \"groq\"\nname = \"m\"\nkind = \"chat\"\ninput = \"9\"\noutput = \"9\"\n"
    )))
    .unwrap();
    let own = "version = \"own\"\n\
               [[model]]\nprovider = \"openai\"\nname = \"m\"\nkind = \"chat\"\ninput = \"5\"\noutput = \"5\"\n\
               [[model]]\nprovider = \"openai\"\nname = \"x\"\naliases = [\"m-2\", \"n-1\"]\nkind = \"chat\"\n\
               pricing = \"free\"\n";
    catalog.overlay(Catalog::parse(own).unwrap());
    assert_eq!(catalog.version, "v1+own");
    let facts = catalog.facts();
    let version = |provider, model| facts.get(provider, model).unwrap().price_version.to_string();
    assert_eq!(version("openai", "m"), "own/openai/m");
    assert_eq!(version("openai", "m-1"), "own/openai/m", "other names follow the row that takes its place");
    assert_eq!(version("openai", "m-2"), "own/openai/x", "unless they are claimed");
    assert_eq!(version("openai", "n-1"), "own/openai/x");
    assert_eq!(version("openai", "n"), "v1/openai/n");
    assert_eq!(version("groq", "m"), "v1/groq/m", "another provider's model of that name stays");
    let names: Vec<(&str, &str)> =
        catalog.models().flat_map(|model| model.names().map(|name| (model.provider, name))).collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "no name is given twice");
    assert_eq!(catalog.model("openai", "m-1").unwrap().name, "m");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}", at in 0..SHIPPED.len(), cut in 0usize..40) {
        let _ = Catalog::parse(&text);
        let _ = Catalog::parse(&file(&format!("{ROW}{text}")));
        let mut bytes = SHIPPED.as_bytes()[..8000].to_vec();
        let at = at % bytes.len();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, text.bytes());
        if let Ok(spliced) = String::from_utf8(bytes) {
            let _ = Catalog::parse(&spliced);
        }
    }

    #[test]
    fn what_is_read_never_credits_anyone(input in "-?[0-9]{1,5}(\\.[0-9]{0,10})?", output in "-?[0-9]{1,5}(\\.[0-9]{0,10})?") {
        let text = file(&format!("{ROW}input = \"{input}\"\noutput = \"{output}\""));
        if let Ok(catalog) = Catalog::parse(&text) {
            let (cache_write_1h, image) = (7, 7);
            let tokens =
                Tokens { input: 7, cache_read: 7, cache_write: 7, output: 7, reasoning: 7, audio: 7, cache_write_1h, image };
            prop_assert!(cost(&catalog, "openai", "m", tokens) >= Money::ZERO);
        }
    }

    #[test]
    fn key_checks_never_panic_and_never_pass_white_space(secret in proptest::collection::vec(any::<u8>(), 0..40)) {
        for provider in providers() {
            if check_key_format(provider, &secret).is_ok() {
                prop_assert!(secret.iter().all(u8::is_ascii_graphic) && !secret.is_empty());
            }
        }
    }
}
