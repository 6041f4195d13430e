#!/usr/bin/env python3
"""The defaults for a data file without a preset, beside scikit-learn's on the same records.

    scripts/defaults/compare.py VEILGRAD DATA_FOLDER OUT_FOLDER [CELL ...]

Trains `veilgrad train --data FILE --members N` with five seeds, no other setting of the training given, on
Location30, Hospital100, Retail100 (files of DATA_FOLDER) with 200, 1,000 and 2,000 members, and on a mixed table
that it makes; then scikit-learn's MLPClassifier (early stopping) and LogisticRegression on each seed's members. Test
accuracies are of the same test records. Writes OUT_FOLDER/table.csv and README.md. CELL: only those whose name has
this in it. Needs numpy and scikit-learn.
"""

import csv
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEEDS = 5
# Student's t, 97.5%, four degrees of freedom.
T = 2.776
MIXED = "mixed"


def location(folder):
    with tarfile.open(folder / "dataset_location.tgz") as archive:
        member = next(m for m in archive.getmembers() if m.isfile())
        rows = np.loadtxt(archive.extractfile(member), delimiter=",", dtype=str)
    rows = np.char.strip(rows, '"').astype(int)
    return folder / "dataset_location.tgz", rows[:, 1:], rows[:, 0]


def arrays(name):
    def read(folder):
        data = np.load(folder / name)
        return folder / name, data["features"], data["labels"]

    return read


def mixed(folder):
    """4,000 records: six numbers, three categories, three classes, a tenth of the labels drawn anew."""
    draw = np.random.default_rng(0)
    n = 4000
    numbers = draw.normal(size=(n, 6)) * [1, 10, 0.1, 5, 1000, 1] + [0, 50, 1, 0, 2000, 3]
    categories = [draw.integers(0, size, n) for size in (3, 5, 8)]
    scaled = (numbers - numbers.mean(0)) / numbers.std(0)
    effects = [draw.normal(size=(size, 3)) for size in (3, 5, 8)]
    score = scaled @ draw.normal(size=(6, 3)) + sum(e[c] for e, c in zip(effects, categories))
    score[:, 0] += 1.5 * scaled[:, 0] * scaled[:, 1]
    labels = score.argmax(1)
    again = draw.random(n) < 0.1
    labels[again] = draw.integers(0, 3, again.sum())
    path = folder / "mixed.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"n{i}" for i in range(6)] + [f"c{i}" for i in range(3)] + ["label"])
        for i in range(n):
            row = [f"{v:.6g}" for v in numbers[i]] + [f"v{c[i]}" for c in categories] + [f"class{labels[i]}"]
            writer.writerow(row)
    table = np.genfromtxt(path, delimiter=",", dtype=str, skip_header=1)
    return path, table[:, :-1], table[:, -1]


def models(name):
    """scikit-learn's, as someone would take them: the MLP's epochs by its own tenth of the members."""
    mlp = MLPClassifier(early_stopping=True, max_iter=500, random_state=0)
    logistic = LogisticRegression(max_iter=2000)
    if name != MIXED:
        return mlp, logistic
    encode = make_column_transformer(
        (StandardScaler(), list(range(6))), (OneHotEncoder(handle_unknown="ignore"), list(range(6, 9)))
    )
    return make_pipeline(encode, mlp), make_pipeline(encode, logistic)


def cell(program, name, path, features, labels, members):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        # A tenth beside a half of the members' size, as the defaults have it. The attacks are not looked at.
        command = [program, "train", "--data", path, "--members", members, "--reference", members // 5]
        command += ["--validation", members // 5, "--test", min(5000, len(labels) - 2 * members)]
        command += ["--seed", ",".join(map(str, range(SEEDS))), "--set", "audit.epochs=1", "--out", out, "--quiet"]
        if name == MIXED:
            command += ["--label-column", "label"]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        ours = [replica["test_accuracy"] for replica in json.loads((out / "summary.json").read_text())["replicas"]]
        split = np.load(out / "split.npz")
        theirs = [[], []]
        for seed in range(SEEDS):
            train, test = split["members"][seed], split["test"][seed]
            for model, found in zip(models(name), theirs):
                x = features.astype(object) if name == MIXED else features.astype(np.float32)
                if name == MIXED:
                    x = x.copy()
                    x[:, :6] = x[:, :6].astype(float)
                model.fit(x[train], labels[train])
                found.append(float((model.predict(x[test]) == labels[test]).mean()))
    return ours, *theirs


def half(values):
    return T * statistics.stdev(values) / len(values) ** 0.5


def main():
    program, data, out, *only = sys.argv[1:]
    data, out = Path(data), Path(out)
    made = Path(tempfile.mkdtemp())
    sources = {
        "Location30": lambda: location(data),
        "Hospital100": lambda: arrays("hospital100.npz")(data),
        "Retail100": lambda: arrays("retail100.npz")(data),
        MIXED: lambda: mixed(made),
    }
    rows = []
    for name, source in sources.items():
        read = None
        for members in (200, 1000) if name == MIXED else (200, 1000, 2000):
            if only and not any(part in f"{name} {members}" for part in only):
                continue
            read = read or source()
            ours, mlp, logistic = cell(program, name, *read, members)
            bars = [statistics.mean(them) - half(them) for them in (mlp, logistic)]
            met = statistics.mean(ours) >= max(bars)
            row = [name, members]
            row += [f"{v:.4f}" for them in (ours, mlp, logistic) for v in (statistics.mean(them), half(them))]
            rows.append(row + ["yes" if met else "no"])
            print(*rows[-1], flush=True)
    write(out, rows)


def write(out, rows):
    out.mkdir(parents=True, exist_ok=True)
    header = "data,members,veilgrad,half,mlp,half_mlp,logistic,half_logistic,met".split(",")
    with open(out / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    text = [
        "# The defaults beside scikit-learn's",
        "",
        "`scripts/defaults/compare.py`: test accuracy, the mean of five seeds ± half its 95% interval (Student's t), of",
        "`veilgrad train --data FILE --members N` with no other setting, of scikit-learn's MLPClassifier with early",
        "stopping and of its LogisticRegression, on the same members and the same test records. Met: ours is at least",
        "the better of theirs less half its interval. Epochs are chosen without the test records.",
        "",
        "| data | members | veilgrad | MLPClassifier | LogisticRegression | met |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, members, *numbers, met in rows:
        shown = [f"{float(a):.3f} ± {float(b):.3f}" for a, b in zip(numbers[::2], numbers[1::2])]
        text.append(f"| {name} | {int(members):,} | " + " | ".join(shown) + f" | {met} |")
    (out / "README.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
