# One image for the web server, the workers and beat; compose.yaml says which is which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=kaireon.settings \
    KAIREON_STATIC_ROOT=/srv/static

WORKDIR /srv/kaireon

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
# Needs settings, but no database and no real key.
RUN SECRET_KEY=build-only python manage.py collectstatic --no-input --verbosity 0

USER nobody
EXPOSE 8000
CMD ["granian", "--interface=wsgi", "--host=0.0.0.0", "--port=8000", "--workers=2", "--blocking-threads=8", \
     "--respawn-failed-workers", "--workers-kill-timeout=10", "--no-ws", "kaireon.wsgi:application"]
