"""Tasks that do nothing: how fast a worker drains them, and how soon an idle one has claimed a task: ours, River, Graphile
Worker. Theirs call a function in the worker; ours starts a program in a worktree, and every step is a commit in the log."""
import os

import clusters
import install
from participant import Participant

NAME = "queue"
ABOUT = "drain rate of tasks that do nothing, and enqueue → claimed of an idle worker"

OURS_DRAIN = "a task: 5 synced commits, a git worktree, a process; each asked for over HTTP meanwhile; 8 slots"
OURS_IDLE = "4 trips through Kafka (queued, offered, the offer, the claim), 2 of them synced and projected; queued decided → claim decided"
THEIR_IDLE = "2 synced commits (inserted, claimed) and a notification between them; insert called → work begins"


def run(bench):
    peers = []
    with bench.participants() as started:
        place = bench.installed(NAME, "River", lambda: install.go("river"))
        if place:
            url = clusters.Database("peers_river").url
            peers.append(("River", bench.guarded(NAME, "River", lambda: started(
                Participant("river", [os.path.join(place, "river")], bench.folder, {"DATABASE_URL": url})))))
        place = bench.installed(NAME, "Graphile Worker", lambda: install.npm("graphile_worker"))
        if place:
            url = clusters.Database("peers_graphile").url
            peers.append(("Graphile Worker", bench.guarded(NAME, "Graphile Worker", lambda: started(
                Participant("graphile", ["node", os.path.join(place, "queue.mjs")], bench.folder, {"DATABASE_URL": url})))))
        ours = started(Participant("ours tasks", [bench.beside, "tasks"], bench.folder))
        bench.guarded(NAME, "ours", lambda: ours.ask("idle", 5))
        for _ in range(bench.runs):
            jobs = [("ours", ours, bench.amount(200), bench.amount(100), OURS_DRAIN, OURS_IDLE)]
            jobs += [(name, peer, bench.amount(20_000), bench.amount(300), "claimed in batches, completed in batches; jobs inserted before", THEIR_IDLE)
                     for name, peer in peers if peer]
            for name, participant, drained, idled, drain_guarantee, idle_guarantee in jobs:
                answer = bench.guarded("queue_drain", name, lambda: participant.ask("drain", drained))
                if answer:
                    bench.figures.add("queue_drain", name, "tasks/s", answer["per_second"], drain_guarantee)
                answer = bench.guarded("queue_idle_p50", name, lambda: participant.ask("idle", idled))
                if answer:
                    bench.figures.add("queue_idle_p50", name, "ms", answer["p50_ms"], idle_guarantee)
                    bench.figures.add("queue_idle_p99", name, "ms", answer["p99_ms"], idle_guarantee)
