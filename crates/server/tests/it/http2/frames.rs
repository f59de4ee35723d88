//! HTTP/2 by hand: frames are written as the test wants them, right or wrong, and read as far as a test asks.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::PATIENCE;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of a reset or of a farewell.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    pub fn ends(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// Whether it was closed by the other end.
    pub closed: bool,
}

impl Connection {
    /// Opens a connection with these settings.
    pub async fn open(address: std::net::SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut connection = Self { stream, read: Vec::new(), closed: false };
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend_from_slice(&name.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &payload));
        connection.write(&bytes).await;
        connection
    }

    /// Sends bytes; false when the other end is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        // What the other end says meanwhile is taken, so that neither waits for the other.
        let (mut reader, mut writer) = self.stream.split();
        let (read, closed) = (&mut self.read, &mut self.closed);
        let mut piece = vec![0; 64 << 10];
        let writing = writer.write_all(bytes);
        tokio::pin!(writing);
        let both = async {
            loop {
                tokio::select! {
                    written = &mut writing => return written.is_ok(),
                    taken = reader.read(&mut piece), if !*closed => match taken {
                        Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
                        _ => *closed = true,
                    },
                }
            }
        };
        tokio::time::timeout(PATIENCE * 3, both).await.expect("bytes that are taken or refused in time")
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    /// The next frame; none at the end. Questions whether we are there are answered.
    pub async fn next(&mut self) -> Option<Frame> {
        let frame = self.receive().await?;
        if frame.kind == PING && frame.flags & ACK == 0 {
            self.send(PING, ACK, 0, &frame.payload).await;
        }
        Some(frame)
    }

    async fn receive(&mut self) -> Option<Frame> {
        loop {
            if self.read.len() >= 9 {
                let length = usize::from(self.read[0]) << 16
                    | usize::from(self.read[1]) << 8
                    | usize::from(self.read[2]);
                if self.read.len() >= 9 + length {
                    let whole: Vec<u8> = self.read.drain(..9 + length).collect();
                    let stream = u32::from_be_bytes(whole[5..9].try_into().unwrap());
                    return Some(Frame {
                        kind: whole[3],
                        flags: whole[4],
                        stream,
                        payload: whole[9..].to_vec(),
                    });
                }
            }
            if self.closed {
                return None;
            }
            let mut piece = vec![0; 64 << 10];
            match tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("a frame in time")
            {
                Ok(count) if count > 0 => self.read.extend_from_slice(&piece[..count]),
                _ => self.closed = true,
            }
        }
    }

    /// Reads until such a frame.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Reads until the farewell and gives its error code; none when the connection ends without one.
    pub async fn farewell(&mut self) -> Option<u32> {
        self.until(|frame| frame.kind == GOAWAY).await.map(|frame| frame.error())
    }

    /// Reads until this stream is reset or the connection is given up, and gives the error code.
    pub async fn refused(&mut self, stream: u32) -> Option<u32> {
        let ended = |frame: &Frame| {
            frame.kind == GOAWAY || (frame.stream == stream && (frame.kind == RST_STREAM || frame.ends()))
        };
        self.until(ended).await.filter(|frame| !frame.ends()).map(|frame| frame.error())
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Header fields as literals without indexing and without Huffman coding (RFC 7541 section 6.2.2).
pub fn fields(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in pairs {
        bytes.push(0);
        text(&mut bytes, name);
        text(&mut bytes, value);
    }
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        bytes.push(u8::try_from(length).unwrap());
    }
    bytes.extend_from_slice(text.as_bytes());
}
