//! The physical limit of a proxy: bytes from one socket to another, no HTTP at all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::load::wait;

struct Side {
    stream: TcpStream,
    // What came from the other side and could not be written yet.
    waiting: Vec<u8>,
}

/// Relays every connection on `port` to one of `nodes` in turn, for ever.
pub(crate) fn serve(port: u16, nodes: &[u16]) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    epoll::add(&epoll, &listener, EventData::new_u64(0), EventFlags::IN)?;
    // Side 2n is a client, 2n + 1 its node.
    let mut sides: Vec<Option<Side>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut scratch = vec![0; 256 * 1024];
    let mut turn = nodes.iter().cycle();
    loop {
        events.clear();
        wait(&epoll, &mut events, None)?;
        for event in &events {
            let Some(index) = usize::try_from(event.data.u64())
                .expect("an index")
                .checked_sub(1)
            else {
                while let Ok((client, _)) = listener.accept() {
                    let node =
                        TcpStream::connect((Ipv4Addr::LOCALHOST, *turn.next().expect("endless")))?;
                    let at = free.pop().unwrap_or_else(|| {
                        sides.extend([None, None]);
                        sides.len() - 2
                    });
                    for (offset, stream) in [client, node].into_iter().enumerate() {
                        stream.set_nonblocking(true)?;
                        stream.set_nodelay(true)?;
                        let data = EventData::new_u64((at + offset + 1) as u64);
                        epoll::add(&epoll, &stream, data, EventFlags::IN)?;
                        sides[at + offset] = Some(Side {
                            stream,
                            waiting: Vec::new(),
                        });
                    }
                }
                continue;
            };
            if !pass(&epoll, &mut sides, index, event.flags, &mut scratch)? {
                let first = index & !1;
                sides[first] = None;
                sides[first + 1] = None;
                free.push(first);
            }
        }
    }
}

// Whether the pair goes on.
fn pass(
    epoll: impl std::os::fd::AsFd,
    sides: &mut [Option<Side>],
    index: usize,
    flags: EventFlags,
    scratch: &mut [u8],
) -> io::Result<bool> {
    let other = index ^ 1;
    let watch = |index: usize, side: &Side, flags| {
        let data = EventData::new_u64((index + 1) as u64);
        epoll::modify(&epoll, &side.stream, data, flags)
    };
    let Some(side) = &mut sides[index] else {
        return Ok(true);
    };
    if flags.contains(EventFlags::OUT) && !side.waiting.is_empty() {
        match side.stream.write(&side.waiting) {
            Ok(n) => drop(side.waiting.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Ok(false),
        }
        if side.waiting.is_empty() {
            watch(index, side, EventFlags::IN)?;
            let from = sides[other].as_ref().expect("a pair");
            watch(other, from, EventFlags::IN)?;
        }
        return Ok(true);
    }
    let read = match side.stream.read(scratch) {
        Ok(0) => return Ok(false),
        Ok(n) => n,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(_) => return Ok(false),
    };
    let to = sides[other].as_mut().expect("a pair");
    let written = match to.stream.write(&scratch[..read]) {
        Ok(n) => n,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(_) => return Ok(false),
    };
    if written < read {
        to.waiting.extend_from_slice(&scratch[written..read]);
        watch(other, to, EventFlags::IN | EventFlags::OUT)?;
        let from = sides[index].as_ref().expect("a pair");
        watch(index, from, EventFlags::empty())?;
    }
    Ok(true)
}
