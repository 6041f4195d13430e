"""Makes audit_scores.json: the threshold attacks' scores of outputs at the ends of their range, in f64, f32 and text.

Not needed to build or test: run it only to change the fixture.
    pip install numpy scipy
    python tests/golden/audit_scores.py > tests/golden/audit_scores.json
The definitions are those of the audit's documentation, spelt out record by record. In the fixture null stands for
minus infinity and "inf" for infinity.
"""

import json

import numpy as np
from scipy.special import logsumexp

rng = np.random.default_rng(12)


def of_logits(z, y):
    z = z - z.max()
    total = logsumexp(z)
    log_p = z - total
    log_not = np.array([logsumexp(np.delete(z, i)) for i in range(len(z))]) - total
    return scores(log_p, log_not, y)


def of_probabilities(p, y, half_ulp):
    lost = [1 - q if q < 1 else min(np.delete(p, i).sum(), half_ulp) for i, q in enumerate(p)]
    log_p = np.array([np.log(q) if q < 1 else np.log1p(-e) for q, e in zip(p, lost)])
    log_not = np.array([np.log1p(-q) if q < 1 else np.log(e) for q, e in zip(p, lost)])
    return scores(log_p, log_not, y, p, np.array(lost))


def scores(log_p, log_not, y, p=None, lost=None):
    p = np.exp(log_p) if p is None else p
    lost = np.exp(log_not) if lost is None else lost
    times = lambda weight, log: 0.0 if weight == 0 else weight * log
    others = [i for i in range(len(p)) if i != y]
    return {
        "confidence": log_p[y] - log_not[y],
        "entropy": sum(times(p[i], log_p[i]) for i in range(len(p))),
        "modified_entropy": times(lost[y], log_p[y]) + sum(times(p[i], log_not[i]) for i in others),
    }


def plain(value):
    if np.isnan(value):
        raise ValueError("a score that is no number")
    return None if value == -np.inf else "inf" if value == np.inf else float(value)


def case(name, form, values, labels, half_ulp=2.0**-53, offset=0.0):
    values = np.asarray(values, np.float64)
    found = [
        of_logits(row, y) if form == "logits" else of_probabilities(row, y, half_ulp) for row, y in zip(values, labels)
    ]
    return {
        "name": name,
        "form": form,
        "single": half_ulp == 2.0**-24,
        "classes": values.shape[1],
        "values": [plain(v) for v in (values + offset).ravel()],
        "labels": [int(y) for y in labels],
        **{key: [plain(one[key]) for one in found] for key in found[0]},
    }


def sure(n):
    """Two classes, of which the second has an error of 1e-30 to 1e-90, or to 1e-35 in single precision."""
    errors = 10.0 ** -rng.uniform(30, 90, n)
    return np.stack([np.ones(n), errors], 1)


labels = rng.integers(0, 2, 12)
tails = sure(12)
forest = np.round(rng.dirichlet([0.3, 0.3, 0.3], 20), 1)
forest[:, 2] = np.round(1 - forest[:, 0] - forest[:, 1], 1).clip(0, 1)
forest = forest[np.abs(forest.sum(1) - 1) < 1e-9]
of_forest = rng.integers(0, 3, len(forest))
ties = np.array([[0.4, 0.6, 0, 0], [0.4, 0.2, 0.2, 0.2], [0.4, 0.3, 0.3, 0], [0.4, 0.15, 0.15, 0.3]])
single = np.array([[1, 3e-8, 1e-20], [1, 5e-7, 0], [0.999999, 1e-6, 0], [1e-30, 1, 0], [0, 1, 0]], np.float32)
# Multiples of 1/1024: a constant of 1e8 takes nothing of them.
drawn = np.round(rng.normal(0, 4, (15, 5)) * 1024) / 1024
of_drawn = rng.integers(0, 5, 15)
with np.errstate(divide="ignore"):
    fixture = [
        case("tails of probabilities", "probabilities", tails, labels),
        case("tails of logarithms", "logits", np.log(tails), labels),
        case("a forest's probabilities", "probabilities", forest, of_forest),
        case("their logarithms", "logits", np.log(forest), of_forest),
        case("equal p_y", "probabilities", ties, [0] * 4),
        case("single precision", "probabilities", single, [0] * 5, half_ulp=2.0**-24),
        case("logits", "logits", drawn, of_drawn),
        case("logits and a constant", "logits", drawn, of_drawn, offset=1e8),
    ]
print(json.dumps(fixture))
