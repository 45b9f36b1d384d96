#!/usr/bin/python3
"""Every method against the ratio: top-1 after pruning, without fine-tuning and after one short epoch of it (figure 3
of Luo et al. 2017). Each measured point goes to a file at once, and a run that was stopped goes on where it was."""

import argparse
import json
import math
import os
import shlex
import statistics
import sys
import time

import peer
from workbench import Refused, Workbench, version, write_section

THINET = ["thinet", "thinet-w", "thinet-x"]
RIVALS = ["random", "l1", "apoz"]
CORE = THINET + ["l1", "random", "apoz"]
METHODS = CORE + ["lasso", "l2", "fpgm", "mean-activation", "taylor", "bn-scale"]
# Those that tell most come first: from the middle outwards.
RATIOS = [0.5, 0.3, 0.7, 0.4, 0.6, 0.2, 0.8, 0.1]
# Student's t, 97.5 %, by degrees of freedom.
T = [None, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]
RESTART = 60  # points a process: its journal keeps every network it made


def listed(text):
    return [word for word in text.split(",") if word]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", required=True, metavar="FILE", help="measured points, one JSON object a line")
    parser.add_argument("--network", default=os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--preset", help="of the data; without it the data's own")
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ratios", type=lambda t: [float(r) for r in listed(t)], default=RATIOS, metavar="R,R,...",
                        help="measured in this order (%s)" % ",".join("%g" % r for r in RATIOS))
    parser.add_argument("--methods", default="all", metavar="NAME,...", help="or all, or core: " + ", ".join(CORE))
    parser.add_argument("--reweight", type=listed, default=["ls", "full"], metavar="NAME,...")
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in listed(t)], default=[1, 2, 3], metavar="N,...",
                        help="of sample, of method random and of finetune (1,2,3)")
    parser.add_argument("--sample", default="images=10 locations=10", help="options of sample")
    parser.add_argument("--prune", default="", help="further options of prune")
    parser.add_argument("--eval-limit", type=int, metavar="N", help="the first N test images; without it all")
    parser.add_argument("--epoch", type=int, metavar="LIMIT",
                        help="also after one epoch on so many training images")
    parser.add_argument("--finetune", default="lr=0.01", help="options of that epoch")
    parser.add_argument("--only-epoch", action="store_true", help="with --epoch: not the points without it")
    parser.add_argument("--paired", action="store_true",
                        help="with --epoch: both points of a network in turn, so that it is pruned once (full is slow)")
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--table", action="store_true", help="measure nothing; put what there is into RESULTS.md")
    parser.add_argument("--dry-run", action="store_true", help="with --table: print only")
    args = parser.parse_args()
    args.methods = {"all": METHODS, "core": CORE}.get(args.methods) or listed(args.methods)
    return args


# --- what is to be measured ---

def epoch_name(args):
    return "limit=%d %s" % (args.epoch, args.finetune)


def conditions(args):
    """What all points of a table have in common."""
    return {"network": os.path.basename(args.network), "data": os.path.basename(os.path.normpath(args.data)),
            "preset": args.preset, "sample": args.sample, "prune": args.prune, "eval_limit": args.eval_limit}


def point_key(point):
    """What makes two points the same measurement."""
    names = ("network", "data", "preset", "sample", "prune", "eval_limit", "method", "reweight", "ratio", "seed", "epoch")
    return tuple(point[name] for name in names)


def wanted(args):
    """All points, the most telling first: the methods that are to be told apart, one seed, no training."""
    epochs = ([] if args.only_epoch else [None]) + ([epoch_name(args)] if args.epoch else [])
    common, points = conditions(args), []
    for epoch in epochs:
        whole = {"method": "unpruned", "reweight": "none", "ratio": 0.0, "seed": args.seeds[0], "epoch": epoch}
        points.append((-1, 0, 0, 0, 0, dict(common, **whole)))
        for s, seed in enumerate(args.seeds):
            for r, ratio in enumerate(args.ratios):
                for m, method in enumerate(args.methods):
                    for w, reweight in enumerate(args.reweight):
                        later = epoch is not None and not args.paired
                        turn = 3 * (method not in CORE) + 2 * (s > 0) + 2 * later
                        point = {"method": method, "reweight": reweight, "ratio": ratio, "seed": seed, "epoch": epoch}
                        points.append((turn, s, r, m, w, dict(common, **point)))
    return [entry[-1] for entry in sorted(points, key=lambda entry: entry[:-1])]


