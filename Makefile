# `make` alone lists what there is. A bare Python 3.11 is enough: everything else is installed into .venv.

PYTHON ?= python3
V := .venv
# Ariadne's, which only the benchmark needs.
B := .venv-bench
PY := $(V)/bin/python
HEARTH := ./hearth
ROOMS := auth bench domain execution gateways loaders models resolvers schema server services tests

# PyPI has packages named like our rooms; with the root first on the path, `schema` is always ours.
export PYTHONPATH := $(CURDIR)

# Containers set it, to keep their layers small: then each of the hundreds of processes that the tests start would
# compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# A company's network may vouch for the package registries itself: its certificates are the system's.
export UV_SYSTEM_CERTS ?= 1
export NODE_OPTIONS ?= --use-system-ca

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run seed import test test-browser audit chaos prove soak subscribers chromium lint format sdl tables \
	messages docs bench bench-catalogue bench-documents bench-enumeration bench-executors bench-flood bench-ledger \
	bench-tariffs bench-topup bench-watching lock clean reset installed installed-dev graphiql

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Run

run: installed ## run the development server; PORT, HEARTH_DATA and HEARTH_DATABASE_URL move it
	@HEARTH_ENV=development exec $(HEARTH) run

seed: installed ## make invented households in the development database: make seed HOUSEHOLDS=1000
	@HEARTH_ENV=development exec $(HEARTH) seed --households $(or $(HOUSEHOLDS),1000)

import: installed ## load households into the development database: make import FILE=households.ndjson
	@[ -n "$(FILE)" ] || { echo "Say which file: make import FILE=households.ndjson" >&2; exit 1; }
	@HEARTH_ENV=development exec $(HEARTH) import "$(FILE)"

## Check

test: installed-dev ## run every test but those of the browser
	@# Three for two cores, since many tests wait for processes and databases.
	@$(PY) -m pytest -m "not browser and not alone" --numprocesses=3 --dist=loadfile --no-loadscope-reorder
	@# Only the files with such tests, since to read all of them takes two workers longer than to run these.
	@$(PY) -m pytest -m alone --numprocesses=2 --dist=loadfile $$(grep -l 'mark\.alone' tests/test_*.py)

test-browser: installed-dev chromium ## run the tests that need a browser
	@$(PY) -m pytest -m browser

chaos: installed-dev ## kill workers, the bank and PostgreSQL while people pay: make chaos KILLS=1000 PG_STOPS=20 SEED=1
	@$(PY) -m tests.chaos --kills $(or $(KILLS),1000) --postgres-stops $(or $(PG_STOPS),20) $(if $(SEED),--seed $(SEED))

audit: installed-dev ## hold a server against GraphQL over HTTP and graphql-transport-ws, as their authors do
	@$(PY) -m tests.audit

prove: installed-dev ## the long proofs: 1,000 kills, 10,000 cancellations, steps of payments and of households, 23,000 documents
	@HEARTH_PROVE=1 $(PY) -m pytest tests/test_payment_machine.py tests/test_household_machine.py \
		tests/test_ownership_transfer.py tests/test_execution_documents.py tests/test_execution_subscriptions.py \
		tests/test_cancellation.py tests/test_operations.py
	@$(MAKE) --no-print-directory chaos

soak: installed-dev ## load a server evenly and watch its memory: make soak MINUTES=30
	@$(PY) -m bench.soak --minutes $(or $(MINUTES),30)

subscribers: installed-dev ## open many sockets that subscribe, and measure memory and pongs: make subscribers N=10000
	@$(PY) -m bench.subscribers --count $(or $(N),10000)

lint: installed-dev ## check style, types, the floors of the house, the committed schema and the catalogues
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy $(ROOMS)
	@$(V)/bin/lint-imports
	@$(HEARTH) sdl > $(V)/schema.graphql
	@diff -u schema/schema.graphql $(V)/schema.graphql \
		|| { echo "schema/schema.graphql is stale: run 'make sdl' and commit it" >&2; exit 1; }
	@$(extract)
	@$(update) --check 2> /dev/null \
		|| { echo "locales/ is stale: run 'make messages', translate and commit it" >&2; exit 1; }

format: installed-dev ## put the code into shape
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

sdl: installed ## write the GraphQL schema to schema/schema.graphql
	@$(HEARTH) sdl > $(V)/schema.graphql
	@mv $(V)/schema.graphql schema/schema.graphql

tables: installed-dev ## write what the migrations do to an empty database to models/tables.sql, from which new ones are made
	@$(PY) -m tests.tables

messages: installed ## bring the texts for people into the catalogues in locales/, to be translated there
	@$(extract)
	@$(update)

docs: installed ## write what each operator's cabinet can do to docs/operators.md
	@$(HEARTH) operators life tele2 letai motiv beeline > $(V)/operators.md
	@mv $(V)/operators.md docs/operators.md

