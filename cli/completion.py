"""``siaga completion``: the shell completes commands, options, and values such as desks and calls, by Tab.

The shell asks the command itself, by ``_SIAGA_COMPLETE``; the answer is Typer's.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from typer import _completion_classes, completion

from cli.app import ASKED
from cli.help import examples

app = typer.Typer(add_completion=False)

# The word that was typed is what is asked: siaga, scripts/siaga, or another path of it.
_BASH: Final = """\
_siaga_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $( COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _SIAGA_COMPLETE=complete_bash "$1" ) )
    return 0
}
complete -o default -F _siaga_completion siaga"""

_ZSH: Final = """\
#compdef siaga
_siaga_completion() {
    eval "$( _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _SIAGA_COMPLETE=complete_zsh "${words[1]}" )"
}
compdef _siaga_completion siaga"""

_FISH: Final = """\
function __siaga_completion
    set --local words (commandline --current-process --tokenize --cut-at-cursor)
    env _SIAGA_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \\
        _TYPER_COMPLETE_ARGS=(commandline --current-process --cut-at-cursor) $words[1]
end
complete --command siaga --arguments "(__siaga_completion)\""""


class Shell(StrEnum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS: Final = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


@app.command(epilog=examples('eval "$(siaga completion bash)"', "siaga completion fish | source"))
def script(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print what has a shell complete siaga's commands, options, desks, calls and complaints by Tab.

    Put the first example's line into ~/.bashrc or ~/.zshrc, for fish the second into ~/.config/fish/config.fish.
    """
    sys.stdout.write(_SCRIPTS[shell] + "\n")


def answer(command: Any, asked: str) -> int:  # noqa: ANN401 - Typer's click has no public types
    """Tell a shell what can stand where its cursor is; returns the exit code.

    What stands there already may be wrong: then there is nothing to tell.
    """
    _completion_classes.completion_init()
    try:
        return completion.shell_complete(command, {}, "siaga", ASKED, asked)
    except typer.TyperException:
        return 0
