"""The shell on a pseudo-terminal: prompt, Ctrl-C, Ctrl-D, history, completion, box, a sign of life.

Usage: terminal.py HARPER DATABASE   Prints `ok NAME` or `FAILED: NAME` per test, `done` at the end.
"""
import os
import pty
import re
import select
import signal
import sys
import time

HARPER, DATABASE = sys.argv[1:3]
SECONDS = 10


class Terminal:
    def __init__(self, database=DATABASE):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(HARPER, [HARPER, database])
        self.seen = ""
        self.expect("harper> ")

    def send(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def expect(self, text, seconds=SECONDS):
        """Wait until `text` has come since the last send; what came otherwise."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>].?", "", data.decode(errors="replace"))
            self.seen += plain.replace("\r\n", "\n")
        return True

    def cancel(self):
        """Ctrl-C until there is a new prompt: a key that comes while the terminal is not yet set up for editing is a signal,
        which stops nothing at a prompt."""
        for _ in range(4):
            self.send("\x03")
            if self.expect("harper> ", 1):
                return True
        return False

    def is_silent(self, seconds):
        """Does the terminal stay open that long?"""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if select.select([self.fd], [], [], 0.2)[0] and not os.read(self.fd, 65536):
                    return False
            except OSError:
                return False
        return True

    def ended(self):
        """The exit code; the program is killed when it does not end."""
        if self.is_silent(SECONDS):
            os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def leave(self):
        """Ctrl-D until it ends: one that comes before the terminal is set up for editing is lost."""
        for _ in range(4):
            try:
                self.send("\x04")
            except OSError:
                break
            if not self.is_silent(2):
                break
        return self.ended()

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def check(name, ok, seen=""):
    print(f"ok {name}" if ok else f"FAILED: {name}: {seen!r}")


def line_is_given_up():
    """In a terminal of its own, a few times over: when the key comes as a signal, the moment decides what is seen."""
    for _ in range(4):
        t = Terminal(":memory:")
        t.send("SELECT nonsense")
        t.expect("nonsense")
        given_up = t.cancel()
        t.kill()
        if given_up:
            return True
    return False


def main():
    t = Terminal()
    t.send("SELECT 1 AS a, NULL AS b;\n")
    check("a terminal gets a box, NULL is shown", t.expect("│ 1 │ NULL │"), t.seen)
    t.expect("harper> ")
    t.send("SELECT\n")
    check("an open statement asks on", t.expect("   ...> "), t.seen)
    t.send("'x' || 'yz';\n")
    check("and ends with its semicolon", t.expect("│ xyz"), t.seen)
    t.expect("harper> ")
    check("Ctrl-C at the prompt gives up the line", line_is_given_up())
    t.send("SELECT 5 +\n")
    t.expect("   ...> ")
    t.send("\x03")
    check("and the lines before it", t.expect("^C\nharper> "), t.seen)
    t.send("SELECT 5 + 6;\n")
    check("then all is as before", t.expect("11 │"), t.seen)
    t.expect("harper> ")
    t.send("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r;\n")
    check("a long statement says that it lives", t.expect("Ctrl-C stops"), t.seen)
    t.send("\x03")
    check("Ctrl-C stops it", t.expect("interrupted"), t.seen)
    t.expect("harper> ")
    t.send("CREATE TABLE Elephant(trunk);\n")
    t.expect("harper> ")
    t.send("SELECT trunk FROM Elep")
    t.expect("Elep")
    t.send("\t")
    check("Tab completes a table", t.expect("hant"), t.seen)
    t.send(";\n")
    t.expect("harper> ")
    t.send(".imp")
    t.expect(".imp")
    t.send("\t")
    check("Tab completes a command", t.expect("ort"), t.seen)
    t.send("\x03")
    t.expect("harper> ")
    t.send("SELECT 1,\n")
    t.expect("   ...> ")
    t.send("2 AS second;\n")
    t.expect("harper> ")
    t.send("\x10")
    t.expect("second;")
    t.send("\n")
    check("a statement of several lines comes back as one", t.expect("│ 1 │      2 │"), t.seen)
    t.expect("harper> ")
    t.send("SELECT 41 + 1;\nSELECT 42 + 1;\nSELECT\n43 + 1;\n")
    check("pasted statements run one after the other", t.expect(" 44 │"), t.seen)
    t.expect("44 │\n└────────┘\nharper> ")
    check("all of them", " 42 │" in t.seen and " 43 │" in t.seen, t.seen)
    check("Ctrl-D leaves with 0", t.leave() == 0)

    t = Terminal()
    t.send("\x10")
    check("history outlives the session", t.expect("43 + 1;"), t.seen)
    t.kill()

    t = Terminal()
    t.send("SELECT nope;\n")
    check("an error shows its place", t.expect("SELECT nope;\n         ^\n"), t.seen)
    t.expect("harper> ")
    t.send(".quit\n")
    check(".quit leaves with 0", t.ended() == 0)
    print("done")


main()
