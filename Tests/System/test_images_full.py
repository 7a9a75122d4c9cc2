# SPDX-License-Identifier: Apache-2.0
"""A disk that is full while an image comes in: an error with the remedy, the space given back, the store as sound as before. One that is almost full:
images go that no Pod uses and that can be had again."""
import json, os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from image_maker import Image, item, layer
from test_images import World, big, run

# A small file system of one's own is mounted by root.
MODES = ("root",)


class FullDisk(World):
    def test_disk_full(self):
        os.mkdir(self.store)
        run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", self.store, check=self)
        self.addCleanup(run, "umount", self.store)
        small = Image(layer(item("a", b"x" * 100000)), name="small:1").tar()
        self.imported(small)
        free = lambda: (lambda s: s.f_bfree * s.f_bsize)(os.statvfs(self.store))
        before = free()
        first = layer(item("b", os.urandom(1 << 20)))
        r = self.podctl("image", "import", self.file("big.tar", Image(first, big(12), name="big:1").tar()))
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stderr.decode(), r"ENOSPC: No space left on device\. The disk is full: free some space \(podctl image prune\)")
        self.assertGreater(free(), before - (256 << 10))
        self.podctl("image", "fsck", check=self)
        self.imported(Image(layer(item("c", b"y" * 100000)), name="after:1").tar())

    def test_almost_full(self):
        os.mkdir(self.store)
        run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", self.store, check=self)
        self.addCleanup(run, "umount", "-l", self.store)
        has = lambda what: what in self.podctl("image", "ls", check=self).stdout.decode()
        tiny = lambda name: self.imported(Image(layer(item(name, b"x" * 1000)), name=name + ":1").tar())[1]
        tiny("imported")
        self.podctl("image", "build", "busybox", "--quiet", check=self)
        self.pod("user", "busybox", ["sleep", "1000"])
        self.podctl("wait", "--for=condition=Ready", "pod/user", "--timeout=60s", check=self)
        # All of it was brought long ago.
        with open(self.store + "/index.json") as f:
            for m in json.load(f)["manifests"]:
                os.utime(self.store + "/blobs/sha256/" + m["digest"][7:], (1, 1))
        s = os.statvfs(self.store)
        with open(self.store + "/filler", "wb") as f:
            f.write(bytes(s.f_bfree * s.f_bsize - (700 << 10)))
        self.assertNotIn("almost full", tiny("first"), "a Pod uses it")
        self.assertTrue(has("busybox"))
        self.podctl("delete", "pod", "user", "--grace-period=0", "--force", check=self)
        self.assertIn("warning: the disk is almost full: the image docker.io/library/busybox:latest, which no pod uses, was removed\n", tiny("second"))
        self.assertFalse(has("busybox"))
        # What nobody could bring again stays, tight as it is.
        os.remove(self.store + "/filler")
        s = os.statvfs(self.store)
        with open(self.store + "/filler", "wb") as f:
            f.write(bytes(s.f_bfree * s.f_bsize - (700 << 10)))
        self.assertNotIn("almost full", tiny("third"))
        for name in ("imported", "first", "second", "third"):
            self.assertTrue(has(name), name)
        self.podctl("image", "fsck", check=self)


if __name__ == "__main__":
    unittest.main()
