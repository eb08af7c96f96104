import assert from "node:assert/strict";
import { isRenewed } from "../../../drivers/kubernetes/renewal.ts";
import { hurriedClock } from "../../support/hurried_clock.ts";

const ACCESS = { server: "https://10.96.0.1", namespace: "kube-system", insecure: false, source: "kubeconfig" };
const NEVER = new AbortController().signal;

/** Looks until credentials are there, and says how often and for how long. */
async function watch(thereAfter: number, token: string | undefined, signal = NEVER) {
  const clock = hurriedClock();
  let looks = 0;
  const look = () => Promise.resolve(++looks > thereAfter);
  const access = { ...ACCESS, ...(token !== undefined && { token }) };
  const found = await isRenewed(look, access, (milliseconds, ending) => clock.sleep(milliseconds, ending), signal);
  return { found, looks, milliseconds: clock.monotonic() };
}

Deno.test("isRenewed looks at once, and does not wait for credentials that nobody rotates", async () => {
  assert.deepEqual(await watch(0, "void"), { found: true, looks: 1, milliseconds: 0 });
  assert.deepEqual(await watch(1, undefined), { found: false, looks: 1, milliseconds: 0 });
});

Deno.test("isRenewed waits some seconds for a token, and no longer", async () => {
  assert.deepEqual(await watch(8, "void"), { found: true, looks: 9, milliseconds: 2_000 });
  assert.deepEqual(await watch(Infinity, "void"), { found: false, looks: 33, milliseconds: 8_000 });
});
