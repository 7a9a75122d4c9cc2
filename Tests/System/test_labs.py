# SPDX-License-Identifier: Apache-2.0
"""The labs: each shows every fact that this user's rights allow and says why of the others, leaves nothing, speaks both languages, ends clean whatever
comes; and for every fact there is a way to break it that the lab notices."""
import concurrent.futures, json, os, re, shutil, signal, subprocess, tempfile, unittest

BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
MODE = os.environ["PODLAB_TEST_MODE"]
ALL = os.environ.get("PODLAB_TEST_ALL") == "1"

# A lab is added here by name: the facts that an ordinary user cannot be shown, without cgroups and with one id.
CGROUP = {"own-groups", "limits-written", "oom-killed", "kernel-counted", "throttled", "fork-refused", "pod-unbounded"}
USERS = {"pod-decides", "container-overrides", "volume-group"}
LABS = {
    "00-process-group": {},
    "01-infra-container": {},
    "02-shared-volume": {},
    "03-sidecar": {},
    "04-war-init": {},
    "05-probes": {},
    "06-lifecycle": {},
    "07-projected-volume": {},
    "08-pod-fields": {"single": USERS},
    "10-resources": {"subids": CGROUP, "single": CGROUP},
    "11-debug": {},
}


# A Java machine starts in this lab, twice: as an ordinary user, whose images are built first, and for the breaks that need it, with --all.
JAVA = {"04-war-init": {"war-before-server", "page-compiled", "new-page", "same-server"}}
HERE = [lab for lab in LABS if MODE == "root" or ALL or lab not in JAVA]


def setUpModule():
    """The images that ./test built: root takes them as they are, anybody else has his own made from the same packages."""
    ready = os.environ["PODLAB_TEST_IMAGES"]
    if MODE == "root":
        os.environ["PODLAB_IMAGES"] = ready + "/images"
    else:
        os.makedirs(os.environ["PODLAB_IMAGES"], exist_ok=True)
        shutil.copytree(ready + "/packages", os.environ["PODLAB_IMAGES"] + "/packages", ignore=shutil.ignore_patterns("lock", "partial", "none", "apt.err", "apt.out"))