def read_points(path):
    """Measured points by their key. A last line cut off by a crash is left out."""
    points = {}
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                try:
                    point = json.loads(line)
                    points[point_key(point)] = point
                except (ValueError, KeyError):
                    print("left out, not a point: " + line.strip()[:60])
    return points


# --- measuring ---

class Bench:
    """The program with network and images open, and the entries where each seed's statistics stand."""

    def __init__(self, args):
        self.args, self.workbench = args, Workbench(args.program, args.threads)
        self.sampled, self.opened, self.count = {}, None, 0
        self.pruned = (None, None, None)  # what was pruned last, the entry where it stands, its costs

    def ready(self):
        if self.count >= RESTART:
            self.workbench.close()
        if self.workbench.running():
            return
        self.sampled, self.count, self.pruned = {}, 0, (None, None, None)
        self.workbench.ask('open "%s"' % self.args.network)
        self.workbench.ask('data "%s"%s' % (self.args.data, " preset=" + self.args.preset if self.args.preset else ""))
        self.opened = self.workbench.head()

    def stand_sampled(self, seed):
        if seed in self.sampled:
            self.workbench.ask("goto %d" % self.sampled[seed])
            return
        self.workbench.ask("goto %d" % self.opened)
        self.workbench.ask("sample all %s seed=%d" % (self.args.sample, seed))
        self.sampled[seed] = self.workbench.head()

    def prune(self, point):
        ask, what = self.workbench.ask, point_key(dict(point, epoch=None))
        if what == self.pruned[0]:
            ask("goto %d" % self.pruned[1])
            return dict(self.pruned[2])
        self.stand_sampled(point["seed"])
        ask("method all %s seed=%d" % (point["method"], point["seed"]))
        ask("ratio all %g" % point["ratio"])
        words = ["prune all reweight=" + point["reweight"], point["prune"]]
        if point["reweight"] == "full" or "bn=" in point["prune"]:  # it draws images
            words.append("seed=%d" % point["seed"])
        done = ask(" ".join(word for word in words if word))
        costs = {name: done[name] for name in ("flops_ratio", "params_ratio")}
        self.pruned = (what, self.workbench.head(), costs)
        return dict(costs)

    def measure(self, point):
        self.ready()
        self.count += 1
        start, ask = time.time(), self.workbench.ask
        if point["method"] == "unpruned":
            ask("goto %d" % self.opened)
            found = {"flops_ratio": 1.0, "params_ratio": 1.0}
        else:
            found = self.prune(point)
        found["prune_seconds"] = round(time.time() - start, 3)
        if point["epoch"]:
            # The test images are looked at once, by eval.
            ask("finetune epochs=1 %s seed=%d test-limit=1" % (point["epoch"], point["seed"]))
        limit = point["eval_limit"]
        done = ask("eval limit=%d" % limit if limit else "eval")
        found.update({name: done[name] for name in ("images", "top1", "top5", "loss", "ci95")})
        found["seconds"] = round(time.time() - start, 3)
        return dict(point, **found)

    def lacking(self):
        """Methods and ways to reweight that are asked for and that this program does not have."""
        known = {"method": self.workbench.words("budget")["method"],
                 "reweight": self.workbench.words("prune")["reweight"]}
        self.workbench.close()
        lack = [("method", m) for m in self.args.methods if m not in known["method"]]
        return lack + [("reweight", w) for w in self.args.reweight if w not in known["reweight"]]


