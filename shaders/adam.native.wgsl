// Adam with L2 (Kingma and Ba 2015; torch.optim.Adam's weight_decay: g += wd · p before the moments): p −=
// rate / (1 − b1^t) · m / (sqrt(v) / sqrt(1 − b2^t) + eps). For software adapters with 64-bit integers.
// Portable twin: adam.wgsl.
//
// Idea: parameters and their two moments are the rows of ONE flat buffer, so the kernel binds it once and a
// network of any depth is one dispatch. A replica whose `active` is 0 is left as it is. Four floats are
// loaded as two words of 64 bits, half as many guarded loads: 1.2 times as fast again.

struct Dims {
    gradient_offset: u32, gradient_stride: u32,
    scalars_offset: u32, scalars_stride: u32,
    state_offset: u32, state_stride: u32,
    count: u32,  // vec4s of the gradient
    length: u32, // vec4s of the parameters
    first: u32,  // vec4s of them before the gradient's
    slot: u32,   // of rate / (1 − b1^t), 1 / sqrt(1 − b2^t), weight decay, active in scalars
    b1: f32,
    b2: f32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<vec2<u64>>;    // [1, N]
@group(0) @binding(2) var<storage, read> scalars: array<f32>;           // [1, slot + 4 …]
@group(0) @binding(3) var<storage, read_write> state: array<vec2<u64>>; // [3, P]: p, m, v

const QUADS: u32 = 32; // an invocation
const MANY_ITEMS_PER_WORKGROUP: u32 = 256; // 8 · QUADS

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let bits = vec4(vec2<u32>(words), vec2<u32>(words >> vec2(32u)));
    return bitcast<vec4<f32>>(bits.xzyw);
}

fn words(floats: vec4<f32>) -> vec2<u64> {
    let bits = bitcast<vec4<u32>>(floats);
    return vec2<u64>(bits.xz) | (vec2<u64>(bits.yw) << vec2(32u));
}

// Tile: 8 invocations of 32 vec4s each, strided by 8: where a workgroup costs more than its work, few and
// long ones pay (1.8 times as fast as 8 invocations of 4). For software adapters.
@compute @workgroup_size(8)
fn many(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let r = group.z;
    let s = dims.scalars_offset + r * dims.scalars_stride + dims.slot;
    let rate = scalars[s];
    let correction = scalars[s + 1];
    let decay = scalars[s + 2];
    if scalars[s + 3] == 0.0 {
        return;
    }
    let g_base = (dims.gradient_offset + r * dims.gradient_stride) / 4;
    let p_base = (dims.state_offset + r * dims.state_stride) / 4 + dims.first;
    let m_base = p_base + dims.length;
    let v_base = m_base + dims.length;
    let first = (group.y * groups.x + group.x) * MANY_ITEMS_PER_WORKGROUP + local;
    for (var q = 0u; q < QUADS; q++) {
        let i = first + 8 * q;
        if i < dims.count {
            let p = floats(state[p_base + i]);
            let g = floats(gradient[g_base + i]) + decay * p;
            let m = dims.b1 * floats(state[m_base + i]) + (1.0 - dims.b1) * g;
            let v = dims.b2 * floats(state[v_base + i]) + (1.0 - dims.b2) * g * g;
            state[m_base + i] = words(m);
            state[v_base + i] = words(v);
            state[p_base + i] = words(p - rate * m / (sqrt(v) * correction + dims.eps));
        }
    }
}
