# SPDX-License-Identifier: Apache-2.0
"""What a lab may lack: room on the disk, before it begins or in the middle; an image, where there is no network to make it. It says what helps, and
leaves nothing."""
import os, subprocess, tempfile, time, unittest

from lab_tools import BIN, left, run

MODES = ("root",)


class Lacks(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(left(), [])

    def test_no_room(self):
        with tempfile.TemporaryDirectory() as d:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", d], check=True)
            try:
                env = {"PODLAB_ROOT": d + "/i"}
                # Before anything is begun, and in the middle.
                with open(d + "/much", "wb") as h:
                    h.write(bytes(3 << 20))
                r = run("lab-07-projected-volume", "--lang", "zh", env=env)
                self.assertEqual((r.returncode, r.stdout), (3, ""), r.stderr)
                self.assertRegex(r.stderr, r"只剩 \d+ KiB：请腾出空间，或用 --root DIR")
                os.truncate(d + "/much", 0)
                p = subprocess.Popen([BIN + "/lab-07-projected-volume", "--lang", "en"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env=dict(os.environ, **env))
                for line in p.stdout:
                    if "Step 1 of" in line:
                        break
                much = os.open(d + "/much", os.O_WRONLY)
                try:
                    while os.write(much, bytes(4096)):
                        pass
                except OSError:
                    os.close(much)
                out, err = p.communicate(timeout=120)
                self.assertEqual(p.returncode, 3, out + err)
                self.assertRegex(err, r"\d KiB are free where .* lies: make room there, or choose another place with --root DIR")
                self.assertEqual(left(d + "/i"), [])
            finally:
                subprocess.run(["umount", "-l", d], check=True)

    def test_no_image_and_no_network(self):
        with tempfile.TemporaryDirectory() as d:
            t0 = time.monotonic()
            r = run("lab-02-shared-volume", "--lang", "en", env={"PODLAB_IMAGES": d, "http_proxy": "http://127.0.0.1:9"})
            self.assertEqual(r.returncode, 3, r.stdout + r.stderr)
            self.assertRegex(r.stderr, r"(?s)the image (nginx|debian) cannot be had\nErrImagePull: .*podctl image build (nginx|debian)")
            self.assertLess(time.monotonic() - t0, 200)


if __name__ == "__main__":
    unittest.main()
