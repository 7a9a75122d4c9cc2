# SPDX-License-Identifier: Apache-2.0
"""A supervisor dies, a container ends while nobody looks, another supervisor takes over. Linux 6.15 and later still tell how the container ended
(PIDFD_GET_INFO with PIDFD_INFO_EXIT); older kernels don't, and then the status says so, as kubelet's does."""
import json, os, re, signal, subprocess, time, unittest

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
KERNEL = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])

POD = """apiVersion: v1
kind: Pod
metadata:
  name: orphan
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: ends
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "trap 'exit 7' USR1; echo run; sleep 3600 & wait"]
  - name: stays
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done"]
"""


def podctl(*args, stdin=None):
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=90)


def state():
    with open(ROOT + "/run/pods/default/orphan/state.json") as h:
        return json.load(h)


def supervisor():
    with open(ROOT + "/run/pods/default/orphan/podd.lock") as h:
        return int(h.read().split()[0])


def until(what, holds):
    end = time.monotonic() + 60
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("not within a minute: " + what)
        time.sleep(0.02)


def is_gone(pid):
    """Ended and reaped."""
    return not os.path.exists("/proc/%d" % pid)


class Adoption(unittest.TestCase):
    def setUp(self):
        r = podctl("apply", "-f", "-", stdin=POD)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.addCleanup(podctl, "delete", "pod", "orphan", "--grace-period=0", "--force")
        self.assertEqual(podctl("wait", "--for=condition=Ready", "pod/orphan", "--timeout=60s").returncode, 0)

    def pids(self):
        return {c["name"]: c["pid"] for c in state()["containers"]}

    def kill_supervisor(self):
        pid = supervisor()
        os.kill(pid, signal.SIGKILL)
        until("podd is gone", lambda: is_gone(pid))

    def status(self, name):
        whole = json.loads(podctl("get", "pod", "orphan", "-o", "json").stdout)
        return next(c for c in whole["status"]["containerStatuses"] if c["name"] == name)

    def test_an_end_that_nobody_saw(self):
        pids = self.pids()
        self.kill_supervisor()
        self.assertIn("Unknown", podctl("get", "pod", "orphan").stdout)
        os.kill(pids["ends"], signal.SIGUSR1)
        until("the container is reaped", lambda: is_gone(pids["ends"]))
        r = podctl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/orphan", "--timeout=60s")
        self.assertEqual(r.returncode, 0, r.stderr)
        last = self.status("ends")["lastState"]["terminated"]
        if KERNEL >= (6, 15):
            self.assertEqual((last["exitCode"], last["reason"]), (7, "Error"))
        else:
            self.assertEqual((last["exitCode"], last["reason"]), (137, "ContainerStatusUnknown"))
        # The other one never noticed: the same process, and no line of its log is missing or doubled.
        self.assertEqual(self.status("stays")["restartCount"], 0)
        self.assertEqual(self.pids()["stays"], pids["stays"])

    def test_what_the_state_does_not_know_is_ended(self):
        """A podd that was killed between making a process and writing it down: found by its cgroup, or, where there is none, by the namespaces that it shares."""
        pids = self.pids()
        self.kill_supervisor()
        known = state()
        known["containers"] = [c for c in known["containers"] if c["name"] != "ends"]
        path = ROOT + "/run/pods/default/orphan/state.json"
        with open(path + ".new", "w") as h:
            json.dump(known, h)
        os.rename(path + ".new", path)
        self.assertEqual(podctl("wait", "--for=jsonpath={.metadata.name}=orphan", "pod/orphan").returncode, 0)
        until("the process that nobody knows is gone", lambda: is_gone(pids["ends"]))
        r = podctl("wait", "--for=condition=Ready", "pod/orphan", "--timeout=60s")
        self.assertEqual(r.returncode, 0, r.stderr)
        until("another one runs", lambda: self.pids().get("ends", pids["ends"]) != pids["ends"])
        self.assertEqual((self.pids()["stays"], self.status("stays")["restartCount"]), (pids["stays"], 0))

    def test_no_line_is_lost(self):
        self.kill_supervisor()
        self.assertEqual(podctl("wait", "--for=jsonpath={.metadata.name}=orphan", "pod/orphan").returncode, 0)
        lines = lambda: podctl("logs", "orphan", "-c", "stays").stdout.splitlines()
        seen = len(lines())
        until("ten more lines", lambda: len(lines()) > seen + 10)
        got = lines()
        self.assertEqual(got, ["line %d" % (i + 1) for i in range(len(got))])

    def test_an_end_that_the_new_one_sees(self):
        """The adopted container is nobody's child here: its end is noticed all the same, at once."""
        pids = self.pids()
        self.kill_supervisor()
        self.assertEqual(podctl("wait", "--for=jsonpath={.metadata.name}=orphan", "pod/orphan").returncode, 0)
        os.kill(pids["ends"], signal.SIGUSR1)
        r = podctl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/orphan", "--timeout=60s")
        self.assertEqual(r.returncode, 0, r.stderr)
        last = self.status("ends")["lastState"]["terminated"]
        self.assertIn((last["exitCode"], last["reason"]), [(7, "Error"), (137, "ContainerStatusUnknown")] if KERNEL < (6, 15) else [(7, "Error")])


if __name__ == "__main__":
    unittest.main()
