import assert from "node:assert/strict";
import { nodeName } from "../../src/config/node.ts";
import { ConfigError } from "../../src/config/types.ts";
import { memoryWorld, type MemoryWorldOptions } from "../support/world.ts";

const FLAT = "/etc/cni/net.d/whereabouts.d";

const CASES: readonly (readonly [string, MemoryWorldOptions, string | undefined, string])[] = [
  [
    "the environment variable",
    { env: { NODENAME: " node1\n" }, files: { [`${FLAT}/nodename`]: "x", "/etc/hostname": "y" } },
    undefined,
    "node1",
  ],
  [
    "the file beside the flat file",
    { files: { [`${FLAT}/nodename`]: "node2\n", "/etc/hostname": "y" } },
    undefined,
    "node2",
  ],
  [
    "the file in a configured folder",
    { files: { "/opt/w/nodename": "node3", [`${FLAT}/nodename`]: "x" } },
    "/opt/w",
    "node3",
  ],
  [
    "the file beside a configured file",
    { files: { "/opt/w/my.conf": "{}", "/opt/w/nodename": "node4" } },
    "/opt/w/my.conf",
    "node4",
  ],
  ["the host's name", { files: { [`${FLAT}/nodename`]: "", "/etc/hostname": "host\n" } }, undefined, "host"],
];

for (const [title, options, configurationPath, expected] of CASES) {
  Deno.test(`nodeName reads ${title}`, async () => {
    const config = configurationPath === undefined ? {} : { configurationPath };
    assert.equal(await nodeName(memoryWorld(options), config), expected);
  });
}

Deno.test("nodeName fails with the places that it searched if no place has the name", async () => {
  await assert.rejects(
    nodeName(memoryWorld(), {}),
    (error) => error instanceof ConfigError && /NODENAME.*nodename.*\/etc\/hostname/.test(error.message),
  );
});
