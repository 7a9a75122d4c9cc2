# SPDX-License-Identifier: Apache-2.0
"""The exercise of lab 03: the starter fails and says why, the solution passes; a class is graded fairly, twice the same, whatever a submission tries."""
import concurrent.futures, json, os, re, shutil, subprocess, tempfile, unittest

MODES = ("root", "single")
BIN = os.environ["PODLAB_BIN"]
HOME = os.environ["PODLAB_HOME"]
EXERCISE = HOME + "/Exercises/03-sidecar"


def lab(*args, cwd=None, timeout=300, **env):
    return subprocess.run([BIN + "/lab", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, cwd=cwd,
                          env=dict(os.environ, **env))


class Exercise(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)
        self.state = {"XDG_STATE_HOME": self.tmp + "/state"}

    def solution(self):
        r = lab("solution", "3", "--yes", **self.state)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def filled(self, text):
        """A template with the values of this learner's variant, as the solution shows them."""
        whole = self.solution()
        values = {"dir": re.search(r"log=(.*)/app\.log", whole).group(1), "turn": re.search(r"turn=(\d+)", whole).group(1)}
        for k, v in values.items():
            text = text.replace("${%s}" % k, v)
        return text

    def test_the_starter_fails_and_the_solution_passes(self):
        work = self.tmp + "/work"
        r = lab("start", "3", work, **self.state)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        r = lab("check", "--lang", "en", cwd=work, **self.state)
        self.assertEqual(r.returncode, 1, r.stdout + r.stderr)
        for word in ("FAIL", "expected", "found", "why"):
            self.assertIn(word, r.stdout)
        r = lab("hint", "3", "--lang", "en", **self.state)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertTrue(r.stdout.strip())
        with open(work + "/pod.yaml", "w") as h:
            h.write(self.solution())
        r = lab("check", "--lang", "zh", cwd=work, **self.state)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertIn("通过", r.stdout)

    def test_a_kept_pod_is_reached_and_cleaned(self):
        work = self.tmp + "/work"
        self.assertEqual(lab("start", "3", work, **self.state).returncode, 0)
        with open(work + "/pod.yaml", "w") as h:
            h.write(self.solution())
        r = lab("check", "--keep", "--lang", "en", cwd=work, **self.state)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        root = re.search(r"podctl --root (\S+) get pods", r.stdout).group(1)
        podctl = lambda *words: subprocess.run([BIN + "/podctl", *words, "--root", root] if "--" not in words else [BIN + "/podctl", "--root", root, *words],
                                               stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(podctl("wait", "pod/shop", "--for=condition=Ready", "--timeout=120s").returncode, 0)
        self.assertRegex(podctl("get", "pods").stdout, r"shop +2/2 +Running")
        self.assertEqual(podctl("exec", "shop", "-c", "app", "--", "sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(lab("clean", **self.state).returncode, 0)
        gone = podctl("get", "pods")
        self.assertNotIn("Running", gone.stdout)
        self.assertFalse(os.path.exists(root))

    def grade(self, submissions, out):
        r = lab("grade", submissions, "--out", out, **self.state)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        results = {}
        for f in os.listdir(out + "/03-sidecar"):
            if f.endswith(".json"):
                with open(out + "/03-sidecar/" + f) as h:
                    results[f[:-5]] = json.load(h)
        return results

    def test_a_class_is_graded_twice_the_same(self):
        subs = self.tmp + "/subs"
        good = self.solution()
        with open(EXERCISE + "/wrong/may-write/pod.yaml") as h:
            wrong = self.filled(h.read())
        # Prints what a result looks like, leaves a daemon, looks for the checks; its sidecar ships nothing.
        cheat = good.replace("cat <&4", "echo '{\"points\": 14, \"state\": \"graded\"}'; (setsid sleep 3000 &) ; find / -name 'checks.yaml' 2>/dev/null")
        self.assertNotEqual(cheat, good)
        ordinary = os.environ["PODLAB_TEST_MODE"] != "root"
        # What arenas keep out is the same for an ordinary user, and takes minutes of waiting in vain.
        for name, text in (("good", good), ("wrong", wrong)) if ordinary else (("good", good), ("wrong", wrong), ("cheat", cheat)):
            os.makedirs(subs + "/" + name)
            with open(subs + "/" + name + "/pod.yaml", "w") as h:
                h.write(text)
        # Beside each other: both wait most of the time.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda out: self.grade(subs, self.tmp + out), ("/one", "/two"))
        deserved = lambda results: {n: (r["state"], r["points"], [(c["id"], c["status"]) for c in r["checks"]]) for n, r in results.items()}
        self.assertEqual(deserved(first), deserved(second))
        self.assertEqual(first["good"]["points"], first["good"]["maxPoints"], [c for c in first["good"]["checks"] if c["status"] != "pass"])
        self.assertTrue(0 < first["wrong"]["points"] < first["wrong"]["maxPoints"])
        self.assertEqual({r["machine"]["mode"] for r in first.values()}, {"root" if not ordinary else "single-id"})
        if ordinary:
            return
        self.assertLess(first["cheat"]["points"], first["wrong"]["points"])
        lost = {c["id"]: c["status"] for c in first["cheat"]["checks"]}
        self.assertEqual(lost["no-line-lost"], "fail")
        for d in os.listdir("/proc"):
            if d.isdigit():
                try:
                    with open("/proc/%s/cmdline" % d, "rb") as h:
                        self.assertNotEqual(h.read(), b"sleep\x003000\x00", "a submission's daemon lives")
                except OSError:
                    pass

    def test_bad_submissions_are_rejected_with_a_reason(self):
        subs = self.tmp + "/subs"
        os.makedirs(subs + "/empty")
        os.makedirs(subs + "/broken")
        with open(subs + "/broken/pod.yaml", "w") as h:
            h.write("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b, comand: [x]}]}\n")
        results = self.grade(subs, self.tmp + "/out")
        self.assertEqual({r["state"] for r in results.values()}, {"rejected"})
        self.assertIn("comand", json.dumps(results["broken"]))


if __name__ == "__main__":
    unittest.main()
