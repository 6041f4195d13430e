// y = x + s z, with z normal: Box and Muller's transform of the words of ChaCha20 (Bernstein 2008; RFC 8439,
// section 2.3), a cipher's key stream: who does not have the 256-bit key cannot tell z from chance, however
// much of it he has seen. Counter: 16 elements; nonce: layer and step. So no state is kept, and a replica
// draws the same alone or in company.
//
// An invocation computes one block of the cipher, 16 words, and from them 16 elements. The cipher's 4 × 4
// state is four vectors, one a row; a quarter round works on all four columns at once, then the rows are
// turned so that the diagonals stand as columns. Padding is written as zero.

struct Dims {
    x_offset: u32, x_stride: u32,
    key_offset: u32, key_stride: u32,
    s_offset: u32, s_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32, // elements, a multiple of 4
    pitch: u32,
    cols: u32,
    layer: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;       // [B, N]
@group(0) @binding(2) var<storage, read> key: array<u32>;     // [1, 9]: eight words of key, one of step
@group(0) @binding(3) var<storage, read> s: array<f32>;       // [1, 1]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [B, N]

struct Block {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

fn rotated(v: vec4<u32>, bits: u32) -> vec4<u32> {
    return (v << vec4(bits)) | (v >> vec4(32 - bits));
}

fn quarter_rounds(before: Block) -> Block {
    var v = before;
    v.a += v.b;
    v.d = rotated(v.d ^ v.a, 16u);
    v.c += v.d;
    v.b = rotated(v.b ^ v.c, 12u);
    v.a += v.b;
    v.d = rotated(v.d ^ v.a, 8u);
    v.c += v.d;
    v.b = rotated(v.b ^ v.c, 7u);
    return v;
}

fn chacha20(start: Block) -> Block {
    var v = start;
    for (var double_round = 0u; double_round < 10; double_round++) {
        v = quarter_rounds(v);
        v = quarter_rounds(Block(v.a, v.b.yzwx, v.c.zwxy, v.d.wxyz));
        v = Block(v.a, v.b.wxyz, v.c.zwxy, v.d.yzwx);
    }
    return Block(v.a + start.a, v.b + start.b, v.c + start.c, v.d + start.d);
}

// The radii of four pairs. In (0, 1]: the logarithm is finite; 2⁻³² at least, so |z| is at most 6.7.
fn radii(words: vec4<u32>) -> vec4<f32> {
    let u = (vec4<f32>(words) + 1.0) * 0x1p-32;
    return sqrt(-2.0 * log(u));
}

// Their angles, from −π to π, where the error of sine and cosine is bounded.
fn angles(words: vec4<u32>) -> vec4<f32> {
    return (vec4<f32>(words) * 0x1p-31 - 1.0) * 3.1415926535;
}

fn add_noise(r: u32, first: u32, z: vec4<f32>) {
    if first >= dims.length {
        return;
    }
    let noise = s[dims.s_offset + r * dims.s_stride] * z;
    let from_x = dims.x_offset + r * dims.x_stride + first;
    let to_y = dims.y_offset + r * dims.y_stride + first;
    // Four elements are of one row: a pitch is a multiple of 4.
    let col = first % dims.pitch;
    y[to_y] = select(0.0, x[from_x] + noise.x, col < dims.cols);
    y[to_y + 1] = select(0.0, x[from_x + 1] + noise.y, col + 1 < dims.cols);
    y[to_y + 2] = select(0.0, x[from_x + 2] + noise.z, col + 2 < dims.cols);
    y[to_y + 3] = select(0.0, x[from_x + 3] + noise.w, col + 3 < dims.cols);
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let block = item(group, groups, local);
    let r = group.z;
    if 16 * block >= dims.length {
        return;
    }
    let k = dims.key_offset + r * dims.key_stride;
    let words = chacha20(Block(
        vec4(0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u), // "expand 32-byte k"
        vec4(key[k], key[k + 1], key[k + 2], key[k + 3]),
        vec4(key[k + 4], key[k + 5], key[k + 6], key[k + 7]),
        vec4(block, dims.layer, key[k + 8], 0u),
    ));
    let first_radii = radii(words.a);
    let first_angles = angles(words.b);
    add_noise(r, 16 * block, first_radii * cos(first_angles));
    add_noise(r, 16 * block + 4, first_radii * sin(first_angles));
    let last_radii = radii(words.c);
    let last_angles = angles(words.d);
    add_noise(r, 16 * block + 8, last_radii * cos(last_angles));
    add_noise(r, 16 * block + 12, last_radii * sin(last_angles));
}
