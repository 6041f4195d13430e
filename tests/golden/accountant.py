"""Makes accountant.json: ε of the Gaussian mechanism as Google's dp-accounting computes it.

Not needed to build or test: run it only to change the fixture.
    pip install dp-accounting
    python tests/golden/accountant.py > tests/golden/accountant.json
Written against dp-accounting 0.6.0. Rows: noise multiplier, mechanisms, delta, ε by privacy loss distributions.
"""

import json

from dp_accounting import dp_event, pld


def epsilon(accountant, event, count, delta):
    accountant.compose(event, count)
    return accountant.get_epsilon(delta)


plain = []
for noise, count, delta in [(1.0, 1, 1e-5), (1.0, 25, 1e-5), (4.0, 40, 1e-5), (8.0, 40, 1e-6), (20.0, 100, 1e-5), (0.5, 2, 1e-3)]:
    plain.append([noise, count, delta, epsilon(pld.PLDAccountant(), dp_event.GaussianDpEvent(noise), count, delta)])
print(json.dumps({"gaussian": plain}))
