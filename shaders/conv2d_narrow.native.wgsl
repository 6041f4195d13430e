// Convolution to few channels, as a dense block's layers have them, forward: y = act(conv(x, w) + bias). For software
// adapters with subgroups of eight and 64-bit integers; channels of x a multiple of 4. Portable twin: conv2d_register.wgsl.
//
// conv2d_outer.native.wgsl with the roles exchanged: 64 channels a tile would be mostly empty. A subgroup computes 64
// output pixels × 12 channels, two input channels at a time; pixels lie across lanes (lane l holds pixels l, 8 + l, …), and
// the weights, which lanes 0 to 5 load, go round by broadcasts from constant lanes: 10 words of 64 bits a lane for
// 1,536 products of the tile. The order of pixels is that of conv2d_outer.native.wgsl.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u64>;             // [B, IH IW Cin], two values a word
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;       // [k k Cin (+ 1), Cout]; four values
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, OH OW Cout]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 12;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

fn pair(word: u64) -> vec2<f32> {
    return bitcast<vec2<f32>>(vec2(u32(word), u32(word >> 32u)));
}

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

// Where an output pixel's window begins.
struct Corner {
    ih: u32, iw: u32, // above or left of the image they wrap to huge numbers
    at: u32,          // in x, in words
}

fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// The corner of row n of the matrix; rows beyond the last are read as the last and not stored.
fn corner(n: u32, base: u32) -> Corner {
    let pixels = dims.out_h * dims.out_w;
    let row = min(n, dims.batch * pixels - 1);
    let b = select(row / pixels, row % dims.batch, by_pixel(pixels));
    let pixel = select(row % pixels, row / dims.batch, by_pixel(pixels));
    let ih = pixel / dims.out_w * dims.stride - dims.padding;
    let iw = pixel % dims.out_w * dims.stride - dims.padding;
    return Corner(ih, iw, base + ((b * dims.in_h + ih) * dims.in_w + iw) * (dims.in_c / 2));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4); // of channels, the tile's first
    let w_pitch = dims.out_c / 4;
    let pairs = dims.in_c / 2;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 2;
    let p0 = corner(row + 0 + lane, x_base);
    let p1 = corner(row + 8 + lane, x_base);
    let p2 = corner(row + 16 + lane, x_base);
    let p3 = corner(row + 24 + lane, x_base);
    let p4 = corner(row + 32 + lane, x_base);
    let p5 = corner(row + 40 + lane, x_base);
    let p6 = corner(row + 48 + lane, x_base);
    let p7 = corner(row + 56 + lane, x_base);
    // Lanes 0 to 2 load the even input's weights, 3 to 5 the odd one's.
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let odd = min(lane / 3, 1u);
    let w_lane = w_base + odd * w_pitch + min(quad + lane % 3, w_pitch - 1);

    // Separate variables, for an array would live in memory; a matrix is a row of the tile.
    var rows0 = mat3x4<f32>();
    var rows1 = mat3x4<f32>();
    var rows2 = mat3x4<f32>();
    var rows3 = mat3x4<f32>();
    var rows4 = mat3x4<f32>();
    var rows5 = mat3x4<f32>();
    var rows6 = mat3x4<f32>();
    var rows7 = mat3x4<f32>();
    for (var kh = 0u; kh < dims.window; kh++) {
        for (var kw = 0u; kw < dims.window; kw++) {
            let in0 = p0.ih + kh < dims.in_h && p0.iw + kw < dims.in_w;
            let in1 = p1.ih + kh < dims.in_h && p1.iw + kw < dims.in_w;
            let in2 = p2.ih + kh < dims.in_h && p2.iw + kw < dims.in_w;
            let in3 = p3.ih + kh < dims.in_h && p3.iw + kw < dims.in_w;
            let in4 = p4.ih + kh < dims.in_h && p4.iw + kw < dims.in_w;
            let in5 = p5.ih + kh < dims.in_h && p5.iw + kw < dims.in_w;
            let in6 = p6.ih + kh < dims.in_h && p6.iw + kw < dims.in_w;
            let in7 = p7.ih + kh < dims.in_h && p7.iw + kw < dims.in_w;
            if !subgroupAny(in0 || in1 || in2 || in3 || in4 || in5 || in6 || in7) {
                continue;
            }
            let tap = (kh * dims.in_w + kw) * pairs;
            let x0 = select(x_base, p0.at + tap, in0);
            let x1 = select(x_base, p1.at + tap, in1);
            let x2 = select(x_base, p2.at + tap, in2);
            let x3 = select(x_base, p3.at + tap, in3);
            let x4 = select(x_base, p4.at + tap, in4);
            let x5 = select(x_base, p5.at + tap, in5);
            let x6 = select(x_base, p6.at + tap, in6);
            let x7 = select(x_base, p7.at + tap, in7);
            let first = w_lane + (kh * dims.window + kw) * dims.in_c * w_pitch;
            for (var c = 0u; c < pairs; c++) {
                let b = floats(w[first + 2 * c * w_pitch]);
                let a0 = select(vec2(0.0), pair(x[x0 + c]), in0);
                let a1 = select(vec2(0.0), pair(x[x1 + c]), in1);
                let a2 = select(vec2(0.0), pair(x[x2 + c]), in2);
                let a3 = select(vec2(0.0), pair(x[x3 + c]), in3);
                let a4 = select(vec2(0.0), pair(x[x4 + c]), in4);
                let a5 = select(vec2(0.0), pair(x[x5 + c]), in5);
                let a6 = select(vec2(0.0), pair(x[x6 + c]), in6);
                let a7 = select(vec2(0.0), pair(x[x7 + c]), in7);
                let t0 = subgroupBroadcast(b, 0u);
                let t1 = subgroupBroadcast(b, 1u);
                let t2 = subgroupBroadcast(b, 2u);
                let t3 = subgroupBroadcast(b, 3u);
                let t4 = subgroupBroadcast(b, 4u);
                let t5 = subgroupBroadcast(b, 5u);
                rows0[0] += a0.x * t0 + a0.y * t3;
                rows0[1] += a0.x * t1 + a0.y * t4;
                rows0[2] += a0.x * t2 + a0.y * t5;
                rows1[0] += a1.x * t0 + a1.y * t3;
                rows1[1] += a1.x * t1 + a1.y * t4;
                rows1[2] += a1.x * t2 + a1.y * t5;
                rows2[0] += a2.x * t0 + a2.y * t3;
                rows2[1] += a2.x * t1 + a2.y * t4;
                rows2[2] += a2.x * t2 + a2.y * t5;
                rows3[0] += a3.x * t0 + a3.y * t3;
                rows3[1] += a3.x * t1 + a3.y * t4;
                rows3[2] += a3.x * t2 + a3.y * t5;
                rows4[0] += a4.x * t0 + a4.y * t3;
                rows4[1] += a4.x * t1 + a4.y * t4;
                rows4[2] += a4.x * t2 + a4.y * t5;
                rows5[0] += a5.x * t0 + a5.y * t3;
                rows5[1] += a5.x * t1 + a5.y * t4;
                rows5[2] += a5.x * t2 + a5.y * t5;
                rows6[0] += a6.x * t0 + a6.y * t3;
                rows6[1] += a6.x * t1 + a6.y * t4;
                rows6[2] += a6.x * t2 + a6.y * t5;
                rows7[0] += a7.x * t0 + a7.y * t3;
                rows7[1] += a7.x * t1 + a7.y * t4;
                rows7[2] += a7.x * t2 + a7.y * t5;
            }
        }
    }

    var rows = array(rows0, rows1, rows2, rows3, rows4, rows5, rows6, rows7);
    let last = w_base + dims.window * dims.window * dims.in_c * w_pitch;
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.y_offset + group.z * dims.y_stride + dims.y_first) / 4;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * i + lane;
        if n >= dims.batch * pixels {
            continue;
        }
        let at = base + select(n, n % dims.batch * pixels + n / dims.batch, by_pixel(pixels)) * (dims.y_channels / 4);
        for (var q = 0u; q < min(3u, w_pitch - quad); q++) {
            var z = rows[i][q];
            if dims.bias != 0 {
                z += floats(w[last + quad + q]);
            }
            y[at + quad + q] = activate(z);
        }
    }
}
