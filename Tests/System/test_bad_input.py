# SPDX-License-Identifier: Apache-2.0
"""Bad input and machines that refuse: one clear message with the remedy, and nothing half made.

What a manifest can have wrong is in Tests/ManifestTests and in the conformance cases (validate); here it is seen from outside, beside what a full, a
read-only and a forbidden machine do."""
import ctypes, json, os, shutil, subprocess, tempfile, threading, unittest

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
MODE = os.environ["PODLAB_TEST_MODE"]

POD = """apiVersion: v1
kind: Pod
metadata:
  name: %s
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: %s
    imagePullPolicy: IfNotPresent
    command: [%s]
"""

MISTAKES = """apiVersion: v1
kind: Pod
metadata:
  name: wrong
  labels:
    app: a
    app: b
spec:
  restartPolicy: Sometimes
  hostNetwork: "yes"
  containers:
  - image: busybox
    volumeMount:
    - name: data
      mountPath: /data
    ports:
    - containerPort: 80
"""


def podctl(*args, stdin=None, env=None, before=(), timeout=90):
    whole = dict(os.environ)
    for k, v in (env or {}).items():
        whole.pop(k, None) if v is None else whole.__setitem__(k, v)
    return subprocess.run([*before, BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=timeout, env=whole)


def files(folder):
    return sorted(os.path.join(d, n) for d, _, names in os.walk(folder) for n in names)


def in_user_namespace(argv, stdin):
    """Runs a command as root of a new user namespace in which every id is itself."""
    libc = ctypes.CDLL(None, use_errno=True)
    born, mapped = os.pipe(), os.pipe()

    def child():
        if libc.unshare(0x10000000):  # CLONE_NEWUSER
            os._exit(99)
        os.write(born[1], b"%d" % os.getpid())
        os.read(mapped[0], 1)

    def parent():
        pid = int(os.read(born[0], 20))
        for f in ("uid_map", "gid_map"):
            with open("/proc/%d/%s" % (pid, f), "w") as h:
                h.write("0 0 4294967295")
        os.write(mapped[1], b"x")

    helper = threading.Thread(target=parent)
    helper.start()
    try:
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, preexec_fn=child)
    finally:
        helper.join(60)
        for fd in (*born, *mapped):
            os.close(fd)


class BadInput(unittest.TestCase):
    def refused(self, r, *words):
        said = r.stdout + r.stderr
        self.assertNotEqual(r.returncode, 0, said)
        for w in words:
            self.assertRegex(said, w)
        self.assertNotRegex(said, r"Fatal error|Stack dump|Traceback|Program crashed")

    def test_every_mistake_at_once_and_nothing_touched(self):
        r = podctl("apply", "-f", "-", stdin=MISTAKES)
        self.refused(
            r, r'(?m)^STDIN:7:5: metadata\.labels\.app: duplicate key \(first at line 6\)',
            r'(?m)^STDIN:10:16: spec\.hostNetwork: expected a boolean', r'(?m)^STDIN:12:5: spec\.containers\[0\]\.name: Required value',
            r'(?m)^STDIN:13:5: spec\.containers\[0\]\.volumeMount: unknown field \(did you mean "volumeMounts"\?\)')
        self.assertEqual(podctl("get", "pods", "-o", "name").stdout, "")

    def test_no_manifest_at_all(self):
        for text, words in (("", "no objects"), ("just words\n", "expected an object"), ("a: [1\n", r"STDIN:\d+:\d+: "), ("kind: Pod\n", "apiVersion: Required value"),
                            ("apiVersion: apps/v1\nkind: Deployment\n", 'no matches for kind "Deployment"'), ("\x00\x01", "STDIN:1:")):
            with self.subTest(text):
                self.refused(podctl("apply", "-f", "-", stdin=text), words)
        self.refused(podctl("apply", "-f", "/no/such/file.yaml"), 'the path "/no/such/file.yaml" does not exist')

    def test_a_pod_that_is_there(self):
        try:
            self.assertEqual(podctl("apply", "-f", "-", stdin=POD % ("there", "busybox", '"sleep", "60"')).returncode, 0)
            r = podctl("apply", "-f", "-", stdin=POD % ("there", "busybox", '"sleep", "61"'))
            self.refused(r, r'The Pod "there" is invalid: spec: Forbidden: pod updates may not change fields other than')
            r = podctl("get", "pod", "there", "-o", "jsonpath={.spec.containers[0].command[1]}")
            self.assertEqual(r.stdout, "60")
        finally:
            podctl("delete", "pod", "there", "--grace-period=0", "--force")

    def test_a_command_that_the_image_lacks(self):
        try:
            self.assertEqual(podctl("apply", "-f", "-", stdin=POD % ("lacks", "busybox", '"no-such-program"')).returncode, 0)
            r = podctl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/lacks", "--timeout=60s")
            self.assertEqual(r.returncode, 0, r.stderr)
            end = json.loads(podctl("get", "pod", "lacks", "-o", "json").stdout)["status"]["containerStatuses"][0]["state"]["terminated"]
            self.assertEqual((end["reason"], end["exitCode"]), ("StartError", 128))
            self.assertIn('exec: "no-such-program": executable file not found in $PATH', end["message"])
        finally:
            podctl("delete", "pod", "lacks", "--grace-period=0", "--force")

    def test_an_image_that_is_not_there(self):
        try:
            self.assertEqual(podctl("apply", "-f", "-", stdin=POD % ("imageless", "no.example/none:1", '"true"')).returncode, 0)
            path = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff"
            r = podctl("wait", "--for=" + path, "pod/imageless", "--timeout=60s")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertRegex(podctl("describe", "pod", "imageless").stdout, r'Failed to pull image "no\.example/none:1"')
        finally:
            podctl("delete", "pod", "imageless", "--grace-period=0", "--force")


