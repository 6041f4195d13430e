"""PyTorch doing the work of `veilgrad bench step alexnet` and `… densenet` on the same cores.

    python benches/peers/torch_images.py [--threads N] [--json]

Plain training steps of CIFAR-100's AlexNet (batch 128) and DenseNet-BC (L = 100, k = 12, batch 64), SGD with momentum 0.9 and
weight decay, eager, in f32. Random images.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 100


def alexnet():
    pool = lambda: nn.MaxPool2d(2, 2)
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=5), nn.ReLU(), pool(),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), pool(),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), pool(),
        nn.Flatten(), nn.Linear(256, CLASSES),
    )  # fmt: skip


class Layer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        return torch.cat([x, self.conv2(F.relu(self.bn2(y)))], 1)


def densenet(depth=100, growth=12):
    channels = 2 * growth
    layers = [nn.Conv2d(3, channels, 3, padding=1, bias=False)]
    for block in range(3):
        for _ in range((depth - 4) // 6):
            layers.append(Layer(channels, growth))
            channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if block < 2:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


def step_seconds(network, batch, steps):
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, CLASSES, (batch,))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    seconds = []
    for _ in range(steps + 1):
        started = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    results = {
        "alexnet plain": 1e3 * step_seconds(alexnet(), 128, 10),
        "densenet plain": 1e3 * step_seconds(densenet(), 64, 3),
    }
    if args.json:
        print(json.dumps({"torch": torch.__version__, "threads": args.threads, "step_milliseconds": results}))
    else:
        for name, milliseconds in results.items():
            print(f"{name}: {milliseconds:.2f} ms a step")


if __name__ == "__main__":
    main()
