//! The table of providers: one row each, with the page that states its facts. A new compatible provider is a new
//! row here and prices in `models.toml`, nothing else.

use domain::catalog::CachedInBatch;
use domain::chat::tool_id::Grammar;
use domain::protocol::Protocol::{self, Anthropic, Bedrock, Gemini};
use domain::usage::Surface::{
    self, Batches, Completions, Embeddings, ImageEdits, Images, Moderations, Rerank, Speech, Transcriptions,
};

use crate::openai::ChatForm;

use super::provider::{Auth, KeyRule, Production, Provider, StreamUsage};

/// What speaks OpenAI's chat completions alone.
const CHAT: &[Protocol] = &[Protocol::Chat];

/// What speaks both of OpenAI's protocols.
const CHAT_AND_RESPONSES: &[Protocol] = &[Protocol::Chat, Protocol::Responses];

/// The endpoints of OpenAI itself.
const ALL_OF_OPENAI: &[Surface] =
    &[Completions, Embeddings, Moderations, Images, ImageEdits, Speech, Transcriptions, Batches];

/// What OpenAI, Azure and Groq charge for a token in a batch: "at 50 % less" than elsewhere, by the page of each,
/// <https://developers.openai.com/api/docs/guides/batch>, <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch>
/// and <https://console.groq.com/docs/batch>.
const HALF: Option<u8> = Some(50);

/// What most rows have in common, so that each row shows what is its own.
const CLOUD: Provider = Provider {
    slug: "",
    title: "",
    base_url: None,
    key: KeyRule::Required,
    key_prefixes: &[],
    auth: Auth::Bearer,
    protocols: CHAT,
    usage_in_streams: StreamUsage::OnRequest,
    tool_ids: Grammar::Any,
    chat: ChatForm::COMPATIBLE,
    surfaces: &[],
    batch_percent: None,
    cached_in_batch: CachedInBatch::ShareOfItsPrice,
    local: false,
    production: Production::Allowed,
    docs_url: "",
    notes: "",
};

/// What the servers that people run themselves have in common.
const OWN_SERVER: Provider = Provider {
    key: KeyRule::Optional,
    surfaces: &[Completions, Embeddings],
    local: true,
    chat: ChatForm::OWN_SERVER,
    ..CLOUD
};

