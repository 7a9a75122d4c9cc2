# SPDX-License-Identifier: Apache-2.0
"""Each lab again and again, two at a time in different instances: no failure, nothing left. A few here, all of them ten times with --all."""
import os, unittest

from lab_tools import ALL, LABS, ROOT, left, of_the_machine, run, run_and_watch, side_by_side, use_ready_images

MODES = ("root", "subids")
# PODLAB_ROUNDS: another count, by hand.
ROUNDS = int(os.environ.get("PODLAB_ROUNDS") or (10 if ALL else 2))
HERE = os.environ.get("PODLAB_LABS", "").split() or (list(LABS) if ALL else ["00-process-group", "01-infra-container", "07-projected-volume", "11-debug"])


def setUpModule():
    if set(HERE) & {"02-shared-volume", "03-sidecar", "04-war-init", "09-image-pull-policy"}:
        use_ready_images()


class Repetition(unittest.TestCase):
    def test_again_and_again(self):
        ids = set()

        def rounds(name, labs):
            failures, root = [], "%s-%s" % (ROOT, name)
            for number in range(ROUNDS):
                for lab in labs:
                    code, out, err, seen = run_and_watch(lab, "zh" if number % 2 else "en", root)
                    ids.update(seen)
                    remains = left(root) + of_the_machine(seen)
                    if code or err or remains:
                        failures.append("%s, round %d, %s: exit code %d\n%s%s%s" % (lab, number + 1, name, code, out[-1500:], err, remains))
            run("lab", "clean", env={"PODLAB_ROOT": root})
            return failures
        # Against each other in opposite order, so that all kinds of pairs come up.
        one, other = side_by_side([lambda: rounds("a", HERE), lambda: rounds("b", HERE[::-1])], at_once=2)
        self.assertEqual(one + other, [], "\n".join(one + other))
        self.assertGreaterEqual(len(ids), ROUNDS, "the labs' instances were seen")


if __name__ == "__main__":
    unittest.main()
