#!/usr/bin/env python3
"""Ask the sqlite3 program for the expected results of *.cases files beside this script.

A line is `expression => result`, or `aggregate <- row; row => result`; the result is what quote() shows,
or `error: …`. Lines without `=>` get one; lines that begin with `#` or hold `=!>` (Harper differs on
purpose) stay as they are.
"""
import pathlib
import subprocess
import sys


def ask(sql):
    run = subprocess.run(["sqlite3", "-batch", ":memory:", ".nullvalue NULL", sql],
                         capture_output=True, text=True, errors="surrogateescape")
    if run.returncode != 0 or run.stderr:
        text = run.stderr.strip().split("\n")[0]
        for prefix in ("Error: stepping, ", "Error: in prepare, ", "Parse error: ", "Runtime error: "):
            text = text.removeprefix(prefix)
        return "error: " + text
    return run.stdout.rstrip("\n").replace("\n", "\\n")


def query(line):
    if " <- " in line:
        call, rows = line.split(" <- ")
        values = ",".join("(" + row.strip() + ")" for row in rows.split(";"))
        name, _, rest = call.partition("(")
        columns = rest.rstrip(")") or "column1"
        return f"SELECT quote({name}({columns})) FROM (VALUES {values})"
    return f"SELECT quote({line})"


for path in sorted(pathlib.Path(__file__).parent.glob("*.cases")):
    lines = []
    for line in path.read_text(errors="surrogateescape").split("\n"):
        if line.strip() == "" or line.startswith("#") or " =!> " in line:
            lines.append(line)
        elif " => " in line and "--all" not in sys.argv:
            lines.append(line)
        else:
            expression = line.split(" => ")[0]
            lines.append(expression + " => " + ask(query(expression)))
    path.write_text("\n".join(lines), errors="surrogateescape")
