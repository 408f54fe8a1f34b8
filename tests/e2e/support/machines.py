"""Machines of several partitions and the commands that are used on them."""
import os
import pathlib
import tempfile
import unittest

from support.zvisor import Console, zvisor

SUCCESS, FAILURE, USAGE = 0, 1, 2


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
