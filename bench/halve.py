#!/usr/bin/python3
"""A network within a fraction of its FLOPs: ratios by `budget`, equal ratios, and other methods beside them, each
pruned, fine-tuned alike and evaluated. Each way has a session file of its own, so a run that was stopped goes on."""

import argparse
import json
import os
import shlex
import sys

import peer
from workbench import Refused, Workbench, version, write_section


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, metavar="FOLDER", help="session files and results of the commands")
    parser.add_argument("--network", default=os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--preset", help="of the data; without it the data's own")
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--flops", type=float, default=0.5, help="fraction to keep (0.5)")
    parser.add_argument("--scope", choices=("inner", "all"), default="inner")
    parser.add_argument("--ways", default="budget,equal,l1,random", metavar="WAY,...",
                        help="budget and equal by --method; l1, random: budget by that method; or budget:METHOD, equal:METHOD")
    parser.add_argument("--method", default="thinet")
    parser.add_argument("--sample", default="images=10 locations=10", help="options of sample")
    parser.add_argument("--budget", default="", help="further options of budget")
    parser.add_argument("--sensitivity", default="", metavar="OPTIONS",
                        help="measure it before budget, which uses it with --budget objective=sensitivity")
    parser.add_argument("--prune", default="reweight=full", help="options of prune")
    parser.add_argument("--finetune", default="epochs=40 lr=0.05 augment=crop-flip distill=on", help="options of finetune")
    parser.add_argument("--eval-limit", type=int, metavar="N", help="the first N test images; without it all")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    parser.add_argument("--table", action="store_true", help="run nothing; put what there is into RESULTS.md")
    parser.add_argument("--dry-run", action="store_true", help="with --table: print only")
    return parser.parse_args()


def way_parts(args, way):
    """budget or equal, and the method."""
    if ":" in way:
        rule, method = way.split(":", 1)
    else:
        rule, method = (way, args.method) if way in ("budget", "equal") else ("budget", way)
    if rule not in ("budget", "equal"):
        sys.exit("%s: expected budget, equal, a method, budget:METHOD or equal:METHOD" % way)
    return rule, method


def opening(args):
    lines = ['open "%s"' % args.network]
    return lines + (["groups scope=all"] if args.scope == "all" else [])


def equal_ratio(args):
    """The ratio, to four places, with which all layers alike come nearest to the FLOPs, above or below."""
    workbench = Workbench(args.program, args.threads)
    for line in opening(args):
        workbench.ask(line)

    def cost(step):
        workbench.ask("ratio all %.4f" % (step / 10000))
        return workbench.ask("summary")["flops_planned_ratio"]

    low, high = 0, 9999
    while low < high:
        middle = (low + high) // 2
        if cost(middle) <= args.flops:
            high = middle
        else:
            low = middle + 1
    step = min((low, max(low - 1, 0)), key=lambda s: abs(cost(s) - args.flops))
    workbench.close()
    return "%.4f" % (step / 10000)


def evaluation(args):
    return "eval limit=%d" % args.eval_limit if args.eval_limit else "eval"


def script(args, way):
    """The commands of one way, in order."""
    rule, method = way_parts(args, way)
    lines = opening(args)
    lines.append('data "%s"%s' % (args.data, " preset=" + args.preset if args.preset else ""))
    lines.append(evaluation(args))
    lines.append("sample all %s seed=%d" % (args.sample, args.seed))
    lines.append("method all %s seed=%d" % (method, args.seed))
    if rule == "budget" and args.sensitivity:
        lines.append("sensitivity all " + args.sensitivity)
    lines.append(("budget flops=%g %s" % (args.flops, args.budget)).strip() if rule == "budget"
                 else "ratio all " + equal_ratio(args))
    lines.append(("prune all %s" % args.prune).strip())
    lines.append(evaluation(args))
    lines.append("finetune %s seed=%d" % (args.finetune, args.seed))
    lines.append(evaluation(args))
    return lines


# --- running one way, from where it is ---

def files_of(args, way):
    stem = os.path.join(args.work, way.replace(":", "-"))
    return stem + ".thinet", stem + ".jsonl"


def read_log(path):
    """[(command line, result)] of what was done. A line cut off by a crash is left out: that command is done again."""
    log = []
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                log.append((entry["line"], entry["result"]))
    return log


def write_log(path, log):
    with open(path + ".new", "w") as file:
        for line, result in log:
            file.write(json.dumps({"line": line, "result": result}) + "\n")
    os.replace(path + ".new", path)


def run_on(workbench, line):
    """A command, or the rest of it where the session's last entry is that same command, done or interrupted."""
    journal = workbench.ask("journal")
    last = next((e for e in journal["entries"] if e["id"] == journal["head"]), None)
    tuning = line.startswith("finetune ")
    ours = last and (last["command"] == line or tuning and last["command"] == "finetune resume")
    if not ours or not last["changes"]:
        return workbench.ask(line)
    if last["ok"]:
        return {"ok": True, "seconds": last["seconds"], "brief": last["brief"]}
    if tuning and (last["epochs"] > 0 or last["command"] != line):
        print("  goes on after its last whole epoch", flush=True)
        return workbench.ask("finetune resume")
    workbench.ask("goto %d" % last["parent"])
    return workbench.ask(line)


def run_way(args, way):
    session, log_path = files_of(args, way)
    lines, log = script(args, way), read_log(log_path)
    done = [line for line, _ in log]
    if done != lines[:len(done)]:
        sys.exit("%s holds another run (%s): give another --work, or remove it" % (log_path, done[-1]))
    if not done and os.path.exists(session):
        os.remove(session)  # stopped before its first command was noted
    workbench = Workbench(args.program, args.threads, session)
    for line in lines[len(done):]:
        print("%s: %s" % (way, line), flush=True)
        result = run_on(workbench, line)
        log.append((line, result))
        write_log(log_path, log)
        if "top1" in result:
            print("  top-1 %.2f +- %.2f %%" % (100 * result["top1"], 100 * result["ci95"]), flush=True)
    workbench.close()


# --- the table ---

def read_way(args, way):
    """What a way's commands gave, or None while it has not come to its end."""
    log = read_log(files_of(args, way)[1])
    evals = [result for line, result in log if line.startswith("eval")]
    if len(evals) < 3:
        return None
    found = {"whole": evals[0], "pruned": evals[1], "tuned": evals[2], "lines": [line for line, _ in log]}
    for line, result in log:
        found[line.split()[0]] = result
    return found


def row_of(args, way, found):
    def percent(result):
        return "%.2f ± %.2f" % (100 * result["top1"], 100 * result["ci95"])

    rule, method = way_parts(args, way)
    name = "budget, %s" % method if rule == "budget" else "equal ratios, %s" % method
    if not found:
        return "| %s | - | - | - | - | - | - |" % name
    cut, tuned = found["prune"], found["finetune"]
    seconds = tuned.get("seconds")
    return "| %s | %.4f | %.4f | %s | %s | %+.2f | %s |" % (
        name, cut.get("flops_ratio", float("nan")), cut.get("params_ratio", float("nan")), percent(found["pruned"]),
        percent(found["tuned"]), 100 * (found["tuned"]["top1"] - found["whole"]["top1"]),
        "%.1f" % (seconds / 60) if seconds else "-")


def command_line(args):
    text = ["python3 bench/halve.py --work FOLDER --network %s --data %s" % (
        os.path.basename(args.network), os.path.basename(os.path.normpath(args.data)))]
    for name in ("preset", "flops", "scope", "ways", "method", "sample", "sensitivity", "budget", "prune", "finetune", "eval_limit", "seed"):
        value = getattr(args, name)
        if value not in (None, ""):
            text.append("--%s %s" % (name.replace("_", "-"), shlex.quote(str(value))))
    return " ".join(text)


def write_table(args):
    ways = args.ways.split(",")
    found = {way: read_way(args, way) for way in ways}
    there = next((f for f in found.values() if f), None)
    if not there:
        sys.exit("no way has come to its end yet")
    lines = ["%s; %d threads; %s; `%s`, the table by `--table`." % (
        peer.machine(), args.threads, version(args.program), command_line(args)), ""]
    whole = there["whole"]
    lines.append("Top-1 in %% on %d test images ± half width of the 95 %% interval (Wilson); unpruned %.2f ± %.2f. The fine-tuned "
                 "network is the one that `finetune` leaves; test images choose nothing. Minutes are those of fine-tuning, of "
                 "its last run where it was resumed." % (
                     whole["images"], 100 * whole["top1"], 100 * whole["ci95"]))
    lines += ["", "| ratios | FLOPs | params | pruned | fine-tuned | beside unpruned | minutes |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    lines += [row_of(args, way, found[way]) for way in ways]
    lines += ["", "Filters kept:", ""]
    for way in ways:
        if found[way] and "layers" in found[way]["prune"]:
            kept = ", ".join("%s %d" % (layer["name"], len(layer["kept"])) for layer in found[way]["prune"]["layers"])
            lines.append("- %s: %s" % (way, kept))
    print("\n".join(lines))
    if not args.dry_run:
        write_section("FLOPs x %g, %s" % (args.flops, os.path.basename(args.network)), "\n".join(lines))


def main():
    args = arguments()
    if args.table:
        write_table(args)
        return
    os.makedirs(args.work, exist_ok=True)
    failed = False
    for way in args.ways.split(","):
        try:
            run_way(args, way)
        except Refused as refused:
            failed = True
            print("%s: stopped: %s" % (way, refused), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
