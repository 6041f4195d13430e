// Mean gain of the attack from its logits s (one a record, the first of a row): h = sigmoid(s) is the
// probability of membership. Records below `members` are members, the rest are not.
// Forms, a member's term / another's: 0 log h / log(1 - h); 1 -(1 - h)² / -h²; 2 h / h.
// Logarithms as -softplus(∓s), never log(sigmoid(s)). One workgroup a replica, summed in fixed order.

struct Dims {
    s_offset: u32,
    s_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    members: u32,
    form: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> partial: array<f32, 64>;

// log(1 + exp(x)) without overflow.
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

fn sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn term(s: f32, member: bool) -> f32 {
    let sign = select(-1.0, 1.0, member);
    switch dims.form {
        case 0u: { return -softplus(-sign * s); }
        case 1u: { let miss = sigmoid(-sign * s); return -miss * miss; }
        default: { return sigmoid(s); }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64u) {
        sum += term(s[(dims.s_offset + r * dims.s_stride) / 4u + b].x, b < dims.members);
    }
    partial[local] = sum;
    workgroupBarrier();
    if local == 0u {
        var total = 0.0;
        for (var t = 0u; t < 64u; t += 1u) {
            total += partial[t];
        }
        y[(dims.y_offset + r * dims.y_stride) / 4u] = vec4<f32>(total / f32(dims.rows), 0.0, 0.0, 0.0);
    }
}
