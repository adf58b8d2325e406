# SPDX-License-Identifier: Apache-2.0
"""Hits of warp_cache through Python, by a stream of entries' numbers, and the cost of a bare call beside them.

Usage: predecessor.py IDS OUTPUT ENTRIES VALUE_SIZE RUNS. IDS has a number a line. For each backend OUTPUT gets a
line: its name, a tab, the nanoseconds of a bare call of each chunk, a tab, those of a hit. Ways take turns on chunks of
the stream, by the thread's processor time, as the other benchmarks do."""

import glob
import os
import sys
import time

import warp_cache

CHUNK = 8192
FILE = "warpkv_benchmark_%d" % os.getpid()


def content(entry, size):
    return (b"%016x" % (entry * 0x9E3779B97F4A7C15 & (1 << 64) - 1)).ljust(size, b".")[:size]


def timed(function, keys):
    begin = time.thread_time_ns()
    for key in keys:
        function(key)
    return (time.thread_time_ns() - begin) / len(keys)


def main():
    ids, output, entries, size, runs = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    values = {"%016x" % entry: content(entry, size) for entry in range(entries)}
    with open(ids) as lines:
        stream = ["%016x" % int(line) for line in lines]
    chunks = [stream[start:start + CHUNK] for start in range(0, len(stream) - CHUNK + 1, CHUNK)]

    def bare(key):
        return None

    lines = []
    for name in ("shared", "memory"):
        calls = 0

        def original(key):
            nonlocal calls
            calls += 1
            return values[key]

        # The shared backend names its files by the function, and leaves them.
        original.__qualname__ = FILE
        limits = {"max_key_size": 64, "max_value_size": size + 64} if name == "shared" else {}
        remembered = warp_cache.cache(max_size=entries * 2, backend=name, **limits)(original)
        for key in values:
            remembered(key)
        filled = calls
        bare_times, call_times = [], []
        for run in range(runs + 1):
            for index, chunk in enumerate(chunks):
                other = chunks[(index + len(chunks) // 2) % len(chunks)]
                times = (timed(bare, chunk), timed(remembered, other))
                if run > 0:  # the first run warms up
                    bare_times.append(times[0])
                    call_times.append(times[1])
        if calls != filled:
            sys.exit("%s: %d of the gets were no hits" % (name, calls - filled))
        remembered.cache_clear()
        columns = [" ".join("%.1f" % time for time in times) for times in (bare_times, call_times)]
        lines.append("\t".join([name] + columns))
    with open(output, "w") as file:
        file.write("\n".join(lines) + "\n")


try:
    main()
finally:
    for path in glob.glob("/dev/shm/*%s*" % FILE) + glob.glob("/tmp/*%s*" % FILE):
        os.remove(path)