def measure_all(args):
    bench, have = Bench(args), read_points(args.points)
    todo = [point for point in wanted(args) if point_key(point) not in have]
    lacking = set(bench.lacking())
    for what, name in sorted(lacking):
        print("left out: the program has no %s %s" % (what, name))
    print("%d points measured before, %d to do" % (len(wanted(args)) - len(todo), len(todo)))
    end = time.time() + 60 * args.minutes if args.minutes else math.inf
    done = 0
    with open(args.points, "a") as file:
        for point in todo:
            if time.time() > end:
                break
            if {("method", point["method"]), ("reweight", point["reweight"])} & lacking:
                continue
            name = "%s %s %g seed %d%s" % (point["method"], point["reweight"], point["ratio"], point["seed"],
                                           " + epoch" if point["epoch"] else "")
            try:
                found = bench.measure(point)
            except Refused as refused:
                lacking.add(("method", point["method"]))
                print("left out from here: %s: %s" % (name, refused))
                continue
            file.write(json.dumps(dict(found, program=version(args.program))) + "\n")
            file.flush()
            done += 1
            print("%4d/%d  %-36s %6.2f %% +- %.2f  %5.1f s" % (
                done, len(todo), name, 100 * found["top1"], 100 * found["ci95"], found["seconds"]), flush=True)
    bench.workbench.close()


# --- the tables ---

def half_width(values):
    """Of the 95 % interval of the mean (Student's t); None for fewer than two."""
    if len(values) < 2:
        return None
    return T[min(len(values) - 1, len(T) - 1)] * statistics.stdev(values) / math.sqrt(len(values))


class Measured:
    """The points of one table's conditions."""

    def __init__(self, args, points):
        self.args, self.common = args, conditions(args)
        self.points = [p for p in points.values() if all(p[name] == value for name, value in self.common.items())]

    def seeds(self, method, reweight, ratio, epoch):
        """seed -> point."""
        at = {"method": method, "reweight": reweight, "ratio": ratio, "epoch": epoch}
        found = {p["seed"]: p for p in self.points if all(p[name] == value for name, value in at.items())}
        return {seed: found[seed] for seed in self.args.seeds if seed in found}

    def whole(self, epoch):
        at = [p for p in self.points if p["method"] == "unpruned" and p["epoch"] == epoch]
        return at[-1] if at else None


def cell(points, seeds):
    """Mean top-1 in per cent, half widths over seeds and over images."""
    if not points:
        return "-"
    values = [100 * p["top1"] for p in points.values()]
    text, over_seeds = "%.1f" % statistics.mean(values), half_width(values)
    text += " ±%s/%.1f" % ("-" if over_seeds is None else "%.1f" % over_seeds,
                           100 * statistics.mean(p["ci95"] for p in points.values()))
    return text if len(values) == seeds else text + " [%d]" % len(values)


def table_of(measured, reweight, epoch):
    args = measured.args
    ratios = sorted(args.ratios)
    lines = ["| method | " + " | ".join("%g" % r for r in ratios) + " |", "| --- |" + " --- |" * len(ratios)]
    costs = []
    for ratio in ratios:
        at = [p["flops_ratio"] for p in measured.points if p["ratio"] == ratio and p["method"] != "unpruned"]
        costs.append("%.3f" % at[0] if at else "-")
    lines.append("| FLOPs | " + " | ".join(costs) + " |")
    for method in args.methods:
        cells = [cell(measured.seeds(method, reweight, r, epoch), len(args.seeds)) for r in ratios]
        lines.append("| %s | %s |" % (method, " | ".join(cells)))
    return lines


def difference(ours, theirs):
    """Mean difference in points over the seeds both have, and the half width beyond which it counts: the wider of
    Student's t on the pairs and the binomial one, as of independent images."""
    both = sorted(set(ours) & set(theirs))
    if not both:
        return None
    pairs = [100 * (ours[s]["top1"] - theirs[s]["top1"]) for s in both]
    images = 100 * math.hypot(*(statistics.mean(side[s]["ci95"] for s in both) for side in (ours, theirs)))
    return statistics.mean(pairs), max(half_width(pairs) or 0, images), len(both)


