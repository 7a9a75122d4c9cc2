# SPDX-License-Identifier: Apache-2.0
"""The labs: each shows every fact, leaves nothing, speaks both languages; and for every fact there is a way to break it that the lab notices."""
import json, os, re, subprocess, unittest

BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
LABS = sorted(f for f in os.listdir(BIN) if re.fullmatch(r"lab-\d\d-[a-z-]+", f))


def run(*args, env=None, timeout=120):
    return subprocess.run([BIN + "/" + args[0], *args[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, **(env or {})))


def left():
    """What a lab must not leave: files of its instance, links and cgroups of ours, processes with its folder in their words."""
    labs = os.path.join(ROOT, "run", "labs")
    found = [os.path.join(labs, f) for f in (os.listdir(labs) if os.path.isdir(labs) else [])]
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open("/proc/%s/cmdline" % d, "rb") as h:
                    words = h.read().decode(errors="replace")
                if labs in words and "test_labs" not in words:
                    found.append(words.replace("\0", " "))
            except OSError:
                pass
    return found


class Labs(unittest.TestCase):
    def test_there_are_three(self):
        self.assertEqual(LABS, ["lab-00-process-group", "lab-01-infra-container", "lab-03-sidecar"])

    def test_each_shows_every_fact_and_leaves_nothing(self):
        for lab in LABS:
            with self.subTest(lab):
                facts = run(lab, "--facts").stdout.split()
                self.assertGreater(len(facts), 4)
                r = run(lab, "--lang", "en")
                self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
                for f in facts:
                    self.assertRegex(r.stdout, r"(?m)^  ok    .*\[%s\]$" % re.escape(f))
                self.assertEqual(left(), [])

    def test_through_the_front_door_in_chinese_with_trace(self):
        r = run("lab", "run", "1", "--trace", "--lang", "zh")
        self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
        self.assertIn("Infra 容器", r.stdout)
        self.assertRegex(r.stdout, r"clone3\(.*CLONE_NEWNET")
        self.assertRegex(r.stdout, r"setns\(.*CLONE_NEW")
        self.assertNotRegex(r.stdout, r"(?m)^  (ok|FAIL)  ")

    def test_a_record_for_programs(self):
        r = run("lab-00-process-group", "-o", "json")
        self.assertEqual(r.returncode, 0, r.stderr)
        records = [json.loads(l) for l in r.stdout.splitlines()]
        self.assertIn("story", records[0])
        self.assertEqual(records[-1], {"ended": {"ok": True}})
        facts = [x["fact"]["id"] for x in records if "fact" in x]
        self.assertEqual(sorted(facts), sorted(records[0]["story"]["facts"]))

    def test_unknown_options_are_usage(self):
        for args in (("--no-such",), ("--break", "nothing"), ("--lang", "fr"), ("-o", "xml")):
            r = run("lab-00-process-group", *args)
            self.assertEqual(r.returncode, 2, args)
            self.assertIn("usage:", r.stderr)
        self.assertEqual(run("lab", "run", "77").returncode, 2)

    def test_list_and_doctor(self):
        r = run("lab", "list")
        self.assertEqual(r.returncode, 0, r.stderr)
        for lab in LABS:
            self.assertIn(lab[4:], r.stdout)
        r = run("lab", "doctor", "--lang", "en")
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertIn("namespaces", r.stdout)


def breaking(lab, fact):
    def test(self):
        r = run(lab, "--lang", "en", "--break", fact)
        self.assertEqual(r.returncode, 1, r.stdout[-2500:] + r.stderr)
        self.assertIn("fact %s did not hold" % fact, r.stderr)
        self.assertEqual(left(), [])
    return test


class Breaks(unittest.TestCase):
    """One test for each fact."""


for _lab in LABS:
    for _fact in run(_lab, "--facts").stdout.split():
        setattr(Breaks, "test_%s_%s" % (_lab[4:6], _fact.replace("-", "_")), breaking(_lab, _fact))


if __name__ == "__main__":
    unittest.main()
