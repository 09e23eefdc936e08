#!/usr/bin/env python3
"""The demo of ./dev up, as a client of the HTTP API with nothing but the standard library: signs in (makes the first
user where there is none), gets a token for the workers, then opens an issue, mentions the agent in a comment, and waits
until a worker has done the task. What it made is remembered in .local/, so that a second run finds it.

    demo.py --local DIR login        profile.json, login.json, worker-token
    demo.py --local DIR run --agent FILE
    demo.py --local DIR show-login
"""
import argparse
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request

WORKER_DEADLINE_S = 60
TASK_DEADLINE_S = 180
ENDED = ("completed", "failed", "cancelled")


class Refused(Exception):
    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail') or problem.get('title', '')}")
        self.status = status
        self.code = problem.get("code", "")


class Api:
    def __init__(self, url):
        self.url = url
        self.token = None

    def call(self, method, path, body=None, key=None):
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                raw = reply.read()
                return json.loads(raw) if raw else {}
        except urllib.error.HTTPError as error:
            raw = error.read()
            try:
                problem = json.loads(raw)
            except ValueError:
                problem = {"detail": raw[:200].decode(errors="replace")}
            raise Refused(error.code, problem) from None

    def items(self, path):
        return self.call("GET", path)["items"]


class Local:
    """The files in .local/ that this program keeps, all for their owner alone."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read(self, *names):
        try:
            with open(self.path(*names), encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def read_json(self, *names):
        text = self.read(*names)
        return json.loads(text) if text else None

    def write(self, text, *names):
        path = self.path(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(path + ".new", path)


def say(text):
    print(f"           {text}", file=sys.stderr, flush=True)


def sign_in(api, local):
    """The token of the profile if it still holds, else the password of login.json, else the first user of an empty server."""
    login, profile = local.read_json("login.json"), local.read_json("profile.json")
    if login and profile and profile.get("url") == api.url:
        api.token = profile["token"]
        try:
            api.call("GET", "/v1/me")
            local.write(json.dumps({**profile, **stack_settings()}), "profile.json")  # ports may have changed
            return login
        except Refused as refused:
            if refused.status != 401:
                raise
            api.token = None
    if login:
        answer = api.call("POST", "/v1/auth/sign-in", {"login": login["login"], "password": login["password"]})
    else:
        login = {"login": "admin", "password": secrets.token_urlsafe(18)}
        # Kept before it is used: a crash in between must not lock everyone out. The server knows the user or it does not.
        local.write(json.dumps(login), "login.json")
        answer = api.call("POST", "/v1/bootstrap", dict(login, display_name="Admin", workspace_name="Demo", workspace_slug="demo"))
        login["workspace"] = answer["workspace"]["id"]
        local.write(json.dumps(login), "login.json")
    api.token = answer["token"]
    if "workspace" not in login:
        login["workspace"] = api.call("GET", "/v1/me")["workspaces"][0]["id"]
        local.write(json.dumps(login), "login.json")
    local.write(json.dumps({"url": api.url, "token": api.token, "workspace": login["workspace"], **stack_settings()}), "profile.json")
    return login


def stack_settings():
    """What replay, verify and admin need, as ./dev up exported it: the profile is its owner's alone, as those files are."""
    named = {"kafka": "DOSSIER_KAFKA", "kafka_properties": "DOSSIER_KAFKA_PROPERTIES", "database": "DOSSIER_DATABASE_URL",
             "topic_prefix": "DOSSIER_TOPIC_PREFIX"}
    return {member: os.environ[variable] for member, variable in named.items() if os.environ.get(variable)}


def login_command(api, local):
    login = local.read_json("login.json")
    if login and "workspace" not in login:
        # The last run was cut off in the middle of the bootstrap: it may have reached the server, or not.
        try:
            api.call("POST", "/v1/auth/sign-in", {"login": login["login"], "password": login["password"]})
        except Refused as refused:
            if refused.status != 401:
                raise
            os.remove(local.path("login.json"))
    login = sign_in(api, local)
    if not local.read("worker-token"):
        answer = api.call("POST", f"/v1/workspaces/{login['workspace']}/worker-tokens", {"label": "local"})
        local.write(answer["token"], "worker-token")
    say(f"signed in as {login['login']}")


def named(items, name):
    return next((item for item in items if item["name"] == name), None)


def wait_for(what, deadline_s, condition):
    began = shown = time.monotonic()
    while time.monotonic() - began < deadline_s:
        value = condition()
        if value:
            return value
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            say(f"waiting for {what} ({shown - began:.0f} s)")
        time.sleep(0.1)
    sys.exit(f"demo: {what} did not come within {deadline_s} s; see ./dev logs")


def prepare(api, local, workspace, agent_program):
    subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "repository.sh"), local.path("demo", "greeting")],
                   check=True)
    base = f"/v1/workspaces/{workspace}"
    project = named(api.items(base + "/projects"), "greeting") or api.call(
        "POST", base + "/projects", {"name": "greeting", "local_path": local.path("demo", "greeting"), "default_branch": "main"})
    if not named(api.items(base + "/agents"), "greeter"):
        api.call("POST", base + "/agents", {"name": "greeter", "provider": "command", "command": [agent_program]})
    return project


def run_command(api, local, agent_program):
    login = sign_in(api, local)
    workspace = login["workspace"]
    if local.read("demo", "issue"):
        say("the demo issue is there already")
        return
    project = prepare(api, local, workspace, agent_program)
    wait_for("a worker", WORKER_DEADLINE_S,
             lambda: [worker for worker in api.items(f"/v1/workspaces/{workspace}/workers") if worker["status"] == "online"])
    issue = api.call("POST", f"/v1/workspaces/{workspace}/issues",
                     {"title": "greet.sh greets only the first word of a name", "project_id": project["id"],
                      "body": "`./greet.sh \"Grace Hopper\"` says \"Hello, Grace!\". The test in test.sh shows it."})
    say(f"issue {issue['id']} opened; asking @greeter")
    api.call("POST", f"/v1/issues/{issue['id']}/comments", {"body": "@greeter please mend this, the tests say what is wrong."})

    def ended_session():
        for session in api.items(f"/v1/issues/{issue['id']}/sessions"):
            task = api.call("GET", f"/v1/tasks/{session['task_id']}")
            if task["status"] in ENDED:
                return session["id"], task

    session, task = wait_for("the task", TASK_DEADLINE_S, ended_session)
    if task["status"] != "completed":
        sys.exit(f"demo: the task ended as {task['status']}: {task.get('error')}; see ./dev logs")
    say(f"session {session} {task['status']} on branch {task.get('branch')}")
    local.write(issue["id"], "demo", "issue")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--local", required=True)
    parser.add_argument("--agent", default=None)
    parser.add_argument("command", choices=("login", "run", "show-login"))
    arguments = parser.parse_args()
    local = Local(arguments.local)
    api = Api(local.read("url"))
    try:
        if arguments.command == "login":
            login_command(api, local)
        elif arguments.command == "run":
            run_command(api, local, arguments.agent)
        else:
            login = local.read_json("login.json")
            print(f"{login['login']} / {login['password']}   (kept in .local/login.json)")
    except (Refused, urllib.error.URLError) as error:
        sys.exit(f"demo: {error}; see ./dev logs serve")


if __name__ == "__main__":
    main()
