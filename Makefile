# One line per target; the work is in xtask (`cargo xtask` lists its commands).
.PHONY: run test check bench profile e2e sbom
MODEL ?=
ARGS ?=

run: ## the gate in front of the demo provider, or of a real model with MODEL=smollm2
	@$(if $(MODEL),cargo xtask run --model $(MODEL) $(ARGS),cargo run --release --bin portcullis -- demo $(ARGS))

test: ## everything that can fail
	@cargo xtask test

check: ## format, lints, rules of the house, licences, advisories, secrets, documentation
	@cargo xtask check

bench: ## what a call costs beside nginx and the floor of the stack (docs/performance.md)
	@cargo xtask bench

profile: ## instructions of a request, counted by callgrind; ARGS=--check compares them
	@cargo xtask profile $(ARGS)

e2e: ## the official SDKs, the admin API and the real model alone
	@cargo xtask e2e

sbom: ## what the program is made of, as CycloneDX, in target/sbom
	@cargo xtask sbom
