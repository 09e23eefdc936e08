"""A topic of events of 300 bytes into one Postgres table: our parts, Kafka Connect, Kafka Streams, on the same topic; and the
whole projector on a backlog of mixed events. Every transaction of every one commits without waiting for its sync: what a crash
forgets is read again from the log."""
import os
import time

import clusters
import install
from participant import Failed, Participant, Program

NAME = "projection"
ABOUT = "1 M events of 300 bytes from Kafka into one table, and the whole projector"
ENTITIES = 100_000
WAIT_S = 300
EXACTLY = "exactly once: the position moves in the rows' transaction"
REPEATS = "at least once: offsets are committed to Kafka after the rows"

COLUMNS = "id bigint {}, entity bigint {}, workspace text, stream text, version bigint, kind text, at_us bigint, body text"
TABLES = {"insert": "CREATE TABLE events_insert (" + COLUMNS.format("PRIMARY KEY", "") + ")",
          "upsert": "CREATE TABLE events_upsert (" + COLUMNS.format("", "PRIMARY KEY") + ") WITH (fillfactor = 80)"}
FIELDS = [("id", "int64"), ("entity", "int64"), ("workspace", "string"), ("stream", "string"), ("version", "int64"), ("kind", "string"),
          ("at_us", "int64"), ("body", "string")]


def entity_of(event):  # as bench/beside/event_topic.cpp
    return (event * 2_654_435_761 >> 7) % ENTITIES


class Projection:
    def __init__(self, bench):
        self.bench, self.events = bench, bench.amount(1_000_000)
        self.database = clusters.Database("peers_projection")
        self.topic = f"bench.peers.{os.getpid()}"
        self.session = clusters.Session(self.database)
        self.runs = 0

    def applied(self, mode, event):
        key = f"id = {event}" if mode == "insert" else f"entity = {entity_of(event)} AND id >= {event}"
        return bool(self.session.ask(f"SELECT 1 FROM events_{mode} WHERE {key}"))

    def wait(self, mode, event, program):
        deadline = time.monotonic() + WAIT_S
        while not self.applied(mode, event):
            program.check()
            if time.monotonic() > deadline:
                raise Failed(f"{program.name} did not write event {event} within {WAIT_S} s: {program.last_words()}")
            time.sleep(0.005)
        return time.monotonic()

    def measure(self, participant, mode, guarantee, start):
        """From the moment when a twentieth is in the table (programs start, compile and connect before) to the last event."""
        row = f"projection_{mode}"
        self.runs += 1
        self.session.ask(f"SET client_min_messages = warning; DROP TABLE IF EXISTS events_{mode}, sink_position; {TABLES[mode]}; CREATE TABLE sink_position AS SELECT 0::bigint AS next_offset;"
                         " CHECKPOINT")
        first = max(1, self.events // 20)
        try:
            with start(mode) as program:
                began = self.wait(mode, first, program)
                ended = self.wait(mode, self.events, program)
            rows = int(self.session.ask(f"SELECT count(*) FROM events_{mode}")[0])
            wanted = self.events if mode == "insert" else len({entity_of(event) for event in range(1, self.events + 1)})
            if rows != wanted:
                raise Failed(f"the table has {rows} rows in place of {wanted}")
            self.bench.figures.add(row, participant, "events/s", (self.events - first) / (ended - began), guarantee)
        except Failed as problem:
            self.bench.figures.fail(row, participant, str(problem))

    def ours(self, mode):
        return Program("ours sink", [self.bench.beside, "sink", self.topic, mode, str(self.events)], self.bench.folder, {"DATABASE_URL": self.database.url})

    def connect(self, place):
        def start(mode):
            kafka = clusters.kafka_settings()
            worker = {**kafka, **{f"consumer.{name}": value for name, value in kafka.items()}, "listeners": f"http://127.0.0.1:{self.bench.free_port()}",
                      "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
                      "offset.storage.file.filename": os.path.join(self.bench.folder, "connect.offsets"), "plugin.path": os.path.join(place, "plugins"),
                      "consumer.max.poll.records": 5000, "consumer.fetch.max.bytes": 67108864, "consumer.max.partition.fetch.bytes": 16777216}
            fields = ",".join(f'{{"field":"{name}","type":"{kind}","optional":{str(name not in ("id", "entity")).lower()}}}' for name, kind in FIELDS)
            sink = {"name": f"bench-{os.getpid()}-{self.runs}", "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": 1,
                    "topics": self.topic, "connection.username": self.database.parts.username, "connection.password": self.database.parts.password,
                    "connection.url": self.database.jdbc(reWriteBatchedInserts="true", options="-c%20synchronous_commit=off"), "insert.mode": mode,
                    "primary.key.mode": "record_value", "primary.key.fields": "id" if mode == "insert" else "entity", "schema.evolution": "none",
                    "collection.name.format": f"events_{mode}", "batch.size": 5000, "use.reduction.buffer": str(mode == "upsert").lower(),
                    "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "true",
                    "value.converter.schema.content": f'{{"type":"struct","name":"event","optional":false,"fields":[{fields}]}}'}
            files = [os.path.join(self.bench.folder, name) for name in ("connect-worker.properties", "connect-sink.properties")]
            clusters.write_settings(files[0], worker)
            clusters.write_settings(files[1], sink)
            return Program("Kafka Connect", ["java", "-Xms512m", "-Xmx1g", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
                                             os.path.join(place, "libs", "*"), "org.apache.kafka.connect.cli.ConnectStandalone", *files], self.bench.folder)
        return start

    def streams(self, place):
        def start(mode):
            settings = {**clusters.kafka_settings(), "application.id": f"bench-streams-{os.getpid()}-{self.runs}", "num.stream.threads": 1,
                        "state.dir": os.path.join(self.bench.folder, "streams"), "auto.offset.reset": "earliest", "max.poll.records": 5000,
                        "max.partition.fetch.bytes": 16777216, "replication.factor": 1}
            file = os.path.join(self.bench.folder, "streams.properties")
            clusters.write_settings(file, settings)
            url = self.database.jdbc(user=self.database.parts.username, password=self.database.parts.password, reWriteBatchedInserts="true",
                                     options="-c%20synchronous_commit=off")
            return Program("Kafka Streams", ["java", "-Xms512m", "-Xmx1g", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
                                             os.path.join(place, "classes") + ":" + os.path.join(place, "libs", "*"), "TableSink", file, self.topic, mode],
                           self.bench.folder, {"JDBC_URL": url})
        return start


def run(bench):
    row = Projection(bench)
    with Participant("topic", [bench.beside, "topic", row.topic, "1", str(row.events)], bench.folder):
        pass
    starts = [("ours", EXACTLY, row.ours)]
    for name, prepare, start in (("Kafka Connect", install.connect, row.connect), ("Kafka Streams", install.streams, row.streams)):
        place = bench.installed(NAME, name, prepare)
        if place:
            starts.append((name, REPEATS, start(place)))
    for _ in range(bench.runs):
        for mode in ("insert", "upsert"):
            for name, guarantee, start in starts:
                row.measure(name, mode, guarantee, start)
    row.session.close()
