"""Makes convnets.npz: ten steps of a narrow AlexNet and of a small DenseNet-BC as PyTorch makes them.

Not needed to build or test: run it only to change the fixture.
    pip install numpy torch
    python tests/golden/convnets.py tests/golden/convnets.npz
Written against torch 2.15 on a CPU, one thread. Plain training, and the min-max game: an attack step (Adam 1e-3, the
classifier in evaluation mode), then a classifier step (SGD 0.01, momentum 0.9, weight decay 5e-4, in training mode) on
cross-entropy + mean log h.
"""

import copy
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STEPS, M, CLASSES, RECORDS, MEMBERS = 10, 8, 5, 40, 24


class AlexNet(nn.Module):
    """bearpaw's for CIFAR, every width a sixteenth, rounded to a multiple of 4."""

    def __init__(self):
        super().__init__()
        a, b, c, d, e = 4, 12, 24, 16, 16
        relu, pool = (lambda: nn.ReLU()), (lambda: nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(
            nn.Conv2d(3, a, 11, stride=4, padding=5), relu(), pool(),
            nn.Conv2d(a, b, 5, padding=2), relu(), pool(),
            nn.Conv2d(b, c, 3, padding=1), relu(),
            nn.Conv2d(c, d, 3, padding=1), relu(),
            nn.Conv2d(d, e, 3, padding=1), relu(), pool(),
        )
        self.classifier = nn.Linear(e, CLASSES)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Bottleneck(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return torch.cat([x, y], 1)


class Transition(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, out, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)


class DenseNet(nn.Module):
    """DenseNet-BC, L = 16, k = 4, compression 0.5 (Huang et al. 2017)."""

    def __init__(self, depth=16, growth=4):
        super().__init__()
        layers = (depth - 4) // 6
        channels = 2 * growth
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        for block in (1, 2, 3):
            dense = nn.Sequential()
            for _ in range(layers):
                dense.append(Bottleneck(channels, growth))
                channels += growth
            setattr(self, f"dense{block}", dense)
            if block < 3:
                setattr(self, f"trans{block}", Transition(channels, channels // 2))
                channels //= 2
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, CLASSES)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x):
        x = self.trans1(self.dense1(self.conv1(x)))
        x = self.dense3(self.trans2(self.dense2(x)))
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.bn(x)), 1).flatten(1))


class Attack(nn.Module):
    def __init__(self):
        super().__init__()
        self.prediction = nn.ModuleList([nn.Linear(CLASSES, 16), nn.Linear(16, 8)])
        self.label = nn.ModuleList([nn.Linear(CLASSES, 8)])
        self.joint = nn.ModuleList([nn.Linear(16, 8), nn.Linear(8, 1)])
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, z, y):
        a, b = torch.softmax(z, 1), F.one_hot(y, CLASSES).float()
        for layer in self.prediction:
            a = F.relu(layer(a))
        for layer in self.label:
            b = F.relu(layer(b))
        x = F.relu(self.joint[0](torch.cat([a, b], 1)))
        return self.joint[1](x)


def data(rng):
    """Images of a few smooth waves a class, with noise, as bytes; labels."""
    labels = np.arange(RECORDS) % CLASSES
    y, x = np.mgrid[0:32, 0:32] / 32
    images = []
    for label in labels:
        planes = []
        for c in range(3):
            wave = np.sin(2 * np.pi * ((label + 1) * x + (c + 1) * y) / 2 + label)
            # 16 levels: the fixture compresses, the network does not notice.
            value = 128 + 60 * wave + 40 * rng.normal(size=(32, 32))
            planes.append(np.clip(np.round(value / 16) * 16, 0, 255))
        images.append(planes)
    return np.array(images).astype(np.uint8), labels.astype(np.int64)


def train(f, h, x, y, rows, played):
    """rows [STEPS, 3M]: M members and M others for the attack, M members for the classifier."""
    f_opt = torch.optim.SGD(f.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    h_opt = torch.optim.Adam(h.parameters(), lr=1e-3)
    signs = torch.cat([torch.ones(M, 1), -torch.ones(M, 1)])
    losses, gains = [], []
    for line in rows:
        if played:
            f.eval()
            both = line[: 2 * M]
            with torch.no_grad():
                z = f(x[both])
            gain = F.logsigmoid(signs * h(z, y[both])).mean()
            h_opt.zero_grad()
            (-gain).backward()
            h_opt.step()
            gains.append(gain.item())
        f.train()
        own = line[2 * M :]
        z = f(x[own])
        loss = F.cross_entropy(z, y[own])
        total = loss + F.logsigmoid(h(z, y[own])).mean() if played else loss
        f_opt.zero_grad()
        total.backward()
        f_opt.step()
        losses.append(loss.item())
    return losses, gains


def main(path):
    # A rate and a seed by which rounding stays rounding: with inputs changed by 2e-6 of themselves, PyTorch's own parameters end
    # within 1e-4 of each other. At rate 0.05, or by other seeds, pixels that pass a ReLU's kink move them by up to 1e-2.
    torch.manual_seed(8)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(8)
    images, labels = data(rng)
    pixels = images[:MEMBERS].astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1)
    mean, deviation = pixels.mean(1), pixels.std(1)
    x = torch.tensor((images - mean[:, None, None]) / deviation[:, None, None], dtype=torch.float32)
    y = torch.tensor(labels)
    members = lambda: rng.permutation(MEMBERS)[:M]
    others = lambda: MEMBERS + rng.permutation(RECORDS - MEMBERS)[:M]
    rows = np.array([np.concatenate([members(), others(), members()]) for _ in range(STEPS)])
    out = {"images": images, "labels": labels, "rows": rows}
    h_start = Attack()
    out |= {f"attack.start.{k}": v.numpy() for k, v in h_start.state_dict().items()}
    for name, f_start in [("alexnet", AlexNet()), ("densenet", DenseNet())]:
        keep = lambda module: {
            k: v.numpy().copy() for k, v in module.state_dict().items() if "num_batches" not in k
        }
        out |= {f"{name}.start.{k}": v for k, v in keep(f_start).items()}
        for played in (False, True):
            f, h = copy.deepcopy(f_start), copy.deepcopy(h_start)
            losses, gains = train(f, h, x, y, torch.tensor(rows), played)
            prefix = f"{name}.{'game' if played else 'plain'}"
            out |= {f"{prefix}.end.{k}": v for k, v in keep(f).items()}
            out[f"{prefix}.losses"] = np.array(losses)
            if played:
                f.eval()
                with torch.no_grad():
                    out[f"{prefix}.logits"] = h(f(x), y).numpy().ravel()
                out[f"{prefix}.gains"] = np.array(gains)
            print(prefix, " ".join(f"{v:.4f}" for v in losses), file=sys.stderr)
    np.savez_compressed(path, **out)


main(sys.argv[1])
