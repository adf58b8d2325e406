#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the independent reader on every golden file and compares it with the library's tools.

Valid files: the reader's dump equals `warp-inspect dump --json`, and that of a lock file `dump --lock --json`. Invalid ones:
the reader exits 1 and names the rule and offset that the .json beside the file gives; if there is a lock file, it is that
which is broken.

Typed values: the reader shows the records of fixtures/typed/records.tsv, which the library's tests write, as
records.json has them, and names the typed stores of identities.tsv as the library does.

Dumps are compared as Python parses them, which keeps all digits of a number (WKV-D01).
"""
import glob
import json
import os
import subprocess
import sys

READER = [sys.executable, "fixtures/read_warp.py"]
INSPECT = os.environ.get("WARP_INSPECT", ".build/debug/warp-inspect")


def run(command: list) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def rows(path: str) -> list:
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def typed_failures() -> list:
    failures = []
    with open("fixtures/typed/records.json", encoding="utf-8") as file:
        documents = json.load(file)
    for name, encoded in rows("fixtures/typed/records.tsv"):
        key = ["--key"] if name == "arguments" else []
        shown = run(READER + ["--typed", *key, encoded])
        if shown.returncode != 0 or json.loads(shown.stdout) != documents.pop(name):
            failures.append(f"record {name}: exit {shown.returncode}: {shown.stdout}{shown.stderr}")
    failures += [f"record {name} has no bytes" for name in documents]
    for namespace, name, version, key_type, value_type, store in rows("fixtures/typed/identities.tsv"):
        identity = {"namespace": namespace, "name": name, "version": int(version), "key": key_type, "value": value_type}
        shown = run(READER + ["--identity", json.dumps(identity)])
        if shown.returncode != 0 or json.loads(shown.stdout) != {"store": store}:
            failures.append(f"typed store {name}: exit {shown.returncode}: {shown.stdout}{shown.stderr}")
    return failures


def lock_failures(paths: list) -> list:
    failures = []
    for path in paths:
        theirs, ours = run(READER + ["--lock", path]), run([INSPECT, "dump", "--lock", "--json", path])
        if theirs.returncode != 0 or ours.returncode != 0:
            failures.append(f"{path}-lock: exit {theirs.returncode} and {ours.returncode}: {theirs.stderr} {ours.stderr}")
        elif json.loads(theirs.stdout) != json.loads(ours.stdout):
            failures.append(f"{path}-lock: the dumps differ")
    return failures


def main() -> int:
    failures = typed_failures()
    valid = sorted(glob.glob("fixtures/v1/valid/*.warp"))
    invalid = sorted(glob.glob("fixtures/v1/invalid/*.warp"))
    for path in valid:
        theirs, ours = run(READER + [path]), run([INSPECT, "dump", "--json", path])
        if theirs.returncode != 0 or ours.returncode != 0:
            failures.append(f"{path}: exit {theirs.returncode} and {ours.returncode}: {theirs.stderr} {ours.stderr}")
        elif json.loads(theirs.stdout) != json.loads(ours.stdout):
            failures.append(f"{path}: the dumps differ")
    locks = [path for path in valid if os.path.exists(path + "-lock")]
    failures += lock_failures(locks)
    for path in invalid:
        with open(path[:-5] + ".json", encoding="utf-8") as file:
            expected = json.load(file)
        lock = ["--lock"] if os.path.exists(path + "-lock") else []
        if lock and run(READER + [path]).returncode != 0:
            failures.append(f"{path}: the data file is not sound")
        theirs = run(READER + lock + [path])
        named = [line.split()[:2] for line in theirs.stderr.splitlines()]
        if theirs.returncode != 1 or [expected["rule"], str(expected["offset"])] not in named:
            failures.append(f"{path}: exit {theirs.returncode}, expected {expected}, said {theirs.stderr.strip()}")
    for failure in failures:
        print(failure)
    print(f"the independent reader disagrees {len(failures)} times on {len(valid) + len(invalid)} golden files, "
          f"{len(locks)} lock files, typed values and typed stores")
    return 1 if failures or len(valid) < 12 or len(locks) < 2 or len(invalid) < 80 else 0


if __name__ == "__main__":
    sys.exit(main())
