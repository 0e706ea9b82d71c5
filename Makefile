# `make help` lists what is here. Everything is installed into .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := tests/clients/node_modules
PROVIDER := tests/provider/node_modules

.PHONY: help run test journeys faults lint audit unit browser screenshots clean
.DEFAULT_GOAL := help

help:            ## what can be made
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

run: $(VENV)/.run ## start the demo city with a lesson that is live now
	$(BIN)/classroom-sync demo

# Two at a time what waits for a database or looks at pages, the longest first; what measures time
# or fills both processors has the machine to itself; PURE media knows neither sockets nor a clock.
# JOURNEYS and FAULTS take longer than all else.
PURE := answer bandwidth codecs credit depacketize feedback ice layers negotiation overuse resource \
  rewrite room rtcp rtp sdp timeline wall
SIDE_BY_SIDE := $(patsubst %,tests/e2e/test_%.py,accessibility timetable_pages calendar_pages \
    bureau_pages education_account exchange_page lesson_rules) \
  $(addprefix tests/,cli http db deploy formats fuzz reports scheduler uploads) \
  $(patsubst %,tests/media/test_%.py,$(PURE))
JOURNEYS := $(patsubst %,tests/e2e/test_%.py,acceptance admin_pages admin_undo alerts bad_days bench_whole lesson_pages \
    lesson_trouble meeting observation recorded_lesson sent_lessons)
FAULTS := tests/chaos tests/hosts tests/e2e/test_clocks.py tests/e2e/test_killed_node.py \
  tests/weak/test_weak_links.py

test: lint browser ## every check and every test but those of `journeys` and `faults`
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest $(addprefix --ignore=,$(SIDE_BY_SIDE) $(JOURNEYS) $(FAULTS))

journeys: browser ## whole lessons, meetings, observations, recordings and tests of rooms in browsers
	$(BIN)/python -m pytest $(JOURNEYS)

faults: browser ## what is killed, lost, weak and full, and several hosts; prints what it cost (docs/faults.md)
	$(BIN)/python -m pytest $(FAULTS)

lint: $(VENV)/.dev ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.dev $(CLIENTS)/.installed $(PROVIDER)/.installed ## are pinned packages known to be vulnerable?
	$(BIN)/python -m tests.audit_dependencies

unit: $(VENV)/.dev ## the tests that need no browser and no network of their own
	$(BIN)/python -m pytest -m "not browser and not network"

browser: $(VENV)/.dev $(CLIENTS)/.bundled $(PROVIDER)/.installed ## install what the browser tests use, where that is possible
	sh tests/setup-system.sh

screenshots: browser ## remake the pictures in docs/images, and docs/gallery.md
	$(BIN)/python -m tests.screenshots

clean:           ## remove the virtual environment and what was built
	rm -rf $(VENV) $(CLIENTS) $(PROVIDER) build dist *.egg-info

# A Debian python3 may lack ensurepip (package python3-venv): say so, or install it when we may.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null \
	  || { [ "$$(id -u)" = 0 ] && rm -rf $(VENV) && apt-get update -qq \
	       && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); } \
	  || { rm -rf $(VENV); echo "Please install python3-venv (apt install python3-venv) and try again"; exit 1; }

# The part of media/ that is C is built where there is a compiler; without one Python does its work.
BUILT := pyproject.toml setup.py constraints.txt $(wildcard media/fastpath/forward.* media/fastpath/build.py)

# Once for all: where Python may write no bytecode, as in CI, every process would compile all anew.
PACKAGES := classroom_sync db media scheduler

$(VENV)/.compiled: $(BIN)/python $(shell find $(PACKAGES) -name '*.py')
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(VENV)/.run: $(BUILT) $(BIN)/python | $(VENV)/.compiled
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -c 'import sys; from media import fastpath; sys.exit(not fastpath.AVAILABLE)' \
	  || echo "No C compiler was found: media is forwarded by Python alone, which costs several times as much. On Debian: apt install gcc libc6-dev python3-dev, then make clean run"
	@touch $@

$(VENV)/.dev: $(BUILT) $(BIN)/python | $(VENV)/.compiled
	@sh tests/setup-compiler.sh $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

# WHIP and WHEP clients of others, and an OpenID provider, by the exact versions of package.json; Node is
# a package of .dev.
tests/%/node_modules/.installed: tests/%/package.json $(VENV)/.dev
	@cd tests/$* && PATH="$(abspath $(BIN)):$$PATH" npm install --no-package-lock --ignore-scripts \
	  --no-audit --no-fund --loglevel=error
	@touch $@

$(CLIENTS)/.bundled: $(CLIENTS)/.installed $(wildcard tests/clients/javascript/*.js)
	@PATH="$(abspath $(BIN)):$$PATH" $(CLIENTS)/.bin/esbuild $(patsubst %,tests/clients/javascript/%.js,binbat eyevinn medooze) \
	  --bundle --format=esm --outdir=$(CLIENTS)/.built --log-level=warning
	@touch $@
