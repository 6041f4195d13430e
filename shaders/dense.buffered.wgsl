// Dense layer. For hardware GPUs. As it stands for results of many rows and columns, 128 × 128 a workgroup of
// 256; with SIDE 8, BLOCKS 1 and STEP 16 for small ones, 32 × 32 a workgroup of 64.
// forward  y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:])
// grad_x   grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′, from the OUTPUT of the activation that made x
//          (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x))
// grad_w   grad_w[K+1,N] = [x | 1]ᵀ · dz: a column of ones, never stored, gives the bias's, Σ_b dz[b,:]
//
// An invocation computes BLOCKS × BLOCKS blocks of 4 × 4 results, SIDE blocks apart, so that neighbors read
// neighboring vec4s. What is summed over is walked in steps. The tiles of a step are fetched into registers
// while the step before is multiplied, and stored to the other of two buffers (16 KiB together, or 8): one
// barrier a step. The products of eight k are written out, each with the next one's vec4s already on their
// way. The sum is made in order by one invocation, as in dense.wgsl.

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

const SIDE: u32 = 16; // invocations along a side of the tile
const BLOCKS: u32 = 2; // blocks along a side of an invocation's results
const STEP: u32 = 8;

const SIZE: u32 = SIDE * SIDE;
const QUADS: u32 = SIDE * BLOCKS; // vec4s in a row of either tile
const TILE_ROWS: u32 = 4 * QUADS;
const TILE_COLS: u32 = 4 * QUADS;
const OTHER: u32 = (BLOCKS - 1) * SIDE; // vec4s from an invocation's block to its other one
const BUFFER: u32 = STEP * QUADS; // vec4s of a tile of one step
const FETCHERS: u32 = BUFFER / 4; // invocations that fetch a tile, four vec4s each
const APART: u32 = STEP / 4; // rows from one vec4 to the next, where these lie below each other

var<workgroup> a_tile: array<vec4<f32>, 2 * BUFFER>; // [2][STEP][TILE_ROWS / 4]
var<workgroup> b_tile: array<vec4<f32>, 2 * BUFFER>; // [2][STEP][TILE_COLS / 4]

// This invocation's sums: a column of a matrix is a row of the result.
var<private> top_left: mat4x4<f32>;
var<private> top_right: mat4x4<f32>;
var<private> bottom_left: mat4x4<f32>;
var<private> bottom_right: mat4x4<f32>;

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

// Adds the products of one k: rows a0 and a1, columns b0 and b1.
fn add_products(a0: vec4<f32>, a1: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>) {
    top_left += mat4x4(a0.x * b0, a0.y * b0, a0.z * b0, a0.w * b0);
    if BLOCKS == 2 {
        top_right += mat4x4(a0.x * b1, a0.y * b1, a0.z * b1, a0.w * b1);
        bottom_left += mat4x4(a1.x * b0, a1.y * b0, a1.z * b0, a1.w * b0);
        bottom_right += mat4x4(a1.x * b1, a1.y * b1, a1.z * b1, a1.w * b1);
    }
}

