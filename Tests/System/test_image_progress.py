# SPDX-License-Identifier: Apache-2.0
"""What a user sees of an import on a terminal, and that blobs are pushed side by side: a registry that answers no upload until three are under way."""
import hashlib, http.server, json, os, pty, shutil, subprocess, tempfile, threading, unittest

import faulty_registry as faults

MODES = ("root", "single")
BIN = os.environ["PODLAB_BIN"]
TMP = os.environ.get("TMPDIR", "/tmp")
ARCH = "arm64" if os.uname().machine == "aarch64" else "amd64"


class Uploads(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, **headers):
        self.send_response(status)
        for k, v in {"content_length": "0", **headers}.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        self.answer(200 if self.path == "/v2/" else 404)

    do_HEAD = do_GET

    def do_POST(self):
        self.body()
        self.answer(202, location=self.path + "one")

    def do_PATCH(self):
        self.server.bytes.append(self.body())
        try:
            if len(self.server.bytes) <= 3:
                self.server.barrier.wait(60)
        except threading.BrokenBarrierError:
            return self.answer(400)
        self.answer(202, location=self.path)

    def do_PUT(self):
        if "/manifests/" in self.path:
            self.server.manifests.append((len(self.server.bytes), self.body()))
        else:
            self.body()
        self.answer(201)

    def log_message(self, *a):
        pass


class Progress(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="progress-", dir=TMP)
        self.env = dict(os.environ, PODLAB_ROOT=self.dir + "/i", PODLAB_IMAGES=self.dir + "/images", HOME=self.dir, TERM="xterm")
        self.image = faults.Image([faults.layer({"etc/%d" % i: os.urandom(20000)}) for i in range(3)], architecture=ARCH)
        place = self.dir + "/oci"
        os.makedirs(place + "/blobs/sha256")
        for d, b in [*self.image.blobs.items(), (faults.digest(self.image.manifest), self.image.manifest)]:
            with open(place + "/blobs/sha256/" + d[7:], "wb") as f:
                f.write(b)
        with open(place + "/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')
        with open(place + "/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [{"mediaType": faults.MANIFEST, "digest": faults.digest(self.image.manifest), "size": len(self.image.manifest),
                                                          "annotations": {"org.opencontainers.image.ref.name": "example.com/three:1"}}]}, f)
        self.layers = [l["digest"][7:19] for l in json.loads(self.image.manifest)["layers"]]

    def tearDown(self):
        subprocess.run([BIN + "/lab", "clean"], env=self.env, capture_output=True, timeout=120)
        shutil.rmtree(self.dir, ignore_errors=True)

    def on_terminal(self, *argv, stdin=None, env=None):
        """What the terminal got."""
        master, slave = pty.openpty()
        r = subprocess.Popen([BIN + "/podctl", *argv], stdin=stdin, stdout=subprocess.DEVNULL, stderr=slave, env=env or self.env)
        os.close(slave)
        said = b""
        try:
            while True:
                said += os.read(master, 65536)
        except OSError:
            pass  # EIO: nobody writes any more
        os.close(master)
        self.assertEqual(r.wait(timeout=120), 0, said)
        return said.decode()

    def test_import_draws_a_bar_for_each_layer_on_a_terminal_and_nowhere_else(self):
        said = self.on_terminal("image", "import", self.dir + "/oci")
        for name in self.layers:
            self.assertIn(name + ": imported, 2", said)
        self.assertIn(self.layers[2] + ": waiting", said)
        self.assertIn("\x1b[3A", said, "the rows are drawn over")
        self.assertIn(self.layers[2] + ": already here", self.on_terminal("image", "import", self.dir + "/oci"))
        self.assertNotIn(self.layers[0], self.on_terminal("image", "import", self.dir + "/oci", "--quiet"))
        r = subprocess.run([BIN + "/podctl", "image", "import", self.dir + "/oci"], capture_output=True, text=True, env=self.env, timeout=120)
        self.assertEqual((r.returncode, r.stdout.split(" (")[0]), (0, "image/example.com/three:1 imported"), r.stderr)
        self.assertNotIn(self.layers[0], r.stderr)

    def test_an_archive_that_is_read_first_has_a_row_too(self):
        subprocess.run(["tar", "-C", self.dir + "/oci", "-czf", self.dir + "/oci.tgz", "."], check=True, timeout=120)
        self.assertRegex(self.on_terminal("image", "import", self.dir + "/oci.tgz"), r"archive: read, \d")
        with open(self.dir + "/oci.tgz", "rb") as f:
            self.assertRegex(self.on_terminal("image", "import", "-", stdin=f), r"archive: read, \d")

    def test_progress_is_told_in_the_language_of_the_locale_and_what_programs_read_is_not(self):
        chinese = {k: v for k, v in self.env.items() if not k.startswith("LC_")}
        chinese["LANG"] = "zh_CN.UTF-8"
        said = self.on_terminal("image", "import", self.dir + "/oci", env=chinese)
        for name in self.layers:
            self.assertIn(name + "：已导入，2", said)
        with open(self.dir + "/tiny.yaml", "w") as f:
            f.write('name: tiny\nfiles: [{path: /page, text: "one"}]\n')
        build = lambda env: subprocess.run([BIN + "/podctl", "image", "build", self.dir + "/tiny.yaml"], capture_output=True, text=True, env=env, timeout=120)
        first, second = build(chinese), build(dict(chinese, LC_ALL="C.UTF-8"))
        self.assertRegex(first.stderr, r"^tiny：构建完成，用时 \d+ 秒，sha256:")
        self.assertRegex(second.stderr, r"^tiny: is there, sha256:")
        wrong = subprocess.run([BIN + "/podctl", "image", "build", "nowhere"], capture_output=True, text=True, env=chinese, timeout=120)
        self.assertRegex(wrong.stderr, r"^error: there is no recipe nowhere")
        r = subprocess.run([BIN + "/podctl", "image", "import", self.dir + "/oci"], capture_output=True, text=True, env=chinese, timeout=120)
        self.assertEqual(r.stdout.split(" (")[0], "image/example.com/three:1 imported", r.stderr)

    def test_three_blobs_are_pushed_at_once_and_the_manifest_last(self):
        subprocess.run([BIN + "/podctl", "image", "import", self.dir + "/oci"], capture_output=True, env=self.env, timeout=120, check=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Uploads)
        server.barrier, server.bytes, server.manifests = threading.Barrier(3), [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        name = "127.0.0.1:%d/team/three:1" % server.server_address[1]
        r = subprocess.run([BIN + "/podctl", "image", "push", "example.com/three:1", name], capture_output=True, text=True, env=self.env, timeout=120)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual({"sha256:" + hashlib.sha256(b).hexdigest() for b in server.bytes}, set(self.image.blobs))
        self.assertEqual(server.manifests, [(4, self.image.manifest)])
        for layer in self.layers:
            self.assertIn(layer + ": pushed, ", r.stderr)


if __name__ == "__main__":
    unittest.main()
