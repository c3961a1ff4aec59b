//! A network between the processes that loses, doubles and delays messages, so that later ones overtake them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quorate::wire::frame::HEADER_LEN;

use crate::node::peer_port;
use crate::random::Random;
use crate::shop::Role;

/// The longest that a message is on its way.
const DELAY_MS_MAX: u64 = 900;

/// What became of messages.
#[derive(Debug, Default)]
pub(crate) struct Mischief {
    faithful: AtomicBool,
    pub(crate) lost: AtomicU64,
    pub(crate) doubled: AtomicU64,
    pub(crate) delayed: AtomicU64,
}

/// Messages under way, by when they are due.
type UnderWay = Mutex<BTreeMap<(Instant, u64), (u16, Vec<u8>)>>;

/// A running network. It ends with the test.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) mischief: Arc<Mischief>,
    under_way: Arc<UnderWay>,
}

impl Network {
    /// Takes messages at the ports of peers after `through`, for those after `base`.
    pub(crate) fn start(through: u16, base: u16, seed: u64) -> Self {
        let network = Self { mischief: Arc::default(), under_way: Arc::default() };
        for role in Role::ALL {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, peer_port(through, role)));
            let (listener, to) = (listener.expect("the port is free"), peer_port(base, role));
            let network = network.clone();
            thread::spawn(move || network.accept(&listener, to, seed));
        }
        let deliverer = network.clone();
        thread::spawn(move || deliverer.deliver_late());
        network
    }

    /// From now on every message arrives, once and in order, but for those that are late already.
    pub(crate) fn mend(&self) {
        self.mischief.faithful.store(true, Ordering::Relaxed);
    }

    fn accept(&self, listener: &TcpListener, to: u16, seed: u64) {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let (network, random) = (self.clone(), Random::new(seed ^ (u64::from(to) << 40) ^ number));
            let Ok(stream) = stream else { continue };
            thread::spawn(move || {
                let _ = network.carry(&stream, to, random);
                let _ = stream.shutdown(Shutdown::Both);
            });
        }
    }

    /// Carries the messages of one connection, until either side closes it.
    fn carry(&self, mut from: &TcpStream, to: u16, mut random: Random) -> io::Result<()> {
        let mut receiver = TcpStream::connect((Ipv4Addr::LOCALHOST, to))?;
        receiver.set_nodelay(true)?;
        loop {
            let mut frame = vec![0; HEADER_LEN];
            from.read_exact(&mut frame)?;
            let length = u32::from_le_bytes(frame[8..12].try_into().expect("four bytes"));
            frame.resize(HEADER_LEN + usize::try_from(length).expect("it fits"), 0);
            from.read_exact(&mut frame[HEADER_LEN..])?;
            let fate = if self.mischief.faithful.load(Ordering::Relaxed) { 100 } else { random.below(100) };
            match fate {
                0..4 => {
                    self.mischief.lost.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                4..16 => {
                    self.mischief.delayed.fetch_add(1, Ordering::Relaxed);
                    self.send_late(to, frame, &mut random);
                    continue;
                }
                16..24 => {
                    self.mischief.doubled.fetch_add(1, Ordering::Relaxed);
                    self.send_late(to, frame.clone(), &mut random);
                }
                _ => {}
            }
            receiver.write_all(&frame)?;
        }
    }

    fn send_late(&self, to: u16, frame: Vec<u8>, random: &mut Random) {
        let due = Instant::now() + Duration::from_millis(random.below(DELAY_MS_MAX));
        self.under_way.lock().expect("no panic").insert((due, random.next()), (to, frame));
    }

    /// Delivers each late message by a connection of its own, to whoever listens there by then.
    fn deliver_late(&self) {
        loop {
            thread::sleep(Duration::from_millis(5));
            let due = {
                let mut under_way = self.under_way.lock().expect("no panic");
                let later = under_way.split_off(&(Instant::now(), 0));
                std::mem::replace(&mut *under_way, later)
            };
            for (to, frame) in due.into_values() {
                let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).and_then(|mut to| to.write_all(&frame));
            }
        }
    }
}
