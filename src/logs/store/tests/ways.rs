//! Records whose names are known by where they are in memory, which after a reload is another snapshot's.

use crate::logs::store::decode::each;
use crate::logs::store::encode::Batch;
use crate::logs::{Record, Try};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

/// Names of each kind that a snapshot has: listeners, sites, routes, pools, nodes and addresses.
const KINDS: usize = 6;
const EACH: usize = 3;

/// The names of a snapshot. The next one has its own in the very same places.
struct Memory {
    number: u64,
    names: Vec<String>,
}

impl Memory {
    fn of(number: u64, seed: usize) -> Self {
        let names = (0..KINDS * EACH).map(|_| String::with_capacity(8));
        let names = names.collect();
        let mut memory = Self { number, names };
        memory.reload(number, seed);
        memory
    }

    fn reload(&mut self, number: u64, seed: usize) {
        self.number = number;
        for (place, name) in self.names.iter_mut().enumerate() {
            let (before, capacity) = (name.as_ptr(), name.capacity());
            name.clear();
            name.push_str(["aa", "bb", "cc", "d"][(place * seed + seed / 2) % 4]);
            assert!(before == name.as_ptr() && capacity == name.capacity());
        }
    }

    fn name(&self, kind: usize, which: usize) -> &str {
        &self.names[kind * EACH + which]
    }
}

/// Which memory, what it is reloaded with before, which names; the address of each try.
type Step = (
    usize,
    Option<usize>,
    (usize, [Option<usize>; 4]),
    Vec<(usize, usize)>,
);

fn step() -> impl Strategy<Value = Step> {
    let which = || option::weighted(0.9, 0..EACH);
    (
        0..3_usize,
        option::weighted(0.2, any::<usize>().prop_map(|seed| seed % 1000)),
        (0..EACH, [which(), which(), which(), which()]),
        vec((0..EACH, 0..EACH), 0..3),
    )
}

proptest! {
    #[test]
    fn names_in_the_places_of_a_snapshot_that_is_gone_are_others(
        steps in vec(step(), 1..200),
        cut in 0..200_usize,
    ) {
        // The last is that of records which are on their own, as a tunnel's is: without a number.
        let mut memories = [Memory::of(1, 0), Memory::of(2, 1), Memory::of(0, 2)];
        let mut numbers = 3..;
        let (mut batch, mut bytes, mut expected) = (Batch::default(), Vec::new(), Vec::new());
        for (n, (of, reload, (listener, [site, route, pool, node]), tries)) in steps.iter().enumerate() {
            let memory = &mut memories[*of];
            match (memory.number, reload) {
                (0, _) => memory.reload(0, n),
                (_, Some(seed)) => memory.reload(numbers.next().unwrap(), *seed),
                _ => {}
            }
            let name = |kind, which: &Option<usize>| which.map(|which| memory.name(kind, which));
            let tries: Vec<Try<'_>> = tries
                .iter()
                .map(|(node, address)| Try {
                    node: memory.name(4, *node),
                    address: memory.name(5, *address),
                    ..Record::example().tries[1]
                })
                .collect();
            let plain = Record {
                listener: memory.name(0, *listener),
                site: name(1, site),
                route: name(2, route),
                pool: name(3, pool),
                node: name(4, node),
                tries: &tries,
                ..Record::example()
            };
            expected.push(format!("{plain:?}"));
            batch.append(&Record { snapshot: memory.number, ..plain });
            if n == cut {
                bytes.extend_from_slice(&batch.take().bytes);
            }
        }
        if !batch.is_empty() {
            bytes.extend_from_slice(&batch.take().bytes);
        }
        let mut got = Vec::new();
        each(&bytes, |raw| got.push(raw.with(|record| format!("{record:?}")).unwrap())).unwrap();
        prop_assert_eq!(got, expected);
    }
}
