# SPDX-License-Identifier: Apache-2.0
"""Places on the node, pods over a boot, journals replayed: with instances of their own, as root."""
import os, signal, subprocess, unittest

from instance import BIN, Instance

MODES = ("root",)

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: %s
spec:
  terminationGracePeriodSeconds: 1
%s
  containers:
  - name: c
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "%s"]
%s
"""
STAY = "trap 'exit 0' TERM; sleep 3600 & wait"


class PodsOfAnInstance(Instance):
    def apply(self, name, spec="", command=STAY, container=""):
        self.podctl("apply", "-f", "-", stdin=POD % (name, spec, command, container))

    def folder(self, name):
        return "%s/run/pods/default/%s" % (self.root, name)

    def members(self):
        """Processes of this instance's containers, by their cgroup."""
        with open(self.root + "/data/instance.id") as h:
            mark = "podlab-" + h.read()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cgroup" % pid) as h:
                    if mark in h.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def kill_everything(self):
        for name in os.listdir(self.root + "/run/pods/default"):
            with open(self.folder(name) + "/podd.lock") as h:
                os.kill(int(h.read()), signal.SIGKILL)
        for pid in self.members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.until(lambda: not self.members())


class Places(PodsOfAnInstance):
    def test_two_at_once_cannot_take_the_same_room(self):
        half = "    resources:\n      requests:\n        memory: %dKi" % (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024 * 2 // 3)
        both = [subprocess.Popen([BIN + "/podctl", "apply", "-f", "-"], stdin=subprocess.PIPE, env=self.env, text=True, stdout=subprocess.DEVNULL) for _ in range(2)]
        for n, p in enumerate(both):
            p.stdin.write(POD % ("p%d" % n, "", STAY, half))
            p.stdin.close()
        for p in both:
            self.assertEqual(p.wait(120), 0)
        phases = lambda: sorted(self.get("p%d" % n)["status"].get("phase") for n in range(2))
        self.until(lambda: phases() == ["Pending", "Running"])
        winner = next(n for n in range(2) if self.get("p%d" % n)["status"]["phase"] == "Running")
        self.podctl("delete", "pod", "p%d" % winner)
        self.podctl("wait", "--for=condition=Ready", "pod/p%d" % (1 - winner), "--timeout=60s")


class Boot(PodsOfAnInstance):
    def test_pods_are_started_again_with_kubelets_statuses(self):
        self.apply("stays")
        self.apply("done", "  restartPolicy: Never", "exit 0")
        self.apply("once", "  restartPolicy: Never")
        self.apply("waits", "  nodeSelector: {example.com/none: x}")
        self.podctl("wait", "--for=condition=Ready", "pod/stays", "pod/once", "--timeout=60s")
        self.until(lambda: self.get("done")["status"]["phase"] == "Succeeded")
        before = self.get("stays")
        self.kill_everything()
        subprocess.run(["rm", "-rf", self.root + "/run"], check=True)
        self.podctl("get", "pods")
        self.until(lambda: self.get("stays")["status"].get("phase") == "Running" and "running" in self.get("stays")["status"]["containerStatuses"][0]["state"])
        after = self.get("stays")
        self.assertEqual(after["metadata"]["uid"], before["metadata"]["uid"])
        self.assertEqual(after["status"]["startTime"], before["status"]["startTime"])
        status = after["status"]["containerStatuses"][0]
        self.assertEqual(status["restartCount"], 1)
        self.assertEqual(status["lastState"]["terminated"]["reason"], "ContainerStatusUnknown")
        self.assertEqual(status["lastState"]["terminated"]["exitCode"], 137)
        self.assertEqual(self.get("done")["status"]["phase"], "Succeeded")
        self.until(lambda: self.get("once")["status"]["phase"] == "Failed")
        self.assertEqual(self.get("waits")["status"]["phase"], "Pending")
        self.podctl("delete", "pod", "--all")
        self.assertEqual(os.listdir(self.root + "/data/objects/pods/default"), [])


class Journals(PodsOfAnInstance):
    def test_real_lives_replay_to_the_same_effects(self):
        probe = "    livenessProbe:\n      exec: {command: ['false']}\n      periodSeconds: 1\n      failureThreshold: 1"
        # The finalizer keeps the object, and with it the journal, over the delete.
        self.podctl("apply", "-f", "-", stdin=POD % ("steady\n  finalizers: [example.com/hold]", "", STAY, ""))
        self.podctl("wait", "--for=condition=Ready", "pod/steady", "--timeout=60s")
        self.apply("crash", command="exit 1")
        self.apply("probed", container=probe)
        self.apply("done", "  restartPolicy: Never", "exit 3")
        self.apply("waits", "  nodeSelector: {example.com/none: x}")
        self.until(lambda: self.get("crash")["status"]["containerStatuses"][0]["restartCount"] >= 1)
        self.until(lambda: self.get("probed")["status"]["containerStatuses"][0]["restartCount"] >= 1)
        with open(self.folder("steady") + "/podd.lock") as h:
            os.kill(int(h.read()), signal.SIGKILL)
        self.podctl("delete", "pod", "steady", "--wait=false", "--grace-period=3")
        self.until(lambda: self.get("steady")["status"]["phase"] in ("Succeeded", "Failed"))
        for name in ("steady", "crash", "probed", "done", "waits"):
            r = subprocess.run([BIN + "/podd", "--replay", self.folder(name)], capture_output=True, text=True, timeout=60)
            self.assertEqual(r.returncode, 0, name + ": " + r.stdout + r.stderr)
            self.assertIn(": the same", r.stdout)


if __name__ == "__main__":
    unittest.main()
