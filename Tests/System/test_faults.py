# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, and when: the next command works, and `lab clean` leaves the machine as it was.

Rounds of: a pod is applied, a victim (podctl, podd, infra, a container) is killed or podd is stopped at a random moment, the next commands must
do their work. PODLAB_FAULT_ROUNDS sets how many (200 with ./test --all); PODLAB_FAULT_SEED repeats a run.
"""
import json, os, random, signal, subprocess, tempfile, time, unittest

BIN = os.environ["PODLAB_BIN"]
ROOT = os.environ["PODLAB_ROOT"]
ROUNDS = int(os.environ.get("PODLAB_FAULT_ROUNDS", "200" if os.environ.get("PODLAB_TEST_ALL") else "24"))
SEED = int(os.environ.get("PODLAB_FAULT_SEED", random.randrange(1 << 30)))

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: %s
spec:
  terminationGracePeriodSeconds: 2
  initContainers:
  - name: first
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["true"]
  - name: side
    image: busybox
    imagePullPolicy: IfNotPresent
    restartPolicy: Always
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
  containers:
  - name: a
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", "trap 'exit 0' TERM; echo up; sleep 3600 & wait"]
  - name: b
    image: busybox
    imagePullPolicy: IfNotPresent
    command: ["sleep", "3600"]
"""


def podctl(*args, stdin=None, timeout=60):
    return subprocess.run([BIN + "/podctl", *args], input=stdin, capture_output=True, text=True, timeout=timeout)


def words(pid):
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as h:
            return h.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def made_of(*names):
    """Device and inode of our programs as they were staged for this run: nobody else runs these very files."""
    out = {}
    for n in names:
        try:
            st = os.stat(BIN + "/" + n)
            out[st.st_dev, st.st_ino] = n
        except OSError:
            pass
    return out


OURS = made_of("podd", "pause", "podlab-image", "podlab-forward")
# The ids that this instance has had: what it leaves on the machine carries one of them.
IDS = set()


def note_id():
    try:
        with open(ROOT + "/data/instance.id") as h:
            IDS.add(h.read().strip())
    except OSError:
        pass


def mine():
    """Processes that live by this instance; others may run Pods of their own beside it."""
    found = {}
    for d in os.listdir("/proc"):
        if not d.isdigit():
            continue
        try:
            st = os.stat("/proc/%s/exe" % d)
        except OSError:
            continue
        name = OURS.get((st.st_dev, st.st_ino))
        if name and (name == "pause" or any(ROOT in w for w in words(d))):
            found[int(d)] = name
    return found


def snapshot():
    """What the machine holds: mounts, links; cgroups and processes of this instance."""
    note_id()
    with open("/proc/self/mountinfo") as h:
        mounts = sorted(" ".join(l.split()[2:5]) for l in h)
    links = sorted(os.listdir("/sys/class/net")) if os.path.isdir("/sys/class/net") else []
    groups = []
    for line in mounts:
        at = line.split()[2]
        if at.startswith("/sys/fs/cgroup"):
            groups += [os.path.join(d, n) for d, ns, _ in os.walk(at) for n in ns if any("podlab-" + i in n for i in IDS)]
    return {"mounts": mounts, "links": links, "cgroups": sorted(set(groups)), "processes": sorted(set(mine().values()))}


