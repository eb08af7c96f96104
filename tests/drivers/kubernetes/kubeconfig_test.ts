import assert from "node:assert/strict";
import { readAccess } from "../../../drivers/kubernetes/access.ts";
import { memoryWorld } from "../../support/world.ts";

/** Two files as people keep them: one for the cluster and the contexts, one for the user. */
const FILES = {
  "/home/clusters/config": JSON.stringify({
    "current-context": "lab",
    clusters: [{ name: "lab", cluster: { server: "https://10.0.0.1:6443", "certificate-authority": "ca.crt" } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "me", namespace: "net" } }],
  }),
  "/home/clusters/ca.crt": "CA",
  "/home/me/config": `
current-context: other
clusters:
- name: lab
  cluster: {server: "https://10.9.9.9:6443"}
users:
- name: me
  user: {tokenFile: token}
contexts: null
`,
  "/home/me/token": "secret\n",
};

Deno.test("readAccess merges files that are listed: the first one to say a thing is heard, and files stand beside theirs", async () => {
  const world = memoryWorld({ files: FILES });
  const { server, namespace, ca, token } = await readAccess(world, {
    kubeconfig: "/home/clusters/config:/home/me/config",
  });
  assert.deepEqual([server, namespace, ca, token], ["https://10.0.0.1:6443", "net", "CA", "secret"]);
});

Deno.test("readAccess names the file of a list that cannot be read, and what none of them has", async () => {
  const world = memoryWorld({ files: FILES });
  await assert.rejects(
    readAccess(world, { kubeconfig: "/home/me/config:/nowhere" }),
    /"\/nowhere": there is no such file/,
  );
  await assert.rejects(
    readAccess(world, { kubeconfig: "/home/me/config:/home/me/config" }),
    /no context named "other"/,
  );
});
