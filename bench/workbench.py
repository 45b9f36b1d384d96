"""One running program that is given command after command, and the sections of RESULTS.md.

The program reads its commands from a pipe and answers each with one line of JSON, so a network and its images are
opened once for hundreds of measurements, and `goto` takes it back to where the next one begins.
"""

import datetime
import json
import os
import re
import subprocess

import peer

RESULTS = os.path.join(peer.TREE, "bench", "RESULTS.md")


class Refused(Exception):
    """A command failed; the program has ended, as it does at the first error. Its text is the program's reason."""


class Workbench:
    """The program with a session file, or without: then it starts anew where it has ended."""

    def __init__(self, program, threads, session=None):
        self.command = [program, "--batch", "-", "--json", "--threads", str(threads)]
        if session:
            self.command += ["--session", session]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def ask(self, line):
        if not self.running():
            self.start()
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        result = json.loads(answer) if answer else {"ok": False, "error": self._last_words()}
        if not result["ok"]:
            self.close()
            raise Refused(result["error"])
        return result

    def _last_words(self):
        self.process.stdin = None
        _, errors = self.process.communicate()
        return errors.strip() or "the program ended with status %d" % self.process.returncode

    def close(self):
        """Ends it as at the end of a script: what it was told is done."""
        if self.process is None:
            return
        try:
            if self.process.stdin:
                self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process = None

    def head(self):
        """The journal's entry that stands."""
        return self.ask("journal")["head"]

    def words(self, command):
        """What a command takes, from its own help: option -> list of choices ([] where it is free)."""
        options = self.ask("help " + command)["options"]
        return {o["key"]: (o.get("choices") or "").split("|") if o.get("choices") else [] for o in options}


def version(program):
    done = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split("\n")[0]


def write_section(title, text):
    """Put a section of RESULTS.md in place of the one of that title, or at the end."""
    section = "## %s: %s\n\n%s\n" % (datetime.date.today().isoformat(), title, text.strip())
    with open(RESULTS) as file:
        before = file.read()
    sections = re.split(r"(?m)^(?=## )", before)
    at = [i for i, s in enumerate(sections) if re.match(r"## [\d-]+: %s\n" % re.escape(title), s)]
    if at:
        last = at[-1] == len(sections) - 1
        sections[at[-1]] = section + ("" if last else "\n")
        after = "".join(sections)
    else:
        after = before.rstrip("\n") + "\n\n" + section
    with open(RESULTS, "w") as file:
        file.write(after)