def run(*args, env=None, timeout=400):
    return subprocess.run([BIN + "/" + args[0], *args[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, **(env or {})))


def facts(lab):
    return run("lab-" + lab, "--facts").stdout.split()


def side_by_side(jobs):
    """Runs functions, three at a time: labs mostly wait, and must not disturb each other."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda job: job(), jobs))


def left():
    """What a lab must not leave: files of its instance, processes with its folder in their words."""
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
    def tearDown(self):
        self.assertEqual(left(), [])

    def test_the_table_has_every_lab(self):
        self.assertEqual(sorted(f[4:] for f in os.listdir(BIN) if re.fullmatch(r"lab-\d\d-[a-z-]+", f)), sorted(LABS))

    def test_each_shows_every_fact(self):
        done = side_by_side([lambda lab=lab: (lab, facts(lab), run("lab-" + lab, "--lang", "en")) for lab in HERE for _ in range(10 if ALL else 1)])
        for lab, ids, r in done:
            with self.subTest(lab):
                self.assertGreater(len(ids), 4)
                self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
                withheld = LABS[lab].get(MODE, set())
                for f in ids:
                    word = "--" if f in withheld else "ok"
                    self.assertRegex(r.stdout, r"(?m)^  %s    .*\[%s\]$" % (word, re.escape(f)))
                self.assertEqual("not here: " in r.stdout, bool(withheld))
                self.assertEqual(withheld - set(ids), set())

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
        found = [x["fact"]["id"] for x in records if "fact" in x]
        self.assertEqual(sorted(found), sorted(records[0]["story"]["facts"]))

    def test_a_recording_for_players(self):
        with tempfile.TemporaryDirectory() as d:
            cast = d + "/00.cast"
            r = run("lab", "run", "0", "--record", cast, "--lang", "en", env={"NO_COLOR": "1"})
            self.assertEqual(r.returncode, 0, r.stderr)
            with open(cast) as h:
                header, *lines = [json.loads(l) for l in h]
            self.assertEqual((header["version"], header["width"], header["height"]), (2, 80, 24))
            self.assertTrue(all(kind == "o" for _, kind, _ in lines))
            times = [t for t, _, _ in lines]
            self.assertEqual(times, sorted(times))
            self.assertEqual("".join(text for _, _, text in lines).replace("\r\n", "\n"), r.stdout)
            again = run("lab", "run", "0", "--record", cast)
            self.assertEqual(again.returncode, 3, "a file that is there is not written over")
            self.assertIn("EEXIST", again.stderr)

    def test_ascii_and_colour(self):
        plain = run("lab-00-process-group", "--lang", "en", env={"LANG": "C", "LC_ALL": "C"})
        self.assertEqual(plain.returncode, 0, plain.stderr)
        self.assertTrue(plain.stdout.isascii() and "\x1b" not in plain.stdout)
        self.assertNotIn("\x1b", run("lab-00-process-group", env={"TERM": "xterm"}).stdout, "colour only on a terminal")

    def test_unknown_options_are_usage(self):
        for args in (("--no-such",), ("--break", "nothing"), ("--lang", "fr"), ("-o", "xml")):
            r = run("lab-00-process-group", *args)
            self.assertEqual(r.returncode, 2, args)
            self.assertIn("usage:", r.stderr)
        self.assertEqual(run("lab", "run", "77").returncode, 2)
        self.assertEqual(run("lab", "run", "all", "--break", "one-group").returncode, 2)

    def test_list_and_doctor(self):
        r = run("lab", "list", "--lang", "en")
        self.assertEqual(r.returncode, 0, r.stderr)
        for lab in LABS:
            kind = "exercise" if os.path.exists("%s/Exercises/%s/exercise.yaml" % (os.environ["PODLAB_HOME"], lab)) else "demonstration"
            self.assertRegex(r.stdout, r"(?m)^%s .*\b%s$" % (lab, kind))
        r = run("lab", "doctor", "--lang", "en")
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertIn("namespaces", r.stdout)

    def test_the_map_of_the_article_names_facts_that_exist(self):
        with open(os.environ["PODLAB_HOME"] + "/docs/seed-map.md", encoding="utf-8") as h:
            rows = [l.strip("|\n").split("|") for l in h if re.match(r"\| (?!the article|---)", l)]
        self.assertGreater(len(rows), 20)
        known = {lab[:2]: set(facts(lab)) for lab in LABS}
        for row in rows:
            labs = re.findall(r"\b(\d\d)\b", row[2])
            ids = re.findall(r"`([a-z-]+)`", row[3])
            self.assertTrue(ids, row)
            self.assertEqual(set(ids) - set().union(*(known[l] for l in labs)), set(), row)

    def test_a_reader_who_goes_away(self):
        p = subprocess.Popen([BIN + "/lab-01-infra-container"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.readline()
        p.stdout.close()
        self.assertEqual((p.wait(60), p.stderr.read()), (0, b""))
        p.stderr.close()

    def test_interrupted_at_each_step(self):
        def interrupt(step):
            p = subprocess.Popen([BIN + "/lab-11-debug", "-o", "json", "--step"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for line in p.stdout:
                if '"waiting"' in line:
                    p.stdin.write("\n")
                    p.stdin.flush()
                elif '"step"' in line and json.loads(line)["step"]["number"] == step:
                    p.send_signal(signal.SIGINT)
                    break
            out, err = p.communicate(timeout=60)
            return p.returncode, err, out
        for step, (code, err, out) in zip(range(1, 7), side_by_side([lambda n=n: interrupt(n) for n in range(1, 7)])):
            self.assertEqual((step, code, err), (step, 130, ""), out)

    def test_written_for_a_cluster(self):
        with tempfile.TemporaryDirectory() as d:
            # The runtime here has kubectl's grammar: it is the cluster. Its node's root is a folder, for hostPath volumes.
            kubectl = d + "/kubectl"
            os.makedirs(d + "/node")
            with open(kubectl, "w") as h:
                h.write('#!/bin/sh\nverb=$1; shift\n[ "$verb" = apply ] && set -- --node-root %s/node "$@"\nexec %s/podctl "$verb" "$@"\n' % (d, BIN))
            os.chmod(kubectl, 0o755)
            for lab in (sorted(HERE) if ALL else ["11-debug"]):
                with self.subTest(lab):
                    self.assertEqual(run("lab", "export", lab, "%s/%s" % (d, lab)).returncode, 0)
                    script = "%s/%s/run.sh" % (d, lab)
                    self.assertEqual(subprocess.run(["sh", "-n", script]).returncode, 0)
                    r = subprocess.run(["sh", script], capture_output=True, text=True, timeout=400, env=dict(os.environ, KUBECTL=kubectl))
                    self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
                    for f in facts(lab):
                        self.assertRegex(r.stdout, r"(?m)^  (ok|--)    .*\[%s\]" % re.escape(f))
                    self.assertEqual(run("lab", "export", lab, "%s/%s" % (d, lab)).returncode, 2, "a folder that is not empty is left alone")


class Breaks(unittest.TestCase):
    """For each fact the mechanism behind it is replaced, and the lab must notice. As root; with --all in every mode."""

    def test_every_fact_can_fail(self):
        def broken(lab, fact):
            return lab, fact, run("lab-" + lab, "--lang", "en", "--break", fact)
        here = []
        if MODE == "root" or ALL:
            here = [(lab, f) for lab in LABS for f in facts(lab) if f not in LABS[lab].get(MODE, set()) and (ALL or f not in JAVA.get(lab, ()))]
        for lab, fact, r in side_by_side([lambda x=x: broken(*x) for x in here]):
            with self.subTest("%s %s" % (lab, fact)):
                self.assertEqual(r.returncode, 1, r.stdout[-2500:] + r.stderr)
                self.assertIn("fact %s did not hold" % fact, r.stderr)
        self.assertEqual(left(), [])


if __name__ == "__main__":
    unittest.main()
