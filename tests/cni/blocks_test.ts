import assert from "node:assert/strict";
import { divide } from "../../src/ipam/divide.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { borrow, wrap } from "../../src/storage/wrap.ts";
import { contents, never } from "../ipam/lab.ts";
import { faulty } from "../support/faulty.ts";
import { SILENT } from "../../src/world/log.ts";
import { type TestNode, testNode } from "./node.ts";

const IPAM = {
  type: "whereabouts",
  datastore: "embedded",
  log_level: "panic",
  range: "10.0.0.0/24",
  block_size: "/28",
};
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const DONE = { stdout: "", exitCode: 0 };

/** A store whose operations are noted. */
function noting(driver: StorageDriver, operations: string[]): StorageDriver {
  return wrap(borrow(driver), (operation, work, signal) => {
    operations.push(operation);
    return work(signal);
  });
}

Deno.test("a DEL that a runtime repeats searches no block, since the node's history has the release", async () => {
  const operations: string[] = [];
  await using node = await testNode({ open: (driver) => noting(driver, operations) });
  assert.equal((await node.call("ADD", CONF)).exitCode, 0);
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(await contents(node.driver), {});
  operations.length = 0;
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(operations, ["read"], "the pool of the range");
});

Deno.test("a DEL on a node that lost its journal searches the blocks", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  node.disk.files.clear();
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(await contents(node.driver), {});
});

Deno.test("an ADD whose answer from the store is lost is recorded with its block: a repeated ADD keeps the address", async () => {
  let commits = 0;
  let lost = false;
  await using node = await testNode({
    open: (driver) =>
      faulty(driver, ({ method }) => {
        if (method === "commit" && ++commits === 1) lost = true;
        return lost ? { done: method === "commit", then: "unavailable" } : undefined;
      }),
  });
  assert.equal(JSON.parse((await node.call("ADD", CONF)).stdout).code, 11);
  lost = false;
  const stored = Object.keys(await contents(node.driver)).filter((key) => !key.startsWith("reserved"));
  assert.deepEqual(stored, ["10.0.0.0/28 10.0.0.1"]);
  const { stdout } = await node.call("ADD", CONF);
  assert.deepEqual(JSON.parse(stdout).ips.map(({ address }: { address: string }) => address), ["10.0.0.1/24"]);
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(await contents(node.driver), {});
});

Deno.test("ADD and STATUS refuse blocks on a node without a journal, with code 7", async () => {
  await using node = await testNode({ host: { journal: () => undefined } });
  for (const verb of ["ADD", "STATUS"] as const) {
    const { code, msg } = JSON.parse((await node.call(verb, CONF)).stdout);
    assert.equal(code, 7);
    assert.match(msg, /ipam\.block_size: this node keeps no journal/);
  }
});

Deno.test("an ADD against another layout fails with code 7", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const { block_size: _, ...whole } = IPAM;
  const { code, msg } = JSON.parse((await node.call("ADD", { ...CONF, ipam: whole }, { containerId: "c2" })).stdout);
  assert.equal(code, 7);
  assert.match(msg, /its entries live in blocks of \/28, and the network has no block_size/);
});

Deno.test("a DEL searches the blocks after an ADD that died and a repeated one that failed, with the pool divided between them", async () => {
  let files: TestNode["disk"]["files"] = new Map();
  await using node = await testNode({
    open: (driver) => {
      const commit: StorageDriver["commit"] = async (...args) => {
        files = new Map(node.disk.files);
        return await driver.commit(...args);
      };
      return { ...wrap(borrow(driver), (_, work, signal) => work(signal)), commit };
    },
  });
  const { block_size: _, ...whole } = IPAM;
  const conf = { ...CONF, ipam: whole };
  assert.equal((await node.call("ADD", conf)).exitCode, 0);
  node.disk.files.clear(); // as the call that died after its commit left them
  for (const [path, text] of files) node.disk.files.set(path, text);
  const [pool] = await node.driver.list(never());
  assert(pool);
  await divide(directIpam(node.driver, node.disk, SILENT), pool.key, 28, { dryRun: false, signal: never() });
  assert.equal(JSON.parse((await node.call("ADD", conf)).stdout).code, 7);
  assert.deepEqual(await node.call("DEL", conf), DONE);
  assert.deepEqual(await contents(node.driver), {});
});
