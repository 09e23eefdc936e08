"""What lies beneath every row: bare produce and consume by librdkafka, COPY and array statements, pgbench."""
import os

import clusters
import row_projection
from participant import Participant

NAME = "limits"
ABOUT = "bare librdkafka, COPY, array statements, pgbench"


def run(bench):
    database = clusters.Database("peers_limits")
    database.run(row_projection.TABLES["insert"])
    small = clusters.Database("peers_pgbench")
    small.run_program("pgbench", "-i", "-q", "-s", "1")
    events, topic = bench.amount(1_000_000), f"bench.limits.{os.getpid()}"
    with Participant("topic", [bench.beside, "topic", topic, "1", str(events)], bench.folder):
        pass
    with bench.participants() as started:
        limits = started(Participant("limits", [bench.beside, "limits"], bench.folder, {"DATABASE_URL": database.url}))
        for _ in range(bench.runs):
            for row, participant, figure, unit, guarantee, words in (
                    ("limit_produce", "librdkafka", "per_second", "records/s", "300 bytes, acks=all, page cache", ("produce", events, 10_000)),
                    ("limit_produce_fsync", "librdkafka, 1 outstanding", "per_second", "records/s", "flush.messages=1", ("produce_synced", bench.amount(3_000), 1)),
                    ("limit_produce_fsync", "librdkafka, 128 outstanding", "per_second", "records/s", "flush.messages=1, one request in flight",
                     ("produce_synced", bench.amount(100_000), 128)),
                    ("limit_consume", "librdkafka", "per_second", "records/s", "300 bytes, our reader", ("consume", topic, events))):
                answer = bench.guarded(row, participant, lambda: limits.ask(*words))
                if answer:
                    bench.figures.add(row, participant, unit, answer[figure], guarantee)
            answer = bench.guarded("limit_table", "COPY and arrays", lambda: limits.ask("tables", events))
            if answer:
                bench.figures.add("limit_table", "array statements of 5,000", "rows/s", answer["unnest_per_second"], "synchronous_commit=off")
                bench.figures.add("limit_table", "COPY from a file", "rows/s", answer["copy_per_second"], "one statement")
            for row, participant, script, clients, guarantee in (("limit_select", "pgbench -S", "-S", 32, "32 clients"),
                                                                 ("limit_commit", "pgbench -N, 1 client", "-N", 1, "each commit synced"),
                                                                 ("limit_commit", "pgbench -N, 32 clients", "-N", 32, "each commit synced")):
                answer = bench.guarded(row, participant, lambda: small.pgbench(bench.folder, script, clients, seconds=3))
                if answer:
                    bench.figures.add(row, participant, "transactions/s", answer["per_second"], guarantee)
