"""Makes audit_metrics.json: the attacks' scores and metrics as SciPy and scikit-learn compute them.

Not needed to build or test: run it only to change the fixture.
    pip install numpy scipy scikit-learn
    python tests/golden/audit_metrics.py > tests/golden/audit_metrics.json
Written against numpy 2, SciPy 1.17 and scikit-learn 1.9; every definition is spelt out naively, so
that it shares no shortcut with the code under test.
"""

import json

import numpy as np
from scipy import stats
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score, roc_curve

rng = np.random.default_rng(20180522)


def scores():
    n, c = 60, 7
    scale = rng.choice([0.1, 1.0, 5.0, 40.0], size=(n, 1))
    # Few digits, each exact in f32 after one rounding there.
    logits = np.round(rng.normal(size=(n, c)) * scale, 2).astype(np.float32)
    labels = rng.integers(0, c, n)
    z = logits.astype(np.float64)
    every = range(c)
    gap, confidence, entropy, modified = [], [], [], []
    for row, y in zip(z, labels):
        log_p = row - logsumexp(row)
        log_not = np.array([logsumexp(np.delete(row, i)) - logsumexp(row) for i in every])
        p = np.exp(log_p)
        gap.append(float(np.argmax(row) == y))
        confidence.append(log_p[y] - log_not[y])
        entropy.append(-stats.entropy(p))
        others = [i for i in every if i != y]
        modified.append(np.exp(log_not[y]) * log_p[y] + sum(p[i] * log_not[i] for i in others))
    return {
        "classes": c,
        "logits": [float(f"{v:.2f}") for v in logits.ravel()],
        "labels": labels.tolist(),
        "gap": gap,
        "confidence": confidence,
        "entropy": entropy,
        "modified_entropy": modified,
    }


def rate_at(members, nonmembers, alpha):
    truth = np.r_[np.ones(len(members)), np.zeros(len(nonmembers))]
    fpr, tpr, _ = roc_curve(truth, np.r_[members, nonmembers], drop_intermediate=False)
    return float(tpr[fpr <= alpha].max())


def roc(m, n, shift, digits, resamples):
    members = np.round(rng.normal(shift, 1, m), digits)
    nonmembers = np.round(rng.normal(0, 1, n), digits)
    truth = np.r_[np.ones(m), np.zeros(n)]
    pooled = np.r_[members, nonmembers]
    fpr, tpr, thresholds = roc_curve(truth, pooled, drop_intermediate=False)
    wins = (members[:, None] > nonmembers) + 0.5 * (members[:, None] == nonmembers)
    variance = wins.mean(1).var(ddof=1) / m + wins.mean(0).var(ddof=1) / n
    drawn = [
        rate_at(rng.choice(members, m), rng.choice(nonmembers, n), 0.01) for _ in range(resamples)
    ]
    return {
        "members": members.tolist(),
        "nonmembers": nonmembers.tolist(),
        "auc": roc_auc_score(truth, pooled),
        "variance": variance,
        # The first of equal maxima is the highest threshold.
        "threshold": float(thresholds[1:][np.argmax(np.round(tpr - fpr, 12)[1:])]),
        "tpr_at_fpr_0.01": rate_at(members, nonmembers, 0.01) if n >= 1000 else None,
        "bootstrap": np.quantile(drawn, [0.025, 0.975]).tolist() if resamples else None,
    }


def clopper_pearson():
    cases = [(0, 1), (1, 1), (1, 10), (5, 10), (638, 750), (749, 750), (5000, 10000)]
    cases += [(3, 500000), (400000, 500000), (499999, 500000)]
    out = []
    for k, n in cases:
        interval = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
        out.append([k, n, float(interval.low), float(interval.high)])
    return out


def over_seeds():
    out = []
    for n in (2, 3, 5, 10, 64):
        values = np.round(rng.normal(0.7, 0.02, n), 4)
        low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        out.append({"values": values.tolist(), "interval": [low, high]})
    return out


fixture = {
    "scores": scores(),
    "rocs": [
        roc(300, 200, 0.8, 1, 0),
        roc(50, 120, 0.0, 3, 0),
        roc(700, 1500, 1.2, 2, 4000),
        roc(400, 1000, 2.0, 1, 4000),
    ],
    "clopper_pearson": clopper_pearson(),
    "over_seeds": over_seeds(),
}
print(json.dumps(fixture))
