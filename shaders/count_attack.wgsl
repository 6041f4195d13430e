// Adds an attack batch to a replica's counters: [0] sum of log h (members) or log(1 - h) (others), [1]
// right at h >= 1/2, [2] records, [3] sum of s - s0, [4] sum of (s - s0)², [5] 1 + the step of the first
// non-finite sum (0: none), [6] s0, the first logit counted: a spread far below the logits' size would be lost in
// sums of squares of the logits themselves. The first `members` records are members.
// One workgroup a replica, summed in fixed order.

struct Dims {
    s_offset: u32,
    s_stride: u32,
    counter_offset: u32,
    counter_stride: u32,
    counts_offset: u32,
    counts_stride: u32,
    rows: u32,
    members: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<f32>;

var<workgroup> sums: array<vec4<f32>, 64>;

// log(1 + exp(x)) without overflow.
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    let to = dims.counts_offset + r * dims.counts_stride;
    let base = (dims.s_offset + r * dims.s_stride) / 4u;
    let origin = select(counts[to + 6u], s[base].x, counts[to + 2u] == 0.0);
    var sum = vec4<f32>(0.0);
    for (var b = local; b < dims.rows; b += 64u) {
        let value = s[base + b].x;
        let apart = value - origin;
        let member = b < dims.members;
        let sign = select(-1.0, 1.0, member);
        let right = select(0.0, 1.0, (value >= 0.0) == member);
        sum += vec4<f32>(-softplus(-sign * value), right, apart, apart * apart);
    }
    sums[local] = sum;
    workgroupBarrier();
    if local == 0u {
        var total = vec4<f32>(0.0);
        for (var t = 0u; t < 64u; t += 1u) {
            total += sums[t];
        }
        counts[to] += total.x;
        counts[to + 1u] += total.y;
        counts[to + 2u] += f32(dims.rows);
        counts[to + 3u] += total.z;
        counts[to + 4u] += total.w;
        counts[to + 6u] = origin;
        let finite = (bitcast<vec4<u32>>(total) & vec4<u32>(0x7f800000u)) != vec4<u32>(0x7f800000u);
        if !all(finite) && counts[to + 5u] == 0.0 {
            counts[to + 5u] = f32(counter[dims.counter_offset + r * dims.counter_stride] + 1u);
        }
    }
}
