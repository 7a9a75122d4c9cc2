#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the project's tests in every mode that this machine allows, and prints the counts.

    ./test [--all] [--only REGEX] [--list] [--jobs N]

A *run* is one program in one mode. Modes:
  root    as root, in network and mount namespaces that stand in for the host (nothing reaches the real one)
  subids  as an ordinary user with a range in /etc/subuid and /etc/subgid
  single  as an ordinary user with one id
Invoked as root, the two ordinary users are made for the length of the run, in the mount namespace only. Invoked as an ordinary user,
the mode is whichever fits that user, and the runs that need root are named at the end: they did not run.

Everything works on a copy of the built programs in a folder under /tmp that every user may read. Exit status: 0 all passed.
"""
import argparse, concurrent.futures, json, os, pwd, re, shutil, signal, subprocess, sys, tempfile, threading, time

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(HOME, ".build", "release")
USERS = {"subids": ("podlab-test-a", 60901, "300000:65536"), "single": ("podlab-test-b", 60902, None)}
PROGRAMS = ["lab", "podctl", "podd", "pause", "init", "podlab-image", "podlab-forward", "podlab-tls", "podlab-seccomp", "podlab-token", "podlab-outside"]
V2 = os.path.join(HOME, ".build", "v2")


class Run:
    def __init__(self, name, mode, argv, timeout=900, env=None, parse="unittest", expect_skips=None, group=None):
        self.name, self.mode, self.argv, self.timeout, self.env = name, mode, argv, timeout, env or {}
        self.parse, self.expect_skips = parse, expect_skips
        self.group = group or name

    @property
    def label(self):
        return "%s/%s" % (self.mode, self.name)


# ------------------------------------------------------------------ the stage: a copy of the programs, users, namespaces
def stage():
    """A folder that every user may read: bin, Labs, Exercises, Tests. Returns its path."""
    top = tempfile.mkdtemp(prefix="podlab-test-", dir="/tmp")
    os.chmod(top, 0o755)
    os.makedirs(top + "/bin")
    labs = [f for f in os.listdir(BUILD) if re.fullmatch(r"lab-\d\d-[a-z-]+", f)]
    for p in PROGRAMS + labs:
        shutil.copy2(os.path.join(BUILD, p), top + "/bin/" + p)
    bundle = os.path.join(BUILD, "podlabPackageTests.xctest")
    shutil.copy2(bundle, top + "/bin/podlabPackageTests.xctest")
    for d in ("Labs", "Exercises", "Tests", "docs"):
        if os.path.isdir(os.path.join(HOME, d)):
            shutil.copytree(os.path.join(HOME, d), os.path.join(top, d), symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", top], check=True)
    return top


def own_namespaces():
    """Re-executes this program in network, mount and ipc namespaces of its own (root only)."""
    if os.environ.get("PODLAB_TEST_STAGE2") == "1":
        return
    os.environ["PODLAB_TEST_STAGE2"] = "1"
    os.execvp("unshare", ["unshare", "-n", "-m", "-i", "--propagation", "private", sys.executable, "-B"] + sys.argv)


IMAGES = ["debian", "nginx", "tomcat", "rsyslog", "registry"]


def build_images():
    """Builds the images that tests take here, where there is a network, and keeps them and their packages for the next time. Tests find both in
    PODLAB_TEST_IMAGES: images (a store, root's to use) and packages (for a store of one's own)."""
    if "PODLAB_TEST_IMAGES" in os.environ:
        return
    home = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "podlab-test")
    os.makedirs(home, exist_ok=True)
    t0 = time.monotonic()
    r = subprocess.run([os.path.join(BUILD, "podlab-image"), "build", *IMAGES, "--refresh", "--store", home + "/images", "--packages", home + "/packages"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.returncode:
        print(r.stdout, flush=True)
        print("note   the images were not built: the tests that take them fail", flush=True)
    print("images %.1f s (%s)" % (time.monotonic() - t0, ", ".join(IMAGES)), flush=True)
    os.environ["PODLAB_TEST_IMAGES"] = home


def stand_in_host(top):
    """The network of the stand-in host, and the two ordinary users, seen only in this mount namespace."""
    sh = lambda *a: subprocess.run(a, check=True)
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "route", "add", "unreachable", "10.0.0.0/8", "metric", "4278198272")
    etc = top + "/etc"
    os.makedirs(etc)
    extra = {"passwd": "", "group": "", "subuid": "", "subgid": ""}
    for name, uid, ids in USERS.values():
        extra["passwd"] += "%s:x:%d:%d::%s/home-%s:/bin/sh\n" % (name, uid, uid, top, name)
        extra["group"] += "%s:x:%d:\n" % (name, uid)
        if ids:
            extra["subuid"] += "%s:%s\n" % (name, ids)
            extra["subgid"] += "%s:%s\n" % (name, ids)
        os.makedirs("%s/home-%s" % (top, name), mode=0o700)
        os.chown("%s/home-%s" % (top, name), uid, uid)
    for f, text in extra.items():
        old = ""
        if os.path.exists("/etc/" + f):
            with open("/etc/" + f) as h:
                old = h.read()
        else:
            open("/etc/" + f, "w").close()
        with open(etc + "/" + f, "w") as h:
            h.write(old + text)
        os.chmod(etc + "/" + f, 0o644)
        sh("mount", "--bind", etc + "/" + f, "/etc/" + f)
    if os.environ.get("PODLAB_TEST_IMAGES"):
        # Seen by the ordinary users too.
        os.makedirs(top + "/ready")
        sh("mount", "--bind", os.environ["PODLAB_TEST_IMAGES"], top + "/ready")
        os.environ["PODLAB_TEST_IMAGES"] = top + "/ready"


def as_mode(run, top, number):
    """argv and environment of a run in its mode, with a state folder of its own."""
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "TERM", "PODLAB_MANIFESTS", "PODLAB_SHARED", "PYTHONPATH", "CI", "PODLAB_TEST_ALL", "PODLAB_TEST_IMAGES")}
    env["LANG"] = "C.UTF-8"  # not the user's: it chooses the language of what is compared
    env["PODLAB_BIN"] = top + "/bin"
    env["PODLAB_HOME"] = top
    env["PODLAB_SOURCE"] = HOME
    env["PODLAB_TEST_MODE"] = run.mode
    env["SWIFT_BACKTRACE"] = "enable=no"
    work = "%s/w%d" % (top, number)
    argv = [a.replace("@WORK@", work) for a in run.argv]
    os.makedirs(work + "/run", mode=0o700)
    os.makedirs(work + "/tmp", mode=0o700)
    if os.geteuid() == 0 and run.mode in USERS:
        name, uid, _ = USERS[run.mode]
        for d in (work, work + "/run", work + "/tmp"):
            os.chown(d, uid, uid)
        env.update(HOME="%s/home-%s" % (top, name), USER=name, LOGNAME=name)
        argv = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--init-groups"] + argv
    else:
        env.update(HOME=work, USER=pwd.getpwuid(os.getuid()).pw_name)
    env.update(XDG_RUNTIME_DIR=work + "/run", XDG_DATA_HOME=work + "/data", XDG_STATE_HOME=work + "/state", TMPDIR=work + "/tmp",
               PODLAB_ROOT=work + "/i", PODLAB_IMAGES=work + "/images")
    env.update({k: v.replace("@WORK@", work) for k, v in run.env.items()})
    return argv, env, work


# ------------------------------------------------------------------ what is run
def plan(top, args, modes):
    runs = []
    bundle = [top + "/bin/podlabPackageTests.xctest", "--testing-library", "swift-testing"]
    here = modes[0]
    runs.append(Run("unit", here, bundle + ["--skip", "Root", "--skip", "Rootless"], parse="swift"))
    if "root" in modes:
        runs.append(Run("unit-root", "root", bundle + ["--filter", "Root", "--skip", "Rootless", "--no-parallel"], parse="swift"))
    system = top + "/Tests/System"
    for f in sorted(os.listdir(system)):
        m = re.fullmatch(r"(test_[a-z_0-9]+)\.py", f)
        if not m:
            continue
        with open(os.path.join(system, f)) as h:
            text = h.read()
        # A file says in which modes it runs: MODES = ("root", "subids", "single"), or ("first",) for once, in whichever mode comes first
        want = re.search(r"^MODES *= *\(([^)]*)\)", text, re.M)
        want = re.findall(r'"(\w+)"', want.group(1)) if want else ["root", "subids", "single"]
        if re.search(r"^LONG *= *True", text, re.M) and not args.all:
            continue
        for mode in modes[:1] if want == ["first"] else want:
            if mode in modes:
                runs.append(Run(m.group(1), mode, [sys.executable, "-B", os.path.join(system, f), "-v"], timeout=1500))
    for mode in modes:
        cases = ["--cases", top + "/Tests/Conformance/cases/public"]
        if os.path.isdir(top + "/Tests/Conformance/cases/ours"):
            cases += ["--cases", top + "/Tests/Conformance/cases/ours"]
        runs.append(Run("conformance", mode,
                        [sys.executable, "-B", top + "/Tests/Conformance/run.py", "--engine", "podctl", "--bin", top + "/bin/podctl", "--jobs", "3",
                         "--timeout", "120", "--json", "@WORK@/cases.json", "-q"] + cases + selected(top, mode, args.all), parse="conformance", timeout=1800,
                        expect_skips=skips(top, mode)))
    if args.all and "root" in modes and shutil.which("qemu-system-x86_64"):
        runs.append(Run("v2", "root", ["bash", top + "/Tests/v2/machine", "--timeout", "1700", "--", "sh", top + "/Tests/v2/guest", top + "/bin", top],
                        env={"PODLAB_V2": V2}, parse="conformance", timeout=1800))
    if args.only:
        runs = [r for r in runs if re.search(args.only, r.label)]
    return runs


# Areas whose outcome the rights of whoever runs them can change. As an ordinary user ./test runs these; ./test --all runs every case in every mode.
RIGHTS = "/(infra|network|host-ns|volumes|projected|security|resources|streams|image|termination)/"


def selected(top, mode, everything):
    """Which cases a mode runs."""
    left = "|".join(re.escape(c) for c in skips(top, "-" + mode))
    here = "^(?!(?:%s)$)" % left if left else "^"
    return [] if mode == "root" else ["--only", here if everything else here + ".*" + RIGHTS]


def skips(top, mode):
    """{case: the kernel's answer} of the cases that this mode cannot run: Tests/Conformance/skips.tsv (mode, case, answer)."""
    with open(top + "/Tests/Conformance/skips.tsv") as h:
        rows = [l.rstrip("\n").split("\t") for l in h if l.strip() and not l.startswith("#")]
    return {case: answer for m, case, answer in rows if m == mode}


def other_skips(run, work):
    """What was skipped and is not in the table, or is there and was not: names, none where they agree."""
    try:
        with open(work + "/cases.json") as h:
            cases = json.load(h)["cases"]
    except (OSError, ValueError):
        return ["no results"]
    name = lambda c: "%s/%s/%s" % (c["set"], c["area"], c["name"])
    ran, skipped = {name(c) for c in cases}, {name(c) for c in cases if c["result"] == "skip"}
    return sorted(skipped ^ (set(run.expect_skips) & ran))


# ------------------------------------------------------------------ running
def count(run, text, rc):
    """(passed, failed, skipped) as the run's own closing lines say; a run without them has failed."""
    if run.parse == "swift":
        m = re.search(r"Test run with (\d+) tests?.*?(passed|failed)", text)
        if not m:
            return 0, 1, 0
        bad = len(set(re.findall(r"^.{1,3}Test (.+?) failed after", text, re.M)))
        skipped = len(re.findall(r"^.{1,3}Test .* skipped", text, re.M))
        total = int(m.group(1))
        if m.group(2) == "failed" or rc:
            bad = max(bad, 1)
        return total - bad - skipped, bad, skipped
    if run.parse == "conformance":
        m = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)
        return tuple(int(x) for x in m.groups()) if m else (0, 1, 0)
    m = re.search(r"^Ran (\d+) tests?", text, re.M)
    if not m:
        return 0, 1, 0
    get = lambda k: int((re.search(r"\b%s=(\d+)" % k, text.split("\nRan ")[-1]) or [0, 0])[1])
    bad, skipped = get("failures") + get("errors"), get("skipped")
    if rc and not bad:
        bad = 1
    return int(m.group(1)) - bad - skipped, bad, skipped


