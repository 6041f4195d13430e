// Convolution, images as rows of pixels of channels. For hardware GPUs; software adapters run
// conv2d.outer.native.wgsl, conv2d.outer.backward.native.wgsl or conv2d.register.wgsl.
// forward  y = act(conv(x, w) + bias)
// grad_x   grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that see pixel i
// grad_w   grad_w[tap Cin + ci, co] = sum over records and output pixels of x dz; the last row, where there
//          is a bias, of dz
//
// The tiles of dense.wgsl, with the same constants, as an implicit matrix product: nothing is copied out, a
// fetch finds its place. x is read by vec4s where its channels come in fours, else one by one (FOURS 0). What
// lies on padding for a whole tile is skipped, for some of it it is zero. Summed in order, in one place: no
// atomics.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    result_offset: u32, result_stride: u32,
    result_scalars_offset: u32, result_scalars_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,       // whether there is one; grad_x has no use for it
    activation: u32, // of the forward pass: 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;              // [B, IH·IW·Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;             // [B, OH·OW·Cout]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;              // [k·k·Cin (+ 1), Cout]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>;   // y, as dz, or grad_w, as w
@group(0) @binding(5) var<storage, read_write> result_scalars: array<f32>; // [B, IH·IW·Cin]

const FOURS: u32 = 1; // whether Cin is a multiple of four

const DOWN: u32 = 8; // invocations along a tile's rows
const ACROSS: u32 = 16; // along its columns
const BLOCKS_DOWN: u32 = 2; // blocks of an invocation's results, down and across: 1 or 2
const BLOCKS_ACROSS: u32 = 1;
const PARTS: u32 = 1; // into which grad_w splits its sum, for sum_parts.wgsl to add up

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

// What it has fetched for the next step: of the left tile, which of that is real, and of the right one.
var<private> left: mat4x4<f32>;
var<private> real: vec4<bool>;
var<private> right: vec4<f32>;

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

// What was fetched of the left tile goes into it, `apart` from each other; zeros where it is not real.
fn store_real(at: u32, apart: u32) {
    a_tile[at] = select(vec4(0.0), left[0], real.x);
    if EACH == 4 {
        a_tile[at + apart] = select(vec4(0.0), left[1], real.y);
        a_tile[at + 2 * apart] = select(vec4(0.0), left[2], real.z);
        a_tile[at + 3 * apart] = select(vec4(0.0), left[3], real.w);
    }
}

