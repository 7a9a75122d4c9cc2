# SPDX-License-Identifier: Apache-2.0
"""./lab as a person meets it: what it adds when nothing changed, what it says when something is missing."""
import os, shutil, stat, subprocess, tempfile, time, unittest

MODES = ("first",)
HOME = os.environ["PODLAB_SOURCE"]


def program(path, text):
    with open(path, "w") as h:
        h.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


class Wrapper(unittest.TestCase):
    """A copy of the wrapper over a project of two files and a `swift` that only notes that it was called."""

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        for d in ("Tools", "Sources/x", "Labs", "bin"):
            os.makedirs(os.path.join(self.top, d))
        for f in ("lab", "Tools/build.sh"):
            shutil.copy2(os.path.join(HOME, f), os.path.join(self.top, f))
        for f in ("Package.swift", "Sources/x/x.swift"):
            open(os.path.join(self.top, f), "w").close()
        program(self.top + "/bin/swift", 'echo "$*" >>"%s/called"\nmkdir -p "%s/.build/release"\n'
                'printf \'#!/bin/sh\\necho ran "$@"\\nexit 7\\n\' >"%s/.build/release/lab"\nchmod +x "%s/.build/release/lab"\necho "Build complete!"\n' % ((self.top,) * 4))

    def lab(self, *args, path=None, cwd=None):
        env = dict(os.environ, PATH=path or self.top + "/bin:" + os.environ["PATH"])
        return subprocess.run([self.top + "/lab", *args], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=cwd)

    def builds(self):
        try:
            with open(self.top + "/called") as h:
                return len(h.readlines())
        except FileNotFoundError:
            return 0

    def test_builds_once_then_only_after_a_change(self):
        r = self.lab("run", "3")
        self.assertEqual((r.returncode, r.stdout), (7, "ran run 3\n"), r.stderr)
        self.assertEqual(self.builds(), 1)
        self.lab("list")
        self.assertEqual(self.builds(), 1)
        later = time.time() + 2
        os.utime(self.top + "/Sources/x/x.swift", (later, later))
        self.lab("list")
        self.assertEqual(self.builds(), 2)

    def test_speaks_the_language_that_is_asked_for(self):
        self.assertIn("正在编译", self.lab("run", "3", "--lang", "zh").stderr)
        os.remove(self.top + "/.build/podlab.built")
        self.assertIn("building in release mode", self.lab("run", "3", "--lang=en").stderr)

    def test_a_removed_source_is_a_change(self):
        self.lab("list")
        os.remove(self.top + "/Sources/x/x.swift")
        later = time.time() + 2
        os.utime(self.top + "/Sources/x", (later, later))
        self.lab("list")
        self.assertEqual(self.builds(), 2)

    def test_runs_from_anywhere_through_a_link(self):
        os.symlink(self.top + "/lab", self.top + "/bin/lab-link")
        self.lab("list")
        r = subprocess.run([self.top + "/lab", "x"], capture_output=True, text=True, cwd="/")
        self.assertEqual(r.stdout, "ran x\n")

    def test_a_failed_build_says_so_and_is_tried_again(self):
        program(self.top + "/bin/swift", 'echo "x.swift:1:1: error: no"\nexit 1\n')
        r = self.lab("list")
        self.assertEqual(r.returncode, 3)
        self.assertIn("x.swift:1:1: error: no", r.stderr)
        self.assertIn("podlab-build.log", r.stderr)
        self.assertFalse(os.path.exists(self.top + "/.build/podlab.built"))

    def test_without_swift_it_names_the_remedy(self):
        if os.path.exists("/opt/swift/usr/bin/swift"):
            self.assertIn("/opt/swift/usr/bin", open(self.top + "/Tools/build.sh").read())
            with open(self.top + "/Tools/build.sh") as h:
                t = h.read().replace("/opt/swift/usr/bin", "/nowhere")
            with open(self.top + "/Tools/build.sh", "w") as h:
                h.write(t)
        r = self.lab("list", path="/usr/bin:/bin")
        self.assertEqual(r.returncode, 3)
        self.assertIn("https://www.swift.org/install", r.stderr)

    def test_adds_little_when_nothing_changed(self):
        """Measured beside the start of a shell that does nothing, as a ratio: the bar of 30 ms is some ten such starts."""
        self.lab("list")
        program(self.top + "/bin/nothing", "exit 0\n")
        best = lambda argv: min(self.once(argv) for _ in range(15))
        plain, ours = best([self.top + "/bin/nothing"]), best([self.top + "/lab", "list"])
        print("wrapper %.1f ms, a shell's start %.1f ms" % (ours * 1e3, plain * 1e3))
        self.assertLess(ours, plain * 20)

    def once(self, argv):
        t0 = time.perf_counter()
        subprocess.run(argv, stdout=subprocess.DEVNULL)
        return time.perf_counter() - t0


if __name__ == "__main__":
    unittest.main()