// Adds the products of eight k, whose rows of the tiles begin at a and b: two fragments, one in use and one
// on its way.
fn add_eight(a: u32, b: u32) {
    let a00 = a_tile[a];
    let a01 = a_tile[a + OTHER];
    let b00 = b_tile[b];
    let b01 = b_tile[b + OTHER];
    let a10 = a_tile[a + QUADS];
    let a11 = a_tile[a + QUADS + OTHER];
    let b10 = b_tile[b + QUADS];
    let b11 = b_tile[b + QUADS + OTHER];
    add_products(a00, a01, b00, b01);
    let a20 = a_tile[a + 2 * QUADS];
    let a21 = a_tile[a + 2 * QUADS + OTHER];
    let b20 = b_tile[b + 2 * QUADS];
    let b21 = b_tile[b + 2 * QUADS + OTHER];
    add_products(a10, a11, b10, b11);
    let a30 = a_tile[a + 3 * QUADS];
    let a31 = a_tile[a + 3 * QUADS + OTHER];
    let b30 = b_tile[b + 3 * QUADS];
    let b31 = b_tile[b + 3 * QUADS + OTHER];
    add_products(a20, a21, b20, b21);
    let a40 = a_tile[a + 4 * QUADS];
    let a41 = a_tile[a + 4 * QUADS + OTHER];
    let b40 = b_tile[b + 4 * QUADS];
    let b41 = b_tile[b + 4 * QUADS + OTHER];
    add_products(a30, a31, b30, b31);
    let a50 = a_tile[a + 5 * QUADS];
    let a51 = a_tile[a + 5 * QUADS + OTHER];
    let b50 = b_tile[b + 5 * QUADS];
    let b51 = b_tile[b + 5 * QUADS + OTHER];
    add_products(a40, a41, b40, b41);
    let a60 = a_tile[a + 6 * QUADS];
    let a61 = a_tile[a + 6 * QUADS + OTHER];
    let b60 = b_tile[b + 6 * QUADS];
    let b61 = b_tile[b + 6 * QUADS + OTHER];
    add_products(a50, a51, b50, b51);
    let a70 = a_tile[a + 7 * QUADS];
    let a71 = a_tile[a + 7 * QUADS + OTHER];
    let b70 = b_tile[b + 7 * QUADS];
    let b71 = b_tile[b + 7 * QUADS + OTHER];
    add_products(a60, a61, b60, b61);
    add_products(a70, a71, b70, b71);
}

// The products of a step, whose tiles begin at `start`.
fn add_step(start: u32, down: u32, across: u32) {
    for (var k = 0u; k < STEP; k += 8) {
        add_eight(start + k * QUADS + down, start + k * QUADS + across);
    }
}

// Zeros where they are not `real`.
fn store_left(at: u32, apart: u32, values: mat4x4<f32>, real: bool) {
    let zero = vec4(0.0);
    a_tile[at] = select(zero, values[0], real);
    a_tile[at + apart] = select(zero, values[1], real);
    a_tile[at + 2 * apart] = select(zero, values[2], real);
    a_tile[at + 3 * apart] = select(zero, values[3], real);
}

fn store_right(at: u32, apart: u32, values: mat4x4<f32>) {
    b_tile[at] = values[0];
    b_tile[at + apart] = values[1];
    b_tile[at + 2 * apart] = values[2];
    b_tile[at + 3 * apart] = values[3];
}

// Four rows of x from `row` on, a vec4 of inputs of each. What lies across is transposed when it is stored,
// as what is beyond K becomes zero there: here that would wait for the loads.
fn x_across(row: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.inputs + 3) / 4;
    let base = (dims.x_offset + replica * dims.x_stride) / 4 + min(quad, pitch - 1);
    let last = dims.batch - 1;
    return mat4x4(
        x[base + min(row, last) * pitch],
        x[base + min(row + 1, last) * pitch],
        x[base + min(row + 2, last) * pitch],
        x[base + min(row + 3, last) * pitch],
    );
}

// Every APARTth row of w from input k on, four columns of each.
fn w_down(k: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(quad, pitch - 1);
    // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
    return mat4x4(
        w[base + min(k, dims.inputs) * pitch],
        w[base + min(k + APART, dims.inputs) * pitch],
        w[base + min(k + 2 * APART, dims.inputs) * pitch],
        w[base + min(k + 3 * APART, dims.inputs) * pitch],
    );
}

// Four rows of y, a vec4 of columns of each.
fn write_y(first: u32, col: u32, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.outputs + 3) / 4;
    if col >= pitch {
        return;
    }
    let bias = w[(dims.w_offset + replica * dims.w_stride) / 4 + dims.inputs * pitch + col];
    // The padding stays zero whatever act(0) is.
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch {
            let y = activate(picked(sums, i) + bias);
            result[base + (first + i) * pitch] = select(vec4(0.0), y, real);
        }
    }
}

