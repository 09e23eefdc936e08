#!/usr/bin/env python3
"""A model on loopback that follows a script, so that the real Codex runs whole turns offline and the same way each time.

Speaks the Responses API (POST …/responses, server-sent events). The script is a JSON list of steps; the step to take is
read from the request, by the number of tool results since the last words of the user, so one server serves any number of
sessions. A step is one of
  {"run": "shell command"}      the model asks for this command to be run
  {"say": "text"}               the model's last words: the turn ends
  {"fail": 503}                 an HTTP error in place of an answer
and may have "wait": seconds before it. After the script's end it says "Done.". Each answer costs 100 tokens in and 20 out.

Usage: model_server.py PORT SCRIPT.json
"""
import http.server
import json
import sys
import time

# What Codex calls its shell, newest first, and how the command is given to each.
SHELLS = (
    ("exec_command", lambda command: {"cmd": command}),
    ("shell_command", lambda command: {"command": command}),
    ("shell", lambda command: {"command": ["bash", "-lc", command]}),
)


def steps_taken(items):
    taken = 0
    for item in items:
        if item.get("type") == "function_call_output":
            taken += 1
        elif item.get("role") == "user":
            taken = 0
    return taken


def output_item(step, number, tools):
    if "say" in step:
        content = [{"type": "output_text", "text": step["say"]}]
        return {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content}
    name, arguments = next(((n, a) for n, a in SHELLS if n in tools), SHELLS[-1])
    return {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
            "arguments": json.dumps(arguments(step["run"]))}


def answer(step, number, tools):
    response = {"id": f"resp_{number}"}
    usage = {"input_tokens": 100, "input_tokens_details": None, "output_tokens": 20, "output_tokens_details": None,
             "total_tokens": 120}
    events = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.done", "output_index": 0, "item": output_item(step, number, tools)},
        {"type": "response.completed", "response": {**response, "usage": usage}},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script = []

    def log_message(self, *_):
        pass

    def reply(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, "application/json", b'{"data":[],"models":[]}')

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        number = steps_taken(request.get("input", []))
        step = self.script[number] if number < len(self.script) else {"say": "Done."}
        time.sleep(step.get("wait", 0))
        if "fail" in step:
            return self.reply(step["fail"], "application/json", b'{"error":{"message":"the script says so"}}')
        tools = {tool.get("name") for tool in request.get("tools", [])}
        self.reply(200, "text/event-stream", answer(step, number, tools))


def main():
    port, script = sys.argv[1:]
    with open(script, encoding="utf-8") as text:
        Handler.script = json.load(text)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


main()
