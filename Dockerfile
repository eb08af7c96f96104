# The image of DaemonSet and controller: one binary on a base with the C library, no shell.
#
#   docker build --platform linux/amd64 -t whereabouts:0.1.0 .
#   docker build --platform linux/arm64 -t whereabouts:0.1.0 .
#
# The image of the reconciler's CronJob: Deno, the script and its dependencies.
#
#   docker build --target reconciler -t whereabouts-reconciler:0.1.0 .
#
# The first stage runs on the platform of the build machine, and compiles for the target platform.
#
# A release requires digests, since a tag can move:
#
#   docker build --build-arg RELEASE=true --build-arg DENO_IMAGE=denoland/deno:2.9.6@sha256:DIGEST \
#     --build-arg BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:DIGEST --build-arg RUNTIME_SHA256=SHA256 .
ARG DENO_IMAGE=denoland/deno:2.9.6
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS build
ARG TARGETARCH=amd64
ARG RELEASE=false
ARG DENO_IMAGE
ARG BASE
ARG RUNTIME_SHA256=
ARG VERSION=
ARG REVISION=
WORKDIR /src
COPY deno.json deno.lock main.ts mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install ./install
RUN case "$TARGETARCH" in \
      amd64) triple=x86_64-unknown-linux-gnu ;; \
      arm64) triple=aarch64-unknown-linux-gnu ;; \
      *) echo "TARGETARCH is $TARGETARCH: expected amd64 or arm64" >&2; exit 1 ;; \
    esac && \
    set -- --target "$triple" --output /out/whereabouts --version "$VERSION" --revision "$REVISION" && \
    if [ "$RELEASE" = true ]; then \
      set -- "$@" --release --runtime-sha256 "$RUNTIME_SHA256" --image "$DENO_IMAGE" --image "$BASE"; \
    fi && \
    deno run -A install/compile.ts "$@"

FROM ${DENO_IMAGE} AS reconciler
ENV DENO_DIR=/deno-dir
WORKDIR /whereabouts
COPY deno.json deno.lock mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install/reconcile.ts ./install/reconcile.ts
RUN deno cache --frozen install/reconcile.ts
USER 65532:65532
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "--allow-env", "--allow-net", "--allow-read", "install/reconcile.ts"]

# The binary is linked only to libc and libgcc_s (tests/install/image_live_test.ts).
FROM ${BASE}
USER 0:0
COPY --from=build /out/whereabouts /usr/bin/whereabouts
ENTRYPOINT ["/usr/bin/whereabouts"]
CMD ["install", "--agent"]
