//! Connections from many addresses: every address of 127.0.0.0/8 is this machine.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use anyhow::{Context, Result};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// How much of an answer the kernel takes on behalf of a reader.
#[derive(Clone, Copy)]
pub enum Appetite {
    /// As much as is usual.
    Usual,
    /// As little as it can.
    Least,
}

/// A connection to `gate` from this address.
pub fn from(source: Ipv4Addr, gate: SocketAddrV4, appetite: Appetite) -> Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    if matches!(appetite, Appetite::Least) {
        set_socket_recv_buffer_size(&socket, 0)?;
    }
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &gate).with_context(|| format!("no connection from {source}"))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What a look at a connection that does not block showed.
pub enum Look {
    /// Nothing new.
    Silent,
    /// So many bytes were taken.
    Said(usize),
    /// The other end is gone.
    Over,
}

/// Takes what is there.
pub fn look(stream: &mut TcpStream, buffer: &mut [u8]) -> Look {
    match stream.read(buffer) {
        Ok(0) => Look::Over,
        Ok(count) => Look::Said(count),
        Err(failed) if failed.kind() == ErrorKind::WouldBlock => Look::Silent,
        Err(_) => Look::Over,
    }
}