class Faults(unittest.TestCase):
    maxDiff = None

    def state(self, name):
        for d, _, files in os.walk(ROOT):
            if "state.json" in files and d.endswith("/default/" + name):
                try:
                    with open(d + "/state.json") as h:
                        return json.load(h)
                except (OSError, ValueError):
                    return None
        return None

    def pids(self, name, what):
        """Process ids of a role: podd by its arguments; infra and containers by what state.json points at."""
        if what == "podd":
            return [p for p, n in mine().items() if n == "podd" and any(w == name or w.endswith("/" + name) for w in words(p))]
        found = []

        def walk(x, path=()):
            if isinstance(x, dict):
                if isinstance(x.get("pid"), int) and x["pid"] > 1:
                    found.append((x["pid"], "infra" if any("infra" in str(k) or "sandbox" in str(k) for k in path) else "container"))
                for k, v in x.items():
                    walk(v, path + (k,))
            elif isinstance(x, list):
                for v in x:
                    walk(v, path)
        walk(self.state(name))
        return [p for p, role in found if role == what and os.path.exists("/proc/%d" % p)]

    def check(self, r, what):
        self.assertEqual(r.returncode, 0, "%s: rc %d\n%s%s" % (what, r.returncode, r.stdout, r.stderr))

    def test_random_kills(self):
        rng = random.Random(SEED)
        print("seed", SEED, "rounds", ROUNDS, flush=True)
        warm = podctl("apply", "-f", "-", stdin=POD % "warm")
        self.check(warm, "apply")
        self.check(podctl("wait", "--for=condition=Ready", "pod/warm", "--timeout=60s"), "wait")
        self.check(podctl("delete", "pod", "warm"), "delete")
        self.check(subprocess.run([BIN + "/lab", "clean"], capture_output=True, text=True), "lab clean")
        before = snapshot()
        hits = {}
        for i in range(ROUNDS):
            name = "f%d" % i
            victim = rng.choice(["podctl", "podd", "podd", "infra", "container", "stop"])
            delay = rng.choice([0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05, 0.3])
            note = "round %d: %s after %g s" % (i, victim, delay)
            p = subprocess.Popen([BIN + "/podctl", "apply", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            p.stdin.write(POD % name)
            p.stdin.close()
            if victim == "podctl":
                time.sleep(delay)
                p.kill()
            p.wait(30)
            p.stdout.close()
            if victim != "podctl":
                time.sleep(delay)
                for pid in self.pids(name, "podd" if victim == "stop" else victim):
                    try:
                        os.kill(pid, signal.SIGSTOP if victim == "stop" else signal.SIGKILL)
                        hits[victim] = hits.get(victim, 0) + 1
                    except ProcessLookupError:
                        pass
            r = podctl("get", "pods")
            self.check(r, note + ": get pods")
            there = podctl("get", "pod", name, "-o", "name")
            if victim == "podctl" and there.returncode:
                self.assertIn("NotFound", there.stderr, note)
                self.check(podctl("apply", "-f", "-", stdin=POD % name), note + ": apply again")
            if rng.random() < 0.6:
                r = podctl("wait", "--for=condition=Ready", "pod/" + name, "--timeout=60s", timeout=90)
                self.check(r, note + ": wait\n" + podctl("get", "pod", name, "-o", "yaml").stdout[-3000:])
                self.runs_in(name, victim, note)
            how = ["--grace-period=0", "--force"] if rng.random() < 0.5 else []
            self.check(podctl("delete", "pod", name, *how, timeout=90), note + ": delete")
            self.assertNotEqual(podctl("get", "pod", name).returncode, 0, note)
        note_id()
        print("hit:", hits, flush=True)
        self.assertGreater(sum(hits.values()), ROUNDS // 4, "the victims were hardly ever there")
        self.check(subprocess.run([BIN + "/lab", "clean"], capture_output=True, text=True, timeout=120), "lab clean")
        self.settles(before)

    def runs_in(self, name, victim, note):
        """A program can be run in the container. Where its own process was killed, Ready may still be that of the run that is just ending,
        and what was begun in it ends with it: there the exec is asked again, until the next run serves it."""
        end = time.monotonic() + (60 if victim in ("infra", "container") else 0)
        while True:
            r = podctl("exec", name, "-c", "a", "--", "true")
            if r.returncode == 0 or time.monotonic() >= end:
                return self.check(r, note + ": exec")
            time.sleep(0.05)

    def settles(self, before):
        """A namespace's death takes its links a moment later: looked at until it is so, for at most ten seconds."""
        end = time.monotonic() + 10
        while snapshot() != before and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(snapshot(), before)

    def test_clean_after_everything_was_killed(self):
        before = snapshot()
        self.check(podctl("apply", "-f", "-", stdin=POD % "gone"), "apply")
        self.check(podctl("wait", "--for=condition=Ready", "pod/gone", "--timeout=60s"), "wait")
        note_id()
        for pid in self.pids("gone", "podd") + self.pids("gone", "infra"):
            os.kill(pid, signal.SIGKILL)
        self.check(subprocess.run([BIN + "/lab", "clean"], capture_output=True, text=True, timeout=120), "lab clean")
        self.settles(before)
        left = [os.path.join(d, f) for d, _, fs in os.walk(ROOT) for f in fs if "/pods/" in d + "/"]
        self.assertEqual(left, [])

    def test_long_root_path(self):
        deep = tempfile.mkdtemp() + "/" + "/".join(["d" * 40] * 5)
        self.assertGreater(len(deep), 200)
        for args, stdin in ((("apply", "-f", "-"), POD % "deep"), (("wait", "--for=condition=Ready", "pod/deep", "--timeout=60s"), None),
                            (("exec", "deep", "-c", "a", "--", "true"), None), (("delete", "pod", "deep"), None)):
            self.check(podctl("--root", deep, *args, stdin=stdin), " ".join(args))
        self.check(subprocess.run([BIN + "/lab", "clean", "--root", deep], capture_output=True, text=True), "lab clean")


if __name__ == "__main__":
    unittest.main()