// Images of few pixels go by pixel: the rows of a tile are one pixel of many records, so that what falls on
// padding falls there for all of them. Larger ones go by record: neighboring pixels lie side by side in the
// caches.
fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// Record and pixel of row n of y as a matrix; rows beyond the last are read as the last and not stored.
fn output_place(n: u32) -> vec2<u32> {
    let pixels = dims.out_h * dims.out_w;
    let row = min(n, dims.batch * pixels - 1);
    let of_record = vec2(row / pixels, row % pixels);
    return select(of_record, vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
}

// The taps of a window that begins at `start` of the padded image which are not on padding: from, to.
fn on_image(start: u32, length: u32) -> vec2<u32> {
    let low = max(dims.padding, start) - start;
    return vec2(low, max(low, min(dims.window + start, length + dims.padding) - start));
}

// Of the pixels of a tile: rows of the window, then columns, that any of them needs.
fn needed(row: u32) -> vec4<u32> {
    let first = output_place(row);
    let last = output_place(row + TILE_ROWS - 1);
    let down = on_image(first.y / dims.out_w * dims.stride, dims.in_h);
    let across = on_image(first.y % dims.out_w * dims.stride, dims.in_w);
    let one_pixel = first.y == last.y && by_pixel(dims.out_h * dims.out_w);
    // No early return: FXC would not see that all of a workgroup come to the barriers.
    return select(vec4(0u, dims.window, 0u, dims.window), vec4(down, across), one_pixel);
}

// Four inputs, one by one.
fn inputs(at: vec4<u32>) -> vec4<f32> {
    return vec4(x[at.x / 4][at.x % 4], x[at.y / 4][at.y % 4], x[at.z / 4][at.z % 4], x[at.w / 4][at.w % 4]);
}

// Of row n of y: the place in x of its window's first input, the image's row that it is in (both wrap where
// that is padding), and the inputs of a row of the window that are not on padding: from, to.
fn window(n: u32, replica: u32) -> vec4<u32> {
    let place = output_place(n);
    let pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let upper = place.y / dims.out_w * dims.stride - dims.padding;
    let left = place.y % dims.out_w * dims.stride;
    let columns = on_image(left, dims.in_w) * dims.in_c;
    let first = (upper * dims.in_w + left - dims.padding) * dims.in_c;
    return vec4(dims.x_offset + replica * dims.x_stride + place.x * pitch + first, upper, columns);
}

// Whether the four inputs from e on of row kh of a window are in the image. Those that are read one by one
// are zero already where they are not.
fn in_image(own: vec4<u32>, kh: u32, e: u32) -> bool {
    return FOURS == 0 || (own.y + kh < dims.in_h && e >= own.z && e < own.w);
}

// These inputs.
fn window_inputs(own: vec4<u32>, kh: u32, e: u32) -> vec4<f32> {
    let first = own.x + kh * dims.in_w * dims.in_c + e;
    if FOURS == 1 {
        return x[select(0, first / 4, in_image(own, kh, e))];
    }
    let each = vec4(0u, 1u, 2u, 3u);
    let real = (e + each >= vec4(own.z)) & (e + each < vec4(own.w)) & vec4(own.y + kh < dims.in_h);
    let at = select(vec4(0u), first + each, real);
    return select(vec4(0.0), inputs(at), real);
}

// Four rows of y, a vec4 of channels of each.
fn store_y(first: u32, col: u32, sums: mat4x4<f32>, replica: u32) {
    let pitch = dims.out_c / 4;
    if col >= pitch {
        return;
    }
    var bias = vec4(0.0);
    if dims.bias != 0 {
        let last = dims.window * dims.window * dims.in_c;
        bias = w[(dims.w_offset + replica * dims.w_stride) / 4 + last * pitch + col];
    }
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.result_offset + replica * dims.result_stride + dims.y_first) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch * pixels {
            let at = output_place(first + i);
            result[base + (at.x * pixels + at.y) * (dims.y_channels / 4)] = activate(picked(sums, i) + bias);
        }
    }
}

// What is known of the rows that an invocation fetches: one, or four.
struct Rows { a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32> }

fn fetch_forward(own: Rows, kh: u32, e: u32, at: u32) {
    left[0] = window_inputs(own.a, kh, e);
    real.x = in_image(own.a, kh, e);
    if EACH == 4 {
        left[1] = window_inputs(own.b, kh, e);
        left[2] = window_inputs(own.c, kh, e);
        left[3] = window_inputs(own.d, kh, e);
        real = vec4(real.x, in_image(own.b, kh, e), in_image(own.c, kh, e), in_image(own.d, kh, e));
    }
    right = w[at];
}

