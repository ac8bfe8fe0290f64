# Every target says in one line what it is for; `make help` prints them.
GO   ?= go
TEST  = $(GO) run ./internal/pgtest/run --
# The race detector needs a C compiler; a bare machine has none and tests without.
RACE := $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / — /'

build: ## the binary, in bin/
	$(GO) build -trimpath -o bin/caldicott ./cmd/caldicott

run: build ## everything on this machine: embedded PostgreSQL in ./data, demonstration people, API on 127.0.0.1:8080
	bin/caldicott serve --demonstration deploy/demonstration.json

test: ## every test, on a throw-away PostgreSQL that is brought along; under the race detector where gcc is
	$(TEST) $(GO) test $(RACE) -shuffle=on ./...

rehearse: build ## replay every written case
	bin/caldicott rehearse testdata/scenarios.json testdata/rehearsals/*.json

endure: ## a hundred SIGKILLs on three replicas at work: nothing acknowledged is lost, every notice arrives (under three minutes)
	$(GO) run ./internal/endure -kills 100 -replicas 3

bench: ## the goals of the trail, each beside its reference (about a quarter of an hour; docs/performance.md says what the figures mean)
	$(GO) test -run '^$$' -bench . -benchtime 1x ./internal/merkle
	$(TEST) $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m -p 1 ./internal/notarydb ./internal/auditdb ./internal/casework
	$(GO) test -run '^$$' -bench . -benchtime 3x ./internal/logdir
	$(TEST) $(GO) test -run '^$$' -bench 'Export|Million' -benchtime 1x -timeout 30m -p 1 ./internal/rest
	$(TEST) $(GO) test -run '^$$' -bench Controls -benchtime 1x -timeout 30m ./internal/controls -controls.entries 1000000
	CALDICOTT_LEADERS=1000 CALDICOTT_RACE_COMMITS=50000 $(TEST) $(GO) test -count 1 -v -timeout 30m -run 'Race|Leaders|Killed' ./internal/notarydb

generate: ## what is made from other files: vocabulary, contract enums, roles, workflow, settings
	$(GO) generate ./...

lint: ## formatting, vet, house rules; the contract's own lint runs with the tests
	@test -z "$$(gofmt -l cmd internal api *.go)" || { gofmt -l cmd internal api *.go; echo 'gofmt would change these'; exit 1; }
	$(GO) vet ./...
	@if grep -rnE 'NamedExec|PrepareNamed|run\.write' --include=*.go internal/postgres >/dev/null && grep -rnE '[^:]::[a-z]' --include=*.go internal/postgres | grep -v _test.go; then echo 'write CAST(… AS …): :: breaks named queries'; exit 1; fi
	sh .ci/contract-lint

check: lint test ## what CI runs: lint, every test, nothing generated left behind, go.mod tidy
	$(GO) mod tidy -diff
	sh .ci/clean

.PHONY: help build run test rehearse endure bench generate lint check
