// Copies one step's line of a tape: y[:] = tape[counter, :]. The host wrote the tape for many steps;
// a counter in GPU memory says which step this is, so every step's commands are the same.
// One word an invocation; words may be u32 or the bits of an f32.

struct Dims {
    tape_offset: u32,
    tape_stride: u32,
    counter_offset: u32,
    counter_stride: u32,
    y_offset: u32,
    y_stride: u32,
    length: u32, // words a step
    cols: u32, // words beyond this are padding: zero
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tape: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

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
    if i >= dims.length {
        return;
    }
    let step = counter[dims.counter_offset + r * dims.counter_stride];
    let word = tape[dims.tape_offset + r * dims.tape_stride + step * dims.length + i];
    y[dims.y_offset + r * dims.y_stride + i] = select(0u, word, i < dims.cols);
}
