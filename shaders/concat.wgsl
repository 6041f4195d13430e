// Columns side by side, and apart again. One element an invocation, since the seam need not fall between
// vec4s.

struct Dims {
    a_offset: u32, a_stride: u32,
    b_offset: u32, b_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,  // B
    pitch: u32, cols: u32, // of the result
    pitch_a: u32, cols_a: u32,
    pitch_b: u32, cols_b: u32,
    start: u32, // of the narrower one of a and the result in the wider
    pad: u32,   // 0 slice, 1 pad
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<f32>;            // [B, cols_a]
@group(0) @binding(2) var<storage, read> b: array<f32>;            // [B, cols_b]
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // [B, cols]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// result[b, :] = [a[b, :], b[b, :]].
@compute @workgroup_size(64)
fn forward(
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
    var value = 0.0;
    if col < dims.cols_a {
        value = a[dims.a_offset + r * dims.a_stride + row * dims.pitch_a + col];
    } else if col < dims.cols_a + dims.cols_b {
        value = b[dims.b_offset + r * dims.b_stride + row * dims.pitch_b + col - dims.cols_a];
    }
    result[dims.result_offset + r * dims.result_stride + i] = value;
}

// Slice (backward of the above): result[b, c] = a[b, start + c]. Pad (its backward): result[b, c] = a[b, c −
// start] where that column exists, else 0.
@compute @workgroup_size(64)
fn slice(
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
    let origin = select(col + dims.start, col - dims.start, dims.pad == 1);
    var value = 0.0;
    if col < dims.cols && origin < dims.cols_a {
        value = a[dims.a_offset + r * dims.a_stride + row * dims.pitch_a + origin];
    }
    result[dims.result_offset + r * dims.result_stride + i] = value;
}
