// Convolution to few channels, gradient of the weights: dw[tap Cin + ci, co] = sum over records and output pixels of x dz; the
// last row, where there is a bias, the sum of dz. For software adapters with subgroups of eight and 64-bit integers; channels
// of x a multiple of 4. Portable twin: conv2d_dw_register.wgsl.
//
// conv2d_dw_outer.native.wgsl with the roles exchanged: 64 columns a tile would be mostly empty. A subgroup computes 64
// rows × 12 columns of dw, two records at a time; rows lie across lanes (lane l holds rows 4l .. 4l + 4 and 32 + 4l ..), and
// dz, which lanes 0 to 5 load, goes round by broadcasts from constant lanes. Dims' activation is not used.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;        // [B, IH IW Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>;       // [B, OH OW Cout]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [k k Cin (+ 1), Cout]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 12;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

// Four rows of dw: neighbouring channels under one tap; the bias is the first row of a tap beyond the last.
struct Rows {
    tap: u32,
    kh: u32, kw: u32,
    channels: u32, // in vec4s
    beside: vec4<f32>, // what x is where it is not in the image
}

fn rows_of(quad: u32) -> Rows {
    let quads = dims.in_c / 4;
    let tap = quad / quads;
    let is_bias = dims.bias != 0 && quad == dims.window * dims.window * quads;
    let beside = select(vec4(0.0), vec4(1.0, 0.0, 0.0, 0.0), is_bias);
    return Rows(tap, tap / dims.window, tap % dims.window, quad % quads, beside);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4); // of columns, the tile's first
    let quads = dims.in_c / 4;
    let dz_pitch = dims.out_c / 4;
    let taps = dims.window * dims.window;
    let low = rows_of(row / 4 + lane);
    let high = rows_of(row / 4 + 8 + lane);
    let is_bias = low.beside.x + high.beside.x > 0.0;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x_record = dims.in_h * dims.in_w * quads;
    // Lanes 0 to 2 load the even record's dz, 3 to 5 the odd one's.
    let z_pitch = dims.y_channels / 4;
    let dz_record = dims.out_h * dims.out_w * z_pitch;
    let odd = min(lane / 3, 1u);
    let dz_lane = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4 + min(quad + lane % 3, dz_pitch - 1);

    // Separate variables, for an array would live in memory; a matrix is a row of the tile.
    var low0 = mat3x4<f32>();
    var low1 = mat3x4<f32>();
    var low2 = mat3x4<f32>();
    var low3 = mat3x4<f32>();
    var high0 = mat3x4<f32>();
    var high1 = mat3x4<f32>();
    var high2 = mat3x4<f32>();
    var high3 = mat3x4<f32>();
    for (var first = 0u; first < dims.batch; first += 2) {
        // An odd batch's last record is read twice and counts once.
        let second = min(first + 1, dims.batch - 1);
        let record = dz_lane + select(first, second, odd == 1) * dz_record;
        let counts = odd == 0 || second > first;
        for (var oh = 0u; oh < dims.out_h; oh++) {
            let low_ih = oh * dims.stride + low.kh - dims.padding;
            let high_ih = oh * dims.stride + high.kh - dims.padding;
            for (var ow = 0u; ow < dims.out_w; ow++) {
                let low_iw = ow * dims.stride + low.kw - dims.padding;
                let high_iw = ow * dims.stride + high.kw - dims.padding;
                let low_in = low.tap < taps && low_ih < dims.in_h && low_iw < dims.in_w;
                let high_in = high.tap < taps && high_ih < dims.in_h && high_iw < dims.in_w;
                if !subgroupAny(is_bias || low_in || high_in) {
                    continue;
                }
                let l = select(x_base, x_base + (low_ih * dims.in_w + low_iw) * quads + low.channels, low_in);
                let h = select(x_base, x_base + (high_ih * dims.in_w + high_iw) * quads + high.channels, high_in);
                let b = select(vec4(0.0), floats(dz[record + (oh * dims.out_w + ow) * z_pitch]), counts);
                let low_even = select(low.beside, floats(x[l + first * x_record]), low_in);
                let low_odd = select(low.beside, floats(x[l + second * x_record]), low_in);
                let high_even = select(high.beside, floats(x[h + first * x_record]), high_in);
                let high_odd = select(high.beside, floats(x[h + second * x_record]), high_in);
                let t0 = subgroupBroadcast(b, 0u);
                let t1 = subgroupBroadcast(b, 1u);
                let t2 = subgroupBroadcast(b, 2u);
                let t3 = subgroupBroadcast(b, 3u);
                let t4 = subgroupBroadcast(b, 4u);
                let t5 = subgroupBroadcast(b, 5u);
                low0[0] += low_even[0] * t0 + low_odd[0] * t3;
                low0[1] += low_even[0] * t1 + low_odd[0] * t4;
                low0[2] += low_even[0] * t2 + low_odd[0] * t5;
                low1[0] += low_even[1] * t0 + low_odd[1] * t3;
                low1[1] += low_even[1] * t1 + low_odd[1] * t4;
                low1[2] += low_even[1] * t2 + low_odd[1] * t5;
                low2[0] += low_even[2] * t0 + low_odd[2] * t3;
                low2[1] += low_even[2] * t1 + low_odd[2] * t4;
                low2[2] += low_even[2] * t2 + low_odd[2] * t5;
                low3[0] += low_even[3] * t0 + low_odd[3] * t3;
                low3[1] += low_even[3] * t1 + low_odd[3] * t4;
                low3[2] += low_even[3] * t2 + low_odd[3] * t5;
                high0[0] += high_even[0] * t0 + high_odd[0] * t3;
                high0[1] += high_even[0] * t1 + high_odd[0] * t4;
                high0[2] += high_even[0] * t2 + high_odd[0] * t5;
                high1[0] += high_even[1] * t0 + high_odd[1] * t3;
                high1[1] += high_even[1] * t1 + high_odd[1] * t4;
                high1[2] += high_even[1] * t2 + high_odd[1] * t5;
                high2[0] += high_even[2] * t0 + high_odd[2] * t3;
                high2[1] += high_even[2] * t1 + high_odd[2] * t4;
                high2[2] += high_even[2] * t2 + high_odd[2] * t5;
                high3[0] += high_even[3] * t0 + high_odd[3] * t3;
                high3[1] += high_even[3] * t1 + high_odd[3] * t4;
                high3[2] += high_even[3] * t2 + high_odd[3] * t5;
            }
        }
    }

    var rows = array(low0, low1, low2, low3, high0, high1, high2, high3);
    let base = (dims.dw_offset + group.z * dims.dw_stride) / 4 + quad;
    for (var i = 0u; i < 8; i++) {
        let n = row + i / 4 * 32 + 4 * lane + i % 4;
        if n >= taps * dims.in_c + dims.bias {
            continue;
        }
        for (var q = 0u; q < min(3u, dz_pitch - quad); q++) {
            dw[base + n * dz_pitch + q] = rows[i][q];
        }
    }
}
