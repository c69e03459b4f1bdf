# ./run install: the command chasqui in ~/.local/bin, a script that starts this checkout. Sourced by ./run; expects $root and $typed.

install_mark="# Made by Chasqui's ./run install."

# Writes the script. A file that something else put there stays as it is.
install_command() {
    local place target script before
    case "${1:-}" in
        "" | --uninstall) ;;
        -h | --help)
            say "Usage: $typed install [--uninstall]"
            say "Puts the command chasqui into ~/.local/bin, or takes it away again."
            return 0
            ;;
        *)
            say "error: install takes no '$1'; the only option is --uninstall"
            return 2
            ;;
    esac
    if [ -z "${HOME:-}" ]; then
        say "error: HOME is not set, so there is no ~/.local/bin to put the command chasqui into"
        return 1
    fi
    place=$HOME/.local/bin
    target=$place/chasqui
    if { [ -e "$target" ] || [ -L "$target" ]; } && ! grep -qsF "$install_mark" "$target"; then
        say "error: $target was not made by $typed install, and is left as it is; remove it first"
        return 1
    fi
    if [ "${1:-}" = --uninstall ]; then
        if [ ! -e "$target" ]; then
            say "There is no $target."
        else
            rm -f "$target"
            say "$target is removed. What Chasqui keeps is in ~/.chasqui, and stays."
        fi
        return 0
    fi
    # A quote in the checkout's path ends the quoted text, stands for itself, and begins it again.
    script="#!/bin/sh
$install_mark '$typed install --uninstall' removes it.
CHASQUI_COMMAND=chasqui exec '$(printf '%s' "$root" | sed "s/'/'\\\\''/g")/run' \"\$@\""
    before=$(cat "$target" 2>/dev/null || true)
    if [ "$before" != "$script" ]; then
        if ! { mkdir -p "$place" && printf '%s\n' "$script" >"$target.$$" && chmod 755 "$target.$$" && mv -f "$target.$$" "$target"; } 2>/dev/null; then
            rm -f "$target.$$" 2>/dev/null || true
            say "error: $place cannot be written to, so there is no place for the command chasqui"
            return 1
        fi
    fi
    say "The command chasqui is $target. It starts this checkout, $root. '$typed install --uninstall' removes it."
    case ":${PATH:-}:" in
        *":$place:"*)
            # The first one on the PATH is the one that runs.
            before=$(command -v chasqui 2>/dev/null || true)
            if [ -n "$before" ] && [ "$before" != "$target" ]; then say "But your shell finds another one first: $before"; fi
            ;;
        *)
            say "Your PATH does not have that folder yet. Add it, and open a new terminal:"
            case "${SHELL:-}" in
                */fish) say "  fish_add_path $place" ;;
                */zsh) say "  echo 'export PATH=\"\$HOME/.local/bin:\$PATH\"' >> ~/.zshrc" ;;
                *) say "  echo 'export PATH=\"\$HOME/.local/bin:\$PATH\"' >> ~/.bashrc" ;;
            esac
            ;;
    esac
}
