"""The table of scripts/bench_peers.sh: milliseconds a step, medians over its rounds, and ratios."""

import json
import pathlib
import statistics
import sys

out = pathlib.Path(sys.argv[1])
ours, theirs = {}, {}
for path in sorted(out.glob("veilgrad-*.json")):
    data = json.loads(path.read_text())
    adapter = data["adapter"]["name"] + ", " + data["adapter"]["driver"]
    for step in data["results"]:
        ours.setdefault(step["name"], []).append(step["step_milliseconds"])
for path in sorted(out.glob("torch-*.json")):
    data = json.loads(path.read_text())
    version = data["torch"]
    for name, milliseconds in data["step_milliseconds"].items():
        theirs.setdefault(name, {}).setdefault(data["threads"], []).append(milliseconds)

print(f"veilgrad on {adapter}; PyTorch {version} on the CPU, the better of its thread counts")
print("| step | veilgrad, ms | PyTorch, ms | ratio |")
print("|---|---|---|---|")
for name, by_threads in theirs.items():
    own = statistics.median(ours[name.split(", as published")[0].split(", written well")[0]])
    peer = min(statistics.median(values) for values in by_threads.values())
    print(f"| {name} | {own:.1f} | {peer:.1f} | {own / peer:.2f} |")
