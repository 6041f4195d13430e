// Convolution, images as rows of pixels of channels. For software adapters without subgroups of eight.
// forward  y = act(conv(x, w) + bias)
// grad_x   grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that see pixel i
// grad_w   grad_w[tap Cin + ci, co] = sum over records and output pixels of x dz; the last row, where there
//          is a bias, of dz

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
@group(0) @binding(1) var<storage, read> x: array<f32>;                    // [B, IH·IW·Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;             // [B, OH·OW·Cout]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;              // [k·k·Cin (+ 1), Cout]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>;   // y, as dz, or grad_w, as w
@group(0) @binding(5) var<storage, read_write> result_scalars: array<f32>; // [B, IH·IW·Cin]

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// Idea: an invocation computes 4 channels of the same pixel of 4 records, so which taps fall on padding is
// the same for all it does, and those are skipped. Neighbors take neighboring channels: they read the same x.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let quads = dims.out_c / 4;
    let pixels = dims.out_h * dims.out_w;
    let q = n % quads;
    let pixel = (n / quads) % pixels;
    let b = 4 * (n / quads / pixels);
    if b >= dims.batch {
        return;
    }
    let x_pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let last = dims.batch - 1;
    let x_base = dims.x_offset + r * dims.x_stride;
    let x0 = x_base + b * x_pitch;
    let x1 = x_base + min(b + 1, last) * x_pitch;
    let x2 = x_base + min(b + 2, last) * x_pitch;
    let x3 = x_base + min(b + 3, last) * x_pitch;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4 + q;
    var a0 = vec4(0.0);
    if dims.bias != 0 {
        a0 = w[w_base + dims.window * dims.window * dims.in_c * quads];
    }
    var a1 = a0;
    var a2 = a0;
    var a3 = a0;
    for (var kh = 0u; kh < dims.window; kh++) {
        // Above the image wraps to a huge number.
        let ih = (pixel / dims.out_w) * dims.stride + kh - dims.padding;
        if ih >= dims.in_h {
            continue;
        }
        for (var kw = 0u; kw < dims.window; kw++) {
            let iw = (pixel % dims.out_w) * dims.stride + kw - dims.padding;
            if iw >= dims.in_w {
                continue;
            }
            let start = (ih * dims.in_w + iw) * dims.in_c;
            let row = w_base + (kh * dims.window + kw) * dims.in_c * quads;
            for (var ci = 0u; ci < dims.in_c; ci++) {
                let weight = w[row + ci * quads];
                a0 += x[x0 + start + ci] * weight;
                a1 += x[x1 + start + ci] * weight;
                a2 += x[x2 + start + ci] * weight;
                a3 += x[x3 + start + ci] * weight;
            }
        }
    }
    let to_pixel = pixel * dims.y_channels + dims.y_first;
    let y_base = (dims.result_offset + r * dims.result_stride + to_pixel) / 4 + q;
    let y_pitch = pixels * dims.y_channels / 4;
    result[y_base + b * y_pitch] = activate(a0);
    if b + 1 < dims.batch { result[y_base + (b + 1) * y_pitch] = activate(a1); }
    if b + 2 < dims.batch { result[y_base + (b + 2) * y_pitch] = activate(a2); }
    if b + 3 < dims.batch { result[y_base + (b + 3) * y_pitch] = activate(a3); }
}

// Channels that there are of these four at ci, and zeros beyond the row's last element, its padding.
fn store_of_pixel(at: u32, ci: u32, pixel: u32, four: vec4<f32>) {
    if ci < dims.in_c {
        result_scalars[at] = four.x;
    }
    if ci + 1 < dims.in_c {
        result_scalars[at + 1] = four.y;
    }
    if ci + 2 < dims.in_c {
        result_scalars[at + 2] = four.z;
    }
    if ci + 3 < dims.in_c {
        result_scalars[at + 3] = four.w;
    }
    let features = dims.in_h * dims.in_w * dims.in_c;
    if ci + 4 >= dims.in_c && pixel + 1 == dims.in_h * dims.in_w {
        let first = at - (pixel * dims.in_c + ci);
        for (var i = features; i < (features + 3) / 4 * 4; i++) {
            result_scalars[first + i] = 0.0;
        }
    }
}

