# SPDX-License-Identifier: Apache-2.0
"""An ordinary user's node whose maker was killed: its holder, which nobody uses, is ended by whoever comes next."""
import json, os, subprocess, unittest

from instance import BIN, Instance

MODES = ("single",)


def start_time(pid):
    with open("/proc/%d/stat" % pid) as h:
        return int(h.read().rpartition(")")[2].split()[19])


class HalfMade(Instance):
    def test_it_is_ended_and_not_entered(self):
        self.podctl("get", "pods")
        self.podctl("create", "configmap", "c")
        node = self.root + "/run/node.json"
        with open(node) as h:
            whole = json.load(h)
        self.assertTrue(whole["ready"])
        half = subprocess.Popen([BIN + "/pause"], stdin=subprocess.DEVNULL)
        self.addCleanup(half.kill)
        # As it is when a new one has been begun after the first has died.
        os.kill(whole["pid"], 9)
        with open(node, "w") as h:
            json.dump(dict(whole, pid=half.pid, startTime=start_time(half.pid), ready=False), h)
        self.podctl("create", "configmap", "d")
        self.assertEqual(half.wait(60), -9)
        with open(node) as h:
            now = json.load(h)
        self.assertTrue(now["ready"])
        self.assertNotIn(now["pid"], (whole["pid"], half.pid))
        self.assertNotEqual(os.readlink("/proc/%d/ns/user" % now["pid"]), os.readlink("/proc/self/ns/user"))
        self.assertIn("c", self.podctl("get", "configmaps", "-o", "name").stdout)


if __name__ == "__main__":
    unittest.main()
