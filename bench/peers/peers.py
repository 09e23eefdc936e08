#!/usr/bin/env python3
"""./dev bench --peers [ROW …] [--runs N] [--scale X] [--json FILE] [--list]: other systems beside ours, on the same clusters, in
turn, each row as often as --runs says. Prints medians with ranges, ratios, and what each one guarantees."""
import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import install  # noqa: E402
import row_append  # noqa: E402
import row_http  # noqa: E402
import row_limits  # noqa: E402
import row_projection  # noqa: E402
import row_queue  # noqa: E402
import row_rebuild  # noqa: E402
from figures import Figures  # noqa: E402
from participant import Failed  # noqa: E402

ROWS = (row_limits, row_projection, row_append, row_rebuild, row_queue, row_http)


class Bench:
    """What a row needs: our program, a folder, how much work, and where figures go."""

    def __init__(self, runs, scale, folder):
        self.runs, self.scale, self.folder = runs, scale, folder
        self.beside = os.environ["DOSSIER_BESIDE"]
        self.figures = Figures()

    def amount(self, at_scale_1):
        return max(1, int(at_scale_1 * self.scale))

    def installed(self, row, peer, installer):
        """The peer's folder; None: it can't be had here, and the table says why."""
        try:
            return installer()
        except install.Skipped as reason:
            self.figures.skip(row, peer, str(reason))
            return None

    def guarded(self, row, peer, job):
        """What the job answers; None: it failed, which spoils no other figure."""
        try:
            return job()
        except (Failed, RuntimeError, OSError, subprocess.SubprocessError) as problem:
            self.figures.fail(row, peer, str(problem))
            return None

    @contextlib.contextmanager
    def participants(self):
        """Yields a function that enters a program; all of them are ended behind the block."""
        with contextlib.ExitStack() as stack:
            yield stack.enter_context

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]


def arguments():
    known = {row.NAME: row for row in ROWS}
    parser = argparse.ArgumentParser(prog="./dev bench --peers", description=__doc__.split(": ", 1)[1],
                                     epilog="rows: " + "; ".join(f"{row.NAME}: {row.ABOUT}" for row in ROWS))
    parser.add_argument("rows", nargs="*", metavar="ROW", help="some rows only: " + ", ".join(known))
    parser.add_argument("--runs", type=int, default=3, help="figures a row (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the amount of work (1)")
    parser.add_argument("--json", metavar="FILE", help="writes every figure of every run")
    parser.add_argument("--install", action="store_true", help="installs the peers and measures nothing")
    parser.add_argument("--list", action="store_true", help="names the rows")
    given = parser.parse_args()
    for name in given.rows:
        if name not in known:
            parser.error(f"no row is called {name}; there are {', '.join(known)}")
    if given.runs < 1 or given.scale <= 0:
        parser.error("--runs has to be at least 1 and --scale above 0")
    return given


def install_all(bench):
    for peer, installer in (("Kafka Connect", install.connect), ("Kafka Streams", install.streams), ("message-db", lambda: install.npm("message_db")),
                            ("Emmett", lambda: install.npm("emmett")), ("River", lambda: install.go("river")),
                            ("Graphile Worker", lambda: install.npm("graphile_worker")), ("Go net/http", lambda: install.go("go_http")),
                            ("axum", lambda: install.cargo("axum_http"))):
        bench.installed("install", peer, installer)


def measure(given, bench):
    for row in ROWS:
        if given.rows and row.NAME not in given.rows:
            continue
        print(f"peers {row.NAME}: {row.ABOUT} …", flush=True)
        bench.guarded(row.NAME, "all", lambda row=row: row.run(bench))
    print(bench.figures.table())
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            file.write(bench.figures.to_json() + "\n")


def main():
    given = arguments()
    if given.list:
        print("\n".join(f"{row.NAME:12} {row.ABOUT}" for row in ROWS))
        return 0
    folder = tempfile.mkdtemp(prefix="dossier-peers-")
    os.chmod(folder, 0o711)
    try:
        bench = Bench(given.runs, given.scale, folder)
        install_all(bench) if given.install else measure(given, bench)
        return 1 if bench.figures.failed else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
