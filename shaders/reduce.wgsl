// The sum of all elements times a factor (1 for a sum, 1/n for a mean), and the broadcast that is its
// backward.

struct Dims {
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    result_offset: u32, result_stride: u32,
    length: u32, // vec4s
    quads: u32,  // vec4s a row
    cols: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, N]
@group(0) @binding(2) var<storage, read> s: array<f32>;                  // [1, 1]
@group(0) @binding(3) var<storage, read_write> result: array<vec4<f32>>; // [1, 1] or [B, N]

var<workgroup> partial: array<f32, 64>;

// 1 for the columns that exist, 0 for the padding of a row's last vec4.
fn mask(col: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), vec4(col) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// One workgroup a replica: invocation t sums vec4s t, t + 64, … and invocation 0 adds the 64 parts in order.
@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var own = vec4(0.0);
    for (var i = local; i < dims.length; i += 64) {
        own += x[(dims.x_offset + r * dims.x_stride) / 4 + i];
    }
    partial[local] = (own.x + own.y) + (own.z + own.w);
    workgroupBarrier();
    if local == 0 {
        var total = 0.0;
        for (var t = 0u; t < 64; t++) {
            total += partial[t];
        }
        result[(dims.result_offset + r * dims.result_stride) / 4] = vec4(total * dims.factor, 0.0, 0.0, 0.0);
    }
}

// Every element is s times the factor; the padding is zero. One vec4 an invocation.
@compute @workgroup_size(64)
fn broadcast(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.length {
        return;
    }
    let value = s[dims.s_offset + r * dims.s_stride] * dims.factor;
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = value * mask(4 * (i % dims.quads));
}
