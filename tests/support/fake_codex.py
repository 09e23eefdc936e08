#!/usr/bin/env python3
"""A `codex app-server` that plays back a recording, and misbehaves when told to. Standard library only.

Usage: fake_codex.py FIXTURE FAULT [app-server --listen stdio://]

The fixture holds the server's lines (those that begin with "! " are our side's, and left out). A response goes out once the
request with its id has come in, a request of the server waits for our answer, everything else goes out in order. Where the
client goes on with a thread (thread/resume), that is answered as thread/start was. FAULT:
  none                play back and end when standard input ends
  endless             the turn, once more for each turn/start that comes after
  die                 exit 9 after the first item has started
  drop                close standard output there, and live on
  exit_between_turns  exit 0 once the turn has ended
  silent              never answer thread/start, and ignore SIGTERM
  noise               blank, malformed and unknown lines between the others
  huge                one frame of 3 MiB before the end of the turn
  twice               every item/completed and turn/completed is sent twice
  late                the frames of the turn's items once more after its end
  refuse              answer turn/start with "overloaded", each time
  refuse_once         only the first time
  daemon              leave a process of another session behind, and play back
  unanswered          send a request with an unknown method and wait for its answer before going on
"""
import json
import os
import signal
import subprocess
import sys
import time


# The client's requests by the ids that the recordings give them.
METHODS = {0: ("initialize",), 1: ("thread/start", "thread/resume"), 2: ("turn/start",)}


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


def play(frames, fault, ids):
    """One pass over the frames; `ids`: the recording's id of a request → the id that the client gave it."""
    for frame in frames:
        method = frame.get("method")
        if method is None:
            wanted = METHODS.get(frame["id"], ())
            asked = wait_for(lambda asked: asked.get("method") in wanted) if frame["id"] not in ids else None
            if asked:
                ids[frame["id"]] = asked["id"]
            while fault in ("refuse", "refuse_once") and frame["id"] == 2:
                send({"id": ids[2], "error": {"code": -32001, "message": "Server overloaded; retry later."}})
                ids[2] = wait_for(lambda asked: asked.get("method") == "turn/start")["id"]
                if fault == "refuse_once":
                    break
            if fault == "silent" and frame["id"] == 1:
                while True:
                    time.sleep(3600)
            frame = dict(frame, id=ids[frame["id"]])
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
        if method == "item/started" and frame["params"]["item"]["type"] != "userMessage":
            if fault == "die":
                os._exit(9)
            if fault == "drop":
                os.close(1)
                while True:
                    time.sleep(3600)
        if method is not None and "id" in frame:
            wait_for(lambda asked: asked.get("id") == frame["id"] and "method" not in asked)
        if fault == "late" and method == "turn/completed":
            for again in frames:
                if again.get("method", "").startswith("item/") and "id" not in again:
                    send(again)
            send(frame)
        if fault == "exit_between_turns" and method == "turn/completed":
            os._exit(0)


def renamed(frames, number):
    """The turn's frames as those of another turn: names of turns, items and requests differ in a process."""
    asked = [frame["id"] for frame in frames if "method" in frame and "id" in frame]
    text = json.dumps([dict(frame, id=frame["id"] + number * 100) if frame.get("id") in asked and "method" in frame else frame
                       for frame in frames])
    for frame in frames:
        if frame.get("id") == 2 and "method" not in frame:
            text = text.replace(frame["result"]["turn"]["id"], f"turn-{number}")
    return json.loads(text.replace('"call_', f'"call_{number}_').replace('"msg_', f'"msg_{number}_'))


def main():
    fixture, fault = sys.argv[1], sys.argv[2]
    frames = [json.loads(line) for line in open(fixture, encoding="utf-8") if not line.startswith("! ")]
    if fault == "silent":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "daemon":
        subprocess.Popen(["setsid", "sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print("fake codex speaks on standard error", file=sys.stderr, flush=True)
    ids = {}
    play(frames, fault, ids)
    number = 1
    while fault == "endless":
        number += 1
        turn = next(at for at, frame in enumerate(frames) if frame.get("id") == 2 and "method" not in frame)
        play(renamed(frames[turn:], number), fault, {0: 0, 1: 1})
    while True:
        read_frame()


main()
