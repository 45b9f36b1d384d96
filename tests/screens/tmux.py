"""The real program in a real terminal: a tmux server of the test's own, keys in, screens out.

Nothing here sleeps for a guessed time: everything waits until a condition on the screen holds, or fails
with the screen it saw last.
"""

import atexit
import fcntl
import os
import shlex
import shutil
import subprocess
import struct
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipeline"))
import thinet  # noqa: E402  (running the program, and saying what was tested)

PATIENCE = 60 if thinet.QUICK else 30  # seconds: sanitizers are slow, and so are machines that do other things
# Columns and rows of what is tried in a small terminal and in a larger one; with sanitizers in the larger, which shows all.
SIZES = ((120, 40),) if thinet.QUICK else ((80, 24), (120, 40))
_count = 0


class Impatient(Exception):
    """What was waited for did not come."""


def need():
    if shutil.which("tmux") is None:
        thinet.skip_all("tmux is not there (Debian: tmux)")


def wait(condition, what, patience=PATIENCE):
    """Ask again and again until `condition` gives something true, and return that."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Impatient("waited %d s for %s" % (patience, what))
        time.sleep(0.02)


class Screen:
    """thinet-tui with these arguments, in a terminal of columns x rows."""

    def __init__(self, *arguments, columns=80, rows=24, term="tmux-256color", shell=False, **env):
        global _count
        _count += 1
        self.folder = tempfile.mkdtemp(prefix="thinet-screen-")
        self.socket = "thinet-test-%d-%d" % (os.getpid(), _count)
        self.environment = thinet.environment(XDG_STATE_HOME=self.folder, XDG_CONFIG_HOME=self.folder,
                                              INPUTRC="/dev/null", PS1="$ ", **env)
        for name in ("NO_COLOR", "COLORFGBG", "TMUX"):
            if name not in env:
                self.environment.pop(name, None)
        atexit.register(self.close)
        program = " ".join(shlex.quote(word) for word in (thinet.PROGRAM,) + arguments)
        script = os.path.join(self.folder, "script")
        with open(script, "w") as file:
            # Released only when its output is being recorded; what it leaves behind can be looked at.
            file.write("tmux -L %s wait-for go\n" % self.socket)
            file.write("TERM=%s; export TERM\n" % term)  # tmux has put its own there
            file.write("echo before the program; stty -g >before\n")
            if shell:
                file.write("exec bash --norc --noprofile -i\n")
            else:
                file.write("sh -c 'echo $$ >pid; exec \"$@\"' sh %s\n" % program)
                file.write("echo $? >status.new; stty -g >after; mv status.new status\n")
                # Killed, it leaves the cursor anywhere, and the terminal raw.
                file.write("printf '\\r\\nafter the program\\r\\n'; exec cat\n")
        self.program = program
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  "-c", self.folder, "sh", script)
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("pipe-pane", "-o", "cat >" + shlex.quote(self.path("output")))
        self.terminal = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        self.tmux("wait-for", "-S", "go")

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-L", self.socket, *words], env=self.environment, text=True, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder)
        if done.returncode:
            raise RuntimeError("tmux %s: %s" % (words, done.stdout))
        return done.stdout

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], env=self.environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def lines(self):
        return self.tmux("capture-pane", "-p").split("\n")

    def text(self):
        return "\n".join(self.lines())

    def keys(self, *keys):
        """Keys by tmux's names: "S", "Escape", "C-r"."""
        self.send(*[key + ("\\;" if key == ";" else "") for key in keys])

    def type(self, text):
        self.send("-l", text)

    def send(self, *words):
        self.tmux("send-keys", *words)
        self.tmux("display-message", "-p", "")  # by when it answers this, tmux has written the keys

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def settled(self):
        """Has the program read all keys, and does its screen's thread wait for more? Then it has drawn what they
        did. True as well where there is no program (a shell, or it has ended)."""
        try:
            with open("/proc/%s/stat" % self.read("pid").decode().strip()) as file:
                state = file.read().rpartition(")")[2].split()[0]
            with open(self.terminal, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | os.O_NOCTTY)) as file:
                unread = struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"\0\0\0\0"))[0]
        except OSError:
            return True
        return unread == 0 and state not in "RD"

    def until(self, *texts, gone=(), patience=PATIENCE, passing=False):
        """Wait until all of `texts` and none of `gone` are on the screen that the program draws after all keys so far;
        returns it. Seen twice the same, so that it is not half drawn, or where it changes all the time seen four
        times to hold; `passing` is for what is on the screen for a moment only."""
        last, times = None, 0

        def holds():
            nonlocal last, times
            if not passing and not self.settled():
                return None
            screen = self.text()
            if any(text not in screen for text in texts) or any(text in screen for text in gone):
                last, times = None, 0
                return None
            times += 1
            still, last = screen == last or passing, screen
            return screen if still or times == 4 else None
        try:
            return wait(holds, "%r%s" % (texts, " without %r" % (gone,) if gone else ""), patience)
        except Impatient as error:
            raise Impatient("%s; the screen was:\n%s" % (error, self.text())) from None

    def command(self, line):
        """A command at the prompt; when this returns it waits, runs or is done, and the screen says which."""
        self.keys(":")
        self.until("Enter runs it")
        self.type(line)
        self.keys("Enter")
        self.until(gone=["Enter runs it"])

    def pid(self):
        def find():
            return os.path.exists(self.path("pid")) and self.read("pid").strip()
        return int(wait(find, "the program's id"))

    def ended(self, patience=PATIENCE):
        """Wait for the program to end; its exit status."""
        wait(lambda: os.path.exists(self.path("status")), "the end of the program", patience)
        self.until("after the program")
        return int(self.read("status"))

    def flags(self):
        """What the terminal was left in: alternate screen, hidden cursor, mouse, application keys."""
        state = self.tmux("display-message", "-p",
                          "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag} #{keypad_cursor_flag}")
        return state.split()

    def restored(self):
        """Is the terminal as it was? Returns "" or what differs."""
        if self.read("before") != self.read("after"):
            return "stty -g: %r, before %r" % (self.read("after"), self.read("before"))
        if self.flags() != ["0", "1", "0", "0", "0"]:
            return "alternate screen, cursor, mouse, keypad: %s" % self.flags()
        if thinet.QUICK:
            return ""  # a sanitizer's report of a crash scrolls the old screen away
        return "" if "before the program" in self.text() else "the old screen is gone:\n" + self.text()


def test(name, body):
    """Run body(); a condition that does not come or an assert that does not hold fails the test."""
    try:
        body()
    except (AssertionError, Impatient) as error:
        thinet.check(name, False, error or "assertion failed")
        if not str(error):
            import traceback
            traceback.print_exc(file=sys.stdout)
    else:
        thinet.check(name, True)


def example():
    """The network the tests look at: the trained one, or where that is not there one with fresh weights."""
    if os.path.exists(thinet.EXAMPLE):
        return thinet.EXAMPLE
    made = os.path.join(thinet.scratch(), "fashion-vgg.onnx")
    done = thinet.run("-c", "open zoo:fashion-vgg seed=1", "-c", "export %s" % made)
    if done.returncode:
        raise SystemExit("the example could not be made: " + done.stderr)
    return made


def have_images():
    return thinet.run("-c", "data fashion-mnist").returncode == 0
