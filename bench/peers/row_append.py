"""Conditional, synced appends by 1 and 32 writers, the read of a stream of 1,000 events, and a rebuild from 1 M events: ours,
message-db, Emmett."""
import os
import subprocess

import clusters
import install
from participant import Participant

NAME = "append"
ABOUT = "conditional durable appends, the read of a 1,000-event stream, a rebuild of 1 M events"

LEDGER = "synced before the ack; accepted by the ledger, read models not awaited"
MODELS = "synced before the ack; HTTP, token, decision, and all read models awaited"
SYNCED = "one synced commit an event"
ROWS = "C client, rows not decoded"

BODY = '{"issue":"iss_00000000000000000000000000000001","author":"usr_00000000000000000000000000000001","body":"' + "c" * 200 + '"}'
PATH = "-c search_path=message_store,public"
WRITE = ("\\set v :v + 1\nSELECT message_store.write_message(gen_random_uuid()::varchar, concat(CATEGORY::text, '-', :round::text, 'x', :client_id::text), "
         f"'CommentAdded', '{BODY}', NULL, :v);\n")
READ = "SELECT * FROM message_store.get_stream_messages('issue-long', 0, 1000);\n"


class MessageDb:
    """Loaded by pgbench, a C client with prepared statements: the language of a client is not what is compared."""

    def __init__(self, bench, place):
        self.bench, self.rounds = bench, 0
        self.database = clusters.Database("peers_message_db")
        scripts = os.path.join(place, "node_modules", "@eventide", "message-db", "database")
        environment = {**os.environ, **self.database.environment(), "CREATE_DATABASE": "off",
                       "PATH": os.path.dirname(clusters.postgres_program("psql")) + ":" + os.environ["PATH"]}
        subprocess.run(["bash", os.path.join(scripts, "install.sh")], env=environment, check=True, capture_output=True)
        self.database.run(f"SET search_path = message_store, public; SELECT count(write_message(gen_random_uuid()::varchar, 'issue-long', 'CommentAdded', '{BODY}')) "
                          "FROM generate_series(1, 1000); ANALYZE message_store.messages")

    def append(self, writers, events, category="'comment'"):
        self.rounds += 1
        return self.database.pgbench(self.bench.folder, WRITE.replace("CATEGORY", category), writers, transactions=events, options=PATH,
                                     variables={"v": -2, "round": self.rounds})

    def read(self, times):
        return self.database.pgbench(self.bench.folder, READ, 1, transactions=times, options=PATH)

    def fill(self, events):
        self.database.run(f"""
            DELETE FROM message_store.messages WHERE stream_name LIKE 'comment-%';
            INSERT INTO message_store.messages (stream_name, position, type, data)
            SELECT 'comment-' || n / 10, n % 10, 'CommentAdded', '{BODY}' FROM generate_series(0, {events} - 1) AS n;
            ANALYZE message_store.messages""")


class Append:
    def __init__(self, bench):
        self.bench = bench
        self.parts = {}

    def add(self, row, participant, unit, answer, figure, guarantee):
        self.bench.figures.add(row, participant, unit, answer[figure], guarantee)

    def appends(self, ledger, issues, message_db, emmett):
        for writers, events in ((1, self.bench.amount(3_000)), (32, self.bench.amount(20_000))):
            row = f"append_{writers}"
            jobs = [("ours", LEDGER, lambda: ledger.ask("append", writers, events * 2)), ("ours, read models", MODELS, lambda: issues.ask("append", writers, events))]
            if message_db:
                jobs.append(("message-db", SYNCED + "; " + ROWS + "; one category, which it locks", lambda: message_db.append(writers, events)))
                if writers > 1:
                    jobs.append(("message-db, 32 categories", SYNCED + "; C client", lambda: message_db.append(writers, events, ":client_id")))
            if emmett:
                jobs.append(("Emmett", SYNCED + "; Node client", lambda: emmett.ask("append", writers, events // 2)))
            for participant, guarantee, job in jobs:
                answer = self.bench.guarded(row, participant, job)
                if answer:
                    self.add(row, participant, "events/s", answer, "per_second", guarantee)
                    self.add(row + "_p50", participant, "ms", answer, "p50_ms", guarantee)
                    self.add(row + "_p99", participant, "ms", answer, "p99_ms", guarantee)

    def reads(self, issues, message_db, emmett):
        times = self.bench.amount(300)
        jobs = [("ours", "timeline rows by our Postgres client", lambda: issues.ask("read", times)),
                ("ours, 5 pages by HTTP", "token, access, snapshot, JSON, five requests", lambda: issues.ask("pages", max(1, times // 4)))]
        if message_db:
            jobs.append(("message-db", ROWS, lambda: message_db.read(times)))
        if emmett:
            jobs.append(("Emmett", "decoded, Node client", lambda: emmett.ask("read", times)))
        for participant, guarantee, job in jobs:
            answer = self.bench.guarded("read_1000_p50", participant, job)
            if answer:
                self.add("read_1000_p50", participant, "ms", answer, "p50_ms", guarantee)
                self.add("read_1000_p99", participant, "ms", answer, "p99_ms", guarantee)


def run(bench):
    message_db_place = bench.installed(NAME, "message-db", lambda: install.npm("message_db"))
    emmett_place = bench.installed(NAME, "Emmett", lambda: install.npm("emmett"))
    row = Append(bench)
    message_db = MessageDb(bench, message_db_place) if message_db_place else None
    with bench.participants() as started:
        ledger = started(Participant("ours ledger", [bench.beside, "ledger"], bench.folder))
        issues = started(Participant("ours issues", [bench.beside, "issues"], bench.folder))
        emmett = None
        if emmett_place:
            database = clusters.Database("peers_emmett")
            emmett = bench.guarded(NAME, "Emmett", lambda: started(Participant("emmett", ["node", os.path.join(emmett_place, "events.mjs")], bench.folder,
                                                                               {"DATABASE_URL": database.url})))
        warm = bench.amount(500)
        for one in filter(None, (ledger, issues, emmett)):
            bench.guarded(NAME, one.name, lambda one=one: one.ask("append", 8, warm))
        for _ in range(bench.runs):
            row.appends(ledger, issues, message_db, emmett)
            row.reads(issues, message_db, emmett)
