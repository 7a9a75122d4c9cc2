# SPDX-License-Identifier: Apache-2.0
"""Service account tokens, read by somebody else: openssl judges the signature with the key that `get --raw` publishes."""
import base64, json, os, shutil, subprocess, tempfile, time, unittest

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]


def podctl(*args, stdin=None, timeout=90):
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=timeout)


def part(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der(tag, body):
    size = bytes([len(body)]) if len(body) < 128 else (lambda n: bytes([0x80 | len(n)]) + n)(len(body).to_bytes((len(body).bit_length() + 7) // 8, "big"))
    return bytes([tag]) + size + body


def public_key(jwk):
    """An RSA key of a JWK as PEM (RFC 8017, appendix A.1.1)."""
    number = lambda b: der(2, (b"\0" if b[0] & 0x80 else b"") + b)
    body = der(0x30, number(part(jwk["n"])) + number(part(jwk["e"])))
    return "-----BEGIN RSA PUBLIC KEY-----\n%s-----END RSA PUBLIC KEY-----\n" % base64.encodebytes(body).decode()


class Tokens(unittest.TestCase):
    def create(self, *args):
        r = podctl("create", "token", *args)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def read(self, token, claims_only=True):
        head, claims, signature = token.split(".")
        keys = {k["kid"]: k for k in json.loads(podctl("get", "--raw", "/openid/v1/jwks").stdout)["keys"]}
        header = json.loads(part(head))
        self.assertEqual(header["alg"], "RS256")
        with tempfile.TemporaryDirectory() as d:
            for name, content in (("key", public_key(keys[header["kid"]]).encode()), ("sig", part(signature)), ("msg", (head + "." + claims).encode())):
                with open(os.path.join(d, name), "wb") as f:
                    f.write(content)
            r = subprocess.run(["openssl", "rsa", "-RSAPublicKey_in", "-in", d + "/key", "-pubout", "-out", d + "/pub"], capture_output=True, text=True)
            self.assertEqual(r.returncode, 0, r.stderr)
            verify = ["openssl", "dgst", "-sha256", "-verify", d + "/pub", "-signature", d + "/sig", d + "/msg"]
            self.assertEqual(subprocess.run(verify, capture_output=True, text=True).stdout.strip(), "Verified OK")
            with open(d + "/msg", "ab") as f:
                f.write(b"x")
            self.assertNotEqual(subprocess.run(verify, capture_output=True, text=True).returncode, 0)
        return json.loads(part(claims))

    def test_create_token(self):
        before = int(time.time())
        claims = self.read(self.create("default", "--audience", "vault", "--audience", "bank", "--duration", "20m"))
        self.assertEqual(claims["aud"], ["vault", "bank"])
        self.assertEqual(claims["sub"], "system:serviceaccount:default:default")
        self.assertEqual(claims["exp"] - claims["iat"], 1200)
        self.assertTrue(before <= claims["iat"] == claims["nbf"] <= int(time.time()))
        self.assertNotIn("pod", claims["kubernetes.io"])
        again = self.read(self.create("default"))
        self.assertEqual(again["exp"] - again["iat"], 3600)
        self.assertNotEqual(again["jti"], claims["jti"])
        found = json.loads(podctl("get", "--raw", "/.well-known/openid-configuration").stdout)
        self.assertEqual(found["issuer"], again["iss"])
        self.assertEqual(again["aud"], [again["iss"]])

    def test_refusals(self):
        for args, words in (
            (("default", "--duration", "5m"), "spec.expirationSeconds: Invalid value: 300: may not specify a duration less than 10 minutes"),
            (("nobody",), 'serviceaccounts "nobody" not found'),
            (("default", "--bound-object-kind", "Pod", "--bound-object-name", "nope"), 'pods "nope" not found'),
            (("default", "--bound-object-kind", "Pod"), "--bound-object-name is required if --bound-object-kind is provided"),
            (("default", "--duration", "1500ms"), "--duration cannot be expressed in units less than seconds"),
        ):
            r = podctl("create", "token", *args)
            self.assertEqual(r.returncode, 1, args)
            self.assertIn(words, r.stderr)
            self.assertEqual(r.stdout, "")

    def test_key_is_its_owners_alone(self):
        self.create("default")
        keys = os.path.join(ROOT, "data", "keys")
        self.assertEqual(os.stat(os.path.join(keys, "issuer.key")).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(keys).st_mode & 0o777, 0o700)

    def test_a_helper_that_cannot_be_started(self):
        """podctl starts podlab-token beside a new podd. Where it cannot, podd does it itself, tells of it when it cannot either, and goes on when it can."""
        place = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(shutil.rmtree, place)
        for name in os.listdir(BIN):
            path = os.path.join(BIN, name)
            if name in ("podctl", "podd"):
                shutil.copy(path, place)  # they look for the others beside themselves
            elif os.access(path, os.X_OK) and not os.path.isdir(path) and name != "podlab-token":
                os.symlink(path, os.path.join(place, name))
        pod = """{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
          {"name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}]}}"""
        self.addCleanup(podctl, "delete", "pod", "late", "--grace-period=0", "--force")
        r = subprocess.run([place + "/podctl", "apply", "-f", "-"], input=pod, capture_output=True, text=True, timeout=90)
        self.assertEqual((r.returncode, r.stdout), (0, "pod/late created\n"), r.stderr)
        said = lambda: [e["message"] for e in json.loads(podctl("get", "events", "-o", "json").stdout)["items"] if e["reason"] == "FailedMount" and e["involvedObject"]["name"] == "late"]
        end = time.monotonic() + 60
        while not said():
            self.assertLess(time.monotonic(), end, "no event")
            time.sleep(0.05)
        self.assertRegex(said()[0], r'MountVolume\.SetUp failed for volume "kube-api-access-\w{5}" : .*podlab-token.*ENOENT')
        os.symlink(BIN + "/podlab-token", place + "/podlab-token")
        self.assertEqual(podctl("wait", "--for=condition=Ready", "pod/late", "--timeout=90s", timeout=120).returncode, 0)
        token = podctl("exec", "late", "--", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token").stdout
        self.assertEqual(self.read(token)["kubernetes.io"]["pod"]["name"], "late")

    def test_automounted(self):
        pod = """{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "token"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [
          {"name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}]}}"""
        self.assertEqual(podctl("apply", "-f", "-", stdin=pod).returncode, 0)
        try:
            r = podctl("wait", "--for=condition=Ready", "pod/token", "--timeout=60s")
            self.assertEqual(r.returncode, 0, r.stderr)
            token = podctl("exec", "token", "--", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token").stdout
            claims = self.read(token)
            stored = json.loads(podctl("get", "pod", "token", "-o", "json").stdout)
            inner = claims["kubernetes.io"]
            self.assertEqual(inner["pod"], {"name": "token", "uid": stored["metadata"]["uid"]})
            self.assertEqual(inner["node"]["name"], "podlab")
            # A year, and a warning for who has not read it again after an hour (pkg/registry/core/serviceaccount/storage/token.go).
            self.assertEqual(claims["exp"] - claims["iat"], 365 * 86400)
            self.assertEqual(inner["warnafter"] - claims["iat"], 3607)
            bound = self.read(self.create("default", "--bound-object-kind", "Pod", "--bound-object-name", "token"))
            self.assertEqual(bound["kubernetes.io"]["pod"], inner["pod"])
            # Nothing of it on the node: what the container reads is mounted nowhere here, and in no file of the instance.
            secret = token.split(".")[2].encode()
            for folder, _, names in os.walk(ROOT):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path) and not os.path.islink(path) and "/layers/" not in path:
                        with open(path, "rb") as f:
                            self.assertNotIn(secret, f.read(), path)
            with open("/proc/self/mountinfo") as f:
                self.assertNotIn(ROOT, f.read())
        finally:
            podctl("delete", "pod", "token", "--grace-period=0", "--force")


if __name__ == "__main__":
    unittest.main()
