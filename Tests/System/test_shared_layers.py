# SPDX-License-Identifier: Apache-2.0
"""Twenty pods of one image: nothing of it is copied, and its pages are in memory once."""
import os, re, unittest

from instance import Instance

MODES = ("root",)
PODS = 20


def manifest(i, marker):
    return """apiVersion: v1
kind: Pod
metadata:
  name: p%d
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sleep", "%d"]
---
""" % (i, marker)


def program_pages(pid):
    """(Rss, Pss) in kB of what is mapped of the program's file."""
    program = os.readlink("/proc/%d/exe" % pid)
    rss = pss = 0
    mapped = False
    with open("/proc/%d/smaps" % pid) as h:
        for line in h:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                # Without what it has written to: that is its own.
                mapped = line.rstrip("\n").endswith(" " + program) and " r-xp " in line
            elif mapped and line.startswith("Rss:"):
                rss += int(line.split()[1])
            elif mapped and line.startswith("Pss:"):
                pss += int(line.split()[1])
    return rss, pss


class SharedLayers(Instance):
    def programs(self, marker):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as h:
                    if h.read() == b"sleep\0%d\0" % marker:
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def test_twenty_pods(self):
        marker = 10_000_000 + os.getpid()
        self.podctl("apply", "-f", "-", stdin="".join(manifest(i, marker) for i in range(PODS)))
        self.podctl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=300s")
        pids = self.programs(marker)
        self.assertEqual(len(pids), PODS)
        for pid in pids:
            rss, pss = program_pages(pid)
            self.assertGreater(rss, 0)
            # Each page counts a twentieth to each of twenty; one of them may have met pages that no other has.
            self.assertLess(pss, rss / (PODS / 2), "the pages of %d are not shared" % pid)
        # Their own layers hold nothing: neither a copy of the image nor the points where something is mounted.
        copied = []
        for folder, folders, files in os.walk(self.root + "/run/pods"):
            if "/upper" in folder or os.path.basename(folder) == "upper":
                copied += [os.path.join(folder, name) for name in folders + files]
        self.assertEqual(copied, [])
        uppers = [f for f, _, _ in os.walk(self.root + "/run/pods") if os.path.basename(f) == "upper"]
        self.assertEqual(len(uppers), PODS)


if __name__ == "__main__":
    unittest.main()
