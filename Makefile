# What a newcomer types. `make help` lists the targets.

SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
INSTALLED := .venv/.installed .venv-is-here
# The tests make and remove tens of thousands of small files: in memory where two gigabytes of it may hold them.
IN_MEMORY = $(shell grep -s ' /dev/shm ' /proc/mounts | grep -qv noexec && \
	[ "$$(df --output=avail --block-size=1G /dev/shm | tail -1)" -ge 2 ] && echo /dev/shm)
# A variable for the shell as it was typed: neither make nor the shell expands a $$ in it.
as_typed = '$(subst ','\'',$(value $(1)))'
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: .venv-is-here help install repro experiments test new look apply book serve serve-model promote

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## make .venv and install the pinned requirements

.venv/.installed: requirements.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed (found: $(or $(PYTHON),none)). Name one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@echo "Installing the requirements into .venv (once; a few minutes)"
	@"$(PYTHON)" -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.txt
	@.venv/bin/python -m compileall -qq -j 0 -x '/tests/' .venv/lib || true  # pip uses one core; templates fail
	@touch $@

# The programs in .venv name its folder. In a repository that was moved they would be missing, and in a copy those of the
# original would run.
.venv-is-here: .venv/.installed
	@former=$$(test -L .venv || sed -n 's/^command = .* -m venv [^/]*//p' .venv/pyvenv.cfg); \
	if [ -n "$$former" ] && [ "$$former" != "$(CURDIR)/.venv" ]; then \
		grep -rlIF "$$former" .venv/bin .venv/pyvenv.cfg | while read -r file; do \
			sed -i.former "s|$$former|$(CURDIR)/.venv|g" "$$file" && rm "$$file.former"; \
		done; \
	fi

repro: $(INSTALLED) ## run the workflow for the problems in params.yaml, as far as something has changed
	@python -m flows.warm_dvc repro
	@python -m tasks.summary

experiments: $(INSTALLED) ## compare DVC's experiments: what each changed, and what it scored
	@python -m tasks.experiments

# Where a busy machine starts mypy's workers late it ends with 2; it needs none.
test: $(INSTALLED) ## check formatting, lint and types, and run the tests
	ruff format --check
	ruff check
	mypy || { [ $$? -eq 2 ] && mypy --num-workers=0; }
	TMPDIR="$${TMPDIR:-$(IN_MEMORY)}" pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

new: $(INSTALLED) ## write a first problem file: make new name=churn csv=path/to.csv target=left
	@python -m tasks.new --name $(call as_typed,name) --csv $(call as_typed,csv) --target $(call as_typed,target)

look: $(INSTALLED) ## show the columns as the workflow reads them, and what is wrong with them: make look name=churn
	@python -m tasks.look $(call as_typed,name)

apply: $(INSTALLED) ## bring a run with settings of its own home, its problem's files alone: make apply run=wine-1a2b3c4d
	@python -m flows.apply "$(run)"

book: $(INSTALLED) ## run the book's worked examples; some only: make book options="--only imdb reuters"
	@python -m benchmarks.book $(options)

serve: $(INSTALLED) ## run and compare in a browser; other ports: make serve options="--prefect-port 4201"
	@exec python -m flows.serve $(options)

serve-model: $(INSTALLED) ## answer HTTP with a champion: make serve-model problem=wine options="--port 5002"
	@exec python -m flows.serve_model "$(problem)" $(options)

promote: $(INSTALLED) ## make a version the champion: make promote problem=wine version=3 reason="why this one"
	@python -m flows.promote "$(problem)" "$(version)" --reason "$(reason)"
