// Each row in descending order, the first k of it. The rank of an element is counted, O(C) each: rows are
// class scores, a hundred or so. One element an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,
    cols: u32,  // of x
    pitch_x: u32,
    k: u32,     // columns of y
    pitch: u32, // of y
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;            // [B, C]
@group(0) @binding(2) var<storage, read> dy: array<f32>;           // [B, k]
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // y [B, k] or grad_x [B, C]

// How many elements of row `row` come before element c in descending order; the lower column wins a tie.
fn rank(base: u32, c: u32) -> u32 {
    let value = x[base + c];
    var before = 0u;
    for (var j = 0u; j < dims.cols; j++) {
        let other = x[base + j];
        before += select(0u, 1u, other > value || (other == value && j < c));
    }
    return before;
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y[b, rank(c)] = x[b, c]. An element of x, its padding included, an invocation; the first of a row also
// write y's padding.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows * dims.pitch_x {
        return;
    }
    let row = i / dims.pitch_x;
    let c = i % dims.pitch_x;
    let base = dims.x_offset + r * dims.x_stride + row * dims.pitch_x;
    let to = dims.result_offset + r * dims.result_stride + row * dims.pitch;
    if c < dims.cols {
        let place = rank(base, c);
        if place < dims.k {
            result[to + place] = x[base + c];
        }
    }
    if c < dims.pitch - dims.k {
        result[to + dims.k + c] = 0.0;
    }
}

// grad_x[b, c] = dy[b, rank(c)] where that is among the first k, else 0.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows * dims.pitch_x {
        return;
    }
    let row = i / dims.pitch_x;
    let c = i % dims.pitch_x;
    var value = 0.0;
    if c < dims.cols {
        let place = rank(dims.x_offset + r * dims.x_stride + row * dims.pitch_x, c);
        if place < dims.k {
            value = dy[dims.dy_offset + r * dims.dy_stride + row * dims.pitch + place];
        }
    }
    result[dims.result_offset + r * dims.result_stride + i] = value;
}
