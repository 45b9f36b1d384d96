"""The man page says what the program does: the same commands, options and keys, in clean mdoc."""

import os
import re
import shutil
import subprocess

from thinet import TREE, bindings, check, commands, finish, run, skip

PAGE = os.path.join(TREE, "man", "thinet-tui.1")
with open(PAGE) as file:
    source = file.read()


# Commands are written ".It Ic NAME ...", options of the program ".It Fl ...", both up to the section's end.
sections = dict(re.findall(r'^\.Sh "?([A-Z ]+)"?\n(.*?)(?=^\.Sh |\Z)', source, re.M | re.S))
page_commands = {}
for entry in re.split(r"^\.It Ic ", sections["COMMANDS"], flags=re.M)[1:]:
    page_commands[entry.split()[0]] = entry

helped = run("-c", "help")
check("help lists the commands", helped.returncode == 0 and helped.stderr == "", helped.stderr)
listed = [row["name"] for row in commands("help")[0]["commands"]]
check("the page has every command that help has, in any order, and no other", set(page_commands) == set(listed),
      "only in the page: %s\nonly in help: %s" % (sorted(set(page_commands) - set(listed)), sorted(set(listed) - set(page_commands))))
for name in listed:
    options = {option["key"]: option["choices"] for option in commands("help " + name)[0].get("options", [])}
    entry = page_commands.get(name, "")
    on_page = {}
    for key, kind, value in re.findall(r"\bCm ([a-z0-9-]+) Ns = Ns (Cm|Ar) ([^,.\n]*)", entry):
        on_page[key] = value.replace(" ", "") if kind == "Cm" else ""
    check("the page gives %s the options it has, and their choices" % name, options == on_page,
          "the page: %s\nhelp: %s" % (on_page, options))

labels = set(re.findall(r'\.label = "([^"]+)"', bindings()))
keys = set()
for line in re.findall(r"^\.It Ic (.*)$", sections["KEYS"], re.M):
    keys |= {key.replace("\\&", "") for key in line.split(" , ")}
check("the page has every key of the program, and no other", keys == labels,
      "only in the page: %s\nonly in the program: %s" % (sorted(keys - labels), sorted(labels - keys)))

# What a configuration file can say: settings are written ".It Cm NAME ...", actions ".Ic NAME ," one a line.
actions = re.findall(r'\.name = "([^"]+)"', bindings())
with open(os.path.join(TREE, "ui", "configuration.c")) as file:
    settings = set(re.findall(r'"([a-z]+)"', re.search(r"settings\[\] = \{(.*?)\}", file.read(), re.S)[1]))
on_page = set(re.findall(r"^\.It Cm ([a-z]+)", sections["CONFIGURATION"], re.M))
check("the page has the settings of the configuration file, and no other", on_page == settings,
      "only in the page: %s\nonly in the program: %s" % (sorted(on_page - settings), sorted(settings - on_page)))
on_page = set(re.findall(r"^\.Ic ([a-z-]+) [,.]$", sections["CONFIGURATION"], re.M))
check("the page has the actions that keys can be bound to, and no other", on_page == set(actions),
      "only in the page: %s\nonly in the program: %s" % (sorted(on_page - set(actions)), sorted(set(actions) - on_page)))

usage = run("--help").stdout
long_options = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", usage))
on_page = set(re.findall(r"^\.It Fl -([a-z-]+)", sections["OPTIONS"], re.M))
check("the page has the options of --help, and no other", on_page == long_options,
      "only in the page: %s\nonly in --help: %s" % (sorted(on_page - long_options), sorted(long_options - on_page)))
for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "KEYS", "CONFIGURATION", "FILES", "ENVIRONMENT", "EXIT STATUS",
                "EXAMPLES", "DIAGNOSTICS", "SEE ALSO"):
    check("the page has the section " + section, section in sections)

if shutil.which("mandoc"):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check("mandoc has nothing to say about the page", done.returncode == 0, done.stdout)
else:
    skip("mandoc has nothing to say about the page", "no mandoc")
if shutil.which("man"):
    done = subprocess.run(["man", "--warnings", "-l", PAGE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80", MANPAGER="cat", PAGER="cat"))
    check("man formats the page without a warning", done.returncode == 0 and not done.stderr and "THINET-TUI" in done.stdout.upper(),
          done.stderr)
else:
    skip("man formats the page without a warning", "no man")
finish()
