# SPDX-License-Identifier: Apache-2.0
"""lab learn and lab run on a terminal of 80 by 24 (tmux): keys, pages, both languages, and the pauses of a lab."""
import os, shutil, subprocess, tempfile, time, unittest

MODES = ("root",)
BIN = os.environ["PODLAB_BIN"]


class Terminal:
    """A tmux server of its own."""

    def __init__(self, *command):
        self.folder = tempfile.mkdtemp(dir="/tmp")
        self.base = ["tmux", "-S", self.folder + "/s", "-f", "/dev/null"]
        env = dict(os.environ, LANG="C.UTF-8", LC_ALL="C.UTF-8", TERM="xterm-256color", XDG_STATE_HOME=self.folder + "/state")
        env.pop("TMUX", None)
        subprocess.run(self.base + ["new-session", "-d", "-x", "80", "-y", "24", " ".join(command) + "; echo ended $?; sleep 600"], check=True, env=env)
        subprocess.run(self.base + ["set", "-g", "status", "off"], check=True)

    def screen(self):
        return subprocess.run(self.base + ["capture-pane", "-p"], capture_output=True, text=True).stdout

    def keys(self, *keys):
        subprocess.run(self.base + ["send-keys", *keys], check=True)

    def until(self, text, seconds=40):
        """Looks at the screen until it holds the text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            s = self.screen()
            if text in s:
                return s
            time.sleep(0.05)
        raise AssertionError("%r did not come; the screen:\n%s" % (text, self.screen()))

    def close(self):
        subprocess.run(self.base + ["kill-server"], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Learn(unittest.TestCase):
    def terminal(self, *command):
        t = Terminal(*command)
        self.addCleanup(t.close)
        return t

    def test_learn_opens_and_quits_in_both_languages(self):
        for language, word in (("en", "sidecar"), ("zh", "容器")):
            t = self.terminal(BIN + "/lab", "learn", "3", "--lang", language)
            s = t.until(word)
            self.assertTrue(all(len(l) <= 80 for l in s.splitlines()))
            t.keys("q")
            t.until("ended 0")

    def test_run_pauses_and_quits_clean(self):
        t = self.terminal(BIN + "/lab", "run", "0", "--lang", "en")
        t.until("[Enter] go on")
        t.keys("Enter")
        t.until("Step 2 of 3")
        t.until("[Enter] go on")
        # One key is enough, and keys that mean nothing do nothing.
        t.keys("x")
        t.keys("q")
        t.until("ended 0")
        labs = os.environ["PODLAB_ROOT"] + "/run/labs"
        self.assertFalse(os.path.isdir(labs) and os.listdir(labs))

    def test_a_shell_in_a_container(self):
        t = self.terminal(BIN + "/lab", "run", "1", "--lang", "en")
        t.until("[Enter] go on")
        t.keys("s", "Enter")
        t.until("which container")
        t.keys("web", "Enter")
        t.until("#")
        t.keys("cat /www/index.html", "Enter")
        t.until("hello from web")
        t.keys("exit", "Enter")
        t.until("[Enter] go on")
        t.keys("q", "Enter")
        t.until("ended 0")


if __name__ == "__main__":
    unittest.main()
