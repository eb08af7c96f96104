/**
 * The page of `whereabouts ui`, for browsers: its source is in `page/`.
 *
 * @module
 */

/**
 * Reads the page. The build puts it beside the bundled program (`install/compile.ts`); in a checkout it is bundled now.
 *
 * @throws an Error if the checkout's page cannot be bundled
 */
export async function readPage(): Promise<{ readonly script: string; readonly style: string }> {
  const built = await Promise.all([read("./page.js"), read("./page.css")]);
  const [script, style] = built;
  if (script !== undefined && style !== undefined) return { script, style };
  const source = new URL("../../page/", import.meta.url);
  return {
    script: await bundle(new URL("main.tsx", source)),
    style: await Deno.readTextFile(new URL("style.css", source)),
  };
}

function read(name: string): Promise<string | undefined> {
  return Deno.readTextFile(new URL(name, import.meta.url)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

async function bundle(entry: URL): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--minify", entry.pathname],
  }).output();
  if (code === 0) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot bundle ${entry.pathname}: ${new TextDecoder().decode(stderr).trim()}`);
}
