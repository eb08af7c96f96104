import assert from "node:assert/strict";
import { assets } from "../tests/support/assets.ts";
import { isThere, must, run } from "../tests/support/process.ts";

const ROOT = new URL("../", import.meta.url).pathname;

Deno.test("a development cluster stays after its command ends, serves this machine, and leaves nothing when it is taken down", async () => {
  const above = await Deno.makeTempDir({ prefix: "cluster-" });
  const env = { WHEREABOUTS_CLUSTER: `${above}/cluster` };
  const command = (...args: string[]) =>
    run([Deno.execPath(), "task", "--quiet", "cluster", ...args], { cwd: ROOT, env });
  try {
    const up = await command("up", "--nodes", "1");
    assert.equal(up.code, 0, up.stderr);
    assert.match(up.stderr, /^cluster: building the images/m);
    const [, kubeconfig = ""] = /^export KUBECONFIG=(\S+)$/m.exec(up.stdout) ?? [];
    const prefix = (await Deno.readTextFile(`${above}/cluster/state/prefix`)).trim();
    const kubectl = [`${await assets("controlPlane")}/kubectl`, `--kubeconfig=${kubeconfig}`];
    assert.equal(await must([...kubectl, "get", "nodes", "-o", "name"]), "node/node1\n");
    const again = await command("up");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^The cluster is up already: export KUBECONFIG=/);
    assert.match((await command("status")).stdout, /^kube-system +pod\/whereabouts-\w+ +1\/1 +Running /m);

    const down = await command("down");
    assert.equal(down.code, 0, down.stderr);
    assert(!await isThere(`${above}/cluster`));
    assert.doesNotMatch(await must(["ip", "netns", "list"]), new RegExp(`^${prefix}-`, "m"));
    assert.equal(await must(["find", "/sys/fs/cgroup", "-name", `${prefix}-*`]), "");
    assert.doesNotMatch(await must(["ps", "-eo", "args"]), new RegExp(above));
    assert.deepEqual(await command("status"), {
      code: 1,
      stdout: "The cluster is down: deno task cluster up\n",
      stderr: "",
    });
  } finally {
    await command("down");
    await Deno.remove(above, { recursive: true });
  }
});

Deno.test("the command of the development cluster refuses too many nodes and unknown commands", async () => {
  for (
    const [args, message] of [[["up", "--nodes", "10"], /expected a number from 1 to 9/], [
      ["restart"],
      /^Usage: /,
    ]] as const
  ) {
    const { code, stderr } = await run([Deno.execPath(), "task", "--quiet", "cluster", ...args], { cwd: ROOT });
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});