pub(super) static TABLE: &[Provider] = &[
    Provider {
        slug: "openai",
        title: "OpenAI",
        base_url: Some("https://api.openai.com/v1"),
        key_prefixes: &["sk-"],
        protocols: CHAT_AND_RESPONSES,
        tool_ids: Grammar::Short,
        surfaces: ALL_OF_OPENAI,
        batch_percent: HALF,
        chat: ChatForm::OPENAI,
        docs_url: "https://platform.openai.com/docs/api-reference",
        ..CLOUD
    },
    Provider {
        slug: "anthropic",
        title: "Anthropic",
        base_url: Some("https://api.anthropic.com/v1"),
        key_prefixes: &["sk-ant-"],
        auth: Auth::AnthropicKey,
        protocols: &[Anthropic],
        tool_ids: Grammar::Word,
        docs_url: "https://platform.claude.com/docs/en/api/overview",
        ..CLOUD
    },
    Provider {
        slug: "gemini",
        title: "Google Gemini (AI Studio)",
        base_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        key_prefixes: &["AI", "AQ."],
        auth: Auth::GoogleKey,
        protocols: &[Gemini],
        surfaces: &[Embeddings],
        docs_url: "https://ai.google.dev/api",
        notes: "Keys made since 2026 start with `AQ.`, older ones with `AIza`.",
        ..CLOUD
    },
    Provider {
        slug: "vertex",
        title: "Google Vertex AI",
        auth: Auth::GoogleServiceAccount,
        protocols: &[Gemini],
        docs_url: "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        notes: "The connection names the base URL with project and location: \
                `https://europe-west1-aiplatform.googleapis.com/v1/projects/PROJECT/locations/europe-west1/publishers/google`. \
                Its key is the JSON file of a service account.",
        ..CLOUD
    },
    Provider {
        slug: "bedrock",
        title: "Amazon Bedrock",
        auth: Auth::Aws,
        protocols: &[Bedrock],
        tool_ids: Grammar::Word,
        docs_url: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        notes: "The connection names the base URL, whose host says the region: \
                `https://bedrock-runtime.eu-central-1.amazonaws.com`. Its key is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with \
                `:SESSION_TOKEN` where there is one, or an API key of Bedrock.",
        ..CLOUD
    },
    Provider {
        slug: "azure",
        title: "Azure OpenAI",
        auth: Auth::AzureKey,
        protocols: CHAT_AND_RESPONSES,
        tool_ids: Grammar::Short,
        surfaces: &[Completions, Embeddings, Images, ImageEdits, Speech, Transcriptions, Batches],
        batch_percent: HALF,
        chat: ChatForm::OPENAI,
        docs_url: "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle",
        notes: "The connection names the base URL, `https://RESOURCE.openai.azure.com/openai/v1`; a model is the name of a \
                deployment, so its price must be told.",
        ..CLOUD
    },
    Provider {
        slug: "openrouter",
        title: "OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        key_prefixes: &["sk-or-"],
        surfaces: &[Completions, Embeddings],
        chat: ChatForm::OPENROUTER,
        docs_url: "https://openrouter.ai/docs/quickstart",
        notes: "What a model costs depends on the host that OpenRouter picks, so its models are unpriced until you \
                price them.",
        ..CLOUD
    },
    Provider {
        slug: "groq",
        title: "Groq",
        base_url: Some("https://api.groq.com/openai/v1"),
        key_prefixes: &["gsk_"],
        surfaces: &[Batches],
        batch_percent: HALF,
        // "The prompt caching discount does not stack with the batch discount", <https://console.groq.com/docs/prompt-caching>.
        cached_in_batch: CachedInBatch::AsOtherInput,
        chat: ChatForm::GROQ,
        docs_url: "https://console.groq.com/docs/openai",
        notes: "Token counts of a stream may come in `x_groq.usage`.",
        ..CLOUD
    },
    Provider {
        slug: "mistral",
        title: "Mistral",
        base_url: Some("https://api.mistral.ai/v1"),
        usage_in_streams: StreamUsage::Unasked,
        tool_ids: Grammar::Nine,
        surfaces: &[Embeddings],
        chat: ChatForm::MISTRAL,
        docs_url: "https://docs.mistral.ai/api/",
        notes: "Refuses fields it does not know with status 422, among them `stream_options` and \
                `max_completion_tokens`; the last event of a stream carries the token counts unasked.",
        ..CLOUD
    },
    Provider {
        slug: "deepseek",
        title: "DeepSeek",
        base_url: Some("https://api.deepseek.com"),
        key_prefixes: &["sk-"],
        chat: ChatForm::DEEPSEEK,
        docs_url: "https://api-docs.deepseek.com/",
        notes: "The base URL has no `/v1`. Prices halve outside peak hours (weekdays 01:00-04:00 and 06:00-10:00 \
                UTC); the catalogue holds the peak prices, so a recorded cost is the most a call can have cost.",
        ..CLOUD
    },
    Provider {
        slug: "together",
        title: "Together AI",
        base_url: Some("https://api.together.xyz/v1"),
        surfaces: &[Completions, Embeddings],
        docs_url: "https://docs.together.ai/docs/openai-api-compatibility",
        ..CLOUD
    },
    Provider {
        slug: "perplexity",
        title: "Perplexity",
        base_url: Some("https://api.perplexity.ai/v1"),
        key_prefixes: &["pplx-"],
        protocols: &[Protocol::Responses],
        surfaces: &[Embeddings],
        docs_url: "https://docs.perplexity.ai/docs/agent-api/openai-compatibility",
        notes: "Conversations are those of its Agent API, which speaks the Responses protocol; models are named as \
                `openai/gpt-5.5`. Embedding vectors come as `base64_int8` or `base64_binary`, not as floats.",
        ..CLOUD
    },
    Provider {
        slug: "cohere",
        title: "Cohere",
        base_url: Some("https://api.cohere.ai/compatibility/v1"),
        usage_in_streams: StreamUsage::Unasked,
        surfaces: &[Embeddings],
        docs_url: "https://docs.cohere.com/docs/compatibility-api",
        notes: "The compatibility endpoint refuses `stream_options`; a stream without token counts is estimated.",
        ..CLOUD
    },
    Provider {
        slug: "cohere_rerank",
        title: "Cohere, ranking",
        base_url: Some("https://api.cohere.com/v2"),
        protocols: &[],
        surfaces: &[Rerank],
        docs_url: "https://docs.cohere.com/reference/rerank",
        notes: "Ranking stands at another address than Cohere's compatibility endpoint, hence a connection of its own with \
                the same key. `POST /v1/rerank` is passed on as it is.",
        ..CLOUD
    },
    Provider {
        slug: "jina",
        title: "Jina AI",
        base_url: Some("https://api.jina.ai/v1"),
        key_prefixes: &["jina_"],
        protocols: &[],
        surfaces: &[Embeddings, Rerank],
        docs_url: "https://jina.ai/reranker/",
        ..CLOUD
    },
    Provider {
        slug: "xai",
        title: "xAI",
        base_url: Some("https://api.x.ai/v1"),
        key_prefixes: &["xai-"],
        docs_url: "https://docs.x.ai/docs/api-reference",
        notes: "Reasoning tokens stand beside the completion tokens in chat, not inside them.",
        ..CLOUD
    },
    Provider {
        slug: "fireworks",
        title: "Fireworks AI",
        base_url: Some("https://api.fireworks.ai/inference/v1"),
        surfaces: &[Completions, Embeddings],
        docs_url: "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        notes: "Model names are paths such as `accounts/fireworks/models/kimi-k3`.",
        ..CLOUD
    },
    Provider {
        slug: "cerebras",
        title: "Cerebras",
        base_url: Some("https://api.cerebras.ai/v1"),
        key_prefixes: &["csk-"],
        surfaces: &[Completions],
        docs_url: "https://inference-docs.cerebras.ai/resources/openai",
        ..CLOUD
    },
    Provider {
        slug: "ollama",
        title: "Ollama",
        base_url: Some("http://127.0.0.1:11434/v1"),
        docs_url: "https://docs.ollama.com/api/openai-compatibility",
        ..OWN_SERVER
    },
    Provider {
        slug: "vllm",
        title: "vLLM",
        base_url: Some("http://127.0.0.1:8000/v1"),
        docs_url: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        ..OWN_SERVER
    },
    Provider {
        slug: "lmstudio",
        title: "LM Studio",
        base_url: Some("http://127.0.0.1:1234/v1"),
        docs_url: "https://lmstudio.ai/docs/developer/openai-compat",
        ..OWN_SERVER
    },
    Provider {
        slug: "llamacpp",
        title: "llama.cpp server",
        base_url: Some("http://127.0.0.1:8080/v1"),
        docs_url: "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        notes: "Its default port is the gateway's own default: start it with another one, e.g. `--port 8090`, and \
                give the connection that base URL.",
        ..OWN_SERVER
    },
    Provider {
        slug: "openai_compatible",
        title: "Any OpenAI-compatible server",
        key: KeyRule::Optional,
        surfaces: &[
            Completions,
            Embeddings,
            Moderations,
            Images,
            ImageEdits,
            Speech,
            Transcriptions,
            Rerank,
            Batches,
        ],
        docs_url: "https://platform.openai.com/docs/api-reference",
        notes: "The connection names the base URL, up to the part before `/chat/completions`. Models are unpriced \
                until you price them or declare them free.",
        ..CLOUD
    },
    Provider {
        slug: "responses_compatible",
        title: "Any server of OpenAI's responses",
        key: KeyRule::Optional,
        protocols: &[Protocol::Responses],
        docs_url: "https://platform.openai.com/docs/api-reference/responses",
        notes: "The connection names the base URL, up to the part before `/responses`. Every caller is served in that \
                protocol, and nothing is stored there. Models are unpriced until you price them or declare them free.",
        ..CLOUD
    },
    Provider {
        slug: "anthropic_compatible",
        title: "Any Anthropic-compatible server",
        key: KeyRule::Optional,
        auth: Auth::AnthropicKey,
        protocols: &[Anthropic],
        tool_ids: Grammar::Word,
        docs_url: "https://platform.claude.com/docs/en/api/messages",
        notes: "The connection names the base URL, up to the part before `/messages`. Models are unpriced until you price \
                them or declare them free.",
        ..CLOUD
    },
    Provider {
        slug: "gemini_compatible",
        title: "Any Gemini-compatible server",
        key: KeyRule::Optional,
        auth: Auth::GoogleKey,
        protocols: &[Gemini],
        surfaces: &[Embeddings],
        docs_url: "https://ai.google.dev/api/generate-content",
        notes: "The connection names the base URL, up to the part before `/models/`. Models are unpriced until you price \
                them or declare them free.",
        ..CLOUD
    },
    Provider {
        slug: "demo",
        title: "Demo provider",
        production: Production::Refused,
        docs_url: "https://platform.openai.com/docs/api-reference",
        notes: "Built in: deterministic text on a loopback port, not a model. Its prices are made up, so that there \
                are costs to look at.",
        ..OWN_SERVER
    },
];
