import assert from "node:assert/strict";
import { contents } from "../../ipam/lab.ts";
import { faulty } from "../../support/faulty.ts";
import { testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const DONE = { stdout: "", exitCode: 0 };

Deno.test("del succeeds although the disk is read-only, so that its record can be neither written nor removed", async () => {
  let readOnly = false;
  const fail = () => Promise.reject(new Error("Read-only file system (os error 30)"));
  await using node = await testNode({
    world: (disk) => readOnly ? { ...disk, writeFile: fail, remove: fail, appendTextFile: fail } : disk,
  });
  assert.equal((await node.call("ADD", CONF)).exitCode, 0);
  readOnly = true;
  assert.deepEqual(await node.call("DEL", CONF), DONE);
  assert.deepEqual(await contents(node.driver), {});
  assert.deepEqual(await node.call("DEL", CONF), DONE, "the record that remains does not fail the next DEL");
});

Deno.test("del fails with code 11 if neither the store nor the journal accepts the release", async () => {
  let isAway = false;
  const fail = () => Promise.reject(new Error("Read-only file system (os error 30)"));
  await using node = await testNode({
    open: (driver) => faulty(driver, () => isAway ? { done: false, then: "unavailable" } : undefined),
    world: (disk) => isAway ? { ...disk, writeFile: fail } : disk,
    host: { retriesPending: true },
  });
  await node.call("ADD", CONF);
  isAway = true;
  const { stdout, exitCode } = await node.call("DEL", CONF);
  assert.deepEqual([exitCode, JSON.parse(stdout).code], [1, 11]);
});

Deno.test("del releases the reservation of ADD even if reservations have been disabled since", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const off = { ...CONF, ipam: { ...IPAM, enable_overlapping_ranges: false } };
  assert.deepEqual(await node.call("DEL", off), DONE);
  assert.deepEqual(await contents(node.driver), {});
});

Deno.test("del releases what ADD recorded, even if the configuration has changed", async () => {
  await using node = await testNode();
  await node.call("ADD", CONF);
  const elsewhere = {
    ...CONF,
    ipam: { ...IPAM, range: "10.9.0.0/24", database: "/elsewhere.db", network_name: "other" },
  };
  assert.deepEqual(await node.call("DEL", elsewhere), DONE);
  assert.deepEqual(await contents(node.driver), {});
  const records = [...node.disk.files.keys()].filter((path) => !/\/node-local\/|\/history\.jsonl$/.test(path));
  assert.deepEqual(records, []);
});

Deno.test("del keeps no release pending that needs a password of the network, and never records the password", async () => {
  let isAway = false;
  await using node = await testNode({
    open: (driver) => faulty(driver, () => isAway ? { done: false, then: "unavailable" } : undefined),
    host: { retriesPending: true },
  });
  const ipam = { type: "whereabouts", etcd_host: "https://etcd:2379", etcd_username: "root", etcd_password: "hunter2" };
  const conf = { ...CONF, ipam: { ...ipam, range: "10.0.0.0/24", log_level: "panic" } };
  assert.equal((await node.call("ADD", conf)).exitCode, 0);
  isAway = true;
  assert.equal(JSON.parse((await node.call("DEL", conf)).stdout).code, 11);
  assert.equal(JSON.parse((await node.call("ADD", conf, { containerId: "c1" })).stdout).code, 11);
  for (const [path, text] of node.disk.files) {
    assert(!String(text).includes("hunter2"), path);
    assert(!path.includes("/releasing/"), path);
  }
  isAway = false;
  for (const containerId of ["c0", "c1"]) assert.deepEqual(await node.call("DEL", conf, { containerId }), DONE);
  assert.deepEqual(await contents(node.driver), {});
});