class Machine(unittest.TestCase):
    refused = BadInput.refused

    def on_a_small_file_system(self, options, fill):
        place = tempfile.mkdtemp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
        try:
            fill(place)
            r = podctl("--root", place + "/i", "apply", "-f", "-", stdin=POD % ("full", "busybox", '"sleep", "60"'))
            left = [f for f in files(place) if "/pods/" in f]
            return r, left
        finally:
            subprocess.run([BIN + "/lab", "clean", "--root", place + "/i"], capture_output=True)
            subprocess.run(["umount", "-l", place], check=True)
            os.rmdir(place)

    def full(self):
        def fill(place):
            fd = os.open(place + "/filler", os.O_WRONLY | os.O_CREAT)
            try:
                while True:
                    os.write(fd, b"x" * 4096)
            except OSError:
                os.close(fd)
        r, left = self.on_a_small_file_system("size=64k", fill)
        self.refused(r, "ENOSPC", "make room on that file system, or choose another place with --root DIR")
        self.assertEqual(left, [])

    def read_only(self):
        def fill(place):
            subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        r, left = self.on_a_small_file_system("size=64k", fill)
        self.refused(r, "EROFS", "the file system is read-only: choose another place with --root DIR")
        self.assertEqual(left, [])

    def forbidden(self):
        """user.max_user_namespaces is 0 in a user namespace of the test's own, where an ordinary user asks for one."""
        place = tempfile.mkdtemp(dir="/tmp")
        os.chmod(place, 0o777)
        script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --reuid 60999 --regid 60999 --clear-groups "$0" --root "$1/i" apply -f -'
        try:
            r = in_user_namespace(["sh", "-c", script, BIN + "/podctl", place], POD % ("never", "busybox", '"true"'))
            self.refused(r, r"user\.max_user_namespaces is 0: as root, sysctl user\.max_user_namespaces=")
            self.assertEqual([f for f in files(place) if "/pods/" in f], [])
        finally:
            shutil.rmtree(place, ignore_errors=True)

    if MODE == "root":
        test_a_full_file_system = full
        test_a_read_only_file_system = read_only
        test_user_namespaces_are_forbidden = forbidden

    def without_runtime_folder(self):
        home = tempfile.mkdtemp()
        own = "/tmp/podlab-%d" % os.getuid()
        self.assertFalse(os.path.exists(own), "left from elsewhere")
        env = {"XDG_RUNTIME_DIR": None, "PODLAB_ROOT": None, "XDG_DATA_HOME": None, "HOME": home}
        try:
            r = podctl("apply", "-f", "-", stdin=POD % ("homeless", "busybox", '"sleep", "60"'), env=env)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(os.stat(own).st_mode & 0o7777, 0o700)
            self.assertEqual(podctl("wait", "--for=condition=Ready", "pod/homeless", "--timeout=60s", env=env).returncode, 0)
            self.assertEqual(podctl("delete", "pod", "homeless", "--grace-period=0", "--force", env=env).returncode, 0)
        finally:
            subprocess.run([BIN + "/lab", "clean"], capture_output=True, env={k: v for k, v in dict(os.environ, HOME=home).items()
                                                                             if k not in ("XDG_RUNTIME_DIR", "PODLAB_ROOT", "XDG_DATA_HOME")})
            shutil.rmtree(own, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)

    if MODE != "root":
        test_no_runtime_folder = without_runtime_folder

    def test_nobody_elses_folder(self):
        """A folder that belongs to another is not used: the message says whose it is."""
        if MODE == "root":
            place = tempfile.mkdtemp()
            os.makedirs(place + "/run")
            os.chown(place + "/run", 60999, 60999)
        else:
            place = tempfile.mkdtemp()
            os.symlink("/usr", place + "/run")  # root's
        r = podctl("--root", place, "apply", "-f", "-", stdin=POD % ("alien", "busybox", '"true"'))
        self.refused(r, r"belongs to user \d+|choose (a place of your own|another)")


if __name__ == "__main__":
    unittest.main()
