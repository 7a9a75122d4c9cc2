# SPDX-License-Identifier: Apache-2.0
"""The ten broken Pods of lab 11: each is broken as its file says, in the first and the last of its variants, and whole after its repair."""
import concurrent.futures, os, re, subprocess, time, unittest

MODES = ("root",)
BIN = os.environ["PODLAB_BIN"]
FOLDER = os.environ["PODLAB_HOME"] + "/Labs/11-debug/faults"


class Fault:
    def __init__(self, name):
        with open("%s/%s" % (FOLDER, name), encoding="utf-8") as h:
            self.text = h.read()
        head, self.manifest = self.text.split("manifest: |\n")
        self.manifest = "\n".join(l[2:] for l in self.manifest.splitlines()) + "\n"
        one = lambda pattern: re.search(pattern, head, re.M).group(1)
        self.id, self.lab, self.look, self.shows = one(r"^id: (.*)$"), one(r"^lab: (.*)$"), one(r"^look: (.*)$"), one(r'^shows: "(.*)"$')
        self.replace, self.by = one(r'^  replace: "(.*)"$'), one(r'^  with: "(.*)"$')
        self.variants = {k: v.split(", ") for k, v in re.findall(r"^  (\w+): \[(.*)\]$", head.split("variants:\n")[1], re.M)}
        self.both = all(len(re.findall(r"^  %s: \S" % l, head, re.M)) == 2 for l in ("en", "zh"))

    def fill(self, text, last):
        for k, v in self.variants.items():
            text = text.replace("${%s}" % k, v[-1 if last else 0])
        return text


FAULTS = [Fault(f) for f in sorted(os.listdir(FOLDER)) if f.endswith(".yaml")]


def podctl(namespace, *args, stdin=None):
    return subprocess.run([BIN + "/podctl", "-n", namespace, *args], input=stdin, capture_output=True, text=True, timeout=120)


class Faults(unittest.TestCase):
    def test_there_are_ten_in_both_languages_each_repaired_in_one_place(self):
        self.assertEqual(len(FAULTS), 10)
        self.assertEqual(len({f.id for f in FAULTS}), 10)
        for f in FAULTS:
            with self.subTest(f.id):
                self.assertTrue(f.both)
                self.assertEqual(f.manifest.count(f.replace), 1)
                self.assertGreater(len(f.variants), 1)
                self.assertTrue(os.path.isdir(os.path.dirname(FOLDER) + "/../" + f.lab) or f.lab in ("02-shared-volume", "04-war-init", "09-image-pull-policy"))

    def play(self, fault, last):
        space = "%s-%d" % (fault.id, last)
        name = fault.fill("${name}", last)
        try:
            podctl(space, "apply", "-f", "-", stdin=fault.fill(fault.manifest, last))
            look = fault.fill(fault.look, last).split()[1:]
            end, seen = time.monotonic() + 60, None
            while time.monotonic() < end:
                r = podctl(space, *look)
                seen = r.stdout + r.stderr
                if fault.shows in seen and (fault.shows or r.returncode == 0 and not seen):
                    break
                time.sleep(0.1)
            else:
                return "it does not show %r: %s" % (fault.shows, seen)
            if podctl(space, "wait", "--for=condition=Ready", "pod/" + name, "--timeout=100ms").returncode == 0 and fault.id != "port-clash":
                return "it is ready though it is broken"
            podctl(space, "delete", "pod", name, "--force", "--grace-period=0")
            podctl(space, "apply", "-f", "-", stdin=fault.fill(fault.manifest.replace(fault.replace, fault.by), last))
            r = podctl(space, "wait", "--for=condition=Ready", "pod/" + name, "--timeout=60s")
            return None if r.returncode == 0 else "repaired, it is not ready: " + r.stderr + podctl(space, "describe", "pod", name).stdout
        finally:
            podctl(space, "delete", "pod", name, "--force", "--grace-period=0")

    def test_broken_as_said_and_whole_after_the_repair(self):
        todo = [(f, last) for f in FAULTS for last in (False, True)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for (f, last), bad in zip(todo, pool.map(lambda x: self.play(*x), todo)):
                with self.subTest("%s %s" % (f.id, "last" if last else "first")):
                    self.assertIsNone(bad)


if __name__ == "__main__":
    unittest.main()
