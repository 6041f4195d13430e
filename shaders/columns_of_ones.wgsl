// Transposes the bits of a batch that was gathered as lists of ones: bit b % 32 of y[k, b / 32] is feature k
// of record b. The last row, k = K, is all ones: the bias's feature. One word of y an invocation; neighbors
// are features, which read the same words of x.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,
    features: u32, // K
    pitch: u32,    // of x
    first: u32,    // where the words of a record begin in its row of x
    words: u32,    // of a row of y
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;       // [B, pitch]: lists of ones
@group(0) @binding(2) var<storage, read_write> y: array<u32>; // [K + 1, words]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let rows = dims.features + 1;
    if i >= rows * dims.words {
        return;
    }
    let k = i % rows;
    let word = i / rows;
    let count = min(32u, dims.batch - 32 * word);
    var bits = 0u;
    if k == dims.features {
        bits = 0xffffffffu >> (32 - count);
    } else {
        var at = dims.x_offset + r * dims.x_stride + 32 * word * dims.pitch + dims.first + k / 32;
        for (var b = 0u; b < count; b++) {
            bits |= ((x[at] >> (k % 32)) & 1u) << b;
            at += dims.pitch;
        }
    }
    y[dims.y_offset + r * dims.y_stride + k * dims.words + word] = bits;
}
