# SPDX-License-Identifier: Apache-2.0
"""Archives that are broken or mean harm: each is refused in one clear line, nothing is written outside of the store, and nothing of it stays in there."""
import gzip, json, os, shutil, subprocess, sys, tarfile, tempfile, unittest, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from image_maker import END, Image, OCI, docker, folder, hardlink, item, layer, raw_header, sha, symlink, tar_of

MODES = ("root", "subids", "single")
BIN = os.environ["PODLAB_BIN"]
GOOD = layer(folder("bin"), item("bin/tool", b"#!/bin/sh\n" * 200))


WORLD = {}


def place():
    """A folder beside the store, which is none of an image's business."""
    return WORLD["place"]


def podctl(store, *args, stdin=None):
    env = dict(os.environ, PODLAB_IMAGES=store)
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, env=env, timeout=120)


def tree(path, but=()):
    """Every name below a folder, with what tells a change."""
    found = {}
    for top, folders, files in os.walk(path):
        folders[:] = [f for f in folders if os.path.join(top, f) not in but]
        for f in folders + files:
            s = os.lstat(os.path.join(top, f))
            found[os.path.relpath(os.path.join(top, f), path)] = (s.st_mode, s.st_size if f in files else 0)
    return found


def image(*items, **more):
    return Image(layer(*items), **more).tar()


def raw_layer(data, **more):
    """An image whose layer is these very bytes."""
    return Image(data, **more).tar()


