// Dense layer. For hardware GPUs; software adapters run dense.outer.native.wgsl or dense.register.wgsl.
// forward  y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:])
// grad_x   grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′, from the OUTPUT of the activation that made x
//          (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x))
// grad_w   grad_w[K+1,N] = [x | 1]ᵀ · dz: a column of ones, never stored, gives the bias's, Σ_b dz[b,:]
//
// A workgroup of DOWN × ACROSS invocations computes a tile of the result, each of them BLOCKS_DOWN ×
// BLOCKS_ACROSS blocks of 4 × 4, DOWN and ACROSS blocks apart, so that neighbors read neighboring vec4s. As
// it stands a tile is 64 × 64, of 128 invocations with 8 × 4 results each; other constants make it 128 × 128,
// 32 × 32, or, for results of few columns, 128 × 16.
//
// What is summed over is walked in steps of eight. The tiles of a step are fetched into registers while those
// of the step before are multiplied, and stored to the other of two buffers (16 KiB together at most): one
// barrier a step. A vec4 goes from memory to a tile as it is, along k or along a row of a tile; where it is
// along k, four of them are transposed when they are in registers again, where that moves nothing. The
// products are written out. The sum is made in order by one invocation: no atomics. Where PARTS is more than
// one, so many workgroups share what is summed over, and their sums are results one after the other:
// finish_forward and finish_grad_x (sum_parts.wgsl for grad_w) read those as x and add them up in order.

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
    dz_pitch: u32,   // vec4s from a row of dz, or of y, to the next: N's, or more in a wider tensor
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [K + 1, N], the bias last
@group(0) @binding(4) var<storage, read> activated: array<vec4<f32>>; // [B, K]: x, as its activation's output
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // y as dz, grad_x as x, grad_w as w

const DOWN: u32 = 8; // invocations along a tile's rows
const ACROSS: u32 = 16; // along its columns
const BLOCKS_DOWN: u32 = 2; // blocks of an invocation's results, down and across: 1 or 2
const BLOCKS_ACROSS: u32 = 1;
const PARTS: u32 = 1; // into which what is summed over is split

const STEP: u32 = 8;
const SIZE: u32 = DOWN * ACROSS;
const A_QUADS: u32 = DOWN * BLOCKS_DOWN; // blocks along a tile's rows
const B_QUADS: u32 = ACROSS * BLOCKS_ACROSS; // along its columns
const TILE_ROWS: u32 = 4 * A_QUADS;
const TILE_COLS: u32 = 4 * B_QUADS;
const A_BUFFER: u32 = STEP * A_QUADS; // vec4s of a step's left tile
const B_BUFFER: u32 = STEP * B_QUADS; // of its right one, which the first so many invocations fetch
const EACH: u32 = A_BUFFER / SIZE; // vec4s of the left tile that an invocation fetches: 1 or 4

// Of either tile four rows of vec4s for each four k: a row a k, four results beside each other in a vec4; or
// four k in a vec4, and a row for each of four results.
var<workgroup> a_tile: array<vec4<f32>, 2 * A_BUFFER>; // [2][STEP / 4][4][A_QUADS]
var<workgroup> b_tile: array<vec4<f32>, 2 * B_BUFFER>; // [2][STEP / 4][4][B_QUADS]

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
    if BLOCKS_DOWN == 2 {
        bottom_left += mat4x4(a1.x * b0, a1.y * b0, a1.z * b0, a1.w * b0);
    }
    if BLOCKS_ACROSS == 2 {
        top_right += mat4x4(a0.x * b1, a0.y * b1, a0.z * b1, a0.w * b1);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        bottom_right += mat4x4(a1.x * b1, a1.y * b1, a1.z * b1, a1.w * b1);
    }
}

// Adds the products of four k, quarter 0 to 3 of the buffers; whether vec4s of the tiles are along k.
fn add_four(quarter: u32, local: u32, a_along_k: bool, b_along_k: bool) {
    let a = quarter * 4 * A_QUADS + local / ACROSS;
    let b = quarter * 4 * B_QUADS + local % ACROSS;
    let c = a + (BLOCKS_DOWN - 1) * DOWN; // an invocation's other blocks
    let d = b + (BLOCKS_ACROSS - 1) * ACROSS;
    var a0 = mat4x4(a_tile[a], a_tile[a + A_QUADS], a_tile[a + 2 * A_QUADS], a_tile[a + 3 * A_QUADS]);
    var a1 = mat4x4(a_tile[c], a_tile[c + A_QUADS], a_tile[c + 2 * A_QUADS], a_tile[c + 3 * A_QUADS]);
    var b0 = mat4x4(b_tile[b], b_tile[b + B_QUADS], b_tile[b + 2 * B_QUADS], b_tile[b + 3 * B_QUADS]);
    var b1 = mat4x4(b_tile[d], b_tile[d + B_QUADS], b_tile[d + 2 * B_QUADS], b_tile[d + 3 * B_QUADS]);
    if a_along_k {
        a0 = transpose(a0);
        a1 = transpose(a1);
    }
    if b_along_k {
        b0 = transpose(b0);
        b1 = transpose(b1);
    }
    add_products(a0[0], a1[0], b0[0], b1[0]);
    add_products(a0[1], a1[1], b0[1], b1[1]);
    add_products(a0[2], a1[2], b0[2], b1[2]);
    add_products(a0[3], a1[3], b0[3], b1[3]);
}

