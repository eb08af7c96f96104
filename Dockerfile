# The image of DaemonSet and controller: one binary on a base with the C library, no shell.
#
#   docker build --platform linux/amd64 -t whereabouts:0.1.0 .
#   docker build --platform linux/arm64 -t whereabouts:0.1.0 .
#
# The image of the reconciler's CronJob: Deno, the script, and what it needs.
#
#   docker build --target reconciler -t whereabouts-reconciler:0.1.0 .
#
# The first stage runs on the machine that builds, and compiles for the one that is asked for.
# Deno by version, the base by digest; another one: --build-arg BASE=gcr.io/distroless/cc-debian12@sha256:DIGEST
ARG DENO=2.9.6
ARG BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:471dbca9cad607b9a32c10e9c31fb09ffaeb2d460e0afbff86c27abbc80b1b98

FROM --platform=$BUILDPLATFORM denoland/deno:${DENO} AS build
ARG TARGETARCH=amd64
WORKDIR /src
COPY deno.json deno.lock main.ts mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install/compile.ts ./install/compile.ts
RUN case "$TARGETARCH" in \
      amd64) triple=x86_64-unknown-linux-gnu ;; \
      arm64) triple=aarch64-unknown-linux-gnu ;; \
      *) echo "TARGETARCH is $TARGETARCH: wanted amd64 or arm64" >&2; exit 1 ;; \
    esac && \
    deno run -A install/compile.ts --target "$triple" --output /out/whereabouts

FROM denoland/deno:${DENO} AS reconciler
ENV DENO_DIR=/deno-dir
WORKDIR /whereabouts
COPY deno.json deno.lock mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install/reconcile.ts ./install/reconcile.ts
RUN deno cache --frozen install/reconcile.ts
USER 65532:65532
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "--allow-env", "--allow-net", "--allow-read", "install/reconcile.ts"]

# libc and libgcc_s are all that the binary is linked to: tests/install/image_live_test.ts holds it to that.
FROM ${BASE}
USER 0:0
COPY --from=build /out/whereabouts /usr/bin/whereabouts
ENTRYPOINT ["/usr/bin/whereabouts"]
CMD ["install", "--agent"]