// Output pixels × channels. The inputs of a row of the window follow each other in x, and their weights in w,
// so the sum is walked by rows of the window.
@compute @workgroup_size(SIZE)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * B_QUADS;
    let odd = local % 2; // of the left tile's step; row i of the tile
    let i = local / 2;
    let n = row + i;
    let own = Rows(
        window(n, group.z),
        window(n + SIZE / 2, group.z),
        window(n + SIZE, group.z),
        window(n + 3 * SIZE / 2, group.z),
    );
    let pitch = dims.out_c / 4;
    let from_w = (dims.w_offset + group.z * dims.w_stride) / 4 + min(quad + local % B_QUADS, pitch - 1);
    let inputs_of_row = dims.window * dims.in_c;
    let last = dims.window * inputs_of_row - 1; // Beyond the window's row x is zero, and w no harm.
    let taps = needed(row);
    let from_input = taps.z * dims.in_c;
    let to_input = taps.w * dims.in_c;
    let steps = (taps.y - taps.x) * ((to_input - from_input + STEP - 1) / STEP);

    var kh = taps.x;
    var e = from_input;
    var parity = 0u;
    let first_w = min(kh * inputs_of_row + e + local / B_QUADS, last);
    fetch_forward(own, kh, e + 4 * odd, from_w + first_w * pitch);
    for (var step = 0u; step < steps; step++) {
        store_real(parity * A_BUFFER + place_along_k(odd, i, A_QUADS), SIZE / 8);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + local] = right;
        }
        workgroupBarrier();
        e += STEP;
        if e >= to_input {
            e = from_input;
            kh++;
        }
        let next_w = min(kh * inputs_of_row + e + local / B_QUADS, last);
        fetch_forward(own, kh, e + 4 * odd, from_w + next_w * pitch);
        add_step(parity, local, true, false);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let col = quad + local % ACROSS;
    store_y(first, col, top_left, group.z);
    if BLOCKS_DOWN == 2 {
        store_y(first + 4 * DOWN, col, bottom_left, group.z);
    }
    if BLOCKS_ACROSS == 2 {
        store_y(first, col + ACROSS, top_right, group.z);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        store_y(first + 4 * DOWN, col + ACROSS, bottom_right, group.z);
    }
}

