"""plot: every view as PNG, PDF and SVG, read here without the program: sizes, text chunks, that there is something on
them and that it follows the state; and what is said where there is nothing to draw."""

import os
import re
import struct
import xml.etree.ElementTree
import zlib

from thinet import EXAMPLE, check, commands, finish, need_example, run, scratch, try_commands

import numpy

need_example()
folder = scratch()
session = os.path.join(folder, "drawn.thinet")


def path(name):
    return os.path.join(folder, name)


def read_png(name):
    """Pixels [rows, columns, 3], texts by key, pixels a metre; every chunk's checksum is checked."""
    with open(path(name), "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    at, texts, packed, density, kinds = 8, {}, b"", None, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0], kind
        at += 12 + length
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 2), (depth, colour)
        elif kind == b"pHYs":
            density = struct.unpack(">IIB", body)
        elif kind == b"tEXt":
            key, text = body.split(b"\0", 1)
            texts[key.decode("latin-1")] = text.decode("latin-1")
        elif kind == b"iTXt":
            key, rest = body.split(b"\0", 1)
            texts[key.decode("latin-1")] = rest[2:].split(b"\0", 2)[2].decode()
        elif kind == b"IDAT":
            packed += body
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND", kinds
    rows = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, 1 + 3 * width)
    pixels = numpy.zeros((height, width, 3), numpy.uint8)
    before = numpy.zeros((width, 3), numpy.uint8)
    for y in range(height):
        before = pixels[y] = unfilter(rows[y, 0], rows[y, 1:].reshape(width, 3), before)
    return pixels, texts, density


