# SPDX-License-Identifier: Apache-2.0
"""The fuzz targets, a minute each from the corpus. Only with ./test --all; the corpus alone is read by the unit tests each time."""
import os, re, subprocess, unittest

MODES = ("first",)
LONG = True
SOURCE = os.environ["PODLAB_SOURCE"]
SECONDS = 60


class Fuzz(unittest.TestCase):
    def test_a_minute_each_finds_nothing(self):
        targets = sorted(f[:-6] for f in os.listdir(SOURCE + "/Fuzz") if f.endswith(".swift"))
        self.assertGreaterEqual(len(targets), 4)
        for t in targets:
            with self.subTest(t):
                r = subprocess.run([SOURCE + "/Fuzz/run", t, str(SECONDS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                self.assertEqual(r.returncode, 0, r.stdout)
                runs = re.search(r"^%s: (\d+) runs" % t, r.stdout, re.M)
                self.assertTrue(runs and int(runs.group(1)) > 100, r.stdout)


if __name__ == "__main__":
    unittest.main()
