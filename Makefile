# A short front to CMakePresets.json. Everything is left under build/; what is missing is installed by tools/setup.
.DEFAULT_GOAL := all
.NOTPARALLEL:
.PHONY: help all run machine check asan tsan tidy coverage bench durability faults fairness dedicated fuzz difftest random-programs litmus docs format clean

all: ## build/zvisor
	@tools/setup build >&2
	@tools/build release zvisor >&2
	@ln -sf release/zvisor build/zvisor

run: all ## Debian's kernel and a small Debian root, to a root shell; ARGS are more options of `zvisor run`
	@tools/setup run >&2
	@tools/run-debian $(ARGS)

machine: all ## a machine of four partitions, three Debians and a program that runs alone; ARGS are more options of `zvisor machine start`
	@tools/setup run cross >&2
	@tools/run-machine $(ARGS)

check: ## build and run every test
	@tools/setup build check run
	@tools/build dev
	@tools/test dev

asan tsan: ## the tests under a sanitizer
	@tools/setup build check run clang
	@tools/build $@
	@tools/test $@

tidy: ## clang-tidy over every source
	@tools/setup build check clang
	@tools/build $@

coverage: ## the tests, then build/coverage/index.html
	@tools/setup build check run coverage
	@tools/build $@
	@tools/test $@
	@gcovr --root . --filter src/ --exclude '.*_test\.cpp' --html-details build/coverage/index.html --print-summary build/coverage

bench: ## the benchmarks of bench/
	@tools/setup build check bench
	@tools/build release
	@for bench in build/release/bench_*; do [ ! -x $$bench ] || $$bench || exit 1; done

durability: all ## kill zvisor while a guest writes, and look for what was acknowledged, 200 times or ROUNDS; GUEST=alone is faster
	@tools/setup check run
	@ZVISOR=build/zvisor python3 tests/e2e/durability.py --rounds $(or $(ROUNDS),200) --guest $(or $(GUEST),linux)

faults: all ## kill, silence and starve partitions and firmware of a running machine at random, 1000 times or ROUNDS
	@tools/setup check
	@ZVISOR=build/zvisor python3 tests/e2e/partition_faults.py --rounds $(or $(ROUNDS),1000)

fairness: all ## what partitions get against their weights on this host, 60 seconds a set or SECONDS; SET='weights random-8' chooses
	@tools/setup check cross
	@tools/build dev guests
	@ZVISOR=build/zvisor python3 tests/e2e/fairness.py --seconds $(or $(SECONDS),60) $(if $(SET),--set $(SET))

dedicated: all ## what a dedicated partition loses against zvisor run: PAIRS=6 ROUNDS=8 NEIGHBOURS=0; ITSELF=1 for what is the host's
	@tools/setup check run
	@ZVISOR=build/zvisor python3 tests/e2e/dedicated.py --pairs $(or $(PAIRS),6) --rounds $(or $(ROUNDS),8) --neighbours $(or $(NEIGHBOURS),0) $(if $(ITSELF),--itself)

fuzz: ## one fuzz target for a minute, or SECONDS: make fuzz T=psw
	@tools/setup build check clang
	@tools/build fuzz fuzz_$(or $(T),$(error name a target: make fuzz T=one of $(basename $(notdir $(wildcard tests/fuzz/*.cpp)))))
	@mkdir -p build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)
	@build/fuzz/fuzz_$(T) -max_total_time=$(or $(SECONDS),60) build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

difftest: ## random instructions here and in qemu-s390x, compared: make difftest COUNT=10000000 ROWS='A*' SEED=2
	@tools/setup build check
	@tools/build dev zvisor-difftest
	@build/dev/zvisor-difftest --oracle build/dev/difftest-oracle --count $(or $(COUNT),10000000) --rows '$(or $(ROWS),*)' \
	    --seed $(or $(SEED),1) --jobs $(or $(JOBS),$(shell nproc))

random-programs: ## random programs with both engines, compared, until Ctrl-C: make random-programs SEED=2 COUNT=10000000 JOBS=1
	@tools/setup build check
	@tools/build dev zvisor-random-programs
	@build/dev/zvisor-random-programs --count $(or $(COUNT),0) --seed $(or $(SEED),1) --jobs $(or $(JOBS),$(shell nproc))

litmus: ## what two and four CPUs see of each other's storage accesses: make litmus ITERATIONS=100000000 ENGINE=interpreter
	@tools/setup build check
	@tools/build dev zvisor guests
	@build/dev/zvisor run --kernel build/dev/guest/litmus.elf --cpus 4 --memory 64M --engine $(or $(ENGINE),translator) \
	    --loadparm $$(( $(or $(ITERATIONS),10000000) / 1000 ))

docs: ## check the links of the documentation
	@tools/setup docs
	@tools/check-docs

format: ## clang-format in place
	@tools/setup check
	@tools/format

clean: ## remove everything built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z -]*\):[^#]*## \(.*\)/\1: \2/p' Makefile
