#!/usr/bin/env python3
"""A machine of several partitions as its operator sees it: every command, consoles of several viewers, the API, and how it ends."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import termios
import time
import unittest

from support import images, linux
from support.machines import FAILURE, SUCCESS, USAGE, Machines
from support.zvisor import PATIENCE, ZVISOR, Console, zvisor

ESCAPE = "\x1d"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket of a machine."""

    def __init__(self, path):
        super().__init__("machine")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class MachineOfThree(Machines):
    def machine(self, name="CPC1"):
        """A machine file: LOOP runs for ever, STOP ends at once, IDLE is not started."""
        partitions = [("LOOP", images.LOOP, ""), ("STOP", images.STOP, "weight = 300"), ("IDLE", images.DISABLED_WAIT, "autostart = false")]
        text = f'[machine]\nname = "{name}"\nblock-size = "16M"\n'
        for partition, program, keys in partitions:
            self.file(partition, program)
            text += f'[partition.{partition}]\nmemory = "16M"\nkernel = "{partition}"\n{keys}\n'
        return str(self.file(f"{name}.toml", text))

    def start(self, name="CPC1"):
        done = self.start_file(self.machine(name))
        self.assertIn(f"the machine {name} is at ", done.error)

    def state(self, name):
        return json.loads(self.done("lpar", "show", name, "--json"))[0]["state"]

    def expect_state(self, name, state):
        limit = time.monotonic() + PATIENCE
        while self.state(name) != state:
            self.assertLess(time.monotonic(), limit, f"{name} does not become {state}")
            time.sleep(0.02)

    def request(self, method, path, body=None):
        connection = UnixConnection(self.folder / "run/CPC1/api.sock")
        self.addCleanup(connection.close)
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


