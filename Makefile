# `make help` lists the targets. Python 3.11 or newer is needed; with cargo on PATH the core is
# native (Rust), without it pure (Python). KRAKEN_CONNECTOR_BUILD=native or =pure decides instead.
# The environment is made in .venv; `make test VENV=.venv-3.13 PYTHON=python3.13` makes another.

SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BUILD := $(or $(KRAKEN_CONNECTOR_BUILD),auto)
CARGO := $(shell command -v cargo 2>/dev/null)
CORE := $(if $(filter auto,$(BUILD)),$(if $(CARGO),native,pure),$(BUILD))
EXTENSION := python/kraken_connector/_native.*.so

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --no-input --disable-pip-version-check
PYTEST := $(PY) -m pytest --quiet

# An active conda or virtual environment must not leak into ours, and bytecode is kept: compiling
# the tests anew takes each process seven seconds.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
export PYTHON
export PYO3_PYTHON := $(CURDIR)/$(PY)

RUSTDOC := RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
	cargo doc --quiet --locked --no-deps --document-private-items --features python

# How long `make fuzz` and `make soak` go on.
SECONDS ?= 60

say = @printf '\n\033[1m%s\033[0m\n' '$(1)'

# What an installed package goes out of date with. Python sources do not count, they are live.
SOURCES := pyproject.toml Cargo.toml packaging/build_backend.py
ifeq ($(CORE),native)
SOURCES += $(wildcard Cargo.lock) $(shell find rust -name '*.rs') python/kraken_connector/_native.pyi
endif

# One stamp for each set of extras; the larger set serves where the smaller is asked for.
DEV := $(VENV)/.installed-$(CORE)-dev
CLI := $(or $(wildcard $(DEV)),$(VENV)/.installed-$(CORE)-cli)

.PHONY: help install demo test test-all mutations check docs bench fuzz soak wheel clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

demo: $(CLI) ## show verified books from a simulated exchange, no network (ARGS="--seconds 5")
	@$(VENV)/bin/kraken-ws demo $(ARGS)

install: $(DEV) ## install the package and all tools into .venv

# Four processes on two processors too, as tests wait half of the time; ARGS="-n 0" runs all in one.
PARALLEL := -n 4 --dist worksteal

# After a run with the native core, the pure one need not repeat what uses neither or both of them.
define run_tests
$(if $(filter native,$(CORE)),
	$(call say,Rust tests)
	@cargo test --quiet --locked
	$(call say,Python tests with the native core)
	@KRAKEN_CONNECTOR_REQUIRE_NATIVE=1 KRAKEN_CONNECTOR_BACKEND=native $(PYTEST) $(PARALLEL) $(1) $(ARGS)
)
	$(call say,Python tests with the pure core)
	@KRAKEN_CONNECTOR_BACKEND=pure $(PYTEST) $(PARALLEL) $(1) \
		$(if $(filter native,$(CORE)),--backend-only) $(ARGS)
endef

test: $(DEV) ## test every promise on every core that can be built, in about six minutes (ARGS="-k book")
	$(call run_tests,--short)

test-all: $(DEV) ## run the long tests too, in under fifteen minutes: what .ci/run does
	$(call run_tests,)

mutations: $(DEV) ## break the code in small ways, see that tests notice each (ARGS="--only gap")
	@$(PY) -m tests.mutations.run -n 2 $(if $(filter pure,$(CORE)),--core pure) $(ARGS)

check: $(DEV) ## check format, lints, types and stubs
ifeq ($(CORE),native)
	$(call say,rustfmt and clippy and rustdoc)
	@cargo fmt --check
	@cargo clippy --quiet --locked --all-targets -- -D warnings
	@cargo clippy --quiet --locked --all-targets --features python -- -D warnings
	@cargo fmt --check --manifest-path benches/rust/Cargo.toml
	@cargo clippy --quiet --locked --manifest-path benches/rust/Cargo.toml --all-targets -- -D warnings
	@$(RUSTDOC)
	$(call say,stubtest)
	@$(PY) -m mypy.stubtest kraken_connector._native --allowlist packaging/stubtest-allowlist.txt
endif
	$(call say,ruff and mypy)
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

docs: $(DEV) ## run every example of the documents, build the Rust documentation
	@$(PYTEST) tests/docs tests/examples tests/packaging/test_documents.py
ifeq ($(CORE),native)
	@$(RUSTDOC)
endif

bench: $(DEV) ## measure beside other libraries, twenty minutes (ARGS=--quick for five)
ifeq ($(CORE),native)
	$(call say,Rust: each stage alone)
	@cargo bench --quiet --locked --manifest-path benches/rust/Cargo.toml -- --noplot \
		$(findstring --quick,$(ARGS))
	$(call say,The core as pip builds it)
	@cargo build --quiet --release --locked --features python
	$(call say,The core as in the released wheels)
	@$(PY) packaging/profile_guided.py
endif
	$(call say,Both cores beside their peers)
	@export PYTHONPATH=python; python=$$($(PY) benches/peers.py); \
	"$$python" -m benches.compare $(ARGS); "$$python" -m benches.report

fuzz: $(DEV) ## look for crashes, differences of the cores, broken promises (SECONDS=600 for each target)
ifeq ($(CORE),native)
	@$(PY) fuzz/run.py --seconds $(SECONDS)
	@$(PY) fuzz/cores.py --seconds $(SECONDS)
	@$(PY) fuzz/campaigns.py --seconds $(SECONDS)
	@$(PY) fuzz/clients.py --seconds $(SECONDS)
	@KRAKEN_CONNECTOR_BACKEND=pure $(PY) fuzz/clients.py --seconds $(SECONDS)
else
	@echo "fuzzing needs cargo: its targets are the native core's" >&2; exit 1
endif

soak: $(DEV) ## take messages flat out through faults, see that nothing grows (SECONDS=600, MESSAGES=50000000)
	@$(PY) -m tests.soak.run --seconds $(SECONDS) $(if $(MESSAGES),--messages $(MESSAGES))

wheel: $(DEV) ## build the sdist and a wheel from it into dist/
	@$(PY) -m build --outdir dist .

clean: ## remove everything that make made
	@rm -rf $(VENV) .venv-bench dist build target fuzz/target benches/rust/target .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@rm -f $(EXTENSION)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A pure installation over a native one would still import the extension, so that goes.
$(VENV)/.installed-$(CORE)-%: $(SOURCES) | $(VENV)/.made
	@$(PY) packaging/build_backend.py
	@rm -f $(VENV)/.installed-* $(if $(filter pure,$(CORE)),$(EXTENSION))
	@echo "kraken-connector: $(if $(filter native,$(CORE)),compiling it and )installing it from PyPI's packages takes about a minute"
	@$(PY) packaging/progress.py $(PIP) install --verbose --editable '.[$*]'
	@touch $@

$(VENV)/.made:
	@packaging/make-venv $(VENV)
	@touch $@