// Record and pixel of row n of x as a matrix; rows beyond the last are read as the last and not stored.
fn input_place(n: u32) -> vec2<u32> {
    let pixels = dims.in_h * dims.in_w;
    let row = min(n, dims.batch * pixels - 1);
    let of_record = vec2(row / pixels, row % pixels);
    return select(of_record, vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
}

// The taps between which those are through which position p is seen, along an axis of so many outputs.
fn through(p: u32, length: u32) -> vec2<u32> {
    let reach = (length - 1) * dims.stride;
    let low = max(p + dims.padding, reach) - reach;
    return vec2(low, max(low, min(dims.window, p + dims.padding + 1)));
}

// Through a tap of the same remainders a pixel is seen by the output that is the quotients' difference.
fn quotients(down: u32, across: u32) -> vec3<u32> {
    if dims.stride == 1 {
        return vec3(down, across, 0);
    }
    return vec3(down / dims.stride, across / dims.stride, down % dims.stride << 16 | across % dims.stride);
}

// Of row n of x: its record's place in dz, and its pixel's quotients and remainders.
fn pixel(n: u32, replica: u32) -> vec4<u32> {
    let place = input_place(n);
    let record = place.x * dims.out_h * dims.out_w * (dims.y_channels / 4);
    let at = (dims.dz_offset + replica * dims.dz_stride + dims.y_first) / 4 + record;
    return vec4(at, quotients(place.y / dims.in_w + dims.padding, place.y % dims.in_w + dims.padding));
}

fn is_seen(own: vec4<u32>, tap: vec3<u32>) -> bool {
    return own.w == tap.z && own.y - tap.x < dims.out_h && own.z - tap.y < dims.out_w;
}

// Four output channels, the n-th, where a pixel is seen.
fn outputs(own: vec4<u32>, tap: vec3<u32>, n: u32) -> vec4<f32> {
    let at = own.x + ((own.y - tap.x) * dims.out_w + own.z - tap.y) * (dims.y_channels / 4) + n;
    return dz[select(0, at, is_seen(own, tap))];
}

fn fetch_grad_x(own: Rows, walk: vec3<u32>, at: u32) {
    let tap = quotients(walk.x, walk.y);
    left[0] = outputs(own.a, tap, walk.z);
    real.x = is_seen(own.a, tap);
    if EACH == 4 {
        left[1] = outputs(own.b, tap, walk.z);
        left[2] = outputs(own.c, tap, walk.z);
        left[3] = outputs(own.d, tap, walk.z);
        real = vec4(real.x, is_seen(own.b, tap), is_seen(own.c, tap), is_seen(own.d, tap));
    }
    right = w[at];
}

// A tap's row and column and four output channels of it, with so many of these carried over to the next taps.
fn carried(walk: vec3<u32>, pitch: u32, columns: vec2<u32>) -> vec3<u32> {
    var next = walk;
    while next.z >= pitch {
        next.z -= pitch;
        next.y++;
        if next.y >= columns.y {
            next.y = columns.x;
            next.x++;
        }
    }
    return next;
}

// Four rows of grad_x, four columns of each that are there.
fn store_grad_x(first: u32, col: u32, sums: mat4x4<f32>, replica: u32) {
    let ci = 4 * col;
    if ci >= dims.in_c {
        return;
    }
    let pixels = dims.in_h * dims.in_w;
    let pitch = (pixels * dims.in_c + 3) / 4 * 4;
    for (var i = 0u; i < 4; i++) {
        if first + i < dims.batch * pixels {
            let place = input_place(first + i);
            let base = dims.result_scalars_offset + replica * dims.result_scalars_stride + place.x * pitch;
            let at = base + place.y * dims.in_c + ci;
            let values = picked(sums, i);
            result_scalars[at] = values.x;
            if FOURS == 1 || ci + 1 < dims.in_c {
                result_scalars[at + 1] = values.y;
            }
            if FOURS == 1 || ci + 2 < dims.in_c {
                result_scalars[at + 2] = values.z;
            }
            if FOURS == 1 || ci + 3 < dims.in_c {
                result_scalars[at + 3] = values.w;
            }
            // The row's padding.
            for (var j = pixels * dims.in_c; place.y + 1 == pixels && ci == 0 && j < pitch; j++) {
                result_scalars[base + j] = 0.0;
            }
        }
    }
}

// Input pixels × channels. The sum is walked by taps, four output channels of each after the other; taps
// through which a tile of one pixel is not seen are skipped.
@compute @workgroup_size(SIZE)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * B_QUADS;
    let odd = local % 2; // of the step; row i of the left tile, column i of the right one
    let i = local / 2;
    let n = row + i;
    let own = Rows(
        pixel(n, group.z),
        pixel(n + SIZE / 2, group.z),
        pixel(n + SIZE, group.z),
        pixel(n + 3 * SIZE / 2, group.z),
    );
    let pitch = dims.out_c / 4;
    let from_w = (dims.w_offset + group.z * dims.w_stride) / 4;
    let channel = min(4 * quad + i, dims.in_c - 1);
    let last = dims.window * dims.window - 1; // Beyond the last tap dz is zero, and w no harm.
    let first_place = input_place(row);
    let same = by_pixel(dims.in_h * dims.in_w) && first_place.y == input_place(row + TILE_ROWS - 1).y;
    let all = vec2(0u, dims.window);
    let rows = select(all, through(first_place.y / dims.in_w, dims.out_h), same);
    let columns = select(all, through(first_place.y % dims.in_w, dims.out_w), same);
    let steps = ((rows.y - rows.x) * (columns.y - columns.x) * pitch + 1) / 2;

    var walk = carried(vec3(rows.x, columns.x, odd), pitch, columns);
    var parity = 0u;
    let tap = min(walk.x * dims.window + walk.y, last);
    fetch_grad_x(own, walk, from_w + (tap * dims.in_c + channel) * pitch + walk.z);
    for (var step = 0u; step < steps; step++) {
        real = real & vec4(walk.x < rows.y);
        store_real(parity * A_BUFFER + place_along_k(odd, i, A_QUADS), SIZE / 8);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + place_along_k(odd, i, B_QUADS)] = right;
        }
        workgroupBarrier();
        walk = carried(walk + vec3(0u, 0u, 2u), pitch, columns);
        let tap = min(walk.x * dims.window + walk.y, last);
        fetch_grad_x(own, walk, from_w + (tap * dims.in_c + channel) * pitch + walk.z);
        add_step(parity, local, true, true);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let col = quad + local % ACROSS;
    store_grad_x(first, col, top_left, group.z);
    if BLOCKS_DOWN == 2 {
        store_grad_x(first + 4 * DOWN, col, bottom_left, group.z);
    }
    if BLOCKS_ACROSS == 2 {
        store_grad_x(first, col + ACROSS, top_right, group.z);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        store_grad_x(first + 4 * DOWN, col + ACROSS, bottom_right, group.z);
    }
}