bench: installed-dev $(B)/.installed ## measure the dashboard against its peers: make bench HOUSEHOLDS=50000 LARGE=1000000
	@$(PY) -m bench.dashboard --households $(or $(HOUSEHOLDS),50000) $(if $(LARGE),--large $(LARGE)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PEERS),--peers $(PEERS))

bench-enumeration: installed ## show that nobody can find out who has a cabinet: 2,000 requests each, about two minutes
	@$(PY) -m bench.enumeration

bench-ledger: installed ## measure transfers a second, and the proof of a million entries
	@$(PY) -m bench.ledger

bench-topup: installed-dev ## measure top-ups a second over HTTP, against the same statements sent bare
	@$(PY) -m bench.topup

bench-catalogue: installed-dev ## measure the server's CPU time for a page and a search in a catalogue of 2,000 services
	@$(PY) -m bench.catalogue

bench-tariffs: installed-dev ## measure recommending tariffs for ten lines with ninety days of use
	@$(PY) -m bench.tariffs

bench-documents: installed ## measure how long the worst documents hold a worker: under 100 ms each
	@$(PY) -m bench.documents

bench-executors: installed ## measure the dashboard compiled and by graphql-core's executor, in one process
	@$(PY) -m bench.executors

bench-flood: installed ## show that 20,000 documents that come once neither fill the memory nor slow down those that are known
	@$(PY) -m bench.flood $(if $(DOCUMENTS),--documents $(DOCUMENTS))

bench-watching: installed-dev ## measure what metrics and the log cost a request: metrics under 3 %
	@$(PY) -m bench.watching

# Debian's chromium is what the tests start; Playwright's own download is not used.
chromium:
	@command -v chromium > /dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
			&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; } \
		|| { echo "The browser tests need Chromium: install it, for example with 'sudo apt-get install chromium'" >&2; exit 1; }

## Keep house

lock: $(V)/.uv ## lock the newest versions that requirements*.in allow
	@$(call lock,requirements)
	@$(call lock,requirements-local,--constraint requirements.lock)
	@$(call lock,requirements-dev,--constraint requirements.lock)
	@$(call lock,requirements-bench,--constraint requirements.lock)

clean: ## remove whatever can be made again, but not the development database
	rm -rf $(V) $(B) graphiql/dist graphiql/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset: ## forget the development and test databases
	@mkdir -p .hearth/database && touch .hearth/database/users.lock
	@flock --exclusive --nonblock .hearth/database/users.lock rm -rf .hearth \
		|| { echo "Hearth runs on .hearth: stop it first" >&2; exit 1; }

# Installing. The stamps in .venv change when the locks do; GraphiQL's build needs only the Node of the
# local lock, so it runs beside the rest of the installation.

installed:
	@$(MAKE) --silent --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j2) graphiql $(V)/.run

installed-dev: installed
	@$(MAKE) --silent --no-print-directory $(V)/.dev

graphiql: $(V)/.local
	@$(PY) graphiql/build.py

$(V)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
		|| { echo "Hearth needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2> /dev/null || echo missing):" \
			"say which one to take, for example 'make PYTHON=python3.12 run'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
		|| { echo "Python's venv module is missing: install it, for example with 'sudo apt-get install python3-venv'" >&2; exit 1; }
	@echo "Installing into .venv"
	@$(PYTHON) -m venv $(V)
	@$(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'
	@touch $@

$(V)/.local: requirements-local.lock $(V)/.uv
	@$(call install,$<)
	@touch $@

$(V)/.run: requirements.lock $(V)/.uv | $(V)/.local
	@$(call install,$<)
	@ln -sf ../../hearth $(V)/bin/hearth
	@touch $@

$(V)/.dev: requirements-dev.lock $(V)/.run
	@$(call install,$<)
	@touch $@

$(B)/.installed: requirements-bench.lock $(V)/.uv
	@$(PYTHON) -m venv $(B)
	@$(call install,$<,$(B)/bin/python)
	@touch $@

# uv is quick; pip, should uv fail, knows the mirrors and proxies that pip.conf names. $(2): into whose packages.
define install
$(PY) -m uv pip install --quiet --python $(or $(2),$(PY)) --require-hashes --requirement $(1) \
	|| $(or $(2),$(PY)) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1)
endef

extract = $(V)/bin/pybabel --quiet extract --mapping-file=pyproject.toml --project=Hearth --add-location=file \
	--sort-by-file --no-wrap --output-file=$(V)/messages.pot auth domain services
update = $(V)/bin/pybabel --quiet update --domain=hearth --input-file=$(V)/messages.pot --output-dir=locales \
	--no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date

define lock
$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(2) $(1).in --output-file $(1).lock
endef
