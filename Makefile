# `make run` and `make test` are all the set-up there is: both build .venv from the locks, and nothing outside it is touched.
VENV := .venv
BIN := $(VENV)/bin
UV := .venv-lock/bin/uv
UV_VERSION := 0.13.9
ATHERIS_VERSION := 3.0.0

# What `make fuzz` tries.
WHAT ?= images

# The first supported Python on the PATH, or plain python3, whose version the check below then complains about.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)

define CHECK_PYTHON
import platform, sys
received = "%s is Python %s" % (sys.executable, platform.python_version())
if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit("Deep Dect needs Python 3.11, 3.12 or 3.13; " + received + ". TensorFlow has no packages for others.\n"
             "Install one of these, remove .venv if there is one, and name it: make run PYTHON=python3.12")
if (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
    sys.exit("Deep Dect needs Linux or an Apple Silicon Mac; " + received + " for Intel Macs, "
             "for which TensorFlow and OpenVINO no longer publish packages.")
import importlib.util
if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
    sys.exit(received + " and cannot make a virtual environment: venv or ensurepip is missing.\n"
             "On Debian or Ubuntu: sudo apt install python%d.%d-venv. Elsewhere install the full Python."
             % sys.version_info[:2])
endef
export CHECK_PYTHON

INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --require-hashes --only-binary :all:
LOCK = env -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS $(UV) pip compile --quiet --universal \
	--python-version 3.11 --no-python-downloads --fork-strategy fewest --no-strip-extras --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

.PHONY: help run test lint coverage fuzz soak reproduce space space-test lock clean
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run: $(VENV)/installed ## start the web page; ARGS="--share" makes a public link
	$(BIN)/python app.py $(ARGS)

test: lint ## check style and types, then run every test; ARGS="-k name" picks some
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/installed-dev ## check style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/mypy

coverage: $(VENV)/installed-dev ## run every test and show the lines that none reached
	$(BIN)/python -m pytest --cov --cov-report=term-missing $(ARGS)

fuzz: $(VENV)/installed-dev ## fuzz for half an hour: WHAT=images, videos or api; ARGS="--seconds 600" for another time
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --disable-pip-version-check \
		--only-binary :all: atheris==$(ATHERIS_VERSION) || { echo "No atheris for this system: it has packages for" \
		"Linux on x86-64 and Python 3.11 to 3.13. Everything else works without it." >&2; exit 1; }
	$(BIN)/python -m tests.fuzz.fuzz_$(WHAT) $(ARGS)

soak: $(VENV)/installed-dev ## 32 clients at once for five minutes, cancels and a crash; ARGS="--seconds 60 --clients 8"
	$(BIN)/python -m tests.load.soak $(ARGS)

reproduce: $(VENV)/installed-dev ## measure the shipped weights again, from pictures to table: DATA=folder
	@test -n "$(DATA)" || { echo "Name the folder of pictures: make reproduce DATA=folder" >&2; exit 2; }
	$(BIN)/python -m training.reproduce "$(DATA)" $(ARGS)

space: $(VENV)/installed ## build space/, the folder to push to a Hugging Face Space
	$(BIN)/python -m deepdect.ui.space space

space-test: space ## start space/ in a fresh virtual environment and get a verdict over HTTP
	$(BIN)/python -m tests.space.check_space space .venv-space

lock: $(UV) ## resolve the locks anew after a change of requirements; ARGS="--upgrade" takes newer versions
	$(LOCK) $(ARGS) requirements.txt --output-file requirements.lock
	$(LOCK) $(ARGS) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock \
		$$(sed -n 's/^\([a-z0-9._-]*\)[=[].*/--no-emit-package \1/p' requirements.lock)
	@! grep -nE '://|file:|^ *-(i|f|-index|-extra|-find)' requirements.lock requirements-dev.lock

clean: ## remove the virtual environments and the tools' caches
	rm -rf $(VENV) .venv-lock .venv-space .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11, 3.12 or 3.13." >&2; exit 1; }
	@$(PYTHON) -c "$$CHECK_PYTHON"
	$(PYTHON) -m venv --clear $(VENV)

# The stamps make a second call instant; a changed lock is newer than they are and installs again.
$(VENV)/installed: requirements.lock | $(BIN)/python
	@$(BIN)/python -c "$$CHECK_PYTHON"
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements.lock requirements-dev.lock | $(BIN)/python
	@$(BIN)/python -c "$$CHECK_PYTHON"
	$(INSTALL) -r requirements.lock -r requirements-dev.lock
	@touch $(VENV)/installed $@

$(UV):
	@$(PYTHON) -c "$$CHECK_PYTHON"
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --disable-pip-version-check --quiet uv==$(UV_VERSION)
