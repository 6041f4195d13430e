// Adam with L2 (Kingma and Ba 2015; torch.optim.Adam's weight_decay: g += wd · p before the moments): p −=
// rate / (1 − b1^t) · m / (sqrt(v) / sqrt(1 − b2^t) + eps). Idea: parameters and their two moments are the
// rows of ONE flat buffer, so the kernel binds it once and a network of any depth is one dispatch. A replica
// whose `active` is 0 is left as it is.

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
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;    // [1, N]
@group(0) @binding(2) var<storage, read> scalars: array<f32>;           // [1, slot + 4 …]
@group(0) @binding(3) var<storage, read_write> state: array<vec4<f32>>; // [3, P]: p, m, v

const QUADS: u32 = 32; // an invocation
const MANY_ITEMS_PER_WORKGROUP: u32 = 256; // 8 · QUADS

// A replica's numbers of this step, and where its vec4s begin.
struct AdamStep {
    rate: f32,
    correction: f32,
    decay: f32,
    is_active: bool,
    g: u32, p: u32, m: u32, v: u32,
}

fn adam_step(r: u32) -> AdamStep {
    let s = dims.scalars_offset + r * dims.scalars_stride + dims.slot;
    let g = (dims.gradient_offset + r * dims.gradient_stride) / 4;
    let p = (dims.state_offset + r * dims.state_stride) / 4 + dims.first;
    let is_active = scalars[s + 3] != 0.0;
    let m = p + dims.length;
    return AdamStep(scalars[s], scalars[s + 1], scalars[s + 2], is_active, g, p, m, m + dims.length);
}

// Vec4 i of the gradient and its parameters.
fn adam_update(step: AdamStep, i: u32) {
    let p = state[step.p + i];
    let g = gradient[step.g + i] + step.decay * p;
    let m = dims.b1 * state[step.m + i] + (1.0 - dims.b1) * g;
    let v = dims.b2 * state[step.v + i] + (1.0 - dims.b2) * g * g;
    state[step.m + i] = m;
    state[step.v + i] = v;
    state[step.p + i] = p - step.rate * m / (sqrt(v) * step.correction + dims.eps);
}

// Tile: one vec4 an invocation, workgroups of 256: neighbors touch neighbors. For hardware GPUs.
@compute @workgroup_size(256)
fn each(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * 256 + local;
    let step = adam_step(group.z);
    if i < dims.count && step.is_active {
        adam_update(step, i);
    }
}

// Tile: 8 invocations of 32 vec4s each, strided by 8: where a workgroup costs more than its work, few and
// long ones pay (1.8 times as fast as 8 invocations of 4). For software adapters.
@compute @workgroup_size(8)
fn many(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = (group.y * groups.x + group.x) * MANY_ITEMS_PER_WORKGROUP + local;
    let step = adam_step(group.z);
    if !step.is_active {
        return;
    }
    for (var q = 0u; q < QUADS; q++) {
        let i = first + 8 * q;
        if i < dims.count {
            adam_update(step, i);
        }
    }
}
