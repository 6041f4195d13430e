// Adds a batch to a replica's counters: [0] sum of cross-entropy, [1] correct, [2] records, [3] 1 + the
// step of the first non-finite loss (0: none). A record with label 0xffffffff is padding.
// A prediction is right when no class has a higher logit and no lower class an equal one.
// Non-finite is told by the exponent's bits, since comparisons with NaN may be optimised away.
// One workgroup a replica, summed in fixed order.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    labels_offset: u32,
    labels_stride: u32,
    counter_offset: u32,
    counter_stride: u32,
    counts_offset: u32,
    counts_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> counter: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<f32>;

var<workgroup> losses: array<f32, 64>;
var<workgroup> rights: array<f32, 64>;
var<workgroup> records: array<f32, 64>;

fn inside(q: u32) -> vec4<bool> {
    return vec4<u32>(4u * q) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(dims.cols);
}

// The largest element of a row, its padding left out.
fn row_max(base: u32) -> f32 {
    var top = vec4<f32>(-3.4e38);
    for (var q = 0u; q < dims.quads; q += 1u) {
        top = max(top, select(vec4<f32>(-3.4e38), x[base + q], inside(q)));
    }
    return max(max(top.x, top.y), max(top.z, top.w));
}

fn log_sum_exp(base: u32) -> f32 {
    let top = row_max(base);
    var total = vec4<f32>(0.0);
    for (var q = 0u; q < dims.quads; q += 1u) {
        total += select(vec4<f32>(0.0), exp(x[base + q] - top), inside(q));
    }
    return top + log(total.x + total.y + total.z + total.w);
}

// The first column that holds the row's largest element.
fn arg_max(base: u32) -> u32 {
    var best = 0u;
    var top = x[base].x;
    for (var c = 1u; c < dims.cols; c += 1u) {
        let value = x[base + c / 4u][c % 4u];
        if value > top {
            top = value;
            best = c;
        }
    }
    return best;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var loss = 0.0;
    var right = 0.0;
    var seen = 0.0;
    for (var b = local; b < dims.rows; b += 64u) {
        let label = labels[dims.labels_offset + r * dims.labels_stride + b];
        if label != 0xffffffffu {
            let base = (dims.x_offset + r * dims.x_stride) / 4u + b * dims.quads;
            loss += log_sum_exp(base) - x[base + label / 4u][label % 4u];
            right += select(0.0, 1.0, arg_max(base) == label);
            seen += 1.0;
        }
    }
    losses[local] = loss;
    rights[local] = right;
    records[local] = seen;
    workgroupBarrier();
    if local == 0u {
        var sum = vec3<f32>(0.0);
        for (var t = 0u; t < 64u; t += 1u) {
            sum += vec3<f32>(losses[t], rights[t], records[t]);
        }
        let to = dims.counts_offset + r * dims.counts_stride;
        counts[to] += sum.x;
        counts[to + 1u] += sum.y;
        counts[to + 2u] += sum.z;
        let finite = (bitcast<u32>(sum.x) & 0x7f800000u) != 0x7f800000u;
        if !finite && counts[to + 3u] == 0.0 {
            counts[to + 3u] = f32(counter[dims.counter_offset + r * dims.counter_stride] + 1u);
        }
    }
}
