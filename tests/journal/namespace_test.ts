import assert from "node:assert/strict";
import { namespaceExists } from "../../src/journal/namespace.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { memoryWorld } from "../support/world.ts";

const RECORD: JournalRecord = { network: "n", containerId: "c", ifName: "net1", conf: "{}", entries: [] };

Deno.test("namespaceExists checks the mounted name below /run or /var/run, and trusts no path of a process", async () => {
  const world = memoryWorld({ files: { "/run/netns/a": "", "/proc/7/ns/net": "" } });
  const exists = (netns?: string) => namespaceExists(world, { ...RECORD, ...(netns !== undefined && { netns }) });
  for (const netns of ["/run/netns/a", "/var/run/netns/a"]) assert.equal(await exists(netns), true, netns);
  for (const netns of [undefined, "", "/run/netns/b", "/var/run/netns/b", "/proc/7/ns/net"]) {
    assert.equal(await exists(netns), false, netns);
  }
});