@compute @workgroup_size(SIZE)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * QUADS;
    let s = (local % FETCHERS) / QUADS;
    let q = local % QUADS;
    let down = local / SIDE;
    let across = local % SIDE;

    let inputs = 4 * ((dims.inputs + 3) / 4);
    var start = 0u;
    var next: mat4x4<f32>; // of the first FETCHERS for the left tile, of the next for the right one
    if local < FETCHERS {
        next = x_across(row + 4 * q, s, group.z);
    } else if local < 2 * FETCHERS {
        next = w_down(s, quad + q, group.z);
    }
    for (var k = 0u; k < dims.inputs; k += STEP) {
        if local < FETCHERS {
            store_left(start + 4 * s * QUADS + q, QUADS, transpose(next), k + 4 * s < inputs);
        } else if local < 2 * FETCHERS {
            store_right(start + s * QUADS + q, APART * QUADS, next);
        }
        workgroupBarrier();
        if local < FETCHERS {
            next = x_across(row + 4 * q, (k + STEP) / 4 + s, group.z);
        } else if local < 2 * FETCHERS {
            next = w_down(k + STEP + s, quad + q, group.z);
        }
        add_step(start, down, across);
        start = BUFFER - start;
    }

    write_y(row + 4 * down, quad + across, top_left, group.z);
    if BLOCKS == 2 {
        write_y(row + 4 * down, quad + across + OTHER, top_right, group.z);
        write_y(row + 4 * (down + OTHER), quad + across, bottom_left, group.z);
        write_y(row + 4 * (down + OTHER), quad + across + OTHER, bottom_right, group.z);
    }
}

fn dz_across(row: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + min(quad, pitch - 1);
    let last = dims.batch - 1;
    return mat4x4(
        dz[base + min(row, last) * pitch],
        dz[base + min(row + 1, last) * pitch],
        dz[base + min(row + 2, last) * pitch],
        dz[base + min(row + 3, last) * pitch],
    );
}

// Four rows of w from input `row` on; beyond N, dz is zero.
fn w_across(row: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(quad, pitch - 1);
    return mat4x4(
        w[base + min(row, dims.inputs) * pitch],
        w[base + min(row + 1, dims.inputs) * pitch],
        w[base + min(row + 2, dims.inputs) * pitch],
        w[base + min(row + 3, dims.inputs) * pitch],
    );
}

// Four rows of grad_x, a vec4 of columns of each.
fn write_grad_x(first: u32, col: u32, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.inputs + 3) / 4;
    if col >= pitch {
        return;
    }
    // Column K would be the bias: padding is zero.
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs);
    let source = (dims.activated_offset + replica * dims.activated_stride) / 4 + col;
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch {
            let at = (first + i) * pitch;
            let slope = derivative(activated[source + at]);
            result[base + at] = select(vec4(0.0), picked(sums, i) * slope, real);
        }
    }
}

@compute @workgroup_size(SIZE)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * QUADS;
    let s = (local % FETCHERS) / QUADS;
    let q = local % QUADS;
    let at = 4 * s * QUADS + q;
    let down = local / SIDE;
    let across = local % SIDE;

    let outputs = 4 * ((dims.outputs + 3) / 4);
    var start = 0u;
    var next: mat4x4<f32>; // of the first FETCHERS for the left tile, of the next for the right one
    if local < FETCHERS {
        next = dz_across(row + 4 * q, s, group.z);
    } else if local < 2 * FETCHERS {
        next = w_across(4 * (quad + q), s, group.z);
    }
    for (var n = 0u; n < dims.outputs; n += STEP) {
        if local < FETCHERS {
            store_left(start + at, QUADS, transpose(next), n + 4 * s < outputs);
        } else if local < 2 * FETCHERS {
            store_right(start + at, QUADS, transpose(next));
        }
        workgroupBarrier();
        if local < FETCHERS {
            next = dz_across(row + 4 * q, (n + STEP) / 4 + s, group.z);
        } else if local < 2 * FETCHERS {
            next = w_across(4 * (quad + q), (n + STEP) / 4 + s, group.z);
        }
        add_step(start, down, across);
        start = BUFFER - start;
    }

    write_grad_x(row + 4 * down, quad + across, top_left, group.z);
    if BLOCKS == 2 {
        write_grad_x(row + 4 * down, quad + across + OTHER, top_right, group.z);
        write_grad_x(row + 4 * (down + OTHER), quad + across, bottom_left, group.z);
        write_grad_x(row + 4 * (down + OTHER), quad + across + OTHER, bottom_right, group.z);
    }
}

