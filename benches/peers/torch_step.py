"""PyTorch doing the work of `veilgrad bench step` on the same cores or GPU: plain and min-max steps.

    python benches/peers/torch_step.py [--compile] [--threads N] [--device cuda] [--tf32] [--case TEXT]
                                       [--network texas100] [--data FILE.npz] [--bag]

The Purchase100 or Texas100 network and the attack network of the official code, Adam (fused), batch 128, and two
forms of the min-max step: as published (a forward pass of the classifier, with its graph, for every attack batch) and
written well (one forward pass without gradients for all attack batches). Generated bits, or with --data the records
of a file. With --compile forward and backward passes go through torch.compile; on a GPU the whole step is then
replayed as one CUDA graph. With --bag the first layer is an embedding bag: it adds the rows of its weights that a
record has ones for, each record padded to the largest with a row that stays zero. JSON on standard output.
"""

import argparse
import json
import statistics
import time

STARTED = time.perf_counter()

import numpy
import torch
from torch import nn

M, RECORDS, CLASSES = 128, 20_000, 100
# Features, and the attack network's layers on the prediction, on the label (whether they are linear) and joined.
NETWORKS = {
    "purchase100": (600, ([1024, 512, 64], [128, 64], False, [512, 256, 128, 64])),
    "texas100": (6169, ([512, 64], [64], True, [64])),
}
ROUNDS = 3


class Bag(nn.Module):
    """A linear layer on lists of ones: [B, L] feature numbers, `features` where a record has fewer."""

    def __init__(self, features, width):
        super().__init__()
        self.rows = nn.EmbeddingBag(features + 1, width, mode="sum", padding_idx=features)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, ones):
        return self.rows(ones) + self.bias


def classifier(features, bag):
    widths = [features, 1024, 512, 256, 128, CLASSES]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(Bag(a, b) if bag and i == 0 else nn.Linear(a, b))
        if i + 2 < len(widths):
            layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def lists(bits):
    """The numbers of each record's ones, padded with the number of features."""
    counts = bits.sum(1)
    out = torch.full((len(bits), int(counts.max())), bits.shape[1])
    for row, (record, count) in enumerate(zip(bits, counts.int().tolist())):
        out[row, :count] = record.nonzero()[:, 0]
    return out


def tower(widths, last=True):
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(a, b))
        if last or i + 2 < len(widths):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Attack(nn.Module):
    """The official code's: layers on the prediction, on the label, and on both joined."""

    def __init__(self, prediction, label, linear, joint):
        super().__init__()
        self.prediction = tower([CLASSES, *prediction])
        self.label = tower([CLASSES, *label], last=not linear)
        self.joint = tower([prediction[-1] + label[-1], *joint, 1], last=False)

    def forward(self, p, one_hot):
        return self.joint(torch.cat([self.prediction(p), self.label(one_hot)], 1))


def adam(module, device):
    graphed = device == "cuda"
    return torch.optim.Adam(module.parameters(), lr=1e-3, fused=True, capturable=graphed)


