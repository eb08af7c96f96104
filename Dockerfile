# The image of DaemonSet and controller: one binary on a base with the C library, no shell.
# The image of the reconciler's CronJob (--target reconciler): Deno, the script and its dependencies.
#
#   deno task image                    # both, for this machine, with docker, podman or buildah
#   deno task image --archive FOLDER   # and writes them as OCI archives
#   docker buildx build --platform linux/amd64,linux/arm64 -t whereabouts:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --target reconciler -t whereabouts-reconciler:0.1.0 .
#
# Every command of the build runs on the platform of the build machine, so several platforms need no emulation.
#
# A release requires digests, since a tag can move:
#
#   docker build --build-arg RELEASE=true --build-arg DENO_IMAGE=denoland/deno:2.9.6@sha256:DIGEST \
#     --build-arg BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:DIGEST \
#     --build-arg RUNTIME_SHA256_AMD64=SHA256 --build-arg RUNTIME_SHA256_ARM64=SHA256 .
ARG DENO_IMAGE=denoland/deno:2.9.6
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS build
# No default: it would override the target platform. Builders without platforms set nothing, and build for their own.
ARG TARGETARCH
ARG RELEASE=false
ARG DENO_IMAGE
ARG BASE
ARG RUNTIME_SHA256_AMD64=
ARG RUNTIME_SHA256_ARM64=
ARG VERSION=
ARG REVISION=
ARG SOURCE_DATE_EPOCH
WORKDIR /src
COPY deno.json deno.lock main.ts mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install ./install
COPY page ./page
RUN case "${TARGETARCH:-$(uname -m)}" in \
      amd64 | x86_64) triple=x86_64-unknown-linux-gnu; sha256=$RUNTIME_SHA256_AMD64 ;; \
      arm64 | aarch64) triple=aarch64-unknown-linux-gnu; sha256=$RUNTIME_SHA256_ARM64 ;; \
      *) echo "TARGETARCH is $TARGETARCH: expected amd64 or arm64" >&2; exit 1 ;; \
    esac && \
    set -- --target "$triple" --output /out/whereabouts --version "$VERSION" --revision "$REVISION" && \
    if [ "$RELEASE" = true ]; then \
      set -- "$@" --release --runtime-sha256 "$sha256" --image "$DENO_IMAGE" --image "$BASE"; \
    fi && \
    deno run -A install/compile.ts "$@"
# The paths of the original's programs, which other manifests start (docs/MIGRATION.md).
RUN mkdir /out/names && \
    for name in install-cni.sh ip-control-loop ip-reconciler node-slice-controller token-watcher.sh; do \
      ln -s /usr/bin/whereabouts "/out/names/$name"; \
    done

FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS script
ENV DENO_DIR=/deno-dir
WORKDIR /whereabouts
COPY deno.json deno.lock mod.ts ./
COPY src ./src
COPY drivers ./drivers
COPY install/reconcile.ts ./install/reconcile.ts
RUN deno cache --frozen install/reconcile.ts

FROM ${DENO_IMAGE} AS reconciler
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="whereabouts-reconciler" \
      org.opencontainers.image.description="Sweeps the addresses of Whereabouts once: frees those that no pod uses" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV DENO_DIR=/deno-dir
WORKDIR /whereabouts
COPY --from=script /deno-dir /deno-dir
COPY --from=script /whereabouts ./
USER 65532:65532
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "--allow-env", "--allow-net", "--allow-read", "install/reconcile.ts"]

# The binary is linked only to libc and libgcc_s (tests/install/image_live_test.ts).
FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="whereabouts" \
      org.opencontainers.image.description="CNI IPAM plugin for Kubernetes: installer, node agent and controller" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/whereabouts /usr/bin/whereabouts
COPY --from=build /out/names/ /
# The installer writes into folders of the host that belong to root. The controller needs no root: its manifest sets runAsNonRoot.
USER 0:0
ENTRYPOINT ["/usr/bin/whereabouts"]
CMD ["install", "--agent"]
