"""The table of scripts/bench_peers.sh: milliseconds a step, medians over its rounds, and ratios.

    python benches/peers/ratios.py DIRECTORY      its round-N/*.json and start/*.json; writes summary.json there too
"""

import json
import os
import pathlib
import platform
import statistics
import sys


def processor():
    """The CPU's name, as the system has it."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


out = pathlib.Path(sys.argv[1])
ours, peers, adapter = {}, {}, None
for path in sorted(out.glob("round-*/*.json")):
    data = json.loads(path.read_text())
    if "adapter" in data:
        adapter = data["adapter"]
        for step in data["results"]:
            ours.setdefault(step["name"], []).append(step["step_milliseconds"])
        continue
    label = ", ".join(data[key] for key in ["backend", "form"] if data.get(key))
    peer = peers.setdefault(f"{data['peer']} {data['version']} ({label})", {})
    for name, milliseconds in data["step_milliseconds"].items():
        peer.setdefault(name, []).append(milliseconds)

rows = []
for peer, steps in peers.items():
    for name, times in steps.items():
        case = name.split(", as published")[0].split(", written well")[0]
        own, other = statistics.median(ours[case]), statistics.median(times)
        rows.append({"step": name, "peer": peer, "veilgrad_ms": own, "peer_ms": other, "ratio": own / other,
                     "veilgrad_rounds": ours[case], "peer_rounds": times})
rows.sort(key=lambda row: (row["step"], row["peer"]))

# Seconds to the end of the first plain step. Ours are from the start of the process, a peer's from its main function.
starts = {}
for path in sorted(out.glob("start/*.json")):
    data = json.loads(path.read_text())
    if "adapter" in data:
        first = data["results"][0]
        starts["veilgrad"] = {"cold": first["cold_seconds"], "warm": first["warm_seconds"]}
    else:
        caches_are = path.stem.rsplit("-", 1)[1]
        starts.setdefault(f"{data['peer']} {data['version']}", {})[caches_are] = data["first_step_seconds"]

machine = {"processor": processor(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}
summary = {"machine": machine, "adapter": adapter, "rows": rows, "first_step_seconds": starts}
(out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")

print(f"veilgrad on {adapter['name']}, {adapter['driver']}; {machine['cores']} cores of {machine['processor']}")
print("| step | peer | veilgrad, ms | peer, ms | veilgrad takes, times as long |")
print("|---|---|---|---|---|")
for row in rows:
    print(f"| {row['step']} | {row['peer']} | {row['veilgrad_ms']:.1f} | {row['peer_ms']:.1f} | {row['ratio']:.2f} |")

if starts:
    print("\n| the first plain step is done | caches empty | caches warm |\n|---|---|---|")
for program, seconds in starts.items():
    cells = [f"{seconds[c]:.2f} s" if c in seconds else "failed" for c in ["cold", "warm"]]
    print(f"| {program} | {' | '.join(cells)} |")
