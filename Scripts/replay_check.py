#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays real traces through warp-replay and compares the misses with exact SIEVE's, to the last miss.

usage: replay_check.py DIRECTORY [BACKEND]

DIRECTORY holds NAME.u64.xz files and reference-miss-ratios.csv. Without traces it says so and ends with 0, unless CI
is set in the environment: there it ends with 1.
"""
import csv
import json
import lzma
import os
import subprocess
import sys
import tempfile

EXECUTABLE = ".build/release/warp-replay"


def replay(trace: str, capacity: str, backend: str, directory: str) -> int:
    """The misses of one replay; -1 if it failed."""
    path = os.path.join(directory, "store.warp")
    command = [EXECUTABLE, "--trace", trace, "--backend", backend, "--capacity", capacity, "--shards", "1",
               "--workers", "1", "--json"]
    if backend == "shared":
        command += ["--path", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        print(done.stderr.strip()[-300:])
        return -1
    return int(json.loads(done.stdout)["misses"])


def main() -> int:
    directory = sys.argv[1] if len(sys.argv) > 1 else "../shared/traces"
    backend = sys.argv[2] if len(sys.argv) > 2 else "shared"
    reference = os.path.join(directory, "reference-miss-ratios.csv")
    if not os.path.exists(reference):
        print("skipped: no traces")
        return 1 if os.environ.get("CI") else 0
    with open(reference, encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["policy"].upper() == "SIEVE"]
    wrong = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as scratch:
        for trace in sorted({row["trace"] for row in rows}):
            raw = os.path.join(scratch, trace + ".u64")
            with lzma.open(os.path.join(directory, trace + ".u64.xz")) as source, open(raw, "wb") as target:
                target.write(source.read())
            for row in (row for row in rows if row["trace"] == trace):
                misses = replay(raw, row["cache_objects"], backend, scratch)
                if misses != int(row["misses"]):
                    wrong.append(f"{trace} at {row['cache_objects']}: {misses} misses, SIEVE has {row['misses']}")
            os.remove(raw)
    print(f"{len(rows) - len(wrong)} of {len(rows)} cells exact ({backend})")
    for line in wrong:
        print(line)
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
