# `make run` opens the demo, `make test` runs the tests; both are complete on a fresh machine.
# The first Python 3.11 or 3.12 that can make a virtual environment; override with PYTHON=…
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check slow pictures demo-set benchmarks clean help

help:
	@echo "make run        open the demo (no display: renders it to build/demo.png)"
	@echo "make test       linters, types, import contracts and all quick tests"
	@echo "make slow       the long tests"
	@echo "make pictures   render every state of the window into build/pictures"
	@echo "make demo-set   rebuild resources/demo from its sources"
	@echo "make benchmarks the tables of figures"

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 with venv is needed (Debian: apt-get install python3 python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.made pyproject.toml
	@.ci/system-packages run
	$(BIN)/python -m pip install --quiet --editable '.[words,explainers]'
	@touch $@

.venv/.test: .venv/.made pyproject.toml
	@.ci/system-packages test
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ .venv/.run

run: .venv/.run
	@$(BIN)/python -m sier_gui --demo --fallback-screenshot build/demo.png

check: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

slow: .venv/.test
	QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest -m slow

pictures: .venv/.test
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/pictures/gallery.py build/pictures
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/pictures/record_gallery.py build/pictures
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/pictures/overview_gallery.py build/pictures
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/pictures/what_if_gallery.py build/pictures
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/pictures/first_run_gallery.py build/pictures
	@# the pages' screenshots: a home of their own, so that nobody's layout or filters are in them
	for theme in light dark; do SIER_GUI_HOME=build/pictures/home $(BIN)/python -m sier_gui --demo \
		--sample hate-test-05 --theme $$theme --screenshot docs/images/explore-$$theme.png || exit 1; done
	SIER_GUI_HOME=build/pictures/home $(BIN)/python -m sier_gui export resources/demo --sample hate-test-05 \
		--format png --width 140mm --out build/pictures
	cp build/pictures/hate-test-05.png docs/images/figure.png
	cp build/pictures/record-speak-1400-light.png docs/images/record-light.png
	cp build/pictures/what-if-parts-1400-light.png docs/images/what-if-light.png
	cp build/pictures/first-run-2-tour.png build/pictures/first-run-4-labelled.png build/pictures/first-run-5-export.png docs/images

demo-set: .venv/.test
	$(BIN)/python -m pip install --quiet --editable ".[build]"
	$(BIN)/python -m sier_gui.core.construct.demo_set --out resources/demo

benchmarks: .venv/.test
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	QT_QPA_PLATFORM=offscreen $(BIN)/python benchmarks/window.py
	QT_QPA_PLATFORM=offscreen $(BIN)/python benchmarks/rater.py
	$(BIN)/python benchmarks/explain.py --quick

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
