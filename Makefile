# `make run` and `make test` need Python 3.11 (or newer) with pip, and make. All else comes from the locked requirements.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py

# Checks that read the code alone get addresses that lead nowhere: a check that wanted a database would fail at once.
# The key is long enough for `check --deploy`, and used for nothing else.
OFFLINE := DEBUG=0 DATABASE_URL='postgresql://kaireon@/kaireon?host=/nonexistent' REDIS_URL=redis://127.0.0.1:1/0 \
	SECRET_KEY=checks-only-0Vb3mQ9xZk7Lr2Tn8Ws4Yd6Hf1Gj5Pc-Ua_EiBu9Ox3Rq \
	KAIREON_SECRETS_KEYS=Y2hlY2tzLW9ubHktMFZiM21ROXhaazdMcjJUbjhXczQ=

# What an installation behind a proxy has on top; its keys are its own, which the check wants to see.
DEPLOYED = KAIREON_BEHIND_PROXY=1 KAIREON_ALLOWED_HOSTS=kaireon.example.com \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	KAIREON_SECRETS_KEYS="$$($(BIN)/python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
	KAIREON_AUDIT_KEYS="$$($(BIN)/python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')"

.DEFAULT_GOAL := help
.PHONY: help run test test-all check static-checks format lock openapi screenshots bench drill audit-packages clean

help:
	@echo 'make run      start Kaireon on 127.0.0.1:$${PORT:-8000} (PostgreSQL and Redis included); Ctrl-C stops it'
	@echo 'make test     the quick tests'
	@echo 'make check    all that CI checks: format, lint, types, imports, migrations, OpenAPI, deployment, all tests'
	@echo 'make format   format the code and mend what ruff can mend'
	@echo 'make openapi  write docs/openapi.yaml from the code'
	@echo 'make screenshots  take the pictures of docs/studio.md from a running demo (needs Chromium)'
	@echo 'make bench    measure how fast it is, beside other ways to do the same; docs/performance.md tells what'
	@echo 'make drill    break things under load and count what is lost or done twice; ONE=worker_killed takes one drill'
	@echo 'make audit-packages  ask a public service whether the locked packages have known vulnerabilities'
	@echo 'make lock     compile requirements*.in into the locked requirements*.txt'
	@echo 'make clean    remove .venv and what checks left; the data in .kaireon stays'

run: $(VENV)/.installed
	@$(BIN)/python -m kaireon.launch

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -m 'not slow and not benchmark'

# The order of tests and what hypothesis tries come from the commit: others for each, and the same wherever it is checked.
test-all: $(VENV)/.installed-dev
	@seed=$$(printf '%d' "0x$$(git rev-parse --short=7 HEAD 2>/dev/null || echo 0)") && \
		$(BIN)/python -m pytest -m 'not benchmark' --randomly-seed="$$seed" --hypothesis-seed="$$seed"

# The tests come last: what is cheap to find is found first.
check: static-checks
	@$(MAKE) --no-print-directory test-all

static-checks: $(VENV)/.installed-dev
	@mkdir -p .build
	@echo 'format'     && $(BIN)/ruff format --quiet --check . || { echo 'Not formatted: run make format.' >&2; exit 1; }
	@echo 'lint'       && $(BIN)/ruff check --quiet .
	@echo 'types'      && $(OFFLINE) $(BIN)/mypy --no-error-summary
	@echo 'imports'    && { $(BIN)/lint-imports >.build/imports.txt 2>&1 || { cat .build/imports.txt; exit 1; }; }
	@echo 'migrations' && $(OFFLINE) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo 'openapi'    && $(OFFLINE) $(MANAGE) spectacular --validate --fail-on-warn --file .build/openapi.yaml
	@diff -u docs/openapi.yaml .build/openapi.yaml || { echo 'docs/openapi.yaml is out of date: run make openapi.' >&2; exit 1; }
	@echo 'deployment' && $(OFFLINE) $(DEPLOYED) $(MANAGE) check --deploy --fail-level WARNING

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

openapi: $(VENV)/.installed-dev
	@$(OFFLINE) $(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

screenshots: $(VENV)/.installed-dev
	@$(BIN)/python docs/screenshots/make.py

# All figures go into .build/benchmarks.json, or where BENCH_JSON says; docs/performance.md has the other variables.
bench: $(VENV)/.installed-bench
	@KAIREON_LOG_LEVEL=WARNING $(BIN)/python -m pytest -m benchmark --timeout=0 -p no:randomly -s tests/benchmarks

# ONE= takes one drill (or several, joined by commas), EVENTS= sends fewer events; docs/drills.md has the names.
drill: $(VENV)/.installed-dev
	@ONE='$(ONE)' EVENTS='$(EVENTS)' $(BIN)/python -m tests.drill

# Needs the network. A service that can't be reached is no clean bill of health: it exits with 2 and says so.
audit-packages: $(VENV)/.installed-dev
	@mkdir -p .build && rm -f .build/audit.json
	@$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner=off --timeout=20 --format=json \
		--output=.build/audit.json --requirement requirements-dev.txt >.build/audit.txt 2>&1; status=$$?; \
	if [ ! -s .build/audit.json ]; then \
		tail -n 1 .build/audit.txt >&2; \
		echo 'The packages were NOT audited: the vulnerability service did not answer. .build/audit.txt has the details.' >&2; \
		exit 2; \
	elif [ "$$status" -ne 0 ]; then \
		cat .build/audit.txt .build/audit.json >&2; echo >&2; exit 1; \
	else \
		echo 'No known vulnerabilities in the locked packages.'; \
	fi

# --no-emit-index-url and the fixed header keep every registry's address out of the files.
UV_COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock'

lock: $(VENV)/.installed-dev
	@$(UV_COMPILE) requirements.in --output-file requirements.txt
	@$(UV_COMPILE) requirements.in requirements-dev.in --constraints requirements.txt --output-file requirements-dev.txt
	@$(UV_COMPILE) requirements-bench.in --constraints requirements-dev.txt --output-file requirements-bench.txt

clean:
	@rm -rf $(VENV) .build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
# --- the virtualenv -------------------------------------------------------------------------------------------------
# The stamps are older than a changed lock, and than nothing else: a second start installs nothing.

$(VENV)/.installed: requirements.txt | $(VENV)/.created
	@echo 'Installing the locked packages into $(VENV)'
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# requirements-dev.txt holds all of requirements.txt, in the same versions.
$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(VENV)/.created
	@echo 'Installing the locked packages and the tools for checks into $(VENV)'
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $(VENV)/.installed $@

$(VENV)/.installed-bench: requirements-bench.txt $(VENV)/.installed-dev
	@echo 'Installing what benchmarks compare with into $(VENV)'
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

$(VENV)/.created:
	@for candidate in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Kaireon needs Python 3.11 or newer; found $$(python3 --version 2>/dev/null || echo none). Name one: make PYTHON=/path/to/python3.11 …" >&2; exit 1; \
	fi; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$$("$$python" --version) can't make virtualenvs: install its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }; \
	"$$python" -m venv --clear $(VENV)
	@touch $@
