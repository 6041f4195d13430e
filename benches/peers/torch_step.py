"""PyTorch doing the work of `veilgrad bench step` on the same cores: plain epochs and min-max steps.

    python benches/peers/torch_step.py [--threads N] [--json]

The Purchase100 network and the attack network of the official code, Adam (fused), batch 128, eager and in
two forms of the min-max step: as published (a forward pass of the classifier, with its graph, for every attack
batch) and written well (one forward pass without gradients for all attack batches). Synthetic bits.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

M, FEATURES, CLASSES = 128, 600, 100


def classifier():
    widths = [FEATURES, 1024, 512, 256, 128, CLASSES]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(a, b))
        if i + 2 < len(widths):
            layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def tower(widths, last=True):
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(a, b))
        if last or i + 2 < len(widths):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Attack(nn.Module):
    """The official code's: 1024-512-64 on the prediction, 128-64 on the label, 512-256-128-64-1 joined."""

    def __init__(self, prediction, label, joint):
        super().__init__()
        self.prediction = tower([CLASSES, *prediction])
        self.label = tower([CLASSES, *label])
        self.joint = tower([prediction[-1] + label[-1], *joint, 1], last=False)

    def forward(self, p, one_hot):
        return self.joint(torch.cat([self.prediction(p), self.label(one_hot)], 1))


def adam(module):
    return torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)


def batch(x, y, n, count):
    rows = torch.randint(0, n, (count,))
    return x[rows], y[rows]


def gain(s, members):
    signs = torch.ones(len(s), 1)
    signs[members:] = -1
    return nn.functional.logsigmoid(signs * s).mean()


def plain(x, y, steps):
    f = classifier()
    opt = adam(f)
    started = time.perf_counter()
    for _ in range(steps):
        a, b = batch(x, y, len(x), M)
        opt.zero_grad()
        nn.functional.cross_entropy(f(a), b).backward()
        opt.step()
    return (time.perf_counter() - started) / steps


def min_max(x, y, steps, k, layers, hoisted):
    f, h = classifier(), Attack(*layers)
    opt_f, opt_h = adam(f), adam(h)
    eye = torch.eye(CLASSES)
    started = time.perf_counter()
    for _ in range(steps):
        if hoisted:
            a, b = batch(x, y, len(x), 2 * k * M)
            with torch.no_grad():
                parts = torch.softmax(f(a), 1).split(2 * M)
            labels = eye[b].split(2 * M)
        for j in range(k):
            if hoisted:
                p, one_hot = parts[j], labels[j]
            else:
                a, b = batch(x, y, len(x), 2 * M)
                p, one_hot = torch.softmax(f(a), 1), eye[b]
            opt_h.zero_grad()
            if not hoisted:
                opt_f.zero_grad()
            (-gain(h(p, one_hot), M)).backward()
            opt_h.step()
        a, b = batch(x, y, len(x), M)
        z = f(a)
        loss = nn.functional.cross_entropy(z, b) + gain(h(torch.softmax(z, 1), eye[b]), M)
        opt_f.zero_grad()
        loss.backward()
        opt_f.step()
    return (time.perf_counter() - started) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    n = 20_000
    x, y = torch.randint(0, 2, (n, FEATURES)).float(), torch.randint(0, CLASSES, (n,))
    official = ([1024, 512, 64], [128, 64], [512, 256, 128, 64])
    cases = {"purchase100 plain": lambda steps: plain(x, y, steps)}
    for k in [1, 5]:
        for hoisted in [False, True]:
            form = "written well" if hoisted else "as published"
            cases[f"purchase100 min-max, k = {k}, {form}"] = (
                lambda steps, k=k, hoisted=hoisted: min_max(x, y, steps, k, official, hoisted)
            )
    results = {}
    for name, run in cases.items():
        run(3)
        results[name] = 1e3 * statistics.median(run(20) for _ in range(args.rounds))
    if args.json:
        print(json.dumps({"torch": torch.__version__, "threads": args.threads, "step_milliseconds": results}))
    else:
        for name, milliseconds in results.items():
            print(f"{name}: {milliseconds:.2f} ms a step")


if __name__ == "__main__":
    main()
