"""The throw-away Kafka and Postgres of ./dev bench (DOSSIER_TEST_*): how Java names the broker, one database a participant,
a psql that stays open, and pgbench."""
import glob
import os
import re
import subprocess
from urllib.parse import urlparse


def kafka_settings():
    with open(os.environ["DOSSIER_TEST_KAFKA_PROPERTIES"], encoding="utf-8") as file:
        given = dict(line.strip().split("=", 1) for line in file if "=" in line)
    settings = {"bootstrap.servers": given["bootstrap.servers"]}
    if "sasl.username" in given:
        settings |= {"security.protocol": given["security.protocol"], "sasl.mechanism": given["sasl.mechanism"],
                     "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
                                         f'username="{given["sasl.username"]}" password="{given["sasl.password"]}";'}
    return settings


def write_settings(path, settings):
    with open(path, "w", encoding="utf-8") as file:
        os.chmod(path, 0o600)
        file.writelines(f"{name}={value}\n" for name, value in settings.items())


def postgres_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    return found[-1] if found else name


class Database:
    """Made empty; dropped with the cluster."""

    def __init__(self, name):
        server = os.environ["DOSSIER_TEST_DATABASE_URL"]
        subprocess.run([postgres_program("psql"), "-X", "-q", server, "-c", f"DROP DATABASE IF EXISTS {name}", "-c", f"CREATE DATABASE {name}"], check=True,
                       env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})
        self.name = name
        self.url = server[:server.rindex("/")] + "/" + name
        self.parts = urlparse(self.url)

    def jdbc(self, **options):
        asked = "&".join(f"{name}={value}" for name, value in options.items())
        return f"jdbc:postgresql://{self.parts.hostname}:{self.parts.port}/{self.name}?{asked}"

    def environment(self):
        return {"PGHOST": self.parts.hostname, "PGPORT": str(self.parts.port), "PGUSER": self.parts.username, "PGPASSWORD": self.parts.password,
                "PGDATABASE": self.name, "DATABASE_NAME": self.name}

    def run(self, sql):
        subprocess.run([postgres_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", self.url], input=sql, text=True, check=True, stdout=subprocess.DEVNULL)

    def run_program(self, name, *arguments):
        subprocess.run([postgres_program(name), *arguments], env={**os.environ, **self.environment()}, check=True, capture_output=True)

    def pgbench(self, folder, script, clients, transactions=None, seconds=None, options="", variables=None):
        """Transactions a second, and the latencies in milliseconds; a script of pgbench's own by its option, or SQL in a file."""
        log = os.path.join(folder, "latencies")
        command = [postgres_program("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "--log", f"--log-prefix={log}"]
        command += ["-t", str(max(1, transactions // clients))] if transactions else ["-T", str(seconds)]
        for name, value in (variables or {}).items():
            command += ["-D", f"{name}={value}"]
        if script.startswith("-"):
            command.append(script)
        else:
            command += ["-f", os.path.join(folder, "pgbench.sql")]
            with open(os.path.join(folder, "pgbench.sql"), "w", encoding="utf-8") as file:
                file.write(script)
        done = subprocess.run(command, env={**os.environ, **self.environment(), "PGOPTIONS": options}, capture_output=True, text=True, check=False)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
        latencies = []
        for path in glob.glob(log + ".*"):
            with open(path, encoding="utf-8") as file:
                latencies += [int(line.split()[2]) / 1000 for line in file]
            os.remove(path)
        if done.returncode != 0 or not found:
            raise RuntimeError("pgbench failed: " + done.stderr[-300:])
        latencies.sort()
        return {"per_second": float(found[1]), "p50_ms": latencies[len(latencies) // 2], "p99_ms": latencies[len(latencies) * 99 // 100]}


class Session:
    """A psql that stays open, so that looking at a table's progress costs no connection."""

    def __init__(self, database):
        self.process = subprocess.Popen([postgres_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", database.url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, sql):
        self.process.stdin.write(sql + ";\n\\echo .\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != ".\n":
            if not line:
                raise RuntimeError("psql ended at: " + sql)
            lines.append(line.rstrip("\n"))
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
