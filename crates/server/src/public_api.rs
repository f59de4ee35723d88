//! What the configuration says of the gate itself, in the words of its crate.

use crate::config::Config;

/// How the gate behaves.
#[must_use]
pub fn settings(config: &Config) -> gateway::Settings {
    let timeouts = config.timeouts;
    gateway::Settings {
        timeouts: gateway::Timeouts {
            header: timeouts.header,
            body: timeouts.body,
            write: timeouts.write,
            first_byte: timeouts.first_byte,
            between_bytes: timeouts.between_bytes,
            whole: timeouts.whole,
            drain: timeouts.drain,
        },
        retries_per_target: config.retries_per_target,
        answer_bytes: config.answer_max_bytes,
        org_requests_per_minute: config.org_requests_per_minute,
        user_requests_per_minute: config.user_requests_per_minute,
        strangers: config.strangers,
        keep_alive: timeouts.keep_alive,
        capacity: config.capacity,
    }
}
