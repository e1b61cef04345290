# Needs Python 3.11 or newer (PYTHON=python3.12 names another), make, and a package index.
PYTHON ?= python3
VENV ?= .venv
SEEDS ?= 1000
PY = $(VENV)/bin/python
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
NO_BROWSER = No Chromium on this machine: the browser tests were NOT run (make test-browser says how).
BUT_BROWSER = $(if $(CHROMIUM),, and not browser)
# Half of the tests. 5: all that ARGS asks for are in the other half. 75: some waited too long (tests/second_look.py).
half = $(PY) -m pytest -p tests.second_look $(1) -m "$(2)$(BUT_BROWSER)" $(ARGS) || case $$? in \
  5) ;; 75) $(PY) -m pytest --last-failed -m "$(2)$(BUT_BROWSER)" $(ARGS) ;; *) exit 1 ;; esac
export CHROMIUM
# A dozen processes start with every stack; each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-browser pictures lint messages load prove bench bench-scale mutants attack fuzz verify-audit simulate lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## Start everything and say where (NODES=5, DB=sqlite, HTTP_PORT=8081, PORTS=free; see .env.example)
	@exec $(PY) -m worker.stack

test: $(VENV)/dev.stamp ## Run all tests, with servers of their own; last and alone those that watch the clock
	@$(call half,-n 3,not alone)
	@$(call half,,alone)
	@$(if $(CHROMIUM),,echo "$(NO_BROWSER)")

test-browser: $(VENV)/dev.stamp ## Run the browser tests alone
	@$(if $(CHROMIUM),:,echo "No Chromium found. Debian, Ubuntu: sudo apt install chromium; else CHROMIUM=/path/to/it"; exit 1)
	@$(PY) -m pytest -m browser $(ARGS)

pictures: $(VENV)/dev.stamp ## Photograph every screen, wide and narrow, light and dark, into var/pictures
	@PICTURES=$${PICTURES:-var/pictures} $(PY) -m pytest tests/browser -k "no_screen_has_a_flaw or no_tab_has_a_flaw" $(ARGS)

lint: $(VENV)/dev.stamp ## Check format, rules, types and the arrows between the layers
	@$(PY) -m ruff format --check . && $(PY) -m ruff check . && $(PY) -m mypy && $(VENV)/bin/lint-imports
	@$(PY) -m tests.dependencies

load: $(VENV)/dev.stamp ## Put load on the running stack and judge what it answered (ARGS="--help")
	@exec $(PY) -m loadtest $(ARGS)

prove: $(VENV)/dev.stamp ## Race for slots on the running stack, with Redis killed and frozen, and judge it (ARGS="--help")
	@exec $(PY) -m loadtest.prove $(ARGS)

bench: $(VENV)/dev.stamp ## Measure the speed beside a Flask hello on a stack of its own (ARGS="--quick --only P3 --compare old.json")
	@exec $(PY) -m loadtest.bench $(ARGS)

bench-scale: $(VENV)/dev.stamp ## Fill 10k, 1M and 10M slots and show how the hot statements fare (a few GB for some minutes; ARGS="--sizes 10000 1000000")
	@exec $(PY) -m loadtest.bench.scale $(ARGS)

mutants: $(VENV)/dev.stamp ## Take the guards away one at a time; for each a named test must fail (ARGS="lost reply")
	@exec $(PY) -m tests.mutants $(ARGS)

attack: $(VENV)/dev.stamp ## Try every row of the attack table on the running stack (ARGS="5 12 --live-only")
	@exec $(PY) -m tests.attack $(ARGS)

fuzz: $(VENV)/dev.stamp ## Send the running stack what its own schema allows and forbids, as each role (ARGS="--cases 500")
	@exec $(PY) -m tests.fuzz $(ARGS)

verify-audit: $(VENV)/run.stamp ## Walk the audit's chains of the running stack: was an entry edited, removed or cut off?
	@exec $(PY) -m worker.stack.inside app.verify_audit

simulate: $(VENV)/dev.stamp ## Run the distributed algorithms through SEEDS=10000 worlds of faults (ARGS="--help")
	@exec $(PY) -m tests.simulation --seeds $(SEEDS) $(ARGS)

messages: $(VENV)/dev.stamp ## Bring the catalogues in app/languages up to date with the texts in the code
	@$(VENV)/bin/pybabel -q extract -F babel.cfg -k said --no-wrap --add-location=file --omit-header -o var/messages.pot app
	@for file in app/languages/catalogues/*.po; do $(VENV)/bin/pybabel -q update -i var/messages.pot -o $$file \
	  -l $$(basename $$file .po) --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date || exit 1; done

lock: $(VENV)/dev.stamp ## Pin the newest allowed versions with their hashes into requirements*.txt
	@for group in requirements requirements-embedded requirements-dev; do $(PY) -m uv pip compile --quiet --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $$group.in -o $$group.txt || exit 1; done

clean: ## Remove the environment, the caches and the demo data in var/
	@rm -rf $(VENV) $(VENV).lock var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/run.stamp: requirements.txt requirements-embedded.txt
	@$(PYTHON) worker/stack/make_venv.py $(VENV) $@ $^

$(VENV)/dev.stamp: requirements.txt requirements-embedded.txt requirements-dev.txt
	@$(PYTHON) worker/stack/make_venv.py $(VENV) $@ $^ && touch $(VENV)/run.stamp
