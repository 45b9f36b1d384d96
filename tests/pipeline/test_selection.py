"""What the program selects, on samples it wrote itself, against the paper's rule written out in NumPy double precision
by tests/check_selection.py."""

import json
import os
import subprocess
import sys

from thinet import EXAMPLE, TREE, check, commands, finish, need_example, scratch, skip_all

try:
    import numpy  # noqa: F401
except ImportError:
    skip_all("Python has no module numpy")
need_example()
folder = scratch()
sample = "sample all images=10 locations=10 seed=7"
layers = [row["name"] for row in commands("open " + EXAMPLE, "layers")[1]["layers"] if row["prunable"]]
for layer in layers:
    rows = os.path.join(folder, layer + ".npy")
    curve_file, run_file = (os.path.join(folder, layer + kind) for kind in (".curve.json", ".run.json"))
    results = commands("open " + EXAMPLE, "data fashion-mnist", sample, "export-samples %s %s" % (layer, rows),
                       "curve " + layer, "run %s ratio=0.5" % layer)
    for file, result in ((curve_file, results[-2]), (run_file, results[-1])):
        with open(file, "w") as out:
            json.dump(result, out)
    done = subprocess.run([sys.executable, os.path.join(TREE, "tests", "check_selection.py"), rows, curve_file, run_file],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check("order, errors and least-squares weights of %s are the paper's" % layer, done.returncode == 0, done.stdout)
finish()