// Of a row of grad_w: its tap's row and column, and its channel; the bias's tap is in row `window`.
fn input_of(own: u32) -> vec3<u32> {
    let tap = own / dims.in_c;
    return vec3(tap / dims.window, tap % dims.window, own % dims.in_c);
}

// The outputs along an axis at which one of the taps from `low` to `high` is in the image.
fn reaching(low: u32, high: u32, length: u32, outputs_along: u32) -> vec2<u32> {
    let end = min(outputs_along, (max(length + dims.padding, low) - low + dims.stride - 1) / dims.stride);
    return vec2(min(end, (max(dims.padding, high) - high + dims.stride - 1) / dims.stride), end);
}

// The input of a record that a row of grad_w has at an output; a huge number on padding.
fn source(own: vec3<u32>, oh: u32, ow: u32) -> u32 {
    let ih = oh * dims.stride + own.x - dims.padding; // wraps above the image
    let iw = ow * dims.stride + own.y - dims.padding;
    let there = own.x < dims.window && ih < dims.in_h && iw < dims.in_w;
    return select(0xffffffffu, (ih * dims.in_w + iw) * dims.in_c + own.z, there);
}

// What the four rows have in the record that begins at `record`: see window_inputs.
fn record_inputs(record: u32, sources: vec4<u32>) -> vec4<f32> {
    let there = sources != vec4(0xffffffffu);
    let at = select(vec4(0u), record + sources, there);
    if FOURS == 1 {
        return x[at.x / 4];
    }
    return select(vec4(0.0), inputs(at), there);
}

fn fetch_grad_w(from_x: u32, records: vec4<u32>, own: Rows, oh: u32, ow: u32, at: u32) {
    var sources = vec4(source(own.a.xyz, oh, ow));
    if FOURS == 0 {
        sources = vec4(
            sources.x,
            source(own.b.xyz, oh, ow),
            source(own.c.xyz, oh, ow),
            source(own.d.xyz, oh, ow),
        );
    }
    let pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let places = from_x + min(records, vec4(dims.batch - 1)) * pitch;
    left[0] = record_inputs(places.x, sources);
    if EACH == 4 {
        left[1] = record_inputs(places.y, sources);
        left[2] = record_inputs(places.z, sources);
        left[3] = record_inputs(places.w, sources);
    }
    real = records < vec4(dims.batch) & vec4(FOURS == 0 || sources.x != 0xffffffffu);
    right = dz[at];
}

// With ones in the bias's row.
fn with_bias(is_bias: vec4<bool>) -> mat4x4<f32> {
    return mat4x4(
        select(left[0], vec4(1.0), is_bias),
        select(left[1], vec4(1.0), is_bias),
        select(left[2], vec4(1.0), is_bias),
        select(left[3], vec4(1.0), is_bias),
    );
}

fn store_grad_w(first: u32, col: u32, sums: mat4x4<f32>, replica: u32, part: u32) {
    let pitch = dims.out_c / 4;
    if col >= pitch {
        return;
    }
    let rows = dims.window * dims.window * dims.in_c + dims.bias;
    let base = (dims.result_offset + replica * dims.result_stride) / 4 + part * rows * pitch + col;
    for (var i = 0u; i < 4; i++) {
        if first + i < rows {
            result[base + (first + i) * pitch] = picked(sums, i);
        }
    }
}

