// Pooling of images: the maximum or the mean of each channel in each window of pixels. Four channels of a
// pixel an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32,
    out_h: u32, out_w: u32,
    quads: u32,   // vec4s of channels
    rows: u32, cols: u32, // of a window
    stride: u32,
    pooling: u32, // 0 maximum, 1 mean
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, IH · IW · C]
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;           // [B, OH · OW · C]
@group(0) @binding(3) var<storage, read_write> result: array<vec4<f32>>; // y, as dy, or grad_x, as x

// Where this pixel's value, number `own` of the window with its corner at `base`, is the window's first
// maximum.
fn is_first(base: u32, own: u32, value: vec4<f32>) -> vec4<bool> {
    var is = vec4(true);
    for (var i = 0u; i < dims.rows * dims.cols; i++) {
        let other = x[base + (i / dims.cols * dims.in_w + i % dims.cols) * dims.quads];
        if i < own {
            is = is & (other < value);
        } else {
            is = is & (other <= value);
        }
    }
    return is;
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y, an output pixel an invocation.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let pixels = dims.out_h * dims.out_w;
    if n >= dims.batch * pixels * dims.quads {
        return;
    }
    let pixel = (n / dims.quads) % pixels;
    let b = n / dims.quads / pixels;
    let top = pixel / dims.out_w * dims.stride;
    let left = pixel % dims.out_w * dims.stride;
    let corner = ((b * dims.in_h + top) * dims.in_w + left) * dims.quads + n % dims.quads;
    let base = (dims.x_offset + r * dims.x_stride) / 4 + corner;
    var value = x[base];
    for (var i = 1u; i < dims.rows * dims.cols; i++) {
        let next = x[base + (i / dims.cols * dims.in_w + i % dims.cols) * dims.quads];
        value = select(max(value, next), value + next, dims.pooling == 1);
    }
    if dims.pooling == 1 {
        value /= f32(dims.rows * dims.cols);
    }
    result[(dims.result_offset + r * dims.result_stride) / 4 + n] = value;
}

// grad_x. Idea: gathered: an input pixel goes through the windows that it is in, in order, and for a maximum
// asks of each whether it is the first there, so nothing is added by two invocations.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let pixels = dims.in_h * dims.in_w;
    if n >= dims.batch * pixels * dims.quads {
        return;
    }
    let q = n % dims.quads;
    let pixel = (n / dims.quads) % pixels;
    let b = n / dims.quads / pixels;
    let row = pixel / dims.in_w;
    let col = pixel % dims.in_w;
    let x_base = (dims.x_offset + r * dims.x_stride) / 4;
    let y_base = (dims.dy_offset + r * dims.dy_stride) / 4;
    let value = x[x_base + n];
    var sum = vec4(0.0);
    // The first and last windows that reach over this pixel.
    let top = (max(row + 1, dims.rows) - dims.rows + dims.stride - 1) / dims.stride;
    let left = (max(col + 1, dims.cols) - dims.cols + dims.stride - 1) / dims.stride;
    for (var oh = top; oh < min(row / dims.stride + 1, dims.out_h); oh++) {
        for (var ow = left; ow < min(col / dims.stride + 1, dims.out_w); ow++) {
            let d = dy[y_base + ((b * dims.out_h + oh) * dims.out_w + ow) * dims.quads + q];
            if dims.pooling == 1 {
                sum += d / f32(dims.rows * dims.cols);
                continue;
            }
            let corner = ((b * dims.in_h + oh * dims.stride) * dims.in_w + ow * dims.stride) * dims.quads + q;
            let own = (row - oh * dims.stride) * dims.cols + col - ow * dims.stride;
            sum += select(vec4(0.0), d, is_first(x_base + corner, own, value));
        }
    }
    result[(dims.result_offset + r * dims.result_stride) / 4 + n] = sum;
}
