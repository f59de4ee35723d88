//! What the libraries and the product log in this process, as they say it: nothing is masked here.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::fmt::MakeWriter;

/// All log lines of this process.
#[derive(Clone, Default)]
pub struct Logs(pub Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Logs;
    fn make_writer(&'a self) -> Logs {
        self.clone()
    }
}

pub fn logs() -> &'static Logs {
    logs_of("debug,hyper=info,h2=info,sqlx=info,tower=info")
}

/// Keeps everything that any library says, when called before the first World of the process.
pub fn log_everything() {
    logs_of("trace");
}

fn logs_of(filter: &str) -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| {
        let logs = Logs::default();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(logs.clone()).with_ansi(false).init();
        logs
    })
}
