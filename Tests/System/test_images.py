# SPDX-License-Identifier: Apache-2.0
"""Images in and out of the store: what a layer may hold is there in the container, skopeo and umoci read what we write and we read what they write, a
kill, a full disk and a flipped byte do no harm that is not seen, and nobody takes an image from under a pod."""
import gzip, json, os, shutil, subprocess, sys, tarfile, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from image_maker import Image, docker, folder, hardlink, item, layer, sha, symlink, tar_of

MODES = ("root", "subids", "single")
MODE = os.environ.get("PODLAB_TEST_MODE", "root")
BIN = os.environ["PODLAB_BIN"]
BUSYBOX = open("/bin/busybox", "rb").read()
TIMEOUT = 240

# Not a sparse member of tar's own making: PAX 1.0, as GNU tar writes it.
SPARSE = [(0, b"head"), (1 << 20, b"tail")]


def run(*args, env=None, input=None, check=None):
    r = subprocess.run(args, capture_output=True, env=env, input=input, timeout=TIMEOUT)
    if check is not None:
        check.assertEqual(r.returncode, 0, r.stderr.decode(errors="replace"))
    return r


def base_layer():
    shell = [hardlink("bin/" + n, "bin/busybox") for n in ("sh", "cat", "ls", "stat", "sleep", "id", "pwd", "test", "env")]
    return layer(
        folder("bin"), item("bin/busybox", BUSYBOX, mode=0o755), *shell, folder("tmp", mode=0o1777), folder("etc"),
        item("etc/passwd", b"root:x:0:0::/:/bin/sh\nworker:x:33:44::/:/bin/sh\n"), item("etc/group", b"root:x:0:\nworker:x:44:\n"),
        folder("data"), item("data/old", b"old"), folder("data/deep"), item("data/deep/old", b"old"), item("gone", b"x"), folder("gonefolder"), item("gonefolder/x", b"x"))


def upper_layer():
    long = "d" * 120 + "/" + "f" * 200
    return layer(
        item(".wh.gone"), item(".wh.gonefolder"), folder("data"), item("data/.wh..wh..opq"), item("data/new", b"new"),
        item("setuid", b"x", mode=0o4755), item("first", b"linked"), hardlink("second", "first"), symlink("link", "data/new"), item(long, b"long"),
        item("größe", b"name"), item("attribute", b"x", pax_headers={"SCHILY.xattr.user.podlab": "hello"}), item("owned", b"x", uid=33, gid=44),
        item("old", b"x", mtime=1234567890.5, pax_headers={"mtime": "1234567890.5"}))


def big(megabytes=64):
    return layer(*[item("f%d" % i, os.urandom(1 << 16)) for i in range(megabytes * 16)])


class World(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.env = dict(os.environ, PODLAB_IMAGES=self.top + "/images", PODLAB_ROOT=self.top + "/i")
        self.store = self.top + "/images"

    def tearDown(self):
        # Pods, and an ordinary user's node.
        run(BIN + "/lab", "clean", env=self.env)

    def podctl(self, *args, env=None, **more):
        return run(BIN + "/podctl", *args, env=env or self.env, **more)

    def file(self, name, data):
        path = self.top + "/" + name
        with open(path, "wb") as f:
            f.write(data)
        return path

    def imported(self, data, name="image.tar"):
        r = self.podctl("image", "import", self.file(name, data), check=self)
        return r.stdout.decode(), r.stderr.decode()

    def images(self):
        return json.loads(self.podctl("image", "ls", "-o", "json", check=self).stdout)["items"]

    def pod(self, name, image, command=None, env=None, **more):
        c = {"name": "main", "image": image, "imagePullPolicy": "Never", "terminationMessagePolicy": "FallbackToLogsOnError"}
        if command:
            c["command"] = command
        c.update(more)
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [c]}}
        self.podctl("apply", "-f", self.file("pod.json", json.dumps(body).encode()), env=env, check=self)

    def output(self, name, phase="Succeeded"):
        r = self.podctl("wait", "--for=jsonpath={.status.phase}=" + phase, "pod/" + name, "--timeout=60s")
        log = self.podctl("logs", name).stdout.decode()
        self.assertEqual(r.returncode, 0, (r.stderr, log[-2000:]))
        return log


