import assert from "node:assert/strict";
import { findKubeconfig } from "../../src/config/kubeconfig.ts";
import { memoryWorld } from "../support/world.ts";

const FILES = { "/a": "{}", "/b": "{}", "/home/me/.kube/config": "{}" };
const HOME = { HOME: "/home/me" };

const CASES: readonly (readonly [string, Record<string, string>, boolean, string | undefined])[] = [
  ["the one that is named", { KUBECONFIG: "/a", ...HOME }, true, "/a"],
  ["the one that is named and missing, so that the error names it", { KUBECONFIG: "/x", ...HOME }, true, "/x"],
  ["the existing one of several files", { KUBECONFIG: "/x:/b::/y" }, false, "/b"],
  ["several, in their order", { KUBECONFIG: "/b:/x:/a" }, false, "/b:/a"],
  ["kubectl's default one", HOME, true, "/home/me/.kube/config"],
  ["nothing, without kubectl's default one", HOME, false, undefined],
  ["nothing if no file exists", { HOME: "/nowhere" }, true, undefined],
];

for (const [what, env, home, expected] of CASES) {
  Deno.test(`findKubeconfig takes ${what}`, async () => {
    assert.equal(await findKubeconfig(memoryWorld({ files: FILES, env }), home), expected);
  });
}
