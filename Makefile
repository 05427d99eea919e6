# `make` lists the targets.
help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

check: ## everything CI runs
	bash .ci/run

test: ## the tests, as the README says
	go test ./...

race: ## the race detector on all packages
	go test -race ./...

bugs: ## every deliberate bug against random plans
	go run . bugs

bench: ## the numbers of DESIGN.md
	bash scripts/bench

.PHONY: help check test race bugs bench
