# SPDX-License-Identifier: Apache-2.0
"""A test with an instance of its own, which is gone after it."""
import json, os, subprocess, tempfile, time, unittest

BIN = os.environ["PODLAB_BIN"]


class Instance(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.root = self.work.name + "/i"
        self.env = dict(os.environ, PODLAB_ROOT=self.root)

    def tearDown(self):
        subprocess.run([BIN + "/lab", "clean"], env=self.env, capture_output=True, timeout=120)
        self.work.cleanup()

    def podctl(self, *args, stdin=None, ok=True, timeout=120):
        r = subprocess.run([BIN + "/podctl", *args], input=stdin, env=self.env, capture_output=True, text=True, timeout=timeout)
        if ok:
            self.assertEqual(r.returncode, 0, " ".join(args) + ": " + r.stdout + r.stderr)
        return r

    def get(self, name):
        return json.loads(self.podctl("get", "pod", name, "-o", "json").stdout)

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.05)
        self.fail("it did not come to be within %d s" % seconds)
