// A dense layer on a one-hot label is a row of its weights: y[b, :] = act(w[label_b, :] + w[C, :]);
// the last row of w is the bias. One vec4 an invocation.

struct Dims {
    labels_offset: u32,
    labels_stride: u32,
    w_offset: u32,
    w_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    classes: u32,
    quads: u32, // vec4s a row
    cols: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

fn activate(x: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        // tanh is ±1 in f32 from 9.01 on, and overflows on several backends beyond 44.
        case 1u: { return tanh(clamp(x, vec4<f32>(-15.0), vec4<f32>(15.0))); }
        case 2u: { return max(x, vec4<f32>(0.0)); }
        case 3u: { return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0)))); }
        default: { return x; }
    }
}

// 1 for the columns that exist, 0 for the padding of a row's last vec4.
fn mask(col: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(dims.cols));
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
    if i >= dims.rows * dims.quads {
        return;
    }
    let q = i % dims.quads;
    // Padding (0xffffffff) must not reach beyond w; what it gives is never used.
    let label = min(labels[dims.labels_offset + r * dims.labels_stride + i / dims.quads], dims.classes);
    let base = (dims.w_offset + r * dims.w_stride) / 4u + q;
    let sum = w[base + label * dims.quads] + w[base + dims.classes * dims.quads];
    y[(dims.y_offset + r * dims.y_stride) / 4u + i] = activate(sum) * mask(4u * q);
}
