// Copies rows between a long and a short matrix. Slice: y[b, :] = x[start + b, :].
// Pad (its backward): y[b, :] = x[b - start, :] where that row exists, else 0.
// One vec4 an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    start: u32,  // quads before the slice
    length: u32, // quads of y
    count: u32,  // quads of x
    pad: u32,    // 0 slice, 1 pad
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [rows, N]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [rows, N]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.length {
        return;
    }
    // Unsigned wrap-around makes rows before `start` fail the test below.
    let origin = select(i + dims.start, i - dims.start, dims.pad == 1);
    var value = vec4(0.0);
    if origin < dims.count {
        value = x[(dims.x_offset + r * dims.x_stride) / 4 + origin];
    }
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = value;
}
