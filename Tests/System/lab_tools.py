# SPDX-License-Identifier: Apache-2.0
"""What the tests of the labs share: the labs there are, how one is run, what none may leave."""
import concurrent.futures, glob, json, os, shutil, signal, subprocess

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
    "09-image-pull-policy": {},
    "10-resources": {"subids": CGROUP, "single": CGROUP},
    "11-debug": {},
}


def use_ready_images():
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


def side_by_side(jobs, at_once=3):
    """Runs functions, some at a time: labs mostly wait, and must not disturb each other."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda job: job(), jobs))


def interrupt(lab, step, number=signal.SIGINT, env=None):
    """Sends a lab a signal as soon as a step has begun: (exit code, errors, the rest of its output, how many steps it has)."""
    p = subprocess.Popen([BIN + "/lab-" + lab, "-o", "json", "--step"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=dict(os.environ, **(env or {})))
    steps = json.loads(p.stdout.readline())["story"]["steps"]
    for line in p.stdout:
        if '"waiting"' in line:
            p.stdin.write("\n")
            p.stdin.flush()
        elif '"step"' in line and json.loads(line)["step"]["number"] == step:
            p.send_signal(number)
            break
    out, err = p.communicate(timeout=120)
    return p.returncode, err, out, steps


def left(root=ROOT):
    """What a lab must not leave: files of its instance, processes with its folder in their words, mounts below it."""
    labs = os.path.join(root, "run", "labs")
    found = [os.path.join(labs, f) for f in (os.listdir(labs) if os.path.isdir(labs) else [])]
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open("/proc/%s/cmdline" % d, "rb") as h:
                    words = h.read().decode(errors="replace")
                if labs in words and "test_lab" not in words:
                    found.append(words.replace("\0", " "))
            except OSError:
                pass
    with open("/proc/self/mountinfo") as h:
        return found + [line for line in h if labs + "/" in line]


def run_and_watch(lab, language, root):
    """Runs a lab in an instance: (exit code, output, errors, the ids that its own instance had). What it makes on the machine carries one of them."""
    p = subprocess.Popen([BIN + "/lab-" + lab, "--lang", language], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=dict(os.environ, PODLAB_ROOT=root))
    ids, out = set(), []
    for line in p.stdout:
        out.append(line)
        for f in glob.glob(root + "/run/labs/*/data/instance.id"):
            try:
                with open(f) as h:
                    ids.add(h.read().strip())
            except OSError:
                pass
    _, err = p.communicate(timeout=120)
    return p.returncode, "".join(out), err, ids


def of_the_machine(ids):
    """Links and cgroups of instances, by their ids."""
    with open("/proc/net/dev") as h:
        names = [line.split(":")[0].strip() for line in h]
    found = [n for n in names if any(n.startswith("podlab" + i) for i in ids)]
    return found + [os.path.join(top, f) for top, folders, _ in os.walk("/sys/fs/cgroup") for f in folders if f[:7] == "podlab-" and f[7:] in ids]