// Idea: gathered, so no two invocations write the same; one computes 4 channels of the same pixel of 4
// records.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let blocks = (dims.in_c + 3) / 4;
    let pixels = dims.in_h * dims.in_w;
    let ci = 4 * (n % blocks);
    let pixel = (n / blocks) % pixels;
    let b = 4 * (n / blocks / pixels);
    if b >= dims.batch {
        return;
    }
    let quads = dims.out_c / 4;
    let z_pitch = dims.out_h * dims.out_w * dims.y_channels / 4;
    let last = dims.batch - 1;
    let z_base = (dims.dz_offset + r * dims.dz_stride + dims.y_first) / 4;
    let z0 = z_base + b * z_pitch;
    let z1 = z_base + min(b + 1, last) * z_pitch;
    let z2 = z_base + min(b + 2, last) * z_pitch;
    let z3 = z_base + min(b + 3, last) * z_pitch;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4;
    // Channels beyond the last are computed from it and not stored.
    let c1 = (min(ci + 1, dims.in_c - 1) - ci) * quads;
    let c2 = (min(ci + 2, dims.in_c - 1) - ci) * quads;
    let c3 = (min(ci + 3, dims.in_c - 1) - ci) * quads;
    var a0 = vec4(0.0);
    var a1 = vec4(0.0);
    var a2 = vec4(0.0);
    var a3 = vec4(0.0);
    for (var kh = 0u; kh < dims.window; kh++) {
        let down = pixel / dims.in_w + dims.padding - kh; // wraps where there is none
        if down / dims.stride >= dims.out_h || down % dims.stride != 0 {
            continue;
        }
        for (var kw = 0u; kw < dims.window; kw++) {
            let right = pixel % dims.in_w + dims.padding - kw;
            if right / dims.stride >= dims.out_w || right % dims.stride != 0 {
                continue;
            }
            let start = (down / dims.stride * dims.out_w + right / dims.stride) * dims.y_channels / 4;
            let row = w_base + ((kh * dims.window + kw) * dims.in_c + ci) * quads;
            for (var q = 0u; q < quads; q++) {
                let w0 = w[row + q];
                let w1 = w[row + c1 + q];
                let w2 = w[row + c2 + q];
                let w3 = w[row + c3 + q];
                let d0 = dz[z0 + start + q];
                let d1 = dz[z1 + start + q];
                let d2 = dz[z2 + start + q];
                let d3 = dz[z3 + start + q];
                a0 += vec4(dot(d0, w0), dot(d0, w1), dot(d0, w2), dot(d0, w3));
                a1 += vec4(dot(d1, w0), dot(d1, w1), dot(d1, w2), dot(d1, w3));
                a2 += vec4(dot(d2, w0), dot(d2, w1), dot(d2, w2), dot(d2, w3));
                a3 += vec4(dot(d3, w0), dot(d3, w1), dot(d3, w2), dot(d3, w3));
            }
        }
    }
    let x_pitch = (pixels * dims.in_c + 3) / 4 * 4;
    let base = dims.result_scalars_offset + r * dims.result_scalars_stride + pixel * dims.in_c + ci;
    store_of_pixel(base + b * x_pitch, ci, pixel, a0);
    if b + 1 < dims.batch { store_of_pixel(base + (b + 1) * x_pitch, ci, pixel, a1); }
    if b + 2 < dims.batch { store_of_pixel(base + (b + 2) * x_pitch, ci, pixel, a2); }
    if b + 3 < dims.batch { store_of_pixel(base + (b + 3) * x_pitch, ci, pixel, a3); }
}

// Idea: an invocation computes 4 inputs × 4 outputs of one tap, over the output pixels that the tap does not
// leave on padding.
@compute @workgroup_size(64)
fn grad_w(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let quads = dims.out_c / 4;
    let blocks = (dims.in_c + 3) / 4;
    let taps = dims.window * dims.window;
    let q = n % quads;
    let block = (n / quads) % blocks;
    let tap = n / quads / blocks;
    let pixels = dims.out_h * dims.out_w;
    let z_base = (dims.dz_offset + r * dims.dz_stride + dims.y_first) / 4 + q;
    let z_pitch = dims.y_channels / 4;
    let w_base = (dims.result_offset + r * dims.result_stride) / 4 + q;
    if tap >= taps {
        if tap == taps && block == 0 && dims.bias != 0 {
            var sum = vec4(0.0);
            for (var i = 0u; i < dims.batch * pixels; i++) {
                sum += dz[z_base + i * z_pitch];
            }
            result[w_base + taps * dims.in_c * quads] = sum;
        }
        return;
    }
    let ci = 4 * block;
    let last = dims.in_c - 1;
    let x_pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let x_base = dims.x_offset + r * dims.x_stride;
    var a0 = vec4(0.0);
    var a1 = vec4(0.0);
    var a2 = vec4(0.0);
    var a3 = vec4(0.0);
    for (var oh = 0u; oh < dims.out_h; oh++) {
        let ih = oh * dims.stride + tap / dims.window - dims.padding;
        if ih >= dims.in_h {
            continue;
        }
        for (var ow = 0u; ow < dims.out_w; ow++) {
            let iw = ow * dims.stride + tap % dims.window - dims.padding;
            if iw >= dims.in_w {
                continue;
            }
            let start = x_base + (ih * dims.in_w + iw) * dims.in_c;
            let to = z_base + (oh * dims.out_w + ow) * z_pitch;
            for (var b = 0u; b < dims.batch; b++) {
                let d = dz[to + b * pixels * z_pitch];
                let row = start + b * x_pitch;
                a0 += x[row + ci] * d;
                a1 += x[row + min(ci + 1, last)] * d;
                a2 += x[row + min(ci + 2, last)] * d;
                a3 += x[row + min(ci + 3, last)] * d;
            }
        }
    }
    let row = w_base + (tap * dims.in_c + ci) * quads;
    result[row] = a0;
    if ci + 1 <= last { result[row + quads] = a1; }
    if ci + 2 <= last { result[row + 2 * quads] = a2; }
    if ci + 3 <= last { result[row + 3 * quads] = a3; }
}
