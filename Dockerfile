# syntax=docker/dockerfile:1

# GraphiQL is built with the same Node from PyPI as in a checkout, and only its pages go on.
FROM python:3.11-slim-bookworm AS graphiql
WORKDIR /build
COPY requirements-local.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-local.lock
COPY graphiql graphiql
RUN python graphiql/build.py

FROM python:3.11-slim-bookworm AS packages
COPY requirements.lock ./
RUN python -m venv /opt/hearth \
    && /opt/hearth/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && /opt/hearth/bin/pip uninstall --yes --quiet pip setuptools

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hearth
COPY --from=packages /opt/hearth /opt/hearth
WORKDIR /app
COPY . .
COPY --from=graphiql /build/graphiql/dist graphiql/dist
# The account below may not write here, so Python's compiled files are made now.
RUN /opt/hearth/bin/python -m compileall -q . /opt/hearth/lib
USER hearth

ENV HEARTH_PYTHON=/opt/hearth/bin/python \
    HEARTH_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD \
    ["/opt/hearth/bin/python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + (os.environ.get('PORT') or '8000') + '/readyz', timeout=4)"]

ENTRYPOINT ["/app/hearth"]
CMD ["serve"]