class Operating(MachineOfThree):
    def test_a_partition_through_its_life(self):
        self.start()
        self.expect_state("STOP", "not-operating")
        self.assertEqual(self.state("IDLE"), "not-activated")
        for order, state in (("stop", "stopped"), ("start", "operating"), ("load", "operating"), ("reset", None), ("load", "operating"),
                             ("deactivate", "not-activated"), ("activate", "not-operating"), ("load", "operating")):
            line = self.done("lpar", order, "LOOP").strip()
            if state:
                self.assertEqual(line, f"LOOP: {state}", order)
            else:
                self.expect_state("LOOP", "not-operating")
        self.done("lpar", "activate", "IDLE")
        self.done("lpar", "load", "IDLE")
        self.expect_state("IDLE", "disabled-wait")

    def test_what_does_not_fit_is_refused_in_a_sentence(self):
        self.start()
        self.assertEqual(self.refused("lpar", "load", "LP9"), "zvisor: there is no partition 'LP9'; the machine CPC1 has: LOOP, STOP, IDLE")
        self.assertEqual(self.refused("lpar", "load", "IDLE"), "zvisor: partition IDLE is not activated")
        self.assertEqual(self.refused("lpar", "activate", "LOOP"), "zvisor: partition LOOP is activated already")
        self.assertEqual(self.refused("lpar", "shutdown", "LOOP"), "zvisor: the program in partition LOOP cannot be asked to shut down")
        self.assertEqual(self.refused("console", "LP9"), "zvisor: there is no partition 'LP9'; the machine CPC1 has: LOOP, STOP, IDLE")
        self.assertEqual(self.zvisor("lpar", "load").status, USAGE)
        self.assertEqual(self.zvisor("lpar", "explode", "LOOP").status, USAGE)

    def test_properties_change_and_stay(self):
        self.start()
        self.assertEqual(self.done("set", "LOOP", "weight=7", "cap=0.5", "capped=true"),
                         "LOOP: weight 7, capped, cap 0.5\n")
        self.assertEqual(self.done("set", "LOOP", "cap=0"), "LOOP: weight 7, capped, cap none\n")
        self.assertEqual(self.refused("set", "LOOP", "weight=0"), "zvisor: 'weight' must be a whole number of 1 to 999")
        self.zvisor("machine", "stop", "--now")
        self.start()
        self.assertEqual(json.loads(self.done("lpar", "show", "LOOP", "--json"))[0]["weight"], 7)

    def test_storage_that_cannot_move(self):
        self.start()
        self.assertEqual(self.refused("move", "memory", "32M", "LOOP", "STOP"), "zvisor: partition LOOP has 16M, of which 32M cannot be moved")
        self.assertEqual(self.refused("move", "memory", "lots", "LOOP", "IDLE"), "zvisor: SIZE must be a size such as 512M or 2G, not 'lots'")

    def test_a_dump_has_the_registers_that_did_not_end_with_the_process(self):
        self.start()
        self.done("lpar", "activate", "IDLE")
        self.done("lpar", "load", "IDLE")
        self.expect_state("IDLE", "disabled-wait")
        wait_address = bytes.fromhex("000000000000dead")
        for name, registers, told in (("IDLE", "registers of 1 CPU", True), ("LOOP", "no registers, which ended with its process", False)):
            os.kill(json.loads(self.done("lpar", "show", name, "--json"))[0]["pid"], signal.SIGKILL)
            self.expect_state(name, "failed")
            core = self.folder / f"{name}.core"
            self.assertIn(f"not zero, {registers}, in {core}\n", self.zvisor("lpar", "dump", name, str(core)).output)
            self.assertEqual(wait_address in core.read_bytes()[:4096], told)

    def test_of_several_partitions_those_that_can_are_served(self):
        self.start()
        done = self.zvisor("lpar", "activate", "LOOP", "IDLE")
        self.assertEqual((done.status, done.output, done.error),
                         (FAILURE, "IDLE: not-operating\n", "zvisor: partition LOOP is activated already\n"))

    def test_tables_and_json(self):
        self.start()
        lines = self.done("lpar", "list").splitlines()
        self.assertRegex(lines[0], r"^NAME +NO +STATE +CPUS +WEIGHT +CAP +STORAGE +CPU TIME +WHY$")
        self.assertRegex(lines[1], r"^LOOP +1 +operating +1 +100 +- +16M +[0-9.]+ s$")
        partitions = json.loads(self.done("lpar", "list", "--json"))
        self.assertEqual([each["name"] for each in partitions], ["LOOP", "STOP", "IDLE"])
        self.assertEqual([each["weight"] for each in partitions], [100, 300, 100])
        self.assertEqual(self.done("lpar", "list", "--names"), "LOOP\nSTOP\nIDLE\n")
        self.assertRegex(self.done("lpar", "show", "LOOP"), r"(?m)^maximum_memory +16777216 +Bytes of storage")
        self.assertEqual(json.loads(self.done("machine", "show", "--json"))["partitions"], 3)
        self.assertRegex(self.done("machine", "show"), r"(?m)^storage +50331648 ")
        self.assertRegex(self.done("machine", "list").splitlines()[1], r"^CPC1 +[0-9]+ +3 ")

    def test_top(self):
        self.start()
        self.expect_state("STOP", "not-operating")
        text = self.done("top", "-b", "-n", "2", "-d", "0.3")
        self.assertEqual(len(re.findall(r"(?m)^CPC1  1 of 3 partitions operating", text)), 2)
        self.assertEqual(len(re.findall(r"(?m)^LOOP +operating +1 +100( +[0-9.]+){4} s +16M$", text)), 2)
        # On a busy host a partition that loops may have got nothing between two looks.
        looks = (json.loads(self.done("top", "--json", "-n", "1"))[0] for _ in range(20))
        self.assertTrue(any(figures["cpu_percent"] > 0 for figures in looks))

    def test_top_on_a_terminal_gives_it_back(self):
        self.start()
        top = self.console("top", terminal=True)
        top.expect("LOOP +operating")
        top.type("q")
        self.assertEqual(top.end(), SUCCESS)
        self.assertTrue(top.text.endswith("\x1b[?25h\x1b[?1049l"))
        self.assertTrue(termios.tcgetattr(top.terminal)[3] & termios.ICANON)

    def test_events_are_followed_to_the_end_of_the_machine(self):
        self.start()
        events = self.console("events", "--follow")
        events.expect("LOOP +operating")
        self.done("lpar", "stop", "LOOP")
        events.expect("LOOP +stopped")
        self.assertIn("LOOP     stopped\n", self.done("events"))
        self.assertEqual(json.loads(self.done("events", "--json").splitlines()[0])["number"], 1)
        self.assertEqual(self.zvisor("machine", "stop").status, SUCCESS)
        self.assertEqual(events.end(), SUCCESS)

    def test_names_are_completed_by_asking_the_machine(self):
        self.start()
        script = self.file("script", self.done("completion", "bash"))
        ask = 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _zvisor; echo "${COMPREPLY[@]}"'

        def offered(*words):
            done = subprocess.run(["bash", "-c", ask, "bash", script, ZVISOR, *words], env=self.environment, capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.assertEqual(offered("lpar", "load", "LO"), ["LOOP"])
        self.assertEqual(offered("lpar", "load", "LOOP", "I"), ["IDLE"])
        self.assertEqual(offered("console", "ST"), ["STOP"])
        self.assertEqual(offered("lpar", "list", "--machine", ""), ["CPC1"])
        self.assertIn("--json", offered("lpar", "load", "--"))


class Finding(MachineOfThree):
    def test_none_one_and_several(self):
        self.assertEqual(self.refused("lpar", "list"), "zvisor: no machine runs; 'zvisor machine start FILE' starts one")
        self.start("CPC1")
        self.done("lpar", "list")
        self.start("CPC2")
        self.assertEqual(self.refused("lpar", "list"), "zvisor: several machines run (CPC1, CPC2): name one with --machine or ZVISOR_MACHINE")
        self.assertIn('"CPC2"', self.done("machine", "show", "--json", "--machine", "CPC2"))
        self.environment["ZVISOR_MACHINE"] = "CPC1"
        self.assertIn('"CPC1"', self.done("machine", "show", "--json"))

    def test_a_machine_runs_once(self):
        self.start()
        self.assertRegex(self.refused("machine", "start", self.machine()), r"^zvisor: the machine CPC1 runs already \(process [0-9]+\)$")
        self.assertRegex(self.refused("machine", "start", self.machine(), "--detach"), "^zvisor: the machine CPC1 runs already")
        self.done("lpar", "list")

    def test_a_machine_that_was_killed(self):
        self.start()
        processes = [each["pid"] for each in json.loads(self.done("lpar", "list", "--json")) if each["pid"]]
        machine = json.loads(self.done("machine", "show", "--json"))["pid"]
        os.kill(machine, signal.SIGKILL)
        path = self.folder / "run/CPC1/api.sock"
        limit = time.monotonic() + PATIENCE
        while self.zvisor("lpar", "list").status == SUCCESS and time.monotonic() < limit:
            time.sleep(0.02)
        self.assertEqual(self.refused("lpar", "list", "--machine", "CPC1"),
                         f"zvisor: the machine CPC1 does not run: its process ended and left {path} behind")
        for each in processes:
            os.kill(each, signal.SIGKILL)
        self.start()

    def test_a_machine_file_with_a_mistake(self):
        path = self.file("bad.toml", '[machine]\nname = "CPC1"\ncpus = 3\n')
        for options in ((), ("--detach",)):
            self.assertIn("bad.toml:3: unknown key 'cpus'", self.refused("machine", "start", str(path), *options))


class Ending(MachineOfThree):
    def foreground(self):
        machine = self.console("machine", "start", self.machine())
        machine.expect("STOP +not-operating: the program powered off")
        return machine

    def test_stop_ends_the_machine_and_it_starts_again(self):
        self.start()
        self.expect_state("LOOP", "operating")
        done = self.zvisor("machine", "stop")
        self.assertEqual((done.status, done.output), (SUCCESS, "CPC1: ended\n"))
        self.assertIn("the program in partition LOOP cannot be asked to shut down", done.error)
        self.start()

    def test_signals_end_it_and_its_partitions(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            machine = self.foreground()
            process = json.loads(self.done("lpar", "show", "LOOP", "--json"))[0]["pid"]
            machine.signal(number)
            self.assertEqual(machine.end(), SUCCESS)
            self.assertFalse(pathlib.Path("/proc", str(process)).exists())

    def test_systemd_is_told(self):
        path = str(self.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(path)
            told.settimeout(PATIENCE)
            self.environment["NOTIFY_SOCKET"] = path
            machine = self.foreground()
            self.assertEqual(told.recv(4096), b"READY=1\nSTATUS=2 of 3 partitions are activated\n")
            machine.signal(signal.SIGTERM)
            self.assertTrue(told.recv(4096).startswith(b"STOPPING=1\n"))
            self.assertEqual(machine.end(), SUCCESS)


class Api(MachineOfThree):
    def test_over_the_socket(self):
        self.start()
        status, partitions = self.request("GET", "/v1/partitions")
        self.assertEqual((status, len(partitions["partitions"])), (200, 3))
        self.assertEqual(self.request("POST", "/v1/partitions/LOOP/stop")[1]["state"], "stopped")
        self.assertEqual(self.request("POST", "/v1/partitions/LOOP/stop", '{"hard":true}'),
                         (400, {"error": "partition.stop takes no 'hard'"}))
        status, description = self.request("GET", "/openapi.json")
        self.assertEqual((status, description["openapi"]), (200, "3.0.3"))
        self.assertIn("/v1/partitions/{name}/activate", description["paths"])

    def test_over_tls_with_a_token(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"], cwd=self.folder, check=True, capture_output=True)
        token = self.file("token", "0123456789abcdef-a-token\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        tls = ["--listen", f"127.0.0.1:{port}", "--certificate", str(self.folder / "cert.pem"), "--key", str(self.folder / "key.pem"),
               "--token-file", str(token)]
        self.assertEqual(self.refused("machine", "start", self.machine(), "--detach", *tls[:2]),
                         "zvisor: listening over TCP needs all of --listen, --certificate, --key and --token-file")
        os.chmod(token, 0o644)
        self.assertIn("others than its owner may use it", self.zvisor("machine", "start", self.machine(), *tls).error)
        os.chmod(token, 0o600)
        self.assertEqual(self.zvisor("machine", "start", self.machine(), "--detach", *tls).status, SUCCESS)
        trusting = ssl.create_default_context(cafile=self.folder / "cert.pem")

        def ask(**headers):
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting)
            self.addCleanup(connection.close)
            connection.request("GET", "/v1/machine", headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read()).get("name")

        self.assertEqual(ask(Authorization="Bearer 0123456789abcdef-a-token"), (200, "CPC1"))
        self.assertEqual(ask(Authorization="Bearer 0123456789abcdef-A-token"), (401, None))
        self.assertEqual(ask(), (401, None))


class Consoles(MachineOfThree):
    ASKING = """
echo 0 > /proc/sys/kernel/ctrl-alt-del
trap 'echo SHUTTING DOWN; poweroff -f' INT
while :; do
    echo -n 'what now? '; read answer || continue; echo "you said: $answer"
    [ "$answer" != off ] || poweroff -f
    [ "$answer" != count ] || for i in $(seq 200); do echo count $i; sleep 0.2; done
done
"""

    def setUp(self):
        super().setUp()
        initrd = linux.initrd(self.folder / "initrd", self.ASKING)
        text = ""
        for name in ("LP1", "LP2"):
            text += f'''[partition.{name}]
memory = "256M"
kernel = "{linux.kernel()}"
initrd = "{initrd}"
cmdline = "{linux.COMMAND_LINE}"
'''
        done = self.zvisor("machine", "start", str(self.file("linux.toml", text)), "--detach")
        self.assertEqual(done.status, SUCCESS, done.error)

    def test_what_consoles_showed_while_there_was_no_machine(self):
        first = self.console("console", "LP1", "--follow")
        first.expect(r"what now\? ")
        first.type("count\n")
        first.expect("count 5\r?\n")
        os.kill(json.loads(self.done("machine", "show", "--json"))["pid"], signal.SIGKILL)
        first.end()
        last = int(re.findall(r"count (\d+)\r?\n", first.text)[-1])
        time.sleep(2)
        self.assertEqual(self.zvisor("machine", "start", str(self.folder / "linux.toml"), "--detach").status, SUCCESS)
        second = self.console("console", "LP1", "--follow")
        second.expect(f"count {last + 25}\r?\n")
        shown = [int(number) for number in re.findall(r"count (\d+)\r?\n", second.text)]
        self.assertEqual(shown, list(range(shown[0], shown[-1] + 1)))
        self.assertLess(shown[0], last + 5)  # what the killed machine had not read yet may be lost

    def test_two_viewers_of_one_console(self):
        first = self.console("console", "LP1", terminal=True)
        first.expect(r"what now\? ")
        before = termios.tcgetattr(first.terminal)
        self.assertFalse(before[3] & termios.ICANON)
        first.type("hello\r")
        first.expect("you said: hello")
        second = self.console("console", "LP1", terminal=True)
        second.expect("you said: hello")  # what was shown before
        second.type("again\r")
        first.expect("you said: again")
        second.expect("you said: again")
        first.type(ESCAPE + "?")
        first.expect(re.escape("zvisor: Ctrl-] then  d detach  s shut the program down  Ctrl-] send Ctrl-]  ? this help"))
        first.type(ESCAPE + "d")
        self.assertEqual(first.end(), SUCCESS)
        self.assertTrue(termios.tcgetattr(first.terminal)[3] & termios.ICANON)
        second.type("still\r")
        second.expect("you said: still")
        second.expect(r"what now\? ")
        self.done("lpar", "deactivate", "LP1")
        self.done("lpar", "activate", "LP1")
        self.done("lpar", "load", "LP1")
        second.expect(r"what now\? ")
        second.type("anew\r")
        second.expect("you said: anew")
        second.signal(signal.SIGTERM)
        self.assertEqual(second.end(), SUCCESS)
        self.assertTrue(termios.tcgetattr(second.terminal)[3] & termios.ICANON)

    def test_a_pipe_waits_for_prompts_and_ends_with_the_program(self):
        done = self.zvisor("console", "LP1", stdin="one\ntwo\noff\n")
        self.assertEqual((done.status, done.error), (SUCCESS, ""))
        said = [line for line in done.output.splitlines() if line.startswith("you said")]
        self.assertEqual(said, ["you said: one", "you said: two", "you said: off"])
        self.expect_state("LP1", "not-operating")
        self.assertIn("you said: off", self.done("console", "LP1"))
        self.assertEqual(self.state("LP2"), "operating")

    def test_the_machine_ends_when_its_programs_have_shut_down(self):
        viewer = self.console("console", "LP2", terminal=True)
        viewer.expect(r"what now\? ")
        log = self.console("console", "LP1", "--follow")
        log.expect(r"what now\? ")
        done = self.zvisor("machine", "stop")
        self.assertEqual((done.status, done.output), (SUCCESS, "CPC1: ended\n"))
        self.assertIn("asked LP1, LP2 to shut down", done.error)
        for console in (viewer, log):
            console.expect("SHUTTING DOWN")
            self.assertEqual(console.end(), SUCCESS)
        self.assertIn("the machine ended", viewer.text)


if __name__ == "__main__":
    unittest.main()
