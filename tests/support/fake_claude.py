#!/usr/bin/env python3
"""A `claude -p` in stream-json that plays back a recording, and misbehaves when told to. Standard library only.

Usage: fake_claude.py FIXTURE FAULT [Claude Code's own arguments]

The fixture (tests/golden/claude) holds the program's lines, in which "$request-1" and "$message-1" stand for the names of the
first request and the first message that it gets, and lines {"host": …}: what the recording's host did then. There the
fake waits for the answer to a request of its own, or for the next message. FAULT:
  none           play back and end when standard input ends
  die            exit 9 when the first tool was called
  drop           end its output, and itself, in the middle of a turn as if all were well
  silent         take the first message and say nothing any more; ignore SIGTERM
  deaf           never answer to initialize; ignore SIGTERM
  noise          blank, malformed and unknown lines between the others
  huge           one frame of 3 MiB before the end of the turn
  twice          every frame is sent twice
  unknown        send a request of an unknown kind and wait for its answer before going on
  late           go on talking after the turn's end
  daemon         leave a process of another session behind, and play back
  forgetful      a session to be resumed is not known
"""
import json
import os
import signal
import subprocess
import sys
import time


class Host:
    """What came in: requests and messages by number, answers by the name of the request."""

    def __init__(self):
        self.requests, self.messages, self.answers = [], [], []

    def read(self):
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        frame = json.loads(line)
        if frame["type"] == "control_request":
            self.requests.append(frame["request_id"])
        elif frame["type"] == "user":
            self.messages.append(frame["uuid"])
        elif frame["type"] == "control_response":
            self.answers.append(frame["response"]["request_id"])

    def wait_for(self, come):
        while not come():
            self.read()

    def filled_in(self, line):
        for mark, names in (("$request-", self.requests), ("$message-", self.messages)):
            while mark in line:
                number = int(line.split(mark, 1)[1].split('"', 1)[0])
                self.wait_for(lambda: len(names) >= number)
                line = line.replace(f'"{mark}{number}"', json.dumps(names[number - 1]))
        return line


def send(line):
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()


def sleep_forever():
    while True:
        time.sleep(3600)


def main():
    fixture, fault, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    if "--version" in arguments:
        return print("2.1.197 (Claude Code)")
    if fault == "forgetful" and "--resume" in arguments:
        send(open(os.path.join(os.path.dirname(fixture), "unknown_session.ndjson"), encoding="utf-8").readline())
        sys.exit(1)
    if fault in ("silent", "deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "deaf":
        sleep_forever()
    if fault == "daemon":
        subprocess.Popen(["setsid", "sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print("fake claude speaks on standard error", file=sys.stderr, flush=True)
    host, expected = Host(), 0
    for line in open(fixture, encoding="utf-8"):
        frame = json.loads(line)
        if "host" in frame:
            did = frame["host"]
            if did["kind"] == "resolve":
                host.wait_for(lambda: did["request"] in host.answers)
            elif did["kind"] in ("start", "next_turn", "steer"):
                expected += 1
                host.wait_for(lambda: len(host.messages) >= expected)
                if fault == "silent":
                    sleep_forever()
            continue
        is_result = frame["type"] == "result"
        if fault == "noise":
            sys.stdout.write("\n{\"type\":\nplain words\n{}\n{\"type\":\"no_such_thing\",\"x\":1}\n")
        if fault == "huge" and is_result:
            send(json.dumps({"type": "system", "subtype": "no_such_thing", "text": "x" * (3 << 20)}))
        if fault == "unknown" and is_result:
            send(json.dumps({"type": "control_request", "request_id": "q-1", "request": {"subtype": "no_such_request"}}))
            host.wait_for(lambda: "q-1" in host.answers)
        if fault == "drop" and is_result:
            sys.exit(0)
        line = host.filled_in(line)
        send(line)
        if fault == "twice":
            send(line)
        if fault == "die" and frame["type"] == "assistant" and frame["message"]["content"][0]["type"] == "tool_use":
            os._exit(9)
        if fault == "late" and is_result:
            send(json.dumps({"type": "assistant", "message": {"id": "late", "content": [{"type": "text", "text": "too late"}]}, "uuid": "late"}))
            send(json.dumps({"type": "control_request", "request_id": "late", "request": {
                "subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "rm -rf ."}, "tool_use_id": "late"}}))
    while True:
        host.read()


main()
