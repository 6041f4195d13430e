//! Which intermediate tensors share a buffer. A buffer of its own for each tensor that is alive
//! (drivers track hazards by the buffer, so parts of one arena would wait for each other); a buffer
//! whose tensor is dead serves a later tensor of like size, where that costs no barrier. Pure data, no GPU.

use super::schedule::version;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId};
use std::collections::{HashMap, HashSet};

/// A tensor's place: which buffer, the first element, elements from replica to replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The buffer: an index into [`Slots::sizes`].
    pub slot: usize,
    /// Elements before the tensor in a replica's part of the buffer.
    pub offset: usize,
    /// Elements from one replica's part of the buffer to the next one's.
    pub stride: usize,
}

/// Buffers and what lies in them.
#[derive(Debug, Default)]
pub struct Slots {
    /// Elements a replica, by buffer.
    pub sizes: Vec<usize>,
    /// A buffer's label: its first tensor's.
    pub labels: Vec<String>,
    /// Where each tensor lies that has memory here: computed ones and packs, not what the caller binds.
    pub places: HashMap<NodeId, Slot>,
    /// Barriers that wgpu puts between the dispatches of a run.
    pub barriers: usize,
}

/// Who waits. wgpu puts a barrier before a dispatch that reads what nobody has read since it was written, or writes
/// to a buffer that an earlier dispatch used; what a run finds as it begins costs none.
#[derive(Debug, Default)]
struct Barriers {
    used: HashSet<NodeId>,
    unread: HashSet<NodeId>,
}

impl Barriers {
    /// Notes an operation that reads and writes the memory of these nodes; whether there is a barrier before it.
    fn before(&mut self, reads: impl Iterator<Item = NodeId>, writes: NodeId) -> bool {
        let mut waits = false;
        for read in reads.filter(|read| *read != writes) {
            waits |= self.unread.remove(&read);
            self.used.insert(read);
        }
        waits |= !self.used.insert(writes);
        self.unread.insert(writes);
        waits
    }
}

/// Elements of a tensor whose operation takes so long that a barrier more is cheaper than memory of its own.
const LARGE: usize = 1 << 18;

/// Places for every computed tensor of `waves`, every pack and all columns side by side. Those in `keep` are
/// never reused.
///
/// # Errors
/// A pack whose part is not computed in place (no operation's result, or used elsewhere too).
pub fn assign(graph: &Graph, waves: &[Vec<NodeId>], keep: &[NodeId]) -> Result<Slots> {
    let packs = pack_of(graph, waves, keep)?;
    // The node that owns the memory: the pack or the whole for its parts, the first version for later ones.
    let home = |id: NodeId| packs.get(&graph.owner(id)).map_or(graph.owner(id), |&(pack, _)| pack);
    let mut last_use: HashMap<NodeId, usize> = HashMap::new();
    for (wave, ids) in waves.iter().enumerate() {
        for &id in ids {
            for &used in graph.node(id).inputs.iter().chain([&id]) {
                last_use.insert(home(used), wave);
            }
        }
    }
    for &id in keep {
        last_use.insert(home(id), usize::MAX);
    }
    let mut slots = Slots::default();
    let mut barriers = Barriers::default();
    let mut free: Vec<usize> = vec![];
    let mut busy: Vec<(usize, usize)> = vec![];
    for (wave, ids) in waves.iter().enumerate() {
        busy.retain(|&(until, slot)| {
            if until < wave {
                free.push(slot);
            }
            until >= wave
        });
        for &id in ids {
            let owner = home(id);
            let mut waits = barriers.before(graph.node(id).inputs.iter().map(|&input| home(input)), owner);
            let computed = matches!(graph.node(owner).kind, Kind::Compute(_) | Kind::Pack | Kind::Columns);
            if computed && !slots.places.contains_key(&owner) {
                let elements = graph.tensor(owner).elements();
                let new = slots.sizes.len();
                // A buffer that is free has been used: who writes to it waits.
                let mut none = vec![];
                let free = if waits || elements > LARGE { &mut free } else { &mut none };
                let slot = take(&mut slots, free, elements, &graph.node(owner).label);
                waits |= slot < new;
                busy.push((last_use[&owner], slot));
                slots.places.insert(owner, Slot { slot, offset: 0, stride: elements });
            }
            slots.barriers += usize::from(waits);
            if let Some(&(pack, offset)) = packs.get(&id) {
                let place = slots.places[&pack];
                slots.places.insert(id, Slot { offset, ..place });
            }
        }
    }
    Ok(slots)
}

