#!/usr/bin/env python3
"""A `codex app-server` that plays back a recording, and misbehaves when told to. Standard library only.

Usage: fake_codex.py FIXTURE FAULT [app-server --listen stdio://]

The fixture holds the server's lines of one turn. A response goes out once the request with its id has come in, a request of
the server waits for our answer, everything else goes out in order. FAULT:
  none           play back and end when standard input ends
  die            exit 9 after the first item has started
  silent         never answer thread/start, and ignore SIGTERM
  noise          blank, malformed and unknown lines between the others
  huge           one frame of 3 MiB before the end of the turn
  twice          every item/completed and turn/completed is sent twice
  refuse         answer turn/start with an error
  daemon         leave a process of another session behind, and play back
  unanswered     send a request with an unknown method and wait for its answer before going on
"""
import json
import os
import signal
import subprocess
import sys
import time


def send(frame):
    sys.stdout.write(json.dumps(frame) + "\n")
    sys.stdout.flush()


def read_frame():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def wait_for(matches):
    while True:
        frame = read_frame()
        if matches(frame):
            return frame


def main():
    fixture, fault = sys.argv[1], sys.argv[2]
    frames = [json.loads(line) for line in open(fixture, encoding="utf-8")]
    if fault == "silent":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "daemon":
        subprocess.Popen(["setsid", "sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print("fake codex speaks on standard error", file=sys.stderr, flush=True)
    for frame in frames:
        method = frame.get("method")
        if method is None:
            wait_for(lambda asked: asked.get("id") == frame["id"] and "method" in asked)
            if fault == "silent" and frame["id"] == 1:
                while True:
                    time.sleep(3600)
            if fault == "refuse" and frame["id"] == 2:
                send({"id": 2, "error": {"code": -32001, "message": "Server overloaded; retry later."}})
                continue
        if fault == "noise":
            sys.stdout.write("\n{\"method\":\nplain words\n{}\n")
            send({"method": "no/such/thing", "params": {"x": 1}})
        if fault == "huge" and method == "turn/completed":
            send({"method": "turn/diff/updated", "params": {"diff": "x" * (3 << 20)}})
        if fault == "unanswered" and method == "turn/completed":
            send({"method": "no/such/request", "id": "q-1", "params": {}})
            answer = wait_for(lambda asked: asked.get("id") == "q-1")
            if "error" not in answer:
                sys.exit(8)
        send(frame)
        if fault == "twice" and method in ("item/completed", "turn/completed"):
            send(frame)
        if fault == "die" and method == "item/started" and frame["params"]["item"]["type"] != "userMessage":
            os._exit(9)
        if method is not None and "id" in frame:
            wait_for(lambda asked: asked.get("id") == frame["id"] and "method" not in asked)
    while True:
        read_frame()


main()
