# SPDX-License-Identifier: Apache-2.0
"""A disk that is full while an image comes in: an error with the remedy, the space given back, the store as sound as before."""
import os, sys, unittest

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


if __name__ == "__main__":
    unittest.main()
