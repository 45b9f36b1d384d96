"""Every method ranks through the program: whole orders, locks, errors, and what stays of it in a session file."""

import os

from thinet import EXAMPLE, check, commands, finish, run, scratch

LAYER = "conv2_1"
METHODS = commands("help method")[0]["commands"][0]["usage"].split()[2].split("|")
ACTIVITY = {"apoz", "mean-activation", "taylor"}
OPEN = ["open " + EXAMPLE, "data fashion-mnist"]


def curves(*before):
    answer = commands(*OPEN, *before, "curve %s method=all" % LAYER)[-1]
    return answer, {row["method"]: row for row in answer["methods"]}


answer, free = curves("sample " + LAYER)
channels = len(answer["kept"])
check("all methods are there", set(free) | ACTIVITY == set(METHODS), sorted(free))
for name, row in free.items():
    check("%s gives every filter its turn" % name, sorted(row["order"]) == list(range(channels)), row["order"])
    check("least squares never makes %s worse" % name,
          all(ls <= plain + 1e-9 for ls, plain in zip(row["error_ls"], row["error"])))
for rival in ("thinet", "thinet-w", "lasso", "random"):
    check("thinet-x is never worse than %s, whatever stays" % rival,
          all(x <= r + 1e-9 for x, r in zip(free["thinet-x"]["error_ls"], free[rival]["error_ls"])))
check("thinet-x is really better somewhere", any(
    x < min(a, b) - 1e-4 for x, a, b in zip(*(free[m]["error_ls"] for m in ("thinet-x", "thinet", "thinet-w")))))
check("a method has its own curve", free["l1"]["error"] != free["thinet"]["error"])

_, held = curves("sample " + LAYER, "lock %s 3,5 prune" % LAYER, "lock %s 0-7 keep" % LAYER, "lock %s 10 prune" % LAYER)
for name, row in held.items():
    check("%s respects locks" % name, row["order"][0] == 10 and set(row["order"][-8:]) == set(range(8)), row["order"])

for name in sorted(free):
    keep = channels // 3
    got = commands(*OPEN, "sample " + LAYER, "method %s %s" % (LAYER, name), "keep %s %d" % (LAYER, keep),
                   "curve " + LAYER, "step " + LAYER, "back " + LAYER)
    chosen, curve, back = got[-4], got[-3], got[-1]
    removed = curve["order"][:channels - keep]
    check("%s keeps what its curve says" % name,
          chosen["removed"] == removed and abs(chosen["error_ls"] - curve["error_ls"][channels - keep]) < 1e-9
          and curve["method"] == name, (chosen["removed"], removed))
    check("a step of %s and back is where it was" % name, back["kept"] == chosen["kept"])

unsampled = commands("open " + EXAMPLE, "method all l1", "ratio all 0.5", "curve conv1_1", "prune all reweight=none")
check("methods of the weights need no images", unsampled[-1]["ok"] and unsampled[-2]["error"][1] is None)
done = run("-c", "open " + EXAMPLE, "-c", "method conv1_1 thinet-w", "-c", "step conv1_1")
check("the others say what is missing", done.returncode == 1 and "sample conv1_1 first" in done.stderr, done.stderr)

orders = [commands("open " + EXAMPLE, "method all random seed=%d" % seed, "curve " + LAYER)[-1]["order"] for seed in (1, 1, 2)]
check("chance follows the seed", orders[0] == orders[1] != orders[2])

file = os.path.join(scratch(), "ranked.thinet")
commands(*OPEN, "sample all", "method conv2_1 thinet-x", "method conv1_2 random seed=7", "ratio all 0.5", "save " + file)
back = commands("load " + file, "layers", "curve conv1_2")
again = commands(*OPEN, "sample all", "method conv1_2 random seed=7", "curve conv1_2")[-1]
methods = {row["name"]: row["method"] for row in back[1]["layers"]}
check("a session file keeps each layer's method", methods["conv2_1"] == "thinet-x" and methods["conv1_2"] == "random"
      and methods["conv1_1"] == "thinet", methods)
check("and its seed", back[2]["order"] == again["order"])

finish()
