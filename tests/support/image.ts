/**
 * The images of the Dockerfile, built by buildah on a machine that reaches no registry of images: its base images are replaced by ones made
 * from programs of this machine, under the names that the Dockerfile uses. The Dockerfile itself is unchanged.
 *
 * @module
 */
import { compiler } from "./denort.ts";
import { isInstalled, must, run } from "./process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const BUSYBOX = "/bin/busybox";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const COMPILER = "/opt/compiler/deno";
const DENORT = "/opt/compiler/denort";

/** Image names of test pods and of sandboxes. */
export const POD_IMAGE = "localhost/busybox:1";
/** The container of a sandbox. */
export const PAUSE_IMAGE = "localhost/pause:1";

/** A store of images, removed when it is disposed. */
export class ImageStore implements AsyncDisposable {
  /** Everything of the store is in here. */
  readonly folder: string = Deno.makeTempDirSync({ prefix: "images-" });

  /** Variables of buildah: no daemon, no namespaces of users. */
  get env(): Record<string, string> {
    return {
      BUILDAH_ISOLATION: "chroot",
      CONTAINERS_STORAGE_CONF: `${this.folder}/storage.conf`,
      TMPDIR: this.folder,
    };
  }

  /**
   * Makes an empty one.
   *
   * @throws {Error} buildah is missing
   */
  static async create(): Promise<ImageStore> {
    if (!await isInstalled("buildah")) throw new Error("buildah is missing: apt-get install -y buildah");
    const store = new ImageStore();
    const lines = [
      "[storage]",
      'driver = "overlay"',
      `graphroot = "${store.folder}/graph"`,
      `runroot = "${store.folder}/run"`,
    ];
    await Deno.writeTextFile(`${store.folder}/storage.conf`, `${lines.join("\n")}\n`);
    return store;
  }

  /** Makes an image of a root file system. `lines` of a Dockerfile set its environment and its program. */
  async add(name: string, fill: (root: string) => Promise<void>, lines: readonly string[]): Promise<void> {
    const context = await Deno.makeTempDir({ dir: this.folder, prefix: "root-" });
    await makeFolders(`${context}/root`, ["bin", "etc", "proc", "sys", "dev", "run", "var", "tmp", "root", "usr/bin"]);
    await Deno.chmod(`${context}/root/tmp`, 0o1777);
    await fill(`${context}/root`);
    await Deno.writeTextFile(`${context}/Dockerfile`, ["FROM scratch", "COPY root /", ...lines, ""].join("\n"));
    await must(["buildah", "bud", "--quiet", "--tag", name, context], { env: this.env });
    await Deno.remove(context, { recursive: true });
  }

  /** Writes an image as an OCI archive. */
  async save(name: string, file: string): Promise<void> {
    await must(["buildah", "push", "--quiet", name, `oci-archive:${file}:${name}`], { env: this.env });
  }

