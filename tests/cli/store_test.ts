import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { call, run } from "./lab.ts";

Deno.test("a command uses the kubeconfig of kubectl as its plugin, and the cluster of the pod in a pod", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.kube`);
    await Deno.writeTextFile(`${home}/.kube/config`, "{}");
    const plugin = await call({ called: "kubectl-whereabouts", env: { HOME: home } }, "show");
    assert.deepEqual([plugin.code, plugin.out], [1, ""]);
    assert.match(plugin.err, new RegExp(`kubeconfig "${home}/.kube/config": it has no current-context`));
    const pod = await call({ env: { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" } }, "show");
    assert.equal(pod.code, 1);
    assert.match(pod.err, /serviceaccount/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a command uses the kubeconfig of kubectl without another store", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.kube`);
    await Deno.writeTextFile(`${home}/.kube/config`, "{}");
    const refused = new RegExp(`kubeconfig "${home}/.kube/config": it has no (current-context|context named "x")`);
    const inPod = { HOME: home, KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    for (const env of [{ HOME: home }, inPod]) {
      for (
        const args of [["show"], ["-n", "x", "check"], ["--context", "x", "who-has", "10.0.0.1"], ["lint", "--cluster"]]
      ) {
        const { code, out, err } = await call({ env, ...(args[0] === "lint" && { openCluster }) }, ...args);
        assert.deepEqual([code, out], [1, ""], args.join(" "));
        assert.match(err, refused, args.join(" "));
      }
    }
    assert.match(
      (await call({ env: { HOME: home } }, "show", "--database", "/missing")).err,
      /Database \/missing not found/,
    );
    assert.match(
      (await call({ env: { HOME: home, KUBECONFIG: "/nowhere" } }, "show")).err,
      /"\/nowhere": file not found/,
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a command reports which flag or field selects no store", async () => {
  const wrong: [string[], number, RegExp][] = [
    [[], 2, /Database .* not found: .*--kubeconfig, --etcd-host or --database/],
    [["--datastore", "redis"], 1, /datastore "redis": expected one of kubernetes, etcd, embedded/],
    [["--datastore", "etcd"], 1, /etcd_host/],
    [["--etcd-host", "ftp://x"], 1, /etcd_host "ftp:\/\/x"/],
    [["--kubeconfig", "/nowhere"], 1, /kubeconfig "\/nowhere": file not found/],
    [["--config", "/nowhere"], 1, /\/nowhere/],
    [["--database="], 2, /--database "": expected a value/],
    [["--kubeconfig", "/nowhere", "-n", "../pods"], 2, /--namespace "\.\.\/pods"/],
  ];
  for (const [flags, code, why] of wrong) {
    for (const command of [["show"], ["who-has", "10.0.0.1"], ["check"], ["release", "10.0.0.1"], ["reconcile"]]) {
      const answer = await run(...command, ...flags);
      assert.deepEqual([answer.code, answer.out], [code, ""], answer.err);
      assert.match(answer.err, why);
    }
  }
});

Deno.test("a command reports a database that is a folder", async () => {
  const { code, out, err } = await run("show", "--database", "/tmp");
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /"\/tmp": it is a folder; name another file/);
});

Deno.test("a command reads fields without a flag from --config", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/whereabouts.db`, "");
    await Deno.writeTextFile(
      `${folder}/ipam.json`,
      JSON.stringify({ datastore: "embedded", database: `${folder}/whereabouts.db` }),
    );
    const { code, out, err } = await run("show", "--config", `${folder}/ipam.json`);
    assert.deepEqual([code, out], [0, `No pools in database ${folder}/whereabouts.db\n`], err);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a command in a pod uses the cluster of the pod if the flat file's kubeconfig is a file of the nodes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = `${folder}/ipam.json`;
    await Deno.writeTextFile(config, JSON.stringify({ kubernetes: { kubeconfig: "/nowhere/of-the-node" } }));
    const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    const pod = await call({ env }, "show", "--config", config);
    assert.match(pod.err, /serviceaccount/);
    assert.match((await call({}, "show", "--config", config)).err, /"\/nowhere\/of-the-node": file not found/);
    const named = await call({ env }, "show", "--kubeconfig", "/nowhere");
    assert.match(named.err, /"\/nowhere": file not found/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--datastore kubernetes uses KUBECONFIG; other flags of a store do not", async () => {
  const env = { KUBECONFIG: "/nowhere" };
  const cluster = await call({ env }, "show", "--datastore", "kubernetes");
  assert.match(cluster.err, /"\/nowhere": file not found/);
  for (const flags of [["--database", "/missing"], ["--datastore", "embedded", "--database", "/missing"]]) {
    const { err } = await call({ env }, "show", ...flags);
    assert.match(err, /Database \/missing not found/);
  }
});
