# One image for every program: `docker run frostway api`, `… ingest`, `… tracker`, `… migrate`.
# The base is the Python version the lock files were resolved with.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

# -- what it is built with: the pages need Node.js, which comes as a Python package pinned in build.lock
FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/build.lock requirements/run.lock requirements/
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --quiet --require-hashes -r requirements/build.lock
RUN python3 -m venv /opt/frostway \
    && /opt/frostway/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/run.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY api api
COPY domain domain
COPY firmware_sim firmware_sim
COPY frostway frostway
COPY ingest ingest
COPY operations operations
COPY planning planning
COPY serving serving
COPY store store
COPY tracker tracker
RUN PATH=/opt/build/bin:$PATH /opt/build/bin/python -m hatchling build --target wheel --directory /tmp/wheel \
    && /opt/frostway/bin/pip install --quiet --no-deps --no-index /tmp/wheel/*.whl \
    && /opt/frostway/bin/pip uninstall --quiet --yes pip

# -- what runs: no build tools, no shell tricks, a user without a password, nothing to write to outside /tmp
FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 frostway \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin frostway \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/frostway /var/tmp/frostway
COPY --from=build /opt/frostway /opt/frostway
COPY docker/entrypoint.sh docker/health.py docker/stack.py /opt/frostway/docker/
COPY docker/mosquitto /opt/frostway/docker/mosquitto
ENV PATH=/opt/frostway/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    FROSTWAY_HTTP_HOST=0.0.0.0 FROSTWAY_HTTP_PORT=8080
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "/opt/frostway/docker/health.py"]
ENTRYPOINT ["/opt/frostway/docker/entrypoint.sh"]
CMD ["api"]
