# shellcheck shell=bash
# What the scripts here share. Source it from the project's folder, after `set -euo pipefail`.

# `cd` has left where the script was called from.
self=$(cd "$OLDPWD" && realpath "$0")
name=${self#"$PWD"/}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/taprig/tools

say() { echo "$name: $*" >&2; }

# Something that this machine can't do. Said at once, and again at the end of the run.
notice() {
    say "NOT DONE: $*"
    [ -z "${TAPRIG_NOTICES:-}" ] || echo "NOT DONE: $*" >>"$TAPRIG_NOTICES"
}

# Installs Debian packages: `apt_install "why, and how large" PACKAGE..`.
apt_install() {
    local why=$1 root=() log
    shift
    command -v apt-get >/dev/null || { say "$* is missing, and there is no apt-get: install it"; exit 3; }
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "$* is missing and needs root to install: apt-get install --no-install-recommends $*"; exit 3; }
        root=(sudo)
    fi
    say "installing $* ($why)"
    log=$(mktemp)
    install() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; }
    # A fresh machine has no package lists, an old one has lists of packages that are gone.
    install "$@" || { "${root[@]}" apt-get update >"$log" 2>&1 && install "$@"; } ||
        { tail -n 20 "$log" >&2; say "apt-get could not install $*"; exit 3; }
    rm -f "$log"
}

# Sees to a program that cargo compiles and prints its path: `rust_tool cargo-deny 0.20.2`. No other place is touched.
rust_tool() {
    local tool=$1 version=$2 to=$tools/$1-$2
    if [ ! -x "$to/bin/$tool" ]; then
        say "installing $tool $version to $to: it is compiled, which takes some minutes"
        # With the compiler's own settings, whatever those of the project are.
        env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$to" --version "=$version" "$tool" >&2 ||
            { say "cargo could not install $tool $version"; exit 3; }
    fi
    echo "$to/bin/$tool"
}

# Sees to a program from PyPI and prints its path: `python_tool typos 1.52.0`.
python_tool() {
    from_pypi "$1" "$2" "bin/$1"
    echo "$tools/$1-$2/bin/$1"
}

# Sees to a Python library from PyPI and prints the folder to name in PYTHONPATH: `python_library unicorn 2.1.4`.
python_library() {
    from_pypi "$1" "$2" "$1/__init__.py"
    echo "$tools/$1-$2"
}

# Sees to a program from PyPI that has an environment of its own, and prints its folder: `python_environment labgrid 26.0.1`.
python_environment() {
    local tool=$1 version=$2 to=$tools/$1-$2
    if ! "$to/bin/python" -m pip show --quiet "$tool" >/dev/null 2>&1; then
        python3 -c 'import ensurepip' 2>/dev/null || apt_install "it makes a folder for $tool" python3-venv >&2
        say "installing $tool $version to $to"
        rm -rf "$to"
        python3 -m venv "$to" >&2
        "$to/bin/python" -m pip install --quiet --disable-pip-version-check "$tool==$version" >&2 ||
            { say "pip could not install $tool $version"; exit 3; }
    fi
    echo "$to"
}

# Installs a package from PyPI to a folder of its own, unless it has brought this file already.
from_pypi() {
    local tool=$1 version=$2 to=$tools/$1-$2
    if [ ! -e "$to/$3" ]; then
        python3 -m pip --version >/dev/null 2>&1 || apt_install "pip, which brings $tool" python3-pip >&2
        say "installing $tool $version to $to"
        rm -rf "$to"
        PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$to" "$tool==$version" >&2 ||
            { say "pip could not install $tool $version"; exit 3; }
    fi
}

# Runs the parts that are asked for, or all of `parts`, and says how each ended. A part is a function `part_NAME`; each
# runs in a shell of its own, and all run, so that one run shows everything that is wrong.
run_parts() {
    local part started failed=() asked=("$@") notices
    case ${1:-} in -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$self"
        echo "Parts: ${parts[*]}"
        return
        ;;
    esac
    for part in "$@"; do
        case " ${parts[*]} " in *" $part "*) ;; *) say "there is no part \`$part\`; there are: ${parts[*]}"; return 2 ;; esac
    done
    # A shell that was started below, or a part that is run by itself.
    if [ $# -eq 1 ]; then "part_$1"; return; fi

    [ $# -gt 0 ] || asked=("${parts[@]}")
    notices=$(mktemp)
    TAPRIG_SUMMARY=$(mktemp)
    export TAPRIG_NOTICES=$notices TAPRIG_SUMMARY
    local times=() all=$SECONDS
    for part in "${asked[@]}"; do
        printf '\n== %s\n' "$part"
        started=$SECONDS
        if "$self" "$part"; then times+=("$(printf '%-12s ok      %5d s' "$part" $((SECONDS - started)))")
        else
            times+=("$(printf '%-12s FAILED  %5d s' "$part" $((SECONDS - started)))")
            failed+=("$part")
        fi
    done
    printf '\n== summary\n'
    printf '%s\n' "${times[@]}" "$(printf '%-20s %5d s' "in all" $((SECONDS - all)))"
    cat "$notices" "$TAPRIG_SUMMARY"
    rm -f "$notices" "$TAPRIG_SUMMARY"
    [ ${#failed[@]} -eq 0 ] || { say "failed: ${failed[*]}; repeat one by \`$name PART\`"; return 1; }
}

# Changes the code in small ways and runs the tests on each: `mutants_of DIR ARGUMENTS..`. The result is in DIR/mutants.out.
# Mutants that survive are no failure here.
mutants_of() {
    local to=$1 mutants code=0
    shift
    mutants=$(rust_tool cargo-mutants 27.1.0)
    mkdir -p "$to"
    "$mutants" mutants --no-shuffle --colors never --output "$to" "$@" || code=$?
    # 2: some were missed, 3: tests ran for too long on some.
    case $code in 0 | 2 | 3) ;; *) return "$code" ;; esac
}
