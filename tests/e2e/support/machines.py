"""Machines of several partitions and the commands that are used on them."""
import json
import os
import pathlib
import tempfile
import time
import unittest

from support.zvisor import Console, zvisor

SUCCESS, FAILURE, USAGE = 0, 1, 2


class RunningMachine:
    """One machine in the background, whose file, sockets and state are in a folder."""

    def __init__(self, folder, text):
        self.folder = pathlib.Path(folder)
        self.environment = {**os.environ, "ZVISOR_RUNTIME_DIR": f"{folder}/run", "ZVISOR_STATE_DIR": f"{folder}/state"}
        self.file = self.folder / "machine.toml"
        self.file.write_text(text)
        self.memory_group = None

    def zvisor(self, *arguments):
        return zvisor(*arguments, env=self.environment)

    def must(self, *arguments):
        done = self.zvisor(*arguments)
        if done.status != SUCCESS:
            raise AssertionError(f"zvisor {' '.join(map(str, arguments))}: status {done.status}: {done.error}")
        return done.output

    def start(self):
        joins = {"preexec_fn": self.memory_group.join} if self.memory_group else {}
        done = zvisor("machine", "start", str(self.file), "--detach", env=self.environment, **joins)
        if done.status != SUCCESS:
            raise AssertionError(f"the machine does not start: {done.error}")

    def stop(self):
        self.zvisor("machine", "stop", "--now")

    def firmware(self):
        return json.loads(self.must("machine", "show", "--json"))["pid"]

    def partitions(self):
        listed = json.loads(self.must("lpar", "list", "--json"))
        listed = listed if isinstance(listed, list) else listed["partitions"]
        return {each["name"]: each for each in listed}

    def soon(self, what, condition, patience=20):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.005)
        raise AssertionError(f"not within {patience} s: {what}")


class Machines(unittest.TestCase):
    """Machines whose sockets are in a folder of the test's own."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.environment = {**os.environ, "ZVISOR_RUNTIME_DIR": str(self.folder / "run"), "ZVISOR_STATE_DIR": str(self.folder)}
        self.environment.pop("ZVISOR_MACHINE", None)
        self.addCleanup(self.end_all)

    def end_all(self):
        for name in self.zvisor("machine", "list", "--names").output.split():
            self.zvisor("machine", "stop", "--now", "--machine", name)

    def zvisor(self, *arguments, **options):
        return zvisor(*arguments, env=self.environment, **options)

    def done(self, *arguments, **options):
        """What a command that succeeds writes."""
        done = self.zvisor(*arguments, **options)
        self.assertEqual((done.status, done.error), (SUCCESS, ""), arguments)
        return done.output

    def refused(self, *arguments):
        """The sentence of a command that fails."""
        done = self.zvisor(*arguments)
        self.assertEqual((done.status, done.output), (FAILURE, ""), arguments)
        return done.error.strip()

    def console(self, *arguments, **options):
        console = Console(*arguments, env=self.environment, **options)
        self.addCleanup(console.__exit__)
        return console

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def start_file(self, file, *options):
        """Starts the machine of a machine file in the background; what was said."""
        done = self.zvisor("machine", "start", str(file), "--detach", *options)
        self.assertEqual(done.status, SUCCESS, done.error)
        return done
