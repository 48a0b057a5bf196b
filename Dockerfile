# Holdfast in a container: the packed npm package, its production dependencies and the base image's Node 24, nothing else.
#   docker build -t holdfast .
# Pin the base by digest where you need the same bytes again:  --build-arg NODE_IMAGE=node:24-slim@sha256:…
# Another npm registry:  --build-arg npm_config_registry=https://…
ARG NODE_IMAGE=docker.io/library/node:24-slim

# What the lockfile names for production. The package is bundled; these are here for what a holdfast.config.ts imports, such as zod.
FROM ${NODE_IMAGE} AS dependencies
ARG npm_config_registry
WORKDIR /opt/holdfast
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

# The package as `npm pack` would publish it: its list of files decides what ships, so no test, source or secret can.
FROM ${NODE_IMAGE} AS build
ARG npm_config_registry
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No install scripts: the development dependency `node` would fetch a second Node.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build \
 && npm pack --ignore-scripts --silent \
 && tar -xzf holdfast-*.tgz

FROM ${NODE_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="A self-hosted AI agent server: every accepted message is stored, answered exactly once, encrypted and auditable." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=dependencies /opt/holdfast/node_modules /opt/holdfast/node_modules
COPY --from=build /src/package /opt/holdfast/node_modules/holdfast
# /agent is the working folder: holdfast.config.ts goes there, and finds `holdfast` and `zod` by way of /node_modules.
RUN ln -s /opt/holdfast/node_modules /node_modules \
 && ln -s /opt/holdfast/node_modules/holdfast/bin/holdfast.js /usr/local/bin/holdfast \
 && install -d /agent \
 && install -d -o 1000 -g 1000 -m 0700 /var/lib/holdfast
# A published port never reaches loopback inside a container, so it listens on every address, and therefore demands HOLDFAST_ADMIN_KEY.
ENV HOST=0.0.0.0 \
    HOLDFAST_HOME=/var/lib/holdfast \
    NODE_ENV=production
WORKDIR /agent
# `node` of the base image, as a number so that Kubernetes can see that it is not root.
USER 1000:1000
VOLUME /var/lib/holdfast
EXPOSE 8000 3000
# Ready means: takes messages. A model that is down degrades the answers and does not make the container unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["holdfast", "status", "--ready"]
STOPSIGNAL SIGTERM
# The command line replaces itself by the server (execve): the server is process 1 and gets the signals.
ENTRYPOINT ["holdfast"]
CMD ["start", "--foreground"]
