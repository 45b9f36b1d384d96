"""The man page says what the program does: the same commands, options and keys, in clean mdoc."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess

from thinet import TREE, bindings, check, commands, finish, run, scratch, skip

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

# The session file: tables and columns of thinet-session(5) are those of a file that the program has made.
FILE_PAGE = os.path.join(TREE, "man", "thinet-session.5")
with open(FILE_PAGE) as file:
    tables = dict(re.findall(r"^\.Ss (\w+)\n(.*?)(?=^\.S[hs] |\Z)", re.search(r"^\.Sh TABLES\n(.*?)(?=^\.Sh )", file.read(), re.M | re.S)[1],
                             re.M | re.S))
session = os.path.join(scratch(), "s.thinet")
commands("open zoo:fashion-vgg", "note one", "goto 1", "delete 2", options=("--session", session))
database = sqlite3.connect(session)
schema = database.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
in_file = {name for kind, name in schema if kind == "table"}
check("the page has the tables of a session file, and no other", set(tables) == in_file,
      "only in the page: %s\nonly in the file: %s" % (sorted(set(tables) - in_file), sorted(in_file - set(tables))))
for table in sorted(in_file):
    columns = [row[1] for row in database.execute("PRAGMA table_info(%s)" % table)]
    on_page = [word for line in re.findall(r"^\.It Va (.*)$", tables.get(table, ""), re.M) for word in line.split(" , ")]
    check("the page has the columns of %s, in their order" % table, on_page == columns, "the page: %s\nthe file: %s" % (on_page, columns))
for kind, name in schema:
    check("the page names the %s %s" % (kind, name), kind == "table" or any(name in text for text in tables.values()))
keys = {key.split(":")[0] for key, in database.execute("SELECT key FROM meta")}
on_page = {key.rstrip(":") for key in re.findall(r"^\.It Cm (\S+)", tables["meta"], re.M)}
check("the page has the keys of meta", keys and keys <= on_page, "the page: %s\nthe file: %s" % (on_page, keys))
with open(FILE_PAGE) as file:
    text = file.read()
application, version = (database.execute("PRAGMA " + name).fetchone()[0] for name in ("application_id", "user_version"))
check("and the file's numbers", str(application) in text and "0x%x" % application in text and "the format: %d." % version in text)
settings = json.loads(database.execute("SELECT settings FROM state").fetchone()[0])
named = set(re.findall(r"\b([a-z_]+)\b", tables["state"]))
check("the page names what is in a state's settings", set(settings) | set(settings["layers"][0]) <= named, settings)


def blake(*pieces):
    return hashlib.blake2b(b"".join(pieces), digest_size=32).digest()


wrong = [digest.hex() for digest, dtype, dims, data in database.execute("SELECT * FROM tensor")
         if digest != blake(struct.pack("<10q", dtype, len(dims.split(",")) if dims else 0,
                                        *([int(dim) for dim in dims.split(",") if dim] + [0] * 8)[:8]), data)]
check("a tensor's digest is made as the page says", not wrong, wrong)
check("and a network's", all(digest == blake(data) for digest, data in database.execute("SELECT * FROM graph")))
database.close()
if shutil.which("file"):
    said = subprocess.run(["file", session], stdout=subprocess.PIPE, text=True).stdout
    check("file says of a session what the page says it does", "SQLite 3.x database, application id 1416516468, user version 1," in said, said)
else:
    skip("file says of a session what the page says it does", "no file")

for page, title in (PAGE, "THINET-TUI"), (FILE_PAGE, "THINET-SESSION"):
    name = os.path.basename(page)
    if shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check("mandoc has nothing to say about " + name, done.returncode == 0, done.stdout)
    else:
        skip("mandoc has nothing to say about " + name, "no mandoc")
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-l", page], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80", MANPAGER="cat", PAGER="cat"))
        check("man formats %s without a warning" % name, done.returncode == 0 and not done.stderr and title in done.stdout.upper(),
              done.stderr)
    else:
        skip("man formats %s without a warning" % name, "no man")
finish()
