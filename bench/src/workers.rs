//! One thread per core, each with a runtime and a listening socket of its own, so that nothing crosses cores: the
//! layout that nginx has as well. It does not know what is served.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZero;
use std::thread::{Builder, JoinHandle, available_parallelism};

use anyhow::{Context, Result, bail};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted; the kernel may allow fewer.
const BACKLOG: u32 = 4_096;

/// Serves connections at `address` (port 0 takes a free one) on every core until the process ends, and prints the
/// URL as a line once it can be called.
///
/// # Errors
/// When the address cannot be bound or a thread dies.
pub fn serve(address: SocketAddr, connection: fn(TcpStream)) -> Result<()> {
    let first = listen(address)?;
    let bound = first.local_addr()?;
    let cores = available_parallelism().map_or(1, NonZero::get);
    let mut sockets = vec![first];
    while sockets.len() < cores {
        sockets.push(listen(bound)?);
    }
    let workers = sockets.into_iter().map(|socket| worker(socket, connection)).collect::<Result<Vec<_>>>()?;
    writeln!(std::io::stdout().lock(), "http://{bound}")?;
    for worker in workers {
        match worker.join() {
            Ok(ended) => ended?,
            Err(_) => bail!("a worker died"),
        }
    }
    Ok(())
}

/// The one argument of a server: where it listens.
///
/// # Errors
/// When it is missing or no address.
pub fn address_argument() -> Result<SocketAddr> {
    let argument = std::env::args().nth(1).context("where to listen, such as 127.0.0.1:0, is missing")?;
    argument.parse().with_context(|| format!("{argument} is no address"))
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    // A socket is made for a runtime, and is then given to another.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _within = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address).with_context(|| format!("{address} cannot be bound"))?;
    Ok(socket.listen(BACKLOG)?.into_std()?)
}

fn worker(socket: std::net::TcpListener, connection: fn(TcpStream)) -> Result<JoinHandle<Result<()>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(socket)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                connection(stream);
            }
        })
    };
    Ok(Builder::new().name("worker".to_owned()).spawn(work)?)
}
