"""Makes audit_metrics.json: the attacks' scores and metrics as SciPy and scikit-learn compute them.

Not needed to build or test: run it only to change the fixture.
    pip install numpy scipy scikit-learn
    python tests/golden/audit_metrics.py > tests/golden/audit_metrics.json
Written against numpy 2, SciPy 1.17 and scikit-learn 1.9; every definition is spelt out naively, so
that it shares no shortcut with the code under test.
"""

import json

import numpy as np
from scipy import optimize, special, stats
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
    n = len(nonmembers)
    allowed = max(k / n for k in range(n) if k / n <= alpha)
    # Within a block of ties a straight line; where the curve rises upright, its top.
    return float(max(np.interp(allowed, fpr, tpr), tpr[fpr <= allowed].max()))


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


def limit(k, size, tail, upper):
    """Clopper and Pearson's one-sided limit of a rate."""
    if upper:
        return 1.0 if k == size else float(stats.beta.ppf(1 - tail, k + 1, size - k))
    return 0.0 if k == 0 else float(stats.beta.ppf(tail, k, size - k + 1))


def extremes(counts, sizes, number, signs):
    """The least and the largest of a number of two rates whose normal scores lie on a circle of radius 1.96; signs
    say whether it rises with each rate."""
    found = []
    for upper in (False, True):
        values = []
        for angle in np.linspace(0, np.pi / 2, 9):
            tails = stats.norm.sf(stats.norm.isf(0.025) * np.array([np.cos(angle), np.sin(angle)]))
            ends = [limit(k, size, tail, upper == (sign > 0)) for k, size, tail, sign in zip(counts, sizes, tails, signs)]
            values.append(number(*ends))
        found.append(float(max(values) if upper else min(values)))
    return found


def area_interval(members, others, tail=0.025, weight=5.0):
    """The areas whose distance from the estimate is at most t standard errors at that area: Newcombe's model of the
    variance (2006, method 5), scaled by what DeLong's is to it."""
    m, n = len(members), len(others)
    wins = np.sign(members[:, None] - others[None, :]) / 2 + 0.5
    area = wins.mean()
    parts = wins.mean(1).var(ddof=1) / m, wins.mean(0).var(ddof=1) / n
    variance = sum(parts)
    half = (m + n) / 2 - 1
    model = lambda a: a * (1 - a) * (1 + half * (1 - a) / (2 - a) + half * a / (1 + a)) / (m * n)
    fewest = min(m, n)
    typical = model(np.clip(area, 0.5 / fewest, 1 - 0.5 / fewest))
    ratio = (fewest * variance + weight * typical) / (fewest * model(area) + weight * typical)
    freedom = variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
    reach = stats.t.isf(tail, freedom + weight)
    beyond = lambda theta: abs(area - theta) - reach * np.sqrt(ratio * model(theta))
    return [float(optimize.brentq(beyond, *ends, xtol=1e-14)) for ends in ((1e-12, area), (area, 1 - 1e-12))]


def at_errors(m, n, shift):
    """What is reported beside the ROC, by definition; groups small enough that every threshold is tried."""
    draw = lambda k, by: np.round(rng.normal(by, 1, k), 3)
    known, scored = (draw(m, shift), draw(n, 0)), (draw(m, shift), draw(n, 0))
    base, delta = 0.1, 1e-3
    every = np.unique(np.concatenate(known))[::-1]
    rates = lambda groups, t: ((groups[0] >= t).mean(), (groups[1] >= t).mean())
    accuracy = [0.5 * (tpr + 1 - fpr) for tpr, fpr in (rates(known, t) for t in every)]
    threshold = every[np.argmax(np.round(accuracy, 12))]
    tpr, fpr = rates(scored, threshold)
    precision = lambda a, b: base * a / (base * a + (1 - base) * b)

    def wilson(k, size, sign):
        interval = stats.binomtest(int(k), int(size)).proportion_ci(2 * stats.norm.cdf(1.96) - 1, method="wilson")
        return interval.low if sign < 0 else interval.high

    def counts(groups, t, accuse):
        a, b = (groups[0] >= t).sum(), (groups[1] >= t).sum()
        return (a, len(groups[0]), b, len(groups[1])) if accuse else (
            len(groups[1]) - b, len(groups[1]), len(groups[0]) - a, len(groups[0]))

    def promise(right, of, wrong, among):
        low = max(wilson(right, of, -1) - delta, 0)
        return np.log(low / wilson(wrong, among, 1)) if low > 0 else -np.inf

    rules = [(t, accuse) for t in every for accuse in (True, False)]
    best = max(rules, key=lambda rule: promise(*counts(known, *rule)))
    right, of, wrong, among = counts(scored, *best)
    exact = lambda k, size: stats.binomtest(int(k), int(size)).proportion_ci(0.95, method="exact")
    low, high = exact(right, of).low - delta, exact(wrong, among).high
    return {
        "known": [g.tolist() for g in known],
        "scored": [g.tolist() for g in scored],
        "base_rate": base,
        "delta": delta,
        "advantage": tpr - fpr,
        "precision": precision(tpr, fpr),
        "precision_ci95": extremes([(g >= threshold).sum() for g in scored], (m, n), precision, (1, -1)),
        "accuracy_ci95": extremes([(g >= threshold).sum() for g in scored], (m, n), lambda a, b: (a + 1 - b) / 2, (1, -1)),
        "auc_ci95": area_interval(*(np.concatenate(both) for both in zip(known, scored))),
        "epsilon_lower_bound": max(0.0, float(np.log(low / high))) if low > 0 else 0.0,
    }


