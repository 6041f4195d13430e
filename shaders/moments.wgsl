// Mean and variance (biased) of channels over the pixels of a batch, for batch statistics. Four channels an
// invocation.

struct Dims {
    partial_offset: u32, partial_stride: u32,
    ds_offset: u32, ds_stride: u32,
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,          // N = B · pixels
    pitch: u32,         // vec4s a pixel of x and a row of s
    first: u32,         // the first of these channels
    quads: u32,         // and how many
    part: u32,          // pixels a part
    parts: u32,
    accumulate: u32,
    running_pitch: u32, // vec4s a row of running, all layers' channels
    momentum: f32,
    unbiased: f32,      // N / (N − 1)
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;      // [2 parts, count]: sums, squares, …
@group(0) @binding(2) var<storage, read> ds: array<vec4<f32>>;           // [2, channels]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;            // [N, channels]
@group(0) @binding(4) var<storage, read> s: array<vec4<f32>>;            // [2, channels]: mean, variance
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // as partial, s or x; running [2, …]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// Sums of x − s and of (x − s)², where s is the channel's first value: without it the variance of a channel
// far from 0 would be a small difference of large numbers. Idea: an invocation sums four channels over one
// part of the pixels; the parts are added by those who need them, in order.
@compute @workgroup_size(64)
fn sums(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let q = n % dims.quads;
    let first = n / dims.quads * dims.part;
    if first >= dims.rows {
        return;
    }
    let base = (dims.x_offset + r * dims.x_stride) / 4 + dims.first + q;
    let s = x[base];
    var sum = vec4(0.0);
    var square = vec4(0.0);
    for (var i = first; i < min(first + dims.part, dims.rows); i++) {
        let d = x[base + i * dims.pitch] - s;
        sum += d;
        square += d * d;
    }
    let at = (dims.result_offset + r * dims.result_stride) / 4 + n / dims.quads * 2 * dims.quads + q;
    result[at] = sum;
    result[at + dims.quads] = square;
}

// From those, s; of x its first pixel is read.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    if n >= dims.quads {
        return;
    }
    var sum = vec4(0.0);
    var square = vec4(0.0);
    for (var i = 0u; i < dims.parts; i++) {
        let at = (dims.partial_offset + r * dims.partial_stride) / 4 + 2 * i * dims.quads + n;
        sum += partial[at];
        square += partial[at + dims.quads];
    }
    let d = sum / f32(dims.rows);
    let base = (dims.result_offset + r * dims.result_stride) / 4 + dims.first + n;
    result[base] = x[(dims.x_offset + r * dims.x_stride) / 4 + dims.first + n] + d;
    result[base + dims.pitch] = max(square / f32(dims.rows) - d * d, vec4(0.0));
}

// grad_x = dmean / N + 2 dvariance (x − mean) / N, added to grad_x or, for other channels too (zeros),
// written. Idea: an invocation goes down 8 pixels of four channels, whose numbers it loads once.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let width = select(dims.pitch, dims.quads, dims.accumulate == 1);
    let start = n / width * 8;
    if start >= dims.rows {
        return;
    }
    let q = n % width + select(0u, dims.first, dims.accumulate == 1);
    let own = q >= dims.first && q < dims.first + dims.quads;
    let ds_base = (dims.ds_offset + r * dims.ds_stride) / 4 + q;
    let by_mean = ds[ds_base] / f32(dims.rows);
    let by_variance = 2.0 * ds[ds_base + dims.pitch] / f32(dims.rows);
    let mean = s[(dims.s_offset + r * dims.s_stride) / 4 + q];
    for (var i = start; i < min(start + 8, dims.rows); i++) {
        let at = i * dims.pitch + q;
        let to = (dims.result_offset + r * dims.result_stride) / 4 + at;
        let d = by_mean + by_variance * (x[(dims.x_offset + r * dims.x_stride) / 4 + at] - mean);
        if dims.accumulate == 1 {
            result[to] += d;
        } else {
            result[to] = select(vec4(0.0), d, own);
        }
    }
}

// Running statistics: running = (1 − momentum) running + momentum s, the variance unbiased.
@compute @workgroup_size(64)
fn running(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    if n >= dims.quads {
        return;
    }
    let source = (dims.s_offset + r * dims.s_stride) / 4 + n;
    let to = (dims.result_offset + r * dims.result_stride) / 4 + dims.first + n;
    let keep = 1.0 - dims.momentum;
    result[to] = keep * result[to] + dims.momentum * s[source];
    let variance = s[source + dims.pitch] * dims.unbiased;
    result[to + dims.running_pitch] = keep * result[to + dims.running_pitch] + dims.momentum * variance;
}
