"""Makes audit_intervals.json: the interval of TPR at a false-positive rate, and how far simultaneous intervals reach.

Not needed to build or test: run it only to change the fixture.
    pip install numpy scipy
    python tests/golden/audit_intervals.py > tests/golden/audit_intervals.json
Written against numpy 2 and SciPy 1.17, from the definitions in src/statistics/operating_point.rs and
src/statistics/simultaneous.rs, by quantile functions and an integral in the place of draws.
"""

import json

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(2603)
TAIL, POINTS = 0.025, 9


def tpr_interval(members, nonmembers, alpha):
    m, n = len(members), len(nonmembers)
    allowed = int(np.floor(np.nextafter(alpha * n, np.inf)))
    while allowed / n > alpha:
        allowed -= 1
    falling = np.sort(nonmembers)[::-1]

    def around(rank, with_it):
        """Members before the non-member of that rank, or with it, its own score's drawn by lot."""
        score = falling[rank]
        share = (rank + with_it - (falling > score).sum()) / (falling == score).sum()
        return (members > score).sum() + share * (members == score).sum()

    lower = lambda k, tail: 0.0 if k == 0 else stats.beta.ppf(tail, k, m - k + 1)
    upper = lambda k, tail: 1.0 if k == m else stats.beta.ppf(1 - tail, k + 1, m - k)
    z = stats.norm.isf(TAIL)
    low, high = 1.0, 0.0
    for angle in np.linspace(0, np.pi / 2, POINTS):
        of_threshold, of_rate = stats.norm.sf(z * np.cos(angle)), stats.norm.sf(z * np.sin(angle))
        fewest = min(int(stats.binom.ppf(of_threshold, n, alpha)), allowed)
        most = max(int(stats.binom.ppf(1 - of_threshold, n, alpha)), allowed)
        low = min(low, lower(0 if fewest == 0 else int(np.floor(around(fewest - 1, 0))), of_rate))
        high = max(high, upper(m if most >= n else int(np.ceil(around(most, 1))), of_rate))
    return [float(low), float(high)]


def operating_point(m, n, alpha, shift, digits):
    members = np.round(rng.normal(shift, 1, m), digits)
    nonmembers = np.round(rng.normal(0, 1, n), digits)
    return {
        "members": members.tolist(),
        "nonmembers": nonmembers.tolist(),
        "alpha": alpha,
        "interval": tpr_interval(members, nonmembers, alpha),
    }


def simultaneous(estimates, records, shared):
    influences = np.round(rng.normal(size=(estimates, records)) + shared * rng.normal(size=records), 3)
    sizes = np.sqrt((influences**2).sum(1))
    correlation = influences @ influences.T / np.outer(sizes, sizes)
    def inside(z):
        return stats.multivariate_normal.cdf(
            np.full(estimates, z), mean=np.zeros(estimates), cov=correlation, allow_singular=True,
            lower_limit=np.full(estimates, -z), maxpts=200_000, abseps=1e-5,
            rng=np.random.default_rng(1),
        )

    critical = optimize.brentq(lambda z: inside(z) - (1 - 2 * TAIL), 1.9, 3.5, xtol=1e-4)
    return {"influences": influences.tolist(), "critical_value": critical}


print(json.dumps({
    "operating_points": [
        operating_point(300, 1000, 0.01, 1.0, 6),
        operating_point(200, 1500, 0.01, 3.0, 1),
        operating_point(150, 12000, 0.001, 2.0, 2),
        operating_point(100, 1000, 0.01, -1.0, 0),
    ],
    "simultaneous": [simultaneous(k, 40, shared) for k, shared in ((2, 0.0), (6, 1.0), (14, 3.0), (10, 0.3))],
}))
