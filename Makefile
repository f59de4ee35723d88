# One line per target; the work is in xtask (`cargo xtask` lists its commands).
.PHONY: run test check bench e2e sbom
MODEL ?=
ARGS ?=

run: ## the gate in front of the demo provider, or of a real model with MODEL=smollm2
	@$(if $(MODEL),cargo xtask run --model $(MODEL) $(ARGS),cargo run --release --bin portcullis -- demo $(ARGS))

test: ## everything that can fail
	@cargo xtask test

check: ## format, lints, rules of the house, licences, advisories, secrets, documentation
	@cargo xtask check

bench: ## CPU per request against nginx, in one run
	@cargo xtask bench

e2e: ## the official SDKs, the admin API and the real model alone
	@cargo xtask e2e

sbom: ## what the program is made of, as CycloneDX, in target/sbom
	@cargo xtask sbom
