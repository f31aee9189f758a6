# One image for web processes (`portal serve`) and workers (`portal worker`).
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY portal portal
COPY migrations migrations
RUN python -m venv /opt/portal && /opt/portal/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /var/lib/portal portal
COPY --from=build /opt/portal /opt/portal
WORKDIR /srv/portal
COPY piccolo_conf.py ./
COPY portal portal
COPY migrations migrations
COPY templates templates
COPY static static
RUN /opt/portal/bin/python -m compileall -q portal migrations
ENV PATH=/opt/portal/bin:$PATH PYTHONPATH=/srv/portal PORTAL_DATA=/var/lib/portal PYTHONUNBUFFERED=1
USER portal
EXPOSE 8000
# Of the web process; a worker answers nobody, so start it with `--no-healthcheck` (see docs/operations.md, Processes).
HEALTHCHECK --interval=15s --timeout=3s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=2)"
CMD ["portal", "serve", "--host", "0.0.0.0", "--port", "8000"]
