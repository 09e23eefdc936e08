"""GET an issue with 20 comments over 32 connections: our server with its cache and without, Go net/http + pgx, axum +
tokio-postgres; the same tables, pool size and load generator."""
import os
import time
import urllib.request

import install
from participant import Failed, Participant, Program

NAME = "http"
ABOUT = "GET an issue with 20 comments, 32 connections"
CONNECTIONS = 32
READY_S = 20

CACHED = "token, access, ETag; the body from memory once the database says that it is current"
UNCACHED = "token, access, ETag; issue and comments read in one snapshot, one round trip"
PEER = "token; issue and comments in one round trip, no common snapshot, no cache"


def wait_until_ready(port, path, token, program):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer " + token})
    deadline = time.monotonic() + READY_S
    while True:
        program.check()
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.read()
        except OSError as problem:
            if time.monotonic() > deadline:
                raise Failed(f"{program.name} does not answer: {problem}") from None
            time.sleep(0.05)


def run(bench):
    with bench.participants() as started:
        ours = started(Participant("ours reads", [bench.beside, "reads"], bench.folder))
        path = "/v1/issues/" + ours.ready["issue"]
        servers = [("ours", ours.ready["port"], CACHED), ("ours, no cache", ours.ready["port_no_cache"], UNCACHED)]
        peers = (("axum", "axum_http", install.cargo, os.path.join("release", "dossier-bench-axum")), ("Go net/http", "go_http", install.go, "go_http"))
        for name, folder, installer, program in peers:
            place = bench.installed(NAME, name, lambda installer=installer, folder=folder: installer(folder))
            if place:
                port = bench.free_port()
                server = started(Program(name, [os.path.join(place, program)], bench.folder, {"DATABASE_URL": ours.ready["database_url"], "PORT": str(port)}))
                body = bench.guarded(NAME, name, lambda port=port, server=server: wait_until_ready(port, path, ours.ready["token"], server))
                if body and body.count(b'"cmt_') < 20:
                    bench.figures.fail(NAME, name, "its reply lacks comments")
                elif body:
                    servers.append((name, port, PEER))
        for _, port, _ in servers:
            ours.ask(port, CONNECTIONS, bench.amount(5_000))
        for _ in range(bench.runs):
            for name, port, guarantee in servers:
                answer = bench.guarded("http_read", name, lambda: ours.ask(port, CONNECTIONS, bench.amount(60_000)))
                if answer:
                    bench.figures.add("http_read", name, "requests/s", answer["per_second"], guarantee)
                    bench.figures.add("http_read_p99", name, "ms", answer["p99_ms"], guarantee)
