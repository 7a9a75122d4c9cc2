#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pull against its peers: `podlab-image pull` beside `skopeo copy` + `umoci unpack`, from Debian's docker-registry on the loopback, interleaved.

    Tools/pull-bench.py [--bin DIR] [--rounds N] [--files N] [--layers N] [--megabytes N]

Everything lies in a temporary folder (TMPDIR). Prints the medians, their ratio, and the most memory that one of our processes took.
"""
import argparse, gzip, hashlib, io, json, os, random, re, shutil, statistics, subprocess, sys, tarfile, tempfile, time

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KIND = "application/vnd.oci.image."


class Sink(io.RawIOBase):
    """Hashes what is written and hands it on."""

    def __init__(self, target):
        self.target, self.hash = target, hashlib.sha256()

    def writable(self):
        return True

    def write(self, b):
        self.hash.update(b)
        self.target.write(b)
        return len(b)


def layer(path, files, megabytes, seed):
    """A gzipped layer of files, half noise and half words. Returns digest, size, diff id."""
    r = random.Random(seed)
    words = [bytes(r.randrange(97, 123) for _ in range(r.randrange(2, 9))) for _ in range(2000)]
    each = int(megabytes * 1e6 / files / 0.7)
    with open(path, "wb") as f:
        packed = Sink(f)
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as z:
            whole = Sink(z)
            with tarfile.open(fileobj=whole, mode="w|", format=tarfile.PAX_FORMAT) as t:
                for i in range(files):
                    data = r.randbytes(each // 2) + b" ".join(r.choices(words, k=each // 12))
                    info = tarfile.TarInfo("d%d/e%d/f%d" % (seed, i // 100, i))
                    info.size, info.mode, info.mtime = len(data), 0o644, 1
                    t.addfile(info, io.BytesIO(data))
    return packed.hash.hexdigest(), os.path.getsize(path), whole.hash.hexdigest()


def image(oci, layers, files, megabytes):
    """An OCI layout of one image, `x`."""
    os.makedirs(oci + "/blobs/sha256")

    def put(b, kind):
        d = hashlib.sha256(b).hexdigest()
        with open(oci + "/blobs/sha256/" + d, "wb") as f:
            f.write(b)
        return {"mediaType": KIND + kind, "digest": "sha256:" + d, "size": len(b)}

    made = []
    for n in range(layers):
        d, size, diff = layer(oci + "/new", files // layers, megabytes / layers, n)
        os.rename(oci + "/new", oci + "/blobs/sha256/" + d)
        made.append(({"mediaType": KIND + "layer.v1.tar+gzip", "digest": "sha256:" + d, "size": size}, "sha256:" + diff))
    arch = "arm64" if os.uname().machine == "aarch64" else "amd64"
    config = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [m[1] for m in made]}}
    manifest = {"schemaVersion": 2, "mediaType": KIND + "manifest.v1+json", "config": put(json.dumps(config).encode(), "config.v1+json"),
                "layers": [m[0] for m in made]}
    entry = put(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    for name, text in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", {"schemaVersion": 2, "manifests": [entry]})):
        with open(oci + "/" + name, "w") as f:
            json.dump(text, f)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bin", default=HOME + "/.build/release")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--files", type=int, default=10000)
    p.add_argument("--layers", type=int, default=1)
    p.add_argument("--megabytes", type=float, default=100)
    o = p.parse_args()
    top = tempfile.mkdtemp(prefix="podlab-pull-")
    registry = None
    try:
        image(top + "/oci", o.layers, o.files, o.megabytes)
        with open(top + "/registry.yml", "w") as f:
            f.write("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/registry}}\n"
                    "http: {addr: '127.0.0.1:0'}\n" % top)
        registry = subprocess.Popen(["docker-registry", "serve", top + "/registry.yml"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        port = next((m[1] for m in (re.search(r"listening on \S+:(\d+)", line) for line in registry.stderr) if m), None)
        if port is None:
            sys.exit("docker-registry does not start")
        name = "127.0.0.1:%s/bench/x:1" % port
        skopeo = ["skopeo", "--insecure-policy", "copy", "-q"]
        subprocess.run(skopeo + ["--dest-tls-verify=false", "oci:%s/oci:x" % top, "docker://" + name], check=True)
        rootless = ["--rootless"] if os.geteuid() else []
        ours, theirs, memory = [], [], 0
        for n in range(o.rounds):
            t = time.monotonic()
            child = subprocess.Popen([o.bin + "/podlab-image", "pull", name, "--quiet", "--store", "%s/ours-%d" % (top, n)], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = status
            ours.append(time.monotonic() - t)
            memory = max(memory, used.ru_maxrss)
            if status:
                sys.exit("the pull has failed")
            t = time.monotonic()
            subprocess.run(skopeo + ["--src-tls-verify=false", "docker://" + name, "oci:%s/theirs-%d:x" % (top, n)], check=True)
            subprocess.run(["umoci", "unpack", *rootless, "--image", "%s/theirs-%d:x" % (top, n), "%s/bundle-%d" % (top, n)], check=True,
                           stdout=subprocess.DEVNULL)
            theirs.append(time.monotonic() - t)
        a, b = statistics.median(ours), statistics.median(theirs)
        print("%d layers, %d files, %.0f MB packed, %d rounds" % (o.layers, o.files, o.megabytes, o.rounds))
        print("podlab-image pull            %6.2f s, at most %.0f MB a process" % (a, memory / 1024))
        print("skopeo copy + umoci unpack   %6.2f s" % b)
        print("ratio                        %6.2f" % (a / b))
    finally:
        if registry:
            registry.kill()
            registry.wait()
        shutil.rmtree(top, ignore_errors=True)


main()