def failures(run, text):
    """A line for each test of a run that failed: its name, and what it says last."""
    if run.parse == "conformance":
        found = [" ".join(l.split())[:200] for l in re.findall(r"^FAIL.*$", text, re.M)]
    elif run.parse == "swift":
        found = [l[:200] for l in re.findall(r"^.{1,3}Test .+? recorded an issue.*$", text, re.M)]
    else:
        found = []
        for block in re.split(r"^={20,}$", text, flags=re.M)[1:]:
            name = re.split(r"[ (]", block.strip().split(": ", 1)[-1])[0]
            said = re.findall(r"^[A-Za-z_.]*(?:Error|Exception|Expired)\b.*$", block, re.M)
            found.append("%s: %s" % (name, said[-1][:300] if said else "no exception"))
    return found[:10] or ["see above"]


def perform(run, top, number, say):
    argv, env, work = as_mode(run, top, number)
    t0 = time.monotonic()
    log = "%s/log-%02d-%s-%s.txt" % (top, number, run.mode, run.name)
    with open(log, "wb") as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=work, start_new_session=True)
        try:
            rc = p.wait(run.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            rc = 124
            out.write(b"\n(ran past its time limit of %d s)\n" % run.timeout)
    with open(log, errors="replace") as h:
        text = h.read()
    good, bad, skipped = count(run, text, rc)
    if rc == 124:
        bad = max(bad, 1)
    note = ""
    if run.expect_skips is not None:
        other = other_skips(run, work)
        if other:
            bad += 1
            note = " (skipped, or not, against Tests/Conformance/skips.tsv: %s)" % ", ".join(other)
    elif skipped:
        bad += 1
        note = " (nothing may be skipped here)"
    # what a run leaves in its instance is removed by the product's own means
    subprocess.run(argv[:argv.index(run.argv[0])] + [top + "/bin/lab", "clean"], env=env, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, timeout=60)
    with say.lock:
        print("%-6s %-28s %4d passed %3d failed %3d skipped %6.1f s%s" % ("ok" if not bad else "FAIL", run.label, good, bad, skipped,
              time.monotonic() - t0, note), flush=True)
        if bad:
            say.failed += ["%s: %s" % (run.label, what) for what in failures(run, text)]
            tail = text if len(text) < 8000 else text[:1500] + "\n  …\n" + text[-6000:]
            print("\n".join("       | " + l for l in tail.splitlines()), flush=True)
    return good, bad, skipped


class Say:
    lock = threading.Lock()
    failed = []


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--all", action="store_true", help="the long ones too")
    ap.add_argument("--only", help="regular expression on MODE/NAME")
    ap.add_argument("--list", action="store_true", help="print the runs and end")
    ap.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1: times are steadier)")
    args = ap.parse_args()
    root = os.geteuid() == 0
    if args.all:
        os.environ["PODLAB_TEST_ALL"] = "1"
    if not args.list and (not args.only or re.search(args.only, "root/test_recipes root/test_labs root/test_lessons subids/test_recipes subids/test_labs single/test_recipes single/test_labs")):
        build_images()
    if root:
        if args.all and not args.list and os.environ.get("PODLAB_TEST_STAGE2") != "1":
            if shutil.which("qemu-system-x86_64"):
                # Needs Debian's packages; the runs have no network.
                subprocess.run([os.path.join(HOME, "Tests", "v2", "machine"), "--prepare"])
            else:
                print("note   qemu-system-x86 is not installed: the run on a machine with cgroup v2 alone (Tests/v2) does not take place")
        own_namespaces()
        modes = ["root", "subids", "single"]
    else:
        me = pwd.getpwuid(os.getuid()).pw_name
        ranges = open("/etc/subuid").read() if os.path.exists("/etc/subuid") else ""
        modes = ["subids" if re.search(r"^%s:" % re.escape(me), ranges, re.M) and shutil.which("newuidmap") else "single"]
    top = stage()
    try:
        if root:
            stand_in_host(top)
        runs = plan(top, args, modes)
        if args.list:
            print("\n".join(r.label for r in runs))
            return 0
        if not os.environ.get("PODLAB_MANIFESTS"):
            print("note   the manifest corpus is not here (PODLAB_MANIFESTS names its folder): its tests say so and check nothing")
        if not root:
            print("note   as an ordinary user: the runs in mode root, and in the other user's mode, did not run")
        t0 = time.monotonic()
        total = [0, 0, 0]
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for r in pool.map(lambda p: perform(p[1], top, p[0], Say), enumerate(runs)):
                total = [a + b for a, b in zip(total, r)]
        print("took %.0f s" % (time.monotonic() - t0))
        # Once more where a log that was cut still shows it.
        for line in Say.failed:
            print("failed %s" % line)
        print("%d passed, %d failed, %d skipped" % tuple(total))
        return 1 if total[1] or not total[0] else 0
    finally:
        # Not by os.path.ismount: it sees no bind mount of the same file system, and the images behind it would go with the folder.
        if os.path.exists(top + "/ready"):
            subprocess.run(["umount", top + "/ready"], check=True)
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
