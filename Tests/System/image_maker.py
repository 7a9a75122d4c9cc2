# SPDX-License-Identifier: Apache-2.0
"""Images made by hand, good and bad: layers with tarfile, archives byte by byte. Used by test_images*.py."""
import gzip, hashlib, io, json, os, platform, tarfile

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
OCI = "application/vnd.oci.image."


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def item(name, content=b"", type=tarfile.REGTYPE, **more):
    t = tarfile.TarInfo(name)
    t.type, t.size, t.mtime, t.mode = type, len(content), 1600000000, 0o755 if type == tarfile.DIRTYPE else 0o644
    for k, v in more.items():
        setattr(t, k, v)
    return t, content


def folder(name, **more):
    return item(name, type=tarfile.DIRTYPE, **more)


def symlink(name, to):
    return item(name, type=tarfile.SYMTYPE, linkname=to)


def hardlink(name, to):
    return item(name, type=tarfile.LNKTYPE, linkname=to)


def layer(*items, format=tarfile.PAX_FORMAT):
    """An uncompressed layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for info, content in items:
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Image:
    """An OCI image as a dictionary of files; each part can be spoiled before `tar` is asked for."""

    def __init__(self, *layers, name="good:1", compress=gzip.compress, suffix="+gzip", config=None, diff_ids=None):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        blobs = [compress(l) if compress else l for l in layers]
        body = {"architecture": ARCH, "os": "linux", "config": config or {"Cmd": ["sh"]}}
        body["rootfs"] = {"type": "layers", "diff_ids": diff_ids if diff_ids is not None else [sha(l) for l in layers]}
        self.layers = [self.blob(b, OCI + "layer.v1.tar" + (suffix if compress else "")) for b in blobs]
        self.config = self.blob(json.dumps(body).encode(), OCI + "config.v1+json")
        self.finish(name)

    def finish(self, name="good:1", **more):
        body = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": self.config, "layers": self.layers}
        body.update(more)
        self.manifest = self.blob(json.dumps(body).encode(), OCI + "manifest.v1+json")
        self.index([dict(self.manifest, annotations={"org.opencontainers.image.ref.name": name})])
        return self

    def blob(self, data, media):
        self.files["blobs/sha256/" + sha(data)[7:]] = data
        return {"mediaType": media, "digest": sha(data), "size": len(data)}

    def index(self, manifests):
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        return self

    def put(self, descriptor, data):
        """Other bytes under the name of a blob."""
        self.files["blobs/sha256/" + descriptor["digest"][7:]] = data
        return self

    def drop(self, what):
        del self.files["blobs/sha256/" + what["digest"][7:] if isinstance(what, dict) else what]
        return self

    def tar(self):
        return layer(*[item(n, c) for n, c in self.files.items()])

    def folder(self, path):
        for n, c in self.files.items():
            os.makedirs(os.path.dirname(os.path.join(path, n)), exist_ok=True)
            with open(os.path.join(path, n), "wb") as f:
                f.write(c)
        return path


def docker(*layers, names=("good:1",), config=None):
    """What docker save writes, as a dictionary of files."""
    body = {"architecture": ARCH, "os": "linux", "config": config or {"Cmd": ["sh"]}, "rootfs": {"type": "layers", "diff_ids": [sha(l) for l in layers]}}
    text = json.dumps(body).encode()
    files = {sha(text)[7:] + ".json": text}
    for l in layers:
        files[sha(l)[7:] + "/layer.tar"] = l
    entry = {"Config": sha(text)[7:] + ".json", "RepoTags": list(names), "Layers": [sha(l)[7:] + "/layer.tar" for l in layers]}
    files["manifest.json"] = json.dumps([entry]).encode()
    return files


def tar_of(files):
    return layer(*[item(n, c) for n, c in files.items()])


def raw_header(name, size, type=b"0", magic=b"ustar\x0000", checksum=True, link=b""):
    """One block of a tar archive; size: a number, or the 12 bytes of the field."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108], h[108:116], h[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    h[124:136], h[136:148], h[148:156] = field, b"00000000000\0", b" " * 8
    h[156:157], h[157:157 + len(link)] = type, link
    h[257:265] = magic
    if checksum:
        h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


END = bytes(1024)
