# Every command of the project. `make demo` and `make test` need python3, make and a package index; the
# rest is set up here, once, behind .venv/.stamp.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
MEMBERS := core plugins/binance plugins/alpaca plugins/kraken plugins/mock plugins/dashboard plugins/alerts compliance
# One more than there are cores, since many tests wait for real time; four at most, since each has databases of its own.
PROCESSES := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -lt 4 ] && echo $$((n + 1)) || echo 4)
SOURCES := $(addsuffix /src,$(MEMBERS))
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help sync demo test slow foreign soak check lint format type architecture surface docs bench lock clean

help:  ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS))
	@echo "set-up: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "set-up: installing third-party packages from requirements.lock (hashes checked)"
	@$(PIP) install --require-hashes -r requirements.lock
	@echo "set-up: installing ticktrail and its plugins, editable"
	@$(PIP) install --no-deps --no-build-isolation $(addprefix -e ./,$(MEMBERS))
	@touch $@

sync: $(STAMP)  ## Set up .venv: everything, editable, from the hashed lock

demo: $(STAMP)  ## Run the main job end to end against a loopback venue
	@$(BIN)/ticktrail demo $(ARGS)

test: $(STAMP)  ## The tests, on all cores; no network beyond loopback
	@$(BIN)/pytest --numprocesses $(PROCESSES) --dist worksteal $(ARGS)

slow: $(STAMP)  ## The long runs
	@$(BIN)/pytest -m slow $(ARGS)

foreign:  ## Set up .venv-foreign: a log verifier, a witness and OpenBao, for the tests (Python 3.12+)
	@$(PYTHON) tests/foreign/set_up.py

soak: $(STAMP)  ## An hour of a feed that is cut, muted and garbled; SECONDS=N for another length
	@$(BIN)/python benchmarks/soak.py --seconds $(or $(SECONDS),3600)

check: lint type architecture docs  ## What CI runs beside the tests

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(STAMP)  ## Let ruff mend what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

type: $(STAMP)
	@$(BIN)/mypy $(SOURCES) tests/typing examples/house-ticktrail

architecture: $(STAMP)
	@$(BIN)/pytest -q tests/architecture

surface: $(STAMP)  ## Record the public surface anew: ENTRY="words of the entry in CHANGELOG.md that tells the change"
	@$(BIN)/python tests/architecture/surface.py "$(ENTRY)"

docs: $(STAMP)  ## Build the documentation into docs/_build
	@$(BIN)/sphinx-build -W -q docs docs/_build

bench: $(STAMP)  ## Measure; ratios in one run
	@$(BIN)/python benchmarks/run.py $(ARGS)
	@$(BIN)/python benchmarks/rules.py
	@$(BIN)/python benchmarks/audit.py
	@$(BIN)/python benchmarks/websocket_tap.py
	@$(BIN)/python benchmarks/dashboard.py

lock: $(STAMP)  ## Compile requirements.lock anew from the members' lower bounds
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --all-packages --all-groups --no-emit-workspace --no-header \
		--format requirements-txt --output-file requirements.lock > /dev/null
	@rm -f uv.lock

clean:  ## Remove what was built
	rm -rf $(VENV) .venv-foreign docs/_build .mypy_cache .pytest_cache .ruff_cache