// The products of a step, whose tiles are in buffer 0 or 1.
fn add_step(parity: u32, local: u32, a_along_k: bool, b_along_k: bool) {
    add_four(2 * parity, local, a_along_k, b_along_k);
    add_four(2 * parity + 1, local, a_along_k, b_along_k);
}

// Where a vec4 along k belongs in a tile of so many quads: the first or second of row or column i.
fn place_along_k(odd: u32, i: u32, quads: u32) -> u32 {
    return odd * 4 * quads + i % 4 * quads + i / 4;
}

// What an invocation fetched of a left tile, `apart` from each other in it.
fn store_left(at: u32, apart: u32, values: mat4x4<f32>) {
    a_tile[at] = values[0];
    if EACH == 4 {
        a_tile[at + apart] = values[1];
        a_tile[at + 2 * apart] = values[2];
        a_tile[at + 3 * apart] = values[3];
    }
}

// Places from `first` on, `apart` from each other; those beyond `last` are `last`, which is there.
fn places(first: u32, apart: u32, last: u32) -> vec4<u32> {
    return min(first + apart * vec4(0u, 1u, 2u, 3u), vec4(last));
}

fn x_at(at: vec4<u32>) -> mat4x4<f32> {
    var values = mat4x4<f32>();
    values[0] = x[at.x];
    if EACH == 4 {
        values[1] = x[at.y];
        values[2] = x[at.z];
        values[3] = x[at.w];
    }
    return values;
}

// Of `length` that is summed over, what a part has: whole steps.
fn share(length: u32) -> u32 {
    return (length + PARTS * STEP - 1) / (PARTS * STEP) * STEP;
}

// Four rows of a part of the result, [rows, pitch], a vec4 of columns of each.
fn write_part(first: u32, rows: u32, at: vec2<u32>, pitch: u32, sums: mat4x4<f32>, replica: u32) {
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + at.x * rows * pitch + at.y;
    for (var i = 0u; i < 4; i++) {
        if first + i < rows {
            result[base + (first + i) * pitch] = picked(sums, i);
        }
    }
}

// The sum of the parts, which are where x is, of vec4 i of [batch, pitch].
fn sum_of_parts(i: u32, pitch: u32, replica: u32) -> vec4<f32> {
    let first = (dims.x_offset + replica * dims.x_stride) / 4 + i;
    var sum = x[first];
    for (var part = 1u; part < PARTS; part++) {
        sum += x[first + part * dims.batch * pitch];
    }
    return sum;
}

fn bias_at(col: u32, replica: u32) -> vec4<f32> {
    return w[(dims.w_offset + replica * dims.w_stride) / 4 + dims.inputs * ((dims.outputs + 3) / 4) + col];
}

// Vec4 `col` of y. The padding stays zero whatever act(0) is.
fn y_of(sum: vec4<f32>, col: u32) -> vec4<f32> {
    return select(vec4(0.0), activate(sum), 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs));
}

// Four rows of y, or of part at.x of its sums, a vec4 of columns of each, at.y.
fn write_y(first: u32, at: vec2<u32>, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.outputs + 3) / 4;
    if at.y >= pitch {
        return;
    }
    if PARTS > 1 {
        write_part(first, dims.batch, at, pitch, sums, replica);
        return;
    }
    let bias = bias_at(at.y, replica);
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + at.y;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch {
            result[base + (first + i) * dims.dz_pitch] = y_of(picked(sums, i) + bias, at.y);
        }
    }
}

