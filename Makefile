# One static binary: nothing here needs cgo but the race detector.
export CGO_ENABLED = 0

# Go asks git for a version by itself, and fails in a checkout that belongs to somebody else; so it is told.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)

FUZZTIME ?= 20s
EXAMPLE  := examples/penguins/pipeline.yml
TOOLS    := bin/tools/.built

.DEFAULT_GOAL := help
.PHONY: help build run test lint fuzz bench cluster-test fault-test docker-test mlflow-test tables-test ci race clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## compile bin/millrace
	@tools/compile -ldflags '-s -w -X main.version=$(VERSION)' -o bin/millrace ./cmd/millrace

run: build ## run the example pipeline
	bin/millrace run $(EXAMPLE)

# The end-to-end tests build the binary themselves, which the test cache cannot
# see: they always run.
test: build ## run the unit and the end-to-end tests
	go test $$(go list ./... | grep -v '/e2e$$')
	go test -count=1 -timeout 25m ./e2e

lint: $(TOOLS) ## check formatting, style, the stairs and the determinism of workflows
	go vet ./...
	go vet -tags cluster ./e2e/cluster
	GOOS=darwin go vet $$(tools/packages light)
	bin/tools/golangci-lint run --allow-serial-runners ./...
	bin/tools/workflowcheck -config tools/workflowcheck.yml ./workflows/...

# Fuzzing finds what it finds when it finds it: what it found stays as seeds of ordinary tests, and no merge waits for luck.
fuzz: ## run every fuzz target for FUZZTIME (20s) each
	tools/fuzz $(FUZZTIME)

bench: build ## measure what Millrace costs; see docs/benchmarks.md
	go run ./bench

# Clusters are PostgreSQL, the Temporal server on it, an S3 server and workers, a process each: see e2e/cluster. As root
# each has a network of its own.
cluster-test: ## run a cluster on this machine: three workers do what one process does
	tools/postgres
	go test -tags cluster -count=1 -v -timeout 15m -run '^TestCluster' ./e2e/cluster
	go test -tags cluster -count=1 -run '^TestPostgres$$' ./internal/transfer

fault-test: ## kill, cut off and fill up parts of a cluster, FAULTS (20) times while steps of STEP_SECONDS (1) run; needs root
	tools/postgres
	FAULTS=$(FAULTS) SEED=$(SEED) STEP_SECONDS=$(STEP_SECONDS) go test -tags cluster -count=1 -v -timeout 0 -run '^TestFaults$$' ./e2e/cluster

ci: build lint race docker-test ## everything that must pass before a merge
	go test $$(tools/packages heavy)
	go test -count=1 -timeout 25m ./e2e
	home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; MILLRACE_HOME=$$home bin/millrace run $(EXAMPLE)
	$(MAKE) mlflow-test
	$(MAKE) tables-test
	$(MAKE) cluster-test
	$(MAKE) fault-test FAULTS=6 SEED=41

race:
	CGO_ENABLED=1 go test -race $$(tools/packages light)

# The tests that need a Docker Engine have the build tag docker. tools/dockerd starts an engine where none answers; only
# an ordinary user of a machine without one goes without these tests, and is told so.
docker-test: build ## run what needs a Docker Engine, with one of its own if need be
	@status=0; tools/dockerd sh -ec 'tools/dockerimage && go vet -tags docker ./internal/executor/docker ./e2e && \
	  go test -tags docker -count=1 ./internal/executor/docker && go test -tags docker -count=1 -run TestContainers ./e2e' || status=$$?; \
	if [ $$status = 69 ]; then echo "docker-test: NOT RUN, there is no Docker Engine here"; status=0; fi; exit $$status

# The clients come from PyPI once, and stay in bin/mlflow.
mlflow-test: build ## log everything with MLflow's own clients, 2.x and 3.x, and read it back
	tools/mlflow-test

# So do pandas and pyarrow, in bin/tables.
tables-test: ## cut tables of all kinds into mini-batches with pandas
	tools/tables-test

clean: ## delete what was built
	rm -rf bin

$(TOOLS): tools/go.mod tools/go.sum
	@echo "compiling the linters; the first time takes a minute or more"
	@go build -C tools -o ../bin/tools/ tool
	@touch $@
