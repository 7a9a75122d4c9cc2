#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long the import of an image takes, beside `gzip -dc | tar -x` of its layer and beside skopeo copy + umoci unpack and,
where it is installed, podman load, interleaved.

    Tools/import-bench.py BIN [--megabytes 100] [--files 10000] [--rounds 5]

BIN: the folder with podlab-image. Prints medians, ratios and the most memory (MB) of the import. Files are made in TMPDIR.
"""
import argparse, gzip, io, os, random, shutil, statistics, subprocess, sys, tarfile, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "System"))
from image_maker import Image, folder, item


def content(rng, size):
    """Bytes that gzip halves."""
    return bytes(rng.choices(b"0123456789abcdef", k=size))


def make(top, layer, megabytes, files):
    rng = random.Random(1)
    size = megabytes * 2_000_000 // files
    blocks = [content(rng, size) for _ in range(64)]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for i in range(files):
            if i % 40 == 0:
                t.addfile(folder("d%d" % (i // 40))[0])
            cut = rng.randrange(size)
            info, data = item("d%d/f%d" % (i // 40, i), blocks[i % 64][cut:] + blocks[(i + 7) % 64][:cut])
            t.addfile(info, io.BytesIO(data))
    image = Image(out.getvalue(), name="bench:1", compress=lambda l: gzip.compress(l, 1))
    with open(layer, "wb") as f:
        f.write(image.files["blobs/sha256/" + image.layers[0]["digest"][7:]])
    with open(top + "/image.tar", "wb") as f:
        f.write(image.tar())


def timed(*argv):
    start = time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit("%s: failed" % argv[0])
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin")
    p.add_argument("--megabytes", type=int, default=100)
    p.add_argument("--files", type=int, default=10000)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    top = tempfile.mkdtemp()
    try:
        # By a child: what a process held before execve counts as the program's memory too.
        layer = top + "/layer.tar.gz"
        child = os.fork()
        if child == 0:
            make(top, layer, a.megabytes, a.files)
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("the image could not be made")
        print("layer: %.0f MB of gzip, %d files" % (os.path.getsize(layer) / 1e6, a.files))
        tar, ours, theirs, podman, memory = [], [], [], [], 0
        for r in range(a.rounds):
            os.mkdir(top + "/x%d" % r)
            tar.append(timed("sh", "-c", "gzip -dc %s | tar -x -C %s/x%d" % (layer, top, r))[0])
            t, m = timed(a.bin + "/podlab-image", "import", top + "/image.tar", "--store", "%s/s%d" % (top, r))
            ours.append(t)
            memory = max(memory, m)
            t = timed("skopeo", "--insecure-policy", "copy", "-q", "oci-archive:%s/image.tar" % top, "oci:%s/sk%d:x" % (top, r))[0]
            theirs.append(t + timed("umoci", "unpack", "--image", "%s/sk%d:x" % (top, r), "%s/um%d" % (top, r))[0])
            if shutil.which("podman"):
                places = ["--root", "%s/pr%d" % (top, r), "--runroot", "%s/pn%d" % (top, r), "--storage-driver", "overlay"]
                podman.append(timed("podman", *places, "load", "-q", "-i", top + "/image.tar")[0])
        tar, ours, theirs = statistics.median(tar), statistics.median(ours), statistics.median(theirs)
        print("gzip -dc | tar -x %.2f s, import %.2f s (%.2f), skopeo copy + umoci unpack %.2f s (%.2f), memory of the import %.0f MB" % (
            tar, ours, ours / tar, theirs, ours / theirs, memory))
        if podman:
            load = statistics.median(podman)
            print("podman load %.2f s (%.2f)" % (load, ours / load))
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
