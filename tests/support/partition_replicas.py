#!/usr/bin/env python3
"""Who leads each partition of a topic, and which replicas are in sync, asked of a cluster without accounts.

    partition_replicas.py HOST:PORT,… TOPIC      prints a line a partition: "<partition> <leader> <in sync, with commas>"
"""
import socket
import struct
import sys

METADATA, VERSION = 3, 1
TIMEOUT_S = 5


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        size = self.take("h")
        self.at += max(size, 0)
        return self.data[self.at - max(size, 0):self.at].decode()

    def numbers(self):
        return [self.take("i") for _ in range(self.take("i"))]


def read(connection, size):
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise OSError("the broker closed the connection")
        data += chunk
    return data


def ask(broker, topic):
    host, port = broker.rsplit(":", 1)
    body = struct.pack(">hhi", METADATA, VERSION, 1) + struct.pack(">h", 5) + b"tests"
    body += struct.pack(">ih", 1, len(topic)) + topic.encode()
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = Answer(read(connection, struct.unpack(">i", read(connection, 4))[0]))
    answer.take("i")  # correlation id
    for _ in range(answer.take("i")):  # brokers
        answer.take("i"), answer.text(), answer.take("i"), answer.text()
    answer.take("i")  # controller
    for _ in range(answer.take("i")):
        answer.take("h"), answer.text(), answer.take("b")
        for _ in range(answer.take("i")):
            answer.take("h")
            partition, leader = answer.take("i"), answer.take("i")
            answer.numbers()
            yield partition, leader, answer.numbers()


def main():
    for broker in sys.argv[1].split(","):
        try:
            lines = sorted(ask(broker, sys.argv[2]))
        except OSError:
            continue
        for partition, leader, in_sync in lines:
            print(partition, leader, ",".join(str(one) for one in sorted(in_sync)))
        return
    sys.exit("no broker answers")


if __name__ == "__main__":
    main()
