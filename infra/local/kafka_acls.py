#!/usr/bin/env python3
"""The ACLs of one installation of Dossier on a Kafka cluster with SASL/PLAIN, made by the Kafka protocol itself.

Only the account "server" writes events and checkpoints. The account "worker" reads the offers and orders of the pools,
is a member of their consumer groups, and writes reports and activity. Transactional ids are denied to everyone: a
transaction's markers would leave gaps in the offsets, and a gap means corruption. A start of Kafka's own AclCommand
takes 2 s a line; this takes 50 ms for all.

    kafka_acls.py --properties admin.properties --prefix dossier
    kafka_acls.py --properties admin.properties --ping          exit 0 once the broker answers
    kafka_acls.py --properties admin.properties --any-prefix    throw-away clusters of tests: server may use any topic
"""
import argparse
import socket
import struct
import sys

SASL_HANDSHAKE, CREATE_ACLS, SASL_AUTHENTICATE = 17, 30, 36
TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID = 2, 3, 4, 5
LITERAL, PREFIXED = 3, 4
ALL, READ, WRITE, DESCRIBE = 2, 3, 4, 8
DENY, ALLOW = 2, 3
TIMEOUT_S = 10


def text(value):
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


class Connection:
    """One authenticated connection to the first bootstrap server; requests one after the other."""

    def __init__(self, settings):
        host, port = settings["bootstrap.servers"].split(",")[0].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        self.request(SASL_HANDSHAKE, 1, text("PLAIN"))
        token = f"\0{settings['sasl.username']}\0{settings['sasl.password']}".encode()
        answer = self.request(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        (code,) = struct.unpack_from(">h", answer)
        if code != 0:
            raise OSError(f"the broker refused the account {settings['sasl.username']} (error {code})")

    def request(self, key, version, body):
        header = struct.pack(">hhi", key, version, 1) + text("dossier-acls")
        self.socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (size,) = struct.unpack(">i", self.read(4))
        return self.read(size)[4:]  # without the correlation id

    def read(self, size):
        data = b""
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            if not chunk:
                raise OSError("the broker closed the connection")
            data += chunk
        return data


def rules_of(prefix):
    yield TOPIC, f"{prefix}.", PREFIXED, "User:server", ALL, ALLOW
    yield GROUP, f"{prefix}.", PREFIXED, "User:server", ALL, ALLOW
    yield CLUSTER, "kafka-cluster", LITERAL, "User:server", DESCRIBE, ALLOW
    for topic in ("tasks.", "control."):
        yield TOPIC, f"{prefix}.{topic}", PREFIXED, "User:worker", READ, ALLOW
    for topic in ("reports", "activity"):
        yield TOPIC, f"{prefix}.{topic}", LITERAL, "User:worker", WRITE, ALLOW
    yield GROUP, f"{prefix}.workers.", PREFIXED, "User:worker", READ, ALLOW
    yield TRANSACTIONAL_ID, "*", LITERAL, "User:*", ALL, DENY


def rules_of_any_prefix():
    yield TOPIC, "*", LITERAL, "User:server", ALL, ALLOW
    yield GROUP, "*", LITERAL, "User:server", ALL, ALLOW


def create(connection, rules):
    body = struct.pack(">i", len(rules))
    for kind, name, pattern, principal, operation, permission in rules:
        body += struct.pack(">b", kind) + text(name) + struct.pack(">b", pattern) + text(principal) + text("*")
        body += struct.pack(">bb", operation, permission)
    answer = connection.request(CREATE_ACLS, 1, body)
    (count,) = struct.unpack_from(">i", answer, 4)
    offset = 8
    for rule in rules[:count]:
        code, length = struct.unpack_from(">hh", answer, offset)
        message = answer[offset + 4 : offset + 4 + max(length, 0)].decode()
        offset += 4 + max(length, 0)
        if code != 0:
            raise OSError(f"the broker refused the rule {rule}: error {code} {message}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--properties", required=True, help="librdkafka settings of an account that may alter ACLs")
    parser.add_argument("--prefix", action="append", default=[], help="topic prefix of an installation")
    parser.add_argument("--any-prefix", action="store_true")
    parser.add_argument("--ping", action="store_true", help="only sign in")
    arguments = parser.parse_args()
    with open(arguments.properties, encoding="utf-8") as file:
        lines = (line.strip() for line in file)
        settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    rules = [rule for prefix in arguments.prefix for rule in rules_of(prefix)]
    if arguments.any_prefix:
        rules += rules_of_any_prefix()
    try:
        connection = Connection(settings)
        if rules:
            create(connection, rules)
    except OSError as error:
        print(f"kafka_acls.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
