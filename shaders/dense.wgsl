// Dense layer. For hardware GPUs; software adapters run dense.outer.native.wgsl or dense.register.wgsl.
// forward  y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:])
// grad_x   grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′, from the OUTPUT of the activation that made x
//          (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x))
// grad_w   grad_w[K+1,N] = [x | 1]ᵀ · dz: a column of ones, never stored, gives the bias's, Σ_b dz[b,:]
//
// A workgroup of 128 computes 64 rows × 64 columns of the result, each invocation 8 × 4 of them. What is
// summed over is walked in steps of 16: half the workgroup fetches the left factor's share of the next step,
// the other half the right one's, into registers while the current one is being multiplied, so that one copy
// of each tile in workgroup memory (8 KiB together) is enough. Both tiles are read as vec4s along rows and
// columns: a factor whose rows lie across is transposed on its way in. The sum is made in order by one
// invocation: no atomics, no second pass.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    activated_offset: u32, activated_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K
    outputs: u32,    // N
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [K + 1, N], the bias last
@group(0) @binding(4) var<storage, read> activated: array<vec4<f32>>; // [B, K]: x, as its activation's output
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // y as dz, grad_x as x, grad_w as w

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> a_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> b_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

// Column i of m. By constants: a compiler that cannot index registers unrolls every loop around, for minutes.
fn picked(m: mat4x4<f32>, i: u32) -> vec4<f32> {
    switch i {
        case 0: { return m[0]; }
        case 1: { return m[1]; }
        case 2: { return m[2]; }
        default: { return m[3]; }
    }
}

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn derivative(y: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return 1.0 - y * y; }
        case 2: { return select(vec4(0.0), vec4(1.0), y > vec4(0.0)); }
        case 3: { return y * (1.0 - y); }
        default: { return vec4(1.0); }
    }
}

// Four vec4s of x (local < 64: rows 4q.. of the tile, inputs k + 4s..) or of w (input k + s + 4i, columns
// 4q..).
fn fetch_forward(local: u32, row: u32, quad: u32, k: u32, replica: u32) -> mat4x4<f32> {
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    if local < 64 {
        let pitch = (dims.inputs + 3) / 4;
        let at = k / 4 + s;
        if at >= pitch {
            return mat4x4<f32>();
        }
        let base = (dims.x_offset + replica * dims.x_stride) / 4 + at;
        let first = row + 4 * q;
        let last = dims.batch - 1;
        return transpose(mat4x4(
            x[base + min(first, last) * pitch],
            x[base + min(first + 1, last) * pitch],
            x[base + min(first + 2, last) * pitch],
            x[base + min(first + 3, last) * pitch],
        ));
    }
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(quad + q, pitch - 1);
    // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
    return mat4x4(
        w[base + min(k + s, dims.inputs) * pitch],
        w[base + min(k + s + 4, dims.inputs) * pitch],
        w[base + min(k + s + 8, dims.inputs) * pitch],
        w[base + min(k + s + 12, dims.inputs) * pitch],
    );
}

@compute @workgroup_size(128)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of y
    var bottom = mat4x4<f32>();
    var next = fetch_forward(local, row, quad, 0, group.z);
    for (var k = 0u; k < dims.inputs; k += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = 4 * s * SIDE + q;
            a_tile[at] = next[0];
            a_tile[at + SIDE] = next[1];
            a_tile[at + 2 * SIDE] = next[2];
            a_tile[at + 3 * SIDE] = next[3];
        } else {
            let at = s * SIDE + q;
            b_tile[at] = next[0];
            b_tile[at + 4 * SIDE] = next[1];
            b_tile[at + 8 * SIDE] = next[2];
            b_tile[at + 12 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch_forward(local, row, quad, k + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = a_tile[i * SIDE + 2 * down];
            let a1 = a_tile[i * SIDE + 2 * down + 1];
            let b4 = b_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.outputs + 3) / 4;
    let col = quad + q;
    if col >= pitch {
        return;
    }
    let bias = w[(dims.w_offset + group.z * dims.w_stride) / 4 + dims.inputs * pitch + col];
    // The padding stays zero whatever act(0) is.
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first < dims.batch {
            let y = activate(picked(top, i) + bias);
            result[base + first * pitch] = select(vec4(0.0), y, real);
        }
        if first + 4 < dims.batch {
            let y = activate(picked(bottom, i) + bias);
            result[base + (first + 4) * pitch] = select(vec4(0.0), y, real);
        }
    }
}

