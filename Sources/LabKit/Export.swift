// SPDX-License-Identifier: Apache-2.0
//
// A lab for a real cluster (`lab export`): its manifests, and a shell script that tells the same story with kubectl. What can only be seen on the node
// is named there and not claimed. Pure: the files are made here, written elsewhere.
//
// The words that a step's `cluster` text may use:
//
//     k ARGUMENTS…               kubectl
//     check FACT PATTERN CMD…    looks until what CMD prints matches the pattern (as in case), for at most a minute
//     first FACT PATTERN CMD…    the same without waiting
//     gone POD…                  deletes Pods at once

public enum ClusterScript {
  /// FILE → content; run.sh is to be executable.
  public static func files(_ story: Story) -> [(name: String, text: String)] {
    story.manifests.map { ($0.file, $0.text) } + [("run.sh", script(story))]
  }

  public static func script(_ story: Story) -> String {
    var out = head(story)
    for (i, step) in story.steps.enumerated() {
      out += "\nstep \(i + 1) \(story.steps.count) \(quoted(step.title.en)) \(quoted(step.title.zh))\n"
      out += "say \(quoted(step.why.en)) \\\n  \(quoted(step.why.zh))\n"
      if !step.cluster.isEmpty { out += step.cluster + "\n" }
      for fact in step.facts where !checks(step.cluster, fact.id) {
        out += "on_the_node \(fact.id) \(quoted(fact.text.en)) \(quoted(fact.text.zh))\n"
      }
    }
    return out + "\nend\n"
  }

  /// Whether the text checks a fact.
  static func checks(_ text: String, _ fact: String) -> Bool { text.contains("check \(fact) ") || text.contains("first \(fact) ") }

  static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

  private static func head(_ story: Story) -> String {
    let texts = story.facts.map { "    \($0.id)) say \(quoted("  ok    " + $0.text.en + "   [\($0.id)]")) \(quoted("  通过  " + $0.text.zh + "   [\($0.id)]")) ;;" }
    return """
      #!/bin/sh
      # Lab \(story.id) on a cluster: \(story.title.en)
      # KUBECTL names the program (default: kubectl), LAB_LANG=zh speaks Chinese. Pods are made in the current namespace and removed at the end.
      set -u
      cd "$(dirname "$0")" || exit 2
      failed=0
      k() { ${KUBECTL:-kubectl} "$@"; }
      say() { if [ "${LAB_LANG:-en}" = zh ]; then printf '%s\\n' "$2"; else printf '%s\\n' "$1"; fi; }
      step() { printf '\\n'; say "Step $1 of $2   $3" "第 $1 步，共 $2 步   $4"; }
      holds() {
        case $1 in
      \(texts.joined(separator: "\n"))
        esac
      }
      look() {
        tries=$1 id=$2 want=$3; shift 3
        while :; do
          got=$("$@" 2>&1)
          case $got in ($want) holds "$id"; return ;; esac
          tries=$((tries - 1))
          [ $tries -gt 0 ] || break
          sleep 1
        done
        say "  FAIL  [$id]" "  未通过  [$id]"
        say "        expected  $want" "        期望  $want"
        say "        found  $got" "        实际  $got"
        failed=1
      }
      check() { look 60 "$@"; }
      first() { look 1 "$@"; }
      gone() { for pod; do k delete pod "$pod" --ignore-not-found --grace-period=0 --force >/dev/null 2>&1; done; }
      on_the_node() { say "  --    $2   [$1]: only on the node, by lab run \(story.id.prefix(2))" "  --    $3   [$1]：要在节点上看，用 lab run \(story.id.prefix(2))"; }
      clean() { for f in *.yaml; do [ -e "$f" ] && k delete -f "$f" --ignore-not-found --grace-period=0 --force >/dev/null 2>&1; done; }
      end() {
        clean
        trap - EXIT
        if [ $failed = 0 ]; then say "Everything that a cluster shows was as the lesson says." "集群上能看到的都与课文相符。"; fi
        exit $failed
      }
      trap clean EXIT
      trap 'exit 130' INT TERM
      say \(quoted("\(story.id)   \(story.title.en)")) \(quoted("\(story.id)   \(story.title.zh)"))
      say \(quoted(story.question.en)) \\
        \(quoted(story.question.zh))

      """
  }
}
