// Pooling of images: the maximum or the mean of each channel in each window of pixels. Four channels of an output
// pixel an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32,
    out_h: u32, out_w: u32,
    quads: u32, // vec4s of channels
    rows: u32, cols: u32, // of a window
    stride: u32,
    pooling: u32, // 0 maximum, 1 mean
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [B, IH IW C]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [B, OH OW C]

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
    let pixels = dims.out_h * dims.out_w;
    if n >= dims.batch * pixels * dims.quads {
        return;
    }
    let pixel = (n / dims.quads) % pixels;
    let b = n / dims.quads / pixels;
    let top = pixel / dims.out_w * dims.stride;
    let left = pixel % dims.out_w * dims.stride;
    let corner = ((b * dims.in_h + top) * dims.in_w + left) * dims.quads + n % dims.quads;
    let base = (dims.x_offset + r * dims.x_stride) / 4u + corner;
    var value = x[base];
    for (var i = 1u; i < dims.rows * dims.cols; i += 1u) {
        let next = x[base + (i / dims.cols * dims.in_w + i % dims.cols) * dims.quads];
        value = select(max(value, next), value + next, dims.pooling == 1u);
    }
    if dims.pooling == 1u {
        value /= f32(dims.rows * dims.cols);
    }
    y[(dims.y_offset + r * dims.y_stride) / 4u + n] = value;
}
