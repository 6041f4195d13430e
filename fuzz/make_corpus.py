"""Writes fuzz/corpus: for each reader a few small files that it accepts, from which the fuzzing starts.

    cargo build && python3 fuzz/make_corpus.py target/debug/veilgrad

Needs NumPy and PyArrow. Everything is drawn from one seed; what veilgrad itself writes comes from the program that is
named, a training of a few seconds.
"""

import gzip
import io
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CORPUS = pathlib.Path(__file__).parent / "corpus"
RNG = np.random.default_rng(7)


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def npz(compressed=False, **arrays):
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def tar(files, mode=tarfile.USTAR_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def table(records, sep=","):
    """Numbers, a bit, a category and the label."""
    lines = [sep.join(["age", "smoker", "town", "label"])]
    for i in range(records):
        age = f"{RNG.normal(50, 9):.2f}"
        lines.append(sep.join([age, str(RNG.integers(2)), ["Ulm", "Bonn", '"Bad, Ems"'][i % 3], str(i % 2)]))
    return "\n".join(lines) + "\n"


def tables():
    put("csv", "table.csv", table(40))
    put("csv", "semicolons.csv", table(30, ";"))
    put("csv", "tabs.tsv", table(20, "\t").replace("label", "class"))
    put("csv", "latin.csv", table(20).replace("Ulm", "Köln").encode("latin1"))
    bits = RNG.integers(0, 2, (20, 12))
    lines = [",".join(map(str, [i % 4 + 1, *row])) for i, row in enumerate(bits)]
    put("csv", "bits.csv", "\n".join(lines) + "\n")
    put("csv", "table.csv.gz", gzip.compress(table(20).encode(), mtime=0))
    feats = "".join(",".join(map(str, row)) + "\n" for row in bits)
    labels = "".join(f"{i % 4 + 1}\n" for i in range(20))
    pair = {"d/feats": feats.encode(), "d/labels": labels.encode(), "d/README": b"made up\n"}
    put("tgz", "pair.tgz", gzip.compress(tar(pair), mtime=0))
    put("tgz", "table.tar", tar({"table.csv": table(12).encode()}, tarfile.GNU_FORMAT))
    long = tar({"n" * 150 + "/t.csv": table(12).encode()}, tarfile.PAX_FORMAT)
    put("tgz", "long-name.tgz", gzip.compress(long, mtime=0))
    put("schema", "table.toml", """\
decimal_comma = true

[label]
name = "label"
place = 3
classes = ["0", "1"]

[[columns]]
name = "age"
kind = "number"
unit = "%"
missing = "fill"
fill = "50"
indicator = true

[[columns]]
count = 12
kind = "bit"

[[columns]]
name = "town"
kind = "category"
values = ["Ulm", "Bonn"]
other = true
missing = "category"

[[columns]]
name = "id"
kind = "drop"
why = "a name"
""")


def arrays():
    labels = np.arange(12) % 3
    x = RNG.normal(size=(12, 4)).astype("f4")
    put("npy", "labels-first.npy", npy(np.column_stack([labels, RNG.integers(0, 2, (12, 5))])))
    put("npy", "wide-integers.npy", npy(np.column_stack([labels, RNG.integers(0, 9, (12, 3))]).astype(">u2")))
    put("npz", "numbers.npz", npz(X=x, y=labels))
    put("npz", "bits.npz", npz(True, features=RNG.integers(0, 2, (12, 40)).astype("u1"), labels=labels + 1))
    put("npz", "columns.npz", npz(x=np.asfortranarray(x.astype("f2")), y=labels.astype("f8")))
    pixels = RNG.integers(0, 256, (6, 4, 4, 3)).astype("u1")
    put("npz", "images.npz", npz(X=pixels, y=labels[:6].astype("u1")))


def images():
    pixels, labels = RNG.integers(0, 256, (6, 3, 4)).astype("u1"), bytes([0, 1, 2, 0, 1, 2])
    first = struct.pack(">4B3I", 0, 0, 8, 3, 6, 3, 4) + pixels.tobytes()
    second = struct.pack(">4BI", 0, 0, 8, 1, 6) + labels
    put("idx", "pair", struct.pack("<I", len(first)) + first + second)
    packed = gzip.compress(first, mtime=0)
    put("idx", "pair-compressed", struct.pack("<I", len(packed)) + packed + gzip.compress(second, mtime=0))
    batch = b"".join(bytes([label]) + bytes([label * 20]) * 3072 for label in range(10))
    put("cifar", "test_batch.bin", batch)
    put("cifar", "test_batch.bin.gz", gzip.compress(batch, mtime=0))
    hundred = b"".join(bytes([i // 5, i]) + bytes(3072) for i in range(100))
    names = "".join(f"class {i}\n" for i in range(100)).encode()
    files = {"c/train.bin": hundred, "c/test.bin": hundred[:3074], "c/fine_label_names.txt": names}
    put("tgz", "cifar-100.tgz", gzip.compress(tar(files), mtime=0))


def predictions():
    n, classes, models = 24, 3, 4
    labels, membership = np.arange(n) % classes, (np.arange(n) % 2).astype("u1")
    right = 2 * np.eye(classes)[labels] * (1 + membership[:, None])
    logits = (RNG.normal(size=(n, classes)) + right).astype("f4")
    p = np.exp(logits.astype("f8"))
    p /= p.sum(1, keepdims=True)
    plain = {"logits": logits, "labels": labels, "membership": membership}
    put("predictions", "logits.npz", npz(**plain, rows=np.arange(n)))
    put("predictions", "shadows.npz", npz(
        **plain, subgroup=np.arange(n) % 2,
        shadow_logits=RNG.normal(size=(models, n, classes)).astype("f4"),
        shadow_keep=(np.add.outer(np.arange(models), np.arange(n)) % 2).astype(bool)))
    put("predictions", "copies.npz", npz(
        True, logits=np.stack([logits, logits + 0.1], 1), labels=labels, membership=membership,
        shadow_scores=RNG.normal(size=(models, n, 2)),
        shadow_keep=(np.add.outer(np.arange(models), np.arange(n)) % 2).astype("u1")))
    head = "row,label,membership,subgroup," + ",".join(f"p_{c}" for c in range(classes))
    rows = [",".join([f"{i},{labels[i]},{membership[i]},{'ab'[i % 2]}", *(f"{v:.5f}" for v in p[i])])
            for i in range(n)]
    put("predictions", "table.csv", "\n".join([head, *rows]) + "\n")
    kinds = {"f4": "F32", "i8": "I64", "u1": "U8"}
    tensors = plain | {"labels": labels.astype("i8")}
    header, data = {}, b""
    for name, array in tensors.items():
        header[name] = {"dtype": kinds[array.dtype.str[1:]], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    put("predictions", "tensors.safetensors", struct.pack("<Q", len(text)) + text + data)


def runs(program):
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        data = place / "table.csv"
        data.write_text(table(180))
        run = place / "run"
        command = [program, "train", "--quiet", "--data", str(data), "--out", str(run)]
        settings = {"data.members": 60, "data.reference": 40, "data.test": 60, "train.epochs": 2,
                    "train.batch": 20, "model.hidden": [2], "defense.lambda": 1.0}
        settings |= {f"defense.attack.{part}_layers": [4] for part in ["prediction", "label", "joint"]}
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        shown = (run / "run.toml").read_text().replace(str(data), "table.csv")
        put("presets", "run.toml", shown)
        put("presets", "short.toml", 'train.seed = [1, 2]\n[defense]\nform = "authors"\nlambda = 3\n')
        put("metrics", "metrics.jsonl", (run / "metrics.jsonl").read_bytes())
        for name in ["details", "summary"]:
            compact = json.dumps(json.loads((run / f"{name}.json").read_text()), separators=(",", ":"))
            put(name, f"{name}.json", compact)
        put("schema", "run.toml", (run / "schema.toml").read_bytes())
        put("safetensors", "model.safetensors", next((run / "models").iterdir()).read_bytes())
        put("checkpoints", "checkpoint", (run / "checkpoint-group000-epoch000002").read_bytes())
        for name in ["split.npz", "predictions.npz", "scores.npz"]:
            put("run_arrays", name, (run / name).read_bytes())


def parquet():
    """Numbers, a bit, a dictionary of categories and the label; then wider types, small pages and other codecs."""
    n = 40
    columns = {
        "age": [50 + i * 7919 % 31 / 4 for i in range(n)],
        "smoker": [i % 2 == 1 for i in range(n)],
        "town": pa.array([["Ulm", "Bonn", "Bad Ems"][i % 3] for i in range(n)]).dictionary_encode(),
        "label": [i // 2 % 2 for i in range(n)],
    }
    wide = {
        "dose": pa.array([i / 8 for i in range(n)], pa.float32()),
        "count": pa.array([i * 37 % 11 for i in range(n)], pa.uint8()),
        "class": [["well", "ill"][i // 2 % 2] for i in range(n)],
    }
    for name, of, options in [
        ("plain.parquet", columns, {"compression": "none"}),
        ("snappy.parquet", columns, {"compression": "snappy", "row_group_size": 16}),
        ("zstd.parquet", wide, {"compression": "zstd", "use_dictionary": False, "data_page_version": "2.0"}),
    ]:
        stream = io.BytesIO()
        pq.write_table(pa.table(of), stream, **options)
        put("parquet", name, stream.getvalue())


if __name__ == "__main__":
    if CORPUS.exists():
        shutil.rmtree(CORPUS)
    tables()
    arrays()
    images()
    predictions()
    parquet()
    runs(sys.argv[1])
    total = sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file())
    print(f"{total} bytes in {sum(1 for f in CORPUS.rglob('*') if f.is_file())} files")
