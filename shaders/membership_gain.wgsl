// Mean gain of the attack from its logits s (one a record, the first of a row), its gradient, the count of
// what a batch adds to an epoch's totals, and the last layer, which makes the logits, with all its way back.
// h = sigmoid(s) is the probability of membership. Records below `members` are members, the rest are not.
// Logarithms as −softplus(∓s), never log(sigmoid(s)).
//
// The sums are those of one workgroup a replica, in a fixed order.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    s_offset: u32, s_stride: u32,
    dy_offset: u32, dy_stride: u32,
    counter_offset: u32, counter_stride: u32,
    result_offset: u32, result_stride: u32,
    counts_offset: u32, counts_stride: u32,
    rows: u32, // B
    members: u32,
    form: u32,
    s_pitch: u32,    // vec4s from a row of s to the next: 1, or more in a wider tensor
    inputs: u32,     // K
    relu: u32,       // 1: x is relu's
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, K]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;            // [K + 1, 1], the bias last
@group(0) @binding(3) var<storage, read> s: array<vec4<f32>>;            // [B, 1]
@group(0) @binding(4) var<storage, read> dy: array<f32>;                 // [1, 1]
@group(0) @binding(5) var<storage, read> counter: array<u32>;            // [1, 1]: the step
@group(0) @binding(6) var<storage, read_write> result: array<vec4<f32>>; // [1, 1], grad_s [B, 1], [B, 8 + K]
@group(0) @binding(7) var<storage, read_write> counts: array<f32>;       // [1, 8]

var<workgroup> partial: array<f32, 64>;
var<workgroup> sums: array<vec4<f32>, 64>;

// log(1 + exp(x)) without overflow.
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

fn sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn term(s: f32, member: bool) -> f32 {
    let sign = select(-1.0, 1.0, member);
    switch dims.form {
        case 0: { return -softplus(-sign * s); }
        case 1: { let miss = sigmoid(-sign * s); return -miss * miss; }
        default: { return sigmoid(s); }
    }
}

// d term / ds.
fn slope(s: f32, member: bool) -> f32 {
    let sign = select(-1.0, 1.0, member);
    let miss = sigmoid(-sign * s);
    switch dims.form {
        case 0: { return sign * miss; }
        case 1: { return sign * 2.0 * miss * miss * (1.0 - miss); }
        default: { return miss * (1.0 - miss); }
    }
}

// Writes a record's row of the last layer: s, grad_s, and the gradient of the layer's input.
fn write_tail(b: u32, replica: u32, logit: f32, x_base: u32, w_base: u32) {
    let quads = (dims.inputs + 3) / 4;
    let scale = dy[dims.dy_offset + replica * dims.dy_stride] / f32(dims.rows);
    let ds = scale * slope(logit, b < dims.members);
    let to = (dims.result_offset + replica * dims.result_stride) / 4 + b * (quads + 2);
    result[to] = vec4(logit, 0.0, 0.0, 0.0);
    result[to + 1] = vec4(ds, 0.0, 0.0, 0.0);
    let last = dims.inputs;
    for (var q = 0u; q < quads; q++) {
        let k = 4 * q;
        let right = vec4(
            w[w_base + k].x,
            w[w_base + min(k + 1, last)].x,
            w[w_base + min(k + 2, last)].x,
            w[w_base + min(k + 3, last)].x,
        );
        let real = k + vec4(0u, 1u, 2u, 3u) < vec4(last); // the last is the bias: padding is zero
        // A factor, as in dense.wgsl: what it makes of −1 is −0.
        let slopes = select(vec4(0.0), vec4(1.0), x[x_base + q] > vec4(0.0) | vec4(dims.relu == 0));
        result[to + 2 + q] = select(vec4(0.0), ds * right * slopes, real);
    }
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y = the mean term. Forms, a member's term / another's: 0 log h / log(1 − h); 1 −(1 − h)² / −h²; 2 h / h.
@compute @workgroup_size(64)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64) {
        sum += term(s[(dims.s_offset + r * dims.s_stride) / 4 + b * dims.s_pitch].x, b < dims.members);
    }
    partial[local] = sum;
    workgroupBarrier();
    if local == 0 {
        var total = 0.0;
        for (var t = 0u; t < 64; t++) {
            total += partial[t];
        }
        let to = (dims.result_offset + r * dims.result_stride) / 4;
        result[to] = vec4(total / f32(dims.rows), 0.0, 0.0, 0.0);
    }
}

