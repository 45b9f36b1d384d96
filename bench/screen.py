#!/usr/bin/python3
"""How long a key takes to be on the screen while training has all processors, how much is written for it, and what an
idle workbench costs. The program runs in a pseudo-terminal; a paint is over when nothing more comes for a moment."""

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time

import peer
from workbench import version, write_section

QUIET = 0.004  # seconds without output end a paint


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=os.path.join(peer.TREE, "build", "thinet-tui"))
    parser.add_argument("--network", default=os.path.join(peer.TREE, "sessions", "fashion-vgg.onnx"))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--size", default="200x60", metavar="COLUMNSxROWS")
    parser.add_argument("--keys", type=int, default=500, help="keys of each kind (500)")
    parser.add_argument("--dry-run", action="store_true", help="print only")
    return parser.parse_args()


class Terminal:
    """The program on a pseudo-terminal of the size."""

    def __init__(self, command, columns, rows):
        self.folder = tempfile.TemporaryDirectory()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ.update(TERM="xterm-256color", XDG_STATE_HOME=self.folder.name, XDG_CONFIG_HOME=self.folder.name)
            os.execvp(command[0], command)

    def read(self, patience):
        """What comes until it is quiet, and when the last of it came; nothing at all within `patience`: b"", None."""
        data, last = b"", None
        while select.select([self.fd], [], [], patience if last is None else QUIET)[0]:
            try:
                data += os.read(self.fd, 1 << 16)
            except OSError:
                sys.exit("the program ended: %r" % data[-500:])
            last = time.monotonic()
        return data, last

    def until(self, text, patience=120):
        end, seen = time.monotonic() + patience, b""
        while text not in seen:
            if time.monotonic() > end:
                sys.exit("waited for %r, saw %r" % (text, seen[-2000:]))
            seen = seen[-4000:] + self.read(0.1)[0]

    def send(self, keys):
        os.write(self.fd, keys)

    def press(self, key):
        """Milliseconds from the key to the end of its paint, and bytes written."""
        self.read(0)  # what the work has to tell just now
        begin = time.monotonic()
        self.send(key)
        data, last = self.read(1)
        if last is None:
            return None, 0
        return 1000 * (last - begin), len(data)

    def used(self):
        """Processor seconds and wake-ups so far, of all threads."""
        with open("/proc/%d/stat" % self.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        wakes = 0
        for task in os.listdir("/proc/%d/task" % self.pid):
            with open("/proc/%d/task/%s/status" % (self.pid, task)) as file:
                wakes += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))
        return seconds, wakes

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        try:
            while os.read(self.fd, 1 << 16):
                pass
        except OSError:
            pass  # its end of the terminal is closed
        os.waitpid(self.pid, 0)
        self.folder.cleanup()


def pressed(terminal, keys, count):
    """Sorted milliseconds and bytes of `count` keys, taken from `keys` in turn."""
    times, sizes = [], []
    for i in range(count):
        took, size = terminal.press(keys[i % len(keys)])
        if took is not None:
            times.append(took)
            sizes.append(size)
        time.sleep(0.01)  # a key held down comes thirty to a hundred times a second
    return sorted(times), sorted(sizes)


def row(name, times, sizes):
    def at(values, share):
        return values[min(len(values) - 1, int(share * len(values)))]
    return "| %s | %d | %.1f | %.1f | %.1f | %d | %d |" % (name, len(times), at(times, 0.5), at(times, 0.99), times[-1],
                                                      at(sizes, 0.5), at(sizes, 0.99))


def measure(args):
    columns, rows = (int(number) for number in args.size.split("x"))
    terminal = Terminal([args.program, args.network, "--data", args.data], columns, rows)
    terminal.until(b"idle")
    terminal.send(b"S")
    terminal.until(b"sampled on")
    terminal.send(b"j")
    lines = [row("idle: step and back (s, b)", *pressed(terminal, [b"s", b"s", b"b", b"b"], args.keys)),
             row("idle: another layer (j, k)", *pressed(terminal, [b"j", b"k"], args.keys))]
    time.sleep(2)
    terminal.read(0.5)
    seconds, wakes = terminal.used()
    time.sleep(10)
    after, wakes_after = terminal.used()
    idle = "Idle for 10 s: %.2f s of processor, %d wake-ups." % (after - seconds, wakes_after - wakes)
    terminal.send(b":finetune epochs=1000\r")
    terminal.until(b"epoch 1/")
    for name, keys in (("training: another layer (j, k)", [b"j", b"k"]), ("training: another view (1, 2, 3)", [b"1", b"2", b"3"]),
                       ("training: ratio (>, <)", [b">", b"<"])):
        lines.append(row(name, *pressed(terminal, keys, args.keys)))
    terminal.close()
    return lines, idle


def main():
    args = arguments()
    lines, idle = measure(args)
    text = "\n".join(["%s, %s; %s on %s, %s." % (version(args.program), args.size, os.path.basename(args.network), args.data,
                                               peer.machine()),
                      "Milliseconds from a key to the end of its paint, and bytes written to the terminal:", "",
                      "| | keys | median | p99 | worst | bytes, median | bytes, p99 |", "| --- | --- | --- | --- | --- | --- | --- |"]
                     + lines + ["", idle])
    print(text)
    if not args.dry_run:
        write_section("the screen (`bench/screen.py`)", text)


if __name__ == "__main__":
    main()
