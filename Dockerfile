# One image for every service of docker-compose.yml except PostgreSQL: docs/how-to/run-with-docker.md
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# For a package index of one's own. They stay in this stage; unset means pip's defaults.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /opt/par
COPY requirements.txt ./
# Wheels only: nothing is compiled, and no build backend is fetched past the lock. Byte-compiling halves every start.
RUN /opt/venv/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: --no-compile -r requirements.txt \
 && (/opt/venv/bin/python -m compileall -qq -j 0 /opt/venv/lib || true)
COPY pyproject.toml ./
COPY include include
COPY dags dags
COPY dbt_project dbt_project
COPY expectations expectations
# Editable, because the package finds dags/, dbt_project/ and expectations/ beside itself. Readable whatever the umask
# of the checkout was.
RUN /opt/venv/bin/pip install --quiet --no-deps --no-build-isolation --no-index --no-compile --editable . \
 && /opt/venv/bin/python -m compileall -qq include dags \
 && chmod -R a+rX .

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin par \
 && install -d -o par -g par -m 0700 /data /logs /mail /run/par /run/par/secrets /run/par/person-key
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/par /opt/par
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    GX_ANALYTICS_ENABLED=false \
    PAR_DATA_DIR=/data \
    AIRFLOW_HOME=/home/par/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/par/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS=False \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/logs \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
USER par
WORKDIR /opt/par
