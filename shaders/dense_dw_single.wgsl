// Dense layer, gradient of weights and bias: dw[K+1,N] = [x | 1]ᵀ · dz. One vec4 of dw an invocation: the plainest
// of the variants, to compare with.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    batch: u32,   // B
    inputs: u32,  // K
    outputs: u32, // N
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;              // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;       // [B, N]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [K + 1, N]

const TILE_ROWS: u32 = 8;
const TILE_COLS: u32 = 4;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.y * TILE_ROWS + thread;
    if row > dims.inputs {
        return;
    }
    let x_pitch = (dims.inputs + 3) / 4 * 4;
    let dz_pitch = (dims.outputs + 3) / 4;
    let x_base = dims.x_offset + group.z * dims.x_stride;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4 + group.x;
    var sum = vec4(0.0);
    for (var b = 0u; b < dims.batch; b++) {
        let input = select(1.0, x[x_base + b * x_pitch + min(row, dims.inputs - 1)], row < dims.inputs);
        sum += input * dz[dz_base + b * dz_pitch];
    }
    dw[(dims.dw_offset + group.z * dims.dw_stride) / 4 + row * dz_pitch + group.x] = sum;
}
