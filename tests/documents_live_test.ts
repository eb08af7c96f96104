import assert from "node:assert/strict";
import { commandBlocks } from "./documents.ts";
import { binary, callPlugin } from "./support/binary.ts";
import { ControlPlane, namespaceOf } from "./support/kube.ts";
import { run } from "./support/process.ts";

const PLUGIN = await binary();

Deno.test("documents: commands that are marked so run on a cluster as they stand there", async (t) => {
  await using plane = await ControlPlane.start(); // the checker looks at every pod of a cluster, those of other tests too
  const kube = await namespaceOf(plane.facts);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.symlink(PLUGIN, `${folder}/whereabouts`);
    const pod = `documents-${crypto.randomUUID().slice(0, 8)}`;
    await kube.kubectl("run", pod, "--namespace=default", "--image=busybox:1");
    const ipam = { type: "whereabouts", range: "10.0.0.4/30", kubernetes: { kubeconfig: kube.kubeconfig } };
    const conf = { cniVersion: "1.0.0", name: "documents", ipam };
    const given = await callPlugin(PLUGIN, { verb: "ADD", conf, containerId: "c0", pod });
    assert.equal(JSON.parse(given.stdout).ips[0].address, "10.0.0.5/30");
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}`, KUBECONFIG: kube.kubeconfig };
    const blocks = commandBlocks().filter(({ mark }) => mark === "run against a cluster");
    assert(blocks.length >= 2, `only ${blocks.length} blocks are marked so`);
    for (const { where, commands } of blocks) {
      for (const command of commands) {
        await t.step(`${where} ${command}`, async () => {
          const { code, stdout, stderr } = await run(["bash", "-c", command], { env });
          assert.equal(code, 0, `${command}\n${stdout}\n${stderr}`);
          assert.notEqual(stdout.trim(), "", command);
        });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