/// The smallest free buffer that holds `elements` without being more than twice as large, or a new
/// one.
fn take(slots: &mut Slots, free: &mut Vec<usize>, elements: usize, label: &str) -> usize {
    let fits = |slot: usize| (elements..=2 * elements).contains(&slots.sizes[slot]);
    let best = (0..free.len()).filter(|&i| fits(free[i])).min_by_key(|&i| slots.sizes[free[i]]);
    match best {
        Some(i) => free.swap_remove(i),
        None => {
            slots.sizes.push(elements);
            slots.labels.push(label.to_string());
            slots.sizes.len() - 1
        }
    }
}

/// For each part of a pack, or of columns side by side, that is needed: that node and the part's offset in it.
fn pack_of(
    graph: &Graph,
    waves: &[Vec<NodeId>],
    keep: &[NodeId],
) -> Result<HashMap<NodeId, (NodeId, usize)>> {
    let inputs = waves.iter().flatten().flat_map(|&id| &graph.node(id).inputs);
    let used: Vec<NodeId> = inputs.map(|&input| version(graph, input)).collect();
    let mut packs: Vec<NodeId> = vec![];
    for &id in used.iter().chain(keep) {
        if matches!(graph.node(id).kind, Kind::Pack | Kind::Columns) && !packs.contains(&id) {
            packs.push(id);
        }
    }
    let used: HashSet<NodeId> = used.into_iter().collect();
    let mut parts = HashMap::new();
    for pack in packs {
        let side_by_side = matches!(graph.node(pack).kind, Kind::Columns);
        let mut offset = 0;
        for &part in &graph.node(pack).inputs {
            let computed = matches!(graph.node(part).kind, Kind::Compute(_));
            let alone = side_by_side || !used.contains(&part);
            if !computed || !alone || parts.insert(part, (pack, offset)).is_some() {
                return Err(Error::graph(format!("pack {}", graph.node(pack).label))
                    .expected("parts that an operation computes and that are used here alone")
                    .found(graph.node(part).label.clone()));
            }
            let tensor = graph.tensor(part);
            offset += if side_by_side { tensor.cols } else { tensor.elements() };
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::super::schedule::waves;
    use super::*;
    use crate::graph::Tensor;
    use crate::ops::Add;

    #[test]
    fn a_dead_buffer_is_used_again_and_a_live_one_is_not() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(2, 4));
        let mut chain = vec![x];
        for _ in 0..4 {
            let last = chain[chain.len() - 1];
            chain.push(graph.apply(Add, &[last, last]).unwrap());
        }
        let order = waves(&graph, &[chain[4]]).unwrap();
        let slots = assign(&graph, &order, &[chain[4]]).unwrap();
        assert_eq!(slots.sizes, [8, 8], "a chain needs two buffers");
        assert_ne!(slots.places[&chain[1]].slot, slots.places[&chain[2]].slot);
        assert_eq!(slots.places[&chain[1]].slot, slots.places[&chain[3]].slot);
        // Kept from the first on: no reuse of it.
        let slots = assign(&graph, &order, &[chain[1], chain[4]]).unwrap();
        assert_ne!(slots.places[&chain[1]].slot, slots.places[&chain[3]].slot);
    }

    #[test]
    fn who_need_not_wait_does_not_take_a_used_buffer() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(2, 4));
        let [a, b] = [0; 2].map(|_| graph.apply(Add, &[x, x]).unwrap());
        let c = graph.apply(Add, &[a, b]).unwrap();
        // In one wave, with the buffers of a and b free: the first waits for c, the second has nothing to wait for.
        let [d, e] = [c, x].map(|other| graph.apply(Add, &[c, other]).unwrap());
        let order = waves(&graph, &[d, e]).unwrap();
        assert_eq!(order, [vec![a, b], vec![c], vec![d, e]]);
        let slots = assign(&graph, &order, &[d, e]).unwrap();
        let [a, b, d, e] = [a, b, d, e].map(|id| slots.places[&id].slot);
        assert!([a, b].contains(&d) && ![a, b].contains(&e), "{a} {b} {d} {e}");
        assert_eq!(slots.barriers, 2);
    }

    #[test]
    fn parts_of_a_pack_are_computed_in_place() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(1, 4));
        let a = graph.apply(Add, &[x, x]).unwrap();
        let b = graph.apply(Add, &[x, x]).unwrap();
        let pack = graph.pack("gradient", &[a, b]);
        let sum = graph.apply(Add, &[pack, pack]).unwrap();
        let order = waves(&graph, &[sum]).unwrap();
        let slots = assign(&graph, &order, &[sum]).unwrap();
        let (a, b) = (slots.places[&a], slots.places[&b]);
        assert_eq!((a.slot, a.offset, a.stride), (b.slot, 0, 8));
        assert_eq!(b.offset, 4);
    }
}
