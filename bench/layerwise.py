#!/usr/bin/python3
"""Where pruning by one method loses what another keeps: each layer cut alone, all but the last ones, the last ones
and all, with each layer's reconstruction error and the network's top-1, without fine-tuning."""

import argparse
import json
import os

import peer
from workbench import Workbench, version, write_section


def listed(text):
    return [word for word in text.split(",") if word]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", required=True, metavar="FILE", help="measured points, one JSON object a line")
    parser.add_argument("--network", default=os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", type=listed, default=["thinet", "thinet-x", "l1", "l2", "apoz"], metavar="NAME,...")
    parser.add_argument("--ratio", type=float, default=0.5)
    parser.add_argument("--last", type=int, default=3, metavar="N", help="how many layers the last ones are (3)")
    parser.add_argument("--reweight", default="full")
    parser.add_argument("--sample", default="images=10 locations=10", help="options of sample")
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in listed(t)], default=[1], metavar="N,...")
    parser.add_argument("--eval-limit", type=int, metavar="N", help="the first N test images; without it all")
    parser.add_argument("--table", action="store_true", help="measure nothing; put what there is into RESULTS.md")
    return parser.parse_args()


def sets_of(layers, last):
    """What is cut: name -> layers."""
    sets = {layer: [layer] for layer in layers}
    sets.update({"all but the last %d" % last: layers[:-last], "the last %d" % last: layers[-last:], "all": layers})
    return sets


def read_points(path):
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        points = [json.loads(line) for line in file]
    return {(p["seed"], p["method"], p["cut"]): p for p in points}


def refit_error(layer):
    """Relative error of the consumers together after their kernels were fitted again, on held-out images."""
    return [site.get("error_after") for site in layer.get("refit", [])]


def measure(args):
    bench = Workbench(args.program, args.threads)
    bench.ask('open "%s"' % args.network)
    bench.ask('data "%s"' % args.data)
    limit = "eval limit=%d" % args.eval_limit if args.eval_limit else "eval"
    layers = [layer["name"] for layer in bench.ask("layers")["layers"] if layer["prunable"]]
    opened, have = bench.head(), read_points(args.points)
    with open(args.points, "a") as file:
        for seed in args.seeds:
            bench.ask("goto %d" % opened)
            bench.ask("sample all %s seed=%d" % (args.sample, seed))
            sampled = bench.head()
            for method in args.methods:
                for cut, names in sets_of(layers, args.last).items():
                    if (seed, method, cut) in have:
                        continue
                    bench.ask("goto %d" % sampled)
                    bench.ask("method all %s seed=%d" % (method, seed))
                    for name in names:
                        bench.ask("ratio %s %g" % (name, args.ratio))
                    pruned = bench.ask("prune all reweight=%s%s" % (args.reweight, " seed=%d" % seed if args.reweight == "full" else ""))
                    errors = {layer["name"]: refit_error(layer) for layer in pruned["layers"]}
                    found = bench.ask(limit)
                    point = {"seed": seed, "method": method, "cut": cut, "errors": errors}
                    point.update({name: found[name] for name in ("top1", "loss", "ci95", "images")})
                    file.write(json.dumps(point) + "\n")
                    file.flush()
                    print("%s %s seed %d: top-1 %.2f" % (method, cut, seed, 100 * point["top1"]), flush=True)
    bench.close()


# --- the tables ---

def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers) if numbers else float("nan")


def error_of(point, layer):
    known = [error for error in point["errors"].get(layer, []) if error is not None]
    return mean(known)


def cells(points, method, cut, number):
    """Of all seeds."""
    return mean(number(point) for (_, m, c), point in points.items() if (m, c) == (method, cut))


def one_table(head, args, row):
    lines = ["| " + " | ".join(["method"] + head) + " |", "| --- |" + " --- |" * len(head)]
    return lines + ["| " + " | ".join([method] + row(method)) + " |" for method in args.methods]


def table(args):
    points = read_points(args.points)
    cuts = list(dict.fromkeys(cut for (_, _, cut) in points))
    sets = [cut for cut in cuts if cut == "all" or "last" in cut]
    layers = [cut for cut in cuts if cut not in sets]
    lines = ["`bench/layerwise.py --ratio %g --reweight %s --sample \"%s\" --seeds %s`, %s, %s."
             % (args.ratio, args.reweight, args.sample, ",".join(map(str, args.seeds)), os.path.basename(args.network),
                version(args.program)), "", "Top-1 in %, what is cut:", ""]
    lines += one_table(sets, args, lambda m: ["%.2f" % (100 * cells(points, m, cut, lambda p: p["top1"])) for cut in sets])
    lines += ["", "Top-1 in %, one layer cut alone:", ""]
    lines += one_table(layers, args, lambda m: ["%.2f" % (100 * cells(points, m, cut, lambda p: p["top1"])) for cut in layers])
    lines += ["", "Relative error of the layer's consumer after it was fitted again, cut alone:", ""]
    lines += one_table(layers, args, lambda m: ["%.3f" % cells(points, m, cut, lambda p, c=cut: error_of(p, c)) for cut in layers])
    lines += ["", "The same with all layers cut:", ""]
    lines += one_table(layers, args, lambda m: ["%.3f" % cells(points, m, "all", lambda p, c=cut: error_of(p, c)) for cut in layers])
    write_section("layer by layer, %s at ratio %g" % (os.path.basename(args.network), args.ratio), "\n".join(lines))


def main():
    args = arguments()
    if args.table:
        table(args)
    else:
        measure(args)


main()
