# What ./run and ./test share: finding the tools, naming what is missing, and building one at a time.
# Sourced, not run. Expects $root, the folder of the checkout.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
artifacts=$root/artifacts

say() { printf '%s\n' "$*" >&2; }

# dotnet as the shell finds it, else where Microsoft's install script puts it.
find_dotnet() {
    if command -v dotnet >/dev/null 2>&1; then return 0; fi
    local place
    for place in "${DOTNET_ROOT:-}" "${HOME:-/root}/.dotnet" /usr/local/share/dotnet /usr/share/dotnet /usr/lib/dotnet; do
        if [ -n "$place" ] && [ -x "$place/dotnet" ]; then
            export DOTNET_ROOT=$place PATH=$place:$PATH
            return 0
        fi
    done
    return 1
}

# One line for this system: how to get $1 (sdk or npm).
how_to_get() {
    local id=" "
    if [ "$(uname -s)" = Darwin ]; then id=" macos "
    elif [ -r /etc/os-release ]; then id=$(. /etc/os-release && printf ' %s %s ' "${ID:-}" "${ID_LIKE:-}"); fi
    case "$1:$id" in
        sdk:*" macos "*) say "  macOS:      brew install --cask dotnet-sdk" ;;
        sdk:*" ubuntu "*) say "  Ubuntu:     sudo apt-get update && sudo apt-get install -y dotnet-sdk-10.0" ;;
        sdk:*" debian "*) say "  Debian:     add Microsoft's package source (https://learn.microsoft.com/dotnet/core/install/linux-debian), then sudo apt-get install -y dotnet-sdk-10.0" ;;
        sdk:*" alpine "*) say "  Alpine:     sudo apk add dotnet10-sdk" ;;
        sdk:*" arch "*) say "  Arch:       sudo pacman -S dotnet-sdk aspnet-runtime" ;;
        sdk:*" fedora "* | sdk:*" rhel "*) say "  Fedora:     sudo dnf install -y dotnet-sdk-10.0" ;;
        sdk:*" suse "*) say "  openSUSE:   sudo zypper install dotnet-sdk-10.0" ;;
        npm:*" macos "*) say "  macOS:      brew install node" ;;
        npm:*" debian "* | npm:*" ubuntu "*) say "  Debian, Ubuntu: sudo apt-get update && sudo apt-get install -y npm" ;;
        npm:*" alpine "*) say "  Alpine:     sudo apk add npm" ;;
        npm:*" arch "*) say "  Arch:       sudo pacman -S npm" ;;
        npm:*" fedora "* | npm:*" rhel "*) say "  Fedora:     sudo dnf install -y npm" ;;
        npm:*" suse "*) say "  openSUSE:   sudo zypper install npm" ;;
    esac
    if [ "$1" = sdk ]; then
        say "  any system: curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0"
    else
        say "  any system: https://nodejs.org/en/download"
    fi
}

# Stops with exit code 1, naming everything that a build misses, not only the first thing.
require_tools() {
    local missing=0 found major
    if ! find_dotnet; then
        say "Chasqui needs the .NET 10 SDK; there is no dotnet on this machine."
        how_to_get sdk
        missing=1
    elif ! dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
        found=$(dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 | paste -sd, - || true)
        say "Chasqui needs the .NET 10 SDK; this machine has ${found:-only a runtime}."
        how_to_get sdk
        missing=1
    fi
    if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
        say "Chasqui needs npm (with Node.js 18 or later), from which its native libraries come."
        how_to_get npm
        missing=1
    else
        major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9][0-9]*\)\..*/\1/p')
        if [ "${major:-0}" -lt 18 ]; then
            say "Chasqui needs Node.js 18 or later; this machine has $(node --version 2>&1 | head -n 1)."
            how_to_get npm
            missing=1
        fi
    fi
    if [ "$missing" -ne 0 ]; then exit 1; fi
}

# Two builds into one folder corrupt each other, so one waits for the other. With flock the kernel frees the lock of
# a killed process; elsewhere (macOS) a folder is the lock, and one whose owner is gone is taken over.
# Descriptor 9 must be closed for every child that may outlive us (9>&-): build servers would hold the lock for good.
lock_build() {
    mkdir -p "$artifacts"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$artifacts/build.lock"
        if ! flock -n 9; then
            say "Waiting for another build of this checkout…"
            flock 9
        fi
        return
    fi
    local folder=$artifacts/build.lock.d owner told=0
    until mkdir "$folder" 2>/dev/null; do
        owner=$(cat "$folder/pid" 2>/dev/null || true)
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
            # Only one of several waiters can move it away.
            if mv "$folder" "$folder.stale.$$" 2>/dev/null; then rm -rf "$folder.stale.$$"; fi
            continue
        fi
        if [ "$told" -eq 0 ]; then say "Waiting for another build of this checkout…"; told=1; fi
        sleep 1
    done
    printf '%s\n' "$$" >"$folder/pid"
    trap 'rm -rf "$artifacts/build.lock.d"' EXIT
}

unlock_build() {
    if command -v flock >/dev/null 2>&1; then
        exec 9>&-
    else
        rm -rf "$artifacts/build.lock.d"
        trap - EXIT
    fi
}

# build_quietly LOG ARGUMENT… : dotnet build with nothing shown unless it fails, and then the errors.
build_quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if (cd "$root" && dotnet build "$@" -c Release --nologo -v quiet -clp:NoSummary) >"$log" 2>&1 9>&- </dev/null; then
        return 0
    fi
    say "The build failed:"
    # Each error once; MSBuild repeats one for every project that meets it. Without any, the end of the log tells.
    if ! grep -E '(: |^)error( |:|$)|npm (ERR!|error)' "$log" | sed 's/ \[[^]]*proj\]$//' | awk '!seen[$0]++' | head -n 40 >&2; then
        tail -n 40 "$log" >&2
    fi
    say "(the whole log is in ${log#"$root"/})"
    return 1
}
