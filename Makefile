# jwtsunset. `make help` lists the targets; each one's line of help is the comment after its name.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN   ?= bin/jwtsunset
TOOLS := $(CURDIR)/.tools

# What the binary says of itself. All of it comes from the commit and nothing from the machine or the hour, so that two
# builds of one commit are the same bytes. A build without git (the image's) passes these in.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BRANCH   ?= $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
DATE     ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)

INFO    := github.com/prometheus/common/version
LDFLAGS := -s -w -X $(INFO).Version=$(VERSION) -X $(INFO).Revision=$(REVISION) -X $(INFO).Branch=$(BRANCH) \
           -X $(INFO).BuildDate=$(DATE)

# Pinned; raise them together with a look at what they newly find.
GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GOLANGCI    := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

# Knobs: make test PKG=./store, make bench BENCH=Scan, make fuzz-short FUZZTIME=30s
PKG      ?= ./...
BENCH    ?= .
FUZZTIME ?= 5s

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary bin/jwtsunset (the Dockerfile runs the same)
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/jwtsunset

.PHONY: demo
demo: ## Run the demo: a pretend Adobe, a scan, and metrics, with nothing to configure
	go run ./cmd/jwtsunset demo

.PHONY: test
test: vet ## Vet and test everything that needs Go alone
	go test $(PKG)

.PHONY: vet
vet: ## go vet, the tests of `make verify` and `make torture` included
	go vet -tags "verify torture" $(PKG)

.PHONY: race
race: ## The same tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 20m $(PKG)

.PHONY: cover
cover: ## Write coverage.out and print the coverage of each function
	go test -coverprofile=coverage.out $(PKG)
	go tool cover -func=coverage.out

.PHONY: fuzz-short
fuzz-short: ## Run every fuzz target for FUZZTIME (5s)
	scripts/fuzz $(FUZZTIME) $(PKG)

.PHONY: bench
bench: ## Run the benchmarks that match BENCH (all)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PKG)

.PHONY: torture-short
torture-short: verify-tools ## Kill the program and its databases, fail system calls, cut the power, for about six minutes
	PATH="$(TOOLS)/bin:$$PATH" scripts/torture short

.PHONY: torture
torture: verify-tools ## The same for about an hour
	PATH="$(TOOLS)/bin:$$PATH" scripts/torture long

.PHONY: verify
verify: verify-tools ## Test against real outside programs: PostgreSQL, PgBouncer, Prometheus, Adobe's npm clients, openssl, jq
	PATH="$(TOOLS)/bin:$$PATH" go test -tags verify -count=1 -timeout 15m -skip 'TestEveryByte' ./verify/... ./store/... ./audit/...

.PHONY: verify-tools
verify-tools: ## Fetch what `make verify` needs with apt and npm; names what is missing and fails
	scripts/verify-tools $(TOOLS)

.PHONY: lint
lint: $(GOLANGCI) ## Run golangci-lint with .golangci.yml
	$(GOLANGCI) run --timeout 15m ./...

.PHONY: fmt
fmt: $(GOLANGCI) ## Format the code
	$(GOLANGCI) fmt ./...

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## Look for known vulnerabilities; passes with a notice where the database is out of reach
	scripts/vulncheck $(GOVULNCHECK)

.PHONY: docker
docker: ## Build the image jwtsunset:VERSION
	docker build --build-arg VERSION='$(VERSION)' --build-arg REVISION='$(REVISION)' \
	  --build-arg BRANCH='$(BRANCH)' --build-arg DATE='$(DATE)' -t 'jwtsunset:$(VERSION)' .

.PHONY: clean
clean: ## Remove what builds and tests leave behind
	rm -rf bin coverage.out

.PHONY: distclean
distclean: clean ## clean, and the fetched tools as well
	rm -rf $(TOOLS) verify/npm/node_modules

# Tools are built from source by the Go toolchain, checked against the checksum database, and kept by version.
$(GOLANGCI):
	GOBIN='$(@D)' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(GOVULNCHECK):
	GOBIN='$(@D)' go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
