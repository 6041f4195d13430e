// Copies columns between a wide and a narrow matrix. Slice (backward of concat): y[b, c] = x[b, start + c].
// Pad (its backward): y[b, c] = x[b, c - start] where that column exists, else 0. One element an invocation.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    pitch: u32, // of y
    cols: u32, // of y
    pitch_x: u32,
    cols_x: u32,
    start: u32,
    pad: u32, // 0 slice, 1 pad
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows * dims.pitch {
        return;
    }
    let row = i / dims.pitch;
    let col = i % dims.pitch;
    // Unsigned wrap-around makes columns before `start` fail the test below.
    let origin = select(col + dims.start, col - dims.start, dims.pad == 1u);
    var value = 0.0;
    if col < dims.cols && origin < dims.cols_x {
        value = x[dims.x_offset + r * dims.x_stride + row * dims.pitch_x + origin];
    }
    y[dims.y_offset + r * dims.y_stride + i] = value;
}
