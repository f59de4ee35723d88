use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use http_body::Body as _;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts how often it was woken.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer of so many bytes, asked for its pieces by hand.
struct Answer {
    body: Watched,
    pulse: Arc<Pulse>,
    alarm: Arc<Alarm>,
}

impl Answer {
    fn of(bytes: usize, room: Room) -> Self {
        let (pulse, alarm) = (Pulse::new(PATIENCE), Arc::new(Alarm::default()));
        pulse.heads(1);
        let body = Watched::new(Body::whole(vec![0; bytes].into()), room, Arc::clone(&pulse), None);
        Self { body, pulse, alarm }
    }

    /// The length of the next piece; none when it must wait for room.
    fn next(&mut self) -> Option<usize> {
        let waker = Waker::from(Arc::clone(&self.alarm));
        match Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(&waker)) {
            Poll::Ready(frame) => Some(frame.map_or(0, |frame| frame.unwrap().into_data().unwrap().len())),
            Poll::Pending => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_given_more_only_when_it_has_taken_what_it_was_given() {
    let mut answer = Answer::of(2 * PIECE_BYTES + 1, Room::InSocket);
    assert_eq!(answer.next(), Some(PIECE_BYTES));
    assert_eq!((answer.next(), answer.next()), (None, None));
    assert_eq!(answer.alarm.0.load(Ordering::Relaxed), 0);
    answer.pulse.flows();
    assert_eq!(answer.next(), None, "some of it is not all of it");
    answer.pulse.empty();
    assert_eq!(answer.alarm.0.load(Ordering::Relaxed), 1, "who waits is told");
    assert_eq!(answer.next(), Some(PIECE_BYTES));
    answer.pulse.empty();
    assert_eq!(answer.alarm.0.load(Ordering::Relaxed), 1, "nobody waited");
    assert_eq!(answer.next(), Some(1));
    assert_eq!(answer.next(), Some(0), "little may be left in the socket");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_too_long_is_cut() {
    let mut answer = Answer::of(2 * PIECE_BYTES, Room::InSocket);
    assert_eq!(answer.next(), Some(PIECE_BYTES));
    tokio::time::advance(PATIENCE / 2).await;
    assert_eq!(answer.next(), None);
    assert!(answer.pulse.next_look(PATIENCE).is_some());
    tokio::time::advance(PATIENCE / 2).await;
    assert_eq!(answer.pulse.next_look(PATIENCE), None, "asking in vain is no sign of life");
}

#[tokio::test(start_paused = true)]
async fn the_streams_of_one_connection_do_not_wait_for_each_others_bytes() {
    let mut answer = Answer::of(2 * PIECE_BYTES, Room::InStream);
    assert_eq!((answer.next(), answer.next()), (Some(PIECE_BYTES), Some(PIECE_BYTES)));
}

/// Ends an answer, after so many heads have arrived, and says whether the connection is cut when a head has been awaited
/// for its time.
async fn is_cut_after(room: Room, heads: u64) -> bool {
    let answer = Answer::of(1, room);
    let pulse = Arc::clone(&answer.pulse);
    tokio::time::advance(PATIENCE * 2).await;
    assert!(pulse.next_look(PATIENCE).is_some(), "no head is awaited before the answer has ended");
    pulse.heads(heads);
    drop(answer);
    tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
    assert!(pulse.next_look(PATIENCE).is_some());
    tokio::time::advance(Duration::from_secs(1)).await;
    pulse.next_look(PATIENCE).is_none()
}

#[tokio::test(start_paused = true)]
async fn the_next_head_is_awaited_from_the_end_of_an_answer_on() {
    assert!(is_cut_after(Room::InSocket, 1).await);
    assert!(!is_cut_after(Room::InSocket, 2).await, "it was there already");
    assert!(!is_cut_after(Room::InStream, 1).await, "HTTP/2 is asked whether it is there");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_no_head_is_cut() {
    let pulse = Pulse::new(PATIENCE / 2);
    tokio::time::advance(PATIENCE / 2 - Duration::from_secs(1)).await;
    let due = pulse.next_look(PATIENCE).expect("a second is left");
    assert_eq!(due, Instant::now() + Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(pulse.next_look(PATIENCE), None);
}
