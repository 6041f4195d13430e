// Mean softmax cross-entropy of a batch of logits, its gradient, and the count of what a batch adds to an
// epoch's totals; each also with records that weigh as much as their class does.
//
// The sums are those of one workgroup a replica: invocation t sums rows t, t + 64, … and invocation 0 adds
// the 64 parts in order, so that the order of the sum is fixed.

struct Dims {
    x_offset: u32, x_stride: u32,
    labels_offset: u32, labels_stride: u32,
    weights_offset: u32, weights_stride: u32,
    dy_offset: u32, dy_stride: u32,
    counter_offset: u32, counter_stride: u32,
    result_offset: u32, result_stride: u32,
    counts_offset: u32, counts_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, C]
@group(0) @binding(2) var<storage, read> labels: array<u32>;             // [B, 1]
@group(0) @binding(3) var<storage, read> weights: array<f32>;            // [1, C]: of the classes
@group(0) @binding(4) var<storage, read> dy: array<f32>;                 // [1, 1]
@group(0) @binding(5) var<storage, read> counter: array<u32>;            // [1, 1]: the step
@group(0) @binding(6) var<storage, read_write> result: array<vec4<f32>>; // y [1, 1] or grad_x [B, C]
@group(0) @binding(7) var<storage, read_write> counts: array<f32>;       // [1, 4]

var<workgroup> partial: array<f32, 64>;

var<workgroup> losses: array<f32, 64>;
var<workgroup> rights: array<f32, 64>;
var<workgroup> records: array<f32, 64>;

fn inside(q: u32) -> vec4<bool> {
    return vec4(4 * q) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
}

// The largest element of a row, its padding left out.
fn row_max(base: u32) -> f32 {
    var top = vec4(-3.4e38);
    for (var q = 0u; q < dims.quads; q++) {
        top = max(top, select(vec4(-3.4e38), x[base + q], inside(q)));
    }
    return max(max(top.x, top.y), max(top.z, top.w));
}

fn log_sum_exp(base: u32) -> f32 {
    let top = row_max(base);
    var total = vec4(0.0);
    for (var q = 0u; q < dims.quads; q++) {
        total += select(vec4(0.0), exp(x[base + q] - top), inside(q));
    }
    return top + log(total.x + total.y + total.z + total.w);
}

// The first column that holds the row's largest element.
fn arg_max(base: u32) -> u32 {
    var best = 0u;
    var top = x[base].x;
    for (var c = 1u; c < dims.cols; c++) {
        let value = x[base + c / 4][c % 4];
        if value > top {
            top = value;
            best = c;
        }
    }
    return best;
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// −log softmax(x_b)[label], from the row's place in x.
fn record_loss(base: u32, label: u32) -> f32 {
    return log_sum_exp(base) - x[base + label / 4][label % 4];
}

fn row_of_x(r: u32, b: u32) -> u32 {
    return (dims.x_offset + r * dims.x_stride) / 4 + b * dims.quads;
}

fn label_of(r: u32, b: u32) -> u32 {
    return labels[dims.labels_offset + r * dims.labels_stride + b];
}

fn weight_of(r: u32, label: u32) -> f32 {
    return weights[dims.weights_offset + r * dims.weights_stride + label];
}

// y = 1/B of the invocations' sums.
fn store_mean(r: u32, local: u32, sum: f32) {
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

// y = 1/B Σ_b (lse(x_b) − x_b[label_b]).
@compute @workgroup_size(64)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64) {
        sum += record_loss(row_of_x(group.z, b), label_of(group.z, b));
    }
    store_mean(group.z, local, sum);
}

// y = 1/B Σ_b weights[label_b] (lse(x_b) − x_b[label_b]).
@compute @workgroup_size(64)
fn weighted(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64) {
        let label = label_of(group.z, b);
        sum += weight_of(group.z, label) * record_loss(row_of_x(group.z, b), label);
    }
    store_mean(group.z, local, sum);
}

// grad_x of row b: dy / B · weight (softmax(x_b) − one_hot(label_b)). Three passes, no barrier.
fn store_gradient(r: u32, b: u32, label: u32, weight: f32) {
    let base = row_of_x(r, b);
    let to = (dims.result_offset + r * dims.result_stride) / 4 + b * dims.quads;
    let scale = weight * dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    let top = row_max(base);
    var total = vec4(0.0);
    for (var q = 0u; q < dims.quads; q++) {
        let e = select(vec4(0.0), exp(x[base + q] - top), inside(q));
        total += e;
        result[to + q] = e;
    }
    let norm = scale / (total.x + total.y + total.z + total.w);
    for (var q = 0u; q < dims.quads; q++) {
        let hit = vec4(4 * q) + vec4(0u, 1u, 2u, 3u) == vec4(label);
        result[to + q] = result[to + q] * norm - select(vec4(0.0), vec4(scale), hit);
    }
}

// grad_x[b, c] = dy / B (softmax(x_b)[c] − [c = label_b]). One row an invocation.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = item(group, groups, local);
    if b < dims.rows {
        store_gradient(group.z, b, label_of(group.z, b), 1.0);
    }
}

// The same times weights[label_b].
@compute @workgroup_size(64)
fn weighted_grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = item(group, groups, local);
    if b < dims.rows {
        let label = label_of(group.z, b);
        store_gradient(group.z, b, label, weight_of(group.z, label));
    }
}

// Adds the invocations' sums of cross-entropy, correct and records to a replica's counters, and keeps the
// step of the first loss that is not finite. That is told by the exponent's bits, since comparisons with
// NaN may be optimized away.
fn store_counts(r: u32, local: u32, sums: vec3<f32>) {
    losses[local] = sums.x;
    rights[local] = sums.y;
    records[local] = sums.z;
    workgroupBarrier();
    if local == 0 {
        var sum = vec3(0.0);
        for (var t = 0u; t < 64; t++) {
            sum += vec3(losses[t], rights[t], records[t]);
        }
        let to = dims.counts_offset + r * dims.counts_stride;
        counts[to] += sum.x;
        counts[to + 1] += sum.y;
        counts[to + 2] += sum.z;
        let finite = (bitcast<u32>(sum.x) & 0x7f800000u) != 0x7f800000u;
        if !finite && counts[to + 3] == 0.0 {
            counts[to + 3] = f32(counter[dims.counter_offset + r * dims.counter_stride] + 1);
        }
    }
}

// What a record adds: its loss, whether it is right, 1. A prediction is right when no class has a higher
// logit and no lower class an equal one.
fn counted(r: u32, b: u32, label: u32) -> vec3<f32> {
    let base = row_of_x(r, b);
    return vec3(record_loss(base, label), select(0.0, 1.0, arg_max(base) == label), 1.0);
}

// Adds to a replica's counters: [0] sum of cross-entropy, [1] correct, [2] records, [3] 1 + the step of the
// first non-finite loss (0: none). A record with label 0xffffffff is padding.
@compute @workgroup_size(64)
fn count(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    var sums = vec3(0.0);
    for (var b = local; b < dims.rows; b += 64) {
        let label = label_of(group.z, b);
        if label != 0xffffffffu {
            sums += counted(group.z, b, label);
        }
    }
    store_counts(group.z, local, sums);
}

// The same with records that weigh weights[label_b]: the sums and the number of records are weighted.
@compute @workgroup_size(64)
fn weighted_count(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    var sums = vec3(0.0);
    for (var b = local; b < dims.rows; b += 64) {
        let label = label_of(group.z, b);
        if label != 0xffffffffu {
            sums += weight_of(group.z, label) * counted(group.z, b, label);
        }
    }
    store_counts(group.z, local, sums);
}
