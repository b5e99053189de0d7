# Thin: each target is a command or two. How things get onto a bare machine is in .ci/.
BIN := .venv/bin
JOBS ?= auto
# -v undoes setup.cfg's -q, so that pytest closes with its full line.
PYTEST := $(BIN)/python -m pytest -v -n $(JOBS) --maxprocesses 4

.PHONY: help demo test check fuzz zoo matrix bench lint format docs peer venv browser peers

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST)

demo: venv browser ## one scenario against the embedded sandbox, in a real browser
	$(BIN)/flowrun scenarios/par_dp.yaml

test: lint browser peers ## everything: linters, all tests, real browser and real peers included
	$(PYTEST)

check: lint ## the quick part: linters, and the tests that need neither browser nor peer
	$(PYTEST) -m "not browser and not peer and not slow"

FILES ?= 4000
fuzz: venv ## the longer search for files that break the parser or check (FILES=4000 for each test: some minutes)
	FLOWRUN_FUZZ=$(FILES) $(PYTEST) tests/test_fuzz.py

ROUNDS ?= 50
zoo: venv browser peers ## every page of tests/zoo 50 times (ROUNDS=50), without one failure
	FLOWRUN_ZOO=$(ROUNDS) $(PYTEST) tests/zoo

matrix: venv ## every row of the refusal pack against every fault, into docs/matrix.csv (some minutes)
	$(BIN)/python tests/pack/make_matrix.py

bench: venv browser ## what flowrun costs, as ratios, beside other tools (benchmarks/README.md)
	@benchmarks/peers/install
	for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv ## let ruff lay out the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: venv ## write docs/reference.md and docs/official-plan.md from the schemas, the code and the pack
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_official_plan.py

CONFIGURATION ?= signed
peer: peers ## oidc-provider on 127.0.0.1:9400, until Ctrl-C (CONFIGURATION=signed, ofm, fapi, open …; PEER_LOG=1 tells refusals)
	PATH="$$(bash .ci/node):$$PATH" node tests/peers/oidc-provider/server.mjs '{"configurations": ["$(CONFIGURATION)"], "port": 9400, "client_jwks": "keys.example/client-public.jwks.json"}'

venv:
	@bash .ci/venv

browser:
	@bash .ci/browser

peers: venv
	@bash .ci/peers >/dev/null