def unfilter(kind, row, above):
    """The five filters of a PNG row."""
    if kind == 0:
        return row
    if kind == 1:
        return numpy.cumsum(row, axis=0, dtype=numpy.uint8)
    if kind == 2:
        return row + above
    out = numpy.zeros(row.shape, numpy.int32)
    left, corner = [0, 0, 0], [0, 0, 0]
    for x, (values, up) in enumerate(zip(row.tolist(), above.tolist())):
        if kind == 3:
            left = [(v + (a + u) // 2) & 255 for v, a, u in zip(values, left, up)]
        else:
            left = [(v + paeth(a, u, c)) & 255 for v, a, u, c in zip(values, left, up, corner)]
        corner = up
        out[x] = left
    return out.astype(numpy.uint8)


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def amount(pixels, colour):
    return int((numpy.abs(pixels.astype(int) - colour).max(axis=2) <= 2).sum())


def fails(name, message, *lines, options=()):
    done, results = try_commands(*lines, options=options)
    text = results[-1].get("error", "") if results else done.stderr
    check(name, done.returncode == 1 and message in text, "%d %s\n%s" % (done.returncode, text, done.stderr))


VIEWS = ["filters", "steps", "curves", "ratios", "compare", "time"]
small = "width=100 dpi=100"
prepared = ["open " + EXAMPLE, "data fashion-mnist", "sample all images=2", "ratio all 0.5", "eval limit=200", "time batch=1"]
drawn = ["plot %s %s %s" % (view, path(view + ".png"), small) for view in VIEWS]
vectors = ["plot %s %s" % (view, path(view + "." + kind)) for view in VIEWS for kind in ("pdf", "svg")]
more = ["plot curves %s %s methods=all" % (path("all.png"), small),
        "plot curves %s %s methods=all error=plain" % (path("plain.png"), small),
        "plot filters %s %s layer=conv3_1" % (path("other.png"), small),
        "lock conv1_1 3 keep", "plot filters %s %s" % (path("locked.png"), small),
        "ratio all 0.9", "plot filters %s %s" % (path("fewer.png"), small),
        "plot filters %s" % path("usual.png"), "plot steps %s title=none %s" % (path("untitled.png"), small),
        "plot ratios %s %s height=50 title=\"Für Käse & <Brot>\"" % (path("named.png"), small),
        "plot ratios %s title=\"Für Käse & <Brot>\"" % path("named.svg"),
        "plot steps %s title=\"Für Käse\"" % path("named.pdf")]
trained = ["prune all", "finetune epochs=2 limit=200 test-limit=200", "plot curves %s %s what=training" % (path("training.png"), small),
           "plot compare %s %s" % (path("compared.png"), small), "journal"]
results = commands(*prepared, *drawn, *vectors, *more, *trained, options=["--session", session])
by_file = {os.path.basename(r["file"]): r for r in results if r["command"].startswith("plot")}

check("plot says what it drew", all(
    by_file[view + ".png"]["view"] == view and by_file[view + ".png"]["format"] == "png" for view in VIEWS), by_file)
check("a layer's figure says of which layer, and by which method", by_file["filters.png"]["layer"] == "conv1_1"
      and by_file["other.png"]["layer"] == "conv3_1" and by_file["other.png"]["method"] == "thinet"
      and "layer" not in by_file["ratios.png"] and "layer" not in by_file["training.png"], by_file["other.png"])

pictures = {}
for name, result in by_file.items():
    if not name.endswith(".png"):
        continue
    pixels, texts, density = read_png(name)
    pictures[name] = pixels
    rows, columns = pixels.shape[:2]
    check("%s has the size it says, and that which was asked for" % name, (rows, columns) == (result["rows"], result["columns"])
          and (columns == round(100 / 25.4 * 100) if name != "usual.png" else columns == round(160 / 25.4 * 200)), pixels.shape)
    dpi = 200 if name == "usual.png" else 100
    check("%s holds its resolution" % name, density == (round(dpi / 0.0254), round(dpi / 0.0254), 1), density)
    inked = (pixels.min(axis=2) < 128).mean()
    check("%s is not blank, nor full" % name, 0.005 < inked < 0.6 and (pixels[:2] == 255).all() and (pixels[:, -1] == 255).all(), inked)
    entry = re.match(r"plot .* \(entry (\d+)\)$", texts.get("Comment", ""))
    check("%s names program, session, network, command and date" % name,
          texts.get("Software", "").startswith("thinet-tui ") and "fashion-vgg.onnx" in texts.get("Source", "")
          and "drawn.thinet" in texts.get("Source", "") and entry
          and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$", texts.get("Creation Time", "")), texts)
    journal = {e["id"]: e for e in results[-1]["entries"]}
    number = int(entry[1]) if entry else 0
    check("%s names its entry in the journal" % name, number in journal and texts["Comment"].startswith(journal[number]["command"]),
          texts.get("Comment"))

check("the title is in the file, and that which was asked for", read_png("filters.png")[1]["Title"] == "conv1_1: 16 of 32 filters kept"
      and read_png("named.png")[1]["Title"] == "Für Käse & <Brot>", read_png("named.png")[1])
for one, other in (("filters.png", "other.png"), ("filters.png", "locked.png"), ("locked.png", "fewer.png"), ("curves.png", "all.png"),
                   ("all.png", "plain.png"), ("steps.png", "untitled.png"), ("compare.png", "compared.png"), ("curves.png", "training.png")):
    a, b = pictures[one], pictures[other]
    check("%s and %s differ" % (one, other), a.shape != b.shape or (a != b).any(axis=2).sum() > 50)
check("with fewer filters kept there is less of their colour, and more of the others'",
      amount(pictures["fewer.png"], BLUE) < 0.8 * amount(pictures["filters.png"], BLUE)
      and amount(pictures["filters.png"], BLUE) > 1000, (amount(pictures["fewer.png"], BLUE), amount(pictures["filters.png"], BLUE)))
check("curves are in two colours", min(amount(pictures["curves.png"], c) for c in (BLUE, ORANGE)) > 50)

again = path("again.thinet")
state = ["open " + EXAMPLE, "plot ratios %s %s" % (path("one.png"), small), "plot ratios %s %s" % (path("two.png"), small)]
commands(*state, options=["--session", again])
check("the same state gives the same picture", (read_png("one.png")[0] == read_png("two.png")[0]).all())

for view in VIEWS:
    with open(path(view + ".pdf"), "rb") as file:
        data = file.read()
    box = re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+) ([0-9.]+)", data)
    check("%s.pdf is a PDF of 160 mm that says what made it" % view, data.startswith(b"%PDF-1.") and data.rstrip().endswith(b"%%EOF")
          and box and abs(float(box[1]) - 160 / 25.4 * 72) < 1 and b"/Creator (thinet-tui " in data and b"/Title" in data, data[:40])
    root = xml.etree.ElementTree.parse(path(view + ".svg")).getroot()
    space = "{http://www.w3.org/2000/svg}"
    told = root.find(space + "desc").text
    check("%s.svg is an SVG of 160 mm that says what made it" % view, root.tag == space + "svg"
          and abs(float(root.get("width").replace("pt", "")) - 160 / 25.4 * 72) < 0.01 and told.startswith("plot %s " % view)
          and "fashion-vgg.onnx" in told and "thinet-tui " in told and len(list(root.iter())) > 20, told)
title = xml.etree.ElementTree.parse(path("named.svg")).getroot().find("{http://www.w3.org/2000/svg}title").text
check("an SVG's title may hold any characters", title == "Für Käse & <Brot>", title)

opened = "open " + EXAMPLE
fails("a view that is none is refused with those there are", "is not one of filters|steps|curves|ratios|compare|time", opened, "plot filter x.png")
fails("another kind of file is refused", "must end in .png, .pdf or .svg", opened, "plot ratios " + path("x.jpg"))
fails("without a network it says what comes first", "no network is open yet", "plot ratios " + path("x.png"))
fails("filters want samples or another method", "sample conv1_1 first", opened, "plot filters " + path("x.png"))
fails("steps want samples", "sample conv1_1 first", opened, "method all l1", "plot steps " + path("x.png"))
fails("curves want samples or training", "sample conv1_1 first", opened, "plot curves " + path("x.png"))
fails("training wants training", "finetune first", opened, "plot curves %s what=training" % path("x.png"))
fails("compare wants an accuracy", "eval first", opened, "plot compare " + path("x.png"))
fails("time wants to be measured", "time first", opened, "plot time " + path("x.png"))
fails("a layer that is none is named", "there is no layer 'conv9'", opened, "plot filters %s layer=conv9" % path("x.png"))
fails("a layer goes with views of a layer", "layer= goes with", opened, "plot ratios %s layer=conv1_1" % path("x.png"))
fails("too many pixels are refused", "pixels are too many", opened, "plot ratios %s width=1000 height=1000 dpi=1200" % path("x.png"))
fails("a size that is none is refused", "width", opened, "plot ratios %s width=0" % path("x.png"))
fails("a folder that is not there is named", "nowhere/x.png", opened, "plot ratios " + path("nowhere/x.png"))
os.mkdir(path("folder.png"))
fails("a folder in the file's place is named", "folder.png", opened, "plot ratios " + path("folder.png"))
check("nothing is left of what was refused", not os.path.exists(path("x.png"))
      and not [name for name in os.listdir(folder) if name.startswith("x.") or "nowhere" in name or name.endswith("~")], os.listdir(folder))
with open(path("kept.png"), "w") as file:
    file.write("mine")
fails("a file is not touched by what fails", "eval first", opened, "plot compare " + path("kept.png"))
with open(path("kept.png")) as file:
    check("it is as it was", file.read() == "mine")
done = run("-c", opened, "-c", "plot ratios " + path("kept.png"))
check("without --json one line says which file was written", done.returncode == 0 and "plot: wrote %s" % path("kept.png") in done.stdout,
      done.stdout + done.stderr)
check("it took the old file's place", read_png("kept.png")[0].size > 0)

# What needs no data.
commands("open zoo:resnet20", "method all l1", "ratio all 0.3", "plot ratios " + path("resnet.png"),
         "plot filters " + path("resnet.svg"))
height = read_png("resnet.png")[0].shape[0]
check("ratios of more layers make a higher picture", height > read_png("kept.png")[0].shape[0] * 1.5, height)
finish()
