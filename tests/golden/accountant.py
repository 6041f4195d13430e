"""Makes accountant.json: ε of the Gaussian mechanism as Google's dp-accounting computes it.

Not needed to build or test: run it only to change the fixture.
    pip install dp-accounting
    python tests/golden/accountant.py > tests/golden/accountant.json
Written against dp-accounting 0.6.0. Rows of `sampled_gaussian`: noise multiplier, sampling rate, steps, delta, ε by
Rényi orders 2 to 256, ε by privacy loss distributions; of `gaussian`: noise multiplier, mechanisms, delta, ε by
privacy loss distributions.
"""

import json

from dp_accounting import dp_event, pld, rdp

ORDERS = list(range(2, 257))


def epsilon(accountant, event, count, delta):
    accountant.compose(event, count)
    return accountant.get_epsilon(delta)


sampled, plain = [], []
for noise, rate, steps, delta in [
    (1.0, 0.01, 1000, 1e-5),
    (1.1, 256 / 60000, 14062, 1e-5),
    (0.7, 0.02, 500, 1e-6),
    (2.0, 0.1, 400, 1e-5),
    (4.0, 0.0256, 975, 1e-5),
    (0.5, 0.001, 3000, 1e-5),
    (8.0, 128 / 1500, 440, 1e-5),
    (1.0, 1.0, 10, 1e-5),
    (1.5, 128 / 5000, 39 * 25, 1e-7),
]:
    event = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(noise))
    if rate == 1.0:
        event = dp_event.GaussianDpEvent(noise)
    by_orders = epsilon(rdp.RdpAccountant(ORDERS), event, steps, delta)
    by_loss = epsilon(pld.PLDAccountant(), event, steps, delta)
    sampled.append([noise, rate, steps, delta, by_orders, by_loss])
for noise, count, delta in [(1.0, 1, 1e-5), (1.0, 25, 1e-5), (4.0, 40, 1e-5), (8.0, 40, 1e-6), (20.0, 100, 1e-5), (0.5, 2, 1e-3)]:
    plain.append([noise, count, delta, epsilon(pld.PLDAccountant(), dp_event.GaussianDpEvent(noise), count, delta)])
print(json.dumps({"sampled_gaussian": sampled, "gaussian": plain}))
