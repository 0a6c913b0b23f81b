# Building, trying, testing and installing stade; 'make help' lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr
DESTDIR ?=
# Where the programs are built: for use from here, self-contained for installing, and for the unit
# tests, which are compiled with access to what is internal. What is tried as a whole are the
# programs for use.
BUILD := .build/release
STATIC := .build/static
TESTING := .build/testing
# What 'make install' installs; built first unless it is given.
PROGRAMS = $(STATIC)/release
# In release, for numerics are slow in debug.
TEST_FLAGS := -c release --scratch-path $(TESTING) --disable-xctest

.PHONY: help demo test fuzz screenshots soak build static format lint models bench install uninstall deb clean prerequisites

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

demo: build ## prune two small models through a daemon of their own and show the result
	@BIN=$(BUILD) etc/demo/run

# The programs tried are those of the tests' tree: the same flags, and one build less.
test: ## run every test, the linter, a short soak; as root also attacks, the whole service, Slurm
	@etc/prerequisites --tests
	@mkdir -p $(TESTING)
	@swift test $(TEST_FLAGS) 2>&1 \
		| tee $(TESTING)/tests.log | etc/summarize-tests
	@$(MAKE) lint
	@etc/run-documents $(TESTING)/release README.md docs/guide.md
	@if [ -x Tests/System/run ]; then Tests/System/run $(TESTING)/release \
		| tee $(TESTING)/system.log; else : >$(TESTING)/system.log; fi
	@Tests/Attacks/run $(TESTING)/release | tee $(TESTING)/attacks.log
	@Tests/Cluster/run $(TESTING)/release | tee $(TESTING)/cluster.log
	@Tests/Soak/kill $(TESTING)/release 15 | tee $(TESTING)/soak.log
	@etc/list-faults Tests/Faults/faults.txt \
		$(TESTING)/tests.log $(TESTING)/system.log $(TESTING)/attacks.log $(TESTING)/cluster.log
	@printf 'make test: %s; lint clean; %s\n' \
		"$$(sed -n 's/.*Test run with \([0-9]* tests*\).*passed.*/\1 passed/p' $(TESTING)/tests.log)" \
		"$$(awk '/^ok / { checks++ } END { print $$0 (checks ? ", " checks " checks" : "") }' \
			$(TESTING)/system.log $(TESTING)/attacks.log $(TESTING)/cluster.log)"

fuzz: build ## spoil files of every kind and give them to the programs; MINUTES=3 SEED=number
	@$(BUILD)/stade-fuzz

screenshots: build ## check the report page in headless Chromium; pictures in .build/screenshots/
	@BIN=$(BUILD) Tests/Reports/screenshots

soak: build ## the long form of the tests of faults, kills and floods: an hour; KILLS=500
	@Tests/Soak/kill $(BUILD) $(or $(KILLS),500)
	@TEST_FLAGS='$(TEST_FLAGS)' Tests/Soak/faults
	@KILLS=30 Tests/Cluster/run $(BUILD)

build: prerequisites ## build staded and stadectl for use from here
	@swift build -c release

static: prerequisites
	@swift build -c release --static-swift-stdlib --scratch-path $(STATIC)

format: ## lay out all Swift sources
	@swift format --in-place --recursive --parallel Sources Tests Benchmarks Package.swift

lint: ## check the layout of the sources and the manifest in the README
	@swift format lint --strict --recursive --parallel Sources Tests Benchmarks Package.swift
	@! LC_ALL=C.UTF-8 grep -rnP --include='*.swift' '^.{101,}' Sources Tests Benchmarks \
		|| { echo 'lines of more than 100 columns' >&2; exit 1; }
	@! grep -rnE --exclude=Journal.swift 'Unsafe(Mutable|Raw|Pointer)|nonisolated\(unsafe\)' \
		$(addprefix Sources/, Transformer Pruning Manifests Pipeline Reports Spool Daemon staded stadectl) \
		|| { echo 'raw pointers where none belong; see CONTRIBUTING.md, Style' >&2; exit 1; }
	@awk '/^```yaml$$/ { inside = 1; next } /^```$$/ && inside { exit } inside' README.md \
		| diff - etc/demo/first.yaml \
		|| { echo 'README.md: its first manifest is not etc/demo/first.yaml' >&2; exit 1; }

models: ## write docs/models.md from the families' values
	@STADE_WRITE_MODELS=1 swift test --filter ModelsDocumentTests

bench: build ## measure, see docs/benchmarks.md; PYTHON=FILE to compare with PyTorch
	@$(BUILD)/stade-bench

# Under sudo there may be no swift: then what 'make static' has built is installed.
install: ## install programs, unit, account, directories, catalog; DESTDIR= and PREFIX=/usr
	@if [ '$(PROGRAMS)' = '$(STATIC)/release' ] && command -v swift >/dev/null; then $(MAKE) static; fi
	@[ -x $(PROGRAMS)/staded ] || { echo "nothing is built; run 'make static' first" >&2; exit 1; }
	@install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)/staded $(PROGRAMS)/stadectl
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system systemd/staded.service
	@sed -i 's|/usr/bin/stade|$(PREFIX)/bin/stade|' \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/staded.service
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d etc/sysusers.d/stade.conf
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/tmpfiles.d etc/tmpfiles.d/stade.conf
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/catalog etc/stade.catalog
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/stade \
		README.md CHANGELOG.md CONTRIBUTING.md LICENSE
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/stade/docs docs/*
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/stade/examples etc/examples/*.yaml systemd/slurm.conf
	@for page in etc/man/*; do install -D -m 0644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} "$$page"; done
	@install -D -m 0644 etc/completions/stadectl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/stadectl
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions etc/completions/_stadectl
	@install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d \
		etc/completions/stadectl.fish
	@[ -e $(DESTDIR)/etc/stade/staded.yaml ] \
		|| install -D -m 0644 -t $(DESTDIR)/etc/stade etc/staded.yaml
	@echo 'Installed below $(DESTDIR)$(PREFIX). On a running system, as root:'
	@echo '  systemd-sysusers && systemd-tmpfiles --create stade.conf && journalctl --update-catalog'
	@echo '  systemctl daemon-reload && systemctl enable --now staded'

uninstall: ## remove what 'make install' installed; configuration, spool and account stay
	@rm -f $(DESTDIR)$(PREFIX)/bin/{staded,stadectl} \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/staded.service \
		$(DESTDIR)$(PREFIX)/lib/{sysusers.d,tmpfiles.d}/stade.conf \
		$(DESTDIR)$(PREFIX)/lib/systemd/catalog/stade.catalog \
		$(DESTDIR)$(PREFIX)/share/man/man{1/stadectl.1,5/stade-manifest.5,8/staded.8} \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/stadectl \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_stadectl \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/stadectl.fish
	@rm -rf $(DESTDIR)$(PREFIX)/share/doc/stade
	@echo 'Removed. What stays: /etc/stade, /var/spool/stade, /srv/stade and the account stade.'

deb: ## a Debian package of what 'make install' installs, in .build/
	@etc/deb/build .build

clean: ## remove what was built
	@rm -rf .build

prerequisites:
	@etc/prerequisites