def leads(measured, reweight, epoch):
    """The table of who leads whom, and the ratios at which a form of ThiNet does not."""
    args = measured.args
    forms = [m for m in THINET if m in args.methods]
    rivals = [m for m in RIVALS if m in args.methods]
    lines = ["| | " + " | ".join("beside " + r for r in rivals) + " |", "| --- |" + " --- |" * len(rivals)]
    exceptions = []
    for form in forms:
        row = []
        for rival in rivals:
            beyond = within = behind = 0
            for ratio in sorted(args.ratios):
                found = difference(measured.seeds(form, reweight, ratio, epoch),
                                   measured.seeds(rival, reweight, ratio, epoch))
                if not found:
                    continue
                mean, half, seeds = found
                if mean > half:
                    beyond += 1
                elif mean > -half:
                    within += 1
                else:
                    behind += 1
                if mean <= -half:
                    exceptions.append("%s beside %s at %g: %+.2f ± %.2f points (%d seed%s)" % (
                        form, rival, ratio, mean, half, seeds, "" if seeds == 1 else "s"))
            missing = len(args.ratios) - beyond - within - behind
            row.append("%d / %d / %d%s" % (beyond, within, behind, ", %d missing" % missing if missing else ""))
        lines.append("| %s | %s |" % (form, " | ".join(row)))
    return lines, exceptions


def command_line(args):
    words = [a for a in sys.argv[1:] if a not in ("--table", "--dry-run")]
    hidden = {"--points": "POINTS.jsonl", "--network": os.path.basename(args.network),
              "--data": os.path.basename(os.path.normpath(args.data))}
    left_out = ("--program", "--minutes")
    text, skip = ["python3 bench/methods.py"], False
    for i, word in enumerate(words):
        if skip:
            skip = False
        elif word in left_out:
            skip = True
        elif word in hidden:
            text += [word, hidden[word]]
            skip = True
        else:
            text.append(shlex.quote(word))
    return " ".join(text)


def introduce(measured):
    args, whole = measured.args, measured.whole(None)
    images = max((p["images"] for p in measured.points), default=0)
    lines = ["%s; %d threads; %s. Points measured with `%s`; the table by `--table`." % (
        peer.machine(), args.threads, version(args.program), command_line(args)), ""]
    lines.append("All inner layers lose the same fraction of filters. Seeds %s are those of `sample %s`, of `method random` "
                 "and of `finetune`. Top-1 in %% on the first %d test images%s: mean ± half width of the 95 %% interval over seeds "
                 "(Student's t) / over images (Wilson). `[n]`: n seeds of %d; `-`: not measured." % (
                     ", ".join(map(str, args.seeds)), args.sample, images,
                     " (all of them)" if args.eval_limit is None else ", not all of them", len(args.seeds)))
    if whole:
        lines.append("Unpruned: %.2f ± %.2f %%." % (100 * whole["top1"], 100 * whole["ci95"]))
    return lines


def write_tables(args):
    measured = Measured(args, read_points(args.points))
    lines = introduce(measured)
    for epoch in [None] + ([epoch_name(args)] if args.epoch else []):
        for reweight in args.reweight:
            name = "`reweight=%s`, %s" % (reweight, "after `finetune epochs=1 %s`" % epoch if epoch else "no fine-tuning")
            whole = measured.whole(epoch)
            if epoch and whole:
                name += " (the unpruned network after the same: %.2f %%)" % (100 * whole["top1"])
            if not any(p["reweight"] == reweight and p["epoch"] == epoch for p in measured.points):
                lines += ["", name + ": not measured."]
                continue
            lines += ["", name + ":", ""] + table_of(measured, reweight, epoch)
            table, exceptions = leads(measured, reweight, epoch)
            lines += ["", "Ratios at which the form leads beyond the interval of the difference / is within it / is behind:", ""]
            lines += table
            if exceptions:
                lines += ["", "Where it is behind:", ""] + ["- " + e for e in exceptions]
    print("\n".join(lines))
    if not args.dry_run:
        write_section("methods against ratios, %s" % os.path.basename(args.network), "\n".join(lines))


def main():
    args = arguments()
    if args.table:
        write_tables(args)
    else:
        measure_all(args)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