// Outputs n + 4s.. of four rows of dz (local < 64) or of w (then the rows are columns of grad_x), transposed.
fn fetch_grad_x(local: u32, row: u32, col: u32, n: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let at = n / 4 + (local % 64) / SIDE;
    let q = local % SIDE;
    if local < 64 {
        if at >= pitch {
            return mat4x4<f32>();
        }
        let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + at;
        let first = row + 4 * q;
        let last = dims.batch - 1;
        return transpose(mat4x4(
            dz[base + min(first, last) * pitch],
            dz[base + min(first + 1, last) * pitch],
            dz[base + min(first + 2, last) * pitch],
            dz[base + min(first + 3, last) * pitch],
        ));
    }
    // Beyond N, dz is zero; the clamp keeps w's factor inside this replica, where it is finite.
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(at, pitch - 1);
    let first = col + 4 * q;
    return transpose(mat4x4(
        w[base + min(first, dims.inputs) * pitch],
        w[base + min(first + 1, dims.inputs) * pitch],
        w[base + min(first + 2, dims.inputs) * pitch],
        w[base + min(first + 3, dims.inputs) * pitch],
    ));
}

@compute @workgroup_size(128)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of grad_x
    var bottom = mat4x4<f32>();
    var next = fetch_grad_x(local, row, group.x * TILE_COLS, 0, group.z);
    for (var n = 0u; n < dims.outputs; n += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = 4 * s * SIDE + q;
            a_tile[at] = next[0];
            a_tile[at + SIDE] = next[1];
            a_tile[at + 2 * SIDE] = next[2];
            a_tile[at + 3 * SIDE] = next[3];
        } else {
            let at = 4 * s * SIDE + q;
            b_tile[at] = next[0];
            b_tile[at + SIDE] = next[1];
            b_tile[at + 2 * SIDE] = next[2];
            b_tile[at + 3 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch_grad_x(local, row, group.x * TILE_COLS, n + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = a_tile[i * SIDE + 2 * down];
            let a1 = a_tile[i * SIDE + 2 * down + 1];
            let b4 = b_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.inputs + 3) / 4;
    let col = group.x * (TILE_COLS / 4) + q;
    if col >= pitch {
        return;
    }
    // Column K would be the bias: padding is zero.
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs);
    let source = (dims.activated_offset + group.z * dims.activated_stride) / 4 + col;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first < dims.batch {
            let at = first * pitch;
            let slope = derivative(activated[source + at]);
            result[base + at] = select(vec4(0.0), picked(top, i) * slope, real);
        }
        if first + 4 < dims.batch {
            let at = (first + 4) * pitch;
            let slope = derivative(activated[source + at]);
            result[base + at] = select(vec4(0.0), picked(bottom, i) * slope, real);
        }
    }
}

// Records b + s + 4i of x (local < 64: rows 4q.. of the tile) or of dz (columns 4q..); zero beyond the batch.
fn fetch_grad_w(local: u32, row: u32, quad: u32, b: u32, replica: u32) -> mat4x4<f32> {
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let records = b + s + vec4(0u, 4u, 8u, 12u);
    let real = records < vec4(dims.batch);
    let at = min(records, vec4(dims.batch - 1));
    let zero = vec4(0.0);
    if local < 64 {
        let pitch = (dims.inputs + 3) / 4;
        let k = row + 4 * q;
        let base = (dims.x_offset + replica * dims.x_stride) / 4 + min(k / 4, pitch - 1);
        let one = k + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K
        return mat4x4(
            select(zero, select(x[base + at.x * pitch], vec4(1.0), one), real.x),
            select(zero, select(x[base + at.y * pitch], vec4(1.0), one), real.y),
            select(zero, select(x[base + at.z * pitch], vec4(1.0), one), real.z),
            select(zero, select(x[base + at.w * pitch], vec4(1.0), one), real.w),
        );
    }
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + min(quad + q, pitch - 1);
    return mat4x4(
        select(zero, dz[base + at.x * pitch], real.x),
        select(zero, dz[base + at.y * pitch], real.y),
        select(zero, dz[base + at.z * pitch], real.z),
        select(zero, dz[base + at.w * pitch], real.w),
    );
}

@compute @workgroup_size(128)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of dw
    var bottom = mat4x4<f32>();
    var next = fetch_grad_w(local, row, quad, 0, group.z);
    for (var b = 0u; b < dims.batch; b += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = s * SIDE + q;
            a_tile[at] = next[0];
            a_tile[at + 4 * SIDE] = next[1];
            a_tile[at + 8 * SIDE] = next[2];
            a_tile[at + 12 * SIDE] = next[3];
        } else {
            let at = s * SIDE + q;
            b_tile[at] = next[0];
            b_tile[at + 4 * SIDE] = next[1];
            b_tile[at + 8 * SIDE] = next[2];
            b_tile[at + 12 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch_grad_w(local, row, quad, b + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = a_tile[i * SIDE + 2 * down];
            let a1 = a_tile[i * SIDE + 2 * down + 1];
            let b4 = b_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.outputs + 3) / 4;
    let col = quad + q;
    if col >= pitch {
        return;
    }
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first <= dims.inputs {
            result[base + first * pitch] = picked(top, i);
        }
        if first + 4 <= dims.inputs {
            result[base + (first + 4) * pitch] = picked(bottom, i);
        }
    }
}
