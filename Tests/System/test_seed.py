# SPDX-License-Identifier: Apache-2.0
"""The two manifests that the course begins with: two containers that share a folder of the node, and a projected volume of two Secrets."""
import os, unittest

from instance import Instance

MODES = ("root", "subids", "single")

# busybox stands for both images; its httpd serves what nginx would.
TWO_CONTAINERS = """apiVersion: v1
kind: Pod
metadata:
  name: two-containers
spec:
  restartPolicy: Never
  volumes:
  - name: shared-data
    hostPath:
      path: /data
  containers:
  - name: nginx-container
    image: busybox
    command: ["httpd", "-f", "-h", "/usr/share/nginx/html"]
    volumeMounts:
    - name: shared-data
      mountPath: /usr/share/nginx/html
  - name: debian-container
    image: busybox
    volumeMounts:
    - name: shared-data
      mountPath: /pod-data
    command: ["/bin/sh"]
    args: ["-c", "echo Hello from the debian container > /pod-data/index.html"]
"""

# As it stands.
PROJECTED = """apiVersion: v1
kind: Pod
metadata:
  name: test-projected-volume
spec:
  containers:
  - name: test-secret-volume
    image: busybox
    args:
    - sleep
    - "86400"
    volumeMounts:
    - name: mysql-cred
      mountPath: "/projected-volume"
      readOnly: true
  volumes:
  - name: mysql-cred
    projected:
      sources:
      - secret:
          name: user
      - secret:
          name: pass
"""


class Seed(Instance):
    def inside(self, pod, container, text, ok=True):
        return self.podctl("exec", pod, "-c", container, "--", "sh", "-c", text, ok=ok)

    def test_two_containers(self):
        node = self.work.name + "/node"
        os.mkdir(node)
        self.podctl("apply", "-f", "-", "--node-root", node, stdin=TWO_CONTAINERS)
        state = lambda: {c["name"]: c["state"] for c in self.get("two-containers")["status"].get("containerStatuses", [])}
        self.until(lambda: "terminated" in state().get("debian-container", {}) and "running" in state().get("nginx-container", {}))
        self.assertEqual(state()["debian-container"]["terminated"]["reason"], "Completed")
        self.assertRegex(self.podctl("get", "pod", "two-containers").stdout, r"two-containers +1/2 +NotReady +0 ")
        self.assertEqual(self.podctl("get", "pod", "two-containers", "-o", "jsonpath={.status.phase}").stdout, "Running")
        self.assertEqual(self.inside("two-containers", "nginx-container", "wget -qO- http://localhost/").stdout, "Hello from the debian container\n")
        with open(node + "/data/index.html") as h:
            self.assertEqual(h.read(), "Hello from the debian container\n")
        self.podctl("delete", "pod", "two-containers", "--grace-period=1")
        self.assertTrue(os.path.exists(node + "/data/index.html"), "what lies on the node stays there")

    def test_projected_volume(self):
        for name, text in (("user", "admin"), ("pass", "c1oudc0w!")):
            with open("%s/%s.txt" % (self.work.name, name), "w") as h:
                h.write(text)
            self.assertIn("secret/%s created\n" % name, self.podctl("create", "secret", "generic", name, "--from-file=%s/%s.txt" % (self.work.name, name)).stdout)
        self.podctl("apply", "-f", "-", stdin=PROJECTED)
        self.podctl("wait", "--for=condition=Ready", "pod/test-projected-volume", "--timeout=60s")
        run = lambda text: self.inside("test-projected-volume", "test-secret-volume", text).stdout
        self.assertEqual(run("cd /projected-volume; cat user.txt; echo; cat pass.txt"), "admin\nc1oudc0w!")
        self.assertEqual(run("cd /projected-volume; stat -c '%a %F' ..data/user.txt ..data/pass.txt; readlink user.txt; readlink pass.txt"),
                         "644 regular file\n644 regular file\n..data/user.txt\n..data/pass.txt\n")
        self.assertRegex(run("readlink /projected-volume/..data"), r"^\.\.[0-9_]+\.[0-9]+\n$")
        self.assertEqual(run("stat -c %a $(readlink -f /projected-volume/..data)"), "755\n")
        self.assertIn("Read-only file system", self.inside("test-projected-volume", "test-secret-volume", "echo x > /projected-volume/new", ok=False).stderr)
        self.assertRegex(run("grep ' /projected-volume ' /proc/self/mountinfo"), r"(?m)^.* ro\b.* - tmpfs ")
        self.podctl("delete", "pod", "test-projected-volume", "--grace-period=1")
        self.assertIn("NotFound", self.podctl("get", "pod", "test-projected-volume", ok=False).stderr)
        left = [os.path.join(d, f) for d, _, files in os.walk(self.root + "/run/pods") for f in files]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
