# The project's commands; each works on a new machine with Rust.

CARGO ?= cargo
# For instance --locked.
CARGOFLAGS ?=

.PHONY: demo test test-coverage test-hlsl test-windows test-drivers test-slurm test-kubernetes lint bench bench-peers vulkan browser

# Trains an undefended and a defended model on synthetic data and attacks both.
demo: vulkan
	$(CARGO) run --release $(CARGOFLAGS) -- demo

# Every test, documentation examples included.
test: vulkan browser
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --release $(CARGOFLAGS); \
	else \
		$(CARGO) test --release $(CARGOFLAGS) --lib --bins --tests; \
	fi
	$(CARGO) test --release $(CARGOFLAGS) --doc

# How often intervals cover and accidents accuse, in tables; fails below the bounds. Minutes, and not in CI.
test-coverage:
	$(CARGO) test --release $(CARGOFLAGS) --test coverage -- --ignored --nocapture --test-threads 1

# Every portable shader compiled by Microsoft's DXC and FXC, in a table; installs them and wine. Not part of `make test`.
test-hlsl:
	sh scripts/hlsl.sh
	$(CARGO) test $(CARGOFLAGS) --test hlsl -- --ignored --nocapture

# The Windows program under wine: every kernel through Vulkan, and through DX12 with FXC. Not part of `make test`.
test-windows: vulkan
	CARGO=$(CARGO) CARGOFLAGS=$(CARGOFLAGS) sh scripts/windows.sh target/windows

# Every kernel, and the demo, on each software driver and under Khronos' validation, in a table. Not part of `make test`.
test-drivers: vulkan
	$(CARGO) build --release $(CARGOFLAGS)
	sh scripts/drivers.sh $(or $(CARGO_TARGET_DIR),target)/release/veilgrad target/drivers

# Parts of an audit on a real Slurm of two nodes on this machine, as root; installs it. Not part of `make test`.
test-slurm: vulkan
	$(CARGO) build --release $(CARGOFLAGS)
	sh scripts/slurm/test.sh $(or $(CARGO_TARGET_DIR),target)/release/veilgrad target/slurm

# The manifest by Kubernetes' schemas; installs kubernetes-validate from PyPI into target/. Not part of `make test`.
test-kubernetes:
	python3 -m venv target/kubernetes
	target/kubernetes/bin/pip install --quiet kubernetes-validate
	target/kubernetes/bin/kubernetes-validate --strict scripts/kubernetes/job.yaml

# Formatting, compiler, clippy and documentation: a warning is an error.
lint:
	$(CARGO) fmt --check
	$(CARGO) clippy $(CARGOFLAGS) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(CARGOFLAGS) --no-deps

bench: vulkan
	$(CARGO) bench $(CARGOFLAGS)

# Installs Mesa's software driver where a Linux machine has no Vulkan driver.
vulkan:
	@sh scripts/vulkan.sh

# Installs Chromium where there is no browser for the tests to look at a report in.
browser:
	@sh scripts/browser.sh

# Measures veilgrad and PyTorch, burn and meganeura (installed into target/peers: 5 GB, many minutes) in turn.
bench-peers: vulkan
	$(CARGO) build --release $(CARGOFLAGS)
	sh scripts/bench_peers.sh