// Every APARTth record of x from b on, four columns of each; column K is of ones.
fn x_down(b: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.inputs + 3) / 4;
    let base = (dims.x_offset + replica * dims.x_stride) / 4 + min(quad, pitch - 1);
    let last = dims.batch - 1;
    return mat4x4(
        x[base + min(b, last) * pitch],
        x[base + min(b + APART, last) * pitch],
        x[base + min(b + 2 * APART, last) * pitch],
        x[base + min(b + 3 * APART, last) * pitch],
    );
}

// Every APARTth record of dz from b on, four columns of each.
fn dz_down(b: u32, quad: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + min(quad, pitch - 1);
    let last = dims.batch - 1;
    return mat4x4(
        dz[base + min(b, last) * pitch],
        dz[base + min(b + APART, last) * pitch],
        dz[base + min(b + 2 * APART, last) * pitch],
        dz[base + min(b + 3 * APART, last) * pitch],
    );
}

// With ones in column K and zeros beyond the batch.
fn with_ones(values: mat4x4<f32>, b: u32, quad: u32) -> mat4x4<f32> {
    let one = 4 * quad + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs);
    let real = b + APART * vec4(0u, 1u, 2u, 3u) < vec4(dims.batch);
    let zero = vec4(0.0);
    return mat4x4(
        select(zero, select(values[0], vec4(1.0), one), real.x),
        select(zero, select(values[1], vec4(1.0), one), real.y),
        select(zero, select(values[2], vec4(1.0), one), real.z),
        select(zero, select(values[3], vec4(1.0), one), real.w),
    );
}

// Four rows of grad_w, a vec4 of columns of each.
fn write_grad_w(first: u32, col: u32, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.outputs + 3) / 4;
    if col >= pitch {
        return;
    }
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        if first + i <= dims.inputs {
            result[base + (first + i) * pitch] = picked(sums, i);
        }
    }
}

@compute @workgroup_size(SIZE)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * QUADS;
    let s = (local % FETCHERS) / QUADS;
    let q = local % QUADS;
    let at = local % FETCHERS;
    let down = local / SIDE;
    let across = local % SIDE;

    var start = 0u;
    var next: mat4x4<f32>; // of the first FETCHERS for the left tile, of the next for the right one
    if local < FETCHERS {
        next = x_down(s, row / 4 + q, group.z);
    } else if local < 2 * FETCHERS {
        next = dz_down(s, quad + q, group.z);
    }
    for (var b = 0u; b < dims.batch; b += STEP) {
        if local < FETCHERS {
            store_left(start + at, APART * QUADS, with_ones(next, b + s, row / 4 + q), true);
        } else if local < 2 * FETCHERS {
            // Beyond the batch x is zero; the clamp keeps dz inside this replica, where it is finite.
            store_right(start + at, APART * QUADS, next);
        }
        workgroupBarrier();
        if local < FETCHERS {
            next = x_down(b + STEP + s, row / 4 + q, group.z);
        } else if local < 2 * FETCHERS {
            next = dz_down(b + STEP + s, quad + q, group.z);
        }
        add_step(start, down, across);
        start = BUFFER - start;
    }

    write_grad_w(row + 4 * down, quad + across, top_left, group.z);
    if BLOCKS == 2 {
        write_grad_w(row + 4 * down, quad + across + OTHER, top_right, group.z);
        write_grad_w(row + 4 * (down + OTHER), quad + across, bottom_left, group.z);
        write_grad_w(row + 4 * (down + OTHER), quad + across + OTHER, bottom_right, group.z);
    }
}
