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

# A build needs a checkout that can be written to, and a home for the caches of dotnet and npm: where the user's own
# cannot be written to (a container, a service), they are kept in the checkout.
require_folders() {
    if ! { mkdir -p "$artifacts" && [ -w "$artifacts" ]; } 2>/dev/null; then
        say "Chasqui cannot be built: $artifacts cannot be written to."
        exit 1
    fi
    if [ -n "${HOME:-}" ] && mkdir -p "$HOME" 2>/dev/null && [ -w "$HOME" ]; then return 0; fi
    say "The home folder ${HOME:-(HOME is not set)} cannot be written to; what the build fetches is kept in ${artifacts#"$root"/}/home."
    mkdir -p "$artifacts/home"
    export HOME=$artifacts/home DOTNET_CLI_HOME=$artifacts/home NUGET_PACKAGES=$artifacts/home/.nuget/packages npm_config_cache=$artifacts/home/.npm
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

# What is being built, by the log so far: MSBuild writes "PROJECT -> FILE" when a project is done. One process, since it is asked every second.
build_step() {
    awk '/ -> / { n++; last = $1 } END { if (n) printf "%d projects built, last %s", n, last; else printf "packages" }' "$1" 2>/dev/null || true
}

# Tells how far a build is until the process $1 ends: one line that changes on a terminal, elsewhere a line each 15 seconds.
watch_build() {
    local pid=$1 log=$2 began=$SECONDS told=0 elapsed
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        elapsed=$((SECONDS - began))
        if [ -t 2 ]; then
            printf '\r\033[K  %d s: %s' "$elapsed" "$(build_step "$log")" >&2
        elif [ $((elapsed / 15)) -gt "$told" ]; then
            told=$((elapsed / 15))
            say "  $elapsed s: $(build_step "$log")"
        fi
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# build_quietly LOG ARGUMENT… : dotnet build with no more shown than how far it is, unless it fails, and then the errors.
# No build server outlives it: nothing would use it again, and it takes memory that models could have.
build_quietly() {
    local log=$1 build
    shift
    mkdir -p "$(dirname "$log")"
    (cd "$root" && exec dotnet build "$@" -c Release --nologo -v minimal -clp:NoSummary -nodeReuse:false -p:UseSharedCompilation=false -p:UseRazorBuildServer=false) \
        >"$log" 2>&1 9>&- </dev/null &
    build=$!
    # Ctrl-C reaches the build too, which has the same terminal; a signal to this script alone is passed on.
    trap 'kill "$build" 2>/dev/null || true; wait "$build" 2>/dev/null || true; exit 143' TERM
    trap 'wait "$build" 2>/dev/null || true; exit 130' INT
    watch_build "$build" "$log"
    if wait "$build"; then
        trap - TERM INT
        return 0
    fi
    trap - TERM INT
    say "The build failed:"
    # Each error once; MSBuild repeats one for every project that meets it. Without any, the end of the log tells.
    if ! grep -E '(: |^)error( |:|$)|npm (ERR!|error)' "$log" | sed 's/ \[[^]]*proj\]$//' | awk '!seen[$0]++' | head -n 40 >&2; then
        tail -n 40 "$log" >&2
    fi
    say "(the whole log is in ${log#"$root"/})"
    return 1
}