@compute @workgroup_size(SIZE)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let part = group.x % PARTS;
    let quad = group.x / PARTS * B_QUADS;
    let first_k = part * share(dims.inputs);
    let end = min(first_k + share(dims.inputs), dims.inputs);
    let in_pitch = (dims.inputs + 3) / 4;
    let out_pitch = (dims.outputs + 3) / 4;
    let odd = local % 2; // of the left tile's step; row i of the tile
    let i = local / 2;
    let p = local % B_QUADS; // of the right one; row j
    let j = local / B_QUADS;
    let from_x = (dims.x_offset + group.z * dims.x_stride) / 4;
    let rows_x = places((row + i) * in_pitch, SIZE / 2 * in_pitch, (dims.batch - 1) * in_pitch) + from_x;
    let from_w = (dims.w_offset + group.z * dims.w_stride) / 4 + min(quad + p, out_pitch - 1);
    let own_w = j * out_pitch;
    let last_w = dims.inputs * out_pitch; // Beyond K, x is zero, and the bias no harm.

    var parity = 0u;
    var left = x_at(rows_x + min(first_k / 4 + odd, in_pitch - 1));
    var right = w[from_w + min(first_k * out_pitch + own_w, last_w)];
    for (var k = first_k; k < end; k += STEP) {
        if k / 4 + odd >= in_pitch {
            left = mat4x4<f32>();
        }
        store_left(parity * A_BUFFER + place_along_k(odd, i, A_QUADS), SIZE / 8, left);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + local] = right;
        }
        workgroupBarrier();
        left = x_at(rows_x + min((k + STEP) / 4 + odd, in_pitch - 1));
        right = w[from_w + min((k + STEP) * out_pitch + own_w, last_w)];
        add_step(parity, local, true, false);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let at = vec2(part, quad + local % ACROSS);
    let beside = at + vec2(0, ACROSS);
    write_y(first, at, top_left, group.z);
    if BLOCKS_DOWN == 2 {
        write_y(first + 4 * DOWN, at, bottom_left, group.z);
    }
    if BLOCKS_ACROSS == 2 {
        write_y(first, beside, top_right, group.z);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        write_y(first + 4 * DOWN, beside, bottom_right, group.z);
    }
}

// The vec4 of a result that an invocation of a finishing pass has.
fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn finish_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let pitch = (dims.outputs + 3) / 4;
    let i = item(group, groups, local);
    if i >= dims.batch * pitch {
        return;
    }
    let col = i % pitch;
    let sum = sum_of_parts(i, pitch, group.z) + bias_at(col, group.z);
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    result[base + i / pitch * dims.dz_pitch] = y_of(sum, col);
}

fn dz_at(at: vec4<u32>) -> mat4x4<f32> {
    var values = mat4x4<f32>();
    values[0] = dz[at.x];
    if EACH == 4 {
        values[1] = dz[at.y];
        values[2] = dz[at.z];
        values[3] = dz[at.w];
    }
    return values;
}

// Vec4 `col` of a row of grad_x, which is vec4 `at` of it. Column K would be the bias: padding is zero.
fn grad_x_of(sum: vec4<f32>, at: u32, col: u32, replica: u32) -> vec4<f32> {
    let y = activated[(dims.activated_offset + replica * dims.activated_stride) / 4 + at];
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs);
    return select(vec4(0.0), sum * derivative(y), real);
}

// Four rows of grad_x, or of part at.x of its sums, a vec4 of columns of each, at.y.
fn write_grad_x(first: u32, at: vec2<u32>, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.inputs + 3) / 4;
    if at.y >= pitch {
        return;
    }
    if PARTS > 1 {
        write_part(first, dims.batch, at, pitch, sums, replica);
        return;
    }
    let base = (dims.result_offset + replica * dims.result_stride) / 4;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch {
            let own = (first + i) * pitch + at.y;
            result[base + own] = grad_x_of(picked(sums, i), own, at.y, replica);
        }
    }
}

@compute @workgroup_size(SIZE)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let part = group.x % PARTS;
    let quad = group.x / PARTS * B_QUADS;
    let first_n = part * share(dims.outputs);
    let end = min(first_n + share(dims.outputs), dims.outputs);
    let pitch = (dims.outputs + 3) / 4;
    let odd = local % 2; // of the step; row i of the left tile, column i of the right one
    let i = local / 2;
    let from_dz = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz_pitch = dims.dz_pitch;
    let rows_dz = places((row + i) * dz_pitch, SIZE / 2 * dz_pitch, (dims.batch - 1) * dz_pitch) + from_dz;
    let from_w = (dims.w_offset + group.z * dims.w_stride) / 4 + min(4 * quad + i, dims.inputs) * pitch;

    var parity = 0u;
    var left = dz_at(rows_dz + min(first_n / 4 + odd, pitch - 1));
    var right = w[from_w + min(first_n / 4 + odd, pitch - 1)];
    for (var n = first_n; n < end; n += STEP) {
        if n / 4 + odd >= pitch {
            left = mat4x4<f32>();
        }
        store_left(parity * A_BUFFER + place_along_k(odd, i, A_QUADS), SIZE / 8, left);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + place_along_k(odd, i, B_QUADS)] = right;
        }
        workgroupBarrier();
        left = dz_at(rows_dz + min((n + STEP) / 4 + odd, pitch - 1));
        right = w[from_w + min((n + STEP) / 4 + odd, pitch - 1)];
        add_step(parity, local, true, true);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let at = vec2(part, quad + local % ACROSS);
    let beside = at + vec2(0, ACROSS);
    write_grad_x(first, at, top_left, group.z);
    if BLOCKS_DOWN == 2 {
        write_grad_x(first + 4 * DOWN, at, bottom_left, group.z);
    }
    if BLOCKS_ACROSS == 2 {
        write_grad_x(first, beside, top_right, group.z);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        write_grad_x(first + 4 * DOWN, beside, bottom_right, group.z);
    }
}

