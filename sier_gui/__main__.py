"""``python -m sier_gui``."""

from sier_gui.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
