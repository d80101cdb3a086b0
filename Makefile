# deploy_constants: see `make help`.

GO       ?= go
# The count of inputs that each fuzz target tries in `make fuzz`.
FUZZTIME ?= 20000x

.PHONY: help build demo demo-slurm test test-slurm lint fuzz bench clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the static binary bin/deploy_constants
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/deploy_constants ./cmd/deploy_constants

demo: build ## make a demo facility in a temporary folder and run the main job on it
	$(GO) run ./internal/demo -program bin/deploy_constants

demo-slurm: build ## the same facility swept as job arrays, on a Slurm cluster started on this machine
	$(GO) run ./internal/demo -program bin/deploy_constants -slurm

test: ## run all tests with the race detector; SHARED=required fails on any skip
	$(GO) vet ./...
	$(GO) test -race -shuffle=on -timeout 15m -json ./... | $(GO) run ./internal/testreport

test-slurm: ## start a real Slurm cluster on loopback and run the end-to-end tests of jobs on it
	SLURM_TEST=full SHARED=required $(GO) test -race -count=1 -parallel 4 -timeout 20m -run TestReal -json ./internal/slurmtest | \
		$(GO) run ./internal/testreport

lint: ## formatting, vet, staticcheck, module tidiness
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=internal/devtools/go.mod staticcheck ./...
	$(GO) mod tidy -diff

fuzz: ## try FUZZTIME inputs on every fuzz target
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -h -o --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -d' ' -f2 | sort -u); do \
			echo "fuzz $$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$dir; \
		done; \
	done

bench: build ## measure speed and memory; ratios compare with bare system calls in the same run
	$(GO) test -run '^$$' -bench . -benchmem ./...

clean: ## remove what was built
	rm -rf bin
