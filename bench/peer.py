"""What the side-by-side measurements share: the program under test, and the machine."""

import json
import os
import platform
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def program(args, *lines):
    """Results of commands, run by the program in one process."""
    command = [args.program, "--json", "--threads", str(args.threads)]
    for line in lines:
        command += ["-c", line]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def machine():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return "%s, %d processors" % (names[0] if names else platform.processor(), os.cpu_count())


def vectors():
    """The widest vectors the processor has."""
    with open("/proc/cpuinfo") as file:
        words = set(file.read().split())
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}
    return next((name for flag, name in names.items() if flag in words), platform.machine())
