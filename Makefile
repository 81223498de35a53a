# Every command of the project; `make` alone lists them. Only Node 20, npm and make have to be there: the Node that
# runs everything (26) is a locked dependency and is installed like the rest.
# Anything longer than a line or two is TypeScript in tools/.

BIN     := node_modules/.bin
NODE    := $(BIN)/node
CONDUIT := apps/conduit/src/main.ts

.DEFAULT_GOAL := help
.PHONY: help install run start stop seed web wui screens test test-cluster stress protocol soak release check lint format format-check types bench bench-databases conformance fuzz build build-debug bench-trace bench-slow db-reset clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-17s%s\n", $$1, $$2 }'

# npm writes this file last, and `npm ci` begins by taking it away: it is there exactly when an install is complete.
node_modules/.package-lock.json: package-lock.json
	npm ci --include=dev --no-audit --no-fund --loglevel=error
	@touch $@

install: node_modules/.package-lock.json ## install what package-lock.json names (every command does it when needed)
	@test -x $(NODE) || { echo 'Cannot find "$(NODE)": npm ran without install scripts. Run: npm rebuild node --ignore-scripts=false' >&2; exit 1; }

bench/bun/node_modules/.package-lock.json: bench/bun/package-lock.json
	npm ci --prefix bench/bun --no-audit --no-fund --loglevel=error
	@touch $@

run: install ## run Conduit here, until Ctrl-C, with its web UI, which is built when needed; HOST PORT DATABASE_URL JWT_SECRET LOG_LEVEL WORKERS from the environment or as PORT=9000; TRACE=1 for the trace build
	@$(NODE) tools/web-build.ts --if-needed
	@exec $(NODE) $(if $(TRACE),--conditions=lunet-trace) $(CONDUIT)

start: install ## run Conduit in the background
	@$(NODE) tools/web-build.ts --if-needed
	@$(NODE) tools/background.ts start $(CONDUIT)

stop: install ## stop what `make start` started
	@$(NODE) tools/background.ts stop

web: install ## build the web UI into apps/conduit-web/dist/, compressed; `make run` does it when it is not built or a source is newer
	@$(NODE) tools/web-build.ts

wui: install ## serve the web UI from its sources, until Ctrl-C, with the API of a `make run`; API_URL=http://127.0.0.1:9000 is another one
	@exec $(NODE) tools/web-dev.ts

seed: install ## fill the database of DATABASE_URL with a demo; SEED=2 for another one, ARTICLES=5000, ADD=1 where there are articles
	@exec $(NODE) apps/conduit/src/seed.ts

screens: install ## pictures of every page of the web UI, light, dark and on a phone, in .tmp/screenshots/, and what axe finds in them
	@$(NODE) tools/test.ts apps/conduit-web/test/screens

test: install ## run every test in both builds; T="packages/lunet/src/co" runs those below a path
	@$(NODE) tools/test.ts $(T)

test-cluster: install ## failover on a MariaDB Galera cluster and a PostgreSQL with a standby, started here; T="galera" runs a part
	@$(NODE) tools/test.ts --cluster $(T)

stress: install ## many coroutines at random in the trace build, and the balance at the end; STRESS_SEED STRESS_WORKERS STRESS_OPS STRESS_LIMIT_S
	@$(NODE) tools/stress.ts

protocol: install ## trace build, stress, traced Conduit under API test, ab and a mixed load, balance; PROTOCOL_SECONDS=600 judges memory too
	@$(NODE) tools/protocol.ts

soak: install ## a traced server with everything that lunet/http does under a mixed load; SOAK_SECONDS=3600 for an hour, SOAK_SEED
	@$(NODE) tools/soak/main.ts

release: ## lint, test, stress, protocol, build: what must hold before a release; stops at the first failure
	@for step in lint test stress protocol build; do \
	  echo "== $$step"; \
	  $(MAKE) --no-print-directory $$step || { echo "release: $$step failed" >&2; exit 1; }; \
	done

check: install ## format, lint, import directions, types and tests: all that must hold before a commit
	@$(NODE) tools/check.ts

lint: install ## lint and import directions
	@$(NODE) tools/check.ts lint imports

types: install ## check the types
	@$(NODE) tools/check.ts types

format: install ## format every file in place
	@PATH="$(CURDIR)/$(BIN):$$PATH" oxfmt

format-check: install ## check the format, change nothing
	@$(NODE) tools/check.ts format

conformance: install ## run the table of HTTP/1.1's requirements against Lunet and node:http; WRITE=1 writes it into docs/
	@$(NODE) test/conformance/http/publish.ts $(if $(WRITE),--write)

fuzz: install ## run the fuzzers of the HTTP server; FUZZ_SEED and FUZZ_COUNT from the environment; T="server" runs that one
	@$(NODE) test/fuzz/run.ts $(T)

build: install ## build the package lunet, release and trace, into packages/lunet/dist/
	@$(NODE) tools/build.ts

build-debug: install ## build the trace part of the package alone
	@$(NODE) tools/build.ts --trace-only

bench: install bench/bun/node_modules/.package-lock.json ## measure against other servers, and the databases against their drivers; BENCH_ONLY=hello,typed,list,idle picks servers; WRITE=1
	@$(NODE) bench/main.ts $(if $(WRITE),--write)
	@$(if $(BENCH_ONLY),,$(NODE) bench/databases.ts $(if $(WRITE),--write))

bench-databases: install ## the part of `make bench` with the databases alone; WRITE=1 writes the figures into docs/
	@$(NODE) bench/databases.ts $(if $(WRITE),--write)

bench-trace: install ## measure what the trace build costs, and that the release build pays nothing for it
	@$(NODE) bench/trace-cost.ts

bench-slow: install ## slow, idle, greedy and too many clients against a server, with verdicts; T="idle" runs a part
	@$(NODE) bench/slow-clients.ts $(T)

db-reset: install ## empty the database of DATABASE_URL: a file is moved to .tmp/YYYYMMDD_HHMMSS/, of a server's a dump is kept there
	@$(NODE) tools/db-reset.ts

clean: install ## move what was built to .tmp/YYYYMMDD_HHMMSS/; DATA=1 moves data/ too; nothing is deleted
	@$(NODE) tools/clean.ts $(if $(DATA),--data)
