// Stochastic gradient descent with momentum and L2, as torch.optim.SGD: g += wd · p; m = momentum · m + g; p
// −= rate · m. Idea: parameters and their momentum are the rows of ONE flat buffer, so the kernel binds it
// once and a network of any depth is one dispatch. A replica whose `active` is 0 is left as it is.

struct Dims {
    gradient_offset: u32, gradient_stride: u32,
    scalars_offset: u32, scalars_stride: u32,
    state_offset: u32, state_stride: u32,
    length: u32, // vec4s of the parameters
    slot: u32,   // of rate, (unused), weight decay, active in scalars
    momentum: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;    // [1, P]
@group(0) @binding(2) var<storage, read> scalars: array<f32>;           // [1, slot + 4 …]
@group(0) @binding(3) var<storage, read_write> state: array<vec4<f32>>; // [2, P]: p, m

const QUADS: u32 = 32; // an invocation
const MANY_ITEMS_PER_WORKGROUP: u32 = 256; // 8 · QUADS

// A replica's numbers of this step, and where its vec4s begin.
struct SgdStep {
    rate: f32,
    decay: f32,
    is_active: bool,
    g: u32, p: u32, m: u32,
}

fn sgd_step(r: u32) -> SgdStep {
    let s = dims.scalars_offset + r * dims.scalars_stride + dims.slot;
    let g = (dims.gradient_offset + r * dims.gradient_stride) / 4;
    let p = (dims.state_offset + r * dims.state_stride) / 4;
    return SgdStep(scalars[s], scalars[s + 2], scalars[s + 3] != 0.0, g, p, p + dims.length);
}

// Vec4 i of the parameters.
fn sgd_update(step: SgdStep, i: u32) {
    let p = state[step.p + i];
    let m = dims.momentum * state[step.m + i] + gradient[step.g + i] + step.decay * p;
    state[step.m + i] = m;
    state[step.p + i] = p - step.rate * m;
}

// Tile: one vec4 an invocation, workgroups of 256: neighbors touch neighbors. For hardware GPUs.
@compute @workgroup_size(256)
fn each(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * 256 + local;
    let step = sgd_step(group.z);
    if i < dims.length && step.is_active {
        sgd_update(step, i);
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
    let step = sgd_step(group.z);
    if !step.is_active {
        return;
    }
    for (var q = 0u; q < QUADS; q++) {
        let i = first + 8 * q;
        if i < dims.length {
            sgd_update(step, i);
        }
    }
}
