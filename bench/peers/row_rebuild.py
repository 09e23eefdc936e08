"""Read models made again from 1 M events: ours makes all of them from Kafka, compares them with the live ones and switches; the
peers fill one table. The whole projector's first run over the same log stands beside it."""
import os

import clusters
import install
import row_append
from participant import Participant

NAME = "rebuild"
ABOUT = "read models made again from 1 M events; the whole projector on a backlog"

EVERYTHING = "journal, folded streams, every read model; exactly once"
SWITCHED = "every read model from Kafka, compared with the live ones, switched in one transaction"


def run(bench):
    events = bench.amount(1_000_000)
    message_db_place = bench.installed(NAME, "message-db", lambda: install.npm("message_db"))
    emmett_place = bench.installed(NAME, "Emmett", lambda: install.npm("emmett"))
    with bench.participants() as started:
        backlog = started(Participant("ours backlog", [bench.beside, "backlog"], bench.folder))
        jobs = [("ours", SWITCHED, lambda: backlog.ask("rebuild"))]
        if message_db_place:
            message_db = row_append.MessageDb(bench, message_db_place)
            some = max(1, events // 5)
            message_db.fill(some)
            reader = started(Participant("message-db", ["node", os.path.join(message_db_place, "rebuild.mjs")], bench.folder,
                                         {"DATABASE_URL": message_db.database.url}))
            jobs.append(("message-db", "one table from a fifth of the events, batches of 1,000, Node client; its position is not kept", lambda: reader.ask("rebuild", some)))
        if emmett_place:
            database = clusters.Database("peers_emmett_rebuild")
            emmett = started(Participant("emmett", ["node", os.path.join(emmett_place, "events.mjs")], bench.folder, {"DATABASE_URL": database.url}))
            few = max(1, events // 10)
            emmett.ask("fill", few)
            jobs.append(("Emmett", "one table from a tenth of the events, batches of 1,000, Node client; checkpoint in the transaction", lambda: emmett.ask("rebuild", few)))
        for _ in range(bench.runs):
            if bench.guarded(NAME, "ours", lambda: backlog.ask("write", events)):
                answer = bench.guarded("projection_whole", "ours", lambda: backlog.ask("project"))
                if answer:
                    bench.figures.add("projection_whole", "ours", "events/s", answer["per_second"], EVERYTHING)
            for participant, guarantee, job in jobs:
                answer = bench.guarded(NAME, participant, job)
                if answer:
                    bench.figures.add(NAME, participant, "events/s", answer["per_second"], guarantee)
