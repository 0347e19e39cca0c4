"""This machine's git for the git.exe of the Windows lane (git.c): paths are translated both ways.

A frame is a byte for its kind and four for its length. From git.exe: 1 the working directory, 2 an
argument, 3 a variable, 0 the end of these; 4 standard input, 5 its end. To it: 1 output, 2 errors, 3 the exit
code.
"""

import os
import re
import socket
import struct
import subprocess
import threading

LANE = os.environ["LANE"]


def to_unix(path):
    """`Z:\\home` → `/home`; anything else as it is."""
    found = re.match(r"^([a-zA-Z]):[\\/](.*)$", path, re.DOTALL)
    if not found:
        return path
    drive, rest = found[1].lower(), found[2].replace("\\", "/")
    return f"/{rest}" if drive == "z" else f"{LANE}/wine/drive_{drive}/{rest}"


def argument(text):
    """An argument of git.exe as git here understands it."""
    if text.upper() == "NUL":
        return os.devnull
    if text.startswith("--") and "=" in text:
        option, _, value = text.partition("=")
        return f"{option}={to_unix(value)}"
    path = to_unix(text)
    is_path = not text.startswith(("-", "http")) and re.fullmatch(r"[\w.\\:/ ~-]+", text)
    return path.replace("\\", "/") if is_path else path


def variable(text, environment):
    """Set a variable of git.exe's environment."""
    key, _, value = text.partition("=")
    if value.upper() == "NUL":
        environment[key] = os.devnull
    elif key.startswith(("GIT_CONFIG_VALUE", "GIT_AUTHOR", "GIT_COMM")):
        environment[key] = value
    else:
        environment[key] = to_unix(value)


def frame(kind, data=b""):
    """One frame to git.exe."""
    return struct.pack(">BI", kind, len(data)) + data


def serve(connection):
    """Run git once."""
    stream, lock = connection.makefile("rb"), threading.Lock()
    directory, arguments = "/", []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment.update(GIT_CONFIG_SYSTEM=f"{LANE}/gitconfig", LANG="C.UTF-8")

    def receive():
        header = stream.read(5)
        if len(header) < 5:
            return None, b""
        kind, length = struct.unpack(">BI", header)
        return kind, stream.read(length)

    def send(data):
        with lock:
            try:
                connection.sendall(data)
            except OSError:
                pass  # git.exe was killed

    while (received := receive())[0]:
        text = received[1].decode("utf-8", "surrogateescape")
        if received[0] == 1:
            directory = to_unix(text)
        elif received[0] == 2:
            arguments.append(argument(text))
        else:
            variable(text, environment)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    try:
        process = subprocess.Popen(["git", *arguments], cwd=directory, env=environment, **streams)
    except OSError as error:
        send(frame(2, str(error).encode()) + struct.pack(">BI", 3, 128))
        connection.close()
        return

    def output(kind, source):
        while data := source.read1(65536):
            if kind == 1 and "rev-parse" in arguments:  # the only one that answers with paths
                data = re.sub(rb"(?m)^/", b"Z:/", data.replace(f"{LANE}/wine/drive_c/".encode(), b"C:/"))
            send(frame(kind, data))

    def standard_input():
        try:
            while (received := receive())[0] == 4:
                process.stdin.write(received[1])
                process.stdin.flush()
            process.stdin.close()
        except OSError:
            pass

    threads = [
        threading.Thread(target=output, args=each) for each in ((1, process.stdout), (2, process.stderr))
    ]
    threading.Thread(target=standard_input, daemon=True).start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send(struct.pack(">BI", 3, process.wait() & 0xFFFFFFFF))
    connection.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        with open(f"{LANE}/wine/drive_c/shim/port", "w") as file:
            file.write(str(server.getsockname()[1]))
        while True:
            threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
