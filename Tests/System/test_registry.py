# SPDX-License-Identifier: Apache-2.0
"""Images from registries: Debian's docker-registry with and without TLS and password, skopeo as the oracle; and a registry that lies, cuts, stalls
and refuses (faulty_registry.py). What must hold: the right reason and text, tried again where that helps, nothing half-kept, the same digests.

Texts: kubernetes pkg/kubelet/images/image_manager.go, pkg/kubelet/kubelet_pods.go (getPullSecretsForPod); containerd core/remotes/docker.
"""
import hashlib, json, os, re, select, shutil, signal, subprocess, tempfile, threading, unittest

import faulty_registry as faults

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
TMP = os.environ.get("TMPDIR", "/tmp")
ARCH = "arm64" if os.uname().machine == "aarch64" else "amd64"

POD = """
apiVersion: v1
kind: Pod
metadata: {name: %(name)s}
spec:
  terminationGracePeriodSeconds: 0
  imagePullSecrets: %(secrets)s
  containers:
  - {name: main, image: "%(image)s", imagePullPolicy: %(policy)s, command: ["/bin/busybox", "sleep", "1000"]}
"""


def busybox():
    with open("/bin/busybox", "rb") as f:
        return f.read()


def tool(*argv):
    r = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if r.returncode:
        raise AssertionError("%r: %s%s" % (argv, r.stdout, r.stderr))
    return r.stdout


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="registry-", dir=TMP)
        self.images = self.dir + "/images"
        # No credentials but those that a test gives.
        self.env = dict(os.environ, PODLAB_ROOT=self.dir + "/i", PODLAB_IMAGES=self.images, HOME=self.dir, XDG_RUNTIME_DIR=self.dir)
        for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "SSL_CERT_FILE"):
            self.env.pop(name, None)

    def tearDown(self):
        subprocess.run([BIN + "/lab", "clean"], env=self.env, capture_output=True, timeout=120)
        shutil.rmtree(self.dir, ignore_errors=True)

    def podctl(self, *argv, stdin=None, env=(), timeout=120):
        return subprocess.run([BIN + "/podctl", *argv], input=stdin, capture_output=True, text=True, env=dict(self.env, **dict(env)), timeout=timeout)

    def did(self, *argv, **k):
        r = self.podctl(*argv, **k)
        self.assertEqual(r.returncode, 0, "%r: %s%s" % (argv, r.stdout, r.stderr))
        return r

    def refused(self, text, *argv, **k):
        r = self.podctl(*argv, **k)
        self.assertEqual(r.returncode, 1, "%r: %s%s" % (argv, r.stdout, r.stderr))
        self.assertRegex(r.stderr, text)
        self.assertRegex(r.stderr, r"(?m)^error: ")
        self.nothing_half_kept()
        return r

    def nothing_half_kept(self):
        """Every blob is what its name says, nothing lies in work, and the index names only what is there."""
        blobs = self.images + "/blobs/sha256"
        for name in os.listdir(blobs) if os.path.isdir(blobs) else ():
            with open(blobs + "/" + name, "rb") as f:
                self.assertEqual(hashlib.sha256(f.read()).hexdigest(), name)
        if os.path.isdir(self.images + "/work"):
            self.assertEqual(os.listdir(self.images + "/work"), [])
        for name in self.entries().values():
            self.assertTrue(os.path.exists(blobs + "/" + name[7:]))

    def entries(self):
        try:
            with open(self.images + "/index.json") as f:
                all = json.load(f)["manifests"]
        except FileNotFoundError:
            return {}
        return {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in all if "annotations" in m}

    def apply(self, name, image, policy="IfNotPresent", secrets="[]"):
        self.did("apply", "-f", "-", stdin=POD % dict(name=name, image=image, policy=policy, secrets=secrets))

    def waiting(self, name, reason):
        """Waits for the reason that the container waits for; returns its message."""
        self.did("wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=" + reason, "pod/" + name, "--timeout=100s")
        return self.status(name)["state"].get("waiting", {}).get("message", "")

    def status(self, name):
        return json.loads(self.did("get", "pod", name, "-o", "json").stdout)["status"]["containerStatuses"][0]

    def ready(self, name):
        self.did("wait", "--for=condition=Ready", "pod/" + name, "--timeout=100s")
        return self.status(name)

    def events(self, reason):
        all = json.loads(self.did("get", "events", "-o", "json").stdout)["items"]
        return [e["message"] for e in all if e["reason"] == reason]


