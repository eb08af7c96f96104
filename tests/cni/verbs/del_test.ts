import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import { faulty } from "../../support/faulty.ts";
import { testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const DONE = { stdout: "", exitCode: 0 };

Deno.test("del ends although its record cannot be removed or written: the disk is read-only", async () => {
  let readOnly = false;
  const fail = () => Promise.reject(new Error("Read-only file system (os error 30)"));
  await using node = await testNode({
    world: (disk) => readOnly ? { ...disk, writeFile: fail, remove: fail, appendTextFile: fail } : disk,
  });
  assert.equal((await node.call("ADD", CONF)).exitCode, 0);
  readOnly = true;
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(await contents(node.driver), {});
  assert.deepEqual(await node.call("DEL", CONF), DONE, "a record that stayed is no failure of the next DEL");
});

Deno.test("del asks to try again where neither the store nor the journal takes the release", async () => {
  let away = false;
  const fail = () => Promise.reject(new Error("Read-only file system (os error 30)"));
  await using node = await testNode({
    open: (driver) => faulty(driver, () => away ? { done: false, then: "unavailable" } : undefined),
    world: (disk) => away ? { ...disk, writeFile: fail } : disk,
    host: { delivers: true },
  });
  await node.call("ADD", CONF);
  away = true;
  const { stdout, exitCode } = await node.call("DEL", CONF);
  assert.deepEqual([exitCode, JSON.parse(stdout).code], [1, 11]);
});

Deno.test("del takes the reservation that ADD made although reservations are switched off since", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const off = { ...CONF, ipam: { ...IPAM, enable_overlapping_ranges: false } };
  assert.deepEqual(await node.call("DEL", off), DONE);
  assert.deepEqual(await contents(node.driver), {});
});

Deno.test("del releases what ADD recorded, wherever the configuration leads now", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const elsewhere = {
    ...CONF,
    ipam: { ...IPAM, range: "10.9.0.0/24", database: "/elsewhere.db", network_name: "other" },
  };
  assert.deepEqual(await node.call("DEL", elsewhere), DONE);
  assert.deepEqual(await contents(node.driver), {});
  const records = [...node.disk.files.keys()].filter((path) => !path.includes("/node-local/"));
  assert.deepEqual(records, []);
});

Deno.test("del promises no release that needs a password of the network's own, and keeps none", async () => {
  let away = false;
  await using node = await testNode({
    open: (driver) => faulty(driver, () => away ? { done: false, then: "unavailable" } : undefined),
    host: { delivers: true },
  });
  const ipam = { type: "whereabouts", etcd_host: "https://etcd:2379", etcd_username: "root", etcd_password: "hunter2" };
  const conf = { ...CONF, ipam: { ...ipam, range: "10.0.0.0/24", log_level: "panic" } };
  assert.equal((await node.call("ADD", conf)).exitCode, 0);
  away = true;
  assert.equal(JSON.parse((await node.call("DEL", conf)).stdout).code, 11);
  assert.equal(JSON.parse((await node.call("ADD", conf, { containerId: "c1" })).stdout).code, 11);
  for (const [path, text] of node.disk.files) {
    assert(!String(text).includes("hunter2"), path);
    assert(!path.includes("/releasing/"), path);
  }
  away = false;
  for (const containerId of ["c0", "c1"]) assert.deepEqual(await node.call("DEL", conf, { containerId }), DONE);
  assert.deepEqual(await contents(node.driver), {});
});
