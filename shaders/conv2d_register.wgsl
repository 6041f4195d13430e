// Convolution, forward: y = act(conv(x, w) + bias), images as rows of pixels of channels.
// Idea: an invocation computes 4 channels of the same pixel of 4 records, so which taps fall on padding is the same for
// all it does, and those are skipped. Neighbours take neighbouring channels: they read the same x.
// For software adapters without subgroups of eight.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [B, IH IW Cin]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;       // [k k Cin (+ 1), Cout]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, OH OW Cout]

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
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
    for (var kh = 0u; kh < dims.window; kh += 1) {
        // Above the image wraps to a huge number.
        let ih = (pixel / dims.out_w) * dims.stride + kh - dims.padding;
        if ih >= dims.in_h {
            continue;
        }
        for (var kw = 0u; kw < dims.window; kw += 1) {
            let iw = (pixel % dims.out_w) * dims.stride + kw - dims.padding;
            if iw >= dims.in_w {
                continue;
            }
            let start = (ih * dims.in_w + iw) * dims.in_c;
            let row = w_base + (kh * dims.window + kw) * dims.in_c * quads;
            for (var ci = 0u; ci < dims.in_c; ci += 1) {
                let weight = w[row + ci * quads];
                a0 += x[x0 + start + ci] * weight;
                a1 += x[x1 + start + ci] * weight;
                a2 += x[x2 + start + ci] * weight;
                a3 += x[x3 + start + ci] * weight;
            }
        }
    }
    let y_base = (dims.y_offset + r * dims.y_stride + pixel * dims.y_channels + dims.y_first) / 4 + q;
    let y_pitch = pixels * dims.y_channels / 4;
    y[y_base + b * y_pitch] = activate(a0);
    if b + 1 < dims.batch { y[y_base + (b + 1) * y_pitch] = activate(a1); }
    if b + 2 < dims.batch { y[y_base + (b + 2) * y_pitch] = activate(a2); }
    if b + 3 < dims.batch { y[y_base + (b + 3) * y_pitch] = activate(a3); }
}
