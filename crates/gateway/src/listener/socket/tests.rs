use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A socket over a pipe that holds so many bytes, its other end, and what watches it.
fn socket(bytes: usize) -> (Socket<DuplexStream>, DuplexStream, Arc<Pulse>) {
    let (near, far) = duplex(bytes);
    let pulse = Pulse::new(PATIENCE);
    (Socket::new(near, Arc::clone(&pulse)), far, pulse)
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_still_sends_is_read_away_for_a_while() {
    let started = Instant::now();
    let (mut socket, mut far, _) = socket(1 << 10);
    let closing = tokio::spawn(async move { socket.shutdown().await });
    far.write_all(&[0; 100 << 10]).await.expect("bytes that are read away");
    drop(far);
    closing.await.unwrap().unwrap();
    assert!(started.elapsed() < LINGER, "the end is waited for no longer than it takes");

    let (mut socket, _far, _) = self::socket(1 << 10);
    socket.shutdown().await.unwrap();
    assert!(started.elapsed() >= LINGER && started.elapsed() < LINGER * 2, "{:?}", started.elapsed());

    let (mut socket, mut far, _) = self::socket(1 << 10);
    let closing = tokio::spawn(async move { socket.shutdown().await });
    assert!(far.write_all(&vec![0; 2 * LINGER_BYTES]).await.is_err(), "nobody reads on for ever");
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_nothing_is_cut_in_its_time_and_no_other() {
    let (mut socket, mut far, pulse) = socket(16);
    pulse.heads(1);
    socket.write_all(&[0; 16]).await.unwrap();
    tokio::time::advance(PATIENCE * 2).await;
    assert!(pulse.next_look(PATIENCE).is_some(), "nothing was to be written");

    let mut writing = Box::pin(socket.write_all(&[0; 64]));
    tokio::select! {
        _ = &mut writing => panic!("the pipe was full"),
        () = tokio::time::sleep(PATIENCE / 2) => {}
    }
    let due = pulse.next_look(PATIENCE).expect("half of the time is left");
    assert!(due <= Instant::now() + PATIENCE / 2, "{:?}", due - Instant::now());
    // Taking anything begins the time anew.
    far.read_exact(&mut [0; 16]).await.unwrap();
    tokio::select! {
        _ = &mut writing => panic!("the pipe was full"),
        () = tokio::time::sleep(PATIENCE - Duration::from_secs(1)) => {}
    }
    assert!(pulse.next_look(PATIENCE).is_some());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(pulse.next_look(PATIENCE), None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_opens_with_a_whole_head_or_is_cut() {
    let (mut socket, mut far, pulse) = socket(1 << 10);
    far.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    assert!(socket.read(&mut [0; 64]).await.unwrap() > 0);
    tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
    assert!(pulse.next_look(PATIENCE).is_some());
    far.write_all(b"\r\n").await.unwrap();
    assert!(socket.read(&mut [0; 64]).await.unwrap() > 0);
    tokio::time::advance(PATIENCE * 2).await;
    assert!(pulse.next_look(PATIENCE).is_some());

    let (_socket, _far, pulse) = self::socket(1 << 10);
    tokio::time::advance(PATIENCE).await;
    assert_eq!(pulse.next_look(PATIENCE * 2), None);
}

#[tokio::test]
async fn the_parser_is_given_the_end_of_a_bad_head_whatever_room_it_has() {
    for room in [1, 2, 3, 64] {
        let (mut socket, mut far, _) = socket(1 << 10);
        far.write_all(b"GET /#x HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut seen = Vec::new();
        loop {
            let mut piece = vec![0; room];
            match socket.read(&mut piece).await.unwrap() {
                0 => break,
                count => seen.extend_from_slice(&piece[..count]),
            }
        }
        assert_eq!(seen, b"GET /#x HTTP/1.1\r\0\r\n\r\n", "{room} bytes at a time");
    }
}