class RealRegistry(Case):
    """docker-registry on a free port of the loopback."""

    @classmethod
    def setUpClass(cls):
        # Made once: certificates cost more than all else here.
        cls.keys = tempfile.mkdtemp(prefix="keys-", dir=TMP)
        k = cls.keys
        tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test CA",
             "-keyout", k + "/ca.key", "-out", k + "/ca.crt")
        tool("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-keyout", k + "/tls.key", "-out", k + "/tls.csr")
        with open(k + "/san", "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        tool("openssl", "x509", "-req", "-in", k + "/tls.csr", "-CA", k + "/ca.crt", "-CAkey", k + "/ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", k + "/san", "-out", k + "/tls.crt")
        with open(k + "/htpasswd", "w") as f:
            f.write(tool("htpasswd", "-nbB", "-C", "5", "user", "pass word"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keys)

    def serve(self, tls=False, password=False):
        """Returns HOST:PORT."""
        http = "http: {addr: '127.0.0.1:0'%s}" % (", tls: {certificate: %s/tls.crt, key: %s/tls.key}" % (self.keys, self.keys) if tls else "")
        auth = "auth: {htpasswd: {realm: r, path: %s/htpasswd}}" % self.keys if password else ""
        with open(self.dir + "/registry.yml", "w") as f:
            f.write("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/registry}}\n%s\n%s\n"
                    % (self.dir, http, auth))
        p = subprocess.Popen(["docker-registry", "serve", self.dir + "/registry.yml"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        reader = threading.Thread(target=p.stderr.read, daemon=True)
        self.addCleanup(lambda: (p.kill(), p.wait(), reader.join(), p.stderr.close()))
        for line in p.stderr:
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
            if found:
                reader.start()
                return ("localhost:" if tls else "127.0.0.1:") + found[1]
        self.fail("docker-registry does not start")

    def oci(self, image):
        """The image as an OCI layout that skopeo reads."""
        place = self.dir + "/oci"
        os.makedirs(place + "/blobs/sha256")
        for d, b in [*image.blobs.items(), (faults.digest(image.manifest), image.manifest)]:
            with open(place + "/blobs/sha256/" + d[7:], "wb") as f:
                f.write(b)
        with open(place + "/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')
        with open(place + "/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [{"mediaType": faults.MANIFEST, "digest": faults.digest(image.manifest), "size": len(image.manifest),
                                                          "annotations": {"org.opencontainers.image.ref.name": "one"}}]}, f)
        return "oci:%s:one" % place

    def own_image(self):
        """The image busybox, made here."""
        tool(BIN + "/podlab-image", "build", "busybox", "--quiet", "--store", self.images)

    def skopeo(self, *argv):
        return tool("skopeo", "--insecure-policy", *argv)

    def test_ours_goes_there_and_comes_back(self):
        host = self.serve()
        self.own_image()
        ours = self.entries()["docker.io/library/busybox:latest"]
        name = host + "/team/busybox:1"
        self.assertEqual(self.did("image", "push", "busybox", name).stdout, name + "@" + ours + "\n")
        self.assertEqual(json.loads(self.skopeo("inspect", "--tls-verify=false", "docker://" + name))["Digest"], ours)
        # skopeo takes it whole: every blob of the digest that the manifest says.
        self.skopeo("copy", "-q", "--src-tls-verify=false", "docker://" + name, "oci:%s/copy:x" % self.dir)
        shutil.rmtree(self.images)
        r = self.did("image", "pull", name)
        self.assertEqual(r.stdout, name + "@" + ours + "\n")
        self.assertRegex(r.stderr, r"(?m)^[0-9a-f]{12}: pulled, ")
        self.assertEqual(self.entries(), {name: ours})
        self.nothing_half_kept()
        # Once more: nothing to do. Under another name: the blobs are there, in the store and (mounted) in the registry.
        self.assertRegex(self.did("image", "pull", name).stderr, "already here")
        self.assertRegex(self.did("image", "push", name).stderr, r"(?m)^[0-9a-f]{12}: already there")
        self.assertRegex(self.did("image", "push", name, host + "/other/busybox:2").stderr, r"(?m)^[0-9a-f]{12}: mounted from team/busybox")
        self.assertEqual(self.did("image", "pull", "-q", host + "/team/busybox@" + ours).stderr, "")
        self.refused(r"no image 127\.0\.0\.1:\d+/team/none:1 ", "image", "push", host + "/team/none:1")
        self.refused(r'failed to resolve reference "(\S+/team/none:1)": \1: not found', "image", "pull", host + "/team/none:1")

    def test_skopeos_image_runs(self):
        host = self.serve()
        image = faults.Image([faults.layer({"bin/busybox": busybox()}), faults.layer({"etc/second": b"layer\n"})], architecture=ARCH)
        name = host + "/from/skopeo:1"
        self.skopeo("copy", "-q", "--dest-tls-verify=false", self.oci(image), "docker://" + name)
        digest = json.loads(self.skopeo("inspect", "--tls-verify=false", "docker://" + name))["Digest"]
        self.apply("runs", name, "Always")
        s = self.ready("runs")
        self.assertEqual((s["image"], s["imageID"]), (name, "%s/from/skopeo@%s" % (host, digest)))
        self.assertEqual(self.did("exec", "runs", "--", "/bin/busybox", "cat", "/etc/second").stdout, "layer\n")
        self.assertEqual(self.events("Pulling"), ['Pulling image "%s"' % name])
        size = len(image.manifest) + sum(map(len, image.blobs.values()))
        self.assertRegex(self.events("Pulled")[0], r'^Successfully pulled image "%s" in [\d.ms]+ \([\d.ms]+ including waiting\)\. Image size: %d bytes\.$'
                         % (re.escape(name), size))
        # One that is there is not asked for.
        self.apply("again", name)
        self.ready("again")
        self.assertIn('Container image "%s" already present on machine and can be accessed by the pod' % name, self.events("Pulled"))

    def test_tls_and_password(self):
        host = self.serve(tls=True, password=True)
        self.own_image()
        name = host + "/private/busybox:1"
        self.refused(r"x509: certificate signed by unknown authority \(trust it by putting its CA certificate into (\S+)/%s/ca\.crt\)" % host,
                     "image", "push", "busybox", name)
        trusted = self.dir + "/i/data/certs.d/" + host
        os.makedirs(trusted)
        shutil.copy(self.keys + "/ca.crt", trusted)
        self.refused("authorization failed: no basic auth credentials", "image", "push", "busybox", name)
        login = self.dir + "/auth.json"
        # Written by skopeo, read by us.
        tool("skopeo", "login", "--tls-verify=false", "--authfile", login, "-u", "user", "-p", "pass word", host)
        self.did("image", "push", "busybox", name, "--authfile", login)
        self.did("image", "pull", name, env={"REGISTRY_AUTH_FILE": login})
        os.makedirs(self.dir + "/.docker")
        shutil.copy(login, self.dir + "/.docker/config.json")
        self.did("image", "pull", name)
        shutil.rmtree(self.dir + "/.docker")
        self.refused("authorization failed: no basic auth credentials", "image", "pull", name)
        with open(login) as f:
            wrong = f.read().replace("dXNlcjpwYXNzIHdvcmQ=", "dXNlcjp3cm9uZw==")
        with open(login, "w") as f:
            f.write(wrong)
        self.refused("pull access denied, repository does not exist or may require authorization: authorization failed$", "image", "pull", name, "--authfile", login)
        # Unchecked, and checked by a bundle of one's own.
        os.remove(trusted + "/ca.crt")
        self.refused("no basic auth credentials", "image", "pull", name, "--tls-verify=false")
        self.refused("no basic auth credentials", "image", "pull", name, env={"SSL_CERT_FILE": self.keys + "/ca.crt"})

    def test_credential_helpers(self):
        host = self.serve(password=True)
        self.own_image()
        name = host + "/private/busybox:1"
        bin, config = self.dir + "/bin", self.dir + "/.docker/config.json"
        os.makedirs(bin)
        os.makedirs(os.path.dirname(config))
        with open(bin + "/docker-credential-lab-test", "w") as f:
            f.write("""#!/bin/sh
read -r server
echo "$1 $server" >>%s/asked
[ "$server" = "%s" ] && printf '{"ServerURL": "%%s", "Username": "user", "Secret": "pass word"}' "$server" && exit 0
echo "credentials not found in native keychain"
exit 1
""" % (self.dir, host))
        os.chmod(bin + "/docker-credential-lab-test", 0o755)
        path = {"PATH": bin + ":" + os.environ["PATH"]}

        def write(**k):
            with open(config, "w") as f:
                json.dump(k, f)
        write(credHelpers={host: "lab-test"})
        self.did("image", "push", "busybox", name, env=path)
        write(credsStore="lab-test", auths={host: {"username": "user", "password": "wrong"}})
        self.did("image", "pull", name, env=path)
        with open(self.dir + "/asked") as f:
            self.assertEqual(f.read(), "get %s\n" % host * 2)
        # Another registry's helper is not asked; one that knows nothing, or is not there, leaves the registry to be asked without credentials.
        write(credHelpers={"other.example": "lab-test"})
        self.assertNotIn("warning", self.refused("no basic auth credentials", "image", "pull", name, env=path).stderr)
        write(credHelpers={host: "lab-test"})
        os.rename(bin + "/docker-credential-lab-test", bin + "/docker-credential-gone")
        self.assertRegex(self.refused("no basic auth credentials", "image", "pull", name, env=path).stderr,
                         r"(?m)^warning: \S+/config\.json: the credential helper docker-credential-lab-test is not in PATH; going on without credentials for " + host)
        with open(bin + "/docker-credential-lab-test", "w") as f:
            f.write("#!/bin/sh\necho the keyring is locked\nexit 3\n")
        os.chmod(bin + "/docker-credential-lab-test", 0o755)
        self.assertRegex(self.refused("no basic auth credentials", "image", "pull", name, env=path).stderr,
                         r"warning: \S+: docker-credential-lab-test ended with 3: the keyring is locked; going on")

    def test_secrets_of_pods(self):
        host = self.serve(password=True)
        self.own_image()
        name = host + "/private/busybox:1"
        with open(self.dir + "/auth.json", "w") as f:
            json.dump({"auths": {host: {"username": "user", "password": "pass word"}}}, f)
        self.did("image", "push", "busybox", name, "--authfile", self.dir + "/auth.json")
        self.apply("without", name, "Always", "[{name: nobody}, {name: none}]")
        self.assertIn("no basic auth credentials", self.waiting("without", "ImagePullBackOff"))
        self.assertIn("Unable to retrieve some image pull secrets (nobody, none); attempting to pull the image may not succeed.",
                      self.events("FailedToRetrieveImagePullSecret"))
        self.did("create", "secret", "docker-registry", "login", "--docker-server=" + host, "--docker-username=user", "--docker-password=pass word")
        self.apply("with", name, "IfNotPresent", "[{name: login}]")
        self.ready("with")
        # It is here, and still not for others (KubeletEnsureSecretPulledImages).
        self.apply("other", name, "IfNotPresent")
        self.assertIn("no basic auth credentials", self.waiting("other", "ImagePullBackOff"))
        self.apply("never", name, "Never")
        self.assertEqual(self.waiting("never", "ErrImageNeverPull"), 'Container image "%s" is not present with pull policy of Never' % name)
        self.apply("friend", name, "Never", "[{name: login}]")
        self.ready("friend")
        # Pulled by whoever runs the node, it is for all.
        self.did("image", "pull", name, "--authfile", self.dir + "/auth.json")
        self.did("delete", "pod", "never")
        self.apply("never", name, "Never")
        self.ready("never")


class Faulty(Case):
    def setUp(self):
        super().setUp()
        # Random bytes behind the program: the layer stays large when it is packed.
        self.image = faults.Image([faults.layer({"bin/busybox": busybox(), "pad": os.urandom(1 << 20)}), faults.layer({"etc/x": b"1"})], architecture=ARCH)
        self.registry = faults.Registry(self.image)
        self.addCleanup(self.registry.close)

    def name(self, fault):
        return "%s/x/%s:1" % (self.registry.host, fault)

    def until(self, stream, text):
        """Reads lines until one has the text."""
        lines = []
        for line in stream:
            lines.append(line)
            if text in line:
                return
        self.fail("%r is not among %r" % (text, lines))

    def pull(self, fault, *more):
        name = self.name(fault)
        r = self.did("image", "pull", name, *more)
        self.assertEqual(self.entries()[name], faults.digest(self.image.manifest))
        self.nothing_half_kept()
        return r


class FaultyRegistry(Faulty):
    def test_what_is_not_taken(self):
        for fault, text in {
            "wrong": r"digest is sha256:[0-9a-f]{64}, not sha256:",
            "longer": r"the registry gives \d+ bytes, the manifest says \d+",
            "sizelie": r"the registry gives \d+ bytes, the manifest says \d+",
            "othermanifest": r"the registry answered for sha256:\w+ with content of digest sha256:",
            "nojson": "is not a JSON object",
            "chart": r"a layer of type application/vnd\.cncf\.helm\.chart\.content\.v1, which is no archive of files",
            "oldschool": "Docker's schema 1",
            "foreign": r"no match for platform in manifest: not found \(this is linux/%s; there is linux/s390x\)" % ARCH,
            "cycle": r"manifests/sha256:1{64}: 404 Not Found|not found",
            "deep": "leads from index to index, more than 4 deep",
            "noblob": r"failed to copy sha256:\w+: not found",
            "e404": r"%s/x/e404:1: not found" % self.registry.host,
            "e403": r"unexpected status from HEAD request to http://%s/v2/x/e403/manifests/1: 403 Forbidden" % self.registry.host,
            "e401": "authorization failed: no basic auth credentials",
            "secret": "failed to fetch anonymous token: unexpected status from GET request to http://%s/token: 401 Unauthorized" % self.registry.host,
        }.items():
            with self.subTest(fault):
                self.refused(text, "image", "pull", self.name(fault))
                self.assertEqual(self.entries(), {})

    def test_what_is_tried_again(self):
        for fault in ("e429once", "e503twice", "cut", "norange"):
            with self.subTest(fault):
                r = self.pull(fault)
                self.assertIn("trying again in", r.stderr)
                shutil.rmtree(self.images)
        # From where it was cut.
        ranges = [h.get("Range") for _, p, h in self.registry.seen if "/x/cut/blobs/" in p]
        self.assertEqual(len([r for r in ranges if r and not r.startswith("bytes=0-")]), 2, ranges)

    def test_what_is_given_up(self):
        for fault, text, tries in (("e500", "500 Internal Server Error$", 4), ("e429forever", "429 Too Many Requests$", 4)):
            with self.subTest(fault):
                self.refused(text, "image", "pull", self.name(fault))
                self.assertEqual(self.registry.count("/x/%s/manifests/" % fault), tries)
        self.refused("unexpected EOF|EOF", "image", "pull", self.name("cutdead"))
        self.refused("no byte came for 1 s: i/o timeout", "image", "pull", self.name("stall"), "--timeout", "1")
        self.registry.close()
        self.refused(r'failed to do request: Head "http://%s/v2/x/sound/manifests/1": dial tcp %s: connect: connection refused'
                     % (self.registry.host, self.registry.host), "image", "pull", self.name("sound"))

    def test_who_sees_the_credentials(self):
        with open(self.dir + "/auth.json", "w") as f:
            json.dump({"auths": {self.registry.host: {"auth": "dTpw"}}}, f)
        self.pull("token")
        self.assertEqual(self.registry.count("/token?"), 3, "once for each process")
        self.pull("secret", "--authfile", self.dir + "/auth.json")
        shutil.rmtree(self.images)
        self.pull("redirect", "--authfile", self.dir + "/auth.json")
        elsewhere = [h for _, p, h in self.registry.seen if p.startswith("/elsewhere/")]
        self.assertEqual(len(elsewhere), 2)
        self.assertFalse([h for h in elsewhere if "Authorization" in h])

    def test_two_pulls_of_one_image_are_one(self):
        argv = [BIN + "/podctl", "image", "pull", self.name("slow")]
        first = subprocess.Popen(argv, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(first.kill)
        # Its layers have begun: it holds the name.
        self.until(first.stderr, "2 layers")
        second = subprocess.Popen(argv, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(second.kill)
        self.until(second.stderr, "waiting for another pull of it")
        self.registry.stall.set()
        outputs = [p.communicate(timeout=100) for p in (first, second)]
        self.assertEqual([p.returncode for p in (first, second)], [0, 0], outputs)
        self.assertEqual(self.registry.count("/x/slow/blobs/"), 3)

    def test_killed_it_leaves_nothing(self):
        p = subprocess.Popen([BIN + "/podctl", "image", "pull", self.name("stall")], env=self.env, stderr=subprocess.PIPE, text=True)
        self.until(p.stderr, "2 layers")
        p.kill()
        # Closed by the last of its processes.
        p.communicate(timeout=100)
        self.registry.broken = False
        self.did("image", "pull", self.name("stall"))
        self.nothing_half_kept()


class PodsAndFaults(Faulty):
    def test_an_index_leads_to_this_machines_image(self):
        # The name is known by the index's digest, the content by the manifest's.
        r = self.pull("index")
        index = faults.digest(self.registry.manifests_of("index", "")[1])
        self.assertEqual(r.stdout, "%s@%s\n" % (self.name("index"), index))
        self.did("image", "pull", "-q", "%s/x/index@%s" % (self.registry.host, index))
        self.apply("indexed", self.name("index"))
        self.assertEqual(self.ready("indexed")["imageID"], "%s/x/index@%s" % (self.registry.host, index))

    def test_a_pod_waits_until_the_registry_tells_the_truth(self):
        name = self.name("wrong")
        self.apply("patient", name)
        text = self.waiting("patient", "ImagePullBackOff")
        self.assertRegex(text, r'^Back-off pulling image "%s": ErrImagePull: failed to pull and unpack image "%s": .* its digest is sha256:'
                         % (re.escape(name), re.escape(name)))
        self.assertIn('Back-off pulling image "%s"' % name, self.events("BackOff"))
        self.assertTrue([m for m in self.events("Failed") if m.startswith('Failed to pull image "%s": ' % name)])
        self.assertEqual(self.entries(), {})
        self.registry.broken = False
        self.ready("patient")
        self.nothing_half_kept()

    def test_policies_when_the_registry_is_gone(self):
        name = self.name("sound")
        self.did("image", "pull", name)
        self.registry.close()
        for policy in ("IfNotPresent", "Never"):
            self.apply(policy.lower(), name, policy)
            self.ready(policy.lower())
        self.apply("always", name, "Always")
        self.assertRegex(self.waiting("always", "ImagePullBackOff"), "connection refused.*imagePullPolicy IfNotPresent runs it without asking the registry")
        # What a recipe serves needs no registry, whatever the policy.
        self.apply("offline", "busybox:latest", "Always")
        self.ready("offline")
        self.assertIn('Pulling image "busybox:latest"', self.events("Pulling"))


class WayOut(Faulty):
    """podlab-outside, which an ordinary user's Pods need to reach a registry."""

    def process(self):
        lock = self.dir + "/i/run/outside.lock"
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/fd/5" % pid) == lock:
                    return int(pid)
            except OSError:
                pass

    def test_it_is_made_again_and_ends_with_the_node(self):
        self.apply("one", self.name("sound"), "Always")
        self.ready("one")
        for name in ("two", "three"):
            pid = self.process()
            fd = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            select.select([fd], [], [])
            os.close(fd)
            self.apply(name, self.name("sound"), "Always")
            self.ready(name)
        fd = os.pidfd_open(self.process())
        subprocess.run([BIN + "/lab", "clean"], env=self.env, capture_output=True, timeout=120, check=True)
        self.assertEqual(select.select([fd], [], [], 100)[0], [fd])
        os.close(fd)
        self.assertFalse(os.path.exists(self.dir + "/i/run/outside.sock"))


if os.environ["PODLAB_TEST_MODE"] == "root":
    del WayOut
else:
    # The helper is the same for everybody; how a Pod reaches it is not.
    del FaultyRegistry


if __name__ == "__main__":
    unittest.main()