  /**
   * Builds the images of the Dockerfile with `deno task image`. Returns the paths of the OCI archives by the names of the images.
   *
   * @param registry prefix of their names; default: that of names without a registry
   */
  async buildProduct(registry?: string): Promise<Readonly<Record<string, string>>> {
    const names = await this.addBases();
    const task = ["task", "--quiet", "image", "--engine", "buildah", "--archive", `${this.folder}/archives`];
    if (registry !== undefined) task.push("--registry", registry);
    task.push(...Object.entries(names).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]));
    const printed = await must([Deno.execPath(), ...task], { cwd: ROOT, env: this.env });
    return Object.fromEntries(
      printed.trim().split("\n").map((path) => [/([^/]+)-[^-/]+$/.exec(path)?.[1] ?? path, path]),
    );
  }

  /**
   * The base images that the Dockerfile names: Deno with a shell, and the C library without one.
   *
   * @returns the build arguments that replace names with digests, which no stand-in has. Empty if the Dockerfile names only tags
   */
  async addBases(): Promise<Readonly<Record<string, string>>> {
    const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
    const names = standIns(text);
    const { DENO_IMAGE: deno = "", BASE: base = "" } = names;
    const { deno: program, env } = await compiler();
    const lines = ["ENV DENO_TLS_CA_STORE=system", `ENV SSL_CERT_FILE=${CERTIFICATES}`];
    if (env.DENORT_BIN) lines.push(`ENV WHEREABOUTS_COMPILER=${COMPILER}`, `ENV DENORT_BIN=${DENORT}`);
    await this.add(`docker.io/${deno}`, async (root) => {
      await addShell(root);
      await addProgram(root, Deno.execPath(), "/usr/bin/deno");
      await must(["cp", "--parents", CERTIFICATES, root]);
      if (!env.DENORT_BIN) return;
      await addProgram(root, program, COMPILER);
      await addProgram(root, env.DENORT_BIN, DENORT);
    }, lines);
    await this.add(base, async (root) => {
      await addLibraries(root, Deno.execPath());
      await must(["cp", "--parents", CERTIFICATES, root]);
    }, []);
    return Object.values(names).some((name) => text.includes(`=${name}@`)) ? names : {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The names of the Dockerfile's base images without digests, by build argument. */
export function standIns(dockerfile: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Array.from(
      dockerfile.matchAll(/^ARG (DENO_IMAGE|BASE)=([^\s@]+)(?:@\S+)?$/gm),
      ([, name = "", value = ""]) => [name, value],
    ),
  );
}

/** Writes the images of test pods and of sandboxes as OCI archives, and returns their paths. */
export async function podImages(store: ImageStore): Promise<readonly string[]> {
  const images = [[POD_IMAGE, 'CMD ["/bin/sh"]'], [PAUSE_IMAGE, `ENTRYPOINT ["${BUSYBOX}", "sleep", "2147483647"]`]];
  const files: string[] = [];
  for (const [name = "", line = ""] of images) {
    const file = `${store.folder}/${files.length}.tar`;
    await store.add(name, addShell, [line]);
    await store.save(name, file);
    files.push(file);
  }
  return files;
}

/** Unpacks an OCI archive. Returns the root file system of its image, and the image's configuration. */
export async function unpack(
  archive: string,
  folder: string,
): Promise<{ readonly root: string; readonly config: Config }> {
  const layout = `${folder}/layout`;
  const root = `${folder}/root`;
  await makeFolders(folder, ["layout", "root"]);
  await must(["tar", "-xf", archive, "-C", layout]);
  const blob = (digest: string) => `${layout}/blobs/${digest.replace(":", "/")}`;
  const read = async (path: string) => JSON.parse(await Deno.readTextFile(path));
  const index = await read(`${layout}/index.json`);
  const manifest = await read(blob(index.manifests[0].digest));
  for (const { digest } of manifest.layers) await must(["tar", "-xf", blob(digest), "-C", root]);
  return {
    root,
    config: { ...(await read(blob(manifest.config.digest))).config, annotations: index.manifests[0].annotations },
  };
}

/** Configuration of an image, as the OCI image specification names it. */
export interface Config {
  /** User and group that the program runs as. */
  readonly User: string;
  /** `NAME=VALUE`. */
  readonly Env: readonly string[];
  /** The program. */
  readonly Entrypoint: readonly string[];
  /** Its arguments, unless others are set. */
  readonly Cmd?: readonly string[];
  /** Working folder. */
  readonly WorkingDir?: string;
  /** Labels. */
  readonly Labels: Readonly<Record<string, string>>;
  /** Annotations of the image in the archive, its name among them. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Paths of the shared libraries a program is linked to, its loader included. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run(["ldd", program]);
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

async function addShell(root: string): Promise<void> {
  await must(["cp", BUSYBOX, `${root}/bin/busybox`]);
  const applets = (await must([BUSYBOX, "--list"])).trim().split("\n").filter((name) => name !== "busybox");
  for (const name of applets) await Deno.symlink("busybox", `${root}/bin/${name}`);
  await Deno.writeTextFile(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
}

async function addProgram(root: string, program: string, path: string): Promise<void> {
  await addLibraries(root, program);
  await must(["install", "-D", "-m", "755", program, `${root}${path}`]);
}

async function addLibraries(root: string, program: string): Promise<void> {
  await must(["cp", "-L", "--parents", ...await librariesOf(program), root]);
}

async function makeFolders(above: string, names: readonly string[]): Promise<void> {
  for (const name of names) await Deno.mkdir(`${above}/${name}`, { recursive: true });
}
