"""``sier-gui``: headless verbs, or the window.

Results go to standard output (or ``--json FILE``), messages to standard error;
exit status 0 done, 1 a problem the user can solve, 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sier_gui.cli.table import VERBS, parse_verb, window_parser
from sier_gui.cli.verbs import discard_stdout, say
from sier_gui.core.errors import SierError


def window(argv: Sequence[str]) -> int:
    arguments = window_parser().parse_args(argv)
    target = arguments.screenshot
    try:
        from sier_gui import app
    except ImportError as error:  # a shared library of Qt is missing
        raise SierError(
            f"Qt cannot start: {error}.", "Run .ci/system-packages run, or install the library it names."
        ) from error
    if target is None and not app.display_available():
        target = arguments.fallback_screenshot or "sier-gui.png"
        say(f"No display: rendering the window to {target} instead.")
    options = app.WindowOptions(
        path=arguments.path,
        demo=arguments.demo,
        release=arguments.release,
        sample=arguments.sample,
        device=arguments.device,
        theme=arguments.theme,
        mode=arguments.mode,
        tour=target is None,
    )
    if target is None:
        return app.run_window(options)
    from sier_gui.screenshot import render_screenshot

    render_screenshot(options, Path(target), arguments.size)
    say(f"{Path(target).resolve()}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``sier-gui`` with ``argv`` (default: the process's own) and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in VERBS:
            arguments = parse_verb(words)
            return int(arguments.run(arguments))
        return window(words)
    except SierError as error:
        say(f"sier-gui: {error}")
        return 1
    except KeyboardInterrupt:
        say("sier-gui: stopped.")
        return 130
    except BrokenPipeError:
        discard_stdout()  # whoever read our output has gone
        return 1
