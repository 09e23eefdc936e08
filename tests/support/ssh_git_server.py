#!/usr/bin/env python3
"""A private git remote over SSH: git's own upload-pack behind a public key. Needs paramiko (python3-paramiko).

ssh_git_server.py PORT FOLDER: makes a host key and two of its one user "git" in FOLDER (client_key, and stranger_key that opens
nothing; client_key.locked is the first one under the passphrase "open sesame"; host_fingerprint), and serves every repository that
this account may read on loopback. Each try to sign in is a line on standard output, "yes" or "no", each command another."""
import os
import shlex
import socket
import subprocess
import sys
import threading

import paramiko
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]


def write_key(name, key, lock=forms.NoEncryption()):
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as file:
        file.write(key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, lock))
    return path


HOST = paramiko.Ed25519Key.from_private_key_file(write_key("host_key", Ed25519PrivateKey.generate()))
CLIENT = Ed25519PrivateKey.generate()
KNOWN = paramiko.Ed25519Key.from_private_key_file(write_key("client_key", CLIENT)).get_base64()
write_key("client_key.locked", CLIENT, forms.BestAvailableEncryption(b"open sesame"))
write_key("stranger_key", Ed25519PrivateKey.generate())


def fingerprint():
    import base64
    import hashlib

    return "SHA256:" + base64.b64encode(hashlib.sha256(HOST.asbytes()).digest()).decode().rstrip("=")


with open(os.path.join(FOLDER, "host_fingerprint"), "w", encoding="ascii") as out:
    out.write(fingerprint())


class Door(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        opens = username == "git" and key.get_base64() == KNOWN
        print("yes" if opens else "no", flush=True)
        return paramiko.AUTH_SUCCESSFUL if opens else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        words = shlex.split(command.decode())
        print(" ".join(words), flush=True)
        if len(words) != 2 or words[0] != "git-upload-pack":
            return False
        threading.Thread(target=serve, args=(channel, words[1]), daemon=True).start()
        return True


def serve(channel, path):
    program = subprocess.Popen(
        ["git", "-c", "safe.directory=*", "upload-pack", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def take():
        while data := channel.recv(65536):
            program.stdin.write(data)
        program.stdin.close()

    threading.Thread(target=take, daemon=True).start()
    while data := program.stdout.read(65536):
        channel.sendall(data)
    channel.send_exit_status(program.wait())
    channel.close()


listener = socket.create_server(("127.0.0.1", PORT))
print("serves", flush=True)
while True:
    transport = paramiko.Transport(listener.accept()[0])
    transport.add_server_key(HOST)
    try:
        transport.start_server(event=threading.Event(), server=Door())
    except (paramiko.SSHException, EOFError):
        pass
