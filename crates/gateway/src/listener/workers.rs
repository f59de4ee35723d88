//! The threads that serve connections, one for each core. A connection stays with one thread for its life, and so do its
//! requests, their upstream calls and the pool these come from: nothing that one request does wakes another core. It
//! decides which thread serves a connection; it knows nothing of what is served.

use std::io;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tracing::Dispatch;
use tracing::dispatcher;

/// What is done with a connection by the thread that serves it.
pub(super) type Serve = Box<dyn FnOnce(TcpStream) + Send>;

/// The threads. They run until they are told to finish.
pub(super) struct Workers {
    threads: Vec<Worker>,
    finish: watch::Sender<bool>,
}

struct Worker {
    /// Unbounded, for whoever sends here has a place in the census.
    connections: mpsc::UnboundedSender<(TcpStream, Serve)>,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// One connection of a thread, until it is dropped.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts `count` threads.
    pub(super) fn start(count: NonZeroUsize) -> io::Result<Self> {
        let (finish, finished) = watch::channel(false);
        let threads = (0..count.get()).map(|number| Worker::start(number, finished.clone()));
        Ok(Self { threads: threads.collect::<io::Result<_>>()?, finish })
    }

    /// Hands `stream` to the thread that has the fewest connections, which serves it with what `serve` makes of the seat
    /// that it takes there.
    pub(super) fn hand_over(&self, stream: TcpStream, serve: impl FnOnce(Seat) -> Serve) {
        let alive = self.threads.iter().filter(|worker| !worker.connections.is_closed());
        let Some(worker) = alive.min_by_key(|worker| worker.open.load(Ordering::Relaxed)) else {
            tracing::error!("a connection was closed: no thread is left to serve it");
            return;
        };
        worker.open.fetch_add(1, Ordering::Relaxed);
        let serve = serve(Seat(Arc::clone(&worker.open)));
        if worker.connections.send((stream, serve)).is_err() {
            tracing::error!("a connection was closed: the thread that was to serve it is gone");
        }
    }

    /// Ends the threads, and with them whatever they still serve. Blocks until they have ended.
    pub(super) fn finish(self) {
        // Nobody listens any more when every thread is gone, which is what is wanted.
        let _ = self.finish.send(true);
        for worker in self.threads {
            if worker.thread.join().is_err() {
                tracing::error!("a thread that served connections had failed");
            }
        }
    }
}

impl Worker {
    fn start(number: usize, finished: watch::Receiver<bool>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (connections, taken) = mpsc::unbounded_channel();
        let listens = dispatcher::get_default(Dispatch::clone);
        let serve = move || runtime.block_on(serve_until(taken, finished));
        let thread = Builder::new().name(format!("worker-{number}")).spawn(move || {
            // Whoever listens to this thread alone hears those as well; a process has one for all its threads.
            if dispatcher::has_been_set() { serve() } else { dispatcher::with_default(&listens, serve) }
        })?;
        Ok(Self { connections, open: Arc::default(), thread })
    }
}

async fn serve_until(
    mut taken: mpsc::UnboundedReceiver<(TcpStream, Serve)>,
    mut finished: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            connection = taken.recv() => match connection {
                Some((stream, serve)) => serve(stream),
                None => break,
            },
            _ = finished.wait_for(|finished| *finished) => return,
        }
    }
    // An error means that the sender is gone, which is an end as well.
    let _ = finished.wait_for(|finished| *finished).await;
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn connections_are_spread_over_the_threads_that_have_the_fewest() {
        let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (served, serving) = mpsc::channel();
        let mut seats = Vec::new();
        let connect = |seats: &mut Vec<_>| {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let served = served.clone();
            workers.hand_over(stream, |seat| {
                Box::new(move |_| {
                    let name = std::thread::current().name().unwrap().to_owned();
                    served.send((name, seat)).unwrap();
                })
            });
            let (name, seat) = serving.recv().unwrap();
            seats.push((name.clone(), seat));
            name
        };
        assert_eq!(connect(&mut seats), "worker-0");
        assert_eq!(connect(&mut seats), "worker-1");
        assert_eq!(connect(&mut seats), "worker-0");
        // A connection of the second one ends, so that it has the fewest again.
        seats.remove(1);
        assert_eq!(connect(&mut seats), "worker-1");
        assert_eq!(connect(&mut seats), "worker-1");
        workers.finish();
    }
}
