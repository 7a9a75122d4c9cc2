# SPDX-License-Identifier: Apache-2.0
# For ./lab, ./podctl and ./test: system packages and the release build. POSIX shell; sourced, not run.
# The quick path (nothing changed) is one `find`.

# What the build and the labs need, as "file that shows it is there:Debian package".
podlab_needs="
/usr/include/yaml.h:libyaml-dev
/usr/include/curses.h:libncurses-dev
/usr/include/archive.h:libarchive-dev
/usr/include/openssl/evp.h:libssl-dev
/usr/include/seccomp.h:libseccomp-dev
/usr/include/nghttp2/nghttp2.h:libnghttp2-dev
/usr/bin/curl-config:libcurl4-openssl-dev
/usr/include/stdlib.h:libc6-dev
/usr/bin/git:git
/bin/busybox:busybox-static
/usr/bin/newuidmap:uidmap
"

# podlab_say ENGLISH CHINESE: a message in the user's language, which the programs choose in the same way.
podlab_language=${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}
case " $* " in *" --lang zh "*|*" --lang=zh "*) podlab_language=zh ;; *" --lang en "*|*" --lang=en "*) podlab_language=en ;; esac
podlab_say() { case $podlab_language in zh*) shift ;; esac; printf 'podlab: %s\n' "$1" >&2; }

# podlab_install LIST: installs the packages whose files are missing. LIST is in the form of podlab_needs.
podlab_install() {
  missing=
  for need in $1; do [ -e "${need%%:*}" ] || missing="$missing ${need#*:}"; done
  # Debian's plain busybox is dynamic; in a pod's empty root only the static one runs.
  case " $missing " in *" busybox-static "*) ;; *)
    if [ -e /bin/busybox ] && ! dpkg-query -W -f '${Status}' busybox-static 2>/dev/null | grep -q 'ok installed'; then
      LC_ALL=C ldd /bin/busybox >/dev/null 2>&1 && missing="$missing busybox-static"
    fi ;;
  esac
  [ -n "$missing" ] || return 0
  line="apt-get install -y --no-install-recommends$missing"
  if [ "$(id -u)" = 0 ]; then as=
  elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then as=sudo
  else
    podlab_say "missing system packages:$missing" "缺少系统软件包：$missing"
    podlab_say "install them once, as root:  $line" "请以 root 安装一次：  $line"
    return 1
  fi
  command -v apt-get >/dev/null 2>&1 || { podlab_say "missing:$missing (no apt-get here: install what carries these files)" "缺少：$missing（这里没有 apt-get：请安装提供这些文件的软件包）"; return 1; }
  podlab_say "installing system packages:$missing" "正在安装系统软件包：$missing"
  log=$(mktemp) || return 1
  if { $as env DEBIAN_FRONTEND=noninteractive $line || { $as apt-get update && $as env DEBIAN_FRONTEND=noninteractive $line; }; } >"$log" 2>&1
  then rm -f "$log"
  else
    tail -n 15 "$log" >&2
    podlab_say "that failed (all of it: $log). By hand:  $line" "安装失败（全部输出：$log）。请手动运行：  $line"
    return 1
  fi
}

# podlab_build HOME [swift build arguments]: builds with one line of progress; the whole output stays in .build/podlab-build.log.
podlab_build() {
  home=$1; shift
  if ! command -v swift >/dev/null 2>&1 && [ -x /opt/swift/usr/bin/swift ]; then PATH="$PATH:/opt/swift/usr/bin"; export PATH; fi
  command -v swift >/dev/null 2>&1 || { podlab_say "Swift 6.2 or later is needed and not in PATH: https://www.swift.org/install/linux/" "需要 Swift 6.2 或更新版本，PATH 里没有：https://www.swift.org/install/linux/"; return 1; }
  mkdir -p "$home/.build" 2>/dev/null && [ -w "$home/.build" ] || {
    podlab_say "$home/.build cannot be written by $(id -un): clone the project as this user, or build as its owner" "$(id -un) 不能写 $home/.build：请用这个用户克隆项目，或由项目的所有者构建"
    return 1
  }
  # A folder of another user's: git would refuse the copies of packages in .build. This process and its children only.
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
  export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0
  log="$home/.build/podlab-build.log"
  : >"$home/.build/podlab.begun"
  podlab_say "building in release mode (the first time takes some minutes; log: $log)" "正在编译（release 模式，第一次要几分钟；日志：$log）"
  if [ -t 2 ]; then
    { swift build -c release --package-path "$home" "$@" 2>&1; echo "exit $?"; } | tee "$log" | while IFS= read -r row; do
      case $row in "["*"/"*) printf '\r\033[K  %.72s' "$row" >&2 ;; esac
    done
    printf '\r\033[K' >&2
  else
    { swift build -c release --package-path "$home" "$@" 2>&1; echo "exit $?"; } >"$log"
  fi
  if [ "$(tail -n 1 "$log")" = "exit 0" ]; then return 0; fi
  grep -E 'error:' "$log" | grep -v '^error: fatalError$' | head -n 20 >&2 || true
  podlab_say "the build failed; all of its output: $log" "编译失败；全部输出：$log"
  return 1
}

# podlab_ready HOME: returns 0 when the programs are there and nothing they are made of is newer.
podlab_ready() {
  stamp="$1/.build/podlab.built"
  if [ -e "$stamp" ] && [ -z "$(find "$1/Package.swift" "$1/Sources" "$1/Labs" -newer "$stamp" ! -name '*.md' -print -quit 2>/dev/null)" ]; then return 0; fi
  podlab_install "$podlab_needs" || return 1
  podlab_build "$1" || return 1
  mv -f "$1/.build/podlab.begun" "$stamp"
}
