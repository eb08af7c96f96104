import assert from "node:assert/strict";
import { inGroups, planGroups } from "./control_groups.ts";
import { must } from "./process.ts";

const V1 = {
  self: "9:name=systemd:/\n5:pids:/\n4:memory:/job/7\n3:cpuset:/\n1:cpu,cpuacct:/job\n0::/\n",
  names: ["systemd", "pids", "memory", "cpuset", "cpu,cpuacct", "unified"],
  controllers: "",
};

Deno.test("planGroups places a node below the groups of this process in every mounted hierarchy of version 1", () => {
  const { version, roots, leaves, controllers } = planGroups("n1", V1);
  assert.equal(version, 1);
  assert.deepEqual(roots, [
    "/sys/fs/cgroup/systemd/n1",
    "/sys/fs/cgroup/pids/n1",
    "/sys/fs/cgroup/memory/job/7/n1",
    "/sys/fs/cgroup/cpuset/n1",
    "/sys/fs/cgroup/cpu,cpuacct/job/n1",
  ]);
  assert.deepEqual(leaves, roots);
  assert.deepEqual(controllers, ["name=systemd", "pids", "memory", "cpuset", "cpu,cpuacct"]);
  const names = V1.names.filter((name) => name !== "systemd");
  assert.equal(planGroups("n1", { ...V1, names }).roots.length, 4);
});

Deno.test("planGroups places a node below the root of version 2, and its processes in a leaf", () => {
  const controllers = "cpuset cpu io memory hugetlb pids\n";
  assert.deepEqual(planGroups("n1", { self: "0::/system.slice/runner.service\n", names: [], controllers }), {
    version: 2,
    roots: ["/sys/fs/cgroup/n1"],
    leaves: ["/sys/fs/cgroup/n1/init"],
    controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"],
  });
});

Deno.test("planGroups names the controllers that a machine lacks", () => {
  const names = ["memory"];
  assert.throws(
    () => planGroups("n1", { ...V1, names }),
    /version 1 have no controller cpu, cpuset, pids \(found memory\)/,
  );
  assert.throws(() => planGroups("n1", { self: "0::/\n", names: [], controllers: "" }), /\(found no controller\)/);
  const controllers = "hugetlb pids";
  assert.throws(() => planGroups("n1", { ...V1, controllers }), /version 2 have no controller cpu, cpuset, memory/);
});

Deno.test("inGroups removes old groups, and enables controllers only after the process moved from the root to the leaf", async () => {
  const folder = await Deno.makeTempDir({ prefix: "groups-" });
  try {
    await must(["mkdir", "-p", `${folder}/bin`, `${folder}/n1/init`, `${folder}/n1/kubepods/pod1`]);
    // stands for unshare, which needs rights: it leaves a mark, and runs what follows its flag
    await Deno.writeTextFile(
      `${folder}/bin/unshare`,
      `#!/bin/sh\ncp -r ${folder}/n1 ${folder}/before\nshift\nexec "$@"\n`,
    );
    await Deno.chmod(`${folder}/bin/unshare`, 0o755);
    const roots = [`${folder}/n1`];
    const groups = { version: 2, roots, leaves: [`${folder}/n1/init`], controllers: ["cpu", "pids"] } as const;
    const env = { PATH: `${folder}/bin:/usr/bin:/bin` };
    const pid = (await must(inGroups(groups, ["sh", "-c", "echo $$"]), { env })).trim();
    const read = (path: string) => Deno.readTextFileSync(`${folder}/${path}`).trim();
    assert.equal(read("before/cgroup.subtree_control"), "-cpu -pids");
    assert.deepEqual(
      [...Deno.readDirSync(`${folder}/before`)].filter((one) => one.isDirectory).map(({ name }) => name),
      ["init"],
    );
    assert.equal(read("n1/cgroup.procs"), pid);
    assert.equal(read("n1/init/cgroup.procs"), pid);
    assert.equal(read("n1/cgroup.subtree_control"), "+cpu +pids");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
