// Backward of the mean gain: ds[b] = dy / B * d(term)/ds. With h = sigmoid(s):
// form 0: 1 - h for a member, -h for another; form 1: 2 (1 - h)² h and -2 h² (1 - h); form 2: h (1 - h).
// One record an invocation.

struct Dims {
    s_offset: u32,
    s_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    ds_offset: u32,
    ds_stride: u32,
    rows: u32,
    members: u32,
    form: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> ds: array<vec4<f32>>;

fn sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn slope(s: f32, member: bool) -> f32 {
    let sign = select(-1.0, 1.0, member);
    let miss = sigmoid(-sign * s);
    switch dims.form {
        case 0u: { return sign * miss; }
        case 1u: { return sign * 2.0 * miss * miss * (1.0 - miss); }
        default: { return miss * (1.0 - miss); }
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
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows {
        return;
    }
    let scale = dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    let value = slope(s[(dims.s_offset + r * dims.s_stride) / 4u + i].x, i < dims.members);
    ds[(dims.ds_offset + r * dims.ds_stride) / 4u + i] = vec4<f32>(scale * value, 0.0, 0.0, 0.0);
}
