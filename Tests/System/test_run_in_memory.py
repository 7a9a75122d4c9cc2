# SPDX-License-Identifier: Apache-2.0
"""RUN is in memory on most machines (/run, $XDG_RUNTIME_DIR): what containers write lies on disk all the same, as far as DATA can carry it."""
import ctypes, os, shutil, subprocess, tempfile, time, unittest

from lab_tools import BIN, MODE, use_ready_images

MODES = ("root", "single")
DISKS = {"ext2/ext3", "xfs", "btrfs", "f2fs"}

POD = """
apiVersion: v1
kind: Pod
metadata: {name: writes}
spec:
  terminationGracePeriodSeconds: 1
  volumes:
  - {name: plain, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory}}
  containers:
  - name: c
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "echo a-line; for f in /plain/in-plain /memory/in-memory /in-root; do echo x >$f; done; sleep 3600"]
    readinessProbe: {exec: {command: ["test", "-f", "/in-root"]}, periodSeconds: 1}
    volumeMounts:
    - {name: plain, mountPath: /plain}
    - {name: memory, mountPath: /memory}
"""


def setUpModule():
    if MODE == "root":
        use_ready_images()
        # /run and /var/lib are fixed for root: others in their place, seen by this process alone.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x00020000):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class InMemory(unittest.TestCase):
    def setUp(self):
        # /var/tmp is kept over a boot, and so on no tmpfs.
        self.disk = tempfile.mkdtemp(prefix="podlab-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.disk)
        self.env = {k: v for k, v in os.environ.items() if k != "PODLAB_ROOT"}
        if MODE == "root":
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run"], check=True)
            self.addCleanup(subprocess.run, ["umount", "/run"], check=True)
            subprocess.run(["mount", "--bind", self.disk, "/var/lib"], check=True)
            self.addCleanup(subprocess.run, ["umount", "/var/lib"], check=True)
            self.run_folder, self.data = "/run/podlab", "/var/lib/podlab"
        else:
            memory = tempfile.mkdtemp(prefix="podlab-", dir="/dev/shm")
            self.addCleanup(shutil.rmtree, memory)
            self.env.update(XDG_RUNTIME_DIR=memory, XDG_DATA_HOME=self.disk)
            self.run_folder, self.data = memory + "/podlab", self.disk + "/podlab"
        self.addCleanup(self.tool, "lab", "clean")
        kind = subprocess.run(["stat", "-f", "-c", "%T", self.disk], capture_output=True, text=True, check=True).stdout.strip()
        self.apart = kind in DISKS

    def tool(self, *words, **more):
        return subprocess.run([BIN + "/" + words[0], *words[1:]], capture_output=True, text=True, timeout=300, env=self.env, **more)

    def found(self, top, name):
        return [folder for folder, _, files in os.walk(top) if name in files]

    def test_what_a_pod_writes(self):
        r = self.tool("podctl", "apply", "-f", "-", input=POD)
        self.assertEqual(r.returncode, 0, r.stderr)
        r = self.tool("podctl", "wait", "pod/writes", "--for=condition=Ready", "--timeout=120s")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.tool("podctl", "logs", "writes").stdout, "a-line\n")
        there, elsewhere = (self.data, self.run_folder) if self.apart else (self.run_folder, self.data)
        for name in ("in-plain", "in-root", "0.log"):
            self.assertEqual((len(self.found(there, name)), self.found(elsewhere, name)), (1, []), name)
        self.assertEqual(self.found(self.data, "in-memory") + self.found(self.run_folder, "in-memory"), [])
        self.assertEqual(self.tool("podctl", "delete", "pod", "writes").returncode, 0)
        # Nobody waits for the files of a pod that is gone: they go behind his back.
        end = time.monotonic() + 60
        while self.found(there, "in-plain") + self.found(there, "in-root") + self.found(there, "0.log"):
            self.assertLess(time.monotonic(), end, "files of a pod that is gone are still there")
            time.sleep(0.02)
        self.assertEqual(self.tool("lab", "clean").returncode, 0)
        self.assertFalse(os.path.lexists(self.run_folder + "/pods"))
        self.assertFalse(os.path.lexists(self.data + "/run"))

    def test_a_lab(self):
        # Its volume that is not in memory is on a disk; as an ordinary user with what needs no image.
        lab = "lab-02-shared-volume" if MODE == "root" else "lab-08-pod-fields"
        r = self.tool(lab, "--lang", "en", "--no-pause", stdin=subprocess.DEVNULL)
        self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
        for labs in (self.run_folder + "/labs", self.data + "/run"):
            self.assertFalse(os.path.exists(labs), labs)


if __name__ == "__main__":
    unittest.main()