// grad_s[b] = dy / B · d term / ds. Form 0: 1 − h for a member, −h for another; form 1: 2 (1 − h)² h and −2
// h² (1 − h); form 2: h (1 − h). One record an invocation.
@compute @workgroup_size(64)
fn grad_s(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows {
        return;
    }
    let scale = dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    let value = slope(s[(dims.s_offset + r * dims.s_stride) / 4 + i * dims.s_pitch].x, i < dims.members);
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = vec4(scale * value, 0.0, 0.0, 0.0);
}

// Adds to a replica's counters: [0] sum of log h (members) or log(1 − h) (others), [1] right at h ≥ 1/2, [2]
// records, [3] sum of s − s0, [4] sum of (s − s0)², [5] 1 + the step of the first non-finite sum (0: none),
// [6] s0, the first logit counted: a spread far below the logits' size would be lost in sums of squares of
// the logits themselves.
@compute @workgroup_size(64)
fn count(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    let to = dims.counts_offset + r * dims.counts_stride;
    let base = (dims.s_offset + r * dims.s_stride) / 4;
    let origin = select(counts[to + 6], s[base].x, counts[to + 2] == 0.0);
    var sum = vec4(0.0);
    for (var b = local; b < dims.rows; b += 64) {
        let value = s[base + b * dims.s_pitch].x;
        let apart = value - origin;
        let member = b < dims.members;
        let sign = select(-1.0, 1.0, member);
        let right = select(0.0, 1.0, (value >= 0.0) == member);
        sum += vec4(-softplus(-sign * value), right, apart, apart * apart);
    }
    sums[local] = sum;
    workgroupBarrier();
    if local == 0 {
        var total = vec4(0.0);
        for (var t = 0u; t < 64; t++) {
            total += sums[t];
        }
        counts[to] += total.x;
        counts[to + 1] += total.y;
        counts[to + 2] += f32(dims.rows);
        counts[to + 3] += total.z;
        counts[to + 4] += total.w;
        counts[to + 6] = origin;
        let finite = (bitcast<vec4<u32>>(total) & vec4(0x7f800000u)) != vec4(0x7f800000u);
        if !all(finite) && counts[to + 5] == 0.0 {
            counts[to + 5] = f32(counter[dims.counter_offset + r * dims.counter_stride] + 1);
        }
    }
}

// The last layer of h, one logit a record, with what follows it both ways: s = x · w + w[K], grad_s as above,
// grad_x = (grad_s · wᵀ) ⊙ act′(x). A record an invocation, its three results the columns of one row, from 0,
// 4 and 8 on. The sum is made in the order of dense.wgsl: the same bytes.
@compute @workgroup_size(64)
fn tail(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = item(group, groups, local);
    if b >= dims.rows {
        return;
    }
    let quads = (dims.inputs + 3) / 4;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + b * quads;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let last = dims.inputs;
    var sum = 0.0;
    for (var q = 0u; q < quads; q++) {
        // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
        let k = 4 * q;
        let left = x[x_base + q];
        sum += left.x * w[w_base + k].x;
        sum += left.y * w[w_base + min(k + 1, last)].x;
        sum += left.z * w[w_base + min(k + 2, last)].x;
        sum += left.w * w[w_base + min(k + 3, last)].x;
    }
    write_tail(b, group.z, sum + w[w_base + last].x, x_base, w_base);
}

// The same for software adapters, in the order of dense.register.wgsl: four products are added up first.
@compute @workgroup_size(8)
fn tail_by_fours(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let b = group.x * 8 + local;
    if b >= dims.rows {
        return;
    }
    let quads = (dims.inputs + 3) / 4;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + b * quads;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let last = dims.inputs;
    var sum = vec4<f32>();
    for (var q = 0u; q < quads; q++) {
        let k = 4 * q;
        let right = mat4x4(
            w[w_base + k],
            w[w_base + min(k + 1, last)],
            w[w_base + min(k + 2, last)],
            w[w_base + min(k + 3, last)],
        );
        sum += right * x[x_base + q];
    }
    write_tail(b, group.z, sum.x + w[w_base + last].x, x_base, w_base);
}
