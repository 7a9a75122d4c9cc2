# SPDX-License-Identifier: Apache-2.0
"""The lessons: every command in them is run, in order, and what it prints is what the lesson quotes.

A block marked `console` has commands after `$ ` (going on after `> `) and their output. In the output … stands for anything within a line, and for any
number of lines where it stands alone. Both languages show the same blocks, so they are run once.
"""
import concurrent.futures, os, re, shutil, subprocess, tempfile, unittest

MODES = ("root",)
BIN = os.environ["PODLAB_BIN"]
HOME = os.environ["PODLAB_HOME"]
LABS = sorted(d for d in os.listdir(HOME + "/Labs") if os.path.exists("%s/Labs/%s/lesson.en.md" % (HOME, d)))
HEADINGS = 7


# The images that ./test built.
os.environ["PODLAB_IMAGES"] = os.environ["PODLAB_TEST_IMAGES"] + "/images"


def lesson(lab, language):
    with open("%s/Labs/%s/lesson.%s.md" % (HOME, lab, language), encoding="utf-8") as h:
        return h.read()


def blocks(text):
    return re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)


def commands(text):
    """[(command, quoted output)]"""
    out = []
    for line in text.splitlines():
        if line.startswith("$ "):
            out.append([line[2:], ""])
        elif line.startswith("> ") and out and not out[-1][1]:
            out[-1][0] += "\n" + line[2:]
        else:
            out[-1][1] += line + "\n"
    return out


def even(text):
    """Every run of spaces and tabs as one space, none at the end of a line."""
    return "".join(re.sub(r"[ \t]+", " ", l).rstrip() + "\n" for l in text.splitlines())


def pattern(quoted):
    """The regular expression of an output with …"""
    return "".join(r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in even(quoted).splitlines())


class Lessons(unittest.TestCase):
    def test_both_languages_show_the_same_commands(self):
        for lab in LABS:
            self.assertEqual(blocks(lesson(lab, "en")), blocks(lesson(lab, "zh")), lab)

    def test_their_form(self):
        for lab in LABS:
            for language in ("en", "zh"):
                text = lesson(lab, language)
                with self.subTest("%s %s" % (lab, language)):
                    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
                    size = len(prose.split()) if language == "en" else len(re.findall(r"[\u4e00-\u9fff]", prose))
                    self.assertTrue(300 <= size <= 1500, size)
                    self.assertEqual(len(re.findall(r"^## ", text, re.M)), HEADINGS - 1)
                    self.assertGreaterEqual(len([c for b in blocks(text) for c in commands(b)]), 3)
                    # A command in running text is one that a block shows, too.
                    shown = "\n".join(blocks(text))
                    for inline in re.findall(r"`((?:lab|podctl) [^`]*)`", prose):
                        self.assertIn(inline, shown)
                    for path in re.findall(r"`((?:Sources|Labs|docs|Tests)/[\w./-]+)`", prose):
                        self.assertTrue(os.path.exists(os.path.join(os.environ["PODLAB_SOURCE"], path)), path)

    def test_every_command_prints_what_is_quoted(self):
        def play(lab):
            folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/tmp"))
            env = dict(os.environ, PATH=BIN + ":" + os.environ["PATH"], PODLAB_ROOT=folder + "/i", XDG_STATE_HOME=folder + "/state", LANG="C.UTF-8")
            bad = []
            try:
                for block in blocks(lesson(lab, "en")):
                    for command, quoted in commands(block):
                        r = subprocess.run(["bash", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                           stderr=subprocess.STDOUT, text=True, timeout=180)
                        text = even(r.stdout)
                        if not re.fullmatch(pattern(quoted), text):
                            bad.append("$ %s\nquoted:\n%sprinted:\n%s" % (command, quoted, text[-1500:]))
            finally:
                subprocess.run([BIN + "/lab", "clean"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                shutil.rmtree(folder, ignore_errors=True)
            return lab, bad
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for lab, bad in pool.map(play, LABS):
                with self.subTest(lab):
                    self.assertEqual(bad, [], "\n".join(bad))


if __name__ == "__main__":
    unittest.main()
