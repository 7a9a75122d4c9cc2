# SPDX-License-Identifier: Apache-2.0
"""A registry of the Distribution specification that misbehaves as a test wants it to. Python's standard library; for tests only.

The fault is the last part of a repository's name: 127.0.0.1:PORT/x/cut:1 is an image whose layer's connection is cut half-way, once. What came in is
kept in `seen` as (method, path, headers).
"""
import gzip, hashlib, http.server, io, json, tarfile, threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


def layer(files):
    """A tar with these files (name → bytes), modes 0755."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data in files.items():
            i = tarfile.TarInfo(name)
            i.size, i.mode, i.mtime = len(data), 0o755, 1
            t.addfile(i, io.BytesIO(data))
    return out.getvalue()


class Image:
    """Blobs by digest, and the manifest. layers: uncompressed tars."""

    def __init__(self, layers, config=None, architecture="amd64"):
        packed = [gzip.compress(l, 1, mtime=0) for l in layers]
        self.config = json.dumps({"architecture": architecture, "os": "linux", "config": config or {"Cmd": ["/bin/busybox", "sleep", "1000"]},
                                  "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]}}).encode()
        self.blobs = {digest(b): b for b in packed + [self.config]}
        self.layers = [digest(b) for b in packed]
        describe = lambda b, t: {"mediaType": "application/vnd.oci.image." + t, "digest": digest(b), "size": len(b)}
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe(self.config, "config.v1+json"),
                                    "layers": [describe(b, "layer.v1.tar+gzip") for b in packed]}).encode()


class Registry:
    def __init__(self, image, more=()):
        """more: further images, reached by digest."""
        self.image, self.seen, self.times = image, [], {}
        self.manifests = {digest(i.manifest): (MANIFEST, i.manifest) for i in (image, *more)}
        self.blobs = {}
        for i in (image, *more):
            self.blobs.update(i.blobs)
        self.broken, self.lock = True, threading.Lock()
        self.stall = threading.Event()
        self.tags = {}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *a):
                pass

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # Clients that hang up are part of the test.
        self.server.handle_error = lambda *a: None
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.host = "127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.stall.set()
        self.server.shutdown()
        self.server.server_close()

    def count(self, text, method=None):
        """How often a path with this text was asked for."""
        with self.lock:
            return sum(1 for m, p, _ in self.seen if text in p and (method is None or m == method))

    def first(self, what):
        """Whether this is the first time of its kind."""
        with self.lock:
            self.times[what] = self.times.get(what, 0) + 1
            return self.times[what] == 1

    # -- answers

    def answer(self, h):
        path, _, query = h.path.partition("?")
        with self.lock:
            self.seen.append((h.command, h.path, dict(h.headers)))
        length = int(h.headers.get("Content-Length") or 0)
        h.rfile.read(length)
        parts = path.strip("/").split("/")
        try:
            if parts[0] == "elsewhere":
                return self.give(h, self.blobs["sha256:" + parts[1]])
            if parts[0] == "token":
                return self.token(h, query)
            if parts[0] != "v2" or len(parts) < 4:
                return self.refuse(h, 404, "NAME_UNKNOWN")
            kind, what = parts[-2], parts[-1]
            fault = parts[-3] if self.broken else "sound"
            {"manifests": self.give_manifest, "blobs": self.give_blob}[kind](h, fault, what)
        except (BrokenPipeError, ConnectionResetError):
            h.close_connection = True

    def refuse(self, h, code, name="UNKNOWN", headers=(), message="on purpose"):
        body = json.dumps({"errors": [{"code": name, "message": message}]}).encode()
        self.give(h, body, code, "application/json", headers)

    def give(self, h, body, code=200, type="application/octet-stream", headers=()):
        h.send_response(code)
        for k, v in (("Content-Type", type), ("Content-Length", str(len(body))), *headers):
            h.send_header(k, v)
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body)

    def token(self, h, query):
        user = h.headers.get("Authorization")
        if "secret" in query and user != "Basic dTpw":  # u:p
            return self.refuse(h, 401)
        self.give(h, json.dumps({"token": "t-" + ("secret" if user else "anonymous"), "expires_in": 300}).encode(), type="application/json")

    def manifests_of(self, fault, what):
        if fault == "index":
            other = Image([layer({"other": b"x"})], architecture="s390x")
            entries = [(other.manifest, {"os": "linux", "architecture": "s390x"}),
                       (self.image.manifest, {"os": "linux", "architecture": "amd64"}), (self.image.manifest, {"os": "linux", "architecture": "arm64", "variant": "v8"})]
            return self.index(entries)
        if fault == "foreign":
            return self.index([(self.image.manifest, {"os": "linux", "architecture": "s390x"})])
        if fault == "cycle":
            # An index can only lead to itself by a digest that lies.
            here = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": INDEX, "digest": "sha256:" + "1" * 64, "size": 10, "platform": {"os": "linux", "architecture": a}} for a in ("amd64", "arm64")]}).encode()
            return INDEX, here
        if fault == "deep":
            body = (MANIFEST, self.image.manifest)
            for _ in range(8):
                body = self.index([(body[1], {"os": "linux", "architecture": a}) for a in ("amd64", "arm64")], body[0])
            return body
        if fault == "oldschool":
            return "application/vnd.docker.distribution.manifest.v1+prettyjws", b'{"schemaVersion": 1, "name": "x", "fsLayers": []}'
        if fault == "chart":
            m = json.loads(self.image.manifest)
            m["layers"][0]["mediaType"] = "application/vnd.cncf.helm.chart.content.v1"
            return MANIFEST, json.dumps(m).encode()
        if fault == "nojson":
            return MANIFEST, b"<html>welcome to the hotel's network</html>"
        if fault == "sizelie":
            m = json.loads(self.image.manifest)
            m["layers"][0]["size"] += 1
            return MANIFEST, json.dumps(m).encode()
        return MANIFEST, self.image.manifest

    def index(self, entries, type=MANIFEST):
        for body, _ in entries:
            self.manifests[digest(body)] = (type, body)
        list = [{"mediaType": type, "digest": digest(b), "size": len(b), "platform": p} for b, p in entries]
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list}).encode()
        return INDEX, body

    def manifests_get(self, h, fault, what):
        if what.startswith("sha256:") and what in self.manifests:
            type, body = self.manifests[what]
        else:
            type, body = self.manifests_of(fault, what)
            if what.startswith("sha256:") and digest(body) != what:
                return self.refuse(h, 404, "MANIFEST_UNKNOWN")
        said = digest(body)
        if fault == "othermanifest" and h.command == "GET":
            body = body + b"\n"
        self.give(h, body, type=type, headers=[("Docker-Content-Digest", said)])

    def give_manifest(self, h, fault, what):
        if fault in ("e404", "e403", "e500", "e429forever"):
            code = {"e404": 404, "e403": 403, "e500": 500, "e429forever": 429}[fault]
            return self.refuse(h, code, headers=[("Retry-After", "0")] if code >= 429 else ())
        if fault == "e429once" and self.first(fault + h.command):
            return self.refuse(h, 429, "TOOMANYREQUESTS", [("Retry-After", "0")])
        if fault == "e503twice" and not all(self.times.get(x) for x in ("503a", "503b")):
            self.first("503b" if not self.first("503a") else "503a")
            return self.refuse(h, 503, "UNAVAILABLE", [("Retry-After", "0")])
        if fault == "e401":
            return self.refuse(h, 401, "UNAUTHORIZED", [("WWW-Authenticate", 'Basic realm="r"')])
        if fault in ("token", "secret"):
            wanted = "Bearer t-" + ("secret" if fault == "secret" else "anonymous")
            if h.headers.get("Authorization") != wanted:
                realm = 'Bearer realm="http://%s/token",service="s",scope="repository:x/%s:pull"' % (self.host, fault)
                return self.refuse(h, 401, "UNAUTHORIZED", [("WWW-Authenticate", realm)])
        self.manifests_get(h, fault, what)

    def give_blob(self, h, fault, what):
        body = self.blobs.get(what)
        if body is None or fault == "noblob" and what in self.image.layers:
            return self.refuse(h, 404, "BLOB_UNKNOWN")
        if what not in self.image.layers:
            return self.give(h, body)
        if fault in ("token", "secret") and not (h.headers.get("Authorization") or "").startswith("Bearer "):
            return self.refuse(h, 401, "UNAUTHORIZED", [("WWW-Authenticate", 'Bearer realm="http://%s/token"' % self.host)])
        if fault == "redirect":
            # Another origin: another port would do as well as another name.
            return self.give(h, b"", 307, headers=[("Location", "http://localhost:%d/elsewhere/%s" % (self.port, what[7:]))])
        if fault == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "longer":
            body = body + b"more"
        start = 0
        asked = h.headers.get("Range")
        if asked and fault != "norange":
            start = int(asked[6:].split("-")[0])
        if fault in ("cut", "norange") and self.first(fault + what):
            return self.begin(h, body, len(body) // 2)
        if fault == "cutforever":
            return self.begin(h, body, min(len(body) - 1, start + 10), start)
        if fault == "cutdead":
            return self.begin(h, body, start, start)
        if fault in ("stall", "slow"):
            h.send_response(200)
            h.send_header("Content-Length", str(len(body)))
            h.end_headers()
            h.wfile.write(body[:100])
            h.wfile.flush()
            self.stall.wait(120)
            if fault == "slow":
                h.wfile.write(body[100:])
            else:
                h.close_connection = True
            return
        if start:
            return self.give(h, body[start:], 206, headers=[("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))])
        self.give(h, body)

    def begin(self, h, body, end, start=0):
        """Announces all and gives a part, then hangs up."""
        h.send_response(206 if start else 200)
        h.send_header("Content-Length", str(len(body) - start))
        if start:
            h.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
        h.end_headers()
        h.wfile.write(body[start:end])
        h.wfile.flush()
        h.close_connection = True
        h.connection.shutdown(2)