def bomb(size):
    """A compressed tar with one file of zeros. A block after a full flush can be repeated as it is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(raw_header(b"zeros", size)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (size >> 20) + packer.flush()


def bomb_image():
    blob = bomb(3 << 30)
    made = Image()
    made.layers = [made.blob(blob, OCI + "layer.v1.tar+gzip")]
    made.config = made.blob(json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha(b"?")]}}).encode(), OCI + "config.v1+json")
    return made.finish().tar()


def pax(records, *after):
    """A PAX header with these bytes, then entries."""
    padded = records + bytes(-len(records) % 512)
    return raw_header(b"pax", len(records), b"x") + padded + b"".join(after) + END


def spoiled(make):
    made = Image(GOOD)
    return (make(made) or made).tar()


def cut(data, at):
    return data[:at]


def index_circle():
    # Each index names the other; a digest cannot be right, so that one of the two lies, and that is found.
    made = Image(GOOD)
    a = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": OCI + "index.v1+json", "digest": sha(b"b"), "size": 1}]}).encode()
    d = made.blob(a, OCI + "index.v1+json")
    made.files["blobs/sha256/" + sha(b"b")[7:]] = a
    return made.index([dict(d, annotations={"org.opencontainers.image.ref.name": "good:1"})]).tar()


def index_tower(count):
    made = Image(GOOD)
    d = made.manifest
    for _ in range(count):
        d = made.blob(json.dumps({"schemaVersion": 2, "manifests": [d]}).encode(), OCI + "index.v1+json")
    return made.index([dict(d, annotations={"org.opencontainers.image.ref.name": "good:1"})]).tar()


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def big_number(n):
    return b"\x80" + n.to_bytes(11, "big")


def of_docker(**change):
    files = docker(GOOD)
    manifest = json.loads(files["manifest.json"])
    manifest[0].update(change)
    files["manifest.json"] = json.dumps(manifest).encode()
    return files


def outer(*raw):
    return b"".join(raw) + END


GZ = gzip.compress(GOOD)
ATTRIBUTES = {"SCHILY.xattr.user.a": "x" * 70000}
# name: (the archive, what the message says).
CASES = {
    # escapes, of the layer
    "a name with .. at its head": (lambda: image(item("../escaped", b"x")), r"\.\./escaped: leads out of its folder"),
    "a name with .. inside": (lambda: image(item("a/../../escaped", b"x")), r"leads out of its folder"),
    "a long way up": (lambda: image(item("../" * 30 + place()[1:] + "/escaped", b"x")), r"leads out of its folder"),
    "a file through a symbolic link": (lambda: image(symlink("out", place()), item("out/escaped", b"x")), r"through a symbolic link"),
    "a folder through a symbolic link": (lambda: image(symlink("out", place()), folder("out/escaped")), r"through a symbolic link"),
    "a file through links of links": (lambda: image(symlink("a", "b"), symlink("b", place()), item("a/escaped", b"x")), r"through a symbolic link"),
    "a file through a link upwards": (lambda: image(folder("d"), symlink("d/up", "../.."), item("d/up/escaped", b"x")), r"through a symbolic link"),
    "a hard link to ..": (lambda: image(hardlink("stolen", "../../../index.json")), r"leads out of its folder"),
    "a hard link to a file of the machine": (lambda: image(hardlink("stolen", "/etc/passwd")), r"which this layer has not"),
    "a hard link through a symbolic link": (lambda: image(symlink("e", "/etc"), hardlink("stolen", "e/passwd")), r"through a symbolic link"),
    "a whiteout through a symbolic link": (lambda: image(symlink("out", place()), item("out/.wh.precious")), r"through a symbolic link"),
    "a whiteout of ..": (lambda: image(item("d/.wh...")), r"a whiteout of nothing"),
    "a whiteout of .": (lambda: image(item("d/.wh..")), r"a whiteout of nothing"),
    "the layer's folder becomes a link": (lambda: image(symlink("./", place())), r"layer's own folder"),
    "the layer's folder is linked": (lambda: image(hardlink("all", ".")), r"layer's own folder"),
    "a folder below a file": (lambda: image(item("f", b"x"), item("f/escaped", b"x")), r"is a file in this layer"),
    "a hard link that takes a folder's place": (lambda: image(folder("d"), item("f"), hardlink("d", "f")), r"place of a folder"),
    "a hard link to nothing": (lambda: image(hardlink("a", "b")), r"which this layer has not"),
    # escapes, of the archive of images
    "the archive leads up": (lambda: layer(item("../escaped", b"x"), *[item(n, c) for n, c in Image(GOOD).files.items()]), r"leads out of the archive"),
    "a blob is a link to the machine": (
        lambda: layer(symlink("index.json", "/etc/passwd"), item("oci-layout", b"{}")), r"outside of the archive"),
    "a blob is a link upwards": (lambda: layer(symlink("index.json", "../../x"), item("oci-layout", b"{}")), r"leads out of the archive"),
    "links in a circle": (lambda: layer(symlink("index.json", "a"), symlink("a", "index.json")), r"circle"),
    "a digest that is a path": (
        lambda: spoiled(lambda i: i.index([dict(i.manifest, digest="sha256:../../../../etc/passwd")])), r"is no SHA-256 digest"),
    "a digest of another kind": (lambda: spoiled(lambda i: i.index([dict(i.manifest, digest="md5:" + "0" * 32)])), r"is no SHA-256 digest"),
    "a diff id that is a path": (lambda: Image(GOOD, diff_ids=["sha256:../../../.."]).tar(), r"diff_ids that are no SHA-256"),
    "docker: a layer outside": (lambda: tar_of(of_docker(Layers=["../../etc/passwd"])), r"is missing"),
    "docker: a device in the archive": (lambda: layer(item("manifest.json", type=tarfile.CHRTYPE)), r"do not have"),
    # broken archives
    "nothing": (lambda: b"", r"empty"),
    "no archive": (lambda: b"hello, world\n" * 100, r"not a tar archive"),
    "random bytes": (lambda: bytes((i * 7919) % 251 for i in range(5000)), r"not a tar archive"),
    "cut in a header": (lambda: cut(Image(GOOD).tar(), 700), r"truncated"),
    "cut in a blob": (lambda: cut(Image(GOOD).tar(), 1536 + 512 + 100), r"truncated"),
    "cut before the end mark": (lambda: Image(GOOD).tar().rstrip(b"\0") + bytes(0), r"truncated"),
    "a header with a wrong checksum": (lambda: flipped(Image(GOOD).tar(), 1024 + 5), r"wrong checksum"),
    "a file of 8 exabytes in the archive": (lambda: outer(raw_header(b"index.json", big_number((1 << 63) - 1))), r"truncated|absurd"),
    "a size that is no number": (lambda: outer(raw_header(b"index.json", b"zzzzzzzzzzz\0")), r"no number"),
    "a negative size": (lambda: outer(raw_header(b"index.json", b"\xff" * 12)), r"absurd"),
    "a malformed PAX header": (lambda: pax(b"9999 path=x\n", raw_header(b"a", 0)), r"PAX header"),
    "a name twice in the archive": (lambda: layer(item("index.json", b"{}"), item("index.json", b"[]")), r"twice"),
    "compressed and cut": (lambda: cut(gzip.compress(Image(GOOD).tar()), 300), r"truncated|reading the archive"),
    "compressed and damaged": (lambda: flipped(gzip.compress(os.urandom(20000)), 5000), r"not a tar archive|reading the archive"),
    "neither an image": (lambda: layer(item("README", b"hello")), r"no OCI layout"),
    # layers
    "a layer that is cut": (lambda: Image(GOOD).put(Image(GOOD).layers[0], GZ[:-20]).tar(), r"has \d+ bytes|announced|truncated"),
    "a layer with a flipped bit": (lambda: Image(GOOD).put(Image(GOOD).layers[0], flipped(GZ, len(GZ) // 2)).tar(), r"digest|decompress|archive"),
    "a layer that is longer than announced": (lambda: Image(GOOD).put(Image(GOOD).layers[0], GZ + b"more").tar(), r"announced"),
    "a layer that is another": (lambda: Image(GOOD).put(Image(GOOD).layers[0], gzip.compress(b"x" * len(GOOD))).tar(), r"announced|digest"),
    "a layer that is missing": (lambda: spoiled(lambda i: i.drop(i.layers[0])), r"the layer sha256:\w+ is missing"),
    "a diff id that is wrong": (lambda: Image(GOOD, diff_ids=[sha(b"other")]).tar(), r"unpacks to sha256:\w+, its image says"),
    "a layer that is no tar": (lambda: raw_layer(os.urandom(4000)), r"archive"),
    "a tar that is cut in a file": (lambda: raw_layer(GOOD[:1600]), r"[Tt]runcated"),
    "a tar that is cut in a header": (lambda: raw_layer(layer(item("a", b"x"), item("b", b"x"))[:1024 + 200]), r"[Tt]runcated|[Dd]amaged|cannot be read"),
    "a gzip stream that is cut": (lambda: raw_layer(GZ[:len(GZ) - 12], compress=None, diff_ids=[sha(GOOD)]), r"[Tt]runcated|decompress"),
    "a file of 8 exabytes": (lambda: raw_layer(raw_header(b"huge", big_number((1 << 63) - 1)) + END), r"refused|archive|negative|size"),
    "a file of 100 GiB": (lambda: raw_layer(raw_header(b"huge", big_number(100 << 30)) + END), r"refused"),
    "a sparse file of 1 EiB": (
        lambda: raw_layer(pax(b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n26 GNU.sparse.name=sparse\n%b" % b"43 GNU.sparse.realsize=1152921504606846976\n",
                              raw_header(b"sparse", 512), b"1\n0\n0\n".ljust(512, b"\0"))), r"refused|archive"),
    "a name of 5000 bytes": (lambda: image(item("d/" * 2500 + "f", b"x")), r"more than 4096 bytes"),
    "a part of a name of 300 bytes": (lambda: image(item("n" * 300, b"x")), r"ENAMETOOLONG"),
    "a hard link to an empty name": (lambda: image(hardlink("odd", "")), r"hard link|unknown type"),
    "70 kB of attributes": (lambda: image(item("f", b"x", pax_headers=ATTRIBUTES)), r"extended attributes: refused"),
    "a bomb": (bomb_image, r"decompression bomb"),
    # what describes
    "an index that is no JSON": (lambda: spoiled(lambda i: i.files.update({"index.json": b"{"})), r"invalid JSON"),
    "an index without manifests": (lambda: spoiled(lambda i: i.files.update({"index.json": b"{}"})), r"no manifests"),
    "an index of nothing": (lambda: spoiled(lambda i: i.index([])), r"no image"),
    "an index of 200 brackets too many": (lambda: spoiled(lambda i: i.files.update({"index.json": b"[" * 5000})), r"nested too deeply"),
    "an index of 5 MB": (lambda: spoiled(lambda i: i.files.update({"index.json": b" " * 5000000 + b"{}"})), r"more than \d+ bytes"),
    "a layout of another version": (lambda: spoiled(lambda i: i.files.update({"oci-layout": b'{"imageLayoutVersion":"2.0.0"}'})), r"version 1"),
    "no oci-layout": (lambda: spoiled(lambda i: i.drop("oci-layout")), r"oci-layout is missing"),
    "indexes in a circle": (index_circle, r"circle|not what its name says"),
    "a tower of indexes": (lambda: index_tower(30), r"circle"),
    "a manifest that is missing": (lambda: spoiled(lambda i: i.drop(i.manifest)), r"is missing"),
    "a manifest that is another": (lambda: spoiled(lambda i: i.put(i.manifest, b"{}")), r"not what its name says"),
    "a manifest of version 1": (lambda: spoiled(lambda i: i.finish(schemaVersion=1)), r"not an image manifest of version 2"),
    "a manifest that is an artifact": (
        lambda: spoiled(lambda i: i.finish(config=dict(i.config, mediaType="application/vnd.cncf.helm.config.v1+json"))), r"is no image"),
    "a manifest whose layers are words": (lambda: spoiled(lambda i: i.finish(layers=["a", 7])), r"without a digest"),
    "a manifest with a negative size": (lambda: spoiled(lambda i: i.finish(layers=[dict(i.layers[0], size=-1)])), r"has no size"),
    "more layers than diff ids": (lambda: spoiled(lambda i: i.finish(layers=i.layers * 2)), r"2 layers, its configuration says 1"),
    "a configuration that is missing": (lambda: spoiled(lambda i: i.drop(i.config)), r"is missing"),
    "a configuration that is another": (lambda: spoiled(lambda i: i.put(i.config, b"{}" + b" " * (i.config["size"] - 2))), r"not what its name says"),
    "a configuration that is no JSON": (
        lambda: spoiled(lambda i: i.finish(config=i.blob(b"\xff\xfe", OCI + "config.v1+json"))), r"invalid JSON"),
    "a configuration without layers": (lambda: Image(diff_ids=[]).tar(), r"without layers"),
    "an image for another system": (
        lambda: spoiled(lambda i: i.finish(config=i.blob(json.dumps(
            {"os": "windows", "rootfs": {"type": "layers", "diff_ids": [sha(GOOD)]}}).encode(), OCI + "config.v1+json"))), r"for windows"),
    "only images for other machines": (
        lambda: spoiled(lambda i: i.index([dict(i.manifest, platform={"os": "linux", "architecture": a}) for a in ("s390x", "riscv64")])),
        r"no image for linux/\w+, only for linux/s390x, linux/riscv64"),
    "a name that is none": (lambda: Image(GOOD, name="UPPER/Case:1").tar(), r"must be lowercase"),
    "docker: a manifest that is no JSON": (lambda: tar_of(dict(docker(GOOD), **{"manifest.json": b"nope"})), r"invalid JSON"),
    "docker: an empty manifest": (lambda: tar_of(dict(docker(GOOD), **{"manifest.json": b"[]"})), r"no image"),
    "docker: a configuration under another's name": (
        lambda: tar_of({n: (c + b" " if n.endswith(".json") and n != "manifest.json" else c) for n, c in docker(GOOD).items()}), r"not what its name says"),
    "docker: a layer that is another": (
        lambda: tar_of({n: (GOOD + bytes(512) if n.endswith(".tar") else c) for n, c in docker(GOOD).items()}), r"its image says"),
    "docker: too few layers": (lambda: tar_of(of_docker(Layers=[])), r"0 layers"),
}


class Hostile(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.store = self.top + "/images"
        WORLD["place"] = self.top + "/place"
        os.mkdir(place())
        with open(place() + "/precious", "w") as f:
            f.write("stays")

    def test_there_are_many(self):
        self.assertGreaterEqual(len(CASES), 40)

    def test_each(self):
        for name, (make, said) in CASES.items():
            with self.subTest(name):
                self.refuse(make(), said)

    def refuse(self, data, said):
        path = self.top + "/image.tar"
        with open(path, "wb") as f:
            f.write(data)
        before = tree(self.top, but=(self.store,))
        r = podctl(self.store, "image", "import", path)
        error = r.stderr.decode(errors="replace")
        self.assertEqual((r.returncode, r.stdout), (1, b""), error)
        self.assertRegex(error, said)
        self.assertRegex(error, r"(?m)^error: importing ")
        self.assertLessEqual(len([l for l in error.strip().split("\n") if not l.startswith("warning: ")]), 2, error)
        self.assertEqual(tree(self.top, but=(self.store,)), before)
        # Nothing half-kept: no image, no layer, no blob, no scratch.
        with open(self.store + "/index.json") as f:
            self.assertEqual(json.load(f)["manifests"], [])
        for part in ("layers", "blobs/sha256", "work"):
            self.assertEqual(os.listdir(self.store + "/" + part), [], part)

    def test_a_folder_with_links(self):
        # An OCI layout in a folder: its files are not looked up through links either.
        path = Image(GOOD).folder(self.top + "/layout")
        secret = place() + "/precious"
        os.remove(path + "/index.json")
        os.symlink(secret, path + "/index.json")
        r = podctl(self.store, "image", "import", path)
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stderr.decode(), "ELOOP")
        self.assertNotIn("stays", r.stderr.decode())

    def test_harmless_ones_are_taken(self):
        """What looks odd and is no harm: as every container engine takes it."""
        odd = layer(
            folder("/"), item("/etc/absolute", b"a"), item("./dotted", b"b"), item("twice", b"old"), item("twice", b"new"), symlink("away", "/etc/passwd"),
            symlink("loop", "loop"), folder("swap"), item("swap/x", b"x"), item("swap", b"a file now"), item("name with\nnewline", b"n"), item("empty"))
        path = self.top + "/image.tar"
        with open(path, "wb") as f:
            f.write(Image(odd).tar())
        r = podctl(self.store, "image", "import", path)
        self.assertEqual(r.returncode, 0, r.stderr)
        root = self.store + "/layers/" + sha(odd)[7:]
        for name, content in (("etc/absolute", "a"), ("dotted", "b"), ("twice", "new"), ("swap", "a file now"), ("name with\nnewline", "n"), ("empty", "")):
            with open(root + "/" + name) as f:
                self.assertEqual(f.read(), content, name)
        self.assertEqual((os.readlink(root + "/away"), os.readlink(root + "/loop")), ("/etc/passwd", "loop"))
        self.assertEqual(podctl(self.store, "image", "fsck").returncode, 0)


if __name__ == "__main__":
    unittest.main()
