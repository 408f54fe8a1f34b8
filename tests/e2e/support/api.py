"""A machine's API over its socket, which takes less of the host than commands do."""
import http.client
import json
import socket
import time

# Seconds without a request after which a connection is made anew.
IDLE = 30


class Api:
    def __init__(self, path):
        self._path = str(path)
        self._connect()

    def _connect(self):
        self._connection = http.client.HTTPConnection("zvisor")
        self._connection.sock = socket.socket(socket.AF_UNIX)
        self._connection.sock.connect(self._path)
        self._used = time.monotonic()

    def ask(self, method, path, body=None):
        """What the machine answers; an error is an exception with its sentence."""
        # The machine closes connections that nothing comes over for a minute.
        if time.monotonic() - self._used > IDLE:
            self._connection.close()
            self._connect()
        self._used = time.monotonic()
        self._connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None)
        answer = self._connection.getresponse()
        members = json.loads(answer.read() or "{}")
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {members.get('error', answer.status)}")
        return members

    def get(self, path):
        return self.ask("GET", path)

    def machine(self):
        return self.get("machine")

    def partitions(self):
        """By name."""
        return {each["name"]: each for each in self.get("partitions")["partitions"]}

    def order(self, name, order):
        return self.ask("POST", f"partitions/{name}/{order}")

    def console_end(self, name):
        """Where what a console shows from now on begins."""
        return self.get(f"partitions/{name}/console?from=0&wait=0")["next"]

    def type(self, name, text):
        self.ask("POST", f"partitions/{name}/console", {"text": text})

    def read_console(self, name, start, wait=2):
        """What the console shows from `start` on, and where that ends; waits for something."""
        shown = self.get(f"partitions/{name}/console?from={start}&wait={wait}")
        return shown["text"], shown["next"]
