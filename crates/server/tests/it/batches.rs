//! Files and batches through the gate: what of them is whose, what is read of them on the way, and what is booked of a
//! batch whatever becomes of it.

mod creation;
mod ending;
mod files;
mod owners;
mod references;

use std::time::Duration;

use domain::id::ProjectId;
use serde_json::{Value, json};

use crate::world::caller::{Answer, Caller};
use crate::world::keeper::Keeper;
use crate::world::{World, eventually, fresh};

/// A model of the catalogue, so that it has prices: 0.15 and 0.60 dollars for a million tokens, half of it in a batch.
const MODEL: &str = "gpt-4o-mini";
/// The line between the parts of the forms here.
const BOUNDARY: &str = "line-of-the-test";

/// An installation whose files and batches are with a provider of the test's.
struct Scene {
    world: World,
    keeper: Keeper,
}

impl Scene {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        // The start of a World's clock.
        let keeper = Keeper::start(1_767_225_600).await;
        let more = settings.iter().find(|(name, _)| *name == "egress.also");
        let address =
            more.map_or(keeper.address.to_string(), |(_, more)| format!("{},{more}", keeper.address));
        let also = [("egress.also", address.as_str()), ("egress.tenant_allow", address.as_str())];
        let mut world = World::with(&[settings, &also].concat()).await;
        let base_url = format!("http://{}/v1", keeper.address);
        world
            .add_connection_with("keeper", |new| {
                new.base_url = base_url;
                new.serves = domain::route::Serves::Listed(vec![MODEL.to_owned()]);
                new.priority = 1;
            })
            .await;
        world.restart().await;
        Self { world, keeper }
    }

    /// Brings a file.
    async fn bring(&self, purpose: &str, content: &str) -> Answer {
        bring(&self.world.caller, "/v1/files", purpose, content).await
    }

    /// Brings requests for a batch, and gives the name of their file.
    async fn input(&self) -> String {
        let answer = self.bring("batch", &lines(2)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Begins a batch, and gives its name.
    async fn begin(&self) -> String {
        let answer = self.create(&self.input().await).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn create(&self, input: &str) -> Answer {
        self.world.caller.post("/v1/batches", &creation(input)).await
    }

    /// The batch as it is shown.
    async fn batch(&self, name: &str) -> Value {
        let answer = self.world.caller.get(&format!("/v1/batches/{name}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Lets the gate look after the batches that are not in the books.
    async fn look(&self) {
        self.world.look_after_batches().await;
    }

    /// The file with the answers of a batch, by what its provider alone says.
    fn output_of(&self, batch: &str) -> String {
        self.keeper.batch(batch)["output_file_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the store knows of so many batches that are not in the books, so many of them without a name.
    async fn unsettled(&self, count: usize, nameless: usize) {
        let store = self.world.store();
        eventually(&format!("{count} open batches, {nameless} without a name"), || async {
            let open = store.batches().unsettled(None, 100).await.unwrap();
            let unnamed = open.iter().filter(|batch| batch.name.is_none()).count();
            (open.len(), unnamed) == (count, nameless)
        })
        .await;
    }
}

fn creation(input: &str) -> String {
    json!({"input_file_id": input, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
        .to_string()
}

/// Requests for a batch, with spaces and members that only the provider knows.
fn lines(count: usize) -> String {
    (1..=count).map(|index| line(&format!("r{index}"), &format!("openai/{MODEL}")) + "\n").collect()
}

fn line(custom_id: &str, model: &str) -> String {
    format!(
        r#"{{ "custom_id":"{custom_id}","method":"POST", "url":"/v1/chat/completions","body":{{"model": "{model}","messages":[{{"role":"user","content":"PLANTED-prompt-text é"}}],"logit_bias":{{"1":1}} }}}}"#
    )
}

/// A line of results.
fn result(custom_id: &str, prompt: u64, cached: u64, completion: u64) -> String {
    let usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    });
    let body = json!({"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "usage": usage,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]});
    let response = json!({"status_code": 200, "request_id": "r", "body": body});
    json!({"id": "b", "custom_id": custom_id, "response": response, "error": null}).to_string() + "\n"
}

/// A line of failures.
fn failure(custom_id: &str) -> String {
    let body = json!({"error": {"message": "no", "type": "invalid_request_error"}});
    let response = json!({"status_code": 400, "request_id": "r", "body": body});
    json!({"id": "b", "custom_id": custom_id, "response": response, "error": null}).to_string() + "\n"
}

/// A form that brings a file.
fn form(purpose: &str, content: &str) -> String {
    format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--{BOUNDARY}\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"mine.jsonl\"\r\n\
         content-type: application/octet-stream\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
    )
}

async fn bring(caller: &Caller, path: &str, purpose: &str, content: &str) -> Answer {
    let headers = format!("content-type: multipart/form-data; boundary={BOUNDARY}\r\n");
    caller.post_with(path, &headers, &form(purpose, content)).await
}

async fn delete(caller: &Caller, path: &str) -> Answer {
    caller.raw(caller.request("DELETE", path, "", "").as_bytes()).await
}

/// A caller with a key of another organization.
async fn stranger(world: &mut World) -> Caller {
    let org = world.another_org("others").await;
    neighbour(world, org).await
}

/// A caller with a key of another project in this organization.
async fn neighbour(world: &mut World, org: domain::id::OrgId) -> Caller {
    let project = ProjectId::new(fresh());
    let new =
        store::projects::NewProject { id: project, org, name: "theirs".into(), created_at: world.now() };
    world.store().projects().create(&new, &world.act()).await.unwrap();
    let (key, _) = world.key_with(|new| (new.org, new.project) = (org, project)).await;
    Caller::new(world.caller.address, key)
}

const HOUR: Duration = Duration::from_secs(3_600);