class Work:
    """The records, and the steps as functions of nothing."""

    def __init__(self, device, compiled, network, bag, data):
        self.device, self.compiled, self.bag = device, compiled, bag
        self.features, self.attack = NETWORKS[network]
        if data:
            with numpy.load(data) as file:
                bits = torch.from_numpy(file["features"][:RECORDS].astype("uint8"))
            self.features = bits.shape[1]
        else:
            bits = torch.randint(0, 2, (RECORDS, self.features), dtype=torch.uint8)
        self.x = (lists(bits) if bag else bits.float()).to(device)
        self.records = len(bits)
        self.y = torch.randint(0, CLASSES, (self.records,), device=device)
        self.eye = torch.eye(CLASSES, device=device)
        self.signs = torch.ones(2 * M, 1, device=device)
        self.signs[M:] = -1

    def batch(self, count):
        rows = torch.randint(0, self.records, (count,), device=self.device)
        return self.x[rows], self.y[rows]

    def build(self, function):
        return torch.compile(function, dynamic=False) if self.compiled else function

    def gain(self, s):
        return nn.functional.logsigmoid(self.signs[: len(s)] * s).mean()

    def plain(self):
        f = classifier(self.features, self.bag).to(self.device)
        opt = adam(f, self.device)
        loss = self.build(lambda a, b: nn.functional.cross_entropy(f(a), b))

        def step():
            a, b = self.batch(M)
            opt.zero_grad()
            loss(a, b).backward()
            opt.step()

        return step

    def min_max(self, k, hoisted):
        f, h = classifier(self.features, self.bag).to(self.device), Attack(*self.attack).to(self.device)
        opt_f, opt_h = adam(f, self.device), adam(h, self.device)
        predict = self.build(lambda a: torch.softmax(f(a), 1))
        attack_loss = self.build(lambda p, one_hot: -self.gain(h(p, one_hot)))

        def penalised(a, b, one_hot):
            z = f(a)
            return nn.functional.cross_entropy(z, b) + self.gain(h(torch.softmax(z, 1), one_hot))

        classifier_loss = self.build(penalised)

        def step():
            if hoisted:
                a, b = self.batch(2 * k * M)
                with torch.no_grad():
                    parts = predict(a).split(2 * M)
                labels = self.eye[b].split(2 * M)
            for j in range(k):
                if hoisted:
                    p, one_hot = parts[j], labels[j]
                else:
                    a, b = self.batch(2 * M)
                    p, one_hot = predict(a), self.eye[b]
                opt_h.zero_grad()
                if not hoisted:
                    opt_f.zero_grad()
                attack_loss(p, one_hot).backward()
                opt_h.step()
            a, b = self.batch(M)
            opt_f.zero_grad()
            classifier_loss(a, b, self.eye[b]).backward()
            opt_f.step()

        return step


def replayed(step):
    """The step as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def milliseconds(step, device):
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def seconds(steps):
        wait()
        started = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        return (time.perf_counter() - started) / steps

    seconds(5)
    steps = max(3, int(1.0 / seconds(3)))
    return 1e3 * statistics.median(seconds(steps) for _ in range(ROUNDS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--tf32", action="store_true", help="TF32 matrix products (a GPU's)")
    parser.add_argument("--case", default="", help="only those whose name contains this")
    parser.add_argument("--network", default="purchase100", choices=NETWORKS)
    parser.add_argument("--data", help="an npz with `features` [N, F] of 0 and 1")
    parser.add_argument("--bag", action="store_true", help="the first layer as an embedding bag")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high" if args.tf32 else "highest")
    torch.manual_seed(0)
    work = Work(args.device, args.compile, args.network, args.bag, args.data)
    step = work.plain()
    step()
    if args.device == "cuda":
        torch.cuda.synchronize()
    first_step = time.perf_counter() - STARTED
    cases = {f"{args.network} plain": work.plain}
    for k in [1, 5]:
        for hoisted, form in [(False, "as published"), (True, "written well")]:
            cases[f"{args.network} min-max, k = {k}, {form}"] = lambda k=k, hoisted=hoisted: work.min_max(k, hoisted)
    times = {}
    for name, make in cases.items():
        if args.case in name:
            step = make()
            if args.device == "cuda" and args.compile:
                step = replayed(step)
            times[name] = milliseconds(step, args.device)
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"CPU, {args.threads} threads"
    form = "compiled" if args.compile else "eager"
    if args.device == "cuda":
        form += ", CUDA graph" if args.compile else ""
        form += ", TF32" if args.tf32 else ", fp32"
    if args.bag:
        form += ", embedding bag"
    result = {"peer": "PyTorch", "version": torch.__version__, "backend": where, "form": form}
    print(json.dumps(result | {"first_step_seconds": first_step, "step_milliseconds": times}))


if __name__ == "__main__":
    main()
