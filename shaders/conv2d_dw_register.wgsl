// Convolution, gradient of the weights: dw[tap Cin + ci, co] = sum over records and output pixels of x dz; the last
// row, where there is a bias, the sum of dz. Idea: an invocation computes 4 inputs × 4 outputs of one tap, over the
// output pixels that the tap does not leave on padding. Dims' activation is not used.
// For software adapters without subgroups of eight.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;              // [B, IH IW Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;       // [B, OH OW Cout]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [k k Cin (+ 1), Cout]

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
    let blocks = (dims.in_c + 3) / 4;
    let taps = dims.window * dims.window;
    let q = n % quads;
    let block = (n / quads) % blocks;
    let tap = n / quads / blocks;
    let pixels = dims.out_h * dims.out_w;
    let z_base = (dims.dz_offset + r * dims.dz_stride + dims.y_first) / 4 + q;
    let z_pitch = dims.y_channels / 4;
    let w_base = (dims.dw_offset + r * dims.dw_stride) / 4 + q;
    if tap >= taps {
        if tap == taps && block == 0 && dims.bias != 0 {
            var sum = vec4(0.0);
            for (var i = 0u; i < dims.batch * pixels; i += 1) {
                sum += dz[z_base + i * z_pitch];
            }
            dw[w_base + taps * dims.in_c * quads] = sum;
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
    for (var oh = 0u; oh < dims.out_h; oh += 1) {
        let ih = oh * dims.stride + tap / dims.window - dims.padding;
        if ih >= dims.in_h {
            continue;
        }
        for (var ow = 0u; ow < dims.out_w; ow += 1) {
            let iw = ow * dims.stride + tap % dims.window - dims.padding;
            if iw >= dims.in_w {
                continue;
            }
            let start = x_base + (ih * dims.in_w + iw) * dims.in_c;
            let to = z_base + (oh * dims.out_w + ow) * z_pitch;
            for (var b = 0u; b < dims.batch; b += 1) {
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
    dw[row] = a0;
    if ci + 1 <= last { dw[row + quads] = a1; }
    if ci + 2 <= last { dw[row + 2 * quads] = a2; }
    if ci + 3 <= last { dw[row + 3 * quads] = a3; }
}
