// Convolution, gradient of the input: grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that
// see pixel i. Idea: gathered, so no two invocations write the same; one computes 4 channels of the same pixel of 4
// records. Dims' bias and activation are not used.
// For software adapters without subgroups of eight.

struct Dims {
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    grad_x_offset: u32, grad_x_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dz: array<vec4<f32>>;  // [B, OH OW Cout]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;   // [k k Cin (+ 1), Cout]
@group(0) @binding(3) var<storage, read_write> grad_x: array<f32>;  // [B, IH IW Cin]

// Channels that there are of these four at ci, and zeros beyond the row's last element, its padding.
fn store(at: u32, ci: u32, pixel: u32, four: vec4<f32>) {
    if ci < dims.in_c {
        grad_x[at] = four.x;
    }
    if ci + 1 < dims.in_c {
        grad_x[at + 1] = four.y;
    }
    if ci + 2 < dims.in_c {
        grad_x[at + 2] = four.z;
    }
    if ci + 3 < dims.in_c {
        grad_x[at + 3] = four.w;
    }
    let features = dims.in_h * dims.in_w * dims.in_c;
    if ci + 4 >= dims.in_c && pixel + 1 == dims.in_h * dims.in_w {
        let first = at - (pixel * dims.in_c + ci);
        for (var i = features; i < (features + 3) / 4 * 4; i += 1) {
            grad_x[first + i] = 0.0;
        }
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
    for (var kh = 0u; kh < dims.window; kh += 1) {
        let down = pixel / dims.in_w + dims.padding - kh; // wraps where there is none
        if down / dims.stride >= dims.out_h || down % dims.stride != 0 {
            continue;
        }
        for (var kw = 0u; kw < dims.window; kw += 1) {
            let right = pixel % dims.in_w + dims.padding - kw;
            if right / dims.stride >= dims.out_w || right % dims.stride != 0 {
                continue;
            }
            let start = (down / dims.stride * dims.out_w + right / dims.stride) * dims.y_channels / 4;
            let row = w_base + ((kh * dims.window + kw) * dims.in_c + ci) * quads;
            for (var q = 0u; q < quads; q += 1) {
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
    let base = dims.grad_x_offset + r * dims.grad_x_stride + pixel * dims.in_c + ci;
    store(base + b * x_pitch, ci, pixel, a0);
    if b + 1 < dims.batch { store(base + (b + 1) * x_pitch, ci, pixel, a1); }
    if b + 2 < dims.batch { store(base + (b + 2) * x_pitch, ci, pixel, a2); }
    if b + 3 < dims.batch { store(base + (b + 3) * x_pitch, ci, pixel, a3); }
}
