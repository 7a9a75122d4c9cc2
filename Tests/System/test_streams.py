# SPDX-License-Identifier: Apache-2.0
"""What streams between a person and a container: terminals that change their size, sessions that end, copies that hostile links cannot lead
astray, forwarded ports under load, logs that are rotated under their reader, a supervisor that dies meanwhile."""
import fcntl, json, os, pty, re, select, shutil, signal, socket, struct, subprocess, tempfile, termios, threading, time, unittest

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
WAIT = 60

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: %s
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  containers:
  - name: main
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "mkdir -p /www; echo page > /www/f; dd if=/dev/zero of=/www/big bs=1024 count=3000 2>/dev/null; exec httpd -f -p 8080 -h /www"]
  - name: shell
    image: busybox
    imagePullPolicy: IfNotPresent
    stdin: true
    tty: true
    command: ["sh"]
  - name: echo
    image: busybox
    imagePullPolicy: IfNotPresent
    stdin: true
    command: ["cat"]
"""


def podctl(*args, stdin=None, timeout=120):
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=timeout)


def within(seconds, what):
    """The first true answer; what is asked again until then."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.05)


class Terminal:
    """podctl on a terminal of its own."""

    def __init__(self, *args, size=(30, 90)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # The size is there before podctl looks.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            os.execv(BIN + "/podctl", ["podctl", *args])
        self.seen = ""

    def until(self, pattern, seconds=WAIT):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError("no %r in %r" % (pattern, self.seen))
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                more = b""
            if not more:
                raise AssertionError("ended without %r: %r" % (pattern, self.seen))
            self.seen += more.decode(errors="replace")
        out, self.seen = self.seen, ""
        return out

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ended(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.apply(POD % "st")
        r = podctl("wait", "--for=condition=Ready", "pod/st", "--timeout=%ds" % WAIT)
        assert r.returncode == 0, r.stderr + podctl("describe", "pod", "st").stdout

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        subprocess.run([BIN + "/lab", "clean"], capture_output=True, timeout=120, check=True)

    @classmethod
    def apply(cls, text):
        r = podctl("apply", "-f", "-", stdin=text)
        assert r.returncode == 0, r.stderr

    def ok(self, *args, **more):
        r = podctl(*args, **more)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def test_exec_on_a_terminal(self):
        t = Terminal("exec", "-it", "st", "-c", "main", "--", "sh")
        t.until(r"# ")
        t.type("stty size; test -t 2 && echo tty$((1+1))\n")
        self.assertIn("30 90", t.until(r"tty2\r\n"))
        t.resize(41, 123)
        # The new size is there when the signal has come through; asked until it has.
        self.assertTrue(within(WAIT, lambda: (t.type("stty size; echo .$?.\n"), "41 123" in t.until(r"\.0\.\r\n"))[1]))
        t.type("exit 7\n")
        self.assertEqual(t.ended(), 7)

    def test_attach_to_a_shell_and_leave_it(self):
        t = Terminal("attach", "st", "-c", "shell", "-it")
        t.until(r"try pressing enter")
        t.type("\n")
        t.until(r"# ")
        t.type("X=kept; stty size; echo done$((1+1))\n")
        self.assertIn("30 90", t.until(r"done2\r\n"))
        # Ctrl-C is the shell's, not ours.
        t.type("sh -c 'echo go$((1+1)); sleep 1000'\n")
        t.until(r"go2\r\n")
        t.type("\x03")
        t.until(r"# ")
        os.kill(t.pid, signal.SIGTERM)
        self.assertEqual(t.ended(), 128 + signal.SIGTERM)
        # The shell has not noticed.
        t = Terminal("attach", "st", "-c", "shell", "-it")
        t.until(r"try pressing enter")
        t.type("echo is $X\n")
        t.until(r"is kept\r\n")
        os.kill(t.pid, signal.SIGTERM)
        t.ended()
        self.assertIn("is kept", self.ok("logs", "st", "-c", "shell"))

    def test_attach_over_the_death_of_podd(self):
        lock = "%s/run/pods/default/st/podd.lock" % ROOT
        a = subprocess.Popen([BIN + "/podctl", "attach", "st", "-c", "echo", "-i"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        self.addCleanup(a.communicate)
        self.assertIn("command prompt", a.stderr.readline())
        a.stdin.write("before\n")
        a.stdin.flush()
        self.assertEqual(a.stdout.readline(), "before\n")
        with open(lock) as h:
            os.kill(int(h.read()), signal.SIGKILL)
        # Ends with its podd; the container does not.
        a.stdin.close()
        a.stdin = None
        a.wait(timeout=WAIT)
        self.ok("exec", "st", "-c", "main", "--", "true")
        self.ok("attach", "st", "-c", "echo", "-i", stdin="after\n")
        self.assertTrue(within(WAIT, lambda: self.ok("logs", "st", "-c", "echo").splitlines()[-1:] == ["after"]))
        statuses = json.loads(self.ok("get", "pod", "st", "-o", "json"))["status"]["containerStatuses"]
        self.assertEqual([s["restartCount"] for s in statuses], [0, 0, 0])
        self.assertTrue(all("running" in s["state"] for s in statuses))

    def test_copies_that_links_cannot_lead_astray(self):
        top = os.path.join(self.folder, "cp")
        os.makedirs(top + "/victim")
        with open(top + "/victim/f", "w") as h:
            h.write("untouched\n")
        # Out: links in the container that point at our files, and a name that is a link here already.
        self.ok("exec", "st", "-c", "main", "--", "sh", "-c",
                "mkdir -p /h/d; cd /h; ln -s %s/victim v; ln -s / root; ln -s .. up; ln -s d inside; echo new > d/f; echo x > plain" % top)
        os.makedirs(top + "/down")
        os.symlink(top + "/victim", top + "/down/d")
        r = podctl("cp", "st:/h", top + "/down", "-c", "main")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("is outside target destination, skipping", r.stderr)
        self.assertIn("skipping symlink: \"%s/down/v\"" % top, r.stderr)
        with open(top + "/victim/f") as h:
            self.assertEqual(h.read(), "untouched\n")
        self.assertEqual(sorted(os.listdir(top + "/down")), ["d", "inside", "plain"])
        self.assertEqual(os.readlink(top + "/down/inside"), "d")
        # In: a link of the container's that would lead to our /etc leads to its own.
        marker = "podlab-%d" % os.getpid()
        with open(top + "/" + marker, "w") as h:
            h.write("m\n")
        self.ok("exec", "st", "-c", "main", "--", "sh", "-c", "mkdir /esc; ln -s ../../../../../../etc /esc/etc; ln -s /proc/1/root /esc/magic")
        self.ok("cp", top + "/" + marker, "st:/esc/etc/" + marker, "-c", "main")
        self.assertFalse(os.path.exists("/etc/" + marker))
        self.assertEqual(self.ok("exec", "st", "-c", "main", "--", "cat", "/etc/" + marker), "m\n")
        r = podctl("cp", top + "/" + marker, "st:/esc/magic/" + marker, "-c", "main")
        self.assertIn("outside target destination, skipping", r.stderr)
        self.assertFalse(os.path.exists("/" + marker))
        self.ok("cp", top + "/" + marker, "st:../../../../../../tmp/" + marker, "-c", "main")
        self.assertFalse(os.path.exists("/tmp/" + marker))

    def test_a_copy_there_and_back_is_the_same(self):
        top = os.path.join(self.folder, "same")
        os.makedirs(top + "/a/b")
        long = "n" * 200
        with open(top + "/a/b/" + long, "wb") as h:
            h.write(os.urandom(3 << 20))
        open(top + "/a/empty", "w").close()
        os.makedirs(top + "/a/nothing in it")
        os.symlink("b/" + long, top + "/a/link")
        os.chmod(top + "/a/b/" + long, 0o751)
        os.utime(top + "/a/b/" + long, ns=(5, 1234567890123456789))
        self.ok("cp", top + "/a", "st:/same", "-c", "main")
        self.ok("cp", "st:/same", top + "/z", "-c", "main")
        self.assertEqual(subprocess.run(["diff", "-r", "--no-dereference", top + "/a", top + "/z"], capture_output=True, text=True).stdout, "")
        got = os.stat(top + "/z/b/" + long)
        self.assertEqual((got.st_mode & 0o7777, got.st_mtime_ns), (0o751, 1234567890123456789))

    def forward(self, *ports):
        out = tempfile.TemporaryFile("w+")
        p = subprocess.Popen([BIN + "/podctl", "port-forward", "st", *ports], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: (p.kill(), p.wait(), out.close()))

        def said():
            out.seek(0)
            return out.read()
        self.assertTrue(within(WAIT, lambda: said().count("Forwarding from") >= len(ports)), said())
        return said, [int(n) for n in re.findall(r"Forwarding from 127\.0\.0\.1:(\d+)", said())]

    def test_port_forward(self):
        said, (port,) = self.forward(":8080")
        for host in ("127.0.0.1", "[::1]"):
            r = subprocess.run(["curl", "-sg", "-m", str(WAIT), "http://%s:%d/f" % (host, port)], capture_output=True, text=True)
            if host[0] == "1" or ("Forwarding from [::1]" in said()):
                self.assertEqual(r.stdout, "page\n", r.stderr + said())
        self.assertIn("Handling connection for %d" % port, said())
        sizes = []

        def fetch():
            sizes.append(len(subprocess.run(["curl", "-s", "-m", str(WAIT), "http://127.0.0.1:%d/big" % port], capture_output=True).stdout))
        threads = [threading.Thread(target=fetch) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sizes, [3000 * 1024] * 20)
        # Half closed: our side has ended, the answer still comes.
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as s:
            s.sendall(b"GET /f HTTP/1.0\r\n\r\n")
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while more := s.recv(65536):
                answer += more
            self.assertTrue(answer.endswith(b"page\n"), answer)

    def test_port_forward_to_where_nobody_listens(self):
        said, ports = self.forward(":9", ":8080")
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=WAIT) as s:
            self.assertEqual(s.recv(1), b"")
        self.assertTrue(within(WAIT, lambda: "error forwarding port 9 to pod st" in said()), said())
        r = subprocess.run(["curl", "-s", "-m", str(WAIT), "http://127.0.0.1:%d/f" % ports[1]], capture_output=True, text=True)
        self.assertEqual(r.stdout, "page\n")

    def test_debug_sees_the_target(self):
        t = Terminal("debug", "st", "-it", "--image=busybox", "--image-pull-policy=IfNotPresent", "--target=main", "-c", "dbg")
        t.until(r"# ")
        t.type("ps; readlink /proc/self/ns/pid; cat /proc/1/root/www/f; echo end$((1+1))\n")
        seen = t.until(r"end2\r\n")
        self.assertIn("httpd -f -p 8080", seen)
        self.assertIn("page\r\n", seen)
        ns = self.ok("exec", "st", "-c", "main", "--", "readlink", "/proc/self/ns/pid").strip()
        self.assertIn(ns, seen)
        t.type("exit 4\n")
        t.ended()

        def ended():
            s = json.loads(self.ok("get", "pod", "st", "-o", "json"))["status"]
            return s["ephemeralContainerStatuses"][0]["state"].get("terminated", {}).get("exitCode") == 4 and s["phase"] == "Running"
        self.assertTrue(within(WAIT, ended))

    def test_logs_are_followed_over_rotations_and_nothing_is_lost(self):
        lines = 1200000
        self.apply("""
apiVersion: v1
kind: Pod
metadata:
  name: loud
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - name: main
    image: busybox
    imagePullPolicy: IfNotPresent
    stdin: true
    stdinOnce: true
    command: ["sh", "-c", "read go; seq %d"]
""" % lines)
        self.ok("wait", "--for=condition=Ready", "pod/loud", "--timeout=%ds" % WAIT)
        f = subprocess.Popen([BIN + "/podctl", "logs", "-f", "loud"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        folder = "%s/run/pods/default/loud/containers/main" % ROOT
        # It follows once it has the file open.
        self.assertTrue(within(WAIT, lambda: any(os.readlink("/proc/%d/fd/%s" % (f.pid, fd)).endswith("0.log") for fd in os.listdir("/proc/%d/fd" % f.pid))))
        a = subprocess.Popen([BIN + "/podctl", "attach", "loud", "-i", "-q"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        a.communicate(b"go\n", timeout=20 * WAIT)
        count, last = 0, 0
        for line in f.stdout:
            count, last = count + 1, last + (int(line) == last + 1)
        f.stdout.close()
        self.assertEqual((f.wait(timeout=WAIT), count, last), (0, lines, lines))
        names = os.listdir(folder)
        self.assertGreater(len([n for n in names if n.startswith("0.log.")]), 0, names)
        self.assertLessEqual(len([n for n in names if n.startswith("0.log")]), 5)


if __name__ == "__main__":
    unittest.main()
