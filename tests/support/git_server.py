#!/usr/bin/env python3
"""A private git remote over HTTP: git's own http-backend behind Basic authentication.

git_server.py PORT FOLDER USER PASSWORD: serves the repositories in FOLDER on loopback. Each request is a line on standard output,
"METHOD PATH STATUS", without what was sent to authenticate it. Who knows the password and asks for /to/PORT/PATH is sent to PATH on that port."""
import base64
import http.server
import os
import subprocess
import sys

PORT, FOLDER, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
WANTED = "Basic " + base64.b64encode((USER + ":" + PASSWORD).encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if self.headers.get("Authorization") != WANTED:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/to/"):
            port, _, path = self.path[len("/to/"):].partition("/")
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:" + port + "/" + path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=FOLDER, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query, REQUEST_METHOD=self.command,
            CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)), REMOTE_USER=USER,
            GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        for header, variable in (("Content-Encoding", "HTTP_CONTENT_ENCODING"), ("Git-Protocol", "GIT_PROTOCOL")):
            if self.headers.get(header):
                environment[variable] = self.headers[header]
        made = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment, check=True).stdout
        head, _, content = made.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.send_response(status)
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_request(self, code="-", size="-"):
        print(self.command, self.path, int(code), flush=True)


print("serves", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