class Layers(World):
    def test_in_a_container(self):
        self.imported(Image(base_layer(), upper_layer(), name="layers:1").tar())
        script = """
            test ! -e /gone && test ! -e /gonefolder && echo whiteouts
            test ! -e /data/old && test ! -e /data/deep && test "$(cat /data/new)" = new && echo opaque
            test "$(stat -c %i /first)" = "$(stat -c %i /second)" && test "$(cat /second)" = linked && echo hardlink
            test "$(cat /link)" = new && echo symlink
            test "$(stat -c %a /setuid)" = 4755 && test "$(stat -c %a /tmp)" = 1777 && echo modes
            test "$(stat -c %Y /old)" = 1234567890 && echo times
            test "$(cat /größe)" = name && echo names
            cat /ddd*/fff*
            """
        self.pod("layers", "layers:1", ["/bin/sh", "-c", script])
        self.assertEqual(self.output("layers").split(), "whiteouts opaque hardlink symlink modes times names long".split())

    def test_on_disk(self):
        upper = upper_layer()
        self.imported(Image(base_layer(), upper, name="layers:1").tar())
        place = self.store + "/layers/" + sha(upper)[7:] + "/"
        gone = os.lstat(place + "gone")
        self.assertEqual((gone.st_mode >> 12, gone.st_rdev), (2, 0))
        self.assertEqual(os.getxattr(place + "data", "user.overlay.opaque"), b"y")
        self.assertEqual(os.getxattr(place + "attribute", "user.podlab"), b"hello")
        owned = os.lstat(place + "owned")
        first = {"root": 0, "subids": 299999, "single": None}[MODE]
        expected = (os.getuid(), os.getgid()) if first is None else (first + 33, first + 44)
        self.assertEqual((owned.st_uid, owned.st_gid), expected)
        self.assertEqual(os.lstat(place + "old").st_mtime, 1234567890.5)

    def test_sparse(self):
        # GNU tar judges: what it packed has the same holes when it is unpacked.
        os.mkdir(self.top + "/s")
        with open(self.top + "/s/sparse", "wb") as f:
            for at, data in SPARSE:
                f.seek(at << 4)
                f.write(data)
            f.truncate(64 << 20)
        for form in ("--sparse-version=1.0", "--sparse-version=0.1", "--format=gnu"):
            with self.subTest(form):
                kind = [] if form == "--format=gnu" else ["--format=posix"]
                t = run("tar", "-C", self.top + "/s", "-S", *kind, form, "-cf", "-", "sparse", check=self).stdout
                self.imported(Image(t, name="sparse:1").tar())
                place = self.store + "/layers/" + sha(t)[7:] + "/sparse"
                with open(place, "rb") as a, open(self.top + "/s/sparse", "rb") as b:
                    self.assertEqual(a.read(), b.read())
                self.assertLess(os.stat(place).st_blocks * 512, 1 << 20)

    def test_devices(self):
        with_device = layer(item("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666), item("fifo", type=tarfile.FIFOTYPE), item("file", b"x"))
        _, said = self.imported(Image(with_device, name="devices:1").tar())
        place = self.store + "/layers/" + sha(with_device)[7:] + "/"
        self.assertTrue(os.path.exists(place + "fifo") and os.path.exists(place + "file"))
        if MODE == "root":
            self.assertEqual((os.stat(place + "null").st_rdev, said), (os.makedev(1, 3), ""))
        else:
            self.assertFalse(os.path.exists(place + "null"))
            self.assertRegex(said, r"warning: 1 device node left out \(null\)")
        self.podctl("image", "fsck", check=self)


class Config(World):
    def test_what_the_image_says(self):
        config = {
            "Entrypoint": ["/bin/sh", "-c", 'echo "$0" "$1" "$NAME" "$PWD" "$(id -u):$(id -g)"'], "Cmd": ["zero", "one"], "Env": ["NAME=value", "PATH=/bin"],
            "WorkingDir": "/made/when/missing", "User": "worker", "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGUSR1"}
        self.imported(Image(base_layer(), name="says:1", config=config).tar())
        if MODE == "single":
            # One id: a user other than 0 is not to be had.
            config["User"] = ""
            self.imported(Image(base_layer(), name="says:1", config=config).tar())
        who = "0:0" if MODE == "single" else "33:44"
        self.pod("says", "says:1")
        self.assertEqual(self.output("says").split(), ["zero", "one", "value", "/made/when/missing", who])
        self.pod("args", "says:1", args=["a", "b"])
        self.assertEqual(self.output("args").split()[:2], ["a", "b"])
        # A command of the Pod's own: neither Entrypoint nor Cmd.
        self.pod("command", "says:1", ["/bin/sh", "-c", "echo own $#"])
        self.assertEqual(self.output("command"), "own 0\n")

    def test_stop_signal(self):
        script = "trap 'echo usr1; exit 0' USR1; trap 'exit 9' TERM; echo up; while :; do /bin/busybox sleep 0.1; done"
        self.imported(Image(base_layer(), name="stops:1", config={"Entrypoint": ["/bin/sh", "-c", script], "StopSignal": "SIGUSR1"}).tar())
        self.pod("stops", "stops:1")
        self.podctl("wait", "--for=condition=Ready", "pod/stops", "--timeout=60s", check=self)
        follow = subprocess.Popen([BIN + "/podctl", "logs", "-f", "stops"], env=self.env, stdout=subprocess.PIPE)
        self.assertEqual(follow.stdout.readline(), b"up\n")
        self.podctl("delete", "pod", "stops", "--grace-period=30", check=self)
        self.assertEqual(follow.communicate(timeout=60)[0], b"usr1\n")


class RoundTrips(World):
    """skopeo and umoci are the oracles."""

    def skopeo(self, *args):
        return run("skopeo", "--insecure-policy", *args, check=self).stdout

    def digest_of(self, where):
        return sha(self.skopeo("inspect", "--raw", where))

    def test_oci_archive(self):
        made = Image(base_layer(), upper_layer(), name="trip:1")
        self.imported(made.tar())
        mine = self.images()[0]
        self.assertEqual((mine["name"], mine["digest"], mine["source"]), ("docker.io/library/trip:1", made.manifest["digest"], "import"))
        # The store itself, as others see it.
        self.assertEqual(self.digest_of("oci:%s:docker.io/library/trip:1" % self.store), mine["digest"])
        self.assertIn(b"docker.io/library/trip:1", run("umoci", "ls", "--layout", self.store, check=self).stdout)
        out = self.top + "/out.tar"
        self.podctl("image", "export", "trip:1", "-o", out, check=self)
        self.assertEqual(self.digest_of("oci-archive:%s:docker.io/library/trip:1" % out), mine["digest"])
        # The same bytes each time, and to a stream.
        stream = self.podctl("image", "export", mine["digest"][7:19], "-o", "-", check=self).stdout
        with open(out, "rb") as f:
            self.assertEqual(f.read(), stream)
        # And back, from the stream, compressed by somebody on the way.
        self.podctl("image", "rm", "trip:1", check=self)
        self.assertEqual(self.images(), [])
        self.assertEqual(os.listdir(self.store + "/layers"), [])
        self.podctl("image", "import", "-", input=gzip.compress(stream), check=self)
        self.assertEqual(self.images()[0]["digest"], mine["digest"])

    def test_docker_archive(self):
        layers = [base_layer(), upper_layer()]
        self.imported(tar_of(docker(*layers, names=["trip:1", "registry.example/trip:2"])))
        self.assertEqual([i["name"] for i in self.images()], ["docker.io/library/trip:1", "registry.example/trip:2"])
        out = self.top + "/out.tar"
        self.podctl("image", "export", "trip:1", "--format", "docker-archive", "-o", out, check=self)
        # Config and layers of what skopeo reads are ours.
        self.skopeo("copy", "docker-archive:" + out, "oci:%s/copy:x" % self.top)
        config = json.loads(self.skopeo("inspect", "--config", "oci:%s/copy:x" % self.top))
        self.assertEqual(config["rootfs"]["diff_ids"], [sha(l) for l in layers])
        # Theirs is read by us.
        theirs = self.top + "/theirs.tar"
        self.skopeo("copy", "oci:%s/copy:x" % self.top, "docker-archive:%s:theirs:3" % theirs)
        self.podctl("image", "import", theirs, check=self)
        self.assertIn("docker.io/library/theirs:3", [i["name"] for i in self.images()])

    def test_made_by_umoci(self):
        layout, image = self.top + "/app", self.top + "/app:v1"
        self.file("busybox", BUSYBOX)
        os.chmod(self.top + "/busybox", 0o755)
        rootless = [] if MODE == "root" else ["--rootless"]
        run("umoci", "init", "--layout", layout, check=self)
        run("umoci", "new", "--image", image, check=self)
        run("umoci", "insert", *rootless, "--image", image, self.top + "/busybox", "/bin/busybox", check=self)
        run("umoci", "config", "--image", image, "--config.cmd", "/bin/busybox", "--config.cmd", "echo", "--config.cmd", "by umoci", check=self)
        self.podctl("image", "import", layout, check=self)
        mine = self.images()[0]
        self.assertEqual((mine["name"], mine["digest"]), ("docker.io/library/app:v1", self.digest_of("oci:" + image)))
        self.pod("umoci", "app:v1")
        self.assertEqual(self.output("umoci"), "by umoci\n")

    def test_zstd(self):
        packed = lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
        made = Image(base_layer(), name="zstd:1", compress=packed, suffix="+zstd")
        self.imported(made.tar())
        self.assertTrue(os.path.isdir(self.store + "/layers/" + sha(base_layer())[7:]))
        self.podctl("image", "fsck", check=self)

    def test_many_machines(self):
        made = Image(base_layer())
        other = dict(made.manifest, platform={"os": "linux", "architecture": "s390x"})
        here = dict(made.manifest, platform={"os": "linux", "architecture": json.loads(made.files["blobs/sha256/" + made.config["digest"][7:]])["architecture"]})
        index = made.blob(json.dumps({"schemaVersion": 2, "manifests": [other, here]}).encode(), "application/vnd.oci.image.index.v1+json")
        made.index([dict(index, annotations={"org.opencontainers.image.ref.name": "many:1"})])
        self.imported(made.tar())
        mine = self.images()[0]
        self.assertEqual((mine["digest"], mine["manifest"]), (index["digest"], made.manifest["digest"]))


class Faults(World):
    def is_unpacking(self, dead):
        """Whether a writer is in the middle of a layer; dead: folders of those before."""
        try:
            work = [self.store + "/work/" + d for d in os.listdir(self.store + "/work") if d not in dead]
            return any(w.startswith("layer") and os.listdir(d + "/" + w) for d in work for w in os.listdir(d))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False

    def test_killed(self):
        good = Image(base_layer(), name="good:1")
        self.imported(good.tar())
        before = sorted(os.listdir(self.store + "/layers")), sorted(os.listdir(self.store + "/blobs/sha256"))
        data = self.file("big.tar", Image(big(), name="big:1", compress=None).tar())
        for _ in range(3):
            dead = os.listdir(self.store + "/work")
            p = subprocess.Popen([BIN + "/podctl", "image", "import", data], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            while p.poll() is None and not self.is_unpacking(dead):
                os.sched_yield()
            with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
                for pid in f.read().split():
                    os.kill(int(pid), 9)
            self.assertNotEqual(p.wait(TIMEOUT), 0, "it was faster than the kill")
            self.assertEqual((sorted(os.listdir(self.store + "/layers")), sorted(os.listdir(self.store + "/blobs/sha256"))), before)
            self.assertEqual([i["name"] for i in self.images()], ["docker.io/library/good:1"])
        self.assertNotEqual(os.listdir(self.store + "/work"), [])
        self.podctl("image", "import", data, check=self)
        self.assertEqual(os.listdir(self.store + "/work"), [])
        self.podctl("image", "fsck", check=self)

    def test_flipped_bytes(self):
        made = Image(base_layer(), upper_layer(), name="flip:1")
        self.imported(made.tar())
        self.podctl("image", "fsck", check=self)
        flips = (
            (self.store + "/layers/" + sha(upper_layer())[7:] + "/first", r"layers/\w+: differs from its archive: \w+ .*of docker.io/library/flip:1"),
            (self.store + "/blobs/sha256/" + made.layers[0]["digest"][7:], r"sha256:\w+: its content has the digest .*of docker.io/library/flip:1"))
        for path, said in flips:
            with self.subTest(path):
                if not os.access(path, os.W_OK):
                    continue  # another user's, of a range of ids
                with open(path, "r+b") as f:
                    f.seek(3)
                    byte = f.read(1)
                    f.seek(3)
                    f.write(bytes([byte[0] ^ 4]))
                r = self.podctl("image", "fsck")
                self.assertEqual(r.returncode, 1)
                self.assertRegex(r.stdout.decode(), said)
                self.assertEqual(json.loads(self.podctl("image", "fsck", "-o", "json").stdout)["problems"][0]["images"], ["docker.io/library/flip:1"])
                self.podctl("image", "fsck", "--repair", check=self)
                self.podctl("image", "fsck", check=self)
        # The layer was unpacked anew; the image whose blob was lost is gone.
        self.assertEqual(self.images(), [])

    def test_two_at_a_time(self):
        data = self.file("image.tar", Image(base_layer(), big(4), name="same:1").tar())
        both = [subprocess.Popen([BIN + "/podctl", "image", "import", data], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
        for p in both:
            error = p.communicate(timeout=TIMEOUT)[1]
            self.assertEqual(p.returncode, 0, error)
        self.assertEqual(len(self.images()), 1)
        self.podctl("image", "fsck", check=self)


class Use(World):
    def test_what_is_used_stays(self):
        self.imported(Image(base_layer(), name="used:1").tar())
        self.imported(Image(upper_layer(), name="idle:1").tar(), "idle.tar")
        other = dict(self.env, PODLAB_ROOT=self.top + "/other")
        self.addCleanup(run, BIN + "/lab", "clean", env=other)
        self.pod("user", "used:1", ["/bin/busybox", "sleep", "1000"], env=other)
        self.podctl("wait", "--for=condition=Ready", "pod/user", "--timeout=60s", env=other, check=self)
        for name in ("used:1", self.images()[-1]["digest"]):
            r = self.podctl("image", "rm", name)
            self.assertEqual((r.returncode, r.stdout), (1, b""))
            self.assertRegex(r.stderr.decode(), r'error: image "docker.io/library/used:1" is used by pod default/user of %s/other/run: delete the pod first' % self.top)
        self.assertEqual(self.podctl("image", "prune", "--dry-run", check=self).stdout, b'image "docker.io/library/idle:1" would be deleted\n')
        self.assertRegex(self.podctl("image", "prune", check=self).stdout.decode(), r'\Aimage "docker.io/library/idle:1" deleted\n[\d.]+\w+ freed\n\Z')
        self.assertEqual([i["name"] for i in self.images()], ["docker.io/library/used:1"])
        self.assertEqual(self.podctl("exec", "user", "--", "/bin/busybox", "echo", "alive", env=other, check=self).stdout, b"alive\n")
        self.podctl("delete", "pod", "user", "--now", env=other, check=self)
        self.assertIn(b"used:1", self.podctl("image", "prune", check=self).stdout)
        self.assertEqual((self.images(), os.listdir(self.store + "/layers"), os.listdir(self.store + "/blobs/sha256")), ([], [], []))

    def test_two_names_of_one(self):
        data = Image(base_layer(), name="one:1").tar()
        self.imported(data)
        self.podctl("image", "import", self.top + "/image.tar", "two:2", check=self)
        self.podctl("image", "rm", "one:1", check=self)
        self.assertEqual([i["name"] for i in self.images()], ["docker.io/library/two:2"])
        self.podctl("image", "fsck", check=self)

    def test_list(self):
        self.assertEqual(self.podctl("image", "ls").stderr, b"No images found.\n")
        made = Image(base_layer(), name="listed:1")
        self.imported(made.tar())
        head, row = self.podctl("image", "ls", check=self).stdout.decode().splitlines()
        self.assertEqual(head.split(), ["NAME", "TAG", "DIGEST", "SIZE", "SOURCE"])
        self.assertRegex(row, r"^docker.io/library/listed +1 +%s +[\d.]+[kM]B +import$" % made.manifest["digest"][7:19])
        self.assertEqual(self.podctl("image", "ls", "-o", "name", check=self).stdout, b"image/docker.io/library/listed:1\n")
        self.assertEqual(self.podctl("image", "ls", "other", "-o", "name", check=self).stdout, b"")
        self.assertRegex(self.podctl("image", "rm", "nothing:1").stderr.decode(), r'^error: image "nothing:1" not found\n$')


if __name__ == "__main__":
    unittest.main()