def true_negatives():
    members, nonmembers = np.round(rng.normal(1.5, 1, 1200), 2), np.round(rng.normal(0, 1, 300), 2)
    return {
        "members": members.tolist(),
        "nonmembers": nonmembers.tolist(),
        # Members and non-members change places, scores their sign.
        "tnr_at_fnr_0.01": rate_at(-nonmembers, -members, 0.01),
    }


def shadows(models):
    """LiRA (Carlini et al. 2022) and RMIA (Zarifzadeh et al. 2024), record by record."""
    n, population = 24, 8
    keep = np.zeros((models, n + population), bool)
    for pair in range(models // 2):
        half = rng.permutation(n)[: n // 2]
        keep[2 * pair, half] = True
        keep[2 * pair + 1, :n] = ~keep[2 * pair, :n]
    phi = np.round(rng.normal(0, 2, n + population) + rng.normal(0, 1, keep.shape) + 1.5 * keep, 3)
    target = np.round(rng.normal(0.5, 2, n + population), 3)
    mean = lambda mask: np.array([phi[mask[:, i], i].mean() if mask[:, i].any() else np.nan for i in range(n + population)])
    squares = lambda mask: np.array([((phi[mask[:, i], i] - phi[mask[:, i], i].mean()) ** 2).sum() if mask[:, i].any() else 0.0 for i in range(n + population)])
    count = lambda mask: mask.sum(0).astype(float)

    def variance(mask):
        """Smyth 2004: scaled inverse chi-squared, its parameters by the mean and the variance of log s2."""
        freedom, sums = count(mask) - 1, squares(mask)
        there = (freedom >= 1) & (sums > 0)
        v, s2 = freedom[there], sums[there] / freedom[there]
        s2 = np.maximum(s2, 1e-5 * np.median(s2))
        logs = np.log(s2) - special.digamma(v / 2) + np.log(v / 2)
        spread = logs.var(ddof=1) - special.polygamma(1, v / 2).mean()
        if spread <= 0:
            return np.full(n + population, sums[freedom >= 1].sum() / freedom[freedom >= 1].sum())
        strength = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - spread, 1e-9, 1e9, xtol=1e-14, rtol=1e-15)
        prior = np.exp(logs.mean() + special.digamma(strength / 2) - np.log(strength / 2))
        freedom = np.maximum(freedom, 0)
        return (strength * prior + sums) / (strength + freedom)

    with np.errstate(all="ignore"):
        online = stats.norm.logpdf(target, mean(keep), np.sqrt(variance(keep))) - stats.norm.logpdf(
            target, mean(~keep), np.sqrt(variance(~keep)))
        offline = (target - mean(~keep)) / np.sqrt(variance(~keep))
    p, q = 1 / (1 + np.exp(-phi)), 1 / (1 + np.exp(-target))
    outside = np.array([p[~keep[:, i], i].mean() for i in range(n + population)])
    a = 0.33
    known = [0, 5, 11, *range(n, n + population)]

    def rmia(prior):
        ratio = q / prior
        # Some of the population are records of the pool: they are not compared with themselves.
        return [float(np.mean([ratio[i] / ratio[z] >= 2 for z in known if z != i])) for i in range(n)]

    return {
        "models": models,
        "keep": keep.astype(int).ravel().tolist(),
        "phi": phi.ravel().tolist(),
        "target": target.tolist(),
        "population": known,
        "lira_online": online[:n].tolist(),
        "lira_offline": offline[:n].tolist(),
        "rmia_online": rmia(p.mean(0)),
        "rmia_offline": rmia(0.5 * ((1 + a) * outside + 1 - a)),
    }


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
    "at_errors": [at_errors(60, 50, 1.0), at_errors(40, 60, 3.0), at_errors(50, 50, 0.0)],
    "true_negatives": true_negatives(),
    "shadows": [shadows(8), shadows(64)],
}
print(json.dumps(fixture))
