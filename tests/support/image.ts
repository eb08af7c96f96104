/**
 * Container images without a container engine: OCI layouts in a tar, made of programs and the libraries they need.
 *
 * The layout is that of the OCI image format specification 1.0; `ctr images import` reads it.
 *
 * @module
 */
import { must, run } from "./process.ts";
import { concat, tar, type TarEntry } from "../../install/release/tar.ts";

/** An image to be made. */
export interface ImageSpec {
  /** `localhost/NAME:TAG`. */
  readonly name: string;
  /** What stands in its root file system, folders before what is in them; or an archive of it. */
  readonly entries: readonly TarEntry[] | Uint8Array;
  /** Program and arguments. */
  readonly entrypoint?: readonly string[];
  /** Arguments unless others are given. */
  readonly cmd?: readonly string[];
  /** `NAME=VALUE`, beside PATH. */
  readonly env?: readonly string[];
}

const ARCHITECTURES: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };
const encoder = new TextEncoder();

/** Makes an archive of images. */
export async function imageArchive(images: readonly ImageSpec[]): Promise<Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  const put = async (mediaType: string, data: Uint8Array) => {
    const digest = await sha256(data);
    blobs.set(digest, data);
    return { mediaType, digest: `sha256:${digest}`, size: data.length };
  };
  const json = (mediaType: string, value: unknown) => put(mediaType, encoder.encode(JSON.stringify(value)));
  const architecture = ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch;
  const manifests: unknown[] = [];
  for (const { name, entries, entrypoint, cmd, env = [] } of images) {
    const type = (kind: string) => `application/vnd.oci.image.${kind}`;
    const layer = await put(type("layer.v1.tar"), entries instanceof Uint8Array ? entries : tar(entries));
    const config = await json(type("config.v1+json"), {
      architecture,
      os: "linux",
      config: {
        Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", ...env],
        ...(entrypoint && { Entrypoint: entrypoint }),
        ...(cmd && { Cmd: cmd }),
      },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    });
    const mediaType = type("manifest.v1+json");
    const manifest = await json(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
    const annotations = { "io.containerd.image.name": name };
    manifests.push({ ...manifest, platform: { architecture, os: "linux" }, annotations });
  }
  const index = encoder.encode(JSON.stringify({ schemaVersion: 2, manifests }));
  return tar([
    { path: "oci-layout", data: encoder.encode('{"imageLayoutVersion":"1.0.0"}') },
    { path: "index.json", data: index },
    ...[...blobs].map(([digest, data]) => ({ path: `blobs/sha256/${digest}`, data })),
  ]);
}

/**
 * The image of the Dockerfile's stage `reconciler`: Deno, of its base what it needs, what the stage copies, and a cache of what that
 * imports.
 */
export async function reconcilerImage(name: string): Promise<ImageSpec> {
  const project = new URL("../../", import.meta.url).pathname;
  const [, stage = ""] =
    /^FROM \S+ AS reconciler\n([^]*?)^FROM /m.exec(await Deno.readTextFile(`${project}Dockerfile`)) ?? [];
  const sources = [...stage.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, named = ""]) => named.split(" "));
  const [, entrypoint = "[]"] = /^ENTRYPOINT (.*)$/m.exec(stage) ?? [];
  const root = await Deno.makeTempDir({ prefix: "image-" });
  try {
    const deno = Deno.execPath();
    await Deno.mkdir(`${root}/usr/bin`, { recursive: true });
    await Deno.mkdir(`${root}/whereabouts`);
    await must(["cp", "-L", deno, `${root}/usr/bin/deno`]);
    await must(["cp", "-L", "--parents", ...await librariesOf(deno), root]);
    await must(["cp", "-r", "--parents", ...sources, `${root}/whereabouts`], { cwd: project });
    const env = { DENO_DIR: `${root}/deno-dir` };
    await must([deno, "cache", "--quiet", "--frozen", "install/reconcile.ts"], { cwd: `${root}/whereabouts`, env });
    const archive = `${root}.tar`;
    await must(["tar", "--create", `--file=${archive}`, "--owner=0", "--group=0", `--directory=${root}`, "."]);
    const entries = await Deno.readFile(archive);
    await Deno.remove(archive);
    return { name, entries, entrypoint: JSON.parse(entrypoint), env: ["DENO_DIR=/deno-dir"] };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The image that the Dockerfile makes: the binary, and of its base what the binary needs. */
export async function productImage(
  binary: string,
  name: string,
): Promise<ImageSpec & { readonly entries: readonly TarEntry[] }> {
  const files = await Promise.all(
    (await librariesOf(binary)).map(async (path) => ({
      path: path.slice(1),
      data: await Deno.readFile(path),
      mode: 0o755,
    })),
  );
  const program = { path: "usr/bin/whereabouts", data: await Deno.readFile(binary), mode: 0o755 };
  const account = { path: "etc/passwd", data: encoder.encode("root:x:0:0:root:/root:/sbin/nologin\n") };
  const all = [...files, program, account];
  const folders = [...all.map(({ path }) => path), "proc/.", "sys/.", "dev/.", "tmp/.", "run/."];
  return {
    name,
    entries: [...foldersOf(folders), ...all],
    entrypoint: ["/usr/bin/whereabouts"],
    cmd: ["install", "--agent"],
  };
}

/** A small system with a shell for test pods, and the image of sandboxes, from Debian's static busybox. */
export async function busyboxImages(): Promise<readonly ImageSpec[]> {
  const program = "/bin/busybox";
  const applets = (await must([program, "--list"])).trim().split("\n").filter((name) => name !== "busybox");
  const entries: readonly TarEntry[] = [
    ...foldersOf(["bin/.", "etc/.", "root/.", "proc/.", "sys/.", "dev/.", "usr/bin/.", "var/.", "run/.", "tmp/."]),
    { path: "bin/busybox", data: await Deno.readFile(program), mode: 0o755 },
    { path: "etc/passwd", data: encoder.encode("root:x:0:0:root:/root:/bin/sh\n") },
    ...applets.map((name) => ({ path: `bin/${name}`, target: "busybox" })),
  ];
  return [
    { name: "localhost/busybox:1", entries, cmd: ["/bin/sh"] },
    { name: "localhost/pause:1", entries, entrypoint: [program, "sleep", "2147483647"] },
  ];
}

/** Paths of the shared libraries a program is linked to, its loader included. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run(["ldd", program]);
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

function foldersOf(paths: readonly string[]): readonly TarEntry[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const segments = path.split("/").slice(0, -1);
    segments.forEach((_, i) => folders.add(segments.slice(0, i + 1).join("/")));
  }
  return [...folders].sort().map((path) => ({ path, folder: true, ...(path === "tmp" && { mode: 0o1777 }) }));
}

async function sha256(data: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", concat([data]).buffer as ArrayBuffer);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
