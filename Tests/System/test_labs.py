# SPDX-License-Identifier: Apache-2.0
"""The labs: each shows every fact that this user's rights allow and says why of the others, leaves nothing, speaks both languages, ends clean whatever
comes; and for every fact there is a way to break it that the lab notices."""
import json, os, re, subprocess, tempfile, unittest

from lab_tools import ALL, BIN, LABS, MODE, facts, left, run, side_by_side, use_ready_images

# A Java machine starts in this lab, twice: as an ordinary user, whose images are built first, and for the breaks that need it, with --all.
JAVA = {"04-war-init": {"war-before-server", "page-compiled", "new-page", "same-server"}}
HERE = [lab for lab in LABS if MODE == "root" or ALL or lab not in JAVA]


def setUpModule():
    use_ready_images()


# Names of things are one word, labels and sentences are more, or are words of this kind.
LABELS = "after alive and are as before by command container containers device differ folder gone group has is it limit never no none not now nothing process processes running same session started state the type user was with yes".split()


def english(line):
    """Whether a line that has no ideograph says something in English: two plain words in a row, or a label."""
    return bool(re.search(r"(?<![\w./:\"'-])[A-Za-z]?[a-z]+,? [a-z]{2,}(?![\w./:\"'=-])", line)) or any(w in LABELS for w in re.split(r"[\s:,()]+", line))


def untranslated(record):
    """Lines of evidence that a Chinese reader gets in English. Commands (after a prompt) and what they print (indented by two) are data."""
    found = []
    for line in record.get("evidence", {}).get("lines", []):
        text = line if isinstance(line, str) else line["zh"]
        if not re.match(r"(\S*\$ |  )", text) and not re.search(r"[\u3400-\u9fff]", text) and english(text):
            found.append(text)
        if isinstance(line, dict) and re.search(r"[\u3400-\u9fff]", line["en"]):
            found.append(line["en"])
    return found


class Labs(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(left(), [])

    def test_the_table_has_every_lab(self):
        self.assertEqual(sorted(f[4:] for f in os.listdir(BIN) if re.fullmatch(r"lab-\d\d-[a-z-]+", f)), sorted(LABS))

    def test_each_shows_every_fact(self):
        done = side_by_side([lambda lab=lab: (lab, facts(lab), run("lab-" + lab, "-o", "json")) for lab in HERE])
        for lab, ids, r in done:
            with self.subTest(lab):
                self.assertGreater(len(ids), 4)
                self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
                records = [json.loads(l) for l in r.stdout.splitlines()]
                withheld = LABS[lab].get(MODE, set())
                self.assertEqual(sorted(x["fact"]["id"] for x in records if "fact" in x), sorted(set(ids) - withheld))
                self.assertEqual(sorted(x["withheld"]["id"] for x in records if "withheld" in x), sorted(withheld))
                self.assertEqual([l for x in records for l in untranslated(x)], [], "both languages")
                # What was pulled from a registry of the lab's own goes with it.
                store = run("podctl", "image", "ls").stdout
                for host in set(re.findall(r"127\.0\.0\.1:\d+", r.stdout)):
                    self.assertNotIn(host, store)

    def test_english_is_told_from_data(self):
        for line in ("before  pid 1", "infra   pid 4   the Pod", "container  process", "alive of [1, 2]: 0", "no limit", "index.html, device:inode of both", "ready; the diary so far:"):
            self.assertTrue(english(line), line)
        for line in ("infra   20205  S  pause", "net:[402]  pid 20356  httpd -f -p 8080 -h /www", "/proc/1/mountinfo: /x  ro,nosuid  tmpfs", "both    Pending", "kill(-12, SIGTERM)", "ready: false   restartCount: 0",
                     "daemon: app  /logs/app.log  16", "memory.oom_control: oom_kill 0 -> 1", "app   pid 1 -> 1  restartCount 0", "hungry: OOMKilled 137   phase Failed"):
            self.assertFalse(english(line), line)
        self.assertEqual(untranslated({"evidence": {"lines": ["container  process", {"en": "中", "zh": "no limit"}, "$ the same", "  it is"]}}), ["container  process", "no limit", "中"])

    def test_as_text_in_either_language(self):
        lab = "10-resources"
        for language, ok, no, why in (("en", "ok  ", "--  ", "not here: "), ("zh", "通过", "不适用", "此处看不到：")):
            r = run("lab-" + lab, "--lang", language)
            self.assertEqual(r.returncode, 0, r.stdout[-3000:] + r.stderr)
            withheld = LABS[lab].get(MODE, set())
            for f in facts(lab):
                self.assertRegex(r.stdout, r"(?m)^  %s  .*\[%s\]$" % (no if f in withheld else ok, re.escape(f)))
            self.assertEqual(why in r.stdout, bool(withheld))

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
            self.assertIn("用法：", run("lab-00-process-group", *args, "--lang", "zh").stderr)
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