@compute @workgroup_size(64)
fn finish_grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let pitch = (dims.inputs + 3) / 4;
    let i = item(group, groups, local);
    if i >= dims.batch * pitch {
        return;
    }
    let base = (dims.result_offset + group.z * dims.result_stride) / 4;
    result[base + i] = grad_x_of(sum_of_parts(i, pitch, group.z), i, i % pitch, group.z);
}

// With ones in column K of x.
fn with_ones(values: mat4x4<f32>) -> mat4x4<f32> {
    let one = vec4(dims.inputs % 4) == vec4(0u, 1u, 2u, 3u);
    return mat4x4(
        select(values[0], vec4(1.0), one),
        select(values[1], vec4(1.0), one),
        select(values[2], vec4(1.0), one),
        select(values[3], vec4(1.0), one),
    );
}

// With zeros for records beyond the batch, of which the first is b.
fn without_rest(values: mat4x4<f32>, b: u32) -> mat4x4<f32> {
    let real = b + SIZE / A_QUADS * vec4(0u, 1u, 2u, 3u) < vec4(dims.batch);
    return mat4x4(
        select(vec4(0.0), values[0], real.x),
        select(vec4(0.0), values[1], real.y),
        select(vec4(0.0), values[2], real.z),
        select(vec4(0.0), values[3], real.w),
    );
}

// Four rows of part at.x of grad_w, a vec4 of columns of each, at.y.
fn write_grad_w(first: u32, at: vec2<u32>, sums: mat4x4<f32>, replica: u32) {
    let pitch = (dims.outputs + 3) / 4;
    if at.y < pitch {
        write_part(first, dims.inputs + 1, at, pitch, sums, replica);
    }
}

@compute @workgroup_size(SIZE)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let part = group.x % PARTS;
    let quad = group.x / PARTS * B_QUADS;
    let first_record = part * share(dims.batch);
    let end = min(first_record + share(dims.batch), dims.batch);
    let in_pitch = (dims.inputs + 3) / 4;
    let out_pitch = (dims.outputs + 3) / 4;
    let q = row / 4 + local % A_QUADS; // of the left tile; record i of the step
    let i = local / A_QUADS;
    let p = local % B_QUADS; // of the right one; record j
    let j = local / B_QUADS;
    let from_x = (dims.x_offset + group.z * dims.x_stride) / 4 + min(q, in_pitch - 1);
    let last_x = (dims.batch - 1) * in_pitch;
    let from_dz = (dims.dz_offset + group.z * dims.dz_stride) / 4 + min(quad + p, out_pitch - 1);
    let last_dz = (dims.batch - 1) * dims.dz_pitch; // Beyond the batch x is made zero, and dz is no harm.

    var parity = 0u;
    var left = x_at(from_x + places((first_record + i) * in_pitch, SIZE / A_QUADS * in_pitch, last_x));
    var right = dz[from_dz + min((first_record + j) * dims.dz_pitch, last_dz)];
    for (var b = first_record; b < end; b += STEP) {
        if q == dims.inputs / 4 {
            left = with_ones(left);
        }
        if b + STEP > dims.batch {
            left = without_rest(left, b + i);
        }
        store_left(parity * A_BUFFER + local, SIZE, left);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + local] = right;
        }
        workgroupBarrier();
        left = x_at(from_x + places((b + STEP + i) * in_pitch, SIZE / A_QUADS * in_pitch, last_x));
        right = dz[from_dz + min((b + STEP + j) * dims.dz_pitch, last_dz)];
        add_step(parity, local, false, false);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let at = vec2(part, quad + local % ACROSS);
    let beside = at + vec2(0, ACROSS);
    write_grad_w(first, at, top_left, group.z);
    if BLOCKS_DOWN == 2 {
        write_grad_w(first + 4 * DOWN, at, bottom_left, group.z);
    }
    if BLOCKS_ACROSS == 2 {
        write_grad_w(first, beside, top_right, group.z);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        write_grad_w(first + 4 * DOWN, beside, bottom_right, group.z);
    }
}
