import assert from "node:assert/strict";
import fc from "fast-check";
import { span } from "../../src/address/cidr.ts";
import { networksOf } from "../../src/config/conflist.ts";
import { loadConfig, type LoadInput } from "../../src/config/load.ts";
import { IPAM_FIELDS } from "../../src/config/schema.ts";
import { ConfigError, type Loaded } from "../../src/config/types.ts";
import { memoryWorld } from "../support/world.ts";
import { FLAT_FILE } from "./support.ts";

/** Loads. Undefined if it throws a ConfigError with a sentence of bounded length; any other error fails the test. */
async function loadOrRefuse(input: LoadInput, flat?: string): Promise<Loaded | undefined> {
  const world = memoryWorld(flat === undefined ? {} : { files: { [FLAT_FILE]: flat } });
  try {
    return await loadConfig(world, input);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `found ${error}`);
    assert.match(error.message, /^[A-Z]/);
    assert.ok(error.message.length < 1_000, error.message.slice(0, 1_000));
    return undefined;
  }
}

/** Texts that resemble valid ones: random sequences of pieces of addresses and ranges. */
const TEXTS = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4Extended(),
  fc.array(
    fc.constantFrom(
      "10.0.0.",
      "1",
      "255",
      "256",
      "/24",
      "/32",
      "/33",
      "/0",
      "-",
      ":",
      "::",
      "fd00",
      "0",
      ",",
      " ",
      "https://",
      "[",
      "]",
    ),
    { maxLength: 7 },
  ).map((pieces) => pieces.join("")),
  fc.constantFrom("whereabouts", "etcd", "embedded", "kubernetes", "10.0.0.0/24", "fd00::/64", "10.0.0.1-10.0.0.9/24"),
);

const VALUES = fc.oneof(
  { weight: 6, arbitrary: TEXTS },
  { weight: 3, arbitrary: fc.array(TEXTS, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.integer() },
);

/** An ipam object of our type with arbitrary fields. */
const IPAMS = fc.dictionary(fc.constantFrom(...Object.keys(IPAM_FIELDS), "__proto__", "Range", "x"), VALUES, {
  maxKeys: 6,
})
  .map((fields) => ({ ...fields, type: "whereabouts" }));

Deno.test("loadConfig accepts arbitrary JSON or refuses it with a ConfigError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.json(), async (conf, flat) => {
      await loadOrRefuse({ conf }, flat);
      await loadOrRefuse({ conf: { ipam: { type: "whereabouts", gateway: "10.0.0.1" } } }, flat);
      assert.ok(Array.isArray(networksOf(conf)));
    }),
    { numRuns: 500 },
  );
});

Deno.test("loadConfig accepts any text in the flat file or refuses it with a ConfigError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (flat) => {
      await loadOrRefuse({ conf: { ipam: { type: "whereabouts" } } }, flat);
    }),
    { numRuns: 300 },
  );
});

Deno.test("loadConfig of arbitrary fields returns ranges with bounds in their networks, or refuses", async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(IPAMS, IPAMS, TEXTS, async (ipam, flat, text) => {
      const conf = { name: "n", ipam, runtimeConfig: { ips: [text] } };
      const loaded = await loadOrRefuse({ conf, ip: text, gateway: text }, JSON.stringify(flat)) ??
        await loadOrRefuse({ conf: { name: "n", ipam } }, JSON.stringify(flat)) ??
        await loadOrRefuse({ conf: { name: "n", ipam } }) ??
        await loadOrRefuse({ conf: { name: "n", ipam }, purpose: "release" });
      if (!loaded) return;
      accepted++;
      for (const { cidr, first, last, excludes } of loaded.config.ranges) {
        const whole = span(cidr);
        assert.ok(whole.first <= first && first <= last && last <= whole.last);
        for (const [i, hole] of excludes.entries()) {
          const before = excludes[i - 1];
          assert.ok(hole.first <= hole.last && (!before || before.last + 1n < hole.first));
        }
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(accepted > 100, `only ${accepted} of 2000 were accepted: the test checks too little`);
});

Deno.test("loadConfig ignores keys of built-in objects", async () => {
  const conf = JSON.parse(`{"name": "n", "__proto__": {"ipam": {"type": "whereabouts"}},
    "ipam": {"type": "whereabouts", "datastore": "embedded", "__proto__": {"range": "10.0.0.0/24"},
      "kubernetes": {"__proto__": {"kubeconfig": "/k"}}}}`);
  const flat = '{"__proto__": {"gateway": "10.0.0.1"}, "kubernetes": {"__proto__": {"kubeconfig": "/k"}}}';
  const loaded = await loadOrRefuse({ conf, purpose: "store" }, flat);
  assert.deepEqual(loaded?.config.ranges, []);
  assert.equal(loaded?.config.gateway, undefined);
  assert.equal(({} as Record<string, unknown>).gateway, undefined);
  assert.equal(await loadOrRefuse({ conf: JSON.parse('{"__proto__": {"ipam": {"type": "whereabouts"}}}') }), undefined);
});

Deno.test("loadConfig refuses documents that are nested a hundred thousand levels deep", async () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const deepObject = '{"kubernetes":'.repeat(100_000) + "1" + "}".repeat(100_000);
  const value = JSON.parse(deep);
  for (const key of [...Object.keys(IPAM_FIELDS), "unknown"]) {
    await loadOrRefuse({ conf: { ipam: { type: "whereabouts", [key]: value } } });
    await loadOrRefuse({ conf: { ipam: { type: "whereabouts", [key]: [value] } } });
  }
  const nested = JSON.parse(deepObject);
  await loadOrRefuse({ conf: { ipam: { ...nested, type: "whereabouts" } } }, deepObject);
  assert.equal(await loadOrRefuse({ conf: value }), undefined);
  assert.equal(await loadOrRefuse({ conf: { ipam: { type: "whereabouts" } } }, deep), undefined);
});

Deno.test("loadConfig does bounded work on documents with a hundred thousand mistakes", async () => {
  const unknown = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`rnage${i}`, 1]));
  const conf = { ipam: { ...unknown, type: "whereabouts", datastore: "embedded" } };
  const loaded = await loadOrRefuse({ conf, purpose: "store" });
  assert.equal(loaded?.warnings.length, 11);
  assert.equal(await loadOrRefuse({ conf }), undefined);
  const exclude = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/25`);
  const excluded = await loadOrRefuse({ conf: { ipam: { type: "whereabouts", range: "10.0.0.0/8", exclude } } });
  assert.equal(excluded?.config.ranges[0]?.excludes.length, 10_000);
  const elsewhere = await loadOrRefuse({ conf: { ipam: { type: "whereabouts", range: "fd00::/8", exclude } } });
  assert.equal(elsewhere?.warnings.length, 100);
  const ipRanges = Array(10_000).fill({ range: "10.0.0.0/24" });
  assert.equal(await loadOrRefuse({ conf: { ipam: { type: "whereabouts", ipRanges } } }), undefined);
  const ip = Array.from({ length: 200_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1/24`).join(",");
  assert.equal(await loadOrRefuse({ conf: { ipam: { type: "whereabouts" } }, ip }), undefined);
  assert.equal(await loadOrRefuse({ conf: { ipam: { type: "whereabouts" } }, gateway: ip }), undefined);
});
