//! What is proved by reading one's mail, and that an answer never tells whose address is known. The mail server of the
//! last tests is a real one.

mod protected;

use std::time::Duration;

use serde_json::json;

use crate::vectors::row;
use crate::world::World;
use crate::world::people::PASSWORD;

const ADA: &str = "ada@example.com";
const FLOOR: Duration = Duration::from_millis(150);
const SINK: [(&str, &str); 2] = [("mail.sink_dir", "letters"), ("mail.from", "Gate <gate@example.org>")];

async fn world_with_mail(more: &[(&str, &str)]) -> World {
    World::with(&[&SINK[..], more].concat()).await
}

async fn register(world: &World, email: &str, password: &str) -> crate::world::caller::Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    world.api("").with("x-request-id: same\r\n").post("/api/v1/register", &body).await
}

#[tokio::test]
async fn registration_is_closed_unless_it_is_opened() {
    let world = world_with_mail(&[]).await;
    register(&world, ADA, PASSWORD).await.is_problem(403, "registration_closed");
    world.finish().await;
}

#[tokio::test]
async fn registering_tells_nobody_who_has_an_account() {
    let mut world = world_with_mail(&[("accounts.registration", "open")]).await;
    world.account(ADA).await;
    assert_eq!(row("lockout_session", "lockout-enumeration-signup")["expect"]["same_response"], true);
    let (known, fresh) =
        (register(&world, ADA, PASSWORD).await, register(&world, "new@example.com", PASSWORD).await);
    let same = |answer: &crate::world::caller::Answer| {
        let head: Vec<_> =
            answer.head.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
        (answer.status, head, answer.text())
    };
    assert_eq!(known.status, 202, "{}", known.text());
    assert_eq!(same(&known), same(&fresh));
    assert!(known.took >= FLOOR && fresh.took >= FLOOR, "{:?} {:?}", known.took, fresh.took);
    assert!(world.letter(ADA).await.contains("You have an account already"));
    let token = World::token_in(&world.letter("new@example.com").await, "pc_ver_");

    register(&world, "weak@example.com", "password1234").await.is_problem(422, "validation_failed");
    register(&world, "no address", PASSWORD).await.is_problem(422, "validation_failed");

    // Until its address is proved, by whoever made it, an account is of no use.
    world.attempt("new@example.com", PASSWORD).await.is_problem(401, "unauthorized");
    let verify = async |password: Option<&str>| {
        let body = match password {
            Some(password) => json!({ "token": token, "password": password }),
            None => json!({ "token": token }),
        };
        world.api("").post("/api/v1/email/verify", &body.to_string()).await
    };
    verify(None).await.is_problem(401, "unauthorized");
    verify(Some("not the one that was chosen")).await.is_problem(401, "unauthorized");
    verify(Some(PASSWORD)).await.is(200);
    let (api, _) = world.tokens("new@example.com").await;
    assert_eq!(api.get("/api/v1/me").await.is(200)["user"]["operator"], false);
    world.finish().await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_whoever_reads_the_mail_once() {
    let mut world = world_with_mail(&[]).await;
    world.account(ADA).await;
    let (api, _) = world.tokens(ADA).await;
    let forgot = async |email: &str| {
        let body = json!({ "email": email }).to_string();
        world.api("").post("/api/v1/password/forgot", &body).await
    };
    for email in ["nobody@example.com", ADA, "no address"] {
        let answer = forgot(email).await;
        assert_eq!((answer.status, answer.text()), (202, String::new()), "{email}");
        assert!(answer.took >= FLOOR, "{email}: {:?}", answer.took);
    }
    forgot(&"a".repeat(255)).await.is_problem(422, "validation_failed");
    let token = World::token_in(&world.letter(ADA).await, "pc_rst_");
    let reset = async |token: &str, password: &str| {
        let body = json!({ "token": token, "password": password }).to_string();
        world.api("").post("/api/v1/password/reset", &body).await
    };
    reset(&format!("pc_rst_{}", "0".repeat(52)), "another 19 Barn").await.is_problem(401, "unauthorized");
    reset(&token.replace("pc_rst_", "pc_ver_"), "another 19 Barn").await.is_problem(401, "unauthorized");
    reset(&token, "password1234").await.is_problem(422, "validation_failed");
    reset(&token, "another 19 Barn").await.is(204);
    reset(&token, "a third 20 Barn").await.is_problem(401, "unauthorized");
    api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    world.attempt(ADA, "another 19 Barn").await.is(200);

    forgot(ADA).await.is(202);
    let late = World::token_in(&world.last_letter(ADA, "pc_rst_", &token).await, "pc_rst_");
    world.pass(Duration::from_secs(24 * 3_600));
    reset(&late, "a fourth 21 Barn").await.is_problem(401, "unauthorized");
    world.finish().await;
}

#[tokio::test]
async fn without_mail_nobody_is_promised_any() {
    let world = World::start().await;
    let body = json!({ "email": ADA }).to_string();
    world.api("").post("/api/v1/password/forgot", &body).await.is_problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn a_real_mail_server_gets_the_letter() {
    let server = MailServer::start().await;
    let url = format!("smtp+plain://{}", server.address);
    let mut world = World::with(&[("mail.smtp_url", &url), ("mail.from", "Gate <gate@example.org>")]).await;
    world.account(ADA).await;
    world.api("").post("/api/v1/password/forgot", &json!({ "email": ADA }).to_string()).await.is(202);
    crate::world::eventually("the letter to arrive", || async { server.said().contains("pc_rst_") }).await;
    let said = server.said();
    for part in ["Subject: Set a new password", "From: \"Gate\" <gate@example.org>", "To: ada@example.com"] {
        assert!(said.contains(part) || said.contains(&part.replace('"', "")), "{part}: {said}");
    }
    let token = World::token_in(&said, "pc_rst_");
    let reset = json!({ "token": token, "password": "another 19 Barn" }).to_string();
    world.api("").post("/api/v1/password/reset", &reset).await.is(204);
    crate::world::eventually("the notice to arrive", || async { server.said().contains("was changed") })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_holds_nobody_up() {
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("smtp+plain://{away}");
    let mut world = World::with(&[("mail.smtp_url", &url), ("mail.from", "gate@example.org")]).await;
    world.account(ADA).await;
    let answer = world.api("").post("/api/v1/password/forgot", &json!({ "email": ADA }).to_string()).await;
    answer.is(202);
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
    let tried = || async { world.logged().contains("a letter could not be sent; trying again") };
    crate::world::eventually("the failure to be logged", tried).await;
    world.finish().await;
}

/// A mail server of somebody else's making, which writes down what it gets.
struct MailServer {
    child: std::process::Child,
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
}

impl MailServer {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server takes no free port by itself; nobody else takes this one meanwhile.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let out = std::fs::File::create(folder.path().join("out")).unwrap();
        let ours = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/aiosmtpd");
        let program = if ours.exists() { ours } else { "aiosmtpd".into() };
        let child = std::process::Command::new(program)
            .args(["-n", "-l", &address.to_string(), "-c", "aiosmtpd.handlers.Debugging", "stdout"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(std::process::Stdio::null())
            .stdout(out)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("`aiosmtpd` is missing: `cargo xtask setup` installs it");
        let server = Self { child, folder, address };
        let listens = || async { tokio::net::TcpStream::connect(address).await.is_ok() };
        crate::world::eventually("the mail server to listen", listens).await;
        server
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).unwrap_or_default()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
