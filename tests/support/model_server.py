#!/usr/bin/env python3
"""A model on loopback that follows a script, so that the real agents run whole turns offline and the same way each time.

Speaks, as server-sent events, the Responses API (Codex: POST …/responses) and the Messages API (Claude Code: POST …/messages).
The script is a JSON list of steps, or an object of such lists: then the first one counts whose name stands in the last words of
the user. The step to take is read from the request, by the number of tool results since those words, so one server serves any
number of sessions. A step is one of
  {"run": "shell command"}                the model asks for this command to be run
  {"tool": "name", "input": {…}}          the model asks for this tool
  {"say": "text"}                         the model's last words: the turn ends
  {"fail": 503}                           an HTTP error in place of an answer
and may have "wait": seconds before it, and "think": reasoning before it. After the script's end it says "Done.". Each answer
costs 100 tokens in and 20 out.

Usage: model_server.py PORT SCRIPT.json
"""
import http.server
import json
import sys
import time

# What an agent calls its shell, Codex's newest first, and how the command is given to each.
SHELLS = (
    ("exec_command", lambda command: {"cmd": command}),
    ("shell_command", lambda command: {"command": command}),
    ("Bash", lambda command: {"command": command, "description": "as the script says"}),
    ("shell", lambda command: {"command": ["bash", "-lc", command]}),
)


def blocks(item):
    content = item.get("content")
    if isinstance(content, str):
        return [{"text": content}]
    return [block for block in content or [] if isinstance(block, dict)]


def last_words(items):
    """The user's, and how many tool results came since: the steps of this turn that were taken."""
    words, taken = "", 0
    for item in items:
        results = sum(block.get("type") == "tool_result" for block in blocks(item))
        # The last block: what agents tell the model on their own account stands before it, or is marked.
        text = (blocks(item) or [{}])[-1].get("text", "")
        if item.get("type") == "function_call_output" or results:
            taken += results or 1
        if item.get("role") == "user" and text and not (results and text.startswith("<system-reminder>")):
            words, taken = text, 0
    return words, taken


def next_step(script, items):
    words, taken = last_words(items)
    if isinstance(script, dict):
        script = next((steps for name, steps in script.items() if name in words), [])
    return script[taken] if taken < len(script) else {"say": "Done."}


def tool_call(step, tools):
    """The name and the input; None where the step asks for no tool."""
    if "tool" in step:
        return step["tool"], step["input"]
    if "run" in step:
        name, arguments = next(((n, a) for n, a in SHELLS if n in tools), SHELLS[-1])
        return name, arguments(step["run"])
    return None


def responses_events(step, number, request):
    call = tool_call(step, {tool.get("name") for tool in request.get("tools", [])})
    if call:
        item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": call[0],
                "arguments": json.dumps(call[1])}
    else:
        content = [{"type": "output_text", "text": step["say"]}]
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content}
    items = [item]
    if "think" in step:
        items.insert(0, {"type": "reasoning", "id": f"rs_{number}", "summary": [{"type": "summary_text", "text": step["think"]}]})
    response = {"id": f"resp_{number}"}
    usage = {"input_tokens": 100, "input_tokens_details": None, "output_tokens": 20, "output_tokens_details": None,
             "total_tokens": 120}
    yield {"type": "response.created", "response": response}
    for index, done in enumerate(items):
        yield {"type": "response.output_item.done", "output_index": index, "item": done}
    yield {"type": "response.completed", "response": {**response, "usage": usage}}


def messages_events(step, number, request):
    parts = []  # (the block as it starts, the pieces that fill it)
    if "think" in step:
        parts.append(({"type": "thinking", "thinking": "", "signature": ""},
                      [{"type": "thinking_delta", "thinking": step["think"]}, {"type": "signature_delta", "signature": "c2lnbmVk"}]))
    call = tool_call(step, {tool.get("name") for tool in request.get("tools", [])})
    if call:
        parts.append(({"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": {}},
                      [{"type": "input_json_delta", "partial_json": json.dumps(call[1])}]))
    else:
        parts.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": step["say"]}]))
    yield {"type": "message_start", "message": {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": request.get("model"), "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 100, "output_tokens": 1}}}
    for index, (block, pieces) in enumerate(parts):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for piece in pieces:
            yield {"type": "content_block_delta", "index": index, "delta": piece}
        yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if call else "end_turn"
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 20}}
    yield {"type": "message_stop"}


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
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.reply(200, "application/json", b'{"data":[],"models":[]}')

    do_HEAD = do_GET

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        is_messages = "/messages" in self.path
        if "count_tokens" in self.path:
            return self.reply(200, "application/json", b'{"input_tokens":100}')
        items = request.get("messages" if is_messages else "input", [])
        step = next_step(self.script, items)
        if is_messages and not request.get("tools"):
            step = {"say": "{}"}  # Claude Code asks a small model for a title and the like: no step of the turn
        time.sleep(step.get("wait", 0))
        if "fail" in step:
            return self.reply(step["fail"], "application/json", b'{"error":{"message":"the script says so"}}')
        # Names of calls must differ over the whole conversation.
        events = (messages_events if is_messages else responses_events)(step, len(items), request)
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
        self.reply(200, "text/event-stream", body)


def main():
    port, script = sys.argv[1:]
    with open(script, encoding="utf-8") as text:
        Handler.script = json.load(text)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


main()
