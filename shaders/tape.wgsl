// The loop on the GPU: the host wrote a tape for many steps, and a counter in GPU memory says which step this
// is, so that every step's commands are the same.

struct Dims {
    tape_offset: u32, tape_stride: u32,
    counter_offset: u32, counter_stride: u32,
    result_offset: u32, result_stride: u32,
    length: u32, // words a step
    cols: u32,   // words beyond this are padding: zero
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tape: array<u32>;         // [S, length]
@group(0) @binding(2) var<storage, read> counter: array<u32>;      // [1, 1]
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // [1, length] or the counter [1, 1]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// The step's line: result[:] = tape[counter, :]. One word an invocation; words may be u32 or the bits of an
// f32.
@compute @workgroup_size(64)
fn read_line(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.length {
        return;
    }
    let step = counter[dims.counter_offset + r * dims.counter_stride];
    let word = tape[dims.tape_offset + r * dims.tape_stride + step * dims.length + i];
    result[dims.result_offset + r * dims.result_stride + i] = select(0u, word, i < dims.cols);
}

// The end of a step: counter[0] += 1. One invocation a replica.
@compute @workgroup_size(64)
fn advance(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i == 0 {
        result[dims.result_offset + r * dims.result_stride]++;
    }
}