// Rows × columns of grad_w, eight records of one output pixel at a time. Pixels at which the taps of all rows
// fall on padding are skipped.
@compute @workgroup_size(SIZE)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let part = group.x % PARTS;
    let quad = group.x / PARTS * B_QUADS;
    let n = row + 4 * (local % A_QUADS); // of the left tile; record i of the step
    let i = local / A_QUADS + SIZE / A_QUADS * vec4(0u, 1u, 2u, 3u);
    let own = Rows(
        vec4(input_of(n), 0), vec4(input_of(n + 1), 0), vec4(input_of(n + 2), 0), vec4(input_of(n + 3), 0),
    );
    let weights = dims.window * dims.window * dims.in_c;
    let is_bias = n + vec4(0u, 1u, 2u, 3u) == vec4(weights);
    let pitch = dims.out_c / 4;
    let z_pitch = dims.y_channels / 4;
    let pixels = dims.out_h * dims.out_w;
    let from_x = dims.x_offset + group.z * dims.x_stride;
    let from_dz = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4
        + min(quad + local % B_QUADS, pitch - 1);
    let first_tap = input_of(row);
    let last_tap = input_of(row + TILE_ROWS - 1);
    let whole = row + TILE_ROWS > weights;
    let one_row = !whole && first_tap.x == last_tap.x;
    let rows = select(reaching(first_tap.x, last_tap.x, dims.in_h, dims.out_h), vec2(0u, dims.out_h), whole);
    let across = reaching(first_tap.y, last_tap.y, dims.in_w, dims.out_w);
    let columns = select(vec2(0u, dims.out_w), across, one_row);
    let steps_of_pixel = (dims.batch + STEP - 1) / STEP;
    let steps = (rows.y - rows.x) * (columns.y - columns.x) * steps_of_pixel;
    let share = (steps + PARTS - 1) / PARTS;
    let start = part * share;
    let end = min(start + share, steps);

    var oh = rows.x + start / steps_of_pixel / max(columns.y - columns.x, 1);
    var ow = columns.x + start / steps_of_pixel % max(columns.y - columns.x, 1);
    var b = start % steps_of_pixel * STEP;
    var parity = 0u;
    let first_record = min(b + local / B_QUADS, dims.batch - 1) * pixels;
    let first_at = from_dz + (first_record + min(oh * dims.out_w + ow, pixels - 1)) * z_pitch;
    fetch_grad_w(from_x, b + i, own, oh, ow, first_at);
    for (var step = start; step < end; step++) {
        if any(is_bias) {
            left = with_bias(is_bias);
            real = b + i < vec4(dims.batch);
        }
        store_real(parity * A_BUFFER + local, SIZE);
        if local < B_BUFFER {
            b_tile[parity * B_BUFFER + local] = right;
        }
        workgroupBarrier();
        b += STEP;
        if b >= dims.batch {
            b = 0;
            ow++;
            if ow >= columns.y {
                ow = columns.x;
                oh++;
            }
        }
        let record = min(b + local / B_QUADS, dims.batch - 1) * pixels; // Beyond the batch x is zero.
        let at = from_dz + (record + min(oh * dims.out_w + ow, pixels - 1)) * z_pitch;
        fetch_grad_w(from_x, b + i, own, oh, ow, at);
        add_step(parity, local, false, false);
        parity = 1 - parity;
    }

    let first = row + 4 * (local / ACROSS);
    let col = quad + local % ACROSS;
    store_grad_w(first, col, top_left, group.z, part);
    if BLOCKS_DOWN == 2 {
        store_grad_w(first + 4 * DOWN, col, bottom_left, group.z, part);
    }
    if BLOCKS_ACROSS == 2 {
        store_grad_w(first, col + ACROSS, top_right, group.z, part);
    }
    if BLOCKS_DOWN == 2 && BLOCKS_ACROSS == 2 {
        store_grad_w(first + 4 * DOWN, col + ACROSS, bottom_right, group.z, part);
    }
}
