# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a program can check: licence lines, floors, forbidden words, languages in pairs."""
import os, re, subprocess, unittest

MODES = ("first",)
HOME = os.environ["PODLAB_SOURCE"]
FLOORS = {
    "CLinux": 1, "CYaml": 1, "CNcurses": 1, "CArchive": 1, "CCrypto": 1,
    "Manifest": 2, "Kernel": 2, "PodEngine": 3, "Images": 3, "Runtime": 3,
    "Control": 4, "Supervisor": 4, "LabKit": 4, "Grading": 4, "Tutorial": 4,
}
# siblings on one floor that may be imported, as Package.swift says
SIBLINGS = {("Runtime", "Images"), ("Supervisor", "Control"), ("LabKit", "Control"), ("Grading", "LabKit"), ("Grading", "Control"),
            ("Tutorial", "LabKit"), ("Tutorial", "Grading")}
PURE = ("Manifest", "PodEngine")


def files(*ends, under=("Sources", "Labs", "Exercises", "Tests", "Tools", "Fuzz")):
    for top in under:
        for d, dirs, names in os.walk(os.path.join(HOME, top)):
            dirs[:] = [x for x in dirs if not x.startswith(".") and x != "__pycache__"]
            for n in names:
                if n.endswith(ends):
                    yield os.path.relpath(os.path.join(d, n), HOME)


def text(path):
    with open(os.path.join(HOME, path), encoding="utf-8") as h:
        return h.read()


def code(path):
    """The Swift of a file without comments and string literals."""
    t = re.sub(r'"""[\s\S]*?"""', '""', text(path))
    t = re.sub(r"/\*[\s\S]*?\*/", "", t)
    return "\n".join(re.sub(r"//.*", "", re.sub(r'"(\\.|[^"\\])*"', '""', l)) for l in t.split("\n"))


class House(unittest.TestCase):
    def test_every_file_names_its_licence(self):
        bad = [f for f in files(".swift", ".c", ".h", ".py", ".sh") if "SPDX-License-Identifier: Apache-2.0" not in text(f)[:400]
               and not f.startswith("Tests/Conformance/run.py")]
        bad += [f for f in ("lab", "test", ".ci/run", "Package.swift") if "SPDX-License-Identifier" not in text(f)[:400]]
        self.assertEqual(bad, [])

    def test_no_foundation(self):
        bad = [f for f in files(".swift", under=("Sources", "Labs", "Exercises")) if re.search(r"^\s*(@\w+ )?import Foundation", text(f), re.M)]
        self.assertEqual(bad, [])

    def test_nothing_that_crashes(self):
        bad = []
        for f in files(".swift", under=("Sources", "Labs")):
            for i, l in enumerate(code(f).split("\n"), 1):
                if re.search(r"\btry!|\bas!|\bfatalError\(|\bpreconditionFailure\(|[\w\)\]]!(?=[\s.,)\]]|$)(?!=)", l):
                    bad.append("%s:%d: %s" % (f, i, l.strip()))
        self.assertEqual(bad, [])

    def test_imports_go_one_way(self):
        bad = []
        for f in files(".swift", under=("Sources",)):
            here = f.split("/")[1]
            for m in re.findall(r"^(?:@\w+ )?(?:public |package |internal )?import (?:\w+ )?(\w+)", text(f), re.M):
                if here not in FLOORS or m not in FLOORS:
                    continue
                if FLOORS[m] >= FLOORS[here] and (here, m) not in SIBLINGS:
                    bad.append("%s imports %s" % (f, m))
                if m == "CLinux" and here != "Kernel":
                    bad.append("%s imports CLinux: only Kernel does" % f)
        self.assertEqual(bad, [])

    def test_the_pure_parts_read_no_clock_and_make_no_call(self):
        bad = [f for f in files(".swift", under=["Sources/" + p for p in PURE])
               if re.search(r"^import (Glibc|Kernel|CLinux|Dispatch)|ContinuousClock|SystemRandomNumberGenerator|\.random\(in: [^,)]*\)", text(f), re.M)]
        self.assertEqual(bad, [])

    def test_files_stay_readable(self):
        long = [(f, text(f).count("\n")) for f in files(".swift", ".c", under=("Sources", "Labs"))]
        self.assertEqual([x for x in long if x[1] > 500 and "Generated" not in x[0]], [])

    def test_both_languages(self):
        en = [f for f in files(".en.md", under=("Labs", "Exercises"))]
        self.assertTrue(en)
        for f in en:
            zh = f.replace(".en.md", ".zh.md")
            self.assertTrue(os.path.exists(os.path.join(HOME, zh)), zh)
            heads = lambda p: len(re.findall(r"^#+ ", text(p), re.M))
            self.assertEqual(heads(f), heads(zh), "headings of %s and its Chinese" % f)
            self.assertGreater(len(text(zh)) * 6, len(text(f)), zh)

    def test_no_unfinished_words(self):
        bad = []
        for f in list(files(".swift", ".c", ".md", under=("Sources", "Labs", "Exercises", "docs"))):
            if "/starter/" in f:
                continue
            for i, l in enumerate(text(f).split("\n"), 1):
                if re.search(r"\b(TODO|FIXME|XXX)\b|\bfor now\b|\bnot implemented\b", l):
                    bad.append("%s:%d: %s" % (f, i, l.strip()[:100]))
        self.assertEqual(bad, [])

    def test_shell_scripts_parse(self):
        for f in ("lab", "test", "Tools/build.sh", "Fuzz/run"):
            self.assertEqual(subprocess.run(["sh", "-n", os.path.join(HOME, f)]).returncode, 0, f)

    def test_the_table_of_contents_is_the_tree_of_folders(self):
        toc = re.search(r"## Contents.*?```(.*?)```", text("docs/architecture.md"), re.S).group(1)
        named = set(re.findall(r"[\w*-]+(?=/)", toc)) | set(re.findall(r"\b\w+\b", toc))
        # Folders of folders that are alike (Labs/NN-name, Tests/NameTests) stand for each of them; what lies below them is theirs.
        folders = set()
        for top in ("Sources", "Fuzz", "Tools", "docs", "Labs", "Exercises", "Tests"):
            folders.add(top)
        for d in os.listdir(HOME + "/Sources"):
            folders.add(d)
            if d[0] != "C" or d == "Control":
                folders.update(x for x in os.listdir(HOME + "/Sources/" + d) if os.path.isdir("%s/Sources/%s/%s" % (HOME, d, x)))
        folders.update(d for d in os.listdir(HOME + "/Tests") if os.path.isdir(HOME + "/Tests/" + d) and not d.endswith("Tests") and d[0] != "_")
        self.assertEqual(sorted(f for f in folders if f not in named), [])

    def test_links_in_documents_exist(self):
        bad = []
        docs = ["README.md", "README.zh.md"] + list(files(".md", under=("docs", "Labs", "Exercises")))
        for f in docs:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(f)):
                if not os.path.exists(os.path.normpath(os.path.join(HOME, os.path.dirname(f), target))):
                    bad.append("%s -> %s" % (f, target))
        self.assertEqual(bad, [])


if __name__ == "__main__":
    unittest.main()
