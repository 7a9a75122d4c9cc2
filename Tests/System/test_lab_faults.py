# SPDX-License-Identifier: Apache-2.0
"""What can happen to a lab from outside: Ctrl-C at each step, a terminal that is closed or resized, a second run at the same time, one before it that was
kept. Each ends clean. What a lab may lack on the disk is in test_lab_lacks.py."""
import fcntl, os, pty, re, select, struct, termios, time, unittest

from lab_tools import ALL, BIN, LABS, interrupt, left, run, side_by_side, use_ready_images

# What it is about is the terminal and the signal, not the user.
MODES = ("root", "single")


def setUpModule():
    if ALL:
        use_ready_images()


class Terminal:
    """A lab on a terminal of its own, of which it is told nothing."""

    def __init__(self, *args, columns=80):
        pid, self.master = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(BIN + "/" + args[0], list(args))
        self.pid, self.text = pid, ""
        self.resize(columns)

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def until(self, pattern, seconds=90):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("%s did not come: %s" % (pattern, self.text[-2000:]))
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError("it ended: %s" % self.text[-2000:])

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        """The lab's exit code; what it still prints is read."""
        while True:
            if not select.select([self.master], [], [], 120)[0]:
                os.kill(self.pid, 9)
                raise AssertionError("it goes on: %s" % self.text[-2000:])
            try:
                read = os.read(self.master, 65536)
            except OSError:
                break
            if not read:
                break
            self.text += read.decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Faults(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(left(), [])

    def test_interrupted_at_each_step(self):
        def at_each(lab):
            results = [interrupt(lab, 1)]
            results += [interrupt(lab, step) for step in range(2, results[0][3] + 1)]
            return lab, results
        for lab, results in side_by_side([lambda lab=lab: at_each(lab) for lab in (LABS if ALL else ["11-debug"])]):
            self.assertGreater(len(results), 2, lab)
            for step, (code, err, out, steps) in enumerate(results, 1):
                # A last step that waits for nothing may be done before it looks.
                self.assertIn((lab, step, code, err), [(lab, step, 130, "")] + [(lab, steps, 0, "")], out)

    def test_a_terminal_that_is_closed(self):
        # While it waits for a key, and while it works.
        for pattern in (r"\[q\] quit", r"Step 1 of"):
            t = Terminal("lab-01-infra-container", "--lang", "en")
            t.until(pattern)
            os.close(t.master)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]), 130)

    def test_control_c_and_q_on_a_terminal(self):
        for key, code in (("\x03", 130), ("q", 0), ("\x04", 0)):
            t = Terminal("lab-00-process-group", "--lang", "en")
            t.until(r"\[q\] quit")
            t.press(key)
            self.assertEqual(t.end(), code, repr(key))

    def test_a_terminal_that_is_resized(self):
        t = Terminal("lab-00-process-group", "--lang", "en", columns=200)
        t.until(r"\[q\] quit")
        first = t.text
        t.resize(44)
        for step in (2, 3):
            t.press("\n")
            t.until(r"(?s)Step %d of.*(\[q\] quit|Nothing was left)" % step)
        self.assertEqual(t.end(), 0)
        wide = lambda text: max(len(re.sub("\x1b[^m]*m", "", l)) for l in text.splitlines() if l.startswith("      "))
        self.assertGreater(wide(first), 60)
        self.assertLessEqual(wide(t.text[len(first):]), 44)

    def test_twice_at_once(self):
        for lab in (LABS if ALL else ["07-projected-volume"]):
            for r in side_by_side([lambda: run("lab-" + lab, "--lang", "en")] * 2):
                self.assertEqual(r.returncode, 0, lab + r.stdout[-2000:] + r.stderr)

    def test_beside_one_that_was_kept(self):
        kept = run("lab-08-pod-fields", "--lang", "en", "--keep")
        self.assertEqual(kept.returncode, 0, kept.stderr)
        root = re.search(r"kept: podctl --root (\S+) get pods", kept.stdout).group(1)
        again = run("lab-08-pod-fields", "--lang", "en")
        self.assertEqual(again.returncode, 0, again.stdout[-2000:] + again.stderr)
        self.assertIn("Running", run("podctl", "--root", root, "get", "pods").stdout)
        self.assertEqual(run("lab", "clean").returncode, 0)


if __name__ == "__main__":
    unittest.main()
