#!/usr/bin/env python3
"""Time this program and its peers in turn on the same work, and print the ratios of their medians.

Run by Scripts/compare-peers, which installs what is needed. Each contest alternates ours and the peer's, so that a
machine whose speed moves slows both: ours, theirs, ours, theirs, ... A contest is named WORK:SIZE:PRECISION:PEER, WORK
being step, decode or encode; --contest picks some. Peers run in processes of their own, on as many threads as ours.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

CONTESTS = [
    "step:1024x1024:bf16:openvino", "step:1024x1024:bf16:torch", "step:512x512:bf16:openvino", "step:512x512:bf16:torch",
    "step:512x512:f32:openvino", "decode:512x512:bf16:torch", "decode:512x512:f32:torch", "encode:-:bf16:torch",
]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--architectures", required=True, type=Path)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--contest", action="append", help=f"one of, or like one of, {', '.join(CONTESTS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--backend", help="ours")
    return parser.parse_args()


def ours(options, work, size, precision):
    """Returns our median seconds and the matmul peak and memory of the same run."""
    command = [options.bench, "model", "--json", "--precision", precision, "--threads", str(options.threads), "--steps", "1"]
    command += ["--size", size if work != "encode" else "64x64"]
    command += [] if work == "decode" else ["--no-decode"]
    command += ["--backend", options.backend] if options.backend else []
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found = next(item for item in result["work"] if f" {work} " in item["name"] + " ")
    return found["medianSeconds"], found["peakFlopsPerSecond"], found["shareOfPeak"], result["peakMemoryBytes"]


class Peer:
    """A peer's process, which does its work once for each line it is sent."""

    def __init__(self, options, work, size, precision, name):
        command = [
            sys.executable, str(Path(__file__).with_name("peer.py")), name, work, size, precision,
            str(options.architectures), str(options.folder), str(options.threads),
        ]
        environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
        # Settings made for other programs here must not slow them.
        for key in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]:
            environment.pop(key, None)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a peer ended early; what it said is above")
        return json.loads(line)

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    options = parse()
    print(f"{'contest':32} {'ours s':>8} {'theirs s':>9} {'ratio':>6}  share of peak  memory ours/theirs GB")
    for contest in options.contest or CONTESTS:
        work, size, precision, name = contest.split(":")
        peer = Peer(options, work, size, precision, name)
        peer.measure()
        mine, theirs = [], []
        for _ in range(options.rounds):
            mine.append(ours(options, work, size, precision))
            theirs.append(peer.measure())
        peer.close()
        a = statistics.median(item[0] for item in mine)
        b = statistics.median(item["seconds"] for item in theirs)
        peak = max(item[1] for item in mine) / 1e9
        share = statistics.median(item[2] for item in mine)
        memory = max(item[3] for item in mine) / 1e9, max(item["memoryBytes"] for item in theirs) / 1e9
        print(
            f"{contest:32} {a:8.3f} {b:9.3f} {a / b:6.3f}  {share:.3f} of {peak:.0f}  {memory[0]:.1f} / {memory[1]:.1f}"
            f"   ours {[round(item[0], 2) for item in mine]} theirs {[round(item['seconds'], 2) for item in theirs]}",
            flush=True)


if __name__ == "__main__":
    main()
