// Columns side by side: y[b, :] = [a[b, :], b[b, :]]. One element an invocation, since the seam need not
// fall between vec4s.

struct Dims {
    a_offset: u32,
    a_stride: u32,
    b_offset: u32,
    b_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    pitch: u32, // of y
    pitch_a: u32,
    cols_a: u32,
    pitch_b: u32,
    cols_b: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

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
    var value = 0.0;
    if col < dims.cols_a {
        value = a[dims.a_offset + r * dims.a_stride + row * dims.pitch_a + col];
    } else if col < dims.cols_a + dims.cols_b {
        value = b[dims.b_offset + r * dims.b_stride + row * dims.pitch_b + col - dims.cols_a];
    }
    y[dims.y_offset + r * dims.y_stride + i] = value;
}
